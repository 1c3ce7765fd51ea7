"""Whose an e-mail address is."""

from collections.abc import Collection

from allauth.account.models import EmailAddress
from django.db.models.functions import Lower

from workshops.people.models import User


def accounts_at(addresses: Collection[str]) -> dict[str, User]:
    """The account behind each of these addresses, whatever their case; keys are in lower case, strangers are left out.

    A further address that its owner has confirmed is theirs as well: so is that of an account which was merged into
    theirs. An account that was merged is answered for by the one that took over, and one that was erased is nobody's.
    Two statements.
    """
    wanted = {address.strip().lower() for address in addresses}
    known = User.objects.alias(address=Lower("email")).filter(address__in=wanted).select_related("merged_into")
    found: dict[str, User] = {user.email.lower(): user for user in known}
    further = EmailAddress.objects.alias(address=Lower("email")).filter(address__in=wanted - found.keys())
    confirmed = further.filter(verified=True).select_related("user__merged_into")
    found |= {each.email.lower(): each.user for each in confirmed}
    found = {address: user.merged_into or user for address, user in found.items()}
    return {address: user for address, user in found.items() if user.erased_at is None}


def account_at(address: str) -> User | None:
    """The same for one address."""
    return accounts_at([address]).get(address.strip().lower())
