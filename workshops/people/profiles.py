"""Saving a profile, whoever has typed it: its person, or a registrar."""

from datetime import datetime

from workshops.history.record import record
from workshops.people import reminders
from workshops.people.forms import ProfileForm
from workshops.people.models import User
from workshops.people.presence import hold_open
from workshops.transactions import writes


@writes
def save(form: ProfileForm, *, by: User, now: datetime) -> bool:
    """Save what was changed in a valid form, and nothing else; say whether that was anything. Locks the person.

    Raises:
        Closed: when the person was erased or merged away meanwhile.
    """
    if not form.has_changed():
        return False
    person = hold_open(form.instance)
    changed = sorted(form.changed_data)
    if "wants_reminders" in changed:
        changed.remove("wants_reminders")
        reminders.choose(person, wanted=form.cleaned_data["wants_reminders"], by=by, now=now)
    if not changed:
        return True
    for field in changed:
        setattr(person, field, form.cleaned_data[field])
    person.save(update_fields=changed)
    about = ("person", person.public_id)
    record("profile-changed", about=about, person=person, by=by, now=now, fields=", ".join(changed))
    return True
