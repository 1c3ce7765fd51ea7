"""Erasing somebody: nothing has their name any more, the books and the records stay, and nothing is erased too soon."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import resolve

from booking.payments import ledger, paying
from booking.payments.models import Dispute, DisputeStatus, Payment, Posting, Purpose
from booking.payments.plans.models import Plan, PlanState
from booking.reservations import cancelling, waiting
from booking.reservations.models import Reservation, State
from booking.rights import asking
from booking.rights.erasing import InTheWay, NotThisOne, erase
from booking.site.due import do_due
from tests import factories
from tests.invariants import assert_all_hold
from tests.pages import text
from tests.rights.conftest import GIVES_AWAY, WORDS, World
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.messages.outbox import queue
from workshops.people.models import ErasureRequest, Role, RoleGrant, Scope, User
from workshops.prerequisites.files.audits import begin_audit
from workshops.prerequisites.models import Waiver
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, ProofFile, RecordState, Review

pytestmark = pytest.mark.django_db

NOWHERE = re.compile("|".join(re.escape(each) for each in GIVES_AWAY), re.IGNORECASE)
EVERY_KIND = 2
"""So many pages of one kind are looked at."""


def erased(world: World) -> User:
    """Ana, after she was erased and the clock has sent the last message and deleted her files."""
    assert do_due(world.moment).failed == ()
    erase(world.ana, by=world.robin, now=world.moment)
    while do_due(world.moment + timedelta(minutes=1)).anything:
        pass
    return User.objects.get(pk=world.ana.pk)


def rows_of_every_table() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield table, str(row)


def named_in_the_database() -> Counter[str]:
    return Counter(table for table, row in rows_of_every_table() if NOWHERE.search(row))


def pages_of(client: Client, *starts: str) -> Iterator[tuple[str, str]]:
    """What someone reads who follows every link: pages, feeds and files."""
    waiting_, kinds, seen = list(starts), Counter[str](), set[str]()
    while waiting_:
        address = urlsplit(waiting_.pop(0))
        if address.netloc or address.path in seen or not address.path.startswith("/"):
            continue
        seen.add(address.path)
        match = resolve(address.path) if not address.path.startswith("/static/") else None
        if match is None or kinds[kind := match.view_name or match.route] >= EVERY_KIND:
            continue
        kinds[kind] += 1
        answer = client.get(address.path, follow=True)
        assert answer.status_code < 500, address.path
        content = b"".join(answer) if answer.streaming else answer.content
        words = content.decode(errors="replace")
        yield address.path, words
        waiting_ += [link.replace("&amp;", "&") for link in re.findall(r'href="([^"#?]+)', words)]


# -- what goes and what stays ------------------------------------------------------------------------------------------
def test_the_world_of_these_tests_has_something_of_every_kind(world: World) -> None:
    """Otherwise the searches below would find nothing because there was nothing."""
    named = named_in_the_database()
    assert set(named) >= {
        "workshops_user", "workshops_historyline", "workshops_message", "workshops_post", "workshops_onsetrecord",
        "workshops_review", "workshops_prooffile", "workshops_waiver", "workshops_entitlement", "workshops_keptanswer",
        "account_emailaddress", "mfa_authenticator", "booking_payment",
    }  # fmt: skip
    assert Message.objects.filter(to=world.robin, kind="post-from-trainee").exists()


def test_no_table_of_the_database_has_their_name_address_number_or_words(world: World) -> None:
    erased(world)
    assert named_in_the_database() == Counter()


@pytest.mark.filterwarnings("ignore:The default scheme will be changed")  # the admin's own forms, which nobody sends
def test_no_page_api_feed_or_table_that_anyone_may_open_finds_them(world: World) -> None:
    ana = erased(world)
    own = [f"/desk/people/{ana.public_id}/", f"/desk/people/{ana.public_id}/erase/", "/desk/people/?q=Lima", "/admin/"]
    starts = {
        Role.REGISTRAR: [
            *own,
            f"/desk/reservations/{world.past.public_id}/",
            "/desk/",
            "/desk/outbox/",
            "/desk/conversations/",
        ],
        Role.BOOKKEEPER: ["/desk/money/", "/desk/money/journal/", "/desk/money/journal.csv", "/desk/money/owed.csv"],
        Role.INSTRUCTOR: ["/teaching/"],
    }
    registrar, teacher = world.robin, User.objects.get(name="Amara")
    for person in (registrar, factories.person(Role.BOOKKEEPER), teacher):
        client = Client()
        client.force_login(person)
        [role] = person.roles
        read = dict(pages_of(client, "/", *starts[role]))
        assert len(read) >= (40 if role == Role.REGISTRAR else 4)
        assert {path: NOWHERE.findall(words) for path, words in read.items() if NOWHERE.search(words)} == {}
    token = factories.token(registrar, *Scope, now=world.moment)
    headers = {"Authorization": f"Bearer {token}"}
    schema = Client().get("/api/v1/openapi.json").json()
    plain = [path for path, verbs in schema["paths"].items() if "get" in verbs and "{" not in path]
    asked = [*plain, f"/api/v1/cohorts/{world.past.cohort.code}/roster"]
    for path in asked:
        assert not NOWHERE.search(Client().get(path, headers=headers).content.decode()), path


def test_the_search_for_people_does_not_find_them(world: World) -> None:
    for asked in ("Lima", "ana.lima@example.org", "erased", ""):
        before = world.desk.get("/desk/people/", {"q": asked})
        assert ("Ana Lima" in text(before)) == (asked != "erased")
    erased(world)
    for asked in ("Lima", "ana.lima@example.org", "erased", ""):
        assert "erased" not in text(world.desk.get("/desk/people/", {"q": asked})).replace("To be erased", "").lower()


def test_a_past_roster_says_that_somebody_was_erased(world: World) -> None:
    erased(world)
    client = Client()
    client.force_login(User.objects.get(name="Amara"))
    assert "Someone who was erased" in text(client.get(f"/teaching/{world.past.cohort.code}/"))


def test_the_account_is_closed_and_every_key_to_it_is_gone(world: World) -> None:
    ana = erased(world)
    assert (ana.is_active, ana.has_usable_password(), ana.erased_at, ana.last_login) == (
        False,
        False,
        world.moment,
        None,
    )
    assert ana.email == f"erased-{ana.public_id}@erased.invalid"
    assert ana.roles == frozenset()
    for table in ("api_tokens", "emailaddress_set", "authenticator_set", "usersession_set", "role_grants", "posts"):
        assert not getattr(ana, table).exists(), table
    page = world.browser.get("/profile/")
    assert (page.status_code, page.headers["Location"]) == (302, "/accounts/login/?next=/profile/")
    asked = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {world.token}"})
    assert asked.status_code == 401
    assert world.desk.get("/desk/").status_code == 200


def test_somebody_else_loses_nothing(world: World) -> None:
    other = factories.trainee(name="Ines", email="ines@example.org")
    factories.reservation(trainee=other, now=world.moment)
    client = Client()
    client.force_login(other)
    before = Counter(table for table, _ in rows_of_every_table())
    erased(world)
    other.refresh_from_db()
    assert (str(other), other.is_active, client.get("/profile/").status_code) == ("Ines", True, 200)
    assert other.messages.exists()
    assert HistoryLine.objects.filter(person=other).exists()
    after = Counter(table for table, _ in rows_of_every_table())
    kept = ("booking_ledgerentry", "booking_posting", "booking_reservation", "workshops_user", "workshops_completion")
    assert {table: after[table] for table in kept} == {table: before[table] for table in kept}


def test_the_books_and_the_certification_records_stay_without_a_name(world: World) -> None:
    postings = list(Posting.objects.order_by("pk").values())
    paid = ledger.paid_cents(world.past)
    days = list(OnSetDay.objects.order_by("pk").values())
    ana = erased(world)
    assert list(Posting.objects.order_by("pk").values()) == postings
    assert ledger.paid_cents(world.past) == paid == world.past.price_cents
    assert Reservation.objects.get(pk=world.past.pk).state == State.CONFIRMED
    assert str(world.past.cohort.reservations.get().trainee) == "Someone who was erased"
    assert {each.reference for each in Payment.objects.filter(reservation__trainee=ana)} == {""}
    assert ana.completions.count() == 3
    assert ana.accesses.get().granted_on == date(2026, 5, 1)
    assert ana.entitlements.get().source == ""
    waiver = Waiver.objects.get(user=ana)
    assert (waiver.requirement, waiver.given_by, waiver.reason) == (
        "on-set-days",
        world.robin,
        "The reason went with the name.",
    )
    assert [each for each in OnSetDay.objects.order_by("pk").values() if each["record_id"] != world.draft.pk] == [
        each for each in days if each["record_id"] != world.draft.pk
    ]
    first, second = Review.objects.filter(record=world.record).order_by("pk")
    assert (first.by, first.undone_by, first.outcome, first.accepted) == (world.robin, world.robin, "accepted", 3)
    assert (first.undone_why, second.undone_why, second.words) == ("The reason went with the name.", "", "")
    assert_all_hold(world.moment)


def test_what_happened_stays_and_the_reasons_go(world: World) -> None:
    lines = HistoryLine.objects.filter(person=world.ana)
    before = list(lines.values_list("pk", "what", "at", "by"))
    assert lines.exclude(why="").exists()
    erased(world)
    assert [each for each in lines.values_list("pk", "what", "at", "by") if each[0] <= before[-1][0]] == before
    assert set(lines.values_list("why", flat=True)) == {""}
    last = lines.get(what="erased")
    assert (last.by, last.at) == (world.robin, world.moment)


def test_reasons_about_others_that_they_gave_stay_theirs(world: World) -> None:
    other = factories.person(name="Ines")
    HistoryLine.objects.bulk_create(
        [
            HistoryLine(
                at=world.moment, by=world.ana, what="line-left", why="Ill.", about_kind="x", about_id="1", person=other
            )
        ]
    )
    erased(world)
    assert HistoryLine.objects.get(person=other).why == "Ill."


def test_proof_is_deleted_and_what_was_never_decided_is_taken_back(world: World) -> None:
    assert default_storage.exists(world.stored_as)
    erased(world)
    assert not default_storage.exists(world.stored_as)
    file = ProofFile.objects.get()
    assert (file.name, file.sha256, file.deleted_at is not None) == ("", "", True)
    assert set(OnSetRecord.objects.filter(user=world.ana).values_list("state", flat=True)) <= {"accepted", "withdrawn"}


def test_files_go_even_when_the_storage_is_away_at_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    erase(world.ana, by=world.robin, now=world.moment)
    with monkeypatch.context() as away:
        away.setattr(default_storage, "delete", lambda _name: (_ for _ in ()).throw(OSError("away")))
        do_due(world.moment)
    assert default_storage.exists(world.stored_as)
    do_due(world.moment)
    assert not default_storage.exists(world.stored_as)


def test_an_account_that_was_merged_into_theirs_is_erased_with_it(world: World) -> None:
    factories.person(name="Ana Lima", email="ana.lima@old.example", merged_into=world.ana, is_active=False)
    erased(world)
    assert named_in_the_database() == Counter()
    assert User.objects.filter(erased_at=None, name="Ana Lima").count() == 0


def test_it_can_be_done_to_somebody_about_whom_nothing_is_known(robin: User, world: World) -> None:
    nobody = factories.person(Role.TRAINEE)
    erase(nobody, by=robin, now=world.moment)
    assert str(User.objects.get(pk=nobody.pk)) == "Someone who was erased"


# -- the last message --------------------------------------------------------------------------------------------------
def test_the_last_message_goes_to_the_address_that_is_gone_and_is_then_deleted(world: World) -> None:
    do_due(world.moment)
    mail.outbox.clear()
    erase(world.ana, by=world.robin, now=world.moment)
    do_due(world.moment)
    [last] = mail.outbox
    assert (last.to, last.subject) == (["Ana Lima <ana.lima@example.org>"], "You have been erased")
    assert "Dear Ana Lima" in last.body
    assert not Message.objects.filter(to=world.ana).exists()


def test_the_last_message_is_not_lost_when_the_mail_server_is_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    do_due(world.moment)
    mail.outbox.clear()
    erase(world.ana, by=world.robin, now=world.moment)
    with monkeypatch.context() as down:
        down.setattr(
            "workshops.messages.letter.EmailMultiAlternatives.send", lambda _mail: (_ for _ in ()).throw(OSError)
        )
        do_due(world.moment)
    assert mail.outbox == []
    do_due(world.moment + timedelta(hours=1))
    assert ["Ana Lima <ana.lima@example.org>"] in [each.to for each in mail.outbox]


def test_an_address_that_cannot_be_reached_is_forgotten_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase(world.ana, by=world.robin, now=world.moment)
    monkeypatch.setattr(
        "workshops.messages.letter.EmailMultiAlternatives.send", lambda _mail: (_ for _ in ()).throw(OSError)
    )
    do_due(world.moment + timedelta(days=8))
    assert named_in_the_database() == Counter()


def test_nothing_more_is_sent_to_somebody_who_was_erased(world: World) -> None:
    ana = erased(world)
    queue("account-opened", ("person", "x"), ana, {"email": "x", "link": "x"}, now=world.moment)
    assert not Message.objects.filter(to=ana).exists()


# -- what stands in the way --------------------------------------------------------------------------------------------
def _has_a_seat(world: World) -> None:
    factories.reservation(cohort=factories.cohort(now=world.moment), trainee=world.ana, now=world.moment)


def _is_in_line(world: World) -> None:
    full = factories.cohort(now=world.moment, capacity=1)
    factories.reservation(cohort=full, now=world.moment)
    waiting.join(full, world.ana, now=world.moment)


def _owes(world: World) -> None:
    long_ago = world.moment - timedelta(days=150)
    cohort = factories.cohort(now=long_ago, terms_changed={"one_active_seat": False})
    owing = factories.reservation(cohort=cohort, trainee=world.ana, now=long_ago)
    paying.begin(owing, Purpose.DEPOSIT, "sandbox", by=world.ana, now=long_ago)


def _is_owed(world: World) -> None:
    _has_a_seat(world)
    held = Reservation.objects.get(trainee=world.ana, state=State.HELD)
    payment = paying.begin(held, Purpose.DEPOSIT, "offline", by=world.ana, now=world.moment).payment
    from booking.payments.settling import settle

    settle(payment, now=world.moment, by=world.robin, reference="77")
    cancelling.cancel(held, now=world.moment, by=world.ana)


def _is_paying(world: World) -> None:
    _has_a_seat(world)
    held = Reservation.objects.get(trainee=world.ana, state=State.HELD)
    paying.begin(held, Purpose.DEPOSIT, "offline", by=world.ana, now=world.moment)
    cancelling.cancel(held, now=world.moment, by=world.ana)


def _is_audited(world: World) -> None:
    begin_audit(world.ana, "The union asks.", by=world.robin, now=world.moment)


def _is_the_last_registrar(world: World) -> None:
    RoleGrant.objects.filter(role=Role.REGISTRAR).delete()
    RoleGrant.objects.create(user=world.ana, role=Role.REGISTRAR, granted_at=world.moment)


def _teaches(world: World) -> None:
    factories.cohort(now=world.moment, instructors=(world.ana,))


def _disputes(world: World) -> None:
    payment = world.past.payments.get()
    told: dict[str, Any] = {"reservation": world.past, "amount_cents": 209_900, "status": DisputeStatus.OPEN}
    Dispute.objects.create(payment=payment, processor_id="dp_1", opened_at=world.moment, **told)


def _pays_in_parts(world: World) -> None:
    told: dict[str, Any] = {"months": 3, "parts": [], "consent": "Yes.", "state": PlanState.ACTIVE, "card_id": "pm_1"}
    Plan.objects.create(reservation=world.past, consented_at=world.moment, created_at=world.moment, **told)


IN_THE_WAY: list[tuple[Callable[[World], None], str]] = [
    (_has_a_seat, "They have seat 1 in Module IV, cohort"),
    (_is_in_line, "They are in line for Module IV, cohort"),
    (_owes, "They owe $1,599 for Module IV, cohort"),
    (_is_owed, "$500 has still to be sent back to them."),
    (_is_paying, "A payment of $500 is under way."),
    (_disputes, "Their bank has still to decide about $2,099 that they have disputed."),
    (_pays_in_parts, "They pay in 3 monthly parts: the plan has to end first."),
    (_is_audited, "Their proof is kept for an audit"),
    (_is_the_last_registrar, "They are the last registrar"),
    (_teaches, "They teach Module IV, cohort"),
]


@pytest.mark.parametrize(("happens", "words"), IN_THE_WAY, ids=[happens.__name__ for happens, _ in IN_THE_WAY])
def test_what_stands_in_the_way_is_said_and_nothing_is_erased(
    happens: Callable[[World], None], words: str, world: World
) -> None:
    happens(world)
    before = list(rows_of_every_table())
    with pytest.raises(InTheWay, match=re.escape(words)) as refused:
        erase(world.ana, by=world.robin, now=world.moment)
    assert len(refused.value.obstacles) == 1
    assert list(rows_of_every_table()) == before
    if happens is _is_the_last_registrar:
        return
    page = world.desk.get(f"/desk/people/{world.ana.public_id}/erase/")
    assert words in text(page)
    assert "Erase them for good" not in text(page)
    typed = {"erase-email": world.ana.email, "erase-sure": "on"}
    again = world.desk.post(f"/desk/people/{world.ana.public_id}/erase/", typed)
    assert (again.status_code, words in text(again)) == (409, True)
    assert list(User.objects.filter(pk=world.ana.pk, erased_at=None)) == [world.ana]


def test_what_an_account_that_was_merged_still_has_stands_in_the_way_as_well(world: World) -> None:
    old = factories.trainee(merged_into=world.ana)
    factories.reservation(cohort=factories.cohort(now=world.moment), trainee=old, now=world.moment)
    with pytest.raises(InTheWay):
        erase(world.ana, by=world.robin, now=world.moment)


def test_a_transfer_that_never_came_is_not_waited_for_for_ever(world: World) -> None:
    _is_paying(world)
    erase(world.ana, by=world.robin, now=world.moment + timedelta(days=61))


def test_nobody_erases_themselves_or_somebody_twice_or_half_a_person(world: World) -> None:
    second = factories.person(Role.REGISTRAR)
    merged = factories.person(merged_into=world.ana)
    for person in (world.robin, merged):
        with pytest.raises(NotThisOne):
            erase(person, by=world.robin, now=world.moment)
    erase(world.ana, by=second, now=world.moment)
    with pytest.raises(NotThisOne, match="erased already"):
        erase(world.ana, by=second, now=world.moment)


# -- the registrar's page ----------------------------------------------------------------------------------------------
def test_the_page_shows_what_goes_what_stays_and_why(world: World) -> None:
    page = text(world.desk.get(f"/desk/people/{world.ana.public_id}/erase/"))
    goes, _, stays = page.partition("What stays, and why")
    assert "Conversations with the school" in goes
    assert "Your API tokens" in goes
    assert "The modules that you have finished" in stays
    assert "Certification rests on it" in stays
    assert "They have not asked for it here." in page


def test_the_address_has_to_be_typed(world: World) -> None:
    path = f"/desk/people/{world.ana.public_id}/erase/"
    for typed in ({}, {"erase-email": "ana@example.org", "erase-sure": "on"}, {"erase-email": world.ana.email}):
        assert world.desk.post(path, typed).status_code == 422
    assert User.objects.get(pk=world.ana.pk).erased_at is None
    done = world.desk.post(path, {"erase-email": " Ana.Lima@Example.org ", "erase-sure": "on"})
    assert (done.status_code, done.headers["Location"]) == (302, "/desk/people/")
    after = world.desk.get(path)
    assert (after.status_code, "Someone who was erased" in text(after)) == (200, True)
    assert "Erase them for good" not in text(after)


def test_carrying_it_out_answers_what_they_asked(world: World) -> None:
    asked = asking.ask(world.ana, WORDS, now=world.moment)
    world.desk.post(f"/desk/people/{world.ana.public_id}/erase/", {"erase-email": world.ana.email})
    asked.refresh_from_db()
    assert (asked.words, asked.answer, asked.answered_by) == ("", "", world.robin)
    assert asked.answered_at is not None
    assert not asking.open_requests().exists()


def test_somebody_who_is_not_there_is_not_found(world: World) -> None:
    assert world.desk.get("/desk/people/nobody/erase/").status_code == 404
    assert world.desk.post("/desk/people/nobody/erase/decline/").status_code == 404
    assert ErasureRequest.objects.count() == 0


def test_nobody_gives_an_erased_person_a_name_or_a_role_again(world: World) -> None:
    ana = erased(world)
    profile = {"profile-name": "Ana Lima", "profile-time_zone": ""}
    assert world.desk.post(f"/desk/people/{ana.public_id}/profile/", profile).status_code == 404
    given = world.desk.post(f"/desk/people/{ana.public_id}/role/", {"role": "trainee", "verb": "give"})
    assert (given.status_code, "was erased" in text(given)) == (422, True)
    assert (User.objects.get(pk=ana.pk).name, RoleGrant.objects.filter(user=ana).exists()) == ("", False)


def test_nothing_can_be_done_any_more_with_what_an_erased_person_left(world: World) -> None:
    before = world.desk.get(f"/desk/reviews/{world.record.public_id}/")
    assert (bool(before.context["page"].forms), "Write to" in text(before)) == (True, True)
    erase(world.ana, by=world.robin, now=world.moment)
    page = world.desk.get(f"/desk/reviews/{world.record.public_id}/")
    assert "nothing more can be done with it" in text(page)
    assert (page.context["page"].forms, "Write to" in text(page)) == ({}, False)
    world.record.refresh_from_db()
    undone = world.desk.post(
        f"/desk/reviews/{world.record.public_id}/undo/",
        {"undo-why": "A mistake.", "revision": world.record.revision},
    )
    assert undone.status_code == 422
    assert OnSetRecord.objects.get(pk=world.record.pk).state == RecordState.ACCEPTED
    person = text(world.desk.get(f"/desk/people/{world.ana.public_id}/"))
    assert "nothing is counted for them any more" in person
    assert "to go" not in person
    seat = world.desk.get(f"/desk/reservations/{world.past.public_id}/")
    assert "Write to" not in text(seat)
