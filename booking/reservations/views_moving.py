"""Moving to another cohort, and choosing when the school has cancelled one."""

from datetime import datetime
from itertools import zip_longest

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.payments import ledger
from booking.reservations import admission, cancelling, explaining, lifecycle, moving, page
from booking.reservations.forms import MoveForm
from booking.reservations.models import Reservation, State
from booking.reservations.pathway import mends
from booking.reservations.promises import if_promise_fails, promises
from booking.reservations.refunds import may_leave
from workshops import money
from workshops.clock import current_time, school_day
from workshops.cohorts.planning import certainty_of
from workshops.history.record import history_of
from workshops.people.models import Role, User
from workshops.programme.models import school
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import posted, shows_or_takes

Refusal = admission.Refused | moving.TooLate | moving.Changed


@roles(Role.TRAINEE)
@require_safe
def move(request: SignedInRequest, public_id: str) -> HttpResponse:
    """The cohorts that this reservation could move to, with the seats left in each."""
    now = current_time()
    own = page.own_reservation(request.user, public_id)
    if page.may_choose(own, now):
        return redirect("reservation-choose", own.public_id)
    if not moving.may_move(own, now) or page.has_begun(own.cohort, now):
        return redirect("reservation", own.public_id)
    shown = {"reservation": own, "cohort": own.cohort, "state": own.state_at(now), "leave_free": may_leave(own, now)}
    try:
        shown["moving"] = moving.terms_of_move(own, ledger.kept_cents(own), now, by_the_school=False)
    except moving.TooLate as late:
        shown["too_late"] = late.last_day
    else:
        shown["others"] = page.other_cohorts(own, now)
    return TemplateResponse(request, "reservations/move.html", shown)


@roles(Role.TRAINEE)
@shows_or_takes
def move_to(request: SignedInRequest, public_id: str, code: str) -> HttpResponse:
    """One move: what changes, what comes along, what it costs, and then the button."""
    now = current_time()
    own = page.own_reservation(request.user, public_id)
    if not moving.may_move(own, now):
        if request.method == "POST":
            messages.info(request, page.since_then(own, now))
        return redirect("reservation", own.public_id)
    other = next(iter(page.other_cohorts(own, now, code)), None)
    if other is None:
        raise Http404
    form = MoveForm(posted(request))
    if not form.is_valid():
        return _confirm_page(request, own, other, now, status=200)
    try:
        arrived = moving.move(
            own, other.cohort, now=now, by=request.user, expected_fee_cents=form.cleaned_data["expected_fee_cents"]
        )
    except lifecycle.HasBegun:
        messages.info(request, "The cohort has begun, so the seat stays where it is. Write to the school below.")
        return redirect("reservation", own.public_id)
    except lifecycle.Moved as moved:
        messages.info(request, page.since_then(moved.reservation, now))
        return redirect("reservation", own.public_id)
    except (admission.Refused, moving.TooLate, moving.Changed) as refused:
        other = next(iter(page.other_cohorts(own, now, code)), other)  # whoever was faster is in it by now
        return _confirm_page(request, own, other, now, refused=refused, status=409)
    messages.success(request, f"You have moved. Seat {arrived.seat_number} in {arrived.cohort.title} is yours now.")
    return redirect("reservation", arrived.public_id)


def _ask(own: Reservation, other: page.OtherCohort, now: datetime) -> admission.Admission | Refusal:
    """Whether this move would be let through at this moment, so that the page can say so before anyone presses."""
    try:
        moving.preview(own, other.cohort, now, by_the_school=False)
        admitted = admission.admit(other.cohort, own.trainee, now=now, leaving=own)
    except (admission.Refused, moving.TooLate) as refused:
        return refused
    return admitted if other.seats_left or admitted.offer else admission.Full()


def _confirm_page(
    request: SignedInRequest,
    own: Reservation,
    other: page.OtherCohort,
    now: datetime,
    *,
    refused: Refusal | None = None,
    status: int,
) -> HttpResponse:
    """What the move means, or why it cannot be. Where only the fee has changed, what it means now."""
    has_changed = isinstance(refused, moving.Changed)
    found = _ask(own, other, now) if refused is None or has_changed else refused
    shown: dict[str, object] = {
        "reservation": own,
        "cohort": own.cohort,
        "state": own.state_at(now),
        "other": other,
        "new": other.cohort,
        "days": list(zip_longest(own.cohort.sessions.all(), other.cohort.sessions.all())),
        "has_changed": has_changed,
    }
    if isinstance(found, admission.Admission):
        shown |= _what_changes(own, other, found, now)
    else:
        shown |= _what_stands_against(found, own.trainee)
    return TemplateResponse(request, "reservations/move_confirm.html", shown, status=status)


def _what_stands_against(refused: Refusal, trainee: User) -> dict[str, object]:
    shown: dict[str, object] = {"refused": type(refused).__name__}
    if isinstance(refused, moving.TooLate):
        shown["last_day"] = refused.last_day
    elif isinstance(refused, admission.AlreadyReserved):
        shown["seat"] = refused.reservation
    elif isinstance(refused, admission.PrerequisitesUnmet):
        shown["requirements"] = mends(refused.standing, school(), trainee)
    return shown


def _what_changes(
    own: Reservation, other: page.OtherCohort, admitted: admission.Admission, now: datetime
) -> dict[str, object]:
    """What a move that nothing stands against would cost, bring along and leave as it is."""
    kept = ledger.kept_cents(own)
    terms, quote = moving.preview(own, other.cohort, now, by_the_school=False)
    left = max(quote.price_cents + own.fee_cents + terms.fee_cents - kept, 0)
    stays = min(terms.stays_not_refundable_cents, kept) + terms.fee_cents
    seat = explaining.seat_to_be(
        other.cohort,
        own.terms,
        quote,
        provisional_until=admitted.provisional_until,
        fee_cents=own.fee_cents + terms.fee_cents,
        not_refundable_cents=stays,
    )
    deposit_left = max(quote.deposit_cents - kept, 0) if own.state_at(now) == State.HELD else 0
    return {
        "moving": terms,
        "quote": quote,
        "offer": admitted.offer,
        "provisional_until": admitted.provisional_until,
        "if_promise_fails": if_promise_fails(seat, kept),
        "paid_cents": kept,
        "deposit_left_cents": deposit_left,
        "later_cents": left - deposit_left,
        "transfer": page.awaited_transfer(own),
        "certainty": certainty_of(other.cohort, now=now),
        "promises": promises(
            other.cohort.starts_on,
            own.terms,
            school_day(now),
            currency=own.currency,
            stays_cents=stays,
            is_owed=left > 0,
            is_paid_here=not own.paid_elsewhere,
        ),
    }


@roles(Role.TRAINEE)
@shows_or_takes
def choose(request: SignedInRequest, public_id: str) -> HttpResponse:
    """The school has cancelled the cohort: all of it back, or another cohort."""
    now = current_time()
    own = page.own_reservation(request.user, public_id)
    if request.method == "POST":
        try:
            done = cancelling.take_the_money(own, now=now, by=request.user)
        except lifecycle.Moved as moved:
            messages.info(request, page.since_then(moved.reservation, now))
        else:
            amount = money.in_words(done.comes_back.cents, own.currency)
            messages.success(request, f"{amount} goes back to you the way it came.")
        return redirect("reservation", own.public_id)
    if not page.may_choose(own, now):
        return redirect("reservation", own.public_id)
    kept = ledger.kept_cents(own)
    line = history_of("reservation", own.public_id).filter(what="reservation-cancelled").last()
    shown = {
        "reservation": own,
        "cohort": own.cohort,
        "why": line.why if line else "",
        "kept_cents": kept,
        "ways_back": page.ways_back(own, kept),
        "others": page.other_cohorts(own, now),
    }
    return TemplateResponse(request, "reservations/choose.html", shown)
