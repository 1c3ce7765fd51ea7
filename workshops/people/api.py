"""The API about oneself."""

from dataclasses import dataclass

from ninja import Router

from workshops.people.models import Role, Scope, User
from workshops.web.operations import PersonsRequest, operation, signed_in

router = Router(tags=["You"])


@dataclass(frozen=True)
class Me:
    """Who you are here."""

    name: str
    email: str
    roles: list[str]
    feeds: list[str]


@operation(router, "GET", "/me", {200: Me}, access=signed_in(Scope.READ))
def me(request: PersonsRequest) -> Me:
    """Who you are here

    Your roles say what you may do; `feeds` are the kinds of calendar you may subscribe to.
    """
    person = request.person
    return Me(person.name, person.email, sorted(person.roles), feed_kinds(person))


def feed_kinds(person: User) -> list[str]:
    """The kinds of private calendar that this person may subscribe to: of every role that has days of its own."""
    return sorted(person.roles - {Role.BOOKKEEPER})
