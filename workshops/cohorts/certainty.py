"""Whether a cohort is certain to run: a pure rule, in words for people who book travel by it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from workshops.clock import with_weekday
from workshops.programme.terms import Terms


class Certain(StrEnum):
    """How far a cohort is from running."""

    ALWAYS = "always"
    """It has no minimum enrolment, so there is nothing to decide."""
    CERTAIN = "certain"
    """It runs."""
    OPEN = "open"
    """It does not have enough people yet, and the day by which that is decided has not passed."""
    OVERDUE = "overdue"
    """That day has passed, and the school has not said what happens."""


@dataclass(frozen=True)
class Certainty:
    """Whether a cohort runs, as of a day."""

    state: Certain
    minimum: int
    """How many seats must be taken, which is to say paid for; 0 where it always runs."""
    taken: int
    decided_by: date | None
    """The last day on which the school says so; None where it always runs."""
    is_to_come: bool

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to decide."""
        return self.state in {Certain.ALWAYS, Certain.CERTAIN}

    @property
    def missing(self) -> int:
        """How many more seats must be taken."""
        return 0 if self.is_settled else max(self.minimum - self.taken, 0)

    @property
    def words(self) -> str:
        """What someone who may come needs to know before they book travel; empty where there is nothing to say."""
        if not self.is_to_come or self.state == Certain.ALWAYS or self.decided_by is None:
            return ""
        if self.state == Certain.CERTAIN:
            return "Certain to run. You can book travel."
        needs = f"Runs with {self.minimum} {'person' if self.minimum == 1 else 'people'}."
        if self.state == Certain.OVERDUE:
            return f"{needs} The school is deciding now: book travel after that."
        return f"{needs} Decided by {with_weekday(self.decided_by)}: book travel after that."

    @property
    def words_for_the_desk(self) -> str:
        """What a registrar needs to know: what is missing, and by when."""
        if not self.is_to_come or self.is_settled or self.decided_by is None:
            return ""
        paid = f"{self.taken} of the {self.minimum} people it takes {'has' if self.taken == 1 else 'have'} paid."
        if self.state == Certain.OVERDUE:
            return f"{paid} It was to be decided by {with_weekday(self.decided_by)}."
        return f"{paid} {self.missing} more by {with_weekday(self.decided_by)}."


def decided_by(starts_on: date, terms: Terms) -> date:
    """The last day on which the school says whether a cohort runs."""
    return starts_on - timedelta(days=terms.decide_by_days)


def certainty(starts_on: date, terms: Terms, *, taken: int, since: datetime | None, today: date) -> Certainty:
    """Whether a cohort that begins on `starts_on` is certain to run.

    It is when it has no minimum, when as many seats are taken as the minimum asks, and from the moment `since` when
    that was written down: people book travel by it, so who leaves later changes nothing. One that has begun runs.
    """
    minimum, by = terms.minimum_enrolment, decided_by(starts_on, terms)
    if since is not None or today >= starts_on:
        state = Certain.CERTAIN
    elif not minimum:
        state = Certain.ALWAYS
    elif taken >= minimum:
        state = Certain.CERTAIN
    else:
        state = Certain.OVERDUE if today > by else Certain.OPEN
    return Certainty(
        state=state,
        minimum=minimum,
        taken=taken,
        decided_by=None if state == Certain.ALWAYS else by,
        is_to_come=today < starts_on,
    )
