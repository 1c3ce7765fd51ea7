"""People, the roles they hold, and the tokens their programs use."""

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from workshops.ids import new_id

NAMELESS = "Someone who was erased"
"""What stands in rosters, books and histories where a name stood."""


class Role(models.TextChoices):
    """What a person is here. One person may be several at once."""

    TRAINEE = "trainee", "Trainee"
    INSTRUCTOR = "instructor", "Instructor"
    MENTOR = "mentor", "Mentor"
    BOOKKEEPER = "bookkeeper", "Bookkeeper"
    REGISTRAR = "registrar", "Registrar"


class UserManager(BaseUserManager["User"]):
    """Finds and makes people by their e-mail address."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find the account with this address, whatever its case."""
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an account. Without a password it can be entered with a code by e-mail only."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def with_role(self, role: Role) -> models.QuerySet["User"]:
        """Everyone active who holds this role, by name."""
        return self.filter(role_grants__role=role, is_active=True).order_by("name", "email")


class User(AbstractBaseUser):
    """Anyone with an account. The e-mail address is how they sign in and how the school reaches them."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    email = models.EmailField("e-mail address", max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True, help_text="What we call you, in the room and in messages.")
    pronouns = models.CharField(max_length=40, blank=True, help_text="For example she/her, they/them. Optional.")
    phone = models.CharField(
        max_length=32, blank=True, help_text="With country code. Instructors of your cohort see it, nobody else."
    )
    legal_name = models.CharField(
        max_length=160,
        blank=True,
        help_text="As in your passport. Only the registrar sees it, and only letters you ask for carry it.",
    )
    country = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, help_text="Times are shown in it beside Los Angeles time.")
    wants_reminders = models.BooleanField(
        default=True, help_text="Whether we write four weeks, one week and one day before a workshop of theirs."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="merged",
        help_text="The account that took over.",
    )
    """At most one hop: whoever merges that account again brings what was merged into it along."""
    erased_at = models.DateTimeField(null=True, editable=False, help_text="Since when nothing here says who it was.")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (
            models.UniqueConstraint(
                Lower("email"), name="user_email", violation_error_message="Someone has an account with this address."
            ),
        )

    def __str__(self) -> str:
        return NAMELESS if self.erased_at else self.name or self.email

    def get_full_name(self) -> str:
        """What Django and allauth call the name."""
        return str(self)

    @cached_property
    def roles(self) -> frozenset[Role]:
        """The roles this person holds, read once for each request."""
        if not self.is_active:
            return frozenset()
        return frozenset(Role(role) for role in self.role_grants.values_list("role", flat=True))

    @property
    def is_closed(self) -> bool:
        """Whether this account was erased or merged into another one: nothing more is written about it."""
        return self.erased_at is not None or self.merged_into_id is not None

    @property
    def is_registrar(self) -> bool:
        """Whether this person runs the school's desk."""
        return Role.REGISTRAR in self.roles

    @property
    def is_staff(self) -> bool:
        """Django's admin asks this. Its tables are for the registrar to look into."""
        return self.is_registrar

    def has_perm(self, perm: str, obj: object = None) -> bool:  # noqa: ARG002
        """Django's admin asks this. A registrar may look into our own tables; nobody changes anything there."""
        return self.is_registrar and perm.startswith(("workshops.view_", "booking.view_"))

    def has_module_perms(self, app_label: str) -> bool:
        """Django's admin asks this for each app. Sign-in secrets belong to apps that nobody looks into."""
        return self.is_registrar and app_label in {"workshops", "booking"}


class ErasureRequestQuerySet(models.QuerySet["ErasureRequest"]):
    """Requests that wait."""

    def open(self) -> "ErasureRequestQuerySet":
        """Neither answered nor taken back."""
        return self.filter(answered_at=None, taken_back_at=None)


class ErasureRequest(models.Model):
    """Someone asked that what is kept about them go. A registrar carries it out, or says why it cannot be."""

    user = models.ForeignKey(User, models.CASCADE, related_name="erasure_requests")
    words = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    taken_back_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    answer = models.TextField(blank=True, help_text="Why it was declined; empty where it was carried out.")

    objects = ErasureRequestQuerySet.as_manager()

    class Meta:
        ordering = ("-asked_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("user",),
                condition=models.Q(answered_at=None, taken_back_at=None),
                name="erasure_request_open_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} asked to be erased"


class RoleGrant(models.Model):
    """One role of one person. `people.roles` is the only writer."""

    user = models.ForeignKey(User, models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=12, choices=Role.choices)
    granted_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "role"), name="role_grant_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_grant_role"),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"


class Scope(models.TextChoices):
    """What a token may be used for, within what its person's roles allow."""

    READ = "read", "Read"
    BOOK = "book", "Book"
    TEACH = "teach", "Teach"
    REGISTRAR = "registrar", "Registrar"


class ApiToken(models.Model):
    """A key for one program of one person. Only its hash is kept; the key itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """The hash under which a key is kept. The key has 256 random bits, so a plain hash is enough."""
        return hashlib.sha256(secret.encode()).hexdigest()

    @classmethod
    def issue(
        cls, user: User, *, name: str, scopes: list[Scope], now: datetime, lasts: timedelta = timedelta(days=365)
    ) -> tuple["ApiToken", str]:
        """Make a token; return it with its key, which cannot be had again."""
        secret = f"cin_{secrets.token_urlsafe(32)}"
        token = cls.objects.create(
            user=user,
            name=name,
            scopes=[str(scope) for scope in scopes],
            digest=cls.digest_of(secret),
            created_at=now,
            expires_at=now + lasts,
        )
        return token, secret
