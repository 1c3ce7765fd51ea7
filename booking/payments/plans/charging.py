"""Charging the parts of plans as they fall due, without their owners.

An attempt is a payment row that is committed before Stripe is asked, and asked under its number. An answer that was
lost is found again: the row is still as it was begun, so the next round first looks for what became of it.
"""

import logging
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from django.db.models import F, Q
from django.utils.text import slugify

from booking.payments import gateways, ledger
from booking.payments.gateways.base import STRIPE, Report, Unavailable, WrongMoney, is_without_page
from booking.payments.giving_up import give_up_here
from booking.payments.models import FROZEN, UNDER_WAY, Dispute, Payment, PaymentStatus, Purpose
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.finding import with_something_due
from booking.payments.plans.models import Plan, PlanState, Trouble
from booking.payments.plans.rules import LEAST_PART_CENTS, due_cents
from booking.payments.returning import story_of
from booking.payments.settling import Settled, catch_up, finish, give_up, lock_where_it_counts, told_here
from booking.reservations import lifecycle
from booking.reservations.models import SEATED, Reservation
from booking.reservations.rounds import one_by_one
from workshops.clock import SCHOOL_ZONE, business_days_later, school_day
from workshops.transactions import writes

log = logging.getLogger(__name__)

FROM = time(9, 0)
"""From when on its day a part is charged, in Los Angeles."""
TRY_AGAIN_AFTER = (timedelta(days=3), timedelta(days=5))
"""When a card that was declined is tried again, counted from the first try. Both are within the grace."""
PAGE_LEFT_ALONE = timedelta(minutes=15)
"""So long nobody's page to pay on is closed because a part falls due."""
ASK_EVERY = timedelta(minutes=5)
"""How often it is asked what becomes of a payment by page that stands in the way."""
AT_ONCE = 20
"""So many are asked about, and so many charged, in a round: each may wait for an answer, and the worker has more to do.
What only waits, for a transfer or for what a bank decides, takes nobody's place."""
ANSWER_LOST = timedelta(minutes=1)
"""After which no request of ours can still be on its way to Stripe."""

HOPELESS = (
    "lost_card",
    "stolen_card",
    "pickup_card",
    "restricted_card",
    "do_not_try_again",
    "revocation_of_authorization",
)
"""Refusals that another try does not change. What the bank says of the card is its owner's to hear from the bank."""


# -- one round of the worker -------------------------------------------------------------------------------------------
def charge_due(now: datetime) -> int:
    """Charge the parts that are due, each plan by itself, so many in a round; return how many attempts were decided.

    Raises:
        Exception: the last one met, when nothing came of any.
    """
    if STRIPE not in gateways.offered():
        return 0
    does_not_answer, charged = False, 0

    def unless_it_is_away(do: Callable[[], bool]) -> bool:
        nonlocal does_not_answer
        if does_not_answer:
            return False  # the others wait for the next round, rather than each for an answer that does not come
        try:
            return do()
        except WrongMoney:
            log.exception("Stripe answered for a part of a plan with money that was not asked for.")
            return False
        except Unavailable:
            does_not_answer = True
            log.warning("Stripe does not answer; the parts of plans that are due are charged later.")
            return False

    def charge(plan: Plan) -> bool:
        nonlocal charged
        if charged >= AT_ONCE:
            return False
        decided = unless_it_is_away(lambda: charge_one(plan, now))
        charged += decided
        return decided

    found = one_by_one(_lost(now), lambda each: unless_it_is_away(lambda: _find_again(each, now)), "A lost answer")
    return found + one_by_one(_due(now), charge, "Charging a part of a plan")


def _lost(now: datetime) -> list[Payment]:
    """Attempts of which nobody heard what became, whatever has become of their plans since; longest unasked first."""
    lost = Payment.objects.filter(_unheard_of(), created_at__lte=now - ANSWER_LOST)
    unasked = lost.filter(Q(asked_at=None) | Q(asked_at__lte=now - ANSWER_LOST))
    in_turn = unasked.order_by(F("asked_at").asc(nulls_first=True), "pk")
    return list(in_turn.select_related("reservation__trainee", "reservation__cohort__module")[:AT_ONCE])


def _unheard_of() -> Q:
    """Attempts that Stripe may have charged: begun and without an answer, or given up by us and not asked about yet."""
    given_up = Q(status=PaymentStatus.EXPIRED, asked_at=None)
    of_plans = Q(purpose=Purpose.INSTALMENT, gateway=STRIPE, checkout_id="", expires_at=None)
    return of_plans & (Q(status=PaymentStatus.CREATED) | given_up)


def _due(now: datetime) -> list[Plan]:
    """Running plans with a part that is due and not covered, whose next try has come."""
    found = with_something_due(school_day(now), Q(trouble=Trouble.NONE) | Q(next_try_at__lte=now))
    return [plan for plan, kept in found if _to_charge(plan.reservation, kept, now)]


def _to_charge(reservation: Reservation, kept_cents: int, now: datetime) -> int:
    """What is due of the parts at this moment; 0 before the hour at which the first of them is charged."""
    left = plans.left_of(reservation, kept_cents)
    if not left or now < datetime.combine(left[0].due_on, FROM, SCHOOL_ZONE):
        return 0
    due = due_cents(left, school_day(now))
    return due if due >= LEAST_PART_CENTS else 0


def charge_one(plan: Plan, now: datetime) -> bool:
    """Charge what is due of one plan; whether an attempt was decided. Not inside a transaction.

    Raises:
        Unavailable: when Stripe does not answer: the attempt stays begun, and the next round looks for it.
        WrongMoney: the attempt stays begun, too, and nothing else is charged until a person has looked.
    """
    _make_way(plan, now)
    payment = _attempt(plan, now)
    if payment is None:
        return False
    fresh = Plan.objects.select_related("reservation__cohort__module").get(pk=plan.pk)
    if fresh.state != PlanState.ACTIVE:  # it has ended this very moment, and nothing was asked
        Payment.objects.filter(pk=payment.pk).update(asked_at=now)
        return _book(payment, Report(PaymentStatus.EXPIRED), now)
    from booking.payments.gateways.stripe import cards  # where Stripe is not used, nobody waits for its code

    Payment.objects.filter(pk=payment.pk).update(asked_at=now)
    return _book(payment, cards.charge(payment, fresh), now)


def _make_way(plan: Plan, now: datetime) -> None:
    """Ask what has become of the attempt that is under way on the seat, if there is one, and end what may be ended.

    A page that somebody may be paying on at this moment is left alone for a while.

    Raises:
        Unavailable, WrongMoney
    """
    under_way = _under_way(plan.reservation)
    if under_way is None or under_way.gateway != STRIPE:
        return
    if is_without_page(under_way):
        return  # it is being asked at this moment, or the next round looks for it
    if under_way.asked_at and now - under_way.asked_at < ASK_EVERY:
        return
    if under_way.status == PaymentStatus.PROCESSING or now - under_way.created_at < PAGE_LEFT_ALONE:
        catch_up(under_way, now=now)
    else:
        give_up(under_way, now=now)


def _under_way(reservation: Reservation) -> Payment | None:
    found = Payment.objects.filter(reservation__in=story_of(reservation), status__in=UNDER_WAY)
    return found.select_related("reservation__trainee", "reservation__cohort__module").first()


def _find_again(payment: Payment, now: datetime) -> bool:
    """Book what became of an attempt whose answer was lost, or ask once more under its number; whether it is decided.

    Where the card has changed since, Stripe would take that for another request, so this attempt ends instead; so it
    does where what is due has changed, or the plan must not be charged any more. One that was given up is only looked
    for, and counts as asked about once Stripe has answered.

    Raises:
        Unavailable, Refused, WrongMoney
    """
    from booking.payments.gateways.stripe import cards

    given_up = payment.status == PaymentStatus.EXPIRED
    if not given_up:
        Payment.objects.filter(pk=payment.pk).update(asked_at=now)
    report = cards.look(payment)
    if given_up:
        Payment.objects.filter(pk=payment.pk).update(asked_at=now)
    elif report is None and (plan := _may_be_repeated(payment, now)):
        report = cards.charge(payment, plan)
    return _book(payment, report or Report(PaymentStatus.EXPIRED), now)


@writes
def _may_be_repeated(payment: Payment, now: datetime) -> Plan | None:
    """The plan whose part this attempt still is, as it was when it was begun; None where it is not. Locks the seat."""
    reservation = lifecycle.lock(payment.reservation)
    plan = plans.running(reservation)
    if plan is None or reservation.state not in SEATED or not plan.card_id or _is_frozen(reservation):
        return None
    another_card = plan.savings.filter(settled_at__gte=payment.created_at).exists()
    due = _to_charge(reservation, ledger.kept_cents(reservation), now)
    return None if another_card or due != payment.amount_cents else plan


@writes
def _attempt(plan: Plan, now: datetime) -> Payment | None:
    """Write down the attempt that Stripe is asked for next; None where nothing is to be charged (any more).

    Everything is looked at again under the lock: whoever gave the seat back, paid, or was charged by another worker a
    moment before is not charged. Locks the seat and the reservation.
    """
    reservation = lifecycle.lock(plan.reservation)
    fresh = plans.running(reservation)
    if fresh is None or fresh.pk != plan.pk or reservation.state not in SEATED or not fresh.card_id:
        return None
    if _count_failure(fresh, reservation, now) or not _has_come(fresh, now) or _is_frozen(reservation):
        return None
    kept = ledger.kept_cents(reservation)
    due = _to_charge(reservation, kept, now)
    if not due or not _may_begin(reservation, plans.left_of(reservation, kept)[0].due_on, now):
        return None
    return Payment.objects.create(
        reservation=reservation,
        purpose=Purpose.INSTALMENT,
        gateway=STRIPE,
        amount_cents=due,
        currency=reservation.currency,
        created_at=now,
    )


def _has_come(plan: Plan, now: datetime) -> bool:
    if plan.trouble == Trouble.NONE:
        return True
    return plan.next_try_at is not None and plan.next_try_at <= now


def _may_begin(reservation: Reservation, due_on: date, now: datetime) -> bool:
    """Whether no other attempt is under way, here or where the seat came from, nor one that may have been charged.

    A transfer that somebody promised is waited for as long as a hold would. Who promises again and again is waited for
    once: the days count from the first part that is due, `due_on`. What stays with nobody to pay it ends here.
    """
    story = Payment.objects.filter(reservation__in=story_of(reservation))
    if story.filter(_unheard_of() | Q(status__in=UNDER_WAY, gateway=STRIPE)).exists():
        return False
    promised = story.filter(status__in=UNDER_WAY).order_by("created_at").first()
    if promised is None:
        return True
    since = min(promised.created_at, datetime.combine(due_on, FROM, SCHOOL_ZONE))
    if now < business_days_later(since, reservation.terms.transfer_hold_days):
        return False
    give_up_here(reservation, now=now)
    return True


def _is_frozen(reservation: Reservation) -> bool:
    """Whether a bank is deciding about money that was paid for this seat."""
    disputed = Dispute.objects.filter(payment__reservation__in=story_of(reservation), status__in=FROZEN)
    return disputed.exists()


# -- what came of it ---------------------------------------------------------------------------------------------------
def _book(payment: Payment, report: Report, now: datetime) -> bool:
    """Book what Stripe says of an attempt; whether that decides it."""
    fresh, settled = _book_here(payment, report, now)
    if settled:
        finish(settled, now=now)
    return fresh.status not in UNDER_WAY


@writes
def _book_here(payment: Payment, report: Report, now: datetime) -> tuple[Payment, Settled | None]:
    reservation = lock_where_it_counts(payment.reservation, now)
    fresh, settled = told_here(payment, report, now=now)
    if report.status == PaymentStatus.FAILED:
        if not fresh.failure:
            fresh.failure = slugify(report.failure)[:60]
        plan = plans.running(reservation)
        if plan and fresh.status != PaymentStatus.SUCCEEDED and not plans.has_counted(plan, fresh):
            _failed(plan, reservation, fresh, now)
    return fresh, settled


def _count_failure(plan: Plan, reservation: Reservation, now: datetime) -> bool:
    """Whether an attempt has failed of which only the payment knows so far, because somebody else was told of it."""
    attempts = Payment.objects.filter(reservation__in=story_of(reservation), purpose=Purpose.INSTALMENT, gateway=STRIPE)
    without_page = attempts.filter(checkout_id="", expires_at=None, created_at__gte=plan.created_at)
    last = without_page.select_related("reservation").order_by("-created_at", "-pk").first()
    if last is None or last.status != PaymentStatus.FAILED or plans.has_counted(plan, last):
        return False
    _failed(plan, reservation, last, now)
    return True


def _failed(plan: Plan, reservation: Reservation, attempt: Payment, now: datetime) -> None:
    plan.reservation = reservation
    trouble = trouble_of(attempt.failure)
    again = next_try(trouble, attempt.failure, plan.tries, _first_try(plan, attempt), now)
    plans.failed(plan, attempt, trouble, next_try_at=again, now=now)


def _first_try(plan: Plan, attempt: Payment) -> datetime:
    """When the first of the tries in vain was made, of which this attempt is the last."""
    tries = Payment.objects.filter(
        reservation__in=story_of(plan.reservation),
        purpose=Purpose.INSTALMENT,
        gateway=STRIPE,
        checkout_id="",
        expires_at=None,
        status=PaymentStatus.FAILED,
    ).order_by("-created_at", "-pk")[: plan.tries + 1]
    return min([each.created_at for each in tries] + [attempt.created_at])


def trouble_of(failure: str) -> Trouble:
    """What stands against a charge, by Stripe's code. Pure."""
    if failure in ("authentication_required", "authentication_not_handled"):
        return Trouble.AUTHENTICATION
    if failure == "expired_card":
        return Trouble.EXPIRED
    return Trouble.NO_CARD if failure == "card-gone" else Trouble.DECLINED


def next_try(trouble: Trouble, failure: str, tries_before: int, first: datetime, now: datetime) -> datetime | None:
    """When it is tried again by itself: only where the card was declined, and that may change. Pure."""
    if trouble != Trouble.DECLINED or failure in HOPELESS or tries_before >= len(TRY_AGAIN_AFTER):
        return None
    return max(first + TRY_AGAIN_AFTER[tries_before], now + timedelta(days=1))
