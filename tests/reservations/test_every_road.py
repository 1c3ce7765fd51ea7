"""Every road to a seat, in any order: a state machine that checks what must always hold after every step.

Run longer, or from another start, with `ROADS=20000 .venv/bin/python -m pytest tests/reservations/test_every_road.py`.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from booking.desk.planning import seating
from booking.payments import gateways, paying
from booking.payments.models import Purpose
from booking.reservations import (
    admission,
    calling_off,
    cancelling,
    lifecycle,
    moving,
    offers,
    releasing,
    reserving,
    waiting,
    waitlist,
)
from booking.reservations.models import OWING, Reservation, State, WaitlistEntry
from booking.site.due import do_due
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold, without_prerequisites
from tests.services.databases import on_postgres
from workshops.clock import school_day
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.cohorts.plans import Plan
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact
from workshops.prerequisites.models import Entitlement, WaiverKind
from workshops.prerequisites.waiving import waive
from workshops.programme.models import MODULE_IV, Module

STEPS = int(os.environ.get("ROADS", "400" if on_postgres() else "1000"))
"""For each of the three, on each database: more than 5,000 in all, fewer of them where each step waits for a server."""
AN_EXAMPLE = 40

REFUSALS = (
    admission.Refused,
    lifecycle.HasBegun,
    cancelling.Changed,
    gateways.NoSuchGateway,
    lifecycle.Moved,
    moving.SameCohort,
    moving.TooLate,
    offers.OfferGone,
    paying.AlreadyRecorded,
    paying.HoldRanOut,
    paying.NothingToPay,
    planning.Refused,
    reserving.NotKeptBack,
    waiting.LineChanged,
    waiting.NotWaiting,
    waiting.SeatsAvailable,
    BadFact,
)
"""What the product may answer instead of doing what it is asked; anything else is a fault."""

ROADS = {
    *("hold", "begin", "record_transfer", "cancel", "join", "leave", "set_notice", "accept", "decline", "move", "swap"),
    *("keep_back", "give_out", "place", "resize", "reorder", "waive", "hold_longer", "pay_later", "waive_fee", "close"),
    *("call_off", "reschedule", "take_the_money", "do_due"),
}
"""What a run must have come through at least; a machine that is always refused proves nothing."""

TERMS: list[dict[str, Any]] = [
    {},
    {
        "moving_fee_cents": 15_000,
        "moving_free_days": 300,
        "moving_until_days": 5,
        "release_overdue": True,
        "balance_grace_days": 3,
        "provisional_days": 20,
    },
    {"one_active_seat": False, "offer_hours": 6},
]
ACTS = [
    *("reserve", "reserve_and_pay", "reserve_and_pay", "pay", "pay", "a_transfer_arrives", "cancel", "cancel", "join"),
    *("join", "join", "leave", "need_notice", "say_yes", "say_yes", "say_yes", "say_no", "move", "move", "move"),
    *("swap", "keep_back", "give_out", "give_out", "place", "place", "resize", "reorder", "waive", "hold_longer"),
    *("pay_later", "waive_fee", "waive_fee", "waive_fee", "close_or_reopen", "call_off", "reschedule"),
    *(
        "take_the_money",
        "take_the_money",
        "take_the_money",
        "take_it_elsewhere",
        "place",
        "say_no",
        "time_passes",
        "time_passes",
        "the_worker_looks",
        "the_worker_looks",
    ),
]
"""What may come next. What makes the others interesting comes more often."""
PURPOSES = list(Purpose)
MINUTES = [1, 30, 61, 60 * 7, 60 * 25, 60 * 49, 60 * 24 * 8, 60 * 24 * 20]
cohorts, some = st.sampled_from(range(3)), st.sampled_from(range(8))


School = tuple[User, list[Cohort], list[User]]


def a_school() -> School:
    """A registrar, three small cohorts, and nine people of whom four have a seat and two lack something.

    Most of what is interesting begins when the rooms are nearly full.
    """
    cohorts = [
        factories.cohort(capacity=capacity, starts_on=school_day(NOW) + timedelta(days=days), terms_changed=terms)
        for capacity, days, terms in zip((1, 2, 2), (45, 70, 120), TERMS, strict=True)
    ]
    people = [factories.trainee(lacking=code) for code in ("", "", "", "", "", "on-set-days", "module-iii", "", "")]
    paid_elsewhere(people[4])
    for person, cohort in ((0, 0), (1, 1), (2, 1), (3, 2)):
        made = reserving.hold(cohorts[cohort], people[person], now=NOW)
        paying.begin(made, Purpose.FULL if person % 2 else Purpose.DEPOSIT, "sandbox", by=made.trainee, now=NOW)
    return factories.person(Role.REGISTRAR), cohorts, people


class EveryRoad(RuleBasedStateMachine):
    """Three small cohorts, nine people, a registrar, a worker and a clock."""

    steps = 0
    done: ClassVar[Counter[str]] = Counter()
    """How often each command went through: a machine that is always refused proves nothing."""

    school: ClassVar[School]

    @initialize()
    def the_first_morning(self) -> None:
        self.example = transaction.atomic()
        self.example.__enter__()
        self.now: datetime = NOW
        self.noticed, self.tried = True, False
        self.registrar, self.cohorts, self.people = self.school
        self.references = 0

    def teardown(self) -> None:
        if hasattr(self, "example"):
            transaction.set_rollback(True)
            self.example.__exit__(None, None, None)

    # -- choosing --
    def cohort(self, number: int) -> Cohort:
        return Cohort.objects.select_related("venue", "module").get(pk=self.cohorts[number % len(self.cohorts)].pk)

    def person(self, number: int) -> User:
        return self.people[number % len(self.people)]

    def one(self, number: int, **which: object) -> Reservation | None:
        rows = Reservation.objects.filter(**which).order_by("pk")
        found = list(rows.select_related("cohort__venue", "cohort__module", "trainee"))
        return found[number % len(found)] if found else None

    def entry(self, number: int) -> WaitlistEntry | None:
        found = list(WaitlistEntry.objects.filter(state__in=("waiting", "offered")).order_by("pk"))
        return found[number % len(found)] if found else None

    def attempt(self, do: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Do it, or be refused. What was refused must have changed nothing that matters: the invariants are next."""
        self.tried = True
        try:
            answer = do(*given, now=self.now, **named)
        except REFUSALS as refused:
            return refused
        type(self).done[do.__name__] += 1
        return answer

    @rule(act=st.sampled_from(ACTS), cohort=cohorts, which=some, number=some)
    def a_step(self, act: str, cohort: int, which: int, number: int) -> None:
        """One rule for everything, so that no example leaves a whole kind of step out."""
        type(self).steps += 1
        getattr(self, act)(self.cohort(cohort), which, number)

    # -- what people do --
    def reserve(self, cohort: Cohort, which: int, _number: int) -> None:
        who = self.person(which)
        owed = self.owed_to_others(cohort, who)
        answer = self.attempt(reserving.hold, cohort, who)
        if isinstance(answer, Reservation):
            assert owed is None or owed, "a passer-by got a seat that was owed to the line"

    def owed_to_others(self, cohort: Cohort, who: User) -> bool | None:
        """Whether a seat would be left beyond those owed to the line; None where that is not the question."""
        read = Cohort.objects.with_seats_left(self.now).select_related("module").get(pk=cohort.pk)
        if waitlist.place_of(cohort.pk, who.pk):
            return None
        own = Reservation.objects.filter(cohort=cohort, trainee=who, state__in=("held", "offered")).exists()
        return None if own else waitlist.seats_left(read, waitlist.lines([read], self.now)[read.pk]) > 0

    def reserve_and_pay(self, cohort: Cohort, which: int, number: int) -> None:
        self.reserve(cohort, which, number)
        if found := self.one(0, state=State.HELD, trainee=self.person(which)):
            self.attempt(paying.begin, found, PURPOSES[number % 3], "sandbox", by=found.trainee)

    def pay(self, _cohort: Cohort, which: int, number: int) -> None:
        if found := self.one(which, state__in=OWING):
            gateway = "offline" if number % 4 == 0 else "sandbox"
            self.attempt(paying.begin, found, PURPOSES[number % 3], gateway, by=found.trainee)

    def a_transfer_arrives(self, _cohort: Cohort, which: int, number: int) -> None:
        """For whatever reservation, however late."""
        if found := self.one(which):
            self.references += 1
            reference = f"T{self.references}"
            self.attempt(paying.record_transfer, found, PURPOSES[number % 3], reference=reference, by=self.registrar)

    def cancel(self, _cohort: Cohort, which: int, number: int) -> None:
        if found := self.one(which, state__in=OWING):
            by = self.registrar if number % 3 == 0 else found.trainee
            self.attempt(cancelling.cancel, found, by=by, why="A reason", all_of_it=number == 0)

    def join(self, cohort: Cohort, which: int, number: int) -> None:
        days = {6: 30, 7: 90}.get(number, 0)
        self.attempt(waiting.join, cohort, self.person(which), notice_days=days)

    def leave(self, _cohort: Cohort, which: int, _number: int) -> None:
        if found := self.entry(which):
            self.attempt(waiting.leave, found, by=found.trainee)

    def need_notice(self, _cohort: Cohort, which: int, number: int) -> None:
        if found := self.entry(which):
            self.attempt(waiting.set_notice, found, number * 12, by=found.trainee)

    def say_yes(self, _cohort: Cohort, which: int, _number: int) -> None:
        if found := self.one(which, state=State.OFFERED):
            self.attempt(moving.accept, found, by=found.trainee)

    def say_no(self, _cohort: Cohort, which: int, _number: int) -> None:
        if found := self.one(which, state=State.OFFERED):
            self.attempt(offers.decline, found, by=found.trainee)

    def move(self, cohort: Cohort, which: int, number: int) -> None:
        if found := self.one(which, state__in=OWING):
            self._move(found, cohort, self.registrar if number % 3 == 0 else found.trainee)

    def take_it_elsewhere(self, cohort: Cohort, which: int, _number: int) -> None:
        """The school has cancelled their cohort, and they choose another one."""
        if found := self.one(which, choose_until__isnull=False):
            self._move(found, cohort, found.trainee)

    def _move(self, found: Reservation, cohort: Cohort, by: User) -> None:
        before = (found.state, found.cohort_id)
        if not isinstance(self.attempt(moving.move, found, cohort, by=by, why="A reason"), Reservation):
            found.refresh_from_db()
            assert (found.state, found.cohort_id) == before

    def take_the_money(self, _cohort: Cohort, which: int, _number: int) -> None:
        if found := self.one(which, choose_until__isnull=False):
            self.attempt(cancelling.take_the_money, found, by=found.trainee)

    # -- what the registrar does --
    def swap(self, _cohort: Cohort, which: int, number: int) -> None:
        first, second = self.one(which, state__in=OWING), self.one(which + number + 1, state__in=OWING)
        if first and second and first != second:
            self.attempt(moving.swap, first, second, by=self.registrar, why="A reason")

    def keep_back(self, cohort: Cohort, _which: int, number: int) -> None:
        self.attempt(seating.keep_back, cohort, number % 3 + 1, by=self.registrar, why="A reason")

    def give_out(self, cohort: Cohort, _which: int, _number: int) -> None:
        if kept := cohort.seats.filter(status="blocked").first():
            self.attempt(seating.give_out, cohort, kept.number, by=self.registrar, why="A reason")

    def place(self, cohort: Cohort, which: int, _number: int) -> None:
        if kept := cohort.seats.filter(status="blocked").first():
            who = self.person(which)
            self.attempt(reserving.place, cohort, who, kept.number, by=self.registrar, why="A reason")

    def resize(self, cohort: Cohort, _which: int, number: int) -> None:
        self.attempt(seating.resize, cohort, number % 3 + 1, by=self.registrar)

    def reorder(self, cohort: Cohort, which: int, _number: int) -> None:
        in_turn = WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn()
        order = list(in_turn.values_list("public_id", flat=True))
        if order:
            turn = which % len(order)
            self.attempt(waiting.reorder, cohort, order[turn:] + order[:turn], by=self.registrar, why="A reason")

    def waive(self, _cohort: Cohort, which: int, _number: int) -> None:
        who = self.people[5 + which % 2]
        if which < 6:
            return  # those who lack something are to lack it for a while
        for code in ("on-set-days", "module-iii"):
            self.attempt(waive, who, code, kind=WaiverKind.WAIVER, reason="A reason", by=self.registrar)
        self.attempt(releasing.offer_everywhere)

    def hold_longer(self, _cohort: Cohort, which: int, number: int) -> None:
        if found := self.one(which, state=State.HELD):
            until = self.now + timedelta(hours=1 + number * 12)
            self.attempt(lifecycle.hold_longer, found, until=until, why="A reason", by=self.registrar)

    def pay_later(self, _cohort: Cohort, which: int, number: int) -> None:
        if found := self.one(which, state__in=OWING):
            until = school_day(self.now) + timedelta(days=1 + number * 4)
            self.attempt(lifecycle.pay_later, found, until=until, why="A reason", by=self.registrar)

    def waive_fee(self, _cohort: Cohort, which: int, _number: int) -> None:
        if found := self.one(which, fee_cents__gt=0, state__in=OWING):
            self.attempt(cancelling.waive_fee, found, by=self.registrar, why="A reason")

    def close_or_reopen(self, cohort: Cohort, _which: int, number: int) -> None:
        if cohort.status == CohortStatus.PUBLISHED and number < 4:
            self.attempt(planning.close, cohort, by=self.registrar)
        elif cohort.status == CohortStatus.CLOSED:
            Cohort.objects.filter(pk=cohort.pk).update(status=CohortStatus.PUBLISHED)  # the checklist is not the matter
        self.attempt(releasing.offer_everywhere)

    def call_off(self, cohort: Cohort, _which: int, number: int) -> None:
        if number == 0:  # whatever follows is less interesting
            self.attempt(calling_off.call_off, cohort, by=self.registrar, why="The venue has burnt down.")

    def reschedule(self, cohort: Cohort, _which: int, number: int) -> None:
        if cohort.status in (CohortStatus.PUBLISHED, CohortStatus.CLOSED):
            plan = shifted(planning.plan_of(cohort), number * 3 - 8)
            self.attempt(calling_off.reschedule, cohort, plan, by=self.registrar, reason="The stage is taken.")
            self.attempt(releasing.offer_everywhere)

    # -- what time does --
    def time_passes(self, _cohort: Cohort, _which: int, number: int) -> None:
        """Nobody looks after anything meanwhile: what ran out has run out all the same."""
        self.tried = True
        self.now += timedelta(minutes=MINUTES[number])
        self.noticed = False

    def the_worker_looks(self, _cohort: Cohort, _which: int, _number: int) -> None:
        done = self.attempt(do_due)
        assert not done.failed
        assert not any({**do_due(self.now).counts, "messages": 0}.values()), "a second look found more to do"
        self.noticed = True

    @invariant()
    def what_must_always_hold(self) -> None:
        if hasattr(self, "now"):
            assert_all_hold(self.now, noticed=self.noticed)
            assert list(without_prerequisites(self.now)) == []


def paid_elsewhere(person: User) -> None:
    """Someone whose seat was paid for elsewhere."""
    Entitlement.objects.create(
        user=person, module=Module.objects.get(code=MODULE_IV), source="Package", recorded_at=NOW
    )


def shifted(plan: Plan, days: int) -> Plan:
    """The same plan, so many days later."""
    by = timedelta(days=days)
    moved = tuple(replace(day, starts_at=day.starts_at + by, ends_at=day.ends_at + by) for day in plan.days)
    close = min(plan.bookings_close_at, min(day.starts_at for day in moved) - timedelta(hours=9))
    return replace(plan, days=moved, bookings_close_at=close)


def machine() -> type[EveryRoad]:
    """A machine of its own, with nothing counted yet, in a school of its own."""
    return type("EveryRoadOnce", (EveryRoad,), {"steps": 0, "done": Counter(), "school": a_school()})


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.parametrize("half", [1, 2])
def test_whatever_anyone_does_in_whatever_order_the_seats_the_line_and_the_books_agree(half: int) -> None:
    walker = machine()
    run_state_machine_as_test(
        walker,
        settings=settings(
            max_examples=STEPS // AN_EXAMPLE + STEPS // 200 + 1,
            stateful_step_count=AN_EXAMPLE,
            deadline=None,
            derandomize=half == 1 and "ROADS" not in os.environ,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    assert walker.steps >= STEPS


@pytest.mark.django_db
@pytest.mark.slow
def test_a_walk_at_random_comes_through_every_road() -> None:
    """Hypothesis prefers the same few steps again and again, to find and shrink; this one goes everywhere."""
    walker = machine()
    chance = random.Random(os.environ.get("ROADS", "roads"))  # noqa: S311
    for _ in range(STEPS // AN_EXAMPLE):
        walk, told = walker(), []
        walk.the_first_morning()
        for _ in range(AN_EXAMPLE):
            try:
                walk.tried = False
                while not walk.tried:  # what there is nothing to do about is no step
                    told.append((chance.choice(ACTS), chance.randrange(3), chance.randrange(8), chance.randrange(8)))
                    walk.a_step(*told[-1])
                walk.what_must_always_hold()
            except Exception as fault:
                raise AssertionError("\n".join(f"walk.a_step{step}" for step in told)) from fault
        walk.teardown()
    assert on_postgres() or set(walker.done) >= ROADS, walker.done
