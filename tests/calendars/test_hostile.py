"""Titles, places and names typed by somebody who means harm: in feeds, in invitations, and around e-mails.

They are written into the tables as they are here, past every form and rule that would stop them. Whatever they hold, a
calendar has the lines that it has for harmless words, and every reader finds the one right event.
"""

import re
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from booking.calendars import tokens, views
from booking.calendars.feeds import Entry, Feed, as_bytes
from booking.calendars.models import FeedKind
from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations.models import Reservation
from tests import factories
from tests.calendars.readers import Reader
from tests.factories import NOW
from workshops.cohorts.models import Cohort, Venue
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.mentors.models import Meeting
from workshops.messages.models import Message
from workshops.messages.outbox import send_due
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

FILM, FAMILY = "\N{CLAPPER BOARD}", "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
HOSTILE: dict[str, tuple[str, str]] = {
    # what is typed, and what a person is to read of it
    "a line end": ("a\r\nb", "a b"),
    "a carriage return alone": ("a\rb", "a b"),
    "a line feed alone": ("a\nb", "a b"),
    "line ends that only Unicode knows": ("a\x85b\u2028c\u2029d\x0be\x0cf", "a b c d e f"),
    "another event": (
        "x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:evil\r\nSUMMARY:evil",
        "x END:VEVENT BEGIN:VEVENT UID:evil SUMMARY:evil",
    ),
    "another event by a fold": ("x\r\n \r\nBEGIN:VEVENT", "x BEGIN:VEVENT"),
    "an alarm": ("x\nBEGIN:VALARM\nACTION:DISPLAY\nEND:VALARM", "x BEGIN:VALARM ACTION:DISPLAY END:VALARM"),
    "an attendee": ("x\nATTENDEE:mailto:eve@example.org", "x ATTENDEE:mailto:eve@example.org"),
    "a method": ("x\nMETHOD:CANCEL\nSTATUS:CANCELLED", "x METHOD:CANCEL STATUS:CANCELLED"),
    "signs of the format": ('a;b,c:d"e=f^g\\;h', 'a;b,c:d"e=f^g\\;h'),
    "a backslash at the end": ("a\\", "a\\"),
    "NUL": ("a\x00b", "ab"),
    "control characters": ("a\x01\x07\x1b[31m\x7f\x9fb", "a[31mb"),
    "marks that turn what follows": ("\u202ea\u2066b\u200fc", "abc"),
    "what has no width": ("a\u200b\ufeff\u2060b", "ab"),
    "a tab and many spaces": ("a\t \u3000  b", "a b"),
    "four octets a character": (FILM * 40, FILM * 40),
    "characters that belong together": (FAMILY * 12, FAMILY * 12),
    "marks upon marks": ("a" + "\u0301" * 60, "a" + "\u0301" * 60),
    "ten thousand characters": ("Zwölf, " * 1_428 + "ende", "Zwölf, " * 1_428 + "ende"),
    "ten thousand of four octets": (FILM * 10_000, FILM * 10_000),
    "markup": ("<script>alert(1)</script>&amp;", "<script>alert(1)</script>&amp;"),
    "a template": ("{{ settings.SECRET_KEY }}{% debug %}", "{{ settings.SECRET_KEY }}{% debug %}"),
    "an encoded word": ("=?utf-8?q?Bcc=3A_eve=40example.org?=", "=?utf-8?q?Bcc=3A_eve=40example.org?="),
    "headers": ("x\r\nBcc: eve@example.org\r\n\r\nDear", "x Bcc: eve@example.org Dear"),
}


# -- what holds of the bytes, whatever is in them ----------------------------------------------------------------------
def shape(written: bytes) -> Counter[str]:
    """How often each line begins with what: its name, and for the parts of a calendar the whole of it.

    Fails for a line that is no line of a calendar (RFC 5545, 3.1).
    """
    assert written.endswith(b"\r\n")
    without = written.replace(b"\r\n", b"")
    assert b"\r" not in without
    assert b"\n" not in without
    for line in written.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # no fold is within a character
    found = Counter[str]()
    for whole in re.sub(rb"\r\n[ \t]", b"", written).decode().split("\r\n")[:-1]:
        assert re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", whole) is None
        name = re.match(r"[A-Z-]+(?=[;:])", whole)
        assert name, whole[:80]
        found[whole if name[0] in {"BEGIN", "END"} else name[0]] += 1
    return found


def entry(**changes: Any) -> Entry:
    """One event as a feed is given it."""
    words: dict[str, Any] = {
        "title": "x",
        "location": "x",
        "description": "x",
        "url": "https://example.org/",
        "uid": "1@example.org",
    }
    return Entry(sequence=0, revised_at=NOW, starts_at=NOW, ends_at=NOW + timedelta(hours=1), **(words | changes))


# -- feeds -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def year(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, Reservation]]:
    """One person who teaches, learns and mentors; the paths of every feed that shows what was typed."""
    monkeypatch.setattr(views, "current_time", lambda: NOW)
    teacher, mentor, trainee = factories.person(Role.INSTRUCTOR), factories.person(Role.MENTOR), factories.trainee()
    registrar = factories.person(Role.REGISTRAR)
    seat = factories.reservation(cohort=factories.cohort(code="spring", instructors=(teacher,)), trainee=trainee)
    both = mentorships.begin(mentor, trainee, by=registrar, now=NOW)
    meetings.plan(both, Agreed(seat.cohort.sessions.get(day=1).starts_at, 60, "Here"), by=mentor, now=NOW)
    paths = {"public": "/calendar/cohorts.ics", "one cohort": "/calendar/cohorts/spring.ics"}
    for person, kind in ((trainee, "trainee"), (teacher, "instructor"), (mentor, "mentor"), (registrar, "registrar")):
        paths[kind] = tokens.make(person, FeedKind(kind), now=NOW)[1].removeprefix(settings.SITE_URL)
    return {feed: (path, seat) for feed, path in paths.items()}


def fetched(path: str) -> bytes:
    answer = Client().get(path)
    assert answer.status_code == 200
    assert "\n" not in str(answer.headers)
    return answer.content


def plant(typed: str) -> None:
    """Write it into everything that feeds show and somebody types."""
    Cohort.objects.update(title=f"Module IV{typed}.")
    Venue.objects.update(name=f"<{typed}>", address=typed, city=typed)
    Meeting.objects.update(place=typed)
    User.objects.update(name=typed, legal_name=typed, pronouns=typed, phone=typed)


@pytest.mark.parametrize(("typed", "meant"), HOSTILE.values(), ids=HOSTILE)
def test_no_words_change_what_a_feed_consists_of(
    year: dict[str, tuple[str, Reservation]], typed: str, meant: str, readers: dict[str, Reader]
) -> None:
    plant("harmless")
    harmless = {feed: fetched(path) for feed, (path, _) in year.items()}
    plant(typed)
    for feed, (path, _) in year.items():
        written = fetched(path)
        assert shape(written) == shape(harmless[feed]), feed
        for name, read in readers.items():
            before, after = read(harmless[feed]), read(written)
            for then, now in zip(before, after, strict=True):
                same = (then.uid, then.starts_at, then.ends_at, then.title.replace("harmless", meant))
                assert (now.uid, now.starts_at, now.ends_at, now.title) == same, (feed, name)


@pytest.mark.parametrize("letter", [FILM, "é", "\N{CJK UNIFIED IDEOGRAPH-4E2D}", FAMILY], ids=["4", "2", "3", "joined"])
def test_a_fold_falls_on_no_character_wherever_it_stands(letter: str, readers: dict[str, Reader]) -> None:
    """At each distance from the beginning of a line, of the first one and of those that follow."""
    for before in range(160):
        title = f"{'x' * before}{letter}y{letter}{'z' * 80}{letter}"
        written = as_bytes(Feed("x", (entry(title=title, location=title, description=title),)))
        shape(written)
        if before % 8 < 2 or 55 <= before <= 75:
            assert {name: read(written)[0].title for name, read in readers.items()} == dict.fromkeys(readers, title)


@given(st.text(max_size=150))
def test_whatever_is_typed_a_calendar_has_the_same_lines(readers: dict[str, Reader], typed: str) -> None:
    written = as_bytes(
        Feed(f"<{typed}>", (entry(title=f"<{typed}>", location=f"<{typed}>", description=f"<{typed}>"),))
    )
    assert shape(written) == shape(as_bytes(Feed("x", (entry(),))))
    titles = {name: read(written)[0].title for name, read in readers.items()}
    if re.search(r"\\[nr]", typed, re.IGNORECASE):
        del titles["ics"]  # it takes an escaped backslash and what follows for a line end, whoever wrote them
    assert len(set(titles.values())) == 1


def test_a_backslash_before_an_n_is_no_line_end(readers: dict[str, Reader]) -> None:
    """Written as the standard has it. Not every reader takes it so; none of them finds another event for it."""
    for typed in ("a\\nBEGIN:VEVENT", "a\\Nb"):
        written = as_bytes(Feed("x", (entry(title=typed),)))
        assert f"SUMMARY:{typed.replace(chr(92), chr(92) * 2)}\r\n".encode() in written
        read = {name: [each.title for each in reader(written)] for name, reader in readers.items()}
        assert read["ical.js"] == read["vobject"] == [typed]
        assert {len(titles) for titles in read.values()} == {1}


# -- e-mails and what goes with them -----------------------------------------------------------------------------------
HEADERS = {
    *("Content-Type", "MIME-Version", "Subject", "From", "To", "Reply-To", "Date", "Message-ID", "Auto-Submitted"),
}


def sent() -> list[EmailMessage]:
    """What went out, taken apart as a mail program does."""
    send_due(now=NOW, limit=100)
    assert not Message.objects.exclude(state="sent").exists(), "whatever is in it, it goes out"
    # As it goes over the wire (RFC 5321, 2.3.8).
    whole = [each.message().as_bytes(linesep="\r\n") for each in mail.outbox]  # type: ignore[call-arg]
    assert [line[:100] for each in whole for line in each.split(b"\r\n") if len(line) > 998] == []
    return [message_from_bytes(each, policy=policy.default) for each in whole]


@pytest.mark.parametrize(("typed", "meant"), HOSTILE.values(), ids=HOSTILE)
def test_no_words_change_where_an_e_mail_goes_or_what_it_is(typed: str, meant: str, readers: dict[str, Reader]) -> None:
    """As the name of its reader, the title of the cohort and the place."""
    seat = factories.reservation()
    Cohort.objects.update(title=f"Module IV{typed}.")
    Venue.objects.update(name=typed, address=typed)
    User.objects.filter(pk=seat.trainee_id).update(name=typed)
    Message.objects.all().delete()
    seat = Reservation.objects.select_related("cohort", "trainee").get(pk=seat.pk)
    paying.begin(seat, Purpose.DEPOSIT, "sandbox", by=seat.trainee, now=NOW)
    (message,) = sent()
    assert set(message.keys()) <= HEADERS
    assert len(message.keys()) == len(set(message.keys()))
    to, writer = message["To"], message["From"]
    assert [each.addr_spec for each in to.addresses] == [seat.trainee.email]
    assert [each.addr_spec for each in writer.addresses] == [settings.DEFAULT_FROM_EMAIL.partition("<")[2].rstrip(">")]
    assert not any(sign in str(message[name]) for name in message for sign in "\r\n\x00")
    assert not message["Subject"].defects
    parts = list(message.iter_parts())
    assert [each.get_content_type() for each in parts] == ["text/plain", "text/html", "text/calendar"]
    assert "<script>alert" not in parts[1].get_content()
    assert "{{ settings" not in parts[1].get_content() or typed.startswith("{{")
    written = parts[2].get_payload(decode=True)
    assert isinstance(written, bytes)
    assert shape(written)["BEGIN:VEVENT"] == shape(written)["SUMMARY"] == shape(written)["ATTENDEE"] == 1
    assert shape(written)["METHOD"] == 1
    for name, read in readers.items():
        found = read(written)
        assert {each.uid for each in found} == {f"reservation-{seat.calendar_id}@{settings.CALENDAR_HOST}"}, name
        assert {each.title for each in found} == {f"Module IV{meant}."}, name


@pytest.mark.parametrize(
    "name",
    [
        "Eve\r\nBcc: everyone@example.org\r\n\r\nDear all",
        "Eve <eve@evil.example>, Mallory <mallory@evil.example>",
        'Eve" <eve@evil.example>, "',
        "eve@evil.example, ",
        "Eve \\",
        "\u202eevE",
        FILM * 500,
        "=?utf-8?q?=0D=0ABcc=3A_eve=40evil=2Eexample?=",
        "\ud83c\udfac".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
)
def test_a_name_takes_no_e_mail_elsewhere(name: str) -> None:
    seat = factories.reservation()
    Message.objects.all().delete()
    User.objects.filter(pk=seat.trainee_id).update(name=name)
    seat = Reservation.objects.select_related("cohort", "trainee").get(pk=seat.pk)
    paying.begin(seat, Purpose.DEPOSIT, "sandbox", by=seat.trainee, now=NOW)
    (message,) = sent()
    assert [each.addr_spec for each in message["To"].addresses] == [seat.trainee.email]
    assert (message["Bcc"], message["Cc"]) == (None, None)
    assert [parseaddr(each)[1] for each in mail.outbox[0].recipients()] == [seat.trainee.email]
