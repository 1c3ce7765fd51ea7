"""Opening proof: who may, and the line of history that each opening leaves."""

from datetime import datetime, timedelta
from typing import Literal

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet

from workshops.history.models import HistoryLine
from workshops.history.record import history_of, record
from workshops.people.models import User
from workshops.prerequisites.files.confinement import Failed
from workshops.prerequisites.files.drawing import drawn_as, page_from
from workshops.prerequisites.records.lifecycle import about
from workshops.prerequisites.records.models import OnSetRecord, ProofFile
from workshops.transactions import writes

ONE_LOOK = timedelta(minutes=10)
"""The pages of a file that a reader sees within this time are one opening."""


class Gone(Exception):
    """The bytes of this file are not there any more."""


def may_open(reader: User) -> QuerySet[ProofFile]:
    """Files whose existence this reader may know of: their own, and for registrars those of records they read."""
    theirs = Q(record__in=OnSetRecord.objects.theirs(reader))
    if reader.is_registrar:
        theirs |= Q(record__in=OnSetRecord.objects.read_by_school())
    return ProofFile.objects.filter(theirs, kept_at__isnull=False).select_related("record__user")


def opened(file: ProofFile, how: Literal["download", "shown"], *, by: User, now: datetime) -> "File[bytes]":
    """The bytes of a file, for whom `may_open` lets see it; that they were opened is written down first.

    Raises:
        Gone: when they were removed or deleted, or cannot be found.
    """
    if file.removed_at or file.deleted_at:
        raise Gone
    try:
        stream = default_storage.open(file.stored_as)
    except FileNotFoundError:
        raise Gone from None
    if how == "download" or not _looks(file, by, now).exists():
        try:
            _write_down(file, how, by, now)
        except BaseException:
            stream.close()
            raise
    return stream


def page_of(file: ProofFile, page: int, *, by: User, now: datetime) -> bytes:
    """One page of a file, counted from 1, as a JPEG.

    Raises:
        Gone: as `opened` does.
        Failed: when there is no drawing of it.
    """
    opened(file, "shown", by=by, now=now).close()
    try:
        with default_storage.open(drawn_as(file.stored_as)) as drawn:
            return page_from(drawn, page)
    except FileNotFoundError:
        raise Failed("Its pages were not drawn.") from None


@writes
def _write_down(file: ProofFile, how: str, by: User, now: datetime) -> None:
    ProofFile.objects.select_for_update(of=("self",)).only("pk").get(pk=file.pk)
    # A browser asks for all pages at the same time: the first to get here writes for them all.
    if how == "shown" and _looks(file, by, now).exists():
        return
    it = file.record
    record("proof-opened", about=about(it), person=it.user, by=by, now=now, file=file.public_id, how=how)


def _looks(file: ProofFile, by: User, now: datetime) -> QuerySet[HistoryLine]:
    lately = history_of(*about(file.record)).filter(what="proof-opened", by=by, at__gt=now - ONE_LOOK)
    return lately.filter(facts__file=file.public_id, facts__how="shown")
