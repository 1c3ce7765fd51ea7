"""Ana Lima, about whom the school keeps something of every kind, and Robin, who runs the desk."""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils.timezone import now

from booking.payments import paying
from booking.payments.discounts.models import Discount, Redemption
from booking.payments.earning import earn_due
from booking.payments.models import Customer, Payment, Purpose
from booking.payments.papers.models import Paper
from booking.payments.plans.models import CardSaving, Plan, PlanState
from booking.reservations import cancelling, waiting
from booking.reservations.models import Reservation
from tests import factories
from workshops.clock import school_day
from workshops.conversations.writing import write
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.people.models import Role, Scope, User
from workshops.prerequisites import waiving
from workshops.prerequisites.models import WaiverKind
from workshops.prerequisites.recording import entitle
from workshops.prerequisites.records.models import OnSetRecord, ProofFile, RecordState, Review
from workshops.programme.models import Module
from workshops.web.models import KeptAnswer

WORDS = "Zanzibar"
"""In everything that anybody says in their own words."""
GIVES_AWAY = ("Ana Lima", "Ana Maria Lima", "ana.lima@", "ana@work", "555 0147", WORDS, "zanzibar")


@dataclass(frozen=True)
class World:
    """What the tests are about."""

    ana: User
    robin: User
    desk: Client
    browser: Client
    moment: datetime
    past: Reservation
    record: OnSetRecord
    draft: OnSetRecord
    stored_as: str
    token: str


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def robin() -> User:
    """The registrar."""
    return factories.person(Role.REGISTRAR, name="Robin", email="robin@example.org")


@pytest.fixture
def world(robin: User, moment: datetime) -> World:
    """Something of every kind about Ana Lima, and nothing that would stand in the way of erasing her."""
    ana = factories.trainee(
        name="Ana Lima",
        email="ana.lima@example.org",
        legal_name="Ana Maria Lima",
        phone="+1 213 555 0147",
        pronouns="they/zanzibar",
        country="PT",
        time_zone="Europe/Lisbon",
    )
    EmailAddress.objects.create(user=ana, email=ana.email, verified=True, primary=True)
    EmailAddress.objects.create(user=ana, email="ana@work.example", verified=True)
    Authenticator.objects.create(user=ana, type=Authenticator.Type.TOTP, data={"secret": WORDS})
    token = factories.token(ana, Scope.READ, now=moment)
    browser, desk = Client(), Client()
    browser.force_login(ana)
    _has_just_signed_in(browser, ana)
    desk.force_login(robin)
    KeptAnswer.objects.create(user=ana, key="1", fingerprint="x", status=201, body=WORDS, created_at=moment)
    KeptAnswer.objects.create(user=robin, key="2", fingerprint="x", status=201, body=ana.email, created_at=moment)
    past = _seats(ana, robin, moment)
    record, draft, stored_as = _path(ana, robin, moment)
    _mentoring(ana, robin, moment)
    for author in (ana, robin):
        for about in (("reservation", past.public_id), ("record", record.public_id)):
            write(about, person=ana, author=author, words=f"{WORDS}, Ana Lima", title="x", link="/", now=moment)
    return World(ana, robin, desk, browser, moment, past, record, draft, stored_as, token)


def _has_just_signed_in(browser: Client, person: User) -> None:
    """As allauth remembers it, which then does not ask for the second step once more."""
    session = browser.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()
    UserSession.objects.create(user=person, ip="192.0.2.7", session_key=session.session_key, user_agent=WORDS)


def _mentoring(ana: User, robin: User, moment: datetime) -> None:
    """Somebody accompanied her and met her, which is over: what they were told names her."""
    mentor = factories.person(Role.MENTOR, name="Imogen", email="imogen@example.org")
    begun = mentorships.begin(mentor, ana, by=robin, now=moment)
    meetings.plan(begun, Agreed(moment + timedelta(days=9), 60, WORDS), by=ana, now=moment)
    mentorships.end(begun, by=robin, now=moment, why=f"{WORDS}: Ana Lima is on her own now.")


def _seats(ana: User, robin: User, moment: datetime) -> Reservation:
    """A cohort that has been, one that was cancelled with money back, and a line that was left."""
    long_ago = moment - timedelta(days=150)
    teacher = factories.person(Role.INSTRUCTOR, name="Amara", email="amara@example.org")
    past = factories.reservation(
        cohort=factories.cohort(now=long_ago, instructors=(teacher,)), trainee=ana, now=long_ago
    )
    paying.begin(past, Purpose.FULL, "sandbox", by=ana, now=long_ago)
    Payment.objects.update(reference=f"Wire of ana lima {past.pk}")
    given_back = factories.reservation(cohort=factories.cohort(now=moment), trainee=ana, now=moment)
    paying.begin(given_back, Purpose.DEPOSIT, "sandbox", by=ana, now=moment)
    cancelling.cancel(given_back, now=moment, by=ana, why=f"To {WORDS}")
    full = factories.cohort(now=moment, capacity=1)
    factories.reservation(cohort=full, now=moment)
    _money(past, moment)
    entry, _ = waiting.join(full, ana, now=moment, by=robin, why=WORDS)
    waiting.leave(entry, now=moment, by=robin, why=WORDS)
    earn_due(moment)
    past.refresh_from_db()
    return past


def _money(past: Reservation, moment: datetime) -> None:
    """What was given off the price, a plan that has been paid off, a receipt, a number with the card processor."""
    ana, today = past.trainee, school_day(moment)
    Customer.objects.create(person=ana, processor_id="cus_1", created_at=moment)
    given = Discount.objects.create(
        kind="scholarship", person=ana, percent=10, valid_from=today, valid_until=today, reason=WORDS, created_at=moment
    )
    Redemption.objects.create(discount=given, reservation=past, amount_cents=20_000, at=moment)
    Discount.objects.create(
        kind="voucher", code="SPRING", percent=10, valid_from=today, valid_until=today, reason="For Ana Lima's class.",
        created_at=moment,
    )  # fmt: skip
    plan = Plan.objects.create(
        reservation=past, months=3, state=PlanState.PAID, parts=[], consent="Yes.", consented_at=moment,
        card_words=WORDS, created_at=moment, ended_at=moment, why_ended="Everything is paid.",
    )  # fmt: skip
    CardSaving.objects.create(plan=plan, checkout_id="cs_1", checkout_url=WORDS, expires_at=moment, created_at=moment)
    assert Paper.objects.filter(reservation=past).update(payer=f"Ana Maria Lima, {WORDS}")


def _path(ana: User, robin: User, moment: datetime) -> tuple[OnSetRecord, OnSetRecord, str]:
    """Days with proof, decided and undone; a draft; an exception; a module paid for elsewhere."""
    entitle(ana, Module.objects.get(code="module-i"), WORDS, by=robin, now=moment)
    waiving.waive(ana, "on-set-days", kind=WaiverKind.WAIVER, reason=WORDS, by=robin, now=moment)
    factories.give_access(ana, "module-iii", date(2026, 5, 1))
    said = ("production", "company", "department", "role", "note", "proof_reason", "proof", "dates_typed")
    words = {**dict.fromkeys(said, WORDS), "proof_link": f"https://{WORDS}.example/", "second_eyes_why": WORDS}
    record = factories.prove_days(ana, 3, last=date(2025, 3, 20))
    draft = factories.prove_days(ana, 2, last=date(2025, 1, 20), state=RecordState.DRAFT)
    OnSetRecord.objects.filter(user=ana).update(**words, second_eyes_by=robin)
    for undone in ({"undone_at": moment, "undone_by": robin, "undone_why": WORDS}, {}):
        Review.objects.create(
            record=record, outcome="accepted", accepted=3, of=3, words=WORDS, judgement=WORDS, rules="1", at=moment,
            by=robin, **undone,
        )  # fmt: skip
    stored_as = default_storage.save(f"proof/{record.public_id}", ContentFile(b"%PDF-1.7 proof"))
    ProofFile.objects.create(
        record=record, name=f"../../{WORDS}\r\n\u202efdp.pdf", media="pdf", size=14, sha256="a" * 64,
        stored_as=stored_as, begun_at=moment, kept_at=moment,
    )  # fmt: skip
    record.refresh_from_db()
    draft.refresh_from_db()
    return record, draft, stored_as
