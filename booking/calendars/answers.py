"""How a feed goes over HTTP (RFC 9110): compressed for who can read that, and nothing at all for who has it already."""

import gzip
import hashlib
import re

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def calendar_answer(request: HttpRequest, body: bytes, *, filename: str, cache_control: str) -> HttpResponse:
    """The answer to a GET or HEAD of a calendar.

    Each representation, plain or compressed, has a strong entity tag of its own: the hash of the very bytes that are
    sent (RFC 9110, 8.8.3). `filename` must be plain ASCII without quotes.
    """
    # A feed is the same for everyone, whatever cookies came along: the session's would be answered with one of its own
    # where it is malformed, and a shared cache would keep that.
    request.COOKIES.clear()
    compressed = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    content = gzip.compress(body, mtime=0) if compressed else body
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    response: HttpResponse
    if matches(request.headers.get("If-None-Match", ""), etag):
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
        response["Content-Disposition"] = f'inline; filename="{filename}"'
        response["Content-Length"] = str(len(content))
        if compressed:
            response["Content-Encoding"] = "gzip"
    response["ETag"] = etag
    response["Cache-Control"] = cache_control
    patch_vary_headers(response, ["Accept-Encoding"])
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
