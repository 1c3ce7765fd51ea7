"""Every address of the product, opened and sent a form by those for whom it is, with ids of things that are there.

What pages say is looked at on one database (`one_database`). Here each of them asks its statements on both, so that one
which PostgreSQL does not take is noticed whichever page it is on. Calls of the API run on both as they are.
"""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.timezone import now as current_time

from booking.calendars import subscribers
from booking.reservations import reserving
from tests import factories
from tests.attacks.test_hostile_forms import taken_back
from tests.attacks.test_other_peoples_ids import TYPED, belongings, filled, kinds_of
from tests.site.test_access import OURS
from workshops.people import reminders
from workshops.people.models import Role

pytestmark = pytest.mark.django_db

ADDRESSES = [address for address, _ in OURS]
OF_STAFF = ("desk/", "teaching/")
OF_MENTORS = "mentoring/"
"""The one page about mentoring that is a mentor's alone: the others are those of the trainee as well."""
NOT_THERE = {
    "desk/reservations/<slug:public_id>/refunds/<slug:refund_id>/",  # nobody is owed anything back
    "desk/reservations/<slug:public_id>/refunds/<slug:refund_id>/failed/",
    "calendar/<slug:kind>/<str:secret>.ics",  # its secret is told to its owner alone
    "calendar/",  # every other address there is: none of them is a calendar
}
"""Where what the id names is missing in this world. The rules of these run on both databases by themselves."""
BY_NAME = {
    "problems/<slug:slug>": ["not-found"],
    "calendars/yours/<slug:kind>/": ["trainee"],
    "calendars/yours/<slug:kind>/due-dates/": ["trainee"],
    "calendars/yours/<slug:kind>/end/": ["trainee"],
    "desk/messages/<slug:kind>/": ["line-joined"],
    "desk/messages/<slug:kind>/shipped/": ["line-joined"],
    "calendars/new-dates/confirm/<str:token>/": [subscribers.token_for(subscribers.CONFIRMING, "gone")],
    "calendars/new-dates/stop/<str:token>/": [subscribers.token_for(subscribers.STOPPING, "gone")],
}
VENUE = "desk/venues/<int:number>/"

Readers = dict[str, tuple[Client, list[str]]]
"""For each address who opens it, and the ids in it."""


@pytest.fixture
def readers() -> Readers:
    """A trainee for what is theirs, and somebody with every other role for everything else."""
    now, staff = current_time(), factories.person(*(role for role in Role if role != Role.TRAINEE))
    cohort, full = factories.cohort(now=now, instructors=(staff,)), factories.cohort(now=now, capacity=1)
    reserving.hold(full, factories.trainee(), now=now)
    vera, has = belongings("Vera", cohort, full, factories.person(Role.REGISTRAR))
    ids = has.ids | {"cohort": cohort.code}
    by_name = BY_NAME | {"reminders/stop/<str:token>/": [reminders.token_for(vera)]}
    trainees, desk = Client(), Client()
    trainees.force_login(vera)
    desk.force_login(staff)
    return {
        address: (
            desk if address.startswith(OF_STAFF) or address == OF_MENTORS else trainees,
            [str(cohort.venue.pk)]
            if address == VENUE
            else by_name.get(address) or [ids[kind] for kind in kinds_of(address)],
        )
        for address in ADDRESSES
    }


def read_out(answer: Any) -> int:
    """The status of an answer, once it was read to its end."""
    answer.getvalue()
    return int(answer.status_code)


def test_every_address_is_opened_and_takes_a_form_from_those_for_whom_it_is(readers: Readers) -> None:
    found: dict[str, tuple[int, int]] = {}
    for address, (client, ids) in readers.items():
        path = filled(address, ids)
        files = {"file": SimpleUploadedFile("sheet.pdf", b"%PDF-1.4")} if address.endswith("files/") else {}
        with taken_back():
            opened = read_out(client.get(path))
        with taken_back():
            found[address] = (opened, read_out(client.post(path, {**TYPED, **files})))
    assert {address: each for address, each in found.items() if max(each) >= 500} == {}
    shut = {address: each for address, each in found.items() if {*each} <= {403, 404, 405}}
    assert set(shut) <= NOT_THERE, shut
