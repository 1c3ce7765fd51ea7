"""A trainee's page for a discount on a seat that they hold: using a code, using what is theirs, giving it up."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from booking.payments.discounts import guessing, using
from booking.payments.discounts.forms import CodeForm
from booking.payments.discounts.rules import Why, worth
from booking.reservations.models import Reservation, State
from booking.reservations.page import own_reservation
from workshops import money
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import posted, shows_or_takes


@roles(Role.TRAINEE)
@shows_or_takes
def discount(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Use a code on a held seat; shows what it costs with the discount that it has, or could have."""
    now = current_time()
    own = own_reservation(request.user, public_id)
    form, status = CodeForm(posted(request)), 422
    if form.is_valid():
        try:
            guessing.count(request.user)
            used = using.use(own, form.cleaned_data["code"], now=now, by=request.user)
        except guessing.TooManyCodes as slower:
            form.add_error("code", str(slower))
            status = 429
        except using.Refused as refused:
            form.add_error("code", str(refused))
            status = 409 if refused.why in _CHANGED else 422
        else:
            return _used(request, used)
    elif not form.is_bound:
        status = 200
        if not using.may_be_used(own, now):
            messages.info(request, "A code can be used while a seat is held and nothing has been paid on it yet.")
            return redirect(own)
    return _page(request, own, form, now, status=status)


_CHANGED = {Why.NOT_HELD, Why.PAID, Why.UNDER_WAY, Why.NO_ANSWER, Why.HAS_ONE}
"""What stands against any code, and may not have a moment ago."""


@roles(Role.TRAINEE)
@require_POST
def use_own(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Use what the trainee has by name, where it was made after the seat was held or given up before."""
    now = current_time()
    own = own_reservation(request.user, public_id)
    try:
        return _used(request, using.use_own(own, now=now, by=request.user))
    except using.Refused as refused:
        gone = "It cannot be used here any more. Write to the school if you counted on it."
        return _page(request, own, CodeForm(), now, gone if refused.why == Why.UNKNOWN else str(refused), status=409)


@roles(Role.TRAINEE)
@require_POST
def remove(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give up the discount of a held seat."""
    now = current_time()
    own = own_reservation(request.user, public_id)
    try:
        using.take_off(own, now=now, by=request.user)
    except using.Refused as refused:
        none = "There is no discount on this seat any more."
        return _page(request, own, CodeForm(), now, none if refused.why == Why.UNKNOWN else str(refused), status=409)
    messages.success(request, "The discount is removed, and the seat costs what it did before.")
    return redirect("reservation-discount", own.public_id)


def _used(request: SignedInRequest, used: Reservation) -> HttpResponse:
    redemption = using.redemption_of(used)
    assert redemption is not None
    off = money.in_words(redemption.amount_cents, used.currency)
    if used.state != State.HELD:
        messages.success(request, f"{off} is taken off. The seat is yours, and no deposit is due.")
        return redirect(used)
    messages.success(request, f"{off} is taken off. Your seat costs {money.in_words(used.price_cents, used.currency)}.")
    return redirect("pay", used.public_id)


def _page(
    request: SignedInRequest, own: Reservation, form: CodeForm, now: datetime, refused: str = "", *, status: int
) -> HttpResponse:
    own.refresh_from_db(fields=["state", "held_until", "price_cents", "deposit_cents", "fee_cents"])
    redemption = using.redemption_of(own)
    may_be_used = using.may_be_used(own, now)
    page = {
        "form": form,
        "refused": refused,
        "reservation": own,
        "cohort": own.cohort,
        "may_be_used": may_be_used,
        "redemption": redemption,
        "title": redemption.discount.get_kind_display() if redemption else "",
        "worth": worth(redemption.discount, own.currency) if redemption else "",
        "price_before_cents": own.price_cents + (redemption.amount_cents if redemption else 0),
        "waits": using.own_that_applies(own, now) if may_be_used else None,
    }
    return TemplateResponse(request, "payments/discount.html", page, status=status)
