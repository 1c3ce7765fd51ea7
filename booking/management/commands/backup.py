"""`manage.py backup FILE`: everything in one file, while the product runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import pluralize

from booking.site.backups import BackupError, write_backup
from workshops.clock import current_time


class Command(BaseCommand):
    """Writes the database and the uploaded files to one file."""

    help = "Write the database and the uploaded files to one file that only its owner can read."
    requires_system_checks = ()  # it must work where other things do not

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file to write."""
        parser.add_argument("file", type=Path, help="where to write it")
        parser.add_argument("--force", action="store_true", help="replace the file if it exists")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it, or say in a sentence why not."""
        try:
            manifest = write_backup(options["file"], now=current_time(), force=options["force"])
        except BackupError as problem:
            raise CommandError(str(problem)) from problem
        size, files = options["file"].stat().st_size, len(manifest.files)
        if manifest.bucket:
            self.stdout.write(f"Wrote {options['file']}: the database, {size:,} bytes.")
            self.stderr.write(
                f"The uploaded files lie in the bucket {manifest.bucket} and are NOT in this backup: "
                "keep versions or a copy of that bucket as well."
            )
            return
        self.stdout.write(
            f"Wrote {options['file']}: the database and {files} uploaded file{pluralize(files)}, {size:,} bytes."
        )
