"""What a registrar changes about an account: the profile, and the roles."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from booking.desk.people.accounts import take_role
from booking.desk.people.answering import NOTHING, Asked, carried_out, find
from booking.desk.people.forms import RoleForm
from workshops.clock import current_time
from workshops.people import profiles
from workshops.people.closing import Closed
from workshops.people.forms import ProfileForm
from workshops.people.models import Role
from workshops.people.roles import grant
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes


@roles(Role.REGISTRAR)
@shows_or_takes
def profile(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Correct what is kept about someone: a page of its own, for its lists of countries and time zones are long."""
    # A copy: what is typed wrong must not show elsewhere on the page.
    someone, form = find(public_id), ProfileForm(posted(request), instance=find(public_id), prefix="profile")
    if someone.erased_at:
        raise Http404
    if form.is_valid():
        try:
            changed = profiles.save(form, by=request.user, now=current_time())
        except Closed as closed:
            form.add_error(None, str(closed))
        else:
            messages.success(request, "The profile is saved." if changed else NOTHING)
            return redirect("desk:person", someone.public_id)
    return form_page(request, "desk/people/profile.html", form, {"person": someone})


@roles(Role.REGISTRAR)
@require_POST
def role(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give or take one role."""
    someone, now = find(public_id), current_time()

    def change(asked: Asked) -> str:
        wanted = Role(asked["role"])
        if asked["verb"] == "give":
            changed = grant(someone, wanted, by=request.user, now=now)
            return f"{someone} is {wanted.label.lower()} now." if changed else NOTHING
        changed = take_role(someone, wanted, by=request.user, now=now)
        return f"{someone} is {wanted.label.lower()} no more." if changed else NOTHING

    return carried_out(request, someone, "role", RoleForm(request.POST), change, decides=False)
