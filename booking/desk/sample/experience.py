"""Days on set of the sample season: written in bulk for many, sent and decided by the commands for a few.

The few are what the review desk has to do: decided records that say how long a review takes, one that was asked about
and answered, one with a question open, one with files and something to judge, and a draft.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F

from booking.desk.sample import proof
from booking.desk.sample.cast import WHY, Someone
from workshops.clock import school_day
from workshops.messages.models import Message, MessageState
from workshops.people.models import User
from workshops.prerequisites.check import Rule, years_before
from workshops.prerequisites.files import keeping
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.conversations import subject_of
from workshops.prerequisites.records.lifecycle import Entered, enter
from workshops.prerequisites.records.models import OnSetRecord, RecordState

BY_COMMANDS = 3
"""So many of those who have everything sent their days in as everybody does; all others were entered by hand."""
STUDENT_FILM = "Short Notice (sample)"
DAY = timedelta(days=1)
LETTER: dict[str, Any] = {
    "kind": "series",
    "company": "Sample Pictures",
    "department": "Costume",
    "role": "Set costumer",
    "is_paid": True,
    "is_union": True,
    "proof_kind": "letter",
    "proof_link": "https://example.org/sample-letter",
}
"""What a record says that is proven by a letter elsewhere."""


def prove_days(people: Sequence[tuple[Someone, User]], rules: list[Rule], registrar: User, now: datetime) -> None:
    """Days on set for each trainee, all of them accepted: two more than the rule asks for, or three fewer.

    Whoever has three fewer gets theirs from `fill_the_desk`.
    """
    rule = _days_rule(rules)
    numbered = [(number, user) for number, (someone, user) in enumerate(people) if someone.lacking != rule.code]
    last = school_day(now) - timedelta(days=240)
    days = {
        user.pk: [last - timedelta(days=number % 200 + back) for back in range(rule.needed + 2)]
        for number, user in numbered
    }
    for number, user in numbered[:BY_COMMANDS]:
        decided = now - timedelta(days=130 + 3 * number)
        production = ("The Long Take", "Harbour Lights", "Second Unit")[number % 3] + " (sample)"
        it = _sent(user, days[user.pk], decided - timedelta(days=2 + number), production=production)
        reviewing.accept(it, None, revision=it.revision, by=registrar, now=decided, words=WHY)
    _enter_by_hand(numbered[BY_COMMANDS:], days, registrar, now)


def _days_rule(rules: list[Rule]) -> Rule:
    return next(rule for rule in rules if rule.counts_days)


def _enter_by_hand(
    numbered: Sequence[tuple[int, User]], days: dict[int, list[date]], registrar: User, now: datetime
) -> None:
    entered = [
        Entered(
            user=user,
            days=days[user.pk],
            production=("The Long Take", "Harbour Lights", "Second Unit")[number % 3] + " (sample)",
            role=("Intimacy department, assistant", "Costume", "Assistant director")[number % 3],
            proof="Call sheets and a letter from production (sample)",
        )
        for number, user in numbered
    ]
    enter(entered, by=registrar, now=now, why=WHY)


def fill_the_desk(lacking: dict[str, User], rules: list[Rule], registrar: User, now: datetime) -> None:
    """What trainees who miss one thing, by its code, have sent, and what became of it so far.

    Whoever lacks days has three fewer than are needed accepted, of which two count for two more months, and a draft
    that `send_with_proof` sends.
    """
    rule = _days_rule(rules)
    if someone := lacking.get(rule.code):
        _short_of_days(someone, rule, registrar, now)
    if someone := lacking.get("module-iii"):
        _asked_and_answered(someone, registrar, now)
    if someone := lacking.get("module-ii"):
        _asked(someone, registrar, now)
    # These days are long gone: nobody is to get an e-mail about them when the worker starts.
    Message.objects.filter(state=MessageState.QUEUED).update(state=MessageState.SENT, sent_at=F("created_at"))


def _short_of_days(user: User, rule: Rule, registrar: User, now: datetime) -> None:
    today = school_day(now)
    first = (years_before(today, rule.within_years) if rule.within_years else today - 400 * DAY) + 60 * DAY
    it = _sent(user, [first, first + DAY], now - 46 * DAY, production="Paper Moons (sample)")
    reviewing.accept(it, None, revision=it.revision, by=registrar, now=now - 41 * DAY)
    claimed = [today - (90 - back) * DAY for back in range(rule.needed - 4)]
    it = _sent(user, claimed, now - 33 * DAY, production="Harbour Lights (sample)")
    words = "The letter does not name the last day. A call sheet of that day would show it. (sample)"
    reviewing.accept(it, claimed[:-1], revision=it.revision, by=registrar, now=now - 30 * DAY, words=words)
    film = {
        "production": STUDENT_FILM,
        "kind": "student",
        "proof_kind": "call-sheet",
        "proof_link": "",
        "note": "Made at a film school with a professional crew, a first AD and a safety plan. (sample)",
    }
    _drafted(user, [today - 21 * DAY, today - 20 * DAY], now - 4 * DAY, **film)
    _drafted(user, [today - 12 * DAY], now - DAY, production="Night Bus (sample)", proof_kind="", proof_link="")


def _asked_and_answered(user: User, registrar: User, now: datetime) -> None:
    days = [school_day(now) - (50 - back) * DAY for back in range(3)]
    it = _sent(user, days, now - 9 * DAY, production="The Glass Kitchen (sample)")
    it = _question(it, "Was the second of these days on the same set? The letter names two. (sample)", registrar, now)
    words = "Yes: the second unit moved to the other stage in the afternoon. (sample)"
    subject = subject_of(it)
    writing.answer(it, person=user, author=user, words=words, title=subject.title, link="", now=now - 6 * DAY)


def _asked(user: User, registrar: User, now: datetime) -> None:
    days = [school_day(now) - (70 - 2 * back) * DAY for back in range(4)]
    role = {"department": "Intimacy", "role": "Intimacy coordinator's assistant"}
    it = _sent(user, days, now - 9 * DAY, production="Low Tide (sample)", **role)
    _question(it, "Did you coordinate yourself on any of these days? (sample)", registrar, now)


def _question(it: OnSetRecord, words: str, registrar: User, now: datetime) -> OnSetRecord:
    subject = subject_of(it)
    asked = now - 8 * DAY
    return reviewing.ask(it, words, revision=it.revision, title=subject.title, link="", by=registrar, now=asked)


def _drafted(user: User, days: Sequence[date], at: datetime, **fields: Any) -> OnSetRecord:
    it = writing.begin(user, now=at)
    return writing.save(it, {**LETTER, **fields}, days, revision=it.revision, now=at)


def _sent(user: User, days: Sequence[date], at: datetime, **fields: Any) -> OnSetRecord:
    it = _drafted(user, days, at, **fields)
    return writing.send(it, revision=it.revision, by=user, now=at)


def send_with_proof(*, now: datetime) -> None:
    """Add a call sheet and a photograph to the student film of the sample season, and send it.

    Apart from the rest, since no file is stored while a transaction is open.

    Raises:
        NotKept: when the storage does not answer.
    """
    drafts = OnSetRecord.objects.filter(production=STUDENT_FILM, state=RecordState.DRAFT).select_related("user")
    for it in drafts:
        at = now - 3 * DAY
        for name, made in (("call-sheet-sample.pdf", proof.call_sheet()), ("set-sample.jpg", proof.photograph())):
            keeping.add(it, SimpleUploadedFile(name, made), by=it.user, now=at)
        it.refresh_from_db()
        writing.send(it, revision=it.revision, by=it.user, now=at)
