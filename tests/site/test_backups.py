"""A backup is worth what comes out of it: restored into empty places, compared row by row, cut off half-way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from booking.payments import ledger
from booking.payments.models import Account
from booking.site.backups import LEFT_OUT, BackupError, open_backup
from tests import factories
from tests.factories import NOW
from tests.services.databases import connected_to, fresh, on_postgres
from tests.services.environment import PROJECT, clean_environment
from tests.services.postgres import Address
from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.history.triggers import triggers_on

Content = dict[str, list[tuple[Any, ...]]]


@dataclass
class Place:
    """A database and a folder of data: what one installation of the product keeps."""

    database_url: str
    data: Path

    @property
    def files(self) -> dict[str, bytes]:
        """The uploaded files, by path."""
        root = self.data / "files"
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def upload(self, path: str, content: bytes) -> None:
        """Store a file."""
        place = self.data / "files" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def rows(self, *, also_left_out: bool = False) -> Content:
        """Every row of every table."""
        with connected_to(self.database_url), connection.cursor() as cursor:
            content: Content = {}
            for table in connection.introspection.get_table_list(cursor):
                if table.type == "t" and (also_left_out or table.name not in LEFT_OUT):
                    cursor.execute(f'SELECT * FROM "{table.name}"')
                    content[table.name] = sorted(cursor.fetchall(), key=repr)
            return content

    @contextmanager
    def here(self) -> Iterator[None]:
        """Be this installation for a while."""
        storages: dict[str, Any] = deepcopy(settings.STORAGES)
        storages["default"]["OPTIONS"]["location"] = self.data / "files"
        with connected_to(self.database_url), override_settings(DATA_DIR=self.data, STORAGES=storages):
            yield

    def manage(self, command: str, *arguments: str) -> str:
        """Run a `manage.py` command here; what it said."""
        said = StringIO()
        with self.here():
            call_command(command, *arguments, stdout=said, stderr=said)
        return said.getvalue()

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run Python here, in a process of its own."""
        environment = clean_environment(
            DATABASE_URL=self.database_url, DATA_DIR=str(self.data), DJANGO_SETTINGS_MODULE="booking.site.settings"
        )
        return subprocess.run(
            [sys.executable, *command],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def backup(self, file: Path, *options: str) -> Path:
        """Write a backup."""
        self.manage("backup", str(file), *options)
        return file

    def restore(self, file: Path, *options: str) -> str:
        """Restore a backup; what the command said."""
        return self.manage("restore", str(file), *options)

    def refused(self, command: str, *arguments: str) -> str:
        """Run a command that must be refused; with which words."""
        with pytest.raises(CommandError) as refusal:
            self.manage(command, *arguments)
        return str(refusal.value)


@pytest.fixture
def place(fresh_database: str, tmp_path: Path) -> Place:
    """An installation with people, a seat, money, history and two files."""
    here = Place(fresh_database, tmp_path / "data")
    someone = factories.trainee(name="Zoë Ünïcode\t\\N\n")
    reservation = factories.reservation(trainee=someone)
    ledger.post("payment:1", reservation, {Account.BANK: 50_000, Account.TUITION_HELD: -50_000}, at=NOW)
    record(
        "venue-changed", about=("seat", "1"), now=NOW, by=someone, person=someone, why='"quoted", \\back\\ 🎬', cents=5
    )
    here.upload("evidence/2027/call-sheet.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 9_000)
    here.upload("evidence/ünï.txt", b"")
    return here


@contextmanager
def empty_place(folder: Path) -> Iterator[Place]:
    folder.mkdir()
    if on_postgres():
        server, name = Address.of(os.environ["DATABASE_URL"]), f"empty_{uuid.uuid4().hex}"
        try:
            yield Place(server.create(name), folder)
        finally:
            server.drop(name)
    else:
        yield Place(f"sqlite:///{folder / 'cintima.sqlite3'}", folder)


@pytest.fixture
def empty(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Place]:
    """An installation with nothing in it, not even tables."""
    with empty_place(tmp_path / "empty") as there, django_db_blocker.unblock():
        yield there


@pytest.fixture
def occupied(shared: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Place]:
    """Another installation, with rows and files of its own; one file is in the backup too, with other content."""
    with fresh(shared, tmp_path) as database_url, django_db_blocker.unblock():
        there = Place(database_url, tmp_path / "occupied")
        with connected_to(database_url):
            factories.person(name="Somebody Else")
        there.upload("evidence/other.pdf", b"of before")
        there.upload("evidence/ünï.txt", b"of before")
        yield there


# -- there and back ----------------------------------------------------------------------------------------------------
def test_everything_comes_back_in_an_empty_place(place: Place, empty: Place, tmp_path: Path) -> None:
    file = place.backup(tmp_path / "kept.zip")
    said = empty.restore(file)
    assert empty.rows() == place.rows()
    assert empty.files == place.files
    assert "with 2 uploaded files" in said
    assert "older" not in said
    assert list(empty.data.rglob(".restoring-*")) == []


def test_what_was_restored_goes_on_where_it_stopped(place: Place, empty: Place, tmp_path: Path) -> None:
    empty.restore(place.backup(tmp_path / "kept.zip"))
    last = HistoryLine.objects.order_by("pk").last()
    assert last is not None
    with connected_to(empty.database_url):
        record("venue-changed", about=("seat", "1"), now=NOW)
        factories.reservation()
        assert HistoryLine.objects.filter(pk=last.pk + 1).exists()
        assert triggers_on("workshops_historyline")
    empty.manage("migrate", "--check")
    empty.manage("check", "--database", "default")


def test_a_backup_of_what_was_restored_holds_the_same(place: Place, empty: Place, tmp_path: Path) -> None:
    empty.restore(place.backup(tmp_path / "first.zip"))
    with (
        open_backup(tmp_path / "first.zip") as (_, first),
        open_backup(empty.backup(tmp_path / "2.zip")) as (_, second),
    ):
        assert (first.migrations, first.files) == (second.migrations, second.files)
        if on_postgres():
            assert (first.members, first.tables) == (second.members, second.tables)


def test_nobody_can_sign_in_with_what_is_in_a_backup(place: Place, empty: Place, tmp_path: Path) -> None:
    secret = "session-key-that-must-not-be-kept"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (%s, 'x', '2099-01-01')",
            [secret],
        )
    file = place.backup(tmp_path / "kept.zip")
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if secret.encode() in archive.read(name)]
    empty.restore(file)
    rows = empty.rows(also_left_out=True)
    assert [rows[table] for table in LEFT_OUT] == [[], [], []]


@pytest.mark.slow
def test_a_backup_is_of_one_moment_while_others_write(place: Place, empty: Place, tmp_path: Path) -> None:
    begun, stop = threading.Event(), threading.Event()

    def write_pairs() -> None:
        with closing(connection):
            while not stop.is_set():
                with transaction.atomic():
                    record("instructor-added", about=("pair", "1"), now=NOW)
                    record("instructor-removed", about=("pair", "1"), now=NOW)
                begun.set()

    file = tmp_path / "kept.zip"
    writer = threading.Thread(target=write_pairs)
    writer.start()
    try:
        assert begun.wait(timeout=30)
        done = place.run("manage.py", "backup", str(file))
        assert done.returncode == 0, done.stderr
    finally:
        stop.set()
        writer.join()
    empty.restore(file)
    with connected_to(empty.database_url):
        pairs = [HistoryLine.objects.filter(what=what).count() for what in ("instructor-added", "instructor-removed")]
    assert pairs[0] == pairs[1] > 0
    assert HistoryLine.objects.filter(what="instructor-added").count() > pairs[0]


@pytest.mark.slow
def test_the_commands_say_what_they_did_or_why_not(place: Place, empty: Place, tmp_path: Path) -> None:
    file = tmp_path / "kept.zip"
    written = place.run("manage.py", "backup", str(file))
    size = f"{file.stat().st_size:,}"
    assert written.stdout == f"Wrote {file}: the database and 2 uploaded files, {size} bytes.\n"
    restored = empty.run("manage.py", "restore", str(file))
    assert restored.stdout.endswith("with 2 uploaded files.\nEveryone has to sign in again.\n")
    again = empty.run("manage.py", "restore", str(file))
    expected = "CommandError: The database is not empty. Choose an empty one, or add --replace to lose what is there.\n"
    assert (again.returncode, again.stdout, again.stderr) == (1, "", expected)


# -- the file ----------------------------------------------------------------------------------------------------------
@contextmanager
def in_the_bucket(name: str) -> Iterator[None]:
    """Be an installation whose uploaded files lie in a bucket."""
    bucket = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": name}}
    with override_settings(STORAGES={**settings.STORAGES, "default": bucket}):
        yield


def test_a_backup_says_that_files_in_a_bucket_are_not_in_it(place: Place, empty: Place, tmp_path: Path) -> None:
    in_full, without = tmp_path / "in-full.zip", tmp_path / "without.zip"
    place.manage("backup", str(in_full))
    said, warned = StringIO(), StringIO()
    with place.here(), in_the_bucket("cintima-files"):
        call_command("backup", str(without), stdout=said, stderr=warned)
    assert "uploaded" not in said.getvalue()
    assert "cintima-files and are NOT in this backup" in warned.getvalue()
    with open_backup(without) as (_, manifest):
        assert (manifest.bucket, manifest.files) == ("cintima-files", {})
    with empty.here():
        with pytest.raises(CommandError, match="lie in the bucket cintima-files"):
            call_command("restore", str(without))
        with in_the_bucket("another-one"):
            with pytest.raises(CommandError, match="Restore without FILES_URL"):
                call_command("restore", str(in_full))
            said = StringIO()
            call_command("restore", str(without), stdout=said)
    assert "Its uploaded files lie in the bucket cintima-files." in said.getvalue()
    assert empty.rows() == place.rows()


def test_only_its_owner_can_read_a_backup(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    previous = os.umask(0)
    try:
        file = place.backup(folder / "kept.zip")
    finally:
        os.umask(previous)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [file]


def test_a_backup_says_what_it_is(place: Place, tmp_path: Path) -> None:
    with zipfile.ZipFile(place.backup(tmp_path / "kept.zip")) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["product"] == "cintima-booking"
    assert manifest["format"] == 1
    assert manifest["engine"] == ("postgresql" if on_postgres() else "sqlite")
    assert ["workshops", "0001_initial"] in manifest["migrations"]
    assert manifest["created_at"].endswith("+00:00")
    assert manifest["members"]["files/evidence/ünï.txt"] == {"size": 0, "sha256": sha256().hexdigest()}


def test_a_backup_replaces_another_only_when_told_to(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "kept.zip"
    file.write_bytes(b"of yesterday")
    assert "exists already" in place.refused("backup", str(file))
    assert file.read_bytes() == b"of yesterday"
    place.backup(file, "--force")
    assert zipfile.is_zipfile(file)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_backup_that_fails_leaves_yesterdays_alone(empty: Place, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    file = folder / "kept.zip"
    file.write_bytes(b"of yesterday")
    said = empty.refused("backup", str(file), "--force")
    assert "There is no database" in said or "never been migrated" in said
    assert file.read_bytes() == b"of yesterday"
    assert list(folder.iterdir()) == [file]
    assert "There is no folder" in empty.refused("backup", str(folder / "missing" / "kept.zip"))


def test_links_are_not_followed_out_of_the_folder(place: Place, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not an upload")
    (place.data / "files" / "link").symlink_to(tmp_path / "secret")
    (place.data / "files" / "folder").symlink_to(tmp_path)
    with open_backup(place.backup(tmp_path / "kept.zip")) as (_, manifest):
        assert sorted(manifest.files) == ["evidence/2027/call-sheet.pdf", "evidence/ünï.txt"]


# -- refusals ----------------------------------------------------------------------------------------------------------
def test_a_place_that_is_not_empty_is_left_alone_unless_told_otherwise(
    place: Place, occupied: Place, tmp_path: Path
) -> None:
    file = place.backup(tmp_path / "kept.zip")
    rows, files = occupied.rows(), occupied.files
    assert "The database is not empty" in occupied.refused("restore", str(file))
    assert (occupied.rows(), occupied.files) == (rows, files)
    occupied.restore(file, "--replace")
    assert occupied.rows() == place.rows()
    assert occupied.files == place.files


def test_files_without_a_database_are_left_alone_as_well(place: Place, empty: Place, tmp_path: Path) -> None:
    empty.upload("evidence/other.pdf", b"of before")
    assert "There are files in" in empty.refused("restore", str(place.backup(tmp_path / "kept.zip")))
    assert empty.files == {"evidence/other.pdf": b"of before"}
    assert empty.rows() == {}


def test_a_backup_by_a_newer_version_is_refused_with_the_name_of_what_is_unknown(
    place: Place, empty: Place, tmp_path: Path
) -> None:
    with connection.cursor() as cursor:
        insert = "INSERT INTO django_migrations (app, name, applied) VALUES ('workshops', '9999_future', '2030-01-01')"
        cursor.execute(insert)
    said = empty.refused("restore", str(place.backup(tmp_path / "kept.zip")))
    assert "newer version: the migration workshops.9999_future is unknown here" in said
    assert (empty.rows(), empty.files) == ({}, {})


@pytest.mark.slow
def test_a_backup_by_an_older_version_is_brought_up_to_date(place: Place, empty: Place, tmp_path: Path) -> None:
    for older in (("usersessions", "zero"), ("mfa", "0001")):
        place.manage("migrate", *older, "--verbosity", "0")
    file = place.backup(tmp_path / "kept.zip")
    assert "brought up to date" in empty.restore(file)
    empty.manage("migrate", "--check")
    with connected_to(empty.database_url):
        assert HistoryLine.objects.filter(what="venue-changed").count() == 1
    assert "usersessions_usersession" in empty.rows(also_left_out=True)
    assert empty.rows()["workshops_user"] == place.rows()["workshops_user"]


@pytest.mark.slow
@pytest.mark.sqlite
def test_a_database_that_somebody_holds_is_left_alone(place: Place, occupied: Place, tmp_path: Path) -> None:
    file = place.backup(tmp_path / "kept.zip")
    rows = occupied.rows()
    with connected_to(occupied.database_url), transaction.atomic():
        assert "The database is in use. Stop the web server" in occupied.refused("restore", str(file), "--replace")
    assert occupied.rows() == rows
    assert sorted(occupied.files) == ["evidence/other.pdf", "evidence/ünï.txt"]


@pytest.mark.slow
@pytest.mark.postgres
def test_tables_that_somebody_reads_are_left_alone(place: Place, occupied: Place, tmp_path: Path) -> None:
    file = place.backup(tmp_path / "kept.zip")
    rows = occupied.rows()
    with connected_to(occupied.database_url), transaction.atomic():
        HistoryLine.objects.count()
        assert "The database is in use. Stop the web server" in occupied.refused("restore", str(file), "--replace")
    assert occupied.rows() == rows
    assert sorted(occupied.files) == ["evidence/other.pdf", "evidence/ünï.txt"]


# -- archives that were changed ----------------------------------------------------------------------------------------
def archive_of(path: Path, added: dict[str, bytes], **changes: Any) -> Path:
    """A backup made by hand, from SQLite unless the changes to its manifest say otherwise."""
    members = {"database.sqlite3": b"SQLite format 3\0", **added}
    manifest: dict[str, Any] = {
        "product": "cintima-booking",
        "format": 1,
        "engine": "sqlite",
        "created_at": "2027-01-11T18:00:00+00:00",
        "migrations": [["workshops", "0001_initial"]],
        "tables": [],
        "members": {
            name: {"size": len(content), "sha256": sha256(content).hexdigest()} for name, content in members.items()
        },
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest | changes))
    return path


def changed(source: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy of an archive with other content under the same names and checksums."""
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            after.writestr(name, change(name, before.read(name)))
    return target


def problem_with(path: Path) -> str:
    with pytest.raises(BackupError) as refused, open_backup(path):
        raise AssertionError("It was opened.")
    return str(refused.value)


def test_a_backup_made_by_hand_is_read_when_all_of_it_fits(tmp_path: Path) -> None:
    with open_backup(archive_of(tmp_path / "kept.zip", {"files/a/b.pdf": b"b"})) as (_, manifest):
        assert list(manifest.files) == ["a/b.pdf"]


@pytest.mark.parametrize(
    "path",
    [
        "files/../../outside",
        "files/..",
        "files//outside",
        "files/./outside",
        "files/a\\..\\..\\outside",
        "files/.restoring-x/outside",
        "files/",
    ],
)
def test_nothing_is_unpacked_outside_its_folder(path: str, tmp_path: Path) -> None:
    assert "outside its folder" in problem_with(archive_of(tmp_path / "kept.zip", {path: b"gotcha"}))


@pytest.mark.parametrize("path", ["/etc/outside", "../outside", "elsewhere/file", "database.sqlite3-wal"])
def test_nothing_but_files_and_the_database_is_taken(path: str, tmp_path: Path) -> None:
    assert "not what its manifest says" in problem_with(archive_of(tmp_path / "kept.zip", {path: b"gotcha"}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"product": "something-else"}, "another product"),
        ({"format": 2}, "format 2, and this version reads format 1"),
        ({"members": None}, "manifest is missing or cannot be read"),
        ({"members": {"database.sqlite3": {"size": 16}}}, "manifest is missing or cannot be read"),
        ({"members": {}}, "other files than its manifest says"),
        ({"engine": "postgresql"}, "not what its manifest says"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert said in problem_with(archive_of(tmp_path / "kept.zip", {}, **changes))


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04" + bytes(200)])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "kept.zip"
    file.write_bytes(content)
    assert "cannot be read as a backup" in problem_with(file)
    assert "There is no file" in problem_with(tmp_path / "missing.zip")


def test_an_archive_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "kept.zip", "w") as archive:
        archive.writestr("database.sqlite3", b"SQLite format 3\0")
    assert "manifest is missing" in problem_with(tmp_path / "kept.zip")


def test_a_byte_that_rotted_is_noticed(tmp_path: Path) -> None:
    file = archive_of(tmp_path / "kept.zip", {"files/a.pdf": b"the proof of ten days on set"})
    content = file.read_bytes()
    file.write_bytes(content.replace(b"ten days", b"two days"))
    assert "is damaged" in problem_with(file)
    file.write_bytes(content[: len(content) // 2])
    assert "cannot be read" in problem_with(file)


def test_content_that_was_exchanged_is_noticed(tmp_path: Path) -> None:
    file = archive_of(tmp_path / "kept.zip", {"files/a.pdf": b"the proof of two days on set"})
    copy = changed(file, tmp_path / "changed.zip", lambda _, content: content.replace(b"two days", b"ten days"))
    assert problem_with(copy) == "files/a.pdf in the backup is damaged or was changed after it was written."


def test_a_changed_backup_leaves_the_place_as_it_was(place: Place, occupied: Place, tmp_path: Path) -> None:
    database = "tables/workshops_user.copy" if on_postgres() else "database.sqlite3"
    copy = changed(
        place.backup(tmp_path / "kept.zip"),
        tmp_path / "changed.zip",
        lambda name, content: content.replace(b"example.org", b"example.com") if name == database else content,
    )
    rows, files = occupied.rows(), occupied.files
    assert f"{database} in the backup is damaged or was changed" in occupied.refused("restore", str(copy), "--replace")
    assert (occupied.rows(), occupied.files) == (rows, files)


@pytest.mark.sqlite
def test_a_backup_of_the_other_kind_of_database_is_refused(empty: Place, tmp_path: Path) -> None:
    content = b""
    file = tmp_path / "kept.zip"
    archive_of(file, {})
    tables = [{"name": "workshops_user", "columns": ["id"], "counters": {}}]
    member = {"tables/workshops_user.copy": {"size": 0, "sha256": sha256(content).hexdigest()}}
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tables/workshops_user.copy", content)
        archive.writestr(
            "manifest.json", json.dumps(manifest | {"engine": "postgresql", "tables": tables, "members": member})
        )
    assert "This backup is of PostgreSQL, and DATABASE_URL is SQLite" in empty.refused("restore", str(file))


@pytest.mark.postgres
def test_a_backup_of_sqlite_is_refused_by_postgresql(empty: Place, tmp_path: Path) -> None:
    file = archive_of(tmp_path / "kept.zip", {})
    assert "This backup is of SQLite, and DATABASE_URL is PostgreSQL" in empty.refused("restore", str(file))


@pytest.mark.sqlite
def test_a_database_that_is_none_is_refused(occupied: Place, tmp_path: Path) -> None:
    file = archive_of(tmp_path / "kept.zip", {"files/new.pdf": b"new"})
    rows, files = occupied.rows(), occupied.files
    assert "could not be restored" in occupied.refused("restore", str(file), "--replace")
    assert (occupied.rows(), occupied.files) == (rows, files)


# -- cut off half-way --------------------------------------------------------------------------------------------------
_KILLED_AT = """
import os, signal
import django
django.setup()
from django.core.management import call_command
from booking.site import backups

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

backups._PAGES = 5
{cut}
call_command("restore", {file!r}, "--replace")
"""
_CUTS = {
    "while files are unpacked": "backups._unpack = die",
    "before the database changes": "backups._restore_database = die",
}
_CUTS_ON_SQLITE = {"while pages are written": "backups._refuse_to_wait = die"}
_CUTS_ON_POSTGRESQL = {
    "after the tables were dropped": "backups._migrate_to = die",
    "after the rows were read": "backups._Arrival.bring_in = die",
    "after the files came in": "bring_in = backups._Arrival.bring_in\n"
    "backups._Arrival.bring_in = lambda arrival: (bring_in(arrival), die())",
}


def _cut_off(place: Place, occupied: Place, tmp_path: Path, cut: str) -> None:
    file = place.backup(tmp_path / "kept.zip")
    rows, files = occupied.rows(), occupied.files
    done = occupied.run("-c", _KILLED_AT.format(cut=cut, file=str(file)))
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert occupied.rows() == rows
    assert {path: content for path, content in occupied.files.items() if path in files} == files
    occupied.restore(file, "--replace")
    assert (occupied.rows(), occupied.files) == (place.rows(), place.files)
    assert list(occupied.data.rglob(".restoring-*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("cut", _CUTS.values(), ids=_CUTS)
def test_a_restore_that_was_cut_off_early_changed_nothing(
    cut: str, place: Place, occupied: Place, tmp_path: Path
) -> None:
    _cut_off(place, occupied, tmp_path, cut)


@pytest.mark.slow
@pytest.mark.sqlite
@pytest.mark.parametrize("cut", _CUTS_ON_SQLITE.values(), ids=_CUTS_ON_SQLITE)
def test_a_restore_that_was_cut_off_in_the_database_left_sqlite_as_it_was(
    cut: str, place: Place, occupied: Place, tmp_path: Path
) -> None:
    _cut_off(place, occupied, tmp_path, cut)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("cut", _CUTS_ON_POSTGRESQL.values(), ids=_CUTS_ON_POSTGRESQL)
def test_a_restore_that_was_cut_off_in_the_database_left_postgresql_as_it_was(
    cut: str, place: Place, occupied: Place, tmp_path: Path
) -> None:
    _cut_off(place, occupied, tmp_path, cut)


@pytest.mark.slow
def test_a_restore_that_was_cut_off_after_the_database_is_finished_by_another(
    place: Place, occupied: Place, tmp_path: Path
) -> None:
    """The rows are the backup's, and every file that they name is there; only what is superfluous is left."""
    file = place.backup(tmp_path / "kept.zip")
    done = occupied.run("-c", _KILLED_AT.format(cut="backups._Arrival.settle = die", file=str(file)))
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert occupied.rows() == place.rows()
    assert set(place.files) <= set(occupied.files)
    occupied.restore(file, "--replace")
    assert occupied.files == place.files


def test_a_restore_into_files_that_cannot_be_written_changes_nothing(
    place: Place, occupied: Place, tmp_path: Path
) -> None:
    file = place.backup(tmp_path / "kept.zip")
    shutil.rmtree(occupied.data / "files")
    occupied.upload("evidence", b"a file where the backup has a folder")
    rows = occupied.rows()
    assert "could not be restored" in occupied.refused("restore", str(file), "--replace")
    assert occupied.rows() == rows
    assert occupied.files == {"evidence": b"a file where the backup has a folder"}
