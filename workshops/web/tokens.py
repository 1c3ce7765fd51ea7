"""Who asks: the bearer of a token, or somebody signed in to the site in the same browser."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import BigIntegerField, CharField, Q
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware

from workshops.compiled import Compiled, Parameter
from workshops.people.models import ApiToken, Role, RoleGrant, Scope, User
from workshops.transactions import Busy, writes
from workshops.web.problems import Problem

# When a token was last used is for people who tidy up their tokens; a write for every request would be waste.
LAST_USED_EVERY = timedelta(minutes=5)

# Reading and booking are for anyone (what they reach is their own); these scopes mean nothing without the role.
_NEEDS_ROLE = {
    Scope.TEACH: frozenset({Role.INSTRUCTOR, Role.REGISTRAR}),
    Scope.REGISTRAR: frozenset({Role.REGISTRAR}),
}

# Asked with every request of a program.
_TOKEN = Compiled(lambda: ApiToken.objects.select_related("user").filter(digest=Parameter("digest", CharField())))
_ROLES = Compiled(lambda: RoleGrant.objects.filter(user=Parameter("user", BigIntegerField())).order_by())


@dataclass(frozen=True)
class Caller:
    """Who asks, what they may be asked to do with this token or session, and the name they are counted under."""

    user: User
    scopes: frozenset[Scope]
    counted_as: str


def scopes_of(user: User) -> list[Scope]:
    """Every scope that this person's roles give a meaning to, the gentlest first."""
    return [scope for scope in Scope if scope not in _NEEDS_ROLE or _NEEDS_ROLE[scope] & user.roles]


def identify(request: HttpRequest, now: datetime) -> Caller | None:
    """Say who asks; None when the request names nobody. Sets `request.user`. One or two statements.

    Raises:
        Problem: ``unauthenticated`` for an Authorization header that is no good, whatever cookies come with it;
            ``csrf`` for a change asked by a browser session that does not prove it came from our own pages.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        return _bearer(request, header, now)
    if not isinstance(request.user, User):
        return None
    if not _from_our_own_pages(request):
        raise Problem("csrf")
    user = request.user
    return Caller(user, frozenset(scopes_of(user)), f"session of {user.public_id}")


def _bearer(request: HttpRequest, header: str, now: datetime) -> Caller:
    request.user = AnonymousUser()
    kind, _, secret = header.partition(" ")
    secret = secret.strip()
    if kind.lower() != "bearer" or not secret:
        raise Problem("unauthenticated", "The Authorization header must read: Bearer, a space, and the token.")
    token = next(iter(_TOKEN(digest=ApiToken.digest_of(secret))), None)
    if token is None or token.revoked_at is not None or token.expires_at <= now or not token.user.is_active:
        raise Problem("unauthenticated")
    if token.last_used_at is None or token.last_used_at <= now - LAST_USED_EVERY:
        _note_use(token, now)
    token.user.roles = frozenset(Role(grant.role) for grant in _ROLES(user=token.user_id))
    request.user = token.user
    allowed = frozenset(scope for scope in scopes_of(token.user) if scope in token.scopes)
    return Caller(token.user, allowed, f"token {token.digest}")


def _note_use(token: ApiToken, now: datetime) -> None:
    @writes
    def note() -> None:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_EVERY)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)

    with suppress(Busy):  # the next request notes it; nobody's work waits for a note
        note()


def _from_our_own_pages(request: HttpRequest) -> bool:
    """Django's own check of the CSRF token, which it leaves to us for views that tokens may call as well."""
    check = CsrfViewMiddleware(lambda _: HttpResponseForbidden())
    request.csrf_processing_done = False  # type: ignore[attr-defined]
    check.process_request(request)
    return check.process_view(request, _a_view, (), {}) is None


def _a_view(_request: HttpRequest) -> HttpResponse:
    """A view without an exemption, for the check above to look at."""
    raise AssertionError("It is never called.")
