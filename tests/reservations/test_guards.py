"""Guards that stand behind others: each is taken by itself here, so that none is missed by the next who changes it."""

from datetime import datetime, timedelta

import pytest

from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import admission, cancelling, lapses, lifecycle, moving, offers, reserving, waiting
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.invariants import assert_all_hold
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOW + 2 * HOUR


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR)


def cohort_in(days: int, **fields: object) -> Cohort:
    return factories.cohort(starts_on=school_day(NOW) + timedelta(days=days), **fields)  # type: ignore[arg-type]


def paid_seat(cohort: Cohort, trainee: User | None = None, *, at: datetime = NOW) -> Reservation:
    made = reserving.hold(cohort, trainee or factories.trainee(), now=at)
    paying.begin(made, Purpose.FULL, "sandbox", by=made.trainee, now=at)
    return Reservation.objects.select_related("cohort__venue", "cohort__module", "trainee").get(pk=made.pk)


def entry_of(cohort: Cohort, person: User) -> WaitlistEntry:
    return waiting.join(cohort, person, now=NOW)[0]


def late_money(held: Reservation, registrar: User, *, at: datetime = LATER) -> bool:
    """Whether a deposit that comes now still buys the seat."""
    settled = paying.record_transfer(held, Purpose.DEPOSIT, reference=f"T{held.pk}", by=registrar, now=at)
    return settled.seat_is_theirs


# -- late money --------------------------------------------------------------------------------------------------------
def test_late_money_of_someone_who_waits_ends_their_waiting(registrar: User) -> None:
    cohort, anna = cohort_in(120, capacity=1), factories.trainee()
    held = reserving.hold(cohort, anna, now=NOW)
    passer_by = reserving.hold(cohort, factories.trainee(), now=LATER)
    entry = waiting.join(cohort, anna, now=LATER, notice_days=200)[0]
    cancelling.cancel(passer_by, now=LATER, by=passer_by.trainee)
    assert late_money(held, registrar)
    entry.refresh_from_db()
    assert entry.state == EntryState.SEATED
    assert_all_hold(LATER)


def test_late_money_passes_over_a_hold_elsewhere_that_ran_out_unnoticed(registrar: User) -> None:
    anna = factories.trainee()
    first = reserving.hold(cohort_in(120), anna, now=NOW)
    elsewhere = reserving.hold(cohort_in(200), anna, now=LATER)
    assert late_money(first, registrar, at=LATER + 2 * HOUR)
    elsewhere.refresh_from_db()
    assert elsewhere.state == State.EXPIRED
    assert_all_hold(LATER + 2 * HOUR)


def test_late_money_on_the_first_day_goes_back(registrar: User) -> None:
    held = reserving.hold(cohort_in(120), factories.trainee(), now=NOW)
    on = held.cohort.starts_on
    assert not late_money(held, registrar, at=datetime(on.year, on.month, on.day, 0, 1, tzinfo=LOS_ANGELES))


@pytest.mark.parametrize("here", [True, False])
def test_late_money_never_buys_a_second_seat(here: bool, registrar: User) -> None:
    cohort, anna = cohort_in(120), factories.trainee()
    first = reserving.hold(cohort, anna, now=NOW)
    paid_seat(cohort if here else cohort_in(200), anna, at=LATER)
    assert not late_money(first, registrar)
    assert_all_hold(LATER)


# -- what ran out elsewhere goes to the line there ---------------------------------------------------------------------
@pytest.mark.parametrize("road", ["reserve", "place", "accept", "move"])
def test_whoever_gets_a_seat_leaves_what_ran_out_elsewhere_to_the_line(road: str, registrar: User) -> None:
    behind, anna, waits = cohort_in(200, capacity=1), factories.trainee(), factories.trainee()
    had = paid_seat(behind)
    here = cohort_in(120, capacity=1) if road == "accept" else cohort_in(120)
    leaving = paid_seat(cohort_in(80), anna) if road == "move" else None
    mine = entry_of(behind, anna)
    other = waiting.join(behind, waits, now=NOW + HOUR)[0]
    cancelling.cancel(had, now=NOW + HOUR, by=had.trainee)  # an offer to anna, which she lets run out
    at = NOW + 60 * HOUR
    if road == "reserve":
        reserving.hold(here, anna, now=at)
    elif road == "place":
        here.seats.filter(number=1).update(status="blocked")
        reserving.place(here, anna, 1, now=at, by=registrar, why="A reason")
    elif road == "accept":
        gone = paid_seat(here, at=at)
        waiting.join(here, anna, now=at)
        cancelling.cancel(gone, now=at, by=gone.trainee)
        offers.accept(Reservation.objects.get(cohort=here, state=State.OFFERED), now=at, by=anna)
    else:
        assert leaving is not None
        moving.move(leaving, here, now=at, by=anna)
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.state, other.state) == (EntryState.LAPSED, EntryState.OFFERED)
    assert_all_hold(at)


# -- the line ----------------------------------------------------------------------------------------------------------
def test_someone_whose_account_is_closed_is_passed_over() -> None:
    cohort = cohort_in(120, capacity=1)
    had, first, second = paid_seat(cohort), factories.trainee(), factories.trainee()
    entries = [entry_of(cohort, first), entry_of(cohort, second)]
    User.objects.filter(pk=first.pk).update(is_active=False)
    cancelling.cancel(had, now=NOW, by=had.trainee)
    for entry in entries:
        entry.refresh_from_db()
    assert [entry.state for entry in entries] == [EntryState.WAITING, EntryState.OFFERED]


def test_whoever_let_an_offer_run_out_unnoticed_joins_again_at_the_end() -> None:
    cohort = cohort_in(120, capacity=1)
    had, anna, waits = paid_seat(cohort), factories.trainee(), factories.trainee()
    first, behind = entry_of(cohort, anna), entry_of(cohort, waits)
    cancelling.cancel(had, now=NOW, by=had.trainee)
    again, new = waiting.join(cohort, anna, now=NOW + 60 * HOUR)
    for entry in (first, behind):
        entry.refresh_from_db()
    assert (first.state, behind.state, new, again.pk != first.pk) == ("lapsed", "offered", True, True)
    assert_all_hold(NOW + 60 * HOUR)


def test_notice_is_for_those_who_wait() -> None:
    cohort = cohort_in(120, capacity=1)
    had, anna = paid_seat(cohort), factories.trainee()
    entry = entry_of(cohort, anna)
    cancelling.cancel(had, now=NOW, by=had.trainee)
    with pytest.raises(waiting.NotWaiting):
        waiting.set_notice(entry, 10, now=NOW, by=anna)


# -- moving ------------------------------------------------------------------------------------------------------------
def test_a_move_that_read_too_early_asks_again_under_the_lock() -> None:
    old, there = paid_seat(cohort_in(120)), cohort_in(200)
    stale = Reservation.objects.select_related("cohort", "trainee").get(pk=old.pk)
    cancelling.cancel(old, now=NOW, by=old.trainee)
    with pytest.raises(lifecycle.Moved):
        moving.move(stale, there, now=NOW, by=stale.trainee)
    assert not Reservation.objects.filter(cohort=there).exists()


def test_a_lapsed_seat_goes_to_the_line_before_anyone_moves_in() -> None:
    there = cohort_in(200, capacity=1)
    reserving.hold(there, factories.trainee(), now=NOW)
    entry = entry_of(there, factories.trainee())
    old = paid_seat(cohort_in(120))
    with pytest.raises(admission.Full):
        moving.move(old, there, now=LATER, by=old.trainee)
    entry.refresh_from_db()
    assert entry.state == EntryState.OFFERED


def test_nobody_changes_places_with_someone_who_has_left_or_whose_cohort_has_begun(registrar: User) -> None:
    one, other = paid_seat(cohort_in(120)), paid_seat(cohort_in(200))
    begun = one.cohort.starts_on
    at = datetime(begun.year, begun.month, begun.day, 9, tzinfo=LOS_ANGELES)
    with pytest.raises(lifecycle.HasBegun):
        moving.swap(one, other, now=at, by=registrar, why="A reason")
    cancelling.cancel(one, now=NOW, by=one.trainee)
    with pytest.raises(lifecycle.Moved):
        moving.swap(one, other, now=NOW, by=registrar, why="A reason")


def test_nobody_changes_places_on_a_promise(registrar: User) -> None:
    promise = {"provisional_days": 20}
    one, other = (paid_seat(cohort_in(days, terms_changed=promise)) for days in (120, 200))
    one.trainee.completions.filter(module__code="module-iii").delete()
    with pytest.raises(admission.PrerequisitesUnmet):
        moving.swap(one, other, now=NOW, by=registrar, why="A reason")


# -- what the clock decides is decided under the lock ------------------------------------------------------------------
def test_a_seat_is_not_released_for_a_balance_that_was_put_off_meanwhile(registrar: User) -> None:
    made = reserving.hold(cohort_in(120, terms_changed={"release_overdue": True}), factories.trainee(), now=NOW)
    paying.begin(made, Purpose.DEPOSIT, "sandbox", by=made.trainee, now=NOW)
    stale = Reservation.objects.select_related("cohort", "trainee").get(pk=made.pk)
    lifecycle.pay_later(made, until=made.cohort.starts_on - DAY, now=NOW, why="A reason", by=registrar)
    with pytest.raises(lifecycle.Moved):
        cancelling.cancel_overdue(stale, now=NOW + 100 * DAY)


def test_a_seat_is_not_released_for_a_promise_that_has_more_time_by_now(registrar: User) -> None:
    cohort = cohort_in(120, terms_changed={"provisional_days": 60})
    made = paid_seat(cohort, factories.trainee(lacking="module-iii"))
    stale = Reservation.objects.select_related("cohort", "trainee").get(pk=made.pk)
    lifecycle.promise_longer(made, until=cohort.starts_on - 10 * DAY, now=NOW, why="A reason", by=registrar)
    with pytest.raises(lifecycle.Moved):
        cancelling.cancel_unkept(stale, now=NOW + 65 * DAY)


def test_one_seat_that_cannot_be_released_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = cohort_in(120, terms_changed={"release_overdue": True})
    made = [reserving.hold(cohort, factories.trainee(), now=NOW) for _ in range(2)]
    for each in made:
        paying.begin(each, Purpose.DEPOSIT, "sandbox", by=each.trainee, now=NOW)
    release = cancelling.cancel_overdue

    def fails_for_the_first(reservation: Reservation, *, now: datetime) -> object:
        if reservation.pk == made[0].pk:
            raise RuntimeError("broken")
        return release(reservation, now=now)

    monkeypatch.setattr(cancelling, "cancel_overdue", fails_for_the_first)
    assert lapses.release_overdue(NOW + 100 * DAY) == 1
