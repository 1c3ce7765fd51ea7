"""What a registrar may do with an account: open one, give and take roles.

An account that a registrar opens has an address that nobody has confirmed yet. The first code that its owner enters
confirms it, so one code is enough to come in.
"""

from collections.abc import Iterable
from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.urls import reverse

from workshops.history.record import record
from workshops.mentors.mentorships import check_role_may_go
from workshops.messages.outbox import queue
from workshops.people.models import Role, User
from workshops.people.roles import grant, registrars, withdraw
from workshops.transactions import writes


class LastRegistrar(Exception):
    """Without this person nobody could run the desk any more."""


@writes
def open_account(*, name: str, email: str, roles: Iterable[Role], by: User | None, now: datetime) -> User:
    """Make an account that its owner enters with a code by e-mail, give it these roles, and tell its owner."""
    person = User.objects.create_user(email, name=name)
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=False)
    record("account-made", about=("person", person.public_id), person=person, by=by, now=now)
    for role in roles:
        grant(person, role, by=by, now=now)
    queue(
        "account-opened",
        ("person", person.public_id),
        person,
        {"email": person.email, "link": f"{settings.SITE_URL}{reverse('account_request_login_code')}"},
        now=now,
    )
    return person


@writes
def take_role(person: User, role: Role, *, by: User, now: datetime) -> bool:
    """Take a role; say whether that changed anything.

    Locks the person where mentoring needs the role, and the registrars' grants when it is theirs.

    Raises:
        LastRegistrar: when nobody active would be left to run the desk.
        BadFact: when they mentor somebody by it, or are mentored by it.
    """
    check_role_may_go(person, role)
    if role == Role.REGISTRAR:
        # Two registrars who take the role from each other at the same moment must not both succeed.
        holders = [holder.user_id for holder in registrars().select_for_update(of=("self",))]
        if holders == [person.pk]:
            raise LastRegistrar
    return withdraw(person, role, by=by, now=now)
