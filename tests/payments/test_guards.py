"""Guards around money that nothing else would miss: each fails here when it is taken out."""

from datetime import timedelta
from typing import Any

import pytest

from booking.payments import disputing, earning, ledger, outside, paying, refunding, settling
from booking.payments.gateways.base import Card, DisputeReport, Opened, Report, WrongMoney
from booking.payments.models import Account, DisputeStatus, Payment, PaymentStatus, Posting, Purpose
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import PlanState
from booking.payments.settling import told
from booking.reservations import calling_off, cancelling, lapses, lifecycle, moving
from booking.reservations.models import Reservation, State
from booking.reservations.owing import Part
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.stripe_stand_in import StandIn
from workshops.clock import school_day
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def robin(db: None) -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


def by_play_money(purpose: Purpose = Purpose.FULL, **cohort: Any) -> Reservation:
    held = factories.reservation(cohort=factories.cohort(**cohort))
    paying.begin(held, purpose, "sandbox", by=held.trainee, now=NOW)
    return fresh(held)


def fresh(reservation: Reservation) -> Reservation:
    return Reservation.objects.select_related("cohort", "trainee").get(pk=reservation.pk)


def with_bank(reservation: Reservation, purpose: Purpose) -> Payment:
    """An attempt whose answer a bank takes days to give."""
    payment = paying.begin(reservation, purpose, "offline", by=reservation.trainee, now=NOW).payment
    return told(payment, Report(PaymentStatus.PROCESSING), now=NOW)


def test_only_what_a_person_recorded_can_be_reversed(robin: User) -> None:
    payment = by_play_money().payments.get()
    with pytest.raises(outside.NotByHand):
        outside.reverse(payment, why="A mistake.", by=robin, now=NOW)


def test_money_that_waits_for_a_choice_goes_back_by_that_choice(robin: User) -> None:
    paid = by_play_money()
    calling_off.call_off(paid.cohort, by=robin, now=NOW, why="The stage is closed.")
    asked: dict[str, Any] = {"why": "Now.", "lowers_price": True, "by": robin, "now": NOW}
    with pytest.raises(BadFact, match="choose"):
        refunding.refund(fresh(paid), 10_000, expected_possible_cents=209_900, **asked)


def test_test_money_pays_for_nothing_where_real_money_is_asked_for(stripe: StandIn, settings: Any) -> None:
    held = factories.reservation()
    payment = paying.begin(held, Purpose.DEPOSIT, "stripe", by=held.trainee, now=NOW).payment
    stripe.pay(payment.checkout_id)
    settings.STRIPE_LIVE = True
    with pytest.raises(WrongMoney):
        settling.catch_up(payment, now=NOW)
    assert fresh(held).state == State.HELD


def test_an_attempt_that_was_given_up_meanwhile_is_not_opened_by_a_late_answer() -> None:
    held = factories.reservation()
    payment = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
    told(payment, Report(PaymentStatus.EXPIRED), now=NOW)
    assert paying._opened(payment, Opened("https://example.org", "cs_1")).status == PaymentStatus.EXPIRED


def test_an_older_attempt_does_not_come_back_to_life_beside_a_newer_one() -> None:
    held = factories.reservation()
    old = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
    new = paying._open(held, Purpose.FULL, "sandbox", now=NOW)
    assert told(old, Report(PaymentStatus.PROCESSING), now=NOW).status == PaymentStatus.EXPIRED
    assert told(new, Report(PaymentStatus.PROCESSING), now=NOW).status == PaymentStatus.PROCESSING


def test_a_plan_whose_last_part_would_come_after_the_balance_date_does_not_begin() -> None:
    paid = by_play_money(Purpose.DEPOSIT)
    late = paid.balance_due_on + DAY
    days = (late - 2 * DAY, late - DAY, late)
    plans.propose(paid, [Part(53_300, day) for day in days], consent="Yes.", now=NOW)
    assert plans.card_saved(paid, Card("pm_1", "cus_1", "Visa"), now=NOW) is None
    assert paid.plans.get().state == PlanState.CLOSED
    assert_all_hold(NOW)


def test_a_transfer_makes_a_hold_longer_once() -> None:
    held = factories.reservation()
    paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=NOW)
    until = fresh(held).held_until
    assert until is not None
    later = until - timedelta(hours=1)
    paying.begin(fresh(held), Purpose.FULL, "offline", by=held.trainee, now=later)
    assert fresh(held).held_until == until


def test_a_seat_whose_balance_is_with_a_bank_is_not_released_as_overdue() -> None:
    paid = by_play_money(Purpose.DEPOSIT, terms_changed={"release_overdue": True, "balance_grace_days": 2})
    with_bank(paid, Purpose.BALANCE)
    overdue = factories.NOW + (paid.balance_due_on - school_day(NOW)) + 5 * DAY
    assert lapses.release_overdue(overdue) == 0
    assert lapses.remind_of_balances(overdue) == 0
    with pytest.raises(lifecycle.Moved):
        cancelling.cancel_overdue(fresh(paid), now=overdue)
    told(Payment.objects.get(status=PaymentStatus.PROCESSING), Report(PaymentStatus.FAILED), now=overdue)
    assert lapses.release_overdue(overdue) == 1


def test_money_that_is_taken_back_after_the_grace_costs_nobody_the_seat_unwarned(robin: User) -> None:
    held = factories.reservation(cohort=factories.cohort(terms_changed={"release_overdue": True}))
    paying.record_transfer(held, Purpose.FULL, reference="W1", by=robin, now=NOW)
    long_after = NOW + (fresh(held).balance_due_on - school_day(NOW)) + 10 * DAY
    outside.reverse(held.payments.get(), why="It bounced.", by=robin, now=long_after)
    assert lapses.release_overdue(long_after + DAY) == 0
    assert lapses.release_overdue(long_after + 9 * DAY) == 1


# -- the books ---------------------------------------------------------------------------------------------------------
def on(account: Account, reservation: Reservation | None = None) -> int:
    lines = Posting.objects.filter(account=account)
    if reservation:
        lines = lines.filter(entry__reservation=reservation)
    return sum(lines.values_list("amount_cents", flat=True))


def test_what_is_taken_back_after_the_cohort_has_run_is_owed_and_stays_earned(robin: User) -> None:
    held = factories.reservation()
    paying.record_transfer(held, Purpose.FULL, reference="W1", by=robin, now=NOW)
    after = NOW + 200 * DAY
    assert earning.earn_due(after) == 1
    outside.reverse(held.payments.get(), why="It bounced.", by=robin, now=after)
    assert (on(Account.TUITION_EARNED), on(Account.OWED), ledger.kept_cents(held)) == (-209_900, 209_900, 0)
    paying.record_transfer(fresh(held), Purpose.FULL, reference="W2", by=robin, now=after)
    assert (on(Account.TUITION_EARNED), on(Account.OWED), on(Account.TUITION_HELD)) == (-209_900, 0, 0)
    assert_all_hold(after)


@pytest.mark.parametrize("status", [DisputeStatus.WON, DisputeStatus.LOST])
def test_a_dispute_that_is_decided_after_a_move_leaves_nothing_disputed(robin: User, status: DisputeStatus) -> None:
    old = by_play_money()
    payment = old.payments.get()
    opened: dict[str, Any] = {"processor_id": "du_1", "cents": 209_900, "reason": "fraudulent", "opened_at": NOW}
    opened |= {"answer_by": None, "fees": ()}
    disputing.told(payment, DisputeReport(status=DisputeStatus.OPEN, **opened), now=NOW)
    new = moving.move(old, factories.cohort(), now=NOW, by=robin, why="They asked.")
    disputing.told(payment, DisputeReport(status=status, **opened), now=NOW)
    assert (on(Account.DISPUTED, old), on(Account.DISPUTED, new), on(Account.CARRIED)) == (0, 0, 0)
    assert ledger.kept_cents(new) == (209_900 if status == DisputeStatus.WON else 0)
    assert_all_hold(NOW)
