"""The API of paying."""

from dataclasses import dataclass
from typing import Annotated, Literal

from ninja import Router
from pydantic import BaseModel, Field

from booking.payments import gateways, paying
from booking.payments.gateways.base import Refused, Unavailable, WrongMoney
from booking.payments.models import UNDER_WAY, Payment, PaymentStatus, Purpose
from booking.reservations.api import the_reservation
from booking.reservations.models import Reservation
from workshops.people.models import Scope
from workshops.web.operations import PersonsRequest, operation, signed_in
from workshops.web.problems import Problem
from workshops.web.shapes import Money

router = Router(tags=["Payments"])

A_MINUTE = 60
STATUSES = [each for each in PaymentStatus.values if each != PaymentStatus.CREATED]
"""What a program is told. Whether the processor has heard of a payment yet is our own affair: to others it is open."""

StatusName = Annotated[str, Field(json_schema_extra={"enum": STATUSES})]


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
    problems=(
        "gateway-unavailable",
        "hold-expired",
        "nothing-to-pay",
        "payment-under-way",
        "processor-unavailable",
    ),
)
def pay(request: PersonsRequest, reservation_id: str, asked: PaymentAsked) -> PaymentAnswer:
    """Begin a payment

    For your own reservation. By `stripe` the answer is `open` with a `checkout_url`: send the person there. It ends
    where the hold does, which is made longer once if less than half an hour of it is left. Asking for the same again
    answers with the same payment. Play money (`sandbox`) succeeds at once, and is never offered in production.
    """
    reservation = the_reservation(Reservation.objects.filter(trainee=request.person), reservation_id)
    try:
        begun = paying.begin(reservation, Purpose(asked.purpose), asked.gateway, by=request.person, now=request.now)
    except paying.TooLittleForCard as refused:
        raise Problem("gateway-unavailable", str(refused)) from None
    except gateways.NoSuchGateway:
        raise Problem("gateway-unavailable") from None
    except paying.HoldRanOut:
        raise Problem("hold-expired") from None
    except paying.NothingToPay as refused:
        raise Problem("nothing-to-pay", str(refused)) from None
    except paying.OnItsWay:
        raise Problem("payment-under-way", "A payment is with a bank already. Wait for its answer.") from None
    except paying.TooLittleTime:
        raise Problem("payment-under-way", TOO_LITTLE_TIME, checkout_url=_open_page_of(reservation)) from None
    except WrongMoney:
        raise Problem("payment-under-way", "A payment came that the school has to look at first.") from None
    except Refused as refused:
        raise Problem("gateway-unavailable", f"Stripe does not take this payment: {refused}") from None
    except Unavailable:
        raise Problem("processor-unavailable", retry_after=A_MINUTE) from None
    payment = begun.payment
    return PaymentAnswer(
        id=payment.public_id,
        gateway=payment.gateway,
        status=PaymentStatus.OPEN if payment.status == PaymentStatus.CREATED else payment.status,
        amount=Money(payment.amount_cents, payment.currency),
        checkout_url=begun.checkout_url or None,
    )


TOO_LITTLE_TIME = "The hold ends sooner than a new page to pay on could. Go on with the one that is open."


def _open_page_of(reservation: Reservation) -> str | None:
    """Where the payment that is under way is paid; None where it has no page."""
    under_way = Payment.objects.filter(reservation=reservation, status__in=UNDER_WAY).first()
    return under_way.checkout_url or None if under_way else None
