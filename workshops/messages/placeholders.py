"""What the placeholders of messages stand for: in words for whoever writes, and as an example."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class Use(Enum):
    """What a placeholder is for."""

    FACT = "must stay"
    """A seat, money or a date depends on it: whoever was told it before must be told it in other words as well."""
    TOPIC = "must stay, here or in the subject"
    """What the message is about."""
    FREE = "may go"
    """It helps, and a text may do without."""
    CASE = "in conditions"
    """It only tells two cases apart and says nothing that could be read."""
    LINK = "the button"
    """An address. It stands behind the button and nowhere else."""


@dataclass(frozen=True)
class Placeholder:
    """One fact that a message may name."""

    meaning: str
    sample: str
    use: Use = Use.FACT


def _free(meaning: str, sample: str) -> Placeholder:
    return Placeholder(meaning, sample, Use.FREE)


def _topic(meaning: str, sample: str) -> Placeholder:
    return Placeholder(meaning, sample, Use.TOPIC)


def _case(meaning: str) -> Placeholder:
    return Placeholder(meaning, "yes", Use.CASE)


def _link(meaning: str, path: str) -> Placeholder:
    return Placeholder(meaning, f"https://booking.example.org{path}", Use.LINK)


_PROMISE = (
    "The seat is provisional: what the module asks for must be on your record by the end of Sunday 11 April 2027 in "
    "Los Angeles. If something is still missing then, the seat is released. Nothing that was paid comes back then."
)

EVERYWHERE: Mapping[str, Placeholder] = {
    "accepted": Placeholder("How many days were accepted", "2"),
    "addresses": Placeholder("The addresses that open the account", "ana@example.org"),
    "after": Placeholder(
        "The days, hours and place as they are now",
        "Tuesday 18 May 2027, 9:30 am PDT, to Friday 21 May 2027, 5:30 pm PDT, Stage 3",
    ),
    "again_on": Placeholder("The day on which the card is tried again", "Tuesday 16 February 2027"),
    "already": Placeholder("Days that count already", "4 March 2026"),
    "amount": Placeholder("The money that the message is about", "$500"),
    "balance": Placeholder("What is left to pay after the deposit", "$1,599"),
    "balance_due_on": Placeholder("The day by which the balance is due", "Sunday 11 April 2027"),
    "bank_details": Placeholder("Where a transfer goes", "CINTIMA LLC · First Example Bank · Account 1234"),
    "held": _case("there when the seat is only held so far"),
    "balance_later": _case("there when the balance is due later as well"),
    "before": Placeholder(
        "The days, hours and place as they were",
        "Tuesday 11 May 2027, 9:30 am PDT, to Friday 14 May 2027, 5:30 pm PDT, Stage 3",
    ),
    "begins": Placeholder(
        "When the first day begins, where the reader has another zone",
        "Tuesday 11 May 2027, 9:30 am PDT (Tuesday 11 May 2027, 6:30 pm CEST where you are)",
    ),
    "bring": Placeholder("What to bring", "Clothes to move in, a bottle for water; something to write with."),
    "by_itself": _case("there when the seat is released without anybody deciding it"),
    "by_the_school": _case("there when it was the school's doing"),
    "card": Placeholder("The saved card", "Visa ending in 4242, until 12/2030"),
    "card_link": _link("The page to save a card on", "/reservations/4f7m/plan/card/"),
    "certainty": Placeholder(
        "Before a cohort is certain to run: what that means for travel",
        "This cohort runs once six seats are taken. Please book no travel before.",
    ),
    "choose_until": Placeholder("Until when to choose", "Monday 25 January 2027, 11:59 pm PST"),
    "closed": Placeholder("Addresses that open no account any more", "ana.old@example.org"),
    "code": Placeholder("The code", "H4KD-7PQM"),
    "cohort": _topic("The cohort's title", "Module IV, spring 2027"),
    "cohort_link": _link("The cohort's page", "/cohorts/2027-spring/"),
    "comes_back": Placeholder("What comes back to them", "$1,599"),
    "consent": Placeholder(
        "What they agreed to when the card was saved",
        "CINTIMA may save the card that I enter on the next page and charge it for my seat in Module IV, spring 2027.",
    ),
    "count": Placeholder("How many there are", "12"),
    "counted": Placeholder("How many days that makes", "9 of 10 days accepted, 1 to go"),
    "days": Placeholder("The days of the cohort", "Tuesday 11 May 2027 to Friday 14 May 2027"),
    "days_leave": _case("there when the days leave the reader's calendar"),
    "days_attached": _case("there when the days are attached for the reader's calendar"),
    "deposit": Placeholder("The deposit", "$500"),
    "differences": Placeholder(
        "What differs", "Stripe received $500 for payment 4f7m on 11 January 2027, and there is no such payment here."
    ),
    "due_on": Placeholder("The day on which it is due", "Thursday 11 February 2027"),
    "elsewhere": _case("there when the place has moved"),
    "email": Placeholder("The address it is about", "ana@example.org"),
    "ended_by": _case("whose doing it was: the school, the clock, or nobody else's"),
    "expired": _case("there when the saved card has expired"),
    "fee": Placeholder("The fee for moving", "$150"),
    "following": Placeholder("The next part of what is left", "$533"),
    "from": Placeholder("Who wrote or asked", "Alex Rivera"),
    "grace_is_over": _case("there when the time that the school waits is over"),
    "grace_until": Placeholder("The day until which the school waits", "Sunday 18 April 2027"),
    "held_until": Placeholder("Until when the seat is held", "Monday 11 January 2027, 11:00 am PST"),
    "hours": Placeholder("The hours of each day", "9:30 am PDT to 5:30 pm PDT, each day"),
    "how": _free("How the money comes back", "the way it came"),
    "in_line": _case("there when the reader waits in line"),
    "in_parts": _case("there when the rest is paid in monthly parts"),
    "ip": _free("The address of the network it came from", "203.0.113.7"),
    "is_inquiry": _case("there while the bank only asks and has taken nothing"),
    "is_late": _case("there when the day has passed"),
    "is_mentor": _case("there when the reader is the mentor"),
    "is_over": _case("there when the mentorship has ended"),
    "is_to_come": _case("there when the part is not due yet"),
    "kept": Placeholder("Seats that stay theirs", "Your seat 4 in Module IV, summer 2027 is still yours."),
    "lasts": Placeholder("How long the link works", "7 days"),
    "leads": _case("there when the reader leads it"),
    "leave_until": Placeholder("Until when leaving costs nothing", "Monday 25 January 2027, 11:59 pm PST"),
    "left": Placeholder("What is left to pay", "$999"),
    "link": _link("The page that the message leads to", "/reservations/4f7m/"),
    "lost": _case("there when the bank has decided for the payer"),
    "may_promise": _case("there when the cohort offers seats on a promise"),
    "may_reserve": _case("there when nothing is missing any more"),
    "minutes": Placeholder("How long the code works", "15 minutes"),
    "missing": Placeholder("What is missing", "Days on set: 7 of 10 days accepted, 3 to go"),
    "more": Placeholder("How many more there are than are named", "2"),
    "more_proof_helps": _case("there when other proof could change the decision"),
    "name": _free("The reader's name", "Noa Adler"),
    "never": Placeholder("Why some of the days can never count", "2 March 2014 is more than ten years ago."),
    "next": Placeholder("What comes next for them", "Everything that Module IV asks for is there."),
    "notice": Placeholder("How much notice they need", "14 days"),
    "of": Placeholder("How many days there are on it", "3 days"),
    "offered": _case("there when the seat is offered and not yet accepted"),
    "old_cohort": Placeholder("The cohort before", "Module IV, winter 2027"),
    "old_days": Placeholder("The days of the cohort before", "Tuesday 12 January 2027 to Friday 15 January 2027"),
    "on": Placeholder("The day it is about", "11 January 2027"),
    "opens": Placeholder("When bookings open, where they are not open yet", "Monday 1 February 2027, 10:00 am PST"),
    "other": _topic("The other of the two", "Imogen Hale"),
    "own_hours": Placeholder(
        "The hours of each day by the reader's own clock, where it differs", "6:30 pm CEST to 2:30 am CEST, each day"
    ),
    "owed": Placeholder("What is theirs", "$2,099"),
    "parts": Placeholder(
        "Each part and its day",
        "$533 on Thursday 11 February 2027 · $533 on Thursday 11 March 2027 · $533 on Sunday 11 April 2027",
    ),
    "place_taken_back": _case("there when no place is said any more"),
    "position": Placeholder("Their place in line", "2"),
    "price": Placeholder("What the seat costs", "$2,099"),
    "production": _topic("The production they worked on", "Saltwater"),
    "pronouns": Placeholder("Their pronouns", "she/her"),
    "provisional": Placeholder("What a provisional seat may cost", _PROMISE),
    "provisional_until": Placeholder("The day by which nothing may be missing", "Sunday 11 April 2027"),
    "published": _case("there when the cohort has just been published"),
    "reason": Placeholder("The reason", "The proof cannot be read"),
    "quiet_room": Placeholder("Where the quiet room is", "The library at the end of the corridor."),
    "received": Placeholder("The money that came", "$500"),
    "reference": Placeholder("What identifies the transfer", "W1NBNSQP"),
    "refused": Placeholder("The days that were not accepted", "4 March 2026"),
    "remaining": Placeholder("What is still to be paid", "$1,599"),
    "rung": _case("which reminder it is: weeks, week or day"),
    "seat": _free("The number of the seat", "4"),
    "site_url": _link("The school's address", ""),
    "step_free": Placeholder("How to come in without steps", "A ramp at the side entrance, and a lift to the stage."),
    "still_open": Placeholder("What is not settled yet", "A payment of $1,599 is due on Sunday 11 April 2027."),
    "stays": Placeholder("What stays with the school", "$500"),
    "teaches": _case("there when the reader teaches the cohort"),
    "timestamp": Placeholder("When it happened", "Monday 11 January 2027, 10:00 am PST"),
    "title": _topic("What it is about", "Module IV, spring 2027"),
    "transit": Placeholder("How to get there", "Metro B Line to Universal City, then ten minutes on foot."),
    "until": Placeholder("The day by which it is needed", "Sunday 11 April 2027"),
    "user_agent": _free("The browser it came from", "Firefox on Windows"),
    "venue": Placeholder("The place", "Stage 3, 100 Example Street, Los Angeles"),
    "waits": Placeholder("Money of the same payment that waits to go back", "$200"),
    "was": Placeholder("What it was before", "ana.old@example.org"),
    "was_called": Placeholder("The cohort's title before", "Module IV, early spring 2027"),
    "way": Placeholder("How the money was sent", "by bank transfer"),
    "what": Placeholder("What has happened to the account", "The password of your account was changed."),
    "when": Placeholder("When they meet", "Monday 18 January 2027, 10:00 am to 11:00 am PST"),
    "where": Placeholder("Where they meet", "By video, the link follows"),
    "where_was": Placeholder("Where it was to be before", "The café by the stage"),
    "why": Placeholder("The reason that was given", "The stage is taken."),
    "won": _case("there when the bank has decided for the school"),
    "words": Placeholder("What the registrar wrote to them", "Page 2 is too dark to read."),
}
"""What each name stands for, wherever it stands."""

_ELSEWHERE: Mapping[tuple[str, str], Placeholder] = {
    ("meeting-changed", "was"): Placeholder("When it was before", "Friday 15 January 2027, 10:00 am to 11:00 am PST"),
    ("account-code", "minutes"): Placeholder("How long the code works", "3 minutes"),
    ("account-changed", "title"): Placeholder("What has changed, in short", "Your password has changed"),
    ("line-closed", "why"): Placeholder("Why it is closed", "The cohort has begun."),
    ("line-reordered", "was"): Placeholder("Their place before", "1"),
    ("dispute-opened", "until"): Placeholder(
        "Until when the school may answer", "Monday 25 January 2027, 10:00 am PST"
    ),
    ("dispute-opened", "reason"): Placeholder("The bank's reason", "fraudulent"),
    ("erasure-declined", "reason"): Placeholder("The school's reason", "Your cohort begins tomorrow."),
    ("venue-changed", "before"): Placeholder("The place as it was", "Stage 3, 1 Example Street, Los Angeles"),
    ("owed-again", "why"): Placeholder("What became of the money", "Your bank has taken a payment back."),
    ("refund-by-school", "price"): Placeholder("What the seat costs now", "$1,799"),
    ("record-accepted", "days"): Placeholder("The days that were accepted", "2 to 4 March 2026"),
    ("record-accepted", "count"): Placeholder("How many days were accepted", "3 days"),
    ("record-accepted-in-part", "days"): Placeholder("The days that were accepted", "2 to 3 March 2026"),
    ("record-rejected", "days"): Placeholder("The days it is about", "2 to 4 March 2026"),
}
"""Where a name stands for something else."""


def meaning_of(kind: str, name: str) -> Placeholder:
    """What a placeholder stands for in messages of this kind.

    Raises:
        KeyError: when nothing says so.
    """
    return _ELSEWHERE.get((kind, name)) or EVERYWHERE[name]


def known(kind: str, names: Iterable[str]) -> dict[str, Placeholder]:
    """The placeholders of a kind by their names, those that can be read first.

    Who ships words with a name that nothing explains has a test that says so; until then it is a fact that must stay.
    """
    found = {name: _ELSEWHERE.get((kind, name)) or EVERYWHERE.get(name) for name in names}
    order = list(Use)
    said = {name: each or Placeholder(name.replace("_", " ").capitalize(), "…") for name, each in found.items()}
    return dict(sorted(said.items(), key=lambda pair: (order.index(pair[1].use), pair[0])))
