"""The writer of waivers: a registrar's decision that a requirement counts as met, with the reason."""

from datetime import date, datetime

from workshops.history.record import record
from workshops.people.models import User
from workshops.people.presence import hold_open
from workshops.prerequisites.deciding import BadFact, not_their_own, reason_given
from workshops.prerequisites.models import Waiver, WaiverKind
from workshops.programme.models import Requirement
from workshops.transactions import writes


@writes
def waive(
    user: User,
    requirement: str,
    *,
    kind: WaiverKind,
    reason: str,
    by: User,
    now: datetime,
    cohort_id: int | None = None,
    until: date | None = None,
) -> Waiver:
    """Decide that a requirement counts as met, with the reason.

    Raises:
        BadFact: without a reason, for an unknown requirement, or when the registrar is the person.
    """
    why = reason_given(reason)
    if not Requirement.objects.filter(code=requirement).exists():
        raise BadFact("There is no such requirement.")
    not_their_own(user, by)
    hold_open(user)
    waiver = Waiver.objects.create(
        user=user,
        requirement=requirement,
        kind=kind,
        cohort_id=cohort_id,
        reason=why,
        until=until,
        given_at=now,
        given_by=by,
    )
    what = "waiver-given" if kind == WaiverKind.WAIVER else "accepted-before-recorded"
    about = ("person", user.public_id)
    record(what, about=about, person=user, by=by, now=now, why=why, requirement=requirement)
    return waiver


@writes
def take_back_waiver(waiver: Waiver, *, why: str, by: User, now: datetime) -> bool:
    """Take back a waiver, for a reason. Seats that were taken under it stay. False when that was done already.

    Raises:
        BadFact: without a reason, or when the registrar is the person.
    """
    reason = reason_given(why)
    not_their_own(waiver.user, by)
    hold_open(waiver.user)
    changed = Waiver.objects.filter(pk=waiver.pk, revoked_at=None).update(revoked_at=now)
    if changed:
        about = ("person", waiver.user.public_id)
        record(
            "waiver-taken-back",
            about=about,
            person=waiver.user,
            by=by,
            now=now,
            why=reason,
            requirement=waiver.requirement,
        )
    return bool(changed)


def hand_over(person: User, to: User) -> None:
    """Give the waivers of one account to another account of the same person."""
    Waiver.objects.filter(user=person).update(user=to)
