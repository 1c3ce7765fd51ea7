"""Where the person stands today by each of two accounts, and where they would stand by both together. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from workshops.clock import in_words
from workshops.prerequisites.check import Facts, Outcome, Rule, check


@dataclass(frozen=True)
class Compared:
    """One requirement, in a few words: by either account today, and by both together."""

    title: str
    survivor: str
    other: str
    after: str
    """Where the two name different dates: with those of the account that stays."""
    after_with_other: str
    """The same with the dates of the other account; empty where it makes no difference."""


@dataclass(frozen=True)
class Foreseen:
    """All requirements, and what gets worse by merging, in sentences."""

    requirements: tuple[Compared, ...]
    losses: tuple[str, ...]

    @property
    def depends(self) -> bool:
        """Whether it depends on which of two dates is chosen."""
        return any(each.after_with_other for each in self.requirements)


def foresee(rules: Sequence[Rule], survivor: Facts, other: Facts, today: date) -> Foreseen:
    """What the check would say of both accounts together, beside what it says of each."""
    one, two = check(rules, survivor, today).requirements, check(rules, other, today).requirements
    stays, comes = united(survivor, other), united(other, survivor)
    after, with_other = check(rules, stays, today).requirements, check(rules, comes, today).requirements
    compared, losses = [], []
    for rule, mine, theirs, own, others in zip(rules, one, two, after, with_other, strict=True):
        differs = _brief(own) != _brief(others)
        compared.append(
            Compared(own.title, _brief(mine), _brief(theirs), _brief(own), _brief(others) if differs else "")
        )
        if own.counted < mine.counted:
            granted = stays.access.get(rule.opens)
            why = f", because access to {own.opens_title} was granted on {in_words(granted)}" if granted else ""
            losses.append(f"After this {own.counted} of {own.needed} days count, and {mine.counted} do today{why}.")
    return Foreseen(tuple(compared), tuple(losses))


def united(stays: Facts, comes: Facts) -> Facts:
    """The facts of two accounts as those of one person; where both name a date, that of the first."""
    accepted = stays.accepted_days | comes.accepted_days
    return Facts(
        completions={**comes.completions, **stays.completions},
        access={**comes.access, **stays.access},
        accepted_days=accepted,
        in_review_days=(stays.in_review_days | comes.in_review_days) - accepted,
        waived=_longer(stays.waived, comes.waived),
        accepted_before=_longer(stays.accepted_before, comes.accepted_before),
        entitled=stays.entitled | comes.entitled,
    )


def _longer(one: Mapping[str, date | None], other: Mapping[str, date | None]) -> dict[str, date | None]:
    """Exceptions of both: of two for one requirement, the one that holds longer. None has no end."""
    found = {**other, **one}
    for code in one.keys() & other.keys():
        ends = (one[code], other[code])
        found[code] = None if None in ends else max(end for end in ends if end is not None)
    return found


def _brief(outcome: Outcome) -> str:
    if outcome.module is None:
        is_more = outcome.counted > outcome.needed
        words = (
            f"{outcome.counted} days, {outcome.needed} needed"
            if is_more
            else f"{outcome.counted} of {outcome.needed} days"
        )
    else:
        words = "Finished" if outcome.by_evidence else "Not on record"
    if outcome.in_review:
        words += f", {outcome.in_review} in review"
    if outcome.waived:
        return f"{words}, exception made"
    return f"{words}, accepted before this system" if outcome.met and not outcome.by_evidence else words
