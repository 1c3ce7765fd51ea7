"""Being told of new dates without an account: asking, confirming, being told, stopping."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking.calendars import subscribers, views_subscriber
from booking.calendars.models import Subscriber
from booking.desk import new_dates as desk_new_dates
from booking.desk.planning import cohorts as desk
from booking.rights.forgetting import forget_due
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import send_due, words_of
from workshops.people.models import Role, User
from workshops.programme.changing import change_school, confirm_conduct, confirm_terms
from workshops.programme.models import Price, conduct_text
from workshops.programme.terms import Terms

pytestmark = pytest.mark.django_db

ASK = "/calendars/new-dates/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the clock of the pages."""

    def set_clock(moment: datetime) -> None:
        for edge in (views_subscriber, desk, desk_new_dates):
            monkeypatch.setattr(edge, "current_time", lambda: moment)

    set_clock(NOW)
    return set_clock


def queued(kind: str) -> list[Message]:
    return list(Message.objects.filter(kind=kind).order_by("pk"))


def path_in(message: Message, fact: str) -> str:
    address: str = message.context[fact]
    return address.removeprefix(settings.SITE_URL)


def link_of(message: Message) -> str:
    return path_in(message, "link")


def subscriber(email: str = "ana@example.org", *, confirmed: bool = True) -> Subscriber:
    return Subscriber.objects.create(
        email=email, asked_at=NOW - DAY * 3, confirmed_at=NOW - DAY * 2 if confirmed else None
    )


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def draft(registrar: User) -> Cohort:
    """A cohort that can be published."""
    about = {"email": "school@example.org", "bank_details": "Bank 1"}
    change_school(about | {"legal_name": "Cintima LLC", "address": "1 Example Street"}, by=registrar, now=NOW)
    confirm_terms(Terms().as_json(), by=registrar, now=NOW)
    confirm_conduct(conduct_text(), by=registrar, now=NOW)
    return factories.cohort(
        code="2027-spring",
        title="Module IV, spring 2027",
        status=CohortStatus.DRAFT,
        starts_on=date(2027, 5, 11),
        venue=factories.venue(name="Stage Five"),
        instructors=(factories.person(Role.INSTRUCTOR),),
        bookings_open_at=datetime(2027, 2, 1, 10, 0, tzinfo=LOS_ANGELES),
    )


# -- asking ------------------------------------------------------------------------------------------------------------
def test_an_address_is_asked_by_e_mail_before_anything_else_is_written_to_it(client: Client, at: Any) -> None:
    answer = client.post(ASK, {"email": "ana@example.org"}, follow=True)
    assert "Look into your mail" in answer.content.decode()
    assert Subscriber.objects.get().confirmed_at is None
    (message,) = queued("dates-confirm")
    send_due(now=NOW)
    (sent,) = mail.outbox
    assert sent.to == ["ana@example.org"]
    assert sent.subject == "Shall we write to you when there are new dates?"
    assert message.context["link"] in str(sent.body)
    assert not queued("dates-confirm"), "what carries an address goes once it is sent"


def test_the_answer_is_the_same_for_an_address_that_is_new_asked_or_confirmed(at: Any) -> None:
    subscriber("confirmed@example.org")
    Subscriber.objects.create(email="asked@example.org", asked_at=NOW - HOUR * 2)
    factories.person(Role.TRAINEE, email="account@example.org")
    seen = set()
    for name in ("confirmed", "asked", "new", "account"):
        answer = Client().post(ASK, {"email": f"{name}@example.org"})
        page = Client().get(answer.headers["Location"])
        told = re.sub(r'csrf\w*"?[^>]*>|X-CSRFToken[^}]*|"server-time"[^>]*', "", page.content.decode())
        seen.add((answer.status_code, answer.headers["Location"], answer.content, page.status_code, told))
    assert len(seen) == 1
    assert {message.context["address"] for message in queued("dates-confirm")} == {
        "new@example.org",
        "account@example.org",
    }


def test_a_known_address_costs_about_as_many_statements_as_a_new_one() -> None:
    """Nobody learns from a clock what the page does not say: it is the same few statements, less two short inserts."""
    subscriber("confirmed@example.org")
    took = {}
    for name in ("confirmed", "new"):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            subscribers.ask(f"{name}@example.org", now=NOW)
        took[name] = len([each for each in asked if "SAVEPOINT" not in each["sql"]])
    assert took == {"confirmed": 2, "new": 4}


def test_one_address_is_asked_once_in_seven_days_however_often_and_in_whatever_letters_it_is_typed() -> None:
    for hours in range(0, 7 * 24, 5):
        subscribers.ask("Ana@Example.org" if hours % 2 else "ana@example.org", now=NOW + hours * HOUR)
    assert len(queued("dates-confirm")) == 1
    assert "for 7 days we do not ask again" in words_of(queued("dates-confirm")[0]).text
    subscribers.ask("ana@example.org", now=NOW + 7 * DAY)
    assert len(queued("dates-confirm")) == 2
    assert Subscriber.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "also"),
    [
        ("ana@example.org", "ana+1@example.org"),
        ("ana+1@example.org", "ANA+2@Example.org"),
        ("ana+1+2@example.org", "ana@example.org"),
        ("ana@gmail.com", "a.n.a@gmail.com"),
        ("a.na@gmail.com", "An.A+1@googlemail.com"),
    ],
)
def test_one_mailbox_is_asked_once_in_seven_days_under_whichever_of_its_addresses(typed: str, also: str) -> None:
    subscribers.ask(typed, now=NOW)
    subscribers.ask(also, now=NOW + 6 * DAY)
    subscribers.confirm(Subscriber.objects.get(), now=NOW + 6 * DAY)
    subscribers.ask(also, now=NOW + 6 * DAY)
    assert [each.context["address"] for each in queued("dates-confirm")] == [typed]
    subscribers.ask(also, now=NOW + 7 * DAY)
    assert [each.context["address"] for each in queued("dates-confirm")] == [typed, also]


@pytest.mark.parametrize(
    ("typed", "also"),
    [
        ("ana@example.org", "ana@example.com"),
        ("ana@example.org", "a.na@example.org"),
        ("ana+1@example.org", "anab@example.org"),
        ("a%a@example.org", "aba@example.org"),
        ("a_a+1@example.org", "aba+1@example.org"),
        ("ana@gmail.com", "anna@gmail.com"),
    ],
)
def test_another_mailbox_is_asked_as_well(typed: str, also: str) -> None:
    for email in (also, typed):
        subscribers.ask(email, now=NOW)
    assert len(queued("dates-confirm")) == 2


def test_so_many_addresses_are_asked_in_an_hour_and_then_the_page_says_so_to_everyone(client: Client, at: Any) -> None:
    subscriber("confirmed@example.org")
    for number in range(subscribers.MAILS_AN_HOUR):
        subscribers.ask(f"person{number}@example.org", now=NOW - timedelta(minutes=30))
    for email in ("one-more@example.org", "confirmed@example.org"):  # or the answer would tell the two apart
        answer = client.post(ASK, {"email": email})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
        assert "so nothing was sent to yours. Please try again in an hour" in answer.content.decode()
        assert f'value="{email}"' in answer.content.decode()
    assert len(queued("dates-confirm")) == subscribers.MAILS_AN_HOUR
    at(NOW + timedelta(minutes=31))
    assert client.post(ASK, {"email": "one-more@example.org"}).status_code == 302


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "nobody",
        "a@b",
        '"\x01"@example.org',
        '"a b"@example.org',
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org,b@example.org",
        "a@exa\u202emple.org",
        f"{'a' * 250}@example.org",
    ],
)
def test_what_is_no_address_comes_back_to_be_mended(client: Client, typed: str) -> None:
    answer = client.post(ASK, {"email": typed})
    assert answer.status_code == 422
    assert not Subscriber.objects.exists()
    assert not Message.objects.exists()


def test_two_who_type_the_same_address_at_once_cause_one_e_mail() -> None:
    """Where another request has made the row meanwhile, the database says so and nothing is left half done."""
    real = Subscriber.objects.create

    def late(**fields: Any) -> Subscriber:
        real(**fields | {"email": "ANA@example.org"})
        return real(**fields)

    with pytest.MonkeyPatch.context() as patched, transaction.atomic():
        patched.setattr(Subscriber.objects, "create", late)
        subscribers.ask("ana@example.org", now=NOW)
    assert not queued("dates-confirm")


# -- confirming --------------------------------------------------------------------------------------------------------
def test_the_link_opens_a_page_with_a_button_and_the_button_confirms(client: Client, at: Any) -> None:
    subscribers.ask("ana@example.org", now=NOW)
    link = link_of(queued("dates-confirm")[0])
    page = client.get(link)
    assert "Yes, write to me" in page.content.decode()
    assert (page.headers["X-Robots-Tag"], page.headers["Cache-Control"]) == ("noindex", "no-store")
    assert Subscriber.objects.get().confirmed_at is None, "a mail scanner that opens links confirms nothing"
    assert "You will hear from us" in client.post(link).content.decode()
    assert Subscriber.objects.get().confirmed_at == NOW
    at(NOW + DAY)
    client.post(link)
    assert Subscriber.objects.get().confirmed_at == NOW


def test_the_link_lasts_seven_days(client: Client, at: Any) -> None:
    subscribers.ask("ana@example.org", now=NOW)
    link = link_of(queued("dates-confirm")[0])
    at(NOW + 7 * DAY - timedelta(seconds=1))
    assert client.get(link).status_code == 200
    at(NOW + 7 * DAY)
    for answer in (client.get(link), client.post(link)):
        assert answer.status_code == 410
        assert "Ask once more" in answer.content.decode()
    assert Subscriber.objects.get().confirmed_at is None


def test_who_never_confirmed_is_forgotten_after_seven_days_and_who_did_is_kept(at: Any) -> None:
    subscriber("kept@example.org")
    subscribers.ask("ana@example.org", now=NOW)
    forget_due(now=NOW + 7 * DAY - HOUR)
    assert Subscriber.objects.count() == 2
    forget_due(now=NOW + 7 * DAY + HOUR)
    assert [each.email for each in Subscriber.objects.all()] == ["kept@example.org"]
    assert not queued("dates-confirm")


@pytest.mark.parametrize("page", ["confirm", "stop"])
@pytest.mark.parametrize("token", ["x", "x.y", "{id}", "{id}.", "{id}.AAAA", "{other}", "{id}{other}"])
def test_a_forged_link_finds_nothing(client: Client, at: Any, page: str, token: str) -> None:
    """Neither a made-up one, nor that of the other page."""
    known = subscriber()
    others = {"confirm": subscribers.STOPPING, "stop": subscribers.CONFIRMING}
    forged = token.format(id=known.public_id, other=subscribers.token_for(others[page], known.public_id))
    path = f"/calendars/new-dates/{page}/{forged}/"
    assert [client.get(path).status_code, client.post(path).status_code] == [404, 404]
    assert Subscriber.objects.filter(pk=known.pk).exists()


# -- being told --------------------------------------------------------------------------------------------------------
def test_publishing_a_cohort_tells_everyone_who_confirmed(
    client: Client, at: Any, draft: Cohort, registrar: User
) -> None:
    ana = subscriber("ana@example.org")
    subscriber("ben@example.org")
    subscriber("silent@example.org", confirmed=False)
    client.force_login(registrar)
    page = client.get(f"/desk/cohorts/{draft.code}/").content.decode()
    assert "Publishing it writes to" in page
    assert "to 2 people who asked" in page
    assert client.post(f"/desk/cohorts/{draft.code}/publish/").status_code == 302
    told = queued("dates-new")
    assert [message.context["address"] for message in told] == ["ana@example.org", "ben@example.org"]
    assert [message.to for message in told] == [None, None]
    words = words_of(told[0])
    assert words.subject == "New dates: Module IV, spring 2027"
    facts = {label: value for block in words.blocks for label, value in block.facts}
    assert facts == {
        "Cohort": "Module IV, spring 2027",
        "Days": "Tuesday 11 May 2027 to Friday 14 May 2027",
        "Hours": "9:30 am PDT to 5:30 pm PDT, each day",
        "Where": "Stage Five, 100 Example Street, Los Angeles",
        "Bookings open": "Monday 1 February 2027, 10:00 am PST",
        "Price": "$2,099",
    }
    (action,) = [block for block in words.blocks if block.kind == "action"]
    assert action.address == f"{settings.SITE_URL}/cohorts/2027-spring/"
    line = HistoryLine.objects.get(what="dates-told")
    assert sentence(line) == "2 people who asked for new dates were told"
    assert ana.email not in str(line.facts)


def test_each_e_mail_says_how_to_stop_to_people_and_to_their_mail_programs(draft: Cohort, registrar: User) -> None:
    subscriber()
    subscribers.publish(draft, by=registrar, now=NOW)
    (message,) = queued("dates-new")
    mail.outbox.clear()
    send_due(now=NOW)
    (sent,) = [each for each in mail.outbox if each.to == ["ana@example.org"]]
    stop = message.context["stop_link"]
    assert stop.startswith(f"{settings.SITE_URL}/calendars/new-dates/stop/")
    assert sent.extra_headers["List-Unsubscribe"] == f"<{stop}>"
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert stop in str(sent.body)
    assert stop in str(sent.alternatives[0][0])  # type: ignore[attr-defined]
    assert "account with CINTIMA" not in str(sent.body)
    assert not queued("dates-new")


def test_hours_that_differ_are_said_and_so_is_that_bookings_are_open(draft: Cohort, registrar: User) -> None:
    subscriber()
    day = draft.sessions.get(day=4)
    day.ends_at -= HOUR
    day.save()
    Cohort.objects.filter(pk=draft.pk).update(bookings_open_at=NOW - HOUR)
    Price.objects.filter(effective_from__gt=NOW.date()).delete()
    subscribers.publish(draft, by=registrar, now=NOW)
    facts = {label: value for block in words_of(queued("dates-new")[0]).blocks for label, value in block.facts}
    assert facts["Hours"].endswith("; Friday 14 May 2027, 9:30 am PDT to 4:30 pm PDT")
    assert facts["Bookings open"] == "now"


def test_nobody_is_told_twice_when_a_cohort_opens_again(draft: Cohort, registrar: User) -> None:
    subscriber()
    subscribers.publish(draft, by=registrar, now=NOW)
    Message.objects.filter(kind="dates-new").delete()  # it went out
    planning.close(draft, by=registrar, now=NOW)
    from booking.desk.planning import seating

    seating.reopen(draft, by=registrar, now=NOW)
    assert not queued("dates-new")
    with pytest.raises(planning.Refused):
        subscribers.publish(draft, by=registrar, now=NOW)
    assert not queued("dates-new")


def test_who_comes_later_hears_of_nothing_old(draft: Cohort, registrar: User) -> None:
    subscribers.publish(draft, by=registrar, now=NOW)
    subscribers.ask("ana@example.org", now=NOW + DAY)
    subscribers.confirm(Subscriber.objects.get(), now=NOW + DAY)
    assert not queued("dates-new")
    assert not HistoryLine.objects.filter(what="dates-told").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"status": CohortStatus.DRAFT},
        {"status": CohortStatus.CLOSED},
        {"status": CohortStatus.CANCELLED},
        {"starts_on": NOW.date()},
        {"starts_on": NOW.date() - 10 * DAY},
    ],
    ids=str,
)
def test_nobody_is_told_of_a_cohort_that_nobody_can_book(changes: dict[str, Any]) -> None:
    subscriber()
    assert subscribers.tell_of(factories.cohort(**changes), now=NOW) == 0
    assert not Message.objects.exists()


def test_when_publishing_is_refused_nobody_is_told(draft: Cohort, registrar: User) -> None:
    subscriber()
    draft.teachings.all().delete()
    with pytest.raises(planning.Refused):
        subscribers.publish(draft, by=registrar, now=NOW)
    assert not queued("dates-new")


def test_three_thousand_are_told_in_a_few_statements(draft: Cohort, registrar: User) -> None:
    def told(people: int) -> int:
        Subscriber.objects.all().delete()
        Subscriber.objects.bulk_create(
            Subscriber(email=f"person{number}@example.org", asked_at=NOW, confirmed_at=NOW) for number in range(people)
        )
        with CaptureQueriesContext(connection) as captured, undone():
            assert subscribers.tell_of(shown, now=NOW) == people
        return sum(not each["sql"].startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")) for each in captured)

    shown = planning.publish(draft, by=registrar, now=NOW)
    few, many = told(5), told(3_000)
    assert few == 4
    # One statement on PostgreSQL; SQLite takes so many values at a time.
    assert many == 4 if connection.vendor == "postgresql" else many <= 60


class Undo(Exception):
    """Takes back what was done in between."""


@contextmanager
def undone() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            raise Undo
    except Undo:
        pass


# -- stopping ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def stopping(draft: Cohort, registrar: User) -> str:
    """The address that ends it, from an e-mail that still waits in the outbox."""
    subscriber("other@example.org")
    subscriber("ana@example.org")
    subscribers.publish(draft, by=registrar, now=NOW)
    (message,) = [each for each in queued("dates-new") if each.context["address"] == "ana@example.org"]
    return path_in(message, "stop_link")


def test_one_button_ends_it_and_the_address_is_forgotten(client: Client, stopping: str) -> None:
    assert "Stop writing to me" in client.get(stopping).content.decode()
    assert Subscriber.objects.filter(email="ana@example.org").exists(), "a mail scanner that opens links stops nothing"
    assert "Your address is forgotten" in client.post(stopping).content.decode()
    assert [each.email for each in Subscriber.objects.all()] == ["other@example.org"]
    assert [each.context["address"] for each in queued("dates-new")] == ["other@example.org"], "nor is it written to"
    for again in (client.get(stopping), client.post(stopping)):
        assert again.status_code == 200


def test_a_mail_programs_own_button_needs_no_cookie_and_no_page(stopping: str) -> None:
    program = Client(enforce_csrf_checks=True)
    answer = program.post(stopping, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert not Subscriber.objects.filter(email="ana@example.org").exists()


def test_the_other_forms_keep_their_guard_against_forged_requests() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(ASK, {"email": "ana@example.org"}).status_code == 403
    token = subscribers.token_for(subscribers.CONFIRMING, subscriber(confirmed=False).public_id)
    assert strict.post(f"/calendars/new-dates/confirm/{token}/").status_code == 403


def test_who_has_stopped_and_asks_again_starts_anew(client: Client, at: Any, stopping: str) -> None:
    client.post(stopping)
    client.post(ASK, {"email": "ana@example.org"})
    new = Subscriber.objects.get(email="ana@example.org")
    assert new.confirmed_at is None
    assert len(queued("dates-confirm")) == 1
    client.post(stopping)
    assert Subscriber.objects.filter(pk=new.pk).exists(), "the link of before is about nobody any more"


def test_a_link_to_confirm_is_worth_nothing_to_who_has_stopped(client: Client, at: Any) -> None:
    subscribers.ask("ana@example.org", now=NOW)
    link = link_of(queued("dates-confirm")[0])
    subscribers.stop(Subscriber.objects.get().public_id)
    assert client.post(link).status_code == 410
    assert not Subscriber.objects.exists()


# -- the desk ----------------------------------------------------------------------------------------------------------
def test_the_registrar_sees_how_many_and_takes_somebody_off_who_asks_for_it(
    client: Client, at: Any, stopping: str, registrar: User
) -> None:
    client.force_login(registrar)
    page = client.get("/desk/outbox/new-dates/").content.decode()
    assert re.search(r"Told of new dates</dt><dd>2<", page)
    assert "ana@example.org" not in page
    gone = client.post("/desk/outbox/new-dates/", {"email": "ANA@example.org"}, follow=True).content.decode()
    assert re.search(r"Told of new dates</dt><dd>1<", gone)
    assert [each.context["address"] for each in queued("dates-new")] == ["other@example.org"]
    line = HistoryLine.objects.get(what="subscriber-taken-off")
    assert (line.by, sentence(line)) == (registrar, "An address was taken off the list for new dates")
    assert "ana" not in f"{line.facts} {line.why} {line.about_id}".lower()
    again = client.post("/desk/outbox/new-dates/", {"email": "ana@example.org"})
    assert again.status_code == 422
    assert "This address is not on the list" in again.content.decode()


@pytest.mark.parametrize("path", ["/", ASK])
def test_the_form_stands_where_visitors_look_for_dates(client: Client, path: str) -> None:
    page = client.get(path).content.decode()
    assert 'name="email"' in page
    assert "Tell me about new dates" in page


def test_what_waits_for_an_address_that_cannot_be_reached_goes_after_a_week(draft: Cohort, registrar: User) -> None:
    subscriber()
    subscribers.publish(draft, by=registrar, now=NOW)
    Message.objects.update(state=MessageState.FAILED)
    forget_due(now=NOW + 8 * DAY)
    assert not queued("dates-new")
