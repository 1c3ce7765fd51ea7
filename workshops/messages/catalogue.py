"""Every e-mail that the product sends: what it is, who gets it, and when. The one list of them.

The shipped words of each stand in `templates/messages/<code>.txt`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Group(Enum):
    """What a message is about: the order in which the desk lists them, and why its reader gets it."""

    SEATS = ("Seats", "You get this e-mail because of a seat at CINTIMA that is, or was, yours.")
    LINE = ("The line", "You get this e-mail because you have, or had, a place in line at CINTIMA.")
    MONEY = ("Money", "You get this e-mail because of money that you pay, or have paid, to CINTIMA.")
    PARTS = ("Monthly parts", "You get this e-mail because you agreed to pay for your seat in monthly parts.")
    DAYS_ON_SET = ("Days on set", "You get this e-mail because you sent CINTIMA proof of days on set.")
    CHANGES = ("Changes by the school", "You get this e-mail because you are part of a cohort that the school changed.")
    TEACHING = ("Instructors", "You get this e-mail because you teach at CINTIMA.")
    MENTORS = ("Mentors", "You get this e-mail because of a mentorship at CINTIMA that you are part of.")
    QUESTIONS = ("Conversations", "You get this e-mail because of your account with CINTIMA.")
    DATES = ("New dates", "You get this e-mail because this address was entered at CINTIMA, to hear of new dates.")
    REGISTRARS = ("For registrars", "You get this e-mail because you are a registrar of CINTIMA.")
    ACCOUNTS = ("Accounts and data", "You get this e-mail because of your account with CINTIMA.")
    SIGNING_IN = ("Signing in", "You get this e-mail because this address was entered at CINTIMA.")

    def __init__(self, title: str, because: str) -> None:
        self.title, self.because = title, because


@dataclass(frozen=True)
class Kind:
    """One kind of e-mail. `to` and `when` finish the sentences "Goes to …" and "Sent when …"."""

    code: str
    title: str
    to: str
    when: str
    group: Group
    more: tuple[str, ...] = ()
    """Placeholders that always have something to say, beside those that the shipped words use."""
    may_be_stopped: bool = False
    """Whether its reader may say no more of it. Never where a seat depends on it."""
    at_once: bool = False
    """Sent while somebody waits, because it carries a code or a key: it never lies in the outbox."""


def _of(
    group: Group, to: str, rows: Iterable[tuple[str, str, str]], more: tuple[str, ...] = (), *, at_once: bool = False
) -> list[Kind]:
    return [Kind(code, title, to, when, group, more, at_once=at_once) for code, title, when in rows]


_SEAT = ("cohort", "days", "venue", "seat", "price")
_LINE = ("cohort", "days", "venue")

KINDS: tuple[Kind, ...] = (
    *_of(
        Group.SEATS,
        "the trainee",
        [
            ("reservation-held", "A seat is held", "a seat is held until its deposit is paid"),
            ("hold-longer", "The hold is longer", "a registrar gives more time to pay the deposit"),
            ("reservation-reserved", "A seat is reserved", "the deposit has come"),
            ("reservation-confirmed", "A seat is confirmed", "everything is paid, or nothing was owed"),
            ("reservation-moved", "Moved to another cohort", "a reservation moves, by the trainee or the school"),
            ("reservation-cancelled", "A reservation is cancelled", "a reservation ends before its cohort"),
            ("reservation-expired", "A hold has run out", "the time to pay the deposit is over"),
            ("promise-waits", "Something is missing for a provisional seat", "the day of a promise comes near"),
            ("promise-longer", "More time for a promise", "a registrar gives more time for what is missing"),
            ("promise-kept", "A seat is provisional no more", "nothing is missing any more"),
            ("days-brought-over", "Days go to another address", "two accounts become one; to both addresses"),
            ("cohort-certain", "The cohort is certain to run", "enough seats are taken, or the school says so"),
        ],
        _SEAT,
    ),
    Kind(
        "workshop-soon",
        "Before a workshop",
        "everyone with a seat who wants reminders",
        "a workshop is four weeks, one week and one day away",
        Group.SEATS,
        ("cohort", "days", "venue"),
        may_be_stopped=True,
    ),
    *_of(
        Group.LINE,
        "whoever waits",
        [
            ("line-joined", "In line", "somebody joins the line"),
            ("line-passed-over", "A seat went by", "a free seat could not be offered to them; once a day at most"),
            ("line-reordered", "A later place in line", "a registrar reorders the line and they come later"),
            ("line-left", "Taken out of the line", "a registrar takes them out of the line"),
            ("line-closed", "The line is closed", "the cohort begins, or does not run"),
        ],
        _LINE,
    ),
    *_of(
        Group.LINE,
        "whoever is next in line",
        [
            ("offer-made", "A seat is offered", "a seat is free and it is their turn"),
            ("offer-waits", "An offer waits", "an offer runs out soon"),
            ("offer-lapsed", "An offer has run out", "nobody answered an offer in time"),
        ],
        _SEAT,
    ),
    *_of(
        Group.MONEY,
        "the trainee",
        [
            ("payment-by-transfer", "How to pay by transfer", "somebody chooses to pay by bank transfer"),
            ("payment-received", "Money has come", "a part of the balance has come"),
            ("payment-failed", "A payment did not come about", "a bank says no, days after somebody paid"),
            ("payment-goes-back", "Money goes back: no seat was left", "money comes after the hold ran out"),
            ("payment-too-little", "Money goes back: too little", "less comes than was asked for"),
            ("payment-too-much", "Money goes back: too much", "more comes than the seat costs"),
            ("payment-sent-back", "Money has been sent back", "a refund has gone out"),
            ("refund-by-school", "The school sends money back", "a registrar refunds by the school's own decision"),
            ("refund-failed", "Money could not be sent back", "a bank does not take a refund"),
            ("owed-again", "Money is owed again", "money that had paid for a seat is gone"),
            ("fee-waived", "No fee for moving", "a registrar lets somebody off the fee"),
            ("balance-due", "The balance is due soon", "the balance falls due, by the ladder of reminders"),
            ("balance-overdue", "The balance is late", "the balance has not come, by the ladder of reminders"),
            ("balance-put-off", "More time for the balance", "a registrar gives more time to pay the balance"),
        ],
        _SEAT,
    ),
    *_of(
        Group.PARTS,
        "the trainee",
        [
            ("plan-begun", "Monthly parts begin", "somebody agrees to pay in monthly parts"),
            ("instalment-ahead", "A part is charged soon", "a part is charged in three days"),
            ("instalment-declined", "A card was declined", "a part could not be charged"),
            ("instalment-to-confirm", "A bank asks to confirm", "a part waits for the payer at their bank"),
            ("instalment-card-needed", "Another card is needed", "no card is saved that works"),
            ("instalment-late", "A part is late", "a part is still to be paid, by the ladder of reminders"),
            ("plan-ended", "Monthly parts end", "the parts do not fit after a move"),
        ],
        _SEAT,
    ),
    *_of(
        Group.DAYS_ON_SET,
        "whoever sent them",
        [
            ("record-accepted", "Days on set accepted", "all days of a record are accepted"),
            ("record-accepted-in-part", "Some days accepted", "some days of a record are accepted"),
            ("record-rejected", "Days on set not accepted", "a record is not accepted"),
            ("record-undone", "A decision was undone", "a decision about days on set is taken back"),
        ],
    ),
    *_of(
        Group.CHANGES,
        "everyone with a seat or an offer",
        [
            ("cohort-moved", "New days or place", "the school moves a cohort"),
            ("cohort-cancelled", "A cohort does not take place", "the school cancels a cohort"),
        ],
        _SEAT,
    ),
    *_of(
        Group.CHANGES,
        "everyone with a seat, an offer or a place in line, and everyone who teaches it",
        [
            ("venue-changed", "The venue's new name or address", "the school changes a venue's name or address"),
            ("cohort-renamed", "A new title", "the school gives a cohort another title"),
        ],
        _LINE,
    ),
    *_of(
        Group.CHANGES,
        "everyone in line",
        [("line-moved", "New days or place, for the line", "the school moves a cohort")],
        _LINE,
    ),
    *_of(
        Group.TEACHING,
        "everyone who teaches it",
        [
            ("teaching-moved", "New days or place, for who teaches", "the school moves a cohort"),
            ("teaching-cancelled", "A cohort they teach does not take place", "the school cancels a cohort"),
        ],
        _LINE,
    ),
    *_of(
        Group.TEACHING,
        "the instructor",
        [
            ("teaching-added", "You teach a cohort", "a cohort they teach is published, or they come to one that is"),
            ("teaching-removed", "You do not teach it any more", "the school takes somebody off a cohort"),
            ("teaching-lead", "Who leads", "somebody who teaches a cohort leads it from now on, or does not any more"),
        ],
        _LINE,
    ),
    *_of(
        Group.MENTORS,
        "both, the mentor and whom they mentor",
        [
            ("mentorship-begun", "A mentorship begins", "a registrar brings two people together"),
            ("mentorship-ended", "A mentorship ends", "a mentorship is ended"),
        ],
    ),
    *_of(
        Group.MENTORS,
        "the other of the two",
        [
            ("meeting-planned", "A meeting is planned", "one of the two plans a meeting"),
            ("meeting-changed", "A meeting is changed", "one of the two changes its time or place"),
            ("meeting-cancelled", "A meeting is cancelled", "one of the two cancels it, or the mentorship ends"),
        ],
    ),
    *_of(
        Group.QUESTIONS,
        "whoever the conversation is with",
        [("post-from-school", "The school has written", "a registrar writes in a conversation")],
    ),
    *_of(
        Group.DATES,
        "the address",
        [("dates-confirm", "Shall we write?", "an address is entered to hear of new dates; once a day at most")],
    ),
    Kind(
        "dates-new",
        "New dates",
        "every address that has confirmed it",
        "a cohort is published",
        Group.DATES,
        _LINE,
        may_be_stopped=True,
    ),
    *_of(
        Group.REGISTRARS,
        "every registrar",
        [
            ("post-from-trainee", "A trainee has written", "a trainee writes in a conversation; once a day at most"),
            ("record-second-eyes", "Someone else is to decide", "a registrar asks for a second pair of eyes"),
            ("dispute-opened", "A payment is disputed", "a bank asks about a payment, or takes it back"),
            ("dispute-decided", "A dispute is decided", "a bank has decided"),
            ("books-differ", "The books differ", "the nightly comparison finds something for a person"),
            ("erasure-to-decide", "Someone asks to be erased", "somebody asks for it"),
        ],
    ),
    *_of(
        Group.ACCOUNTS,
        "the person",
        [
            ("account-opened", "The school opened an account", "a registrar opens an account for somebody"),
            ("accounts-merged", "Two accounts are one", "a registrar merges two accounts; to each address"),
            ("erasure-asked", "They asked to be erased", "somebody asks to be erased"),
            ("erasure-declined", "Erasure was declined", "a registrar declines it"),
            ("erasure-done", "They have been erased", "somebody is erased; the last message to them"),
        ],
    ),
    *_of(
        Group.SIGNING_IN,
        "the address that was entered",
        [
            ("account-code", "A code to sign in", "somebody asks for a code"),
            ("account-welcome", "Confirm a new account", "somebody signs up"),
            ("account-confirm", "Confirm an address", "somebody adds or changes an address"),
            ("account-exists", "There is an account already", "somebody signs up with an address that has one"),
            ("account-unknown", "There is no such account", "somebody tries an address that has none"),
            ("account-password-link", "Choose a new password", "somebody has forgotten their password"),
            ("account-changed", "Something about the account changed", "a password, an address, a passkey changes"),
        ],
        at_once=True,
    ),
)  # fmt: skip

BY_CODE = {kind.code: kind for kind in KINDS}
SOMEHOW = "You get this e-mail because of your account with CINTIMA."
"""Why somebody gets a message that the list has forgotten. A test sees to it that there is none."""


def because(code: str) -> str:
    """Why its reader gets a message of this kind."""
    kind = BY_CODE.get(code)
    return kind.group.because if kind else SOMEHOW
