"""`make bench`: measure how fast seats are taken, beside the same rows written by pgbench on the same server."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from tests.services import postgres
from tests.services.databases import migrate


def main() -> int:
    """Measure as asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; the median of them is printed")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32], help="how many at once")
    parser.add_argument("--each", type=int, default=240, help="reservations in one measurement")
    parser.add_argument(
        "--past", type=int, default=1_000_000, help="past reservations that are added for the last measurement, or 0"
    )
    parser.add_argument("--only", choices=("postgres", "sqlite"), help="measure on one of the databases only")
    options = parser.parse_args()
    if options.only != "sqlite":
        on_postgres(options)
    if options.only is None:  # settings are read once, so another database needs another process
        arguments = ["--only", "sqlite", "--rounds", str(options.rounds), "--each", str(options.each)]
        return subprocess.run([sys.executable, "-m", "tests.benchmarks", *arguments]).returncode
    if options.only == "sqlite":
        on_sqlite(options)
    return 0


def on_postgres(options: argparse.Namespace) -> None:
    """Start a durable PostgreSQL, prepare the product on it, and measure."""
    with postgres.running(durable=True) as server, tempfile.TemporaryDirectory(prefix="cintima-bench-") as folder:
        url = server.address.create("bench")
        seats = _prepared(url, folder)
        seats.run(options, Path(folder), url)


def on_sqlite(options: argparse.Namespace) -> None:
    """Prepare the product on a file of its own, and measure."""
    with tempfile.TemporaryDirectory(prefix="cintima-bench-") as folder:
        seats = _prepared(f"sqlite:///{folder}/bench.sqlite3", folder)
        seats.run_on_sqlite(options)


def _prepared(url: str, folder: str) -> ModuleType:
    """Migrate the database, point Django at it, and only then load what measures."""
    migrate(url, Path(folder))
    os.environ |= {"DATABASE_URL": url, "DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "booking.site.settings"}
    import django

    django.setup()
    from tests.benchmarks import seats

    return seats


if __name__ == "__main__":
    sys.exit(main())
