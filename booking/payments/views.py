"""Coming back from the processor's page: what became of the payment is asked of it, whatever the URL says."""

import logging
from datetime import datetime

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.payments import gateways, ledger
from booking.payments.balances import due_next
from booking.payments.gateways.base import Refused, Unavailable, WrongMoney
from booking.payments.models import Payment, PaymentStatus
from booking.payments.page import Outcome, outcome_of, own_payment
from booking.payments.returning import where_it_counts
from booking.payments.settling import catch_up
from booking.reservations.models import OWING
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles

log = logging.getLogger(__name__)


@roles(Role.TRAINEE)
@require_safe
def back(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Somebody has paid, and comes back: received, with their bank, or not paid yet."""
    return _shown(request, public_id, "payments/back.html")


@roles(Role.TRAINEE)
@require_safe
def stopped(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Somebody comes back without paying: nothing was taken, how long the seat waits, and how to go on."""
    return _shown(request, public_id, "payments/stopped.html")


def _shown(request: SignedInRequest, public_id: str, template: str) -> HttpResponse:
    now = current_time()
    payment = own_payment(request.user, public_id)
    payment, outcome = _asked(payment, now)
    reservation = where_it_counts(payment.reservation)
    state = reservation.state_at(now)
    kept = ledger.kept_cents(reservation)
    page = {
        "payment": payment,
        "outcome": outcome,
        "reservation": reservation,
        "cohort": reservation.cohort,
        "state": state,
        "is_live": state in OWING,
        "remaining_cents": reservation.remaining_cents(kept),
        "due_next": due_next(reservation.charges.all(), kept),
    }
    answer = TemplateResponse(request, template, page)
    # The page looks again by itself and says in `seen` what it shows: when that has changed, it is loaded anew.
    if request.htmx and (seen := request.GET.get("seen")) and seen != outcome.kind:
        answer["HX-Refresh"] = "true"
    return answer


def _asked(payment: Payment, now: datetime) -> tuple[Payment, Outcome]:
    """What has become of a payment, asked at this moment; what has been received is not asked about again."""
    if payment.status == PaymentStatus.SUCCEEDED:
        return payment, outcome_of(payment, now)
    try:
        payment = catch_up(payment, now=now)
    except (Unavailable, Refused, gateways.NoSuchGateway):
        return payment, Outcome("asking")
    except WrongMoney:
        log.exception("Payment %s came in a way that was not asked for.", payment.public_id)
        return payment, Outcome("wrong")
    return payment, outcome_of(payment, now)
