"""A record in several hands at once: one decision, about what was seen, told once; and its negative controls.

The guards stand one behind the other: the revision that whoever acts had before them, the lock under which it is
compared, the conditional update of the state, and the constraint that one review at most is in force. Each is taken
out in turn. Where two must meet in the middle of a command, that is PostgreSQL's alone: SQLite lets one writer in at a
time.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import F

from tests import factories
from tests.concurrency.racing import cross, heard, names
from tests.factories import NOW
from tests.prerequisites.invariants import assert_records_hold, broken_records
from tests.prerequisites.paper import THREE_DAYS, drafted, sent
from tests.services.databases import at_once
from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.messages.models import Message
from workshops.people.models import Role, User
from workshops.prerequisites.facts import facts_of
from workshops.prerequisites.records import lifecycle, reviewing, writing
from workshops.prerequisites.records.lifecycle import ChangedMeanwhile, NotPossible
from workshops.prerequisites.records.models import OnSetRecord, RecordState, RejectReason, Review

pytestmark = pytest.mark.usefixtures("fresh_database")

OTHER_DAYS = (date(2026, 5, 11), date(2026, 5, 12))
DECIDED = ("record-accepted", "record-accepted-in-part", "record-rejected")
LONG = 20.0
"""So long the first may wait for someone who can go on; a test that waits for it has failed anyway."""
MOMENT = 0.5
"""So long the first waits for someone whom a guard keeps from going on."""


@pytest.fixture
def ana() -> User:
    """The trainee whose record it is."""
    return factories.person(Role.TRAINEE, name="Ana Lima")


@pytest.fixture
def desk() -> list[User]:
    """Three registrars."""
    return [factories.person(Role.REGISTRAR) for _ in range(3)]


def now_there(it: OnSetRecord) -> OnSetRecord:
    """The record as a page reads it."""
    return OnSetRecord.objects.select_related("user").get(pk=it.pk)


def accepting(it: OnSetRecord, by: User, **changed: Any) -> Callable[[], object]:
    """Accept what the page showed."""
    return partial(reviewing.accept, it, changed.pop("days", None), revision=it.revision, by=by, now=NOW, **changed)


def rejecting(it: OnSetRecord, by: User) -> Callable[[], object]:
    """Do not accept what the page showed."""
    words, reason = "The letter names nobody.", RejectReason.NOT_PROVEN
    return partial(reviewing.reject, it, reason=reason, words=words, revision=it.revision, by=by, now=NOW)


def undoing(it: OnSetRecord, by: User) -> Callable[[], object]:
    """Take back the decision that the page showed."""
    return partial(reviewing.undo, it, "Two days were overlooked.", revision=it.revision, by=by, now=NOW)


def asking(it: OnSetRecord, by: User) -> Callable[[], object]:
    """Ask the trainee about what the page showed."""
    words = "Which of the two units was this?"
    return partial(reviewing.ask, it, words, revision=it.revision, title="it", link="/", by=by, now=NOW)


def saving(it: OnSetRecord, **fields: object) -> Callable[[], object]:
    """Save what was typed over what the page showed."""
    return partial(writing.save, it, fields, OTHER_DAYS, revision=it.revision, now=NOW)


def sending(it: OnSetRecord) -> Callable[[], object]:
    """Send what the page showed."""
    return partial(writing.send, it, revision=it.revision, by=it.user, now=NOW)


def taking_back(it: OnSetRecord) -> Callable[[], object]:
    """Take it back to change it."""
    return partial(writing.take_back_to_change, it, revision=it.revision, by=it.user, now=NOW)


def withdrawing(it: OnSetRecord) -> Callable[[], object]:
    """Take it back for good."""
    return partial(writing.withdraw, it, by=it.user, now=NOW)


def answering(it: OnSetRecord) -> Callable[[], object]:
    """Answer what was asked."""
    told: dict[str, Any] = {"person": it.user, "author": it.user, "title": "it", "link": "/", "now": NOW}
    return partial(writing.answer, it, words="The first one.", **told)


def asked(it: OnSetRecord, by: User) -> OnSetRecord:
    """The same record, with a question open."""
    asking(it, by)()
    return now_there(it)


def in_force(it: OnSetRecord) -> int:
    """How many reviews of it are in force."""
    return Review.objects.filter(record=it, undone_at=None).count()


def notices() -> int:
    """How many e-mails told of a decision."""
    return Message.objects.filter(kind__in=DECIDED).count()


# -- several decide at once --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("trial", range(3))
def test_of_several_who_decide_at_once_one_does_and_the_others_hear_that_it_has_changed(
    ana: User, desk: list[User], trial: int
) -> None:
    it = sent(ana)
    some = frozenset(THREE_DAYS[: trial + 1])
    answers = at_once(accepting(it, desk[0]), rejecting(it, desk[1]), accepting(it, desk[2], days=some))
    assert heard(answers, ChangedMeanwhile) == {"Review": 1, "ChangedMeanwhile": 2}
    assert (in_force(it), notices()) == (1, 1)
    assert_records_hold()


def test_a_registrar_who_clicks_twice_has_decided_once(ana: User, desk: list[User]) -> None:
    it = sent(ana)
    answers = at_once(*[accepting(it, desk[0])] * 4)
    assert heard(answers, ChangedMeanwhile) == {"Review": 1, "ChangedMeanwhile": 3}
    assert (in_force(it), notices()) == (1, 1)
    assert_records_hold()


def test_a_decision_a_question_and_a_wish_for_second_eyes_at_once_leave_one_of_them(
    ana: User, desk: list[User]
) -> None:
    it = sent(ana)
    wish = partial(reviewing.ask_for_second_eyes, it, "Is this a set?", revision=it.revision, by=desk[2], now=NOW)
    answers = at_once(accepting(it, desk[0]), asking(it, desk[1]), wish)
    told = heard(answers, ChangedMeanwhile)
    assert told["ChangedMeanwhile"] == 2
    now = now_there(it)
    assert in_force(it) == (now.state == RecordState.ACCEPTED)
    assert (now.second_eyes_by_id is not None) == (not isinstance(answers[2], Exception))
    assert_records_hold()


# -- the school decides while the trainee acts -------------------------------------------------------------------------
@pytest.mark.parametrize("trial", range(3))
def test_a_decision_while_the_trainee_changes_the_dates_is_about_the_dates_that_were_seen(
    ana: User, desk: list[User], trial: int
) -> None:
    """Whoever comes second hears of it: nobody accepts dates that they never saw, nothing changes once accepted."""
    it = asked(sent(ana), desk[0])
    answers = at_once(saving(it), accepting(it, desk[1 + trial % 2]))
    told = heard(answers, ChangedMeanwhile, NotPossible)
    assert sum(told[name] for name in told if name in ("ChangedMeanwhile", "NotPossible")) == 1
    counts = facts_of([ana.pk], NOW.date())[ana.pk].accepted_days
    assert counts == (frozenset() if isinstance(answers[1], Exception) else frozenset(THREE_DAYS))
    assert_records_hold()


@pytest.mark.parametrize("trial", range(3))
def test_a_decision_while_the_trainee_takes_it_back_to_change_it_is_one_or_the_other(
    ana: User, desk: list[User], trial: int
) -> None:
    it = sent(ana)
    decide = rejecting(it, desk[0]) if trial == 1 else accepting(it, desk[0])
    answers = at_once(taking_back(it), decide)
    assert heard(answers, ChangedMeanwhile)["ChangedMeanwhile"] == 1
    assert (now_there(it).state == RecordState.DRAFT) == (not isinstance(answers[0], Exception))
    assert_records_hold()


@pytest.mark.parametrize("trial", range(3))
def test_whoever_withdraws_while_it_is_decided_has_withdrawn(ana: User, desk: list[User], trial: int) -> None:
    """Whichever comes first: none of its days count."""
    it = sent(ana)
    answers = at_once(accepting(it, desk[trial]), withdrawing(it), rejecting(it, desk[trial - 1]))
    heard(answers, ChangedMeanwhile)
    assert now_there(it).state == RecordState.WITHDRAWN
    facts = facts_of([ana.pk], NOW.date())[ana.pk]
    assert (facts.accepted_days, facts.in_review_days) == (frozenset(), frozenset())
    assert_records_hold()


def test_a_decision_while_the_trainee_answers_and_sends_again_is_about_what_was_seen(
    ana: User, desk: list[User]
) -> None:
    for _ in range(2):
        it = asked(sent(ana), desk[0])
        answers = at_once(answering(it), sending(it), accepting(it, desk[1]))
        heard(answers, ChangedMeanwhile, NotPossible)
        decided = not isinstance(answers[2], Exception)
        assert now_there(it).state == (RecordState.ACCEPTED if decided else RecordState.IN_REVIEW)
        assert in_force(it) == decided
        assert_records_hold()


# -- the trainee in two tabs -------------------------------------------------------------------------------------------
def test_of_two_tabs_that_save_at_once_one_is_kept_whole_and_the_other_hears_of_it(ana: User) -> None:
    for _ in range(2):
        it = drafted(ana)
        first = partial(writing.save, it, {"role": "Dresser"}, OTHER_DAYS[:1], revision=it.revision, now=NOW)
        second = partial(writing.save, it, {"role": "Cutter"}, OTHER_DAYS[1:], revision=it.revision, now=NOW)
        assert heard(at_once(first, second), ChangedMeanwhile) == {"OnSetRecord": 1, "ChangedMeanwhile": 1}
        found = now_there(it)
        there = (found.role, *found.days.values_list("day", flat=True))
        assert there in {("Dresser", OTHER_DAYS[0]), ("Cutter", OTHER_DAYS[1])}
        withdrawing(it)()


def test_of_two_who_send_at_once_one_sends_and_the_history_tells_of_it_once(ana: User) -> None:
    it = drafted(ana)
    answers = at_once(*[sending(it)] * 3)
    assert heard(answers, ChangedMeanwhile) == {"OnSetRecord": 1, "ChangedMeanwhile": 2}
    assert HistoryLine.objects.filter(what="record-sent").count() == 1
    assert_records_hold()


def test_what_is_saved_while_it_is_sent_is_in_what_was_sent_or_was_refused(ana: User) -> None:
    for _ in range(3):
        it = drafted(ana)
        answers = at_once(saving(it), sending(it))
        assert heard(answers, ChangedMeanwhile, NotPossible)["OnSetRecord"] == 1
        assert (now_there(it).state == RecordState.DRAFT) == isinstance(answers[1], Exception)
        withdrawing(it)()
        assert_records_hold()


def test_four_clicks_on_a_new_record_begin_one_draft(ana: User) -> None:
    heard(at_once(*[partial(writing.begin, ana, now=NOW)] * 4))
    assert OnSetRecord.objects.count() == 1


# -- taking back a decision --------------------------------------------------------------------------------------------
def test_of_two_who_take_a_decision_back_one_does_and_the_trainee_hears_once(ana: User, desk: list[User]) -> None:
    it = sent(ana)
    accepting(it, desk[0])()
    shown = now_there(it)
    answers = at_once(*(undoing(shown, each) for each in desk))
    assert heard(answers, ChangedMeanwhile) == {"OnSetRecord": 1, "ChangedMeanwhile": 2}
    assert (in_force(it), Message.objects.filter(kind="record-undone").count()) == (0, 1)
    assert_records_hold()


def test_taking_back_while_somebody_decides_anew_never_takes_back_the_new_decision(ana: User, desk: list[User]) -> None:
    """The second registrar has seen that it was taken back, and decides; the third still reads the first decision."""
    it = sent(ana)
    accepting(it, desk[0])()
    shown = now_there(it)
    after_it = now_there(it)
    after_it.revision += 1
    answers = at_once(undoing(shown, desk[0]), rejecting(after_it, desk[1]), undoing(shown, desk[2]))
    heard(answers, ChangedMeanwhile)
    assert names([answers[0], answers[2]]) == {"OnSetRecord": 1, "ChangedMeanwhile": 1}
    decided = not isinstance(answers[1], Exception)
    assert now_there(it).state == (RecordState.REJECTED if decided else RecordState.IN_REVIEW)
    assert in_force(it) == decided
    assert_records_hold()


# -- the revision that whoever acts had before them --------------------------------------------------------------------
def without_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the record says by now is taken for what was seen."""
    for module in (reviewing, writing):
        monkeypatch.setattr(module, "as_seen", lambda it, _: lifecycle.locked(it))
    save = writing.save  # compares by itself, since what says so already is no change

    def save_whatever_it_is(it: OnSetRecord, *given: Any, revision: int, now: Any) -> OnSetRecord:
        return save(it, *given, revision=now_there(it).revision, now=now)

    monkeypatch.setattr(writing, "save", save_whatever_it_is)


def accepted_as_it_was_before(ana: User, desk: list[User]) -> object:
    """A page stays open while the trainee takes the record back, writes other dates and sends it again."""
    it = shown = sent(ana)
    taking_back(it)()
    saving(now_there(it))()
    sending(now_there(it))()
    try:
        return accepting(shown, desk[0])()
    except ChangedMeanwhile as problem:
        return problem


def test_an_old_page_accepts_no_dates_that_it_never_showed(ana: User, desk: list[User]) -> None:
    assert isinstance(accepted_as_it_was_before(ana, desk), ChangedMeanwhile)
    assert facts_of([ana.pk], NOW.date())[ana.pk].accepted_days == frozenset()
    assert_records_hold()


def test_without_the_revision_dates_count_that_no_registrar_has_seen(
    ana: User, desk: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_revision(monkeypatch)
    assert isinstance(accepted_as_it_was_before(ana, desk), Review)
    assert facts_of([ana.pk], NOW.date())[ana.pk].accepted_days == frozenset(OTHER_DAYS)


def second_undone(ana: User, desk: list[User]) -> OnSetRecord:
    """A decision is taken back and made again; a page that still shows the first one takes it back."""
    it = sent(ana)
    accepting(it, desk[0])()
    shown = now_there(it)
    undoing(shown, desk[0])()
    rejecting(now_there(it), desk[1])()
    with suppress(ChangedMeanwhile):
        undoing(shown, desk[2])()
    return now_there(it)


def test_an_old_page_takes_back_no_decision_that_it_never_showed(ana: User, desk: list[User]) -> None:
    assert second_undone(ana, desk).state == RecordState.REJECTED
    assert_records_hold()


def test_without_the_revision_a_decision_is_taken_back_that_nobody_meant(
    ana: User, desk: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_revision(monkeypatch)
    assert second_undone(ana, desk).state == RecordState.IN_REVIEW


def saved_over(ana: User) -> str:
    """Two tabs save one after the other; what the record says of the role then."""
    it = drafted(ana)
    saving(it, role="Dresser")()
    with suppress(ChangedMeanwhile):
        saving(it, role="Cutter")()
    return now_there(it).role


def test_a_second_tab_does_not_save_over_what_the_first_has_saved(ana: User) -> None:
    assert saved_over(ana) == "Dresser"


def test_without_the_revision_what_the_first_tab_saved_is_gone(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    without_revision(monkeypatch)
    assert saved_over(ana) == "Cutter"


# -- the lock, and what stands behind it -------------------------------------------------------------------------------
def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is read, and its row left unlocked."""
    monkeypatch.setattr(lifecycle, "locked", now_there)
    monkeypatch.setattr(writing, "locked", now_there)


def without_conditional_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is written whatever it was."""

    def move(it: OnSetRecord, to: RecordState, what: str, *, by: User, now: Any, why: str = "", facts: Any = None,
             **fields: Any) -> None:  # fmt: skip
        changes = {"state": to, "changed_at": now, **fields}
        OnSetRecord.objects.filter(pk=it.pk).update(revision=F("revision") + 1, **changes)
        it.state, it.revision = to, it.revision + 1
        record(what, about=lifecycle.about(it), person=it.user, by=by, now=now, why=why, **(facts or {}))

    for module in (reviewing, writing):
        monkeypatch.setattr(module, "move", move)


@pytest.fixture
def without_constraint(fresh_database: str) -> None:
    """The database lets several reviews be in force. It is thrown away after the test."""
    name = "review_in_force_once"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {name}")
        if connection.vendor == "sqlite":
            connection.close()  # a statement that was prepared before would still know it


@pytest.fixture
def decided_by_two(ana: User, desk: list[User], monkeypatch: pytest.MonkeyPatch) -> Callable[[float], list[object]]:
    """Two registrars accept; the first stops when the record was read and its days were looked at."""

    def both(patience: float) -> list[object]:
        it = sent(ana)
        return cross(
            monkeypatch,
            accepting(it, desk[0]),
            accepting(it, desk[1]),
            after=(reviewing, "flags_of"),
            patience=patience,
        )

    return both


def test_with_its_lock_the_second_decision_waits_and_hears_that_it_has_changed(
    decided_by_two: Callable[[float], list[object]],
) -> None:
    assert heard(decided_by_two(MOMENT), ChangedMeanwhile) == {"Review": 1, "ChangedMeanwhile": 1}
    assert notices() == 1
    assert_records_hold()


@pytest.mark.postgres
def test_without_the_lock_the_constraint_still_lets_one_review_be_in_force(
    decided_by_two: Callable[[float], list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second hears of it as a fault and not in words: that is what the lock is for."""
    without_lock(monkeypatch)
    assert names(decided_by_two(LONG)) == {"Review": 1, "IntegrityError": 1}
    assert notices() == 1
    assert_records_hold()


@pytest.mark.postgres
@pytest.mark.usefixtures("without_constraint")
def test_without_lock_and_constraint_the_conditional_update_takes_the_second_back(
    decided_by_two: Callable[[float], list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_lock(monkeypatch)
    assert heard(decided_by_two(LONG), ChangedMeanwhile) == {"Review": 1, "ChangedMeanwhile": 1}
    assert notices() == 1
    assert_records_hold()


@pytest.mark.postgres
@pytest.mark.usefixtures("without_constraint")
def test_without_all_three_a_record_is_decided_twice_and_its_trainee_told_twice(
    decided_by_two: Callable[[float], list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_lock(monkeypatch)
    without_conditional_update(monkeypatch)
    assert names(decided_by_two(LONG)) == {"Review": 2}
    assert notices() == 2
    assert any("2 reviews in force" in each for each in broken_records())


@pytest.mark.postgres
def test_without_lock_and_conditional_update_the_constraint_still_stands(
    decided_by_two: Callable[[float], list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_lock(monkeypatch)
    without_conditional_update(monkeypatch)
    assert names(decided_by_two(LONG)) == {"Review": 1, "IntegrityError": 1}
    assert_records_hold()


@pytest.fixture
def changed_as_it_is_accepted(
    ana: User, desk: list[User], monkeypatch: pytest.MonkeyPatch
) -> Callable[[float], list[object]]:
    """The trainee saves other dates, after a question, when the registrar's command has just read the old ones."""

    def both(patience: float) -> list[object]:
        it = asked(sent(ana), desk[0])
        return cross(monkeypatch, accepting(it, desk[1]), saving(it), after=(reviewing, "flags_of"), patience=patience)

    return both


def test_with_its_lock_a_decision_keeps_the_dates_from_changing_under_it(
    changed_as_it_is_accepted: Callable[[float], list[object]], ana: User
) -> None:
    answers = changed_as_it_is_accepted(MOMENT)
    assert heard(answers, ChangedMeanwhile) == {"Review": 1, "ChangedMeanwhile": 1}
    assert facts_of([ana.pk], NOW.date())[ana.pk].accepted_days == frozenset(THREE_DAYS)
    assert_records_hold()


@pytest.mark.postgres
def test_without_the_lock_the_conditional_update_still_keeps_unseen_dates_from_counting(
    changed_as_it_is_accepted: Callable[[float], list[object]], monkeypatch: pytest.MonkeyPatch, ana: User
) -> None:
    without_lock(monkeypatch)
    assert heard(changed_as_it_is_accepted(LONG), ChangedMeanwhile) == {"OnSetRecord": 1, "ChangedMeanwhile": 1}
    assert facts_of([ana.pk], NOW.date())[ana.pk].accepted_days == frozenset()
    assert_records_hold()


@pytest.mark.postgres
def test_without_lock_and_conditional_update_dates_count_that_came_in_between(
    changed_as_it_is_accepted: Callable[[float], list[object]], monkeypatch: pytest.MonkeyPatch, ana: User
) -> None:
    without_lock(monkeypatch)
    without_conditional_update(monkeypatch)
    assert names(changed_as_it_is_accepted(LONG)) == {"Review": 1, "OnSetRecord": 1}
    assert facts_of([ana.pk], NOW.date())[ana.pk].accepted_days == frozenset(OTHER_DAYS)
    assert any("was decided about 3 days and has 2" in each for each in broken_records())


# -- the constraint alone ----------------------------------------------------------------------------------------------
def two_reviews(it: OnSetRecord, by: User) -> None:
    """Two decisions in force, written past every command."""
    for _ in range(2):
        Review.objects.create(record=it, outcome="accepted", accepted=3, of=3, rules="", at=NOW, by=by)


def test_the_database_itself_keeps_a_record_from_two_reviews_in_force(ana: User, desk: list[User]) -> None:
    with pytest.raises(IntegrityError):
        two_reviews(sent(ana), desk[0])


@pytest.mark.usefixtures("without_constraint")
def test_without_its_constraint_the_database_would_keep_both(ana: User, desk: list[User]) -> None:
    it = sent(ana)
    two_reviews(it, desk[0])
    assert in_force(it) == 2


# -- much at once ------------------------------------------------------------------------------------------------------
def test_whatever_a_trainee_and_three_registrars_do_at_once_the_record_and_its_story_agree(
    ana: User, desk: list[User]
) -> None:
    later = NOW + timedelta(hours=1)
    for _ in range(3):
        it = asked(sent(ana), desk[0])
        heard(
            at_once(
                accepting(it, desk[0]),
                accepting(it, desk[1], days=frozenset(THREE_DAYS[:1])),
                rejecting(it, desk[2]),
                undoing(it, desk[2]),
                saving(it),
                sending(it),
                answering(it),
                partial(reviewing.ask_for_second_eyes, it, "Look.", revision=it.revision, by=desk[0], now=later),
            ),
            ChangedMeanwhile,
            NotPossible,
        )
        assert_records_hold()
        withdrawing(it)()
        assert_records_hold()
