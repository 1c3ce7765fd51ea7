"""The secrets of private calendars: made, replaced, ended, and what is noted of who fetched."""

import sqlite3
import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from booking.calendars import tokens
from booking.calendars.clients import client_of
from booking.calendars.models import Client, FeedKind, FeedToken
from booking.rights.erasing import erase
from tests import factories
from tests.factories import NOW
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.people import roles
from workshops.people.api import feed_kinds
from workshops.people.closing import Closed
from workshops.people.models import Role, User
from workshops.transactions import unless_busy, writes

APPLE, GOOGLE = "iOS/17.5.1 (21F90) dataaccessd/1.0", "Google-Calendar-Importer"


def secret_of(address: str) -> str:
    return address.rpartition("/")[2].removesuffix(".ics")


# -- making and ending -------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_only_the_hash_of_a_secret_is_kept_and_the_address_is_told_once() -> None:
    person = factories.person(Role.TRAINEE)
    token, address = tokens.make(person, FeedKind.TRAINEE, now=NOW)
    secret = secret_of(address)
    assert address == f"http://localhost:8000/calendar/trainee/{secret}.ics"
    assert len(secret) == 43
    kept = FeedToken.objects.values().get(pk=token.pk)
    assert kept["digest"] == FeedToken.digest_of(secret)
    lines = str(list(HistoryLine.objects.values()))
    assert secret not in str(kept) + lines
    assert kept["digest"] not in lines


@pytest.mark.django_db
def test_a_new_address_takes_the_place_of_the_old_one_and_keeps_what_was_chosen() -> None:
    person = factories.person(Role.TRAINEE)
    old, first = tokens.make(person, FeedKind.TRAINEE, now=NOW)
    tokens.set_due_dates(person, FeedKind.TRAINEE, shown=False)
    tokens.fetched(old.pk, GOOGLE, last_fetched_at=None, last_client="", now=NOW)
    later = NOW + timedelta(days=3)
    new, second = tokens.make(person, FeedKind.TRAINEE, now=later)
    assert (new.pk, FeedToken.objects.count()) == (old.pk, 1)
    assert not FeedToken.objects.filter(digest=FeedToken.digest_of(secret_of(first))).exists()
    assert new.digest == FeedToken.digest_of(secret_of(second))
    assert (new.created_at, new.last_fetched_at, new.last_client, new.with_due_dates) == (later, None, "", False)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", FeedKind)
def test_whoever_does_not_hold_the_role_gets_no_calendar_of_it(kind: FeedKind) -> None:
    person = factories.person(*(role for role in Role if role != Role(kind)))
    with pytest.raises(tokens.NoSuchRole):
        tokens.make(person, kind, now=NOW)
    assert not FeedToken.objects.exists()


@pytest.mark.django_db
def test_a_role_that_was_taken_a_moment_ago_makes_no_calendar_any_more() -> None:
    person = factories.person(Role.INSTRUCTOR)
    assert person.roles  # as the request has read them
    roles.withdraw(User.objects.get(pk=person.pk), Role.INSTRUCTOR, by=None, now=NOW)
    with pytest.raises(tokens.NoSuchRole):
        tokens.make(person, FeedKind.INSTRUCTOR, now=NOW)


@pytest.mark.django_db
def test_an_account_that_was_merged_away_gets_none() -> None:
    person = factories.person(Role.TRAINEE)
    User.objects.filter(pk=person.pk).update(merged_into=factories.person(), is_active=False)
    with pytest.raises(Closed):
        tokens.make(person, FeedKind.TRAINEE, now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
def test_the_api_and_the_pages_speak_of_the_same_kinds(role: Role) -> None:
    person = factories.person(role)
    assert feed_kinds(person) == [str(kind) for kind in tokens.kinds_of(person)]
    assert set(FeedKind.values) == set(Role.values) - {Role.BOOKKEEPER}


@pytest.mark.django_db
def test_each_change_leaves_a_line_of_history_about_its_person() -> None:
    person = factories.person(Role.MENTOR)
    for _ in range(2):
        tokens.make(person, FeedKind.MENTOR, now=NOW)
    assert tokens.revoke(person, FeedKind.MENTOR, by=person, now=NOW)
    assert not tokens.revoke(person, FeedKind.MENTOR, by=person, now=NOW)
    assert [(line.person, line.by, sentence(line)) for line in HistoryLine.objects.order_by("pk")] == [
        (person, person, "Secret address made for the mentor calendar"),
        (person, person, "New secret address for the mentor calendar; the old one ended"),
        (person, person, "The secret address of the mentor calendar ended"),
    ]


@pytest.mark.django_db
def test_whoever_takes_over_an_account_does_not_take_over_its_addresses() -> None:
    person, other, by = factories.person(*Role), factories.person(*Role), factories.person(Role.REGISTRAR)
    for each in (person, other):
        for kind in FeedKind:
            tokens.make(each, kind, now=NOW)
    tokens.revoke_all(person, by=by, now=NOW)
    assert set(FeedToken.objects.values_list("user", flat=True)) == {other.pk}
    assert HistoryLine.objects.filter(what="feed-revoked", person=person, by=by).count() == len(FeedKind)


@pytest.mark.django_db
def test_whoever_is_erased_has_no_calendar_any_more() -> None:
    person, other = factories.person(Role.MENTOR), factories.person(Role.MENTOR)
    for each in (person, other):
        tokens.make(each, FeedKind.MENTOR, now=NOW)
    erase(person, by=factories.person(Role.REGISTRAR), now=NOW)
    assert [token.user for token in FeedToken.objects.all()] == [other]


# -- who fetched -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        ("Google-Calendar-Importer", Client.GOOGLE),
        ("iOS/17.5.1 (21F90) dataaccessd/1.0", Client.APPLE),
        ("macOS/14.4 (23E214) dataaccessd/1.0", Client.APPLE),
        ("Mac OS X/10.15.7 (19H15) CalendarAgent/930.5.1", Client.APPLE),
        ("Mac+OS+X/10.11.6 (15G31) CalendarAgent/361.2", Client.APPLE),
        ("iPadOS/26.0 (23A341) SomethingNew/2", Client.APPLE),
        ("Microsoft.Exchange/15.20 (Outlook.com)", Client.OUTLOOK),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)", Client.OUTLOOK),
        ("MacOutlook/16.83.24031120 (Intelx64 Mac OS X Version 14.4)", Client.OUTLOOK),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.9.0", Client.THUNDERBIRD),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Thunderbird/128", Client.THUNDERBIRD),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/126 Safari/537.36", Client.OTHER),
        ("curl/8.5.0", Client.OTHER),
        ("", Client.OTHER),
        ("x" * 100_000 + "Thunderbird", Client.OTHER),
        ("<script>\x00\n", Client.OTHER),
    ],
)
def test_programs_are_known_by_what_they_call_themselves(user_agent: str, client: Client) -> None:
    assert client_of(user_agent) == client


def noted(token: FeedToken) -> tuple[object, str]:
    token.refresh_from_db()
    return token.last_fetched_at, token.last_client


def fetch(token: FeedToken, user_agent: str, **later: float) -> tuple[object, str]:
    """The calendar is fetched; what is noted of it afterwards."""
    token.refresh_from_db()
    told = {"last_fetched_at": token.last_fetched_at, "last_client": token.last_client}
    tokens.fetched(token.pk, user_agent, now=NOW + timedelta(**later), **told)  # type: ignore[arg-type]
    return noted(token)


@pytest.mark.django_db
def test_a_fetch_is_noted_once_an_hour_and_whenever_another_kind_of_program_comes() -> None:
    token, _ = tokens.make(factories.person(Role.TRAINEE), FeedKind.TRAINEE, now=NOW)
    assert noted(token) == (None, "")
    assert fetch(token, GOOGLE) == (NOW, "google")
    assert fetch(token, GOOGLE, minutes=59) == (NOW, "google")
    assert fetch(token, GOOGLE, minutes=60) == (NOW + timedelta(hours=1), "google")
    assert fetch(token, APPLE, minutes=61) == (NOW + timedelta(minutes=61), "apple")


@pytest.mark.django_db
def test_a_fetch_of_a_calendar_that_has_just_ended_is_noted_nowhere() -> None:
    person = factories.person(Role.TRAINEE)
    token, _ = tokens.make(person, FeedKind.TRAINEE, now=NOW)
    tokens.revoke(person, FeedKind.TRAINEE, by=person, now=NOW)
    tokens.fetched(token.pk, GOOGLE, last_fetched_at=None, last_client="", now=NOW)
    assert not FeedToken.objects.exists()


def in_time(work: threading.Thread) -> bool:
    """Whether it ended by itself, long before a writer would have given up waiting."""
    work.start()
    work.join(1.5)
    return not work.is_alive()


def fetching(token: FeedToken) -> threading.Thread:
    def fetch() -> None:
        try:
            tokens.fetched(token.pk, GOOGLE, last_fetched_at=None, last_client="", now=NOW)
        finally:
            connection.close()

    return threading.Thread(target=fetch, daemon=True)


def test_a_fetch_waits_for_nobody_who_writes_and_is_noted_the_next_time(fresh_database: str) -> None:
    token, _ = tokens.make(factories.person(Role.TRAINEE), FeedKind.TRAINEE, now=NOW)

    @writes
    def meanwhile() -> None:
        User.objects.select_for_update().get(pk=token.user_id)
        FeedToken.objects.filter(pk=token.pk).update(with_due_dates=False)
        assert in_time(fetching(token))

    meanwhile()
    assert noted(token) == (None, "")
    assert in_time(fetching(token))
    assert noted(token) == (NOW, "google")


@pytest.mark.sqlite
def test_a_fetch_waits_for_no_program_that_writes_outside_the_line(fresh_database: str) -> None:
    token, _ = tokens.make(factories.person(Role.TRAINEE), FeedKind.TRAINEE, now=NOW)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert in_time(fetching(token))
    other.execute("ROLLBACK")
    other.close()
    assert noted(token) == (None, "")


@pytest.mark.sqlite
def test_who_waits_for_nobody_gives_the_connection_its_patience_back(fresh_database: str) -> None:
    def patience() -> int:
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])

    before = patience()
    seen: list[int] = []
    assert unless_busy(lambda: seen.append(patience()))()
    assert (seen, patience()) == ([0], before)
    assert before > 1000


@pytest.mark.postgres
def test_a_fetch_waits_for_no_lock_on_its_row(fresh_database: str) -> None:
    token, _ = tokens.make(factories.person(Role.TRAINEE), FeedKind.TRAINEE, now=NOW)
    with psycopg.connect(fresh_database) as other:
        other.execute("SELECT 1 FROM booking_feedtoken WHERE id = %s FOR UPDATE", [token.pk])
        assert in_time(fetching(token))
        other.rollback()
    assert noted(token) == (None, "")
