"""Paying as programs do it."""

import pytest
from pytest_django import Settings

from booking.payments.models import Payment
from tests import factories
from tests.asking import Answer, Program, StoppedClock, invalid_fields
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
