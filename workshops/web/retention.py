"""What is kept of what programs have asked."""

from django.db.models import Q

from workshops.retention import GOES, Clock, Keeping, Person, Topic, keys, shown, unseen
from workshops.web.repeats import KEPT_FOR


def _naming(person: Person) -> Q:
    """Answers to others, a registrar's program for one, in which they are named."""
    where = Q(body__contains=person.account.public_id)
    for name in person.names:
        where |= Q(body__icontains=name)
    return where


KEEPS = (
    Keeping(
        "workshops.KeptAnswer",
        Topic.ACCOUNT,
        "If you use programs of your own with this site: what it answered them, so that nothing is done twice",
        f"{KEPT_FOR.total_seconds() / 3_600:.0f} hours.",
        of=("user",),
        stays=GOES,
        also=_naming,
        clocks=(Clock(KEPT_FOR, "created_at"),),
        fields={
            **keys("id user key fingerprint"),
            "status": shown("Status"),
            "content_type": unseen("It says how the answer was written down."),
            "body": unseen("Your program has it. What it said is in this download."),
            "created_at": shown("When"),
        },
    ),
)
