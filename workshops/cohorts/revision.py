"""The calendar's revisions: names that become others with every change of what a calendar shows.

A client that has a calendar already is told so by these names alone (`booking.calendars.stamps`), without the calendar
being made again.
"""

from workshops import revisions

REVISION = "workshops_calendarrevision"
COHORTS, TEACHING, MEETINGS = 1, 2, 3
"""The rows: cohorts with their days and venues, who teaches them, and the meetings of mentors."""
PARTS = {
    COHORTS: ("workshops_cohort", "workshops_session", "workshops_venue", "workshops_module"),
    TEACHING: ("workshops_teaching",),
    MEETINGS: ("workshops_mentorship", "workshops_meeting"),
}
"""The tables that each covers: whatever a calendar reads is in one of them, or in its stamp."""


def renew_with_every_change(*, using: str = "default") -> None:
    """Have the database renew each revision whenever one of its tables is written."""
    for row, parts in PARTS.items():
        revisions.renew_with_every_change(REVISION, row, parts, using=using)
