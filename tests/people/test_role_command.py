"""`manage.py role`: how the first registrar comes to be."""

from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from tests import factories
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db


def role(*arguments: str) -> str:
    said = StringIO()
    call_command("role", *arguments, stdout=said)
    return said.getvalue()


def test_the_first_registrar_gets_an_account_that_can_sign_in_with_a_code() -> None:
    assert role("Rae@example.org", "registrar").endswith("rae@example.org has the role Registrar.\n")
    rae = User.objects.get()
    assert (rae.roles, rae.has_usable_password()) == (frozenset({Role.REGISTRAR}), False)
    assert EmailAddress.objects.get(user=rae).primary
    assert [line.what for line in HistoryLine.objects.all()] == ["account-made", "role-granted"]


def test_a_role_is_given_once_and_taken_again() -> None:
    rae = factories.person(Role.TRAINEE, email="rae@example.org")
    role("rae@example.org", "mentor")
    assert role("rae@example.org", "mentor") == "rae@example.org has the role Mentor, as before.\n"
    assert role("rae@example.org", "mentor", "--take") == "rae@example.org no longer has the role Mentor.\n"
    assert User.objects.get(pk=rae.pk).roles == frozenset({Role.TRAINEE})


def test_what_is_no_address_makes_no_account() -> None:
    with pytest.raises(CommandError, match="is not an e-mail address"):
        role("rae", "registrar")
    assert not User.objects.exists()
