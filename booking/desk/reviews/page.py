"""One record with everything that is needed to decide about it: what it claims, what speaks for and against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.urls import reverse

from booking.desk.reviews.forms import (
    AcceptForm,
    AcceptSomeForm,
    AskForm,
    DecisionForm,
    NoSecondEyesForm,
    RejectForm,
    SecondEyesForm,
    UndoForm,
)
from booking.desk.reviews.queue import Aim, aim_of
from workshops.clock import in_words, school_day
from workshops.conversations.models import Post
from workshops.history.record import history_of
from workshops.history.words import Told, sentence, told
from workshops.people.models import User
from workshops.prerequisites.check import Facts, Rule, Window, days_rule, window_of
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.prerequisites.records.flags import Flag, flags_of, says_coordinator
from workshops.prerequisites.records.lifecycle import about
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, ProofFile, RecordState, Review
from workshops.programme.models import MODULE_IV

Bound = Mapping[str, DecisionForm]


@dataclass(frozen=True)
class Elsewhere:
    """The same date on another record of theirs."""

    production: str
    state: str
    counts: bool
    address: str


@dataclass(frozen=True)
class ClaimedDay:
    """One date, with all that speaks against counting it."""

    day: date
    elsewhere: Sequence[Elsewhere]
    outside: str
    """Why it does not lie where days count for this person, as a sentence; empty where it does."""
    is_to_come: bool
    in_training: bool
    """Worked as an intimacy coordinator after the training began."""
    is_refused: bool
    is_ticked: bool


@dataclass(frozen=True)
class Month:
    """The dates of one month."""

    name: str
    days: Sequence[ClaimedDay]


@dataclass(frozen=True)
class Tally:
    """How many days count for the person now, and what the record adds to them or would take away with it."""

    needed: int
    counted: int
    other: int
    """With all of its days where it is undecided; without them where they were accepted."""
    is_undecided: bool
    is_accepted: bool
    window: Window

    @property
    def words(self) -> str:
        """The sum as a sentence."""
        is_more = self.counted > self.needed
        now = (
            f"{self.counted} accepted where {self.needed} are needed"
            if is_more
            else f"{self._of(self.counted)} accepted"
        )
        if self.is_undecided:
            return f"{now}; with these, {self._of(self.other)}."
        if self.is_accepted:
            return f"{now}; without these, {self._of(self.other)}."
        return f"{now}."

    def _of(self, days: int) -> str:
        return f"{days} of {self.needed}" if days <= self.needed else str(days)


@dataclass(frozen=True)
class ReviewPage:
    """Everything the page shows."""

    record: OnSetRecord
    is_own: bool
    is_read: bool
    """Whether the school reads what it says: nothing of what a trainee has taken back to change it is here."""
    reopened_at: datetime | None
    """When that was, last."""
    months: Sequence[Month]
    claimed: int
    tally: Tally | None
    flags: Sequence[Flag]
    aim: Aim | None
    files: Sequence[ProofFile]
    files_deleted: int
    """How many files there were that have been deleted since."""
    reviews: Sequence[Review]
    in_force: Review | None
    history: Sequence[Told]
    forms: Mapping[str, DecisionForm]
    """What this registrar can do with it now, by name."""
    open: str
    """The form that came back."""
    kept: Sequence[tuple[str, str]]
    """What was typed into a form that cannot be shown any more, by its labels."""


def review_page(it: OnSetRecord, reader: User, *, now: datetime, bound: Bound | None = None) -> ReviewPage:
    """Gather the page of a record. `bound` is the form that came back, by its name."""
    bound = bound or {}
    rule, facts = days_rule(rules_for(MODULE_IV)), facts_of([it.user_id], school_day(now))[it.user_id]
    is_read = it.is_read_by_school
    days = list(it.days.all()) if is_read else []
    flagged = flags_of(it, [each.day for each in days], facts) if is_read else []
    files, gone = _files(it) if is_read else ((), 0)
    lines = list(history_of(*about(it)).order_by("-at", "-id"))
    reviews = list(it.reviews.select_related("by", "undone_by").order_by("-at", "-pk"))
    in_force = next((each for each in reviews if each.undone_at is None), None)
    offered = forms_for(it, reader, in_force, flagged)
    some = bound.get("some")
    ticked = frozenset(some.ticked) if isinstance(some, AcceptSomeForm) else frozenset()
    claims = _claims(it, days, rule, facts, now, ticked)
    return ReviewPage(
        record=it,
        is_own=it.user_id == reader.pk,
        is_read=is_read,
        reopened_at=next((line.at for line in lines if line.what == "record-reopened"), None),
        months=[
            Month(f"{first:%B %Y}", list(those))
            for first, those in groupby(claims, key=lambda claim: claim.day.replace(day=1))
        ],
        claimed=len(days),
        tally=_tally(it, claims, rule, facts, now) if is_read else None,
        flags=flagged,
        aim=aim_of(it, now) if is_read else None,
        files=files,
        files_deleted=gone,
        reviews=reviews,
        in_force=in_force,
        history=[told(line, reader) for line in lines],
        forms={**offered, **{name: form for name, form in bound.items() if name in offered}},
        open=next(iter(bound), ""),
        kept=[said for name, form in bound.items() if name not in offered for said in form.typed],
    )


def forms_for(
    it: OnSetRecord, reader: User, in_force: Review | None, flagged: Sequence[Flag]
) -> dict[str, DecisionForm]:
    """The forms of what a registrar can do with a record as it is, empty."""
    if it.user_id == reader.pk or it.user.erased_at:
        return {}
    if it.is_undecided:
        if it.second_eyes_by_id == reader.pk:
            return {"ask": AskForm(), "alone": NoSecondEyesForm()}
        deciding: dict[str, DecisionForm] = {
            "all": AcceptForm(flags=flagged),
            "some": AcceptSomeForm(flags=flagged),
            "ask": AskForm(),
            "reject": RejectForm(),
        }
        return deciding if it.second_eyes_by_id else {**deciding, "second": SecondEyesForm()}
    if in_force and it.state in (RecordState.ACCEPTED, RecordState.REJECTED):
        return {"undo": UndoForm()}
    return {}


def what_changed(it: OnSetRecord, reader: User) -> str:
    """What has become of a record since a registrar opened it, as a sentence or two."""
    # Looking at its proof changes nothing.
    last = history_of(*about(it)).exclude(what="proof-opened").order_by("-at", "-id").first()
    if it.state in (RecordState.ACCEPTED, RecordState.REJECTED) and it.decided_by_id != it.user_id:
        who = "You" if it.decided_by_id == reader.pk else str(it.decided_by or "Another registrar")
        return f"{who} decided this meanwhile: {it.get_state_display().lower()}."
    if it.state == RecordState.WITHDRAWN:
        return "The trainee has taken this record back meanwhile. There is nothing to decide any more."
    if it.state == RecordState.DRAFT:
        return "The trainee has taken this back to change it. It is in the queue again when they have sent it."
    said = Post.objects.in_thread(about(it), it.user_id).filter(author=it.user_id).order_by("-pk").first()
    known = [moment for moment in (last and last.at, it.changed_at) if moment]
    if said and said.written_at >= max(known, default=said.written_at):
        return "The trainee has written to you since you opened this. Read that below, then press once more."
    if last and last.by and last.by_id != it.user_id and (it.changed_at is None or last.at >= it.changed_at):
        words = sentence(last)
        who = "You have" if last.by_id == reader.pk else f"{last.by} has"
        return f"{who} been here since you opened this page: {words[0].lower()}{words[1:]}. Look at it again."
    return "The trainee has changed this since you opened it. Look at it again, then press once more."


def _claims(
    it: OnSetRecord, days: Sequence[OnSetDay], rule: Rule | None, facts: Facts, now: datetime, ticked: frozenset[str]
) -> list[ClaimedDay]:
    today = school_day(now)
    window = window_of(rule, facts, today) if rule else None
    elsewhere = _elsewhere(it, days)
    worked_as_one = says_coordinator(it)
    return [
        ClaimedDay(
            day=each.day,
            elsewhere=elsewhere.get(each.day, ()),
            outside=_outside(each.day, rule, window) if rule and window and each.day <= today else "",
            is_to_come=each.day > today,
            in_training=worked_as_one and facts.is_in_training(each.day),
            is_refused=each.is_refused,
            is_ticked=each.day.isoformat() in ticked,
        )
        for each in days
    ]


def _outside(day: date, rule: Rule, window: Window) -> str:
    if day < window.first:
        return f"Before {in_words(window.first)}, so it does not count."
    if day > window.last:
        return f"After access to {rule.opens_title} on {in_words(window.last)}, so it does not count."
    return ""


def _elsewhere(it: OnSetRecord, days: Sequence[OnSetDay]) -> dict[date, list[Elsewhere]]:
    """The same dates on other records that the school may see, by date. One statement."""
    same = (
        OnSetDay.objects.filter(record__user=it.user_id, day__in=[each.day for each in days])
        .exclude(record=it.pk)
        .exclude(record__state__in=(RecordState.DRAFT, RecordState.WITHDRAWN))
        .select_related("record__user")
        .order_by("day", "record")
    )
    found: dict[date, list[Elsewhere]] = {}
    for each in same:
        other = each.record
        counts = other.state == RecordState.ACCEPTED and not each.is_refused
        state = "left out there" if each.is_refused else other.get_state_display().lower()
        if other.sent_at:
            address = reverse("desk:review", args=[other.public_id])
        else:  # entered by a registrar: it stands on the page of its person
            address = f"{reverse('desk:person', args=[other.user.public_id])}#days"
        found.setdefault(each.day, []).append(Elsewhere(str(other), state, counts, address))
    return found


def _tally(
    it: OnSetRecord, claims: Sequence[ClaimedDay], rule: Rule | None, facts: Facts, now: datetime
) -> Tally | None:
    if rule is None:
        return None
    window = window_of(rule, facts, school_day(now))
    counted = {day for day in facts.accepted_days if day in window}
    here = {claim.day for claim in claims if claim.day in window}
    only_here = {
        claim.day
        for claim in claims
        if claim.day in window and not claim.is_refused and not any(each.counts for each in claim.elsewhere)
    }
    return Tally(
        needed=rule.needed,
        counted=len(counted),
        other=len(counted | here) if it.is_undecided else len(counted - only_here),
        is_undecided=it.is_undecided,
        is_accepted=it.state == RecordState.ACCEPTED,
        window=window,
    )


def _files(it: OnSetRecord) -> tuple[Sequence[ProofFile], int]:
    """Its files, and how many the clock has deleted. One statement."""
    files = list(it.files.all())
    return [each for each in files if each.is_kept], sum(each.is_gone for each in files)
