"""Somebody is erased, or merged away, while something about them is under way: what comes too late changes nothing.

Each test reads first, closes the account then, and writes what was read before: what two requests at once do.
"""

from collections.abc import Callable
from datetime import date

import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, transaction
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from booking.rights import asking, download, erasing
from booking.site.middleware import ClosedMiddleware
from tests import factories
from tests.desk.test_merging import merged
from tests.factories import NOW
from tests.pages import text
from tests.prerequisites.paper import drafted, sent
from tests.prerequisites.proof import pdf
from workshops.apps import guard
from workshops.conversations.models import Post
from workshops.conversations.writing import write
from workshops.history.models import HistoryLine
from workshops.history.triggers import triggers_on
from workshops.people import keys, profiles, roles
from workshops.people.closing import Closed, is_refusal
from workshops.people.forms import ProfileForm
from workshops.people.models import ErasureRequest, Role, RoleGrant, Scope, User
from workshops.prerequisites import recording, waiving
from workshops.prerequisites.files import audits, keeping
from workshops.prerequisites.models import WaiverKind
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.lifecycle import NotPossible
from workshops.prerequisites.records.models import OnSetRecord, RecordState, RejectReason
from workshops.programme.models import Module

pytestmark = pytest.mark.django_db
WORDS = "Ana Lima of Zanzibar"
Close = Callable[[User], None]
Late = Callable[[User, User], object]


@pytest.fixture
def robin() -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def ana() -> User:
    ana = factories.trainee(
        name="Ana Lima", email="ana@example.org", legal_name="Ana Maria Lima", password="closed-set"
    )
    drafted(ana)
    return ana


@pytest.fixture(params=["erased", "merged"])
def close(request: pytest.FixtureRequest, robin: User) -> Close:
    """Close the account of somebody, in another request."""

    def by_another(person: User) -> None:
        other = User.objects.get(pk=person.pk)
        if request.param == "erased":
            erasing.erase(other, by=robin, now=NOW)
        else:
            merged(factories.trainee(name="Ana, again"), other, robin)

    return by_another


def everything() -> dict[str, list[object]]:
    """Every row of the tables that say something about people."""
    names = (
        "workshops.User workshops.RoleGrant workshops.ApiToken workshops.ErasureRequest workshops.OnSetRecord "
        "workshops.OnSetDay workshops.ProofFile workshops.Review workshops.Post workshops.HistoryLine "
        "workshops.Message workshops.Completion workshops.Access workshops.Entitlement workshops.Waiver "
        "workshops.AuditHold account.EmailAddress mfa.Authenticator"
    )
    models: list[type[Model]] = [apps.get_model(name) for name in names.split()]
    return {model.__name__: list(model._base_manager.order_by("pk").values()) for model in models}


def profile_form(person: User) -> ProfileForm:
    form = ProfileForm({"name": "Ana L.", "legal_name": WORDS}, instance=person)
    assert form.is_valid()
    return form


# -- the account itself ------------------------------------------------------------------------------------------------
def test_a_profile_that_was_being_saved_brings_nothing_back(ana: User, close: Close) -> None:
    form = profile_form(ana)
    close(ana)
    before = everything()
    with pytest.raises(Closed):
        profiles.save(form, by=ana, now=NOW)
    assert everything() == before


def test_a_profile_saves_what_was_typed_and_leaves_what_changed_meanwhile(ana: User, robin: User) -> None:
    form = ProfileForm({"name": "Ana L.", "legal_name": "Ana Lima"}, instance=User.objects.get(pk=ana.pk))
    assert form.is_valid()
    User.objects.filter(pk=ana.pk).update(phone="+1 213 555 0147", password="another")
    assert profiles.save(form, by=robin, now=NOW)
    ana.refresh_from_db()
    assert (ana.name, ana.phone, ana.password) == ("Ana L.", "+1 213 555 0147", "another")


def test_a_password_that_was_being_hashed_opens_nothing(ana: User, close: Close) -> None:
    close(ana)
    before = everything()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        get_adapter().set_password(ana, "a long new password")
    assert is_refusal(refused.value)
    assert everything() == before


def test_a_new_password_is_all_that_is_written(ana: User) -> None:
    late = User.objects.get(pk=ana.pk)
    User.objects.filter(pk=ana.pk).update(name="Ana L.", is_active=False)
    get_adapter().set_password(late, "a long new password")
    ana.refresh_from_db()
    assert (ana.name, ana.is_active, ana.check_password("a long new password")) == ("Ana L.", False, True)


@pytest.mark.parametrize("fields", [None, ["email"], ["last_login"], ["name"]])
def test_the_database_lets_no_closed_account_come_back(ana: User, close: Close, fields: list[str] | None) -> None:
    late = User.objects.get(pk=ana.pk)
    late.last_login = NOW
    close(ana)
    before = everything()
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        late.save(update_fields=fields)
    assert everything() == before


def test_the_database_adds_no_way_into_a_closed_account(ana: User, close: Close) -> None:
    late = EmailAddress.objects.get(user=ana)
    close(ana)
    before = everything()
    for add in (
        lambda: EmailAddress.objects.create(user=ana, email="ana@work.example", verified=True),
        late.save,
        lambda: Authenticator.objects.create(user=ana, type=Authenticator.Type.TOTP, data={}),
    ):
        with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
            add()
    assert everything() == before


def test_an_account_that_was_merged_can_come_along_and_be_erased(ana: User, robin: User) -> None:
    second, third = factories.trainee(), factories.trainee()
    merged(second, ana, robin)
    merged(third, second, robin)
    assert User.objects.get(pk=ana.pk).merged_into == third
    erasing.erase(third, by=robin, now=NOW)
    assert User.objects.filter(erased_at=NOW).count() == 3


def test_the_triggers_come_back_after_every_migration() -> None:
    mine = {"workshops_user_stays_closed"}
    with connection.cursor() as cursor:
        on = " ON workshops_user" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER workshops_user_stays_closed{on}")
    assert not mine & triggers_on("workshops_user")
    guard(using=DEFAULT_DB_ALIAS)
    assert mine <= triggers_on("workshops_user")


# -- what others write about somebody, and they themselves -------------------------------------------------------------
def of(person: User) -> OnSetRecord:
    return OnSetRecord.objects.select_related("user").get(user=person, state=RecordState.DRAFT)


def says(record: OnSetRecord, by: User) -> object:
    return writing.answer(record, person=record.user, author=by, words=WORDS, title="x", link="/", now=NOW)


def file() -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{WORDS}.pdf", pdf())


ABOUT_A_PERSON: dict[str, Late] = {
    "begin a record": lambda ana, _: writing.begin(ana, now=NOW),
    "write": lambda ana, _: write(("x", "1"), person=ana, author=ana, words=WORDS, title="x", link="/", now=NOW),
    "answer": lambda ana, by: write(("x", "1"), person=ana, author=by, words=WORDS, title="x", link="/", now=NOW),
    "ask to be erased": lambda ana, _: asking.ask(ana, WORDS, now=NOW),
    "note a download": lambda ana, _: download.note_download(ana, now=NOW),
    "give a role": lambda ana, by: roles.grant(ana, Role.REGISTRAR, by=by, now=NOW),
    "make a token": lambda ana, _: keys.issue(ana, name=WORDS, scopes=[Scope.READ], lasts=NOW - NOW, by=ana, now=NOW),
    "complete": lambda ana, by: recording.complete(ana, Module.objects.all()[0], date(2026, 1, 2), by=by, now=NOW),
    "let in": lambda ana, by: recording.grant_access(ana, Module.objects.all()[0], date(2026, 1, 2), by=by, now=NOW),
    "paid elsewhere": lambda ana, by: recording.entitle(ana, Module.objects.all()[0], WORDS, by=by, now=NOW),
    "enter days": lambda ana, by: recording.accept_days(
        ana, [date(2026, 1, 2)], production=WORDS, role="x", proof="x", by=by, now=NOW
    ),
    "waive": lambda ana, by: waiving.waive(ana, "module-i", kind=WaiverKind.WAIVER, reason=WORDS, by=by, now=NOW),
    "begin an audit": lambda ana, by: audits.begin_audit(ana, WORDS, by=by, now=NOW),
    "end an audit": lambda ana, by: audits.end_audit(ana, WORDS, by=by, now=NOW),
}


@pytest.mark.parametrize("late", ABOUT_A_PERSON.values(), ids=ABOUT_A_PERSON.keys())
def test_nothing_is_written_about_somebody_whose_account_was_closed(
    ana: User, robin: User, close: Close, late: Late
) -> None:
    close(ana)
    before = everything()
    with pytest.raises(Closed):
        late(ana, robin)
    assert everything() == before


OF_A_DRAFT: dict[str, Callable[[OnSetRecord], object]] = {
    "save": lambda it: writing.save(it, {"note": WORDS}, None, revision=it.revision, now=NOW),
    "send": lambda it: writing.send(it, revision=it.revision, by=it.user, now=NOW),
    "withdraw": lambda it: writing.withdraw(it, by=it.user, now=NOW),
    "add a file": lambda it: keeping.add(it, file(), by=it.user, now=NOW),
}


@pytest.mark.parametrize("late", OF_A_DRAFT.values(), ids=OF_A_DRAFT.keys())
def test_a_draft_that_was_open_in_a_page_is_not_written(
    ana: User, close: Close, late: Callable[[OnSetRecord], object]
) -> None:
    it = of(ana)
    close(ana)
    before = everything()
    with pytest.raises(Closed):
        late(it)
    assert everything() == before


OF_A_DECISION: dict[str, Callable[[OnSetRecord, User], object]] = {
    "undo": lambda it, by: reviewing.undo(it, WORDS, revision=it.revision, by=by, now=NOW),
    "take back": lambda it, _: writing.withdraw(it, by=it.user, now=NOW),
    "write": says,
}


@pytest.mark.parametrize("late", OF_A_DECISION.values(), ids=OF_A_DECISION.keys())
def test_a_decision_about_somebody_whose_account_was_closed_stays(
    robin: User, close: Close, late: Callable[[OnSetRecord, User], object]
) -> None:
    it = sent(factories.trainee(name="Ben"))
    reviewing.accept(it, None, revision=it.revision, by=robin, now=NOW)
    it = OnSetRecord.objects.select_related("user").get(pk=it.pk)
    close(it.user)
    before = everything()
    with pytest.raises(Closed):
        late(it, robin)
    assert everything() == before


# -- in words ----------------------------------------------------------------------------------------------------------
def test_the_desk_is_told_that_a_person_was_erased_and_nothing_is_kept(ana: User, robin: User) -> None:
    it = sent(ana)
    reviewing.accept(it, None, revision=it.revision, by=robin, now=NOW)
    it.refresh_from_db()
    erasing.erase(ana, by=robin, now=NOW)
    desk = Client(raise_request_exception=False)
    desk.force_login(robin)
    before = everything()
    for name, key, form in (
        ("desk:person-role", ana.public_id, {"role": "registrar", "verb": "give"}),
        ("desk:record-conversation", it.public_id, {"words": WORDS}),
        ("desk:review-undo", it.public_id, {"why": WORDS, "revision": it.revision}),
    ):
        answer = desk.post(reverse(name, args=[key]), form)
        assert (name, answer.status_code) == (name, 422)
        assert "was erased" in text(answer)
    assert desk.post(reverse("desk:person-profile", args=[ana.public_id]), {"profile-name": WORDS}).status_code == 404
    assert everything() == before
    assert not RoleGrant.objects.filter(user=ana).exists()
    assert not Post.objects.filter(words=WORDS).exists()
    assert not ErasureRequest.objects.exists()
    assert not HistoryLine.objects.filter(why=WORDS).exists()


@pytest.mark.parametrize("error", [Closed(), IntegrityError("this account is closed")])
def test_a_late_request_is_answered_in_words(error: Exception) -> None:
    middleware = ClosedMiddleware(lambda _: None)  # type: ignore[arg-type,return-value]
    page = middleware.process_exception(RequestFactory().post("/profile/"), error)
    assert page is not None
    assert (page.status_code, "This account is closed" in page.content.decode()) == (409, True)
    problem = middleware.process_exception(RequestFactory().post("/api/v1/completions"), error)
    assert problem is not None
    assert problem.status_code == 404


def test_other_mistakes_are_not_taken_for_a_closed_account() -> None:
    middleware = ClosedMiddleware(lambda _: None)  # type: ignore[arg-type,return-value]
    assert middleware.process_exception(RequestFactory().post("/profile/"), IntegrityError("UNIQUE")) is None


# -- drafts are their trainee's alone ----------------------------------------------------------------------------------
def test_the_admin_shows_no_draft(ana: User, robin: User) -> None:
    draft, known = of(ana), sent(factories.trainee(), production="Known to the school")
    desk = Client()
    desk.force_login(robin)
    listed = text(desk.get("/admin/workshops/onsetrecord/"))
    assert "Known to the school" in listed
    assert draft.production not in listed
    assert desk.get(f"/admin/workshops/onsetrecord/{known.pk}/change/").status_code == 200
    assert desk.get(f"/admin/workshops/onsetrecord/{draft.pk}/change/").status_code == 302
    day = draft.days.all()[0]
    assert draft.production not in text(desk.get("/admin/workshops/onsetday/"))
    assert desk.get(f"/admin/workshops/onsetday/{day.pk}/change/").status_code == 302


# -- words that nobody has read ----------------------------------------------------------------------------------------
def test_nobody_decides_over_words_of_the_trainee_that_they_have_not_read(ana: User, robin: User) -> None:
    it = sent(ana)
    opened = it.revision
    says(it, ana)
    desk = Client()
    desk.force_login(robin)
    answer = desk.post(reverse("desk:review-accept", args=[it.public_id]), {"revision": opened, "words": "Fine."})
    assert answer.status_code == 409
    assert "The trainee has written to you since you opened this" in text(answer)
    it.refresh_from_db()
    assert (
        desk.post(
            reverse("desk:review-accept", args=[it.public_id]), {"revision": it.revision, "words": "Fine."}
        ).status_code
        == 302
    )


def test_whoever_asked_for_second_eyes_does_not_decide_from_another_account_either(ana: User, robin: User) -> None:
    it, same_robin = sent(ana), factories.person(Role.REGISTRAR, name="Robin")
    third = factories.person(Role.REGISTRAR)
    it = reviewing.ask_for_second_eyes(it, "Look at the 3rd.", revision=it.revision, by=robin, now=NOW)
    merged(same_robin, robin, third, given=frozenset({Role.REGISTRAR}))
    with pytest.raises(NotPossible):
        reviewing.accept(it, None, revision=it.revision, by=same_robin, now=NOW)
    reviewing.accept(it, None, revision=it.revision, by=third, now=NOW)


def test_taking_back_what_was_not_accepted_opens_no_more_records_than_one_may_have(
    ana: User, robin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = sent(ana)
    reviewing.reject(it, reason=RejectReason.OTHER, words="No.", revision=it.revision, by=robin, now=NOW)
    it.refresh_from_db()
    monkeypatch.setattr(writing, "MOST_OPEN", 1)  # there is a draft beside it
    with pytest.raises(NotPossible, match="1 records open"):
        writing.take_back_to_change(it, revision=it.revision, by=ana, now=NOW)


def test_what_the_school_writes_itself_holds_nobody_up(ana: User, robin: User) -> None:
    it = sent(ana)
    says(it, robin)
    reviewing.accept(it, None, revision=it.revision, by=robin, now=NOW)
