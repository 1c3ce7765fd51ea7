"""Money that comes late, twice, or while other money is on its way back: a seat or the money, never both or neither."""

from datetime import timedelta

import pytest
from django.utils import timezone

from booking.payments import ledger, paying
from booking.payments.models import Payment, Purpose, Refund, RefundStatus
from booking.payments.sending import refunded
from booking.payments.settling import settle
from booking.reservations import cancelling, releasing, reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.asking import Program
from tests.factories import NOW
from workshops.cohorts.models import CohortStatus
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=2)
PRICE, DEPOSIT = 209_900, 50_000


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR)


def state_of(reservation: Reservation) -> str:
    return Reservation.objects.get(pk=reservation.pk).state


def test_a_deposit_that_is_on_its_way_back_pays_for_no_seat(registrar: User) -> None:
    """The seat was gone when the deposit came; by the time the rest comes one is free, but the deposit is not here."""
    cohort = factories.cohort(capacity=1)
    late = factories.reservation(cohort=cohort)
    other = factories.reservation(cohort=cohort, now=LATER)
    paying.record_transfer(late, Purpose.DEPOSIT, reference="W-1", by=registrar, now=LATER)
    cancelling.cancel(other, now=LATER, by=other.trainee)
    settled = paying.record_transfer(late, Purpose.DEPOSIT, reference="W-2", by=registrar, now=LATER)
    assert (settled.seat_is_theirs, settled.payment.amount_cents, state_of(late)) == (True, DEPOSIT, State.RESERVED)
    paying.record_transfer(late, Purpose.BALANCE, reference="W-3", by=registrar, now=LATER)
    assert (state_of(late), ledger.kept_cents(late), ledger.paid_cents(late)) == (
        State.CONFIRMED,
        PRICE,
        PRICE + DEPOSIT,
    )
    refunded(Refund.objects.get(), now=LATER, by=registrar, reference="OUT-1")
    assert ledger.paid_cents(late) == ledger.kept_cents(late) == PRICE


def test_late_money_brings_the_seat_back_though_another_hold_ran_out_unnoticed(registrar: User) -> None:
    anna, other = factories.trainee(), factories.cohort()
    late = factories.reservation(trainee=anna)
    lapsed = reserving.hold(other, anna, now=NOW + timedelta(minutes=61))
    settled = paying.record_transfer(late, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW + timedelta(hours=3))
    assert settled.seat_is_theirs
    assert (state_of(late), state_of(lapsed)) == (State.RESERVED, State.EXPIRED)
    assert not other.seats.filter(occupant=anna).exists()


def test_late_money_brings_the_seat_back_though_they_came_to_an_earlier_cohort(registrar: User) -> None:
    anna, now = factories.trainee(), NOW
    past = factories.cohort(starts_on=NOW.date() + timedelta(days=10))
    earlier = reserving.hold(past, anna, now=now)
    paying.record_transfer(earlier, Purpose.FULL, reference="W-1", by=registrar, now=now)
    now = NOW + timedelta(days=20)
    late = factories.reservation(trainee=anna, now=now)
    releasing.expire(late, now=now + timedelta(hours=2))
    Reservation.objects.filter(pk=earlier.pk).update(is_only_one=True)  # as it is until someone reserves again
    settled = paying.record_transfer(late, Purpose.DEPOSIT, reference="W-2", by=registrar, now=now + timedelta(hours=2))
    assert (settled.seat_is_theirs, state_of(late), state_of(earlier)) == (True, State.RESERVED, State.CONFIRMED)


def test_what_comes_beyond_the_price_goes_back_and_the_seat_stays() -> None:
    """The deposit in one window and everything in another, begun at once: both arrive."""
    held = factories.reservation()
    deposit = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
    everything = paying._open(held, Purpose.FULL, "sandbox", now=NOW)
    assert settle(deposit, now=NOW, by=held.trainee, reference="").refund is None
    settled = settle(everything, now=NOW, by=held.trainee, reference="")
    assert settled.seat_is_theirs
    assert settled.refund is not None
    assert (state_of(held), ledger.paid_cents(held), Refund.objects.get().status) == (
        State.CONFIRMED,
        PRICE,
        RefundStatus.SUCCEEDED,
    )
    assert (settled.refund.amount_cents, settled.refund.rule) == (DEPOSIT, "paid-twice")
    told = Message.objects.filter(subject=f"refund:{settled.refund.public_id}").values_list("kind", flat=True)
    assert "payment-too-much" in told
    assert "payment-goes-back" not in told
    settle(everything, now=NOW, by=held.trainee, reference="")
    assert (Refund.objects.count(), ledger.paid_cents(held)) == (1, PRICE)


def test_two_deposits_that_both_arrive_count_towards_the_balance(registrar: User) -> None:
    held = factories.reservation()
    by_sandbox = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
    paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    assert settle(by_sandbox, now=NOW, by=held.trainee, reference="").refund is None
    rest = paying.begin(held, Purpose.BALANCE, "sandbox", by=held.trainee, now=NOW).payment
    assert (rest.amount_cents, state_of(held)) == (PRICE - 2 * DEPOSIT, State.CONFIRMED)


def test_another_fault_of_the_database_is_not_taken_for_a_transfer_recorded_before(
    registrar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import IntegrityError

    def broken(*_args: object, **_kwargs: object) -> None:
        raise IntegrityError("something else")

    held = factories.reservation()
    monkeypatch.setattr(ledger, "post_payment", broken)
    with pytest.raises(IntegrityError):
        paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    assert not Payment.objects.exists()


def test_nobody_pays_or_cancels_for_someone_else_by_the_api_but_a_registrar_may_cancel(registrar: User) -> None:
    held = factories.reservation(now=timezone.now())
    stranger = Program.of(factories.trainee())
    body = {"purpose": "deposit", "gateway": "sandbox"}
    assert stranger.post(f"/reservations/{held.public_id}/payments", body).problem == (404, "not-found")
    assert stranger.post(f"/reservations/{held.public_id}/cancel").problem == (404, "not-found")
    desk = Program.of(registrar)
    assert desk.post(f"/reservations/{held.public_id}/payments", body).problem == (404, "not-found")
    assert not Payment.objects.exists()
    assert desk.post(f"/reservations/{held.public_id}/cancel").status == 200


@pytest.mark.parametrize(
    ("status", "days_ahead", "comes_back"),
    [
        (CohortStatus.PUBLISHED, 120, True),
        (CohortStatus.CLOSED, 120, True),
        (CohortStatus.CANCELLED, 120, False),
        (CohortStatus.PUBLISHED, 0, False),
    ],
)
def test_late_money_gets_a_seat_only_in_a_cohort_that_is_still_to_come(
    registrar: User, status: CohortStatus, days_ahead: int, comes_back: bool
) -> None:
    late = factories.reservation()
    releasing.expire(late, now=LATER)
    first = LATER.date() + timedelta(days=days_ahead)
    type(late.cohort).objects.filter(pk=late.cohort_id).update(
        status=status, starts_on=first, ends_on=first + timedelta(days=3)
    )
    settled = paying.record_transfer(late, Purpose.DEPOSIT, reference="W-1", by=registrar, now=LATER)
    assert settled.seat_is_theirs is comes_back
    assert state_of(late) == (State.RESERVED if comes_back else State.EXPIRED)
    assert (settled.refund is None) is comes_back


def test_choosing_a_transfer_again_on_a_later_day_holds_the_seat_no_longer() -> None:
    """Else one person could keep a seat for ever without paying for it."""
    held = factories.reservation()
    paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=NOW)
    until = Reservation.objects.get(pk=held.pk).held_until
    for day, purpose in ((1, Purpose.DEPOSIT), (2, Purpose.FULL)):
        fresh = Reservation.objects.get(pk=held.pk)
        paying.begin(fresh, purpose, "offline", by=held.trainee, now=NOW + timedelta(days=day))
    assert Reservation.objects.get(pk=held.pk).held_until == until
