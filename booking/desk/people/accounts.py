"""What a registrar may do with an account: open one, correct its profile, give and take roles.

An account that a registrar opens has an address that nobody has confirmed yet. The first code that its owner enters
confirms it, so one code is enough to come in.
"""

from collections.abc import Iterable
from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.urls import reverse

from workshops.history.record import record
from workshops.messages.outbox import queue
from workshops.people.forms import ProfileForm
from workshops.people.models import Role, RoleGrant, User
from workshops.people.roles import grant, withdraw
from workshops.prerequisites.importing.carrying_out import carry_out
from workshops.prerequisites.importing.comparing import Plan
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
def import_facts(planned: Plan, *, by: User, now: datetime) -> Plan:
    """Carry out an import, and let the people who got an account by it sign in.

    Raises:
        Changed: as `carry_out` does; nothing has been written then.
    """
    done = carry_out(planned, by=by, now=now)
    made = User.objects.filter(email__in=[email for email, _ in done.people])
    EmailAddress.objects.bulk_create(EmailAddress(user=user, email=user.email, primary=True) for user in made)
    return done


@writes
def correct_profile(form: ProfileForm, *, by: User, now: datetime) -> bool:
    """Save a profile that a registrar has corrected; say whether that changed anything."""
    if not form.has_changed():
        return False
    person = form.save()
    fields = ", ".join(sorted(form.changed_data))
    record("profile-changed", about=("person", person.public_id), person=person, by=by, now=now, fields=fields)
    return True


@writes
def take_role(person: User, role: Role, *, by: User, now: datetime) -> bool:
    """Take a role; say whether that changed anything. Locks the registrars' grants when it is theirs.

    Raises:
        LastRegistrar: when nobody active would be left to run the desk.
    """
    if role == Role.REGISTRAR:
        # Two registrars who take the role from each other at the same moment must not both succeed.
        holders = RoleGrant.objects.filter(role=Role.REGISTRAR, user__is_active=True).order_by("pk")
        if [holder.user_id for holder in holders.select_for_update(of=("self",))] == [person.pk]:
            raise LastRegistrar
    return withdraw(person, role, by=by, now=now)
