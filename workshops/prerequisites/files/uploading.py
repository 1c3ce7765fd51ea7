"""What may come in: how much one request may send is known before its first byte is read, and files are counted as
they arrive.

A view that takes files says so with `takes_files`. Only people with an account may send it anything, and only so many
at once, so that slow uploads leave the server to others.
"""

import io
import sys
from collections.abc import Callable
from functools import cache
from time import monotonic
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve

from workshops.prerequisites.files.turns import NoTurn, Turns
from workshops.web.problems import Problem, is_api, problem_response

MEGABYTE = 1_000_000
LARGEST_FILE = 15 * MEGABYTE
MOST_FILES = 10
"""Files of one record, and so of one request."""
MOST_WITH_FILES = MOST_FILES * LARGEST_FILE + MEGABYTE
"""Bytes of a request to a view that takes files."""
MOST_OTHERWISE = 3 * MEGABYTE
"""Bytes of any other request: the largest is a spreadsheet at the desk."""
A_MINUTE = 60
A_MOMENT = 1.0
"""Seconds that a form waits for the one before it to be read."""
FORM_SECONDS = 30
SLOWEST = 100_000
"""Bytes a second of an upload, on the whole: ten pictures over a slow line take minutes, and not hours."""
PIECE = 16 * 1024

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class LeftOut(UploadedFile):  # type: ignore[type-arg]
    """A file of which nothing was kept, in the place of the one that was sent; `size` is how large it was."""

    def __init__(self, name: str, size: int, *, is_too_large: bool) -> None:
        super().__init__(file=None, name=name, size=size)
        self.is_too_large = is_too_large
        """Otherwise it was one too many."""

    def read(self, *_args: Any) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """Nothing to close."""


class CountingUploadHandler(FileUploadHandler):
    """Counts each file's bytes as they come, and lets nothing of one that is too large, or too many, go any further.

    It stands before the handlers that keep files. What it leaves out appears in `request.FILES` as `LeftOut`.
    """

    chunk_size = 64 * 1024

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._files = self._bytes = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin to count."""
        super().new_file(*args, **kwargs)
        self._files += 1
        self._bytes = 0
        if self._is_one_too_many:
            raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:  # noqa: ARG002  (Django's own)
        """Hand it on while there is room."""
        self._bytes += len(raw_data)
        return None if self._is_one_too_many or self._bytes > LARGEST_FILE else raw_data

    def file_complete(self, file_size: int) -> "UploadedFile[bytes] | None":  # noqa: ARG002
        """Stand in for a file that was not kept; leave the others to who keeps them."""
        is_too_large = self._bytes > LARGEST_FILE
        if not (is_too_large or self._is_one_too_many):
            return None
        return LeftOut(self.file_name or "", self._bytes, is_too_large=is_too_large)

    @property
    def _is_one_too_many(self) -> bool:
        return self._files > MOST_FILES


def takes_files(view: View) -> View:
    """This page takes files of proof: up to ten of them, from people with an account."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


class InTime:
    """A body of which no piece is read any more after `seconds`. What comes too slowly is broken off.

    A piece that never comes at all is waited for until the line is cut: the server gives no way to stop waiting. That
    is why only so many may wait, and why what stands in front (see deploy/) hands on whole forms and cuts slow lines.
    """

    def __init__(self, body: Any, seconds: float) -> None:
        self._body = body
        self._until = monotonic() + seconds

    def read(self, size: int | None = None) -> bytes:
        """Up to `size` bytes, or all. Raises `TimeoutError`."""
        pieces = list[bytes]()
        left = sys.maxsize if size is None or size < 0 else size
        while left and (piece := self._next(self._body.read, min(left, PIECE))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def readline(self, size: int | None = None) -> bytes:
        """One line, or up to `size` bytes of it. Raises `TimeoutError`."""
        return self._next(self._body.readline, PIECE if size is None or size < 0 else size)

    def _next(self, read: Callable[[int], bytes], size: int) -> bytes:
        if monotonic() > self._until:
            raise TimeoutError("This body came too slowly.")
        return read(size)


class BodyMiddleware:
    """Refuses by its announced length what no page may need, before anybody has read any of it.

    It stands before the one that looks for a CSRF token, which reads the whole form to find it, and judges what was
    sent to addresses that do not exist as well: there, too, the form would be read. A body without a length is refused:
    no browser sends one. What is not an upload is read here as a whole, few at a time, within a time: whoever sends a
    form and does not finish it keeps others from sending forms, and nobody from reading pages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, or answer it without its body. A turn to send files ends with it."""
        with_files, length = _takes_files(request), _length(request)
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            return _answer(request, "length-required", "411.html")
        if length > (MOST_WITH_FILES if with_files else MOST_OTHERWISE):
            return _answer(request, "too-large", "413.html")
        if with_files:
            _replace_body(request, InTime(_body(request), A_MINUTE + length / SLOWEST))
        elif length:
            try:
                with _form_turns().turn(wait=A_MOMENT):
                    _replace_body(request, io.BytesIO(InTime(_body(request), FORM_SECONDS).read(length)))
            except (NoTurn, TimeoutError):
                return _busy(request)
        try:
            return self.get_response(request)
        finally:
            if whose := getattr(request, "upload_turn_of", None):
                _upload_turns().give_back(whose)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        """Let those send files who have an account, and their turn."""
        if request.method == "POST" and getattr(view, "takes_files", False):
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not _upload_turns().take(request.user.pk):
                return _busy(request)
            request.upload_turn_of = request.user.pk  # type: ignore[attr-defined]
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer whoever sent too slowly, if there is anybody still."""
        return _busy(request) if isinstance(exception, UnreadablePostError) else None


def _takes_files(request: HttpRequest) -> bool:
    try:
        return getattr(resolve(request.path_info).func, "takes_files", False)
    except Resolver404:
        return False


def _body(request: HttpRequest) -> Any:
    # Django has no other way to wrap what it reads a body from.
    return request._stream


def _replace_body(request: HttpRequest, body: Any) -> None:
    request._stream = body


@cache
def _upload_turns() -> Turns:
    """Half of what a process works on at once may be people sending files: those wait for slow lines."""
    return Turns(max(1, settings.WEB_THREADS // 2))


@cache
def _form_turns() -> Turns:
    """A quarter of it may wait for the rest of a form, which mostly is there with its beginning."""
    return Turns(max(1, settings.WEB_THREADS // 4))


def _length(request: HttpRequest) -> int:
    given = request.META.get("CONTENT_LENGTH") or "0"
    return int(given) if given.isascii() and given.isdigit() else 0  # Django takes any other for none


def _busy(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        return problem_response(Problem("busy", retry_after=A_MINUTE))
    answer = HttpResponse(render_to_string("503.html"), status=503)
    answer["Retry-After"] = str(A_MINUTE)
    return answer


def _answer(request: HttpRequest, slug: str, template: str) -> HttpResponse:
    problem = Problem(slug)
    if is_api(request):
        return problem_response(problem)
    # Drawn without the request: its context would read a session, and this is sent to anybody.
    limits = {"largest_file": LARGEST_FILE // MEGABYTE, "most_files": MOST_FILES}
    return HttpResponse(render_to_string(template, limits), status=problem.status)
