"""Make an API token for one person and print its key, which cannot be had again."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workshops.clock import current_time
from workshops.people.addresses import account_at
from workshops.people.keys import issue
from workshops.people.models import Scope
from workshops.web.tokens import scopes_of


class Command(BaseCommand):
    """Print a new token's key, and nothing else, to standard output."""

    help = "Makes an API token for the person with this e-mail address and prints its key. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, for what, under which name and for how long."""
        parser.add_argument("email")
        parser.add_argument(
            "--scope",
            action="extend",
            nargs="+",
            choices=Scope.values,
            metavar="S",
            help=f"what it may be used for: {', '.join(Scope.values)}; without it, all that the person's roles allow",
        )
        parser.add_argument("--name", default="Command line", help="what its owner knows it by")
        parser.add_argument("--days", type=int, default=365, help="how many days it lasts, 1 to 3650")

    def handle(self, *_args: Any, **given: Any) -> None:
        """Make it.

        Raises:
            CommandError: when nobody active has the address, or the days or the name make no sense.
        """
        user = account_at(given["email"])
        if user is None or not user.is_active:
            raise CommandError("Nobody with an active account has this address.")
        if not 1 <= given["days"] <= 3650:
            raise CommandError("A token lasts between 1 and 3650 days.")
        if not 1 <= len(given["name"]) <= 80:
            raise CommandError("A name has between 1 and 80 characters.")
        scopes = [scope for scope in Scope if scope in given["scope"]] if given["scope"] else scopes_of(user)
        lasts = timedelta(days=given["days"])
        _, key = issue(user, name=given["name"], scopes=scopes, lasts=lasts, by=None, now=current_time())
        self.stdout.write(key)
