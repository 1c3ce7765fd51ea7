"""The ground the other tests stand on: does it hold?"""

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from playwright.sync_api import Page

from booking.site.serving import granian_arguments
from tests.services import chromium, postgres
from tests.services.databases import at_once, on_postgres
from tests.services.environment import ASYNC_UNSAFE, clean_environment, once, product_variables, unavailable
from tests.services.server import Product


def test_nothing_that_configures_the_product_leaks_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@else/where")
    monkeypatch.setenv(ASYNC_UNSAFE, "true")
    assert {"DATABASE_URL", "SECRET_KEY", "SITE_URL", "DATA_DIR", "EMAIL_URL"} <= product_variables()
    assert not {"DATABASE_URL", ASYNC_UNSAFE} & set(clean_environment())
    assert clean_environment(PORT="1")["PORT"] == "1"


def test_what_is_made_once_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(draft: Path) -> None:
        made.append(draft)
        (draft / "thing").write_text("made")

    askers = [threading.Thread(target=once, args=(tmp_path, "shelf", make)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(made) == 1
    assert (tmp_path / "shelf" / "thing").read_text() == "made"


def test_what_was_half_made_is_made_again(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        (draft / "half").touch()
        raise RuntimeError("the lights went out")

    with pytest.raises(RuntimeError, match="lights"):
        once(tmp_path, "shelf", fail)
    shelf = once(tmp_path, "shelf", lambda draft: (draft / "whole").touch())
    assert [path.name for path in shelf.iterdir()] == ["whole"]


def test_a_missing_service_fails_where_skipping_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI_FORBID_SKIPS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Browser: none here"):
        unavailable("Browser", "none here")
    monkeypatch.setenv("CI_FORBID_SKIPS", "1")
    with pytest.raises(pytest.fail.Exception, match="Browser: none here"):
        unavailable("Browser", "none here")


@pytest.mark.slow
def test_what_a_crashed_server_acknowledged_is_there_afterwards() -> None:
    """Both the machine's own server and the wheel's, where both are here, so that neither road rots unused."""
    installations = [found for found in (postgres.installed(), postgres.from_wheel()) if found is not None]
    if not installations:
        unavailable("PostgreSQL", "there is no server to crash")
    for installation in installations:
        with postgres.running(installation, durable=True) as server:
            with psycopg.connect(server.address.create("before")) as session:
                session.execute("CREATE TABLE seat AS SELECT 17 AS number")
            server.crash()
            server.start()
            after = server.address.create("after", template="before")
            assert postgres.Address.of(after) == server.address
            with psycopg.connect(after) as session:
                assert session.execute("SELECT number FROM seat").fetchall() == [(17,)]
                settings = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
                assert session.execute(settings).fetchone() == ("on", "on")
        assert not server.folder.exists()


def test_a_stub_that_only_says_to_install_a_browser_is_not_a_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = tmp_path / "chromium-browser"
    stub.write_text("#!/bin/sh\necho 'Command requires the chromium snap to be installed.' >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "MAC_APPLICATIONS", ())
    assert chromium.installed() is None


def test_idle_browsers_cannot_shut_others_out() -> None:
    arguments = granian_arguments(port=8000, workers=2, threads=4)
    assert arguments[-1] == "booking.site.wsgi:application"
    assert int(arguments[arguments.index("--backpressure") + 1]) >= 500
    assert "--no-access-log" in arguments


@pytest.mark.django_db
def test_an_ordinary_test_runs_on_the_database_of_its_run() -> None:
    assert connection.vendor == ("postgresql" if on_postgres() else "sqlite")


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_test_can_be_for_postgres_alone() -> None:
    assert connection.vendor == "postgresql"


@pytest.mark.one_database
@pytest.mark.django_db
def test_what_is_about_one_database_does_not_run_on_the_other() -> None:
    assert connection.vendor == "sqlite"


ON_BOTH = re.compile(
    r"(?:attacks|cohorts|concurrency|faults|history|programme|rights|rosters|web)/"
    r"|payments/(?:\w+/)?test_(?!\w*pages|package|drawing)"
    r"|site/test_(?:access|api_contract|backups|due)"
    r"|desk/test_(?:line|merging|people|reviews|standing)\.py|people/test_(?:api|role_command|signing_in)"
    r"|conversations/test_writing|messages/test_outbox"
    r"|prerequisites/test_(?!\w+_pages)|reservations/test_(?!\w*pages|where_you_stand)"
)
"""Rules, states, money, races, faults, and what walks every page: a database has a part in each of these."""
TESTS = Path(__file__).parent


def test_only_what_is_about_pages_and_e_mails_is_left_out_on_postgres() -> None:
    everything = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8") for path in TESTS.rglob("*/test_*.py")}
    marked = {name for name, text in everything.items() if "mark.one_database" in text}
    assert "reservations/test_pages.py" in marked
    assert {name for name in marked if ON_BOTH.match(name)} == set()
    for name in ("attacks/test_every_address.py", "prerequisites/test_reviewing.py", "reservations/test_moving.py"):
        assert name in everything
        assert ON_BOTH.match(name)


def test_threads_see_each_others_commits_in_a_fresh_database(fresh_database: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE chair (number integer PRIMARY KEY)")

    def insert(number: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO chair VALUES (%s)", [number])
        return number

    outcomes = at_once(*(lambda number=number: insert(number) for number in (1, 2, 3, 3)))
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM chair ORDER BY number")
        assert [number for (number,) in cursor.fetchall()] == [1, 2, 3]


def test_each_fresh_database_is_migrated_and_empty_of_the_last_test(fresh_database: str) -> None:
    tables = connection.introspection.table_names()
    assert "django_migrations" in tables
    assert "chair" not in tables


@pytest.mark.slow
def test_the_product_answers_and_comes_back_after_a_kill(product: Product) -> None:
    assert product.status("/health/ready") == 200
    product.kill()
    with pytest.raises(OSError, match="refused"):
        product.status("/health/ready")
    product.start()
    assert product.status("/health/ready") == 200
    assert "/health/ready 200" in product.web_log.read_text()


@pytest.mark.slow
def test_the_product_and_the_test_share_a_database(start_product: Callable[..., Product]) -> None:
    product = start_product(web=False)
    assert product.database_url.startswith("postgres" if on_postgres() else "sqlite")
    assert product.environment["DATABASE_URL"] == product.database_url
    assert os.environ.get("DATABASE_URL") != product.database_url


@pytest.mark.slow
def test_a_fault_in_the_log_is_noticed(start_product: Callable[..., Product]) -> None:
    product = start_product(web=False)
    assert product.faults() == []
    with product.web_log.open("a") as log:
        log.write("[now] GET /somewhere 500 3ms\n")
    assert product.faults() == ["[now] GET /somewhere 500 3ms"]
    product.faults_expected = True


def test_a_browser_opens_the_product(product: Product, page: Page) -> None:
    answer = page.goto(f"{product.url}/health/ready")
    assert answer is not None
    assert answer.status == 200
