"""One person's page: everything the school knows about them, and every form that can change it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.db.models import Prefetch, QuerySet

from booking.desk.people.forms import (
    AcceptedBeforeForm,
    AccessForm,
    CompletionForm,
    DaysForm,
    EntitlementForm,
    LineForm,
    PlaceForm,
    ReserveForm,
    TakeBackForm,
    WaiverForm,
)
from booking.desk.people.seating import road_to
from booking.payments.ledger import with_paid
from booking.reservations.models import OWING, Reservation, State, WaitlistEntry
from booking.reservations.pathway import Step, pathway
from booking.reservations.places import Place, places_of
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.history.words import Told, told
from workshops.people.forms import ProfileForm
from workshops.people.models import Role, User
from workshops.prerequisites.check import Standing, check
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.prerequisites.models import OnSetRecord, RecordState, Waiver
from workshops.prerequisites.set_days import runs_in_words
from workshops.programme.models import MODULE_IV

HISTORY_SHOWN = 100

Bound = Mapping[str, forms.BaseForm]


@dataclass(frozen=True)
class OnSet:
    """One on-set record with its days in words, and the form to take it back where it is accepted."""

    record: OnSetRecord
    days: tuple[str, ...]
    count: int
    take_back: forms.BaseForm | None


@dataclass(frozen=True)
class Waived:
    """One waiver, whether it holds today, and the form to take it back where it does."""

    waiver: Waiver
    title: str
    holds: bool
    take_back: forms.BaseForm | None


@dataclass(frozen=True)
class Reserved:
    """One reservation as of now, with what is left to pay on it."""

    reservation: Reservation
    state: State
    remaining_cents: int


@dataclass(frozen=True)
class Remembered:
    """One line of their history, and the cohort it is about, by its title; empty where it is about none."""

    told: Told
    cohort: str


@dataclass(frozen=True)
class PersonPage:
    """Everything the page shows."""

    person: User
    roles: frozenset[Role]
    is_own: bool
    standing: Standing
    steps: list[Step]
    completions: list[Any]
    accesses: list[Any]
    entitlements: list[Any]
    on_set: list[OnSet]
    waivers: list[Waived]
    reservations: list[Reserved]
    places: list[Place]
    """Where they wait in line, or have an offer to answer."""
    history: list[Remembered]
    history_is_cut: bool
    forms: dict[str, forms.BaseForm]
    open: str
    """The form that comes next: the line after a cohort turned out to be full, or that which leads to a seat."""
    seat_in: Cohort | None
    """The cohort in which a registrar came here to give them a seat."""


def person_page(
    person: User,
    reader: User,
    *,
    now: datetime,
    bound: Bound | None = None,
    full_cohort: Cohort | None = None,
    seat_in: Cohort | None = None,
) -> PersonPage:
    """Gather one person's page. `bound` are forms that came back with errors; the others are empty.

    `full_cohort` is one that had no seat for them: its line is proposed. `seat_in` is one in which they are to get a
    seat (read by `cohort_to_fill`): the form that leads to it today is open.
    """
    today, bound = school_day(now), bound or {}
    road, kept_back = road_to(seat_in, now) if seat_in else ("", None)
    rules = rules_for(MODULE_IV)
    standing = check(rules, facts_of([person.pk], today)[person.pk], today)
    titles = {rule.code: rule.title for rule in rules}
    reservations = _reservations(person, now)
    history = list(
        HistoryLine.objects.filter(person=person).select_related("by").order_by("-at", "-id")[: HISTORY_SHOWN + 1]
    )
    return PersonPage(
        person=person,
        roles=person.roles,
        is_own=person.pk == reader.pk,
        standing=standing,
        steps=pathway(standing, seat=_seat(reservations)),
        completions=list(person.completions.select_related("module", "recorded_by").order_by("module__position")),
        accesses=list(person.accesses.select_related("module", "recorded_by").order_by("module__position")),
        entitlements=list(person.entitlements.select_related("module", "recorded_by").order_by("module__position")),
        on_set=_on_set(person, bound),
        waivers=_waivers(person, titles, today, bound),
        reservations=reservations,
        places=places_of(person, now),
        history=_remembered(history[:HISTORY_SHOWN], reader),
        history_is_cut=len(history) > HISTORY_SHOWN,
        forms={
            "profile": ProfileForm(instance=person, prefix="profile"),
            "completion": CompletionForm(),
            "access": AccessForm(),
            "entitlement": EntitlementForm(),
            "days": DaysForm(),
            "waiver": WaiverForm(rules=rules, today=today),
            "before": AcceptedBeforeForm(rules=rules),
            "reserve": ReserveForm(today=today, initial={"cohort": seat_in}),
            "line": LineForm(today=today, initial={"cohort": full_cohort or seat_in}),
            "place": PlaceForm(today=today, initial={"seat": kept_back}),
            **bound,
        },
        open="line" if full_cohort else road,
        seat_in=seat_in,
    )


def _remembered(lines: Sequence[HistoryLine], reader: User) -> list[Remembered]:
    """Each line with the cohort it is about. Three statements, however many."""
    keys: dict[str, set[str]] = {}
    for line in lines:
        keys.setdefault(line.about_kind, set()).add(line.about_id)
    sources: dict[str, tuple[QuerySet[Any], str]] = {
        "reservation": (Reservation.objects.order_by(), "cohort__title"),
        "waitlist": (WaitlistEntry.objects.order_by(), "cohort__title"),
        "cohort": (Cohort.objects.order_by(), "title"),
    }
    titles = {
        kind: dict(rows.filter(public_id__in=keys[kind]).values_list("public_id", title))
        for kind, (rows, title) in sources.items()
        if kind in keys
    }
    return [Remembered(told(line, reader), titles.get(line.about_kind, {}).get(line.about_id, "")) for line in lines]


def _seat(reservations: Iterable[Reserved]) -> str:
    live = [each for each in reservations if each.state in OWING]
    return f"{live[0].state.label}: {live[0].reservation.cohort.title}" if live else ""


def _reservations(person: User, now: datetime) -> list[Reserved]:
    found = with_paid(Reservation.objects.filter(trainee=person).select_related("cohort"))
    reserved = []
    for each in found:
        state = each.state_at(now)
        owes = state in OWING
        reserved.append(Reserved(each, state, each.remaining_cents(each.paid_cents) if owes else 0))
    return reserved


def _on_set(person: User, bound: Bound) -> list[OnSet]:
    records = (
        OnSetRecord.objects.filter(user=person)
        .select_related("decided_by")
        .prefetch_related(Prefetch("days"))
        .order_by("-pk")
    )
    shown = []
    for record in records:
        days = [each.day for each in record.days.all()]
        name = f"days-{record.pk}"
        form = (bound.get(name) or TakeBackForm(prefix=name)) if record.state == RecordState.ACCEPTED else None
        shown.append(OnSet(record, tuple(runs_in_words(days)), len(days), form))
    return shown


def _waivers(person: User, titles: Mapping[str, str], today: date, bound: Bound) -> list[Waived]:
    shown = []
    for waiver in person.waivers.select_related("cohort", "given_by"):
        holds = waiver.revoked_at is None and (waiver.until is None or waiver.until >= today)
        name = f"waiver-{waiver.pk}"
        form = (bound.get(name) or TakeBackForm(prefix=name)) if holds else None
        shown.append(Waived(waiver, titles.get(waiver.requirement, waiver.requirement), holds, form))
    return shown
