"""How the suite runs: on SQLite by default, on a real PostgreSQL with `--postgres`, and never on anybody's own data.

`make test` does both. In the run on PostgreSQL only what touches a database runs again, apart from modules that say
they are about one database: a test of a pure function, of a page's words or of a page in a browser would say the same
thing twice.
"""

import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.db import connections
from django.test import TestCase, TransactionTestCase
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from pytest_django import DjangoDbBlocker

from tests.services import chromium, postgres_run
from tests.services.databases import connected_to, fresh, on_postgres
from tests.services.environment import ASYNC_UNSAFE, POSTGRES_MISSING, POSTGRES_TEMPLATE, product_variables, unavailable
from tests.services.server import Product, running_product

OWN_DATABASE = {"fresh_database", "start_product", "product"}
ORDINARY_DATABASE = {"db", "django_db_setup", "admin_user", "admin_client"}
FORBIDDEN = {"transactional_db", "live_server", "django_db_reset_sequences", "django_db_serialized_rollback"}
SERVICES = ("PostgreSQL", "Browser", "Node")


# -- the two runs ------------------------------------------------------------------------------------------------------
def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the run on PostgreSQL."""
    parser.addoption("--postgres", action="store_true", help="run what touches a database on a temporary PostgreSQL")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """With --postgres, start a server and leave the tests to a pytest that was born with its address.

    Django's settings are read before any conftest, so this process can no longer change its database.
    """
    begun = POSTGRES_TEMPLATE in os.environ or POSTGRES_MISSING in os.environ
    if begun or not config.getoption("--postgres") or config.option.help:
        return None
    return postgres_run.run([str(argument) for argument in config.invocation_params.args])


def pytest_configure(config: pytest.Config) -> None:
    """Make the settings quick and private to this process."""
    strangers = sorted(product_variables() & set(os.environ)) if not _is_part_of_a_run(config) else []
    if strangers:
        raise pytest.UsageError(
            f"These variables would change what is tested: {', '.join(strangers)}. Unset them, or use `make test`."
        )
    if on_postgres():
        connections.settings["default"]["TEST"]["TEMPLATE"] = os.environ[POSTGRES_TEMPLATE]
    folder = tempfile.TemporaryDirectory(prefix="cintima-tests-")
    config.add_cleanup(folder.cleanup)
    data = Path(folder.name)
    (data / "static").mkdir()  # WhiteNoise warns when it is missing, and warnings are errors
    settings.DATA_DIR = data
    settings.STATIC_ROOT = data / "static"
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": data / "files"}},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    # How long one example takes says how busy the machine is, not whether the code is right.
    hypothesis.settings.register_profile("suite", deadline=None)
    hypothesis.settings.load_profile("suite")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


def pytest_collection_finish() -> None:
    """Spare every test the search for garbage among the product, Django and the tests themselves, which all stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _is_part_of_a_run(config: pytest.Config) -> bool:
    """Whether another process of ours started this one and chose its environment."""
    return hasattr(config, "workerinput") or on_postgres()


def pytest_report_header() -> str:
    """Say which database this run is about."""
    return f"database under test: {'PostgreSQL' if on_postgres() or POSTGRES_MISSING in os.environ else 'SQLite'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that belong to this run."""
    for item in items:
        if "browser" in _fixtures(item):
            item.add_marker("browser")
    missing = os.environ.get(POSTGRES_MISSING)
    belongs = _belongs_on_postgres if on_postgres() or missing else _belongs_on_sqlite
    kept = [item for item in items if belongs(item)]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if not belongs(item)])
        items[:] = kept
    if missing:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"PostgreSQL: {missing}"))


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def _ordinary_database(item: pytest.Item) -> bool:
    owner = getattr(item, "cls", None)
    if isinstance(owner, type) and issubclass(owner, TransactionTestCase):
        return True
    return item.get_closest_marker("django_db") is not None or bool(_fixtures(item) & ORDINARY_DATABASE)


def _belongs_on_sqlite(item: pytest.Item) -> bool:
    return item.get_closest_marker("postgres") is None


def _belongs_on_postgres(item: pytest.Item) -> bool:
    if item.get_closest_marker("postgres") is not None:
        return True
    elsewhere = any(item.get_closest_marker(name) for name in ("browser", "sqlite", "one_database"))
    return not elsewhere and (_ordinary_database(item) or bool(_fixtures(item) & OWN_DATABASE))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a test that would need the database flushed: the triggers that keep history and the ledger refuse deletes.

    Refuse as well one that asks for an ordinary database and for one of its own, since it could not say which it means.
    """
    marker = item.get_closest_marker("django_db")
    owner = getattr(item, "cls", None)
    flushes = isinstance(owner, type) and issubclass(owner, TransactionTestCase) and not issubclass(owner, TestCase)
    if flushes or _fixtures(item) & FORBIDDEN or (marker and (marker.args or marker.kwargs.get("transaction"))):
        pytest.fail("This would flush the database; give it the fresh_database fixture instead.", pytrace=False)
    if _ordinary_database(item) and _fixtures(item) & OWN_DATABASE:
        pytest.fail("This asks for two databases: drop django_db, or the fixture that brings its own.", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what a missing service kept from being tested."""
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
        if reason.partition(":")[0] in SERVICES:
            counts[reason] = counts.get(reason, 0) + 1
    for reason, count in counts.items():
        service, _, why = reason.partition(": ")
        terminalreporter.write_line(
            f"{service}: {count} {'test' if count == 1 else 'tests'} skipped because {why}", yellow=True
        )


# -- databases and servers ---------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture
def fresh_database(shared: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A migrated database of this test's own, which Django is connected to in every thread; its URL.

    For tests whose commits must be real: several threads, other processes, triggers, crashes.
    """
    with fresh(shared, tmp_path) as database_url, django_db_blocker.unblock(), connected_to(database_url):
        yield database_url


@pytest.fixture
def start_product(fresh_database: str, shared: Path, tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Start the product as production does, on this test's database; takes what `running_product` takes by name."""
    with ExitStack() as running:
        started = 0

        def start(
            *,
            web: bool = True,
            worker: bool = False,
            processes: int = 2,
            threads: int = 4,
            environment: dict[str, str] | None = None,
        ) -> Product:
            nonlocal started
            started += 1
            folder = tmp_path / f"product-{started}"
            context = running_product(
                folder,
                fresh_database,
                shared,
                web=web,
                worker=worker,
                processes=processes,
                threads=threads,
                environment=environment,
            )
            return running.enter_context(context)

        yield start


@pytest.fixture
def product(start_product: Callable[..., Product]) -> Product:
    """The product, running in one process and without its worker, on this test's database.

    A second process costs as much to start as the first; what several do to each other is for `start_product`.
    """
    return start_product(processes=1)


# -- browser -----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def browser(shared: Path) -> Iterator[Browser]:
    """One Chromium for all journeys of this process."""
    # Playwright drives it through an event loop in this thread, which Django would take for asynchronous code.
    os.environ[ASYNC_UNSAFE] = "true"
    with sync_playwright() as playwright:
        try:
            running = chromium.launch(playwright, shared)
        except chromium.ChromiumUnavailableError as problem:
            unavailable("Browser", str(problem))
        yield running
        running.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make a person's browser, with its own cookies; takes Playwright's own options (`java_script_enabled=False`).

    An error in a page's script, or something its content security policy blocked, fails the test.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            wrong.append(message.text)

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**{"locale": "en-US", "timezone_id": "America/Los_Angeles"} | options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        context.on("console", heard)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert not wrong, f"pages reported: {wrong}"


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A page in a browser of its own."""
    return new_context().new_page()
