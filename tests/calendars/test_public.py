"""The public calendar, through the front door."""

import http.client
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from booking.calendars import building, stamps, views
from booking.calendars.feeds import as_bytes
from tests import factories
from tests.calendars.readers import READERS, by_icalendar, by_ics, by_vobject
from tests.factories import LOS_ANGELES, NOW
from tests.services.server import Product
from workshops.cohorts.models import Cohort, CohortStatus, Session
from workshops.people.models import Role

ALL = "/calendar/cohorts.ics"


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "current_time", lambda: NOW)


@pytest.fixture(autouse=True)
def _addresses(settings: Settings) -> None:
    settings.SITE_URL = "https://booking.example.org"
    settings.CALENDAR_HOST = "calendar.example.org"


def get(path: str = ALL, **headers: str) -> HttpResponse:
    return Client().get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})  # type: ignore[return-value]


def titles(path: str = ALL) -> list[str]:
    response = get(path)
    assert response.status_code == 200
    return [event.title for event in by_icalendar(response.content)]


def lines(path: str = ALL) -> list[str]:
    return get(path).content.decode().replace("\r\n ", "").split("\r\n")


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ALL, "/calendar/cohorts/2027-spring.ics"])
def test_four_days_are_four_events_and_every_reader_sees_the_same(path: str) -> None:
    cohort = factories.cohort(
        code="2027-spring", title="Module IV, spring 2027; Los Angeles", bookings_open_at=NOW + timedelta(days=7)
    )
    feed = get(path).content
    read = {name: reader(feed) for name, reader in READERS.items()}
    assert read["icalendar"] == read["ics"] == read["vobject"]
    opening, *days = read["icalendar"]
    assert opening.title == "Bookings open: Module IV, spring 2027; Los Angeles"
    assert opening.starts_at == NOW + timedelta(days=7)
    assert [day.title for day in days] == [f"Module IV, spring 2027; Los Angeles, day {n} of 4" for n in (1, 2, 3, 4)]
    assert [(day.uid, day.starts_at, day.ends_at) for day in days] == [
        (f"{session.uid}@calendar.example.org", session.starts_at, session.ends_at) for session in cohort.sessions.all()
    ]


@pytest.mark.django_db
def test_the_opening_of_bookings_carries_the_cohorts_own_sequence_and_revision() -> None:
    factories.cohort(bookings_open_at=NOW + timedelta(days=7), sequence=3, revised_at=NOW - timedelta(days=1))
    opening = next(entry for entry in "\n".join(lines()).split("BEGIN:VEVENT") if "Bookings open" in entry)
    assert "SEQUENCE:3" in opening
    assert "DTSTAMP:20270110T180000Z" in opening


@pytest.mark.django_db
def test_each_day_leads_to_the_cohorts_page_and_to_the_door() -> None:
    venue = factories.venue(name="Stage Five", address="100 Example Street")
    factories.cohort(code="2027-spring", venue=venue)
    written = lines()
    assert written.count("URL:https://booking.example.org/cohorts/2027-spring/") == 5
    assert written.count("LOCATION:Stage Five\\, 100 Example Street\\, Los Angeles") == 4
    assert "DTSTART;TZID=America/Los_Angeles:20270511T093000" in written


@pytest.mark.django_db
def test_an_address_that_names_its_city_does_not_name_it_twice() -> None:
    factories.cohort(venue=factories.venue(name="Stage", address="1 Long Road, Los Angeles, CA 90001"))
    assert "LOCATION:Stage\\, 1 Long Road\\, Los Angeles\\, CA 90001" in lines()


@pytest.mark.django_db
def test_a_title_without_its_module_is_given_it() -> None:
    factories.cohort(title="Spring 2027")
    assert "Module IV, Spring 2027, day 1 of 4" in titles()


@pytest.mark.django_db
def test_a_cancelled_cohort_stays_so_that_it_disappears_from_nobodys_calendar_in_silence() -> None:
    cohort = factories.cohort(code="2027-spring", title="Module IV, spring")
    before = {event.uid for event in by_icalendar(get().content)}
    Cohort.objects.filter(pk=cohort.pk).update(
        status=CohortStatus.CANCELLED, sequence=1, revised_at=NOW + timedelta(hours=1)
    )
    Session.objects.update(sequence=1, revised_at=NOW + timedelta(hours=1))
    for path in (ALL, "/calendar/cohorts/2027-spring.ics"):
        written = get(path).content
        assert {event.uid for event in by_icalendar(written)} == before
        assert all(event.title.startswith("Cancelled: ") for event in by_icalendar(written))
        assert written.count(b"STATUS:CANCELLED") == written.count(b"SEQUENCE:1") == 5
    assert "Cancelled: Module IV, spring, day 4 of 4" in titles()


@pytest.mark.django_db
def test_a_day_that_moves_keeps_its_uid_and_raises_its_sequence() -> None:
    cohort = factories.cohort()
    second = cohort.sessions.get(day=2)
    before = {event.uid: event for event in by_icalendar(get().content)}
    moved_at = NOW + timedelta(hours=3)
    Session.objects.filter(pk=second.pk).update(
        sequence=1, revised_at=moved_at, starts_at=second.starts_at + timedelta(hours=1)
    )
    after = {event.uid: event for event in by_icalendar(get().content)}
    assert after.keys() == before.keys()
    uid = f"{second.uid}@calendar.example.org"
    assert (before[uid].starts_at, after[uid].starts_at) == (second.starts_at, second.starts_at + timedelta(hours=1))
    written = lines()
    at = written.index(f"UID:{uid}")
    event = written[at - 5 : at + 10]
    assert "SEQUENCE:1" in event
    assert f"DTSTAMP:{moved_at.astimezone(UTC):%Y%m%dT%H%M%SZ}" in event
    assert f"LAST-MODIFIED:{moved_at.astimezone(UTC):%Y%m%dT%H%M%SZ}" in event


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ALL, "/calendar/cohorts/2027-spring.ics"])
def test_the_same_calendar_is_the_same_bytes_hours_later(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.cohort(code="2027-spring")
    factories.cohort()
    first = get(path)
    monkeypatch.setattr(views, "current_time", lambda: NOW + timedelta(hours=5))
    later = get(path)
    assert (later.content, later["ETag"]) == (first.content, first["ETag"])


@pytest.mark.django_db
def test_a_seat_that_is_taken_changes_nothing() -> None:
    cohort = factories.cohort()
    before = get().content
    factories.reservation(cohort=cohort)
    assert get().content == before


@pytest.mark.django_db
def test_drafts_are_never_told_of() -> None:
    factories.cohort(code="secret-plan", title="Module IV, secret", status=CohortStatus.DRAFT)
    assert titles() == []
    assert b"secret" not in get().content


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/calendar/cohorts/secret-plan.ics", "/calendar/cohorts/nothing.ics"])
def test_a_draft_is_as_unknown_as_what_does_not_exist(path: str) -> None:
    factories.cohort(code="secret-plan", status=CohortStatus.DRAFT)
    assert get(path).status_code == 404


@pytest.mark.django_db
def test_the_window_is_ninety_days_back_and_eighteen_months_ahead() -> None:
    today = NOW.date()
    opens, closes = building.window(today)
    assert opens == datetime(2026, 10, 13, tzinfo=LOS_ANGELES)
    assert closes == datetime(2028, 7, 12, tzinfo=LOS_ANGELES)
    long_ago = NOW - timedelta(days=300)
    for title, starts_on in {
        "Module IV, too long ago": today - timedelta(days=95),
        "Module IV, just over": today - timedelta(days=90),
        "Module IV, just ahead": date(2028, 7, 8),
        "Module IV, too far ahead": date(2028, 7, 12),
    }.items():
        factories.cohort(title=title, starts_on=starts_on, bookings_open_at=long_ago)
    assert titles() == [
        *(f"Module IV, just over, day {day} of 4" for day in (1, 2, 3, 4)),
        *(f"Module IV, just ahead, day {day} of 4" for day in (1, 2, 3, 4)),
    ]


def test_eighteen_months_after_the_last_of_august_is_the_last_of_february() -> None:
    assert building.window(date(2026, 8, 31))[1] == datetime(2028, 3, 1, tzinfo=LOS_ANGELES)


@pytest.mark.django_db
def test_bookings_that_open_soon_are_told_before_their_cohort_is_near_enough() -> None:
    factories.cohort(title="Module IV, far off", starts_on=date(2028, 12, 1), bookings_open_at=NOW + timedelta(days=30))
    assert titles() == ["Bookings open: Module IV, far off"]


@pytest.mark.django_db
def test_the_calendar_of_one_cohort_keeps_what_has_passed() -> None:
    factories.cohort(code="2025", starts_on=date(2025, 3, 1), bookings_open_at=datetime(2024, 9, 1, tzinfo=UTC))
    assert len(titles("/calendar/cohorts/2025.ics")) == 5
    assert titles() == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ALL, "/calendar/cohorts/2027-spring.ics"])
def test_headers_suit_a_public_calendar(path: str) -> None:
    factories.cohort(code="2027-spring")
    response = get(path)
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    name = path.rpartition("/")[2]
    assert response["Content-Disposition"] == f'inline; filename="{name}"'
    assert response["Cache-Control"] == "public, max-age=900"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Robots-Tag"] == "noindex"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Vary"] == "Accept-Encoding"
    assert not response.cookies
    assert "Last-Modified" not in response


@pytest.mark.django_db
def test_cookies_neither_matter_nor_are_set_where_roles_need_a_second_factor(settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    factories.cohort()
    registrar = Client()
    registrar.force_login(factories.person(Role.REGISTRAR))
    malformed = Client()
    malformed.cookies["sessionid"] = "abc"
    for client in (Client(), registrar, malformed):
        response = client.get(ALL)
        assert response.status_code == 200
        assert response["Vary"] == "Accept-Encoding"
        assert not response.cookies


@pytest.mark.django_db
def test_who_has_it_already_is_told_so() -> None:
    factories.cohort()
    tag = get()["ETag"]
    again = get(If_None_Match=f'"something", W/{tag}')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert "Content-Type" not in again
    Session.objects.filter(day=1).update(sequence=1)
    assert get(If_None_Match=tag).status_code == 200


@pytest.mark.django_db
def test_a_feed_is_only_read() -> None:
    assert Client().post(ALL).status_code == 405
    assert Client().delete(ALL).status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ALL, "/calendar/cohorts/2027-spring.ics"])
def test_three_cohorts_cost_as_few_statements_as_one_and_none_more_than_the_stamp(path: str) -> None:
    factories.cohort(code="2027-spring")
    with CaptureQueriesContext(connection) as for_one:
        get(path)
    factories.cohort()
    factories.cohort()
    with CaptureQueriesContext(connection) as for_three:
        tag = get(path)["ETag"]
    assert len(for_three) == len(for_one) == 3
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        with CaptureQueriesContext(connection) as for_nothing_new:
            assert get(path, If_None_Match=known).status_code == 304
        assert len(for_nothing_new) == 1


@pytest.mark.django_db
def test_a_cancelled_cohort_is_told_of_for_thirty_days_and_in_its_own_calendar_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factories.cohort(code="2027-spring", status=CohortStatus.CANCELLED, sequence=1, revised_at=NOW)
    own = "/calendar/cohorts/2027-spring.ics"
    for days, told in ((0, 5), (30, 5), (31, 0)):
        monkeypatch.setattr(views, "current_time", lambda days=days: NOW + timedelta(days=days))
        before = [title for title in titles() if title.startswith("Cancelled: ")]
        assert len(before) == len(titles()) == told
        assert len(titles(own)) == 5


@pytest.mark.django_db
def test_a_new_day_is_a_new_tag_where_there_is_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.cohort(code="2027-spring")
    own = "/calendar/cohorts/2027-spring.ics"
    before = get()["ETag"], get(own)["ETag"]
    midnight = datetime(2027, 1, 12, tzinfo=LOS_ANGELES)
    monkeypatch.setattr(views, "current_time", lambda: midnight - timedelta(seconds=1))
    assert (get()["ETag"], get(own)["ETag"]) == before
    monkeypatch.setattr(views, "current_time", lambda: midnight)
    assert get()["ETag"] != before[0]
    assert get(own)["ETag"] == before[1]


@pytest.mark.django_db
def test_what_does_not_exist_is_told_in_few_words_and_to_nobody_else() -> None:
    unknown, draft = get("/calendar/cohorts/nothing.ics"), factories.cohort(code="plan", status=CohortStatus.DRAFT)
    kept = get(f"/calendar/cohorts/{draft.code}.ics")
    assert (unknown.content, dict(unknown.headers)) == (kept.content, dict(kept.headers))
    assert unknown["Cache-Control"] == "no-store"
    assert "Vary" not in unknown
    assert not unknown.cookies


@pytest.mark.django_db
def test_robots_are_not_kept_from_calendars() -> None:
    """A calendar service that keeps to robots.txt would fetch nothing; `noindex` keeps them out of searches."""
    rules = Client().get("/robots.txt").content.decode().splitlines()
    barred = [line.split(":", 1)[1].strip() for line in rules if line.startswith("Disallow:")]
    assert barred
    assert not [path for path in barred if not path or "/calendar/x.ics".startswith(path)]


@pytest.mark.django_db
def test_no_person_appears_in_a_public_calendar() -> None:
    """Everyone whom this product knows is called Zzyzx; nobody in the calendar is."""
    marked = {"email": "", "name": "", "legal_name": "Zzyzx Legal", "phone": "+1 555 ZZYZX", "pronouns": "zzyzx/zzyzx"}

    def person(number: int) -> dict[str, str]:
        return {**marked, "name": f"Zzyzx {number}", "email": f"zzyzx{number}@example.org"}

    people = [factories.person(role, **person(number)) for number, role in enumerate(Role)]
    instructor = next(who for who in people if Role.INSTRUCTOR in who.roles)
    cohort = factories.cohort(code="2027-spring", instructors=(instructor,))
    factories.reservation(cohort=cohort, trainee=factories.trainee(**person(90)))
    for path in (ALL, "/calendar/cohorts/2027-spring.ics"):
        response = get(path)
        assert b"day 4 of 4" in response.content
        assert b"zzyzx" not in response.content.replace(b"\r\n ", b"").lower()
        assert "zzyzx" not in str(response.headers).lower()
        assert not [who for who in people if who.public_id.encode() in response.content]


@pytest.mark.django_db
def test_an_empty_calendar_is_still_a_calendar() -> None:
    written = as_bytes(building.all_cohorts(stamps.all_cohorts(NOW)))
    assert [reader(written) for reader in (by_icalendar, by_ics, by_vobject)] == [[], [], []]


@pytest.mark.slow
def test_head_says_what_get_says_and_sends_nothing(product: Product) -> None:
    def ask(method: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        asked = http.client.HTTPConnection("127.0.0.1", product.port, timeout=10)
        try:
            asked.request(method, ALL, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = asked.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders() if name.lower() != "date"}
            return answer.status, told, answer.read()
        finally:
            asked.close()

    for headers in ({}, {"Accept_Encoding": "gzip"}):
        status, told, body = ask("GET", **headers)
        assert (status, len(body)) == (200, int(told["content-length"]))
        assert ask("HEAD", **headers) == (200, told, b"")
        status, again, body = ask("GET", **headers, If_None_Match=told["etag"])
        assert (status, body, again["etag"]) == (304, b"", told["etag"])
        assert "set-cookie" not in told
