"""The books are compared with Stripe's: what a missed word left is found, told in words, and mended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import Sum
from pytest_django import Settings

from booking.payments import ledger, paying
from booking.payments.gateways.base import Report, Unavailable
from booking.payments.models import (
    Account,
    Dispute,
    LedgerEntry,
    Payment,
    PaymentStatus,
    Posting,
    Purpose,
    Refund,
    RefundStatus,
)
from booking.payments.payouts.models import Payout
from booking.payments.reconciling import mending, nightly
from booking.payments.reconciling.comparing import Difference
from booking.payments.returning import owe_back
from booking.payments.sending import send_back
from booking.payments.settling import catch_up, told
from booking.reservations import cancelling
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import broken
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SINCE = NOW - DAY
PLACES = (Account.PROCESSOR, Account.DISPUTED, Account.FEES, Account.BANK)


def begin(reservation: Reservation, purpose: Purpose = Purpose.DEPOSIT, *, now: datetime = NOW) -> Payment:
    fresh = Reservation.objects.get(pk=reservation.pk)
    return paying.begin(fresh, purpose, "stripe", by=fresh.trainee, now=now).payment


def paid(stripe: StandIn, purpose: Purpose = Purpose.DEPOSIT, *, now: datetime = NOW) -> Payment:
    """A payment that has come and is booked."""
    payment = begin(factories.reservation(now=now), purpose, now=now)
    stripe.pay(payment.checkout_id)
    return catch_up(payment, now=now)


def codes(found: list[Difference]) -> list[str]:
    return [each.code for each in found]


def on(account: Account) -> int:
    return Posting.objects.filter(account=account).aggregate(total=Sum("amount_cents"))["total"] or 0


def is_ours(metadata: dict[str, str]) -> bool:
    return "cintima_payment" in metadata


def assert_books_agree(stripe: StandIn, now: datetime) -> None:
    """The ledger says what the stand-in's own books say, account by account."""
    assert mending.compare(SINCE, now) == []
    books = stripe.books(is_ours).values()
    pending = sum(book.refund_pending for book in books)
    out = sum(
        cents for cents in LedgerEntry.objects.filter(source__startswith="payout", postings__account=Account.BANK)
        .values_list("postings__amount_cents", flat=True)
    )  # fmt: skip
    assert on(Account.PROCESSOR) + out == stripe.balance(is_ours) + pending
    assert on(Account.FEES) == sum(book.fee + book.dispute_fee for book in books)
    assert on(Account.DISPUTED) == sum(book.disputed for book in books)
    received = (
        Payment.objects.filter(gateway="stripe", status=PaymentStatus.SUCCEEDED).aggregate(n=Sum("amount_cents"))["n"]
        or 0
    )
    back = Refund.objects.filter(status=RefundStatus.SUCCEEDED).aggregate(n=Sum("amount_cents"))["n"] or 0
    assert received == sum(book.received for book in books)
    assert back == sum(book.refunded for book in books)
    assert Posting.objects.aggregate(total=Sum("amount_cents"))["total"] in (0, None)


def assert_it_all_holds(now: datetime) -> None:
    """What must always hold; but a seat whose money was sent back owes it again, and stays what it was until then."""
    gone = set(Refund.objects.filter(rule__in=("outside", "goodwill")).values_list("reservation", flat=True))
    gone |= set(Dispute.objects.filter(status="lost").values_list("reservation", flat=True))
    excused = tuple(f"reservation {each} is reserved with" for each in gone)
    assert [each for each in broken(now) if not each.startswith(excused or "-")] == []


def rows() -> tuple[int, ...]:
    kinds = (LedgerEntry, Posting, HistoryLine, Message, Payment, Refund, Dispute, Payout)
    return tuple(kind.objects.count() for kind in kinds)


# -- one difference at a time ------------------------------------------------------------------------------------------
def missed_payment(stripe: StandIn) -> None:
    stripe.pay(begin(factories.reservation()).checkout_id)


def missed_payment_of_an_attempt_given_up(stripe: StandIn) -> None:
    missed_payment(stripe)
    Payment.objects.update(status=PaymentStatus.EXPIRED, checkout_id="")


def missed_expiry(stripe: StandIn) -> None:
    stripe.expire(begin(factories.reservation()).checkout_id)


def missed_bank_debit(stripe: StandIn) -> None:
    held = paid(stripe).reservation
    stripe.pay(begin(held, Purpose.BALANCE).checkout_id, method="us_bank_account")


def missed_bank_debit_that_failed(stripe: StandIn) -> None:
    held = paid(stripe).reservation
    balance = begin(held, Purpose.BALANCE)
    intent = stripe.pay(balance.checkout_id, method="us_bank_account")["payment_intent"]
    catch_up(balance, now=NOW)
    stripe.settle_bank_debit(intent, ok=False)


def missed_dashboard_refund(stripe: StandIn) -> None:
    stripe.dashboard_refund(paid(stripe).reference, 20_000)


def missed_dispute(stripe: StandIn) -> None:
    stripe.dispute(paid(stripe).reference)


def missed_lost_dispute(stripe: StandIn) -> None:
    stripe.close_dispute(stripe.dispute(paid(stripe).reference)["id"], won=False)


def missed_fee(stripe: StandIn) -> None:
    payment = begin(factories.reservation())
    intent = stripe.pay(payment.checkout_id)["payment_intent"]
    told(payment, Report(PaymentStatus.SUCCEEDED, 50_000, intent), now=NOW)


def a_pending_refund(stripe: StandIn) -> Refund:
    stripe.refunds = "pending"
    payment = paid(stripe)
    [refund] = owe_back(payment.reservation, 20_000, rule="goodwill", why="Kindness.", by=None, now=NOW)
    return send_back(refund, now=NOW)


def missed_end_of_a_refund(stripe: StandIn) -> None:
    stripe.finish_refund(a_pending_refund(stripe).processor_id)


def missed_failure_of_a_refund(stripe: StandIn) -> None:
    stripe.finish_refund(a_pending_refund(stripe).processor_id, ok=False)


def lost_answer_to_a_refund(stripe: StandIn) -> None:
    payment = paid(stripe)
    [refund] = owe_back(payment.reservation, 20_000, rule="goodwill", why="Kindness.", by=None, now=NOW)
    stripe.faults.add("POST", "/v1/refunds", "drop_after", times=3)
    send_back(refund, now=NOW)


def refund_never_sent(stripe: StandIn) -> None:
    payment = paid(stripe)
    owe_back(payment.reservation, 20_000, rule="goodwill", why="Kindness.", by=None, now=NOW)


def missed_payout(stripe: StandIn) -> None:
    paid(stripe)
    stripe.other_sale(123_456)
    stripe.pay_out(everything=True)


def lost_page(stripe: StandIn) -> None:
    stripe.faults.add("POST", "/v1/checkout/sessions", "drop_after", times=3)
    with pytest.raises(Unavailable):
        begin(factories.reservation())


def page_that_was_never_made(stripe: StandIn) -> None:
    stripe.faults.add("POST", "/v1/checkout/sessions", "drop_before", times=3)
    with pytest.raises(Unavailable):
        begin(factories.reservation())


LATER = NOW + 2 * HOUR
MISSED: list[tuple[Callable[[StandIn], None], set[str]]] = [
    (missed_payment, {"payment-missing", "processor-sum"}),
    (missed_payment_of_an_attempt_given_up, {"payment-missing", "processor-sum"}),
    (missed_expiry, {"attempt-behind"}),
    (missed_bank_debit, {"attempt-behind"}),
    (missed_bank_debit_that_failed, {"attempt-behind"}),
    (missed_dashboard_refund, {"refund-missing", "processor-sum"}),
    (missed_dispute, {"dispute-missing", "fee-missing", "processor-sum"}),
    (missed_lost_dispute, {"dispute-missing", "fee-missing", "processor-sum"}),
    (missed_fee, {"fee-missing", "processor-sum"}),
    (missed_end_of_a_refund, {"refund-behind", "processor-sum"}),
    (missed_failure_of_a_refund, {"refund-behind"}),
    (lost_answer_to_a_refund, {"refund-behind", "processor-sum"}),
    (refund_never_sent, {"refund-not-sent"}),
    (missed_payout, {"payout-missing"}),
    (lost_page, {"attempt-behind"}),
    (page_that_was_never_made, {"attempt-unknown"}),
]


@pytest.mark.parametrize(("happens", "found"), MISSED, ids=lambda each: getattr(each, "__name__", ""))
def test_what_nobody_told_us_is_found_mended_and_then_agrees(
    stripe: StandIn, happens: Callable[[StandIn], None], found: set[str]
) -> None:
    happens(stripe)
    before = rows()
    differences = mending.compare(SINCE, LATER)
    assert set(codes(differences)) - {"fee-missing"} == found - {"fee-missing"}
    assert all(each.words.endswith(".") for each in differences)
    assert rows() == before, "comparing writes nothing"

    mended, remain = mending.mend(SINCE, LATER)

    assert remain == []
    assert mended
    assert_books_agree(stripe, LATER)
    assert_it_all_holds(LATER)
    after = rows()
    assert mending.mend(SINCE, LATER) == ([], [])
    assert rows() == after, "a second time changes nothing"


def test_a_difference_is_told_with_its_numbers(stripe: StandIn) -> None:
    missed_payment(stripe)
    number = Payment.objects.get().public_id
    [missing, total] = [each for each in mending.compare(SINCE, LATER) if each.code != "fee-missing"]
    assert missing.words == (
        f"Stripe received $500 for payment {number} on 11 January 2027, and the books do not know it."
    )
    assert total.words == ("All in all, Stripe's account has had $485.20 of ours before payouts, and the books say $0.")
    assert (missing.theirs_cents, missing.ours_cents, missing.can_be_mended) == (50_000, 0, True)


def test_other_sales_on_the_same_account_are_left_alone_and_never_counted(stripe: StandIn) -> None:
    paid(stripe)
    other = stripe.other_sale(99_900)
    stripe.dashboard_refund(stripe.other_sale(70_000)["id"])
    stripe.dispute(other["id"])
    assert mending.mend(SINCE, LATER) == ([], [])
    assert (Payment.objects.count(), Refund.objects.count(), Dispute.objects.count()) == (1, 0, 0)
    assert_books_agree(stripe, LATER)


# -- what cannot be mended ---------------------------------------------------------------------------------------------
def test_what_is_ours_and_unknown_is_shown_to_a_person(stripe: StandIn) -> None:
    stripe.other_sale(50_000, metadata={"cintima_payment": "nobody"})
    mended, remain = mending.mend(SINCE, LATER)
    assert (mended, codes(remain)) == ([], ["payment-unknown", "processor-sum"])


def test_money_that_was_booked_and_is_not_at_stripe_is_shown_to_a_person(stripe: StandIn) -> None:
    payment = paid(stripe)
    Payment.objects.filter(pk=payment.pk).update(reference="pi_nowhere")
    assert "payment-not-there" in codes(mending.mend(SINCE, LATER)[1])


def test_another_amount_and_another_currency_are_shown_to_a_person(stripe: StandIn) -> None:
    payment = paid(stripe)
    Payment.objects.filter(pk=payment.pk).update(amount_cents=40_000)
    assert codes(mending.mend(SINCE, LATER)[1]) == ["payment-other-amount"]
    Payment.objects.filter(pk=payment.pk).update(amount_cents=50_000, currency="EUR")
    assert codes(mending.mend(SINCE, LATER)[1]) == ["payment-wrong-money"]


def test_money_that_came_twice_under_one_number_is_shown_to_a_person(stripe: StandIn) -> None:
    payment = paid(stripe)
    stripe.other_sale(50_000, metadata={"cintima_payment": payment.public_id})
    remain = mending.mend(SINCE, LATER)[1]
    assert "payment-twice" in codes(remain)
    assert Payment.objects.get().amount_cents == 50_000


def test_a_fee_that_was_booked_otherwise_is_shown_to_a_person(stripe: StandIn) -> None:
    payment = begin(factories.reservation())
    stripe.pay(payment.checkout_id)
    [moved] = stripe.all("balance_transaction")
    ledger.post_fee(moved["id"], None, 1, at=NOW)
    catch_up(payment, now=NOW)
    assert codes(mending.mend(SINCE, LATER)[1]) == ["fee-other-amount", "processor-sum"]


def test_one_that_cannot_be_mended_keeps_no_other_waiting(stripe: StandIn) -> None:
    first, second = begin(factories.reservation()), begin(factories.reservation())
    for each in (first, second):
        stripe.pay(each.checkout_id)
    with stripe.account.acting_on(first.checkout_id) as page:
        page["currency"] = "eur"  # its intent says dollars still
    remain = mending.mend(SINCE, LATER)[1]
    assert "payment-missing" in codes(remain)
    assert [Payment.objects.get(pk=each.pk).status for each in (first, second)] == ["open", "succeeded"]


# -- an outage of three days -------------------------------------------------------------------------------------------
def test_an_outage_of_three_days_is_made_good(stripe: StandIn) -> None:
    """Nothing that Stripe says arrives, and for a part of it nothing can be asked. Then the books are compared."""
    stripe.deliver = "never"
    stripe.days_until_available = 0
    settled, late, cancels, balance, disputed, lost, leaves = (
        begin(factories.reservation(cohort=factories.cohort(capacity=1))) for _ in range(7)
    )
    for each in (balance, disputed, lost):
        stripe.pay(each.checkout_id)
        catch_up(each, now=NOW)
    debit = begin(balance.reservation, Purpose.BALANCE)
    stripe.other_sale(77_700)

    stripe.down = True  # the first day
    now = NOW + HOUR
    with pytest.raises(Unavailable):
        catch_up(settled, now=now)
    stripe.now = NOW + 30 * timedelta(minutes=1)
    for each in (settled, late, cancels, leaves):
        stripe.pay(each.checkout_id) if each is not leaves else stripe.fail(each.checkout_id)
    intent = stripe.pay(debit.checkout_id, method="us_bank_account")["payment_intent"]
    other = factories.reservation(cohort=late.reservation.cohort, now=NOW + 2 * HOUR)
    registrar = factories.person(Role.REGISTRAR)
    paying.record_transfer(other, Purpose.FULL, reference="W-1", by=registrar, now=NOW + 2 * HOUR)
    cancelling.cancel(Reservation.objects.get(pk=cancels.reservation_id), now=NOW, by=cancels.reservation.trainee)
    stripe.now = NOW + DAY
    stripe.dispute(disputed.reference or Payment.objects.get(pk=disputed.pk).reference)
    going = stripe.dispute(Payment.objects.get(pk=lost.pk).reference)
    stripe.down = False

    stripe.now = NOW + 2 * DAY
    stripe.settle_bank_debit(intent)
    stripe.close_dispute(going["id"], won=False)
    stripe.dashboard_refund(stripe.object(settled.checkout_id)["payment_intent"], 10_000)
    stripe.other_sale(12_300)
    stripe.pay_out(everything=True)
    stripe.now = later = NOW + 3 * DAY

    before = rows()
    assert len(mending.compare(SINCE, later)) > 10
    assert rows() == before

    mended, remain = mending.mend(SINCE, later)

    assert remain == []
    assert len(mended) > 10
    assert_books_agree(stripe, later)
    state = {
        name: Reservation.objects.get(pk=each.reservation_id).state
        for name, each in {
            "settled": settled, "late": late, "cancels": cancels, "balance": balance,
            "disputed": disputed, "lost": lost, "leaves": leaves,
        }.items()
    }  # fmt: skip
    assert state["balance"] == State.CONFIRMED
    assert state["disputed"] == State.RESERVED
    assert state["late"] == State.EXPIRED
    assert state["cancels"] == State.CANCELLED
    assert Refund.objects.filter(rule="late-no-seat", status=RefundStatus.SUCCEEDED).count() == 2
    assert_it_all_holds(later)
    assert Refund.objects.filter(rule="outside").get().amount_cents == 10_000
    after = rows()
    assert mending.mend(SINCE, later) == ([], [])
    assert rows() == after


# -- the command and the night -----------------------------------------------------------------------------------------
def command(*options: str) -> tuple[str, int]:
    out, code = StringIO(), 0
    try:
        call_command("reconcile_payments", *options, stdout=out, stderr=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    return out.getvalue(), code


def test_the_command_says_what_differs_and_ends_with_1(stripe: StandIn) -> None:
    missed_payment(stripe)
    said, code = command("--since", "2027-01-10")
    assert code == 1
    assert "Different: Stripe received $500 for payment" in said
    assert "run it again with --fix" in said
    assert not LedgerEntry.objects.exists()


def test_the_command_mends_and_ends_with_0(stripe: StandIn) -> None:
    missed_payment(stripe)
    said, code = command("--since", "2027-01-10", "--fix")
    assert (code, "The books agree with Stripe's." in said, "Mended: Stripe received $500" in said) == (0, True, True)
    assert command("--since", "2027-01-10")[1] == 0


def test_the_command_ends_with_2_when_stripe_cannot_be_asked(stripe: StandIn) -> None:
    stripe.down = True
    said, code = command()
    assert (code, "Stripe could not be asked" in said) == (2, True)


def test_without_keys_the_command_says_so(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""
    said, code = command("--fix")
    assert (code, "Stripe is not set up here" in said) == (0, True)


NIGHT = NOW.replace(hour=3, minute=5) + DAY


def test_in_the_night_the_books_are_compared_once(stripe: StandIn) -> None:
    missed_payment(stripe)
    assert nightly.nightly(NIGHT.replace(hour=2)) == 0
    assert nightly.nightly(NIGHT) == 1
    assert Payment.objects.get().status == PaymentStatus.SUCCEEDED
    asked = len(stripe.requests)
    assert nightly.nightly(NIGHT + HOUR) == 0
    assert len(stripe.requests) == asked
    assert nightly.nightly(NIGHT + DAY) == 1
    assert not Message.objects.filter(kind="books-differ").exists()


def test_after_a_pause_what_came_since_the_last_comparison_is_compared(stripe: StandIn) -> None:
    payment = begin(factories.reservation())
    told(payment, Report(PaymentStatus.EXPIRED), now=NOW)
    assert nightly.nightly(NIGHT) == 1
    stripe.pay(payment.checkout_id)  # after all, and nobody tells us
    stripe.now = NIGHT + 10 * DAY
    assert nightly.nightly(NIGHT + 10 * DAY) == 1
    assert Payment.objects.get().status == PaymentStatus.SUCCEEDED


def test_money_of_somebody_else_under_our_number_is_told_and_settles_nothing(stripe: StandIn) -> None:
    held = factories.reservation()
    payment = paying.begin(held, Purpose.DEPOSIT, "stripe", by=held.trainee, now=NOW).payment
    stripe.other_sale(100, metadata={"cintima_payment": payment.public_id})
    mended, remain = mending.mend(NOW - DAY, NOW + HOUR / 2)
    assert (mended, {each.code for each in remain}) == ([], {"payment-missing", "processor-sum"})
    payment.refresh_from_db()
    assert (payment.status, Refund.objects.count()) == (PaymentStatus.OPEN, 0)
    stripe.pay(payment.checkout_id)
    _, remain = mending.mend(NOW - DAY, NOW + HOUR / 2)
    payment.refresh_from_db()
    assert (payment.status, payment.amount_cents) == (PaymentStatus.SUCCEEDED, 50_000)
    assert "payment-twice" in {each.code for each in remain}


def test_what_remains_in_the_morning_is_told_to_the_registrars(stripe: StandIn) -> None:
    registrar = factories.person(Role.REGISTRAR)
    factories.person(Role.BOOKKEEPER)
    stripe.other_sale(50_000, metadata={"cintima_payment": "nobody"})
    nightly.nightly(NIGHT)
    message = Message.objects.get(kind="books-differ")
    assert message.to == registrar
    assert "payment nobody" in message.context["differences"]


def test_while_stripe_is_down_the_night_waits_an_hour(stripe: StandIn) -> None:
    stripe.down = True
    assert nightly.nightly(NIGHT) == 0
    stripe.down = False
    assert nightly.nightly(NIGHT + HOUR / 2) == 0
    assert nightly.nightly(NIGHT + 2 * HOUR) == 1
