"""What is in force now, kept in the memory of each process under the programme's revision.

The programme changes a few times a year and is asked for with every seat. Whoever needs it reads the revision, in a
statement they make anyway or in one of their own, and the rest is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection

from workshops.programme.models import ConductText, Price, Requirement, school_terms
from workshops.programme.revision import REVISION
from workshops.programme.terms import Terms


@dataclass(frozen=True)
class Programme:
    """What decides about a seat, as of one revision. Threads share it: its rows are for reading only."""

    revision: str
    terms: Terms
    """The school's; a cohort may have its own on top."""
    requirements: Sequence[Requirement]
    """With their modules, the highest module first."""
    prices: Mapping[str, Sequence[Price]]
    """The price list of each item, the newest first, with what comes into effect later."""
    conduct_id: int
    conduct_version: int

    def price_on(self, item: str, day: date) -> Price | None:
        """What `item` costs on `day`, or None before its first price."""
        return next((price for price in self.prices.get(item, ()) if price.effective_from <= day), None)


_kept: Programme | None = None


def programme_now() -> Programme:
    """The programme in force. One statement."""
    return programme_at(_revision())


def programme_at(revision: str) -> Programme:
    """The programme in force, for who has just read its revision. No statement unless it has changed."""
    global _kept
    kept = _kept  # read once: another thread may replace it at any moment
    if kept is not None and kept.revision == revision:
        return kept
    read = _read(revision)
    # Several statements may see several moments. What they saw is kept only when nothing changed in between.
    if _revision() == revision:
        _kept = read
    return read


def _revision() -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name FROM {REVISION}")  # noqa: S608  (a name of ours)
        return str(cursor.fetchone()[0])


def _read(revision: str) -> Programme:
    prices: dict[str, list[Price]] = {}
    for price in Price.objects.order_by("-effective_from"):
        prices.setdefault(price.item, []).append(price)
    conduct_id, conduct_version = ConductText.objects.order_by("-version").values_list("pk", "version")[0]
    return Programme(
        revision=revision,
        terms=school_terms(),
        requirements=tuple(
            Requirement.objects.select_related("module", "needs_module").order_by("-module__position", "-id")
        ),
        prices=prices,
        conduct_id=conduct_id,
        conduct_version=conduct_version,
    )
