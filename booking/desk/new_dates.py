"""How many people hear of new dates without an account, and taking off whoever asks the school to.

Their addresses are listed nowhere: nobody at the desk needs them.
"""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from booking.calendars import subscribers
from booking.calendars.models import Subscriber
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes


class TakeOffForm(forms.Form):
    """Whose address is to be taken off."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="As they wrote it to you. Everything that waits to be sent to it about new dates goes as well.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


@roles(Role.REGISTRAR)
@shows_or_takes
def new_dates(request: SignedInRequest) -> HttpResponse:
    """How many are told, and a form to take somebody off the list."""
    form = TakeOffForm(posted(request))
    if form.is_valid():
        email = form.cleaned_data["email"]
        if subscribers.take_off(email, by=request.user, now=current_time()):
            messages.success(request, f"{email} is off the list and forgotten.")
            return redirect("desk:new-dates")
        form.add_error("email", "This address is not on the list. Ask them at which address the e-mails arrive.")
    confirmed = subscribers.how_many()
    page = {"confirmed": confirmed, "unconfirmed": Subscriber.objects.count() - confirmed}
    return form_page(request, "desk/outbox/new_dates.html", form, page)
