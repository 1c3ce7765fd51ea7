"""Paying by card in a browser: off to the processor's page (a stand-in's), back again, and never twice."""

from collections.abc import Callable, Iterator

import pytest
from django.utils.timezone import now
from playwright.sync_api import BrowserContext, Page, expect

from booking.payments import ledger
from booking.payments.models import Payment, PaymentStatus
from booking.reservations import reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.journeys.test_reserving import CHECKED, PASSWORD, PHONE, accessible, nothing_more, sign_in
from tests.services.server import Product
from tests.stripe_stand_in import KEY, StandIn


@pytest.fixture
def stripe() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running
        assert not running.broken
        assert not running.unknown


@pytest.fixture
def product(start_product: Callable[..., Product], stripe: StandIn) -> Product:
    """The product with a key for the stand-in."""
    told = {"STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRETS": "whsec_test", "STRIPE_API_BASE": stripe.url}
    return start_product(processes=1, environment=told)


@pytest.fixture
def held(product: Product) -> Reservation:
    """A seat that Tara holds since a moment ago."""
    tara = factories.trainee(name="Tara Quinn", email="tara@example.org", password=PASSWORD)
    return reserving.hold(factories.cohort(now=now(), capacity=3), tara, now=now())


def go_and_pay(page: Page, product: Product, held: Reservation, what: str = "The deposit, $500") -> None:
    """From the page of the reservation to the processor's."""
    page.goto(f"{product.url}/reservations/{held.public_id}/pay/")
    if page.get_by_label("Password").count():
        sign_in(page, product, "tara@example.org")
    page.get_by_label(what).check()
    page.get_by_label("Card and more, by Stripe").check()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Pay", exact=True)).to_be_visible()


def pay(page: Page, card: str) -> None:
    page.get_by_label("Card number").fill(card)
    page.get_by_role("button", name="Pay", exact=True).click()


def state_of(held: Reservation) -> str:
    return Reservation.objects.get(pk=held.pk).state


@pytest.mark.parametrize(
    ("options", "look"),
    [({}, nothing_more), (CHECKED, accessible), ({**CHECKED, **PHONE, "color_scheme": "dark"}, accessible)],
    ids=["desktop", "checked", "checked-phone-dark"],
)
def test_the_deposit_is_paid_on_the_processors_page_with_a_second_card_after_the_first_was_declined(
    product: Product,
    held: Reservation,
    new_context: Callable[..., BrowserContext],
    options: dict[str, object],
    look: Callable[[Page], None],
) -> None:
    page = new_context(**options).new_page()
    page.goto(f"{product.url}/reservations/{held.public_id}/pay/")
    sign_in(page, product, "tara@example.org")
    expect(page.get_by_role("heading", name="What comes back if you cancel")).to_be_visible()
    look(page)

    go_and_pay(page, product, held)
    pay(page, "4000000000000002")
    expect(page.get_by_role("alert")).to_contain_text("declined")
    assert state_of(held) == State.HELD
    pay(page, "4242424242424242")
    expect(page.get_by_role("heading", name="Thank you, $500 is here")).to_be_visible()
    look(page)
    page.get_by_role("link", name="See your reservation").click()
    expect(page.get_by_role("heading", name="Seat 1 is reserved for you")).to_be_visible()
    expect(page.get_by_text("The balance of $1,599 is due by")).to_be_visible()
    look(page)
    assert (state_of(held), ledger.paid_cents(held)) == (State.RESERVED, 50_000)


def test_whoever_comes_back_without_paying_goes_on_where_they_left(
    product: Product, held: Reservation, page: Page, stripe: StandIn
) -> None:
    go_and_pay(page, product, held)
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("heading", name="Nothing was taken")).to_be_visible()
    expect(page.get_by_role("link", name="Give the seat back")).to_be_visible()
    assert ledger.paid_cents(held) == 0
    page.get_by_role("link", name="Go on paying $500").click()
    pay(page, "4242424242424242")
    expect(page.get_by_role("heading", name="Thank you, $500 is here")).to_be_visible()
    assert Payment.objects.get().status == PaymentStatus.SUCCEEDED
    page.go_back()
    page.go_forward()
    assert [each.amount_cents for each in Payment.objects.all()] == [50_000]


def test_a_page_that_could_not_ask_finds_out_by_itself(
    product: Product, held: Reservation, new_context: Callable[..., BrowserContext], stripe: StandIn
) -> None:
    context = new_context()
    context.clock.install()
    page = context.new_page()
    go_and_pay(page, product, held)
    address = f"{product.url}/payments/{Payment.objects.get().public_id}/back"
    stripe.pay(Payment.objects.get().checkout_id)
    stripe.down = True
    page.goto(address)
    expect(page.get_by_role("heading", name="We are asking Stripe")).to_be_visible()
    assert state_of(held) == State.HELD
    stripe.down = False
    page.clock.fast_forward("00:11")
    expect(page.get_by_role("heading", name="Thank you, $500 is here")).to_be_visible()


def test_the_whole_way_to_pay_works_without_javascript(
    product: Product, held: Reservation, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    go_and_pay(page, product, held, "Everything, $2,099")
    pay(page, "4242424242424242")
    expect(page.get_by_role("heading", name="Thank you, $2,099 is here")).to_be_visible()
    expect(page.get_by_text("Everything is paid.")).to_be_visible()
    assert state_of(held) == State.CONFIRMED
