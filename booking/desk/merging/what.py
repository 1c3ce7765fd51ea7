"""What merging two accounts would do, and what a registrar has to decide or mend before it. Pure."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from booking.reservations.merging import Holdings, Waits, places_that_end, twice
from workshops.clock import in_words
from workshops.people.models import Role

PRIVILEGED = (Role.INSTRUCTOR, Role.BOOKKEEPER, Role.REGISTRAR)
"""Roles that show what belongs to others: no account gets one only because two were merged."""


@dataclass(frozen=True)
class Dated:
    """A module finished, or opened to them, on a date."""

    kind: str
    module: str
    title: str
    on: date


@dataclass(frozen=True)
class Account:
    """Everything one account has, in a fixed order, so that two looks at the same state are equal."""

    pk: int
    public_id: str
    name: str
    email: str
    addresses: tuple[tuple[str, bool], ...]
    """Every address, and whether its owner has confirmed it."""
    since: datetime
    is_active: bool
    is_erased: bool
    profile: tuple[tuple[str, str, str], ...]
    """What they say about themselves: the field, its name in words, and what it says."""
    roles: tuple[Role, ...]
    dates: tuple[Dated, ...]
    paid_for: tuple[tuple[str, str], ...]
    """Modules that are paid for, and where."""
    records: tuple[tuple[str, str, int], ...]
    """On-set records that the school reads: the production, how far it is, and how many days."""
    drafts: int
    """On-set records that are theirs alone as they stand."""
    days: frozenset[date]
    """The days that are accepted."""
    exceptions: tuple[str, ...]
    holdings: Holdings
    teaches: tuple[str, ...]
    mentor: str
    """Who mentors them now; empty where nobody does."""
    mentors: tuple[str, ...]
    """Whom they mentor now."""
    has_met: frozenset[int]
    """The accounts with which they are, or were, in a mentorship."""
    posts: int
    tokens: int
    feeds: int
    """Private calendars that they have an address for."""
    second_factors: int
    is_audited: bool
    has_asked_to_be_erased: bool


@dataclass(frozen=True)
class Obstacle:
    """Why merging is refused as things stand, and the public id of the reservation where it is mended, if it is one."""

    words: str
    reservation: str = ""


@dataclass(frozen=True)
class Choice:
    """One thing that the two say differently, of which one stays."""

    name: str
    title: str
    survivor: str
    other: str
    is_fact: bool
    """A date that the check counts with: nothing is proposed, and what does not stay is written to the history."""


@dataclass(frozen=True)
class Row:
    """One line of the comparison."""

    title: str
    survivor: tuple[str, ...]
    other: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Two accounts side by side."""

    survivor: Account
    other: Account
    obstacles: tuple[Obstacle, ...]
    choices: tuple[Choice, ...]
    privileges: tuple[Role, ...]
    """Roles of the other account that the survivor gets only if a registrar says so."""
    rows: tuple[Row, ...]
    endings: tuple[str, ...]
    """What does not come along, in words."""
    places_that_end: tuple[Waits, ...]
    shown: str
    """A short name of all of this: merging is done only while it is still so."""

    @property
    def done(self) -> str:
        """What is so once they are merged, for whoever has just done it."""
        if dict(self.other.addresses).get(self.other.email):
            address = f"{self.other.email} is an address of this account now."
        else:
            address = f"{self.other.email} was never confirmed by its owner and opens no account any more."
        return f"All that the other account had is here. {address} {self.survivor.name} is told by e-mail."


def compare(survivor: Account, other: Account, registrar_id: int) -> Comparison:
    """Put the two side by side, for this registrar."""
    ending = tuple(places_that_end(survivor.holdings, other.holdings))
    return Comparison(
        survivor=survivor,
        other=other,
        obstacles=tuple(_obstacles(survivor, other, registrar_id)),
        choices=(*_dates_that_differ(survivor, other), *_profiles_that_differ(survivor, other)),
        privileges=tuple(role for role in PRIVILEGED if role in other.roles and role not in survivor.roles),
        rows=tuple(_rows(survivor, other)),
        endings=tuple(_endings(survivor, other, ending)),
        places_that_end=ending,
        shown=hashlib.sha256(repr([_fixed(survivor), _fixed(other)]).encode()).hexdigest()[:32],
    )


def _fixed(account: Account) -> list[object]:
    return [sorted(value) if isinstance(value, frozenset) else value for value in vars(account).values()]


# -- what stands in the way --------------------------------------------------------------------------------------------
def _obstacles(survivor: Account, other: Account, registrar_id: int) -> Iterator[Obstacle]:
    if survivor.pk == other.pk:
        yield Obstacle("This is the same account twice. Choose the other one.")
        return
    if registrar_id in (survivor.pk, other.pk):
        yield Obstacle(
            "One of these accounts is yours, and nobody decides about their own record. Ask another registrar."
        )
    for account in (survivor, other):
        if account.is_erased:
            yield Obstacle(f"The account {account.email} was erased, so nothing of it can be brought together.")
        elif not account.is_active:
            yield Obstacle(f"The account {account.email} is closed.")
        if account.has_asked_to_be_erased:
            yield Obstacle(f"{account.email} has asked to be erased. Answer that first.")
        for public_id in account.holdings.paying:
            yield Obstacle(
                f"A payment of {account.email} is under way. Wait until it has come, or record what has become of it.",
                public_id,
            )
    if survivor.mentor and other.mentor:
        yield Obstacle(
            f"Both have a mentor: {survivor.mentor} and {other.mentor}. End the mentoring of one of them first."
        )
    if other.pk in survivor.has_met:
        yield Obstacle("One of these accounts mentors the other, or has. That takes two people.")
    for mine, theirs in twice(survivor.holdings, other.holdings):
        if mine.cohort_id == theirs.cohort_id:
            words = f"Both have a seat in {mine.cohort}: seats {mine.seat} and {theirs.seat}."
        else:
            words = f"They have seats in {mine.cohort} and in {theirs.cohort}, and the terms allow one."
        yield Obstacle(f"{words} Release one of them first.", theirs.public_id)


# -- what a registrar decides ------------------------------------------------------------------------------------------
_WORDS = {"completion": "finished on", "access": "access since"}


def _dates_that_differ(survivor: Account, other: Account) -> Iterator[Choice]:
    known = {(each.kind, each.module): each for each in survivor.dates}
    for theirs in other.dates:
        own = known.get((theirs.kind, theirs.module))
        if own and own.on != theirs.on:
            yield Choice(
                name=f"{theirs.kind}:{theirs.module}",
                title=f"{theirs.title}, {_WORDS[theirs.kind]}",
                survivor=in_words(own.on),
                other=in_words(theirs.on),
                is_fact=True,
            )


def _profiles_that_differ(survivor: Account, other: Account) -> Iterator[Choice]:
    for (name, title, mine), (_, _, theirs) in zip(survivor.profile, other.profile, strict=True):
        if mine and theirs and mine != theirs:
            yield Choice(f"profile:{name}", title, mine, theirs, is_fact=False)


# -- what they see -----------------------------------------------------------------------------------------------------
def _rows(survivor: Account, other: Account) -> Iterator[Row]:
    sides = [dict(_side(account)) for account in (survivor, other)]
    for title in sides[0]:
        if sides[0][title] or sides[1][title]:
            yield Row(title, sides[0][title], sides[1][title])
    if both := survivor.days & other.days:
        words = f"{_plural(len(both), 'day')} that the other account has too"
        yield Row("Days on set twice", (words,), ("Each counts once",))


def _side(account: Account) -> Iterator[tuple[str, tuple[str, ...]]]:
    held, plural = account.holdings, _plural
    yield "Account since", (in_words(account.since.date()),)
    yield "Addresses", tuple(f"{address}{'' if sure else ' (never confirmed)'}" for address, sure in account.addresses)
    for _, title, value in account.profile:
        yield title, (value,) if value else ()
    yield "Roles", tuple(role.label for role in account.roles)
    yield "Modules", tuple(f"{each.title}, {_WORDS[each.kind]} {in_words(each.on)}" for each in account.dates)
    yield "Paid for", tuple(f"{title}: {source}" for title, source in account.paid_for)
    records = tuple(f"{name}: {plural(days, 'day')}, {state}" for name, state, days in account.records)
    yield (
        "On-set records",
        (*records, f"{plural(account.drafts, 'draft')}, theirs alone") if account.drafts else records,
    )
    yield "Exceptions", account.exceptions
    yield "Seats", tuple(f"{each.cohort}, seat {each.seat}: {each.state.label.lower()}" for each in held.seats)
    yield "In line", tuple(f"{each.cohort}{', with an offer' if each.is_offered else ''}" for each in held.line)
    yield "Earlier reservations", (plural(held.over, "reservation"),) if held.over else ()
    yield "Teaches", account.teaches
    yield "Mentor", (account.mentor,) if account.mentor else ()
    yield "Mentors", account.mentors
    yield "Conversations", (plural(account.posts, "message"),) if account.posts else ()
    yield "Audit", ("Proof is kept for an audit",) if account.is_audited else ()


def _endings(survivor: Account, other: Account, ending: tuple[Waits, ...]) -> Iterator[str]:
    if dict(other.addresses).get(other.email):
        yield f"{other.email} becomes an address of the account of {survivor.email}: both sign in to it."
    else:
        yield f"{other.email} was never confirmed by its owner and opens no account any more."
    yield "The password of the other account, and whoever is signed in with it anywhere, end."
    if other.second_factors:
        yield "The second factor of the other account is removed; that of the account that stays is kept."
    if other.tokens:
        yield f"API tokens of the other account that are revoked: {other.tokens}."
    if other.feeds:
        yield f"Private calendars of the other account whose addresses end: {other.feeds}. New ones are made here."
    for place in ending:
        whose = survivor if place in survivor.holdings.line else other
        yield f"The place in line for {place.cohort} of {whose.email} ends: the better of the two stays, or the seat."
    if survivor.is_audited and other.is_audited:
        yield "Of the two audits the one of the account that stays goes on."
    mine = {title for title, _ in survivor.paid_for}
    for title, source in other.paid_for:
        if title in mine:
            yield f"{title} is paid for on both: what is said of the other account ({source}) is left out."


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
