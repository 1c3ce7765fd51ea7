"""`make bench`: measure how fast seats are taken, beside the same rows written by pgbench on the same server."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.services import postgres
from tests.services.databases import migrate


def main() -> int:
    """Start a durable PostgreSQL, prepare the product on it, and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; the median of them is printed")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32], help="how many at once")
    parser.add_argument("--each", type=int, default=240, help="reservations in one measurement")
    parser.add_argument("--past", type=int, default=0, help="past reservations in the database beforehand")
    options = parser.parse_args()
    with postgres.running(durable=True) as server, tempfile.TemporaryDirectory(prefix="cintima-bench-") as folder:
        url = server.address.create("bench")
        migrate(url, Path(folder))
        os.environ |= {"DATABASE_URL": url, "DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "booking.site.settings"}
        import django

        django.setup()
        from tests.benchmarks import seats

        seats.run(options, Path(folder), url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
