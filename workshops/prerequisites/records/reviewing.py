"""What a registrar does with a record: accept, accept some days, ask, not accept, ask for second eyes, undo.

Every command names the revision of the record that the registrar had before them; where it is another by now, nothing
is done. Nobody decides about their own record. The notice to the trainee is queued in the same transaction.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from workshops.clock import in_words, school_day
from workshops.conversations.writing import settle_waiting, write
from workshops.history.record import record
from workshops.people.models import Role, User
from workshops.prerequisites.check import version_of
from workshops.prerequisites.deciding import not_their_own, reason_given
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.prerequisites.records import emails
from workshops.prerequisites.records.flags import Flag, flags_of
from workshops.prerequisites.records.lifecycle import ChangedMeanwhile, NotPossible, about, as_seen, move, touch
from workshops.prerequisites.records.models import (
    OnSetDay,
    OnSetRecord,
    RecordState,
    RejectReason,
    Review,
    ReviewOutcome,
)
from workshops.programme.models import MODULE_IV
from workshops.transactions import writes


class NeedsJudgement(Exception):
    """Something about the record is flagged: it can be accepted, but only with words that say why it counts."""

    def __init__(self, flags: Sequence[Flag]) -> None:
        super().__init__("Say why this counts: " + " ".join(flag.words for flag in flags))
        self.flags = flags


@writes
def accept(
    it: OnSetRecord,
    days: Collection[date] | None,
    *,
    revision: int,
    by: User,
    now: datetime,
    words: str = "",
    judgement: str = "",
) -> Review:
    """Accept a record: all of its days, or only those given. Locks it.

    Raises:
        ChangedMeanwhile: somebody was first, or the trainee has changed it.
        NotPossible: no day, one that the record does not claim, or one that has not come; or they asked for a second
            pair of eyes themselves.
        NeedsJudgement: flagged, and no words say why it counts.
        BadFact: by the person whose record it is.
    """
    found = _for_decision(it, revision, by)
    claimed = set(found.days.values_list("day", flat=True))
    accepted = claimed if days is None else set(days)
    if not accepted:
        raise NotPossible("Choose at least one day, or do not accept the record.")
    if accepted - claimed:
        raise NotPossible("Only days that the record claims can be accepted. Look at it again.")
    # While a question is open the trainee changes the dates, and nobody has checked them again.
    today = school_day(now)
    if max(accepted) > today:
        raise NotPossible(f"{in_words(max(accepted))} has not come yet. Leave it out, or ask about it.")
    flags = flags_of(found, accepted, facts_of([found.user_id], today)[found.user_id])
    if flags and not judgement.strip():
        raise NeedsJudgement(flags)
    OnSetDay.objects.filter(record=found).update(is_refused=False)
    OnSetDay.objects.filter(record=found, day__in=claimed - accepted).update(is_refused=True)
    review = _review(found, ReviewOutcome.ACCEPTED, len(accepted), len(claimed), by, now, words, judgement=judgement)
    facts = {"days": len(accepted), "of": len(claimed)}
    why = judgement.strip() or words.strip()
    move(found, RecordState.ACCEPTED, "record-accepted", by=by, now=now, why=why, facts=facts, **_decided(by, now))
    settle_waiting(about(found), found.user, by=by, now=now)
    emails.accepted(review, now=now)
    return review


@writes
def reject(it: OnSetRecord, *, reason: RejectReason, words: str, revision: int, by: User, now: datetime) -> Review:
    """Do not accept a record, for a reason from the list and in words for the trainee. Locks it.

    Raises:
        ChangedMeanwhile, BadFact: as `accept`.
        NotPossible: without words.
    """
    found = _for_decision(it, revision, by)
    if not words.strip():
        raise NotPossible("Say in words what was missing and what would help: the trainee reads it.")
    review = _review(found, ReviewOutcome.REJECTED, 0, found.days.count(), by, now, words, reason=reason)
    facts = {"days": review.of}
    why = f"{reason.label}: {words.strip()}"
    move(found, RecordState.REJECTED, "record-rejected", by=by, now=now, why=why, facts=facts, **_decided(by, now))
    settle_waiting(about(found), found.user, by=by, now=now)
    emails.rejected(review, now=now)
    return review


@writes
def ask(it: OnSetRecord, words: str, *, revision: int, title: str, link: str, by: User, now: datetime) -> OnSetRecord:
    """Ask the trainee a question in the record's conversation; they may change the record meanwhile. Locks it.

    `title` and `link` are for the notice, as in `conversations.writing.write`.

    Raises:
        ChangedMeanwhile, BadFact: as `accept`.
        NotPossible: when it is decided, or not sent: its conversation is open all the same.
        CannotWrite: when there are no words, or too many.
    """
    found = as_seen(it, revision)
    not_their_own(found.user, by)
    if not found.is_undecided:
        raise NotPossible("This record is not under review. Write in its conversation instead.")
    write(about(found), person=found.user, author=by, words=words, title=title, link=link, now=now)
    if found.state == RecordState.IN_REVIEW:
        move(found, RecordState.QUESTION, "record-asked", by=by, now=now)
    return found


@writes
def ask_for_second_eyes(it: OnSetRecord, why: str, *, revision: int, by: User, now: datetime) -> OnSetRecord:
    """Ask that another registrar decide, and say what about. Locks it.

    Raises:
        ChangedMeanwhile, BadFact: as `accept`.
        NotPossible: when it is not under review, somebody asked before, nobody else could decide, or without a reason.
    """
    found = as_seen(it, revision)
    not_their_own(found.user, by)
    if not found.is_undecided:
        raise NotPossible("This record is not under review.")
    if found.second_eyes_by_id:
        # Were the first who asked replaced by the second, the first could decide after all.
        raise NotPossible("A second pair of eyes is asked for already. Write down below what you think of it.")
    if not why.strip():
        raise NotPossible("Say what somebody else should look at.")
    if not User.objects.with_role(Role.REGISTRAR).exclude(pk__in=(by.pk, found.user_id)).exists():
        raise NotPossible("There is no other registrar who could decide. Give somebody the role first.")
    _second_eyes(found, by, why.strip())
    record("record-second-eyes", about=about(found), person=found.user, by=by, now=now, why=why.strip())
    emails.second_eyes(found, by=by, now=now)
    return found


@writes
def need_no_second_eyes(it: OnSetRecord, why: str, *, revision: int, by: User, now: datetime) -> OnSetRecord:
    """Take back that one asked for a second pair of eyes, so that a record does not wait for nobody. Locks it.

    Raises:
        ChangedMeanwhile, BadFact: as `accept`.
        NotPossible: when they did not ask, or without a reason.
    """
    found = as_seen(it, revision)
    not_their_own(found.user, by)
    if found.second_eyes_by_id != by.pk:
        raise NotPossible("Only who asked for a second pair of eyes can say that none is needed.")
    if not why.strip():
        raise NotPossible("Say why none is needed any more.")
    _second_eyes(found, None, "")
    record("record-second-eyes-back", about=about(found), person=found.user, by=by, now=now, why=why.strip())
    return found


@writes
def undo(it: OnSetRecord, why: str, *, revision: int, by: User, now: datetime) -> OnSetRecord:
    """Take back a decision: the record is under review again. Seats that were taken under it stay. Locks it.

    Raises:
        ChangedMeanwhile: as `accept`.
        BadFact: without a reason, or by the person whose record it is.
        NotPossible: where there is no decision to undo.
    """
    found = as_seen(it, revision)
    not_their_own(found.user, by)
    reason = reason_given(why)
    if found.state not in (RecordState.ACCEPTED, RecordState.REJECTED):
        raise NotPossible("There is no decision here to take back.")
    changed = Review.objects.filter(record=found, undone_at=None).update(undone_at=now, undone_by=by, undone_why=reason)
    if not changed:
        raise NotPossible("These days were entered by hand. Take them back on the page of their person.")
    OnSetDay.objects.filter(record=found, is_refused=True).update(is_refused=False)
    move(found, RecordState.IN_REVIEW, "record-undone", by=by, now=now, why=reason, decided_at=None,
         decided_by=None)  # fmt: skip
    emails.undone(found, reason, now=now)
    return found


def set_aside(it: OnSetRecord, *, by: User, now: datetime) -> None:
    """Close the decision about a locked record that its trainee changes: the next one will be about what it says then.

    Inside the transaction that changes it.
    """
    Review.objects.filter(record=it, undone_at=None).update(
        undone_at=now, undone_by=by, undone_why="Taken back by the trainee, to be changed."
    )


def _for_decision(it: OnSetRecord, revision: int, by: User) -> OnSetRecord:
    """The record, locked, if this registrar may decide about it as they saw it."""
    found = as_seen(it, revision)
    not_their_own(found.user, by)
    if not found.is_undecided:
        raise ChangedMeanwhile(found)
    if found.second_eyes_by_id == by.pk:
        raise NotPossible("You asked for a second pair of eyes: another registrar decides.")
    return found


def _review(
    it: OnSetRecord,
    outcome: ReviewOutcome,
    accepted: int,
    of: int,
    by: User,
    now: datetime,
    words: str,
    *,
    judgement: str = "",
    reason: str = "",
) -> Review:
    return Review.objects.create(
        record=it,
        outcome=outcome,
        accepted=accepted,
        of=of,
        reason=reason,
        words=words.strip(),
        judgement=judgement.strip(),
        rules=version_of(rules_for(MODULE_IV)),
        at=now,
        by=by,
    )


def _second_eyes(it: OnSetRecord, by: User | None, why: str) -> None:
    """Who wants that somebody else decide, and about what. It is another revision then: whoever acts must see it."""
    touch(it, second_eyes_by=by, second_eyes_why=why)


def _decided(by: User, now: datetime) -> dict[str, object]:
    return {"decided_at": now, "decided_by": by, "second_eyes_by": None, "second_eyes_why": ""}
