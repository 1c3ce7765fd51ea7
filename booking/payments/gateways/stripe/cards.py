"""Cards that their owners let us save: the visit that saves one, and charging one without its owner.

A charge has no page. It is found again by the number of its payment, which stands in the metadata of Stripe's intent.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import stripe
from django.conf import settings
from django.urls import reverse
from django.utils.text import slugify
from stripe.params import PaymentIntentCreateParams, PaymentIntentListParams
from stripe.params.checkout import SessionCreateParams

from booking.payments.gateways.base import Card, Opened, Refused, Report, WrongMoney
from booking.payments.gateways.stripe import checkout
from booking.payments.gateways.stripe.client import OURS, asking, client
from booking.payments.gateways.stripe.customers import customer_id
from booking.payments.models import Customer, Payment, PaymentStatus
from booking.payments.plans.models import CardSaving, Plan

log = logging.getLogger(__name__)

OUR_VISIT = "cintima_plan"
"""The key under which the number of a visit to save a card stands in Stripe's metadata."""
NEEDED = ["latest_charge.balance_transaction"]
"""What comes along with an intent: whether money moved, and what it cost."""
CARD_GONE = "card-gone"
"""Why a charge failed whose card Stripe has no more."""


@dataclass(frozen=True)
class Visit:
    """How a visit to save a card stands: over or not, and the card where one was saved."""

    is_over: bool
    card: Card | None = None


# -- saving one --------------------------------------------------------------------------------------------------------
def open_visit(saving: CardSaving) -> Opened:
    """Have Stripe make the page on which a card is saved. Asked again for the same visit, it answers with the same.

    Raises:
        Unavailable, Refused
    """
    reservation = saving.plan.reservation
    ours = {OUR_VISIT: saving.public_id}
    page = f"{settings.SITE_URL}{reverse('reservation-plan', args=[reservation.public_id])}"
    asked: SessionCreateParams = {
        "mode": "setup",
        "customer": customer_id(reservation.trainee),
        "client_reference_id": saving.public_id,
        "currency": reservation.currency.lower(),
        "allowed_payment_method_types": ["card"],
        "metadata": ours,
        "setup_intent_data": {"metadata": ours},
        "expires_at": int(saving.expires_at.timestamp()),
        "success_url": f"{page}back/",
        "cancel_url": page,
    }
    with asking():
        session = client().v1.checkout.sessions.create(asked, {"idempotency_key": f"card-{saving.public_id}"})
    return Opened(session.url or "", session.id, datetime.fromtimestamp(session.expires_at, UTC))


def look_at_visit(saving: CardSaving) -> Visit | None:
    """What has become of a visit; None when Stripe never made its page.

    Raises:
        Unavailable, Refused
        WrongMoney: when it is of another mode than ours.
    """
    number = saving.checkout_id or _find_visit(saving)
    if not number:
        return None
    with asking():
        session = client().v1.checkout.sessions.retrieve(number, {"expand": ["setup_intent.payment_method"]})
    if session.livemode != settings.STRIPE_LIVE:
        raise WrongMoney(f"{session.id} is of the other mode: live is {session.livemode}.")
    intent = session.setup_intent
    if session.status == "complete" and isinstance(intent, stripe.SetupIntent) and intent.status == "succeeded":
        method = intent.payment_method
        return Visit(True, checkout.card(method) if isinstance(method, stripe.PaymentMethod) else None)
    return Visit(session.status == "expired")


def close_visit(saving: CardSaving) -> Visit:
    """Close the page of a visit, so that no card comes by it any more, and say what has become of it.

    Raises:
        Unavailable, Refused, WrongMoney
    """
    visit = look_at_visit(saving)
    if visit is None or visit.is_over:
        return visit or Visit(is_over=True)
    try:
        with asking():
            client().v1.checkout.sessions.expire(saving.checkout_id or _find_visit(saving))
    except Refused:  # a card was saved, or it closed by itself, between the two questions
        return look_at_visit(saving) or Visit(is_over=True)
    return Visit(is_over=True)


def _find_visit(saving: CardSaving) -> str:
    with asking():
        found = client().v1.checkout.sessions.list(
            {"customer": customer_id(saving.plan.reservation.trainee), "limit": 100}
        )
        for session in found.auto_paging_iter():
            if session.client_reference_id == saving.public_id:
                return session.id
    return ""


# -- charging one ------------------------------------------------------------------------------------------------------
def charge(payment: Payment, plan: Plan) -> Report:
    """Charge a part of a plan to its card, without its owner. Asked again under the same number, it charges once.

    Raises:
        Unavailable: when the answer did not come: whether it was charged is found out by `look`.
        WrongMoney
    """
    reservation = payment.reservation
    asked: PaymentIntentCreateParams = {
        "amount": payment.amount_cents,
        "currency": payment.currency.lower(),
        "customer": plan.payer_id,
        "payment_method": plan.card_id,
        "confirm": True,
        "off_session": True,
        # Nobody is there who could be sent to a page of their bank's.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "description": f"{reservation.cohort.title}, {reservation.cohort.module}: monthly part",
        "metadata": {OURS: payment.public_id, "cintima_reservation": reservation.public_id},
        "expand": NEEDED,
    }
    try:
        with asking():
            intent = client().v1.payment_intents.create(asked, {"idempotency_key": f"payment-{payment.public_id}"})
    except Refused as refused:
        return _why_refused(refused, payment)
    return checkout.read_intent(intent, payment)


def _why_refused(refused: Refused, payment: Payment) -> Report:
    """A card that was refused is an answer, and so is a request that was: the same again would be refused again.

    Either is told to its owner and tried on the same ladder; what Stripe does not understand, somebody has to look at.
    """
    cause = refused.__cause__
    if isinstance(cause, stripe.CardError):
        error = cause.error
        return Report(PaymentStatus.FAILED, failure=(error and error.decline_code) or refused.code)
    if isinstance(cause, stripe.InvalidRequestError) and cause.param in ("payment_method", "customer"):
        return Report(PaymentStatus.FAILED, failure=CARD_GONE)
    log.error("Stripe will not charge payment %s as it is asked to: %s", payment.public_id, refused.code)
    return Report(PaymentStatus.FAILED, failure=refused.code)


def look(payment: Payment) -> Report | None:
    """What has become of a charge that has no page; None when Stripe knows of none.

    Raises:
        Unavailable, Refused, WrongMoney
    """
    with asking():
        found = _found(payment)
        if found is None:
            return None
        intent = client().v1.payment_intents.retrieve(found, {"expand": NEEDED})
    report = checkout.read_intent(intent, payment)
    if report.failure:
        return Report(PaymentStatus.FAILED, reference=report.reference, failure=slugify(report.failure))
    return report


def _found(payment: Payment) -> str | None:
    """The intent of a charge: known by its number, among its payer's, or by search, which may be a minute behind."""
    if payment.reference:
        return payment.reference
    intents, reservation = client().v1.payment_intents, payment.reservation
    payers = {*Plan.objects.filter(reservation__trainee=reservation.trainee_id).values_list("payer_id", flat=True)}
    payers |= {*Customer.objects.filter(person=reservation.trainee_id).values_list("processor_id", flat=True)}
    since = int(payment.created_at.timestamp()) - 60
    for payer in sorted(payers - {""}):
        asked: PaymentIntentListParams = {"customer": payer, "created": {"gte": since}, "limit": 100}
        for each in intents.list(asked).auto_paging_iter():
            if each.metadata.to_dict().get(OURS) == payment.public_id:
                return each.id
    for each in intents.search({"query": f"metadata['{OURS}']:'{payment.public_id}'"}).auto_paging_iter():
        return each.id
    return None


def forget(payer_id: str) -> None:
    """Take every card that was saved for this payer off them again. A second time finds none.

    Raises:
        Unavailable
    """
    try:
        with asking():
            saved = client().v1.payment_methods.list({"customer": payer_id, "type": "card", "limit": 100})
            for method in saved.auto_paging_iter():
                client().v1.payment_methods.detach(method.id)
    except Refused:
        log.warning("Stripe knows the payer %s, or a card of theirs, no more.", payer_id)
