"""The facts of people, read by hand-written SQL, are what the models say of them."""

import random
from datetime import date, timedelta

import pytest
from django.db.models import F, Q
from pytest_django import DjangoAssertNumQueries

from tests import factories
from tests.factories import NOW
from workshops.cohorts.models import Cohort
from workshops.people.models import Role, User
from workshops.prerequisites.check import Facts
from workshops.prerequisites.facts import facts_of, standings_of
from workshops.prerequisites.models import Completion, Entitlement, Waiver, WaiverKind
from workshops.prerequisites.records.models import OnSetDay, RecordState
from workshops.programme.in_force import programme_now
from workshops.programme.models import Module

pytestmark = pytest.mark.django_db
TODAY = date(2027, 1, 11)
CODES = ("module-i", "module-ii", "module-iii", "on-set-days")


def by_the_models(user: User, today: date, cohort_id: int | None) -> Facts:
    """The same question, asked in the slow and obvious way."""
    waivers = Waiver.objects.in_force(today).filter(Q(cohort=None) | Q(cohort_id=cohort_id), user=user)

    def days(*states: RecordState) -> frozenset[date]:
        counted = OnSetDay.objects.filter(record__user=user, record__state__in=states, is_refused=False)
        return frozenset(counted.values_list("day", flat=True))

    def waived(kind: WaiverKind) -> dict[str, date | None]:
        given: dict[str, date | None] = {}
        for waiver in waivers.filter(kind=kind).order_by(F("until").asc(nulls_last=True)):
            given[waiver.requirement] = waiver.until
        return given

    return Facts(
        completions=dict(user.completions.values_list("module__code", "completed_on")),
        access=dict(user.accesses.values_list("module__code", "granted_on")),
        accepted_days=days(RecordState.ACCEPTED),
        in_review_days=days(RecordState.IN_REVIEW, RecordState.QUESTION),
        waived=waived(WaiverKind.WAIVER),
        accepted_before=waived(WaiverKind.BEFORE),
        entitled=frozenset(user.entitlements.values_list("module__code", flat=True)),
    )


def somebody(chance: random.Random, cohorts: list[Cohort]) -> User:
    """Someone with a path of their own: anything may be there, taken back, for one cohort only, or past its day."""
    user = factories.person(Role.TRAINEE)
    modules = list(Module.objects.all())
    for module in chance.sample(modules, chance.randint(0, 3)):
        on = TODAY - timedelta(days=chance.randint(0, 4000))
        Completion.objects.create(user=user, module=module, completed_on=on, recorded_at=NOW)
    for module in chance.sample(modules, chance.randint(0, 2)):
        factories.give_access(user, module.code, TODAY - timedelta(days=chance.randint(0, 900)))
    for module in chance.sample(modules, chance.randint(0, 1)):
        Entitlement.objects.create(user=user, module=module, source="Package", recorded_at=NOW)
    for _ in range(chance.randint(0, 4)):
        last = TODAY - timedelta(days=chance.randint(0, 4000))
        record = factories.prove_days(user, chance.randint(1, 6), last=last, state=chance.choice(list(RecordState)))
        if chance.random() < 0.3:
            record.days.filter(day=last).update(is_refused=True)
    for _ in range(chance.randint(0, 4)):
        Waiver.objects.create(
            user=user,
            requirement=chance.choice(CODES),
            kind=chance.choice(list(WaiverKind)),
            cohort=chance.choice([None, *cohorts]),
            reason="Known to the school",
            until=chance.choice([None, TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=1)]),
            given_at=NOW,
            revoked_at=chance.choice([None, None, NOW]),
        )
    return user


@pytest.mark.parametrize("seed", range(4))
def test_facts_are_what_the_models_say_of_one_person_and_of_many(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  (no secret)
    cohorts = [factories.cohort(), factories.cohort()]
    people = [somebody(chance, cohorts) for _ in range(8)]
    for cohort_id in (None, *(cohort.pk for cohort in cohorts)):
        for today in (TODAY, TODAY + timedelta(days=1)):
            expected = {person.pk: by_the_models(person, today, cohort_id) for person in people}
            assert facts_of(list(expected), today, cohort_id) == expected
            for person in people:
                assert facts_of([person.pk], today, cohort_id) == {person.pk: expected[person.pk]}


def test_somebody_the_school_knows_nothing_about_has_no_facts() -> None:
    stranger = factories.person(Role.TRAINEE)
    assert facts_of([stranger.pk], TODAY) == {stranger.pk: Facts()}
    assert facts_of([], TODAY) == {}


def test_the_standings_of_a_whole_line_take_two_statements(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """The revision of the programme, and the facts of everybody."""
    people = [factories.trainee() for _ in range(3)] + [factories.trainee(lacking="on-set-days")]
    programme_now()
    with django_assert_num_queries(2):
        standings = standings_of(people, "module-iv", TODAY)
    assert [standings[person.pk].eligible for person in people] == [True, True, True, False]
