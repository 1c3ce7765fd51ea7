"""Files of proof from the moment they are sent until their bytes are gone: the only writer of `ProofFile`.

A file's row is written first, then its bytes are stored, then it counts as kept: whatever is cut off in between leaves
a row that says where the bytes may be, and the round that deletes finds it. Nothing is stored or deleted while a
transaction is open.
"""

import hashlib
import logging
import random
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet, Sum

from workshops.history.record import record
from workshops.people.models import User
from workshops.prerequisites.files.cleaning import Cleaned, Refused, clean
from workshops.prerequisites.files.drawing import drawn_as
from workshops.prerequisites.files.naming import tidy_name
from workshops.prerequisites.files.turns import NoTurn
from workshops.prerequisites.files.uploading import LARGEST_FILE, MEGABYTE, MOST_FILES, LeftOut
from workshops.prerequisites.records.lifecycle import about, locked, touch
from workshops.prerequisites.records.models import OnSetRecord, ProofFile, RecordState
from workshops.programme.in_force import programme_now
from workshops.transactions import writes

log = logging.getLogger(__name__)

ARRIVES_WITHIN = timedelta(hours=1)
"""What was begun longer ago and is not kept never arrived."""
AT_ONCE = 100
ENOUGH_PROBLEMS = 5
"""After so many a round stops: the storage is away, and the next round tries again."""
FOLDER = "proof"
MOST_OF_ONE_PERSON = 200 * MEGABYTE
"""Bytes of all the files of one trainee that are still there: several times what ten days on set take."""
WITH_THE_SCHOOL = (
    "This record is with the school, so its files stay as they are. Open it again first if something has to change."
)


class NotKept(Exception):
    """A file was not kept; the sentence says which, why, and what to do."""


def add(it: OnSetRecord, sent: "UploadedFile[bytes]", *, by: User, now: datetime) -> ProofFile:
    """Clean one file and keep it with a record. Whoever calls has made sure that the record is theirs.

    Locks the record, before its bytes are stored and again afterwards.

    Raises:
        NotKept: when the file is refused, the record takes no more, or the storage does not answer.
    """
    name = tidy_name(sent.name or "")
    if isinstance(sent, LeftOut):
        raise NotKept(_left_out(name, sent))
    with TemporaryDirectory(prefix="proof-") as folder:
        source, target, drawn = (Path(folder, name) for name in ("sent", "kept", "drawn"))
        sha256 = _written(sent, source)
        try:
            became = clean(source, target, drawn)
        except Refused as refused:
            raise NotKept(f"{name}: {refused}") from None
        except NoTurn:
            raise NotKept(f"{name}: Many files are being looked at just now. Add it again in a minute.") from None
        begun = _begin(it, name, became, size=target.stat().st_size, sha256=sha256, now=now)
        try:
            _store(drawn, drawn_as(begun.stored_as))
            _store(target, begun.stored_as)
        except Exception as problem:  # whatever a storage far away may raise
            log.warning("File %s could not be stored: %s", begun.public_id, type(problem).__name__)
            raise NotKept(f"{name}: We could not store this file just now. Add it again in a few minutes.") from None
    _finish(begun, by=by, now=now)
    return begun


def _left_out(name: str, sent: LeftOut) -> str:
    most = LARGEST_FILE // MEGABYTE
    if sent.is_too_large:
        size = f"{(sent.size or 0) / MEGABYTE:,.0f}"
        return f"{name}: This file has {size} MB, and one file may have {most} MB. Make it smaller, or add fewer pages."
    return f"{name}: {MOST_FILES} files fit into one record, and this was one too many."


def _store(source: Path, name: str) -> None:
    with source.open("rb") as stream:
        stored_as = default_storage.save(name, File(stream))
    if stored_as != name:
        default_storage.delete(stored_as)
        raise OSError("The storage chose another name than the one on record.")


def _written(sent: "UploadedFile[bytes]", target: Path) -> str:
    """Write what was sent to a place of our own; return its hash."""
    digest = hashlib.sha256()
    with target.open("wb") as stream:
        for chunk in sent.chunks():
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest()


@writes
def _begin(it: OnSetRecord, name: str, became: Cleaned, *, size: int, sha256: str, now: datetime) -> ProofFile:
    found = locked(it)
    _refuse_what_does_not_fit(found, name, sha256)
    _refuse_too_much_of_one_person(found, name, size)
    return ProofFile.objects.create(
        record=found,
        name=name,
        media=became.media,
        size=size,
        pages=became.pages,
        sha256=sha256,
        stored_as=f"{FOLDER}/{secrets.token_hex(20)}",
        begun_at=now,
    )


@writes
def _finish(begun: ProofFile, *, by: User, now: datetime) -> None:
    """From here on it can be opened. Asked again, for the record may have been sent, or filled up, meanwhile."""
    found = locked(begun.record)
    _refuse_what_does_not_fit(found, begun.name, begun.sha256)
    if not ProofFile.objects.filter(pk=begun.pk, kept_at=None, deleted_at=None).update(kept_at=now):
        raise NotKept(f"{begun.name}: This took too long to arrive. Add it again.")
    begun.kept_at = now
    _noticed(found)
    record("proof-added", about=about(found), person=found.user, by=by, now=now, file=begun.public_id)


def _refuse_what_does_not_fit(it: OnSetRecord, name: str, sha256: str) -> None:
    if not it.is_editable:
        raise NotKept(WITH_THE_SCHOOL)
    kept = list(ProofFile.objects.kept().filter(record=it))
    if same := next((file for file in kept if file.sha256 == sha256), None):
        raise NotKept(f"{name}: This is the same file as {same.name}, which is here already.")
    if len(kept) >= MOST_FILES:
        raise NotKept(f"{name}: {MOST_FILES} files fit into one record, and they are all there. Remove one first.")


def _refuse_too_much_of_one_person(it: OnSetRecord, name: str, size: int) -> None:
    """Also counts what they took away until it is deleted: adding and removing in turns fills no disk."""
    there = ProofFile.objects.filter(record__user=it.user_id, deleted_at=None).aggregate(size=Sum("size"))["size"] or 0
    if there + size > MOST_OF_ONE_PERSON:
        raise NotKept(
            f"{name}: Your files have {MOST_OF_ONE_PERSON // MEGABYTE} MB together, and no more fits. Remove some, "
            "or make them smaller; what you remove makes room within the hour."
        )


def _noticed(it: OnSetRecord) -> None:
    """Where the school may decide while the trainee may still add, who decides must have seen what was added."""
    if it.state == RecordState.QUESTION:
        touch(it)


@writes
def remove(file: ProofFile, *, by: User, now: datetime) -> bool:
    """Take a file away from its record; its bytes go with the next round. False when that was done before.

    Whoever calls has made sure that the record is theirs. Locks the record.

    Raises:
        NotKept: when the record is with the school or decided.
    """
    found = locked(file.record)
    if not ProofFile.objects.kept().filter(pk=file.pk).exists():
        return False
    if not found.is_editable:
        raise NotKept(WITH_THE_SCHOOL)
    ProofFile.objects.filter(pk=file.pk).update(removed_at=now)
    _noticed(found)
    record("proof-removed", about=about(found), person=found.user, by=by, now=now, file=file.public_id)
    return True


# -- deleting ----------------------------------------------------------------------------------------------------------
def delete_due(now: datetime) -> int:
    """Delete the bytes of files whose time is over; return how many are gone. Their rows stay, without a name.

    Records that were taken back before anyone but their trainee saw them go as well, once their files are gone.

    Raises:
        Exception: the last one met, after all others have been tried, when nothing could be deleted.
    """
    kept_for = timedelta(days=programme_now().terms.proof_kept_days)
    due = ProofFile.objects.due_for_deletion(decided_before=now - kept_for, arriving_before=now - ARRIVES_WITHIN)
    records = list(due.order_by("record").values_list("record", flat=True).distinct())
    # In no order: where deleting stops early, the same few that cannot be deleted do not keep all others waiting.
    random.shuffle(records)
    gone, problems = 0, list[Exception]()
    for pk in records:
        if gone >= AT_ONCE or len(problems) >= ENOUGH_PROBLEMS:
            break
        deleted = list[ProofFile]()
        # Asked record by record: an audit that begins meanwhile keeps what is still there.
        for file in due.filter(record=pk).select_related("record__user"):
            try:
                default_storage.delete(drawn_as(file.stored_as))
                default_storage.delete(file.stored_as)
                deleted.append(file)
            except Exception as problem:  # whatever it is, the other files are not to wait for it
                log.warning("File %s could not be deleted: %s", file.public_id, type(problem).__name__)
                problems.append(problem)
        gone += _mark_deleted(deleted, now) if deleted else 0
    if problems and not gone:
        raise problems[-1]
    if _unseen().exists():
        _forget_unseen()
    return gone


@writes
def _mark_deleted(files: list[ProofFile], now: datetime) -> int:
    there = ProofFile.objects.filter(pk__in=[file.pk for file in files], deleted_at=None)
    arrived = there.filter(kept_at__isnull=False).count()
    gone = there.update(deleted_at=now, name="")
    if arrived:
        it = files[0].record
        record("proof-deleted", about=about(it), person=it.user, now=now, files=arrived)
    return gone


def _unseen() -> QuerySet[OnSetRecord]:
    """Drafts that were thrown away and that nobody else ever saw, unless bytes of theirs are still there."""
    taken_back = OnSetRecord.objects.unseen().filter(state=RecordState.WITHDRAWN)
    return taken_back.exclude(files__in=ProofFile.objects.filter(deleted_at=None))


@writes
def _forget_unseen() -> None:
    _unseen().delete()
