"""A process that dies between Stripe's yes and our commit, at each step of each road: the next one finishes, once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from booking.payments import ledger, paying, sending, settling
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.plans import cards, charging
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import CardSaving
from booking.reservations import cancelling
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.payments.plans.running import DUE, at, begun
from tests.stripe_stand_in import StandIn

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


class _Killed(BaseException):
    """The process ends here."""


@pytest.fixture(params=[False, True], ids=["before", "after"])
def dies_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Do something in a process that dies before, or after, this function of that module has done its work."""

    def run(module: Any, name: str, do: Callable[[], object]) -> None:
        original = getattr(module, name)

        def dies(*args: Any, **named: Any) -> Any:
            if request.param:
                original(*args, **named)
            raise _Killed

        with monkeypatch.context() as broken:
            broken.setattr(module, name, dies)
            with pytest.raises(_Killed):
                do()

    return run


def begin(held: Reservation, now: Any = NOW) -> Payment:
    return paying.begin(held, Purpose.DEPOSIT, "stripe", by=held.trainee, now=now).payment


@pytest.mark.parametrize("minutes", [0, 3])
def test_a_page_that_stripe_has_made_is_gone_on_with(
    stripe: StandIn, dies_at: Callable[..., None], minutes: int
) -> None:
    held = factories.reservation()
    dies_at(paying, "_opened", lambda: begin(held))
    stripe.now = now = NOW + minutes * MINUTE
    payment = begin(held, now)
    stripe.pay(payment.checkout_id)
    assert settling.catch_up(payment, now=now).status == PaymentStatus.SUCCEEDED
    assert (len(stripe.all("checkout.session")), ledger.kept_cents(held)) == (1, 50_000)
    assert_all_hold(now)


@pytest.mark.parametrize(
    ("module", "name"),
    [(settling, "settle_here"), (ledger, "post_payment"), (settling, "finish")],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_money_that_came_by_a_page_is_booked_once(
    stripe: StandIn, dies_at: Callable[..., None], module: Any, name: str
) -> None:
    held = factories.reservation()
    payment = begin(held)
    stripe.pay(payment.checkout_id)
    dies_at(module, name, lambda: settling.catch_up(payment, now=NOW))
    assert settling.catch_up(payment, now=NOW).status == PaymentStatus.SUCCEEDED
    held.refresh_from_db()
    assert (held.state, ledger.kept_cents(held)) == (State.RESERVED, 50_000)
    assert_all_hold(NOW)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (charging, "_book"),
        (charging, "told_here"),
        (ledger, "post_payment"),
        (plans, "money_came"),
        (charging, "finish"),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_a_part_that_was_charged_is_booked_and_not_charged_again(
    stripe: StandIn, dies_at: Callable[..., None], module: Any, name: str
) -> None:
    plan = begun(stripe)
    stripe.now = due = at(DUE[0])
    dies_at(module, name, lambda: charging.charge_due(due))
    stripe.now = later = due + 3 * MINUTE
    charging.charge_due(later)
    assert charging.charge_due(later + 3 * MINUTE) == 0
    assert ledger.kept_cents(plan.reservation) == 103_300
    assert sum(book.received for book in stripe.books().values()) == 103_300
    assert_all_hold(later)


@pytest.mark.parametrize(
    ("module", "name"),
    [(sending, "told"), (ledger, "post_refund")],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_a_refund_that_stripe_has_sent_is_sent_once(
    stripe: StandIn, dies_at: Callable[..., None], module: Any, name: str
) -> None:
    held = factories.reservation()
    payment = begin(held)
    stripe.pay(payment.checkout_id)
    settling.catch_up(payment, now=NOW)
    reserved = Reservation.objects.select_related("cohort", "trainee").get(pk=held.pk)
    dies_at(module, name, lambda: cancelling.cancel(reserved, now=NOW, by=held.trainee))
    later = NOW + 2 * sending.ASK_AGAIN
    sending.send_back_due(later)
    assert Refund.objects.get().status == RefundStatus.SUCCEEDED
    assert len(stripe.all("refund")) == 1
    assert_all_hold(later)


@pytest.mark.parametrize("step", [(cards, "_opened"), (cards, "_settle"), (plans, "card_saved")], ids=lambda it: it[1])
def test_a_card_that_stripe_has_saved_is_the_plans(
    stripe: StandIn, dies_at: Callable[..., None], step: tuple[Any, str]
) -> None:
    plan = begun(stripe)

    def visit() -> None:
        saving = cards.begin_saving(plan, NOW)
        stripe.pay(saving.checkout_id)
        cards.catch_up(saving, NOW)

    dies_at(*step, visit)
    saving = cards.begin_saving(plan, NOW)
    if saving.settled_at is None and stripe.object(saving.checkout_id)["status"] == "open":
        stripe.pay(saving.checkout_id)
    cards.catch_up(saving, NOW)
    plan.refresh_from_db()
    assert not CardSaving.objects.filter(settled_at=None, plan=plan).exclude(pk=saving.pk).exists()
    assert plan.card_id in {each["id"] for each in stripe.all("payment_method")}
    assert_all_hold(NOW)
