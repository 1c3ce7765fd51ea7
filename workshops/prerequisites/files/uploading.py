"""What may come in: how much one request may send is known before its first byte is read, and files are counted as
they arrive.

A view that takes files says so with `takes_files`. Only people with an account may send it anything, and only so many
at once, so that slow uploads leave the server to others.
"""

from collections.abc import Callable
from functools import cache
from threading import BoundedSemaphore
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string

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


class BodyMiddleware:
    """Refuses by its announced length what no page may need, before anybody has read any of it.

    It stands before the one that looks for a CSRF token, which reads the whole form to find it. A body without a length
    is refused as well: no browser sends one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; a turn to send files, if it was given one, ends with it."""
        try:
            return self.get_response(request)
        finally:
            if getattr(request, "has_upload_turn", False):
                _turns().release()

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        """Let the request through, or answer it without its body."""
        with_files = getattr(view, "takes_files", False)
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            return _answer(request, "length-required", "411.html")
        if _length(request) > (MOST_WITH_FILES if with_files else MOST_OTHERWISE):
            return _answer(request, "too-large", "413.html")
        if with_files and request.method == "POST":
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not _turns().acquire(blocking=False):
                answer = HttpResponse(render_to_string("503.html"), status=503)
                answer["Retry-After"] = str(A_MINUTE)
                return answer
            request.has_upload_turn = True  # type: ignore[attr-defined]
        return None


@cache
def _turns() -> BoundedSemaphore:
    """Half of what a process works on at once may be people sending files: those wait for slow lines."""
    return BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


def _length(request: HttpRequest) -> int:
    given = request.META.get("CONTENT_LENGTH") or "0"
    return int(given) if given.isascii() and given.isdigit() else 0  # Django takes any other for none


def _answer(request: HttpRequest, slug: str, template: str) -> HttpResponse:
    problem = Problem(slug)
    if is_api(request):
        return problem_response(problem)
    # Drawn without the request: its context would read a session, and this is sent to anybody.
    limits = {"largest_file": LARGEST_FILE // MEGABYTE, "most_files": MOST_FILES}
    return HttpResponse(render_to_string(template, limits), status=problem.status)
