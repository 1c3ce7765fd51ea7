"""What is kept of calendars that people subscribe to."""

from datetime import timedelta

from django.db.models import Q

from workshops.retention import GOES, WITH_ACCOUNT, Clock, Keeping, Person, Topic, keys, shown, unseen

UNCONFIRMED_KEPT = timedelta(days=7)


def _of_their_addresses(person: Person) -> Q:
    """Whoever is erased does not want to hear of new dates either."""
    where = Q(pk__in=[])
    for name in person.names:
        where |= Q(email__iexact=name)
    return where


KEEPS = (
    Keeping(
        "booking.FeedToken",
        Topic.ACCOUNT,
        "Your private calendars, and when they were last fetched",
        WITH_ACCOUNT,
        of=("user",),
        stays=GOES,
        fields={
            **keys("id user"),
            "kind": shown("Calendar"),
            "digest": unseen("A secret that protects your calendar. It is kept so that nobody can read it back."),
            "created_at": shown("Address made"),
            "with_due_dates": shown("With due dates"),
            "last_fetched_at": shown("Last fetched"),
            "last_client": shown("Last fetched by"),
        },
    ),
    Keeping(
        "booking.Subscriber",
        Topic.WORDS,
        "An address without an account that wants to hear of new dates",
        f"Until you stop it; {UNCONFIRMED_KEPT.days} days where it was never confirmed.",
        of=(),
        stays=GOES,
        also=_of_their_addresses,
        clocks=(Clock(UNCONFIRMED_KEPT, "asked_at", Q(confirmed_at=None)),),
        fields={
            **keys("id public_id"),
            "email": shown("E-mail address"),
            "asked_at": shown("Asked"),
            "confirmed_at": shown("Confirmed"),
        },
    ),
)
