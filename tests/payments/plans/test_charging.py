"""Parts are charged when they are due, once, and whoever's card does not pay hears what to do."""

from datetime import timedelta

import pytest

from booking.payments import paying
from booking.payments.gateways.base import Report, Unavailable, WrongMoney
from booking.payments.gateways.stripe import checkout
from booking.payments.models import Dispute, DisputeStatus, Payment, PaymentStatus, Purpose, Refund
from booking.payments.plans import cards as saving_cards
from booking.payments.plans import charging
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.cards import begin_saving, catch_up, catch_up_due
from booking.payments.plans.charging import charge_due, charge_one
from booking.payments.plans.finding import with_something_due
from booking.payments.plans.models import PlanState, Trouble
from booking.payments.plans.reminding import remind
from booking.payments.settling import catch_up as catch_up_payment
from booking.payments.settling import told as told_by_stripe
from booking.reservations import cancelling, lapses, lifecycle, moving
from booking.reservations.models import ChargeKind, Reservation, State
from booking.site.due import do_due
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.payments.plans.running import (
    ASKS_ALWAYS,
    DAY,
    DUE,
    EXPIRED,
    FAILS_LATER,
    GOOD,
    again,
    at,
    attempts,
    begun,
    intents_of,
    kept,
    told,
)
from tests.stripe_stand_in import StandIn
from workshops.messages.models import Message
from workshops.people.models import Role

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
FIRST, SECOND, THIRD = (at(day) for day in DUE)


def charge(stripe: StandIn, now: object) -> int:
    stripe.now = now  # type: ignore[assignment]
    return charge_due(now)  # type: ignore[arg-type]


def state_of(reservation: Reservation) -> str:
    return Reservation.objects.get(pk=reservation.pk).state


# -- when all goes well ------------------------------------------------------------------------------------------------
def test_each_part_is_charged_from_nine_on_its_day_and_the_last_confirms(stripe: StandIn) -> None:
    plan = begun(stripe)
    for day in DUE:
        assert charge(stripe, at(day, 8, 59)) == 0
        assert charge(stripe, at(day)) == 1
        assert charge(stripe, at(day, 9, 1)) == 0
    assert attempts(plan) == [("succeeded", 53_300)] * 3
    assert (again(plan).state, kept(plan)) == (PlanState.PAID, 209_900)
    assert state_of(plan.reservation) == State.CONFIRMED
    assert sum(book.received for book in stripe.books().values()) == 209_900
    assert told() == []
    assert_all_hold(THIRD)


def test_a_word_comes_three_days_before_each_charge_once(stripe: StandIn) -> None:
    begun(stripe)
    for ahead in (4, 3, 3, 2, 1, 0):
        remind(at(DUE[0] - ahead * DAY))
    assert told() == ["instalment-ahead"]
    words = Message.objects.get(kind="instalment-ahead").context
    assert (words["amount"], words["due_on"]) == ("$533", "Thursday 11 February 2027")
    assert words["card"].startswith("Visa ending in 4242, until ")
    charge(stripe, FIRST)
    remind(at(DUE[1] - 3 * DAY))
    assert told() == ["instalment-ahead"] * 2


def test_a_worker_that_slept_through_two_parts_charges_both_at_once(stripe: StandIn) -> None:
    plan = begun(stripe)
    assert charge(stripe, at(DUE[1], 12)) == 1
    assert attempts(plan) == [("succeeded", 106_600)]


def test_a_plan_that_runs_well_is_not_reminded_of_its_balance(stripe: StandIn) -> None:
    begun(stripe)
    for day in (DUE[0], DUE[1], DUE[2] - 7 * DAY, DUE[2] - DAY):
        stripe.now = at(day, 10)
        do_due(at(day, 10))
    assert told("balance-due", "balance-overdue") == []


def test_without_stripe_nothing_is_charged_and_nobody_loses_a_seat_over_it(stripe: StandIn, settings: object) -> None:
    plan = begun(stripe, terms_changed={"release_overdue": True})
    settings.STRIPE_SECRET_KEY = ""  # type: ignore[attr-defined]
    for days in (0, 4, 8, 12):
        do_due(at(DUE[0] + days * DAY, 10))
    assert attempts(plan) == []
    assert state_of(plan.reservation) == State.RESERVED


# -- trouble -----------------------------------------------------------------------------------------------------------
def test_a_bank_that_wants_to_hear_from_its_owner_is_not_asked_again_without_them(stripe: StandIn) -> None:
    plan = begun(stripe, ASKS_ALWAYS)
    assert charge(stripe, FIRST) == 1
    assert (again(plan).trouble, again(plan).next_try_at) == (Trouble.AUTHENTICATION, None)
    assert told() == ["instalment-to-confirm"]
    for days in (1, 3, 5, 8):
        assert charge(stripe, FIRST + days * DAY) == 0
    assert len(intents_of(stripe, plan)) == 1

    on_page = paying.begin(
        plan.reservation, Purpose.INSTALMENT, "stripe", by=plan.reservation.trainee, now=FIRST + 8 * DAY
    ).payment
    assert on_page.amount_cents == 53_300
    stripe.pay(on_page.checkout_id, card=ASKS_ALWAYS)
    catch_up_payment(on_page, now=FIRST + 8 * DAY)
    assert (again(plan).trouble, kept(plan)) == (Trouble.NONE, 103_300)
    assert charge(stripe, FIRST + 9 * DAY) == 0
    assert_all_hold(FIRST + 9 * DAY)


def test_a_declined_card_is_tried_again_after_three_and_five_days_and_then_left_alone(stripe: StandIn) -> None:
    plan = begun(stripe, FAILS_LATER)
    tried = [days for days in range(12) if charge(stripe, FIRST + days * DAY)]
    assert tried == [0, 3, 5]
    assert told() == ["instalment-declined"] * 3
    assert (again(plan).trouble, again(plan).tries, again(plan).next_try_at) == (Trouble.DECLINED, 3, None)
    assert [status for status, _ in attempts(plan)] == ["failed"] * 3
    assert told("payment-failed") == []
    first, *_, last = Message.objects.filter(kind="instalment-declined").order_by("pk")
    assert first.context["again_on"] == "Sunday 14 February 2027"
    assert last.context["again_on"] == ""
    assert_all_hold(FIRST + 12 * DAY)


def test_a_worker_that_read_the_plan_before_a_try_in_vain_does_not_try_again(stripe: StandIn) -> None:
    plan = begun(stripe, FAILS_LATER)
    charge(stripe, FIRST)
    assert not charge_one(plan, FIRST)
    assert len(intents_of(stripe, plan)) == 1


def test_a_decline_that_two_workers_find_counts_once(stripe: StandIn) -> None:
    plan = begun(stripe, FAILS_LATER)
    charge(stripe, FIRST)
    attempt = Payment.objects.get(purpose=Purpose.INSTALMENT)
    charging._book(attempt, Report(PaymentStatus.FAILED, failure="generic_decline"), FIRST)
    assert (again(plan).tries, told()) == (1, ["instalment-declined"])


def test_a_declined_card_that_pays_the_next_time_is_out_of_trouble(stripe: StandIn) -> None:
    plan = begun(stripe, FAILS_LATER)
    charge(stripe, FIRST)
    stripe.card_becomes(plan.card_id, GOOD)
    assert charge(stripe, FIRST + 3 * DAY) == 1
    assert (again(plan).trouble, again(plan).tries, kept(plan)) == (Trouble.NONE, 0, 103_300)
    assert charge(stripe, SECOND) == 1


def test_an_expired_card_asks_for_another_which_is_charged_by_itself(stripe: StandIn) -> None:
    plan = begun(stripe)
    stripe.card_becomes(plan.card_id, EXPIRED)
    charge(stripe, FIRST)
    assert (again(plan).trouble, told()) == (Trouble.EXPIRED, ["instalment-card-needed"])
    assert charge(stripe, FIRST + 3 * DAY) == 0
    saving = begin_saving(plan, FIRST + 3 * DAY)
    stripe.pay(saving.checkout_id)
    catch_up(saving, FIRST + 3 * DAY)
    assert (again(plan).trouble, again(plan).card_id != plan.card_id) == (Trouble.NONE, True)
    assert charge(stripe, FIRST + 3 * DAY + MINUTE) == 1
    assert kept(plan) == 103_300


def test_a_card_that_stripe_has_no_more_asks_for_another(stripe: StandIn) -> None:
    plan = begun(stripe)
    stripe.client().v1.payment_methods.detach(plan.card_id)
    charge(stripe, FIRST)
    assert (again(plan).trouble, told()) == (Trouble.NO_CARD, ["instalment-card-needed"])


def test_a_plan_without_a_card_asks_for_one_before_its_part_is_due(stripe: StandIn) -> None:
    plan = begun(stripe)
    plan.card_id, plan.trouble = "", Trouble.NO_CARD
    plan.save()
    for days in (-3, -2, 0, 1):
        remind(FIRST + days * DAY)
        charge(stripe, FIRST + days * DAY)
    assert (told(), attempts(plan)) == (["instalment-card-needed"], [])


@pytest.mark.parametrize("card", [ASKS_ALWAYS, FAILS_LATER])
def test_a_part_that_is_late_has_a_ladder_of_reminders_each_rung_once(stripe: StandIn, card: str) -> None:
    begun(stripe, card)
    for days in range(9):
        stripe.now = FIRST + days * DAY
        do_due(FIRST + days * DAY)
        do_due(FIRST + days * DAY + MINUTE)
    late, failed = told("instalment-late"), told("instalment-to-confirm", "instalment-declined")
    # What was tried in vain on a day has been told of that day.
    assert (len(late), len(failed)) == ((2, 1) if card == ASKS_ALWAYS else (1, 3))
    assert told("balance-due", "balance-overdue") == []


def test_after_the_grace_of_a_part_the_registrar_decides_or_the_policy_does(stripe: StandIn) -> None:
    decides, released = begun(stripe, ASKS_ALWAYS), begun(stripe, ASKS_ALWAYS, terms_changed={"release_overdue": True})
    charge(stripe, FIRST)
    assert lapses.overdue_past_grace(at(DUE[0] + 7 * DAY, 12)) == []
    assert do_due(at(DUE[0] + 7 * DAY, 12)).overdue == 0
    after = at(DUE[0] + 8 * DAY, 0, 30)
    assert lapses.overdue_past_grace(after) == [decides.reservation]
    assert do_due(after).overdue == 1
    assert (state_of(decides.reservation), state_of(released.reservation)) == (State.RESERVED, State.CANCELLED)
    assert again(released).state == PlanState.CLOSED
    assert_all_hold(after)


def test_a_part_that_stripe_will_not_charge_as_asked_is_told_and_tried_on_the_same_ladder(stripe: StandIn) -> None:
    """Not the card is at fault but the request: it would be refused for ever, and nobody would hear of it."""
    plan = begun(stripe)
    own, more_than_stripe_takes = plan.reservation, 100_000_000
    own.charges.filter(kind=ChargeKind.INSTALMENT, number=1).update(amount_cents=more_than_stripe_takes)
    tried: list[int] = []
    for days in range(9):
        for minutes in (0, 1, 2):
            asked = len(stripe.requests)
            charge(stripe, FIRST + days * DAY + minutes * MINUTE)
            tried += [days] * (len(stripe.requests) > asked)
    assert tried == [0, 3, 5]
    assert (again(plan).trouble, again(plan).next_try_at) == (Trouble.DECLINED, None)
    assert told() == ["instalment-declined"] * 3
    assert attempts(plan) == [("failed", more_than_stripe_takes)] * 3
    # Its owner is not kept from paying by themselves.
    own.charges.filter(kind=ChargeKind.INSTALMENT, number=1).update(amount_cents=53_300)
    assert paying.begin(own, Purpose.INSTALMENT, "stripe", by=own.trainee, now=stripe.now).checkout_url


def test_an_answer_in_the_wrong_money_stops_neither_the_others_nor_begins_another_charge(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong, right = begun(stripe), begun(stripe)
    read = checkout.read_intent

    def other_mode(intent: object, payment: Payment) -> Report:
        if payment.reservation_id == wrong.reservation_id:
            raise WrongMoney("It is of the other mode.")
        return read(intent, payment)  # type: ignore[arg-type]

    monkeypatch.setattr(checkout, "read_intent", other_mode)
    for minutes in (0, 2, 4):
        charge(stripe, FIRST + minutes * MINUTE)
    assert (attempts(wrong), attempts(right)) == ([("created", 53_300)], [("succeeded", 53_300)])
    assert len(intents_of(stripe, wrong)) == 1


def test_a_round_charges_so_many_and_the_next_goes_on(stripe: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, *others = [begun(stripe) for _ in range(4)]
    paying.begin(waits.reservation, Purpose.BALANCE, "offline", by=waits.reservation.trainee, now=FIRST - DAY)
    monkeypatch.setattr(charging, "AT_ONCE", 2)
    assert [charge(stripe, FIRST + minutes * MINUTE) for minutes in (0, 1, 2)] == [2, 1, 0]
    assert [attempts(each) for each in others] == [[("succeeded", 53_300)]] * 3
    assert attempts(waits) == []


def test_plans_that_run_well_are_not_read_in_every_round(stripe: StandIn) -> None:
    plan = begun(stripe)
    charge(stripe, FIRST)
    assert with_something_due(DUE[1] - DAY) == []
    assert with_something_due(DUE[1]) == [(plan, 103_300)]


# -- answers that were lost --------------------------------------------------------------------------------------------
def lost(stripe: StandIn, kind: str, times: int = 3) -> None:
    """The library asks three times before it gives up."""
    stripe.faults.add("POST", "/v1/payment_intents$", kind, times)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "503", "500", "500_after", "html"])
def test_a_lost_answer_charges_once(stripe: StandIn, kind: str) -> None:
    plan = begun(stripe)
    lost(stripe, kind)
    stripe.now = FIRST
    assert charge_due(FIRST) == 0
    assert attempts(plan) == [("created", 53_300)]
    assert charge(stripe, FIRST + MINUTE / 2) == 0
    for minutes in (2, 4, 6, 24 * 60 + 5, 24 * 60 + 7):  # a key that answers 500 is forgotten after a day
        charge(stripe, FIRST + minutes * MINUTE)
    assert attempts(plan) == [("succeeded", 53_300)]
    assert [status for status, _ in intents_of(stripe, plan)] == ["succeeded"]
    assert kept(plan) == 103_300
    assert_all_hold(FIRST + DAY)


def test_a_decline_whose_answer_was_lost_is_found_and_counts_once(stripe: StandIn) -> None:
    plan = begun(stripe, FAILS_LATER)
    lost(stripe, "drop_after")
    charge(stripe, FIRST)
    charge(stripe, FIRST + 2 * MINUTE)
    assert (again(plan).trouble, again(plan).tries, told()) == (Trouble.DECLINED, 1, ["instalment-declined"])
    assert attempts(plan) == [("failed", 53_300)]


def test_a_decline_that_was_told_by_somebody_else_first_counts_once_and_is_not_tried_at_once(stripe: StandIn) -> None:
    """The webhook may be quicker than our own answer: it knows the payment alone."""
    plan = begun(stripe, FAILS_LATER)
    lost(stripe, "drop_after")
    charge(stripe, FIRST)
    catch_up_payment(Payment.objects.get(purpose=Purpose.INSTALMENT), now=FIRST + MINUTE)
    assert (attempts(plan), again(plan).trouble) == ([("failed", 53_300)], Trouble.NONE)
    for minutes in (2, 3):
        charge(stripe, FIRST + minutes * MINUTE)
    assert (again(plan).trouble, again(plan).tries, told()) == (Trouble.DECLINED, 1, ["instalment-declined"])
    assert len(intents_of(stripe, plan)) == 1


def test_what_was_begun_and_never_came_to_stripe_is_not_charged_after_the_seat_is_given_back(stripe: StandIn) -> None:
    plan = begun(stripe)
    lost(stripe, "drop_before")
    charge(stripe, FIRST)
    cancelling.cancel(plan.reservation, now=FIRST + MINUTE, by=plan.reservation.trainee)
    charge(stripe, FIRST + 3 * MINUTE)
    assert (attempts(plan), intents_of(stripe, plan)) == ([("expired", 53_300)], [])


def test_what_came_to_stripe_before_the_seat_was_given_back_goes_back(stripe: StandIn) -> None:
    plan = begun(stripe)
    payer = plan.payer_id
    lost(stripe, "drop_after")
    charge(stripe, FIRST)
    cancelling.cancel(plan.reservation, now=FIRST + MINUTE, by=plan.reservation.trainee)
    charge(stripe, FIRST + 3 * MINUTE)
    plan.payer_id = payer
    assert attempts(plan) == [("succeeded", 53_300)]
    assert sorted(Refund.objects.values_list("rule", "amount_cents"))[-1] == ("late-no-seat", 53_300)
    assert sum(book.received - book.refunded for book in stripe.books().values()) == 0
    assert_all_hold(FIRST + 3 * MINUTE)


def test_an_outage_is_asked_once_a_round_and_charges_after_it(stripe: StandIn) -> None:
    several = [begun(stripe) for _ in range(3)]
    stripe.down = True
    asked = len(stripe.requests)
    assert charge(stripe, FIRST) == 0
    assert len(stripe.requests) - asked <= 3
    stripe.down = False
    charge(stripe, FIRST + 2 * MINUTE)
    charge(stripe, FIRST + 4 * MINUTE)
    assert [attempts(each) for each in several] == [[("succeeded", 53_300)]] * 3


def test_a_card_that_was_changed_while_an_answer_was_lost_begins_another_attempt(stripe: StandIn) -> None:
    plan = begun(stripe)
    lost(stripe, "drop_before")
    charge(stripe, FIRST)
    saving = begin_saving(plan, FIRST + MINUTE / 2)
    stripe.pay(saving.checkout_id, card="5555555555554444")
    catch_up(saving, FIRST + MINUTE / 2)
    charge(stripe, FIRST + 2 * MINUTE)
    charge(stripe, FIRST + 3 * MINUTE)
    assert [status for status, _ in attempts(plan)] == ["expired", "succeeded"]
    assert [status for status, _ in intents_of(stripe, plan)] == ["succeeded"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_part_whose_answer_was_lost_before_a_move_is_charged_once(stripe: StandIn, kind: str) -> None:
    plan = begun(stripe)
    lost(stripe, kind)
    charge(stripe, FIRST)
    there = factories.cohort(starts_on=NOW.date() + 200 * DAY)
    new = moving.move(plan.reservation, there, now=FIRST + MINUTE / 4, by=plan.reservation.trainee)
    assert charge(stripe, FIRST + MINUTE / 2) == 0  # first it is found out what became of it
    for minutes in (2, 4, 6):
        charge(stripe, FIRST + minutes * MINUTE)
    assert [status for status, _ in intents_of(stripe, plan)] == ["succeeded"]
    assert (again(plan).reservation, kept(plan)) == (new, 103_300)
    assert_all_hold(FIRST + 6 * MINUTE)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_part_whose_answer_was_lost_before_a_transfer_was_recorded_is_charged_once(
    stripe: StandIn, kind: str
) -> None:
    plan = begun(stripe)
    lost(stripe, kind)
    charge(stripe, FIRST)
    by = factories.person(Role.REGISTRAR)
    own = plan.reservation
    paying.record_transfer(own, Purpose.BALANCE, reference="T-1", by=by, now=FIRST + MINUTE / 4, amount_cents=10_000)
    assert charge(stripe, FIRST + MINUTE / 2) == 0
    for minutes in (2, 4, 6):
        charge(stripe, FIRST + minutes * MINUTE)
    # What had come to Stripe is found; what had not is asked for anew, less what the transfer covers.
    found = 53_300 if kind == "drop_after" else 43_300
    assert intents_of(stripe, plan) == [("succeeded", found)]
    assert kept(plan) == 60_000 + found
    assert_all_hold(FIRST + 6 * MINUTE)


def test_while_stripe_is_away_a_charge_that_was_given_up_stays_to_be_asked_about(stripe: StandIn) -> None:
    plan = begun(stripe)
    lost(stripe, "drop_after")
    charge(stripe, FIRST)
    there = factories.cohort(starts_on=NOW.date() + 200 * DAY)
    moving.move(plan.reservation, there, now=FIRST + MINUTE, by=plan.reservation.trainee)
    stripe.down = True
    charge(stripe, FIRST + 2 * MINUTE)
    stripe.down = False
    for minutes in (3, 4):
        charge(stripe, FIRST + minutes * MINUTE)
    assert [status for status, _ in intents_of(stripe, plan)] == ["succeeded"]
    assert kept(plan) == 103_300


# -- beside other payments ---------------------------------------------------------------------------------------------
def page_of_balance(plan: object, now: object) -> Payment:
    reservation = plan.reservation  # type: ignore[attr-defined]
    return paying.begin(reservation, Purpose.BALANCE, "stripe", by=reservation.trainee, now=now).payment  # type: ignore[arg-type]


def test_a_page_that_somebody_may_be_paying_on_is_left_alone_for_a_while_and_then_closed(stripe: StandIn) -> None:
    plan = begun(stripe)
    stripe.now = FIRST
    page = page_of_balance(plan, FIRST)
    assert charge(stripe, FIRST + 14 * MINUTE) == 0
    assert charge(stripe, FIRST + 21 * MINUTE) == 1
    page.refresh_from_db()
    assert (page.status, stripe.object(page.checkout_id)["status"]) == (PaymentStatus.EXPIRED, "expired")
    assert attempts(plan) == [("succeeded", 53_300)]


def test_a_balance_that_was_paid_on_an_open_page_leaves_nothing_to_charge(stripe: StandIn) -> None:
    plan = begun(stripe)
    stripe.now = FIRST
    page = page_of_balance(plan, FIRST)
    stripe.pay(page.checkout_id)
    assert charge(stripe, FIRST + MINUTE) == 0
    assert (attempts(plan), again(plan).state, kept(plan)) == ([], PlanState.PAID, 209_900)
    assert charge(stripe, SECOND) == 0


def test_a_part_that_was_charged_beside_an_open_page_goes_back_once_all_is_paid_there(stripe: StandIn) -> None:
    """Stripe did not answer when the page was to be closed, so both came."""
    plan = begun(stripe)
    stripe.now = FIRST
    page = page_of_balance(plan, FIRST)
    Payment.objects.filter(pk=page.pk).update(status=PaymentStatus.EXPIRED)
    assert charge(stripe, FIRST + MINUTE) == 1
    stripe.pay(page.checkout_id)
    catch_up_payment(page, now=FIRST + 2 * MINUTE)
    assert (kept(plan), state_of(plan.reservation)) == (209_900, State.CONFIRMED)
    assert [(each.rule, each.amount_cents) for each in Refund.objects.all()] == [("paid-twice", 53_300)]
    assert_all_hold(FIRST + 2 * MINUTE)


def test_somebody_who_pays_while_their_part_is_being_charged_is_asked_to_wait(stripe: StandIn) -> None:
    plan = begun(stripe)
    lost(stripe, "drop_after")
    charge(stripe, FIRST)
    for purpose in (Purpose.INSTALMENT, Purpose.BALANCE):
        with pytest.raises(paying.OnItsWay):
            paying.begin(plan.reservation, purpose, "stripe", by=plan.reservation.trainee, now=FIRST + MINUTE / 2)
    # A minute later its fate is known, and they pay what is left.
    rest = page_of_balance(plan, FIRST + 2 * MINUTE)
    assert (rest.amount_cents, attempts(plan)) == (106_600, [("succeeded", 53_300)])


def test_a_promised_transfer_is_waited_for_and_then_the_part_is_charged(stripe: StandIn) -> None:
    plan = begun(stripe)
    paying.begin(plan.reservation, Purpose.BALANCE, "offline", by=plan.reservation.trainee, now=FIRST - DAY)
    assert charge(stripe, FIRST) == 0
    assert charge(stripe, FIRST + 5 * DAY) == 1


def test_who_promises_a_transfer_again_and_again_is_waited_for_once(stripe: StandIn) -> None:
    plan = begun(stripe)
    purposes = (Purpose.BALANCE, Purpose.FULL) * 6
    for days, purpose in enumerate(purposes):
        moment = FIRST + days * DAY - MINUTE
        if again(plan).reservation.state == State.RESERVED:
            paying.begin(plan.reservation, purpose, "offline", by=plan.reservation.trainee, now=moment)
        charge(stripe, FIRST + days * DAY)
    # Three working days after the Thursday on which it was due, when the office has closed.
    part, *_ = Payment.objects.filter(purpose=Purpose.INSTALMENT).order_by("pk")
    assert (part.status, part.created_at) == (PaymentStatus.SUCCEEDED, FIRST + 6 * DAY)


def test_the_next_part_can_be_paid_before_its_day_and_is_not_charged_again(stripe: StandIn) -> None:
    plan = begun(stripe)
    early = paying.begin(plan.reservation, Purpose.INSTALMENT, "stripe", by=plan.reservation.trainee, now=NOW).payment
    assert early.amount_cents == 53_300
    stripe.pay(early.checkout_id)
    catch_up_payment(early, now=NOW)
    assert charge(stripe, FIRST) == 0
    assert charge(stripe, SECOND) == 1
    assert kept(plan) == 156_600


def test_nobody_without_a_plan_pays_a_part(stripe: StandIn) -> None:
    plan = begun(stripe)
    plans.close(lifecycle.lock(plan.reservation), why="A test.", now=NOW)
    with pytest.raises(paying.NothingToPay):
        paying.begin(plan.reservation, Purpose.INSTALMENT, "stripe", by=plan.reservation.trainee, now=NOW)


# -- what stops it -----------------------------------------------------------------------------------------------------
def test_a_dispute_stops_the_charges_until_it_is_decided(stripe: StandIn) -> None:
    plan = begun(stripe)
    deposit = Payment.objects.get(purpose=Purpose.DEPOSIT)
    dispute = Dispute.objects.create(
        payment=deposit,
        reservation=plan.reservation,
        processor_id="dp_1",
        amount_cents=50_000,
        status=DisputeStatus.INQUIRY,
        opened_at=NOW,
    )
    assert (charge(stripe, FIRST), attempts(plan)) == (0, [])
    dispute.status = DisputeStatus.CLOSED
    dispute.save()
    assert charge(stripe, FIRST + DAY) == 1


def test_a_seat_that_was_given_back_is_charged_no_more(stripe: StandIn) -> None:
    plan = begun(stripe)
    cancelling.cancel(plan.reservation, now=NOW + DAY, by=plan.reservation.trainee)
    assert again(plan).state == PlanState.CLOSED
    assert (charge(stripe, FIRST), intents_of(stripe, plan)) == (0, [])


def test_money_for_a_part_that_comes_twice_by_one_charge_is_booked_once(stripe: StandIn) -> None:
    plan = begun(stripe)
    charge(stripe, FIRST)
    payment = Payment.objects.get(purpose=Purpose.INSTALMENT)
    from booking.payments.gateways.stripe import cards

    for _ in range(10):
        report = cards.look(payment)
        assert report is not None
        told_by_stripe(payment, report, now=FIRST)
    assert kept(plan) == 103_300


# -- saving a card -----------------------------------------------------------------------------------------------------
def test_a_visit_that_nobody_told_us_of_is_found_once_its_page_has_closed(stripe: StandIn) -> None:
    plan = begun(stripe)
    saving = begin_saving(plan, NOW)
    stripe.pay(saving.checkout_id, card="5555555555554444")
    assert catch_up_due(NOW) == 0
    stripe.now = NOW + timedelta(hours=2)
    assert catch_up_due(NOW + timedelta(hours=2)) == 1
    assert again(plan).card_words.startswith("Mastercard ending in 4444")
    assert catch_up_due(NOW + timedelta(hours=2)) == 0


def test_a_visit_that_was_left_changes_nothing_and_the_next_one_is_new(stripe: StandIn) -> None:
    plan = begun(stripe)
    first = begin_saving(plan, NOW)
    assert begin_saving(plan, NOW + MINUTE).checkout_id == first.checkout_id
    stripe.now = NOW + timedelta(hours=2)
    second = begin_saving(plan, NOW + timedelta(hours=2))
    assert second.checkout_id != first.checkout_id
    assert again(plan).card_id == plan.card_id


def test_a_card_that_is_saved_in_the_last_minutes_of_its_page_is_not_dropped(stripe: StandIn) -> None:
    """Another visit is asked for at the very moment at which the first one saves the card."""
    plan = begun(stripe)
    first = begin_saving(plan, NOW)
    late = NOW + timedelta(minutes=57)
    stripe.now = late
    second = begin_saving(plan, late)  # the page that has no time left is closed, not merely forgotten
    assert second.checkout_id != first.checkout_id
    assert stripe.object(first.checkout_id)["status"] == "expired"

    at_the_end = late + timedelta(minutes=57)
    stripe.now = at_the_end
    stripe.pay(second.checkout_id, card="5555555555554444")
    assert saving_cards._visit(plan, at_the_end).pk == second.pk  # asked a moment before: the card stays to be found
    third = begin_saving(plan, at_the_end)
    assert again(plan).card_words.startswith("Mastercard ending in 4444")
    assert third.checkout_id not in (first.checkout_id, second.checkout_id)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_visit_whose_answer_was_lost_is_gone_on_with(stripe: StandIn, kind: str) -> None:
    plan = begun(stripe)
    stripe.faults.add("POST", "/v1/checkout/sessions$", kind, 3)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        begin_saving(plan, NOW)
    saving = begin_saving(plan, NOW + MINUTE)
    setups = [each for each in stripe.all("checkout.session") if each["mode"] == "setup"]
    assert [each["id"] for each in setups] == [saving.checkout_id]
