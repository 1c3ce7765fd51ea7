"""The API of paying."""

from dataclasses import dataclass
from typing import Annotated, Literal

from ninja import Router
from pydantic import BaseModel, Field

from booking.payments import gateways, paying
from booking.payments.models import PaymentStatus, Purpose
from booking.reservations.api import the_reservation
from booking.reservations.models import Reservation
from workshops.people.models import Scope
from workshops.web.operations import PersonsRequest, operation, signed_in
from workshops.web.problems import Problem
from workshops.web.shapes import Money

router = Router(tags=["Payments"])

StatusName = Annotated[str, Field(json_schema_extra={"enum": list(PaymentStatus.values)})]


@dataclass(frozen=True)
class PaymentAnswer:
    """A payment that was begun. `checkout_url` is where it is paid, or null where there is nothing more to do."""

    id: str
    gateway: str
    status: StatusName
    amount: Money
    checkout_url: str | None


class PaymentAsked(BaseModel):
    """What to pay for, and how."""

    purpose: Literal["deposit", "balance", "full"]
    gateway: Literal["stripe", "sandbox"]


@operation(
    router,
    "POST",
    "/reservations/{reservation_id}/payments",
    {201: PaymentAnswer},
    access=signed_in(Scope.BOOK),
    problems=("gateway-unavailable", "hold-expired", "nothing-to-pay"),
)
def pay(request: PersonsRequest, reservation_id: str, asked: PaymentAsked) -> PaymentAnswer:
    """Begin a payment

    For your own reservation. Play money (`sandbox`) succeeds at once, and is never offered in production.
    """
    reservation = the_reservation(Reservation.objects.filter(trainee=request.person), reservation_id)
    try:
        begun = paying.begin(reservation, Purpose(asked.purpose), asked.gateway, by=request.person, now=request.now)
    except gateways.NoSuchGateway:
        raise Problem("gateway-unavailable") from None
    except paying.HoldRanOut:
        raise Problem("hold-expired") from None
    except paying.NothingToPay as refused:
        raise Problem("nothing-to-pay", str(refused)) from None
    payment = begun.payment
    return PaymentAnswer(
        id=payment.public_id,
        gateway=payment.gateway,
        status=payment.status,
        amount=Money(payment.amount_cents, payment.currency),
        checkout_url=begun.checkout_url or None,
    )
