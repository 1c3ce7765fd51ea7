"""The page on which a trainee sees where they stand, and the one thing that mends each missing requirement."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client

from booking.reservations import cancelling, lapses, moving, reserving, waiting
from booking.reservations.models import Reservation, State
from booking.reservations.pathway import pathway
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import statements
from tests.factories import NOW
from tests.pages import text
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites.check import Facts, Standing, check
from workshops.prerequisites.facts import rules_for
from workshops.prerequisites.models import Completion, Waiver
from workshops.prerequisites.records.models import RecordState
from workshops.programme.models import School

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
PAGE = "/where-you-stand/"
RULES = "module-i, module-ii, on-set-days 10 in 10 years, module-iii"

Enter = Callable[[User], Client]


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The moment at which pages are asked for."""
    # Views bind the clock when they are imported, so these pages are given theirs by name.
    for views in ("views", "views_cohorts"):
        monkeypatch.setattr(f"booking.reservations.{views}.current_time", lambda: NOW)
    return StoppedClock(monkeypatch).now


@pytest.fixture
def enter(client: Client, moment: datetime) -> Enter:
    """Sign this person in."""

    def signed_in(person: User) -> Client:
        client.force_login(person)
        return client

    return signed_in


def mend_of(client: Client, code: str) -> tuple[str, str] | None:
    """What the page offers about a requirement."""
    for outcome, mend in client.get(PAGE).context["requirements"]:
        if outcome.code == code:
            return (mend.label, mend.url) if mend else None
    raise AssertionError(code)


# -- the pathway -------------------------------------------------------------------------------------------------------
def stands(facts: Facts) -> Standing:
    return check(rules_for("module-iv"), facts, date(2027, 1, 11))


def test_the_pathway_is_drawn_in_the_order_of_the_rules() -> None:
    days = frozenset(date(2026, 3, day) for day in range(1, 8))
    review = frozenset({date(2026, 5, 1), date(2026, 5, 2)})
    done = {"module-i": date(2026, 1, 1), "module-ii": date(2026, 1, 2)}
    steps = pathway(stands(Facts(completions=done, accepted_days=days, in_review_days=review)), seat="")
    assert [(step.mark, step.state) for step in steps] == [
        ("I", "done"), ("II", "done"), ("10", "now"), ("III", "ahead"), ("IV", "ahead"), ("✓", "ahead"),
    ]  # fmt: skip
    assert (steps[2].note, steps[2].counted, steps[2].with_review) == ("7 accepted, 2 in review, 1 to go", 70, 90)


def test_whoever_has_finished_module_iv_stands_before_certification() -> None:
    steps = pathway(stands(Facts()), seat="", finished_on=date(2027, 1, 2))
    assert [(step.name, step.note, step.state) for step in steps[-2:]] == [
        ("Module IV", "Finished on 2 January 2027", "done"),
        ("Certification", "With a mentor", "now"),
    ]


# -- one thing that mends each missing requirement ---------------------------------------------------------------------
def test_days_that_are_missing_are_added(enter: Enter) -> None:
    client = enter(factories.trainee(lacking="on-set-days"))
    assert mend_of(client, "on-set-days") == ("Add days on set", "/experience/")


def test_days_in_review_that_would_be_enough_are_looked_at(enter: Enter) -> None:
    trainee = factories.trainee(lacking="on-set-days")
    factories.prove_days(trainee, 3, last=date(2026, 8, 5), state=RecordState.IN_REVIEW)
    assert mend_of(enter(trainee), "on-set-days") == ("See your records", "/experience/")


def test_a_question_of_the_school_is_answered_before_anything_else(enter: Enter) -> None:
    trainee = factories.trainee(lacking="on-set-days")
    asked = factories.prove_days(trainee, 1, last=date(2026, 8, 5), state=RecordState.QUESTION)
    client = enter(trainee)
    assert mend_of(client, "on-set-days") == ("Answer the school's question", asked.get_absolute_url())
    assert "The school has a question" in text(client.get(PAGE))


def test_a_question_to_somebody_else_is_not_theirs_to_answer(enter: Enter) -> None:
    factories.prove_days(factories.person(Role.TRAINEE), 1, state=RecordState.QUESTION)
    trainee = factories.trainee(lacking="on-set-days")
    factories.prove_days(trainee, 1, last=date(2026, 8, 5), state=RecordState.IN_REVIEW)
    client = enter(trainee)
    assert mend_of(client, "on-set-days") == ("Add days on set", "/experience/")
    assert "The school has a question" not in text(client.get(PAGE))


def test_a_module_that_is_missing_is_finished_online(enter: Enter) -> None:
    School.objects.update(learning_url="https://learn.example.org/")
    client = enter(factories.trainee(lacking="module-iii"))
    assert mend_of(client, "module-iii") == ("Go to the online modules", "https://learn.example.org/")
    assert mend_of(client, "module-i") is None


def test_a_refusal_offers_the_same(enter: Enter, moment: datetime) -> None:
    cohort = factories.cohort()
    client = enter(factories.trainee(lacking="on-set-days"))
    answer = client.post(f"{cohort.get_absolute_url()}reserve/", {"accept_conduct": "on", "conduct_version": 1})
    assert answer.status_code == 409
    assert "Add days on set" in text(answer)
    assert 'href="/experience/"' in answer.content.decode()


# -- what the page says ------------------------------------------------------------------------------------------------
def test_days_accepted_in_review_and_to_go_are_told_and_how_long_it_takes(enter: Enter) -> None:
    trainee = factories.trainee(lacking="on-set-days")
    factories.prove_days(trainee, 2, last=date(2026, 8, 5), state=RecordState.IN_REVIEW)
    page = text(enter(trainee).get(PAGE))
    assert "7 of 10 days accepted, 2 in review, 1 to go." in page
    assert "You get an e-mail as soon as it is decided." in page
    assert "Between 11 January 2017 and 11 January 2027, 7 days count and 2 days are in review." in page


def test_what_will_age_out_is_told_with_what_would_keep_it(enter: Enter) -> None:
    trainee = factories.trainee(lacking="on-set-days")
    Completion.objects.filter(user=trainee, module__code="module-iii").delete()
    factories.prove_days(trainee, 3, last=date(2017, 3, 5))
    page = text(enter(trainee).get(PAGE))
    assert "3 days stop counting from 4 to 6 March 2027 unless you have access to Module III by then." in page
    assert "On 4 March 2027 they are not enough any more" in page


def test_whoever_has_finished_the_module_is_asked_for_the_day_of_access_and_not_warned(enter: Enter) -> None:
    trainee = factories.trainee(lacking="on-set-days")
    factories.prove_days(trainee, 3, last=date(2017, 3, 5))
    page = text(enter(trainee).get(PAGE))
    assert "You have finished Module III, and the day you got access to it is not on record." in page
    assert "stop counting" not in page
    assert "not enough any more" not in page


def test_too_few_days_before_access_are_told_with_what_can_still_be_done(enter: Enter) -> None:
    trainee = factories.trainee(lacking="on-set-days")
    factories.prove_days(trainee, 2, last=date(2026, 11, 20))
    factories.give_access(trainee, "module-iii", date(2026, 11, 1))
    page = text(enter(trainee).get(PAGE))
    assert "7 of your 9 accepted days count, and 10 are needed, 3 to go." in page
    assert "only days between 1 November 2016 and then can still be added. If you have none, write to the" in page
    assert "7 count, 3 to go" in page
    assert "7 accepted" not in page


def test_the_one_button_mends_what_comes_first_on_the_way(enter: Enter) -> None:
    School.objects.update(learning_url="https://learn.example.org/")
    trainee = factories.trainee(lacking="module-ii")
    factories.prove_days(trainee, 1, last=date(2026, 8, 5), state=RecordState.QUESTION)
    page = enter(trainee).get(PAGE)
    assert page.context["first_mend"].label == "Go to the online modules"
    assert "Answer the school's question" not in text(page)
    assert "The school has a question" in text(page)


def test_a_draft_that_would_be_enough_is_named(enter: Enter) -> None:
    trainee = factories.trainee(lacking="on-set-days")
    begun = factories.prove_days(trainee, 2, last=date(2026, 8, 5), state=RecordState.DRAFT)
    client = enter(trainee)
    assert mend_of(client, "on-set-days") == ("Add days on set", "/experience/")
    factories.prove_days(trainee, 1, last=date(2026, 9, 5), state=RecordState.IN_REVIEW)
    assert mend_of(client, "on-set-days") == (f"Finish and send {begun}", begun.get_absolute_url())


def test_a_draft_of_days_that_are_known_already_would_not_do(enter: Enter) -> None:
    trainee = factories.trainee(lacking="on-set-days")
    for state in (RecordState.IN_REVIEW, RecordState.DRAFT):
        factories.prove_days(trainee, 2, last=date(2026, 8, 5), state=state)
    assert mend_of(enter(trainee), "on-set-days") == ("Add days on set", "/experience/")


def test_with_access_the_days_count_for_good(enter: Enter) -> None:
    trainee = factories.trainee()
    factories.give_access(trainee, "module-iii", date(2026, 11, 1))
    page = text(enter(trainee).get(PAGE))
    assert "What counted on that day counts for good." in page
    assert "stop counting" not in page


def test_someone_without_days_is_told_which_would_count(enter: Enter) -> None:
    page = text(enter(factories.person(Role.TRAINEE)).get(PAGE))
    assert "Days on professional sets since 11 January 2017 count." in page


def test_a_provisional_seat_says_until_when_what_is_missing_must_be_there(enter: Enter, moment: datetime) -> None:
    trainee = factories.trainee()
    held = reserving.hold(factories.cohort(), trainee, now=NOW)
    Completion.objects.filter(user=trainee, module__code="module-iii").delete()
    Reservation.objects.filter(pk=held.pk).update(
        state=State.RESERVED, held_until=None, provisional_until=date(2027, 3, 4)
    )
    page = text(enter(trainee).get(PAGE))
    assert "Your seat is provisional" in page
    assert "by the end of Thursday 4 March 2027 in Los Angeles" in page


def test_someone_whose_days_aged_out_after_they_got_their_seat_reads_that_it_stays(
    enter: Enter, moment: datetime
) -> None:
    trainee = factories.trainee()
    held = reserving.hold(factories.cohort(), trainee, now=NOW)
    Reservation.objects.filter(pk=held.pk).update(state=State.CONFIRMED, held_until=None)
    Completion.objects.filter(user=trainee, module__code="module-iii").delete()
    assert "Your seat stays yours" in text(enter(trainee).get(PAGE))


def test_an_exception_for_one_cohort_is_told_and_counts_where_they_have_a_seat(enter: Enter, moment: datetime) -> None:
    trainee, cohort = factories.trainee(lacking="module-iii"), factories.cohort(title="Spring")
    Waiver.objects.create(user=trainee, requirement="module-iii", reason="Known", given_at=NOW, cohort=cohort)
    client = enter(trainee)
    page = text(client.get(PAGE))
    assert "In Spring the school makes an exception for you: Module III." in page
    assert "One thing is still missing" in page
    reserving.hold(cohort, trainee, now=NOW)
    after = client.get(PAGE)
    assert after.context["standing"].eligible
    assert "makes an exception for you" not in text(after)


def test_the_page_takes_the_same_statements_for_one_record_and_for_many(enter: Enter) -> None:
    trainee = factories.person(Role.TRAINEE)
    factories.prove_days(trainee, 1, state=RecordState.IN_REVIEW)
    client = enter(trainee)
    few = statements(client, PAGE)
    for back in range(20):
        factories.prove_days(trainee, 2, last=date(2026, 8, 5) - timedelta(days=9 * back), state=RecordState.IN_REVIEW)
    assert statements(client, PAGE) == few


# -- the rules that decided stay with what they decided ----------------------------------------------------------------
def rules_in(what: str, reservation: Reservation) -> object:
    """What a line of a reservation's history says of the rules that were asked."""
    return HistoryLine.objects.get(what=what, about_id=reservation.public_id).facts.get("rules")


def test_a_seat_that_is_held_and_one_that_is_moved_to_keep_the_rules_that_let_someone_in() -> None:
    held = reserving.hold(factories.cohort(), factories.trainee(), now=NOW)
    assert rules_in("reservation-held", held) == RULES
    moved = moving.move(held, factories.cohort(), now=NOW, by=held.trainee)
    assert rules_in("reservation-moved", moved) == RULES


def test_an_offer_keeps_the_rules_by_which_its_turn_came() -> None:
    held = reserving.hold(factories.cohort(capacity=1), factories.trainee(), now=NOW)
    waiting.join(held.cohort, factories.trainee(), now=NOW)
    cancelling.cancel(held, now=NOW, by=held.trainee)
    assert rules_in("reservation-offered", Reservation.objects.get(state=State.OFFERED)) == RULES


def test_late_money_that_brings_a_seat_back_keeps_the_rules_that_were_asked_again() -> None:
    held = reserving.hold(factories.cohort(), factories.trainee(), now=NOW)
    with transaction.atomic():
        assert reserving.secure(held, paid_in_full=False, now=NOW + timedelta(days=1), by=None)
    assert rules_in("reservation-reserved", held) == RULES


def test_money_in_time_asks_no_rules_again() -> None:
    held = reserving.hold(factories.cohort(), factories.trainee(), now=NOW)
    with transaction.atomic():
        assert reserving.secure(held, paid_in_full=False, now=NOW, by=None)
    assert rules_in("reservation-reserved", held) is None


def test_a_promise_that_is_kept_keeps_the_rules_by_which_it_was() -> None:
    held = reserving.hold(factories.cohort(), factories.trainee(), now=NOW)
    Reservation.objects.filter(pk=held.pk).update(provisional_until=date(2027, 3, 4))
    lapses.keep_promises(NOW)
    assert rules_in("promise-kept", held) == RULES
