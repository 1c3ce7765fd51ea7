"""Papers are made with the money they are about, once, and say what was so on that day."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from booking.payments import outside, paying, sending
from booking.payments.gateways.base import SentBack
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.papers import issuing
from booking.payments.papers.models import Paper, PaperKind, PaperSeries
from booking.payments.papers.numbers import shown_number
from booking.payments.settling import settle
from booking.reservations import cancelling, moving, reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.reservations.paid_seats import cohort_in
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.programme.changing import change_school

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def paid(purpose: Purpose = Purpose.DEPOSIT, *, days: int = 120, **fields: object) -> Reservation:
    """A seat that was paid so far by play money, in a cohort that begins in so many days."""
    held = reserving.hold(cohort_in(days, NOW), factories.trainee(**fields), now=NOW)  # type: ignore[arg-type]
    paying.begin(held, purpose, "sandbox", by=held.trainee, now=NOW)
    return Reservation.objects.select_related("cohort", "trainee").get(pk=held.pk)


def transferred(held: Reservation, cents: int, *, asked: int = 50_000) -> Payment:
    """A bank transfer of so much, where another sum was asked for."""
    payment = Payment.objects.create(
        reservation=held, purpose="deposit", gateway="offline", amount_cents=asked, currency="USD", created_at=NOW
    )
    settle(payment, now=NOW, by=None, reference=f"W-{payment.pk}", received_cents=cents)
    return payment


def sums(paper: Paper) -> dict[str, int]:
    return {each["what"]: each["cents"] for each in paper.says["sums"]}


def facts(paper: Paper) -> dict[str, str]:
    return dict(paper.says["facts"])


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR)


# -- receipts ----------------------------------------------------------------------------------------------------------
def test_every_payment_brings_its_receipt() -> None:
    own = paid(name="Vera Molnar", legal_name="Veronika Molnar")
    receipt = Paper.objects.get()
    assert (receipt.kind, shown_number(receipt), receipt.reservation) == (PaperKind.RECEIPT, "R-000001", own)
    assert receipt.payment == own.payments.get()
    assert receipt.payer == "Vera Molnar"  # the name in the passport stands on nothing they did not ask for
    assert facts(receipt) == {
        "Received on": "11 January 2027",
        "Paid by": "Play money",
        "Reservation": own.public_id[:8].upper(),
    }
    assert sums(receipt) == {
        "Received": 50_000,
        "The seat costs": 209_900,
        "Received for it so far": 50_000,
        "Remaining": 159_900,
    }


def test_a_second_receipt_counts_what_came_before() -> None:
    own = paid()
    paying.begin(own, Purpose.BALANCE, "sandbox", by=own.trainee, now=NOW + HOUR)
    latest = Paper.objects.first()
    assert latest is not None
    assert (shown_number(latest), sums(latest)["Received for it so far"], sums(latest)["Remaining"]) == (
        "R-000002",
        209_900,
        0,
    )


def test_a_payment_that_is_reported_again_has_one_receipt() -> None:
    payment = paid().payments.get()
    for _ in range(3):
        settle(payment, now=NOW + HOUR, by=None, reference="again")
    assert Paper.objects.count() == PaperSeries.objects.get().last_number == 1


def test_money_that_came_too_late_says_that_it_goes_back_and_then_that_it_has() -> None:
    cohort = factories.cohort(capacity=1)
    late = factories.reservation(cohort=cohort)
    factories.reservation(cohort=cohort, now=NOW + HOUR)
    payment = Payment.objects.create(
        reservation=late, purpose="deposit", gateway="sandbox", amount_cents=50_000, currency="USD", created_at=NOW
    )
    settle(payment, now=NOW + HOUR, by=None, reference="")
    receipt, note = Paper.objects.order_by("pk")
    assert sums(receipt) == {"Received": 50_000}
    assert "could not buy the seat" in receipt.says["notes"][0]
    assert (note.kind, note.refund, note.says["notes"]) == (
        PaperKind.CREDIT_NOTE,
        payment.refunds.get(),
        ["Why: it came when no seat was left."],
    )


def test_what_is_more_than_the_seat_costs_is_said_to_go_back() -> None:
    receipt = transferred(factories.reservation(), 250_000).receipt
    assert receipt.says["notes"] == ["$401 of it is more than the seat costs, and goes back."]
    assert (sums(receipt)["Received"], sums(receipt)["Remaining"]) == (250_000, 0)


def test_a_receipt_takes_three_statements() -> None:
    own = paid()
    payment = Payment.objects.create(
        reservation=own, purpose="balance", gateway="offline", amount_cents=100, currency="USD", created_at=NOW,
        status=PaymentStatus.SUCCEEDED, settled_at=NOW,
    )  # fmt: skip
    known = Reservation.objects.select_related("cohort__venue", "trainee").get(pk=own.pk)
    with CaptureQueriesContext(connection) as taken:
        issuing.receipt(payment, known, kept_cents=50_100, seat_is_theirs=True, now=NOW)
    assert len(taken) == 3


def test_no_name_is_frozen_in_what_a_paper_says(registrar: User) -> None:
    own = paid(name="Xanthippe", legal_name="Xanthippe Quillfeather", email="quillfeather@example.org")
    paying.record_transfer(own, Purpose.BALANCE, reference="From Xanthippe", by=registrar, now=NOW)
    issuing.invoice(own, payer="Xanthippe Quillfeather", by=own.trainee, now=NOW)
    cancelling.cancel(own, now=NOW, by=own.trainee, why="Xanthippe is ill")
    said = str(list(Paper.objects.values_list("says", flat=True)))
    assert Paper.objects.count() == 4
    assert "anthippe" not in said
    assert "uillfeather" not in said


# -- credit notes ------------------------------------------------------------------------------------------------------
def test_a_part_that_goes_back_is_a_credit_note_that_says_of_what_and_why() -> None:
    own = paid(Purpose.FULL, days=45)
    cancelling.cancel(own, now=NOW, by=own.trainee)
    note = Paper.objects.get(kind=PaperKind.CREDIT_NOTE)
    assert (shown_number(note), note.refund, note.payer) == ("C-000001", Refund.objects.get(), own.trainee.name)
    assert note.says["lines"][0]["what"] == "Refund of a part of the payment in full received on 11 January 2027"
    assert facts(note)["Receipt"] == "R-000001"
    assert sums(note) == {"Sent back": 159_900, "The payment was": 209_900, "Left of it": 50_000}
    assert note.says["notes"] == ["Why: it is what was still refundable on that day."]


def test_each_refund_of_one_payment_has_its_own_credit_note() -> None:
    payment = paid(Purpose.FULL).payments.get()
    for number, cents in (("re_1", 10_000), ("re_2", 20_000), ("re_2", 20_000)):
        outside.refund_found(payment, SentBack(RefundStatus.SUCCEEDED, processor_id=number), cents, now=NOW)
    first, second = Paper.objects.filter(kind=PaperKind.CREDIT_NOTE).order_by("pk")
    assert sums(first) == {"Sent back": 10_000, "The payment was": 209_900, "Left of it": 199_900}
    assert sums(second) == {
        "Sent back": 20_000,
        "The payment was": 209_900,
        "Sent back before": 10_000,
        "Left of it": 179_900,
    }


def test_a_refund_that_came_back_and_was_sent_again_keeps_its_credit_note(registrar: User) -> None:
    own = factories.reservation()
    transferred(own, 50_000)
    cancelling.cancel(Reservation.objects.get(pk=own.pk), now=NOW, by=own.trainee)
    refund = Refund.objects.get()
    assert not Paper.objects.filter(kind=PaperKind.CREDIT_NOTE).exists()  # nothing has gone yet
    for _ in range(2):
        refund = sending.refunded(refund, now=NOW, by=registrar, reference="OUT-1")
    assert facts(Paper.objects.get(kind=PaperKind.CREDIT_NOTE))["Sent back by"] == "Bank transfer"
    sending.told(refund, SentBack(RefundStatus.FAILED, failure="account_closed"), now=NOW)
    sending.by_hand_instead(refund, now=NOW, by=registrar, why="Another account.")
    sending.refunded(refund, now=NOW, by=registrar, reference="OUT-2")
    assert Paper.objects.filter(kind=PaperKind.CREDIT_NOTE).count() == 1


def test_a_payment_recorded_by_mistake_has_its_receipt_taken_back_in_words(registrar: User) -> None:
    own = factories.reservation()
    payment = transferred(own, 50_000)
    outside.reverse(payment, why="It was somebody else's.", by=registrar, now=NOW + HOUR)
    note = Paper.objects.get(kind=PaperKind.CREDIT_NOTE)
    assert note.says["lines"][0]["what"] == "Reversal of the deposit received on 11 January 2027"
    assert "Sent back by" not in facts(note)
    assert sums(note) == {"Taken back": 50_000, "The payment was": 50_000, "Left of it": 0}
    assert "Receipt R-000001 does not count any more, and no money was sent." in note.says["notes"][0]


# -- invoices ----------------------------------------------------------------------------------------------------------
def test_an_invoice_says_what_is_paid_what_remains_and_by_when() -> None:
    own = paid()
    made = issuing.invoice(own, payer="Big Sky\n1 Avenue", by=own.trainee, now=NOW)
    assert (shown_number(made), made.payer, made.issued_by) == ("I-000001", "Big Sky\n1 Avenue", own.trainee)
    assert sums(made) == {"In all": 209_900, "Paid so far": 50_000, "Remaining": 159_900}
    due = [(each["what"], each["on"], each["cents"], each["open_cents"]) for each in made.says["due"]]
    assert due == [("Deposit", "11 January 2027", 50_000, 0), ("Balance", "11 April 2027", 159_900, 159_900)]
    refundable, transfer = made.says["notes"]
    assert refundable.startswith("If you cancel by 12 March 2027, everything comes back; by 11 April 2027, everything ")
    assert refundable.endswith("but the deposit of $500. After that nothing does.")
    assert transfer == f"With a bank transfer, please give the reference {own.public_id[:8].upper()}."
    line = HistoryLine.objects.get(what="paper-issued")
    assert (line.facts, line.by, line.about_id) == ({"paper": "Invoice I-000001"}, own.trainee, own.public_id)


def test_every_invoice_has_its_own_number_and_stays_as_it_was(registrar: User) -> None:
    own = paid()
    first = issuing.invoice(own, payer="A", by=own.trainee, now=NOW)
    change_school({"legal_name": "Other LLC", "address": "Elsewhere"}, by=registrar, now=NOW)
    paying.begin(own, Purpose.BALANCE, "sandbox", by=own.trainee, now=NOW)
    second = issuing.invoice(own, payer="A", by=own.trainee, now=NOW)
    first.refresh_from_db()
    assert [shown_number(first), shown_number(second)] == ["I-000001", "I-000002"]
    assert (first.says["school"]["legal_name"], second.says["school"]["legal_name"]) == ("CINTIMA", "Other LLC")
    assert (sums(first)["Remaining"], sums(second)["Remaining"]) == (159_900, 0)


def test_an_invoice_after_a_late_move_has_the_fee_on_a_line_of_its_own() -> None:
    own = paid(days=50)
    arrived = moving.move(own, factories.cohort(), now=NOW, by=own.trainee)
    if not arrived.fee_cents:  # the school as shipped moves people for nothing: charge something here
        Reservation.objects.filter(pk=arrived.pk).update(fee_cents=15_000)
    made = issuing.invoice(arrived, payer="A", by=own.trainee, now=NOW)
    assert [each["cents"] for each in made.says["lines"]] == [209_900, 15_000]
    assert made.says["play_money"] is True  # what was paid before the move came as play money
    assert sums(made)["In all"] == 224_900


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
def test_what_has_ended_is_not_invoiced(state: State) -> None:
    held = factories.reservation()
    later = NOW
    if state == State.CANCELLED:
        cancelling.cancel(held, now=NOW, by=held.trainee)
    else:
        later = NOW + timedelta(hours=2)
    with pytest.raises(issuing.NothingToInvoice):
        issuing.invoice(held, payer="A", by=held.trainee, now=later)
    assert not Paper.objects.exists()


def test_what_was_paid_elsewhere_is_not_invoiced() -> None:
    held = factories.reservation()
    Reservation.objects.filter(pk=held.pk).update(price_cents=0, deposit_cents=0, paid_elsewhere=True)
    with pytest.raises(issuing.NothingToInvoice):
        issuing.invoice(held, payer="A", by=held.trainee, now=NOW)


# -- numbers -----------------------------------------------------------------------------------------------------------
def test_a_paper_that_is_rolled_back_gives_its_number_back() -> None:
    own = paid()

    def changed_their_mind() -> None:
        with transaction.atomic():
            issuing.invoice(own, payer="Nobody", by=own.trainee, now=NOW)
            raise ZeroDivisionError

    issuing.invoice(own, payer="A", by=own.trainee, now=NOW)
    with pytest.raises(ZeroDivisionError):
        changed_their_mind()
    assert shown_number(issuing.invoice(own, payer="B", by=own.trainee, now=NOW)) == "I-000002"


def test_each_kind_counts_by_itself() -> None:
    own = paid()
    issuing.invoice(own, payer="A", by=own.trainee, now=NOW)
    cancelling.cancel(own, now=NOW, by=own.trainee)
    assert sorted(map(shown_number, Paper.objects.all())) == ["C-000001", "I-000001", "R-000001"]
