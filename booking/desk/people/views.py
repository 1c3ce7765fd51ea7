"""The registrar's pages about people."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now as current_time
from django.views.decorators.http import require_POST, require_safe

from booking.desk.people.accounts import LastRegistrar, correct_profile, open_account, take_role
from booking.desk.people.forms import (
    AcceptedBeforeForm,
    AccessForm,
    CompletionForm,
    DaysForm,
    EntitlementForm,
    LineForm,
    NewPersonForm,
    PeopleFilter,
    PlaceForm,
    ReserveForm,
    RoleForm,
    TakeBackForm,
    WaiverForm,
)
from booking.desk.people.listing import listed, page_of_people
from booking.desk.people.page import person_page
from booking.desk.people.seating import cohort_to_fill
from booking.desk.reservations.refusals import REFUSALS
from booking.desk.reservations.refusals import in_words as why_refused
from booking.reservations import admission, reserving, waiting, waitlist
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import in_words, school_day
from workshops.cohorts.models import Cohort
from workshops.people.forms import ProfileForm
from workshops.people.models import Role, User
from workshops.people.roles import grant
from workshops.prerequisites import facts
from workshops.prerequisites.models import OnSetRecord, Waiver, WaiverKind
from workshops.programme.models import MODULE_IV
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes

Asked = dict[str, Any]


@roles(Role.REGISTRAR)
@require_safe
def people(request: SignedInRequest) -> HttpResponse:
    """Everyone with an account: search, filter, and where each trainee stands."""
    form, today = PeopleFilter(request.GET), school_day(current_time())
    wanted = dict(form.cleaned_data) if form.is_valid() else {}
    seat_in = cohort_to_fill(wanted.pop("cohort", ""), current_time())
    shown = page_of_people(wanted, request.GET.get("page"), today)
    page = {
        "form": form,
        "page": shown,
        "people": listed(list(shown), today),
        "is_filtered": any(wanted.values()),
        "seat_in": seat_in,
    }
    return TemplateResponse(request, "desk/people/people.html", page, status=200 if form.is_valid() else 422)


@roles(Role.REGISTRAR)
@shows_or_takes
def person_new(request: SignedInRequest) -> HttpResponse:
    """Open an account for someone. They sign in with a code by e-mail."""
    form = NewPersonForm(posted(request))
    if form.is_valid():
        asked = form.cleaned_data
        given = [Role(role) for role in asked["roles"]]
        try:
            person = open_account(
                name=asked["name"], email=asked["email"], roles=given, by=request.user, now=current_time()
            )
        except IntegrityError:  # the same form twice, or they signed up at this moment
            form.add_error("email", "Someone has an account with this address by now. Search for it in the list.")
        else:
            messages.success(request, f"{person} has an account and can sign in with a code sent to {person.email}.")
            return redirect("desk:person", person.public_id)
    return form_page(request, "desk/people/new.html", form)


@roles(Role.REGISTRAR)
@require_safe
def person(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One person's whole standing; with a cohort in the address, the form that gives them a seat there is open."""
    seat_in = cohort_to_fill(request.GET.get("cohort", ""), current_time())
    return _page(request, _person(public_id), seat_in=seat_in)


@roles(Role.REGISTRAR)
@require_POST
def profile(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Correct what is kept about someone."""
    someone = _person(public_id)

    def save(_asked: Asked) -> str:
        return "The profile is saved." if correct_profile(form, by=request.user, now=current_time()) else _NOTHING

    # A copy: what is typed wrong must not show elsewhere on the page.
    form = ProfileForm(request.POST, instance=_person(public_id), prefix="profile")
    return _carried_out(request, someone, "profile", form, save, decides=False)


@roles(Role.REGISTRAR)
@require_POST
def role(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give or take one role."""
    someone, now = _person(public_id), current_time()

    def change(asked: Asked) -> str:
        wanted = Role(asked["role"])
        if asked["verb"] == "give":
            changed = grant(someone, wanted, by=request.user, now=now)
            return f"{someone} is {wanted.label.lower()} now." if changed else _NOTHING
        changed = take_role(someone, wanted, by=request.user, now=now)
        return f"{someone} is {wanted.label.lower()} no more." if changed else _NOTHING

    return _carried_out(request, someone, "role", RoleForm(request.POST), change, decides=False)


@roles(Role.REGISTRAR)
@require_POST
def completion(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record that someone finished a module, or correct when."""
    return _dated(request, public_id, CompletionForm(request.POST), facts.complete, "{} is recorded as finished on {}.")


@roles(Role.REGISTRAR)
@require_POST
def access(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record the day the school let someone into a module, or correct it."""
    return _dated(request, public_id, AccessForm(request.POST), facts.grant_access, "Access to {} is recorded from {}.")


def _dated(
    request: SignedInRequest, public_id: str, form: forms.Form, write: Callable[..., bool], words: str
) -> HttpResponse:
    someone = _person(public_id)

    def record(asked: Asked) -> str:
        why = asked["why"].strip()
        changed = write(
            someone, asked["module"], asked["on"], by=request.user, now=current_time(), why=why, correct=bool(why)
        )
        return words.format(asked["module"], in_words(asked["on"])) if changed else _NOTHING

    return _carried_out(request, someone, str(form.prefix), form, record)


@roles(Role.REGISTRAR)
@require_POST
def entitlement(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record that a module is paid for already."""
    someone = _person(public_id)

    def record(asked: Asked) -> str:
        new = facts.entitle(someone, asked["module"], asked["source"], by=request.user, now=current_time())
        return f"{asked['module']} is recorded as paid for." if new else f"{asked['module']} was on record as paid for."

    return _carried_out(request, someone, "entitlement", EntitlementForm(request.POST), record)


@roles(Role.REGISTRAR)
@require_POST
def days(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Accept days on set whose proof the registrar has seen."""
    someone = _person(public_id)

    def accept(asked: Asked) -> str:
        facts.accept_days(
            someone,
            asked["dates"],
            production=asked["production"],
            role=asked["role"],
            proof=asked["proof"],
            by=request.user,
            now=current_time(),
        )
        count = len(asked["dates"])
        return f"{count} {'day' if count == 1 else 'days'} on {asked['production']} accepted."

    return _carried_out(request, someone, "days", DaysForm(request.POST), accept)


@roles(Role.REGISTRAR)
@require_POST
def days_back(request: SignedInRequest, public_id: str, record_id: int) -> HttpResponse:
    """Take back the acceptance of an on-set record."""
    someone = _person(public_id)
    record = get_object_or_404(OnSetRecord, pk=record_id, user=someone)

    def take_back(asked: Asked) -> str:
        done = facts.take_back_days(record, why=asked["why"], by=request.user, now=current_time())
        return f"The days on {record.production} count no more." if done else _NOTHING

    name = f"days-{record.pk}"
    return _carried_out(request, someone, name, TakeBackForm(request.POST, prefix=name), take_back)


@roles(Role.REGISTRAR)
@require_POST
def waiver(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Make an exception from one requirement."""
    someone, now = _person(public_id), current_time()
    form = WaiverForm(request.POST, rules=facts.rules_for(MODULE_IV), today=school_day(now))

    def waive(asked: Asked) -> str:
        cohort = asked["cohort"]
        facts.waive(
            someone,
            asked["requirement"],
            kind=WaiverKind.WAIVER,
            reason=asked["reason"],
            by=request.user,
            now=now,
            cohort_id=cohort.pk if cohort else None,
            until=asked["until"],
        )
        return f"The exception is made{f' for {cohort}' if cohort else ''}."

    return _carried_out(request, someone, "waiver", form, waive)


@roles(Role.REGISTRAR)
@require_POST
def accepted_before(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record that the school accepted proof of a requirement before this system existed."""
    someone, now = _person(public_id), current_time()
    form = AcceptedBeforeForm(request.POST, rules=facts.rules_for(MODULE_IV))

    def waive(asked: Asked) -> str:
        facts.waive(
            someone, asked["requirement"], kind=WaiverKind.BEFORE, reason=asked["reason"], by=request.user, now=now
        )
        return "Recorded as accepted before this system existed."

    return _carried_out(request, someone, "before", form, waive)


@roles(Role.REGISTRAR)
@require_POST
def waiver_back(request: SignedInRequest, public_id: str, waiver_id: int) -> HttpResponse:
    """Take back an exception. A seat that was taken under it stays."""
    someone = _person(public_id)
    given = get_object_or_404(Waiver.objects.select_related("user"), pk=waiver_id, user=someone)

    def take_back(asked: Asked) -> str:
        done = facts.take_back_waiver(given, why=asked["why"], by=request.user, now=current_time())
        return "The exception is taken back. Seats that were taken under it stay." if done else _NOTHING

    name = f"waiver-{given.pk}"
    return _carried_out(request, someone, name, TakeBackForm(request.POST, prefix=name), take_back)


@roles(Role.REGISTRAR)
@require_POST
def reserve(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Take a seat for a trainee who asked for it."""
    someone, now = _person(public_id), current_time()
    form = ReserveForm(request.POST, today=school_day(now))
    if not form.is_valid():
        return _page(request, someone, {"reserve": form}, status=422)
    cohort = form.cleaned_data["cohort"]
    try:
        facts.not_their_own(someone, request.user)
        made = reserving.hold(cohort, someone, now=now, by=request.user, why=form.cleaned_data["why"])
    except admission.Full:
        form.add_error(
            "cohort",
            "Every seat of this cohort is taken or held, or owed to those in line. Add them to the line below.",
        )
        return _page(request, someone, {"reserve": form}, status=409, full_cohort=cohort)
    except (*REFUSALS, facts.BadFact) as refused:
        form.add_error(None, why_refused(refused, now=now))
        return _page(request, someone, {"reserve": form}, status=409)
    return _has_seat(request, made)


@roles(Role.REGISTRAR)
@require_POST
def place(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give someone a seat that the school has kept back, past the line."""
    someone, now = _person(public_id), current_time()
    form = PlaceForm(request.POST, today=school_day(now))
    if not form.is_valid():
        return _page(request, someone, {"place": form}, status=422)
    seat, why = form.cleaned_data["seat"], form.cleaned_data["why"]
    try:
        facts.not_their_own(someone, request.user)
        made = reserving.place(seat.cohort, someone, seat.number, now=now, by=request.user, why=why)
    except (*REFUSALS, facts.BadFact) as refused:
        form.add_error(None, why_refused(refused, now=now))
        return _page(request, someone, {"place": form}, status=409)
    return _has_seat(request, made)


@roles(Role.REGISTRAR)
@require_POST
def line(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Put someone at the end of the line of a full cohort."""
    someone, now = _person(public_id), current_time()
    form = LineForm(request.POST, today=school_day(now))
    if not form.is_valid():
        return _page(request, someone, {"line": form}, status=422)
    cohort, why = form.cleaned_data["cohort"], form.cleaned_data["why"]
    try:
        facts.not_their_own(someone, request.user)
        entry, is_new = waiting.join(cohort, someone, now=now, by=request.user, why=why)
    except (*REFUSALS, facts.BadFact) as refused:
        form.add_error(None, why_refused(refused, now=now))
        return _page(request, someone, {"line": form}, status=409)
    where = waitlist.position(entry)
    there = f"at place {where}" if where else "with an offer that is open"
    messages.success(request, f"{someone} {'waits' if is_new else 'waited already'} for {cohort}, {there}.")
    return redirect("desk:person", someone.public_id)


def _has_seat(request: SignedInRequest, made: Reservation) -> HttpResponse:
    deposit = money.in_words(made.deposit_cents, made.currency)
    waits = f" It waits for the deposit of {deposit}." if made.held_until else ""
    messages.success(request, f"Seat {made.seat_number} of {made.cohort} is theirs.{waits} A message is on its way.")
    return redirect("desk:reservation", made.public_id)


_NOTHING = "That was on record already. Nothing has changed."


def _person(public_id: str) -> User:
    return get_object_or_404(User, public_id=public_id)


def _carried_out(
    request: SignedInRequest,
    someone: User,
    name: str,
    form: forms.BaseForm,
    act: Callable[[Asked], str],
    *,
    decides: bool = True,
) -> HttpResponse:
    """Do what one form of the page asks, say so, and show the page; what is refused keeps what was typed.

    A form that `decides` about a record is refused to the person whose record it is.
    """
    if form.is_valid():
        try:
            if decides:
                facts.not_their_own(someone, request.user)
            said = act(form.cleaned_data)
        except facts.BadFact as refused:
            form.add_error(None, str(refused))
        except facts.Contradiction as other:
            form.add_error("why", f"{other} To correct it, say why.")
        except LastRegistrar:
            form.add_error(None, "Nobody would be left to run the desk. Give someone else the role first.")
        else:
            messages.success(request, said)
            return redirect("desk:person", someone.public_id)
    return _page(request, someone, {name: form}, status=422)


def _page(
    request: SignedInRequest,
    someone: User,
    bound: dict[str, forms.BaseForm] | None = None,
    *,
    status: int = 200,
    full_cohort: Cohort | None = None,
    seat_in: Cohort | None = None,
) -> HttpResponse:
    now = current_time()
    shown = person_page(someone, request.user, now=now, bound=bound, full_cohort=full_cohort, seat_in=seat_in)
    return TemplateResponse(
        request, "desk/people/person.html", {"page": shown, "bound": bound or {}, "all_roles": Role}, status=status
    )
