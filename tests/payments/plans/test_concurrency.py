"""Workers, people and cards at the same moment, in threads with real commits: a part is charged once, or not at all."""

from datetime import timedelta
from functools import partial

import pytest
from django.db.models import Sum

from booking.payments import ledger, paying
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund
from booking.payments.plans import charging
from booking.payments.plans.cards import begin_saving, catch_up
from booking.payments.plans.charging import charge_due
from booking.payments.plans.models import PlanState
from booking.payments.settling import catch_up as catch_up_payment
from booking.reservations import cancelling
from booking.reservations.models import State
from booking.site.due import do_due
from tests.concurrency.racing import cross
from tests.invariants import assert_all_hold
from tests.payments.plans.running import ASKS_ALWAYS, DUE, FAILS_LATER, again, at, attempts, begun, kept, told
from tests.services.databases import at_once
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine

pytestmark = pytest.mark.usefixtures("fresh_database")
FIRST = at(DUE[0])


def no_faults(answers: list[object]) -> None:
    for each in answers:
        if isinstance(each, Exception):
            raise AssertionError(repr(each)) from each


def charged(stripe: StandIn) -> int:
    """What Stripe holds of the parts, after what went back."""
    return sum(book.received - book.refunded for book in stripe.books().values()) - 50_000


def test_workers_at_once_charge_a_part_once(stripe: StandIn) -> None:
    plan = begun(stripe)
    stripe.now = FIRST
    no_faults(at_once(*[partial(charge_due, FIRST)] * 4))
    assert attempts(plan) == [("succeeded", 53_300)]
    assert (charged(stripe), kept(plan)) == (53_300, 103_300)
    assert_all_hold(FIRST)


@pytest.mark.parametrize("card", [FAILS_LATER, ASKS_ALWAYS])
def test_workers_at_once_try_a_card_in_vain_once_and_say_so_once(stripe: StandIn, card: str) -> None:
    plan = begun(stripe, card)
    stripe.now = FIRST
    no_faults(at_once(*[partial(do_due, FIRST)] * 3))
    assert [status for status, _ in attempts(plan)] == ["failed"]
    assert (again(plan).tries, len(told())) == (1, 1)
    assert HistoryLine.objects.filter(what="instalment-failed").count() == 1


def test_workers_at_once_find_a_lost_answer_once(stripe: StandIn) -> None:
    plan = begun(stripe)
    stripe.now = FIRST
    stripe.faults.add("POST", "/v1/payment_intents$", "drop_after", 3)
    charge_due(FIRST)
    later = FIRST + timedelta(minutes=2)
    no_faults(at_once(*[partial(charge_due, later)] * 4))
    no_faults(at_once(*[partial(charge_due, later + timedelta(minutes=2))] * 2))
    assert attempts(plan) == [("succeeded", 53_300)]
    assert charged(stripe) == 53_300
    assert_all_hold(later)


def test_giving_the_seat_back_races_the_charge_and_nothing_of_a_part_is_kept(stripe: StandIn) -> None:
    for _ in range(3):
        plan = begun(stripe)
        stripe.now = FIRST
        cancel = partial(cancelling.cancel, plan.reservation, now=FIRST, by=plan.reservation.trainee)
        no_faults(at_once(partial(charge_due, FIRST), cancel, partial(charge_due, FIRST)))
        do_due(FIRST + timedelta(minutes=10))
        assert again(plan).state == PlanState.CLOSED
        assert again(plan).reservation.state == State.CANCELLED
        came = Payment.objects.filter(reservation=plan.reservation, status=PaymentStatus.SUCCEEDED)
        back = Refund.objects.filter(payment__reservation=plan.reservation)
        total = came.aggregate(n=Sum("amount_cents"))["n"] or 0
        assert total - (back.aggregate(n=Sum("amount_cents"))["n"] or 0) == ledger.kept_cents(plan.reservation) == 0
        assert_all_hold(FIRST)


@pytest.mark.parametrize("name", ["_make_way", "_attempt"])
def test_a_seat_that_is_given_back_between_two_steps_of_a_charge_is_not_charged(
    stripe: StandIn, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the attempt is written, what has ended is looked at once more before Stripe is asked."""
    plan = begun(stripe)
    stripe.now = FIRST
    cancel = partial(cancelling.cancel, plan.reservation, now=FIRST, by=plan.reservation.trainee)
    no_faults(cross(monkeypatch, partial(charge_due, FIRST), cancel, after=(charging, name), patience=20))
    assert again(plan).reservation.state == State.CANCELLED
    assert [status for status, _ in attempts(plan)] == ([] if name == "_make_way" else ["expired"])
    assert not [each for each in stripe.all("payment_intent") if "monthly part" in each["description"]]
    assert_all_hold(FIRST)


def test_a_page_that_is_paid_races_the_charge_and_never_is_more_kept_than_the_price(stripe: StandIn) -> None:
    for minutes in (1, 20):
        plan = begun(stripe)
        stripe.now = FIRST
        trainee = plan.reservation.trainee
        page = paying.begin(plan.reservation, Purpose.BALANCE, "stripe", by=trainee, now=FIRST).payment
        later = FIRST + timedelta(minutes=minutes)

        def pays(page: Payment = page, later: object = later) -> None:
            try:
                stripe.pay(page.checkout_id)
            except Exception:  # the worker was quicker and closed the page
                return
            catch_up_payment(page, now=later)  # type: ignore[arg-type]

        no_faults(at_once(pays, partial(charge_due, later), partial(charge_due, later)))
        do_due(later + timedelta(minutes=10))
        assert kept(plan) in (103_300, 209_900)
        assert_all_hold(later)


def test_a_new_card_that_is_saved_in_three_windows_is_taken_once(stripe: StandIn) -> None:
    plan = begun(stripe)
    stripe.now = FIRST
    saving = begin_saving(plan, FIRST)
    stripe.pay(saving.checkout_id, card="5555555555554444")
    no_faults(at_once(*[partial(catch_up, saving, FIRST)] * 3))
    assert HistoryLine.objects.filter(what="plan-card-changed").count() == 1


def test_visits_that_are_begun_at_once_are_one(stripe: StandIn) -> None:
    plan = begun(stripe)
    stripe.now = FIRST
    no_faults(at_once(*[partial(begin_saving, plan, FIRST)] * 3))
    assert plan.savings.filter(settled_at=None).count() == 1
    assert len([each for each in stripe.all("checkout.session") if each["mode"] == "setup"]) == 1
