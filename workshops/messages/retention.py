"""What is kept of the e-mails that the product has sent."""

from datetime import timedelta

from django.apps import apps
from django.db.models import Q

from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import ADDRESS, TO_AN_ADDRESS, words_of
from workshops.retention import GOES, Clock, Keeping, Person, Topic, keys, shown, unseen, workings

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
        also=_of_their_posts,
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
            "last_error": unseen("What a mail server answered when it could not be sent."),
        },
    ),
)
