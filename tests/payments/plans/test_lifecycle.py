"""A plan begins with a saved card and its owner's consent, follows its seat, and ends with what is left to charge."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from booking.payments import ledger, outside, paying
from booking.payments.gateways.base import Card, SentBack
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.plans import cards, choosing
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.cards import begin_saving, catch_up
from booking.payments.plans.charging import charge_due
from booking.payments.plans.models import Plan, PlanState, Trouble
from booking.payments.settling import catch_up as catch_up_payment
from booking.reservations import calling_off, cancelling, lapses, lifecycle, moving
from booking.reservations.models import ChargeKind, Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.payments.plans.running import (
    ASKS_ALWAYS,
    DAY,
    DUE,
    GOOD,
    PARTS,
    again,
    at,
    attempts,
    begun,
    digest_of,
    kept,
    told,
    with_plan,
)
from tests.stripe_stand_in import StandIn
from workshops.cohorts import planning
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role

pytestmark = pytest.mark.django_db
CARD = Card("pm_1", "cus_1", "Visa ending in 4242, until 12/2030")


def parts_of(reservation: Reservation) -> list[tuple[int, date]]:
    left = plans.left_of(reservation, ledger.kept_cents(reservation))
    return [(part.cents, part.due_on) for part in left]


def reserved(**cohort: object) -> Reservation:
    """A seat whose deposit came without a card."""
    held = factories.reservation(cohort=factories.cohort(**cohort))  # type: ignore[arg-type]
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=NOW)
    return Reservation.objects.select_related("cohort__venue", "cohort__module", "trainee").get(pk=held.pk)


def saved(stripe: StandIn, own: Reservation, **card: str) -> Plan:
    """The plan of a reserved seat, after the visit that saved its card."""
    saving = begin_saving(choosing.choose(own, 3, digest=digest_of(own, 3), now=NOW), NOW)
    stripe.pay(saving.checkout_id, **card)  # type: ignore[arg-type]
    catch_up(saving, NOW)
    return again(saving.plan)


# -- beginning ---------------------------------------------------------------------------------------------------------
def test_the_deposit_on_stripes_page_saves_the_card_and_the_plan_runs(stripe: StandIn) -> None:
    plan = begun(stripe)
    assert (plan.state, plan.months, plan.trouble, plan.card_id[:3]) == (PlanState.ACTIVE, 3, Trouble.NONE, "pm_")
    assert parts_of(plan.reservation) == list(zip(PARTS, DUE, strict=True))
    assert told("plan-begun") == ["plan-begun"]
    words = Message.objects.get(kind="plan-begun").context
    assert words["parts"].startswith("$533 on Thursday 11 February 2027 · $533 on")
    assert HistoryLine.objects.filter(what="plan-begun").count() == 1
    assert_all_hold(NOW)


def test_what_was_agreed_to_is_kept_word_for_word(stripe: StandIn) -> None:
    held = factories.reservation(cohort=factories.cohort(title="Spring 2027"))
    shown = next(each for each in choosing.to_choose(held, NOW) if each.choice.months == 3)
    plan = with_plan(stripe, held)
    assert plan.consent == shown.consent
    assert plan.consented_at == NOW
    assert (
        "for my seat in Spring 2027, without asking me each time: $533 on Thursday 11 February 2027; $533 on Thursday "
        "11 March 2027; $533 on Sunday 11 April 2027." in plan.consent
    )
    assert "charged for nothing else" in plan.consent
    assert "ends when everything is paid" in plan.consent


def test_a_reserved_seat_saves_a_card_on_a_visit_of_its_own_and_is_charged_nothing_there(stripe: StandIn) -> None:
    own = reserved()
    plan = saved(stripe, own)
    assert (plan.state, kept(plan)) == (PlanState.ACTIVE, 50_000)
    assert stripe.all("payment_intent") == []
    (asked,) = [each for each in stripe.requests if each.path == "/v1/checkout/sessions" and each.method == "POST"]
    saving = plan.savings.get()
    assert asked.idempotency_key == f"card-{saving.public_id}"
    session = stripe.object(saving.checkout_id)
    assert (session["mode"], session["metadata"]) == ("setup", {"cintima_plan": saving.public_id})
    stripe.now = at(DUE[0])
    assert charge_due(at(DUE[0])) == 1


def test_asking_ten_times_what_became_of_a_visit_begins_one_plan(stripe: StandIn) -> None:
    own = reserved()
    saving = begin_saving(choosing.choose(own, 3, digest=digest_of(own, 3), now=NOW), NOW)
    catch_up(saving, NOW)
    assert again(saving.plan).state == PlanState.PROPOSED
    stripe.pay(saving.checkout_id)
    for _ in range(10):
        catch_up(saving, NOW)
    assert told("plan-begun") == ["plan-begun"]
    assert HistoryLine.objects.filter(what__startswith="plan-").count() == 1


def test_a_card_for_a_plan_that_was_dropped_is_used_for_nothing(stripe: StandIn) -> None:
    """Two windows: somebody chose three parts, then six, and saved the card in the first."""
    own = reserved(starts_on=NOW.date() + 300 * DAY)
    three = begin_saving(choosing.choose(own, 3, digest=digest_of(own, 3), now=NOW), NOW)
    six = begin_saving(choosing.choose(own, 6, digest=digest_of(own, 6), now=NOW), NOW)
    stripe.pay(three.checkout_id)
    catch_up(three, NOW)
    assert [again(each.plan).state for each in (three, six)] == [PlanState.CLOSED, PlanState.PROPOSED]
    stripe.pay(six.checkout_id)
    catch_up(six, NOW)
    assert (again(six.plan).state, len(parts_of(own))) == (PlanState.ACTIVE, 6)


def test_money_that_came_while_the_card_was_being_saved_leaves_another_rest_and_no_plan(stripe: StandIn) -> None:
    own = reserved()
    saving = begin_saving(choosing.choose(own, 3, digest=digest_of(own, 3), now=NOW), NOW)
    by = factories.person(Role.REGISTRAR)
    paying.record_transfer(own, Purpose.BALANCE, reference="T-1", by=by, now=NOW)
    stripe.pay(saving.checkout_id)
    catch_up(saving, NOW)
    assert again(saving.plan).state == PlanState.CLOSED
    assert_all_hold(NOW)


def test_words_that_are_not_those_which_were_shown_are_not_agreed_to() -> None:
    held = factories.reservation()
    digest = digest_of(held, 3)
    with pytest.raises(choosing.Changed):
        choosing.choose(held, 3, digest=digest_of(held, 3, NOW - DAY), now=NOW)
    with pytest.raises(choosing.NotOffered, match="11 July 2027"):
        choosing.choose(held, 6, digest=digest, now=NOW)
    with pytest.raises(choosing.NotOffered):
        choosing.choose(held, 4, digest=digest, now=NOW)
    with pytest.raises(choosing.NotOffered, match="nothing to pay"):
        choosing.choose(held, 3, digest=digest, now=NOW + timedelta(hours=2))
    assert not Plan.objects.exists()


def test_terms_without_plans_have_none() -> None:
    held = factories.reservation(cohort=factories.cohort(terms_changed={"instalment_plans": False}))
    assert {each.choice.why_not for each in choosing.to_choose(held, NOW)} == {
        "The terms of this cohort have no plans."
    }


def test_a_running_plan_is_not_chosen_over(stripe: StandIn) -> None:
    plan = begun(stripe)
    with pytest.raises(choosing.NotOffered, match="already"):
        choosing.choose(plan.reservation, 3, digest="", now=NOW)


def test_a_card_that_could_not_be_saved_leaves_a_plan_that_asks_for_one() -> None:
    own = reserved()
    choosing.choose(own, 3, digest=digest_of(own, 3), now=NOW)
    plan = plans.card_saved(lifecycle.lock(own), None, now=NOW)
    assert plan is not None
    assert (plan.state, plan.trouble) == (PlanState.ACTIVE, Trouble.NO_CARD)
    assert not Message.objects.get(kind="plan-begun").context["card"]


# -- paid off ----------------------------------------------------------------------------------------------------------
def test_whoever_pays_the_rest_at_once_is_charged_no_more(stripe: StandIn) -> None:
    plan = begun(stripe)
    rest = paying.begin(plan.reservation, Purpose.BALANCE, "stripe", by=plan.reservation.trainee, now=NOW).payment
    assert rest.amount_cents == 159_900
    stripe.pay(rest.checkout_id)
    catch_up_payment(rest, now=NOW)
    assert again(plan).state == PlanState.PAID
    for day in DUE:
        stripe.now = at(day)
        assert charge_due(at(day)) == 0


# -- moving ------------------------------------------------------------------------------------------------------------
def arrived(plan: Plan, **cohort: object) -> Reservation:
    to = factories.cohort(**cohort)  # type: ignore[arg-type]
    return moving.move(plan.reservation, to, now=NOW + DAY, by=plan.reservation.trainee)


def test_a_plan_goes_along_to_a_later_cohort_and_is_charged_there_as_agreed(stripe: StandIn) -> None:
    plan = begun(stripe)
    new = arrived(plan, starts_on=NOW.date() + 200 * DAY)
    assert (again(plan).reservation, again(plan).state) == (new, PlanState.ACTIVE)
    assert parts_of(new) == list(zip(PARTS, DUE, strict=True))
    stripe.now = at(DUE[0])
    assert charge_due(at(DUE[0])) == 1
    assert (ledger.kept_cents(new), Payment.objects.get(purpose=Purpose.INSTALMENT).reservation) == (103_300, new)
    assert_all_hold(at(DUE[0]))


def test_a_part_that_is_late_is_still_late_after_a_move(stripe: StandIn) -> None:
    plan = begun(stripe, ASKS_ALWAYS)
    stripe.now = at(DUE[0])
    charge_due(at(DUE[0]))
    later = at(DUE[0] + 2 * DAY)
    to = factories.cohort(starts_on=NOW.date() + 200 * DAY)
    new = moving.move(again(plan).reservation, to, now=later, by=plan.reservation.trainee)
    assert parts_of(new) == list(zip(PARTS, DUE, strict=True))
    assert again(plan).trouble == Trouble.AUTHENTICATION
    assert_all_hold(later)


def test_a_plan_that_ends_too_late_for_the_new_cohort_is_closed_and_said_to_be(stripe: StandIn) -> None:
    plan = begun(stripe)
    new = arrived(plan, starts_on=NOW.date() + 90 * DAY)
    assert again(plan).state == PlanState.CLOSED
    assert [charge.kind for charge in new.charges.all()] == [ChargeKind.DEPOSIT, ChargeKind.BALANCE]
    assert told("plan-ended") == ["plan-ended"]
    stripe.now = at(DUE[0])
    assert charge_due(at(DUE[0])) == 0
    assert_all_hold(NOW + DAY)


def test_a_fee_for_moving_is_never_charged_to_a_card_that_was_saved_for_less(stripe: StandIn) -> None:
    terms = {"moving_free_days": 150, "moving_until_days": 5, "moving_fee_cents": 15_000}
    plan = begun(stripe, terms_changed=terms)
    new = arrived(plan, starts_on=NOW.date() + 200 * DAY)
    assert (again(plan).state, new.owed_cents) == (PlanState.CLOSED, 224_900)


# -- ending early ------------------------------------------------------------------------------------------------------
def test_a_cohort_that_the_school_cancels_ends_its_plans(stripe: StandIn) -> None:
    plan = begun(stripe)
    calling_off.call_off(plan.reservation.cohort, by=factories.person(Role.REGISTRAR), now=NOW, why="The stage burnt.")
    assert again(plan).state == PlanState.CLOSED
    stripe.now = at(DUE[0])
    assert (charge_due(at(DUE[0])), attempts(plan)) == (0, [])


def test_money_that_was_taken_back_ends_the_plan(stripe: StandIn) -> None:
    plan = begun(stripe)
    deposit = Payment.objects.get(purpose=Purpose.DEPOSIT)
    outside.refund_found(deposit, SentBack(RefundStatus.SUCCEEDED, "re_1"), 50_000, now=NOW)
    assert again(plan).state == PlanState.CLOSED
    stripe.now = at(DUE[0])
    assert charge_due(at(DUE[0])) == 0


def test_money_that_was_taken_back_is_due_with_the_balance_and_then_the_policy_decides(stripe: StandIn) -> None:
    plan = begun(stripe, terms_changed={"release_overdue": True})
    deposit = Payment.objects.get(purpose=Purpose.DEPOSIT)
    outside.refund_found(deposit, SentBack(RefundStatus.SUCCEEDED, "re_1"), 50_000, now=NOW)
    own = again(plan).reservation
    assert [(each.kind, each.amount_cents) for each in own.charges.all()] == [(ChargeKind.BALANCE, 209_900)]
    due, grace = own.balance_due_on, own.terms.balance_grace_days * DAY
    assert lapses.release_overdue(at(due + grace, 23)) == 0
    assert lapses.release_overdue(at(due + grace + DAY, 0, 30)) == 1
    assert_all_hold(at(due + grace + DAY, 0, 30))


def test_a_lower_price_is_taken_off_the_last_parts(stripe: StandIn) -> None:
    plan = begun(stripe)
    plans.cost_less(lifecycle.lock(plan.reservation), 140_000, now=NOW)
    own = again(plan).reservation
    assert [cents for cents, _ in parts_of(own)] == [53_300, 36_700]
    plans.cost_less(lifecycle.lock(own), 50_020, now=NOW)
    assert again(plan).state == PlanState.CLOSED
    assert_all_hold(NOW)


def test_a_deposit_that_comes_late_for_a_seat_that_is_gone_begins_no_plan(stripe: StandIn) -> None:
    held = factories.reservation(cohort=factories.cohort(capacity=1))
    choosing.choose(held, 3, digest=digest_of(held, 3), now=NOW)
    payment = paying.begin(held, Purpose.DEPOSIT, "stripe", by=held.trainee, now=NOW, keeps_card=True).payment
    later = NOW + timedelta(hours=2)
    factories.reservation(cohort=held.cohort, now=later)
    stripe.pay(payment.checkout_id)
    catch_up_payment(payment, now=later)
    payment.refresh_from_db()
    assert (payment.status, Plan.objects.get().state) == (PaymentStatus.SUCCEEDED, PlanState.PROPOSED)
    assert Reservation.objects.get(pk=held.pk).state == State.EXPIRED
    assert ledger.kept_cents(held) == 0


# -- what is decided beside a running plan -----------------------------------------------------------------------------
def paid_beyond_the_deposit(stripe: StandIn, **cohort: object) -> Plan:
    """A plan whose first part has come, and whose parts were split again since: what was paid stands before them."""
    plan = begun(stripe, **cohort)  # type: ignore[arg-type]
    stripe.now = at(DUE[0])
    assert charge_due(at(DUE[0])) == 1
    plans.cost_less(lifecycle.lock(plan.reservation), 199_900, now=at(DUE[0]))
    return again(plan)


def every_part_is_charged(stripe: StandIn, plan: Plan) -> None:
    for day in DUE[1:]:
        stripe.now = at(day)
        assert charge_due(at(day)) == 1
    assert (again(plan).state, kept(plan)) == (PlanState.PAID, 199_900)
    assert_all_hold(at(DUE[2]))


def test_a_balance_that_is_put_off_at_the_desk_leaves_every_part_to_be_charged(stripe: StandIn) -> None:
    plan = paid_beyond_the_deposit(stripe)
    by, until = factories.person(Role.REGISTRAR), plan.reservation.balance_due_on + 5 * DAY
    lifecycle.pay_later(plan.reservation, until=until, now=at(DUE[0]), why="She asked.", by=by)
    assert parts_of(again(plan).reservation) == [(53_300, DUE[1]), (43_300, DUE[2])]
    assert_all_hold(at(DUE[0]))
    every_part_is_charged(stripe, plan)


def test_a_cohort_that_moves_away_leaves_every_part_to_be_charged(stripe: StandIn) -> None:
    plan = paid_beyond_the_deposit(stripe)
    cohort, by = plan.reservation.cohort, factories.person(Role.REGISTRAR)
    before = planning.plan_of(cohort)
    later = tuple(
        replace(each, starts_at=each.starts_at + 30 * DAY, ends_at=each.ends_at + 30 * DAY) for each in before.days
    )
    changed = replace(before, days=later, bookings_close_at=before.bookings_close_at + 30 * DAY)
    calling_off.reschedule(cohort, changed, by=by, now=at(DUE[0]), reason="The stage burnt.")
    assert again(plan).reservation.balance_due_on == plan.reservation.balance_due_on + 30 * DAY
    assert parts_of(again(plan).reservation) == [(53_300, DUE[1]), (43_300, DUE[2])]
    every_part_is_charged(stripe, plan)


def with_a_fee_in_its_parts(stripe: StandIn) -> Plan:
    """A plan that was chosen after a move that cost a fee: its parts have the fee in them."""
    terms = {"moving_free_days": 150, "moving_until_days": 5, "moving_fee_cents": 15_000}
    own = reserved(terms_changed=terms)
    new = moving.move(own, factories.cohort(starts_on=NOW.date() + 200 * DAY), now=NOW, by=own.trainee)
    plan = saved(stripe, Reservation.objects.select_related("cohort__module", "trainee").get(pk=new.pk))
    assert (new.fee_cents, sum(cents for cents, _ in parts_of(new))) == (15_000, 174_900)
    return plan


def test_a_fee_that_is_waived_is_taken_off_the_last_part_of_a_plan(stripe: StandIn) -> None:
    plan = with_a_fee_in_its_parts(stripe)
    by = factories.person(Role.REGISTRAR)
    assert cancelling.waive_fee(plan.reservation, now=NOW, by=by, why="She was ill.") == []
    assert [cents for cents, _ in parts_of(again(plan).reservation)] == [58_300, 58_300, 43_300]
    assert_all_hold(NOW)
    for day in DUE:
        stripe.now = at(day)
        assert charge_due(at(day)) == 1
    assert (again(plan).state, kept(plan), Refund.objects.count()) == (PlanState.PAID, 209_900, 0)
    assert_all_hold(at(DUE[2]))


def test_a_fee_that_is_waived_when_only_it_was_left_pays_the_plan_off(stripe: StandIn) -> None:
    plan = with_a_fee_in_its_parts(stripe)
    by = factories.person(Role.REGISTRAR)
    paying.record_transfer(plan.reservation, Purpose.BALANCE, reference="T-1", by=by, now=NOW, amount_cents=162_900)
    (refund,) = cancelling.waive_fee(again(plan).reservation, now=NOW, by=by, why="She was ill.")
    assert (refund.amount_cents, again(plan).state) == (3_000, PlanState.PAID)
    assert again(plan).reservation.state == State.CONFIRMED
    assert_all_hold(NOW)


def test_a_fee_that_is_waived_after_the_plan_was_paid_goes_back(stripe: StandIn) -> None:
    plan = with_a_fee_in_its_parts(stripe)
    by = factories.person(Role.REGISTRAR)
    paying.record_transfer(plan.reservation, Purpose.BALANCE, reference="T-1", by=by, now=NOW)
    (refund,) = cancelling.waive_fee(again(plan).reservation, now=NOW, by=by, why="She was ill.")
    assert refund.amount_cents == 15_000
    assert_all_hold(NOW)


# -- forgetting the card -----------------------------------------------------------------------------------------------
def saved_at_stripe(stripe: StandIn, plan: Plan) -> list[str]:
    """The cards that Stripe still has of the plan's owner."""
    return [each.id for each in stripe.client().v1.payment_methods.list({"customer": plan.payer_id}).data]


def test_a_card_is_forgotten_at_stripe_once_its_plan_has_ended(stripe: StandIn) -> None:
    plan = begun(stripe)
    assert (cards.forget_cards(NOW), len(saved_at_stripe(stripe, plan))) == (0, 1)
    cancelling.cancel(plan.reservation, now=NOW, by=plan.reservation.trainee)
    stripe.down = True
    assert cards.forget_cards(NOW) == 0
    stripe.down = False
    assert cards.forget_cards(NOW) == 1
    assert (saved_at_stripe(stripe, plan), again(plan).card_id) == ([], "")
    assert cards.forget_cards(NOW) == 0


def test_a_card_stays_while_another_plan_of_the_same_person_runs(stripe: StandIn) -> None:
    plan = begun(stripe)
    cancelling.cancel(plan.reservation, now=NOW, by=plan.reservation.trainee)
    with_plan(stripe, factories.reservation(trainee=plan.reservation.trainee))
    assert cards.forget_cards(NOW) == 0
    assert saved_at_stripe(stripe, plan)


def test_a_card_that_was_saved_for_other_sales_is_not_ours_to_forget(stripe: StandIn) -> None:
    plan = begun(stripe)
    other = stripe.client().v1.customers.create({"email": "shop@example.org"}).id
    card = stripe.saved_card(other, GOOD)
    Plan.objects.filter(pk=plan.pk).update(payer_id=other, card_id=card)  # as one that was brought in
    cancelling.cancel(plan.reservation, now=NOW, by=plan.reservation.trainee)
    assert cards.forget_cards(NOW) == 1
    assert again(plan).card_id == ""
    assert [each.id for each in stripe.client().v1.payment_methods.list({"customer": other}).data] == [card]
