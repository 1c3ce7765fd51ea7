"""The papers of a reservation as pages list them, who may open one, and where it is found."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse

from booking.payments.models import Payment
from booking.payments.papers.models import Paper
from booking.payments.papers.numbers import shown_number
from booking.payments.returning import story_of
from booking.reservations.models import OWING, Reservation
from workshops.people.models import Role, User

OF_THE_BOOKS = frozenset({Role.REGISTRAR, Role.BOOKKEEPER})


@dataclass(frozen=True)
class Listed:
    """One paper in a list of them."""

    title: str
    number: str
    issued_at: datetime
    cents: int
    """What was received, what it costs in all, or what went back."""
    currency: str
    url: str


def papers_of(reservation: Reservation) -> list[Listed]:
    """The papers of a reservation and of those it moved here from, the newest first."""
    return [
        Listed(
            title=paper.get_kind_display(),
            number=shown_number(paper),
            issued_at=paper.issued_at,
            cents=paper.says["amount_cents"],
            currency=paper.says["currency"],
            url=reverse("paper", args=[paper.public_id]),
        )
        for paper in Paper.objects.filter(reservation__in=story_of(reservation))
    ]


def may_invoice(reservation: Reservation, now: datetime) -> bool:
    """Whether an invoice can be made for a reservation: it stands, and costs something here."""
    return reservation.state_at(now) in OWING and reservation.owed_cents > 0


def may_read(reader: User) -> QuerySet[Paper]:
    """The papers that this person may open: their own; every one for whoever keeps the books."""
    everybodys = Q() if reader.roles & OF_THE_BOOKS else Q(reservation__trainee=reader)
    return Paper.objects.filter(everybodys).select_related("payment", "refund")


def receipt_link(payment: Payment) -> str:
    """The address of a payment's receipt on this site, from its root; empty where it has none."""
    made = Paper.objects.filter(payment=payment).first()
    return reverse("paper", args=[made.public_id]) if made else ""
