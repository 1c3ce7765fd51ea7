"""Opening a paper, and asking for an invoice."""

import pytest
from django.test import Client
from django.urls import reverse

from booking.payments.papers.models import Paper, PaperKind
from booking.payments.papers.page import papers_of, receipt_link
from booking.reservations import cancelling, moving
from booking.reservations.models import Reservation
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, statements
from tests.factories import NOW
from tests.pages import text
from tests.payments.papers.test_issuing import paid
from workshops.people.models import Role

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SENT = {"invoice-name": "Big Sky Pictures", "invoice-address": "1 Avenue\r\n\r\nLos Angeles\r\n"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def own() -> Reservation:
    return paid(name="Vera", legal_name="Veronika Molnar")


@pytest.fixture
def vera(own: Reservation) -> Client:
    client = Client()
    client.force_login(own.trainee)
    return client


def page(own: Reservation) -> str:
    return reverse("reservation-invoice", args=[own.public_id])


def receipt() -> str:
    return reverse("paper", args=[Paper.objects.get(kind=PaperKind.RECEIPT).public_id])


# -- one paper ---------------------------------------------------------------------------------------------------------
def test_a_paper_is_a_pdf_with_a_name_that_nobody_else_may_keep(vera: Client) -> None:
    answer = vera.get(receipt())
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["Content-Disposition"] == 'inline; filename="CINTIMA-receipt-R-000001.pdf"'
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_whoever_keeps_the_books_may_open_it_and_nobody_else(own: Reservation, client: Client) -> None:
    expected = {Role.REGISTRAR: 200, Role.BOOKKEEPER: 200}
    found = {role: browser(role).get(receipt()).status_code for role in Role}
    assert found == {role: expected.get(role, 404) for role in Role}
    assert client.get(receipt()).status_code == 302
    assert browser(Role.REGISTRAR).get(reverse("paper", args=["nobody-has-this"])).status_code == 404


def test_a_paper_is_only_read(vera: Client) -> None:
    assert vera.post(receipt()).status_code == 405


# -- asking for an invoice ---------------------------------------------------------------------------------------------
def test_the_form_begins_with_the_legal_name_and_makes_one_invoice_after_another(
    own: Reservation, vera: Client
) -> None:
    assert 'value="Veronika Molnar"' in vera.get(page(own)).content.decode()
    for number in ("I-000001", "I-000002"):
        answer = vera.post(page(own), SENT)
        assert answer.headers["Location"] == f"{own.get_absolute_url()}#papers"
        assert f"Invoice {number} is made." in text(vera.get(own.get_absolute_url()))
    assert set(Paper.objects.filter(kind=PaperKind.INVOICE).values_list("payer", "issued_by")) == {
        ("Big Sky Pictures\n1 Avenue\nLos Angeles", own.trainee_id)
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"invoice-name": ""},
        {"invoice-name": "\u200b"},
        {"invoice-name": "x" * 121},
        {"invoice-address": "x" * 180},
        {"invoice-address": "\n".join("1234567")},
    ],
)
def test_an_address_that_cannot_be_makes_no_invoice(own: Reservation, vera: Client, changes: dict[str, str]) -> None:
    answer = vera.post(page(own), {**SENT, **changes})
    assert answer.status_code == 422
    assert not Paper.objects.filter(kind=PaperKind.INVOICE).exists()


def test_the_longest_name_and_address_fit(own: Reservation, vera: Client) -> None:
    sent = {"invoice-name": "n" * 120, "invoice-address": "a" * 179}
    assert vera.post(page(own), sent).status_code == 302
    assert len(Paper.objects.get(kind=PaperKind.INVOICE).payer) == 300


def test_what_has_ended_leads_back(own: Reservation, vera: Client) -> None:
    cancelling.cancel(own, now=NOW, by=own.trainee)
    for answer in (vera.get(page(own), follow=True), vera.post(page(own), SENT, follow=True)):
        assert "there is nothing to invoice" in text(answer)
    assert not Paper.objects.filter(kind=PaperKind.INVOICE).exists()


def test_another_trainees_reservation_is_not_there(own: Reservation) -> None:
    stranger = browser(Role.TRAINEE)
    assert {stranger.get(page(own)).status_code, stranger.post(page(own), SENT).status_code} == {404}
    assert not Paper.objects.filter(kind=PaperKind.INVOICE).exists()


def test_the_page_of_a_reservation_leads_to_the_form_while_something_is_owed(own: Reservation, vera: Client) -> None:
    link = f'href="{page(own)}"'
    assert link in vera.get(own.get_absolute_url()).content.decode()
    cancelling.cancel(own, now=NOW, by=own.trainee)
    shown = vera.get(own.get_absolute_url())
    assert link not in shown.content.decode()
    assert "Credit note C-000001" in text(shown)


# -- the list ----------------------------------------------------------------------------------------------------------
def test_the_list_follows_a_move_and_has_the_newest_first(own: Reservation) -> None:
    arrived = moving.move(own, factories.cohort(), now=NOW, by=own.trainee)
    listed = papers_of(arrived)
    assert [(each.title, each.number, each.cents, each.url) for each in listed] == [
        ("Receipt", "R-000001", 50_000, receipt())
    ]


def test_a_payment_leads_to_its_receipt(own: Reservation) -> None:
    payment = own.payments.get()
    assert receipt_link(payment) == receipt()
    Paper.objects.all().delete()
    assert receipt_link(payment) == ""


def test_a_paper_takes_the_same_statements_whoever_opens_it(vera: Client) -> None:
    assert statements(vera, receipt()) <= 4
