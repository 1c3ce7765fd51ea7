"""Which accounts are one person's."""

from workshops.people.models import User


def accounts_of(person: User) -> list[User]:
    """The person's account and all that were merged into it, however often."""
    found, new = [person], [person]
    while new:
        new = list(User.objects.filter(merged_into__in=new).exclude(pk__in=[each.pk for each in found]))
        found += new
    return found
