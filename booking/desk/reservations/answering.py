"""One reservation's page as an answer, and what all of the registrar's forms about it have in common."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from booking.desk.reservations.page import reservation_page
from booking.desk.reservations.refusals import REFUSALS, in_words
from booking.payments import paying
from booking.reservations import conversations
from booking.reservations.models import Reservation
from workshops.clock import current_time
from workshops.prerequisites.deciding import BadFact, not_their_own
from workshops.web.access import SignedInRequest

Asked = dict[str, Any]


def find(public_id: str) -> Reservation:
    """The reservation as it is now, or "not found"."""
    return get_object_or_404(
        Reservation.objects.select_related("trainee", "cohort__venue", "cohort__module"), public_id=public_id
    )


def page(
    request: SignedInRequest, found: Reservation, bound: dict[str, forms.BaseForm] | None = None, *, status: int = 200
) -> HttpResponse:
    """The reservation's page; forms in `bound` came back with what was typed."""
    now = current_time()
    shown = {
        "page": reservation_page(found, request.user, now=now, bound=bound, wanted=request.GET.get("open", "")),
        "bound": bound or {},
        "conversation": conversations.of_desk(request, found, now=now),
    }
    return TemplateResponse(request, "desk/reservations/reservation.html", shown, status=status)


def carried_out(
    request: SignedInRequest, found: Reservation, name: str, form: forms.BaseForm, act: Callable[[Asked], str]
) -> HttpResponse:
    """Do what one form of the reservation's page asks, say so, and show the page again."""

    def again(status: int) -> HttpResponse:
        return page(request, find(found.public_id), {name: form}, status=status)

    return decided(request, form, lambda asked: (act(asked), found), again, about=(found,))


def decided(
    request: SignedInRequest,
    form: forms.BaseForm,
    act: Callable[[Asked], tuple[str, Reservation]],
    again: Callable[[int], HttpResponse],
    *,
    about: tuple[Reservation, ...],
) -> HttpResponse:
    """Do what a form asks, say so, and go to the page of the reservation that it led to.

    `about` are the reservations it decides about; nobody decides about their own. What is refused is said on the form,
    which comes back by `again` with what was typed: 422 for what was typed, 409 for what has changed meanwhile.
    """
    status = 422
    if form.is_valid():
        try:
            for each in about:
                not_their_own(each.trainee, request.user)
            said, led_to = act(form.cleaned_data)
        except BadFact as refused:
            form.add_error(None, str(refused))
        except paying.AlreadyRecorded:
            form.add_error(
                "reference", "A transfer with this reference is on record already. Look at the statement again."
            )
        except paying.LessThanTheDeposit:
            form.add_error(
                "amount", "This is less than the deposit. Take it as the deposit with the box below, or look again."
            )
        except REFUSALS as refused:
            form.add_error(None, in_words(refused, now=current_time(), about=about[0]))
            status = 409
        else:
            messages.success(request, said)
            return redirect("desk:reservation", led_to.public_id)
    return again(status)
