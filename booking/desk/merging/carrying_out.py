"""Merging: everything of one account comes to another account of the same person, in one transaction, for good.

What has happened cannot change, so the history of the account that goes stays with it, and `User.merged_into` says
where to read on: `history_of_person` reads both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from booking.calendars import tokens as feeds
from booking.desk.merging import emails
from booking.desk.merging.reading import PROFILE, account_of
from booking.desk.merging.what import Comparison, compare
from booking.payments import merging as money
from booking.reservations import merging as reservations
from booking.rights import asking
from workshops.cohorts import planning
from workshops.conversations import writing
from workshops.history.record import record
from workshops.mentors import mentorships
from workshops.messages import outbox
from workshops.people import keys, presence
from workshops.people.models import ApiToken, Role, User
from workshops.people.roles import grant, withdraw
from workshops.prerequisites import merging as prerequisites
from workshops.prerequisites.deciding import reason_given
from workshops.transactions import writes


class Changed(Exception):
    """The accounts are not what the registrar saw, or something stands in the way. `found` is how they stand now."""

    def __init__(self, found: Comparison) -> None:
        super().__init__("These accounts have changed, so nothing has been done.")
        self.found = found


class MergedAlready(Exception):
    """The same button twice: all of the one account is with the other."""


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
        MergedAlready: when this has been done before.
        Changed: when it is not what was shown, or something stands in the way. Nothing has been done.
        Busy: when something came to them at this moment.
    """
    reason = reason_given(why)
    both = presence.lock(survivor.pk, other.pk)
    stays, goes = both[survivor.pk], both[other.pk]
    if goes.merged_into_id == stays.pk:
        raise MergedAlready
    cohorts = reservations.lock((stays, goes))
    found = compare(account_of(stays, now), account_of(goes, now), by.pk)
    if found.shown != shown or found.obstacles:
        raise Changed(found)
    for name, value in decided.profile.items():
        setattr(stays, name, value)
    stays.save(update_fields=list(PROFILE))
    prerequisites.hand_over(goes, stays, decided.kept, now=now, by=by, why=reason)
    planning.hand_over(goes, stays)
    mentorships.hand_over(goes, stays)
    writing.hand_over(goes, stays)
    outbox.hand_over(goes, stays)
    asking.hand_over(goes, stays)
    money.hand_over(goes, stays)
    _roles(found, stays, goes, decided.given, by=by, now=now)
    reservations.hand_over(goes, stays, cohorts, found.places_that_end, now=now, by=by, why=reason)
    was = goes.email
    brought = _close(goes, stays, by=by, now=now)
    about = ("person", stays.public_id)
    record("merged", about=about, person=stays, by=by, now=now, why=reason, account=goes.public_id)
    emails.merged(stays, was, brought, goes.public_id, now=now)
    return found


def _roles(found: Comparison, survivor: User, other: User, given: frozenset[Role], *, by: User, now: datetime) -> None:
    for role in found.other.roles:
        withdraw(other, role, by=by, now=now, why="This account was merged into another of the same person.")
        if role not in found.privileges or role in given:
            grant(survivor, role, by=by, now=now)


def _close(other: User, survivor: User, *, by: User, now: datetime) -> list[str]:
    """Let nobody enter the account that goes: its addresses open the one that stays, and all else that opened it ends.

    Answers those addresses. Its own address changes last, for that locks the account against everyone who has just
    named it somewhere.
    """
    for token in ApiToken.objects.filter(user=other, revoked_at=None).select_related("user"):
        keys.revoke(token, by=by, now=now)
    feeds.revoke_all(other, by=by, now=now)
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
    return [each.email for each in addresses]


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
