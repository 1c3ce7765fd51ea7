"""What about a record asks for a registrar's judgement before it can be accepted. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from workshops.clock import in_words
from workshops.prerequisites.check import Facts
from workshops.prerequisites.records.models import OnSetRecord, ProductionKind, ProofKind

_COORDINATES = re.compile(r"\b(?:(?i:intimacy)|IC)\b")
"""How call sheets name the work. In small letters the two are no word for it."""


@dataclass(frozen=True)
class Flag:
    """One thing to judge: its code, a word or two that name it, and what to think about, for the registrar."""

    code: str
    name: str
    words: str


def flags_of(it: OnSetRecord, days: Collection[date], facts: Facts) -> list[Flag]:
    """What is flagged about accepting these days of a record, by what else is known of its person."""
    found = []
    if it.kind == ProductionKind.STUDENT:
        found.append(
            Flag("student", "Student film", "A student film counts only if it was made like a professional one.")
        )
    if it.kind == ProductionKind.THEATRE:
        found.append(Flag("theatre", "Theatre", "Theatre is no film or television set."))
    if it.kind == ProductionKind.OTHER:
        found.append(Flag("other", "Other kind", "It is none of the kinds of production that the school names."))
    if says_coordinator(it):
        found.append(Flag("coordinator", "Intimacy coordination", _coordinator(days, facts)))
    if it.proof_kind == ProofKind.IMDB:
        found.append(Flag("imdb", "IMDb only", "An IMDb page is accepted in certain circumstances only."))
    return found


def says_coordinator(it: OnSetRecord) -> bool:
    """Whether the record says that its work was intimacy coordination: by its tick, or by the words of the role."""
    return it.as_coordinator or bool(_COORDINATES.search(f"{it.role} {it.department}"))


def _coordinator(days: Collection[date], facts: Facts) -> str:
    rule, began = "Nobody may work as an intimacy coordinator during the training.", facts.training_began
    if began is None:
        return f"{rule} When theirs began is not on record."
    during = sum(facts.is_in_training(day) for day in days)
    these = "This day is" if len(days) == 1 else "All of these days are"
    if 0 < during < len(days):
        these = f"{during} of these {len(days)} days {'is' if during == 1 else 'are'}"
    return f"{rule} {these} {'after' if during else 'before'} theirs began on {in_words(began)}."
