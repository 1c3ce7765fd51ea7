"""What a trainee and the school write to each other about a reservation."""

from datetime import datetime

from django.urls import reverse

from booking.reservations.models import Reservation
from workshops.conversations.reading import Subject
from workshops.conversations.views import Conversation, conversation
from workshops.people.models import User
from workshops.web.access import SignedInRequest

KIND = "reservation"


def subject_of(reservation: Reservation, trainee: User) -> Subject:
    """The conversation about a reservation. `reservation.cohort` and `trainee`, whose it is, are loaded already."""
    key = reservation.public_id
    return Subject(
        about=(KIND, key),
        person=trainee,
        title=reservation.cohort.title,
        page_of_person=reverse("reservation-conversation", args=[key]),
        page_of_school=reverse("desk:reservation-conversation", args=[key]),
    )


def of_trainee(request: SignedInRequest, own: Reservation, *, now: datetime) -> Conversation:
    """The conversation as part of the trainee's page about their `own` reservation."""
    return conversation(request, subject_of(own, request.user), is_desk=False, now=now)


def of_desk(request: SignedInRequest, reservation: Reservation, *, now: datetime) -> Conversation | None:
    """The conversation as part of the desk's page; None for whoever only keeps the books."""
    if not request.user.is_registrar:
        return None
    return conversation(request, subject_of(reservation, reservation.trainee), is_desk=True, now=now)
