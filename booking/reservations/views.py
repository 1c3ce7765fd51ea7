"""What a visitor sees of the year, and a trainee's way from "where you stand" to a seat."""

from datetime import datetime

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now as current_time
from django.views.decorators.http import require_http_methods, require_safe

from booking.payments import gateways, ledger, paying
from booking.payments.balances import due_next
from booking.payments.emails import transfer_reference
from booking.payments.models import UNDER_WAY, Payment, Purpose
from booking.reservations import admission, lifecycle
from booking.reservations.forms import CancelForm, PayForm, ReserveForm
from booking.reservations.models import Reservation, State
from booking.reservations.pathway import mend, pathway
from booking.reservations.promises import promises
from workshops import money
from workshops.clock import in_words, school_day
from workshops.cohorts.models import Cohort, CohortStatus, Session
from workshops.history.record import history_of
from workshops.history.words import sentence, who
from workshops.people.models import Role, User
from workshops.prerequisites.facts import rules_for, standing_of
from workshops.programme.models import conduct_text, price_on, school, school_terms
from workshops.web.access import SignedInRequest, anyone, roles

MODULE_IV = "module-iv"


@anyone
@require_safe
def year(request: HttpRequest) -> HttpResponse:
    """The coming cohorts with the places left in each, and what a seat costs."""
    now = current_time()
    today = school_day(now)
    cohorts = Cohort.objects.public().coming(today).with_seats_left(now).select_related("venue")
    page = {"cohorts": [_listed(cohort, now) for cohort in cohorts], "price": price_on(MODULE_IV, today)}
    return TemplateResponse(request, "reservations/year.html", page)


@anyone
@require_safe
def cohort(request: HttpRequest, code: str) -> HttpResponse:
    """One cohort: its days, its place, its price, and what getting there involves."""
    now = current_time()
    shown = _public_cohort(code, now)
    listed = _listed(shown, now)
    page = {"listed": listed, **listed, **_costs(shown, request.user, now), "rules": rules_for(shown.module.code)}
    if isinstance(request.user, User) and Role.TRAINEE in request.user.roles:
        page["standing"], _ = standing_of(request.user, shown.module.code, school_day(now), shown.pk)
        page["own"] = _own_in(shown, request.user, now)
    return TemplateResponse(request, "reservations/cohort.html", page)


@require_safe
@roles(Role.TRAINEE)
def standing(request: SignedInRequest) -> HttpResponse:
    """Where this trainee stands on the way to Module IV, and what would mend each missing thing."""
    now = current_time()
    found, facts = standing_of(request.user, MODULE_IV, school_day(now))
    seat = Reservation.objects.holding_a_seat(now).filter(trainee=request.user).select_related("cohort").first()
    note = f"{seat.get_state_display()}: {seat.cohort.title}" if seat else ""
    page = {
        "standing": found,
        "requirements": [(outcome, mend(outcome, school())) for outcome in found.requirements],
        "pathway": pathway(found, seat=note),
        "days": sorted(facts.accepted_days, reverse=True),
        "seat": seat,
        "paid_elsewhere": MODULE_IV in facts.entitled,
    }
    return TemplateResponse(request, "reservations/standing.html", page)


@require_http_methods(["GET", "HEAD", "POST"])
@roles(Role.TRAINEE)
def reserve(request: SignedInRequest, code: str) -> HttpResponse:
    """Step one: what it means, what it costs, and what everyone in the room agrees to. Then the seat is held."""
    now = current_time()
    shown, conduct = _public_cohort(code, now), conduct_text()
    form = ReserveForm(request.POST if request.method == "POST" else None, initial={"conduct_version": conduct.version})
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["conduct_version"] != conduct.version:
            form = ReserveForm(initial={"conduct_version": conduct.version})
            messages.warning(request, "The text has changed since you opened this page. Please read it once more.")
        else:
            try:
                held = lifecycle.hold(shown, request.user, now=now)
            except admission.Refused as refused:
                return _refusal(request, shown, refused, now)
            return redirect("pay" if held.state == State.HELD else "reservation", held.public_id)
    found, _ = standing_of(request.user, shown.module.code, school_day(now), shown.pk)
    page = {
        **_listed(shown, now),
        **_costs(shown, request.user, now),
        "standing": found,
        "own": _own_in(shown, request.user, now),
        "conduct": conduct,
        "form": form,
        "requirements": [(outcome, mend(outcome, school())) for outcome in found.requirements],
    }
    return TemplateResponse(request, "reservations/reserve.html", page, status=422 if form.errors else 200)


def _refusal(request: SignedInRequest, shown: Cohort, refused: admission.Refused, now: datetime) -> HttpResponse:
    """Say why there is no seat, and what can be done about it."""
    page = {**_listed(_public_cohort(shown.code, now), now), "refused": type(refused).__name__}
    if isinstance(refused, admission.AlreadyReserved):
        page["own"] = refused.reservation
    if isinstance(refused, admission.PrerequisitesUnmet):
        page["requirements"] = [(outcome, mend(outcome, school())) for outcome in refused.standing.requirements]
    return TemplateResponse(request, "reservations/refused.html", page, status=409)


@require_safe
@roles(Role.TRAINEE)
def reservations(request: SignedInRequest) -> HttpResponse:
    """Everything this trainee has reserved, the newest first."""
    now = current_time()
    own = ledger.with_paid(Reservation.objects.filter(trainee=request.user).select_related("cohort__venue"))
    listed = [(each, each.state_at(now)) for each in own]
    return TemplateResponse(request, "reservations/reservations.html", {"reservations": listed})


@require_safe
@roles(Role.TRAINEE)
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
        "promises": promises(own.cohort.starts_on, own.terms, school_day(now)),
        "story": [
            {"at": line.at, "by": who(line, request.user), "what": sentence(line), "why": line.why}
            for line in reversed(history_of("reservation", own.public_id))
        ],
        "sessions": own.cohort.sessions.all(),
    }
    return TemplateResponse(request, "reservations/reservation.html", page)


@require_http_methods(["GET", "HEAD", "POST"])
@roles(Role.TRAINEE)
def pay(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Step two: the money terms in one card, then how much and by which way."""
    now = current_time()
    own = _own(request, public_id)
    paid = ledger.paid_cents(own)
    purposes = _purposes(own, paid, now)
    if not purposes:
        return redirect("reservation", own.public_id)
    form = PayForm(purposes, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
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
        "form": form,
        "promises": promises(own.cohort.starts_on, own.terms, school_day(now)),
        "sandbox": "sandbox" in gateways.offered(),
    }
    return TemplateResponse(request, "reservations/pay.html", page, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@roles(Role.TRAINEE)
def cancel(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give back a seat that nothing has been paid for."""
    now = current_time()
    own = _own(request, public_id)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            lifecycle.cancel_hold(own, now=now, by=request.user, why=form.cleaned_data["reason"])
        except lifecycle.Moved:
            messages.info(request, "This is not a hold any more, so there was nothing to give back.")
        else:
            messages.success(request, "Your seat is free again for someone else. Thank you for telling us.")
        return redirect("reservation", own.public_id)
    if own.state_at(now) != State.HELD:
        return redirect("reservation", own.public_id)
    page = {"reservation": own, "cohort": own.cohort, "form": form}
    return TemplateResponse(request, "reservations/cancel.html", page, status=422 if form.errors else 200)


def _own(request: SignedInRequest, public_id: str) -> Reservation:
    """The reader's own reservation; anyone else's does not exist for them."""
    return get_object_or_404(
        Reservation.objects.select_related("cohort__venue", "cohort__module", "conduct"),
        public_id=public_id,
        trainee=request.user,
    )


def _own_in(shown: Cohort, user: User, now: datetime) -> Reservation | None:
    return Reservation.objects.holding_a_seat(now).filter(trainee=user, cohort=shown).first()


def _public_cohort(code: str, now: datetime) -> Cohort:
    cohorts = Cohort.objects.public().with_seats_left(now).select_related("venue", "module")
    return get_object_or_404(cohorts.prefetch_related(Prefetch("sessions", Session.objects.order_by("day"))), code=code)


def _listed(shown: Cohort, now: datetime) -> dict[str, object]:
    """What every page says of a cohort: its seats as a drawing, and whether it can be booked."""
    capacity, free = getattr(shown, "capacity", 0), getattr(shown, "free_seats", 0)
    bookable = shown.is_bookable(now)
    return {
        "cohort": shown,
        "is_bookable": bookable,
        "opens_later": shown.status == CohortStatus.PUBLISHED and now < shown.bookings_open_at,
        "capacity": capacity,
        "seats_left": free,
        "seats": ["free"] * free + ["taken"] * (capacity - free),
        "status": _status(shown, free, now, bookable=bookable),
    }


def _status(shown: Cohort, free: int, now: datetime, *, bookable: bool) -> tuple[str, str]:
    """The pill of a cohort: its colour and its words."""
    if shown.status == CohortStatus.CANCELLED:
        return "stop", "Cancelled"
    if bookable:
        return ("good", "Open") if free else ("wait", "Full")
    if shown.status == CohortStatus.PUBLISHED and now < shown.bookings_open_at:
        return "", f"Opens {in_words(school_day(shown.bookings_open_at))}"
    return "", "Bookings closed"


def _costs(shown: Cohort, user: object, now: datetime) -> dict[str, object]:
    """What a seat in this cohort would cost this reader today, and the dates that go with it."""
    today = school_day(now)
    terms = shown.terms(school_terms())
    entitled = isinstance(user, User) and user.entitlements.filter(module=shown.module).exists()
    cost = admission.quote(shown, terms, price_on(shown.module.code, today), entitled=entitled, today=today)
    return {
        "quote": cost,
        "terms": terms,
        "promises": promises(shown.starts_on, terms, today),
    }


def _purposes(own: Reservation, paid: int, now: datetime) -> list[tuple[Purpose, str]]:
    """What can be paid now, with the amount in words."""
    possible = []
    for purpose, words in (
        (Purpose.DEPOSIT, "The deposit"),
        (Purpose.BALANCE, "The balance"),
        (Purpose.FULL, "Everything"),
    ):
        try:
            amount = paying.amount_for(own, purpose, paid_cents=paid, now=now)
        except (paying.NothingToPay, paying.HoldRanOut):
            continue
        possible.append((purpose, amount, f"{words}, {money.in_words(amount, own.currency)}"))
    amounts: set[int] = set()
    # The balance and "everything" are the same thing once the deposit is paid: offer each amount once.
    return [(p, words) for p, amount, words in possible if not (amount in amounts or amounts.add(amount))]  # type: ignore[func-returns-value]


def _awaited_transfer(own: Reservation) -> dict[str, object] | None:
    """How to make the bank transfer that this trainee chose, while it has not arrived."""
    payment = Payment.objects.filter(reservation=own, gateway="offline", status__in=UNDER_WAY).first()
    if payment is None:
        return None
    return {"payment": payment, "reference": transfer_reference(payment), "bank_details": school().bank_details}
