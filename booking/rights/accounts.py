"""Which accounts are one person's."""

from workshops.people.models import User


def accounts_of(person: User) -> list[User]:
    """The person's account and all that were merged into it."""
    return [person, *person.merged.all()]
