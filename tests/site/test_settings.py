"""What the environment may say, what it may not, and that docs/settings.md tells the truth about it."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

from tests.services.environment import PROJECT, clean_environment, product_variables

SETTINGS = PROJECT / "booking" / "site" / "settings.py"
DOCUMENT = PROJECT / "docs" / "settings.md"
SOUND = {
    "CINTIMA_ENV": "production",
    "SECRET_KEY": "kQ3v-9sXw_Zr5Ty8Pb2Nm6Lc1Hf4Jd7Ga0Vu3Ie6Oq9Rs2Wx5Kz8Bt",
    "SITE_URL": "https://booking.example.org",
    "BEHIND_PROXY": "true",
    "EMAIL_URL": "submission://user:secret@mail.example.org",
}


def run(tmp_path: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with these variables and no others of the product's."""
    told = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "sqlite://:memory:", **environment}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=clean_environment(DJANGO_SETTINGS_MODULE="booking.site.settings", **told),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def production(tmp_path: Path, **changes: str | None) -> dict[str, str]:
    """Sound values for production, but for these changes; None leaves a variable out."""
    told = {**SOUND, "DATABASE_URL": f"sqlite:///{tmp_path / 'cintima.sqlite3'}", **changes}
    return {name: value for name, value in told.items() if value is not None}


def understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Every setting as it is with these variables and no others of the product's."""
    for name in product_variables():
        monkeypatch.delenv(name, raising=False)
    for name, value in {"DATA_DIR": str(tmp_path), "DATABASE_URL": "sqlite://:memory:", **environment}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(SETTINGS))


def refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str]) -> str:
    """The sentence with which the settings stop for these variables and no others of the product's."""
    with pytest.raises((ImproperlyConfigured, EnvError)) as stopped:
        understood(monkeypatch, tmp_path, environment)
    said = str(stopped.value)
    assert "\n" not in said
    return said


# -- the table ---------------------------------------------------------------------------------------------------------
def table() -> dict[str, list[str]]:
    """The rows of the document's table, by variable."""
    rows = [line.strip("|").split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in rows}


def defaults() -> dict[str, object]:
    """What settings.py falls back to, for each variable whose default is a plain value."""
    found: dict[str, object] = {}
    for call in ast.walk(ast.parse(SETTINGS.read_text())):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id == "env"
            and isinstance(call.args[0], ast.Constant)
        ):
            default = call.args[1]
            found[str(call.args[0].value)] = default.value if isinstance(default, ast.Constant) else None
    return found


def test_the_table_has_every_variable_and_no_other() -> None:
    assert set(table()) == product_variables() == set(defaults())


def test_settings_read_the_environment_in_one_way_only() -> None:
    reading = re.compile(r"os\.environ\b(?!\.setdefault)|getenv|\bEnv\(")
    readers = [
        path.relative_to(PROJECT).as_posix()
        for folder in ("booking", "workshops")
        for path in (PROJECT / folder).rglob("*.py")
        if reading.search(path.read_text())
    ]
    assert readers == ["booking/site/settings.py"]
    assert reading.findall(SETTINGS.read_text()) == ["Env("]


@pytest.mark.parametrize("variable", sorted(table()))
def test_the_table_says_the_default_meaning_and_an_example(variable: str) -> None:
    default, meaning, example = table()[variable]
    assert meaning.endswith(".")
    assert "`" in example
    actual = defaults()[variable]
    if actual == "":
        assert default == "none"
    elif actual is not None:
        assert default == f"`{str(actual).lower() if isinstance(actual, bool) else actual}`"


# -- bad values --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CINTIMA_ENV", "prod"),
        ("PORT", "http"),
        ("PORT", "0"),
        ("SECRET_KEY", ""),
        ("SITE_URL", "booking.example.org"),
        ("SITE_URL", "https://booking.example.org/school"),
        ("SITE_URL", "https://user@booking.example.org"),
        ("SITE_URL", "http://[broken"),
        ("SITE_URL", "ftp://booking.example.org"),
        ("ALLOWED_HOSTS", " , "),
        ("CALENDAR_HOST", "two words"),
        ("DATA_DIR", f"{__file__}/nowhere"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://user@host/name"),
        ("DATABASE_URL", "postgres://user@host:port/name"),
        ("DATABASE_CONN_MAX_AGE", "-1"),
        ("BEHIND_PROXY", "perhaps"),
        ("PROXY_COUNT", "0"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_URL", "smtp://"),
        ("EMAIL_URL", "smtp://host:port"),
        ("EMAIL_URL", "file:"),
        ("EMAIL_URL", "memory:"),
        ("EMAIL_FROM", "CINTIMA"),
        ("EMAIL_REPLY_TO", "the office"),
        ("FILES_URL", "/var/files"),
        ("FILES_URL", "s3://bucket"),
        ("FILES_URL", "s3://key@bucket"),
        ("FILES_URL", "s3://key:secret@"),
        ("FILES_URL", "s3://key:secret@bucket/folder"),
        ("FILES_URL", "s3://key:secret@bucket?public=yes"),
        ("FILES_URL", "s3://key:secret@bucket?endpoint=storage.example.org"),
        ("FILES_URL", "s3://key:sec/ret@bucket"),
        ("WEB_WORKERS", "none"),
        ("WEB_THREADS", "1000"),
        ("LOG_LEVEL", "LOUD"),
        ("STRIPE_SECRET_KEY", "pk_test_whatever"),
        ("STRIPE_SECRET_KEY", "sk_test_"),
        ("STRIPE_SECRET_KEY", "sk_test_two words"),
        ("STRIPE_SECRET_KEY", "sk_live_whatever"),  # real money has to be asked for
        ("STRIPE_SECRET_KEY", "rk_live_whatever"),
        ("STRIPE_WEBHOOK_SECRETS", "sk_test_whatever"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_one,two"),
        ("STRIPE_API_BASE", "https://api.stripe.com"),
        ("STRIPE_API_BASE", "https://localhost:8912"),
        ("STRIPE_API_BASE", "http://stripe.example.org"),
        ("STRIPE_API_BASE", "http://localhost.example.org"),
        ("STRIPE_API_BASE", "localhost:8912"),
        ("STRIPE_LIVE", "yes"),  # without a key
        ("STRIPE_LIVE", "perhaps"),
    ],
)
def test_a_value_that_cannot_be_read_stops_with_one_sentence(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert variable in refusal(monkeypatch, tmp_path, {variable: value})


@pytest.mark.parametrize(("variable", "value"), [("PORT", "http"), ("SITE_URL", "booking.example.org")])
def test_whoever_starts_it_reads_the_sentence_and_nothing_else(variable: str, value: str, tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "check", **{variable: value})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("Settings: ")
    assert variable in done.stderr


def test_a_test_key_and_real_money_do_not_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, tmp_path, {"STRIPE_SECRET_KEY": "sk_test_whatever", "STRIPE_LIVE": "yes"})
    assert "STRIPE_LIVE is set and STRIPE_SECRET_KEY is a test key" in said


@pytest.mark.parametrize(
    ("environment", "page"),
    [
        ({}, "'self'"),
        ({"STRIPE_SECRET_KEY": "sk_test_whatever"}, "'self' https://checkout.stripe.com"),
        (
            {"STRIPE_SECRET_KEY": "rk_test_whatever", "STRIPE_API_BASE": "http://127.0.0.1:8912/"},
            "'self' http://127.0.0.1:8912",
        ),
    ],
)
def test_forms_lead_to_the_processors_page_alone_and_only_where_there_is_one(
    environment: dict[str, str], page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = understood(monkeypatch, tmp_path, environment)
    assert " ".join(settings["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["form-action"]) == page


def test_two_webhook_secrets_are_taken_while_one_replaces_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"STRIPE_SECRET_KEY": "sk_test_whatever", "STRIPE_WEBHOOK_SECRETS": "whsec_old, whsec_new"}
    settings = understood(monkeypatch, tmp_path, told)
    assert settings["STRIPE_WEBHOOK_SECRETS"] == ["whsec_old", "whsec_new"]


@pytest.mark.parametrize("variable", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS"])
def test_no_key_of_stripes_is_said_aloud(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in refusal(monkeypatch, tmp_path, {variable: "sk_live_hunter2"})


@pytest.mark.parametrize("variable", ["DATABASE_URL", "EMAIL_URL", "FILES_URL"])
def test_no_secret_is_said_aloud(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in refusal(monkeypatch, tmp_path, {variable: "gopher://user:hunter2@host/name"})
    assert "hunter2" not in refusal(monkeypatch, tmp_path, {variable: "smtp://user:hunter2@host:port/name"})


def test_lists_may_have_spaces_and_a_trailing_comma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = understood(monkeypatch, tmp_path, {"ALLOWED_HOSTS": "a.example, b.example,"})
    assert (settings["ALLOWED_HOSTS"], settings["SECRET_KEY_FALLBACKS"]) == (["a.example", "b.example"], [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("submission://user:p%40ss@host", ("smtp", "host", 587, True, False, "p@ss", None)),
        ("smtp://host:465/?ssl=True", ("smtp", "host", 465, False, True, None, None)),
        ("smtp://localhost", ("smtp", "localhost", 25, False, False, None, None)),
        ("file:///var/mail/out", ("filebased", None, None, False, False, None, "/var/mail/out")),
        ("console:", ("console", None, None, False, False, None, None)),
    ],
)
def test_every_address_of_a_mail_server_that_the_table_shows_is_understood(
    url: str, expected: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = understood(monkeypatch, tmp_path, {"EMAIL_URL": url})
    names = ("HOST", "PORT", "USE_TLS", "USE_SSL", "HOST_PASSWORD", "FILE_PATH")
    assert (settings["EMAIL_BACKEND"].split(".")[-2], *(settings[f"EMAIL_{name}"] for name in names)) == expected


def test_files_lie_in_the_data_folder_unless_a_bucket_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = understood(monkeypatch, tmp_path, {})["STORAGES"]["default"]
    assert (storage["BACKEND"].rpartition(".")[2], storage["OPTIONS"]) == (
        "FileSystemStorage",
        {"location": tmp_path / "files"},
    )
    url = "s3://k%2Fey:se%2Fcret@cintima-files?endpoint=https://storage.example.org:9000&region=eu-1"
    storage = understood(monkeypatch, tmp_path, {"FILES_URL": url})["STORAGES"]["default"]
    options = storage["OPTIONS"]
    assert storage["BACKEND"] == "storages.backends.s3.S3Storage"
    assert [options[name] for name in ("access_key", "secret_key", "bucket_name", "endpoint_url", "region_name")] == [
        "k/ey",
        "se/cret",
        "cintima-files",
        "https://storage.example.org:9000",
        "eu-1",
    ]
    assert (options["client_config"].s3, options["querystring_auth"]) == ({"addressing_style": "path"}, True)
    assert "custom_domain" not in options


# -- production --------------------------------------------------------------------------------------------------------
def test_production_with_sound_values_has_nothing_to_be_warned_of(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **production(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", None),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "too-short"),
        ("SECRET_KEY", "a" * 60),
        ("SECRET_KEY", "development-only-key-that-production-refuses-0123456789"),
        ("SITE_URL", None),
        ("SITE_URL", "http://booking.example.org"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "booking.example.org,*"),
        ("EMAIL_URL", None),
        ("EMAIL_URL", "console:"),
        ("EMAIL_URL", "file:///tmp/mail"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("DATABASE_URL", "sqlite://"),
        ("FILES_URL", "s3://key:secret@bucket?endpoint=http://storage.example.org"),
        ("STRIPE_SECRET_KEY", "sk_test_whatever"),
        ("STRIPE_SECRET_KEY", "sk_live_whatever"),
        ("STRIPE_API_BASE", "http://127.0.0.1:8912"),
    ],
)
def test_production_refuses_what_is_only_fit_for_trying_out(
    variable: str, value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = production(tmp_path, **{variable: value})
    assert variable in refusal(monkeypatch, tmp_path, environment)


LIVE = {"STRIPE_SECRET_KEY": "sk_live_whatever", "STRIPE_LIVE": "yes", "STRIPE_WEBHOOK_SECRETS": "whsec_one"}


def test_production_takes_real_money_with_all_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = understood(monkeypatch, tmp_path, production(tmp_path, **LIVE))
    assert (settings["STRIPE_LIVE"], settings["STRIPE_PAGE"]) == (True, "https://checkout.stripe.com")


def test_production_believes_nobody_without_a_webhook_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = production(tmp_path, **{**LIVE, "STRIPE_WEBHOOK_SECRETS": None})
    assert "STRIPE_WEBHOOK_SECRETS is missing" in refusal(monkeypatch, tmp_path, told)


def test_play_money_cannot_be_had_in_production(tmp_path: Path) -> None:
    show = (
        "import django; django.setup(); from django.conf import settings; from booking.payments import gateways; "
        "print(settings.SANDBOX_PAYMENTS, settings.DEBUG, 'sandbox' in gateways.offered())"
    )
    told = {"SANDBOX_PAYMENTS": "true", "DEBUG": "true"}
    assert run(tmp_path, "-c", show, **production(tmp_path), **told).stdout == "False False False\n"
    assert run(tmp_path, "-c", show, **told).stdout == "True False True\n"
