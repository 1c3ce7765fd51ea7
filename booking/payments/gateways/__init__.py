"""The ways to pay that this place offers."""

from django.conf import settings

from booking.payments.gateways.base import Gateway
from booking.payments.gateways.offline import Offline
from booking.payments.gateways.sandbox import Sandbox


class NoSuchGateway(Exception):
    """That way to pay is not offered here."""


def offered() -> dict[str, Gateway]:
    """The ways to pay, by name, the one to suggest first."""
    gateways: list[Gateway] = [Offline()]
    if settings.SANDBOX_PAYMENTS:
        gateways.insert(0, Sandbox())
    if settings.STRIPE_SECRET_KEY:
        # Reading Stripe's own code takes a while, and only where it is used does anyone wait for it.
        from booking.payments.gateways.stripe.gateway import Stripe

        gateways.insert(0, Stripe())
    return {gateway.name: gateway for gateway in gateways}


def gateway(name: str) -> Gateway:
    """One way to pay.

    Raises:
        NoSuchGateway: when it is not offered here.
    """
    try:
        return offered()[name]
    except KeyError:
        raise NoSuchGateway(name) from None


def title_of(name: str) -> str:
    """A way to pay as it is named in a sentence; also where it is not offered any more."""
    found = offered().get(name)
    return found.in_words if found else _NOT_OFFERED.get(name, name)


def how(name: str) -> str:
    """How money goes or went by that way, as the end of a sentence.

    Through Stripe goes more than cards: which of it was used is not known here.
    """
    return f"{'through' if name == 'stripe' else 'by'} {title_of(name)}"


_NOT_OFFERED = {"stripe": "Stripe", "sandbox": "play money", "offline": "bank transfer"}
