"""What about a record asks for a registrar's judgement before it can be accepted. Pure but for one look-up."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from workshops.clock import in_words
from workshops.prerequisites.models import Access, Completion
from workshops.prerequisites.records.models import OnSetRecord, ProductionKind, ProofKind

_COORDINATES = re.compile(r"\b(?:(?i:intimacy)|IC)\b")
"""How call sheets name the work. In small letters the two are no word for it."""


@dataclass(frozen=True)
class Flag:
    """One thing to judge: its code, a word or two that name it, and what to think about, for the registrar."""

    code: str
    name: str
    words: str


def flags_of(it: OnSetRecord, days: Collection[date]) -> list[Flag]:
    """What is flagged about accepting these days of a record. At most two statements."""
    began = training_began(it.user_id) if says_coordinator(it) else None
    return flags(it, days, began)


def flags(it: OnSetRecord, days: Collection[date], training_began_on: date | None) -> list[Flag]:
    """The same, when the day is known on which the person's training began. Pure."""
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
        found.append(Flag("coordinator", "Intimacy coordination", _coordinator(days, training_began_on)))
    if it.proof_kind == ProofKind.IMDB:
        found.append(Flag("imdb", "IMDb only", "An IMDb page is accepted in certain circumstances only."))
    return found


def says_coordinator(it: OnSetRecord) -> bool:
    """Whether the record says that its work was intimacy coordination: by its tick, or by the words of the role."""
    return it.as_coordinator or bool(_COORDINATES.search(f"{it.role} {it.department}"))


def training_began(user_id: int) -> date | None:
    """The first day on which the school let someone into a module, or on which they finished one. Two statements."""
    firsts = (
        Access.objects.filter(user=user_id).order_by("granted_on").values_list("granted_on", flat=True).first(),
        Completion.objects.filter(user=user_id).order_by("completed_on").values_list("completed_on", flat=True).first(),
    )
    return min((first for first in firsts if first), default=None)


def _coordinator(days: Collection[date], began: date | None) -> str:
    rule = "Nobody may work as an intimacy coordinator during the training."
    if began is None:
        return f"{rule} When theirs began is not on record."
    during = sum(day >= began for day in days)
    if not during:
        return f"{rule} All of these days are before theirs began on {in_words(began)}."
    return f"{rule} {during} of these {len(days)} days are after theirs began on {in_words(began)}."
