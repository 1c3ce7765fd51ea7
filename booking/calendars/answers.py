"""How a feed goes over HTTP (RFC 9110): compressed for who can read that, and nothing at all for who has it already."""

import gzip
import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def calendar_answer(
    request: HttpRequest, tag: str, body: Callable[[], bytes], *, filename: str, cache_control: str
) -> HttpResponse:
    """The answer to a GET or HEAD of a calendar. `body` is asked only of who has not got what `tag` stands for.

    Each representation, plain or compressed, has a strong entity tag of its own (RFC 9110, 8.8.3). `tag` must be
    another one whenever `body` would be. `filename` must be plain ASCII without quotes.
    """
    compressed = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    etag = f'"{tag}-gz"' if compressed else f'"{tag}"'
    response: HttpResponse
    if matches(request.headers.get("If-None-Match", ""), etag):
        response = HttpResponseNotModified()
    else:
        content = gzip.compress(body(), mtime=0) if compressed else body()
        response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
        response["Content-Disposition"] = f'inline; filename="{filename}"'
        response["Content-Length"] = str(len(content))
        if compressed:
            response["Content-Encoding"] = "gzip"
    response["ETag"] = etag
    response["Cache-Control"] = cache_control
    patch_vary_headers(response, ["Accept-Encoding"])
    return kept_quiet(response)


def nothing_here() -> HttpResponse:
    """There is no calendar at this address: the same answer whether there never was one or it is over.

    A few words and no page: a page asks who reads it, and nobody's cookies are read at these addresses.
    """
    words = (
        "There is no calendar at this address, or it is not shared any more.\n"
        f"If it was yours, sign in and make a new address: {settings.SITE_URL}\n"
    )
    response = HttpResponse(words, status=404, content_type="text/plain; charset=utf-8")
    return kept_quiet(response)


def too_often(seconds: int) -> HttpResponse:
    """This calendar was fetched too often in a minute: come back in so many seconds (RFC 6585, 4)."""
    words = "This calendar changes seldom: fetching it once an hour is plenty. Please try again later.\n"
    response = HttpResponse(words, status=429, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = str(seconds)
    return kept_quiet(response)


def kept_quiet(response: HttpResponse) -> HttpResponse:
    """No search engine lists it, no page that is opened from it learns its address, nothing in it is run.

    Nobody keeps it either, unless it says for how long.
    """
    response.setdefault("Cache-Control", "no-store")
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


def matches(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match names this representation: any in a list, weak or strong, or ``*`` (RFC 9110, 13.1.2)."""
    return if_none_match.strip() == "*" or etag in _ENTITY_TAG.findall(if_none_match)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client would rather have gzip than nothing (RFC 9110, 12.5.3). A quality of zero is a refusal."""
    qualities: dict[str, float] = {}
    for item in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                quality = _quality(value.strip())
        qualities[coding] = quality
    gzip_quality = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return gzip_quality > 0 and gzip_quality >= qualities.get("identity", 0.0)


def _quality(value: str) -> float:
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
