"""What is kept of who teaches and who sits where."""

from workshops.retention import FOR_GOOD, AboutNobody, Keeping, Topic, keys, shown

KEEPS = (
    AboutNobody("workshops.Venue", "A place.", "id name address city transit step_free toilets quiet_room staying"),
    AboutNobody(
        "workshops.Cohort",
        "When and where a module is taught.",
        "id public_id code title module venue status starts_on ends_on bookings_open_at bookings_close_at sequence "
        "revised_at terms_changed certain_since created_at",
    ),
    AboutNobody("workshops.CalendarRevision", "The name of what calendars show as it is now.", "id name"),
    AboutNobody(
        "workshops.Session", "One day of a cohort.", "id cohort day starts_at ends_at topics uid sequence revised_at"
    ),
    Keeping(
        "workshops.Teaching",
        Topic.ROLES,
        "Which cohorts you teach or have taught",
        FOR_GOOD,
        of=("instructor",),
        stays="A cohort's certificates stand on the fact that somebody taught it.",
        fields={**keys("id instructor"), "cohort": shown("Cohort"), "is_lead": shown("Lead instructor")},
    ),
    Keeping(
        "workshops.Seat",
        Topic.SEATS,
        "The seat that you have, or had when the cohort took place",
        FOR_GOOD,
        of=("occupant",),
        stays="So many people were in the room, and so many seats were paid for.",
        fields={
            **keys("id occupant"),
            "cohort": shown("Cohort"),
            "number": shown("Seat"),
            "status": shown("State"),
            "held_until": shown("Held until"),
        },
    ),
)
