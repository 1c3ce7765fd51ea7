"""Paying as a trainee meets it: the terms before, the ways to pay, and coming back from the processor's page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from booking.payments import paying
from booking.payments.models import Dispute, LedgerEntry, Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.settling import catch_up
from booking.reservations import cancelling, moving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.asking import StoppedClock
from tests.pages import text
from tests.stripe_stand_in import KEY, StandIn
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, stripe: StandIn) -> StoppedClock:
    """The clock that pages and the stand-in read."""
    clock = StoppedClock(monkeypatch)
    stripe.now = lambda: clock.now
    return clock


@pytest.fixture
def held(clock: StoppedClock) -> Reservation:
    return factories.reservation(now=clock.now)


@pytest.fixture
def client(held: Reservation) -> Client:
    """The browser of whoever holds the seat."""
    browser = Client()
    browser.force_login(held.trainee)
    return browser


def pay_page(held: Reservation) -> str:
    return f"/reservations/{held.public_id}/pay/"


def chosen(purpose: str = "deposit", gateway: str = "stripe") -> dict[str, str]:
    return {"purpose": purpose, "gateway": gateway}


def begun(client: Client, held: Reservation, purpose: str = "deposit") -> Payment:
    """What pressing the button begins."""
    answer = client.post(pay_page(held), chosen(purpose))
    payment = Payment.objects.latest("pk")
    assert (answer.status_code, answer.headers["Location"]) == (302, payment.checkout_url)
    return payment


def back(payment: Payment) -> str:
    return f"/payments/{payment.public_id}/back"


def stopped(payment: Payment) -> str:
    return f"/payments/{payment.public_id}/stopped"


def state_of(held: Reservation) -> str:
    return Reservation.objects.get(pk=held.pk).state


# -- before paying -----------------------------------------------------------------------------------------------------
def test_one_card_says_what_is_paid_when_and_what_would_come_back_on_each_date(
    client: Client, held: Reservation
) -> None:
    shown = text(client.get(pay_page(held)))
    assert "Deposit now, to keep the seat $500 Balance by" in shown
    first, last = (held.cohort.starts_on - timedelta(days=days) for days in (60, 30))
    assert (
        "What comes back if you cancel Cancel until of $500 of $2,099 "
        f"{first:%-d %B %Y} $500 $2,099 {last:%-d %B %Y} nothing $1,599 later nothing nothing"
    ) in shown


def test_the_same_card_stands_on_the_page_before_a_seat_is_held(client: Client, held: Reservation) -> None:
    other = factories.cohort()
    browser = Client()
    browser.force_login(factories.trainee())
    assert "What comes back if you cancel Cancel until of $500 of $2,099" in text(
        browser.get(f"{other.get_absolute_url()}reserve/")
    )


def test_after_the_deposit_the_card_speaks_of_it_and_of_everything(
    client: Client, held: Reservation, clock: StoppedClock
) -> None:
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=clock.now)
    clock.now += held.cohort.starts_on - clock.now.date() - timedelta(days=45)
    client.force_login(held.trainee)
    shown = text(client.get(pay_page(held)))
    assert "Cancel until of $500 of $2,099" in shown
    assert "nothing $1,599 later nothing nothing" in shown


def test_pay_later_is_named_only_where_stripe_may_offer_it(client: Client, held: Reservation) -> None:
    assert "may also be paid with Klarna or Afterpay" in text(client.get(pay_page(held)))
    Reservation.objects.update(terms_frozen={**held.terms_frozen, "pay_later": False})
    assert "Klarna" not in text(client.get(pay_page(held)))
    Reservation.objects.update(terms_frozen=held.terms_frozen, price_cents=450_000)
    assert "may also be paid with Klarna," in text(client.get(pay_page(held)))


def test_pay_later_is_not_named_for_a_balance_or_without_stripe(
    client: Client, held: Reservation, clock: StoppedClock, settings: Settings
) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert "Klarna" not in text(client.get(pay_page(held)))
    settings.STRIPE_SECRET_KEY = KEY
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=clock.now)
    assert "Klarna" not in text(client.get(pay_page(held)))


def lacking(held: Reservation, cents: int, clock: StoppedClock) -> None:
    """All but so many cents came by transfer."""
    registrar = factories.person(Role.REGISTRAR)
    came = held.price_cents - cents
    paying.record_transfer(held, Purpose.FULL, reference="W-1", by=registrar, now=clock.now, amount_cents=came)


def test_a_rest_too_little_for_a_card_is_paid_by_transfer(
    client: Client, held: Reservation, clock: StoppedClock, stripe: StandIn
) -> None:
    lacking(held, 30, clock)
    page = client.get(pay_page(held))
    assert "No less than 50 cents can be paid by card. Please pay this by bank transfer." in text(page)
    assert 'value="stripe"' not in page.content.decode()
    assert client.post(pay_page(held), chosen("balance")).status_code == 422
    with pytest.raises(paying.TooLittleForCard):
        paying.begin(held, Purpose.BALANCE, "stripe", by=held.trainee, now=clock.now)
    assert (Payment.objects.filter(gateway="stripe").count(), stripe.requests) == (0, [])


def test_fifty_cents_are_enough_for_a_card(client: Client, held: Reservation, clock: StoppedClock) -> None:
    lacking(held, 50, clock)
    assert 'value="stripe"' in client.get(pay_page(held)).content.decode()
    assert begun(client, held, "balance").amount_cents == 50


def test_where_only_the_deposit_is_too_little_everything_can_be_paid_by_card(
    client: Client, held: Reservation, clock: StoppedClock
) -> None:
    Reservation.objects.filter(pk=held.pk).update(deposit_cents=30)
    answer = client.post(pay_page(held), chosen("deposit"))
    assert (answer.status_code, "No less than 50 cents" in text(answer)) == (422, True)
    assert begun(client, held, "full").amount_cents == held.price_cents


def test_recording_a_transfer_closes_the_page_that_is_open(
    client: Client, held: Reservation, clock: StoppedClock, stripe: StandIn
) -> None:
    registrar = factories.person(Role.REGISTRAR)
    payment = begun(client, held)
    paying.record_transfer(held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=clock.now)
    assert stripe.object(payment.checkout_id)["status"] == "expired"
    payment.refresh_from_db()
    assert (payment.status, state_of(held)) == (PaymentStatus.EXPIRED, State.RESERVED)
    rest = begun(client, held, "balance")
    with pytest.raises(paying.AlreadyRecorded):
        paying.record_transfer(held, Purpose.BALANCE, reference="w-1", by=registrar, now=clock.now)
    assert stripe.object(rest.checkout_id)["status"] == "open"  # a slip of the registrar's closes nothing


# -- when it cannot begin ----------------------------------------------------------------------------------------------
def test_where_stripe_does_not_answer_nothing_is_lost_and_what_was_chosen_is_kept(
    client: Client, held: Reservation, stripe: StandIn
) -> None:
    stripe.down = True
    answer = client.post(pay_page(held), chosen("full"))
    assert answer.status_code == 503
    assert "Nothing was taken. Try again in a minute, or choose bank transfer." in text(answer)
    chosen_still = [each.split(">")[0] for each in answer.content.decode().split("<input") if " checked" in each]
    assert ['value="full"' in chosen_still[0], 'value="stripe"' in chosen_still[1]] == [True, True]
    stripe.down = False
    assert begun(client, held, "full").status == PaymentStatus.OPEN
    assert Payment.objects.count() == 1


def test_whoever_has_too_little_time_for_another_page_is_led_to_the_open_one(
    client: Client, held: Reservation, clock: StoppedClock
) -> None:
    clock.move(minutes=45)
    payment = begun(client, held)
    clock.move(minutes=10)
    answer = client.post(pay_page(held), chosen("full"))
    assert answer.status_code == 409
    assert "Too little time is left for another page" in text(answer)
    assert f'href="{payment.checkout_url}"' in answer.content.decode()


def test_while_money_is_with_a_bank_no_other_payment_begins(
    client: Client, held: Reservation, clock: StoppedClock, stripe: StandIn
) -> None:
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=clock.now)
    payment = begun(client, held, "balance")
    stripe.pay(payment.checkout_id, method="us_bank_account")
    answer = client.post(pay_page(held), chosen("balance"), follow=True)
    assert "A payment is with your bank already, so no other was begun." in text(answer)
    assert "$1,599 is with your bank: we write to you as soon as we know." in text(answer)
    assert Payment.objects.filter(gateway="stripe").count() == 1


# -- coming back -------------------------------------------------------------------------------------------------------
def test_coming_back_asks_stripe_and_the_seat_is_theirs(client: Client, held: Reservation, stripe: StandIn) -> None:
    payment = begun(client, held)
    stripe.pay(payment.checkout_id)
    shown = text(client.get(back(payment)))
    assert "Thank you, $500 is here" in shown
    assert "Seat 1 is reserved for you Next, $1,599 is due by Sunday 11 April 2027." in shown
    assert state_of(held) == State.RESERVED


def test_the_address_alone_is_not_believed(client: Client, held: Reservation) -> None:
    payment = begun(client, held)
    shown = text(client.get(back(payment)))
    assert "Not paid yet" in shown
    assert "Go on paying $500" in shown
    assert (state_of(held), LedgerEntry.objects.count()) == (State.HELD, 0)


def test_coming_back_ten_times_changes_nothing_more(client: Client, held: Reservation, stripe: StandIn) -> None:
    payment = begun(client, held)
    stripe.pay(payment.checkout_id)
    client.get(back(payment))
    models = (LedgerEntry, HistoryLine, Message, Refund, Payment)
    before = [model._base_manager.count() for model in models]
    for _ in range(5):
        assert "Thank you, $500 is here" in text(client.get(back(payment)))
        assert "It has been paid" in text(client.get(stopped(payment)))
    assert [model._base_manager.count() for model in models] == before


def test_money_with_a_bank_is_said_to_be_there(
    client: Client, held: Reservation, clock: StoppedClock, stripe: StandIn
) -> None:
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=clock.now)
    payment = begun(client, held, "balance")
    intent = stripe.pay(payment.checkout_id, method="us_bank_account")["payment_intent"]
    assert "Your bank is checking it" in text(client.get(back(payment)))
    stripe.settle_bank_debit(intent, ok=False)
    shown = text(client.get(back(payment)))
    assert "The payment did not go through" in shown
    assert "Your bank did not let the payment through, and nothing was taken." in shown
    assert "Try again, or in another way" in shown


def test_where_stripe_does_not_answer_the_page_looks_again_by_itself_and_by_a_link(
    client: Client, held: Reservation, stripe: StandIn
) -> None:
    payment = begun(client, held)
    stripe.pay(payment.checkout_id)
    stripe.down = True
    page = client.get(back(payment))
    assert "We are asking Stripe" in text(page)
    html = page.content.decode()
    assert f'hx-get="{back(payment)}?seen=asking"' in html
    assert f'href="{back(payment)}">Look again' in html
    asking = {"HX-Request": "true"}
    assert "HX-Refresh" not in client.get(f"{back(payment)}?seen=asking", headers=asking).headers
    stripe.down = False
    assert client.get(f"{back(payment)}?seen=asking", headers=asking).headers["HX-Refresh"] == "true"
    assert "Thank you, $500 is here" in text(client.get(back(payment)))


def test_stopping_takes_nothing_and_shows_the_three_ways_on(client: Client, held: Reservation) -> None:
    payment = begun(client, held)
    page = client.get(stopped(payment))
    shown = text(page)
    assert "Nothing was taken Seat 1, 11 to" in shown
    assert "Seat 1 waits for the deposit until" in shown
    for label in ("Go on paying $500", "Pay in another way", "Give the seat back"):
        assert label in shown
    assert f'href="{payment.checkout_url}"' in page.content.decode()
    assert "data-countdown" in page.content.decode()


def test_a_declined_card_leaves_the_page_open_for_another(client: Client, held: Reservation, stripe: StandIn) -> None:
    payment = begun(client, held)
    stripe.fail(payment.checkout_id)
    assert "Nothing was taken" in text(client.get(stopped(payment)))
    assert begun(client, held) == payment
    stripe.pay(payment.checkout_id)
    assert "Thank you, $500 is here" in text(client.get(back(payment)))


def test_money_for_a_seat_that_is_gone_is_said_to_go_back(
    client: Client, clock: StoppedClock, held: Reservation, stripe: StandIn
) -> None:
    payment = begun(client, held)
    stripe.pay(payment.checkout_id)
    cancelling.cancel(held, now=clock.now, by=held.trainee)
    held.cohort.seats.update(status="blocked", occupant=None, held_until=None)
    shown = text(client.get(back(payment)))
    assert "Your money goes back to you" in shown
    assert "no seat was left by then. All of it goes back the way it came." in shown


def test_wrong_money_is_not_booked_and_a_person_looks(
    client: Client, held: Reservation, stripe: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    payment = begun(client, held)
    stripe.pay(payment.checkout_id)
    Payment.objects.update(currency="EUR")
    shown = text(client.get(back(payment)))
    assert "A person has to look at this" in shown
    assert "Please do not pay again before that." in shown
    assert (state_of(held), LedgerEntry.objects.count()) == (State.HELD, 0)
    assert payment.public_id in caplog.text


@pytest.mark.parametrize("where", [back, stopped], ids=["back", "stopped"])
def test_the_payment_of_somebody_else_is_not_there(
    client: Client, held: Reservation, where: Callable[[Payment], str]
) -> None:
    payment = begun(client, held)
    other = Client()
    other.force_login(factories.trainee())
    address = where(payment)
    assert other.get(address).status_code == 404
    assert other.get(address.replace(payment.public_id, "nobody")).status_code == 404
    assert Client().get(address).status_code == 302
    assert client.post(address).status_code == 405


def test_whoever_comes_back_after_a_move_is_led_to_where_the_money_counts(
    client: Client, held: Reservation, clock: StoppedClock, stripe: StandIn
) -> None:
    payment = begun(client, held)
    other = factories.cohort(now=clock.now)
    moved = moving.move(held, other, now=clock.now, by=held.trainee)
    stripe.pay(payment.checkout_id)
    page = client.get(back(payment))
    assert f'href="{moved.get_absolute_url()}"' in page.content.decode()


# -- the reservation ---------------------------------------------------------------------------------------------------
def test_an_open_page_is_named_on_the_reservation_with_the_way_back_to_it(client: Client, held: Reservation) -> None:
    payment = begun(client, held)
    page = client.get(held.get_absolute_url())
    assert "A page to pay $500 on is open until" in text(page)
    assert f'href="{payment.checkout_url}">Go on paying' in page.content.decode()


def test_a_dispute_is_told_without_blame(
    client: Client, held: Reservation, clock: StoppedClock, stripe: StandIn
) -> None:
    payment = begun(client, held)
    stripe.pay(payment.checkout_id)
    payment = catch_up(payment, now=clock.now)
    told: dict[str, Any] = {"payment": payment, "reservation": held, "amount_cents": 50_000, "opened_at": clock.now}
    dispute = Dispute.objects.create(processor_id="dp_1", status="open", **told)
    of_it = "the payment of 11 January 2027, $500"
    assert f"Your bank was asked about {of_it}, and has not decided yet." in text(client.get(held.get_absolute_url()))
    dispute.status = "won"
    dispute.save()
    assert f"Your bank was asked about {of_it}, and left it as it was." in text(client.get(held.get_absolute_url()))
    dispute.status = "lost"
    dispute.save()
    shown = text(client.get(held.get_absolute_url()))
    assert "Your bank has given you back $500 of the payment of 11 January 2027." in shown


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": RefundStatus.FAILED}, "$500 could not be sent back yet (Stripe): the school decided so."),
        (
            {"status": RefundStatus.REQUESTED, "by_hand": True, "attempt": 1},
            "$500 is sent once more (bank transfer), for it did not reach you the first time: the school decided so.",
        ),
        (
            {"status": RefundStatus.SUCCEEDED, "rule": "outside"},
            "$500 was sent back on 11 January 2027 (Stripe): the school sent it back outside this system.",
        ),
        (
            {"status": RefundStatus.SUCCEEDED, "rule": "recorded-wrongly"},
            "A payment of $500 was taken off the record on 11 January 2027: it had been recorded by mistake.",
        ),
    ],
)
def test_how_far_a_refund_has_come_is_said_whatever_became_of_it(
    change: dict[str, Any], words: str, client: Client, held: Reservation, clock: StoppedClock, stripe: StandIn
) -> None:
    payment = begun(client, held)
    stripe.pay(payment.checkout_id)
    catch_up(payment, now=clock.now)
    told: dict[str, Any] = {"rule": "by-the-school", "requested_at": clock.now, "settled_at": clock.now}
    Refund.objects.create(payment=payment, reservation=held, amount_cents=50_000, **{**told, **change})
    assert words in text(client.get(held.get_absolute_url()))
