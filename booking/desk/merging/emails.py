"""What a person is told when two accounts of theirs become one. Queued in the transaction that does it."""

from collections.abc import Collection
from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.urls import reverse

from workshops.messages.outbox import queue, queue_to_address
from workshops.people.models import User


def merged(survivor: User, was: str, brought: Collection[str], goes: str, *, now: datetime) -> None:
    """Tell the person at every address that they have confirmed; where there is none, where all their e-mail goes.

    `was` is the address of the account that went (its public id `goes`), and `brought` are those that open the one that
    stays from now on.
    """
    own = EmailAddress.objects.filter(user=survivor, email__iexact=survivor.email, verified=True).exists()
    context = {
        "addresses": ", ".join([survivor.email, *brought]),
        "was": was,
        "closed": "" if was.lower() in {each.lower() for each in brought} else was,
        "link": f"{settings.SITE_URL}{reverse('account_email')}",
    }
    about = ("merged", goes)
    if own or not brought:
        queue("accounts-merged", about, survivor, context, now=now)
    for step, address in enumerate(brought, start=1):
        queue_to_address("accounts-merged", about, survivor, address, context, now=now, step=step)
