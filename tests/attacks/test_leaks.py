"""Nobody reads of somebody else in a calendar or an e-mail: everything that the school knows is marked, and looked for.

Two trainees with the same story, whoever teaches and mentors them, and whoever runs the desk: each fact about each of
them is a word that stands nowhere else, and comes into the tables by the product's own commands. Then every calendar
and every e-mail is read to the last header, and each word that is found must be there for a reason that stands here.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.db import models
from django.test import Client

from booking.calendars import subscribers, tokens, views
from booking.calendars.models import Subscriber
from booking.payments import paying, refunding
from booking.payments.models import Purpose
from booking.payments.papers import issuing
from booking.reservations import calling_off, cancelling, changing, lapses, lifecycle, moving, waiting
from booking.reservations.models import Reservation
from booking.rights import asking
from tests import factories
from tests.factories import NOW
from tests.messages import test_templates as templates
from tests.prerequisites.paper import THREE_DAYS, sent
from workshops import money
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, Venue
from workshops.conversations.writing import write
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.messages import outbox
from workshops.messages.models import Message
from workshops.people.models import Role, User
from workshops.prerequisites.files.audits import begin_audit
from workshops.prerequisites.models import WaiverKind
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.models import RejectReason
from workshops.prerequisites.waiving import waive

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)

# -- what may be read where --------------------------------------------------------------------------------------------
TO_ONESELF = {
    *("name", "email"),
    *("production", "verdict", "refusal", "undone"),  # what the school decided about their days, in its words
    *("more-time", "later", "given-back", "left", "fee"),  # the reasons for what was done with their seat
    *("declined", "place", "ended", "paid"),
}
"""Facts that an e-mail may tell the person whom they are about. Every other one is for pages behind a sign-in."""
MENTORING = ("mentorship-begun", "mentorship-ended", "meeting-planned", "meeting-changed", "meeting-cancelled")
TO_EACH_OTHER = {
    *((kind, "name") for kind in MENTORING),
    *((kind, "place") for kind in MENTORING if kind.startswith("meeting")),
    ("mentorship-begun", "pronouns"),
    ("mentorship-ended", "ended"),
}
"""What mentor and trainee read of each other, by the kind of e-mail."""
TO_REGISTRARS = {("post-from-trainee", "name"), ("post-from-trainee", "production"), ("record-second-eyes", "name")}
"""Whom a notice to the desk is about and what, or who asks."""
IN_FEEDS = {("trainee", "place"), ("mentor", "place")}
"""Where two meet stands in the calendars of these two. No calendar says anything else of anybody, its owner too."""
NO_MONEY = {Role.INSTRUCTOR, Role.MENTOR}


# -- marks -------------------------------------------------------------------------------------------------------------
@dataclass
class Marks:
    """Words that stand for one fact about one person each."""

    known: dict[str, tuple[str, int]] = field(default_factory=dict)
    """For each word the fact and whose it is."""

    def of(self, who: int, fact: str) -> str:
        """A new word. All are of one length at their end, so that none is a part of another."""
        return self.add(f"Zq{fact.replace('-', '')}{len(self.known) + 1:04}", fact, who)

    def add(self, word: str, fact: str, who: int) -> str:
        """A word that looks as it does for a reason: a sum, an address."""
        assert word.casefold() not in self.known
        self.known[word.casefold()] = (fact, who)
        return word

    def found(self, text: str) -> set[tuple[str, int]]:
        """Which facts about whom stand in there."""
        text = text.casefold()
        return {what for word, what in self.known.items() if word in text}


@dataclass
class World:
    """Everyone, and what is known of them."""

    marks: Marks = field(default_factory=Marks)
    people: dict[int, User] = field(default_factory=dict)
    pairs: set[frozenset[int]] = field(default_factory=set)
    """Mentor and trainee."""
    sent: "list[Sent]" = field(default_factory=list)
    """Every e-mail that has gone out."""

    def person(self, *roles: Role, make: Any = factories.person, **fields: Any) -> User:
        """Somebody of whom every field is a word of their own."""
        # Their key is not known yet; what is said before it is stands under a number of its own until then.
        unborn = -len(self.people) - 1
        told = {each: self.marks.of(unborn, each) for each in ("name", "pronouns", "legal_name", "phone")}
        email = f"{self.marks.of(unborn, 'email').lower()}@example.org"
        made: User = make(*roles, **{**told, "email": email, **fields})
        self.marks.known = {
            word: (fact, made.pk if who == unborn else who) for word, (fact, who) in self.marks.known.items()
        }
        self.people[made.pk] = made
        return made

    def say(self, who: User, fact: str) -> str:
        """What somebody types about them."""
        return self.marks.of(who.pk, fact)


# -- a school in which everything has happened to two people -----------------------------------------------------------
@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(views, "current_time", lambda: NOW)
    world = World()
    ida, ivo = (world.person(Role.INSTRUCTOR) for _ in range(2))
    mia, max_ = (world.person(Role.MENTOR) for _ in range(2))
    rob, ruth = (world.person(Role.REGISTRAR) for _ in range(2))
    world.person(Role.BOOKKEEPER)
    spring, full = factories.cohort(instructors=(ida,)), a_full_cohort()
    summer = factories.cohort(instructors=(ivo,), starts_on=spring.ends_on + 60 * DAY)
    for number, mentor in enumerate((mia, max_)):
        trainee = world.person(make=factories.trainee, time_zone="Europe/Paris")
        days_on_set(world, trainee, rob, ruth)
        seat = a_seat(world, trainee, spring, rob, odd=101 + 12 * number)
        deliver(world)
        in_line(world, trainee, full, rob)
        conversation(world, trainee, seat, rob)
        mentoring(world, mentor, trainee, rob)
        given_back = factories.reservation(cohort=summer, trainee=world.person(make=factories.trainee))
        cancelling.cancel(given_back, now=NOW, by=rob, why=world.say(given_back.trainee, "given-back"))
        request = asking.ask(trainee, world.say(trainee, "asked-to-go"), now=NOW)
        asking.decline(request, world.say(trainee, "declined"), by=rob, now=NOW)
        begin_audit(trainee, world.say(trainee, "audit"), by=rob, now=NOW)
        subscriber = world.marks.add(f"zqoutsider{number}@example.org", "email", -1000 - number)
        subscribers.ask(subscriber, now=NOW)
    changes(world, spring, ida, ivo, rob)
    for each in Subscriber.objects.all():
        subscribers.confirm(each, now=NOW)
    subscribers.tell_of(factories.cohort(), now=NOW)
    deliver(world)
    return world


def a_full_cohort() -> Cohort:
    return factories.reservation(cohort=factories.cohort(capacity=1)).cohort


def days_on_set(world: World, trainee: User, rob: User, ruth: User) -> None:
    """Sent with all that a record says, asked about, passed on, accepted in part, not accepted, undone."""
    typed: dict[str, Any] = {each: world.say(trainee, each) for each in ("company", "department", "role", "note")}
    typed["proof_link"] = f"https://{world.say(trainee, 'link-to-proof')}.example/"
    it = sent(trainee, production=world.say(trainee, "production"), **typed)
    where = {"title": it.production, "link": f"{settings.SITE_URL}/", "now": NOW}
    it = reviewing.ask(it, world.say(trainee, "question"), revision=it.revision, by=rob, **where)  # type: ignore[arg-type]
    words = world.say(trainee, "answer")
    writing.answer(it, person=trainee, author=trainee, words=words, **where)  # type: ignore[arg-type]
    it.refresh_from_db()
    why = world.say(trainee, "second-eyes")
    it = reviewing.ask_for_second_eyes(it, why, revision=it.revision, by=rob, now=NOW)
    verdict, judged = world.say(trainee, "verdict"), world.say(trainee, "judgement")
    reviewing.accept(it, THREE_DAYS[:2], revision=it.revision, by=ruth, now=NOW, words=verdict, judgement=judged)
    it.refresh_from_db()
    reviewing.undo(it, world.say(trainee, "undone"), revision=it.revision, by=ruth, now=NOW)
    later = [day + 30 * DAY for day in THREE_DAYS]
    other = sent(trainee, later, production=world.say(trainee, "production"))
    refused = {"reason": RejectReason.UNREADABLE, "words": world.say(trainee, "refusal")}
    reviewing.reject(other, revision=other.revision, by=rob, now=NOW, **refused)  # type: ignore[arg-type]
    asked = {"kind": WaiverKind.WAIVER, "reason": world.say(trainee, "waiver"), "by": rob, "now": NOW}
    waive(trainee, "on-set-days", **asked)  # type: ignore[arg-type]


def a_seat(world: World, trainee: User, cohort: Cohort, rob: User, *, odd: int) -> Reservation:
    """Held for longer, with something off its price, paid in sums that are nobody else's, and some of it sent back."""
    factories.discount(person=trainee, amount_cents=10_000 + odd, reason=world.say(trainee, "discount"), by=rob)
    seat = factories.reservation(cohort=cohort, trainee=trainee)
    lifecycle.hold_longer(seat, until=NOW + DAY, now=NOW, why=world.say(trainee, "more-time"), by=rob)
    paid = {"by": rob, "now": NOW}
    paying.record_transfer(seat, Purpose.DEPOSIT, reference=world.say(trainee, "reference"), **paid)  # type: ignore[arg-type]
    part = 60_000 + odd
    world.marks.add(money.in_words(part), "paid", trainee.pk)
    reference = world.say(trainee, "reference")
    paying.record_transfer(seat, Purpose.BALANCE, reference=reference, amount_cents=part, **paid)  # type: ignore[arg-type]
    seat = Reservation.objects.get(pk=seat.pk)
    later: dict[str, Any] = {"until": seat.balance_due_on + 5 * DAY, "why": world.say(trainee, "later"), **paid}
    lifecycle.pay_later(seat, **later)
    back = {"why": world.say(trainee, "fee"), "lowers_price": False, "expected_possible_cents": 110_000 + odd}
    refunding.refund(seat, 5_000 + odd, **back, **paid)  # type: ignore[arg-type]
    world.marks.add(money.in_words(5_000 + odd), "paid", trainee.pk)
    issuing.invoice(seat, payer=world.say(trainee, "payer"), by=rob, now=NOW)
    return seat


def in_line(world: World, trainee: User, full: Cohort, rob: User) -> None:
    """Joined by the desk and taken out again; joined once more, and then passed by another."""
    entry, _ = waiting.join(full, trainee, now=NOW, by=rob, why=world.say(trainee, "joined"))
    waiting.leave(entry, now=NOW, by=rob, why=world.say(trainee, "left"))
    waiting.join(full, trainee, now=NOW + timedelta(minutes=1), notice_days=3)


def conversation(world: World, trainee: User, seat: Reservation, rob: User) -> None:
    """One thread, in which both sides wrote."""
    for author, fact in ((trainee, "post"), (rob, "reply")):
        link = f"{settings.SITE_URL}{seat.get_absolute_url()}"
        told = {"title": seat.cohort.title, "link": link, "now": NOW}
        write(("reservation", seat.public_id), person=trainee, author=author, words=world.say(trainee, fact), **told)  # type: ignore[arg-type]


def mentoring(world: World, mentor: User, trainee: User, rob: User) -> None:
    """One mentorship that has ended and one that runs, in which either planned, moved and cancelled a meeting."""
    world.pairs.add(frozenset({mentor.pk, trainee.pk}))
    ended = mentorships.begin(mentor, trainee, by=rob, now=NOW)
    mentorships.end(ended, by=rob, now=NOW, why=world.say(trainee, "ended"))
    both = mentorships.begin(mentor, trainee, by=rob, now=NOW)
    for days in (9, 10):
        agreed = Agreed(NOW + days * DAY, 60, world.say(trainee, "place"))
        met = meetings.plan(both, agreed, by=mentor, now=NOW)
        meetings.change(met, replace(agreed, minutes=30), seen=0, by=trainee, now=NOW)
    meetings.cancel(met, seen=1, by=mentor, now=NOW)
    agreed = Agreed(NOW + 11 * DAY, 60, world.say(trainee, "place"))
    meetings.cancel(meetings.plan(both, agreed, by=trainee, now=NOW), seen=0, by=trainee, now=NOW)


def changes(world: World, spring: Cohort, ida: User, ivo: User, rob: User) -> None:
    """What the school does to everyone in a cohort: its reasons are for all of them."""
    plan = replace(planning.plan_of(spring), title="Module IV, later", venue=factories.venue(name="The new stage"))
    deliver(world)
    calling_off.reschedule(spring, plan, by=rob, now=NOW, reason="The stage is taken.")
    deliver(world)
    spring.refresh_from_db()
    told: dict[str, Any] = {"by": rob, "now": NOW, "why": "He is ill.", "is_shown": True}
    changing.set_instructors(spring, (ida, ivo), ivo, **told)
    there = Venue.objects.get(pk=spring.venue_id)
    changing.change_venue(there, {"address": "7 New Street"}, by=rob, now=NOW, why="It has moved.", is_shown=True)
    deliver(world)
    for days in (80, 92):
        lapses.remind_of_balances(NOW + days * DAY)
    seat = spring.reservations.order_by("pk").first()
    assert seat is not None
    moving.move(seat, factories.cohort(), now=NOW, by=seat.trainee)
    deliver(world)
    calling_off.call_off(Cohort.objects.get(pk=spring.pk), by=rob, now=NOW, why="The stage is closed.")


# -- e-mails -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Sent:
    """One e-mail, all of it that a mail program could show."""

    kind: str
    to: User | None
    address: str
    text: str


def deliver(world: World) -> None:
    """Send what is in the outbox, and keep each e-mail as it went over the wire.

    Before the next thing happens: what that takes back would not go out any more.
    """
    queued = {outbox.message_id(each): each for each in Message.objects.filter(state="queued").select_related("to")}
    mail.outbox.clear()
    outbox.send_due(now=NOW + 200 * DAY, limit=10_000)
    assert len(mail.outbox) == len(queued)
    for each in mail.outbox:
        whole = message_from_bytes(each.message().as_bytes(), policy=policy.default)
        message = queued[whole["Message-ID"]]
        parts = [str(part.get_content()) for part in whole.walk() if not part.is_multipart()]
        text = "\n".join([*(f"{name}: {value}" for name, value in whole.items()), *parts])
        world.sent.append(Sent(message.kind, message.to, parseaddr_of(whole), re.sub("\r?\n ", "", text)))


def parseaddr_of(whole: EmailMessage) -> str:
    (address,) = whole["To"].addresses
    return str(address.addr_spec)


def may_read(world: World, sent: Sent, fact: str, who: int) -> bool:
    """Whether this fact about this person may stand in this e-mail."""
    if sent.to is None:
        return fact == "email" and world.marks.known[sent.address][1] == who
    if sent.to.pk == who:
        return fact in TO_ONESELF
    if (sent.kind, fact) in TO_REGISTRARS:
        return Role.REGISTRAR in sent.to.roles
    return (sent.kind, fact) in TO_EACH_OTHER and frozenset({sent.to.pk, who}) in world.pairs


def leaks_in_e_mails(world: World) -> list[str]:
    """Every mark that is where it does not belong, in words."""
    found = []
    for each in world.sent:
        facts = world.marks.found(each.text)
        found += [
            f"{each.kind} tells {each.to or each.address} the {fact} of {world.people.get(who, who)}"
            for fact, who in sorted(facts)
            if not may_read(world, each, fact, who)
        ]
        if each.to and each.to.roles and each.to.roles <= NO_MONEY and "$" in each.text:
            found.append(f"{each.kind} tells {each.to} of money")
    return found


def test_no_e_mail_tells_anyone_what_is_somebody_elses(world: World) -> None:
    assert leaks_in_e_mails(world) == []


def test_every_permission_is_used_and_what_has_none_is_marked(world: World) -> None:
    """A permission that nothing needs would hide a leak."""
    used, of_others, to_registrars = set(), set(), set()
    for each in world.sent:
        for fact, who in world.marks.found(each.text):
            if each.to and each.to.pk == who:
                used.add(fact)
            elif each.to and (each.kind, fact) in TO_EACH_OTHER:
                of_others.add((each.kind, fact))
            elif each.to:
                to_registrars.add((each.kind, fact))
    assert used == TO_ONESELF
    assert (of_others, to_registrars) == (TO_EACH_OTHER, TO_REGISTRARS)


OF_THE_SCHOOL = {
    *("School", "Module", "Requirement", "TrainingArea", "Price", "PolicyTerm", "ConductText", "ProgrammeRevision"),
    *("Venue", "Cohort", "Session", "CalendarRevision", "Wording"),
}
"""What the school says of itself, and everybody may read."""
OF_MACHINES = {
    *("ApiToken", "KeptAnswer", "FeedToken", "InboxEvent", "Customer", "Refund", "Dispute", "LedgerEntry", "Payout"),
    *("Plan", "CardSaving", "ProofFile"),
}
"""What is written down for programs: names and numbers of the card processor, hashes, what is kept to answer again.

Nothing of them comes near an e-mail or a calendar: no module that writes either of these reads them, and the names of
files are hostile enough to have tests of their own.
"""
NOT_TYPED = {
    *("HistoryLine.what", "HistoryLine.about_kind", "HistoryLine.about_id", "HistoryLine.facts"),
    *("Post.about_kind", "Post.about_id", "User.password", "User.country", "User.time_zone", "Entitlement.source"),
    *(
        "Message.kind",
        "Message.subject",
        "Message.last_error",
        "Message.bounce",
        "Waiver.requirement",
        "Review.rules",
        "Paper.says",
    ),
    *("OnSetRecord.proof_reason", "OnSetRecord.proof", "OnSetRecord.dates_typed", "Discount.code"),
    *("Reservation.currency", "Reservation.terms_frozen", "Reservation.calendar_id", "OnSetRecord.second_eyes_why"),
    *("Payment.gateway", "Payment.currency", "Payment.checkout_id", "Payment.checkout_url", "Payment.failure"),
}
"""Codes, numbers, and what stands elsewhere as well: `second_eyes_why` goes with the decision, and history keeps it."""


def test_what_people_type_is_marked_wherever_it_is_kept(world: World) -> None:
    """Of every text in every table: a field that is new and that nobody has marked fails here."""
    unmarked, seen = set(), ""
    for model in apps.get_models():
        if model._meta.app_label not in {"workshops", "booking"} or model.__name__ in OF_THE_SCHOOL | OF_MACHINES:
            continue
        for each in model._meta.concrete_fields:
            if isinstance(each, (models.CharField, models.TextField, models.JSONField)) and not each.choices:
                kept = json.dumps(list(model._base_manager.values_list(each.name, flat=True)), default=str)
                seen += kept.casefold()
                if each.name != "public_id" and not world.marks.found(kept):
                    unmarked.add(f"{model.__name__}.{each.name}")
    assert unmarked == NOT_TYPED
    missing = {fact for word, (fact, _) in world.marks.known.items() if word not in seen}
    assert missing == {"paid"}, "sums are kept as numbers; everything else as it was typed"


@pytest.mark.parametrize("where", ["the title of a cohort", "the name of a venue", "a reason for everyone"])
def test_a_name_in_the_wrong_place_is_noticed(world: World, where: str) -> None:
    """The negative control: another trainee's name, where everybody reads it."""
    ana, ben = (each for each in world.people.values() if each.reservations.filter(cohort__title="Module IV, later"))
    cohort = factories.cohort()
    if where == "the title of a cohort":
        Cohort.objects.filter(pk=cohort.pk).update(title=f"Module IV, with {ben.name}")
    if where == "the name of a venue":
        Venue.objects.filter(pk=cohort.venue_id).update(name=f"At {ben.name}'s")
    person = world.person(make=factories.trainee)
    seat = factories.reservation(cohort=Cohort.objects.get(pk=cohort.pk), trainee=person)
    why = f"As with {ben.name}." if where == "a reason for everyone" else "Because."
    lifecycle.hold_longer(seat, until=NOW + DAY, now=NOW, why=why, by=ana)
    deliver(world)
    found = leaks_in_e_mails(world)
    assert found
    assert all(f"the name of {ben.name}" in each for each in found)


# -- calendars ---------------------------------------------------------------------------------------------------------
def calendars(world: World) -> Iterator[tuple[str, User | None, str]]:
    """Every calendar there is: its kind, whose it is, and all that it says, its headers too."""
    paths: list[tuple[str, User | None, str]] = [("public", None, "/calendar/cohorts.ics")]
    paths += [("cohort", None, f"/calendar/cohorts/{each.code}.ics") for each in Cohort.objects.all()]
    for person in world.people.values():
        for kind in tokens.kinds_of(User.objects.get(pk=person.pk)):
            _, address = tokens.make(person, kind, now=NOW)
            world.marks.add(address.rpartition("/")[2].removesuffix(".ics"), "secret", person.pk)
            paths.append((str(kind), person, address.removeprefix(settings.SITE_URL)))
    for feed, whose, path in paths:
        answer = Client().get(path)
        assert answer.status_code == 200
        assert b"BEGIN:VEVENT" in answer.content or feed in {"instructor", "mentor", "trainee"}
        yield feed, whose, f"{answer.headers}\n{answer.content.decode()}".replace("\r\n ", "")


def leaks_in_calendars(world: World) -> list[str]:
    """Every mark that is where it does not belong, and every sum of money, in words."""
    found = []
    for kind, person, text in calendars(world):
        for fact, who in sorted(world.marks.found(text)):
            theirs = person is not None and (person.pk == who or frozenset({person.pk, who}) in world.pairs)
            if not (theirs and (kind, fact) in IN_FEEDS):
                found.append(f"the {kind} calendar of {person} tells the {fact} of {world.people.get(who, who)}")
        if "$" in text or "USD" in text:
            found.append(f"the {kind} calendar of {person} tells of money")
    return found


def test_no_calendar_tells_anyone_what_is_somebody_elses(world: World) -> None:
    assert leaks_in_calendars(world) == []
    assert len([kind for kind, person, _ in calendars(World(people=world.people)) if person]) >= 10


def test_where_two_meet_stands_in_the_calendars_of_these_two_alone(world: World) -> None:
    told = {
        (kind, person.pk if person else 0, who)
        for kind, person, text in calendars(world)
        for fact, who in world.marks.found(text)
        if fact == "place"
    }
    expected = set()
    for pair in world.pairs:
        (mentor,) = [key for key in pair if Role.MENTOR in world.people[key].roles]
        (trainee,) = pair - {mentor}
        expected |= {("mentor", mentor, trainee), ("trainee", trainee, trainee)}
    assert told == expected


def test_a_name_in_a_calendar_is_noticed(world: World) -> None:
    """The negative control: another trainee's name in the title of a cohort."""
    ben = next(each for each in world.people.values() if each.reservations.exists())
    Cohort.objects.update(title=f"Module IV, with {ben.name}")
    found = leaks_in_calendars(world)
    assert found
    assert all(f"tells the name of {ben.name}" in each for each in found)


# -- every kind of e-mail ----------------------------------------------------------------------------------------------
def test_no_kind_of_e_mail_names_anyone_but_its_reader_except_where_it_is_said_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that the product can write, each kind caused once: people are named as in the world above."""
    world, plainly = World(), factories.person

    def marked(*roles: Role, **fields: Any) -> User:
        return world.person(*roles, make=plainly, **{name: said for name, said in fields.items() if said})

    monkeypatch.setattr(factories, "person", marked)
    templates.everything(factories.trainee(time_zone="Europe/Paris"))
    kinds, of_others = set(), set()
    for message in Message.objects.select_related("to"):
        kinds.add(message.kind)
        words = outbox.words_of(message)
        text = json.dumps([words.subject, words.text, message.calendar], ensure_ascii=False).replace("\\r\\n ", "")
        for fact, who in world.marks.found(text):
            if message.to is None or message.to_id != who:
                of_others.add((message.kind, fact))
            else:
                assert fact in TO_ONESELF, (message.kind, fact)
    assert kinds == set(templates.OURS)
    assert of_others == {each for each in TO_EACH_OTHER | TO_REGISTRARS if each[1] in {"name", "pronouns"}}
