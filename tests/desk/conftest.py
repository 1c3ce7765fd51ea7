"""The registrar and their browser."""

import pytest
from django.test import Client

from tests import factories
from workshops.people.models import Role, User


@pytest.fixture
def robin() -> User:
    """The registrar."""
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def desk(robin: User) -> Client:
    """The registrar's browser."""
    client = Client()
    client.force_login(robin)
    return client
