"""Merging: everything of one account comes to another account of the same person, in one transaction, for good.

What has happened cannot change, so the history of the account that goes stays with it, and `User.merged_into` says
where to read on: `history_of_person` reads both.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from booking.desk.people.merging.reading import PROFILE, account_of
from booking.desk.people.merging.what import Comparison, compare
from booking.desk.planning.as_shown import Changed
from booking.reservations import uniting
from workshops.cohorts import planning
from workshops.conversations import writing
from workshops.history.record import record
from workshops.messages import outbox
from workshops.people import keys, presence
from workshops.people.models import ApiToken, ErasureRequest, Role, User
from workshops.people.roles import grant, withdraw
from workshops.prerequisites import merging as facts
from workshops.transactions import writes

# Every relation to a person, by the model and its field: a test fails for one that is in neither list.
COMES: Collection[str] = frozenset(
    {
        "account.EmailAddress.user",
        "booking.Reservation.trainee",
        "booking.WaitlistEntry.trainee",
        "workshops.Access.user",
        "workshops.AuditHold.user",
        "workshops.Completion.user",
        "workshops.Entitlement.user",
        "workshops.ErasureRequest.user",
        "workshops.Message.to",
        "workshops.OnSetRecord.user",
        "workshops.Post.person",
        "workshops.RoleGrant.user",
        "workshops.Seat.occupant",
        "workshops.Teaching.instructor",
        "workshops.User.merged_into",
        "workshops.Waiver.user",
    }
)
"""Afterwards no row names the account that went: it came to the other, or ended."""
ENDS: Collection[str] = frozenset({"mfa.Authenticator.user", "usersessions.UserSession.user"})
"""Deleted: they open an account that nobody enters any more."""
_SIGNED = "Who did it at the desk: what one has signed stays signed by the account that did it."
STAYS: Mapping[str, str] = {
    "admin.LogEntry.user": "Django's admin changes nothing here, and what it once wrote is a log.",
    "booking.Payment.recorded_by": _SIGNED,
    "booking.Refund.recorded_by": _SIGNED,
    "workshops.Access.recorded_by": _SIGNED,
    "workshops.ApiToken.user": "Revoked: a program that had one is told so, and its maker is found in the history.",
    "workshops.AuditHold.begun_by": _SIGNED,
    "workshops.AuditHold.ended_by": _SIGNED,
    "workshops.Completion.recorded_by": _SIGNED,
    "workshops.Entitlement.recorded_by": _SIGNED,
    "workshops.ErasureRequest.answered_by": _SIGNED,
    "workshops.HistoryLine.by": "What has happened is never changed; `history_of_person` reads both.",
    "workshops.HistoryLine.person": "What has happened is never changed; `history_of_person` reads both.",
    "workshops.KeptAnswer.user": "First answers to programs whose tokens are revoked; they go after a day.",
    "workshops.OnSetRecord.decided_by": _SIGNED,
    "workshops.OnSetRecord.second_eyes_by": _SIGNED,
    "workshops.PolicyTerm.confirmed_by": _SIGNED,
    "workshops.Post.author": "In its own threads it comes along; what it wrote for the school stays signed.",
    "workshops.Review.by": _SIGNED,
    "workshops.Review.undone_by": _SIGNED,
    "workshops.Waiver.given_by": _SIGNED,
}


@dataclass(frozen=True)
class Decided:
    """What the registrar chose where the two differ."""

    kept: Mapping[tuple[str, str], date]
    """For each (kind, code of the module) on which they differ: the date that stays."""
    profile: Mapping[str, str]
    """For each field of the profile: what it says from now on."""
    given: frozenset[Role]
    """Privileged roles of the other account that the survivor gets."""


@writes
def merge(
    survivor: User, other: User, shown: str, decided: Decided, *, by: User, now: datetime, why: str
) -> Comparison:
    """Bring everything of `other` to `survivor`, as it was `shown`; answer what there was. It cannot be undone.

    Locks both accounts, then the cohorts where either has something live, and what they have there.

    Raises:
        Changed: when it is not what was shown, or something stands in the way. Nothing has been done.
        Busy: when something came to them at this moment.
    """
    both = presence.lock(survivor.pk, other.pk)
    stays, goes = both[survivor.pk], both[other.pk]
    cohorts = uniting.lock((stays, goes))
    found = compare(account_of(stays, now), account_of(goes, now), by.pk)
    if found.shown != shown or found.obstacles:
        raise Changed
    for name, value in decided.profile.items():
        setattr(stays, name, value)
    stays.save(update_fields=list(PROFILE))
    facts.hand_over(goes, stays, decided.kept, now=now, by=by, why=why)
    planning.teach_instead(goes, stays)
    writing.hand_over(goes, stays)
    outbox.hand_over(goes, stays)
    ErasureRequest.objects.filter(user=goes).update(user=stays)
    _roles(found, stays, goes, decided.given, by=by, now=now)
    uniting.bring_over(goes, stays, cohorts, found.places_that_end, now=now, by=by, why=why)
    _close(goes, stays, by=by, now=now)
    about = ("person", stays.public_id)
    record("merged", about=about, person=stays, by=by, now=now, why=why, account=goes.public_id)
    return found


def _roles(found: Comparison, survivor: User, other: User, given: frozenset[Role], *, by: User, now: datetime) -> None:
    for role in found.other.roles:
        withdraw(other, role, by=by, now=now)
        if role not in found.privileges or role in given:
            grant(survivor, role, by=by, now=now)


def _close(other: User, survivor: User, *, by: User, now: datetime) -> None:
    """Let nobody enter the account that goes: its addresses open the one that stays, and all else that opened it ends.

    Its own address changes last, for that locks the account against everyone who has just named it somewhere.
    """
    for token in ApiToken.objects.filter(user=other, revoked_at=None).select_related("user"):
        keys.revoke(token, by=by, now=now)
    Authenticator.objects.filter(user=other).delete()
    for session in UserSession.objects.filter(user=other):
        session.end()
    addresses = _bring_addresses(other, survivor)
    User.objects.filter(merged_into=other).update(merged_into=survivor)
    for name in PROFILE[1:]:
        setattr(other, name, "")
    other.name, other.is_active, other.merged_into = survivor.name, False, survivor
    other.set_unusable_password()
    other.email = f"merged-{other.public_id}@account.invalid"
    other.save()
    EmailAddress.objects.bulk_create(addresses)


def _bring_addresses(other: User, survivor: User) -> list[EmailAddress]:
    """Every confirmed address of the one, as further addresses of the other; written once the account has another.

    One that nobody has ever confirmed opens nothing any more: it may be a slip of the pen, and belong to a stranger.
    """
    EmailAddress.objects.get_or_create(user=survivor, email=survivor.email, defaults={"primary": True})
    theirs = EmailAddress.objects.filter(user=other)
    confirmed = {each.email.lower() for each in theirs if each.verified}
    theirs.delete()
    EmailAddress.objects.filter(user=survivor, email__in=confirmed, primary=False).delete()
    confirmed -= set(EmailAddress.objects.filter(email__in=confirmed, verified=True).values_list("email", flat=True))
    return [
        EmailAddress(user=survivor, email=address, verified=True, primary=False)
        for address in sorted(confirmed - {survivor.email.lower()})
    ]
