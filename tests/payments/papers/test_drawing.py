"""What stands on the PDF of each kind of paper, and that a name is only ever a name."""

from datetime import timedelta

import pypdfium2
import pytest

from booking.payments import outside, paying
from booking.payments.discounts.models import Discount, Redemption
from booking.payments.models import Purpose
from booking.payments.papers import issuing
from booking.payments.papers.drawing import file_name, pdf_of
from booking.payments.papers.models import Paper, PaperKind
from booking.reservations import cancelling, owing
from tests import factories
from tests.factories import NOW
from tests.payments.papers.reading import words_of
from tests.payments.papers.test_issuing import paid
from workshops.people.models import Role, User
from workshops.programme.changing import change_school

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

HOUR = timedelta(hours=1)
SCHOOL = {
    "legal_name": "Cintima Institute LLC",
    "address": "4500 Sunset Boulevard\nLos Angeles, CA 90027",
    "tax_number": "12-3456789",
    "email": "hello@example.org",
}
PLAY_MONEY = "PLAY MONEY. No money has moved, and this paper is worth nothing."


@pytest.fixture(autouse=True)
def registrar() -> User:
    someone = factories.person(Role.REGISTRAR)
    change_school(SCHOOL, by=someone, now=NOW)
    return someone


def by_transfer(registrar: User, **fields: str) -> Paper:
    """The receipt of a deposit that came by bank transfer."""
    held = factories.reservation(trainee=factories.trainee(**fields))
    paying.record_transfer(held, Purpose.DEPOSIT, reference="WIRE 20270111", by=registrar, now=NOW)
    return Paper.objects.get()


def test_a_receipt(registrar: User) -> None:
    receipt = by_transfer(registrar, name="Amara Wałęsa")
    words, cohort = words_of(receipt), receipt.reservation.cohort
    for each in (
        "Cintima Institute LLC 4500 Sunset Boulevard Los Angeles, CA 90027 Tax number 12-3456789",
        "Receipt R-000001",
        "Received from Amara Wałęsa",
        "Received on 11 January 2027 Paid by Bank transfer",
        "Reference WIRE 20270111",
        f"Deposit for a seat in {cohort.title} 11 to 14 May 2027, {cohort.venue.name}, Los Angeles $500.00",
        "Received $500.00 The seat costs $2,099.00 Received for it so far $500.00 Remaining $1,599.00",
        "Cintima Institute LLC · hello@example.org",
    ):
        assert each in words
    assert "PLAY MONEY" not in words
    assert file_name(receipt) == "CINTIMA-receipt-R-000001.pdf"


@pytest.mark.parametrize("length", [24, 27, 36, 48])
def test_a_reference_can_be_copied_from_the_paper_as_it_is(registrar: User, length: int) -> None:
    receipt, reference = by_transfer(registrar), ("pi_" + "3QxW9mK2" * 6)[:length]
    assert receipt.payment is not None
    receipt.payment.reference = reference
    (page,) = pypdfium2.PdfDocument(pdf_of(receipt))
    assert reference in page.get_textpage().get_text_range()


def test_what_came_through_stripe_is_not_said_to_be_a_card(registrar: User) -> None:
    """It may have been Klarna or a bank debit: the paper says what is known."""
    paid_there = paid(Purpose.DEPOSIT).payments.get()
    paid_there.gateway = "stripe"
    paid_there.save()
    Paper.objects.all().delete()
    issuing.receipt(paid_there, paid_there.reservation, kept_cents=50_000, seat_is_theirs=True, now=NOW)
    words = words_of(Paper.objects.get())
    assert "Paid through Stripe" in words
    assert "Card" not in words


def test_play_money_is_called_so_on_everything_that_it_touches() -> None:
    own = paid(Purpose.FULL)
    issuing.invoice(own, payer="A", by=own.trainee, now=NOW)
    cancelling.cancel(own, now=NOW, by=own.trainee)
    assert [PLAY_MONEY in words_of(paper) for paper in Paper.objects.all()] == [True, True, True]


def test_an_invoice_with_a_discount_and_a_part_paid(registrar: User) -> None:
    held = factories.reservation()
    scholarship = Discount.objects.create(
        kind="scholarship", person=held.trainee, amount_cents=30_050, valid_from=NOW, valid_until=NOW, reason="Merit.",
        created_at=NOW,
    )  # fmt: skip
    Redemption.objects.create(discount=scholarship, reservation=held, amount_cents=30_050, at=NOW)
    owing.cost_less(held, held.price_cents - 30_050, NOW)
    paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    made = issuing.invoice(held, payer="Big Sky Pictures, Inc.\n1200 Avenue of the Stars", by=held.trainee, now=NOW)
    words = words_of(made)
    for each in (
        "Invoice I-000001",
        "Billed to Big Sky Pictures, Inc. 1200 Avenue of the Stars",
        "$2,099.00 Scholarship \N{MINUS SIGN}$300.50 In all $1,798.50 Paid so far $500.00 Remaining $1,298.50",
        "Deposit 11 January 2027 $500.00 paid Balance 11 April 2027 $1,298.50 $1,298.50",
        "If you cancel by 12 March 2027, everything comes back;",
    ):
        assert each in words


def test_a_credit_note_for_a_part() -> None:
    own = paid(Purpose.FULL, days=45)
    cancelling.cancel(own, now=NOW, by=own.trainee)
    words = words_of(Paper.objects.get(kind=PaperKind.CREDIT_NOTE))
    for each in (
        "Credit note C-000001",
        "Date 11 January 2027 Receipt R-000001 Sent back by Play money",
        "Refund of a part of the payment in full received on 11 January 2027",
        "Sent back $1,599.00 The payment was $2,099.00 Left of it $500.00",
        "Why: it is what was still refundable on that day.",
    ):
        assert each in words


def test_a_credit_note_for_what_was_recorded_by_mistake(registrar: User) -> None:
    receipt = by_transfer(registrar)
    assert receipt.payment is not None
    outside.reverse(receipt.payment, why="Somebody else's.", by=registrar, now=NOW + HOUR)
    words = words_of(Paper.objects.get(kind=PaperKind.CREDIT_NOTE))
    assert "Reversal of the deposit received on 11 January 2027" in words
    assert "This payment had been recorded by mistake" in words
    assert "Receipt R-000001 does not count any more, and no money was sent." in words


# -- names -------------------------------------------------------------------------------------------------------------
def named(payer: str) -> Paper:
    own = factories.reservation()
    return issuing.invoice(own, payer=payer, by=own.trainee, now=NOW)


@pytest.mark.parametrize(
    "payer",
    [
        '#panic("x")',
        '#import "@preview/x:1.0.0": y',
        '#read("/etc/passwd") #sys.inputs',
        "*bold* _slanted_ `code` ```raw``` $x^2$",
        r"\ \n \u{41} \#",
        "<label> @reference // comment /* another */",
        "= heading - list + list / term: x ~ -- --- ...",
        "[brackets] {braces} (round) 'single' \"double\" #{1+1}",
        '"}],"kind":"receipt","x":["',
        "https://example.org/#x",
        "\U0001d518\U0001d52b\U0001d526 Zoë Łukasz",
    ],
)
def test_a_name_appears_as_it_was_typed_and_is_never_run(payer: str) -> None:
    assert f"Billed to {payer} Date" in words_of(named(payer))


@pytest.mark.parametrize(
    "payer", ["محمد علي", "\u05d9\u05d5\u05e1\u05d9", "王小明", "😀 👩🏽‍🎬", "\u0301\u0301 é", "Ω≈ç√∫"]
)
def test_a_name_in_any_script_is_drawn(payer: str) -> None:
    assert pdf_of(named(payer)).startswith(b"%PDF-")


@pytest.mark.parametrize("payer", ["W" * 300, "Wide " * 60, "é" * 300, "\n".join("123456789"[:9]) + "\n" + "x" * 100])
def test_a_very_long_name_stays_on_the_page(payer: str) -> None:
    typed, drawn = payer.split(), words_of(named(payer))
    assert "".join(typed) in drawn.replace(" ", "")
    assert "Remaining $2,099.00" in drawn


# -- always the same ---------------------------------------------------------------------------------------------------
def test_the_same_paper_gives_the_same_bytes(registrar: User) -> None:
    receipt = by_transfer(registrar)
    first = pdf_of(receipt)
    change_school({"legal_name": "Other LLC", "address": "Elsewhere"}, by=registrar, now=NOW + HOUR)
    assert pdf_of(Paper.objects.get()) == first


def test_once_the_name_is_erased_the_paper_says_so_and_its_figures_stay(registrar: User) -> None:
    receipt = by_transfer(registrar, name="Amara Osei")
    Paper.objects.update(payer="")
    words = words_of(Paper.objects.get(pk=receipt.pk))
    assert "Received from Name removed" in words
    assert "Amara" not in words
    assert "Received $500.00" in words
