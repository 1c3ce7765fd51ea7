"""Who mentors whom, and when they meet."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from workshops.ids import new_id


class MentorshipQuerySet(models.QuerySet["Mentorship"]):
    """Questions that pages ask."""

    def running(self) -> "MentorshipQuerySet":
        """Those that have not ended."""
        return self.filter(ended_on=None)


class Mentorship(models.Model):
    """One mentor, one trainee. `mentors.mentorships` is the only writer."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    mentor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="mentorships")
    trainee = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="mentored_in")
    began_on = models.DateField()
    ended_on = models.DateField(null=True)

    objects = MentorshipQuerySet.as_manager()

    class Meta:
        ordering = ("-began_on", "-pk")
        constraints = (
            models.UniqueConstraint(fields=("trainee",), condition=Q(ended_on=None), name="mentorship_one_at_a_time"),
            models.CheckConstraint(
                condition=~Q(mentor=F("trainee")),
                name="mentorship_of_two",
                violation_error_message="Nobody mentors themselves.",
            ),
            models.CheckConstraint(condition=Q(ended_on=None) | Q(ended_on__gte=F("began_on")), name="mentorship_days"),
        )

    def __str__(self) -> str:
        return f"{self.mentor} mentors {self.trainee}"


class Meeting(models.Model):
    """A time that mentor and trainee have set aside. `mentors.meetings` is the only writer."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    mentorship = models.ForeignKey(Mentorship, models.PROTECT, related_name="meetings")
    starts_at = models.DateTimeField()
    minutes = models.PositiveSmallIntegerField()
    place = models.CharField(
        max_length=200, blank=True, help_text="A place, or the address of a video call. You both see it."
    )
    cancelled_at = models.DateTimeField(null=True)
    sequence = models.PositiveIntegerField(default=0, help_text="Raised by each change that people must notice.")
    revised_at = models.DateTimeField()

    class Meta:
        ordering = ("starts_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(minutes__gte=10, minutes__lte=480),
                name="meeting_minutes",
                violation_error_message="A meeting takes between 10 minutes and 8 hours.",
            ),
        )

    def __str__(self) -> str:
        return f"A meeting of {self.mentorship}"

    @property
    def ends_at(self) -> datetime:
        """When it is over."""
        return self.starts_at + timedelta(minutes=self.minutes)
