"""A trainee's own pages: where they stand, what they have reserved, paying for it, giving it back."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.payments import gateways, ledger, paying
from booking.payments import page as paying_pages
from booking.payments.discounts.using import redemption_of
from booking.payments.forms import PayForm, pay_later_for, what_is_missing
from booking.payments.gateways.base import Refused, Unavailable, WrongMoney
from booking.payments.models import Purpose
from booking.reservations import cancelling, conversations, explaining, lifecycle, where_you_stand
from booking.reservations import page as page_of
from booking.reservations.forms import CancelForm
from booking.reservations.models import OWING, Reservation
from booking.reservations.places import places_of
from booking.reservations.promises import if_promise_fails, promises_of, returns_of
from workshops import money
from workshops.clock import current_time
from workshops.cohorts.planning import certainty_of
from workshops.mentors.mentorships import running_of
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes


@roles(Role.TRAINEE)
@require_safe
def standing(request: SignedInRequest) -> HttpResponse:
    """Where this trainee stands on the way to Module IV, and what would mend each missing thing."""
    page = where_you_stand.about(request.user, current_time())
    return TemplateResponse(request, "reservations/standing.html", page)


@roles(Role.TRAINEE)
@require_safe
def reservations(request: SignedInRequest) -> HttpResponse:
    """Everything this trainee has reserved, the newest first, and their places in line; an offer is one of those."""
    now = current_time()
    page = {
        "reservations": page_of.list_of(request.user, now),
        "places": places_of(request.user, now),
        "mentorship": running_of(request.user),
    }
    return TemplateResponse(request, "reservations/reservations.html", page)


@roles(Role.TRAINEE)
@require_safe
def reservation(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One reservation: what comes next, what is paid and owed, and its story."""
    now = current_time()
    own = page_of.own_reservation(request.user, public_id)
    page = page_of.about(own, request.user, now) | {"conversation": conversations.of_trainee(request, own, now=now)}
    return TemplateResponse(request, "reservations/reservation.html", page)


@roles(Role.TRAINEE)
@shows_or_takes
def pay(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Step two: the money terms in one card, then how much and by which way."""
    now = current_time()
    own = page_of.own_reservation(request.user, public_id)
    kept = ledger.kept_cents(own)
    purposes = what_is_missing(own, kept) if own.state_at(now) in OWING else []
    if not purposes:
        return redirect("reservation", own.public_id)
    form = PayForm(purposes, posted(request))
    if not form.is_valid():
        return form_page(request, "reservations/pay.html", form, _pay_page(own, kept, now))
    purpose, gateway = Purpose(form.cleaned_data["purpose"]), form.cleaned_data["gateway"]
    try:
        begun = paying.begin(own, purpose, gateway, by=request.user, now=now)
    except paying.HoldRanOut:
        messages.warning(request, "Your hold ran out a moment ago. This page says what you can do.")
    except paying.OnItsWay:
        messages.info(request, "A payment is with your bank already, so no other was begun. We write when it is here.")
    except WrongMoney:
        messages.warning(request, "A payment came that the school has to look at first. Please do not pay again.")
    except (paying.NothingToPay, gateways.NoSuchGateway) as refused:
        messages.info(request, str(refused))
    except paying.TooLittleTime:
        return _not_begun(request, form, own, now, "too-little-time", status=409)
    except Refused:
        return _not_begun(request, form, own, now, "refused", status=409)
    except Unavailable:
        return _not_begun(request, form, own, now, "unavailable", status=503)
    else:
        if begun.checkout_url:
            return redirect(begun.checkout_url)
    return redirect("reservation", own.public_id)


def _not_begun(
    request: SignedInRequest, form: PayForm, own: Reservation, now: datetime, trouble: str, *, status: int
) -> HttpResponse:
    """The same page with what was chosen, and why the processor's page could not be opened. Nothing was taken."""
    own.refresh_from_db(fields=["state", "held_until"])  # the hold may have been made longer for it
    page = {"form": form, "trouble": trouble, "asked": paying_pages.under_way(own, now)}
    page |= _pay_page(own, ledger.kept_cents(own), now)
    return TemplateResponse(request, "reservations/pay.html", page, status=status)


def _pay_page(own: Reservation, kept: int, now: datetime) -> dict[str, object]:
    ways = gateways.offered()
    return {
        "reservation": own,
        "cohort": own.cohort,
        "state": own.state_at(now),
        "paid_cents": kept,
        "redemption": redemption_of(own),
        "price_before_cents": page_of.price_before(own),
        "attempt": paying_pages.under_way(own, now),
        "returns": returns_of(own, kept, now),
        "promises": promises_of(own, now, is_owed=True),
        "if_promise_fails": if_promise_fails(own, kept),
        "certainty": certainty_of(own.cohort, now=now),
        "sandbox": "sandbox" in ways,
        "stripe": "stripe" in ways,
        "pay_later": pay_later_for(own, kept),
        "in_parts": "stripe" in ways and own.terms.instalment_plans,
    }


@roles(Role.TRAINEE)
@shows_or_takes
def cancel(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give back a seat: what comes back, what stays and why, and then the button."""
    now = current_time()
    own = page_of.own_reservation(request.user, public_id)
    form = CancelForm(posted(request))
    if form.is_valid():
        expected, why = form.cleaned_data["expected_cents"], form.cleaned_data["reason"]
        try:
            done = cancelling.cancel(own, now=now, by=request.user, why=why, expected_cents=expected)
        except lifecycle.HasBegun:
            return _cancel_page(request, own, form, now, status=409)
        except lifecycle.Moved as moved:
            messages.info(request, page_of.since_then(moved.reservation, now))
        except cancelling.Changed:
            return _cancel_page(request, own, form, now, has_changed=True, status=409)
        else:
            messages.success(request, _goodbye(done))
        return redirect("reservation", own.public_id)
    if own.state_at(now) not in OWING:
        return redirect("reservation-choose" if page_of.may_choose(own, now) else "reservation", own.public_id)
    return _cancel_page(request, own, form, now, status=422 if form.is_bound else 200)


def _cancel_page(
    request: SignedInRequest,
    own: Reservation,
    form: CancelForm,
    now: datetime,
    *,
    has_changed: bool = False,
    status: int,
) -> HttpResponse:
    back = cancelling.preview(own, now)
    page = {
        "form": form,
        "reservation": own,
        "cohort": own.cohort,
        "state": own.state_at(now),
        "back": back,
        "reasons": explaining.reasons(own, back, now),
        "ways_back": page_of.ways_back(own, back.cents),
        "disputes": paying_pages.disputes_in_words(own),
        "attempt": paying_pages.under_way(own, now),
        "has_begun": page_of.has_begun(own.cohort, now),
        "has_changed": has_changed,
        "may_move": page_of.may_move_still(own, now),
    }
    return TemplateResponse(request, "reservations/cancel.html", page, status=status)


def _goodbye(done: cancelling.Cancelled) -> str:
    """What is said once a reservation has been cancelled."""
    thanks = "Your seat can go to someone else now. Thank you for telling us."
    if not done.comes_back.cents:
        return thanks
    amount = money.in_words(done.comes_back.cents, done.reservation.currency)
    return f"{amount} goes back {cancelling.how_it_goes(done.reservation)}. {thanks}"
