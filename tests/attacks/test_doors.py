"""Around the pages: what caches keep, what limits remember, what tokens and second factors let through."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from booking.reservations import admission, reserving
from tests import factories
from tests.asking import Program
from tests.desk.doors import browser
from tests.factories import NOW
from workshops.messages import outbox
from workshops.messages.models import Message, MessageState
from workshops.people.models import ApiToken, Role, Scope

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/", "/cohorts/{code}/", "/conduct/1/", "/nothing-here/", "/desk/"])
def test_no_page_that_greets_someone_is_kept_by_a_cache(path: str) -> None:
    address = path.format(code=factories.cohort().code)
    answer = browser(Role.TRAINEE, name="Ana Lima").get(address)
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


def test_the_public_calendar_may_still_be_kept_by_caches() -> None:
    client = browser(Role.TRAINEE)
    assert client.get("/calendar/cohorts.ics")["Cache-Control"] == "public, max-age=900"


def test_nobody_can_make_the_limits_of_signing_in_forget_by_trying_many_addresses() -> None:
    cache.set("limit-of-anna", 5)
    for number in range(700):
        cache.set(f"limit-of-somebody-{number}", 1)
    assert cache.get("limit-of-anna") == 5


def test_a_message_that_another_worker_sent_meanwhile_has_not_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker was so slow that its lease ran out, and then it failed."""
    factories.reservation()

    def sent_by_another(message: Message, *_: object) -> None:
        Message.objects.filter(pk=message.pk).update(state=MessageState.SENT, sent_at=NOW, lease_until=None)
        raise OSError("the connection is gone")

    monkeypatch.setattr(outbox, "_send", sent_by_another)
    assert outbox.send_due(now=NOW) == 1
    assert Message.objects.get().state == MessageState.SENT


@pytest.mark.parametrize("role", [Role.REGISTRAR, Role.BOOKKEEPER])
def test_without_a_second_factor_neither_page_nor_admin_nor_api_opens_in_production(
    role: Role, settings: Settings
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    client = browser(role)
    paths = ("/desk/money/", "/desk/money/journal.csv", "/admin/", "/profile/", "/", "/desk/../desk/money/")
    assert {client.get(path).status_code for path in paths} == {302}
    assert {client.get(path)["Location"] for path in paths} == {"/accounts/2fa/"}
    assert client.get("/api/v1/me").status_code == 403


def test_a_token_does_nothing_once_its_person_lost_the_role_or_the_account() -> None:
    registrar = factories.person(Role.REGISTRAR)
    program = Program.of(registrar)
    assert program.get("/completions").status == 200
    registrar.role_grants.all().delete()
    assert program.get("/completions").problem == (403, "not-allowed")
    type(registrar).objects.filter(pk=registrar.pk).update(is_active=False)
    assert program.get("/me").problem == (401, "unauthenticated")


def test_a_token_says_nothing_of_more_scopes_than_its_person_has_roles_for() -> None:
    program = Program.of(factories.person(Role.TRAINEE), *Scope)
    assert program.get("/completions").problem == (403, "not-allowed")
    assert ApiToken.objects.get().scopes == [str(scope) for scope in Scope]


def test_sessions_of_someone_whose_account_was_closed_open_nothing() -> None:
    anna = factories.person(Role.TRAINEE)
    client = Client()
    client.force_login(anna)
    assert client.get("/where-you-stand/").status_code == 200
    type(anna).objects.filter(pk=anna.pk).update(is_active=False)
    answer = client.get("/where-you-stand/")
    assert (answer.status_code, answer["Location"][:16]) == (302, "/accounts/login/")


def test_a_hold_lasts_no_second_longer_than_it_says() -> None:
    held = factories.reservation()
    assert held.held_until == NOW + timedelta(minutes=60)
    assert held.state_at(held.held_until) == "expired"
    assert held.state_at(held.held_until - timedelta(microseconds=1)) == "held"


@pytest.mark.parametrize("address", ["known@example.org", "new@example.org"])
def test_signing_up_hashes_one_password_whether_or_not_the_address_has_an_account(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time it takes must not tell who has an account here."""
    factories.person(Role.TRAINEE, email="known@example.org", password="a-password-of-theirs")
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    form = {"email": address, "name": "Ana", "password1": "quite-another-password"}
    answer = Client().post("/accounts/signup/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/confirm-email/")
    assert len(hashed) == 1


def test_nobody_reserves_once_the_cohort_has_begun_whatever_its_bookings_say() -> None:
    cohort = factories.cohort()
    type(cohort).objects.filter(pk=cohort.pk).update(
        starts_on=NOW.date(), ends_on=NOW.date() + timedelta(days=3), bookings_close_at=NOW + timedelta(days=2)
    )
    with pytest.raises(admission.BookingClosed):
        reserving.hold(cohort, factories.trainee(), now=NOW)


def test_an_import_that_would_now_do_less_than_was_shown_does_nothing() -> None:
    """Another registrar records one of two facts between the dry run and the button."""
    desk, ana, ben = browser(Role.REGISTRAR), factories.person(Role.TRAINEE), factories.person(Role.TRAINEE)
    sheet = "e-mail,fact,module,date\n" + "".join(
        f"{someone.email},completion,III,2026-05-01\n" for someone in (ana, ben)
    )
    shown = desk.post("/desk/people/import/", {"text": sheet})
    assert shown.context["plan"].is_ready, shown.content.decode()
    factories.finish(ana, "module-iii", date(2026, 5, 1))
    answer = desk.post("/desk/people/import/confirm/", {"carried": shown.context["carried"]})
    assert answer.status_code == 409
    assert not ben.completions.exists()
