"""What is kept of people, in words: the registry as the page for everyone and the registrar's page show it."""

from collections.abc import Iterable
from dataclasses import dataclass

from booking.rights.registry import KEPT
from workshops.people.models import User
from workshops.retention import Keeping, Topic


@dataclass(frozen=True)
class Kept:
    """One thing that is kept."""

    what: str
    how_long: str
    when_erased: str
    """What becomes of it when its person is erased."""
    count: int | None = None
    """How much of it one person has, where one is asked about."""


@dataclass(frozen=True)
class Group:
    """Things of one kind."""

    slug: str
    title: str
    kept: tuple[Kept, ...]


def everything_kept() -> list[Group]:
    """What is kept of anybody, by topic."""
    return _grouped((each, _said(each)) for each in KEPT)


@dataclass(frozen=True)
class Erasure:
    """What erasing somebody does: what would go, and what would stay and why."""

    goes: list[Group]
    stays: list[Group]


def erasure_of(accounts: list[User]) -> Erasure:
    """What there is of this person, and what becomes of it. One statement for each kind of row and account."""
    counted = [
        (each, _said(each, count))
        for each in KEPT
        if each.of and (count := sum(each.rows_of(account).count() for account in accounts))
    ]
    return Erasure(
        goes=_grouped((pair for pair in counted if pair[0].goes), of_them=True),
        stays=_grouped((pair for pair in counted if not pair[0].goes), of_them=True),
    )


def _said(each: Keeping, count: int | None = None) -> Kept:
    return Kept(each.what, each.kept_for, _when_erased(each), count)


def _when_erased(each: Keeping) -> str:
    if each.goes:
        return "Goes."
    return each.stays if each.content_goes else f"Stays without a name. {each.stays}"


def _grouped(pairs: Iterable[tuple[Keeping, Kept]], *, of_them: bool = False) -> list[Group]:
    """By topic, whose titles speak to the person themselves or, for a registrar, of them."""
    by_topic: dict[Topic, list[Kept]] = {topic: [] for topic in Topic}
    for each, said in pairs:
        by_topic[each.topic].append(said)
    return [
        Group(topic.slug, topic.of_them if of_them else topic.title, tuple(kept))
        for topic, kept in by_topic.items()
        if kept
    ]
