"""`manage.py serve`: everything that runs the product on this machine, in one command."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from booking.desk.sample.season import sign_in_table
from booking.site.serving import granian_arguments
from workshops.people.models import User

STOP_SECONDS = 25


class Command(BaseCommand):
    """Migrate, gather static files, fill an empty database with a sample season, then run web and worker together."""

    help = "Runs the product: migrations, sample data where the database is empty, web server and worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--no-sample", action="store_true", help="leave an empty database empty")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C, SIGTERM, or until one of the two processes ends by itself."""
        self._refuse_taken_port()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if not settings.PRODUCTION and not options["no_sample"]:
            self._sample()
        self._run(
            [
                granian_arguments(settings.PORT, settings.WEB_WORKERS, settings.WEB_THREADS, settings.HOST),
                [sys.executable, "manage.py", "worker"],
            ]
        )

    def _refuse_taken_port(self) -> None:
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.HOST, settings.PORT))
            except OSError:
                raise CommandError(
                    f"Port {settings.PORT} is taken. Stop what uses it, or choose another: PORT=8001 make run"
                ) from None

    def _sample(self) -> None:
        if not User.objects.exists():
            call_command("sample_season", stdout=self.stdout)
        elif table := sign_in_table():
            self.stdout.write(table)

    def _run(self, commands: list[list[str]]) -> None:
        # Each child is a session of its own: Ctrl-C reaches this process alone, which then stops them in order.
        children = [subprocess.Popen(command, cwd=settings.BASE_DIR, start_new_session=True) for command in commands]
        stopping: list[int] = []

        def stop(number: int, _frame: FrameType | None) -> None:
            stopping.append(number)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        self.stdout.write(f"\nOpen {settings.SITE_URL}  (Ctrl-C stops everything)\n")
        self.stdout.flush()
        while not stopping and all(child.poll() is None for child in children):
            time.sleep(0.2)
        ended = [child for child in children if child.poll() is not None]
        self._stop(children)
        if ended and not stopping:
            raise CommandError("One of the two processes ended by itself; its last words are above.")
        self.stdout.write("Stopped. The data is kept.")

    def _stop(self, children: list["subprocess.Popen[bytes]"]) -> None:
        # Asked once a second: a server that is only just starting does not hear the first time.
        for _ in range(STOP_SECONDS):
            alive = [child for child in children if child.poll() is None]
            for child in alive:
                child.terminate()
            for child in alive:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(1)
        for child in children:
            if child.poll() is None:
                child.kill()
