"""The API of one's private calendars: a secret address made, and ended."""

from dataclasses import dataclass

from ninja import Router, Status
from pydantic import BaseModel

from booking.calendars import tokens
from booking.calendars.models import FeedKind
from workshops.people.models import Scope
from workshops.web.operations import PersonsRequest, operation, signed_in
from workshops.web.problems import Problem

router = Router(tags=["You"])

SCOPE_OF = {
    FeedKind.TRAINEE: Scope.BOOK,
    FeedKind.INSTRUCTOR: Scope.TEACH,
    FeedKind.MENTOR: Scope.BOOK,
    FeedKind.REGISTRAR: Scope.REGISTRAR,
}
"""What a token must be for to make an address of each kind: with it one reads on what the token itself may read."""


@dataclass(frozen=True)
class FeedAnswer:
    """A private calendar. `url` is a secret that is told this once: give it to a calendar program alone."""

    kind: str
    url: str


class FeedAsked(BaseModel):
    """Which of your calendars; `GET /me` lists them."""

    kind: FeedKind


@operation(
    router,
    "POST",
    "/me/feeds",
    {201: FeedAnswer},
    access=signed_in(Scope.BOOK, Scope.TEACH, Scope.REGISTRAR),
    keeps_answers=False,
)
def make_feed(request: PersonsRequest, asked: FeedAsked) -> Status[FeedAnswer]:
    """Make the secret address of a calendar of yours

    The address you had for it, if any, ends at once. The answer is not kept and an Idempotency-Key is not looked at:
    each call makes another address. The token needs the scope `book` for the kinds `trainee` and `mentor`, `teach` for
    `instructor`, and `registrar` for `registrar`; with `not-allowed` you do not have the role.
    """
    try:
        tokens.check(request.person, asked.kind)
        if SCOPE_OF[asked.kind] not in request.scopes:
            raise Problem("scope-missing", f"This call needs a token with the scope `{SCOPE_OF[asked.kind]}`.")
        token, url = tokens.make(request.person, asked.kind, now=request.now)
    except tokens.NoSuchRole:
        raise Problem("not-allowed") from None
    return Status(201, FeedAnswer(token.kind, url))


@operation(
    router,
    "DELETE",
    "/me/feeds/{kind}",
    {204: None},
    access=signed_in(Scope.BOOK, Scope.TEACH, Scope.REGISTRAR),
)
def end_feed(request: PersonsRequest, kind: str) -> None:
    """End the secret address of a calendar of yours

    Whoever fetches it is answered 404 from now on. There need not be a role any more; `not-found` where there is no
    such address.
    """
    if kind not in FeedKind.values or not tokens.revoke(
        request.person, FeedKind(kind), by=request.person, now=request.now
    ):
        raise Problem("not-found")
