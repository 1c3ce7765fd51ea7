"""A trainee's conversation with the school about a reservation."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from booking.reservations.conversations import subject_of
from booking.reservations.models import Reservation
from booking.reservations.story import whole_story
from workshops.conversations.views import conversation_page
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes


@roles(Role.TRAINEE)
@shows_or_takes
def conversation(request: SignedInRequest, public_id: str) -> HttpResponse:
    """All of it, and a form to write; of somebody else's reservation there is nothing here.

    When the reservation has moved, the conversation goes on where it is now, and so does whoever writes.
    """
    own = get_object_or_404(Reservation.objects.select_related("cohort"), public_id=public_id, trainee=request.user)
    back = whole_story(own)[-1].get_absolute_url()
    return conversation_page(request, subject_of(own, request.user), back=back, is_desk=False)
