"""The words of a message: the school's own where it has written some, and the shipped ones otherwise.

The only writer of the school's words. Whatever stands in its table, a message goes out: words that cannot be read, or
that would keep from somebody what the shipped ones tell them, give way to the shipped ones.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.messages.catalogue import BY_CODE, because
from workshops.messages.models import Message, Wording
from workshops.messages.proofreading import Fault, examples, faults_of, misfit, once_readable, placeholders_of
from workshops.messages.words import STOP, Filled, Text, Words, parse
from workshops.people.models import User
from workshops.transactions import writes

log = logging.getLogger(__name__)

_SHIPPED = Path(settings.BASE_DIR) / "templates" / "messages"
_CODE = re.compile(r"[a-z0-9-]{1,60}")
NOTED_AGAIN = timedelta(hours=1)
"""How soon a failure is written down once more: a hundred messages in a row say it once."""
LATEST = 20
"""How many real messages of a kind new words are tried on."""


class NoSuchWords(ValueError):
    """The product has no message of this kind, or not any more."""


class Faulty(Exception):
    """The words cannot be the school's as they are."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class ChangedMeanwhile(Exception):
    """Somebody else has changed these words since they were read. Nothing was saved."""


@cache
def shipped_source(kind: str) -> str:
    """The shipped words of a kind, as they are written down.

    Raises:
        NoSuchWords: when there are none.
    """
    path = _SHIPPED / f"{kind}.txt"
    if not _CODE.fullmatch(kind) or not path.is_file():
        raise NoSuchWords(kind)
    return tidy(path.read_text(encoding="utf-8"))


@cache
def shipped_text(kind: str) -> Text:
    """The shipped words of a kind, read. Raises as `shipped_source` does."""
    return parse(shipped_source(kind))


def tidy(source: str) -> str:
    """A text as it is kept: one kind of line end, no spaces at the ends of lines, no empty lines around it."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


@dataclass(frozen=True)
class Written:
    """What the school has written, read once for many messages: two statements, whatever their number."""

    @cached_property
    def rows(self) -> Mapping[str, Wording]:
        """The words that are in force, by kind."""
        return {row.kind: row for row in Wording.objects.all()}

    @cached_property
    def _changes(self) -> Mapping[str, list[tuple[datetime, str]]]:
        found: dict[str, list[tuple[datetime, str]]] = {}
        for line in HistoryLine.objects.filter(about_kind="wording"):
            found.setdefault(line.about_id, []).append((line.at, str(line.facts.get("source", ""))))
        return found

    def source(self, kind: str, sent_at: datetime | None) -> str:
        """The school's words for a kind, or those that were in force when a message went out; empty for the shipped."""
        row = self.rows.get(kind)
        if sent_at is None or (row and row.revised_at <= sent_at):
            return row.source if row else ""
        return next((source for at, source in reversed(self._changes.get(kind, [])) if at <= sent_at), "")


def words_for(
    kind: str, context: Mapping[str, str], *, sent_at: datetime | None = None, written: Written | None = None
) -> Words:
    """What a message of this kind says, with these facts; one that was `sent_at` a moment, what it said then.

    `written` is for those who ask for many at once. Never fails for what the school has written.

    Raises:
        NoSuchWords: when the product does not ship such a message.
    """
    return _words(kind, context, (written or Written()), sent_at)[0]


def words_to_send(kind: str, context: Mapping[str, str], *, now: datetime, written: Written | None = None) -> Words:
    """What a message says that goes out now. That the school's words could not be used is noted for the desk.

    Raises:
        NoSuchWords: when the product does not ship such a message.
    """
    read = written or Written()
    words, failed = _words(kind, context, read, None)
    if failed:
        log.warning("The school's words for %s could not be used: %s", kind, failed)
        try:
            _note(read.rows[kind], now)
        except Exception as error:  # whatever it is, the message goes out
            log.warning("That could not be noted: %s", type(error).__name__)
    return words


def _words(kind: str, context: Mapping[str, str], written: Written, sent_at: datetime | None) -> tuple[Words, str]:
    """The words, and why the school's could not be used, where it has some."""
    facts = facts_of(context)
    text = shipped_text(kind)
    shipped = text.fill(facts)
    chosen, failed = shipped, ""
    try:
        if source := written.source(kind, sent_at):
            chosen = _own(kind, source, facts, text, shipped)
    except Exception as error:  # anything at all: a table that cannot be read, words that cannot
        failed = f"{type(error).__name__}: {error}"
    return replace(chosen.words, because=because(kind), stop=facts.get(STOP, "")), failed


def _own(kind: str, source: str, facts: Mapping[str, str], text: Text, shipped: Filled) -> Filled:
    own = once_readable(kind, source, text).fill(facts)
    if wrong := misfit(own, shipped, placeholders_of(kind, text)):
        raise Faulty([Fault(0, wrong[1])])
    return own


def facts_of(context: Mapping[str, str]) -> dict[str, str]:
    """The facts of a message as its words may name them, each on one line."""
    return {name: " ".join(str(value).split()) for name, value in {**context, "site_url": settings.SITE_URL}.items()}


@writes
def _note(row: Wording, now: datetime) -> None:
    if row.failed_at is None or row.failed_at < now - NOTED_AGAIN:
        Wording.objects.filter(pk=row.pk, revised_at=row.revised_at).update(failed_at=now)


def revision(row: Wording | None) -> str:
    """Which words a page has shown, for it to say when it sends others; empty for the shipped ones."""
    return row.revised_at.isoformat() if row else ""


def real_facts(kind: str) -> list[Message]:
    """The latest messages of a kind whose facts new words may be tried on and shown with, the newest first.

    Not those that carry an address of their own, which belong to whoever is being erased or merged.
    """
    found = Message.objects.filter(kind=kind, to__isnull=False, to__erased_at=None).select_related("to")
    return [each for each in found.order_by("-created_at", "-pk")[:LATEST] if "address" not in each.context]


@dataclass(frozen=True)
class Preview:
    """How words read: with the facts of a real message, or with examples."""

    words: Words
    message: Message | None


def preview(kind: str, source: str) -> Preview:
    """How these words of a kind read, with the facts of its latest message where there is one.

    Raises:
        Unreadable: when they cannot be read.
    """
    text = shipped_text(kind)
    message = next(iter(real_facts(kind)), None)
    facts = facts_of(message.context) if message else examples(placeholders_of(kind, text))
    filled = once_readable(kind, source, text).fill(facts)
    return Preview(replace(filled.words, because=because(kind), stop=facts.get(STOP, "")), message)


def faults_in(kind: str, source: str) -> list[Fault]:
    """What has to be mended before these words can be the school's, tried on examples and on real messages."""
    return faults_of(kind, source, shipped_text(kind), _real(kind))


def _real(kind: str) -> Iterable[Mapping[str, str]]:
    return [facts_of(each.context) for each in real_facts(kind)]


def rewrite(kind: str, source: str, *, instead_of: str, by: User, now: datetime) -> bool:
    """Make these the school's words for a kind; `instead_of` is the `revision` of those it was shown.

    False when they are the words in force already. The shipped words, sent back unchanged, are brought back. Trying the
    words takes a good part of a second: nobody who writes waits for it.

    Raises:
        Faulty: when they cannot be the school's.
        ChangedMeanwhile: when somebody else has saved others since.
        NoSuchWords: when there is no message of this kind.
    """
    if kind not in BY_CODE:
        raise NoSuchWords(kind)
    source, row = tidy(source), Wording.objects.filter(kind=kind).first()
    if revision(row) != instead_of:
        raise ChangedMeanwhile
    is_new = source != shipped_source(kind) and not (row and row.source == source)
    if is_new and (faults := faults_in(kind, source)):
        raise Faulty(faults)
    return _rewrite(kind, source, instead_of=instead_of, by=by, now=now)


@writes
def _rewrite(kind: str, source: str, *, instead_of: str, by: User, now: datetime) -> bool:
    row = _current(kind, instead_of)
    if source == shipped_source(kind):
        return row is not None and _bring_back(row, by=by, now=now)
    if row and row.source == source:
        return False
    values = {"source": source, "revised_at": now, "revised_by": by, "failed_at": None}
    if row:
        Wording.objects.filter(pk=row.pk).update(**values)
    else:
        try:
            with transaction.atomic():
                Wording.objects.create(kind=kind, **values)
        except IntegrityError as error:
            raise ChangedMeanwhile from error
    record("wording-changed", about=("wording", kind), by=by, now=now, title=BY_CODE[kind].title, source=source)
    return True


@writes
def bring_back(kind: str, *, instead_of: str, by: User, now: datetime) -> bool:
    """Bring back the shipped words of a kind. False when they are in force already. Raises as `rewrite` does."""
    row = _current(kind, instead_of)
    return row is not None and _bring_back(row, by=by, now=now)


def _current(kind: str, instead_of: str) -> Wording | None:
    if kind not in BY_CODE:
        raise NoSuchWords(kind)
    row = Wording.objects.select_for_update().filter(kind=kind).first()
    if revision(row) != instead_of:
        raise ChangedMeanwhile
    return row


def _bring_back(row: Wording, *, by: User, now: datetime) -> bool:
    row.delete()
    title = BY_CODE[row.kind].title
    record("wording-brought-back", about=("wording", row.kind), by=by, now=now, title=title, source="")
    return True
