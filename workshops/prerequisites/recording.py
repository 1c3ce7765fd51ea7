"""Recording single facts about a person, correcting them and taking them back; `importing` writes many at once.

By the same rules: nothing that has not come yet, nothing about oneself, and what is on record is changed or taken away
only with a reason. Each leaves a line of history.
"""

from collections.abc import Iterable
from datetime import date, datetime

from workshops.clock import in_words, school_day
from workshops.history.record import record
from workshops.people.models import User
from workshops.people.presence import hold_open
from workshops.prerequisites.deciding import BadFact, not_their_own, reason_given
from workshops.prerequisites.models import Access, Completion, Entitlement
from workshops.prerequisites.records.lifecycle import Entered, enter, locked, move
from workshops.prerequisites.records.models import OnSetRecord, RecordState
from workshops.prerequisites.set_days import cannot_be
from workshops.programme.models import Module
from workshops.transactions import writes


class Contradiction(Exception):
    """The record already says something else. `recorded` is what it says."""

    def __init__(self, recorded: date) -> None:
        super().__init__(f"The record says {in_words(recorded)}.")
        self.recorded = recorded


@writes
def complete(
    user: User, module: Module, on: date, *, by: User | None, now: datetime, why: str = "", correct: bool = False
) -> bool:
    """Record that `user` finished `module` on a date. True when it is new or corrected, False when already known.

    Raises:
        BadFact: for a date that has not come, or when the registrar is the person.
        Contradiction: when another date is on record and `correct` was not asked for with a reason.
    """
    return _dated(Completion, "completed_on", "completion", user, module, on, by=by, now=now, why=why, correct=correct)


@writes
def grant_access(
    user: User, module: Module, on: date, *, by: User | None, now: datetime, why: str = "", correct: bool = False
) -> bool:
    """Record the day the school let `user` into `module`. Same promises as `complete`."""
    return _dated(Access, "granted_on", "access", user, module, on, by=by, now=now, why=why, correct=correct)


def _dated(
    model: type[Completion] | type[Access],
    field: str,
    what: str,
    user: User,
    module: Module,
    on: date,
    *,
    by: User | None,
    now: datetime,
    why: str,
    correct: bool,
) -> bool:
    _can_be(on, now)
    not_their_own(user, by)
    # The person's row is the lock: two registrars entering the same fact get one outcome and one honest answer.
    hold_open(user)
    known = model._default_manager.filter(user=user, module=module).first()
    recorded = getattr(known, field) if known else None
    if recorded == on:
        return False
    if recorded and not (correct and why.strip()):
        raise Contradiction(recorded)
    model._default_manager.update_or_create(
        user=user, module=module, defaults={field: on, "recorded_at": now, "recorded_by": by}
    )
    verb = "corrected" if recorded else "recorded"
    record(
        f"{what}-{verb}",
        about=("person", user.public_id),
        person=user,
        by=by,
        now=now,
        why=why,
        module=module.code,
        on=on.isoformat(),
        before=recorded.isoformat() if recorded else None,
    )
    return True


@writes
def entitle(user: User, module: Module, source: str, *, by: User | None, now: datetime) -> bool:
    """Record that `module` is already paid for. False when that was known.

    Raises:
        BadFact: when the registrar is the person.
    """
    not_their_own(user, by)
    hold_open(user)
    _, created = Entitlement.objects.get_or_create(
        user=user, module=module, defaults={"source": source, "recorded_at": now, "recorded_by": by}
    )
    if created:
        about = ("person", user.public_id)
        record("entitlement-recorded", about=about, person=user, by=by, now=now, why=source, module=module.code)
    return created


@writes
def accept_days(
    user: User, days: Iterable[date], *, production: str, role: str, proof: str, by: User | None, now: datetime
) -> OnSetRecord:
    """Record days on set whose proof a registrar has accepted.

    Raises:
        BadFact: without days, for a day that has not come, or when the registrar is the person.
    """
    distinct = sorted(set(days))
    if not distinct:
        raise BadFact("Enter at least one date.")
    for day in (distinct[0], distinct[-1]):
        _can_be(day, now)
    not_their_own(user, by)
    hold_open(user)
    [accepted] = enter([Entered(user, distinct, production, role, proof)], by=by, now=now)
    return accepted


@writes
def take_back_days(on_set_record: OnSetRecord, *, why: str, by: User, now: datetime) -> bool:
    """Take back days that a registrar entered by hand, for a reason. Locks them. False when that was done already.

    Raises:
        BadFact: without a reason, when the registrar is the person, or when the days were sent in and reviewed: the
            decision about those is taken back by `records.reviewing`.
    """
    reason = reason_given(why)
    found = locked(on_set_record)
    not_their_own(found.user, by)
    if found.reviews.exists():
        raise BadFact("These days were sent in and reviewed. Take the decision back on the page of the review.")
    if found.state != RecordState.ACCEPTED:
        return False
    move(found, RecordState.WITHDRAWN, "days-taken-back", by=by, now=now, why=reason, decided_at=now, decided_by=by)
    return True


@writes
def take_back_completion(completion: Completion, *, why: str, by: User, now: datetime) -> bool:
    """Take a finished module off the record, for a reason. Seats stay. False when that was done already.

    Raises:
        BadFact: without a reason, or when the registrar is the person.
    """
    return _taken_back(completion, "completion", "completed_on", why=why, by=by, now=now)


@writes
def take_back_access(access: Access, *, why: str, by: User, now: datetime) -> bool:
    """Take access to a module off the record, so that days on set are counted back from today again.

    Promises as `take_back_completion`.
    """
    return _taken_back(access, "access", "granted_on", why=why, by=by, now=now)


@writes
def take_back_entitlement(entitlement: Entitlement, *, why: str, by: User, now: datetime) -> bool:
    """Take off the record that a module is paid for elsewhere. A seat that was taken with it stays, and stays paid.

    Promises as `take_back_completion`.
    """
    return _taken_back(entitlement, "entitlement", "source", why=why, by=by, now=now)


def _taken_back(
    fact: Completion | Access | Entitlement, what: str, field: str, *, why: str, by: User, now: datetime
) -> bool:
    reason, user, said = reason_given(why), fact.user, getattr(fact, field)
    not_their_own(user, by)
    hold_open(user)
    # Only what the registrar saw is taken back: a date that was corrected meanwhile is another fact.
    gone, _ = type(fact)._default_manager.filter(pk=fact.pk, **{field: said}).delete()
    if gone:
        was = {"on" if isinstance(said, date) else "source": str(said)}
        about, module = ("person", user.public_id), fact.module.code
        record(f"{what}-taken-back", about=about, person=user, by=by, now=now, why=reason, module=module, **was)
    return bool(gone)


def _can_be(day: date, now: datetime) -> None:
    if fault := cannot_be(day, school_day(now)):
        raise BadFact(fault)
