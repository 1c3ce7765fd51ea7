"""The desk's review of proof: the queue and its order, one record's page, and what is done from it."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.http.response import HttpResponseBase
from django.test import Client

from booking.reservations import waiting
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, statements
from tests.factories import NOW
from tests.pages import text
from tests.prerequisites.invariants import assert_records_hold
from tests.prerequisites.paper import THREE_DAYS, drafted, sent
from workshops.cohorts.models import CohortStatus
from workshops.conversations.models import Post
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role, User
from workshops.prerequisites.recording import accept_days
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState, RejectReason, Review

pytestmark = pytest.mark.django_db
QUEUE = "/desk/reviews/"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    StoppedClock(monkeypatch)


@pytest.fixture
def ana() -> User:
    """A trainee with seven days accepted, the last of them on 20 March 2026."""
    return factories.trainee(lacking="on-set-days", name="Ana Lima")


@pytest.fixture
def sam() -> User:
    """Another registrar."""
    return factories.person(Role.REGISTRAR, name="Sam")


def page_of(it: OnSetRecord, act: str = "") -> str:
    return f"{QUEUE}{it.public_id}/{f'{act}/' if act else ''}"


def fresh(it: OnSetRecord) -> OnSetRecord:
    return OnSetRecord.objects.select_related("user").get(pk=it.pk)


def post(client: Client, it: OnSetRecord, act: str, query: str = "", **typed: Any) -> Any:
    """What the page's form sends; `__` in a field's name stands for its dash."""
    data = {"revision": it.revision, **{name.replace("__", "-"): value for name, value in typed.items()}}
    return client.post(page_of(it, act) + query, data)


def names(page: HttpResponseBase) -> list[str]:
    """Who is in the queue, from the top."""
    html = page.content.decode()  # type: ignore[attr-defined]
    return re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', html)


def named(name: str, *, ago: timedelta = DAY, **fields: Any) -> OnSetRecord:
    """A record that someone of this name sent some time ago."""
    return sent(factories.person(Role.TRAINEE, name=name), now=NOW - ago, **fields)


def accept(it: OnSetRecord, by: User, days: Any = None, **said: str) -> Review:
    return reviewing.accept(it, days, revision=it.revision, by=by, now=NOW, **said)


def ask(it: OnSetRecord, by: User) -> OnSetRecord:
    return reviewing.ask(it, "Which unit?", revision=it.revision, title="it", link="https://x.test/", by=by, now=NOW)


def second_eyes(it: OnSetRecord, by: User) -> OnSetRecord:
    return reviewing.ask_for_second_eyes(it, "Is this a set?", revision=it.revision, by=by, now=NOW)


# -- who may come in ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [role for role in Role if role != Role.REGISTRAR])
def test_only_registrars_review(ana: User, role: Role) -> None:
    it, someone = sent(ana), browser(role)
    assert [someone.get(page).status_code for page in (QUEUE, page_of(it))] == [403, 403]
    for act in ("accept", "accept-some", "ask", "reject", "second-eyes", "no-second-eyes", "undo"):
        assert post(someone, it, act, all__words="", ask__words="x").status_code == 403
    assert fresh(it).revision == it.revision


def test_a_draft_is_its_trainees_alone_and_as_if_it_did_not_exist(desk: Client, ana: User) -> None:
    draft = drafted(ana)
    assert desk.get(page_of(draft)).status_code == desk.get(f"{QUEUE}nobody-has-this/").status_code == 404
    assert post(desk, draft, "accept").status_code == 404
    assert names(desk.get(QUEUE)) == []


def taken_back(user: User, by: User) -> OnSetRecord:
    """Sent for a cohort, not accepted, taken back to be changed, and changed."""
    it = sent(user, aims_for=factories.cohort())
    reviewing.reject(it, reason=RejectReason.UNREADABLE, words="Too dark.", revision=it.revision, by=by, now=NOW)
    it = writing.take_back_to_change(it, revision=fresh(it).revision, by=user, now=NOW)
    says = {"production": "Secret Harbour", "company": "Secret Pictures", "role": "Intimacy secret", "kind": "student",
            "note": "Secret note", "proof_link": "https://secret.example/"}  # fmt: skip
    return writing.save(it, says, [date(2026, 5, 7)], revision=it.revision, now=NOW)


def test_of_what_its_trainee_has_taken_back_to_change_it_the_desk_reads_that_alone(
    desk: Client, ana: User, sam: User
) -> None:
    it = taken_back(ana, sam)
    page = desk.get(page_of(it))
    said = text(page)
    assert "Ana Lima took this back on Monday 11 January 2027" in said
    assert "What it says is theirs alone until they send it again." in said
    assert "Not accepted" in said
    assert "Too dark." in said
    for address in (page_of(it), f"/desk/people/{ana.public_id}/", f"/desk/people/{ana.public_id}/history/",
                    "/desk/conversations/", QUEUE, f"/desk/records/{it.public_id}/conversation/"):  # fmt: skip
        html = desk.get(address).content.decode()
        assert not re.search("secret|7 May|2026-05-07|Student film", html, re.IGNORECASE), address


def test_whoever_pressed_a_button_meanwhile_is_told_and_reads_nothing_more(desk: Client, ana: User, sam: User) -> None:
    it = taken_back(ana, sam)
    for revision in (1, it.revision):
        it.revision = revision
        answer = post(desk, it, "reject", reject__reason="unreadable", reject__words="Too dark again.")
        said = text(answer)
        assert (answer.status_code, "secret" in said.lower()) == (409, False)
        assert "The trainee has taken this back to change it." in said
        assert "Too dark again." in said
    assert post(desk, it, "accept").status_code in (409, 422)


def test_once_it_is_sent_again_the_desk_reads_it(desk: Client, ana: User, sam: User) -> None:
    it = taken_back(ana, sam)
    writing.send(it, revision=it.revision, by=ana, now=NOW)
    said = text(desk.get(page_of(it)))
    assert ("Secret Harbour" in said, "7 " in said, "theirs alone" in said) == (True, True, False)
    assert names(desk.get(QUEUE)) == ["Ana Lima"]


def test_nothing_is_done_by_looking(desk: Client, ana: User) -> None:
    it = sent(ana)
    before = (fresh(it).revision, HistoryLine.objects.count())
    desk.get(QUEUE)
    desk.get(page_of(it))
    assert desk.get(page_of(it, "accept")).status_code == 405
    assert (fresh(it).revision, HistoryLine.objects.count()) == before


# -- the queue ---------------------------------------------------------------------------------------------------------
def test_the_queue_begins_with_whoever_waits_longest(desk: Client) -> None:
    for name, days in (("Ben", 2), ("Ana", 9), ("Cleo", 1)):
        named(name, ago=days * DAY)
    assert names(desk.get(QUEUE)) == ["Ana", "Ben", "Cleo"]


def test_whoever_only_answers_a_question_keeps_their_place(desk: Client, robin: User) -> None:
    first = named("Ana", ago=9 * DAY)
    named("Ben", ago=2 * DAY)
    ask(first, robin)
    told: dict[str, Any] = {"person": first.user, "author": first.user, "title": "it", "link": "/", "now": NOW}
    writing.answer(first, words="The second.", **told)
    assert names(desk.get(QUEUE)) == ["Ana", "Ben"]


def test_by_what_is_needed_first_a_promise_comes_before_a_place_in_line_and_a_wish(desk: Client) -> None:
    """Each by its day: the end of a promise, or the first day of the cohort. Who aims for nothing comes last."""
    soon, later, last = (
        factories.cohort(starts_on=NOW.date() + days * DAY, title=f"In {days}") for days in (90, 100, 200)
    )
    named("No aim", ago=9 * DAY)
    named("Wishes soon", ago=8 * DAY, aims_for=soon)
    waits = named("Waits for later", ago=7 * DAY, aims_for=soon)
    factories.reservation(cohort=later)
    later.seats.filter(status="free").delete()
    waiting.join(later, waits.user, now=NOW)
    promised = factories.cohort(starts_on=last.starts_on, title="Promised", terms_changed={"provisional_days": 150})
    lacking = factories.trainee(lacking="on-set-days", name="Promised")
    seat = factories.reservation(cohort=promised, trainee=lacking)
    sent(lacking, now=NOW - 6 * DAY, aims_for=last)
    assert seat.provisional_until == promised.starts_on - 150 * DAY
    page = desk.get(QUEUE, {"order": "aim"})
    assert names(page) == ["Promised", "Wishes soon", "Waits for later", "No aim"]
    said = text(page)
    assert "Promised Seat until 2 March 2027" in said
    assert "In 90 Chosen by them, from 11 April 2027" in said
    assert "In 100 In line, from 21 April 2027" in said
    assert names(desk.get(QUEUE)) == ["No aim", "Wishes soon", "Waits for later", "Promised"]
    assert "?order=aim" in page.content.decode()


@pytest.mark.parametrize("over", [{"status": CohortStatus.CANCELLED}, {"starts_on": NOW.date() - DAY}])
def test_nobody_aims_for_a_cohort_that_is_over_or_cancelled(desk: Client, over: dict[str, Any]) -> None:
    it = named("Ana", aims_for=factories.cohort(title="Gone", **over))
    assert "Not said" in text(desk.get(QUEUE))
    assert "Gone" not in text(desk.get(page_of(it)))


def test_each_list_holds_what_waits_for_somebody_else(desk: Client, robin: User, sam: User) -> None:
    named("Waits")
    ask(named("Asked"), robin)
    second_eyes(named("In doubt"), sam)
    accept(named("Done"), robin)
    old = named("Done long ago")
    accept(old, robin)
    OnSetRecord.objects.filter(pk=old.pk).update(decided_at=NOW - 31 * DAY)
    factories.prove_days(factories.person(Role.TRAINEE, name="By hand"), 2)
    lists = {"": ["Waits", "In doubt"], "trainee": ["Asked"], "second-eyes": ["In doubt"], "decided": ["Done"]}
    assert {waits: names(desk.get(QUEUE, {"waits": waits})) for waits in lists} == lists
    tabs = text(desk.get(QUEUE))
    for said in ("Waiting for us 2", "Waiting for the trainee 1", "Second eyes wanted 1", "Decided lately 1"):
        assert said in tabs
    assert "Sam asks" in tabs


def test_a_line_says_what_was_claimed_and_how_much_of_it_would_count(desk: Client, ana: User) -> None:
    """Seven are accepted already, the last on 20 March; one is too old."""
    sent(ana, [date(2026, 3, 20), date(2016, 3, 1), date(2026, 5, 1)], kind="student", now=NOW - 3 * DAY)
    said = text(desk.get(QUEUE))
    assert "Ana Lima Harbour Lights Student film, Set costumer Student film 3 1 would count 3 days ago" in said


@pytest.mark.parametrize("waits", ["school", "trainee", "decided"])
def test_the_queue_takes_as_many_statements_for_fifty_as_for_one(
    client: Client, robin: User, sam: User, waits: str
) -> None:
    client.force_login(robin)
    taken = []
    for more in (1, 2, 47):
        for number in range(more):
            it = named(f"P{number}", aims_for=factories.cohort() if number < 3 else None, as_coordinator=True)
            if waits == "trainee":
                ask(it, sam)
            elif waits == "decided":
                accept(it, sam, judgement="It was before.")
        taken.append(statements(client, QUEUE, {"waits": waits, "order": "aim"}))
    assert taken[0] == taken[1] == taken[2]
    assert len(names(client.get(QUEUE, {"waits": waits}))) == 50


def test_the_queue_has_pages(desk: Client) -> None:
    for number in range(51):
        named(f"P{number}", ago=DAY - timedelta(seconds=number))
    assert len(names(desk.get(QUEUE))) == 50
    assert names(desk.get(QUEUE, {"page": "2"})) == ["P50"]


@pytest.mark.parametrize("query", [{"waits": "nonsense"}, {"order": "nonsense"}, {"page": "nonsense"}])
def test_what_nobody_asks_for_shows_the_queue(desk: Client, query: dict[str, str]) -> None:
    named("Ana")
    assert names(desk.get(QUEUE, query)) == ["Ana"]


def test_the_desk_says_how_much_waits_and_since_when(desk: Client) -> None:
    assert "proof" not in text(desk.get("/desk/")).lower().replace("proof ", "", 1)
    named("Ana", ago=7 * DAY)
    assert "1 proof has waited since 4 January 2027." in text(desk.get("/desk/"))
    named("Ben")
    said = text(desk.get("/desk/"))
    assert "2 proofs wait, the oldest since 4 January 2027." in said
    assert "Proof 2 waiting" in said


# -- one record --------------------------------------------------------------------------------------------------------
def test_the_page_says_what_the_record_adds_up_to(desk: Client, ana: User) -> None:
    assert "7 of 10 accepted; with these, 10 of 10." in text(desk.get(page_of(sent(ana))))


def test_the_page_names_what_speaks_against_a_date(desk: Client, ana: User, robin: User, sam: User) -> None:
    other = sent(ana, [date(2026, 5, 4), date(2026, 5, 5)], production="Saltwater")
    accept(other, sam, [date(2026, 5, 4)])
    accept_days(ana, [date(2026, 5, 6)], production="By hand", role="", proof="Seen", by=sam, now=NOW)
    drafted(ana, [date(2026, 5, 7)], production="A draft")
    days = [date(2016, 1, 11), date(2017, 1, 10), date(2017, 1, 11), *(date(2026, 5, day) for day in (4, 5, 6, 7))]
    page = desk.get(page_of(sent(ana, days)))
    said = text(page)
    assert "Days count from 11 January 2017 to 11 January 2027, counted back from today." in said
    assert "Monday 11 January 2016 Before 11 January 2017, so it does not count." in said
    assert (
        "Tuesday 10 January 2017 Before 11 January 2017, so it does not count. Wednesday 11 January 2017 Monday 4"
        in re.sub(r"May 2026 (?=Monday 4)", "", said)
    )
    assert "Monday 4 May 2026 Also on Saltwater , accepted. It counts once." in said
    assert "Tuesday 5 May 2026 Also on Saltwater , left out there." in said
    assert "Wednesday 6 May 2026 Also on By hand , accepted. It counts once." in said
    assert "A draft" not in said
    assert page_of(other) in page.content.decode()
    assert f"/desk/people/{ana.public_id}/#days" in page.content.decode()


def test_access_to_module_three_freezes_the_years_that_count(desk: Client, ana: User) -> None:
    factories.give_access(ana, "module-iii", date(2026, 2, 28))
    said = text(desk.get(page_of(sent(ana, [date(2016, 2, 28), date(2016, 2, 27)]))))
    assert "Days count from 28 February 2016 to 28 February 2026, when access to Module III was granted." in said
    assert (
        "Saturday 27 February 2016 Before 28 February 2016, so it does not count. Sunday 28 February 2016 Decide"
        in said
    )


def test_work_as_an_intimacy_coordinator_is_marked_from_the_day_the_training_began(desk: Client, ana: User) -> None:
    factories.give_access(ana, "module-i", date(2026, 3, 3))
    said = text(desk.get(page_of(sent(ana, as_coordinator=True))))
    after = "As an intimacy coordinator, after the training began."
    assert f"Monday 2 March 2026 Tuesday 3 March 2026 {after} Wednesday 4 March 2026 {after}" in said
    assert "2 of these 3 days are after theirs began on 3 March 2026." in said


def test_no_decision_is_made_beforehand(desk: Client, ana: User) -> None:
    html = desk.get(page_of(sent(ana))).content.decode()
    assert html.count('type="checkbox"') == 3
    assert re.findall(r"checked|selected(?!=)", re.sub(r'<option value="" selected>', "", html)) == []
    assert "<details open" not in html
    assert '<details class="add" id="form-all">' in html


def test_what_was_decided_before_is_told_with_who_when_and_why(desk: Client, ana: User, robin: User, sam: User) -> None:
    it = sent(ana, kind="theatre")
    accept(it, sam, THREE_DAYS[:2], judgement="It was filmed.", words="The third is on no sheet.")
    it = reviewing.undo(fresh(it), "We looked again.", revision=fresh(it).revision, by=robin, now=NOW)
    reviewing.reject(
        it, reason=RejectReason.NOT_PROVEN, words="It names nobody.", revision=it.revision, by=sam, now=NOW
    )
    said = text(desk.get(page_of(it)))
    assert "2 of 3 accepted Taken back Sam, Monday 11 January 2027" in said
    assert "Why it counts: It was filmed. To the trainee: The third is on no sheet." in said
    assert re.search(r"Taken back by Robin, Monday 11 January 2027[^:]*:00 am PST: We looked again\.", said)
    assert "Not accepted Sam" in said
    assert "The proof does not show this work. To the trainee: It names nobody." in said
    assert "Rules then: Module I, Module II, 10 days on set within 10 years, Module III." in said


def test_the_page_tells_who_opened_the_proof(desk: Client, ana: User, robin: User) -> None:
    from workshops.history.record import record

    it = sent(ana)
    record("proof-opened", about=("record", it.public_id), person=ana, by=robin, now=NOW)
    assert "A file of proof was opened (you)" in text(desk.get(page_of(it)))


def test_days_entered_by_hand_point_to_the_page_where_they_are_taken_back(desk: Client, ana: User) -> None:
    by_hand = factories.prove_days(ana, 2)
    page = desk.get(page_of(by_hand))
    assert "A registrar entered these days by hand." in text(page)
    assert "form-undo" not in page.content.decode()


def test_the_boxes_beside_the_proof_and_the_words_below_belong_to_one_form(desk: Client, ana: User) -> None:
    """They stand apart in the page; without a script a browser sends them together."""
    html = desk.get(page_of(sent(ana, kind="theatre"))).content.decode()
    assert html.count('form="review-some" name="some-days"') == 3
    ours = set(re.findall(r'name="([\w-]+)"[^>]*form="review-some"', html))
    assert ours == {"some-judgement", "some-words"}
    assert '<button form="review-some">Accept the ticked days</button>' in html
    form = html[html.index('id="review-some"') :]
    assert (
        form[: form.index("</form>")].count(f'name="revision" value="{OnSetRecord.objects.latest("pk").revision}"') == 1
    )
    assert "<button disabled hidden>" in form[: form.index("</form>")]


# -- what is done ------------------------------------------------------------------------------------------------------
def test_all_days_are_accepted_and_the_next_in_the_queue_opens(desk: Client) -> None:
    it = named("Ana Lima", ago=3 * DAY)
    named("Before", ago=9 * DAY)
    following = named("After", ago=2 * DAY)
    answer = post(desk, it, "accept", all__words="Thank you.")
    assert (answer.status_code, answer["Location"]) == (302, page_of(following))
    shown = desk.get(answer["Location"])
    assert "3 days of Ana Lima on Harbour Lights are accepted. Go back to it Next: Harbour Lights of After." in text(
        shown
    )
    assert f'<a href="{page_of(it)}">Go back to it</a>' in shown.content.decode()
    assert (fresh(it).state, Review.objects.get().words) == (RecordState.ACCEPTED, "Thank you.")
    assert_records_hold()


def test_names_that_look_like_markup_are_words_in_the_message(desk: Client) -> None:
    it = named("<b>Ana</b>")
    shown = desk.get(post(desk, it, "accept")["Location"]).content.decode()
    assert "&lt;b&gt;Ana&lt;/b&gt;" in shown
    assert "<b>Ana" not in shown


def test_after_the_last_the_queue_begins_again_and_then_it_is_empty(desk: Client) -> None:
    last, first = named("Last", ago=DAY), named("First", ago=2 * DAY)
    assert post(desk, last, "accept")["Location"] == page_of(first)
    assert post(desk, first, "accept")["Location"] == QUEUE
    assert "Nothing waits for you" in text(desk.get(QUEUE))


def test_the_order_in_which_one_works_is_kept(desk: Client) -> None:
    aims = factories.cohort()
    named("No aim", ago=9 * DAY)
    it, following = named("A", ago=2 * DAY, aims_for=aims), named("B", ago=DAY, aims_for=aims)
    assert post(desk, it, "accept", "?order=aim")["Location"] == f"{page_of(following)}?order=aim"


def test_one_is_not_led_to_what_one_cannot_decide(desk: Client, robin: User, sam: User) -> None:
    it = named("Ana", ago=9 * DAY)
    second_eyes(named("In doubt", ago=3 * DAY), robin)
    robin.role_grants.create(role=Role.TRAINEE, granted_at=NOW)
    sent(robin, now=NOW - 2 * DAY)
    assert post(desk, it, "accept")["Location"] == QUEUE


def test_some_days_are_accepted_by_ticking_them(desk: Client, ana: User) -> None:
    it = sent(ana)
    ticked = [THREE_DAYS[0].isoformat(), THREE_DAYS[2].isoformat()]
    answer = post(desk, it, "accept-some", some__days=ticked, some__words="The second is on no sheet.")
    assert answer.status_code == 302
    assert list(OnSetDay.objects.filter(record=it, is_refused=True).values_list("day", flat=True)) == [THREE_DAYS[1]]
    assert "2 of 3 days of Ana Lima on Harbour Lights are accepted." in text(desk.get(answer["Location"]))
    said = text(desk.get(page_of(it)))
    assert "Tuesday 3 Left out" in said
    assert "9 of 10 accepted; without these, 7 of 10." in said


@pytest.mark.parametrize(
    ("days", "words", "said"),
    [
        ([], "Some words.", "Tick the days that count"),
        (["2026-03-02"], "", "Why not the other days"),
        (["nonsense"], "Some words.", "One of these is not a date"),
        (["2026-03-09"], "Some words.", "Only days that the record claims"),
    ],
)
def test_ticking_nothing_or_what_is_not_there_is_refused_with_what_was_typed(
    desk: Client, ana: User, days: list[str], words: str, said: str
) -> None:
    it = sent(ana)
    answer = post(desk, it, "accept-some", some__days=days, some__words=words)
    assert (answer.status_code, fresh(it).state) == (422, RecordState.IN_REVIEW)
    assert said in text(answer)
    assert words in text(answer)
    html = answer.content.decode()
    assert html.count(" checked>") == sum(day == "2026-03-02" for day in days)
    assert '<details class="add" id="form-some" open>' in html


@pytest.mark.parametrize("act", ["accept", "accept-some"])
def test_what_is_flagged_is_accepted_only_with_why_it_counts(desk: Client, ana: User, act: str) -> None:
    it = sent(ana, kind="theatre")
    assert "Theatre. Theatre is no film or television set. It can be accepted with a reason." in text(
        desk.get(page_of(it))
    )
    typed: dict[str, Any] = {
        "some__days": ["2026-03-02"],
        "some__words": "The others are not shown.",
        "all__words": "Thanks.",
    }
    answer = post(desk, it, act, **typed)
    assert (answer.status_code, fresh(it).state) == (422, RecordState.IN_REVIEW)
    assert "Why it counts This field is required." in text(answer)
    judged = {f"{act.replace('accept-', '').replace('accept', 'all')}__judgement": "It was filmed."}
    assert post(desk, it, act, **typed, **judged).status_code == 302
    assert Review.objects.get().judgement == "It was filmed."


def test_ordinary_work_is_not_asked_why_it_counts(desk: Client, ana: User) -> None:
    assert "Why it counts" not in text(desk.get(page_of(sent(ana))))


def test_a_question_leads_the_trainee_to_its_answer(desk: Client, ana: User, robin: User) -> None:
    it = sent(ana)
    answer = post(desk, it, "ask", ask__words="Which unit was this?")
    assert answer.status_code == 302
    assert "Ana Lima is asked about Harbour Lights, and told by e-mail." in text(desk.get(answer["Location"]))
    assert (fresh(it).state, Post.objects.get().words) == (RecordState.QUESTION, "Which unit was this?")
    message = Message.objects.get(kind="post-from-school")
    assert message.context["link"].endswith(f"/experience/{it.public_id}/conversation/")
    assert message.to == ana
    shown = text(desk.get(page_of(it)))
    assert "Waiting for an answer" in shown
    assert "Which unit was this?" in shown


def test_a_record_is_turned_down_with_a_reason_from_the_list_and_words(desk: Client, ana: User) -> None:
    it = sent(ana)
    refused = post(desk, it, "reject", reject__reason="", reject__words="It names nobody.")
    assert (refused.status_code, fresh(it).state) == (422, RecordState.IN_REVIEW)
    assert "It names nobody." in text(refused)
    assert post(desk, it, "reject", reject__reason="nonsense", reject__words="x").status_code == 422
    assert post(desk, it, "reject", reject__reason="unreadable", reject__words=" ").status_code == 422
    assert post(desk, it, "reject", reject__reason="unreadable", reject__words="It is blurred.").status_code == 302
    review = Review.objects.get()
    assert (review.outcome, review.reason, review.words) == ("rejected", "unreadable", "It is blurred.")


def test_who_is_in_doubt_leaves_it_to_another_and_sees_no_decision_any_more(
    desk: Client, ana: User, robin: User, sam: User
) -> None:
    it = sent(ana)
    assert post(desk, it, "second-eyes", second__why="Is this a set?").status_code == 302
    it = fresh(it)
    own = desk.get(page_of(it))
    assert "You have asked that another registrar decide Is this a set?" in text(own)
    assert [form in own.content.decode() for form in ("form-all", "form-reject", "form-ask")] == [False, False, True]
    refused = post(desk, it, "accept")
    assert (refused.status_code, fresh(it).state) == (422, RecordState.IN_REVIEW)
    assert "another registrar decides" in text(refused)
    others = Client()
    others.force_login(sam)
    assert "Robin asks for a second pair of eyes Is this a set?" in text(others.get(page_of(it)))
    assert post(others, it, "accept").status_code == 302
    assert fresh(it).decided_by == sam


def test_who_was_in_doubt_can_decide_after_all(desk: Client, ana: User, robin: User, sam: User) -> None:
    it = second_eyes(sent(ana), robin)
    answer = post(desk, it, "no-second-eyes", alone__why="I found the sheet.")
    assert answer["Location"] == page_of(it)
    assert "You can decide about it yourself again." in text(desk.get(page_of(it)))
    assert post(desk, fresh(it), "accept").status_code == 302


def test_a_decision_is_taken_back_with_a_reason_on_the_same_page(desk: Client, ana: User, sam: User) -> None:
    it = sent(ana)
    accept(it, sam)
    it = fresh(it)
    assert post(desk, it, "undo", undo__why="").status_code == 422
    answer = post(desk, it, "undo", undo__why="One day was overlooked.")
    assert answer["Location"] == page_of(it)
    shown = text(desk.get(page_of(it)))
    assert "The decision is taken back: it is under review again, and Ana Lima is told." in shown
    assert "Accept all 3 days" in shown
    assert Message.objects.get(kind="record-undone").to == ana


# -- what has changed meanwhile ----------------------------------------------------------------------------------------
def test_dates_that_the_trainee_changed_are_not_accepted_unseen_and_what_was_typed_is_kept(
    desk: Client, ana: User
) -> None:
    it = shown = sent(ana)
    it = writing.take_back_to_change(it, revision=it.revision, by=ana, now=NOW)
    it = writing.save(it, {}, [*THREE_DAYS, date(2026, 3, 9)], revision=it.revision, now=NOW)
    shown.revision = 2
    gone = post(desk, shown, "accept", all__words="Thank you, Ana.")
    assert gone.status_code == 409
    assert "The trainee has taken this back to change it." in text(gone)
    assert "What you typed: A word to the trainee Thank you, Ana." in text(gone)
    it = writing.send(it, revision=it.revision, by=ana, now=NOW)
    answer = post(
        desk, shown, "accept-some", some__days=[THREE_DAYS[0].isoformat()], some__words="The others are not shown."
    )
    assert answer.status_code == 409
    said = text(answer)
    assert "Nothing has been done The trainee has changed this since you opened it." in said
    assert "Monday 9 March 2026" in said
    assert "The others are not shown." in said
    assert 'value="2026-03-02" id="day-2026-03-02" checked' in answer.content.decode()
    assert f'name="revision" value="{it.revision}"' in answer.content.decode()
    assert (Review.objects.count(), fresh(it).state) == (0, RecordState.IN_REVIEW)


def test_a_decision_that_another_made_first_is_named_with_who_made_it(desk: Client, ana: User, sam: User) -> None:
    it = sent(ana)
    accept(it, sam)
    answer = post(desk, it, "reject", reject__reason="unreadable", reject__words="It is blurred.")
    assert answer.status_code == 409
    said = text(answer)
    assert "Nothing has been done Sam decided this meanwhile: accepted." in said
    assert "In words It is blurred." in said
    assert fresh(it).state == RecordState.ACCEPTED


def test_ones_own_second_click_is_told_as_ones_own(desk: Client, ana: User) -> None:
    it = sent(ana)
    post(desk, it, "accept")
    assert "You decided this meanwhile: accepted." in text(post(desk, it, "accept"))
    assert (Review.objects.count(), Message.objects.filter(kind="record-accepted").count()) == (1, 1)


def test_what_another_registrar_asked_meanwhile_is_seen_before_it_is_decided(
    desk: Client, ana: User, sam: User
) -> None:
    it = sent(ana)
    ask(it, sam)
    it.revision = 3
    said = text(post(desk, it, "accept"))
    assert "Sam has been here since you opened this page: a question was asked about days on set." in said


def test_a_stale_page_is_stale_whatever_else_is_wrong_with_its_form(desk: Client, ana: User, sam: User) -> None:
    """A form that is wrong as well must not bring the new revision into the page without a word."""
    it = sent(ana)
    ask(it, sam)
    it.revision = 3
    assert post(desk, it, "reject").status_code == 409


def test_a_record_that_was_withdrawn_is_not_decided(desk: Client, ana: User) -> None:
    it = sent(ana)
    writing.withdraw(it, by=ana, now=NOW)
    it.revision = 3
    answer = post(desk, it, "accept")
    assert answer.status_code == 409
    assert "The trainee has taken this record back meanwhile." in text(answer)


def test_a_reason_that_was_chosen_comes_back_in_words(desk: Client, ana: User) -> None:
    it = sent(ana)
    writing.withdraw(it, by=ana, now=NOW)
    answer = post(desk, it, "reject", reject__reason=RejectReason.NOT_PROVEN, reject__words="It names nobody.")
    assert answer.status_code == 409
    assert f"What you typed: Reason {RejectReason.NOT_PROVEN.label}" in text(answer)


@pytest.mark.parametrize("revision", ["", "x", "-1", "9" * 30, "²"])
def test_a_revision_that_is_none_is_a_stale_page(desk: Client, ana: User, revision: str) -> None:
    it = sent(ana)
    assert desk.post(page_of(it, "accept"), {"revision": revision}).status_code == 409
    assert desk.post(page_of(it, "accept")).status_code == 409
    assert fresh(it).state == RecordState.IN_REVIEW


# -- one's own ---------------------------------------------------------------------------------------------------------
def test_ones_own_record_is_shown_without_forms_and_another_registrar_decides(desk: Client, robin: User) -> None:
    robin.role_grants.create(role=Role.TRAINEE, granted_at=NOW)
    it = sent(robin)
    page = desk.get(page_of(it))
    assert "Another registrar decides about your own." in text(page)
    assert re.findall(r'<form[^>]*action="/desk/[^"]*"', page.content.decode()) == []
    for act in ("accept", "accept-some", "ask", "reject", "second-eyes", "no-second-eyes", "undo"):
        typed: dict[str, Any] = {
            "some__days": ["2026-03-02"],
            "some__words": "x",
            "ask__words": "x",
            "second__why": "x",
        }
        more = {"reject__reason": "unreadable", "reject__words": "x", "alone__why": "x", "undo__why": "x"}
        answer = post(desk, it, act, **typed, **more)
        assert answer.status_code == 422, act
        assert "Nobody decides about their own record" in text(answer), act
    assert fresh(it).revision == it.revision


# -- its conversation --------------------------------------------------------------------------------------------------
def test_the_conversations_own_page_leads_back_to_the_review(desk: Client, ana: User) -> None:
    it = sent(ana)
    own_page = f"/desk/records/{it.public_id}/conversation/"
    assert f'href="{page_of(it)}"' in desk.get(own_page).content.decode()
    answer = desk.post(own_page, {"words": "Hello Ana"})
    assert answer["Location"] == f"{page_of(it)}#conversation"
    assert "Hello Ana" in text(desk.get(page_of(it)))
