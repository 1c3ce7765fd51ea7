"""`manage.py restore FILE`: puts back what `manage.py backup` wrote."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import pluralize

from booking.site.backups import BackupError, restore_backup


class Command(BaseCommand):
    """Restores the database and the uploaded files from one file."""

    help = "Restore the database and the uploaded files from a backup. Stop the web server and the worker first."
    requires_system_checks = ()  # it must work where other things do not

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file to read."""
        parser.add_argument("file", type=Path, help="what manage.py backup wrote")
        parser.add_argument("--replace", action="store_true", help="lose the database and the files that are there now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore it, or say in a sentence why not."""
        try:
            restored = restore_backup(options["file"], replace=options["replace"])
        except BackupError as problem:
            raise CommandError(str(problem)) from problem
        made, files = restored.manifest.created_at, len(restored.manifest.files)
        if bucket := restored.manifest.bucket:
            self.stdout.write(f"Restored the backup of {made}. Its uploaded files lie in the bucket {bucket}.")
        else:
            self.stdout.write(f"Restored the backup of {made} with {files} uploaded file{pluralize(files)}.")
        if restored.was_older:
            self.stdout.write("It was written by an older version and has been brought up to date.")
        self.stdout.write("Everyone has to sign in again.")
