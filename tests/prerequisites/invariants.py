"""What must always hold about on-set records, read off the tables and not asked of the product's own functions."""

from collections import defaultdict
from collections.abc import Iterator

from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState, Review, ReviewOutcome

ENTERED = {
    "record-sent": RecordState.IN_REVIEW,
    "record-reopened": RecordState.DRAFT,
    "record-withdrawn": RecordState.WITHDRAWN,
    "draft-deleted": RecordState.WITHDRAWN,
    "record-asked": RecordState.QUESTION,
    "record-answered": RecordState.IN_REVIEW,
    "record-accepted": RecordState.ACCEPTED,
    "record-rejected": RecordState.REJECTED,
    "record-undone": RecordState.IN_REVIEW,
}
"""The lines of history that tell of a move, and where it led."""


def assert_records_hold() -> None:
    """Fail with every violation."""
    found = list(broken_records())
    assert not found, "\n".join(found)


def broken_records() -> Iterator[str]:
    """Every violation, each a sentence."""
    reviews: dict[int, list[Review]] = defaultdict(list)
    for review in Review.objects.all():
        reviews[review.record_id].append(review)
    days: dict[int, list[OnSetDay]] = defaultdict(list)
    for day in OnSetDay.objects.all():
        days[day.record_id].append(day)
    told: dict[str, list[str]] = defaultdict(list)
    for key, what in HistoryLine.objects.filter(about_kind="record").order_by("pk").values_list("about_id", "what"):
        told[key].append(what)
    for it in OnSetRecord.objects.all():
        yield from _decision(it, reviews[it.pk], days[it.pk])
        yield from _story(it, reviews[it.pk], told[it.public_id])
    yield from _notices([review for those in reviews.values() for review in those])


def _decision(it: OnSetRecord, reviews: list[Review], days: list[OnSetDay]) -> Iterator[str]:
    """A review is in force where something is decided and nowhere else, and the days say what it says."""
    said = f"record {it.pk} is {it.state}"
    in_force = [review for review in reviews if review.undone_at is None]
    refused = sum(day.is_refused for day in days)
    if len(in_force) > 1:
        yield f"{said} with {len(in_force)} reviews in force"
    if it.state == RecordState.WITHDRAWN:
        return
    outcomes = [review.outcome for review in in_force]
    wanted = [it.state] if it.state in (RecordState.ACCEPTED, RecordState.REJECTED) and it.sent_at else []
    if outcomes != wanted:
        yield f"{said} and its reviews in force are {outcomes}"
    if refused and it.state != RecordState.ACCEPTED:
        yield f"{said} and has {refused} refused days"
    for review in in_force:
        if review.of != len(days):
            yield f"{said}, was decided about {review.of} days and has {len(days)}"
        if review.outcome == ReviewOutcome.ACCEPTED and review.accepted != len(days) - refused:
            yield f"{said}, {review.accepted} days were accepted and {len(days) - refused} count"


def _story(it: OnSetRecord, reviews: list[Review], told: list[str]) -> Iterator[str]:
    """Each move has its line, and the last line is where it stands."""
    moves = [what for what in told if what in ENTERED]
    if not moves:
        if it.state != RecordState.DRAFT and it.sent_at:
            yield f"record {it.pk} is {it.state} and has no history"
        return
    if ENTERED[moves[-1]] != it.state:
        yield f"record {it.pk} is {it.state}, its history says {moves[-1]}"
    decided = sum(what in ("record-accepted", "record-rejected") for what in moves)
    if decided != len(reviews):
        yield f"record {it.pk} was decided {len(reviews)} times and its history tells of {decided}"


def _notices(reviews: list[Review]) -> Iterator[str]:
    """One notice for each decision, and none about what was not decided."""
    found = Message.objects.filter(kind__in=("record-accepted", "record-accepted-in-part", "record-rejected"))
    sent = sorted(found.values_list("subject", flat=True))
    if sent != sorted(f"review:{review.pk}" for review in reviews):
        yield f"{len(reviews)} decisions, and notices of {sent}"
