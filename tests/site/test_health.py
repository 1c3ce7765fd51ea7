"""Whether the product says rightly that it lives, and that it can serve."""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from tests.services.databases import connected_to, on_postgres


def ask(path: str, **headers: str) -> tuple[int, dict[str, str]]:
    response: HttpResponse = Client().get(path, headers=headers)  # type: ignore[assignment]
    assert "Cookie" not in response.get("Vary", "")
    assert not response.cookies
    return response.status_code, json.loads(response.content)


@pytest.mark.django_db
def test_a_process_that_answers_lives_without_asking_the_database() -> None:
    with CaptureQueriesContext(connection) as statements:
        assert ask("/health/live") == (200, {"status": "live"})
    assert len(statements) == 0


@pytest.mark.django_db
def test_a_migrated_database_is_ready() -> None:
    assert ask("/health/ready") == (200, {"status": "ready"})


@pytest.mark.django_db
def test_a_database_that_is_behind_is_not_ready() -> None:
    MigrationRecorder.Migration.objects.filter(app="booking").delete()
    assert ask("/health/ready") == (503, {"status": "unavailable", "reason": "migrations"})
    assert ask("/health/live") == (200, {"status": "live"})


@pytest.mark.django_db
def test_a_database_without_the_shared_cache_is_not_ready() -> None:
    """Limits on signing in are counted there."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE site_cache")
    assert ask("/health/ready") == (503, {"status": "unavailable", "reason": "database"})


def test_a_database_that_is_gone_is_not_ready_and_nothing_is_told_of_it(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    url = f"sqlite:///{tmp_path}/hunter2/gone.sqlite3"
    if on_postgres():
        url = "postgres://cintima:hunter2@127.0.0.1:1/gone"
    with django_db_blocker.unblock(), connected_to(url):
        status, said = ask("/health/ready", cookie="sessionid=somebody")
        assert (status, said) == (503, {"status": "unavailable", "reason": "database"})
        assert ask("/health/live", cookie="sessionid=somebody") == (200, {"status": "live"})


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_database_that_was_never_migrated_is_not_ready(tmp_path: Path) -> None:
    with connected_to(f"sqlite:///{tmp_path}/empty.sqlite3"):
        assert ask("/health/ready")[0] == 503


@pytest.mark.django_db
def test_health_is_only_read() -> None:
    assert Client().post("/health/live").status_code == 405
    assert Client().head("/health/ready").status_code == 200
