"""One file that holds everything: the database and the uploaded files, checked when it is written and when it is read.

Uploaded files that lie in a bucket (FILES_URL) are not in it: the bucket has its own versions and copies. The manifest
says so, and so do the commands.

A backup is a ZIP archive: `manifest.json`, `files/…`, and either `database.sqlite3` or one `tables/….copy` a table. On
PostgreSQL the rows are written by COPY in one snapshot and read back into tables that the recorded migrations make, so
that neither end needs PostgreSQL's own programs, and a backup fits any later version of the server.

Sessions and the cache are left out: who reads a backup must not be able to sign in as somebody with it. Secrets live in
the environment and are not in it either.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

FORMAT = 1
PRODUCT = "cintima-booking"
LEFT_OUT = ("django_session", "usersessions_usersession", "site_cache")
"""Tables whose rows are not kept: people sign in again after a restore."""

_MANIFEST, _DATABASE, _TABLES, _FILES = "manifest.json", "database.sqlite3", "tables", "files"
_MANIFEST_LIMIT = 64 * 1024 * 1024
_UNFINISHED = ".restoring-"
_CHUNK = 1024 * 1024
_PAGES = 1024
# Less than the time after which PostgreSQL throws out an idle transaction of the product itself.
_PATIENCE_SECONDS = 5
_IN_USE = "The database is in use. Stop the web server and the worker, then try again. Nothing was changed."


class BackupError(Exception):
    """The backup was not written, or not restored. The message says why and what to do; nothing has changed."""


@dataclass(frozen=True)
class Member:
    """One file of the archive."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Table:
    """One table of a backup from PostgreSQL: the columns of its rows, and how far its identity columns have counted."""

    name: str
    columns: list[str]
    counters: dict[str, tuple[int, bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself."""

    created_at: str
    engine: str
    migrations: list[tuple[str, str]]
    members: dict[str, Member]
    tables: list[Table]
    bucket: str = ""
    """Where the uploaded files lie when they are not in the backup."""
    product: str = PRODUCT
    format: int = FORMAT

    @property
    def files(self) -> dict[str, Member]:
        """The uploaded files, by their path beneath the folder that holds them."""
        start = f"{_FILES}/"
        return {name.removeprefix(start): member for name, member in self.members.items() if name.startswith(start)}


@dataclass(frozen=True)
class Restored:
    """What came out of a backup."""

    manifest: Manifest
    was_older: bool


# -- writing -----------------------------------------------------------------------------------------------------------
def write_backup(target: Path, *, now: datetime, force: bool = False) -> Manifest:
    """Write a backup to `target`, readable by its owner alone; the product may run meanwhile.

    The database is as it was at one moment. The files are copied after it: an upload is stored before its row says that
    it is kept, so every file that the copied rows keep is there, unless it was deleted within these seconds. `target`
    appears whole or not at all.

    Raises:
        BackupError: when `target` exists and `force` is not given, or when something cannot be read or written.
    """
    target = target.absolute()
    if target.exists() and not force:
        raise BackupError(f"{target} exists already. Choose another name, or add --force to replace it.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}.")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            draft = Path(folder) / "draft"
            # Whatever umask says, and before the first byte is in it.
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            with draft.open("r+b") as stream:
                with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                    manifest = _fill(archive, Path(folder), now)
                stream.flush()
                os.fsync(stream.fileno())
            with open_backup(draft):
                pass  # a backup that cannot be read is none
            _publish(draft, target, force=force)
    except (OSError, sqlite3.Error, DatabaseError, zipfile.BadZipFile) as problem:
        raise BackupError(f"The backup could not be written: {problem}") from problem
    return manifest


def _fill(archive: zipfile.ZipFile, folder: Path, now: datetime) -> Manifest:
    members: dict[str, Member] = {}
    tables: list[Table] = []

    def add(name: str, chunks: Iterable[bytes]) -> None:
        members[name] = _add(archive, name, chunks, now)

    if connection.vendor == "sqlite":
        migrations = _add_sqlite(add, folder)
    else:
        migrations, tables = _add_postgresql(add)
    root = _files_root()
    for path in _stored_files(root) if not bucket_in_use() else ():
        with suppress(FileNotFoundError):  # deleted since it was listed
            stream = (root / path).open("rb")
            with stream:
                add(f"{_FILES}/{path}", _chunks(stream))
    manifest = Manifest(now.isoformat(), connection.vendor, migrations, members, tables, bucket_in_use())
    _add(archive, _MANIFEST, [json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()], now)
    return manifest


def _add(archive: zipfile.ZipFile, name: str, chunks: Iterable[bytes], now: datetime) -> Member:
    digest, size = hashlib.sha256(), 0
    info = zipfile.ZipInfo(name, now.timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as member:
        for chunk in chunks:
            member.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Member(size, digest.hexdigest())


def _publish(draft: Path, target: Path, *, force: bool) -> None:
    """Give the draft its name: in one step, and where nothing may be replaced, never over something that just came."""
    if force:
        draft.replace(target)
    else:
        try:
            os.link(draft, target)
        except FileExistsError:
            raise BackupError(f"{target} has appeared meanwhile and was left alone.") from None
        except OSError:  # a file system without hard links
            if target.exists():
                raise BackupError(f"{target} has appeared meanwhile and was left alone.") from None
            draft.replace(target)
    _sync_folder(target.parent)


def _add_sqlite(add: Callable[[str, Iterable[bytes]], None], folder: Path) -> list[tuple[str, str]]:
    database, copy = _sqlite_file(), folder / _DATABASE
    if not database.is_file():
        raise BackupError(f"There is no database at {database}.")
    with (
        closing(sqlite3.connect(database, timeout=30)) as source,
        closing(sqlite3.connect(copy, isolation_level=None)) as kept,
    ):
        # One step holds one read transaction, so writers go on and the copy is of one moment.
        source.backup(kept)
        kept.execute("PRAGMA journal_mode=DELETE")
        there = _sqlite_tables(kept)
        for table in LEFT_OUT:
            if table in there:
                kept.execute(f'DELETE FROM "{table}"')  # noqa: S608  (a name of ours)
        kept.execute("VACUUM")  # what was deleted is still in the file until then
        migrations = _sqlite_migrations(kept)
    with copy.open("rb") as stream:
        add(_DATABASE, _chunks(stream))
    return migrations


def _add_postgresql(add: Callable[[str, Iterable[bytes]], None]) -> tuple[list[tuple[str, str]], list[Table]]:
    tables = []
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        _speak_plainly(cursor)
        names = _postgresql_tables(cursor)
        if "django_migrations" not in names:
            raise BackupError("This database has never been migrated: there is nothing to back up.")
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        migrations = [(app, name) for app, name in cursor.fetchall()]
        for name in names:
            if name not in LEFT_OUT:
                table = Table(name, _columns(cursor, name), _counters(cursor, name))
                add(_member_of(table), _copied_out(cursor, table))
                tables.append(table)
    return migrations, tables


def _copied_out(cursor: Any, table: Table) -> Iterator[bytes]:
    with cursor.copy(f"COPY {_quoted(table)} TO STDOUT") as rows:
        for row in rows:
            yield bytes(row)


# -- reading -----------------------------------------------------------------------------------------------------------
@contextmanager
def open_backup(source: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """A backup with every byte of it checked against its manifest.

    Raises:
        BackupError: when it is no backup of this product, or not the one that was written.
    """
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError:
        raise BackupError(f"There is no file {source}.") from None
    except (OSError, zipfile.BadZipFile) as problem:
        raise BackupError(f"{source} cannot be read as a backup: {problem}") from problem
    with archive:
        try:
            manifest = _read_manifest(archive)
            _verify(archive, manifest)
        # What zipfile raises for damaged, encrypted and unknown contents.
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as problem:
            raise BackupError(f"{source} is damaged: {problem}") from problem
        yield archive, manifest


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        if archive.getinfo(_MANIFEST).file_size > _MANIFEST_LIMIT:
            raise BackupError("The backup's manifest is too long to be one.")
        given = json.loads(archive.read(_MANIFEST))
        if given["product"] != PRODUCT:
            raise BackupError("This is a backup of another product.")
        if given["format"] != FORMAT:
            raise BackupError(
                f"This backup has format {given['format']}, and this version reads format {FORMAT}. "
                "Restore it with the version that wrote it."
            )
        return Manifest(
            created_at=str(given["created_at"]),
            engine=str(given["engine"]),
            migrations=[(str(app), str(name)) for app, name in given["migrations"]],
            members={
                str(name): Member(int(member["size"]), str(member["sha256"]))
                for name, member in given["members"].items()
            },
            tables=[
                Table(
                    str(table["name"]),
                    [str(column) for column in table["columns"]],
                    {str(name): (int(last), bool(called)) for name, (last, called) in table["counters"].items()},
                )
                for table in given["tables"]
            ],
            bucket=str(given.get("bucket", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise BackupError("This is not a backup: its manifest is missing or cannot be read.") from problem


def _verify(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    names = [info.filename for info in archive.infolist()]
    if sorted(names) != sorted([*manifest.members, _MANIFEST]):
        raise BackupError("The backup holds other files than its manifest says. It was changed after it was written.")
    expected = {_DATABASE} if manifest.engine == "sqlite" else {_member_of(table) for table in manifest.tables}
    if {name for name in manifest.members if not name.startswith(f"{_FILES}/")} != expected:
        raise BackupError("The backup's database is not what its manifest says.")
    for name, member in manifest.members.items():
        _refuse_stray_path(name)
        digest, size = hashlib.sha256(), 0
        with archive.open(name) as stream:
            for chunk in _chunks(stream):
                digest.update(chunk)
                size += len(chunk)
                if size > member.size:
                    break
        if (size, digest.hexdigest()) != (member.size, member.sha256):
            raise BackupError(f"{name} in the backup is damaged or was changed after it was written.")


def _refuse_stray_path(name: str) -> None:
    """Nothing in an archive may be unpacked anywhere but beneath its folder."""
    parts = name.split("/")
    stray = any(part in {"", ".", ".."} or part.startswith(_UNFINISHED) for part in parts)
    if stray or "\\" in name or "\0" in name or PurePosixPath(name).is_absolute():
        raise BackupError(f"The backup names a file outside its folder: {name!r}.")


# -- restoring ---------------------------------------------------------------------------------------------------------
def restore_backup(source: Path, *, replace: bool = False) -> Restored:
    """Put back what a backup holds, and migrate if it was written by an older version.

    Everything is checked, and the files are unpacked beside their places, before anything changes. Files that are
    missing come first, then the database in one transaction, then files that the backup does not have are removed:
    whenever it is interrupted, either what was there before is still whole, or what was restored is.

    Raises:
        BackupError: when the backup or the place does not fit; nothing has changed then.
    """
    with open_backup(source) as (archive, manifest):
        _refuse_a_misfit(manifest)
        root = _files_root()
        if not replace:
            _refuse_to_overwrite(root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            _remove_unfinished(root)
            with _staging(root) as staged:
                for path in manifest.files:
                    _unpack(archive, f"{_FILES}/{path}", staged / path)
                arrival = _Arrival(root, staged, manifest.files)
                _restore_database(archive, manifest, arrival)
                arrival.settle()
        except (OSError, sqlite3.Error, DatabaseError) as problem:
            raise BackupError(_in_words(problem)) from problem
    known = MigrationLoader(None)
    was_older = not set(known.disk_migrations or {}) <= set(manifest.migrations)
    try:
        # Also where nothing is missing: what migrating leaves behind beside the tables is made anew.
        call_command("migrate", verbosity=0)
    except Exception as problem:
        raise BackupError(
            f"The backup is restored as it was written, but bringing it up to date failed: {problem}. "
            "Mend what it says, then run: manage.py migrate"
        ) from problem
    return Restored(manifest, was_older)


def _refuse_a_misfit(manifest: Manifest) -> None:
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    if manifest.engine != connection.vendor:
        raise BackupError(
            f"This backup is of {names.get(manifest.engine, 'another database')}, and DATABASE_URL is "
            f"{names[connection.vendor]}. Restore it into the kind of database it came from."
        )
    if manifest.bucket and not bucket_in_use():
        raise BackupError(
            f"The uploaded files of this backup lie in the bucket {manifest.bucket}. "
            "Set FILES_URL to it, or to a copy of it, first."
        )
    if bucket_in_use() and not manifest.bucket:
        raise BackupError(
            "This backup holds uploaded files, and FILES_URL puts them into a bucket. Restore without FILES_URL, "
            "copy the folder of files into the bucket, and set FILES_URL then."
        )
    loader = MigrationLoader(None)
    known = set(loader.disk_migrations or {})
    if unknown := sorted(set(manifest.migrations) - known):
        app, name = unknown[0]
        raise BackupError(
            f"This backup was written by a newer version: the migration {app}.{name} is unknown here. "
            "Install that version or a later one first."
        )


def _refuse_to_overwrite(root: Path) -> None:
    if connection.vendor == "sqlite":
        database = _sqlite_file()
        empty = True
        if database.is_file():
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as present:
                empty = not _sqlite_tables(present)
    else:
        with connection.cursor() as cursor:
            empty = not _postgresql_tables(cursor)
    if not empty:
        raise BackupError("The database is not empty. Choose an empty one, or add --replace to lose what is there.")
    if next(_stored_files(root), None) is not None:
        raise BackupError(f"There are files in {root}. Move them away, or add --replace to lose them.")


def _restore_database(archive: zipfile.ZipFile, manifest: Manifest, arrival: "_Arrival") -> None:
    if connection.vendor == "sqlite":
        _restore_sqlite(archive, manifest, arrival)
    else:
        with arrival.undone_on_error(), transaction.atomic(durable=True):
            _fill_postgresql(archive, manifest)
            arrival.bring_in()


def _restore_sqlite(archive: zipfile.ZipFile, manifest: Manifest, arrival: "_Arrival") -> None:
    database = _sqlite_file()
    database.parent.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(database.parent)
    with _staging(database.parent) as folder:
        copy = folder / _DATABASE
        _unpack(archive, _DATABASE, copy)
        with closing(sqlite3.connect(copy)) as source:
            if source.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise BackupError("The database in the backup is damaged.")
            if source.execute("PRAGMA foreign_key_check").fetchall():
                raise BackupError("The database in the backup refers to rows that are not in it.")
            if sorted(_sqlite_migrations(source)) != sorted(manifest.migrations):
                raise BackupError("The database in the backup is not the one that its manifest describes.")
            connection.close()
            # Written into the database that is there, as one transaction of its own: swapping the file would leave it
            # with the write-ahead log of the old one.
            with closing(sqlite3.connect(database, timeout=_PATIENCE_SECONDS)) as target, arrival.undone_on_error():
                arrival.bring_in()
                source.backup(target, pages=_PAGES, progress=_refuse_to_wait)


def _refuse_to_wait(status: int, _remaining: int, _total: int) -> None:
    """Give up where SQLite has waited for others as long as it was told to; by itself it would go on for ever."""
    if status & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:  # the rest says what kind
        raise BackupError(_IN_USE)


def _fill_postgresql(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Make the tables as the recorded migrations left them, and fill them; inside the caller's transaction."""
    with connection.cursor() as cursor:
        _speak_plainly(cursor)
        cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE_SECONDS}s'")
        for name in _postgresql_tables(cursor):
            cursor.execute(f"DROP TABLE {_quote(name)} CASCADE")
        _migrate_to(manifest.migrations)
        for name in _postgresql_tables(cursor):
            cursor.execute(f"DELETE FROM {_quote(name)}")  # noqa: S608  (what migrations put in is in the backup)
        made = {name: set(_columns(cursor, name)) for name in _postgresql_tables(cursor)}
        for table in manifest.tables:
            if made.get(table.name) != set(table.columns):
                raise BackupError(f"The table {table.name} in the backup is not what its migrations make.")
            with (
                archive.open(_member_of(table)) as rows,
                cursor.copy(f"COPY {_quoted(table)} FROM STDIN") as copy,
            ):
                for chunk in _chunks(rows):
                    copy.write(chunk)
            for column, (last, called) in table.counters.items():
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)", [_quote(table.name), column, last, called]
                )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _migrate_to(migrations: list[tuple[str, str]]) -> None:
    def settle(action: str, *_: Any) -> None:
        """PostgreSQL alters no table with checks outstanding, and within one transaction all of them would be."""
        if action == "apply_success":
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    executor = MigrationExecutor(connection, settle)
    nodes, recorded = executor.loader.graph.node_map, set(migrations)
    # Only the last of each app's: asking for an earlier one as well would mean going back to it.
    last = [
        key
        for key in recorded & set(nodes)
        if not any(child.key[0] == key[0] and child.key in recorded for child in nodes[key].children)
    ]
    executor.migrate(sorted(last))


class _Arrival:
    """The files of a backup on their way from where they were unpacked to where they belong."""

    def __init__(self, root: Path, staged: Path, wanted: dict[str, Member]) -> None:
        self.root, self.staged, self.wanted = root, staged, wanted
        self._added: list[Path] = []
        self._differing: list[str] = []

    def bring_in(self) -> None:
        """Add what is missing. What is there stays, so that the rows of before still find their files."""
        for path, member in sorted(self.wanted.items()):
            place = self.root / path
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                (self.staged / path).replace(place)
                self._added.append(place)
            elif _digest(place) != member.sha256:
                self._differing.append(path)

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Take away what was added if what follows fails."""
        try:
            yield
        except BaseException:
            for place in self._added:
                place.unlink(missing_ok=True)
            _remove_empty_folders(self.root)
            raise

    def settle(self) -> None:
        """Now that the rows are those of the backup, let the files be so too."""
        for path in self._differing:
            (self.staged / path).replace(self.root / path)
        for path in list(_stored_files(self.root)):
            if path not in self.wanted:
                (self.root / path).unlink()
        _remove_empty_folders(self.root)
        _sync_folder(self.root)


# -- files -------------------------------------------------------------------------------------------------------------
def bucket_in_use() -> str:
    """The bucket that uploaded files lie in, by its name; "" when they lie in the folder."""
    return str(_storage_options().get("bucket_name", ""))


def _files_root() -> Path:
    """The folder of uploaded files. With a bucket in use, the one that a backup with files in it is unpacked to."""
    return Path(_storage_options().get("location", settings.DATA_DIR / "files"))


def _storage_options() -> dict[str, Any]:
    return cast("dict[str, dict[str, Any]]", settings.STORAGES["default"])["OPTIONS"]


def _stored_files(root: Path) -> Iterator[str]:
    """Every uploaded file beneath `root`, by its path with slashes, in order. Links are nobody's upload."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(_UNFINISHED))
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix()


def _remove_empty_folders(root: Path) -> None:
    for folder, _, _ in os.walk(root, topdown=False):
        if Path(folder) != root:
            with suppress(OSError):
                Path(folder).rmdir()


@contextmanager
def _staging(beside: Path) -> Iterator[Path]:
    """A private folder on the same file system as the place that its content is meant for."""
    with tempfile.TemporaryDirectory(dir=beside, prefix=_UNFINISHED) as folder:
        yield Path(folder)


def _remove_unfinished(folder: Path) -> None:
    """Take away what a restore left that was killed."""
    for left in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)


def _unpack(archive: zipfile.ZipFile, name: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, place.open("xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
        target.flush()
        os.fsync(target.fileno())


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -- databases ---------------------------------------------------------------------------------------------------------
def _sqlite_file() -> Path:
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or "mode=memory" in name:
        raise BackupError("The database is in memory and will be gone with this program: there is nothing to keep.")
    return Path(name)


def _sqlite_tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _sqlite_migrations(database: sqlite3.Connection) -> list[tuple[str, str]]:
    if "django_migrations" not in _sqlite_tables(database):
        raise BackupError("This database has never been migrated: there is nothing to back up.")
    return [(app, name) for app, name in database.execute("SELECT app, name FROM django_migrations ORDER BY id")]


def _speak_plainly(cursor: Any) -> None:
    """Settings under which what is written is read back as the same value, and no limit meant for pages applies."""
    for setting in (
        "datestyle = 'ISO'",
        "intervalstyle = 'postgres'",
        "extra_float_digits = 3",
        "bytea_output = 'hex'",
        "statement_timeout = 0",
        "idle_in_transaction_session_timeout = 0",
    ):
        cursor.execute(f"SET LOCAL {setting}")


def _postgresql_tables(cursor: Any) -> list[str]:
    return sorted(table.name for table in connection.introspection.get_table_list(cursor) if table.type == "t")


def _columns(cursor: Any, table: str) -> list[str]:
    return [column.name for column in connection.introspection.get_table_description(cursor, table)]


def _counters(cursor: Any, table: str) -> dict[str, tuple[int, bool]]:
    counters = {}
    for sequence in connection.introspection.get_sequences(cursor, table):
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [_quote(table), sequence["column"]])
        (name,) = cursor.fetchone()
        cursor.execute(f"SELECT last_value, is_called FROM {name}")  # noqa: S608  (quoted by the database)
        counters[sequence["column"]] = cursor.fetchone()
    return counters


def _member_of(table: Table) -> str:
    return f"{_TABLES}/{table.name}.copy"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(table: Table) -> str:
    return f"{_quote(table.name)} ({', '.join(_quote(column) for column in table.columns)})"


def _in_words(problem: Exception) -> str:
    locked = getattr(problem.__cause__, "sqlstate", None) == "55P03" or "database is locked" in str(problem)
    return _IN_USE if locked else f"The backup could not be restored: {problem}"
