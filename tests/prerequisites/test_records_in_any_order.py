"""A trainee and registrars do anything to records in any order, beside a second, deliberately naive way to keep them.

Run longer, or from another start, with
`RECORDS=20000 .venv/bin/python -m pytest tests/prerequisites/test_records_in_any_order.py`.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests import factories
from tests.factories import NOW
from tests.prerequisites.invariants import assert_records_hold
from tests.prerequisites.paper import FILLED_IN
from tests.services.databases import on_postgres
from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact
from workshops.prerequisites.facts import facts_of, standing_of
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.lifecycle import ChangedMeanwhile, NotPossible
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RejectReason, Review
from workshops.programme.models import MODULE_IV

STEPS = int(os.environ.get("RECORDS", "300" if on_postgres() else "900"))
"""For each of the two walks."""
AN_EXAMPLE = 45
LOOKS = 4
"""Every so many steps all tables are read. No command mends what another has spoilt: reviews, history, notices stay."""

REFUSALS = (BadFact, ChangedMeanwhile, NotPossible, reviewing.NeedsJudgement, writing.Incomplete)
"""What the product may answer instead of doing what it is asked; anything else is a fault."""

DAYS = [date(2026, 3, day) for day in range(2, 9)] + [date(2016, 6, 1), date(2012, 6, 1)]
"""Days that two records may both claim; the last one is older than ten years."""
TO_COME = school_day(NOW) + timedelta(days=400)
TRAINEES_DO = ["begin", "save", "save", "save", "send", "send", "send", "send", "answer", "take_back", "withdraw"]
REGISTRARS_DO = ["accept", "accept", "accept", "accept_some", "accept_some", "reject", "ask", "ask", "undo", "undo"]
ACTS = [*TRAINEES_DO, *REGISTRARS_DO, *["second_eyes", "no_second_eyes"] * 2]
"""What may come next. What makes the others interesting comes more often."""


@dataclass
class OnPaper:
    """One record as somebody would keep it in a notebook."""

    owner: int
    state: str = "draft"
    is_filled_in: bool = False
    is_student: bool = False
    days: set[date] = field(default_factory=set)
    refused: set[date] = field(default_factory=set)
    second: int | None = None
    told: list[str] = field(default_factory=list)
    reviews: int = 0
    was_touched: bool = False


class AnyOrder(RuleBasedStateMachine):
    """Two trainees, one of whom is a registrar as well, two more registrars, and their records."""

    steps = 0
    done: ClassVar[Counter[str]] = Counter()
    """How often each command went through: a machine that is always refused proves nothing."""
    people: ClassVar[list[User]]

    @initialize()
    def the_first_morning(self) -> None:
        self.example = transaction.atomic()
        self.example.__enter__()
        self.now: datetime = NOW
        self.paper: dict[int, OnPaper] = {}
        self.since = 0

    def teardown(self) -> None:
        if hasattr(self, "example"):
            try:
                self.read_everything()
            finally:
                transaction.set_rollback(True)
                self.example.__exit__(None, None, None)

    def attempt(self, may: bool, do: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Do it, or be refused, as the notebook says. None when it was refused; then nothing has changed."""
        before = (OnSetDay.objects.count(), Review.objects.count(), HistoryLine.objects.count())
        refused: Exception | None = None
        try:
            answer = do(*given, now=self.now, **named)
        except REFUSALS as problem:
            refused = problem
        assert may == (refused is None), f"{do.__name__}: {refused or 'went through'}"
        if refused:
            assert before == (OnSetDay.objects.count(), Review.objects.count(), HistoryLine.objects.count())
            return None
        type(self).done[do.__name__] += 1
        return answer

    @rule(
        act=st.sampled_from(ACTS),
        which=st.integers(0, 3),
        who=st.integers(0, 2),
        number=st.integers(0, 511),
        is_stale=st.sampled_from([False] * 7 + [True]),
    )
    def a_step(self, act: str, which: int, who: int, number: int, is_stale: bool) -> None:
        """One rule for everything; `who` is the trainee who begins, or the registrar who acts."""
        type(self).steps += 1
        self.now += timedelta(hours=1)
        if act == "begin" or not self.paper:
            self.begin(who % 2)
            return
        pk = list(self.paper)[which % len(self.paper)]
        it = OnSetRecord.objects.select_related("user").get(pk=pk)
        self.seen = it.revision - is_stale  # an old page
        self.is_now = not is_stale
        self.who, self.by, self.number = who, self.people[who + 1], number
        getattr(self, act)(it, self.paper[pk])

    # -- what trainees do --
    def begin(self, who: int) -> None:
        if sum(note.owner == who for note in self.paper.values()) > 2:
            return
        made = self.attempt(True, writing.begin, self.people[who])
        known = self.paper.get(made.pk)
        assert known is None or not known.was_touched
        if known is None:
            self.paper[made.pk] = OnPaper(who)

    def save(self, it: OnSetRecord, note: OnPaper) -> None:
        days = {day for place, day in enumerate(DAYS) if self.number >> place & 1}
        days |= {TO_COME} if self.number % 37 == 1 else set()
        kind = "student" if self.number % 7 == 3 else "series"
        # An old page that says what is there already does no harm.
        is_same = note.is_filled_in and (note.days, note.is_student) == (days, kind == "student")
        may = (self.is_now or is_same) and note.state in ("draft", "question")
        values = {**FILLED_IN, "kind": kind}
        if self.attempt(may, writing.save, it, values, days, revision=self.seen):
            note.days, note.is_student = days, kind == "student"
            note.is_filled_in = note.was_touched = True

    def send(self, it: OnSetRecord, note: OnPaper) -> None:
        complete = note.is_filled_in and note.days and max(note.days) <= school_day(self.now)
        may = bool(self.is_now and complete and note.state in ("draft", "question"))
        if self.attempt(may, writing.send, it, revision=self.seen, by=it.user):
            note.state = "in-review"
            note.told.append("record-sent")

    def answer(self, it: OnSetRecord, note: OnPaper) -> None:
        named: dict[str, Any] = {"person": it.user, "author": it.user, "title": "it", "link": "/"}
        self.attempt(True, writing.answer, it, words=f"It was so, {self.now}.", **named)
        if note.state == "question":
            note.state = "in-review"
            note.told.append("record-answered")

    def take_back(self, it: OnSetRecord, note: OnPaper) -> None:
        may = self.is_now and note.state in ("in-review", "rejected")
        if self.attempt(may, writing.take_back_to_change, it, revision=self.seen, by=it.user):
            note.state, note.refused, note.second = "draft", set(), None
            note.told.append("record-reopened")

    def withdraw(self, it: OnSetRecord, note: OnPaper) -> None:
        if self.number % 4:
            return  # whatever follows is less interesting
        may = note.state != "withdrawn"
        self.attempt(may, writing.withdraw, it, by=it.user)
        if may:
            note.state = "withdrawn"
            note.told.append("record-withdrawn" if note.told else "draft-deleted")

    # -- what registrars do --
    def may_judge(self, note: OnPaper, *states: str) -> bool:
        """Whether this registrar may do something about a record that has come so far."""
        return (
            self.is_now and note.state in (states or ("in-review", "question")) and self.people[note.owner] != self.by
        )

    def may_decide(self, note: OnPaper) -> bool:
        """Whether this registrar may decide: not about their own, nor where they asked for somebody else."""
        return self.may_judge(note) and note.second != self.who

    def accept(self, it: OnSetRecord, note: OnPaper) -> None:
        self._accept(it, note, None, "It was made like a professional one." if self.number % 2 else "")

    def accept_some(self, it: OnSetRecord, note: OnPaper) -> None:
        chosen = {day for place, day in enumerate(sorted(note.days)) if self.number >> place & 1}
        chosen |= {date(2020, 2, 29)} if self.number % 31 == 5 else set()  # one that the record does not claim
        self._accept(it, note, chosen, "It was made like a professional one.")

    def _accept(self, it: OnSetRecord, note: OnPaper, chosen: set[date] | None, judgement: str) -> None:
        days = note.days if chosen is None else chosen
        may = self.may_decide(note) and bool(days) and days <= note.days and (not note.is_student or judgement)
        named: dict[str, Any] = {"revision": self.seen, "by": self.by, "judgement": judgement}
        if self.attempt(bool(may), reviewing.accept, it, chosen, **named):
            note.state, note.refused, note.second = "accepted", note.days - days, None
            note.told.append("record-accepted")
            note.reviews += 1

    def reject(self, it: OnSetRecord, note: OnPaper) -> None:
        named = {"reason": list(RejectReason)[self.number % len(RejectReason)], "words": "It was not so."}
        may = self.may_decide(note)
        if self.attempt(may, reviewing.reject, it, revision=self.seen, by=self.by, **named):
            note.state, note.second = "rejected", None
            note.told.append("record-rejected")
            note.reviews += 1

    def ask(self, it: OnSetRecord, note: OnPaper) -> None:
        may = self.may_judge(note)
        named: dict[str, Any] = {"revision": self.seen, "title": "it", "link": "/", "by": self.by}
        asked = self.attempt(may, reviewing.ask, it, f"Was it so, {self.now}?", **named)
        if asked and note.state == "in-review":
            note.state = "question"
            note.told.append("record-asked")

    def second_eyes(self, it: OnSetRecord, note: OnPaper) -> None:
        may = self.may_judge(note) and note.second is None
        if self.attempt(may, reviewing.ask_for_second_eyes, it, "A set?", revision=self.seen, by=self.by):
            note.second = self.who
            note.told.append("record-second-eyes")

    def no_second_eyes(self, it: OnSetRecord, note: OnPaper) -> None:
        if self.number % 2 and note.second is not None:
            self.who, self.by = note.second, self.people[note.second + 1]
        may = note.second == self.who and self.may_judge(note)
        if self.attempt(may, reviewing.need_no_second_eyes, it, "I know it now.", revision=self.seen, by=self.by):
            note.second = None
            note.told.append("record-second-eyes-back")

    def undo(self, it: OnSetRecord, note: OnPaper) -> None:
        may = self.may_judge(note, "accepted", "rejected")
        if self.attempt(may, reviewing.undo, it, "A slip.", revision=self.seen, by=self.by):
            note.state, note.refused = "in-review", set()
            note.told.append("record-undone")

    # -- what must always hold --
    @invariant()
    def the_notebook_says_the_same(self) -> None:
        """After each step the states, and all there is after every fourth and at the end: what is wrong stays wrong."""
        if not hasattr(self, "paper"):
            return
        found = dict(OnSetRecord.objects.values_list("pk", "state"))
        assert found == {pk: note.state for pk, note in self.paper.items()}
        self.since += 1
        if self.since % LOOKS == 0:
            self.read_everything()

    def read_everything(self) -> None:
        """Compare every table with the notebook."""
        assert_records_hold()
        for number, person in enumerate(self.people[:2]):
            self._counts(person, [note for note in self.paper.values() if note.owner == number])
        found = {it.pk: it for it in OnSetRecord.objects.all()}
        made = Counter(Review.objects.values_list("record", flat=True))
        assert made == Counter({pk: note.reviews for pk, note in self.paper.items() if note.reviews})
        lines = HistoryLine.objects.filter(about_kind="record").order_by("pk").values_list("about_id", "what")
        told: dict[str, list[str]] = {}
        for key, what in lines:
            told.setdefault(key, []).append(what)
        assert told == {found[pk].public_id: note.told for pk, note in self.paper.items() if note.told}

    def _counts(self, person: User, notes: list[OnPaper]) -> None:
        """Accepted days count once and within ten years; what is in review is shown and counts for nothing."""
        accepted = {day for note in notes if note.state == "accepted" for day in note.days - note.refused}
        waiting = {day for note in notes if note.state in ("in-review", "question") for day in note.days}
        today = school_day(self.now)
        facts = facts_of([person.pk], today)[person.pk]
        assert (set(facts.accepted_days), set(facts.in_review_days)) == (accepted, waiting)
        standing, _ = standing_of(person, MODULE_IV, today)
        [days] = [outcome for outcome in standing.requirements if outcome.code == "on-set-days"]
        young = {day for day in accepted if day >= today.replace(year=today.year - 10)}
        assert days.counted == len(young)


def machine() -> type[AnyOrder]:
    """A machine of its own, with nothing counted yet."""
    people = [factories.person(Role.TRAINEE), factories.person(Role.TRAINEE, Role.REGISTRAR)]
    people += [factories.person(Role.REGISTRAR) for _ in range(2)]
    return type("AnyOrderOnce", (AnyOrder,), {"steps": 0, "done": Counter(), "people": people})


@pytest.mark.django_db
@pytest.mark.slow
def test_whatever_is_done_to_records_in_whatever_order_they_say_what_a_notebook_would() -> None:
    walker = machine()
    run_state_machine_as_test(
        walker,
        settings=settings(
            max_examples=STEPS // AN_EXAMPLE + 1,
            stateful_step_count=AN_EXAMPLE,
            deadline=None,
            derandomize="RECORDS" not in os.environ,
            # Finding the shortest way to a fault takes minutes: only for whoever asks for a longer walk.
            phases=list(Phase) if "RECORDS" in os.environ else [Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    assert walker.steps


COMMANDS = {
    *("begin", "save", "send", "answer", "take_back_to_change", "withdraw"),
    *("accept", "reject", "ask", "ask_for_second_eyes", "need_no_second_eyes", "undo"),
}


@pytest.mark.django_db
@pytest.mark.slow
def test_a_walk_at_random_comes_through_every_command() -> None:
    """Hypothesis prefers the same few steps, to find and shrink; this one goes everywhere."""
    walker = machine()
    chance = random.Random(os.environ.get("RECORDS", "records"))  # noqa: S311
    for _ in range(STEPS // AN_EXAMPLE):
        walk, told = walker(), []
        walk.the_first_morning()
        for _ in range(AN_EXAMPLE):
            stale = chance.randrange(8) == 0
            told.append((chance.choice(ACTS), chance.randrange(4), chance.randrange(3), chance.randrange(512), stale))
            try:
                walk.a_step(*told[-1])
                walk.the_notebook_says_the_same()
            except Exception as fault:
                raise AssertionError("\n".join(f"walk.a_step{step}" for step in told)) from fault
        walk.teardown()
    assert set(walker.done) >= COMMANDS, walker.done
