"""How a feed goes over HTTP."""

import gzip

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from booking.calendars.answers import accepts_gzip, calendar_answer, matches, too_often

BODY = b"BEGIN:VCALENDAR\r\n" + b"X-FILL:the same again\r\n" * 40 + b"END:VCALENDAR\r\n"


def ask(**headers: str) -> HttpResponse:
    request = RequestFactory().get(
        "/calendar/cohorts.ics", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    return calendar_answer(
        request, "0123456789abcdef", lambda: BODY, filename="cohorts.ics", cache_control="public, max-age=900"
    )


@pytest.mark.parametrize(
    ("header", "compressed"),
    [
        ("", False),
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("GZip;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("br, *;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("identity;q=1, gzip;q=0.5", False),
        ("identity;q=0.5, gzip", True),
        ("gzipped", False),
        ("gzip;q=nonsense", False),
        (", ;;, gzip ; q = 1", True),
    ],
)
def test_only_who_can_read_gzip_gets_it(header: str, compressed: bool) -> None:
    assert accepts_gzip(header) is compressed


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("", False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b",W/"a" , "c"', True),
        ("*", True),
        (" * ", True),
        ('"b"', False),
        ("a", False),
        ('"a', False),
        ('"a,b"', False),
        ('"A"', False),
    ],
)
def test_any_tag_of_a_list_that_is_ours_counts(header: str, known: bool) -> None:
    assert matches(header, '"a"') is known


def test_each_representation_has_a_tag_of_its_own() -> None:
    plain, compressed = ask(), ask(Accept_Encoding="gzip")
    assert plain.content == BODY
    assert gzip.decompress(compressed.content) == BODY
    assert "Content-Encoding" not in plain
    assert compressed["Content-Encoding"] == "gzip"
    assert plain["ETag"] != compressed["ETag"]
    assert not plain["ETag"].startswith("W/")
    for response in (plain, compressed):
        assert response["Vary"] == "Accept-Encoding"
        assert response["Content-Length"] == str(len(response.content))


def test_who_has_the_representation_already_gets_nothing_but_its_tag() -> None:
    for headers in ({}, {"Accept_Encoding": "gzip"}):
        tag = ask(**headers)["ETag"]
        again = ask(**headers, If_None_Match=f'"old", W/{tag}')
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"] == tag
        assert again["Cache-Control"] == "public, max-age=900"
        assert again["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in again
    other = ask(Accept_Encoding="gzip", If_None_Match=ask()["ETag"])
    assert other.status_code == 200


def test_nothing_is_made_for_who_has_it_already() -> None:
    def body() -> bytes:
        raise AssertionError("This was not to be asked for.")

    for known, encoding in (('"tag"', ""), ('W/"tag", "x"', ""), ("*", ""), ('"tag-gz"', "gzip"), ("*", "gzip")):
        request = RequestFactory().get("/", headers={"If-None-Match": known, "Accept-Encoding": encoding})
        answer = calendar_answer(request, "tag", body, filename="cohorts.ics", cache_control="private, no-cache")
        assert answer.status_code == 304


def test_who_comes_too_often_is_told_when_to_come_back() -> None:
    answer = too_often(7)
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (429, "7", "no-store")


def test_the_same_bytes_are_compressed_to_the_same_bytes_at_any_time() -> None:
    assert ask(Accept_Encoding="gzip").content == ask(Accept_Encoding="gzip").content
    assert ask(Accept_Encoding="gzip").content[4:8] == bytes(4)  # gzip's own time of writing (RFC 1952, 2.3.1)
