"""Other people's ids at every address that takes one, as everybody: what is there answers like what is not.

Every pattern of the product is walked. One whose id has no stem below fails: say what the id names, and it is tried
from then on.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from django.urls import get_resolver
from django.utils.timezone import now as current_time

from booking.payments import paying
from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.models import Purpose
from booking.payments.papers.models import Paper
from booking.payments.payouts.models import Payout, PayoutStatus
from booking.reservations import reserving, waiting
from tests import factories
from tests.prerequisites.paper import drafted, sent
from tests.site.test_access import FOREIGN, patterns
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.conversations.writing import write
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.messages.models import Message
from workshops.people.models import ApiToken, Role, Scope, User
from workshops.prerequisites.models import WaiverKind
from workshops.prerequisites.records.models import OnSetRecord, ProofFile, RecordState
from workshops.prerequisites.waiving import waive

pytestmark = pytest.mark.django_db

STEMS = {
    "cohorts/<slug:code>": "cohort",
    "line/<slug:public_id>": "entry",
    "reservations/<slug:public_id>": "reservation",
    "reservations/<slug:public_id>/move/<slug:code>": "own cohort",
    "papers/<slug:public_id>": "paper",
    "payments/<slug:public_id>": "payment",
    "profile/tokens/<int:number>": "token",
    "teaching/<slug:code>": "taught cohort",
    "experience/<slug:public_id>": "record",
    "experience/files/<slug:public_id>": "file",
    "experience/files/<slug:public_id>/page/<int:number>": "number",
    "mentoring/<slug:public_id>": "mentorship",
    "mentoring/meetings/<slug:public_id>": "meeting",
    "conduct/<int:version>": "public",
    "problems/<slug:slug>": "public",
    "calendar/cohorts/<slug:code>": "cohort",
    "calendar/<slug:kind>": "public",
    "calendar/<slug:kind>/<str:secret>": "public",
    "calendars/yours/<slug:kind>": "public",
    "calendars/new-dates/confirm/<str:token>": "public",
    "calendars/new-dates/stop/<str:token>": "public",
    "reminders/stop/<str:token>": "public",
    "desk/cohorts/<slug:code>": "cohort",
    "desk/venues/<int:number>": "number",
    "desk/people/<slug:public_id>": "person",
    "desk/people/<slug:public_id>/days/<int:record_id>": "record number",
    "desk/people/<slug:public_id>/waiver/<int:waiver_id>": "waiver",
    "desk/reservations/<slug:public_id>": "reservation",
    "desk/reservations/<slug:public_id>/refunds/<slug:refund_id>": "refund",
    "desk/reservations/<slug:public_id>/payments/<slug:payment_id>": "payment",
    "desk/money/events/<int:number>": "event",
    "desk/money/payouts/<slug:payout_id>": "payout",
    "desk/records/<slug:public_id>": "record",
    "desk/discounts/<slug:public_id>": "discount",
    "desk/conversations/<slug:public_id>": "post",
    "desk/outbox/<int:message_id>": "message",
    "desk/messages/<slug:kind>": "public",
    "desk/reviews/<slug:public_id>": "record",
    "api/v1/cohorts/<cohort_id>": "cohort id",
    "api/v1/cohorts/<cohort_id>/roster": "taught cohort id",
    "api/v1/reservations/<reservation_id>": "reservation",
    "api/v1/waitlist/<entry_id>": "entry",
    "api/v1/me/feeds/<kind>": "public",
}
"""What the id at the end of each beginning of an address names. The longest that fits counts."""
ADDRESSES = [address for address, _ in patterns(get_resolver()) if "<" in address and not address.startswith(FOREIGN)]
A_PARAMETER = re.compile(r"<(?:\w+:)?\w+>")


def kinds_of(address: str) -> list[str]:
    """What each id in an address names. Raises KeyError for one that nobody has said."""
    kinds = []
    for found in A_PARAMETER.finditer(address):
        stem = address[: found.end()]
        whole = [each for each in STEMS if address.startswith(each) and each.startswith(stem)]
        kinds.append(STEMS[max((each for each in whole if each.count("<") == stem.count("<")), key=len, default=stem)])
    return kinds


@pytest.mark.parametrize("address", ADDRESSES)
def test_it_is_said_of_every_id_in_an_address_what_it_names(address: str) -> None:
    assert kinds_of(address)


def test_an_address_that_nobody_has_thought_of_would_be_noticed() -> None:
    with pytest.raises(KeyError):
        kinds_of("desk/secrets/<slug:public_id>/")


# -- a person with everything that has an id ---------------------------------------------------------------------------
@dataclass
class Belongings:
    """The ids of everything that one person has, by kind, and words that stand on their pages."""

    ids: dict[str, str]
    words: list[str] = field(default_factory=list)


def with_a_file(it: OnSetRecord, name: str) -> ProofFile:
    """A file of proof as it is kept."""
    now = current_time()
    stored_as = default_storage.save(f"proof/{it.public_id}", ContentFile(b"%PDF-1.4 nobody else's"))
    return ProofFile.objects.create(
        record=it, name=name, media="pdf", size=22, sha256=name, stored_as=stored_as, begun_at=now, kept_at=now
    )


def belongings(name: str, cohort: Cohort, full: Cohort, registrar: User) -> tuple[User, Belongings]:
    """A trainee of this name with a seat that is paid for, a place in line, records, proof, a token and a post."""
    now = current_time()
    user = factories.trainee(name=name, email=f"{name.lower()}@example.org")
    held = reserving.hold(cohort, user, now=now)
    paid = paying.begin(held, Purpose.DEPOSIT, "sandbox", by=user, now=now).payment
    entry, _ = waiting.join(full, user, now=now)
    it = sent(user, now=now, production=f"The film of {name}")
    begun = drafted(user, now=now, production=f"The draft of {name}")
    told: dict[str, Any] = {"person": user, "author": user, "title": "it", "link": "/", "now": now}
    post = write(("reservation", held.public_id), words=f"A secret of {name}", **told)
    waived: dict[str, Any] = {"kind": WaiverKind.WAIVER, "reason": "For this test.", "by": registrar, "now": now}
    token, _ = ApiToken.issue(user, name="t", scopes=[Scope.READ], now=now)
    mentorship = mentorships.begin(factories.person(Role.MENTOR), user, by=registrar, now=now)
    agreed = Agreed(now + timedelta(days=9), 60, f"The room of {name}")
    meeting = meetings.plan(mentorship, agreed, by=user, now=now)
    event = InboxEvent.objects.create(
        event_id=f"evt_{name}", kind="payment_intent.succeeded", state=EventState.STUCK, trouble="Not known.",
        happened_at=now, received_at=now, due_at=now,
    )  # fmt: skip
    payout = Payout.objects.create(
        processor_id=f"po_{name}", status=PayoutStatus.PAID, amount_cents=50_000, currency="USD",
        arrives_on=now.date(), seen_at=now,
    )  # fmt: skip
    ids = {
        "event": str(event.pk),
        "payout": payout.public_id,
        "reservation": held.public_id,
        "payment": paid.public_id,
        "entry": entry.public_id,
        "paper": Paper.objects.get(payment__reservation=held).public_id,
        "record": it.public_id,
        "file": with_a_file(it, f"sheet of {name}.pdf").public_id,
        "draft record": begun.public_id,
        "draft file": with_a_file(begun, f"draft of {name}.pdf").public_id,
        "record number": str(it.pk),
        "person": user.public_id,
        "token": str(token.pk),
        "waiver": str(waive(user, "module-i", **waived).pk),
        "message": str(Message.objects.filter(to=user).latest("pk").pk),
        "post": post.public_id,
        "refund": "nobody-has-this",
        "discount": factories.discount(person=user, by=registrar, now=now).public_id,
        "mentorship": meeting.mentorship.public_id,
        "meeting": meeting.public_id,
        "number": "1",
        "public": "1",
        "cohort": factories.cohort(now=now, status=CohortStatus.DRAFT).code,
        "taught cohort": cohort.code,
        "taught cohort id": cohort.public_id,
        "own cohort": factories.cohort(now=now).code,
    }
    ids["cohort id"] = Cohort.objects.get(code=ids["cohort"]).public_id
    return user, Belongings(ids, [name, f"film of {name}", f"sheet of {name}", f"room of {name}"])


@pytest.fixture
def vera() -> Belongings:
    """Whose things the others are after."""
    registrar = factories.person(Role.REGISTRAR)
    now, teaches = current_time(), factories.person(Role.INSTRUCTOR)
    cohort, full = factories.cohort(now=now, instructors=(teaches,)), factories.cohort(now=now, capacity=1)
    reserving.hold(full, factories.trainee(), now=now)
    return belongings("Veramunda", cohort, full, registrar)[1]


SEES = {
    Role.REGISTRAR: ("desk/", "teaching/", "cohorts/", "papers/", "api/v1/"),
    Role.BOOKKEEPER: ("desk/reservations/", "desk/discounts/", "desk/money/", "papers/"),
}
"""What people with a role may open whoever's it is; pages and calls for others among it answer by the role alone."""
NEVER_SENT = {"record": "draft record", "file": "draft file"}
"""To a registrar, a draft is as if it were not there."""


def tried_by(role: Role | None) -> Iterator[tuple[str, list[str]]]:
    """The addresses that this role tries, with the kinds of their ids."""
    for address in ADDRESSES:
        kinds = kinds_of(address)
        if kinds == ["public"]:
            continue
        if role == Role.REGISTRAR and kinds[0] in NEVER_SENT:
            yield address, [NEVER_SENT.get(kind, kind) for kind in kinds]
        elif role is None or not address.startswith(SEES.get(role, ())) or kinds[0] in NEVER_SENT:
            yield address, kinds


def filled(address: str, ids: list[str]) -> str:
    """The address with these ids in it."""
    given = iter(ids)
    return "/" + A_PARAMETER.sub(lambda _: next(given), address)


def nobodys(address: str) -> str:
    """An id that nothing has, of the kind that the address takes first."""
    return "987654321" if "<int:" in A_PARAMETER.findall(address)[0] else "n0b0dyhasthis0ne"


OF_THE_DESK = ("all", "some", "ask", "reject", "second", "alone", "undo")
TYPED = {
    **dict.fromkeys(("why", "words", "note", "text", "name", "production"), "Because."),
    "revision": "2",
    "reason": "other",
    "agree": "on",
    "purpose": "deposit",
    "gateway": "sandbox",
    **{f"{prefix}-{name}": "Because." for prefix in OF_THE_DESK for name in ("words", "why", "judgement")},
    "reject-reason": "other",
}
"""Words for every field that a form of these addresses needs."""


Said = tuple[int, str, bytes]
OF_THE_MOMENT = re.compile(rb'(name="(csrfmiddlewaretoken" value|server-time" content)=|"X-CSRFToken": ?)"[^"]*"')


def said(answer: Any, path: str, own_id: str) -> Said:
    """Status, where it leads and what it says, apart from the id that was asked for and what is random anyway."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    body = OF_THE_MOMENT.sub(b"", body).replace(path.encode(), b"PATH")
    if not own_id.isdigit():  # a number stands on every page
        body = body.replace(own_id.encode(), b"ID")
    return answer.status_code, answer.headers.get("Location", "").replace(path, "PATH"), body


def asked(client: Client, address: str, ids: list[str]) -> dict[str, Said]:
    """What is answered at one address with these ids, to each way of asking."""
    path = filled(address, ids)
    if address.startswith("api/"):
        body = json.dumps({"cohort": "x", "purpose": "deposit", "gateway": "sandbox", "reason": "x", "code": "x"})
        return {
            method: said(client.generic(method, path, body, content_type="application/json"), path, ids[0])
            for method in ("GET", "POST", "PUT", "DELETE")
        }
    with_file = {"file": SimpleUploadedFile("sheet.pdf", b"%PDF-1.4")} if address.endswith("files/") else {}
    answers = {
        "get": said(client.get(path), path, ids[0]),
        "post": said(client.post(path, {**TYPED, **with_file}), path, ids[0]),
    }
    if answers["get"][0] in {404, 405}:  # the door let them through to the view
        answers["head"] = said(client.head(path), path, ids[0])
        answers["htmx"] = said(client.get(path, headers={"HX-Request": "true"}), path, ids[0])
    return answers


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of our tables."""
    tables: list[type[models.Model]] = [*apps.get_app_config("workshops").get_models()]
    tables += apps.get_app_config("booking").get_models()
    return {
        model.__name__: sorted(model._default_manager.values_list(), key=repr)
        for model in tables
        if model is not ApiToken  # when it was last used is written down
    }


def browser_and_program(role: Role | None) -> tuple[Client, Client]:
    """Both of somebody with this role: a trainee who has as much as Vera, or somebody with nothing."""
    if role is None:
        return Client(), Client()
    if role == Role.TRAINEE:
        cohort, full = Cohort.objects.filter(status=CohortStatus.PUBLISHED).order_by("pk")[:2]
        person, _ = belongings("Tomasz", cohort, full, factories.person(Role.REGISTRAR))
    else:
        person = factories.person(role)
        if role == Role.INSTRUCTOR:
            factories.cohort(instructors=(person,))
    browser = Client()
    browser.force_login(person)
    key = factories.token(person, *Scope)
    return browser, Client(headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: str(role or "nobody"))
def test_what_is_somebody_elses_answers_everywhere_like_what_is_not_there(role: Role | None, vera: Belongings) -> None:
    browser, program = browser_and_program(role)
    before = everything()
    tried = 0
    for address, kinds in tried_by(role):
        client = program if address.startswith("api/") else browser
        ids = [vera.ids[kind] for kind in kinds]
        other = [nobodys(address), *ids[1:]]
        theirs, nothing = asked(client, address, ids), asked(client, address, other)
        for how, (status, where, body) in theirs.items():
            told = f"{how} {filled(address, ids)}"
            assert status in {302, 401, 403, 404, 405}, (told, status)
            assert status != 302 or where.startswith("/accounts/login/"), (told, where)
            assert (status, where) == nothing[how][:2], told
            assert body.splitlines() == nothing[how][2].splitlines(), told
            assert not [word for word in vera.words if word.encode() in body], told
            tried += 1
    assert tried > 100 or role == Role.REGISTRAR
    assert everything() == before


def test_the_walk_would_notice_a_page_that_shows_somebody_elses_record(
    vera: Belongings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: one view forgets whose record it is."""
    from workshops.prerequisites.files import views

    monkeypatch.setattr(views, "may_open", lambda _: ProofFile.objects.filter(kept_at__isnull=False))
    with pytest.raises(AssertionError, match="experience/files"):
        test_what_is_somebody_elses_answers_everywhere_like_what_is_not_there(Role.TRAINEE, vera)


# -- registrars about themselves ---------------------------------------------------------------------------------------
def test_a_registrar_who_is_a_trainee_decides_nothing_about_their_own_record() -> None:
    registrar = factories.person(Role.REGISTRAR, Role.TRAINEE)
    it = sent(registrar, now=current_time())
    client = Client()
    client.force_login(registrar)
    of_reviews = [address for address in ADDRESSES if address.startswith("desk/reviews/<slug:public_id>/")]
    assert len(of_reviews) > 5
    for address in of_reviews:
        days = [day.isoformat() for day in it.days.values_list("day", flat=True)]
        path = filled(address, [it.public_id])
        answer = client.post(path, {**TYPED, "revision": it.revision, "some-days": days})
        assert answer.status_code in {405, 422}, (address, answer.status_code)
    found = OnSetRecord.objects.get()
    assert (found.state, found.revision, found.second_eyes_by_id) == (RecordState.IN_REVIEW, it.revision, None)
    assert not found.reviews.exists()
