"""What Stripe tells us by itself: whether it is really Stripe who says it, and what it is about.

Of an event only its numbers are taken. What it is about is asked of Stripe afresh, so that an event that is late, or
comes before an earlier one, never says anything that is not so any more.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import stripe
from django.conf import settings

from booking.payments.gateways.base import Report, SentBack, Told
from booking.payments.gateways.stripe import checkout, refunds
from booking.payments.gateways.stripe.cards import OUR_VISIT
from booking.payments.gateways.stripe.client import OUR_ATTEMPT, OUR_REFUND, OURS, asking, client
from booking.payments.gateways.stripe.disputes import intent_of
from booking.payments.models import Payment

STALE = timedelta(minutes=5)
"""How old a signature may be: a copy of a delivery is good for so long."""
AHEAD = timedelta(minutes=1)
"""How far its clock may be before ours. The library does not look: what is signed for tomorrow is good until then."""

_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,80}")
_KIND = re.compile(r"[a-z0-9_.]{1,80}")
_OUR_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,20}")


class NotBelieved(Exception):
    """What came is not an event of Stripe's for us. The message says why, in a sentence."""


# -- hearing it --------------------------------------------------------------------------------------------------------
def read(body: bytes, signature: str, *, now: datetime) -> Told:
    """The event in a delivery, once it has been found to be Stripe's, of this moment, and of our mode.

    `body` is what came, byte by byte; `signature` the header Stripe-Signature.

    Raises:
        NotBelieved: for anything else.
    """
    if not settings.STRIPE_WEBHOOK_SECRETS:
        raise NotBelieved("No secret for webhooks is set here, so nothing that comes can be believed.")
    if not body.strip():
        raise NotBelieved("The body is empty.")
    if not signature:
        raise NotBelieved("The header Stripe-Signature is missing.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotBelieved("The body is not UTF-8.") from None
    if not any(_is_signed(text, signature, secret) for secret in settings.STRIPE_WEBHOOK_SECRETS):
        raise NotBelieved("The signature fits none of our secrets.")
    signed_at = _signed_at(signature)
    if signed_at < now.timestamp() - STALE.total_seconds():
        raise NotBelieved("The signature is more than five minutes old.")
    if signed_at > now.timestamp() + AHEAD.total_seconds():
        raise NotBelieved("The signature is of a time to come.")
    return _told(text)


def _is_signed(text: str, signature: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(text, signature, secret))
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False  # some headers are too odd for the library to refuse them in its own way


def _signed_at(signature: str) -> int:
    """The moment that the signature covers, read as the library reads it, which has found it good."""
    moments = [part.split("=", 2)[1] for part in signature.split(",") if part.split("=", 2)[0] == "t"]
    return int(moments[0])


def _told(text: str) -> Told:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise NotBelieved("The body is not JSON.") from None
    if not isinstance(event, dict):
        raise NotBelieved("The body is JSON and not an object.")
    number, kind, created = event.get("id"), event.get("type"), event.get("created")
    if (
        event.get("object") != "event"
        or not (isinstance(number, str) and _NUMBER.fullmatch(number))
        or not (isinstance(kind, str) and _KIND.fullmatch(kind))
        or not (isinstance(created, int) and 0 < created < 2**33)
    ):
        raise NotBelieved("The body is not an event of the kind that is sent with its object.")
    if event.get("livemode") is not settings.STRIPE_LIVE:
        raise NotBelieved("The event is of the other mode: one of live and test is meant for another place.")
    about = _mapping(_mapping(event.get("data")).get("object"))
    object_id, intent_id = _number(about.get("id")), _number(about.get("payment_intent"))
    if about.get("object") == "payment_intent":
        intent_id = object_id
    return Told(number, kind, object_id, intent_id, _ours(about), datetime.fromtimestamp(created, UTC))


def _mapping(given: object) -> Mapping[str, object]:
    return given if isinstance(given, dict) else {}


def _number(given: object) -> str:
    """A number of Stripe's, whether it came alone or with all that it stands for; "" for anything else."""
    number = given.get("id") if isinstance(given, dict) else given
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else ""


def _ours(about: Mapping[str, object]) -> str:
    """Our own number in the metadata: of a refund where it is one, else of the payment, or of what saves a card."""
    metadata = _mapping(about.get("metadata"))
    keys = (OUR_REFUND,) if about.get("object") == "refund" else (OURS, OUR_VISIT)
    for key in keys:
        number = metadata.get(key)
        if isinstance(number, str) and _OUR_NUMBER.fullmatch(number):
            return number
    return ""


# -- asking what it is about -------------------------------------------------------------------------------------------
def owner_of_intent(intent_id: str) -> str:
    """Our number of the payment that an intent was made for; "" for one of another sale.

    Raises:
        Unavailable, Refused
    """
    with asking():
        intent = client().v1.payment_intents.retrieve(intent_id)
    number = intent.metadata.to_dict().get(OURS, "") if intent.metadata else ""
    return number if _OUR_NUMBER.fullmatch(number) else ""


def by_page(payment: Payment, session_id: str) -> Report:
    """What has become of a payment by one page of its own.

    Raises:
        Unavailable, Refused, WrongMoney
    """
    with asking():
        session = client().v1.checkout.sessions.retrieve(session_id, {"expand": checkout.INSIDE})
    return checkout.read(session, payment)


def by_intent(payment: Payment, intent_id: str) -> Report:
    """What has become of a payment by the intent itself: for one that was charged without a page.

    Raises:
        Unavailable, Refused, WrongMoney
    """
    with asking():
        intent = client().v1.payment_intents.retrieve(
            intent_id, {"expand": ["latest_charge.balance_transaction", "payment_method"]}
        )
    return checkout.read_intent(intent, payment)


@dataclass(frozen=True)
class FoundRefund:
    """A refund as Stripe has it: how much, of which intent, and our number and attempt where it is ours."""

    answer: SentBack
    cents: int
    intent_id: str
    ours: str
    attempt: int


def refund(refund_id: str) -> FoundRefund:
    """One refund.

    Raises:
        Unavailable, Refused
    """
    with asking():
        return _refund(client().v1.refunds.retrieve(refund_id))


def refunds_of(intent_id: str) -> list[FoundRefund]:
    """Every refund of an intent, the oldest first.

    Raises:
        Unavailable, Refused
    """
    with asking():
        listed = client().v1.refunds.list({"payment_intent": intent_id, "limit": 100})
        return [_refund(each) for each in sorted(listed.auto_paging_iter(), key=lambda each: each.created)]


def _refund(found: stripe.Refund) -> FoundRefund:
    metadata = found.metadata.to_dict() if found.metadata else {}
    number, attempt = metadata.get(OUR_REFUND, ""), metadata.get(OUR_ATTEMPT, "")
    return FoundRefund(
        answer=refunds.read(found),
        cents=found.amount,
        intent_id=intent_of(found.payment_intent),
        ours=number if _OUR_NUMBER.fullmatch(number) else "",
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() else 0,
    )
