"""One person's page: everything the school knows about them, and every form that can change it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django import forms

from booking.desk.conversations import Listed, listed
from booking.desk.fields import offer
from booking.desk.people.evidence import Bound, Fact, OnSet, Waived, facts_on_record, on_set, waivers
from booking.desk.people.facts.forms import (
    AcceptedBeforeForm,
    AccessForm,
    AuditForm,
    CompletionForm,
    DaysForm,
    EntitlementForm,
    FactBackForm,
    WaiverForm,
)
from booking.desk.people.mentoring.forms import MentorEndForm, MentorForm
from booking.desk.people.mentoring.page import Mentoring, mentoring_of
from booking.desk.people.remembered import Remembered, lines_about, remembered
from booking.desk.people.seats.forms import LineForm, PlaceForm, ReserveForm
from booking.desk.people.seats.roads import road_to
from booking.desk.people.summary import Point, Reserved, summary
from booking.payments.ledger import with_paid
from booking.reservations.models import OWING, Reservation
from booking.reservations.pathway import Step, pathway
from booking.reservations.places import Place, places_of
from workshops.clock import school_day
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.conversations.models import Post
from workshops.messages.bouncing import unreachable
from workshops.messages.models import Message
from workshops.people.models import Role, User
from workshops.prerequisites.check import Standing, check, days_rule
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.prerequisites.files.audits import open_audit
from workshops.prerequisites.records.models import AuditHold
from workshops.prerequisites.timeline import Timeline, timeline_of
from workshops.programme.models import MODULE_IV, Module

HISTORY_SHOWN = 15


@dataclass(frozen=True)
class PersonPage:
    """Everything the page shows."""

    person: User
    roles: frozenset[Role]
    is_own: bool
    may_decide: bool
    """Whether the reader may record anything: not about themselves, nor about somebody who was erased."""
    summary: list[Point]
    standing: Standing
    steps: list[Step]
    timeline: Timeline | None
    """The years in which days on set count; None where no rule asks for days."""
    facts: list[Fact]
    on_set: list[OnSet]
    has_draft: bool
    """Whether they have a record begun that they have not sent. What it says is theirs alone."""
    audit: AuditHold | None
    waivers: list[Waived]
    reservations: list[Reserved]
    places: list[Place]
    """Where they wait in line, or have an offer to answer."""
    mentoring: Mentoring
    returned: Message | None
    """The latest message that came back from the address they have now."""
    talks: list[Listed]
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
    seat (read by `cohort_to_fill`): the form that leads to it today is open. The number of statements is the same
    however much is known.
    """
    today, bound = school_day(now), bound or {}
    road, kept_back = road_to(seat_in, now) if seat_in else ("", None)
    rules = rules_for(MODULE_IV)
    known = facts_of([person.pk], today)[person.pk]
    standing = check(rules, known, today)
    facts, reservations, places = facts_on_record(person), _reservations(person, now), places_of(person, now)
    records, has_draft = on_set(person, bound)
    talks = listed(
        Post.objects.filter(person=person).last_of_each_thread().select_related("person").order_by("-pk"), now
    )
    audit = open_audit(person)
    lines = list(lines_about(person)[: HISTORY_SHOWN + 1])
    return PersonPage(
        person=person,
        roles=person.roles,
        is_own=person.pk == reader.pk,
        may_decide=person.pk != reader.pk and not person.erased_at,
        summary=summary(
            standing,
            on_set=records,
            reservations=reservations,
            places=places,
            talks=talks,
            audit=audit,
            has_draft=has_draft,
        ),
        standing=standing,
        steps=pathway(standing, seat=_seat(reservations), finished_on=known.completions.get(MODULE_IV)),
        timeline=timeline_of(rule, known, today) if (rule := days_rule(rules)) else None,
        facts=facts,
        on_set=records,
        has_draft=has_draft,
        audit=audit,
        waivers=waivers(person, {rule.code: rule.title for rule in rules}, today, bound),
        reservations=reservations,
        places=places,
        mentoring=mentoring_of(person),
        returned=unreachable([person]).get(person.pk),
        talks=talks,
        history=remembered(lines[:HISTORY_SHOWN], reader),
        history_is_cut=len(lines) > HISTORY_SHOWN,
        forms=_with_choices(
            {
                "completion": CompletionForm(),
                "access": AccessForm(),
                "entitlement": EntitlementForm(),
                "fact": FactBackForm(known=choices(facts)),
                "days": DaysForm(today=today),
                "audit": AuditForm(),
                "waiver": WaiverForm(rules=rules, today=today),
                "before": AcceptedBeforeForm(rules=rules),
                "reserve": ReserveForm(today=today, initial={"cohort": seat_in}),
                "line": LineForm(today=today, initial={"cohort": full_cohort or seat_in}),
                "place": PlaceForm(today=today, initial={"seat": kept_back}),
                "mentor": MentorForm(without=(person,)),
                "mentor_end": MentorEndForm(),
                **bound,
            },
            today,
        ),
        open="line" if full_cohort else road,
        seat_in=seat_in,
    )


def _with_choices(asked: dict[str, forms.BaseForm], today: date) -> dict[str, forms.BaseForm]:
    """The same forms, with the modules and cohorts that several of them offer. Two statements."""
    modules, coming = list(Module.objects.all()), list(Cohort.objects.not_over(today))
    published = [cohort for cohort in coming if cohort.status == CohortStatus.PUBLISHED]
    for name in ("completion", "access", "entitlement"):
        offer(asked[name], "module", modules)
    offer(asked["waiver"], "cohort", coming)
    for name in ("reserve", "line"):
        offer(asked[name], "cohort", published)
    return asked


def choices(facts: Iterable[Fact]) -> list[tuple[str, str]]:
    """Facts for a form to choose from."""
    return [(fact.key, fact.in_full) for fact in facts]


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
