"""Everything the history can say: each code with its sentence. What is not listed here cannot be recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from workshops import money
from workshops.clock import in_words
from workshops.history.models import HistoryLine

if TYPE_CHECKING:
    from workshops.people.models import User

SENTENCES: Mapping[str, str] = {
    "reservation-held": "Seat {seat} held",
    "reservation-reserved": "Seat {seat} reserved",
    "reservation-confirmed": "Seat {seat} confirmed, everything is paid",
    "reservation-expired": "The hold ran out",
    "reservation-cancelled": "Cancelled",
    "reservation-offered": "Seat {seat} offered",
    "reservation-transferred": "Moved to {cohort}",
    "reservation-moved": "Moved here from {cohort}, seat {seat}",
    "offer-accepted": "Offer of seat {seat} accepted",
    "offer-declined": "Offer of seat {seat} declined",
    "offer-withdrawn": "Offer of seat {seat} withdrawn",
    "offer-lapsed": "The offer ran out",
    "line-joined": "Joined the line at place {place}",
    "line-left": "Left the line",
    "line-passed-over": "A seat was free and was not offered to them",
    "line-notice-changed": "Needs {days} days' notice",
    "line-reordered": "Moved from place {was} to place {place} in the line",
    "line-reordered-here": "The line was reordered",
    "line-closed": "The line was closed",
    "balance-put-off": "The balance is due on {on} instead",
    "fee-charged": "A fee of {money} is owed for moving",
    "fee-waived": "The fee of {money} was waived",
    "promise-kept": "Everything the module asks for is there: the seat is provisional no more",
    "promise-prolonged": "The prerequisites may come until {on}",
    "leaving-free": "The school moved the cohort: leaving or moving costs nothing until {until}",
    "hold-prolonged": "The hold was made longer",
    "payment-received": "{money} received",
    "refund-requested": "{money} to be sent back",
    "refund-sent": "{money} sent back",
    "refund-failed": "{money} could not be sent back",
    "refund-again": "{money} to be sent back, once more",
    "refund-not-owed": "{money} to be sent back had gone another way, and is owed no more",
    "refund-outside": "{money} sent back outside this system",
    "payment-failed": "A payment of {money} did not come about",
    "payment-processing": "A payment of {money} is with the bank",
    "payment-reversed": "The record of {money} was reversed",
    "reservation-owes-again": "Some of the price is owed again",
    "price-lowered": "The price was lowered by {money}",
    "tuition-earned": "The cohort has run: {money} of tuition is earned",
    "discount-used": "{money} taken off the price",
    "discount-taken-off": "{money} put back on the price: its discount was given up",
    "plan-begun": "Plan of {months} monthly parts begun",
    "plan-carried": "The plan came along from {cohort}",
    "plan-card-changed": "Another card for the plan",
    "plan-closed": "The plan ended",
    "plan-paid": "The plan is paid off",
    "instalment-failed": "An instalment could not be charged",
    "dispute-opened": "{money} disputed by the payer's bank",
    "dispute-won": "The dispute over {money} was decided for the school",
    "dispute-lost": "The dispute over {money} was lost",
    "dispute-closed": "The inquiry about {money} ended",
    "event-again": "What the card processor told us is looked at again",
    "event-set-aside": "What the card processor told us was set aside",
    "paper-issued": "{paper} made",
    "discount-made": "Discount made: {takes_off} off",
    "discount-ended": "Discount ended",
    "payout-matched": "Payout matched to the bank statement",
    "books-closed": "The books were closed through {on}",
    "books-compared": "The books were compared with the card processor's",
    "books-not-compared": "The card processor could not be asked, so the books were not compared",
    "brought-in": "Brought in from the school's earlier records",
    "account-made": "Account made",
    "role-granted": "Role given",
    "role-withdrawn": "Role taken",
    "token-issued": "API token made",
    "token-revoked": "API token revoked",
    "feed-made": "Secret address made for the {kind} calendar",
    "feed-replaced": "New secret address for the {kind} calendar; the old one ended",
    "feed-revoked": "The secret address of the {kind} calendar ended",
    "completion-recorded": "{module} recorded as finished on {on}",
    "completion-corrected": "{module} corrected to finished on {on}",
    "completion-taken-back": "{module} finished on {on} was taken off the record",
    "access-recorded": "Access to {module} recorded from {on}",
    "access-corrected": "Access to {module} corrected to {on}",
    "access-taken-back": "Access to {module} from {on} was taken off the record",
    "entitlement-recorded": "{module} recorded as paid elsewhere",
    "entitlement-taken-back": "{module} paid elsewhere was taken off the record",
    "days-accepted": "{days} days on set accepted",
    "days-taken-back": "The acceptance of days on set was taken back",
    "record-sent": "{days} days on set sent for review",
    "record-reopened": "Days on set opened again, to be changed",
    "record-withdrawn": "A record of days on set was withdrawn",
    "draft-deleted": "A draft of days on set was deleted",
    "record-asked": "A question was asked about days on set",
    "record-answered": "The question about days on set was answered",
    "record-second-eyes": "A second pair of eyes was asked for",
    "record-second-eyes-back": "No second pair of eyes is needed any more",
    "record-accepted": "{days} of {of} days on set accepted",
    "record-rejected": "{days} days on set were not accepted",
    "record-undone": "The decision about days on set was undone",
    "proof-added": "A file of proof was added",
    "proof-removed": "A file of proof was taken away",
    "proof-opened": "A file of proof was opened",
    "proof-deleted": "{files} files of proof were deleted",
    "audit-begun": "Proof is kept for an audit",
    "audit-ended": "The audit has ended",
    "data-downloaded": "Everything kept about them was downloaded",
    "erasure-asked": "Asked to be erased",
    "erasure-taken-back": "Took back that they asked to be erased",
    "erasure-declined": "Erasure was declined",
    "erased": "Erased: the books and certification records stay without a name",
    "merged": "The account of the same person was merged into this one",
    "brought-over": "Came here with another account of the same person",
    "mentorship-begun": "Mentoring began",
    "mentorship-ended": "Mentoring ended",
    "meeting-planned": "Meeting of mentor and trainee planned for {on}",
    "meeting-changed": "Meeting of mentor and trainee changed, now on {on}",
    "meeting-cancelled": "Meeting of mentor and trainee on {on} cancelled",
    "waiver-given": "Exception made for {requirement}",
    "waiver-taken-back": "The exception for {requirement} was taken back",
    "accepted-before-recorded": "{requirement} recorded as accepted before this system",
    "profile-changed": "Profile changed ({fields})",
    "reminders-stopped": "No more reminders before a workshop",
    "reminders-wanted": "Reminders before a workshop wanted again",
    "message-sent-again": "Message sent again",
    "message-came-back": "A message came back from their mail server",
    "message-arrives-again": "Mail to their address arrives again",
    "wording-changed": "Words of the e-mail “{title}” changed",
    "wording-brought-back": "The shipped words of the e-mail “{title}” brought back",
    "subscriber-taken-off": "An address was taken off the list for new dates",
    "message-written": "Written in the conversation",
    "message-settled": "Said to need no answer",
    "cohort-planned": "Planned for {days} with {seats} seats",
    "cohort-changed": "Changed",
    "cohort-resized": "Seats changed: {seats}",
    "cohort-terms-changed": "Terms of this cohort changed",
    "cohort-published": "Published",
    "dates-told": "{people} people who asked for new dates were told",
    "cohort-closed": "Closed for reservations",
    "cohort-cancelled": "Cancelled",
    "cohort-moved": "Moved from {before}",
    "cohort-renamed": "Called {before} before",
    "cohort-venue-changed": "The venue was {before} and is {after} now",
    "days-moved": "The school moved the cohort. Before: {before}. Now: {after}",
    "title-changed": "The cohort was called {before} and is called {after} now",
    "place-changed": "The venue was {before} and is {after} now",
    "cohort-reopened": "Opened for reservations again",
    "cohort-certain": "Certain to run. Seats taken: {taken}, minimum: {minimum}",
    "seat-kept-back": "Seat {seat} kept back",
    "seat-given-out": "Seat {seat} given out again",
    "instructor-added": "Instructor added",
    "instructor-removed": "Instructor taken off",
    "lead-changed": "Another lead instructor",
    "venue-added": "Venue added",
    "venue-changed": "Venue changed",
    "school-changed": "The school's details changed",
    "term-confirmed": "Term confirmed: {title}",
    "price-set": "Price of {money} set from {effective_from}",
    "price-taken-off": "Price of {money} taken off the list",
    "conduct-published": "Conduct text published",
    "conduct-confirmed": "Conduct text confirmed",
    "module-changed": "Module changed",
    "requirement-changed": "Requirement changed",
    "areas-changed": "Training areas changed",
}


FOR_COLLEAGUES = frozenset({"record-accepted", "record-second-eyes", "record-second-eyes-back"})
"""Whose reasons registrars write for one another. What the trainee is to read stands with the decision itself."""

ONE: Mapping[str, tuple[str, str]] = {
    "line-notice-changed": ("days", "Needs 1 day's notice"),
    "days-accepted": ("days", "1 day on set accepted"),
    "record-sent": ("days", "1 day on set sent for review"),
    "record-accepted": ("of", "1 day on set accepted"),
    "record-rejected": ("days", "1 day on set was not accepted"),
    "proof-deleted": ("files", "1 file of proof was deleted"),
    "cohort-planned": ("seats", "Planned for {days} with 1 seat"),
    "dates-told": ("people", "1 person who asked for new dates was told"),
}
"""Where a sentence reads otherwise when there is one of what it counts: the fact that counts, and the sentence then."""


def sentence(line: HistoryLine) -> str:
    """What happened, in words; without a fact that an older line does not have, the bare code."""
    facts = {key: value for key, value in line.facts.items() if value is not None}
    if "cents" in facts:
        facts["money"] = money.in_words(int(facts["cents"]))
    for key in ("module", "requirement"):
        if key in facts:
            facts[key] = _title(str(facts[key]))
    for key in ("on", "effective_from"):
        if key in facts:
            facts[key] = in_words(date.fromisoformat(str(facts[key])))
    try:
        words = _template(line.what, facts).format(**facts)
    except KeyError:
        return line.what.replace("-", " ").capitalize()
    # Saying yes to an offer brings a seat like any other, and is remembered as what it was.
    return f"Offer accepted: {words[0].lower()}{words[1:]}" if facts.get("accepted") else words


def _template(code: str, facts: Mapping[str, object]) -> str:
    counts, of_one = ONE.get(code, ("", ""))
    return of_one if counts and str(facts.get(counts)) == "1" else SENTENCES[code]


@dataclass(frozen=True)
class Told:
    """One line of the history as a reader may know it."""

    at: datetime
    by: str
    what: str
    why: str


def told(line: HistoryLine, reader: "User") -> Told:
    """A line in words, for this reader."""
    return Told(line.at, who(line, reader), sentence(line), line.why if reads_why(line, reader) else "")


def reads_why(line: HistoryLine, reader: "User") -> bool:
    """Whether this reader may know the reason: what is for colleagues, registrars alone, and none about themselves."""
    if line.what not in FOR_COLLEAGUES:
        return True
    is_theirs = line.person is not None and reader.pk in (line.person_id, line.person.merged_into_id)
    return reader.is_registrar and not is_theirs


def who(line: HistoryLine, reader: "User") -> str:
    """Who did it, as this reader may know it: a trainee sees "the school", a registrar the name."""
    if line.by is None:
        return "automatic"
    if reader.pk in (line.by_id, line.by.merged_into_id):
        return "you"
    return str(line.by) if reader.is_registrar else "the school"


def _title(code: str) -> str:
    if code.startswith("module-"):
        return f"Module {code.removeprefix('module-').upper()}"
    return code.replace("-", " ")
