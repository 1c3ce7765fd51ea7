"""What the school teaches, asks for, charges and promises. All of it data that the registrar edits."""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from workshops.ids import new_id
from workshops.programme.terms import Terms

MODULE_IV = "module-iv"
"""The module that is taught live: the one whose seats are booked here."""


class School(models.Model):
    """The school itself: one row."""

    name = models.CharField(max_length=80)
    does = models.CharField(max_length=200)
    accreditation = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, default="USD")
    email = models.EmailField(blank=True, help_text="Where people write to you. Pages and messages show it.")
    bank_details = models.TextField(
        blank=True, help_text="What someone needs to pay by bank transfer. Shown only to people who choose it."
    )
    learning_url = models.URLField(blank=True, help_text="Where trainees take Modules I to III online.")
    legal_name = models.CharField(max_length=120, blank=True, help_text="As receipts and invoices give it.")
    address = models.TextField(max_length=500, blank=True, help_text="As receipts and invoices give it.")
    what_to_bring = models.TextField(
        max_length=2000, blank=True, help_text="What to bring to a workshop. Reminders before the first day say it."
    )
    tax_number = models.CharField(max_length=40, blank=True, help_text="On receipts and invoices, where there is one.")

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(pk=1), name="school_one_row"),)

    def __str__(self) -> str:
        return self.name


class Module(models.Model):
    """One of the Modules I to IV."""

    code = models.SlugField(unique=True)
    numeral = models.CharField(max_length=4, unique=True)
    title = models.CharField(max_length=120)
    delivery = models.CharField(max_length=80)
    note = models.CharField(max_length=200, blank=True)
    days = models.PositiveSmallIntegerField(default=0, help_text="Days in a room; 0 for an online module.")
    taught = models.JSONField(default=list, blank=True)
    position = models.PositiveSmallIntegerField(unique=True)

    class Meta:
        ordering = ("position",)

    def __str__(self) -> str:
        return f"Module {self.numeral}"


class RequirementKind(models.TextChoices):
    """How a requirement is met."""

    COMPLETION = "completion", "A module finished"
    ON_SET_DAYS = "on-set-days", "Days worked on professional sets"


class Requirement(models.Model):
    """What a trainee must have before a module."""

    module = models.ForeignKey(Module, models.CASCADE, related_name="requirements")
    code = models.SlugField()
    kind = models.CharField(max_length=12, choices=RequirementKind.choices)
    needs_module = models.ForeignKey(Module, models.PROTECT, null=True, blank=True, related_name="needed_for")
    needed = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    within_years = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("module__position", "id")
        constraints = (
            models.UniqueConstraint(fields=("module", "code"), name="requirement_once"),
            models.CheckConstraint(
                condition=Q(kind="completion", needs_module__isnull=False, within_years=None)
                | Q(kind="on-set-days", needs_module=None, within_years__gte=1),
                name="requirement_kind",
                violation_error_message="Days on set need a number of years; a finished module needs the module.",
            ),
            models.CheckConstraint(condition=Q(needed__gte=1), name="requirement_needed"),
        )

    def __str__(self) -> str:
        return f"{self.module}: {self.code}"


class TrainingArea(models.Model):
    """One of the nine areas that SAG-AFTRA identifies for qualified intimacy coordination."""

    title = models.CharField(max_length=120, unique=True)
    position = models.PositiveSmallIntegerField(unique=True)

    class Meta:
        ordering = ("position",)

    def __str__(self) -> str:
        return self.title


class PriceQuerySet(models.QuerySet["Price"]):
    """The price list on a day."""

    def on(self, day: date) -> "PriceQuerySet":
        """Prices that have come into effect by `day`, the newest first."""
        return self.filter(effective_from__lte=day).order_by("-effective_from")


class Price(models.Model):
    """What something costs from a day on. A new price is a new row; the old one says what used to be asked."""

    item = models.SlugField(help_text="A module's code, such as module-iv; or package, or certification.")
    amount_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, default="USD")
    effective_from = models.DateField()

    objects = PriceQuerySet.as_manager()

    class Meta:
        ordering = ("item", "-effective_from")
        constraints = (
            models.UniqueConstraint(
                fields=("item", "effective_from"),
                name="price_once_a_day",
                violation_error_message="There is a price from that day already. Choose another day.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.item} from {self.effective_from}"


class PolicyTerm(models.Model):
    """The school's value for one term, and who confirmed it. See `programme.terms` for what each means."""

    code = models.SlugField(unique=True)
    value = models.JSONField()
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return self.code


class ConductText(models.Model):
    """What everyone in the room agrees to. A new version is a new row; a reservation records which it accepted."""

    version = models.PositiveSmallIntegerField(unique=True)
    body = models.TextField()
    published_at = models.DateTimeField()

    class Meta:
        ordering = ("-version",)

    def __str__(self) -> str:
        return f"Conduct, version {self.version}"


class ProgrammeRevision(models.Model):
    """The name of the programme as it is now: one row, renewed by the database. See `programme.revision`."""

    name = models.CharField(max_length=32, default=new_id)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(pk=1), name="programme_revision_one_row"),)

    def __str__(self) -> str:
        return self.name


def school() -> School:
    """The school. Every database has it: the first migration puts it there."""
    return School.objects.get(pk=1)


def school_terms() -> Terms:
    """The school's terms as they stand: shipped values under whatever the registrar has set."""
    return Terms.from_json(dict(PolicyTerm.objects.values_list("code", "value")))


def price_on(item: str, day: date) -> Price | None:
    """What `item` costs on `day`, or None before its first price."""
    return Price.objects.filter(item=item).on(day).first()


def conduct_text() -> ConductText:
    """The conduct text in force."""
    return ConductText.objects.latest("version")


def set_term(code: str, value: Any, *, by: Any, now: datetime) -> None:
    """Set the school's value for a term; setting it is confirming it."""
    PolicyTerm.objects.update_or_create(code=code, defaults={"value": value, "confirmed_at": now, "confirmed_by": by})
