"""What is known of one person: facts, days on set with what was decided about them, exceptions. Each with its forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django import forms
from django.db.models import OuterRef, Prefetch, Subquery

from booking.desk.people.facts.forms import TakeBackForm
from workshops.clock import in_words
from workshops.history.models import HistoryLine
from workshops.people.models import User
from workshops.prerequisites.models import Access, Completion, Entitlement, Waiver
from workshops.prerequisites.records.models import OnSetRecord, ProofFile, RecordState, Review
from workshops.prerequisites.set_days import runs_in_words
from workshops.programme.models import Module

Bound = Mapping[str, forms.BaseForm]
Row = Completion | Access | Entitlement


@dataclass(frozen=True)
class Fact:
    """A module finished, access given, or a module paid for: in words, with who wrote it down and when."""

    key: str
    """How a form names it."""
    module: Module
    words: str
    recorded_at: datetime
    recorded_by: User | None
    row: Row

    @property
    def in_full(self) -> str:
        """The fact with its module, for a list to choose from."""
        return f"{self.module}: {self.words[0].lower()}{self.words[1:]}"


@dataclass(frozen=True)
class OnSet:
    """One on-set record: its days in words, its proof, every decision about it, and the form to take it back.

    Of one that its trainee has taken back to change it, nothing that it says is here. The form is
    there for days that a registrar entered by hand. Those that were sent in are decided on their own page.
    """

    record: OnSetRecord
    days: tuple[str, ...]
    count: int
    left_out: tuple[str, ...]
    refused: int
    """How many days were left out."""
    files: tuple[ProofFile, ...]
    deleted: int
    """Files that were kept once and are deleted by now."""
    reviews: tuple[Review, ...]
    take_back: forms.BaseForm | None
    reopened_at: datetime | None
    """When its trainee took it back to change it, where it is theirs alone until they send it again."""

    @property
    def claimed(self) -> int:
        """How many days it says in all."""
        return self.count + self.refused

    @property
    def was_sent(self) -> bool:
        """Whether its trainee sent it in, so that it has a page at the review desk."""
        return self.record.sent_at is not None


@dataclass(frozen=True)
class Waived:
    """One waiver, whether it holds today, and the form to take it back where it does."""

    waiver: Waiver
    title: str
    holds: bool
    take_back: forms.BaseForm | None


def facts_on_record(person: User) -> list[Fact]:
    """Everything on record about modules, in the order of the pathway. Three statements."""
    found = [
        *(
            _fact("completion", each, f"Finished on {in_words(each.completed_on)}")
            for each in person.completions.select_related("module", "recorded_by")
        ),
        *(
            _fact("access", each, f"Access since {in_words(each.granted_on)}")
            for each in person.accesses.select_related("module", "recorded_by")
        ),
        *(
            _fact("entitlement", each, f"Paid for: {each.source}")
            for each in person.entitlements.select_related("module", "recorded_by")
        ),
    ]
    return sorted(found, key=lambda fact: fact.module.position)


def _fact(kind: str, row: Row, words: str) -> Fact:
    return Fact(f"{kind}-{row.pk}", row.module, words, row.recorded_at, row.recorded_by, row)


def on_set(person: User, bound: Bound) -> tuple[list[OnSet], bool]:
    """Records that the school has seen, the newest first, and whether one is begun that it has not. Four statements."""
    reviews = Review.objects.select_related("by", "undone_by")
    reopened = HistoryLine.objects.filter(
        about_kind="record", about_id=OuterRef("public_id"), what="record-reopened"
    ).order_by("-at", "-pk")
    found = list(
        OnSetRecord.objects.theirs(person)
        .select_related("decided_by", "aims_for")
        .annotate(reopened_at=Subquery(reopened.values("at")[:1]))
        .prefetch_related("days", "files", Prefetch("reviews", reviews))
        .order_by("-pk")
    )
    shown = [_on_set(record, bound) for record in found if not record.is_unseen]
    return shown, any(record.is_unseen for record in found)


def _on_set(record: OnSetRecord, bound: Bound) -> OnSet:
    said, files, reviews = list(record.days.all()), list(record.files.all()), tuple(record.reviews.all())
    if not record.is_read_by_school:
        said, files = [], []
    days = [each.day for each in said if not each.is_refused]
    refused = [each.day for each in said if each.is_refused]
    name = f"days-{record.pk}"
    is_by_hand = record.state == RecordState.ACCEPTED and not reviews
    return OnSet(
        record=record,
        days=tuple(runs_in_words(days)),
        count=len(days),
        left_out=tuple(runs_in_words(refused)),
        refused=len(refused),
        files=tuple(each for each in files if each.is_kept),
        deleted=sum(each.is_gone for each in files),
        reviews=reviews,
        take_back=bound.get(name) or (TakeBackForm(prefix=name) if is_by_hand else None),
        reopened_at=None if record.is_read_by_school else getattr(record, "reopened_at", None),
    )


def waivers(person: User, titles: Mapping[str, str], today: date, bound: Bound) -> list[Waived]:
    """Exceptions and what was accepted before this system, the newest first. One statement."""
    shown = []
    for waiver in person.waivers.select_related("cohort", "given_by"):
        holds = waiver.holds_on(today)
        name = f"waiver-{waiver.pk}"
        form = (bound.get(name) or TakeBackForm(prefix=name)) if holds else None
        shown.append(Waived(waiver, titles.get(waiver.requirement, waiver.requirement), holds, form))
    return shown
