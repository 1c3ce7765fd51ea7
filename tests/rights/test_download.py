"""A copy of one's data: all of it, nothing of anybody else's, in a zip that any machine opens."""

import io
import json
import tempfile
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.files.storage import default_storage
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils.timezone import now

from booking.rights.download import MOST_AN_HOUR, build, note_download
from booking.rights.registry import KEPT
from tests import factories
from tests.pages import text
from tests.rights.conftest import WORDS, World
from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.history.words import FOR_COLLEAGUES
from workshops.people.models import Role
from workshops.prerequisites.records.models import OnSetRecord, Review
from workshops.retention import Topic

pytestmark = pytest.mark.django_db
DOWNLOAD = "/your-data/download/"


def opened(answer: HttpResponseBase) -> zipfile.ZipFile:
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(b"".join(answer)))


def contents(archive: zipfile.ZipFile) -> dict[str, list[dict[str, Any]]]:
    """The entries of every kind of thing, by what it is."""
    found = {}
    for topic in Topic:
        for each in json.loads(archive.read(f"{topic.slug}.json"))["kept"]:
            found[each["what"]] = each["entries"]
    return found


def kept_as(model: str) -> str:
    [what] = [each.what for each in KEPT if each.model == model]
    return what


def test_everything_that_the_registry_keeps_of_them_is_in_it(world: World) -> None:
    found = contents(opened(world.browser.post(DOWNLOAD)))
    assert set(found) == {each.what for each in KEPT if each.of}
    for each in KEPT:
        if each.of:
            assert len(found[each.what]) == each.rows_of(world.ana).count(), each.model
    [profile] = found[kept_as("workshops.User")]
    assert (profile["Name"], profile["Phone"], profile["Legal name"]) == (
        "Ana Lima",
        "+1 213 555 0147",
        "Ana Maria Lima",
    )
    [waiver] = found[kept_as("workshops.Waiver")]
    assert (waiver["Kind"], waiver["Given by"], waiver["Reason"]) == ("An exception", "the school", WORDS)
    past = next(each for each in found[kept_as("booking.Reservation")] if each["Number"] == world.past.public_id)
    assert (past["State"], past["Price"], past["Cohort"]) == ("Confirmed", "$2,099", world.past.cohort.title)
    assert {each["By"] for each in found[kept_as("workshops.Post")]} == {"You", "The school"}
    assert any(
        "Reserve" in each["Subject"] or "seat" in each["Subject"] for each in found[kept_as("workshops.Message")]
    )
    history = found[kept_as("workshops.HistoryLine")]
    assert {"When", "What", "By"} <= set(history[0])
    assert {"you", "the school"} <= {each["By"] for each in history}


def test_it_says_nothing_about_anybody_else_and_no_secret(world: World) -> None:
    other = factories.reservation(
        cohort=world.past.cohort, trainee=factories.trainee(name="Ines Moreau"), now=world.past.created_at
    )
    archive = opened(world.browser.post(DOWNLOAD))
    said = " ".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
    for word in ("Robin", "robin@", "Amara", "Ines Moreau", other.trainee.email):
        assert word not in said
    for secret in (world.token, "digest", "pbkdf2", "scrypt", "session_key", "aaaaaaaa"):
        assert secret not in said


def test_what_registrars_wrote_for_one_another_about_them_is_in_it(world: World) -> None:
    """No page shows it to them; but it is kept about them, and the forms say that they may read it in this copy."""
    OnSetRecord.objects.filter(pk=world.record.pk).update(second_eyes_why="Is her uncle the producer?")
    Review.objects.filter(record=world.record).update(judgement="Her uncle is not.")
    about = ("record", world.record.public_id)
    for what in FOR_COLLEAGUES:
        record(what, about=about, person=world.ana, by=world.robin, now=world.moment, why=f"On {what}.", days=3, of=3)
    archive = opened(world.browser.post(DOWNLOAD))
    said = " ".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
    for words in ("Is her uncle the producer?", "Her uncle is not.", *(f"On {what}." for what in FOR_COLLEAGUES)):
        assert words in said


def test_their_proof_is_in_it_under_a_name_that_is_safe(world: World) -> None:
    archive = opened(world.browser.post(DOWNLOAD))
    [name] = [name for name in archive.namelist() if name.startswith("proof/")]
    assert name == "proof/001-zanzibar-fdp.pdf"
    assert archive.read(name) == b"%PDF-1.7 proof"
    assert name in archive.read("README.txt").decode()
    assert archive.testzip() is None


def test_a_file_that_is_gone_from_the_storage_takes_nothing_else_along(world: World) -> None:
    default_storage.delete(world.stored_as)
    archive = opened(world.browser.post(DOWNLOAD))
    assert [name for name in archive.namelist() if name.startswith("proof/")] == []
    assert "proof/" not in archive.read("README.txt").decode()


@pytest.mark.parametrize("role", list(Role))
def test_everyone_can_have_theirs_whatever_they_are(role: Role) -> None:
    client, person = Client(), factories.person(role, name="Ines")
    client.force_login(person)
    assert client.get("/your-data/").status_code == 200
    answer = client.post(DOWNLOAD)
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/zip", "nosniff")
    assert answer["Content-Disposition"].startswith('attachment; filename="cintima-data-2')
    assert "no-store" in answer["Cache-Control"]
    [profile] = contents(opened(answer))[kept_as("workshops.User")]
    assert profile["Name"] == "Ines"


def test_what_an_account_that_was_merged_left_behind_is_in_it_as_well(world: World) -> None:
    factories.person(name="Ana, once", merged_into=world.ana, is_active=False)
    profiles = contents(opened(world.browser.post(DOWNLOAD)))[kept_as("workshops.User")]
    assert [each["Name"] for each in profiles] == ["Ana Lima", "Ana, once"]


def test_it_is_asked_for_and_never_only_looked_at(world: World) -> None:
    assert world.browser.get(DOWNLOAD).status_code == 405
    assert not HistoryLine.objects.filter(what="data-downloaded").exists()


def test_taking_a_copy_is_written_down(world: World) -> None:
    opened(world.browser.post(DOWNLOAD))
    line = HistoryLine.objects.get(what="data-downloaded")
    assert (line.person, line.by, line.why) == (world.ana, world.ana, "")


def test_more_than_a_few_within_an_hour_are_refused_in_words(world: World) -> None:
    for _ in range(MOST_AN_HOUR):
        note_download(world.ana, now=now())
    refused = world.browser.post(DOWNLOAD)
    assert (refused.status_code, "ready for you again from" in text(refused)) == (429, True)
    assert HistoryLine.objects.filter(what="data-downloaded").count() == MOST_AN_HOUR
    note_download(world.ana, now=now() + timedelta(minutes=61))


def test_whoever_has_a_password_enters_it_once_more_and_then_gets_it(client: Client) -> None:
    person = factories.person(Role.TRAINEE, name="Ines", password="a-password-of-theirs")
    assert EmailAddress.objects.filter(user=person).exists()
    client.force_login(person)
    asked = client.post(DOWNLOAD)
    assert asked.status_code == 302
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/")
    assert not HistoryLine.objects.filter(what="data-downloaded").exists()
    wrong = client.post(asked.headers["Location"], {"password": "another"})
    assert wrong.status_code == 200
    assert "zip" not in wrong.headers["Content-Type"]
    right = client.post(asked.headers["Location"], {"password": "a-password-of-theirs"})
    assert right["Content-Type"] == "application/zip"
    assert contents(opened(right))[kept_as("workshops.User")][0]["Name"] == "Ines"


def test_a_large_copy_is_built_in_a_file_and_not_in_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryFile() as made:
        monkeypatch.setattr("booking.rights.download.tempfile.TemporaryFile", lambda: made)
        assert build(world.ana, now=world.moment) is made
        assert not made.closed


def test_nothing_is_left_open_when_it_cannot_be_built(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_storage, "open", lambda _name: (_ for _ in ()).throw(PermissionError))
    with tempfile.TemporaryFile() as made:
        monkeypatch.setattr("booking.rights.download.tempfile.TemporaryFile", lambda: made)
        with pytest.raises(PermissionError):
            build(world.ana, now=world.moment)
        assert made.closed


def test_history_and_conversations_name_what_they_are_about_and_rules_are_in_words(world: World) -> None:
    archive = opened(world.browser.post(DOWNLOAD))
    history, said, days = (archive.read(f"{name}.json").decode() for name in ("history", "messages", "days-on-set"))
    for written in (history, said):
        assert f'"About": "{world.past.cohort.title}"' in written
    assert f'"About": "{world.record}"' in said
    assert f"record {world.record.public_id}" not in said
    assert "the product itself" not in history
    assert "on-set-days 10 in" not in days
