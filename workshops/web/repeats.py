"""A POST that is sent again with the same Idempotency-Key gets its first answer again and does nothing twice.

A key is claimed by a row that is committed before the work begins, so that a repeat that comes meanwhile sees it. The
row then keeps the answer, or goes away when the answer is one that a repeat should be free to better (a conflict, a
busy database, a failure of ours). A process that dies leaves a claim without an answer; after `ABANDONED` the next
repeat takes it over.
"""

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from workshops.people.models import User
from workshops.transactions import Busy, writes
from workshops.web.invalid import invalid
from workshops.web.models import KeptAnswer
from workshops.web.problems import Problem

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(hours=72)
# Longer than any request runs: the web server ends one that is stuck, and the database its statements, well before.
ABANDONED = timedelta(seconds=60)
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True)
class _Claim:
    """The right to do the work for a key: the row, and the moment that says it is still ours."""

    row: int
    since: datetime


def answered_once(
    request: HttpRequest, user: User, key: str, work: Callable[[], HttpResponseBase], *, now: datetime
) -> HttpResponseBase:
    """Do `work` and return its answer, or return the first answer again if this very request has been answered.

    Answers of 2xx and 422 are kept for 72 hours. Must not be called inside a transaction.

    Raises:
        Problem: ``invalid-input`` for a key that is none, ``idempotency-key-reused`` for a key that came with another
            request, ``in-progress`` while the first request is running.
    """
    if not _KEY.fullmatch(key):
        raise invalid("Idempotency-Key", "Use 1 to 255 printable ASCII characters.")
    claim = _claim(user, key, _fingerprint(request), now)
    if isinstance(claim, KeptAnswer):
        return _replayed(claim)
    try:
        answer = work()
    except BaseException:
        _let_go(claim)
        raise
    if isinstance(answer, HttpResponse) and (200 <= answer.status_code < 300 or answer.status_code == 422):
        _keep(claim, answer)
    else:
        _let_go(claim)
    return answer


def _fingerprint(request: HttpRequest) -> str:
    digest = hashlib.sha256()
    for part in (str(request.method).encode(), request.get_full_path().encode(), request.body):
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def _claim(user: User, key: str, fingerprint: str, now: datetime) -> _Claim | KeptAnswer:
    """Claim the key for this request, or find the answer that it has got."""
    for _ in range(3):
        known = KeptAnswer.objects.filter(user=user, key=key).first()
        if known is None:
            try:
                return _first(user, key, fingerprint, now)
            except IntegrityError:
                continue  # somebody else was first, a moment ago
        if known.created_at > now - KEPT_FOR:
            if known.fingerprint != fingerprint:
                raise Problem("idempotency-key-reused")
            if known.status is not None:
                return known
            if known.created_at > now - ABANDONED:
                break
        if claim := _take_over(known, fingerprint, now):
            return claim
    raise Problem("in-progress", retry_after=2)


@writes
def _first(user: User, key: str, fingerprint: str, now: datetime) -> _Claim:
    row = KeptAnswer.objects.create(user=user, key=key, fingerprint=fingerprint, created_at=now)
    return _Claim(row.pk, now)


@writes
def _take_over(known: KeptAnswer, fingerprint: str, now: datetime) -> _Claim | None:
    """Make an abandoned claim, or an answer that was kept long enough, the claim of this request: exactly one may."""
    unchanged = KeptAnswer.objects.filter(pk=known.pk, created_at=known.created_at, status=known.status)
    taken = unchanged.update(fingerprint=fingerprint, created_at=now, status=None, content_type="", body="")
    return _Claim(known.pk, now) if taken else None


def _ours(claim: _Claim) -> QuerySet[KeptAnswer]:
    """The claimed row, unless somebody took the claim over because we were so slow."""
    return KeptAnswer.objects.filter(pk=claim.row, created_at=claim.since, status=None)


def _keep(claim: _Claim, answer: HttpResponse) -> None:
    @writes
    def keep() -> None:
        _ours(claim).update(
            status=answer.status_code,
            content_type=answer.headers.get("Content-Type", ""),
            body=answer.content.decode(),
        )

    _without_spoiling_the_answer(keep)


def _let_go(claim: _Claim) -> None:
    @writes
    def let_go() -> None:
        _ours(claim).delete()

    _without_spoiling_the_answer(let_go)


def _without_spoiling_the_answer(change: Callable[[], None]) -> None:
    """What was done is done: if it cannot be noted, the caller still hears of it, and a repeat waits for ABANDONED."""
    try:
        change()
    except (Busy, DatabaseError) as error:
        log.error("The answer to a request with an Idempotency-Key could not be kept: %s", type(error).__name__)


def _replayed(kept: KeptAnswer) -> HttpResponse:
    response = HttpResponse(kept.body, status=kept.status, content_type=kept.content_type)
    response["Idempotent-Replayed"] = "true"
    return response
