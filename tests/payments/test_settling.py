"""Money in: one outcome for each payment, a seat or the money back, and books that add up."""

from datetime import timedelta

import pytest
from django.db.models import Sum

from booking.payments import ledger, paying
from booking.payments.models import Account, Payment, PaymentStatus, Posting, Purpose, Refund, RefundStatus
from booking.payments.sending import refunded, send_back_due
from booking.payments.settling import settle, settle_here
from booking.reservations import cancelling, releasing, reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.payments.plans.running import begun
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.messages.outbox import words_of
from workshops.people.models import Role

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def pay(reservation: Reservation, purpose: Purpose = Purpose.DEPOSIT) -> Payment:
    return paying.begin(reservation, purpose, "sandbox", by=reservation.trainee, now=NOW).payment


def state_of(reservation: Reservation) -> str:
    return Reservation.objects.get(pk=reservation.pk).state


def book_total() -> int:
    return Posting.objects.aggregate(total=Sum("amount_cents"))["total"] or 0


def test_the_deposit_makes_a_hold_a_reservation() -> None:
    held = factories.reservation()
    payment = pay(held)
    assert (payment.status, payment.amount_cents) == (PaymentStatus.SUCCEEDED, 50_000)
    assert (state_of(held), ledger.paid_cents(held)) == (State.RESERVED, 50_000)
    assert held.cohort.seats.get(occupant=held.trainee).status == "taken"


def test_deposit_then_balance_confirms() -> None:
    held = factories.reservation()
    pay(held)
    pay(held, Purpose.BALANCE)
    assert (state_of(held), ledger.paid_cents(held)) == (State.CONFIRMED, 209_900)


def test_everything_at_once_confirms_at_once() -> None:
    held = factories.reservation()
    pay(held, Purpose.FULL)
    assert (state_of(held), ledger.paid_cents(held)) == (State.CONFIRMED, 209_900)


def test_settling_twice_changes_nothing() -> None:
    held = factories.reservation()
    payment = pay(held)
    lines, messages = HistoryLine.objects.count(), Message.objects.count()
    assert settle(payment, now=NOW, by=None, reference="").seat_is_theirs
    assert (HistoryLine.objects.count(), Message.objects.count()) == (lines, messages)
    assert ledger.paid_cents(held) == 50_000


def test_every_entry_balances_and_names_nobody() -> None:
    held = factories.reservation()
    pay(held, Purpose.FULL)
    assert book_total() == 0
    assert {p.account: p.amount_cents for p in Posting.objects.all()} == {
        Account.SANDBOX: 209_900,
        Account.TUITION_HELD: -209_900,
    }


def test_the_ledger_refuses_an_entry_that_is_out_of_balance() -> None:
    with pytest.raises(ValueError, match="out of balance by 1 cents"):
        ledger.post("test:1", factories.reservation(), {Account.BANK: 2, Account.TUITION_HELD: -1}, at=NOW)


def test_less_that_is_taken_as_the_deposit_is_told_as_what_it_is() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    paying.record_transfer(
        held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW, amount_cents=20_000, short_is_enough=True
    )
    told = Message.objects.get(kind="reservation-reserved").context
    assert (told["received"], told["deposit"], told["balance"]) == ("$200", "$200", "$1,899")
    held.refresh_from_db()
    assert (held.deposit_cents, [each.amount_cents for each in held.charges.all()]) == (20_000, [20_000, 189_900])


def test_less_that_finds_no_seat_leaves_the_deposit_what_it_was() -> None:
    late, registrar = factories.reservation(cohort=factories.cohort(capacity=1)), factories.person(Role.REGISTRAR)
    factories.reservation(cohort=late.cohort, now=NOW + HOUR)
    late.refresh_from_db()
    charges = list(late.charges.values_list("pk", "amount_cents", "due_at"))
    settled = paying.record_transfer(
        late, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW + HOUR, amount_cents=20_000, short_is_enough=True
    )
    late.refresh_from_db()
    assert (settled.seat_is_theirs, late.deposit_cents) == (False, 50_000)
    assert list(late.charges.values_list("pk", "amount_cents", "due_at")) == charges


def test_money_that_changes_no_state_is_told_once_each() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    pay(held)
    for reference in ("W-1", "W-2"):
        paying.record_transfer(held, Purpose.BALANCE, reference=reference, by=registrar, now=NOW, amount_cents=60_000)
    assert [m.context["left"] for m in Message.objects.filter(kind="payment-received").order_by("pk")] == [
        "$999",
        "$399",
    ]
    paying.record_transfer(held, Purpose.BALANCE, reference="W-3", by=registrar, now=NOW)
    assert Message.objects.filter(kind="payment-received").count() == 2
    assert Message.objects.get(kind="reservation-confirmed").context["received"] == "$399"


def test_where_the_rest_comes_in_parts_nobody_is_told_that_all_of_it_is_due(stripe: StandIn) -> None:
    plan = begun(stripe)
    told = Message.objects.get(kind="reservation-reserved")
    assert "Left to pay: $1,599, in monthly parts" in words_of(told).text
    assert plan.state == "active"


def test_what_is_not_owed_cannot_be_paid() -> None:
    held = factories.reservation()
    with pytest.raises(paying.NothingToPay, match="deposit comes first"):
        pay(held, Purpose.BALANCE)
    pay(held)
    with pytest.raises(paying.NothingToPay, match="paid already"):
        pay(held, Purpose.DEPOSIT)


def test_a_hold_that_ran_out_is_not_paid_for() -> None:
    held = factories.reservation()
    with pytest.raises(paying.HoldRanOut):
        paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=NOW + HOUR)
    assert not Payment.objects.exists()


def test_choosing_a_transfer_prolongs_the_hold_once_and_sends_the_bank_details() -> None:
    held = factories.reservation()
    paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=NOW)
    until = Reservation.objects.get(pk=held.pk).held_until
    assert until == NOW.replace(day=14, hour=17)  # Monday, and three business days
    assert Message.objects.filter(kind="payment-by-transfer").count() == 1
    paying.begin(held, Purpose.FULL, "offline", by=held.trainee, now=NOW + HOUR)
    assert Reservation.objects.get(pk=held.pk).held_until == until


def test_a_seat_never_waits_for_a_transfer_past_the_end_of_bookings() -> None:
    closes = NOW + timedelta(days=1)
    held = factories.reservation(cohort=factories.cohort(bookings_close_at=closes))
    paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=NOW)
    assert Reservation.objects.get(pk=held.pk).held_until == closes


def test_the_same_choice_again_continues_the_payment_that_is_under_way() -> None:
    held = factories.reservation()
    first = paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=NOW).payment
    assert paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=NOW).payment == first
    second = paying.begin(held, Purpose.FULL, "offline", by=held.trainee, now=NOW).payment
    first.refresh_from_db()
    assert (first.status, second.status) == (PaymentStatus.EXPIRED, PaymentStatus.OPEN)


def test_a_transfer_that_arrives_in_time_reserves() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=NOW)
    settled = paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    assert (settled.seat_is_theirs, state_of(held)) == (True, State.RESERVED)
    assert Posting.objects.get(account=Account.BANK).amount_cents == 50_000


def test_the_same_transfer_is_recorded_once() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    with pytest.raises(paying.AlreadyRecorded):
        paying.record_transfer(held, Purpose.BALANCE, reference="W-1", by=registrar, now=NOW)
    assert ledger.paid_cents(held) == 50_000


def test_late_money_gets_the_seat_when_one_is_left() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    releasing.expire(held, now=NOW + HOUR)
    settled = paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW + HOUR)
    assert (settled.seat_is_theirs, settled.refund, state_of(held)) == (True, None, State.RESERVED)
    assert held.cohort.seats.filter(occupant=held.trainee, status="taken").count() == 1


def test_late_money_gets_the_lapsed_seat_that_nobody_took() -> None:
    held, registrar = factories.reservation(cohort=factories.cohort(capacity=1)), factories.person(Role.REGISTRAR)
    assert paying.record_transfer(held, Purpose.FULL, reference="W-1", by=registrar, now=NOW + HOUR).seat_is_theirs
    assert state_of(held) == State.CONFIRMED


def test_late_money_is_owed_back_in_full_when_no_seat_is_left() -> None:
    cohort, registrar = factories.cohort(capacity=1), factories.person(Role.REGISTRAR)
    late = factories.reservation(cohort=cohort)
    other = factories.reservation(cohort=cohort, now=NOW + HOUR)
    settled = paying.record_transfer(late, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW + HOUR)
    assert settled.refund is not None
    assert (settled.seat_is_theirs, settled.refund.amount_cents, settled.refund.status) == (
        False,
        50_000,
        RefundStatus.REQUESTED,
    )
    assert (state_of(late), state_of(other)) == (State.EXPIRED, State.HELD)
    refunded(settled.refund, now=NOW + HOUR, by=registrar, reference="OUT-1")
    assert (ledger.paid_cents(late), book_total()) == (0, 0)


def test_late_play_money_goes_back_at_once() -> None:
    cohort = factories.cohort(capacity=1)
    late = factories.reservation(cohort=cohort)
    payment = Payment.objects.create(
        reservation=late, purpose="deposit", gateway="sandbox", amount_cents=50_000, currency="USD", created_at=NOW
    )
    factories.reservation(cohort=cohort, now=NOW + HOUR)
    assert settle(payment, now=NOW + HOUR, by=None, reference="").seat_is_theirs is False
    assert (Refund.objects.get().status, ledger.paid_cents(late)) == (RefundStatus.SUCCEEDED, 0)


def test_late_money_of_someone_who_has_a_seat_by_now_goes_back() -> None:
    anna, cohort, registrar = factories.trainee(), factories.cohort(), factories.person(Role.REGISTRAR)
    late = reserving.hold(cohort, anna, now=NOW)
    current = reserving.hold(cohort, anna, now=NOW + HOUR)
    settled = paying.record_transfer(late, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW + HOUR)
    assert (settled.seat_is_theirs, state_of(late), state_of(current)) == (False, State.EXPIRED, State.HELD)
    assert cohort.seats.get(occupant=anna).status == "held"


def test_late_money_of_someone_who_no_longer_qualifies_goes_back() -> None:
    late, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    releasing.expire(late, now=NOW + HOUR)
    late.trainee.completions.all().delete()
    settled = paying.record_transfer(late, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW + HOUR)
    assert (settled.seat_is_theirs, state_of(late)) == (False, State.EXPIRED)


def test_money_for_a_cancelled_reservation_goes_back() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    cancelling.cancel(held, now=NOW, by=held.trainee)
    settled = paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    assert settled.refund is not None
    assert (settled.seat_is_theirs, settled.refund.amount_cents, state_of(held)) == (False, 50_000, State.CANCELLED)


def test_a_refund_is_booked_once() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    cancelling.cancel(held, now=NOW, by=held.trainee)
    refund = paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW).refund
    assert refund is not None
    refunded(refund, now=NOW, by=registrar, reference="OUT-1")
    refunded(refund, now=NOW, by=registrar, reference="OUT-1")
    assert (ledger.paid_cents(held), book_total()) == (0, 0)


def test_the_sum_in_one_statement_agrees_with_the_sum_of_each() -> None:
    paid, unpaid = factories.reservation(), factories.reservation()
    pay(paid)
    summed = {each.pk: each.paid_cents for each in ledger.with_paid(Reservation.objects.all())}
    assert summed == {paid.pk: 50_000, unpaid.pk: 0}


def test_a_transfer_recorded_twice_at_the_same_moment_leaves_one_payment_behind() -> None:
    """The second finds the reference taken only when it writes: nothing of it stays, not even an attempt."""
    first, second = factories.reservation(), factories.reservation()
    registrar = factories.person(Role.REGISTRAR)
    paying.record_transfer(first, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    with pytest.raises(paying.AlreadyRecorded):
        paying.record_transfer(second, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    assert (Payment.objects.count(), state_of(second), ledger.paid_cents(second)) == (1, State.HELD, 0)


def test_a_refund_that_was_asked_for_by_a_process_that_died_is_sent_back_by_the_worker() -> None:
    cohort = factories.cohort(capacity=1)
    late = factories.reservation(cohort=cohort)
    payment = Payment.objects.create(
        reservation=late, purpose="deposit", gateway="sandbox", amount_cents=50_000, currency="USD", created_at=NOW
    )
    factories.reservation(cohort=cohort, now=NOW + HOUR)
    settle_here(payment, now=NOW + HOUR, by=None, reference="")  # and here the process dies
    assert send_back_due(NOW + HOUR) == 1
    assert send_back_due(NOW + HOUR) == 0
    assert (Refund.objects.get().status, ledger.paid_cents(late)) == (RefundStatus.SUCCEEDED, 0)


def test_a_refund_by_bank_transfer_waits_for_a_person() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    cancelling.cancel(held, now=NOW, by=held.trainee)
    paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    assert send_back_due(NOW) == 0
    assert Refund.objects.get().status == RefundStatus.REQUESTED


def test_the_story_tells_of_the_money_before_what_it_bought() -> None:
    held = factories.reservation()
    pay(held)
    told = list(HistoryLine.objects.filter(about_id=held.public_id).values_list("what", flat=True))
    assert told == ["reservation-held", "payment-received", "reservation-reserved"]


def test_settling_late_money_again_does_not_give_a_seat_that_came_free_meanwhile() -> None:
    """Never both: the money is on its way back, so the seat is not theirs."""
    cohort = factories.cohort(capacity=1)
    late = factories.reservation(cohort=cohort)
    other = factories.reservation(cohort=cohort, now=NOW + HOUR)
    registrar = factories.person(Role.REGISTRAR)
    late.refresh_from_db()
    first = paying.record_transfer(late, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW + HOUR)
    cancelling.cancel(other, now=NOW + HOUR, by=other.trainee)
    again = settle(first.payment, now=NOW + HOUR, by=registrar, reference="W-1")
    assert (again.seat_is_theirs, again.refund) == (False, first.refund)
    assert (state_of(late), cohort.seats.get().status) == (State.EXPIRED, "free")
