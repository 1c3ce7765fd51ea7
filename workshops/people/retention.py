"""What is kept of an account: who somebody is, how they sign in, what they may do."""

from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Concat

from workshops.retention import (
    GOES,
    WITH_ACCOUNT,
    AboutNobody,
    Clock,
    Keeping,
    Person,
    Topic,
    emptied,
    keys,
    shown,
    unseen,
    workings,
)

ERASED_HOST = "erased.invalid"
TOKEN_KEPT = timedelta(days=90)
_SECRET = "A secret that protects your account. It is kept so that nobody can read it back."  # noqa: S105
_A_FORTNIGHT = f"Until you sign out, {settings.SESSION_COOKIE_AGE // 86_400} days at most."


def _sessions_of(person: Person) -> Q:
    """Django's sessions name their person only inside what they carry."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    from django.contrib.sessions.models import Session

    found = [
        session.session_key
        for session in Session.objects.iterator()
        if store.decode(session.session_data).get("_auth_user_id") == str(person.account.pk)
    ]
    return Q(session_key__in=found)


def _gone_session() -> Q:
    from django.contrib.sessions.models import Session

    return ~Q(Exists(Session.objects.filter(session_key=OuterRef("session_key"))))


def _looked_at(person: Person) -> Q:
    return Q(content_type__app_label="workshops", content_type__model="user", object_id=str(person.account.pk))


def _scopes(token: Any) -> str:
    return ", ".join(token.scopes)


KEEPS = (
    Keeping(
        "workshops.User",
        Topic.ACCOUNT,
        "Your account: what we call you, how we reach you",
        WITH_ACCOUNT,
        of=("pk",),
        stays="The books and the certification records need somebody to belong to. Nothing in it says who that was.",
        fields={
            **keys("id merged_into"),
            "public_id": shown("Number", why="The books and the history name the account by it."),
            "password": unseen(_SECRET, lambda _: make_password(None)),
            "last_login": emptied("Signed in last", None),
            "email": emptied("E-mail address", Concat(Value("erased-"), "public_id", Value(f"@{ERASED_HOST}"))),
            "name": emptied("Name"),
            "pronouns": emptied("Pronouns"),
            "phone": emptied("Phone"),
            "legal_name": emptied("Legal name"),
            "country": emptied("Country"),
            "time_zone": emptied("Time zone"),
            "wants_reminders": emptied("Reminders before a workshop", to=False),
            "is_active": emptied("May sign in", to=False),
            "created_at": shown("Account made"),
            "erased_at": unseen("It is empty until you are erased.", lambda person: person.now),
        },
    ),
    Keeping(
        "account.EmailAddress",
        Topic.ACCOUNT,
        "The addresses with which you sign in",
        WITH_ACCOUNT,
        of=("user",),
        stays=GOES,
        fields={
            **keys("id user"),
            "email": shown("E-mail address"),
            "verified": shown("Confirmed"),
            "primary": shown("The one we write to"),
        },
    ),
    Keeping(
        "account.EmailConfirmation",
        Topic.ACCOUNT,
        "Links that confirm an address",
        "Until it is confirmed.",
        of=("email_address__user",),
        stays=GOES,
        fields={**keys("id email_address"), "created": shown("Made"), "sent": shown("Sent"), "key": unseen(_SECRET)},
    ),
    Keeping(
        "mfa.Authenticator",
        Topic.ACCOUNT,
        "Your passkeys, your second step and your recovery codes",
        "Until you take them off your account.",
        of=("user",),
        stays=GOES,
        fields={
            **keys("id user"),
            "type": shown("Kind"),
            "data": unseen(_SECRET),
            "created_at": shown("Set up"),
            "last_used_at": shown("Used last"),
        },
    ),
    Keeping(
        "usersessions.UserSession",
        Topic.ACCOUNT,
        "Where you are signed in: the browser and its address on the internet",
        _A_FORTNIGHT,
        of=("user",),
        stays=GOES,
        clocks=(Clock(timedelta(minutes=10), "created_at", _gone_session()),),
        fields={
            **keys("id user"),
            **workings("data"),
            "session_key": unseen(_SECRET),
            "created_at": shown("Signed in"),
            "last_seen_at": shown("Seen last"),
            "ip": shown("Address on the internet"),
            "user_agent": shown("Browser"),
        },
    ),
    Keeping(
        "sessions.Session",
        Topic.ACCOUNT,
        "What your browser's cookie stands for, so that you stay signed in",
        _A_FORTNIGHT,
        of=(),
        stays=GOES,
        also=_sessions_of,
        clocks=(Clock(timedelta(0), "expire_date"),),
        fields={"session_key": unseen(_SECRET), "session_data": unseen(_SECRET), "expire_date": unseen(_SECRET)},
    ),
    Keeping(
        "workshops.ApiToken",
        Topic.ACCOUNT,
        "Your API tokens",
        f"Until {TOKEN_KEPT.days} days after it ran out or was revoked.",
        of=("user",),
        stays=GOES,
        clocks=(
            Clock(TOKEN_KEPT, "expires_at"),
            Clock(TOKEN_KEPT, "revoked_at"),
        ),
        fields={
            **keys("id user"),
            "name": shown("Name"),
            "scopes": shown("May", words=_scopes),
            "digest": unseen(_SECRET),
            "created_at": shown("Made"),
            "expires_at": shown("Lasts until"),
            "last_used_at": shown("Used last"),
            "revoked_at": shown("Revoked"),
        },
    ),
    Keeping(
        "workshops.RoleGrant",
        Topic.ROLES,
        "What you are here: trainee, instructor, mentor, bookkeeper, registrar",
        WITH_ACCOUNT,
        of=("user",),
        stays=GOES,
        fields={**keys("id user"), "role": shown("Role"), "granted_at": shown("Since")},
    ),
    Keeping(
        "workshops.ErasureRequest",
        Topic.ACCOUNT,
        "That you asked to be erased, and what the school answered",
        WITH_ACCOUNT,
        of=("user",),
        stays="It shows that you asked and that it was done.",
        fields={
            **keys("id user"),
            "words": emptied("In your words"),
            "asked_at": shown("Asked"),
            "taken_back_at": shown("Taken back"),
            "answered_at": shown("Answered"),
            "answered_by": shown("Answered by"),
            "answer": emptied("Answer"),
        },
    ),
    Keeping(
        "admin.LogEntry",
        Topic.ROLES,
        "Changes that you made straight in the database of this site. Nobody makes any, so there are none",
        WITH_ACCOUNT,
        of=("user",),
        stays=GOES,
        also=_looked_at,
        fields={
            **keys("id user content_type object_id"),
            **workings("action_flag change_message"),
            "object_repr": unseen("It names what was changed, which may be somebody else."),
            "action_time": shown("When"),
        },
    ),
    AboutNobody("auth.Group", "Not used: roles say who may do what.", "id name"),
    AboutNobody("auth.Group_permissions", "Not used, as groups.", "id group permission"),
    AboutNobody(
        "auth.Permission", "What the product could allow; the same everywhere.", "id name content_type codename"
    ),
    AboutNobody("contenttypes.ContentType", "A list of the product's own tables.", "id app_label model"),
)
