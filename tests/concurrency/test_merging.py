"""Two accounts become one while both are at work: nothing is lost, nothing is there twice, nobody waits for ever."""

from collections.abc import Callable
from functools import partial

import pytest

from booking.desk.merging import carrying_out, reading, what
from booking.desk.merging.carrying_out import Changed, Decided, MergedAlready, merge
from booking.reservations import admission, cancelling, releasing, reserving, waiting
from booking.reservations.models import LIVE, Reservation, WaitlistEntry
from tests import factories
from tests.concurrency.racing import LATER, cross, full, heard, in_line, people, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from workshops.cohorts import seats
from workshops.cohorts.models import Seat
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.transactions import Busy

pytestmark = pytest.mark.usefixtures("fresh_database")


def merging(survivor: User, other: User) -> Callable[[], object]:
    """A registrar who has just looked at both and presses the button."""
    registrar = factories.person(Role.REGISTRAR)
    one, two = (reading.account_of(User.objects.get(pk=each.pk), NOW) for each in (survivor, other))
    found = what.compare(one, two, registrar.pk)
    assert found.obstacles == ()
    profile = {name: value for name, _, value in found.survivor.profile}
    decided = Decided({}, profile, frozenset())
    return partial(merge, survivor, other, found.shown, decided, by=registrar, now=NOW, why="She told us.")


def test_of_two_registrars_who_merge_the_same_two_one_does() -> None:
    for _ in range(2):
        survivor, other = people(2)
        seated(factories.cohort(), 1)
        reserving.hold(factories.cohort(), other, now=NOW)
        answers = at_once(merging(survivor, other), merging(survivor, other), merging(other, survivor))
        told = heard(answers, Changed, MergedAlready)
        assert told.pop("Comparison") == 1
        assert told in ({"Changed": 2}, {"Changed": 1, "MergedAlready": 1})
        assert_all_hold(NOW)
        assert User.objects.filter(pk__in=(survivor.pk, other.pk), merged_into=None).count() == 1


def test_merging_while_either_account_reserves_joins_and_cancels() -> None:
    """Whoever was faster: in the end nothing belongs to an account that is gone, and nobody has two seats."""
    for _ in range(3):
        survivor, other = people(2)
        cohort, busy = factories.cohort(), factories.cohort(capacity=1)
        full(busy)
        had = reserving.hold(factories.cohort(), other, now=NOW)
        answers = at_once(
            merging(survivor, other),
            partial(reserving.hold, cohort, survivor, now=NOW),
            partial(reserving.hold, cohort, other, now=NOW),
            partial(waiting.join, busy, other, now=NOW),
            partial(waiting.join, busy, survivor, now=NOW),
            partial(cancelling.cancel, had, now=NOW, by=other),
        )
        heard(answers, Changed, Busy, admission.BookingClosed, admission.AlreadyReserved, admission.Full)
        assert_all_hold(NOW)
        gone = User.objects.filter(pk=other.pk, is_active=False)
        assert not Reservation.objects.filter(trainee__in=gone).exists()
        assert not WaitlistEntry.objects.filter(trainee__in=gone).exists()
        assert not Seat.objects.filter(occupant__in=gone).exists()


def test_merging_while_seats_come_free_and_run_out() -> None:
    for _ in range(2):
        survivor, other, *others = people(6)
        one, two = factories.cohort(capacity=2), factories.cohort(capacity=1)
        had, also = full(one), full(two)
        in_line(one, other, *others[:2])
        in_line(two, others[2], survivor, others[3])
        answers = at_once(
            merging(survivor, other),
            *(partial(cancelling.cancel, each, now=NOW, by=each.trainee) for each in had),
            partial(releasing.expire, also[0], now=LATER),
            partial(releasing.offer_on, two, now=NOW),
        )
        heard(answers, Changed, Busy)
        assert_all_hold(NOW)


@pytest.mark.parametrize("guarded", [True, False])
def test_a_seat_that_the_other_account_is_taking_is_never_left_with_it(
    monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """It has been found eligible, and takes the seat once the account is gone: without the look, it would get it."""
    survivor, other = people(2)
    cohort = factories.cohort()
    if not guarded:
        monkeypatch.setattr(seats, "_WHO", "SELECT id FROM workshops_user WHERE id = %s")
        monkeypatch.setattr(seats, "open_account", lambda user_id: User.objects.filter(pk=user_id))
    taken, _ = cross(
        monkeypatch,
        partial(reserving.hold, cohort, other, now=NOW),
        merging(survivor, other),
        after=(reserving, "admit"),
        patience=10,
    )
    assert isinstance(taken, admission.Full) is guarded
    assert Reservation.objects.filter(trainee=other, state__in=LIVE).exists() is not guarded


@pytest.mark.postgres
def test_merging_waits_for_whoever_is_taking_a_seat_and_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    survivor, other = people(2)
    press = merging(survivor, other)
    taken, answer = cross(
        monkeypatch,
        partial(reserving.hold, factories.cohort(), other, now=NOW),
        press,
        after=(seats, "claim"),
        patience=0.3,
    )
    assert isinstance(taken, Reservation)
    assert isinstance(answer, Changed)
    assert_all_hold(NOW)


def test_a_request_that_still_speaks_of_the_old_account_is_asked_to_come_again() -> None:
    """A reservation that was read before its account was merged: the school's terms must not be had by it."""
    survivor, other = people(2)
    [had] = [reserving.hold(factories.cohort(), other, now=NOW)]
    merging(survivor, other)()
    with pytest.raises(Busy):
        cancelling.cancel(had, now=NOW, by=other)
    assert Reservation.objects.get(pk=had.pk).trainee == survivor
    assert_all_hold(NOW)


def test_all_or_nothing_when_merging_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    survivor, other = people(2)
    reserving.hold(factories.cohort(), other, now=NOW)
    before = HistoryLine.objects.count()

    def break_off(*_given: object, **_named: object) -> None:
        raise RuntimeError

    press = merging(survivor, other)
    monkeypatch.setattr(carrying_out, "_close", break_off)
    with pytest.raises(RuntimeError):
        press()
    assert HistoryLine.objects.count() == before
    assert Reservation.objects.get().trainee == other
    assert Seat.objects.get(occupant__isnull=False).occupant == other
    assert survivor.completions.count() == other.completions.count()
