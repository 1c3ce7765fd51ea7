"""One person with two accounts: everything comes to one of them, once, and only as the registrar saw it."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.core import mail
from django.db.models import ForeignKey, Model
from django.test import Client

from booking.calendars import tokens
from booking.calendars.models import FeedKind, FeedToken
from booking.desk.merging.carrying_out import Changed, Decided, merge
from booking.desk.merging.reading import account_of
from booking.desk.merging.what import Comparison, compare
from booking.payments import paying
from booking.payments.discounts.models import Discount
from booking.payments.models import Customer, Posting, Purpose
from booking.reservations import cancelling, reserving, waiting
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.pages import text
from tests.prerequisites.paper import drafted
from workshops.clock import school_day
from workshops.cohorts.models import Seat, Teaching
from workshops.conversations.models import Post
from workshops.conversations.writing import write
from workshops.history.models import HistoryLine
from workshops.history.record import history_of_person
from workshops.mentors import mentorships
from workshops.messages.models import Message
from workshops.messages.outbox import send_due
from workshops.people.addresses import account_at
from workshops.people.models import ApiToken, ErasureRequest, Role, RoleGrant, Scope, User
from workshops.prerequisites.facts import standing_of
from workshops.prerequisites.models import Access, Completion, Entitlement, Waiver
from workshops.prerequisites.records.models import AuditHold, OnSetDay, OnSetRecord
from workshops.prerequisites.records.writing import withdraw
from workshops.programme.models import MODULE_IV, Module

pytestmark = pytest.mark.django_db

TODAY = school_day(NOW)

# What merging does to every relation to a person, by the model and its field.
COMES: Collection[str] = frozenset(
    {
        "account.EmailAddress.user",
        "booking.Customer.person",
        "booking.Discount.person",
        "booking.Reservation.trainee",
        "booking.WaitlistEntry.trainee",
        "workshops.Access.user",
        "workshops.AuditHold.user",
        "workshops.Completion.user",
        "workshops.Entitlement.user",
        "workshops.ErasureRequest.user",
        "workshops.Mentorship.mentor",
        "workshops.Mentorship.trainee",
        "workshops.Message.to",
        "workshops.OnSetRecord.second_eyes_by",
        "workshops.OnSetRecord.user",
        "workshops.Post.person",
        "workshops.RoleGrant.user",
        "workshops.Seat.occupant",
        "workshops.Teaching.instructor",
        "workshops.User.merged_into",
        "workshops.Waiver.user",
    }
)
"""Afterwards no row names the account that went: it came to the other, or ended."""
ENDS: Collection[str] = frozenset({"booking.FeedToken.user", "mfa.Authenticator.user", "usersessions.UserSession.user"})
"""Deleted: they open an account that nobody enters any more."""
_SIGNED = "Who did it at the desk: what one has signed stays signed by the account that did it."
STAYS: Mapping[str, str] = {
    "admin.LogEntry.user": "Django's admin changes nothing here, and what it once wrote is a log.",
    "booking.ClosedPeriod.closed_by": _SIGNED,
    "booking.Discount.created_by": _SIGNED,
    "booking.Paper.issued_by": _SIGNED,
    "booking.Payment.recorded_by": _SIGNED,
    "booking.Payout.matched_by": _SIGNED,
    "booking.Refund.recorded_by": _SIGNED,
    "workshops.Access.recorded_by": _SIGNED,
    "workshops.ApiToken.user": "Revoked: a program that had one is told so, and its maker is found in the history.",
    "workshops.AuditHold.begun_by": _SIGNED,
    "workshops.AuditHold.ended_by": _SIGNED,
    "workshops.Completion.recorded_by": _SIGNED,
    "workshops.Entitlement.recorded_by": _SIGNED,
    "workshops.ErasureRequest.answered_by": _SIGNED,
    "workshops.HistoryLine.by": "What has happened is never changed; `history_of_person` reads both.",
    "workshops.HistoryLine.person": "What has happened is never changed; `history_of_person` reads both.",
    "workshops.KeptAnswer.user": "First answers to programs whose tokens are revoked; they go after a day.",
    "workshops.OnSetRecord.decided_by": _SIGNED,
    "workshops.PolicyTerm.confirmed_by": _SIGNED,
    "workshops.Wording.revised_by": _SIGNED,
    "workshops.Post.author": "In its own threads it comes along; what it wrote for the school stays signed.",
    "workshops.Review.by": _SIGNED,
    "workshops.Review.undone_by": _SIGNED,
    "workshops.Waiver.given_by": _SIGNED,
}


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR, name="Renée Registrar")


def look(survivor: User, other: User, by: User) -> Comparison:
    """What the registrar is shown."""
    fresh = [User.objects.get(pk=each.pk) for each in (survivor, other)]
    return compare(account_of(fresh[0], NOW), account_of(fresh[1], NOW), by.pk)


def merged(
    survivor: User,
    other: User,
    by: User,
    *,
    kept: dict[tuple[str, str], date] | None = None,
    given: frozenset[Role] = frozenset(),
) -> Comparison:
    """Merge as shown, keeping what the survivor says about itself."""
    found = look(survivor, other, by)
    assert found.obstacles == ()
    profile = {
        name: mine or theirs
        for (name, _, mine), (_, _, theirs) in zip(found.survivor.profile, found.other.profile, strict=True)
    }
    merge(
        survivor,
        other,
        found.shown,
        Decided(kept or {}, profile, given),
        by=by,
        now=NOW,
        why="She told us on the phone.",
    )
    for each in (survivor, other):
        each.refresh_from_db()
        each.__dict__.pop("roles", None)
    return found


def obstacles(survivor: User, other: User, by: User) -> str:
    return " ".join(each.words for each in look(survivor, other, by).obstacles)


# -- everything comes --------------------------------------------------------------------------------------------------
def relations() -> dict[str, tuple[type[Model], str]]:
    """Every field of every installed app that names a person."""
    return {
        f"{model._meta.app_label}.{model.__name__}.{field.name}": (model, field.name)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields(include_hidden=True)
        if isinstance(field, ForeignKey) and field.related_model is User
    }


def test_every_relation_to_a_person_comes_along_ends_or_is_named_as_staying() -> None:
    """A new model that names a person must say here what merging does to it."""
    said = [*COMES, *ENDS, *STAYS]
    assert len(said) == len(set(said))
    assert set(relations()) == set(said)


def test_nothing_that_comes_or_ends_names_the_old_account_afterwards(registrar: User) -> None:
    survivor, other = factories.person(Role.TRAINEE), person_with_everything(registrar)
    owned = {name: (model, field) for name, (model, field) in relations().items() if name in {*COMES, *ENDS}}
    before = {name for name, (model, field) in owned.items() if model._base_manager.filter(**{field: other}).exists()}
    assert set(owned) - before == set(), "the test must have a row of each"
    merged(survivor, other, registrar)
    left = {name for name, (model, field) in owned.items() if model._base_manager.filter(**{field: other}).exists()}
    assert left == set()
    assert_all_hold(NOW)


def person_with_everything(registrar: User) -> User:
    """Someone who has one of everything that a person can have here."""
    other = factories.trainee(
        email="old@example.org", password="closed-set-rehearsal", name="Old Name", phone="+1 555 0100"
    )
    RoleGrant.objects.create(user=other, role=Role.MENTOR, granted_at=NOW)
    factories.give_access(other, "module-iii", date(2026, 4, 1))
    four = Module.objects.get(code="module-iv")
    Entitlement.objects.create(user=other, module=four, source="Complete Package, order 7", recorded_at=NOW)
    Customer.objects.create(person=other, processor_id="cus_other", created_at=NOW)
    scholarship(other)
    Waiver.objects.create(user=other, requirement="module-i", reason="Long ago.", given_at=NOW, given_by=registrar)
    AuditHold.objects.create(user=other, why="The insurer asks.", begun_at=NOW, begun_by=registrar)
    OnSetRecord.objects.filter(pk=drafted(factories.trainee()).pk).update(second_eyes_by=other)
    ErasureRequest.objects.create(user=other, asked_at=NOW, answered_at=NOW, answered_by=registrar, answer="Stay.")
    Teaching.objects.create(cohort=factories.cohort(), instructor=other, is_lead=True)
    earlier = factories.person()
    User.objects.filter(pk=earlier.pk).update(merged_into=other, is_active=False)
    Authenticator.objects.create(user=other, type=Authenticator.Type.TOTP, data={})
    UserSession.objects.create(user=other, ip="10.0.0.1", session_key="k" * 32, user_agent="Browser")
    factories.token(other, Scope.READ)
    tokens.make(other, FeedKind.MENTOR, now=NOW)
    mentorships.begin(other, factories.person(Role.TRAINEE), by=registrar, now=NOW)
    mentorships.begin(factories.person(Role.MENTOR), other, by=registrar, now=NOW)
    reserved = factories.reservation(trainee=other)
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full)
    waiting.join(full, other, now=NOW)
    about = ("reservation", reserved.public_id)
    write(about, person=other, author=other, words="Is there a lift?", title="Seat", link="https://x.test", now=NOW)
    return other


def scholarship(person: User) -> Discount:
    """Something off the price for one person by name."""
    return Discount.objects.create(
        kind="scholarship", person=person, percent=10, valid_from=TODAY, valid_until=TODAY, reason="It helps.",
        created_at=NOW,
    )  # fmt: skip


def test_whoever_paid_by_card_with_both_accounts_keeps_the_number_of_the_one_that_stays(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    for person, number in ((survivor, "cus_stays"), (other, "cus_goes")):
        Customer.objects.create(person=person, processor_id=number, created_at=NOW)
    discount = scholarship(other)
    merged(survivor, other, registrar)
    assert dict(Customer.objects.values_list("person", "processor_id")) == {
        survivor.pk: "cus_stays",
        other.pk: "cus_goes",
    }
    discount.refresh_from_db()
    assert discount.person == survivor


def test_a_seat_a_place_in_line_and_money_come_with_their_story(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    mine = factories.reservation(trainee=survivor)
    paying.begin(mine, Purpose.DEPOSIT, "sandbox", by=survivor, now=NOW)
    cancelling.cancel(Reservation.objects.get(pk=mine.pk), now=NOW, by=survivor)
    theirs = factories.reservation(trainee=other)
    paying.begin(theirs, Purpose.DEPOSIT, "sandbox", by=other, now=NOW)
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full)
    entry, _ = waiting.join(full, other, now=NOW)
    books = sorted(Posting.objects.values_list("entry__source", "account", "amount_cents"))
    found = merged(survivor, other, registrar)
    assert found.other.holdings.paid_cents == 50_000
    assert set(survivor.reservations.values_list("pk", "state")) == {(mine.pk, "cancelled"), (theirs.pk, "reserved")}
    assert Seat.objects.get(cohort=theirs.cohort_id, number=theirs.seat_number).occupant == survivor
    entry.refresh_from_db()
    assert (entry.trainee, entry.state) == (survivor, EntryState.WAITING)
    assert sorted(Posting.objects.values_list("entry__source", "account", "amount_cents")) == books
    told = HistoryLine.objects.filter(what="brought-over", person=survivor).values_list("about_kind", "about_id")
    assert set(told) == {("reservation", theirs.public_id), ("waitlist", entry.public_id)}
    assert_all_hold(NOW)


def test_an_offer_comes_along_and_can_be_accepted(registrar: User) -> None:
    survivor, other = factories.person(Role.TRAINEE), factories.trainee()
    full = factories.cohort(capacity=1)
    first = factories.reservation(cohort=full)
    waiting.join(full, other, now=NOW)
    cancelling.cancel(first, now=NOW, by=first.trainee)
    merged(survivor, other, registrar)
    offer = Reservation.objects.get(trainee=survivor, state=State.OFFERED)
    accepted = reserving.hold(full, survivor, now=NOW)
    assert (accepted.pk, accepted.state) == (offer.pk, State.HELD)
    assert_all_hold(NOW)


def test_of_two_places_in_one_line_the_better_stays(registrar: User) -> None:
    survivor, other, stranger = factories.trainee(), factories.trainee(), factories.trainee()
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full)
    entries = [waiting.join(full, each, now=NOW)[0] for each in (other, stranger, survivor)]
    found = merged(survivor, other, registrar)
    assert any(full.title in words for words in found.endings)
    line = WaitlistEntry.objects.waiting().filter(cohort=full).in_turn()
    assert [(each.pk, each.trainee) for each in line] == [(entries[0].pk, survivor), (entries[1].pk, stranger)]
    assert_all_hold(NOW)


def test_nobody_waits_beside_a_seat_that_the_other_account_has(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full, trainee=other)
    waiting.join(full, survivor, now=NOW)
    merged(survivor, other, registrar)
    assert not WaitlistEntry.objects.waiting().exists()
    assert_all_hold(NOW)


def test_a_hold_that_ran_out_stands_in_nobodys_way(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    cohort = factories.cohort()
    lapsed = reserving.hold(cohort, survivor, now=NOW - timedelta(hours=2))
    theirs = reserving.hold(cohort, other, now=NOW, by=other)
    merged(survivor, other, registrar)
    assert set(survivor.reservations.values_list("pk", "state")) == {(lapsed.pk, "expired"), (theirs.pk, "held")}
    assert_all_hold(NOW)


def test_whoever_becomes_eligible_by_it_is_offered_the_free_seat(registrar: User) -> None:
    survivor, other = factories.trainee(lacking="module-iii"), factories.person(Role.TRAINEE)
    factories.finish(other, "module-iii")
    full = factories.cohort(capacity=1)
    first = factories.reservation(cohort=full)
    waiting.join(full, survivor, now=NOW)
    cancelling.cancel(first, now=NOW, by=first.trainee)
    assert not Reservation.objects.filter(trainee=survivor).exists()
    merged(survivor, other, registrar)
    assert Reservation.objects.get(trainee=survivor).state == State.OFFERED
    assert_all_hold(NOW)


# -- what is known of their path ---------------------------------------------------------------------------------------
def test_the_standing_is_the_check_of_the_united_facts_and_a_day_counts_once(registrar: User) -> None:
    survivor, other = factories.person(Role.TRAINEE), factories.person(Role.TRAINEE)
    factories.finish(survivor, "module-i")
    factories.finish(survivor, "module-ii")
    factories.finish(other, "module-iii")
    factories.prove_days(survivor, 6, last=date(2026, 3, 20))
    factories.prove_days(other, 6, last=date(2026, 3, 16))
    found = merged(survivor, other, registrar)
    assert ("Days on set twice", ("2 days that the other account has too",), ("Each counts once",)) in [
        (row.title, row.survivor, row.other) for row in found.rows
    ]
    standing, facts = standing_of(survivor, MODULE_IV, TODAY)
    assert standing.eligible
    assert len(facts.accepted_days) == 10


@pytest.mark.parametrize("stays", ["survivor", "other"])
def test_of_two_dates_for_one_module_the_chosen_one_stays_and_the_other_is_history(stays: str, registrar: User) -> None:
    survivor, other = factories.person(Role.TRAINEE), factories.person(Role.TRAINEE)
    dates = {"survivor": date(2026, 5, 1), "other": date(2026, 5, 9)}
    for who, key in ((survivor, "survivor"), (other, "other")):
        factories.finish(who, "module-ii", dates[key])
        factories.give_access(who, "module-iii", dates[key])
    kept = {("completion", "module-ii"): dates[stays], ("access", "module-iii"): dates[stays]}
    found = merged(survivor, other, registrar, kept=kept)
    assert [each.name for each in found.choices if each.is_fact] == ["completion:module-ii", "access:module-iii"]
    assert Completion.objects.get(user=survivor).completed_on == dates[stays]
    assert Access.objects.get(user=survivor).granted_on == dates[stays]
    went = dates["other" if stays == "survivor" else "survivor"]
    for what in ("completion-corrected", "access-corrected"):
        line = HistoryLine.objects.get(what=what, person=survivor)
        assert (line.facts["on"], line.facts["before"]) == (dates[stays].isoformat(), went.isoformat())
        assert (line.by, line.why) == (registrar, "She told us on the phone.")


def test_of_two_audits_one_goes_on(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    for who in (survivor, other):
        AuditHold.objects.create(user=who, why="The insurer asks.", begun_at=NOW, begun_by=registrar)
    merged(survivor, other, registrar)
    assert sorted(survivor.audit_holds.values_list("ended_at", flat=True), key=bool) == [None, NOW]
    ended = HistoryLine.objects.get(what="audit-ended")
    assert (ended.person, ended.by, ended.why) == (other, registrar, "She told us on the phone.")


def test_the_registrar_reads_no_draft_of_either_account(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    drafted(other, production="Top Secret")
    withdraw(drafted(survivor, production="Thrown away"), by=survivor, now=NOW)
    rows = look(survivor, other, registrar).rows
    said = [words for row in rows for words in (*row.survivor, *row.other)]
    assert "1 draft, theirs alone" in said
    assert not any("Secret" in words or "Thrown away" in words for words in said)


# -- what stands in the way --------------------------------------------------------------------------------------------
def test_two_seats_in_one_cohort_are_refused_until_one_is_released(registrar: User) -> None:
    survivor, other, cohort = factories.trainee(), factories.trainee(), factories.cohort()
    factories.reservation(trainee=survivor, cohort=cohort)
    theirs = factories.reservation(trainee=other, cohort=cohort)
    found = look(survivor, other, registrar)
    assert [each.reservation for each in found.obstacles] == [theirs.public_id]
    with pytest.raises(Changed):
        merge(survivor, other, found.shown, Decided({}, {}, frozenset()), by=registrar, now=NOW, why="One person.")
    cancelling.cancel(theirs, now=NOW, by=other)
    merged(survivor, other, registrar)
    assert_all_hold(NOW)


def test_two_active_seats_are_refused_where_the_terms_allow_one(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    factories.reservation(trainee=survivor)
    factories.reservation(trainee=other)
    assert "the terms allow one" in obstacles(survivor, other, registrar)


def test_a_seat_in_a_cohort_that_is_over_stands_in_nobodys_way(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    then = NOW - timedelta(days=200)
    past = factories.cohort(starts_on=school_day(NOW) - timedelta(days=30), now=then)
    made = reserving.hold(past, survivor, now=then)
    paying.begin(made, Purpose.FULL, "sandbox", by=survivor, now=then)
    factories.reservation(trainee=other)
    merged(survivor, other, registrar)
    assert_all_hold(NOW)


def test_a_payment_under_way_is_waited_for(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    theirs = factories.reservation(trainee=other)
    paying.begin(theirs, Purpose.DEPOSIT, "offline", by=other, now=NOW)
    assert "A payment of" in obstacles(survivor, other, registrar)


def test_nobody_merges_their_own_account_an_erased_one_or_one_with_itself(registrar: User) -> None:
    other, erased, asks = factories.person(), factories.person(), factories.person()
    User.objects.filter(pk=erased.pk).update(erased_at=NOW, is_active=False)
    ErasureRequest.objects.create(user=asks, asked_at=NOW)
    assert "is yours" in obstacles(registrar, other, registrar)
    assert "is yours" in obstacles(other, registrar, registrar)
    assert "was erased" in obstacles(other, erased, registrar)
    assert "asked to be erased" in obstacles(other, asks, registrar)
    assert "same account twice" in obstacles(other, other, registrar)


def test_only_what_was_shown_is_done(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    shown = look(survivor, other, registrar).shown
    factories.prove_days(other, 1, last=date(2026, 1, 5))
    with pytest.raises(Changed):
        merge(survivor, other, shown, Decided({}, {}, frozenset()), by=registrar, now=NOW, why="One person.")
    other.refresh_from_db()
    assert other.merged_into is None
    assert other.is_active


# -- roles -------------------------------------------------------------------------------------------------------------
def test_a_privileged_role_comes_only_when_it_is_given_on_purpose(registrar: User) -> None:
    def other() -> User:
        return factories.person(Role.MENTOR, Role.INSTRUCTOR, Role.BOOKKEEPER, Role.REGISTRAR)

    silent, on_purpose = factories.person(Role.TRAINEE), factories.person(Role.TRAINEE)
    assert merged(silent, other(), registrar).privileges == (Role.INSTRUCTOR, Role.BOOKKEEPER, Role.REGISTRAR)
    assert silent.roles == {Role.TRAINEE, Role.MENTOR}
    merged(on_purpose, other(), registrar, given=frozenset({Role.BOOKKEEPER}))
    assert on_purpose.roles == {Role.TRAINEE, Role.MENTOR, Role.BOOKKEEPER}


def test_where_both_teach_a_cohort_one_teaching_is_left_and_stays_the_lead(registrar: User) -> None:
    survivor, other = factories.person(Role.INSTRUCTOR), factories.person(Role.INSTRUCTOR)
    both = factories.cohort(instructors=(other, survivor))
    merged(survivor, other, registrar)
    assert list(both.teachings.values_list("instructor", "is_lead")) == [(survivor.pk, True)]


# -- signing in --------------------------------------------------------------------------------------------------------
def test_both_addresses_sign_in_to_the_account_that_stays_and_the_old_password_does_not(
    registrar: User, client: Client
) -> None:
    survivor = factories.trainee(email="alex@example.org", password="closed-set-rehearsal")
    other = factories.trainee(email="Alex.Old@example.org", password="another-rehearsal-room")
    elsewhere = Client()
    elsewhere.force_login(other)
    assert elsewhere.get("/", follow=True).wsgi_request.user == other
    merged(survivor, other, registrar)
    assert not elsewhere.get("/", follow=True).wsgi_request.user.is_authenticated
    addresses = EmailAddress.objects.filter(user=survivor).order_by("email").values_list("email", "verified", "primary")
    assert list(addresses) == [("alex.old@example.org", True, False), ("alex@example.org", True, True)]
    for password, enters in (("another-rehearsal-room", False), ("closed-set-rehearsal", True)):
        answer = client.post("/accounts/login/", {"login": "alex.old@example.org", "password": password})
        assert (answer.wsgi_request.user == survivor) is enters
    assert survivor.email == "alex@example.org"
    assert (other.is_active, other.merged_into, other.has_usable_password()) == (False, survivor, False)


def test_a_code_goes_to_the_address_it_was_asked_for(registrar: User, client: Client) -> None:
    survivor = factories.trainee(email="alex@example.org")
    other = factories.trainee(email="alex.old@example.org", password="another-rehearsal-room")
    merged(survivor, other, registrar)
    client.post("/accounts/login/code/", {"email": "alex.old@example.org"})
    assert [message.to for message in mail.outbox] == [["alex.old@example.org"]]


def test_the_api_and_the_spreadsheet_know_the_old_address_as_the_survivors(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee(email="old@example.org", password="another-room")
    merged(survivor, other, registrar)
    assert account_at("OLD@example.org") == survivor
    assert account_at(survivor.email) == survivor


def test_addresses_of_private_calendars_end_as_the_registrar_was_told(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    for user in (survivor, other):
        tokens.make(user, FeedKind.TRAINEE, now=NOW)
    endings = " ".join(merged(survivor, other, registrar).endings)
    assert "Private calendars of the other account whose addresses end: 1." in endings
    assert [token.user for token in FeedToken.objects.all()] == [survivor]
    assert HistoryLine.objects.filter(what="feed-revoked", person=other, by=registrar).count() == 1


def test_tokens_are_revoked_and_messages_that_wait_go_to_the_account_that_stays(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    factories.token(other, Scope.READ)
    factories.reservation(trainee=other)
    merged(survivor, other, registrar)
    assert ApiToken.objects.get().revoked_at == NOW
    assert set(Message.objects.filter(state="queued").values_list("to", flat=True)) == {survivor.pk}


# -- what has been said ------------------------------------------------------------------------------------------------
def test_a_conversation_stays_between_the_person_and_the_school(registrar: User) -> None:
    survivor, other = factories.trainee(), factories.trainee()
    about = ("reservation", factories.reservation(trainee=other).public_id)
    for author in (other, registrar):
        write(
            about, person=other, author=author, words=f"From {author.pk}", title="Seat", link="https://x.test", now=NOW
        )
    merged(survivor, other, registrar)
    posts = Post.objects.filter(person=survivor).order_by("pk")
    assert [each.is_from_school for each in posts] == [False, True]


def test_the_history_of_both_is_read_as_one_even_after_merging_again(registrar: User) -> None:
    first, second, third = factories.trainee(), factories.trainee(), factories.trainee()
    EmailAddress.objects.create(user=first, email="first@example.org", verified=True)
    for each in (first, second, third):
        factories.reservation(trainee=each)
    for each in (first, second):
        cancelling.cancel(Reservation.objects.get(trainee=each), now=NOW, by=each)
    merged(second, first, registrar)
    merged(third, second, registrar)
    told = list(history_of_person(third).values_list("what", flat=True))
    assert told.count("reservation-held") == 3
    assert told.count("merged") == 2
    assert account_at("first@example.org") == third
    assert User.objects.get(pk=first.pk).merged_into == third


# -- the pages ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def desk(registrar: User, client: Client) -> Client:
    client.force_login(registrar)
    return client


def test_the_registrar_finds_the_other_account_compares_and_merges(desk: Client, registrar: User) -> None:
    survivor = factories.trainee(name="Alex Rivera", email="alex@example.org", phone="+1 555 0100")
    other = factories.trainee(name="A. Rivera", email="rivera@example.org", phone="+1 555 0199")
    Completion.objects.filter(user=other, module__code="module-ii").update(completed_on=date(2026, 5, 9))
    address = f"/desk/people/{survivor.public_id}/merge/"
    assert f"?other={other.public_id}" in desk.get(address, {"q": "rivera@"}).content.decode()
    page = desk.get(address, {"other": other.public_id})
    form = {"other": other.public_id, "shown": page.context["found"].shown, "why": "She told us."}
    refused = desk.post(address, form)
    assert refused.status_code == 422
    assert set(refused.context["form"].errors) == {"completion:module-ii", "profile:name", "profile:phone"}
    form |= {"completion:module-ii": "other", "profile:name": "this", "profile:phone": "other"}
    done = desk.post(address, form)
    assert done.status_code == 302
    survivor.refresh_from_db()
    assert (survivor.name, survivor.phone) == ("Alex Rivera", "+1 555 0199")
    assert Completion.objects.get(user=survivor, module__code="module-ii").completed_on == date(2026, 5, 9)
    assert desk.get(f"/desk/people/{other.public_id}/").headers["Location"] == f"/desk/people/{survivor.public_id}/"
    again = desk.post(address, form)
    assert (again.status_code, again.headers["Location"]) == (302, f"/desk/people/{survivor.public_id}/")
    assert HistoryLine.objects.filter(what="merged").count() == 1


def test_a_page_that_is_out_of_date_does_nothing_and_shows_how_it_is(desk: Client) -> None:
    survivor, other = factories.person(name="Alex"), factories.person(name="Alex")
    address = f"/desk/people/{survivor.public_id}/merge/"
    shown = desk.get(address, {"other": other.public_id}).context["found"].shown
    factories.reservation(trainee=factories.trainee())
    factories.prove_days(other, 2)
    answer = desk.post(address, {"other": other.public_id, "shown": shown, "why": "She told us."})
    assert answer.status_code == 409
    assert "has changed since this page was shown" in answer.content.decode()
    assert OnSetRecord.objects.get(user=other).production in answer.content.decode()


def test_with_something_in_the_way_there_is_no_button(desk: Client) -> None:
    survivor, other, cohort = factories.trainee(), factories.trainee(), factories.cohort()
    mine, theirs = (factories.reservation(trainee=each, cohort=cohort) for each in (survivor, other))
    page = desk.get(f"/desk/people/{survivor.public_id}/merge/", {"other": other.public_id}).content.decode()
    assert f"/desk/reservations/{theirs.public_id}/" in page
    assert "for good" not in page
    assert mine.state == State.HELD


def test_whoever_teaches_needs_the_role(desk: Client) -> None:
    survivor, other = factories.person(name="Lena"), factories.person(Role.INSTRUCTOR, name="Lena")
    taught = factories.cohort(instructors=(other,))
    address = f"/desk/people/{survivor.public_id}/merge/"
    shown = desk.get(address, {"other": other.public_id}).context["found"].shown
    form = {"other": other.public_id, "shown": shown, "why": "She told us."}
    assert "given" in desk.post(address, form).context["form"].errors
    assert desk.post(address, form | {"given": "instructor"}).status_code == 302
    assert taught.teachings.get().instructor == survivor


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
def test_nobody_but_a_registrar_comes_here(role: Role, client: Client) -> None:
    client.force_login(factories.person(role))
    assert client.get(f"/desk/people/{factories.person().public_id}/merge/").status_code == 403


def test_an_address_that_nobody_has_confirmed_opens_no_account_any_more(registrar: User, client: Client) -> None:
    survivor, other = factories.trainee(email="alex@example.org"), factories.trainee(email="a.slip@example.org")
    EmailAddress.objects.create(user=other, email="a.slip@example.org", verified=False, primary=True)
    merged(survivor, other, registrar)
    assert list(EmailAddress.objects.filter(user=survivor).values_list("email", flat=True)) == ["alex@example.org"]
    said = Message.objects.get(kind="accounts-merged")
    assert (said.to, said.context["addresses"], said.context["closed"]) == (
        survivor,
        "alex@example.org",
        "a.slip@example.org",
    )
    client.post("/accounts/login/code/", {"email": "a.slip@example.org"})
    assert not any("code" in message.subject.lower() for message in mail.outbox if "a.slip" in message.to[0])


def test_the_registrar_reads_that_an_unconfirmed_address_opens_nothing(desk: Client) -> None:
    survivor, other = factories.trainee(name="Alex"), factories.trainee(email="a.slip@example.org", name="Alex")
    address = f"/desk/people/{survivor.public_id}/merge/"
    shown = desk.get(address, {"other": other.public_id}).context["found"].shown
    done = desk.post(address, {"other": other.public_id, "shown": shown, "why": "She told us."}, follow=True)
    assert "a.slip@example.org was never confirmed by its owner and opens no account any more." in text(done)
    assert "is an address of this account now" not in text(done)


def test_the_person_is_told_of_the_merge_at_every_address_that_works(registrar: User) -> None:
    survivor, other = factories.trainee(email="alex@example.org"), factories.trainee(email="rivera@example.org")
    for each in (survivor, other):
        EmailAddress.objects.create(user=each, email=each.email, verified=True, primary=True)
    merged(survivor, other, registrar)
    send_due(now=NOW)
    told = [message for message in mail.outbox if "two accounts" in message.subject]
    assert sorted(message.to[0].split("<")[-1].strip(">") for message in told) == [
        "alex@example.org",
        "rivera@example.org",
    ]
    assert all("Sign in as: alex@example.org, rivera@example.org" in str(message.body) for message in told)


def test_the_preview_says_where_they_stand_after_it_and_warns_of_days_that_count_no_more(desk: Client) -> None:
    survivor, other = factories.trainee(lacking="on-set-days"), factories.person(Role.TRAINEE)
    days = sorted(OnSetDay.objects.filter(record__user=survivor).values_list("day", flat=True))
    factories.give_access(other, "module-iii", days[1])
    page = desk.get(f"/desk/people/{survivor.public_id}/merge/", {"other": other.public_id})
    assert "After this 2 of 10 days count, and 7 do today, because access to Module III was granted on" in text(page)
    row = next(each for each in page.context["after"].requirements if "days" in each.title)
    assert (row.survivor, row.other, row.after, row.after_with_other) == (
        "7 of 10 days",
        "0 of 10 days",
        "2 of 10 days",
        "",
    )


def test_where_the_two_name_different_dates_the_preview_shows_both_outcomes(desk: Client) -> None:
    survivor, other = factories.trainee(lacking="on-set-days"), factories.person(Role.TRAINEE)
    days = sorted(OnSetDay.objects.filter(record__user=survivor).values_list("day", flat=True))
    factories.give_access(survivor, "module-iii", days[-1])
    factories.give_access(other, "module-iii", days[1])
    page = desk.get(f"/desk/people/{survivor.public_id}/merge/", {"other": other.public_id})
    row = next(each for each in page.context["after"].requirements if "days" in each.title)
    assert (row.after, row.after_with_other) == ("7 of 10 days", "2 of 10 days")
