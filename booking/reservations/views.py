"""A trainee's own pages: where they stand, what they have reserved, paying for it, giving it back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now as current_time
from django.views.decorators.http import require_safe

from booking.payments import gateways, ledger, paying
from booking.payments.balances import due_next
from booking.payments.emails import transfer_reference
from booking.payments.forms import PayForm, what_is_missing
from booking.payments.gateways.offline import Offline
from booking.payments.models import UNDER_WAY, Payment, Purpose, Refund
from booking.reservations import lifecycle
from booking.reservations.forms import CancelForm
from booking.reservations.models import OWING, Reservation, State
from booking.reservations.pathway import mends, pathway
from booking.reservations.promises import promises
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.history.record import history_of
from workshops.history.words import told
from workshops.people.models import Role
from workshops.prerequisites.facts import standing_of
from workshops.programme.models import MODULE_IV, school
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes


@roles(Role.TRAINEE)
@require_safe
def standing(request: SignedInRequest) -> HttpResponse:
    """Where this trainee stands on the way to Module IV, and what would mend each missing thing."""
    now = current_time()
    found, facts = standing_of(request.user, MODULE_IV, school_day(now))
    seat = Reservation.objects.holding_a_seat(now).filter(trainee=request.user).select_related("cohort").first()
    note = f"{seat.get_state_display()}: {seat.cohort.title}" if seat else ""
    page = {
        "standing": found,
        "requirements": mends(found, school()),
        "pathway": pathway(found, seat=note),
        "days": sorted(facts.accepted_days, reverse=True),
        "seat": seat,
        "paid_elsewhere": MODULE_IV in facts.entitled,
    }
    return TemplateResponse(request, "reservations/standing.html", page)


@roles(Role.TRAINEE)
@require_safe
def reservations(request: SignedInRequest) -> HttpResponse:
    """Everything this trainee has reserved, the newest first."""
    now = current_time()
    own = ledger.with_paid(Reservation.objects.filter(trainee=request.user).select_related("cohort__venue"))
    listed = [(each, each.state_at(now)) for each in own]
    return TemplateResponse(request, "reservations/reservations.html", {"reservations": listed})


@roles(Role.TRAINEE)
@require_safe
def reservation(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One reservation: what comes next, what is paid and owed, and its story."""
    now = current_time()
    own = _own(request, public_id)
    paid = ledger.paid_cents(own)
    page = {
        "reservation": own,
        "cohort": own.cohort,
        "state": own.state_at(now),
        "paid_cents": paid,
        "remaining_cents": max(own.price_cents - paid, 0),
        "due_next": due_next(own.charges.all(), paid),
        "charges": own.charges.all(),
        "payments": own.payments.prefetch_related("refunds"),
        "transfer": _awaited_transfer(own),
        "going_back": Refund.objects.filter(payment__reservation=own, rule="late-no-seat").exists(),
        "may_try_again": own.cohort.is_bookable(now) and seats.any_left(own.cohort_id, now),
        "promises": promises(own.cohort.starts_on, own.terms, school_day(now)),
        "story": [told(line, request.user) for line in reversed(history_of("reservation", own.public_id))],
        "sessions": own.cohort.sessions.all(),
    }
    return TemplateResponse(request, "reservations/reservation.html", page)


@roles(Role.TRAINEE)
@shows_or_takes
def pay(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Step two: the money terms in one card, then how much and by which way."""
    now = current_time()
    own = _own(request, public_id)
    paid = ledger.paid_cents(own)
    purposes = what_is_missing(own, ledger.kept_cents(own)) if own.state_at(now) in OWING else []
    if not purposes:
        return redirect("reservation", own.public_id)
    form = PayForm(purposes, posted(request))
    if form.is_valid():
        purpose, gateway = Purpose(form.cleaned_data["purpose"]), form.cleaned_data["gateway"]
        try:
            begun = paying.begin(own, purpose, gateway, by=request.user, now=now)
        except paying.HoldRanOut:
            messages.warning(request, "Your hold ran out a moment ago. You can reserve again while there is a seat.")
        except (paying.NothingToPay, gateways.NoSuchGateway) as refused:
            messages.info(request, str(refused))
        else:
            if begun.checkout_url:
                return redirect(begun.checkout_url)
        return redirect("reservation", own.public_id)
    page = {
        "reservation": own,
        "cohort": own.cohort,
        "state": own.state_at(now),
        "paid_cents": paid,
        "promises": promises(own.cohort.starts_on, own.terms, school_day(now)),
        "sandbox": "sandbox" in gateways.offered(),
    }
    return form_page(request, "reservations/pay.html", form, page)


@roles(Role.TRAINEE)
@shows_or_takes
def cancel(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give back a seat that nothing has been paid for."""
    now = current_time()
    own = _own(request, public_id)
    form = CancelForm(posted(request))
    if form.is_valid():
        try:
            lifecycle.cancel_hold(own, now=now, by=request.user, why=form.cleaned_data["reason"])
        except lifecycle.Moved:
            messages.info(request, "This is not a hold any more, so there was nothing to give back.")
        else:
            messages.success(request, "Your seat is free again for someone else. Thank you for telling us.")
        return redirect("reservation", own.public_id)
    if own.state_at(now) != State.HELD:
        return redirect("reservation", own.public_id)
    page = {"reservation": own, "cohort": own.cohort}
    return form_page(request, "reservations/cancel.html", form, page)


def _own(request: SignedInRequest, public_id: str) -> Reservation:
    """The reader's own reservation; anyone else's does not exist for them."""
    return get_object_or_404(
        Reservation.objects.select_related("cohort__venue", "cohort__module", "conduct"),
        public_id=public_id,
        trainee=request.user,
    )


def _awaited_transfer(own: Reservation) -> dict[str, object] | None:
    """How to make the bank transfer that this trainee chose, while it has not arrived."""
    payment = Payment.objects.filter(reservation=own, gateway=Offline.name, status__in=UNDER_WAY).first()
    if payment is None:
        return None
    return {"payment": payment, "reference": transfer_reference(payment), "bank_details": school().bank_details}
