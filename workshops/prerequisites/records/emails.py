"""What a trainee is told about their on-set records. Queued in the transaction of the decision."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from workshops.clock import school_day
from workshops.messages.outbox import queue
from workshops.people.models import User
from workshops.prerequisites.check import Standing
from workshops.prerequisites.facts import standing_of
from workshops.prerequisites.records.models import OnSetRecord, Review
from workshops.prerequisites.set_days import runs_in_words
from workshops.programme.models import MODULE_IV


def accepted(review: Review, *, now: datetime) -> None:
    """All of a record's days are accepted, or some of them: how many that makes, and what comes next."""
    it = review.record
    days = list(it.days.all())
    context = {
        "production": str(it),
        "count": _days(review.accepted),
        "accepted": str(review.accepted),
        "of": _days(review.of),
        "days": "; ".join(runs_in_words(each.day for each in days if not each.is_refused)),
        "refused": "; ".join(runs_in_words(each.day for each in days if each.is_refused)),
        "words": review.words,
        "link": _link(it),
        **_standing(it.user, now),
    }
    kind = "record-accepted" if review.accepted == review.of else "record-accepted-in-part"
    queue(kind, ("review", str(review.pk)), it.user, context, now=now)


def rejected(review: Review, *, now: datetime) -> None:
    """A record was not accepted."""
    it = review.record
    context = {
        "production": str(it),
        "count": _days(review.of),
        "reason": review.get_reason_display(),
        "words": review.words,
        "link": _link(it),
    }
    queue("record-rejected", ("review", str(review.pk)), it.user, context, now=now)


def undone(it: OnSetRecord, why: str, *, now: datetime) -> None:
    """A decision was taken back."""
    context = {"production": str(it), "why": why, "link": _link(it)}
    queue("record-undone", ("record", f"{it.public_id}:{it.revision}"), it.user, context, now=now)


def _standing(user: User, now: datetime) -> Mapping[str, str]:
    """How many days count now, and what comes next. Read in the transaction that has just made them count."""
    standing, _ = standing_of(user, MODULE_IV, school_day(now))
    days = next((each for each in standing.requirements if each.module is None), None)
    if days is None:
        return {"counted": "", "next": _next(standing), "may_reserve": "yes" if standing.eligible else ""}
    counted = f"{days.counted} of {days.needed} days"
    if days.counted > days.needed:
        counted = f"{days.counted} days, where {days.needed} are needed"
    elif not days.met:
        missing = days.needed - days.counted
        counted += f", {missing} to go" + (f" and {days.in_review} in review" if days.in_review else "")
    return {"counted": counted, "next": _next(standing), "may_reserve": "yes" if standing.eligible else ""}


def _next(standing: Standing) -> str:
    """What to do next, as a sentence or two."""
    if standing.eligible:
        return "Everything that Module IV asks for is there. If you have no seat yet, choose a cohort and reserve one."
    modules = [each.title for each in standing.missing if each.module is not None]
    lacking = [each for each in standing.missing if each.module is None]
    if any(each.to_go for each in lacking):
        return "Send us the other days as soon as you have proof of them: each record is looked at by itself."
    if lacking:
        return "Nothing more to send for now: what is in review would be enough."
    return f"These are all the days that Module IV asks for. Still missing: {', '.join(modules)}."


def _days(count: int) -> str:
    return f"{count} {'day' if count == 1 else 'days'}"


def _link(it: OnSetRecord) -> str:
    return f"{settings.SITE_URL}{it.get_absolute_url()}"
