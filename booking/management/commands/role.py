"""`manage.py role EMAIL ROLE`: gives or takes a role, for the first registrar and for emergencies."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import EmailValidator

from booking.desk.people.accounts import open_account
from workshops.clock import current_time
from workshops.people.addresses import account_at
from workshops.people.closing import Closed
from workshops.people.models import Role, User
from workshops.people.roles import grant, withdraw


class Command(BaseCommand):
    """Gives a role to somebody, making their account where there is none: they sign in with a code by e-mail."""

    help = "Give EMAIL a role (or take it, with --take). An account is made where there is none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email")
        parser.add_argument("role", choices=Role.values)
        parser.add_argument("--take", action="store_true", help="take the role instead of giving it")
        parser.add_argument("--name", default="", help="what to call someone whose account is made now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say whether it changed anything."""
        email, role = options["email"].strip().lower(), Role(options["role"])
        user = account_at(email)
        if options["take"]:
            changed = user is not None and withdraw(user, role, by=None, now=current_time())
        else:
            try:
                changed = grant(user or self._account(email, options["name"]), role, by=None, now=current_time())
            except Closed as closed:
                raise CommandError(str(closed)) from None
        verb = "no longer has" if options["take"] else "has"
        self.stdout.write(f"{email} {verb} the role {role.label}{'' if changed else ', as before'}.")

    def _account(self, email: str, name: str) -> User:
        try:
            EmailValidator()(email)
        except ValidationError:
            raise CommandError(f"{email} is not an e-mail address.") from None
        self.stdout.write(f"An account is made for {email}; they sign in with a code by e-mail.")
        return open_account(name=name, email=email, roles=(), by=None, now=current_time())
