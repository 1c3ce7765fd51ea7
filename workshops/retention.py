"""How a model says what is kept of people: for how long, what its rows become when somebody is erased, what they read.

Every room declares its own models in its `retention.py`; `booking.rights.registry` walks them all, for the page that
tells people what is kept, for the download of one's data, for erasing and for what the clock deletes. A test fails for
a model, or a field of one, that has no rule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.apps import apps
from django.db.models import Case, CharField, Model, Q, QuerySet, Value, When

GOES = ""
"""What a declaration says in place of a reason to stay: the rows go."""
WITH_ACCOUNT = "As long as you have an account."
FOR_GOOD = "For good."
OLDEST = 500


class Topic(Enum):
    """What kinds of things are kept: a heading on the page, and a file in the download."""

    ACCOUNT = ("account", "Who you are and how you sign in", "Who they are and how they sign in")
    ROLES = ("work", "What you do at the school", "What they do at the school")
    PATH = ("path", "Your path: modules, access and exceptions", "Their path: modules, access and exceptions")
    SET_DAYS = ("days-on-set", "Your days on set and their proof", "Their days on set and the proof of them")
    SEATS = ("seats", "Your seats and your places in line", "Their seats and their places in line")
    MONEY = ("money", "Money", "Money")
    WORDS = ("messages", "What was written to you and by you", "What was written to them and by them")
    HISTORY = ("history", "What happened, and when", "What happened, and when")

    def __init__(self, slug: str, title: str, of_them: str) -> None:
        self.slug, self.title, self.of_them = slug, title, of_them


@dataclass(frozen=True)
class Person:
    """Whose rows are looked for, as they were when that began: erasing empties the account itself in between."""

    account: Any
    names: tuple[str, ...]
    """What would give them away in somebody's words: names, addresses, numbers."""
    now: datetime


class _Kept:
    """The mark of a field that erasing leaves as it is."""


KEPT = _Kept()


@dataclass(frozen=True)
class Field:
    """What becomes of one field. `said` is its name in the download; without one, `why` says why it is not in there."""

    said: str = ""
    to: object = KEPT
    """What erasing sets it to: a value, an expression, or a function of `Person` that gives either."""
    why: str = ""
    """Why it is not shown, or why free text stays although it could hold anything."""
    words: Callable[[Any], object] | None = None
    """How the download says its value, where that is not how it is stored."""

    @property
    def stays(self) -> bool:
        """Whether erasing leaves it as it is, where the row stays."""
        return self.to is KEPT


def shown(said: str, *, why: str = "", words: Callable[[Any], object] | None = None) -> Field:
    """A field that its person reads in their download. It stays where the row stays."""
    return Field(said, why=why, words=words)


def emptied(said: str, to: object = "") -> Field:
    """A field that its person reads in their download, and that erasing empties where the row stays."""
    return Field(said, to)


def unseen(why: str, to: object = KEPT) -> Field:
    """A field that is not in the download, and why."""
    return Field("", to, why)


def keys(names: str) -> dict[str, Field]:
    """Fields that only tie rows together."""
    return {name: unseen("It ties rows together and says nothing about you.") for name in names.split()}


def workings(names: str) -> dict[str, Field]:
    """Fields that only the product itself needs."""
    return {name: unseen("The product needs it to do its work; it says nothing about you.") for name in names.split()}


@dataclass(frozen=True)
class Clock:
    """Rows that go by themselves: `after` so long since the moment in the field `since`, of those that match `only`."""

    after: timedelta
    since: str
    only: Q = field(default_factory=Q)
    in_order: bool = False
    """Whether rows come in the order of their moments: then the oldest alone are looked at, however many there are."""


@dataclass(frozen=True)
class Keeping:
    """What is kept of people in one model."""

    model: str
    topic: Topic
    what: str
    """What it is, in words for the person whom it is about."""
    how_long: str | Callable[[], str]
    """In words; a function where it is a term that the school sets."""
    of: tuple[str, ...]
    """The fields, or paths of fields, that lead from a row to its person."""
    stays: str
    """Why the rows stay when their person is erased, or GOES."""
    fields: Mapping[str, Field]
    content_goes: bool = False
    """Whether only the bare fact stays, as `stays` says in full: not that the thing itself stays without a name."""
    also: Callable[[Person], Q] | None = None
    """Further rows that erasing reaches: those of others which name the person. They are not in the download."""
    clocks: tuple[Clock, ...] = ()
    entry: Callable[[Any], dict[str, object]] | None = None
    """How a row reads in the download, where its fields alone would not be understood."""

    @property
    def is_about_things(self) -> bool:
        """Whether each row says by kind and number what it is about, which the download calls by its name."""
        return "about_kind" in self.fields

    @property
    def goes(self) -> bool:
        """Whether erasing deletes the rows."""
        return self.stays == GOES

    @property
    def kept_for(self) -> str:
        """How long, in words, as of now."""
        return self.how_long() if callable(self.how_long) else self.how_long

    @property
    def model_class(self) -> type[Model]:
        """The model itself."""
        return apps.get_model(self.model)

    def rows(self) -> QuerySet[Any]:
        """All rows, past a manager that refuses changes: the database's own triggers still say what may change."""
        return QuerySet(self.model_class)

    def rows_of(self, account: Model) -> QuerySet[Any]:
        """The rows that are about one account, oldest first."""
        return self.rows().filter(_leads_to(self.of, account)).order_by("pk").distinct()

    def rows_to_erase(self, person: Person) -> QuerySet[Any]:
        """The rows that erasing this person reaches."""
        where = _leads_to(self.of, person.account)
        if self.also:
            where |= self.also(person)
        return self.rows().filter(pk__in=self.rows().filter(where).values("pk")).order_by()

    def changes_for(self, person: Person) -> dict[str, Any]:
        """What erasing sets in rows that stay."""
        return {name: _value(each.to, person) for name, each in self.fields.items() if not each.stays}

    def due(self, now: datetime) -> list[QuerySet[Any]]:
        """The rows that go by the clock."""
        return [self._due(clock, now) for clock in self.clocks]

    def _due(self, clock: Clock, now: datetime) -> QuerySet[Any]:
        rows = self.rows().filter(clock.only)
        if clock.in_order:
            rows = self.rows().filter(pk__in=rows.order_by("pk").values("pk")[:OLDEST])
        return rows.filter(**{f"{clock.since}__lte": now - clock.after}).order_by()


@dataclass(frozen=True)
class AboutNobody:
    """A model that holds nothing about people, and why that is so; a test wants every field of it named all the same.

    `by` are those that name who entered something: they lead to an account, and so to nobody once that is erased.
    """

    model: str
    why: str
    fields: str
    by: str = ""

    @property
    def names(self) -> set[str]:
        """Every field."""
        return {*self.fields.split(), *self.by.split()}


def unless_it_names_them(column: str) -> Callable[[Person], Any]:
    """Text that stays because books or files are found by it, but for rows in which it gives the person away."""

    def value(person: Person) -> Any:
        where = Q(pk=None)
        for name in person.names:
            where |= Q(**{f"{column}__icontains": name})
        return Case(When(where, then=Value("")), default=column, output_field=CharField())

    return value


def where_there_is_some(column: str, instead: str) -> Case:
    """Text that a constraint wants where there is some: words of ours in its place, and nothing where nothing was."""
    return Case(When(**{column: ""}, then=Value("")), default=Value(instead), output_field=CharField())


def _leads_to(paths: tuple[str, ...], account: Model) -> Q:
    where = Q(pk__in=[])
    for path in paths:
        where |= Q(**{path: account.pk})
    return where


def _value(to: object, person: Person) -> object:
    return to(person) if callable(to) and not hasattr(to, "resolve_expression") else to
