"""What a trainee and the school write to each other about a reservation."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from django.urls import reverse

from booking.reservations.models import Reservation
from booking.reservations.story import whole_story
from workshops.conversations.reading import Before, Subject
from workshops.conversations.views import Conversation, conversation
from workshops.people.models import User
from workshops.web.access import SignedInRequest

KIND = "reservation"


def subject_of(reservation: Reservation, trainee: User) -> Subject:
    """The conversation about a reservation, which goes on wherever that moves: one thread, on the newest one's page.

    The thread is the one that was begun with the first of them. `reservation.cohort` and `trainee`, whose it is, are
    loaded already. One statement, however many moves; none where nothing ever moved.
    """
    story = whole_story(reservation)
    before = [Before((KIND, each.public_id), each.cohort.title, after.created_at) for each, after in pairwise(story)]
    return replace(_subject(story[-1], trainee), about=(KIND, story[0].public_id), before=before)


def subject_in_list(reservation: Reservation, trainee: User) -> Subject:
    """The same as a list names it, by the reservation that it began with. No statement."""
    return _subject(reservation, trainee)


def _subject(reservation: Reservation, trainee: User) -> Subject:
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
