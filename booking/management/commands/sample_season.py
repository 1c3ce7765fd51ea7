"""`manage.py sample_season`: fill an empty database with a season to try everything with."""

import csv
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from booking.desk.sample.experience import send_with_proof
from booking.desk.sample.season import NotEmpty, TooLate, fill, issue_tokens, sign_in_table
from booking.desk.sample.year import coming_year
from workshops.clock import current_time, in_words, school_day
from workshops.prerequisites.files.keeping import NotKept


class Command(BaseCommand):
    """Three published cohorts, open now, with a team and trainees. All of it is invented."""

    help = (
        "Fill an empty database with sample data: three published cohorts that can be booked now, a team, trainees who "
        "meet every prerequisite, and one for each requirement who misses just that one. It refuses in production."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Year, how many trainees, how many seats, and where to write API tokens."""
        parser.add_argument("--year", type=int, help="the cohorts' year (default: the next with all three well ahead)")
        parser.add_argument("--trainees", type=int, default=12, help="trainees who meet every prerequisite (12)")
        parser.add_argument("--capacity", type=int, default=12, help="free seats in each cohort (12)")
        parser.add_argument("--tokens", type=Path, metavar="FILE", help="write an API token for each person, as CSV")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Check, fill, and say who can sign in."""
        if settings.PRODUCTION:
            raise CommandError("This is production: sample data stays out of it.")
        year, trainees, capacity = options["year"], options["trainees"], options["capacity"]
        self._refuse_absurd(year, trainees, capacity)
        now = current_time()
        with ExitStack() as files:
            tokens = self._open(options["tokens"], files) if options["tokens"] else None
            try:
                season = fill(year=year or coming_year(school_day(now)), trainees=trainees, capacity=capacity, now=now)
            except NotEmpty:
                raise CommandError("The database is not empty. Sample data goes into an empty one only.") from None
            except TooLate as late:
                raise CommandError(f"{late} Choose --year {coming_year(school_day(now))} or later.") from None
            except DatabaseError as error:
                raise CommandError(f"The database is not ready ({error}). Run manage.py migrate first.") from error
            if tokens:
                self._write(tokens, issue_tokens(season, now=now))
        try:
            send_with_proof(now=now)
        except NotKept as problem:
            self.stderr.write(f"The sample proof is missing: {problem}")
        for cohort in season.cohorts:
            self.stdout.write(
                f"{cohort.title}: {in_words(cohort.starts_on)} to {in_words(cohort.ends_on)}, {cohort.venue}"
            )
        self.stdout.write(f"\nWho can sign in:\n\n{sign_in_table()}")

    def _refuse_absurd(self, year: int | None, trainees: int, capacity: int) -> None:
        if year is not None and not 2000 <= year <= 2100:
            raise CommandError("--year is a year such as 2027.")
        if not 0 <= trainees <= 20_000:
            raise CommandError("--trainees is a number from 0 to 20000.")
        if not 1 <= capacity <= 10_000:
            raise CommandError("--capacity is a number from 1 to 10000.")

    def _open(self, path: Path, files: ExitStack) -> TextIO:
        """Open the file before anything is written to the database, so that a wrong path leaves it empty."""
        try:
            path.touch(mode=0o600)
            return files.enter_context(path.open("w", encoding="utf-8", newline=""))
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None

    def _write(self, file: TextIO, rows: list[tuple[str, str, str]]) -> None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("email", "role", "token"))
        writer.writerows(rows)
