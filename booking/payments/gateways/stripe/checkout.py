"""Stripe's hosted Checkout: a page of theirs to pay on, so that no card number ever comes here."""

from datetime import UTC, datetime

import stripe
from django.conf import settings
from stripe.params.checkout import SessionCreateParams

from booking.payments.gateways.base import Card, Fee, Opened, Report, WrongMoney
from booking.payments.gateways.stripe.client import OURS, asking, client
from booking.payments.gateways.stripe.customers import customer_id
from booking.payments.gateways.stripe.methods import excluded
from booking.payments.models import Payment, PaymentStatus, Purpose

INSIDE = ["payment_intent.latest_charge.balance_transaction", "payment_intent.payment_method"]
"""What comes along when a session is fetched: whether money moved, what it cost, and the card."""


def open_page(payment: Payment) -> Opened:
    """Have Stripe make the page for a payment. Asked again under the same number, it answers with the same page.

    Raises:
        Unavailable, Refused
    """
    with asking():
        session = client().v1.checkout.sessions.create(
            _asked(payment), {"idempotency_key": f"payment-{payment.public_id}"}
        )
    return _opened(session)


def _asked(payment: Payment) -> SessionCreateParams:
    """What Stripe is asked for: made of the payment's own row alone, so that a repeat asks for the same."""
    reservation = payment.reservation
    ours = {OURS: payment.public_id, "cintima_reservation": reservation.public_id}
    what = f"{reservation.cohort.title}, {reservation.cohort.module}: {payment.get_purpose_display().lower()}"
    back = f"{settings.SITE_URL}/payments/{payment.public_id}"
    assert payment.expires_at is not None
    asked: SessionCreateParams = {
        "mode": "payment",
        "customer": customer_id(reservation.trainee),
        "client_reference_id": payment.public_id,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": payment.currency.lower(),
                    "unit_amount": payment.amount_cents,
                    "product_data": {"name": what},
                },
            }
        ],
        "metadata": ours,
        "payment_intent_data": {"metadata": ours, "description": what},
        "expires_at": int(payment.expires_at.timestamp()),
        "success_url": f"{back}/back",
        "cancel_url": f"{back}/stopped",
        # The price is in the school's currency, whatever the payer's card is in.
        "adaptive_pricing": {"enabled": False},
    }
    if payment.keeps_card:
        asked["payment_intent_data"]["setup_future_usage"] = "off_session"
        asked["allowed_payment_method_types"] = ["card"]
    else:
        asked["excluded_payment_method_types"] = excluded(
            Purpose(payment.purpose),
            payment.amount_cents,
            payment.currency,
            pay_later=reservation.terms.pay_later,
            is_all_of_it=payment.amount_cents == reservation.owed_cents,
        )
    return asked


def _opened(session: stripe.checkout.Session) -> Opened:
    return Opened(session.url or "", session.id, datetime.fromtimestamp(session.expires_at, UTC))


def find_page(payment: Payment) -> Opened | None:
    """The page of a payment whose answer was lost, found among its payer's; None when Stripe never made it.

    Raises:
        Unavailable, Refused
    """
    with asking():
        found = client().v1.checkout.sessions.list({"customer": customer_id(payment.reservation.trainee), "limit": 100})
        for session in found.auto_paging_iter():
            if session.client_reference_id == payment.public_id:
                return _opened(session)
    return None


def _adopt(payment: Payment, page: Opened) -> None:
    """Keep the page that was found again, so that the person goes on with it."""
    payment.checkout_id, payment.checkout_url = page.checkout_id, page.url
    payment.expires_at = page.expires_at or payment.expires_at
    Payment.objects.filter(pk=payment.pk, checkout_id="").update(
        checkout_id=payment.checkout_id, checkout_url=payment.checkout_url, expires_at=payment.expires_at
    )


def look(payment: Payment) -> Report | None:
    """What has become of a payment by its page, which is found again where its answer was lost; None without one.

    Raises:
        Unavailable, Refused
        WrongMoney: when the money is of another currency or another mode than was asked for.
    """
    if not payment.checkout_id:
        found = find_page(payment)
        if found is None:
            return None
        _adopt(payment, found)
    with asking():
        session = client().v1.checkout.sessions.retrieve(payment.checkout_id, {"expand": INSIDE})
    return read(session, payment)


def close(payment: Payment) -> Report | None:
    """Close the page, and say what has become of the payment: it may have been paid a moment before.

    Raises:
        Unavailable, Refused, WrongMoney
    """
    report = look(payment)
    if report is None or report.status != PaymentStatus.OPEN:
        return report
    try:
        client().v1.checkout.sessions.expire(payment.checkout_id)
    except stripe.InvalidRequestError:
        return look(payment)  # paid or closed between the two questions
    except stripe.StripeError:
        with asking():
            raise
    return Report(PaymentStatus.EXPIRED)


def read(session: stripe.checkout.Session, payment: Payment) -> Report:
    """What a session says, in words of our own.

    Raises:
        WrongMoney
    """
    if session.livemode != settings.STRIPE_LIVE:
        raise WrongMoney(f"{session.id} is of the other mode: live is {session.livemode}.")
    if (session.currency or "").upper() != payment.currency:
        raise WrongMoney(f"{session.id} is in {session.currency}, asked for was {payment.currency}.")
    intent = session.payment_intent
    if session.status == "expired":
        return Report(PaymentStatus.EXPIRED)
    if isinstance(intent, stripe.PaymentIntent) and session.status == "complete":
        return read_intent(intent, payment)
    return Report(PaymentStatus.OPEN)


def read_intent(intent: stripe.PaymentIntent, payment: Payment) -> Report:
    """What a payment intent says, in words of our own.

    Raises:
        WrongMoney
    """
    if intent.livemode != settings.STRIPE_LIVE or intent.currency.upper() != payment.currency:
        raise WrongMoney(f"{intent.id} is {intent.currency}, live {intent.livemode}: not what was asked for.")
    if intent.status == "succeeded":
        card = _card_of(intent) if payment.keeps_card else None
        return Report(PaymentStatus.SUCCEEDED, intent.amount_received, intent.id, fee=_fee_of(intent), card=card)
    if intent.status == "processing":
        return Report(PaymentStatus.PROCESSING, reference=intent.id)
    error = intent.last_payment_error
    failure = (error.decline_code or error.code or "declined") if error else "cancelled"
    return Report(PaymentStatus.FAILED, reference=intent.id, failure=failure)


def _fee_of(intent: stripe.PaymentIntent) -> Fee | None:
    charge = intent.latest_charge
    moved = charge.balance_transaction if isinstance(charge, stripe.Charge) else None
    return Fee(moved.id, moved.fee) if isinstance(moved, stripe.BalanceTransaction) else None


def _card_of(intent: stripe.PaymentIntent) -> Card | None:
    method = intent.payment_method
    return card(method) if isinstance(method, stripe.PaymentMethod) else None


def card(method: stripe.PaymentMethod) -> Card:
    """A saved card in our words."""
    payer = method.customer if isinstance(method.customer, str) else method.customer.id if method.customer else ""
    details = method.card
    if details is None:
        return Card(method.id, payer, method.type)
    until = f"{details.exp_month:02d}/{details.exp_year}"
    return Card(method.id, payer, f"{details.brand.capitalize()} ending in {details.last4}, until {until}")
