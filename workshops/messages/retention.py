"""What is kept of the e-mails that the product has sent."""

from datetime import timedelta

from django.apps import apps
from django.db.models import Q
from django.db.models.functions import Substr
from django.db.models.lookups import In

from workshops.ids import LENGTH
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import ADDRESS, TO_AN_ADDRESS, words_of
from workshops.retention import GOES, AboutNobody, Clock, Keeping, Person, Topic, keys, shown, unseen, workings

# Well after the last reminder of anything: the row is what keeps a message from being sent twice.
SENT_KEPT = timedelta(days=730)
ADDRESS_KEPT = timedelta(days=7)


def _of_their_posts(person: Person) -> Q:
    """Notices to registrars that name whoever wrote."""
    where = Q(pk__in=[])
    for key in (
        apps.get_model("workshops.Post").objects.filter(author=person.account).values_list("public_id", flat=True)
    ):
        where |= Q(kind__startswith="post-", subject__startswith=f"post:{key}:")
    return where


def _naming_them(person: Person) -> Q:
    """Messages to others that name them: notices to registrars, and what was told to the other of two who met."""
    return _of_their_posts(person) | _of_their_mentoring(person)


def _of_their_mentoring(person: Person) -> Q:
    """What a mentor and a trainee were told about each other, by the mentorships and meetings that it is about."""
    theirs = Q(mentor=person.account) | Q(trainee=person.account)
    mentorships = apps.get_model("workshops.Mentorship").objects.filter(theirs)
    meetings = apps.get_model("workshops.Meeting").objects.filter(mentorship__in=mentorships)
    where = Q(pk__in=[])
    for kind, rows in (("mentorship", mentorships), ("meeting", meetings)):
        key = Substr("subject", len(kind) + 2, LENGTH)  # of "meeting:<public id>:<public id of the reader>"
        where |= Q(kind__startswith=f"{kind}-") & Q(In(key, rows.values("public_id")))
    return where


def _entry(message: Message) -> dict[str, object]:
    words = words_of(message)
    return {"Written": message.created_at, "Sent": message.sent_at, "Subject": words.subject, "Text": words.text}


KEEPS = (
    Keeping(
        "workshops.Message",
        Topic.WORDS,
        "E-mails from the school",
        f"{SENT_KEPT.days // 365} years after they were sent.",
        of=("to",),
        stays=GOES,
        also=_naming_them,
        clocks=(
            Clock(SENT_KEPT, "sent_at", Q(state=MessageState.SENT), in_order=True),
            # What carries an address, that of somebody erased for one, does so until it has gone out, or cannot.
            Clock(ADDRESS_KEPT, "created_at", Q(kind__in=TO_AN_ADDRESS, context__has_key=ADDRESS)),
        ),
        entry=_entry,
        fields={
            **keys("id subject to"),
            **workings("step due_at lease_until attempts"),
            "kind": shown("Kind"),
            "context": shown("Text"),
            "state": shown("State"),
            "created_at": shown("Written"),
            "sent_at": shown("Sent"),
            "calendar": shown("For your calendar"),
            "bounced_at": shown("Came back"),
            "bounce": unseen("What a mail server answered when it came back."),
            "last_error": unseen("What a mail server answered when it could not be sent."),
        },
    ),
    AboutNobody(
        "workshops.Wording",
        "The school's own words for its messages.",
        "id kind source revised_at failed_at",
        by="revised_by",
    ),
)
