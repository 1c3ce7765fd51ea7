"""Paying what remains in monthly parts: choosing, saving the card, and looking after a plan that runs."""

import logging
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.payments import gateways, ledger, paying
from booking.payments.gateways.base import STRIPE, Refused, Unavailable, WrongMoney
from booking.payments.models import Purpose
from booking.payments.plans import cards, choosing
from booking.payments.plans import lifecycle as plans
from booking.payments.plans import page as page_of_plan
from booking.payments.plans.models import CardSaving, Plan, PlanState
from booking.reservations.forms import CardForm, PlanForm
from booking.reservations.models import Reservation, State
from booking.reservations.page import own_reservation
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import posted, shows_or_takes, whole_number

log = logging.getLogger(__name__)

NOT_NOW = "Stripe does not answer at this moment. Nothing was taken. Try again in a minute, or choose bank transfer."
NOT_TAKEN = "Stripe does not take this payment. Nothing was taken. Please choose bank transfer, or write to the school."
ON_ITS_WAY = "Another payment for this seat is on its way at the moment. Please look again in a few minutes."


@roles(Role.TRAINEE)
@shows_or_takes
def plan(request: SignedInRequest, public_id: str) -> HttpResponse:
    """The plans for what remains, or why there is none; the words to agree to; or the plan that runs."""
    now = current_time()
    own = own_reservation(request.user, public_id)
    if plans.running(own):
        if request.method == "POST":
            messages.info(request, "You pay in monthly parts already, so nothing was changed.")
        return _running_page(request, own, now)
    kept = ledger.kept_cents(own)
    if own.state_at(now) not in (State.HELD, State.RESERVED) or not own.remaining_cents(kept):
        return redirect("reservation", own.public_id)
    if request.method == "POST":
        return _choose(request, own, now)
    return _choices_page(request, own, now, months=whole_number(request.GET.get("months", "")))


def _choose(request: SignedInRequest, own: Reservation, now: datetime) -> HttpResponse:
    form = PlanForm(posted(request))
    months = whole_number(request.POST.get("months", ""))
    if not form.is_valid():
        return _choices_page(request, own, now, months=months, form=form, status=422)
    if not cards.can_save():
        return _choices_page(request, own, now, months=months, status=409)
    try:
        chosen = choosing.choose(own, months, digest=form.cleaned_data["digest"], now=now)
    except choosing.Changed:
        return _choices_page(request, own, now, months=months, has_changed=True, status=409)
    except choosing.NotOffered as refused:
        messages.info(request, str(refused))
        return redirect("reservation-plan", own.public_id)
    return _go_on(request, own, chosen, now)


def _go_on(request: SignedInRequest, own: Reservation, chosen: Plan, now: datetime) -> HttpResponse:
    """To Stripe: to the deposit, with which the card is saved, or to saving the card alone."""
    try:
        if own.state_at(now) == State.HELD:
            begun = paying.begin(own, Purpose.DEPOSIT, STRIPE, by=request.user, now=now, keeps_card=True)
            return redirect(begun.checkout_url)
        return redirect(cards.begin_saving(chosen, now).checkout_url)
    except paying.HoldRanOut:
        messages.warning(request, "Your hold ran out a moment ago. This page says what you can do.")
    except paying.OnItsWay:
        messages.info(request, ON_ITS_WAY)
    except paying.TooLittleTime:
        messages.info(request, "Your hold ends too soon for a new page to pay on. Please use the one that you opened.")
    except (paying.NothingToPay, gateways.NoSuchGateway) as refused:
        messages.info(request, str(refused))
    except (Unavailable, Refused, WrongMoney) as trouble:
        log.exception("A card could not be saved for reservation %s.", own.public_id)
        messages.warning(request, NOT_NOW if isinstance(trouble, Unavailable) else NOT_TAKEN)
        return redirect("reservation-plan", own.public_id)
    return redirect("reservation", own.public_id)


def _choices_page(
    request: SignedInRequest,
    own: Reservation,
    now: datetime,
    *,
    months: int,
    form: PlanForm | None = None,
    has_changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    shown = choosing.to_choose(own, now)
    chosen = next((each for each in shown if each.choice.months == months and each.choice.is_offered), None)
    page = {
        "reservation": own,
        "cohort": own.cohort,
        "state": own.state_at(now),
        "can_save": cards.can_save(),
        "choices": shown,
        "none_fits": not any(each.choice.is_offered for each in shown),
        "chosen": chosen,
        "form": form or PlanForm(),
        "has_changed": has_changed,
        "first_cents": max(own.deposit_cents - ledger.kept_cents(own), 0),
        "paid_cents": ledger.kept_cents(own),
    }
    return TemplateResponse(request, "reservations/plan.html", page, status=status)


def _running_page(request: SignedInRequest, own: Reservation, now: datetime) -> HttpResponse:
    page = {
        "reservation": own,
        "cohort": own.cohort,
        "plan": page_of_plan.about(own, now),
        "can_save": cards.can_save(),
        "paid_cents": ledger.kept_cents(own),
    }
    return TemplateResponse(request, "reservations/plan_running.html", page)


@roles(Role.TRAINEE)
@require_POST
def part(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Pay what is due of the parts, or the next part before it is due, on the page to pay on."""
    now = current_time()
    own = own_reservation(request.user, public_id)
    try:
        begun = paying.begin(own, Purpose.INSTALMENT, STRIPE, by=request.user, now=now)
    except paying.OnItsWay:
        messages.info(request, ON_ITS_WAY)
    except (paying.NothingToPay, paying.HoldRanOut, paying.TooLittleTime):
        messages.info(request, "No monthly part is to be paid on this reservation.")
    except gateways.NoSuchGateway:
        messages.info(request, "Cards are not taken here at the moment. You can pay the rest by bank transfer.")
    except (Unavailable, Refused, WrongMoney) as trouble:
        log.exception("A part of a plan could not be paid for reservation %s.", own.public_id)
        messages.warning(request, NOT_NOW if isinstance(trouble, Unavailable) else NOT_TAKEN)
    else:
        return redirect(begun.checkout_url)
    return redirect("reservation-plan" if plans.running(own) else "reservation", own.public_id)


@roles(Role.TRAINEE)
@shows_or_takes
def card(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Another card for a plan that runs: what it would be charged, and then the visit that saves it."""
    now = current_time()
    own = own_reservation(request.user, public_id)
    running = plans.running(own)
    if running is None:
        return redirect("reservation", own.public_id)
    form = CardForm(posted(request))
    if form.is_valid() and cards.can_save():
        try:
            return redirect(cards.begin_saving(running, now).checkout_url)
        except (Unavailable, Refused, WrongMoney) as trouble:
            log.exception("A card could not be saved for reservation %s.", own.public_id)
            messages.warning(request, NOT_NOW if isinstance(trouble, Unavailable) else NOT_TAKEN)
            return redirect("reservation-plan-card", own.public_id)
    page = {
        "form": form,
        "reservation": own,
        "cohort": own.cohort,
        "plan": page_of_plan.about(own, now),
        "can_save": cards.can_save(),
    }
    status = 200 if request.method != "POST" else 422 if form.errors else 409
    return TemplateResponse(request, "reservations/plan_card.html", page, status=status)


@roles(Role.TRAINEE)
@require_safe
def back(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Where Stripe sends people who have saved a card: what became of it is asked there, whatever the address says."""
    now = current_time()
    own = own_reservation(request.user, public_id)
    visits = CardSaving.objects.filter(plan__reservation=own).select_related("plan__reservation__trainee")
    try:
        for visit in visits.filter(settled_at=None):
            cards.catch_up(visit, now)
    except (Unavailable, Refused, WrongMoney):
        log.exception("What became of a visit for reservation %s is not known yet.", own.public_id)
        messages.info(request, "Your card is being saved. This page shows it in a few minutes.")
        return redirect("reservation", own.public_id)
    last, last_visit = own.plans.first(), visits.first()
    if last is None or last_visit is None:
        return redirect("reservation", own.public_id)
    if last_visit.settled_at is None or last.state == PlanState.PROPOSED:
        messages.info(request, "No card was saved, so nothing has changed.")
        return redirect("reservation-plan", own.public_id)
    if last.state == PlanState.ACTIVE:
        messages.success(request, f"Your card is saved: {last.card_words}.")
    elif last.state == PlanState.CLOSED:
        messages.info(request, "What remains is not what it was when you chose the parts, so they did not begin.")
    return redirect("reservation", own.public_id)
