"""Saving a card for a plan on a visit to Stripe, and asking what has become of the visit.

The page that its owner comes back to, Stripe's own word and the worker all call `catch_up`; what a URL says is never
believed.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from booking.payments import gateways
from booking.payments.gateways.base import STRIPE, Card, Opened, Unavailable
from booking.payments.models import Customer
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import CardSaving, Plan, PlanState
from booking.reservations import lifecycle
from booking.reservations.models import State
from booking.reservations.rounds import one_by_one
from workshops.transactions import writes

log = logging.getLogger(__name__)

VISIT_LASTS = timedelta(hours=1)
WORTH_GOING_ON = timedelta(minutes=5)
"""A page that is open so much longer is gone back to; before its end another one is made."""
AT_ONCE = 20


def can_save() -> bool:
    """Whether cards can be saved here, and so whether there can be plans."""
    return STRIPE in gateways.offered()


def begin_saving(plan: Plan, now: datetime) -> CardSaving:
    """Begin a visit that saves a card, or find the one that is open; `checkout_url` is where it goes on.

    The row is written before Stripe is asked, and asked under its number, so that a lost answer is found again. Not
    inside a transaction.

    Raises:
        Unavailable, Refused, WrongMoney
    """
    from booking.payments.gateways.stripe import cards  # where Stripe is not used, nobody waits for its code

    open_one = plan.savings.filter(settled_at=None).select_related("plan__reservation__trainee").first()
    if open_one is not None:
        open_one = catch_up(open_one, now)
        if open_one.settled_at is None and open_one.expires_at <= now + WORTH_GOING_ON:
            _settle(open_one, cards.close_visit(open_one).card, now)
    saving = _visit(plan, now)
    return saving if saving.checkout_url else _opened(saving, cards.open_visit(saving))


@writes
def _visit(plan: Plan, now: datetime) -> CardSaving:
    """The visit that is open, or a new one. One that may have saved a card is ended by Stripe's word only.

    Locks the plan.
    """
    fresh = Plan.objects.select_for_update(of=("self",)).get(pk=plan.pk)
    found = fresh.savings.filter(settled_at=None).select_related("plan__reservation__trainee").first()
    if found:
        return found
    made = CardSaving.objects.create(plan=fresh, expires_at=now + VISIT_LASTS, created_at=now)
    return CardSaving.objects.select_related("plan__reservation__trainee").get(pk=made.pk)


@writes
def _opened(saving: CardSaving, opened: Opened) -> CardSaving:
    saving.checkout_id, saving.checkout_url = opened.checkout_id, opened.url
    saving.expires_at = opened.expires_at or saving.expires_at
    saving.save(update_fields=["checkout_id", "checkout_url", "expires_at"])
    return saving


def catch_up(saving: CardSaving, now: datetime) -> CardSaving:
    """Ask Stripe what has become of a visit, and let the plan run with the card that was saved. Once, by whoever asks.

    Not inside a transaction.

    Raises:
        Unavailable, Refused, WrongMoney: nothing has changed.
    """
    if saving.settled_at is not None or not can_save():
        return saving
    from booking.payments.gateways.stripe import cards

    visit = cards.look_at_visit(saving)
    if visit is None:
        visit = cards.Visit(is_over=saving.expires_at <= now)
    return _settle(saving, visit.card, now) if visit.is_over else saving


@writes
def _settle(saving: CardSaving, card: Card | None, now: datetime) -> CardSaving:
    """The end of a visit. Locks the seat, the reservation, the plan, the visit.

    A card that was saved for a plan which somebody has dropped since, or which has ended, is used for nothing.
    """
    plan = Plan.objects.select_related("reservation__trainee").get(pk=saving.plan_id)
    reservation = lifecycle.lock(plan.reservation)
    Plan.objects.select_for_update(of=("self",)).only("pk").get(pk=saving.plan_id)
    fresh = CardSaving.objects.select_for_update(of=("self",)).select_related("plan__reservation").get(pk=saving.pk)
    if fresh.settled_at is not None or fresh.plan.reservation_id != reservation.pk:
        return fresh  # where the plan has just moved along with its seat, it is asked again
    fresh.settled_at = now
    fresh.save(update_fields=["settled_at"])
    stands = reservation.state in (State.RESERVED, State.CONFIRMED)
    if card and stands and plans.plan_of(reservation) == fresh.plan:
        plans.card_saved(reservation, card, now=now)
    return fresh


def catch_up_due(now: datetime) -> int:
    """Ask about visits whose page has closed and of which nobody has told us what became; return how many are over.

    Raises:
        Exception: the last one met, when nothing came of any.
    """
    if not can_save():
        return 0
    closed = CardSaving.objects.filter(settled_at=None, expires_at__lte=now).order_by("expires_at", "pk")
    return one_by_one(
        closed.select_related("plan__reservation__trainee")[:AT_ONCE], lambda each: _is_over(each, now), "A saved card"
    )


def _is_over(saving: CardSaving, now: datetime) -> bool:
    try:
        return catch_up(saving, now).settled_at is not None
    except Unavailable:
        log.warning("Stripe did not say what became of the visit %s; it is asked again.", saving.public_id)
        return False


def forget_cards(now: datetime) -> int:  # noqa: ARG001
    """Have Stripe forget the cards of plans that have ended: nothing else was allowed. Return for how many plans.

    Not while another plan of the same person runs or waits for its card, and never a card that was saved for other
    sales of the school, under a number that we did not make.
    """
    if not can_save():
        return 0
    ended = Plan.objects.filter(state__in=(PlanState.PAID, PlanState.CLOSED)).exclude(card_id="")
    standing = Plan.objects.filter(state__in=plans.STANDING, reservation__trainee=OuterRef("reservation__trainee"))
    waiting = ended.exclude(Exists(standing)).select_related("reservation__trainee").order_by("ended_at", "pk")
    return one_by_one(waiting[:AT_ONCE], _forget, "A card of a plan that has ended")


def _forget(plan: Plan) -> bool:
    from booking.payments.gateways.stripe import cards

    try:
        if Customer.objects.filter(processor_id=plan.payer_id).exists():
            cards.forget(plan.payer_id)
    except Unavailable:
        log.warning("The card of plan %s could not be forgotten; it is asked again.", plan.public_id)
        return False
    writes(plans.card_forgotten)(plan)
    return True
