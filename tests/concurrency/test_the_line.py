"""The line while seats come free: no seat stays free beside somebody eligible who waits, and nobody slips past them."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from booking.desk.planning.seating import give_out, keep_back, resize
from booking.payments.models import Purpose
from booking.reservations import admission, cancelling, moving, offers, releasing, reserving, waiting
from booking.reservations.models import OWING, Reservation, WaitlistEntry
from tests import factories
from tests.concurrency.racing import LATER, full, heard, in_line, offers_in, people, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from workshops.cohorts.models import Cohort, Seat
from workshops.cohorts.planning import Refused
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User

pytestmark = pytest.mark.usefixtures("fresh_database")


def releases(cohort: Cohort, had: list[Reservation], registrar: User) -> dict[str, Callable[[], object]]:
    """Every way in which a seat of a full cohort comes free."""
    [one, *_] = had
    return {
        "cancel": partial(cancelling.cancel, one, now=LATER, by=one.trainee),
        "expire": partial(releasing.expire, one, now=LATER),
        "add": partial(resize, cohort, 3, by=registrar, now=LATER),
        "give-out": partial(give_out, cohort, 2, by=registrar, now=LATER, why="The guest is not coming."),
        "move": partial(moving.move, one, factories.cohort(capacity=1), now=LATER, by=one.trainee),
        "decline": lambda: [offers.decline(each, now=LATER, by=each.trainee) for each in offers_in(cohort)],
    }


@pytest.mark.parametrize("how", ["cancel", "expire", "add", "give-out", "move", "decline"])
def test_joining_the_line_races_a_release_and_the_seat_is_offered_or_open(how: str) -> None:
    """Whoever joins in time is offered the seat; whoever came a moment later is told that one is there."""
    registrar = factories.person(Role.REGISTRAR)
    for _ in range(2):
        cohort = factories.cohort(capacity=2)
        keep_back(cohort, 2, by=registrar, now=NOW, why="For a guest.")
        had = seated(cohort, 1, paid=None if how == "expire" else Purpose.DEPOSIT)
        joiners = people(3)
        if how == "decline":
            in_line(cohort, *people(1))
            cancelling.cancel(had[0], now=NOW, by=had[0].trainee)
        answers = at_once(
            releases(cohort, had, registrar)[how],
            *(partial(waiting.join, cohort, each, now=LATER) for each in joiners),
        )
        told = heard(answers, waiting.SeatsAvailable)
        assert_all_hold(LATER)
        made, free = len(offers_in(cohort)), Seat.objects.filter(cohort=cohort, status="free").count()
        assert made + free == 1
        assert told.get("SeatsAvailable", 0) in ((0, 1, 2) if made else (3,))


def test_thirty_who_join_at_once_have_thirty_places() -> None:
    """Each has a place of their own, was told it, and keeps it: nobody's request overtakes one that was answered."""
    cohort, joiners = factories.cohort(capacity=1), people(30)
    full(cohort)
    # Each request has its own moment, as at the server, and they are answered in whatever order.
    moments = [NOW + timedelta(milliseconds=step) for step in range(30, 0, -1)]
    answers = at_once(
        *(partial(waiting.join, cohort, each, now=at) for each, at in zip(joiners, moments, strict=True)),
        partial(waiting.join, cohort, joiners[0], now=NOW),
    )
    heard(answers)
    assert_all_hold(LATER)
    in_turn = list(WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn())
    assert {each.trainee_id for each in in_turn} == {each.pk for each in joiners}
    assert len(in_turn) == 30
    told = {line.about_id: line.facts["place"] for line in HistoryLine.objects.filter(what="line-joined")}
    assert [told[each.public_id] for each in in_turn] == list(range(1, 31))


def test_the_registrar_places_and_reorders_while_people_join_leave_and_reserve() -> None:
    registrar = factories.person(Role.REGISTRAR)
    for _ in range(2):
        cohort = factories.cohort(capacity=5)
        keep_back(cohort, 5, by=registrar, now=NOW, why="For a guest.")
        had, line, guests, joiners, public = seated(cohort, 4), people(6), people(2), people(4), people(4)
        entries = in_line(cohort, *line)
        order = [each.public_id for each in reversed(entries)]
        answers = at_once(
            *(partial(reserving.place, cohort, each, 5, now=NOW, by=registrar, why="A guest.") for each in guests),
            partial(waiting.reorder, cohort, order, now=NOW, by=registrar, why="By need."),
            partial(waiting.reorder, cohort, order[1:] + order[:1], now=NOW, by=registrar, why="By need."),
            partial(give_out, cohort, 5, by=registrar, now=NOW, why="No guest."),
            partial(keep_back, cohort, 1, by=registrar, now=NOW, why="For a guest."),
            *(partial(waiting.join, cohort, each, now=NOW) for each in joiners),
            *(partial(waiting.leave, each, now=NOW, by=each.trainee) for each in entries[:2]),
            partial(waiting.set_notice, entries[2], 30, now=NOW, by=entries[2].trainee),
            *(partial(reserving.hold, cohort, each, now=NOW) for each in [*public, line[5]]),
            *(partial(cancelling.cancel, each, now=NOW, by=each.trainee) for each in had[:2]),
        )
        heard(
            answers,
            reserving.NotKeptBack,
            waiting.LineChanged,
            waiting.NotWaiting,
            waiting.SeatsAvailable,
            admission.Full,
            Refused,
        )
        assert_all_hold(NOW)
        assert not Reservation.objects.filter(trainee__in=public).exists()


def test_capacity_changes_during_a_rush_with_people_in_line() -> None:
    registrar = factories.person(Role.REGISTRAR)
    for _ in range(2):
        cohort, line, public = factories.cohort(capacity=8), people(4), people(12)
        had = full(cohort)
        in_line(cohort, *line)
        answers = at_once(
            *(partial(resize, cohort, size, by=registrar, now=LATER) for size in (4, 10, 6)),
            *(partial(releasing.expire, each, now=LATER) for each in had[:4]),
            *(partial(reserving.hold, cohort, each, now=LATER) for each in public),
            *(partial(reserving.hold, cohort, each.trainee, now=LATER) for each in had[4:]),
        )
        heard(answers, admission.Full, Refused)
        assert_all_hold(LATER)
        assert Seat.objects.filter(cohort=cohort).count() in (4, 6, 8, 10)
        assert (
            not WaitlistEntry.objects.waiting().filter(cohort=cohort).exists()
            or not Reservation.objects.filter(cohort=cohort, trainee__in=public).exists()
        )


def test_nobody_is_told_full_while_a_seat_of_those_who_left_is_undisputed() -> None:
    """Eight seats are given up while twenty ask and nobody waits: every one of them is taken in the end."""
    cohort, public = factories.cohort(capacity=8), people(20)
    had = full(cohort)
    asked = at_once(
        *(partial(cancelling.cancel, each, now=NOW, by=each.trainee) for each in had),
        *(partial(reserving.hold, cohort, each, now=NOW) for each in public),
    )
    heard(asked, admission.Full)
    refused = [person for person, answer in zip(public, asked[8:], strict=True) if isinstance(answer, admission.Full)]
    heard(at_once(*(partial(reserving.hold, cohort, each, now=NOW) for each in refused)), admission.Full)
    assert Reservation.objects.filter(cohort=cohort, trainee__in=public, state__in=OWING).count() == 8
    assert_all_hold(NOW)
