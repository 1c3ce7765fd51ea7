"""Which records wait for whom, in which order, and what each is needed for. A constant number of statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import (
    BigIntegerField,
    Count,
    DateField,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextChoices,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce

from booking.reservations.models import IN_LINE, LIVE, Reservation, WaitlistEntry
from workshops.clock import ago, in_words, school_day
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.people.models import User
from workshops.prerequisites.check import Facts, Rule, days_rule, window_of
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.prerequisites.records.flags import Flag, flags_of
from workshops.prerequisites.records.models import UNDECIDED, OnSetRecord, RecordState, Review
from workshops.programme.models import MODULE_IV

LATELY = timedelta(days=30)


class Waits(TextChoices):
    """The lists of the queue, each by whom it waits for."""

    SCHOOL = "school", "Waiting for us"
    TRAINEE = "trainee", "Waiting for the trainee"
    SECOND_EYES = "second-eyes", "Second eyes wanted"
    DECIDED = "decided", "Decided lately"


class Order(TextChoices):
    """What comes first."""

    AGE = "age", "First sent first"
    AIM = "aim", "What is needed first"


@dataclass(frozen=True)
class Aim:
    """What a person needs their days for, and by when."""

    cohort: Cohort
    how: str
    """How they are bound to the cohort, in a few words."""
    needed_by: date
    """The day by which a provisional seat must be met; otherwise the cohort's first day."""
    is_promised: bool
    """Whether they have a seat there that goes when the day passes."""


@dataclass(frozen=True)
class Listed:
    """One record in the queue."""

    record: OnSetRecord
    claimed: int
    counting: int
    """How many of its days lie where days count for this person and are accepted nowhere else."""
    accepted: int
    """How many of its days were accepted; 0 while it is not."""
    age: str
    flags: Sequence[Flag]
    aim: Aim | None


@dataclass(frozen=True)
class Waiting:
    """What waits for the school, in short: for the front page of the desk."""

    count: int
    second_eyes: int
    oldest: datetime | None

    @property
    def words(self) -> str:
        """So many wait, and since when."""
        if self.oldest is None:
            return ""
        waits = "1 proof has waited" if self.count == 1 else f"{self.count} proofs wait, the oldest"
        return f"{waits} since {in_words(school_day(self.oldest))}."


def waiting() -> Waiting:
    """What waits for the school. One statement."""
    found = OnSetRecord.objects.filter(state=RecordState.IN_REVIEW).aggregate(
        count=Count("pk"), second=Count("pk", filter=Q(second_eyes_by__isnull=False)), oldest=Min("sent_at")
    )
    return Waiting(found["count"], found["second"], found["oldest"])


def counts(now: datetime) -> dict[Waits, int]:
    """How many are in each list. One statement."""
    names = {waits: waits.name.lower() for waits in Waits}
    filters = {name: Count("pk", filter=_in(waits, now), distinct=True) for waits, name in names.items()}
    found = OnSetRecord.objects.filter(Q(state__in=UNDECIDED) | Q(decided_at__gt=now - LATELY)).aggregate(**filters)
    return {waits: found[name] for waits, name in names.items()}


def records(waits: Waits, order: Order, now: datetime) -> QuerySet[OnSetRecord]:
    """One list of the queue, in its order; each record knows its aim's cohort (`aim_cohort`) and day (`needed_by`)."""
    found = _with_aim(OnSetRecord.objects.filter(_in(waits, now)), now)
    if waits == Waits.DECIDED:
        return found.order_by("-decided_at", "-pk")
    if order == Order.AIM:
        return found.order_by(F("needed_by").asc(nulls_last=True), "sent_at", "pk")
    return found.order_by("sent_at", "pk")


def next_after(it: OnSetRecord, order: Order, by: User, now: datetime) -> str | None:
    """The address of what this registrar may decide next when they leave a record: after it, or else from the top.

    Asked before something is done to the record, which may leave the queue by it. One statement.
    """
    theirs = ~Q(user=by) & (Q(second_eyes_by=None) | ~Q(second_eyes_by=by))
    found = records(Waits.SCHOOL, order, now).filter(theirs | Q(pk=it.pk))
    waiting = list(found.values_list("public_id", flat=True))
    here = waiting.index(it.public_id) if it.public_id in waiting else -1
    others = [*waiting[here + 1 :], *waiting[: max(here, 0)]]
    return others[0] if others else None


def listed(found: Iterable[OnSetRecord], now: datetime) -> list[Listed]:
    """A page of the queue. Four statements more, however many there are."""
    shown, today = list(found), school_day(now)
    prefetch_related_objects(shown, "days")
    rule = days_rule(rules_for(MODULE_IV))
    facts = facts_of({each.user_id for each in shown}, today)
    cohorts = _cohorts(shown)
    return [_listed(each, rule, facts[each.user_id], cohorts, now) for each in shown]


def aim_of(it: OnSetRecord, now: datetime) -> Aim | None:
    """What one record is needed for. Two statements."""
    found = _with_aim(OnSetRecord.objects.filter(pk=it.pk), now).get()
    return _aim(found, _cohorts([found]))


def _in(waits: Waits, now: datetime) -> Q:
    if waits == Waits.SCHOOL:
        return Q(state=RecordState.IN_REVIEW)
    if waits == Waits.TRAINEE:
        return Q(state=RecordState.QUESTION)
    if waits == Waits.SECOND_EYES:
        return Q(state__in=UNDECIDED, second_eyes_by__isnull=False)
    # What a registrar entered by hand has no review, and none is to be looked at again here.
    is_reviewed = Exists(Review.objects.filter(record=OuterRef("pk")))
    return Q(is_reviewed, state__in=(RecordState.ACCEPTED, RecordState.REJECTED), decided_at__gt=now - LATELY)


def _with_aim(found: QuerySet[OnSetRecord], now: datetime) -> QuerySet[OnSetRecord]:
    """With what the person needs it for: a seat held on a promise, then a place in line, then what they chose."""
    today, theirs = school_day(now), OuterRef("user")
    coming = Q(cohort__starts_on__gte=today) & ~Q(cohort__status=CohortStatus.CANCELLED)
    promised = (
        Reservation.objects.holding_a_seat(now)
        .filter(coming, trainee=theirs, state__in=LIVE, provisional_until__isnull=False)
        .order_by("provisional_until", "pk")
    )
    places = WaitlistEntry.objects.filter(coming, trainee=theirs, state__in=IN_LINE).order_by("cohort__starts_on", "pk")
    chosen = Cohort.objects.filter(pk=OuterRef("aims_for"), starts_on__gte=today).exclude(status=CohortStatus.CANCELLED)
    begins = Subquery(Cohort.objects.filter(pk=OuterRef("aim_cohort")).values("starts_on")[:1])
    return found.annotate(
        promised_in=Subquery(promised.values("cohort")[:1]),
        promised_until=Subquery(promised.values("provisional_until")[:1], output_field=DateField()),
        waits_in=Subquery(places.values("cohort")[:1]),
        aim_cohort=Coalesce(
            "promised_in", "waits_in", Subquery(chosen.values("pk")[:1]), output_field=BigIntegerField()
        ),
        needed_by=Coalesce("promised_until", begins, output_field=DateField()),
    ).select_related("user", "decided_by", "second_eyes_by")


def _listed(it: OnSetRecord, rule: Rule | None, facts: Facts, cohorts: Mapping[int, Cohort], now: datetime) -> Listed:
    claimed = [each.day for each in it.days.all()]
    refused = sum(each.is_refused for each in it.days.all())
    is_accepted = it.state == RecordState.ACCEPTED
    window = window_of(rule, facts, school_day(now)) if rule else None
    counting = [day for day in claimed if (window is None or day in window) and day not in facts.accepted_days]
    since = it.decided_at or it.sent_at or now
    return Listed(
        record=it,
        claimed=len(claimed),
        counting=len(counting),
        accepted=len(claimed) - refused if is_accepted else 0,
        age=ago(since, now),
        flags=flags_of(it, claimed, facts),
        aim=_aim(it, cohorts),
    )


def _cohorts(found: Iterable[OnSetRecord]) -> dict[int, Cohort]:
    return Cohort.objects.in_bulk({key for each in found if (key := getattr(each, "aim_cohort", None))})


def _aim(it: OnSetRecord, cohorts: Mapping[int, Cohort]) -> Aim | None:
    cohort = cohorts.get(getattr(it, "aim_cohort", None) or 0)
    if cohort is None:
        return None
    promised, waits = getattr(it, "promised_in", None), getattr(it, "waits_in", None)
    how = "On a promise" if promised else "In line" if waits else "Chosen by them"
    return Aim(cohort, how, getattr(it, "needed_by", None) or cohort.starts_on, is_promised=bool(promised))
