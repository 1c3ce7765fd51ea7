"""Using a code on a held seat, giving it up, and what counts against its limit."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from booking.payments import paying, settling
from booking.payments.discounts import using
from booking.payments.discounts.counting import how_many_count, uses_of
from booking.payments.discounts.models import Discount, Redemption
from booking.payments.discounts.rules import Why
from booking.payments.models import Payment, PaymentStatus, Purpose
from booking.reservations import cancelling, moving, reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine
from workshops.people.models import Role

pytestmark = pytest.mark.django_db

PRICE, DEPOSIT = 209_900, 50_000
RAN_OUT = NOW + timedelta(hours=2)


@pytest.fixture
def held() -> Reservation:
    """A seat that somebody holds."""
    return factories.reservation()


def use(reservation: Reservation, discount: Discount, now: datetime = NOW) -> Reservation:
    assert discount.code
    return using.use(reservation, discount.code, now=now, by=reservation.trainee)


def refused(reservation: Reservation, code: str | None, now: datetime = NOW) -> Why:
    with pytest.raises(using.Refused) as raised:
        using.use(reservation, code or "", now=now, by=reservation.trainee)
    return raised.value.why


def owed(reservation: Reservation) -> dict[str, int]:
    return {each.kind: each.amount_cents for each in reservation.charges.all()}


def counting(discount: Discount, now: datetime) -> int:
    return how_many_count(uses_of([discount.pk], now)[discount.pk])


def test_a_code_lowers_price_and_balance_and_the_deposit_stays(held: Reservation) -> None:
    used = use(held, factories.discount())
    assert (used.state, used.price_cents, used.deposit_cents) == (State.HELD, PRICE - 50_000, DEPOSIT)
    assert owed(used) == {"deposit": DEPOSIT, "balance": PRICE - 50_000 - DEPOSIT}
    line = HistoryLine.objects.get(what="discount-used")
    assert (line.facts["cents"], line.by, line.about_id) == (50_000, held.trainee, held.public_id)
    redemption = using.redemption_of(used)
    assert redemption is not None
    assert redemption.amount_cents == 50_000
    assert_all_hold(NOW)


def test_a_price_below_the_deposit_lowers_the_deposit(held: Reservation) -> None:
    used = use(held, factories.discount(percent=90))
    assert (used.price_cents, used.deposit_cents) == (20_990, 20_990)
    assert owed(used) == {"deposit": 20_990}


def test_a_seat_that_costs_nothing_then_is_theirs_at_once(held: Reservation) -> None:
    used = use(held, factories.discount(percent=100))
    assert (used.state, used.price_cents, used.held_until, owed(used)) == (State.CONFIRMED, 0, None, {})
    assert used.cohort.seats.get(occupant=used.trainee).status == "taken"
    assert_all_hold(NOW)


def test_a_code_is_used_once_a_seat_and_once_a_person(held: Reservation) -> None:
    twice = factories.discount(limit=5)
    use(held, twice)
    assert refused(held, factories.discount().code) == Why.HAS_ONE
    with transaction.atomic():
        Reservation.objects.filter(pk=held.pk).update(is_only_one=False)
    other = factories.reservation()
    Reservation.objects.filter(pk=other.pk).update(is_only_one=False)
    use(other, factories.discount(limit=5))
    assert counting(twice, NOW) == 1


def test_an_unknown_code_and_somebody_elses_scholarship_are_answered_alike(held: Reservation) -> None:
    factories.discount(person=factories.trainee())
    assert refused(held, "NO-SUCH-CODE") == Why.UNKNOWN
    assert refused(held, "") == Why.UNKNOWN


def test_the_limit_holds_and_a_hold_that_ran_out_frees_its_use(held: Reservation) -> None:
    once = factories.discount()
    use(held, once)
    assert refused(factories.reservation(), once.code) == Why.USED_UP
    assert counting(once, NOW) == 1
    later = factories.reservation(now=RAN_OUT)
    assert counting(once, RAN_OUT) == 0  # whether or not a worker has noticed
    use(later, once, RAN_OUT)
    assert counting(once, RAN_OUT) == 1


def test_late_money_keeps_the_price_that_was_promised_even_past_the_limit(held: Reservation) -> None:
    once = factories.discount()
    use(held, once)
    payment = paying.begin(held, Purpose.FULL, "offline", by=held.trainee, now=NOW).payment
    late = NOW + timedelta(days=20)
    use(factories.reservation(now=late), once, late)
    settled = settling.settle(payment, now=late, by=factories.person(Role.REGISTRAR), reference="WIRE")
    assert (settled.seat_is_theirs, settled.refund) == (True, None)
    held.refresh_from_db()
    assert (held.state, held.price_cents, counting(once, late)) == (State.CONFIRMED, PRICE - 50_000, 2)
    assert_all_hold(late)


def test_a_use_counts_where_it_moved_to_and_is_found_there(held: Reservation) -> None:
    once = factories.discount()
    use(held, once)
    moved = moving.move(held, factories.cohort(), now=NOW, by=held.trainee)
    assert (moved.price_cents, counting(once, NOW)) == (PRICE - 50_000, 1)
    assert using.redemption_of(moved) == Redemption.objects.get()
    assert refused(moved, factories.discount().code) == Why.HAS_ONE
    assert refused(factories.reservation(), once.code) == Why.USED_UP
    assert counting(once, RAN_OUT) == 0


def test_a_seat_that_was_given_back_unpaid_frees_its_use_and_money_that_stays_does_not(held: Reservation) -> None:
    once = factories.discount()
    use(held, once)
    cancelling.cancel(held, now=NOW, by=held.trainee)
    assert counting(once, NOW) == 0
    other = factories.reservation()
    use(other, once)
    paying.begin(other, Purpose.DEPOSIT, "sandbox", by=other.trainee, now=NOW)
    late = NOW + timedelta(days=100)  # the deposit stays with the school by then
    cancelling.cancel(Reservation.objects.get(pk=other.pk), now=late, by=other.trainee)
    assert counting(once, late) == 1


def test_nothing_is_used_once_something_has_been_paid_or_the_seat_is_held_no_more(held: Reservation) -> None:
    code = factories.discount().code
    assert refused(held, code, RAN_OUT) == Why.NOT_HELD
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=NOW)
    assert refused(held, code) == Why.PAID
    assert not Redemption.objects.exists()


def test_a_transfer_that_was_asked_for_with_the_old_amount_ends(held: Reservation) -> None:
    payment = paying.begin(held, Purpose.FULL, "offline", by=held.trainee, now=NOW).payment
    use(Reservation.objects.get(pk=held.pk), factories.discount())
    payment.refresh_from_db()
    assert payment.status == PaymentStatus.EXPIRED


@pytest.mark.parametrize("status", [PaymentStatus.PROCESSING, PaymentStatus.CREATED])
def test_nothing_is_used_while_a_payment_is_with_a_bank_or_just_beginning(
    held: Reservation, status: PaymentStatus
) -> None:
    Payment.objects.create(
        reservation=held, purpose=Purpose.FULL, gateway="offline", amount_cents=PRICE, status=status, created_at=NOW
    )
    assert refused(held, factories.discount().code) == Why.UNDER_WAY
    held.refresh_from_db()
    assert held.price_cents == PRICE


def test_a_discount_is_given_up_while_the_seat_is_held_and_everything_is_as_before(held: Reservation) -> None:
    before = owed(held)
    once = factories.discount(percent=90)
    use(held, once)
    back = using.take_off(held, now=NOW, by=held.trainee)
    assert (back.price_cents, back.deposit_cents, owed(back)) == (PRICE, DEPOSIT, before)
    assert (counting(once, NOW), using.redemption_of(back)) == (0, None)
    assert HistoryLine.objects.filter(what="discount-taken-off", about_id=held.public_id).count() == 1
    use(held, once)
    assert_all_hold(NOW)


def test_where_everything_is_due_at_once_it_is_again_after_a_discount_was_given_up() -> None:
    held = factories.reservation(cohort=factories.cohort(starts_on=NOW.date() + timedelta(days=20)))
    assert owed(held) == {"deposit": PRICE}
    used = use(held, factories.discount())
    assert owed(used) == {"deposit": PRICE - 50_000}
    assert owed(using.take_off(held, now=NOW, by=held.trainee)) == {"deposit": PRICE}


def test_a_discount_is_not_given_up_once_something_has_been_paid(held: Reservation) -> None:
    use(held, factories.discount())
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=NOW)
    with pytest.raises(using.Refused) as raised:
        using.take_off(held, now=NOW, by=held.trainee)
    assert raised.value.why == Why.PAID


def test_a_scholarship_that_came_after_the_hold_can_be_used_on_it(held: Reservation) -> None:
    factories.discount(person=held.trainee, percent=50)
    used = using.use_own(held, now=NOW, by=held.trainee)
    assert used.price_cents == 104_950


def test_whoever_has_a_seat_paid_elsewhere_has_nothing_to_take_off() -> None:
    trainee = factories.trainee()
    trainee.entitlements.create(module=factories.cohort().module, source="Complete Package", recorded_at=NOW)
    factories.discount(person=trainee)
    made = reserving.hold(factories.cohort(), trainee, now=NOW)
    assert (made.state, made.price_cents, using.redemption_of(made)) == (State.CONFIRMED, 0, None)


# -- a page that was opened to pay on ----------------------------------------------------------------------------------
def opened(held: Reservation) -> Payment:
    """The seat's attempt by card, whose page is open."""
    return paying.begin(held, Purpose.FULL, "stripe", by=held.trainee, now=NOW).payment


def test_a_page_that_asks_for_the_old_amount_is_closed_first(stripe: StandIn, held: Reservation) -> None:
    old = opened(held)
    used = use(held, factories.discount())
    old.refresh_from_db()
    assert (old.status, stripe.object(old.checkout_id)["status"]) == (PaymentStatus.EXPIRED, "expired")
    new = opened(used)
    assert (new.amount_cents, stripe.object(new.checkout_id)["amount_total"]) == (PRICE - 50_000, PRICE - 50_000)


def test_a_page_that_was_paid_a_moment_ago_is_booked_and_the_price_stays(stripe: StandIn, held: Reservation) -> None:
    stripe.pay(opened(held).checkout_id)
    assert refused(held, factories.discount().code) == Why.PAID
    held.refresh_from_db()
    assert (held.state, held.price_cents) == (State.CONFIRMED, PRICE)


def test_nothing_is_used_while_the_page_cannot_be_closed(stripe: StandIn, held: Reservation) -> None:
    old = opened(held)
    stripe.down = True
    assert refused(held, factories.discount().code) == Why.NO_ANSWER
    old.refresh_from_db()
    assert (old.status, using.redemption_of(held)) == (PaymentStatus.OPEN, None)
    stripe.down = False
    assert use(held, factories.discount()).price_cents == PRICE - 50_000
