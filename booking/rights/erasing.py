"""Erasing somebody: the registry is walked, and each row goes or loses everything that says who it was.

One transaction. Files of proof are marked as taken away in it, and deleted by the clock within minutes: a row that
says so cannot be lost between the database and the storage. The last message to the person carries their address
itself (`messages.outbox.queue_last_word`) and is deleted once it is sent.
"""

from collections.abc import Sequence
from datetime import datetime

from allauth.account.models import EmailAddress

from booking.rights import asking, emails
from booking.rights.accounts import accounts_of
from booking.rights.in_the_way import Obstacle, in_the_way
from booking.rights.registry import KEPT
from workshops.history.record import record
from workshops.people.models import Role, RoleGrant, User
from workshops.prerequisites.records.models import UNDECIDED, OnSetRecord, RecordState
from workshops.prerequisites.records.writing import withdraw
from workshops.retention import Person
from workshops.transactions import writes


class InTheWay(Exception):
    """Something has to be settled first."""

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        super().__init__(" ".join(each.words for each in obstacles))
        self.obstacles = tuple(obstacles)


class NotThisOne(Exception):
    """This account cannot be erased, whatever is settled; the sentence says why."""


@writes
def erase(person: User, *, by: User, now: datetime) -> None:
    """Erase a person, with every account that was merged into theirs. It cannot be undone.

    Locks the person, so that nothing new of theirs is written beside it, and the registrars' grants.

    Raises:
        NotThisOne: their own account, one that has been erased, or one that was merged into another.
        InTheWay: when something has to be settled first; nothing has changed then.
    """
    found = User.objects.select_for_update(of=("self",)).get(pk=person.pk)
    if refusal := refuses(found, by):
        raise NotThisOne(refusal)
    # Two registrars who erase each other at the same moment must not both succeed.
    list(RoleGrant.objects.filter(role=Role.REGISTRAR).order_by("pk").select_for_update(of=("self",)))
    accounts = accounts_of(found)
    if obstacles := in_the_way(accounts, now=now):
        raise InTheWay(obstacles)
    _take_back_what_is_undecided(accounts, by, now)
    names = _names(accounts)
    for account in accounts:
        _walk(Person(account, names, now))
    asking.carried_out(found, by=by, now=now)
    record("erased", about=("person", found.public_id), person=found, by=by, now=now)
    # `found` is still the person as they were: only the database has forgotten them.
    emails.done(found, now=now)


def refuses(person: User, by: User) -> str:
    """Why this registrar cannot erase this account, whatever is settled; empty when they can."""
    if person.pk == by.pk:
        return "This is your own account. Nobody decides about their own; another registrar can."
    if person.erased_at is not None:
        return "They have been erased already."
    if person.merged_into_id is not None:
        return "This account was merged into another one. Erase that: this one goes with it."
    return ""


def _walk(person: Person) -> None:
    for kept in KEPT:
        rows = kept.rows_to_erase(person)
        if kept.goes:
            rows.delete()
        elif changes := kept.changes_for(person):
            rows.update(**changes)


def _take_back_what_is_undecided(accounts: list[User], by: User, now: datetime) -> None:
    """Nobody is left whom a decision would serve."""
    open_ones = OnSetRecord.objects.filter(user__in=accounts, state__in=(RecordState.DRAFT, *UNDECIDED))
    for each in open_ones.order_by("pk"):
        withdraw(each, by=by, now=now)


def _names(accounts: list[User]) -> tuple[str, ...]:
    known = {text.strip() for each in accounts for text in (each.name, each.legal_name, each.email, each.phone)}
    known |= set(EmailAddress.objects.filter(user__in=accounts).values_list("email", flat=True))
    return tuple(sorted(known - {""}))
