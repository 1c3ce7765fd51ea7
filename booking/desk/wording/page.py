"""What the pages about the words of e-mails show, as plain values."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from workshops.history.record import history_of
from workshops.history.words import Told, told
from workshops.messages import wording
from workshops.messages.catalogue import KINDS, Group, Kind
from workshops.messages.models import Wording
from workshops.messages.placeholders import Placeholder
from workshops.messages.proofreading import own_addresses, placeholders_of
from workshops.messages.wording import Preview
from workshops.messages.words import Unreadable
from workshops.people.models import User


@dataclass(frozen=True)
class Row:
    """One kind of e-mail in the list, with the school's words for it where there are any."""

    kind: Kind
    own: Wording | None


def listed() -> list[tuple[Group, list[Row]]]:
    """Every kind of e-mail by what it is about. One statement."""
    own = {row.kind: row for row in Wording.objects.select_related("revised_by")}
    rows = [Row(kind, own.get(kind.code)) for kind in KINDS]
    return [(group, found) for group in Group if (found := [row for row in rows if row.kind.group is group])]


@dataclass(frozen=True)
class Difference:
    """One line beside the shipped words: as it is there (" "), taken out ("-") or put in ("+")."""

    mark: str
    line: str


def differences(before: str, after: str) -> list[Difference]:
    """What has changed between two texts, line by line; empty where nothing has."""
    if before == after:
        return []
    was, now = before.split("\n"), after.split("\n")
    found: list[Difference] = []
    for what, first, last, from_, until in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if what == "equal":
            found += [Difference(" ", line) for line in was[first:last]]
        else:
            found += [Difference("-", line) for line in was[first:last]]
            found += [Difference("+", line) for line in now[from_:until]]
    return found


@dataclass(frozen=True)
class Named:
    """One placeholder of a kind, with what it says in the message that is shown."""

    name: str
    about: Placeholder
    value: str


@dataclass(frozen=True)
class WordingPage:
    """The page of one kind of e-mail."""

    kind: Kind
    own: Wording | None
    shipped: str
    source: str
    """The words that the page shows how they read: those that were typed, or those in force."""
    preview: Preview | None
    named: list[Named]
    changes: list[Told]

    @property
    def addresses(self) -> list[str]:
        """The only addresses that may be typed."""
        return sorted(own_addresses())

    @property
    def from_shipped(self) -> list[Difference]:
        """What these words change of the shipped ones."""
        return differences(self.shipped, self.source)

    @property
    def from_own(self) -> list[Difference]:
        """What these words change of those in force."""
        return differences(self.own.source if self.own else self.shipped, self.source)


def page_of(kind: Kind, own: Wording | None, source: str, reader: User) -> WordingPage:
    """The page, with these words shown as they read; without that where they cannot be read."""
    shipped = wording.shipped_source(kind.code)
    source = wording.tidy(source)
    try:
        preview = wording.preview(kind.code, source)
    except (Unreadable, ValueError):
        preview = None
    return WordingPage(
        kind,
        own,
        shipped,
        source,
        preview,
        list(_named(kind.code, preview)),
        [told(line, reader) for line in history_of("wording", kind.code).order_by("-at", "-pk")[:20]],
    )


def _named(kind: str, preview: Preview | None) -> Iterator[Named]:
    facts = wording.facts_of(preview.message.context) if preview and preview.message else None
    for name, about in placeholders_of(kind, wording.shipped_text(kind)).items():
        yield Named(name, about, about.sample if facts is None else facts.get(name, ""))
