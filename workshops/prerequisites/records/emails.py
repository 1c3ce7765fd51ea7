"""What a trainee is told about their on-set records. Queued in the transaction of the decision."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from workshops.clock import days_in_words, school_day
from workshops.messages.outbox import queue
from workshops.people.models import Role, User
from workshops.prerequisites.check import Standing
from workshops.prerequisites.facts import standing_of
from workshops.prerequisites.records.day_by_day import Elsewhere, elsewhere, never_counting
from workshops.prerequisites.records.models import NO_PROOF_HELPS, OnSetRecord, Review
from workshops.prerequisites.set_days import runs_in_words
from workshops.programme.models import MODULE_IV


def accepted(review: Review, *, now: datetime) -> None:
    """All of a record's days are accepted, or some of them: how many that makes, and what comes next."""
    it = review.record
    days = list(it.days.all())
    kept, left_out = ([each.day for each in days if each.is_refused is refused] for refused in (False, True))
    other = elsewhere(it) if left_out else Elsewhere()
    unproven = set(left_out) - other.counted.keys()
    context = {
        "production": str(it),
        "count": days_in_words(review.accepted),
        "accepted": str(review.accepted),
        "of": days_in_words(review.of),
        "days": "; ".join(runs_in_words(kept)),
        "refused": "; ".join(runs_in_words(unproven)),
        "already": "; ".join(other.said_of(left_out)),
        "never": "; ".join(never_counting(it.user, kept, now=now)),
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
        "days": "; ".join(runs_in_words(each.day for each in it.days.all())),
        "more_proof_helps": "yes" if review.reason not in NO_PROOF_HELPS else "",
        "reason": review.get_reason_display(),
        "words": review.words,
        "link": _link(it),
    }
    queue("record-rejected", ("review", str(review.pk)), it.user, context, now=now)


def undone(it: OnSetRecord, why: str, *, now: datetime) -> None:
    """A decision was undone."""
    context = {"production": str(it), "why": why, "link": _link(it)}
    queue("record-undone", ("record", f"{it.public_id}:{it.revision}"), it.user, context, now=now)


def second_eyes(it: OnSetRecord, *, by: User, now: datetime) -> None:
    """Somebody else is to decide about a record: every other registrar who may is told.

    Neither whose record it is nor what was asked stays in their mailboxes.
    """
    link = f"{settings.SITE_URL}{reverse('desk:review', args=[it.public_id])}"
    for registrar in User.objects.with_role(Role.REGISTRAR).exclude(pk__in=(by.pk, it.user_id)):
        about = ("eyes", f"{it.public_id}:{it.revision}:{registrar.public_id}")
        queue("record-second-eyes", about, registrar, {"from": str(by), "link": link}, now=now)


def _standing(user: User, now: datetime) -> Mapping[str, str]:
    """How many days count now, and what comes next. Read in the transaction that has just made them count."""
    standing, _ = standing_of(user, MODULE_IV, school_day(now))
    days = next((each for each in standing.requirements if each.counts_days), None)
    if days is None:
        return {"counted": "", "next": _next(standing), "may_reserve": "yes" if standing.eligible else ""}
    counted = f"{days.counted} of {days.needed} days accepted"
    if days.by_evidence or not days.met:
        # The first sentence of what their page says; otherwise an exception speaks there.
        counted = days.message.partition(". ")[0].rstrip(".")
    return {"counted": counted, "next": _next(standing), "may_reserve": "yes" if standing.eligible else ""}


def _next(standing: Standing) -> str:
    """What to do next, as a sentence or two."""
    if standing.eligible:
        return "Everything that Module IV asks for is there. If you have no seat yet, choose a cohort and reserve one."
    modules = [each.title for each in standing.missing if not each.counts_days]
    lacking = [each for each in standing.missing if each.counts_days]
    if any(each.to_go for each in lacking):
        return "Send us the other days as soon as you have proof of them: each record is looked at by itself."
    if lacking:
        return "Nothing more to send for now: what is in review would be enough."
    return f"These are all the days that Module IV asks for. Still missing: {', '.join(modules)}."


def _link(it: OnSetRecord) -> str:
    return f"{settings.SITE_URL}{it.get_absolute_url()}"
