"""How a registrar brings a trainee together with a mentor, and how that ends."""

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST

from booking.desk.people.answering import Asked, carried_out, find
from booking.desk.people.mentoring.forms import MentorEndForm, MentorForm
from workshops.clock import current_time
from workshops.mentors import mentorships
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles


@roles(Role.REGISTRAR)
@require_POST
def begin(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give a trainee a mentor."""
    someone, now = find(public_id), current_time()

    def act(asked: Asked) -> str:
        made = mentorships.begin(asked["mentor"], someone, by=request.user, now=now)
        return f"{made.mentor} mentors {someone} from today. Both hear of it by e-mail."

    form = MentorForm(request.POST, without=(someone,))
    return carried_out(request, someone, "mentor", form, act)


@roles(Role.REGISTRAR)
@require_POST
def end(request: SignedInRequest, public_id: str) -> HttpResponse:
    """End the mentorship in which a trainee is accompanied now."""
    someone, now = find(public_id), current_time()
    running = mentorships.running_of(someone)
    if running is None:
        raise Http404

    def act(asked: Asked) -> str:
        mentorships.end(running, by=request.user, now=now, why=asked["why"])
        return f"{running.mentor} mentors {someone} no more. Both hear of it by e-mail."

    return carried_out(request, someone, "mentor_end", MentorEndForm(request.POST), act)
