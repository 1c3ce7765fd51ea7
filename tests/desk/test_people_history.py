"""One person's story on one page: records and decisions, facts taken back, audits, conversations, history."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.desk.people.page import HISTORY_SHOWN
from booking.desk.people.views import A_PAGE_OF_HISTORY
from tests import factories
from tests.desk.doors import statements
from tests.pages import text
from workshops.clock import moment_in_words, school_day
from workshops.conversations.models import Post
from workshops.history.models import HistoryLine
from workshops.history.record import line, record_all
from workshops.people.models import Role, User
from workshops.prerequisites.files.audits import begin_audit
from workshops.prerequisites.models import Access, Completion, Entitlement
from workshops.prerequisites.recording import accept_days, take_back_days
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.models import (
    AuditHold,
    OnSetRecord,
    ProofFile,
    ProofMedia,
    RecordState,
    RejectReason,
)
from workshops.programme.models import Module

pytestmark = pytest.mark.django_db
TODAY = school_day(now())


@pytest.fixture
def anna() -> User:
    """A trainee about whom nothing is known yet."""
    return factories.person(Role.TRAINEE, name="Anna", email="anna@example.org")


def path(person: User, rest: str = "") -> str:
    return f"/desk/people/{person.public_id}/{rest}"


def told(person: User) -> list[str]:
    return list(HistoryLine.objects.filter(person=person).order_by("pk").values_list("what", flat=True))


def sent(person: User, production: str, days: int = 4, **fields: Any) -> OnSetRecord:
    record = factories.prove_days(person, days, last=TODAY - timedelta(days=9), state=RecordState.IN_REVIEW)
    OnSetRecord.objects.filter(pk=record.pk).update(production=production, **fields)
    record.refresh_from_db()
    return record


def add_file(record: OnSetRecord, name: str, **fields: Any) -> ProofFile:
    kept = {"begun_at": now(), "kept_at": now(), **fields}
    stored_as = f"{record.public_id}-{record.files.count()}"
    return ProofFile.objects.create(
        record=record, name=name, media=ProofMedia.PDF, size=9, sha256="0" * 64, stored_as=stored_as, **kept
    )


def write(person: User, record: OnSetRecord, words: str) -> None:
    about = {"about_kind": "record", "about_id": record.public_id}
    Post.objects.create(person=person, author=person, words=words, written_at=now(), **about)


# -- in short ----------------------------------------------------------------------------------------------------------
def test_the_top_of_the_page_says_in_short_where_they_are(desk: Client, robin: User) -> None:
    ben = factories.trainee(lacking="on-set-days")
    record = sent(ben, "Paper Lanterns", 2)
    write(ben, record, "Is the letter enough?")
    OnSetRecord.objects.create(user=ben, production="Secret")
    begin_audit(ben, "A sample.", by=robin, now=now())
    points = {point.title: point.words for point in desk.get(path(ben)).context["page"].summary}
    assert points == {
        "Module IV": "Missing: 10 days on professional sets",
        "Days on set": "Has 7 of 10; 2 in review",
        "Records": "1 waits for a decision; has one begun and not sent",
        "Conversation": "Waits for an answer, written just now",
        "Proof": f"Kept for an audit since {TODAY.day} {TODAY:%B %Y}",
    }


def test_the_top_of_the_page_names_the_seat_until_when_it_is_provisional_and_what_is_owed(desk: Client) -> None:
    held = factories.reservation(cohort=factories.cohort(now=now(), title="Spring"), now=now())
    until = TODAY + timedelta(days=20)
    type(held).objects.filter(pk=held.pk).update(provisional_until=until)
    words = next(point for point in desk.get(path(held.trainee)).context["page"].summary if point.title == "Seat").words
    assert words.startswith(f"Seat 1 in Spring, held, provisional until {until.day} {until:%B %Y}; $")
    assert words.endswith("owed")


# -- days on set -------------------------------------------------------------------------------------------------------
def test_a_record_shows_what_was_said_and_every_decision_about_it(desk: Client, anna: User, robin: User) -> None:
    record = sent(anna, "The Quiet Hours", kind="student", role="Costume assistant", note="With the main unit.")
    add_file(record, "call sheet.pdf")
    add_file(record, "", deleted_at=now())
    add_file(record, "wrong one.pdf", removed_at=now())
    reject = RejectReason.NOT_PROFESSIONAL
    reviewing.reject(record, reason=reject, words="No crew was there.", revision=1, by=robin, now=now())
    record.refresh_from_db()
    reviewing.undo(record, "A letter came.", revision=record.revision, by=robin, now=now())
    record.refresh_from_db()
    days = sorted(record.days.values_list("day", flat=True))
    reviewing.accept(
        record, days[:3], revision=record.revision, by=robin, now=now(), words="One is not proven.", judgement="Paid."
    )
    page = desk.get(path(anna))
    words = text(page)
    for said in (
        "The Quiet Hours, 3 of 4 days",
        "Costume assistant; student film",
        "With the main unit.",
        ": call sheet.pdf (1 file deleted since)",
        "Not accepted Taken back Robin,",
        "This was not a professional film or television set No crew was there. Taken back by Robin,",
        ": A letter came.",
        "3 of 4 accepted Robin,",
        "One is not proven. Why it counts: Paid.",
        "Rules then: Module I, Module II, 10 days on set within 10 years, Module III.",
    ):
        assert said in words
    assert "wrong one.pdf" not in words
    assert f'href="/desk/reviews/{record.public_id}/"' in page.content.decode()


def test_a_draft_is_its_trainees_alone(desk: Client, anna: User) -> None:
    draft = OnSetRecord.objects.create(user=anna, production="Top Secret", dates_typed="2026-03-02", created_at=now())
    page = desk.get(path(anna))
    assert ("Top Secret" in page.content.decode(), page.context["page"].on_set) == (False, [])
    assert "They have a record begun that is not sent yet." in text(page)
    OnSetRecord.objects.filter(pk=draft.pk).update(state=RecordState.WITHDRAWN)
    assert "begun" not in text(desk.get(path(anna)))


def test_what_they_have_taken_back_to_change_it_is_theirs_alone(desk: Client, anna: User, robin: User) -> None:
    record = sent(anna, "The Quiet Hours", 3, note="Night work", role="Grip")
    add_file(record, "sheet.pdf")
    reviewing.reject(record, reason=RejectReason.UNREADABLE, words="Too dark.", revision=1, by=robin, now=now())
    writing.take_back_to_change(record, revision=2, by=anna, now=now())
    page = desk.get(path(anna))
    said = text(page)
    assert f"Anna took this back on {moment_in_words(now()).split(',')[0]}" in said
    assert ("Not accepted" in said, "Too dark." in said) == (True, True)
    assert not any(secret in page.content.decode() for secret in ("Quiet Hours", "Night work", "Grip", "sheet.pdf"))
    assert "Quiet Hours" not in text(desk.get(path(anna, "history/")))


def test_a_decision_about_what_was_sent_in_is_taken_back_on_its_review_and_nowhere_else(
    desk: Client, anna: User, robin: User
) -> None:
    record = sent(anna, "The Quiet Hours")
    reviewing.accept(record, None, revision=1, by=robin, now=now())
    page = desk.get(path(anna))
    assert page.context["page"].on_set[0].take_back is None
    assert "To take the decision back, open its review." in text(page)
    refused = desk.post(path(anna, f"days/{record.pk}/take-back/"), {f"days-{record.pk}-why": "No."})
    assert (refused.status_code, "Take the decision back on the page of the review." in text(refused)) == (422, True)
    record.refresh_from_db()
    assert record.state == RecordState.ACCEPTED


# -- facts taken off the record ----------------------------------------------------------------------------------------
def test_what_was_recorded_by_mistake_is_taken_off_with_a_reason_and_seats_stay(desk: Client, robin: User) -> None:
    held = factories.reservation(cohort=factories.cohort(now=now()), now=now())
    ben = held.trainee
    finished = Completion.objects.get(user=ben, module__code="module-ii")
    given = factories.give_access(ben, "module-iii", date(2026, 5, 4))
    paid = Entitlement.objects.create(
        user=ben, module=Module.objects.get(code="module-iv"), source="Package", recorded_at=now()
    )
    before = len(told(ben))
    for kind, row, words in (
        ("completion", finished, "Taken off the record: Module II: finished on 1 June 2026."),
        ("access", given, "Taken off the record: Module III: access since 4 May 2026."),
        ("entitlement", paid, "Taken off the record: Module IV: paid for: Package."),
    ):
        asked = {"fact-fact": f"{kind}-{row.pk}", "fact-why": " "}
        assert desk.post(path(ben, "take-back/"), asked).status_code == 422
        done = desk.post(path(ben, "take-back/"), {**asked, "fact-why": "Another person of that name."}, follow=True)
        assert words in text(done)
        again = desk.post(path(ben, "take-back/"), {**asked, "fact-why": "Again."})
        assert (again.status_code, "That is not on record any more." in text(again)) == (422, True)
    assert told(ben)[before:] == ["completion-taken-back", "access-taken-back", "entitlement-taken-back"]
    assert not Access.objects.filter(user=ben).exists()
    assert not Entitlement.objects.filter(user=ben).exists()
    page = desk.get(path(ben))
    assert not page.context["page"].standing.eligible
    assert "Module II finished on 1 June 2026 was taken off the record: Another person of that name. (you)" in text(
        page
    )
    held.refresh_from_db()
    assert held.state == "held"


def test_another_persons_fact_cannot_be_taken_off_on_this_page(desk: Client, anna: User) -> None:
    other = factories.finish(factories.person(Role.TRAINEE), "module-i")
    asked = {"fact-fact": f"completion-{other.pk}", "fact-why": "x"}
    assert desk.post(path(anna, "take-back/"), asked).status_code == 422
    assert Completion.objects.count() == 1


# -- audits ------------------------------------------------------------------------------------------------------------
def test_an_audit_is_begun_once_and_ended_with_reasons(desk: Client, anna: User) -> None:
    assert desk.post(path(anna, "audit/"), {"audit-why": " "}).status_code == 422
    assert desk.post(path(anna, "audit/"), {"audit-why": "The insurer asks."}).status_code == 302
    assert "The insurer asks." in text(desk.get(path(anna)))
    second = desk.post(path(anna, "audit/"), {"audit-why": "Once more."})
    assert (second.status_code, "kept for an audit already" in text(second)) == (422, True)
    assert AuditHold.objects.get().why == "The insurer asks."
    assert desk.post(path(anna, "audit/end/"), {"audit-why": ""}).status_code == 422
    assert desk.post(path(anna, "audit/end/"), {"audit-why": "It is over."}).status_code == 302
    assert "No audit was open." in text(desk.post(path(anna, "audit/end/"), {"audit-why": "Again."}, follow=True))
    assert told(anna) == ["audit-begun", "audit-ended"]


# -- accounts that are closed ------------------------------------------------------------------------------------------
def test_nothing_is_recorded_about_somebody_who_was_erased(desk: Client, anna: User) -> None:
    User.objects.filter(pk=anna.pk).update(is_active=False, erased_at=now())
    page = desk.get(path(anna))
    assert "This person was erased on" in text(page)
    assert "form-completion" not in page.content.decode()
    finished = {"completion-module": Module.objects.get(code="module-i").pk, "completion-on": "2026-03-02"}
    assert desk.post(path(anna, "completion/"), finished).status_code == 422
    seat = {"reserve-cohort": factories.cohort(now=now()).pk, "reserve-accepted": "on", "reserve-why": "By telephone."}
    assert desk.post(path(anna, "reserve/"), seat).status_code == 409
    assert told(anna) == []


# -- conversations and history -----------------------------------------------------------------------------------------
def test_conversations_are_listed_with_whoever_waits(desk: Client, anna: User) -> None:
    record = sent(anna, "Paper Lanterns")
    write(anna, record, "Is the letter enough?")
    other = factories.person(Role.TRAINEE)
    write(other, sent(other, "Another Film"), "Hello?")
    page = desk.get(path(anna))
    assert "Days on Paper Lanterns Is the letter enough?" in text(page)
    assert f'href="/desk/records/{record.public_id}/conversation/"' in page.content.decode()
    assert "Another Film" not in text(page)


def test_days_entered_by_hand_tell_their_whole_story_about_days_on_set(desk: Client, anna: User, robin: User) -> None:
    days = [date(2026, 3, 2), date(2026, 3, 3)]
    it = accept_days(anna, days, production="By Hand", role="", proof="Call sheets", by=robin, now=now())
    take_back_days(it, why="Another Anna.", by=robin, now=now())
    said = text(desk.get(f"{path(anna, 'history/')}?about=days"))
    for sentence in ("By Hand: 2 days on set accepted: Call sheets", "By Hand: The acceptance of days on set"):
        assert sentence in said.replace(" : ", ": ")
    it.refresh_from_db()
    assert None not in (it.created_at, it.changed_at)


def some_history(person: User, lines: int, about: tuple[str, str]) -> None:
    record_all([line("message-written", about=about, person=person, now=now()) for _ in range(lines)])


def test_older_lines_are_a_page_away_and_none_is_lost(desk: Client, anna: User) -> None:
    some_history(anna, HISTORY_SHOWN, ("person", anna.public_id))
    assert "Older lines" not in text(desk.get(path(anna)))
    some_history(anna, A_PAGE_OF_HISTORY, ("person", anna.public_id))
    page = desk.get(path(anna))
    assert len(page.context["page"].history) == HISTORY_SHOWN
    assert f'href="{path(anna, "history/")}?page=1"' in page.content.decode()
    sizes = [len(desk.get(path(anna, "history/"), {"page": number}).context["lines"]) for number in (1, 2)]
    assert sizes == [A_PAGE_OF_HISTORY, HISTORY_SHOWN]


@pytest.mark.parametrize("page", ["0", "-1", "x", "999999999999999999999", ""])
def test_a_page_of_history_that_does_not_exist_is_one_that_does(desk: Client, anna: User, page: str) -> None:
    assert desk.get(path(anna, "history/"), {"page": page, "about": page}).status_code == 200


def test_history_is_read_about_one_kind_of_thing(desk: Client, anna: User) -> None:
    record, held = sent(anna, "Paper Lanterns"), factories.reservation(cohort=factories.cohort(now=now()), now=now())
    some_history(anna, 1, ("person", anna.public_id))
    some_history(anna, 2, ("record", record.public_id))
    some_history(anna, 3, ("reservation", held.public_id))
    found = {about: desk.get(path(anna, "history/"), {"about": about}) for about in ("", "account", "days", "seats")}
    assert {about: len(page.context["lines"]) for about, page in found.items()} == {
        "": 6,
        "account": 1,
        "days": 2,
        "seats": 3,
    }
    assert "Paper Lanterns: Written in the conversation" in text(found["days"])


# -- how much it takes -------------------------------------------------------------------------------------------------
def test_the_page_and_the_history_take_the_same_number_of_statements_however_much_is_known(
    desk: Client, robin: User
) -> None:
    ben = factories.trainee()
    begin_audit(ben, "A sample.", by=robin, now=now())

    def more(number: int) -> None:
        record = sent(ben, f"Film {number}", aims_for=factories.cohort(now=now()))
        add_file(record, "sheet.pdf")
        reject = RejectReason.OTHER
        reviewing.reject(record, reason=reject, words="No.", revision=1, by=robin, now=now())
        record.refresh_from_db()
        reviewing.undo(record, "Yes.", revision=record.revision, by=robin, now=now())
        record.refresh_from_db()
        reviewing.accept(record, None, revision=record.revision, by=robin, now=now())
        write(ben, record, "Thank you.")

    more(1)
    for_one = statements(desk, path(ben)), statements(desk, path(ben, "history/"))
    for number in range(2, 5):
        more(number)
    assert (statements(desk, path(ben)), statements(desk, path(ben, "history/"))) == for_one
