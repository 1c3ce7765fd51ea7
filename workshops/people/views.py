"""A person's own page."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods

from workshops.history.record import record
from workshops.people.forms import ProfileForm
from workshops.people.models import User
from workshops.transactions import writes
from workshops.web.access import SignedInRequest, signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def profile(request: SignedInRequest) -> HttpResponse:
    """Read and change what is kept about oneself."""
    person = User.objects.get(pk=request.user.pk)  # a copy: what is typed wrong must not show in the page's head
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=person)
    if request.method == "POST" and form.is_valid():
        _save(form, request)
        messages.success(request, "Your profile is saved.")
        return redirect("profile")
    return TemplateResponse(request, "people/profile.html", {"form": form}, status=422 if form.errors else 200)


@writes
def _save(form: ProfileForm, request: SignedInRequest) -> None:
    if form.has_changed():
        form.save()
        fields = ", ".join(sorted(form.changed_data))
        user = request.user
        record("profile-changed", about=("person", user.public_id), person=user, by=user, now=now(), fields=fields)
