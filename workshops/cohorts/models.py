"""Where and when Module IV happens, who teaches it, and the seats in the room."""

from datetime import date, datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from workshops.clock import school_day
from workshops.ids import new_id
from workshops.programme.models import Module
from workshops.programme.terms import Terms


class Venue(models.Model):
    """A place with everything a person needs to know to get there and be well there."""

    name = models.CharField(max_length=120, unique=True)
    address = models.CharField(max_length=200)
    city = models.CharField(max_length=80, default="Los Angeles")
    transit = models.TextField("getting there", blank=True)
    step_free = models.TextField("step-free access", blank=True)
    toilets = models.TextField(blank=True)
    quiet_room = models.TextField(blank=True)
    staying = models.TextField("staying nearby", blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def in_a_line(self) -> str:
        """What pages, messages and calendars say of it: its name and where it is, the city once."""
        parts = [self.name, self.address]
        if self.city.casefold() not in self.address.casefold():
            parts.append(self.city)
        return ", ".join(part for part in parts if part)


class CohortStatus(models.TextChoices):
    """What the school has decided about a cohort."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"


class CohortQuerySet(models.QuerySet["Cohort"]):
    """Questions that pages and the API ask about cohorts."""

    def public(self) -> "CohortQuerySet":
        """What anyone may see."""
        return self.exclude(status=CohortStatus.DRAFT)

    def with_seats_left(self, now: datetime) -> "CohortQuerySet":
        """Annotate `capacity`, `free_seats` (free, or held by a hold that ran out) and `taken_seats` as of `now`."""
        return self.annotate(
            capacity=models.Count("seats"),
            free_seats=models.Count("seats", filter=seat_is_free(now, "seats__")),
            taken_seats=models.Count("seats", filter=Q(seats__status=SeatStatus.TAKEN)),
        )

    def coming(self, today: date) -> "CohortQuerySet":
        """Cohorts that have not ended, the next first."""
        return self.filter(ends_on__gte=today).order_by("starts_on")

    def not_over(self, today: date) -> "CohortQuerySet":
        """Cohorts that have not ended and were not called off, the next first."""
        return self.coming(today).exclude(status=CohortStatus.CANCELLED)


class Cohort(models.Model):
    """One edition of Module IV. `cohorts.planning` is the only writer."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    code = models.SlugField(unique=True, help_text="Part of its address, for example 2027-spring.")
    title = models.CharField(max_length=120)
    module = models.ForeignKey(Module, models.PROTECT, related_name="cohorts")
    venue = models.ForeignKey(Venue, models.PROTECT, related_name="cohorts")
    status = models.CharField(max_length=10, choices=CohortStatus.choices, default=CohortStatus.DRAFT)
    starts_on = models.DateField(help_text="Its first day; kept equal to that of its first session.")
    ends_on = models.DateField(help_text="Its last day; kept equal to that of its last session.")
    bookings_open_at = models.DateTimeField()
    bookings_close_at = models.DateTimeField()
    sequence = models.PositiveIntegerField(
        default=0, help_text="Raised when its title or the opening of bookings moves."
    )
    revised_at = models.DateTimeField()
    terms_changed = models.JSONField(default=dict, blank=True, help_text="Terms that differ from the school's.")
    certain_since = models.DateTimeField(
        null=True, editable=False, help_text="When it became certain to run. Never taken back: people book travel."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CohortQuerySet.as_manager()

    class Meta:
        ordering = ("starts_on",)
        constraints = (
            models.CheckConstraint(condition=Q(status__in=CohortStatus.values), name="cohort_status"),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="cohort_days",
                violation_error_message="The last day is before the first.",
            ),
            models.CheckConstraint(
                condition=Q(bookings_close_at__gt=F("bookings_open_at")),
                name="cohort_bookings",
                violation_error_message="Bookings must close after they open.",
            ),
        )

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Its public page."""
        from django.urls import reverse

        return reverse("cohort", args=[self.code])

    @property
    def full_title(self) -> str:
        """What calendars call it: its title, with its module in front where the school did not write it."""
        module = str(self.module)
        return self.title if self.title.startswith(module) else f"{module}, {self.title}"

    def is_bookable(self, now: datetime) -> bool:
        """Whether the school takes reservations now, seats or no seats."""
        return (
            self.status == CohortStatus.PUBLISHED
            and self.bookings_open_at <= now < self.bookings_close_at
            and school_day(now) < self.starts_on
        )

    def terms(self, schools: Terms) -> Terms:
        """The terms that hold here: the school's, with this cohort's own in place."""
        return schools.but(self.terms_changed)


class Session(models.Model):
    """One day of a cohort."""

    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="sessions")
    day = models.PositiveSmallIntegerField(help_text="1 for the first day.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    topics = models.JSONField(default=list, blank=True)
    uid = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    sequence = models.PositiveIntegerField(default=0, help_text="Raised by each change that people must notice.")
    revised_at = models.DateTimeField()

    class Meta:
        ordering = ("starts_at",)
        constraints = (
            models.UniqueConstraint(fields=("cohort", "day"), name="session_day_once"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="session_hours",
                violation_error_message="The day must end after it starts.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.cohort}, day {self.day}"


class Teaching(models.Model):
    """An instructor of a cohort."""

    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="teachings")
    instructor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="teachings")
    is_lead = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("cohort", "instructor"), name="teaching_once"),
            models.UniqueConstraint(fields=("cohort",), condition=Q(is_lead=True), name="teaching_one_lead"),
        )

    def __str__(self) -> str:
        return f"{self.instructor} teaches {self.cohort}"


class CalendarRevision(models.Model):
    """The name of what calendars show as it is now: a row a part, renewed by the database. See `cohorts.revision`."""

    name = models.CharField(max_length=32, default=new_id)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(pk__in=(1, 2, 3)), name="calendar_revision_rows"),)

    def __str__(self) -> str:
        return self.name


class SeatStatus(models.TextChoices):
    """Who may have a seat."""

    FREE = "free", "Free"
    HELD = "held", "Held"
    TAKEN = "taken", "Taken"
    BLOCKED = "blocked", "Blocked"


def seat_is_free(now: datetime | models.Expression, prefix: str = "") -> Q:
    """A seat anyone may take: free, or held by a hold that ran out. The one place that says so."""
    return Q(**{f"{prefix}status": SeatStatus.FREE}) | Q(
        **{f"{prefix}status": SeatStatus.HELD, f"{prefix}held_until__lte": now}
    )


class Seat(models.Model):
    """One chair in one cohort. Rows are made in advance: capacity *is* the seats that exist.

    `cohorts.seats` is the only writer.
    """

    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="seats")
    number = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=8, choices=SeatStatus.choices, default=SeatStatus.FREE)
    occupant = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="seats")
    held_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=("cohort", "number"), name="seat_number_once"),
            models.UniqueConstraint(
                fields=("cohort", "occupant"), condition=Q(occupant__isnull=False), name="seat_one_a_person"
            ),
            models.CheckConstraint(
                condition=Q(status__in=("free", "blocked"), occupant=None, held_until=None)
                | Q(status="held", occupant__isnull=False, held_until__isnull=False)
                | Q(status="taken", occupant__isnull=False, held_until=None),
                name="seat_status_fits",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="seat_number_from_one"),
        )

    def __str__(self) -> str:
        return f"Seat {self.number} of {self.cohort}"
