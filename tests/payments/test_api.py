"""Paying as programs do it."""

import pytest
from pytest_django import Settings

from booking.payments import paying
from booking.payments.models import Payment, Purpose
from tests import factories
from tests.asking import Answer, Program, StoppedClock, invalid_fields
from tests.stripe_stand_in import StandIn
from workshops.people.models import Role, Scope

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def dollars(amount: int) -> dict[str, object]:
    return {"amount": amount * 100, "currency": "USD"}


@pytest.mark.parametrize(("purpose", "amount", "state"), [("deposit", 500, "reserved"), ("full", 2099, "confirmed")])
def test_play_money_succeeds_at_once_and_the_seat_is_theirs(purpose: str, amount: int, state: str) -> None:
    held = factories.reservation()
    program = Program.of(held.trainee, Scope.BOOK, Scope.READ)
    answer = program.post(f"/reservations/{held.public_id}/payments", {"purpose": purpose, "gateway": "sandbox"})
    payment = Payment.objects.get()
    assert (answer.status, answer.json) == (
        201,
        {
            "id": payment.public_id,
            "gateway": "sandbox",
            "status": "succeeded",
            "amount": dollars(amount),
            "checkout_url": None,
        },
    )
    shown = program.get(f"/reservations/{held.public_id}").json
    assert (shown["state"], shown["paid"], shown["remaining"]) == (state, dollars(amount), dollars(2099 - amount))
    assert "payment-received" in [line["what"] for line in shown["history"]]


def test_the_balance_follows_the_deposit_and_then_nothing_is_owed() -> None:
    held = factories.reservation()
    program, path = Program.of(held.trainee), f"/reservations/{held.public_id}/payments"

    def pay(purpose: str) -> Answer:
        return program.post(path, {"purpose": purpose, "gateway": "sandbox"})

    assert pay("balance").problem == (409, "nothing-to-pay")
    assert pay("deposit").json["amount"] == dollars(500)
    assert program.get(f"/reservations/{held.public_id}").json["due_next"] == {
        "amount": dollars(1599),
        "due_at": "2027-04-11T23:59:59-07:00",
    }
    assert pay("deposit").problem == (409, "nothing-to-pay")
    assert pay("balance").json["amount"] == dollars(1599)
    assert pay("full").problem == (409, "nothing-to-pay")
    assert program.get(f"/reservations/{held.public_id}").json["due_next"] is None


def test_a_hold_that_ran_out_takes_no_money(clock: StoppedClock) -> None:
    held = factories.reservation()
    clock.move(hours=1)
    answer = Program.of(held.trainee).post(
        f"/reservations/{held.public_id}/payments", {"purpose": "deposit", "gateway": "sandbox"}
    )
    assert answer.problem == (409, "hold-expired")
    assert Payment.objects.count() == 0


def test_a_cancelled_reservation_takes_no_money() -> None:
    held = factories.reservation()
    program = Program.of(held.trainee)
    program.post(f"/reservations/{held.public_id}/cancel")
    answer = program.post(f"/reservations/{held.public_id}/payments", {"purpose": "full", "gateway": "sandbox"})
    assert answer.problem == (409, "nothing-to-pay")
    assert answer.json["detail"] == "This reservation has ended; nothing is owed on it."


def test_a_way_to_pay_that_is_not_offered_here_is_said_to_be_so(settings: Settings) -> None:
    held = factories.reservation()
    program, path = Program.of(held.trainee), f"/reservations/{held.public_id}/payments"
    assert program.post(path, {"purpose": "deposit", "gateway": "stripe"}).problem == (409, "gateway-unavailable")
    settings.SANDBOX_PAYMENTS = False
    assert program.post(path, {"purpose": "deposit", "gateway": "sandbox"}).problem == (409, "gateway-unavailable")


def test_bank_transfers_are_not_begun_by_programs() -> None:
    held = factories.reservation()
    path = f"/reservations/{held.public_id}/payments"
    answer = Program.of(held.trainee).post(path, {"purpose": "deposit", "gateway": "offline"})
    assert invalid_fields(answer) == ["gateway"]


def test_who_lost_the_role_still_pays_for_their_own_seat() -> None:
    held = factories.reservation()
    held.trainee.role_grants.filter(role=Role.TRAINEE).delete()
    path = f"/reservations/{held.public_id}/payments"
    assert Program.of(held.trainee).post(path, {"purpose": "deposit", "gateway": "sandbox"}).status == 201


# -- by card -----------------------------------------------------------------------------------------------------------
def test_a_payment_by_card_is_open_and_says_where_it_is_paid(clock: StoppedClock, stripe: StandIn) -> None:
    held = factories.reservation()
    program, path = Program.of(held.trainee), f"/reservations/{held.public_id}/payments"
    answer = program.post(path, {"purpose": "deposit", "gateway": "stripe"}, key="one")
    payment = Payment.objects.get()
    assert (answer.status, answer.json) == (
        201,
        {
            "id": payment.public_id,
            "gateway": "stripe",
            "status": "open",
            "amount": dollars(500),
            "checkout_url": stripe.object(payment.checkout_id)["url"],
        },
    )
    again = program.post(path, {"purpose": "deposit", "gateway": "stripe"}, key="one")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (answer.json, "true")
    assert program.post(path, {"purpose": "deposit", "gateway": "stripe"}).json == answer.json
    stripe.pay(payment.checkout_id)
    assert program.post(path, {"purpose": "deposit", "gateway": "stripe"}).problem == (409, "nothing-to-pay")
    assert program.get(f"/reservations/{held.public_id}").json["state"] == "reserved"


def test_what_is_too_little_for_a_card_is_not_begun_by_card(clock: StoppedClock, stripe: StandIn) -> None:
    held = factories.reservation()
    registrar = factories.person(Role.REGISTRAR)
    paying.record_transfer(
        held, Purpose.FULL, reference="W", by=registrar, now=clock.now, amount_cents=held.price_cents - 49
    )
    program, path = Program.of(held.trainee), f"/reservations/{held.public_id}/payments"
    answer = program.post(path, {"purpose": "balance", "gateway": "stripe"})
    assert answer.problem == (409, "gateway-unavailable")
    assert answer.json["detail"] == "No less than 50 cents can be paid by card. Please pay this by bank transfer."
    assert (Payment.objects.count(), stripe.requests) == (1, [])


def test_a_processor_that_does_not_answer_is_asked_again_with_the_same_key(
    clock: StoppedClock, stripe: StandIn
) -> None:
    held = factories.reservation()
    program, path = Program.of(held.trainee), f"/reservations/{held.public_id}/payments"
    stripe.down = True
    answer = program.post(path, {"purpose": "deposit", "gateway": "stripe"}, key="one")
    assert answer.problem == (503, "processor-unavailable")
    assert answer.headers["Retry-After"] == "60"
    stripe.down = False
    assert program.post(path, {"purpose": "deposit", "gateway": "stripe"}, key="one").json["status"] == "open"
    assert Payment.objects.count() == 1


def test_while_another_payment_is_with_a_bank_none_begins(clock: StoppedClock, stripe: StandIn) -> None:
    held = factories.reservation()
    program, path = Program.of(held.trainee), f"/reservations/{held.public_id}/payments"
    program.post(path, {"purpose": "deposit", "gateway": "sandbox"})
    program.post(path, {"purpose": "balance", "gateway": "stripe"})
    stripe.pay(Payment.objects.get(gateway="stripe").checkout_id, method="us_bank_account")
    answer = program.post(path, {"purpose": "balance", "gateway": "stripe"})
    assert answer.problem == (409, "payment-under-way")


def test_where_too_little_time_is_left_for_another_page_the_open_one_is_named(
    clock: StoppedClock, stripe: StandIn
) -> None:
    held = factories.reservation()
    program, path = Program.of(held.trainee), f"/reservations/{held.public_id}/payments"
    stripe.now = clock.move(minutes=45)
    page = program.post(path, {"purpose": "deposit", "gateway": "stripe"}).json["checkout_url"]
    stripe.now = clock.move(minutes=10)
    answer = program.post(path, {"purpose": "full", "gateway": "stripe"})
    assert (answer.problem, answer.json["checkout_url"]) == ((409, "payment-under-way"), page)


def test_a_payment_that_the_processor_has_not_heard_of_is_open_to_programs(
    clock: StoppedClock, stripe: StandIn
) -> None:
    schema = Program().get("/openapi.json").json["components"]["schemas"]["PaymentAnswer"]
    assert schema["properties"]["status"]["enum"] == ["open", "processing", "succeeded", "failed", "expired"]
