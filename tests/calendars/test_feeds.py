"""The bytes of a feed, read back by programs that did not write them."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.calendars.feeds import Entry, Feed, Status, as_bytes, whole_day
from tests.calendars.readers import READERS, Read, by_icalendar, by_ics, by_vobject
from tests.calendars.written_by_icalendar import written as written_by_icalendar
from tests.factories import LOS_ANGELES

REVISED = datetime(2027, 1, 11, 18, 30, 5, 250_000, tzinfo=UTC)


def entry(**changes: object) -> Entry:
    plain = Entry(
        uid="day-1@booking.example.org",
        sequence=0,
        revised_at=REVISED,
        starts_at=datetime(2027, 5, 11, 9, 30, tzinfo=LOS_ANGELES),
        ends_at=datetime(2027, 5, 11, 17, 30, tzinfo=LOS_ANGELES),
        title="Module IV, day 1 of 4",
        url="https://booking.example.org/cohorts/2027-spring/",
        location="Stage 5, 100 Example Street, Los Angeles",
        description="Details and booking: https://booking.example.org/cohorts/2027-spring/",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def feed(*entries: Entry) -> bytes:
    return as_bytes(Feed("CINTIMA Module IV workshops", entries))


def in_utc(moment: date) -> datetime:
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC)


def unfolded(written: bytes) -> list[str]:
    return written.decode().replace("\r\n ", "").split("\r\n")


def test_an_event_is_written_down_whole() -> None:
    lines = unfolded(feed(entry(sequence=2)))
    body = lines[lines.index("BEGIN:VEVENT") : lines.index("END:VEVENT") + 1]
    assert sorted(body) == sorted(
        [
            "BEGIN:VEVENT",
            "SUMMARY:Module IV\\, day 1 of 4",
            "DTSTART;TZID=America/Los_Angeles:20270511T093000",
            "DTEND;TZID=America/Los_Angeles:20270511T173000",
            "DTSTAMP:20270111T183005Z",
            "UID:day-1@booking.example.org",
            "SEQUENCE:2",
            "DESCRIPTION:Details and booking: https://booking.example.org/cohorts/2027-spring/",
            "LAST-MODIFIED:20270111T183005Z",
            "LOCATION:Stage 5\\, 100 Example Street\\, Los Angeles",
            "STATUS:CONFIRMED",
            "TRANSP:TRANSPARENT",
            "URL:https://booking.example.org/cohorts/2027-spring/",
            "END:VEVENT",
        ]
    )


def test_the_calendar_says_its_name_and_how_often_to_look_in_every_dialect() -> None:
    lines = unfolded(as_bytes(Feed("Cohorts, all", ())))
    assert lines[: lines.index("BEGIN:VTIMEZONE")] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//CINTIMA//Booking//EN",
        "CALSCALE:GREGORIAN",
        "NAME:Cohorts\\, all",
        "X-WR-CALNAME:Cohorts\\, all",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
        "X-WR-TIMEZONE:America/Los_Angeles",
    ]


def test_a_feed_is_a_calendar_and_not_a_message() -> None:
    names = {
        line.partition(":")[0].partition(";")[0] for line in unfolded(feed(entry(), entry(uid="other@example.org")))
    }
    assert not names & {"METHOD", "ATTENDEE", "ORGANIZER", "CREATED", "COMMENT", "CONTACT"}
    assert b"VALARM" not in feed(entry())
    calendar = icalendar.Calendar.from_ical(feed(entry()))
    assert "UID" not in calendar
    assert "LAST-MODIFIED" not in calendar


def test_the_same_feed_is_the_same_bytes_in_whatever_order_it_was_read() -> None:
    days = [entry(uid=f"{day}@example.org", starts_at=entry().starts_at - timedelta(days=day)) for day in range(4)]
    twins = [entry(uid=f"twin-{number}@example.org") for number in range(3)]
    written = feed(*days, *twins)
    assert feed(*reversed(twins), *reversed(days)) == written
    assert feed(*days, *twins) == written


def test_every_line_ends_as_it_must_and_none_is_too_long() -> None:
    written = feed(entry(title="A title, and more of it; " * 20))
    assert written.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert b"\r" not in written.replace(b"\r\n", b"")
    assert max(len(line) for line in written.split(b"\r\n")) <= 75


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_every_reader_sees_the_hours_that_los_angeles_sees(reader: Callable[[bytes], list[Read]]) -> None:
    """Four days each across the change to summer time (14 March 2027) and back (7 November 2027)."""
    firsts = [datetime(2027, 3, 12, 9, 30), datetime(2027, 11, 5, 9, 30)]  # noqa: DTZ001
    starts = [(first + timedelta(days=day)).replace(tzinfo=LOS_ANGELES) for first in firsts for day in range(4)]
    entries = [
        entry(uid=f"{number}@example.org", starts_at=start.astimezone(UTC), ends_at=start.replace(hour=17))
        for number, start in enumerate(starts)
    ]
    read = reader(feed(*entries))
    assert read == [
        Read(start.astimezone(UTC), start.replace(hour=17), f"{number}@example.org", entry().title)
        for number, start in enumerate(starts)
    ]
    assert [in_utc(event.starts_at).hour for event in read] == [17, 17, 16, 16, 16, 16, 17, 17]


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_an_hour_that_comes_twice_is_read_as_the_one_that_was_meant(reader: Callable[[bytes], list[Read]]) -> None:
    first = datetime(2027, 11, 7, 8, 30, tzinfo=UTC)  # 1:30 am PDT
    second = first + timedelta(hours=1)  # 1:30 am PST
    read = reader(feed(entry(starts_at=first, ends_at=second)))
    assert [(in_utc(event.starts_at), in_utc(event.ends_at)) for event in read] == [(first, second)]


HOSTILE = {
    "a line that begins another property": ("Day\r\nATTENDEE:mailto:eve@a.org", "Day ATTENDEE:mailto:eve@a.org"),
    "an end and a new event": ("x\nEND:VEVENT\nBEGIN:VEVENT", "x END:VEVENT BEGIN:VEVENT"),
    "a lone carriage return": ("one\rtwo", "one two"),
    "controls": ("a\x00b\x07c\x1bd\x7fe\x85f", "abcde f"),
    "line ends that only Unicode knows": ("a\u2028b\u2029c\x0bd\x0ce", "a b c d e"),
    "half a character": ("a\ud83db", "ab"),
    "commas, semicolons, colons, quotes": ('a,b;c:d"e"', 'a,b;c:d"e"'),
    "backslashes": ("C:\\set\\, \\;\\\\", "C:\\set\\, \\;\\\\"),
    "a fold that would begin with a space": ("x" * 67 + " y", "x" * 67 + " y"),
    "right to left": ("וורקשופ 4 \u202eא", "וורקשופ 4 א"),
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(("given_title", "title"), HOSTILE.values(), ids=HOSTILE)
def test_no_title_breaks_out_of_its_line(reader: Callable[[bytes], list[Read]], given_title: str, title: str) -> None:
    written = feed(entry(title=given_title, location=given_title))
    assert [event.title for event in reader(written)] == [title]
    assert b"\nATTENDEE" not in written


@pytest.mark.parametrize("reader", [by_icalendar, by_vobject])
def test_a_backslash_before_an_n_is_no_line_end(reader: Callable[[bytes], list[Read]]) -> None:
    """ics reads the escaped backslash and its n as a line end, whoever wrote them."""
    title = "C:\\New\\notes"
    assert [event.title for event in reader(feed(entry(title=title)))] == [title]


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_no_character_is_cut_by_a_fold(reader: Callable[[bytes], list[Read]]) -> None:
    for padding in range(80):
        title = "x" * padding + "🎬🎞️" * 30
        written = feed(entry(title=title))
        for line in written.split(b"\r\n"):
            assert len(line) <= 75
            line.decode()
        assert [event.title for event in reader(written)] == [title]


def test_a_very_long_title_is_folded_and_read_back() -> None:
    title = "Module IV, " + "long; " * 1_665
    title = title[:10_000].strip()
    written = feed(entry(title=title))
    assert [reader(written)[0].title == title for reader in READERS.values()] == [True, True, True]


@given(st.text(max_size=120).filter(lambda text: not re.search(r"\\[nr]", text, re.IGNORECASE)))
def test_whatever_the_title_every_reader_reads_the_same(title: str) -> None:
    written = feed(entry(title=f"<{title}>"))
    seen = {reader(written)[0].title for reader in (by_icalendar, by_ics, by_vobject)}
    assert len(seen) == 1
    assert seen.pop().startswith("<")


def test_a_cancelled_event_stays_and_says_so() -> None:
    lines = unfolded(feed(entry(status="CANCELLED", busy=True, sequence=3)))
    assert "SUMMARY:Cancelled: Module IV\\, day 1 of 4" in lines
    assert "STATUS:CANCELLED" in lines
    assert "TRANSP:TRANSPARENT" in lines
    assert "SEQUENCE:3" in lines
    assert "UID:day-1@booking.example.org" in lines


def test_a_description_keeps_its_lines() -> None:
    lines = unfolded(feed(entry(description="one\r\ntwo\n\nthree\x00")))
    assert "DESCRIPTION:one\\ntwo\\n\\nthree" in lines


def test_what_is_not_certain_is_tentative_and_keeps_nobody_from_anything_else() -> None:
    lines = unfolded(feed(entry(status="TENTATIVE")))
    assert "STATUS:TENTATIVE" in lines
    assert "TRANSP:TRANSPARENT" in lines
    assert "SUMMARY:Module IV\\, day 1 of 4" in lines


def test_a_whole_day_is_a_date_that_ends_with_the_next_one() -> None:
    starts_on, ends_on = whole_day(date(2027, 2, 28))
    written = feed(entry(starts_at=starts_on, ends_at=ends_on))
    lines = unfolded(written)
    assert "DTSTART;VALUE=DATE:20270228" in lines
    assert "DTEND;VALUE=DATE:20270301" in lines
    assert "TRANSP:TRANSPARENT" in lines
    [event] = icalendar.Calendar.from_ical(written).events
    assert (event.start, event.end) == (date(2027, 2, 28), date(2027, 3, 1))


def test_a_whole_day_stands_before_the_hours_of_its_day() -> None:
    starts_on, ends_on = whole_day(date(2027, 5, 11))
    day, hours = entry(uid="z@example.org", starts_at=starts_on, ends_at=ends_on), entry(uid="a@example.org")
    lines = unfolded(feed(hours, day))
    assert lines.index("UID:z@example.org") < lines.index("UID:a@example.org")


_MOMENTS = st.datetimes(datetime(2007, 6, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_WORDS = st.one_of(
    st.text(max_size=200),
    st.text('\\\\^;,:"n🎬é x', max_size=200),
    st.builds(lambda a, b: a * b, st.sampled_from(["x", "é", "🎬", "\\\\", ";", "^", "a b"]), st.integers(0, 400)),
)
_ENTRIES = st.builds(
    Entry,
    uid=st.integers(0, 10**80).map(lambda number: f"{number}-teaching@calendar.example.org"),
    sequence=st.integers(0, 500),
    revised_at=_MOMENTS,
    starts_at=st.one_of(_MOMENTS, st.dates(date(2007, 6, 1), date(2060, 1, 1))),
    ends_at=st.one_of(_MOMENTS, st.dates(date(2007, 6, 1), date(2060, 1, 1))),
    title=_WORDS,
    url=st.integers(0, 10**90).map(lambda number: f"https://booking.example.org/cohorts/{number}/"),
    location=_WORDS,
    description=_WORDS,
    status=st.sampled_from(get_args(Status)),
    busy=st.booleans(),
)


@settings(max_examples=300)
@given(_WORDS, st.lists(_ENTRIES, max_size=4, unique_by=lambda one: one.uid))
def test_every_byte_is_as_icalendar_writes_it(name: str, entries: list[Entry]) -> None:
    told = Feed(name, tuple(entries))
    assert as_bytes(told) == written_by_icalendar(told)
