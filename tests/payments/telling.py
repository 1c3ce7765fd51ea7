"""What Stripe tells by itself, handed to the product as Stripe does it: what the tests of the inbox share."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db.models import Sum
from django.test import Client

from booking.payments import paying
from booking.payments.inbox import processing, views
from booking.payments.inbox.models import InboxEvent
from booking.payments.models import Dispute, LedgerEntry, Payment, Posting, Purpose, Refund
from booking.reservations.models import Reservation
from tests import factories
from tests.factories import NOW
from tests.stripe_stand_in import StandIn

Post = Callable[[bytes, dict[str, str]], int]


def post(body: bytes, headers: dict[str, str]) -> int:
    """One delivery, without any cookie, and the worker's next round; the status of the answer."""
    status = only_stored(body, headers)
    processing.process_due(vars(views)["current_time"](), limit=100)  # as `it_is` has set it
    return status


def only_stored(body: bytes, headers: dict[str, str]) -> int:
    """One delivery, and the worker's next round is still to come."""
    answer = Client().post("/stripe/webhook", body, content_type="application/json", headers=headers)
    return answer.status_code


def it_is(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the webhook takes for now."""
    monkeypatch.setattr(views, "current_time", lambda: moment)


def begin(
    reservation: Reservation | None = None, purpose: Purpose = Purpose.DEPOSIT, *, now: datetime = NOW
) -> Payment:
    """A payment whose page is open."""
    found = Reservation.objects.get(pk=(reservation or factories.reservation(now=now)).pk)
    return paying.begin(found, purpose, "stripe", by=found.trainee, now=now).payment


def paid(stripe: StandIn, purpose: Purpose = Purpose.FULL, **how: Any) -> tuple[Payment, str]:
    """A payment that was paid on its page and of which nothing was told yet, and its intent."""
    payment = begin(purpose=purpose)
    return payment, stripe.pay(payment.checkout_id, **how)["payment_intent"]


def kinds(**only: object) -> list[str]:
    """The kinds of the events that were stored."""
    return list(InboxEvent.objects.filter(**only).order_by("pk").values_list("kind", flat=True))


def everything() -> dict[str, object]:
    """What the books and tables say, without numbers and moments: the same whatever the order of what was told."""
    sums = Posting.objects.order_by("account").values_list("account").annotate(total=Sum("amount_cents"))
    return {
        "books": {account: total for account, total in sums if total},
        "entries": sorted(source.partition(":")[0] for source in LedgerEntry.objects.values_list("source", flat=True)),
        "payments": sorted(Payment.objects.values_list("status", "amount_cents")),
        "refunds": sorted(Refund.objects.values_list("status", "amount_cents", "rule")),
        "disputes": sorted(Dispute.objects.values_list("status", "amount_cents")),
        "reservations": sorted(Reservation.objects.values_list("state", "seat_number")),
    }
