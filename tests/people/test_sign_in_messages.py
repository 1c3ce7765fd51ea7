"""The e-mails of signing in: at once, in the words and the look of every other."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from booking.site.accounts import KINDS, NOTICES
from tests import factories
from tests.factories import NOW
from workshops.messages.models import Message, Wording
from workshops.messages.wording import shipped_source
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
PASSWORD = "four-quiet-days"


@pytest.fixture(autouse=True)
def _no_limits_left_over() -> None:
    cache.clear()


@pytest.fixture
def anna() -> User:
    """Somebody in Paris with a confirmed address."""
    found = factories.person(
        Role.TRAINEE, name="Anna", email="anna@example.org", password=PASSWORD, time_zone="Europe/Paris"
    )
    EmailAddress.objects.get_or_create(user=found, email=found.email, defaults={"verified": True, "primary": True})
    return found


def last() -> EmailMultiAlternatives:
    assert isinstance(mail.outbox[-1], EmailMultiAlternatives)
    return mail.outbox[-1]


def body() -> str:
    return str(last().body)


def html() -> str:
    (content, mimetype), *_ = last().alternatives
    assert mimetype == "text/html"
    return str(content)


def code_in(body: str) -> str:
    return next(line.strip() for line in body.splitlines() if line.startswith("    "))


def test_a_code_comes_in_text_and_in_html_and_lies_nowhere(client: Client, anna: User) -> None:
    client.post("/accounts/login/code/", {"email": anna.email})
    sent = last()
    assert sent.subject == "Your code to sign in"
    assert sent.body.startswith("Hello,\n\nHere is your code to sign in:\n\n    ")
    assert "within 3 minutes" in sent.body
    assert code_in(body()) in html()
    assert sent.body.endswith("\n-- \nYou get this e-mail because this address was entered at CINTIMA.\n")
    assert (sent.from_email, sent.extra_headers["Auto-Submitted"]) == (settings.DEFAULT_FROM_EMAIL, "auto-generated")
    assert not Message.objects.exists()


def test_the_school_says_it_in_its_own_words(client: Client, anna: User) -> None:
    ours = shipped_source("account-code").replace("Hello,", "Good to see you,")
    Wording.objects.create(kind="account-code", source=ours, revised_at=NOW)
    client.post("/accounts/login/code/", {"email": anna.email})
    assert last().body.startswith("Good to see you,")
    client.post("/accounts/login/code/confirm/", {"code": code_in(body())})
    assert client.session["_auth_user_id"] == str(anna.pk)


@pytest.mark.parametrize("source", ["", "Subject: x", "{% broken", "Subject: x\n\n    {{ kode }}"])
def test_nobody_is_locked_out_by_words(client: Client, anna: User, source: str) -> None:
    Wording.objects.create(kind="account-code", source=source, revised_at=NOW)
    client.post("/accounts/login/code/", {"email": anna.email})
    client.post("/accounts/login/code/confirm/", {"code": code_in(body())})
    assert client.session["_auth_user_id"] == str(anna.pk)


def test_whoever_signs_up_twice_is_led_to_a_new_password_and_an_unknown_address_to_an_account(
    client: Client, anna: User
) -> None:
    client.post(
        "/accounts/signup/", {"email": anna.email, "password1": PASSWORD, "name": "[Pay](https://evil.example/)"}
    )
    assert last().subject == "You already have an account with us"
    assert f"{settings.SITE_URL}/accounts/password/reset/" in last().body
    assert "evil" not in last().body
    Client().post("/accounts/login/code/", {"email": "nobody@example.org"})
    assert last().subject == "No account with this address"
    assert f"Open an account:\n{settings.SITE_URL}/accounts/signup/" in last().body


def test_a_new_password_is_chosen_by_the_link_and_told_by_name_in_both_zones(client: Client, anna: User) -> None:
    client.post("/accounts/password/reset/", {"email": anna.email})
    found = re.search(r"Choose a new password:\n(\S+)", body())
    assert found is not None
    page = client.get(found[1].removeprefix(settings.SITE_URL), follow=True)
    where = page.redirect_chain[-1][0] if page.redirect_chain else found[1]
    client.post(where, {"password1": f"{PASSWORD}-new", "password2": f"{PASSWORD}-new"}, headers={"user-agent": "A\tB"})
    assert last().subject == "Your password has changed"
    assert last().body.startswith("Dear Anna,\n\nThe password of your account was reset, and a new one chosen.")
    assert "With: A B\n" in last().body
    assert re.search(r"When: .* P[SD]T \(.* CES?T where you are\)\n", body())


def test_every_notice_can_be_said() -> None:
    given = {"from_email": "a@example.org", "to_email": "b@example.org", "deleted_email": "{c}@example.org"}
    assert all(notice.what.format(**given).endswith(".") for notice in NOTICES.values())
    assert not set(NOTICES) & set(KINDS)
