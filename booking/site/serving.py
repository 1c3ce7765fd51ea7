"""How the product is served: one command line, the same in production, in `manage.py serve` and in the tests."""

import os
import sys


def granian_arguments(port: int, workers: int, threads: int, host: str = "127.0.0.1") -> list[str]:
    """The whole command that serves the product, for `subprocess` or `os.execv`; settings come from the environment.

    - `wsgi`, workers and blocking threads: Django's ORM blocks, so processes times threads is how many requests run at
      once, and how many database connections are kept.
    - `http 1` and `no-ws`: whatever ends TLS in front speaks HTTP/1.1, and nothing here uses WebSockets.
    - `backlog` and `backpressure`: granian counts connections, not requests, and an idle keep-alive connection counts
      too. A small number would let a few open browsers shut everybody else out, so a worker holds many connections and
      queues their requests for its threads.
    - `respawn-failed-workers`: a worker that dies is replaced and the others go on; one that dies again at once ends
      the server, for whatever supervises it to see.
    - `workers-kill-timeout`: a request stuck in a worker cannot hold up a restart for ever. It is longer than the
      database's own limit on a statement.
    - No access log: the paths of private feeds carry their secrets. Django logs what fails.
    """
    return [
        sys.executable,
        "-m",
        "granian",
        *("--interface", "wsgi"),
        *("--host", host),
        *("--port", str(port)),
        *("--workers", str(workers)),
        *("--blocking-threads", str(threads)),
        *("--http", "1"),
        "--no-ws",
        *("--backlog", "1024"),
        *("--backpressure", "512"),
        "--respawn-failed-workers",
        *("--workers-kill-timeout", "20"),
        "--no-access-log",
        "booking.site.wsgi:application",
    ]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking.site.settings")
    from django.conf import settings

    command = granian_arguments(settings.PORT, settings.WEB_WORKERS, settings.WEB_THREADS, settings.HOST)
    os.execv(command[0], command)  # noqa: S606  (a service manager then watches the server itself)
