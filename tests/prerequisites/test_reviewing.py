"""What a registrar does with a record of days on set: every move that is allowed, and every one that is refused."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from tests import factories
from tests.factories import NOW
from tests.pages import text
from tests.prerequisites.invariants import assert_records_hold
from tests.prerequisites.paper import THREE_DAYS, drafted, sent
from workshops.clock import school_day
from workshops.conversations.models import Post
from workshops.conversations.writing import CannotWrite
from workshops.history.models import HistoryLine
from workshops.history.record import history_of
from workshops.history.words import sentence
from workshops.history.words import told as told_to
from workshops.messages.models import Message
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact
from workshops.prerequisites.facts import facts_of
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.flags import flags_of
from workshops.prerequisites.records.lifecycle import ChangedMeanwhile, NotPossible, about
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState, RejectReason, Review

pytestmark = pytest.mark.django_db

Act = Callable[[OnSetRecord, User], object]


@pytest.fixture
def ana() -> User:
    """The trainee."""
    return factories.person(Role.TRAINEE, name="Ana Lima")


@pytest.fixture
def robin() -> User:
    """A registrar."""
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def sam() -> User:
    """Another registrar."""
    return factories.person(Role.REGISTRAR, name="Sam")


def accept(it: OnSetRecord, by: User, days: Any = None, **said: Any) -> Review:
    return reviewing.accept(it, days, revision=it.revision, by=by, now=NOW, **said)


def reject(it: OnSetRecord, by: User, words: str = "The letter names nobody.") -> Review:
    reason = RejectReason.NOT_PROVEN
    return reviewing.reject(it, reason=reason, words=words, revision=it.revision, by=by, now=NOW)


def ask(it: OnSetRecord, by: User, words: str = "Which unit was this?") -> OnSetRecord:
    return reviewing.ask(it, words, revision=it.revision, title="your days", link="https://x.test/", by=by, now=NOW)


def second_eyes(it: OnSetRecord, by: User, why: str = "Is this a set?") -> OnSetRecord:
    return reviewing.ask_for_second_eyes(it, why, revision=it.revision, by=by, now=NOW)


def alone(it: OnSetRecord, by: User, why: str = "I have found the sheet.") -> OnSetRecord:
    return reviewing.need_no_second_eyes(it, why, revision=it.revision, by=by, now=NOW)


def undo(it: OnSetRecord, by: User, why: str = "Two days were overlooked.") -> OnSetRecord:
    return reviewing.undo(it, why, revision=it.revision, by=by, now=NOW)


ACTS: tuple[Act, ...] = (accept, reject, ask, second_eyes, alone, undo)


def fresh(it: OnSetRecord) -> OnSetRecord:
    return OnSetRecord.objects.select_related("user").get(pk=it.pk)


def lines(it: OnSetRecord) -> list[tuple[str, str]]:
    """What the history tells of it, the latest last, with the reasons; without what the trainee did before."""
    found = HistoryLine.objects.filter(about_kind="record", about_id=it.public_id).exclude(what="record-sent")
    return [(sentence(line), line.why) for line in found.order_by("pk")]


def told(kind: str) -> int:
    return Message.objects.filter(kind=kind).count()


def counting(user: User) -> frozenset[date]:
    return facts_of([user.pk], NOW.date())[user.pk].accepted_days


# -- accepting ---------------------------------------------------------------------------------------------------------
def test_days_count_once_they_are_accepted_and_not_before(ana: User, robin: User) -> None:
    it = sent(ana)
    assert counting(ana) == frozenset()
    review = accept(it, robin, words="Thank you.")
    it = fresh(it)
    assert counting(ana) == frozenset(THREE_DAYS)
    assert (it.state, it.decided_at, it.decided_by) == (RecordState.ACCEPTED, NOW, robin)
    assert (review.outcome, review.accepted, review.of, review.by, review.at) == ("accepted", 3, 3, robin, NOW)
    assert (review.words, review.reason, review.judgement) == ("Thank you.", "", "")
    assert lines(it) == [("3 of 3 days on set accepted", "Thank you.")]
    assert told("record-accepted") == 1
    assert_records_hold()


def test_a_review_remembers_the_rules_that_were_in_force(ana: User, robin: User) -> None:
    assert accept(sent(ana), robin).rules == "module-i, module-ii, on-set-days 10 in 10 years, module-iii"


def test_of_a_record_some_days_can_be_accepted_and_the_others_do_not_count(ana: User, robin: User) -> None:
    it = sent(ana)
    review = accept(it, robin, [THREE_DAYS[0], THREE_DAYS[2]], words="The second is on no sheet.")
    assert (review.accepted, review.of) == (2, 3)
    assert counting(ana) == {THREE_DAYS[0], THREE_DAYS[2]}
    assert list(OnSetDay.objects.filter(record=it, is_refused=True).values_list("day", flat=True)) == [THREE_DAYS[1]]
    assert lines(it) == [("2 of 3 days on set accepted", "The second is on no sheet.")]
    assert (told("record-accepted-in-part"), told("record-accepted")) == (1, 0)
    assert_records_hold()


def test_taking_a_partial_decision_back_forgets_which_days_were_left_out(ana: User, robin: User) -> None:
    it = sent(ana)
    accept(it, robin, THREE_DAYS[:1])
    it = undo(fresh(it), robin)
    assert not OnSetDay.objects.filter(record=it, is_refused=True).exists()
    assert accept(it, robin).accepted == 3
    assert counting(ana) == frozenset(THREE_DAYS)
    assert_records_hold()


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([], "at least one day"),
        ([date(2026, 3, 5)], "Only days that the record claims"),
        ([*THREE_DAYS, date(2026, 3, 5)], "Only days that the record claims"),
    ],
)
def test_no_day_or_one_that_is_not_claimed_is_refused(ana: User, robin: User, days: list[date], words: str) -> None:
    it = sent(ana)
    with pytest.raises(NotPossible, match=words):
        accept(it, robin, days)
    assert fresh(it).revision == it.revision
    assert (counting(ana), Message.objects.count()) == (frozenset(), 0)


def test_a_day_that_has_not_come_is_not_accepted_however_it_got_there(ana: User, robin: User) -> None:
    """While a question is open the trainee may write any dates, and an answer sends them back unchecked."""
    it = ask(sent(ana), robin)
    tomorrow = NOW.date() + timedelta(days=1)
    it = writing.save(it, {}, [*THREE_DAYS, tomorrow], revision=it.revision, now=NOW)
    with pytest.raises(NotPossible, match="12 January 2027 has not come yet"):
        accept(it, robin)
    assert accept(it, robin, THREE_DAYS).accepted == 3


def test_a_record_can_be_decided_while_its_question_is_open(ana: User, robin: User) -> None:
    it = ask(sent(ana), robin)
    accept(it, robin)
    assert fresh(it).state == RecordState.ACCEPTED


# -- what must be judged -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("student", {"kind": "student"}),
        ("theatre", {"kind": "theatre"}),
        ("other", {"kind": "other"}),
        ("imdb", {"proof_kind": "imdb", "proof_reason": "The company has closed."}),
        ("coordinator", {"as_coordinator": True}),
        ("coordinator", {"role": "Intimacy Coordinator"}),
        ("coordinator", {"role": "Assistant to the IC"}),
        ("coordinator", {"department": "intimacy"}),
    ],
)
def test_what_is_flagged_is_accepted_only_with_words_that_say_why_it_counts(
    ana: User, robin: User, code: str, fields: dict[str, Any]
) -> None:
    it = sent(ana, **fields)
    for judgement in ("", "  \n"):
        with pytest.raises(reviewing.NeedsJudgement) as refused:
            accept(it, robin, judgement=judgement)
        assert [flag.code for flag in refused.value.flags] == [code]
        assert refused.value.flags[0].words in str(refused.value)
    assert counting(ana) == frozenset()
    review = accept(it, robin, judgement="  It was shot on a stage by a full crew. ", words="Thank you.")
    assert (review.judgement, review.words) == ("It was shot on a stage by a full crew.", "Thank you.")


@pytest.mark.parametrize("fields", [{}, {"role": "Historical adviser"}, {"role": "Comic relief"}, {"role": "Topical"}])
def test_ordinary_work_asks_for_no_judgement(ana: User, robin: User, fields: dict[str, Any]) -> None:
    assert accept(sent(ana, **fields), robin).judgement == ""


def test_what_is_flagged_needs_no_judgement_to_be_turned_down(ana: User, robin: User) -> None:
    assert reject(sent(ana, kind="theatre"), robin).judgement == ""


@pytest.mark.parametrize(
    ("began", "words"),
    [
        (None, "When theirs began is not on record."),
        (date(2026, 3, 3), "2 of these 3 days are after theirs began on 3 March 2026."),
        (date(2026, 3, 4), "1 of these 3 days is after theirs began on 4 March 2026."),
        (date(2026, 3, 2), "All of these days are after theirs began on 2 March 2026."),
        (date(2026, 3, 5), "All of these days are before theirs began on 5 March 2026."),
    ],
)
def test_work_as_an_intimacy_coordinator_is_held_against_the_day_the_training_began(
    ana: User, began: date | None, words: str
) -> None:
    if began:
        factories.give_access(ana, "module-i", began)
        factories.finish(ana, "module-i", date(2026, 6, 1))
    facts = facts_of([ana.pk], school_day(NOW))[ana.pk]
    (flag,) = flags_of(sent(ana, as_coordinator=True), THREE_DAYS, facts)
    assert words in flag.words


# -- not accepting -----------------------------------------------------------------------------------------------------
def test_a_record_is_turned_down_with_a_reason_and_words(ana: User, robin: User) -> None:
    it = sent(ana)
    review = reject(it, robin)
    it = fresh(it)
    assert (it.state, it.decided_at, it.decided_by) == (RecordState.REJECTED, NOW, robin)
    assert (review.accepted, review.of, review.reason) == (0, 3, "not-proven")
    assert lines(it) == [
        ("3 days on set were not accepted", "The proof does not show this work: The letter names nobody.")
    ]
    assert (told("record-rejected"), counting(ana)) == (1, frozenset())
    assert_records_hold()


def test_nobody_is_turned_down_without_words(ana: User, robin: User) -> None:
    it = sent(ana)
    with pytest.raises(NotPossible, match="Say in words what was missing"):
        reject(it, robin, " ")
    assert fresh(it).state == RecordState.IN_REVIEW


def test_what_was_turned_down_can_be_changed_sent_again_and_accepted(ana: User, robin: User) -> None:
    """The first decision stays on record, and is in force no more once the trainee changes what it was about."""
    it = sent(ana)
    reject(it, robin)
    it = writing.take_back_to_change(fresh(it), revision=fresh(it).revision, by=ana, now=NOW)
    assert_records_hold()
    with pytest.raises(NotPossible, match="no decision here"):
        undo(it, robin)
    it = writing.send(it, revision=it.revision, by=ana, now=NOW)
    accept(it, robin)
    first, second = Review.objects.filter(record=it)
    assert (first.outcome, first.undone_by, bool(first.undone_why)) == ("rejected", ana, True)
    assert (second.outcome, second.undone_at) == ("accepted", None)
    assert_records_hold()


# -- what colleagues write for one another -----------------------------------------------------------------------------
def test_no_trainee_reads_what_registrars_write_for_one_another(ana: User, robin: User, sam: User) -> None:
    it = sent(ana, kind="student")
    second_eyes(it, robin, "Is her uncle the producer?")
    reviewing.accept(it, None, revision=fresh(it).revision, by=sam, now=NOW, judgement="Her uncle is not.",
                     words="Well done.")  # fmt: skip
    theirs = [told_to(line, ana) for line in history_of(*about(it))]
    assert not any("uncle" in line.why for line in theirs)
    assert [line.why for line in (told_to(each, robin) for each in history_of(*about(it))) if line.why] == [
        "Is her uncle the producer?",
        "Her uncle is not.",
    ]
    client = Client()
    client.force_login(ana)
    page = text(client.get(it.get_absolute_url()))
    assert ("uncle" in page, "Well done." in page) == (False, True)


def test_a_registrar_who_trains_reads_none_of_it_about_themselves(ana: User, robin: User, sam: User) -> None:
    """Neither where it was written about them nor where it was about an account that was merged into theirs."""
    theirs, before = sent(robin, kind="student"), sent(ana, kind="student")
    for it in (theirs, before):
        reviewing.accept(it, None, revision=it.revision, by=sam, now=NOW, judgement="They asked nicely.")

    def reads(it: OnSetRecord, reader: User) -> bool:
        return any("nicely" in told_to(line, reader).why for line in history_of(*about(it)))

    assert (reads(theirs, robin), reads(theirs, sam), reads(before, robin)) == (False, True, True)
    User.objects.filter(pk=ana.pk).update(merged_into=robin)
    assert (reads(before, robin), reads(before, sam)) == (False, True)


# -- asking ------------------------------------------------------------------------------------------------------------
def test_a_question_stands_in_the_conversation_and_the_record_waits_for_the_answer(ana: User, robin: User) -> None:
    it = ask(sent(ana), robin)
    assert fresh(it).state == RecordState.QUESTION
    post = Post.objects.get()
    assert (post.words, post.author, post.person, post.about_id) == ("Which unit was this?", robin, ana, it.public_id)
    assert (told("post-from-school"), lines(it)) == (1, [("A question was asked about days on set", "")])
    ask(it, robin, "And which director?")
    assert (Post.objects.count(), len(lines(it)), fresh(it).state) == (2, 1, RecordState.QUESTION)


def test_a_question_needs_words(ana: User, robin: User) -> None:
    it = sent(ana)
    with pytest.raises(CannotWrite):
        ask(it, robin, "\u200b ")
    assert (fresh(it).state, Post.objects.count()) == (RecordState.IN_REVIEW, 0)


def test_who_asks_about_a_decided_record_writes_nothing(ana: User, robin: User) -> None:
    it = sent(ana)
    accept(it, robin)
    with pytest.raises(NotPossible, match="not under review"):
        ask(fresh(it), robin)
    assert (Post.objects.count(), told("post-from-school")) == (0, 0)


@pytest.mark.parametrize("decide", [accept, reject])
def test_a_decision_settles_the_conversation_and_one_that_fails_does_not(
    decide: Act, ana: User, robin: User, sam: User
) -> None:
    it = ask(sent(ana), robin)
    writing.answer(it, person=ana, author=ana, words="The second unit.", title="days", link="", now=NOW)
    assert Post.objects.unanswered().count() == 1
    with pytest.raises(ChangedMeanwhile):
        decide(it, sam)
    assert Post.objects.unanswered().count() == 1
    decide(fresh(it), sam)
    assert not Post.objects.unanswered().exists()
    assert Post.objects.get(author=ana).settled_at == NOW


# -- a second pair of eyes ---------------------------------------------------------------------------------------------
def test_who_asks_for_a_second_pair_of_eyes_leaves_the_decision_to_another(ana: User, robin: User, sam: User) -> None:
    it = second_eyes(sent(ana), robin)
    assert (fresh(it).second_eyes_by, fresh(it).second_eyes_why) == (robin, "Is this a set?")
    assert lines(it) == [("A second pair of eyes was asked for", "Is this a set?")]
    for act in (accept, reject):
        with pytest.raises(NotPossible, match="another registrar decides"):
            act(it, robin)
    accept(it, sam)
    assert (fresh(it).decided_by, fresh(it).second_eyes_by, fresh(it).second_eyes_why) == (sam, None, "")


def test_every_other_registrar_is_told_that_a_second_pair_of_eyes_is_wanted(ana: User, robin: User, sam: User) -> None:
    own = factories.person(Role.REGISTRAR, Role.TRAINEE)
    second_eyes(sent(ana), robin)
    second_eyes(sent(own), robin)
    told = Message.objects.filter(kind="record-second-eyes")
    assert sorted(str(message.to) for message in told) == sorted(["Sam", "Sam", str(own)])


def test_a_second_wish_does_not_let_the_first_who_asked_decide(ana: User, robin: User, sam: User) -> None:
    it = second_eyes(sent(ana), robin)
    with pytest.raises(NotPossible, match="asked for already"):
        second_eyes(it, sam)
    with pytest.raises(NotPossible, match="another registrar decides"):
        accept(fresh(it), robin)


def test_who_asked_for_a_second_pair_of_eyes_may_still_ask_the_trainee(ana: User, robin: User, sam: User) -> None:
    it = ask(second_eyes(sent(ana), robin), robin)
    assert (fresh(it).state, fresh(it).second_eyes_by) == (RecordState.QUESTION, robin)


def test_a_second_pair_of_eyes_needs_a_reason(ana: User, robin: User, sam: User) -> None:
    it = sent(ana)
    with pytest.raises(NotPossible, match="Say what"):
        second_eyes(it, robin, " ")
    assert fresh(it).second_eyes_by is None


def test_where_nobody_else_could_decide_none_is_asked(ana: User, robin: User) -> None:
    factories.person(Role.REGISTRAR, is_active=False)
    with pytest.raises(NotPossible, match="no other registrar"):
        second_eyes(sent(ana), robin)


def test_the_person_whose_record_it_is_is_no_second_pair_of_eyes(robin: User) -> None:
    both = factories.person(Role.REGISTRAR, Role.TRAINEE)
    with pytest.raises(NotPossible, match="no other registrar"):
        second_eyes(sent(both), robin)


def test_who_asked_for_a_second_pair_of_eyes_can_need_none_after_all(ana: User, robin: User, sam: User) -> None:
    it = second_eyes(sent(ana), robin)
    with pytest.raises(NotPossible, match="Only who asked"):
        alone(it, sam)
    with pytest.raises(NotPossible, match="Say why"):
        alone(it, robin, " ")
    it = alone(it, robin)
    assert lines(it)[-1] == ("No second pair of eyes is needed any more", "I have found the sheet.")
    assert accept(it, robin).by == robin


# -- taking a decision back --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("decide", [accept, reject])
def test_a_decision_is_taken_back_with_a_reason_and_stays_on_record(
    ana: User, robin: User, sam: User, decide: Act
) -> None:
    it = sent(ana)
    decide(it, robin)
    it = undo(fresh(it), sam)
    it = fresh(it)
    assert (it.state, it.decided_at, it.decided_by) == (RecordState.IN_REVIEW, None, None)
    review = Review.objects.get()
    assert (review.by, review.undone_by, review.undone_at) == (robin, sam, NOW)
    assert review.undone_why == "Two days were overlooked."
    assert lines(it)[-1] == ("The decision about days on set was undone", "Two days were overlooked.")
    assert (told("record-undone"), counting(ana)) == (1, frozenset())
    accept(it, sam)
    assert Review.objects.filter(undone_at=None).count() == 1
    assert_records_hold()


def test_a_decision_is_not_taken_back_without_a_reason(ana: User, robin: User) -> None:
    it = sent(ana)
    accept(it, robin)
    with pytest.raises(BadFact, match="Say why"):
        undo(fresh(it), robin, " ")
    assert counting(ana) == frozenset(THREE_DAYS)


def test_days_entered_by_hand_are_taken_back_where_they_were_entered(ana: User, robin: User) -> None:
    with pytest.raises(NotPossible, match="entered by hand"):
        undo(factories.prove_days(ana, 2), robin)


# -- which moves there are ---------------------------------------------------------------------------------------------
def in_state(ana: User, robin: User, state: RecordState) -> OnSetRecord:
    """A record that has come so far, by the roads that lead there."""
    if state == RecordState.DRAFT:
        return drafted(ana)
    it = sent(ana)
    if state == RecordState.QUESTION:
        ask(it, robin)
    elif state == RecordState.ACCEPTED:
        accept(it, robin)
    elif state == RecordState.REJECTED:
        reject(it, robin)
    elif state == RecordState.WITHDRAWN:
        writing.withdraw(it, by=ana, now=NOW)
    return fresh(it)


IN_REVIEW = (RecordState.IN_REVIEW, RecordState.QUESTION)
POSSIBLE: dict[Act, tuple[RecordState, ...]] = {
    accept: IN_REVIEW,
    reject: IN_REVIEW,
    ask: IN_REVIEW,
    second_eyes: IN_REVIEW,
    alone: (),
    undo: (RecordState.ACCEPTED, RecordState.REJECTED),
}


@pytest.mark.parametrize("state", RecordState)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_each_thing_is_done_where_it_can_be_and_nowhere_else(
    ana: User, robin: User, sam: User, act: Act, state: RecordState
) -> None:
    it = in_state(ana, robin, state)
    before = (it.revision, Review.objects.count(), Message.objects.count(), HistoryLine.objects.count())
    if state in POSSIBLE[act]:
        act(it, sam)
    else:
        with pytest.raises((NotPossible, ChangedMeanwhile)):
            act(it, sam)
        after = (fresh(it).revision, Review.objects.count(), Message.objects.count(), HistoryLine.objects.count())
        assert after == before
    assert_records_hold()


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_what_was_decided_on_an_old_page_is_not_done(ana: User, robin: User, sam: User, act: Act) -> None:
    """Between the page and the click the trainee has taken it back, written other dates, and sent it again."""
    shown = sent(ana)
    it = writing.take_back_to_change(shown, revision=shown.revision, by=ana, now=NOW)
    it = writing.save(it, {}, THREE_DAYS[:1], revision=it.revision, now=NOW)
    it = writing.send(it, revision=it.revision, by=ana, now=NOW)
    shown.revision = 2
    with pytest.raises(ChangedMeanwhile) as refused:
        act(shown, sam)
    assert refused.value.found.revision == it.revision
    assert (Review.objects.count(), Post.objects.count(), fresh(it).second_eyes_by) == (0, 0, None)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_nobody_does_anything_about_their_own_record(robin: User, act: Act) -> None:
    both = factories.person(Role.REGISTRAR, Role.TRAINEE)
    it = sent(both)
    if act in (undo, alone):
        act_first = accept if act is undo else second_eyes
        factories.person(Role.REGISTRAR)
        act_first(it, robin)
        it = fresh(it)
    before = it.revision
    with pytest.raises(BadFact, match="their own"):
        act(it, both)
    assert fresh(it).revision == before


def test_a_notice_is_queued_once_for_each_decision(ana: User, robin: User) -> None:
    it = sent(ana)
    accept(it, robin)
    with pytest.raises(ChangedMeanwhile):
        accept(it, robin)
    undo(fresh(it), robin)
    accept(fresh(it), robin)
    assert (told("record-accepted"), told("record-undone")) == (2, 1)
    assert set(Message.objects.values_list("to", flat=True)) == {ana.pk}
    assert_records_hold()
