"""Sentences for the codes of the history, as pages show them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workshops import money
from workshops.history.models import HistoryLine

if TYPE_CHECKING:
    from workshops.people.models import User

_SENTENCES: Mapping[str, str] = {
    "reservation-held": "Seat {seat} held",
    "reservation-reserved": "Seat {seat} reserved",
    "reservation-confirmed": "Seat {seat} confirmed, everything is paid",
    "reservation-expired": "The hold ran out",
    "reservation-cancelled": "Cancelled",
    "hold-prolonged": "The hold was prolonged",
    "payment-received": "{money} received",
    "refund-requested": "{money} to be sent back",
    "refund-sent": "{money} sent back",
    "role-granted": "Role given",
    "role-withdrawn": "Role taken",
    "token-issued": "API token made",
    "completion-recorded": "{module} recorded as finished on {on}",
    "completion-corrected": "{module} corrected to finished on {on}",
    "access-recorded": "Access to {module} recorded from {on}",
    "access-corrected": "Access to {module} corrected to {on}",
    "entitlement-recorded": "{module} recorded as paid elsewhere",
    "days-accepted": "{days} days on set accepted",
    "days-taken-back": "The acceptance of days on set was taken back",
    "waiver-given": "Exception made for {requirement}",
    "waiver-taken-back": "The exception for {requirement} was taken back",
    "accepted-before-recorded": "{requirement} recorded as accepted before this system",
    "profile-changed": "Profile changed ({fields})",
}


def sentence(line: HistoryLine) -> str:
    """What happened, in words. A code without a sentence of its own is read as it is written."""
    facts = {key: value for key, value in line.facts.items() if value is not None}
    if "cents" in facts:
        facts["money"] = money.in_words(int(facts["cents"]))
    for key in ("module", "requirement"):
        if key in facts:
            facts[key] = _title(str(facts[key]))
    template = _SENTENCES.get(line.what, line.what.replace("-", " ").capitalize())
    try:
        return template.format(**facts)
    except KeyError:
        return line.what.replace("-", " ").capitalize()


def who(line: HistoryLine, reader: "User") -> str:
    """Who did it, as this reader may know it: a trainee sees "the school", a registrar the name."""
    if line.by is None:
        return "automatic"
    if line.by_id == reader.pk:
        return "you"
    return str(line.by) if reader.is_registrar else "the school"


def _title(code: str) -> str:
    if code.startswith("module-"):
        return f"Module {code.removeprefix('module-').upper()}"
    return code.replace("-", " ")
