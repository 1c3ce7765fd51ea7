"""What two accounts of one person say about their path, brought together on one of them.

Records of days on set with their files and reviews, exceptions, audits, and modules finished, opened and paid for. A
day that both have counts once, as any day does. Where both name a date and the dates differ, a registrar has chosen.
"""

from collections.abc import Mapping
from datetime import date, datetime

from workshops.history.record import record
from workshops.people.models import User
from workshops.prerequisites import waiving
from workshops.prerequisites.files import audits
from workshops.prerequisites.models import Access, Completion, Entitlement
from workshops.prerequisites.records import lifecycle

DATED: Mapping[str, tuple[type[Completion] | type[Access], str]] = {
    "completion": (Completion, "completed_on"),
    "access": (Access, "granted_on"),
}
"""What is on record once for each module, and the field that says when."""


def hand_over(
    person: User, to: User, kept: Mapping[tuple[str, str], date], *, now: datetime, by: User, why: str
) -> None:
    """Give all of it to another account of the same person, inside the caller's transaction, which has locked both.

    `kept` names the date that stays for each (kind of `DATED`, code of the module) on which the two differ. The other
    date is written down as corrected, with the reason.

    Raises:
        KeyError: for a difference that nobody has decided about.
    """
    for what, (model, field) in DATED.items():
        _bring_dated(what, model, field, person, to, kept, now=now, by=by, why=why)
    known = set(Entitlement.objects.filter(user=to).values_list("module", flat=True))
    Entitlement.objects.filter(user=person, module__in=known).delete()
    Entitlement.objects.filter(user=person).update(user=to)
    waiving.hand_over(person, to)
    lifecycle.hand_over(person, to)
    audits.hand_over(person, to, by=by, now=now, why=why)


def _bring_dated(
    what: str,
    model: type[Completion] | type[Access],
    field: str,
    person: User,
    to: User,
    kept: Mapping[tuple[str, str], date],
    *,
    now: datetime,
    by: User,
    why: str,
) -> None:
    rows = model._default_manager.select_related("module").order_by("module__position")
    known = {row.module_id: row for row in rows.filter(user=to)}
    for theirs in rows.filter(user=person):
        own = known.get(theirs.module_id)
        if own is None:
            theirs.user = to
            theirs.save(update_fields=["user"])
            continue
        one, other = getattr(own, field), getattr(theirs, field)
        theirs.delete()
        if one == other:
            continue
        stays = kept[what, own.module.code]
        if stays == other:
            setattr(own, field, other)
            own.recorded_at, own.recorded_by = now, by
            own.save(update_fields=[field, "recorded_at", "recorded_by"])
        record(
            f"{what}-corrected",
            about=("person", to.public_id),
            person=to,
            by=by,
            now=now,
            why=why,
            module=own.module.code,
            on=stays.isoformat(),
            before=(one if stays == other else other).isoformat(),
        )
