"""A trainee's pages about their days on set: writing them down, saving, sending, changing, taking back."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils.timezone import now

from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import statements
from tests.pages import text
from workshops.clock import hours_in_words, in_words, school_day
from workshops.cohorts.models import CohortStatus
from workshops.conversations.models import Post
from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.messages.models import Message
from workshops.people.models import Role, User
from workshops.prerequisites.files.audits import begin_audit, end_audit
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.lifecycle import ChangedMeanwhile, NotPossible
from workshops.prerequisites.records.models import (
    OnSetDay,
    OnSetRecord,
    ProofFile,
    RecordState,
    RejectReason,
    Review,
)

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
HTMX = {"HX-Request": "true"}
NOW = now()
WHOLE = {
    "production": "The Glass Harbour",
    "kind": "feature",
    "company": "Harbour Pictures",
    "department": "Camera",
    "role": "Second assistant",
    "is_paid": "yes",
    "is_union": "no",
    "dates": "Mar 2-6, 2026",
    "proof_kind": "call-sheet",
    "proof_link": "https://example.org/call-sheet",
    "note": "Night work on the 5th.",
}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """Stopped for pages too, which read it themselves: no midnight comes between a test and its page."""
    return StoppedClock(monkeypatch, NOW)


@pytest.fixture
def tara() -> User:
    return factories.person(Role.TRAINEE, name="Tara")


@pytest.fixture
def robin() -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def client(tara: User) -> Client:
    return browser(tara)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def draft(user: User) -> OnSetRecord:
    """A draft that says everything."""
    begun = writing.begin(user, now=NOW)
    browser(user).post(f"{begun.get_absolute_url()}save/", {**WHOLE, "revision": begun.revision})
    begun.refresh_from_db()
    return begun


def sent(user: User) -> OnSetRecord:
    it = draft(user)
    return writing.send(it, revision=it.revision, by=user, now=NOW)


def questioned(user: User, by: User) -> OnSetRecord:
    it = sent(user)
    return reviewing.ask(it, "Which unit?", revision=it.revision, title="It", link="/", by=by, now=NOW)


def accepted(user: User, by: User) -> OnSetRecord:
    it = sent(user)
    reviewing.accept(it, None, revision=it.revision, by=by, now=NOW)
    it.refresh_from_db()
    return it


def rejected(user: User, by: User) -> OnSetRecord:
    it = sent(user)
    reason = RejectReason.UNREADABLE
    reviewing.reject(it, reason=reason, words="Page two is too dark.", revision=it.revision, by=by, now=NOW)
    it.refresh_from_db()
    return it


def withdrawn(user: User, by: User) -> OnSetRecord:
    return writing.withdraw(sent(user), by=user, now=NOW)


IN_STATE: dict[str, Callable[[User, User], OnSetRecord]] = {
    "draft": lambda user, _: draft(user),
    "in-review": lambda user, _: sent(user),
    "question": questioned,
    "accepted": accepted,
    "rejected": rejected,
    "withdrawn": withdrawn,
}


def days_of(it: OnSetRecord) -> list[date]:
    return list(OnSetDay.objects.filter(record=it).values_list("day", flat=True))


def everything() -> list[object]:
    """All that a refused request must leave as it was."""
    kept = [list(model.objects.order_by("pk").values()) for model in (OnSetRecord, OnSetDay, Review, HistoryLine)]
    return [*kept, list(Post.objects.order_by("pk").values("words"))]


# -- the list ----------------------------------------------------------------------------------------------------------
def test_the_list_says_of_each_record_what_comes_next_and_a_question_is_on_top(
    client: Client, tara: User, robin: User
) -> None:
    for make in IN_STATE.values():
        make(tara, robin)
    page = text(client.get("/experience/"))
    said = (
        "The school has a question. Your answer brings it on.",
        "Not sent yet. Finish it and send it to the school.",
        f"Sent on {in_words(school_day(NOW))}. You get an e-mail as soon as it is decided.",
        "The page says why, and what you can do.",
        "All 5 days are accepted.",
        "Its days do not count.",
    )
    places = [page.index(words) for words in said]
    assert places == sorted(places)
    assert page.count("5 days: 2 to 6 March 2026") == len(said)


def test_the_list_takes_as_many_statements_for_five_records_as_for_one(client: Client, tara: User) -> None:
    sent(tara)
    for_one = statements(client, "/experience/")
    for _ in range(4):
        sent(tara)
    assert statements(client, "/experience/") == for_one


def test_nobody_finds_a_list_before_there_is_one_and_begins_with_a_button(client: Client) -> None:
    assert "Nothing here yet" in text(client.get("/experience/"))
    made = client.post("/experience/new/")
    again = client.post("/experience/new/")
    assert made["Location"] == again["Location"]  # a second click makes no second draft
    assert client.get(made["Location"]).status_code == 200
    assert not HistoryLine.objects.exists()


def test_with_very_many_open_one_is_told_to_finish_some_first(
    client: Client, tara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_OPEN", 1)
    sent(tara)
    answer = client.post("/experience/new/")
    assert (answer.status_code, OnSetRecord.objects.count()) == (409, 1)
    assert "Delete or withdraw some, or wait until the school has decided." in text(answer)


# -- saving ------------------------------------------------------------------------------------------------------------
def test_every_field_is_kept_by_a_plain_form_and_shown_again(client: Client, tara: User) -> None:
    cohort = factories.cohort(now=NOW)
    it = writing.begin(tara, now=NOW)
    fields = {**WHOLE, "as_coordinator": "on", "aims_for": cohort.code, "proof_reason": "Lost it.", "revision": "1"}
    answer = client.post(f"{it.get_absolute_url()}save/", fields)
    assert (answer.status_code, answer["Location"]) == (302, it.get_absolute_url())
    it.refresh_from_db()
    kept = {name: getattr(it, name) for name in WHOLE if hasattr(it, name)}
    assert kept == {**{name: value for name, value in WHOLE.items() if name != "dates"}, "is_paid": True,
                    "is_union": False}  # fmt: skip
    assert (it.as_coordinator, it.aims_for, it.proof_reason, it.dates_typed) == (
        True,
        cohort,
        "Lost it.",
        WHOLE["dates"],
    )
    assert days_of(it) == [date(2026, 3, day) for day in range(2, 7)]
    shown = client.get(it.get_absolute_url())
    page = unescape(shown.content.decode())
    assert all(value in page for value in (WHOLE["production"], WHOLE["note"], WHOLE["dates"], WHOLE["proof_link"]))
    assert re.search(r"Saved at \d+:\d\d [ap]m\.", page)
    assert "5 days : 2 to 6 March 2026" in text(shown)


def test_a_half_written_draft_is_kept_as_it_is(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    assert client.post(f"{it.get_absolute_url()}save/", {"role": "Grip", "revision": "1"}).status_code == 302
    it.refresh_from_db()
    assert (it.role, it.production, it.is_paid, it.revision) == ("Grip", "", None, 2)


def test_a_save_by_itself_answers_with_the_time_and_the_new_revision(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    answer = client.post(f"{it.get_absolute_url()}save/", {**WHOLE, "revision": "1"}, headers=HTMX)
    html = answer.content.decode()
    assert (answer.status_code, "<html" in html) == (200, False)
    assert re.search(r"Saved at \d+:\d\d [ap]m<", html)
    assert 'id="record-revision" value="2" hx-swap-oob="true"' in html
    assert 'data-days="2026-03-02 2026-03-03' in html
    again = client.post(f"{it.get_absolute_url()}save/", {**WHOLE, "revision": "2"}, headers=HTMX)
    assert 'value="2"' in again.content.decode()  # nothing new, nothing raised


def test_the_time_of_a_save_is_on_the_readers_own_clock(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    User.objects.filter(pk=tara.pk).update(time_zone="Asia/Kathmandu")  # never at the same minute as Los Angeles
    answer = client.post(f"{it.get_absolute_url()}save/", {**WHOLE, "revision": "1"}, headers=HTMX)
    assert f"Saved at {hours_in_words(NOW, ZoneInfo('Asia/Kathmandu'))}" in text(answer)


def test_dates_that_cannot_be_read_are_named_and_stay_as_they_were_typed(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    typed = "2 March 2026\n13/2/2026\nsome Tuesday"
    answer = client.post(f"{it.get_absolute_url()}save/", {"dates": typed, "revision": "1"}, headers=HTMX)
    said = text(answer)
    assert "m. Not every date could be read" in said
    assert "Line 2, “13/2/2026”: there is no month 13. With slashes the month comes first: 2/13/2026." in said
    it.refresh_from_db()
    assert (it.dates_typed, days_of(it)) == (typed, [date(2026, 3, 2)])
    page = client.get(it.get_absolute_url()).content.decode()
    assert typed in page
    assert "Line 3, “some Tuesday”" in page


def test_what_cannot_be_kept_is_named_and_costs_nobody_the_rest(client: Client, tara: User) -> None:
    it = draft(tara)
    fields = {**WHOLE, "role": "Gaffer", "proof_link": "javascript:alert(1)", "revision": it.revision}
    answer = client.post(f"{it.get_absolute_url()}save/", fields)
    assert answer.status_code == 422
    assert "This is not a web address" in text(answer)
    assert 'value="javascript:alert(1)"' in answer.content.decode()
    it.refresh_from_db()
    assert (it.role, it.proof_link) == ("Gaffer", WHOLE["proof_link"])
    by_itself = client.post(f"{it.get_absolute_url()}save/", {**fields, "revision": it.revision}, headers=HTMX)
    assert by_itself.status_code == 422
    assert "m, but for: Link to the proof : This is not a web address" in text(by_itself)


HOSTILE = {
    "control": "a\x00b\x01c\x85d",
    "lines": "Harbour\r\nBcc: everyone@example.org",
    "direction": "\u202eevil\u2066\ufeff",
    "script": "<script>alert(1)</script>{{ 7|add:7 }}",
    "huge": "x" * 100_000,
    "wide": "ﷺ" * 3_000,
    "astral": "\U0010ffff",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=list(HOSTILE))
def test_whatever_is_written_into_every_field_is_cleaned_or_refused_in_words(
    client: Client, tara: User, value: str
) -> None:
    it = writing.begin(tara, now=NOW)
    fields = [*WHOLE, "as_coordinator", "aims_for", "proof_reason"]
    alone = [{**WHOLE, name: value} for name in fields] if len(value) > 1_000 else []
    at_once = [] if len(value) > 50_000 else [dict.fromkeys(fields, value)]
    for posted in (*at_once, *alone):
        it.refresh_from_db()
        answers = [
            client.post(f"{it.get_absolute_url()}save/", {**posted, "revision": it.revision}, headers=HTMX),
            client.post(f"{it.get_absolute_url()}save/", {**posted, "revision": value}),
        ]
        assert {answer.status_code for answer in answers} <= {200, 302, 409, 422}
        assert not any(b"<script>alert" in answer.content for answer in answers)
    client.post(f"{it.get_absolute_url()}send/", {**WHOLE, "note": value, "dates": value, "revision": "2"})
    page = client.get(it.get_absolute_url())
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
    it.refresh_from_db()
    lines = "".join([it.production, it.company, it.department, it.role])
    assert not set(lines) & set("\x00\x01\r\n\u202e\u2066")
    assert len(it.production) <= 160
    assert not set(it.note + it.proof_reason + it.dates_typed) & set("\x00\x01\x85\r\u202e\u2066\ufeff")


def test_the_same_day_on_another_record_is_said_to_count_once(client: Client, tara: User, robin: User) -> None:
    accepted(tara, robin)
    it = writing.begin(tara, now=NOW)
    for dates, said in (
        ("5 March 2026, 1 April 2026", "5 March 2026 is on another record too; it counts once."),
        ("5-9 March 2026", "5 to 6 March 2026 are on another record too; each day counts once."),
    ):
        it.refresh_from_db()
        answer = client.post(f"{it.get_absolute_url()}save/", {"dates": dates, "revision": it.revision}, headers=HTMX)
        assert said in text(answer)
    assert 'data-counted="2026-03-02 2026-03-03' in client.get(it.get_absolute_url()).content.decode()


@pytest.mark.parametrize("make", [rejected, withdrawn], ids=["not accepted", "taken back"])
def test_a_day_that_counts_nowhere_is_no_second(
    client: Client, tara: User, robin: User, make: Callable[[User, User], OnSetRecord]
) -> None:
    make(tara, robin)
    it = draft(tara)
    page = client.get(it.get_absolute_url())
    assert "on another record too" not in text(page)
    assert 'data-counted=""' in page.content.decode()


def test_only_coming_published_cohorts_are_offered_and_the_one_chosen_stays(client: Client, tara: User) -> None:
    coming = factories.cohort(now=NOW)
    planned = factories.cohort(now=NOW, status=CohortStatus.DRAFT)
    over = factories.cohort(now=NOW - timedelta(days=200))
    it = writing.begin(tara, now=NOW)
    page = client.get(it.get_absolute_url()).content.decode()
    offered = [each for each in (coming, planned, over) if f'value="{each.code}"' in page]
    assert offered == [coming]
    client.post(f"{it.get_absolute_url()}save/", {"aims_for": coming.code, "revision": "1"})
    type(coming).objects.update(status=CohortStatus.CLOSED)
    assert f'<option value="{coming.code}" selected>' in client.get(it.get_absolute_url()).content.decode()


# -- two tabs ----------------------------------------------------------------------------------------------------------
def test_the_older_of_two_tabs_is_told_loses_nothing_and_may_save_over(client: Client, tara: User) -> None:
    it = draft(tara)
    seen = it.revision
    client.post(f"{it.get_absolute_url()}save/", {**WHOLE, "role": "In the other tab", "revision": seen})
    before = everything()
    older = {**WHOLE, "role": "In the older tab", "revision": seen}
    answer = client.post(f"{it.get_absolute_url()}save/", older, headers=HTMX)
    assert (answer.status_code, everything()) == (409, before)
    assert "changed in another tab" in text(answer)
    assert f'href="{it.get_absolute_url()}"' in answer.content.decode()
    plain = client.post(f"{it.get_absolute_url()}send/", older)
    assert (plain.status_code, everything()) == (409, before)
    assert 'value="In the older tab"' in plain.content.decode()
    assert f'name="revision" id="record-revision" value="{seen}"' in plain.content.decode()
    assert f'name="over" value="{seen + 1}"' in plain.content.decode()
    assert client.post(f"{it.get_absolute_url()}save/", {**older, "over": seen + 1}).status_code == 302
    it.refresh_from_db()
    assert it.role == "In the older tab"


def test_a_save_that_was_under_way_when_the_next_began_stops_nothing(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    for _ in range(2):  # both name the revision that the page had
        answer = client.post(f"{it.get_absolute_url()}save/", {**WHOLE, "revision": "1"}, headers=HTMX)
        assert answer.status_code == 200
    assert client.post(f"{it.get_absolute_url()}send/", {**WHOLE, "revision": "1"}).status_code == 302
    it.refresh_from_db()
    assert it.state == RecordState.IN_REVIEW


def test_a_decision_while_the_trainee_edits_is_kept_and_so_is_what_they_typed(
    client: Client, tara: User, robin: User
) -> None:
    it = questioned(tara, robin)
    seen = it.revision
    reviewing.accept(it, [date(2026, 3, 2)], revision=seen, by=robin, now=NOW)
    before = everything()
    typed = {**WHOLE, "role": "Not saved yet", "dates": "2026-03-09", "revision": seen}
    for address in ("save/", "send/"):
        answer = client.post(f"{it.get_absolute_url()}{address}", typed)
        assert (answer.status_code, everything()) == (409, before)
        page = answer.content.decode()
        assert 'value="Not saved yet"' in page
        assert "Save what is here instead" not in page
        assert "Send it again" not in page
    by_itself = client.post(f"{it.get_absolute_url()}save/", typed, headers=HTMX)
    assert (by_itself.status_code, everything()) == (409, before)


def test_a_decision_about_what_the_trainee_has_changed_since_is_refused(tara: User, robin: User) -> None:
    it = questioned(tara, robin)
    seen = it.revision
    browser(tara).post(f"{it.get_absolute_url()}save/", {**WHOLE, "dates": "2026-03-09", "revision": seen})
    with pytest.raises(ChangedMeanwhile):
        reviewing.accept(it, None, revision=seen, by=robin, now=NOW)


# -- sending -----------------------------------------------------------------------------------------------------------
def test_what_is_missing_is_said_at_its_field_and_above_and_nothing_typed_is_lost(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    answer = client.post(f"{it.get_absolute_url()}send/", {"note": "My note", "revision": "1"})
    assert answer.status_code == 422
    page = text(answer)
    for words in ("Say which production it was.", "Say what was being made.", "Say which company made it",
                  "Say in which department you worked.", "Say what you did there.", "Say whether you were paid.",
                  "Say whether it was a union production.", "Enter the days on which you worked.",
                  "Say what shows that you worked there."):  # fmt: skip
        assert page.count(words) == 2, words
    assert "My note" in page
    it.refresh_from_db()
    assert (it.state, it.note) == (RecordState.DRAFT, "My note")
    assert not HistoryLine.objects.exists()


@pytest.mark.parametrize(
    ("fields", "lack"),
    [
        ({"dates": "2 March 2026, 32 March"}, "there is no such day in the calendar"),
        ({"dates": "tomorrow, 2 March 2026"}, "Line 1, “tomorrow”: this is not a date"),
        ({"dates": "12 January 2099"}, "12 January 2099 has not come yet"),
        ({"proof_link": ""}, "Add the proof itself: at least one file, or a link to it."),
        ({"proof_kind": "imdb"}, "Say why there is no other proof"),
        ({"proof_kind": "imdb", "proof_link": "", "proof_reason": "Lost"}, "Enter the address of the IMDb page."),
        ({"production": "x" * 161}, "Use 160 characters at most."),
    ],
)
def test_a_record_with_something_wrong_is_not_sent(
    client: Client, tara: User, fields: dict[str, str], lack: str
) -> None:
    it = writing.begin(tara, now=NOW)
    answer = client.post(f"{it.get_absolute_url()}send/", {**WHOLE, **fields, "revision": "1"})
    assert answer.status_code == 422
    assert lack in text(answer)
    it.refresh_from_db()
    assert it.state == RecordState.DRAFT


def test_sending_saves_what_was_typed_and_says_what_happens_now(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    answer = client.post(f"{it.get_absolute_url()}send/", {**WHOLE, "revision": "1"}, follow=True)
    page = text(answer)
    assert "Sent to the school. You get an e-mail as soon as it is decided." in page
    assert "What happens now" in page
    assert "The Glass Harbour" in page
    assert "5 days on set sent for review, by you" in page
    it.refresh_from_db()
    assert (it.state, it.dates_typed, len(days_of(it))) == (RecordState.IN_REVIEW, "", 5)


def test_an_imdb_page_with_a_reason_can_be_sent(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    fields = {**WHOLE, "proof_kind": "imdb", "proof_reason": "The company is gone.", "revision": "1"}
    assert client.post(f"{it.get_absolute_url()}send/", fields).status_code == 302


def test_sending_twice_sends_once(client: Client, tara: User) -> None:
    it = draft(tara)
    fields = {**WHOLE, "revision": it.revision}
    client.post(f"{it.get_absolute_url()}send/", fields)
    again = client.post(f"{it.get_absolute_url()}send/", fields)
    assert again.status_code == 409
    assert HistoryLine.objects.filter(what="record-sent").count() == 1


# -- what may be done in which state -----------------------------------------------------------------------------------
MAY = {
    # state: save, send, change, withdraw, write in the conversation
    "draft": (True, True, False, True, None),
    "in-review": (False, False, True, True, True),
    "question": (True, True, False, True, True),
    "accepted": (False, False, False, True, True),
    "rejected": (False, False, True, True, True),
    "withdrawn": (False, False, False, False, True),
}


@pytest.mark.parametrize("state", MAY)
def test_each_state_allows_what_it_allows_and_refuses_the_rest_without_a_trace(
    client: Client, tara: User, robin: User, state: str
) -> None:
    asked = ("save", "send", "change", "withdraw")
    for action, may in zip(asked, MAY[state], strict=False):
        it = IN_STATE[state](tara, robin)
        assert it.state == state
        before = everything()
        fields = {**WHOLE, "role": "Something else", "revision": it.revision}
        answer = client.post(f"{it.get_absolute_url()}{action}/", fields)
        assert answer.status_code == (302 if may else 409), action
        assert (everything() == before) is not may, action
    it = IN_STATE[state](tara, robin)
    answer = client.post(f"{it.get_absolute_url()}conversation/", {"words": "A word from me"})
    assert answer.status_code == (404 if MAY[state][4] is None else 302)


@pytest.mark.parametrize("state", MAY)
def test_a_page_offers_just_what_its_state_allows(client: Client, tara: User, robin: User, state: str) -> None:
    it = IN_STATE[state](tara, robin)
    page = client.get(it.get_absolute_url()).content.decode()
    save, send, change, withdraw, write = MAY[state]
    offered = (
        f'action="{it.get_absolute_url()}save/"' in page,
        f'formaction="{it.get_absolute_url()}send/"' in page,
        f'action="{it.get_absolute_url()}change/"' in page,
        f'href="{it.get_absolute_url()}withdraw/"' in page,
        f'action="{it.get_absolute_url()}conversation/"' in page,
    )
    assert offered == (save, send, change, withdraw, bool(write))


def test_a_stale_page_takes_nothing_back(client: Client, tara: User, robin: User) -> None:
    it = sent(tara)
    reviewing.accept(it, None, revision=it.revision, by=robin, now=NOW)
    before = everything()
    answer = client.post(f"{it.get_absolute_url()}change/", {"revision": it.revision})
    assert (answer.status_code, everything()) == (409, before)
    assert "All 5 days are accepted" in text(answer)


# -- after the decision ------------------------------------------------------------------------------------------------
def test_the_page_shows_which_days_are_accepted_which_are_not_and_the_words(
    client: Client, tara: User, robin: User
) -> None:
    it = sent(tara)
    days = [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 6)]
    reviewing.accept(it, days, revision=it.revision, by=robin, now=NOW, words="The 4th and 5th are not on the sheet.")
    page = text(client.get(it.get_absolute_url()))
    assert "3 of 5 days are accepted." in page
    assert "Accepted 2 to 3 March 2026; 6 March 2026" in page
    assert "Left out 4 to 5 March 2026" in page
    assert "The 4th and 5th are not on the sheet." in page
    assert "Robin" not in page
    assert "3 of 5 days on set accepted, by the school" in page


def test_a_record_that_was_not_accepted_says_why_and_can_be_changed_and_accepted_then(
    client: Client, tara: User, robin: User
) -> None:
    it = rejected(tara, robin)
    page = text(client.get(it.get_absolute_url()))
    assert "The proof cannot be read." in page
    assert "Page two is too dark." in page
    assert client.post(f"{it.get_absolute_url()}change/", {"revision": it.revision}).status_code == 302
    again = client.get(it.get_absolute_url())
    assert "What the school said before" in text(again)
    assert "2026-03-02 to 2026-03-06" in again.content.decode()
    it.refresh_from_db()
    assert client.post(f"{it.get_absolute_url()}send/", {**WHOLE, "revision": it.revision}).status_code == 302
    it.refresh_from_db()
    reviewing.accept(it, None, revision=it.revision, by=robin, now=NOW)
    it.refresh_from_db()
    assert it.state == RecordState.ACCEPTED


def test_what_the_registrar_entered_is_shown_with_what_they_saw(client: Client, tara: User) -> None:
    it = factories.prove_days(tara, 3)
    OnSetRecord.objects.filter(pk=it.pk).update(proof="Deal memo", sent_at=None)
    page = text(client.get(it.get_absolute_url()))
    assert "Proof the school saw Deal memo" in page
    assert "18 to 20 March 2026" in page


def test_who_opened_the_proof_is_told_but_not_by_name(client: Client, tara: User, robin: User) -> None:
    it = sent(tara)
    for by in (tara, robin):
        record("proof-opened", about=("record", it.public_id), person=tara, by=by, now=NOW)
    page = text(client.get(it.get_absolute_url()))
    assert page.count("A file of proof was opened") == 1
    assert "A file of proof was opened, by the school" in page


# -- answering ---------------------------------------------------------------------------------------------------------
def test_an_answer_in_the_conversation_brings_the_record_back_to_the_school(
    client: Client, tara: User, robin: User
) -> None:
    it = questioned(tara, robin)
    page = text(client.get(it.get_absolute_url()))
    assert page.index("Which unit?") < page.index("The production")
    answer = client.post(f"{it.get_absolute_url()}conversation/", {"words": "The second unit."}, headers=HTMX)
    assert answer["HX-Refresh"] == "true"
    it.refresh_from_db()
    assert it.state == RecordState.IN_REVIEW
    assert HistoryLine.objects.filter(what="record-answered").count() == 1


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        ({"company": ""}, "Say which company made it, or that there was none."),
        ({"dates": str(school_day(NOW) + timedelta(days=4))}, "has not come yet"),
        ({"dates": "soon"}, "soon"),
    ],
)
def test_an_answer_reaches_the_school_and_a_record_with_gaps_does_not(
    client: Client, tara: User, robin: User, gap: dict[str, str], said: str
) -> None:
    it = questioned(tara, robin)
    client.post(f"{it.get_absolute_url()}save/", {**WHOLE, **gap, "revision": it.revision})
    answer = client.post(f"{it.get_absolute_url()}conversation/", {"words": "The second unit."}, follow=True)
    it.refresh_from_db()
    assert (it.state, Post.objects.last().words) == (RecordState.QUESTION, "The second unit.")  # type: ignore[union-attr]
    page = text(answer)
    assert "The school has your answer, and the record still waits for you." in page
    assert said in page
    by_htmx = client.post(f"{it.get_absolute_url()}conversation/", {"words": "And the third."}, headers=HTMX)
    assert by_htmx["HX-Refresh"] == "true"
    sent_again = client.post(
        f"{it.get_absolute_url()}send/", {**WHOLE, "revision": OnSetRecord.objects.get(pk=it.pk).revision}
    )
    assert (sent_again.status_code, OnSetRecord.objects.get(pk=it.pk).state) == (302, RecordState.IN_REVIEW)


def test_an_answer_that_cannot_be_taken_moves_nothing(client: Client, tara: User, robin: User) -> None:
    it = questioned(tara, robin)
    before = everything()
    answer = client.post(f"{it.get_absolute_url()}conversation/", {"words": " \u202e "})
    assert (answer.status_code, everything()[:4]) == (422, before[:4])


def test_the_school_writes_without_moving_anything(tara: User, robin: User) -> None:
    it = questioned(tara, robin)
    browser(robin).post(f"/desk/records/{it.public_id}/conversation/", {"words": "Any news?"})
    it.refresh_from_db()
    assert (it.state, Post.objects.count()) == (RecordState.QUESTION, 2)


# -- taking back -------------------------------------------------------------------------------------------------------
def test_taking_back_says_what_it_means_before_the_button(client: Client, tara: User, robin: User) -> None:
    it = accepted(tara, robin)
    before = everything()
    page = text(client.get(f"{it.get_absolute_url()}withdraw/"))
    assert "Its 5 accepted days stop counting." in page
    assert "A seat that you hold is not taken away by this." in page
    assert everything() == before
    client.post(f"{it.get_absolute_url()}withdraw/")
    page = text(client.get(it.get_absolute_url()))
    assert "You withdrew it. Its days do not count." in page


def test_a_draft_that_nobody_saw_leaves_nothing_behind(client: Client, tara: User) -> None:
    it = draft(tara)
    name = "call-sheet.pdf"
    ProofFile.objects.create(record=it, name=name, media="pdf", size=1, sha256="0", stored_as="x", begun_at=NOW,
                             kept_at=NOW)  # fmt: skip
    assert "Delete this draft?" in text(client.get(f"{it.get_absolute_url()}withdraw/"))
    assert client.post(f"{it.get_absolute_url()}withdraw/")["Location"] == "/experience/"
    assert client.get(it.get_absolute_url()).status_code == 404
    assert "Nothing here yet" in text(client.get("/experience/"))
    left = OnSetRecord.objects.get()
    assert (left.production, left.note, left.proof_link, left.is_paid, days_of(left)) == ("", "", "", None, [])
    due = ProofFile.objects.due_for_deletion(NOW - timedelta(days=90), NOW - timedelta(days=1))
    assert [file.name for file in due] == [name]


def test_a_sent_record_that_was_reopened_is_withdrawn_and_not_deleted(client: Client, tara: User) -> None:
    it = sent(tara)
    writing.take_back_to_change(it, revision=it.revision, by=tara, now=NOW)
    client.post(f"{it.get_absolute_url()}withdraw/")
    assert client.get(it.get_absolute_url()).status_code == 200


# -- other people's ----------------------------------------------------------------------------------------------------
ADDRESSES = ("", "save/", "send/", "change/", "withdraw/", "conversation/")
POSTS_ONLY = {"save/", "send/", "change/"}


@pytest.mark.parametrize("state", MAY)
def test_other_peoples_records_are_not_there_at_any_address(tara: User, robin: User, state: str) -> None:
    it = IN_STATE[state](tara, robin)
    before = everything()
    for stranger in (factories.person(Role.TRAINEE), factories.person(Role.TRAINEE, Role.REGISTRAR)):
        client = browser(stranger)
        for address in ADDRESSES:
            path = f"{it.get_absolute_url()}{address}"
            answers = {
                "GET": client.get(path).status_code,
                "HEAD": client.head(path).status_code,
                "POST": client.post(path, {**WHOLE, "words": "Mine", "revision": it.revision}).status_code,
            }
            nobodys = path.replace(it.public_id, "0" * 20)
            assert answers == {
                "GET": client.get(nobodys).status_code,
                "HEAD": client.head(nobodys).status_code,
                "POST": client.post(nobodys, WHOLE).status_code,
            }
            expected = {404, 405} if address == "" or address in POSTS_ONLY else {404}
            assert set(answers.values()) == expected
            assert answers["POST"] == (405 if address == "" else 404)
    assert everything() == before
    assert not_seen(factories.person(Role.TRAINEE))


def not_seen(stranger: User) -> bool:
    return "Glass Harbour" not in text(browser(stranger).get("/experience/"))


def test_who_is_no_trainee_is_told_so_whatever_the_address(tara: User, robin: User) -> None:
    it = sent(tara)
    for path in ("/experience/", *(f"{it.get_absolute_url()}{address}" for address in ADDRESSES)):
        assert browser(robin).get(path).status_code in (403, 405)
        assert browser(robin).post(path).status_code in (403, 405)


def test_the_menu_leads_a_trainee_to_their_days(client: Client, robin: User) -> None:
    assert 'href="/experience/" aria-current="page">Days on set' in client.get("/experience/").content.decode()
    assert "/experience/" not in browser(robin).get("/").content.decode()


def test_the_page_says_who_reads_it_and_how_long_it_is_kept(client: Client, tara: User) -> None:
    for path in ("/experience/", draft(tara).get_absolute_url()):
        page = text(client.get(path))
        assert "You and the school's registrars, and nobody else." in page
        assert "Files of proof are deleted 90 days after the decision" in page


@pytest.mark.parametrize("state", ["in-review", "accepted", "rejected", "withdrawn"])
def test_what_is_with_the_school_or_over_cannot_be_sent_by_any_road(tara: User, robin: User, state: str) -> None:
    it = IN_STATE[state](tara, robin)
    before = everything()
    with pytest.raises(NotPossible):
        writing.send(it, revision=it.revision, by=tara, now=NOW)
    assert everything() == before


# -- what is said of single days ---------------------------------------------------------------------------------------
NEVER = "5 to 6 March 2026 are after 4 March 2026, when you got access to Module III; they cannot count."


def test_days_after_access_are_said_not_to_count_wherever_the_days_are_named(
    client: Client, tara: User, robin: User
) -> None:
    factories.give_access(tara, "module-iii", date(2026, 3, 4))
    it = draft(tara)
    path = it.get_absolute_url()
    assert NEVER in text(client.get(path))
    by_itself = client.post(f"{path}save/", {**WHOLE, "note": "", "revision": it.revision}, headers=HTMX)
    assert NEVER in text(by_itself)
    it.refresh_from_db()
    writing.send(it, revision=it.revision, by=tara, now=NOW)
    assert NEVER in text(client.get(path))
    it.refresh_from_db()
    reviewing.accept(it, None, revision=it.revision, by=robin, now=NOW)
    page = text(client.get(path))
    assert page.count(NEVER.rstrip(".")) == 1
    assert NEVER.rstrip(".") in Message.objects.get(kind="record-accepted").context["never"]


def test_a_day_too_long_ago_is_said_not_to_count_and_others_are_not(client: Client, tara: User) -> None:
    it = writing.begin(tara, now=NOW)
    path = f"{it.get_absolute_url()}save/"
    today = school_day(NOW)
    answer = client.post(path, {"dates": "1 November 2010\n2 March 2026", "revision": "1"}, headers=HTMX)
    since = in_words(today.replace(year=today.year - 10))
    assert f"1 November 2010 is before {since}, 10 years ago; it cannot count." in text(answer)
    assert text(answer).count("cannot count") == 1


def test_a_day_that_was_left_out_because_it_counts_already_is_told_apart(
    client: Client, tara: User, robin: User
) -> None:
    accepted(tara, robin)
    it = draft(tara)
    OnSetDay.objects.create(record=it, day=date(2026, 4, 1))
    writing.send(it, revision=it.revision, by=tara, now=NOW)
    it.refresh_from_db()
    reviewing.accept(it, [date(2026, 3, day) for day in range(3, 7)], revision=it.revision, by=robin, now=NOW)
    page = text(client.get(it.get_absolute_url()))
    assert "Left out 1 April 2026" in page
    assert "Left out 2 March 2026 counts already with The Glass Harbour" in page
    assert "If you have proof for the days that were left out" in page
    told = Message.objects.get(kind="record-accepted-in-part").context
    assert told["refused"] == "1 April 2026"
    assert told["already"] == "2 March 2026 counts already with The Glass Harbour"


def test_who_was_left_nothing_to_prove_is_not_asked_for_proof(client: Client, tara: User, robin: User) -> None:
    accepted(tara, robin)
    it = sent(tara)
    reviewing.accept(it, [date(2026, 3, 3)], revision=it.revision, by=robin, now=NOW)
    page = text(client.get(it.get_absolute_url()))
    assert "2 March 2026 and 4 to 6 March 2026 count already with The Glass Harbour" in page
    assert "If you have proof for the days" not in page


def test_the_list_names_the_days_that_it_counts(client: Client, tara: User, robin: User) -> None:
    it = sent(tara)
    some = [date(2026, 3, 2), date(2026, 3, 3)]
    reviewing.accept(it, some, revision=it.revision, by=robin, now=NOW)
    page = text(client.get("/experience/"))
    assert "2 days: 2 to 3 March 2026 2 of 5 days are accepted." in page
    it.refresh_from_db()
    writing.withdraw(it, by=tara, now=NOW)
    assert "5 days: 2 to 6 March 2026 You withdrew it." in text(client.get("/experience/"))
    assert "Days 2 to 6 March 2026" in text(client.get(it.get_absolute_url()))


# -- what became of it -------------------------------------------------------------------------------------------------
def test_an_undone_decision_is_said_on_top_until_the_record_is_sent_again(
    client: Client, tara: User, robin: User
) -> None:
    it = accepted(tara, robin)
    reviewing.undo(it, "One sheet is of another day.", revision=it.revision, by=robin, now=now())
    page = text(client.get(it.get_absolute_url()))
    notice = "It was accepted, and the school looks at it once more"
    assert page.index(notice) < page.index("One sheet is of another day.") < page.index("What you wrote")
    it.refresh_from_db()
    writing.take_back_to_change(it, revision=it.revision, by=tara, now=now())
    assert notice not in text(client.get(it.get_absolute_url()))
    it.refresh_from_db()
    writing.send(it, revision=it.revision, by=tara, now=now())
    assert notice not in text(client.get(it.get_absolute_url()))


@pytest.mark.parametrize(
    ("reason", "may_prove"), [(RejectReason.AS_COORDINATOR, False), (RejectReason.NOT_PROVEN, True)]
)
def test_other_proof_is_asked_for_only_where_it_would_help(
    client: Client, tara: User, robin: User, reason: RejectReason, may_prove: bool
) -> None:
    it = sent(tara)
    reviewing.reject(it, reason=reason, words="See above.", revision=it.revision, by=robin, now=NOW)
    page = text(client.get(it.get_absolute_url()))
    assert ("Change it and send it again" in page) is may_prove
    assert ("Other proof would change nothing here." in page) is not may_prove
    assert bool(Message.objects.get(kind="record-rejected").context["more_proof_helps"]) is may_prove


def test_openings_of_proof_are_told_once_a_day_and_the_newest_line_comes_first(
    client: Client, tara: User, robin: User
) -> None:
    it = sent(tara)
    for days in (2, 1, 1, 1):
        record("proof-opened", about=("record", it.public_id), person=tara, by=robin, now=NOW + timedelta(days=days))
    page = text(client.get(it.get_absolute_url()))
    assert "Files of proof were opened 3 times, by the school" in page
    assert page.count("A file of proof was opened") == 1
    assert page.index("A file of proof was opened") < page.index("opened 3 times") < page.index("sent for review")


# -- answering a question ----------------------------------------------------------------------------------------------
def test_before_they_answer_they_read_that_it_goes_back_and_files_come_first(
    client: Client, tara: User, robin: User
) -> None:
    it = questioned(tara, robin)
    page = text(client.get(it.get_absolute_url()))
    places = [
        page.index(words)
        for words in (
            "The school asks",
            "Add these files",
            "Send it again without an answer",
            "Your answer brings the record back to the school",
            "Send the answer",
        )
    ]
    assert places == sorted(places)
    assert "Your answer brings" not in text(browser(robin).get(f"/desk/records/{it.public_id}/conversation/"))
    it = sent(tara)
    assert "Your answer brings" not in text(client.get(it.get_absolute_url()))


# -- an audit ----------------------------------------------------------------------------------------------------------
def test_while_an_audit_goes_on_nobody_is_told_that_their_files_are_deleted(
    client: Client, tara: User, robin: User
) -> None:
    it = sent(tara)
    path = it.get_absolute_url()
    ProofFile.objects.create(record=it, name="sheet.heic", media="jpeg", size=1, sha256="0", stored_as="x",
                             begun_at=NOW, kept_at=NOW)  # fmt: skip
    assert "The files of proof are deleted." in text(client.get(f"{path}withdraw/"))
    assert "kept as JPEG" in text(client.get(path))
    begin_audit(tara, "An insurer asks.", by=robin, now=NOW)
    asked = text(client.get(f"{path}withdraw/"))
    assert "Your proof is kept for an audit now: the files stay until it has ended" in asked
    assert "The files of proof are deleted." not in asked
    client.post(f"{path}withdraw/")
    page = text(client.get(path))
    assert "Your proof is kept for an audit: until it has ended no file is deleted" in page
    assert "An insurer asks." not in page
    end_audit(tara, "It has ended.", by=robin, now=NOW)
    assert "Your proof is kept for an audit" not in text(client.get(path))


# -- one word for one thing --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", MAY)
def test_a_trainee_changes_withdraws_and_deletes_and_takes_nothing_back(
    client: Client, tara: User, robin: User, state: str
) -> None:
    it = IN_STATE[state](tara, robin)
    for path in ("/experience/", it.get_absolute_url(), f"{it.get_absolute_url()}withdraw/"):
        assert not re.search(r"\b(take|took|taken)\b[^.]{0,20}\bback\b", text(client.get(path)), re.IGNORECASE)


def test_a_deleted_draft_is_remembered_as_one(client: Client, tara: User) -> None:
    client.post(f"{draft(tara).get_absolute_url()}withdraw/")
    client.post(f"{sent(tara).get_absolute_url()}withdraw/")
    said = HistoryLine.objects.order_by("pk").values_list("what", flat=True)
    assert list(said) == ["draft-deleted", "record-sent", "record-withdrawn"]


def test_nothing_is_said_to_be_saved_by_itself_where_no_script_runs(client: Client, tara: User) -> None:
    page = client.get(writing.begin(tara, now=NOW).get_absolute_url()).content.decode()
    for words in ("Saved as you write.", "It is saved as you write."):
        assert f"<span data-scripted hidden>{words}</span>" in page
        assert page.count(words) == 1
    assert "data-unscripted>Save what you wrote above first." in page
