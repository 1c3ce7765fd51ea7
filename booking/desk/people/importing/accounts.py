"""Carrying out an import, so that whoever is new by it can sign in."""

from datetime import datetime

from allauth.account.models import EmailAddress

from workshops.people.models import User
from workshops.prerequisites.importing.carrying_out import carry_out
from workshops.prerequisites.importing.comparing import Plan
from workshops.transactions import writes


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
