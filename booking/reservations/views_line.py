"""The line, for whoever waits in it: joining, one's place, answering an offer, leaving."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from booking.payments import ledger
from booking.reservations import admission, explaining, lifecycle, moving, offers, waiting, waitlist
from booking.reservations.forms import AcceptMoveForm, AcceptOfferForm, NoticeForm
from booking.reservations.listing import agreed_at, costs, listed_one, public_cohort, public_cohorts
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from booking.reservations.pathway import mends
from booking.reservations.places import Place, ordinal, place_here, places
from booking.reservations.promises import Promise, if_promise_fails, promises, promises_of
from workshops.clock import current_time, school_day, time_in_words
from workshops.cohorts.models import Cohort
from workshops.cohorts.planning import certainty_of
from workshops.people.models import Role, User
from workshops.prerequisites.facts import standing_of
from workshops.programme.models import school, school_terms
from workshops.programme.terms import Terms
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import posted, shows_or_takes


# -- joining -----------------------------------------------------------------------------------------------------------
@roles(Role.TRAINEE)
@shows_or_takes
def join(request: SignedInRequest, code: str) -> HttpResponse:
    """What joining the line of a full cohort means; then a place at its end."""
    now = current_time()
    shown = public_cohort(code, now)
    if here := place_here(shown, request.user, now):
        return redirect(here.entry)
    form = NoticeForm(shown.starts_on, school_day(now), posted(request))
    if not form.is_valid():
        return _join_page(request, shown, form, now, status=422 if form.is_bound else 200)
    try:
        entry, _ = waiting.join(shown, request.user, now=now, notice_days=form.days)
    except (admission.BookingClosed, admission.AlreadyReserved, waiting.SeatsAvailable):
        return _join_page(request, public_cohort(code, now), form, now, status=409)
    messages.success(request, "You are in line. We write to you as soon as a seat is offered to you.")
    return redirect(entry)


def _join_page(
    request: SignedInRequest, shown: Cohort, form: NoticeForm, now: datetime, *, status: int
) -> HttpResponse:
    told, own = listed_one(shown, now), admission.seat_in_the_way(shown, request.user, now=now)
    own_here = own if own and own.cohort_id == shown.pk else None
    page = {
        "form": form,
        "listed": told,
        **told,
        **costs(shown, request.user, now),
        "refused": status == 409,
        "own_here": own_here,
        "leaving": _leaving(own, shown, now) if own and not own_here else None,
        "nth": ordinal(waitlist.lines([shown], now)[shown.pk].length + 1),
        **_missing(request.user, shown, now),
        **_offers_last(shown.terms(school_terms())),
    }
    return TemplateResponse(request, "reservations/line_join.html", page, status=status)


# -- one's place -------------------------------------------------------------------------------------------------------
@roles(Role.TRAINEE)
@require_safe
def place_in_line(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Someone's own place in line: what happens next, the offer that waits for an answer, or how it ended.

    The page asks again by itself, and says in `seen` which state it shows: when that has changed, it is loaded anew.
    """
    now = current_time()
    place = _own(request, public_id, now)
    if request.htmx and (seen := request.GET.get("seen")):
        if seen != place.state:
            return HttpResponseClientRedirect(place.entry.get_absolute_url())
        if place.offer:  # nothing of it moves but the clock, and nobody's half-filled form is taken away
            return HttpResponse(status=204)
    return _place_page(request, place, now)


@roles(Role.TRAINEE)
@shows_or_takes
def notice(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Say how many days' notice one needs."""
    now = current_time()
    place = _own(request, public_id, now)
    form = _notice_form(place.entry, now, request)
    if form.is_valid():
        try:
            changed = waiting.set_notice(place.entry, form.days, now=now, by=request.user)
        except waiting.NotWaiting:
            return _place_page(request, _own(request, public_id, now), now, status=409, refused=True)
        if changed.state == EntryState.WAITING:
            messages.success(request, "Noted. You keep your place.")
    elif form.is_bound:
        return _place_page(request, place, now, status=422, notice_form=form)
    return redirect(place.entry)


@roles(Role.TRAINEE)
@shows_or_takes
def leave(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Leave the line, after one more look. An offer is not left by this but declined, on a page that says so."""
    now = current_time()
    place = _own(request, public_id, now)
    if request.method != "POST":
        if place.state != EntryState.WAITING:
            return redirect(place.entry)
        return TemplateResponse(request, "reservations/line_leave.html", {"place": place, "cohort": place.entry.cohort})
    if place.state == EntryState.OFFERED:
        return _place_page(request, place, now, status=409, refused=True)
    try:
        waiting.leave(place.entry, now=now, by=request.user)
    except waiting.NotWaiting:
        return _place_page(request, _own(request, public_id, now), now, status=409, refused=True)
    messages.success(request, "You have left the line. Thank you for telling us.")
    return redirect(place.entry)


# -- answering an offer ------------------------------------------------------------------------------------------------
@roles(Role.TRAINEE)
@shows_or_takes
def accept(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Accept the offer, as it was shown: as a hold to be paid for, or as a move of the seat one has elsewhere."""
    now = current_time()
    place = _own(request, public_id, now)
    if request.method != "POST":
        return redirect(place.entry)
    if place.offer is None:
        return _place_page(request, place, now, status=409, refused=True)
    leaving = _leaving_for(place.offer, now)
    if leaving is None:
        form = AcceptOfferForm(request.POST)
        if not form.is_valid():
            return _place_page(request, place, now, status=422, accept_form=form)
    elif leaving.too_late or not _is_as_shown(leaving, AcceptMoveForm(request.POST)):
        return _place_page(request, place, now, status=409, refused=True)
    try:
        fee = leaving.terms.fee_cents if leaving and leaving.terms else None
        seat = moving.accept(place.offer, now=now, by=request.user, expected_fee_cents=fee)
    except (offers.OfferGone, moving.TooLate, moving.Changed, lifecycle.Moved, admission.Refused):
        return _place_page(request, _own(request, public_id, now), now, status=409, refused=True)
    return redirect("pay" if seat.state == State.HELD else "reservation", seat.public_id)


@roles(Role.TRAINEE)
@shows_or_takes
def decline(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Decline the offer, after one more look: the seat goes to the next at once."""
    now = current_time()
    place = _own(request, public_id, now)
    if request.method != "POST":
        if place.offer is None:
            return redirect(place.entry)
        page = {"place": place, "offer": place.offer, "cohort": place.entry.cohort}
        return TemplateResponse(request, "reservations/offer_decline.html", page)
    if place.offer is None and place.state != EntryState.WITHDRAWN:
        return _place_page(request, place, now, status=409, refused=True)
    if place.offer is not None:
        try:
            offers.decline(place.offer, now=now, by=request.user)
        except offers.OfferGone:
            return _place_page(request, _own(request, public_id, now), now, status=409, refused=True)
    return redirect(place.entry)


# -- what the page of a place shows ------------------------------------------------------------------------------------
def _place_page(
    request: SignedInRequest,
    place: Place,
    now: datetime,
    *,
    status: int = 200,
    notice_form: NoticeForm | None = None,
    accept_form: AcceptOfferForm | None = None,
    refused: bool = False,
) -> HttpResponse:
    """The page as things stand now. `refused`: what they pressed could not be done, for things have changed."""
    cohort = place.entry.cohort
    page: dict[str, object] = {
        "place": place,
        "cohort": cohort,
        "certainty": certainty_of(cohort, now=now),
        "refused": refused,
    }
    if place.offer:
        page |= _offered(request.user, place.offer, accept_form, now)
    elif place.state == EntryState.WAITING:
        page |= _waiting(request, place.entry, notice_form, now)
    else:
        page |= _ended(request.user, place.entry, now)
    return TemplateResponse(request, "reservations/place_in_line.html", page, status=status)


def _waiting(
    request: SignedInRequest, entry: WaitlistEntry, notice_form: NoticeForm | None, now: datetime
) -> dict[str, object]:
    cohort, today = entry.cohort, school_day(now)
    own = admission.seat_in_the_way(cohort, request.user, now=now)
    terms = cohort.terms(school_terms())
    return {
        "seats_left": listed_one(public_cohorts(now).get(pk=cohort.pk), now)["seats_left"],
        "promise_until": admission.promise_until(cohort, terms, today),
        "notice_form": notice_form or _notice_form(entry, now),
        "notice_until": cohort.starts_on - timedelta(days=entry.notice_days) if entry.notice_days else None,
        "has_notice": waitlist.has_notice(entry, cohort.starts_on, today),
        "is_bookable": cohort.is_bookable(now),
        "leaving": _leaving(own, cohort, now) if own and own.cohort_id != cohort.pk else None,
        **_missing(request.user, cohort, now),
        **_offers_last(terms),
    }


def _offered(
    trainee: User, offer: Reservation, accept_form: AcceptOfferForm | None, now: datetime
) -> dict[str, object]:
    leaving = _leaving_for(offer, now)
    agreed = None if leaving else agreed_at(trainee, offer.conduct)
    form: AcceptOfferForm | AcceptMoveForm = accept_form or AcceptOfferForm(initial={"accept_conduct": bool(agreed)})
    if leaving and leaving.terms:
        form = AcceptMoveForm(initial={"leaving": leaving.seat.public_id, "fee_cents": leaving.terms.fee_cents})
    return {
        "offer": offer,
        "quote": admission.quote_of_offer(offer, now),
        "terms": offer.terms,
        "form": form,
        "leaving": leaving,
        "agreed_at": agreed,
        "promises": _promises_after(leaving, offer, now)
        if leaving
        else promises_of(offer, now, is_owed=offer.price_cents > 0),
        "if_promise_fails": _if_promise_fails(leaving, offer),
        "sessions": offer.cohort.sessions.order_by("day"),
        **_missing(trainee, offer.cohort, now),
    }


def _ended(trainee: User, entry: WaitlistEntry, now: datetime) -> dict[str, object]:
    seats = Reservation.objects.holding_a_seat(now).filter(trainee=trainee, cohort=entry.cohort)
    return {
        "seat": seats.exclude(state=State.OFFERED).first(),
        "ran_out": entry.offer is not None and entry.offer.state_at(now) == State.EXPIRED,
        "elsewhere": _seat_elsewhere(entry.cohort, trainee, now),
        "again": place_here(entry.cohort, trainee, now),
        "may_join": entry.cohort.is_bookable(now),
        "has_begun": entry.cohort.starts_on <= school_day(now),
    }


def _missing(trainee: User, cohort: Cohort, now: datetime) -> dict[str, object]:
    """What the module asks for and they do not have yet, with what would mend it."""
    standing, _ = standing_of(trainee, cohort.module.code, school_day(now), cohort.pk)
    return {
        "standing": standing,
        "requirements": [(outcome, mend) for outcome, mend in mends(standing, school(), trainee) if not outcome.met],
    }


def _offers_last(terms: Terms) -> dict[str, object]:
    """How long an offer waits for its answer, in words."""
    quiet = (time_in_words(time.fromisoformat(clock)) for clock in (terms.quiet_from, terms.quiet_until))
    return {"offer_hours": terms.offer_hours, "quiet": " and ".join(quiet)}


# -- the seat they have elsewhere --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Leaving:
    """The seat in another cohort that accepting would leave, and what that move would cost now."""

    seat: Reservation
    paid_cents: int
    terms: moving.MovingTerms | None
    """None when it cannot be left any more."""
    quote: admission.Quote | None
    too_late: date | None
    """The last day on which it could be left."""
    until: date | None
    """The last day on which it can be, where such a day is still to come."""

    @property
    def costs_later(self) -> bool:
        """Whether moving is free now and costs a fee before it stops being possible."""
        if self.terms is None or self.until is None or self.terms.fee_cents:
            return False
        return bool(self.seat.terms.moving_fee_cents) and self.terms.free_until < self.until

    @property
    def fees_cents(self) -> int:
        """The fees of this move and of those before it."""
        return self.seat.fee_cents + (self.terms.fee_cents if self.terms else 0)

    @property
    def total_cents(self) -> int:
        """What the seat costs in all, after the move."""
        return self.seat.price_cents + self.fees_cents

    @property
    def remaining_cents(self) -> int:
        """What is left to pay after the move."""
        return max(self.total_cents - self.paid_cents, 0)


def _leaving(own: Reservation, cohort: Cohort, now: datetime) -> Leaving:
    paid = ledger.kept_cents(own)
    try:
        terms, quote = moving.preview(own, cohort, now, by_the_school=False)
    except moving.TooLate as late:
        return Leaving(own, paid, None, None, late.last_day, None)
    until = terms.possible_until if terms.possible_until >= school_day(now) else None
    return Leaving(own, paid, terms, quote, None, until)


def _leaving_for(offer: Reservation, now: datetime) -> Leaving | None:
    other = offers.seat_elsewhere(offer, now)
    return _leaving(other, offer.cohort, now) if other else None


def _promises_after(leaving: Leaving, offer: Reservation, now: datetime) -> list[Promise]:
    """What the money terms will be after the move: those of the seat they leave, with the dates of this cohort."""
    terms = leaving.terms
    return promises(
        offer.cohort.starts_on,
        leaving.seat.terms,
        school_day(now),
        currency=leaving.seat.currency,
        stays_cents=terms.stays_not_refundable_cents + terms.fee_cents if terms else 0,
        is_owed=leaving.remaining_cents > 0,
        is_paid_here=not leaving.seat.paid_elsewhere,
    )


def _if_promise_fails(leaving: Leaving | None, offer: Reservation) -> str:
    """What would come back if the promise of this seat were not kept, in words; empty for a seat that is sure."""
    if leaving is None or leaving.terms is None or leaving.quote is None:
        return if_promise_fails(offer, 0)
    stays = min(leaving.terms.stays_not_refundable_cents, leaving.paid_cents)
    seat = explaining.seat_to_be(
        offer.cohort,
        leaving.seat.terms,
        leaving.quote,
        provisional_until=offer.provisional_until,
        fee_cents=leaving.fees_cents,
        not_refundable_cents=stays + leaving.terms.fee_cents,
    )
    return if_promise_fails(seat, leaving.paid_cents)


def _seat_elsewhere(cohort: Cohort, trainee: User, now: datetime) -> Reservation | None:
    """The seat in another coming cohort that someone has kept while they waited here."""
    seats = Reservation.objects.holding_a_seat(now).filter(trainee=trainee, cohort__ends_on__gte=school_day(now))
    return seats.exclude(state=State.OFFERED).exclude(cohort=cohort).select_related("cohort").first()


def _is_as_shown(leaving: Leaving, form: AcceptMoveForm) -> bool:
    """Whether they were shown that they would leave this seat, for this fee."""
    if not form.is_valid() or leaving.terms is None:
        return False
    shown = (form.cleaned_data["leaving"], form.cleaned_data["fee_cents"])
    return shown == (leaving.seat.public_id, leaving.terms.fee_cents)


def _notice_form(entry: WaitlistEntry, now: datetime, request: HttpRequest | None = None) -> NoticeForm:
    sent = posted(request) if request else None
    initial = {"notice_days": entry.notice_days or None}
    return NoticeForm(entry.cohort.starts_on, school_day(now), sent, initial=initial)


def _own(request: SignedInRequest, public_id: str, now: datetime) -> Place:
    """The reader's own place; anyone else's does not exist for them."""
    entries = WaitlistEntry.objects.select_related(
        "trainee", "cohort__venue", "cohort__module", "offer__cohort__venue", "offer__cohort__module", "offer__conduct"
    )
    entry = get_object_or_404(entries, public_id=public_id, trainee=request.user)
    return places([entry], now)[0]
