"""A copy of everything that is kept about one person, as a zip: readable JSON by topic, and their files of proof.

It is built in a temporary file, row by row and chunk by chunk, so that it never lies in memory. It walks the registry:
what a new model keeps is in it as soon as that says what it keeps.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO, Any

from django.core.files.storage import default_storage
from django.db.models import ForeignKey, Model, QuerySet

from booking.reservations.models import Reservation, WaitlistEntry
from booking.rights.accounts import accounts_of
from booking.rights.registry import KEPT
from workshops.clock import SCHOOL_ZONE, moment_in_words
from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.people.models import User
from workshops.people.presence import hold_open
from workshops.prerequisites.files.naming import archive_name
from workshops.prerequisites.records.models import OnSetRecord, ProofFile
from workshops.retention import Keeping, Topic
from workshops.transactions import writes

AN_HOUR = timedelta(hours=1)
MOST_AN_HOUR = 5
_CHUNK = 256 * 1024


class TooOften(Exception):
    """They have had their data several times within the hour; from `again_at` they can have it again."""

    def __init__(self, again_at: datetime) -> None:
        super().__init__(f"You have downloaded it {MOST_AN_HOUR} times within an hour.")
        self.again_at = again_at


@dataclass(frozen=True)
class Proof:
    """One file of proof, and what it is called in the zip."""

    file: ProofFile
    name: str


@writes
def note_download(person: User, *, now: datetime) -> None:
    """Remember that somebody took a copy of their data. Locks their row, so that the limit holds.

    Raises:
        TooOften: after five within an hour.
    """
    hold_open(person)
    lately = HistoryLine.objects.filter(person=person, what="data-downloaded", at__gt=now - AN_HOUR)
    times = sorted(lately.values_list("at", flat=True))
    if len(times) >= MOST_AN_HOUR:
        raise TooOften(times[-MOST_AN_HOUR] + AN_HOUR)
    record("data-downloaded", about=("person", person.public_id), person=person, by=person, now=now)


def build(person: User, *, now: datetime) -> IO[bytes]:
    """The zip, open at its beginning. Whoever gets it closes it, and it is gone."""
    made = tempfile.TemporaryFile()  # noqa: SIM115  (it outlives this function)
    try:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            contents = [_topic(archive, topic, person) for topic in Topic]
            proof = [*_proof(archive, person)]
            archive.writestr("README.txt", _readme(person, contents, proof, now))
    except BaseException:
        made.close()
        raise
    made.seek(0)
    return made


def _topic(archive: zipfile.ZipFile, topic: Topic, person: User) -> tuple[str, str, int]:
    """Write one file: a list of what is kept, each with its rows. Row by row, however many there are."""
    name, count = f"{topic.slug}.json", 0
    with archive.open(name, "w") as out:
        head = {"about": topic.title}
        out.write(json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "kept": [')
        for place, each in enumerate(kept for kept in KEPT if kept.topic is topic and kept.of):
            said = {"what": each.what, "how long": each.kept_for, "if you are erased": each.stays or "It goes."}
            out.write((b"," if place else b"") + b"\n\n" + json.dumps(said, ensure_ascii=False)[:-1].encode())
            out.write(b', "entries": [')
            for number, entry in enumerate(_entries(each, person)):
                written = json.dumps(entry, ensure_ascii=False, indent=2)
                out.write((b"," if number else b"") + b"\n" + written.encode())
                count += 1
            out.write(b"]}")
        out.write(b"\n]}\n")
    return name, topic.title, count


def _entries(kept: Keeping, person: User) -> Iterator[dict[str, object]]:
    accounts = accounts_of(person)
    names = _names_of_things(accounts) if kept.is_about_things else {}
    ties = [field.name for field in kept.model_class._meta.concrete_fields if isinstance(field, ForeignKey)]
    for account in accounts:
        rows = kept.rows_of(account)
        for row in (rows.select_related(*ties) if ties else rows).iterator(chunk_size=200):
            entry = kept.entry(row) if kept.entry else _fields(kept, row, accounts)
            if kept.is_about_things:
                entry = {**entry, "About": names.get((row.about_kind, row.about_id), "")}
            yield {said: _plain(value) for said, value in entry.items()}


def _names_of_things(accounts: list[User]) -> dict[tuple[str, str], str]:
    """What lines of history and conversations are about, as pages call it. Three statements."""
    found = {}
    sources: tuple[tuple[str, QuerySet[Any], str], ...] = (
        ("record", OnSetRecord.objects.filter(user__in=accounts), "production"),
        ("reservation", Reservation.objects.filter(trainee__in=accounts), "cohort__title"),
        ("waitlist", WaitlistEntry.objects.filter(trainee__in=accounts), "cohort__title"),
    )
    for kind, rows, title in sources:
        found.update({(kind, key): name for key, name in rows.order_by().values_list("public_id", title)})
    return found


def _fields(kept: Keeping, row: Model, accounts: list[User]) -> dict[str, object]:
    said = {}
    for name, each in kept.fields.items():
        if each.said:
            said[each.said] = each.words(row) if each.words else _value(row, name, accounts)
    return said


def _value(row: Any, name: str, accounts: list[User]) -> object:
    """A value in words: what was chosen rather than its code, and never the name of somebody else."""
    if chosen := getattr(row, f"get_{name}_display", None):
        return chosen()
    value = getattr(row, name)
    if isinstance(value, User):
        return "you" if value in accounts else "the school"
    return value


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(SCHOOL_ZONE).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str | list | Mapping):
        return value
    return str(value)


def _proof(archive: zipfile.ZipFile, person: User) -> Iterator[Proof]:
    """Write their files of proof, under names that no system stumbles over. One that is gone by now is left out."""
    files = ProofFile.objects.kept().filter(record__user__in=accounts_of(person))
    for number, each in enumerate(files.iterator(chunk_size=50), start=1):
        name = f"proof/{number:03}-{archive_name(each.name, each.media)}"
        try:
            bytes_kept = default_storage.open(each.stored_as)
        except FileNotFoundError:
            continue
        # They are compressed already, as pictures and PDFs are.
        info = zipfile.ZipInfo(name)
        with bytes_kept, archive.open(info, "w", force_zip64=True) as out:
            shutil.copyfileobj(bytes_kept, out, _CHUNK)
        yield Proof(each, name)


def _readme(person: User, contents: list[tuple[str, str, int]], proof: list[Proof], now: datetime) -> str:
    lines = [
        f"Everything that is kept about {person}",
        f"As of {moment_in_words(now, SCHOOL_ZONE)}.",
        "",
        "Each file is JSON, which any editor of text opens. Moments are in Los Angeles time, as the school's clock",
        "says them. Where somebody of the school did something, it says 'the school'.",
        "",
        *(f"{name:18} {title}: {count} {'entry' if count == 1 else 'entries'}" for name, title, count in contents),
        "",
    ]
    if proof:
        lines += ["Your files of proof:", *(f"{each.name}  (on {each.file.record})" for each in proof), ""]
    lines += [
        "Not in here: passwords, keys and passkeys, which are kept so that nobody can read them; numbers that only tie",
        "rows together; and what is known of other people.",
        "",
    ]
    return "\r\n".join(lines)
