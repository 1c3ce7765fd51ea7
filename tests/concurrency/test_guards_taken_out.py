"""The negative controls: each guard is taken out in turn, and the attack that it withstands succeeds.

Every control stands beside the same moment with the guard in place. Where two people must meet, `cross` makes it
certain: the first stops in the middle of their command until the second has done theirs. On SQLite one writer runs at
a time, so that nobody can be met in the middle of a transaction: those pairs are PostgreSQL's alone. The guard of the
last seat has its control in `test_last_seats`, through the real server.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import Sum

from booking.payments import ledger, paying
from booking.payments.models import Purpose, Refund
from booking.payments.settling import settle
from booking.reservations import (
    admission,
    calling_off,
    cancelling,
    lifecycle,
    moving,
    offers,
    reserving,
    waiting,
    waitlist,
)
from booking.reservations.models import LIVE, Reservation, State, WaitlistEntry
from tests import factories
from tests.concurrency.racing import LATER, again, cross, full, heard, in_line, names, offers_in, people, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold, broken
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, Seat
from workshops.people.models import Role

pytestmark = pytest.mark.usefixtures("fresh_database")

LONG = 20.0
"""So long the first may wait for someone who can go on; a test that waits for it has failed anyway."""
MOMENT = 0.5
"""So long the first waits for someone whom a guard keeps from going on."""


# -- joining the line against a release: the cohort's lock -------------------------------------------------------------
def without_cohort_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cohort is read, and its row left unlocked."""
    monkeypatch.setattr(waitlist, "lock_cohort", lambda pk: Cohort.objects.select_related("module", "venue").get(pk=pk))


def joining_crosses_a_release(monkeypatch: pytest.MonkeyPatch, patience: float) -> Cohort:
    """Someone who joins has seen that no seat is left; at that moment one is given up and nobody waits for it yet."""
    cohort, [joins] = factories.cohort(capacity=1), people(1)
    [leaves] = full(cohort)
    answers = cross(
        monkeypatch,
        partial(waiting.join, cohort, joins, now=NOW),
        partial(cancelling.cancel, leaves, now=NOW, by=leaves.trainee),
        after=(seats, "any_left"),
        inside=True,
        patience=patience,
    )
    assert heard(answers) == {"tuple": 1, "Cancelled": 1}
    return cohort


@pytest.mark.postgres
def test_with_the_cohorts_lock_a_seat_given_up_as_someone_joins_is_offered_to_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cohort = joining_crosses_a_release(monkeypatch, MOMENT)
    assert len(offers_in(cohort)) == 1
    assert_all_hold(NOW)


@pytest.mark.postgres
def test_without_the_cohorts_lock_a_seat_stays_free_beside_someone_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite the one writer at a time would stand in for the lock."""
    without_cohort_lock(monkeypatch)
    joining_crosses_a_release(monkeypatch, LONG)
    assert any("seats are free" in each for each in broken(NOW))


# -- two answers to one reservation: the conditional update of the state -----------------------------------------------
def trusting_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read again under a lock: a command decides by what its page read. Only the update still looks."""
    monkeypatch.setattr(lifecycle, "lock", lambda reservation: reservation)


def without_expected_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """The update writes the new state whatever it finds."""

    def update(reservation: Reservation, to: State, now: Any, *, held_until: Any = None) -> bool:
        Reservation.objects.filter(pk=reservation.pk).update(
            state=to, held_until=held_until, seat_number=reservation.seat_number, choose_until=None
        )
        reservation.state, reservation.held_until, reservation.choose_until = to, held_until, None
        return True

    monkeypatch.setattr(lifecycle, "_update", update)


def an_offer() -> tuple[Cohort, Reservation]:
    """An open offer, and one more person who waits behind it."""
    cohort, line = factories.cohort(capacity=1), people(2)
    [had] = full(cohort)
    in_line(cohort, *line)
    cancelling.cancel(had, now=NOW, by=had.trainee)
    return cohort, offers_in(cohort)[0]


def accepted_and_declined(monkeypatch: pytest.MonkeyPatch) -> tuple[Reservation, list[object]]:
    """An offer is declined by a page that was read before it was accepted."""
    _, offer = an_offer()
    trusting_what_was_read(monkeypatch)
    stale = again(offer)
    accepted = moving.accept(again(offer), now=NOW, by=offer.trainee)
    try:
        declined: object = offers.decline(stale, now=NOW, by=offer.trainee)
    except Exception as problem:
        declined = problem
    return offer, [accepted, declined]


def test_the_conditional_update_keeps_an_offer_from_being_declined_after_it_was_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offer, answers = accepted_and_declined(monkeypatch)
    assert names(answers) == {"Reservation": 1, "Moved": 1}
    assert again(offer).state == State.HELD
    assert_all_hold(NOW)


def test_without_the_expected_state_someone_who_was_told_yes_has_lost_the_seat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_expected_state(monkeypatch)
    offer, answers = accepted_and_declined(monkeypatch)
    assert names(answers) == {"Reservation": 2}  # both were told that it is done
    assert again(offer).state == State.CANCELLED
    assert WaitlistEntry.objects.get(offer=offer).state == "seated"


def accepted_and_lapsed(monkeypatch: pytest.MonkeyPatch) -> tuple[Reservation, list[object]]:
    """A claimer ends the offer whose seat had run out, by what it read before the offer was accepted."""
    _, offer = an_offer()
    trusting_what_was_read(monkeypatch)
    stale, ends = again(offer), offer.held_until
    assert ends is not None
    accepted = moving.accept(again(offer), now=ends - timedelta(seconds=1), by=offer.trainee)
    return offer, [accepted, lifecycle.expired(stale, ends)]


def test_the_conditional_update_keeps_an_accepted_offer_from_lapsing(monkeypatch: pytest.MonkeyPatch) -> None:
    offer, answers = accepted_and_lapsed(monkeypatch)
    assert answers[1] == []
    assert again(offer).state == State.HELD
    assert_all_hold(NOW)


def test_without_the_expected_state_an_accepted_offer_lapses_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    without_expected_state(monkeypatch)
    offer, answers = accepted_and_lapsed(monkeypatch)
    assert len(answers[1]) == 1  # type: ignore[arg-type]
    assert again(offer).state == State.EXPIRED
    assert any(each.startswith("seat ") for each in broken(NOW))


def cancelled_and_paid(monkeypatch: pytest.MonkeyPatch, patience: float) -> tuple[Reservation, list[object]]:
    """A hold is cancelled when its deposit is just arriving. No row is locked before it is written."""
    cohort = factories.cohort(capacity=1)
    [held] = seated(cohort, 1)
    payment = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
    without_cohort_lock(monkeypatch)
    monkeypatch.setattr(lifecycle, "lock", again)
    answers = cross(
        monkeypatch,
        partial(cancelling.cancel, held, now=NOW, by=held.trainee),
        partial(settle, payment, now=NOW, by=None, reference=""),
        after=(cancelling, "owe_back"),
        patience=patience,
    )
    return held, answers


@pytest.mark.postgres
def test_the_conditional_update_keeps_a_hold_from_being_cancelled_under_its_own_deposit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held, answers = cancelled_and_paid(monkeypatch, LONG)
    assert names(answers) == {"Moved": 1, "Settled": 1}
    assert (again(held).state, ledger.kept_cents(held)) == (State.RESERVED, 50_000)
    assert_all_hold(NOW)


@pytest.mark.postgres
def test_without_the_expected_state_the_seat_is_gone_and_the_money_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite the payment cannot come in between: the whole cancelling is one turn of the one writer."""
    without_expected_state(monkeypatch)
    held, answers = cancelled_and_paid(monkeypatch, LONG)
    assert names(answers) == {"Cancelled": 1, "Settled": 1}
    assert (again(held).state, ledger.kept_cents(held)) == (State.CANCELLED, 50_000)
    assert not Refund.objects.exists()
    assert not Seat.objects.filter(occupant__isnull=False).exists()


# -- the line comes first ----------------------------------------------------------------------------------------------
def only(module: Any, **changed: Callable[..., object]) -> SimpleNamespace:
    """What one module sees of another, with some of it changed."""
    return SimpleNamespace(**{**vars(module), **changed})


def passed_by_someone(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A hold runs out, nobody has noticed, somebody waits, and somebody else asks."""
    cohort, [waits, passes_by] = factories.cohort(capacity=1), people(2)
    full(cohort)
    in_line(cohort, waits)
    try:
        return [reserving.hold(cohort, passes_by, now=LATER).trainee == passes_by, offers_in(cohort)]
    except admission.Full:
        return [False, [each.trainee == waits for each in offers_in(cohort)]]


def test_a_passer_by_brings_the_offer_to_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert passed_by_someone(monkeypatch) == [False, [True]]
    assert_all_hold(LATER)


def test_without_offers_first_a_passer_by_gets_the_seat_of_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserving, "offers", only(offers, offer_free_seats=lambda *_, **__: []))
    assert passed_by_someone(monkeypatch) == [True, []]


def late_money() -> tuple[Reservation, Cohort]:
    """A deposit that arrives after the hold ran out, when somebody waits for the seat."""
    cohort, line = factories.cohort(capacity=1), people(1)
    [held] = seated(cohort, 1)
    payment = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
    in_line(cohort, *line)
    settle(payment, now=LATER, by=None, reference="")
    return again(held), cohort


def test_late_money_comes_after_whoever_waits() -> None:
    late, cohort = late_money()
    assert (late.state, len(offers_in(cohort)), ledger.kept_cents(late)) == (State.EXPIRED, 1, 0)
    assert_all_hold(LATER)


def test_without_its_place_behind_the_line_late_money_takes_the_seat_of_whoever_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reserving, "offers", only(offers, offer_free_seats=lambda *_, **__: []))
    late, cohort = late_money()
    assert (late.state, len(offers_in(cohort))) == (State.RESERVED, 0)


# -- a cohort that is called off: its seats are shut, under the locks of all of them -----------------------------------
def claiming_crosses_calling_off(
    monkeypatch: pytest.MonkeyPatch, after: tuple[Any, str], patience: float, until: tuple[Any, str] | None = None
) -> tuple[Cohort, list[object]]:
    """Someone who was let in takes their seat while the cohort is called off."""
    registrar, [anna], cohort = factories.person(Role.REGISTRAR), people(1), factories.cohort(capacity=1)
    answers = cross(
        monkeypatch,
        partial(reserving.hold, cohort, anna, now=NOW),
        partial(calling_off.call_off, cohort, by=registrar, now=NOW, why="The stage burnt down."),
        after=after,
        patience=patience,
        until=until,
    )
    return cohort, answers


def test_without_shutting_the_seats_a_late_claim_lives_in_a_cohort_that_does_not_take_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the guard: `test_calling_off`, on the claim that was let in a moment before."""
    monkeypatch.setattr(seats, "shut", lambda _: None)
    cohort, answers = claiming_crosses_calling_off(monkeypatch, (reserving, "admit"), LONG)
    assert heard(answers) == {"Reservation": 1, "Touches": 1}
    assert Reservation.objects.filter(cohort=cohort, state__in=LIVE).exists()
    assert any("does not take place" in each for each in broken(NOW))


@pytest.mark.postgres
def test_calling_off_waits_for_whoever_is_taking_a_seat_and_tells_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort, answers = claiming_crosses_calling_off(monkeypatch, (seats, "claim"), MOMENT)
    assert heard(answers) == {"Reservation": 1, "Touches": 1}
    assert not Reservation.objects.filter(cohort=cohort, state__in=LIVE).exists()
    assert_all_hold(NOW)


@pytest.mark.postgres
def test_without_the_locks_of_all_seats_a_claim_in_the_making_is_overlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite nobody is in the making of anything while another writes."""
    monkeypatch.setattr(seats, "lock_all", lambda _: None)
    # It looks for everyone first, and then shuts the seats: that one waits for whoever is taking one.
    cohort, answers = claiming_crosses_calling_off(monkeypatch, (seats, "claim"), LONG, until=(waiting, "close"))
    assert heard(answers) == {"Reservation": 1, "Touches": 1}
    assert Reservation.objects.filter(cohort=cohort, state__in=LIVE).exists()
    assert any("does not take place" in each for each in broken(NOW))


# -- cancelling in two tabs: the lock, and behind it what a payment still holds ----------------------------------------
@pytest.fixture
def cancelled_twice(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], list[object]]:
    """Two tabs cancel one paid reservation; the first stops when it has read what was paid."""

    def both(patience: float) -> list[object]:
        [paid] = seated(factories.cohort(capacity=1), 1, paid=Purpose.DEPOSIT)
        cancel = partial(cancelling.cancel, paid, now=NOW, by=paid.trainee)
        return cross(monkeypatch, cancel, cancel, after=(ledger, "kept_cents"), patience=patience)

    return both


def gone_back() -> int:
    """What goes back in all, in cents."""
    return int(Refund.objects.aggregate(n=Sum("amount_cents"))["n"] or 0)


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    without_cohort_lock(monkeypatch)
    monkeypatch.setattr(lifecycle, "lock", again)


def without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes back is not measured against what each payment still holds."""

    def owe_back(reservation: Reservation, cents: int, *, rule: str, now: Any, **_: object) -> list[Refund]:
        [payment] = reservation.payments.all()
        return [
            Refund.objects.create(
                payment=payment, reservation=reservation, amount_cents=cents, rule=rule, requested_at=now
            )
        ]

    monkeypatch.setattr(cancelling, "owe_back", owe_back)


@pytest.mark.postgres
def test_with_its_lock_a_cancelling_waits_for_the_other_and_the_money_goes_back_once(
    cancelled_twice: Callable[[float], list[object]],
) -> None:
    assert heard(cancelled_twice(MOMENT), lifecycle.Moved) == {"Cancelled": 1, "Moved": 1}
    assert gone_back() == 50_000
    assert_all_hold(NOW)


@pytest.mark.postgres
def test_without_the_lock_the_money_of_a_payment_still_goes_back_only_once(
    monkeypatch: pytest.MonkeyPatch, cancelled_twice: Callable[[float], list[object]]
) -> None:
    """The second guard: a payment gives back no more than it brought."""
    without_locks(monkeypatch)
    without_expected_state(monkeypatch)
    assert names(cancelled_twice(LONG)) == {"Cancelled": 1, "NotThatMuch": 1}
    assert gone_back() == 50_000


@pytest.mark.postgres
def test_without_lock_and_limit_the_conditional_update_still_stands(
    monkeypatch: pytest.MonkeyPatch, cancelled_twice: Callable[[float], list[object]]
) -> None:
    """The third: whoever finds the state changed takes everything back, the refund too."""
    without_locks(monkeypatch)
    without_limit(monkeypatch)
    assert names(cancelled_twice(LONG)) == {"Cancelled": 1, "Moved": 1}
    assert gone_back() == 50_000


@pytest.mark.postgres
def test_without_all_three_the_money_goes_back_twice(
    monkeypatch: pytest.MonkeyPatch, cancelled_twice: Callable[[float], list[object]]
) -> None:
    """On SQLite the second tab's turn comes when the first has committed, and nothing is left to go back."""
    without_locks(monkeypatch)
    without_limit(monkeypatch)
    without_expected_state(monkeypatch)
    assert names(cancelled_twice(LONG)) == {"Cancelled": 2}
    assert gone_back() == 100_000
    assert any("go back on payment" in each for each in broken(NOW))
