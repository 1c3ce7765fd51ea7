"""The sample season: what it promises, and where it refuses."""

import csv
import io
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from PIL import Image

from booking.desk.sample.season import SAMPLE_PASSWORD, sign_in_table
from booking.desk.sample.year import coming_year, first_days
from booking.reservations import reserving
from tests import factories
from tests.asking import StoppedClock
from tests.factories import NOW
from tests.prerequisites.invariants import assert_records_hold
from workshops.clock import school_day
from workshops.cohorts.checklist import setup_checklist
from workshops.cohorts.models import Cohort, Seat, Venue
from workshops.history.models import HistoryLine
from workshops.messages.models import Message, MessageState
from workshops.people.models import ApiToken, Role, User
from workshops.prerequisites.check import Facts
from workshops.prerequisites.facts import standing_of, standings_of
from workshops.prerequisites.files.opening import page_of
from workshops.prerequisites.records.flags import flags_of
from workshops.prerequisites.records.models import OnSetRecord, ProofFile, Review
from workshops.prerequisites.records.waiting_time import days_of_half, latest_waits

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def fill(*arguments: str) -> None:
    call_command("sample_season", *arguments)


def missing() -> dict[str, list[str]]:
    trainees = list(User.objects.with_role(Role.TRAINEE))
    standings = standings_of(trainees, "module-iv", school_day(NOW))
    return {user.email: [outcome.code for outcome in standings[user.pk].missing] for user in trainees}


def test_a_season_has_three_published_cohorts_that_can_be_booked_now() -> None:
    fill()
    cohorts = list(Cohort.objects.order_by("starts_on"))
    assert [cohort.code for cohort in cohorts] == ["2028-spring", "2028-summer", "2028-autumn"]
    assert all(cohort.is_bookable(NOW) for cohort in cohorts)
    assert [cohort.sessions.count() for cohort in cohorts] == [4, 4, 4]
    assert [cohort.seats.filter(status="free").count() for cohort in cohorts] == [12, 12, 12]
    assert [cohort.teachings.count() for cohort in cohorts] == [2, 2, 2]


def test_everyone_of_a_season_has_the_role_they_need() -> None:
    fill("--trainees", "30")
    roles = Counter(role for user in User.objects.all() for role in user.roles)
    assert roles == {"registrar": 1, "bookkeeper": 1, "instructor": 2, "mentor": 4, "trainee": 34}


def test_trainees_meet_everything_and_each_of_four_misses_just_one_thing() -> None:
    fill("--trainees", "45")
    lacking = {email: codes for email, codes in missing().items() if codes}
    assert lacking == {
        f"lacking-{code}@example.org": [code] for code in ("module-i", "module-ii", "module-iii", "on-set-days")
    }


def test_a_trainee_of_the_season_can_reserve_at_once() -> None:
    fill()
    trainee = User.objects.get(email="alex@example.org")
    assert reserving.hold(Cohort.objects.get(code="2028-spring"), trainee, now=NOW).state == "held"


def test_everyone_can_sign_in_with_the_password_that_is_printed(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    fill()
    printed = capsys.readouterr().out
    assert SAMPLE_PASSWORD in printed
    assert "alex@example.org" in printed
    assert printed.endswith(f"{sign_in_table()}\n")
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == User.objects.count()
    for email in ("registrar@example.org", "mei@example.org"):
        answer = client.post("/accounts/login/", {"login": email, "password": SAMPLE_PASSWORD})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
        client.logout()


def test_tokens_are_written_with_the_role_of_each(tmp_path: Path) -> None:
    file = tmp_path / "tokens.csv"
    fill("--trainees", "3", "--tokens", str(file))
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert Counter(row["role"] for row in rows) == {
        "trainee": 3, "instructor": 2, "mentor": 4, "bookkeeper": 1, "registrar": 1,
        "lacking-module-i": 1, "lacking-module-ii": 1, "lacking-module-iii": 1, "lacking-on-set-days": 1,
    }  # fmt: skip
    known = {token.digest: token.user.email for token in ApiToken.objects.select_related("user")}
    assert {known[ApiToken.digest_of(row["token"])] for row in rows} == {row["email"] for row in rows}
    assert file.stat().st_mode & 0o077 == 0


def test_tokens_work_for_what_the_role_may_do(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "tokens.csv"
    fill("--trainees", "1", "--tokens", str(file))
    with file.open(encoding="utf-8", newline="") as lines:
        token = next(row["token"] for row in csv.DictReader(lines) if row["role"] == "trainee")
    headers = {"Authorization": f"Bearer {token}"}
    cohort = Cohort.objects.earliest("starts_on").public_id
    answer = client.post("/api/v1/reservations", {"cohort": cohort}, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["state"]) == (201, "held")


def test_many_trainees_and_a_large_room_for_a_load_test() -> None:
    fill("--trainees", "120", "--capacity", "100")
    assert User.objects.with_role(Role.TRAINEE).count() == 124
    assert Seat.objects.count() == 300


def test_the_checklist_is_confirmed_by_someone_marked_as_sample() -> None:
    fill("--trainees", "0")
    assert all(item.done for item in setup_checklist())
    assert "(sample)" in str(User.objects.with_role(Role.REGISTRAR).get())
    assert all("(sample)" in venue.name for venue in Venue.objects.all())


def records_of(email: str) -> dict[str, str]:
    return dict(OnSetRecord.objects.filter(user__email=email).values_list("production", "state"))


def test_whoever_lacks_days_has_seven_accepted_two_in_review_and_two_that_age_out_soon() -> None:
    fill()
    petra = User.objects.get(email="lacking-on-set-days@example.org")
    standing, facts = standing_of(petra, "module-iv", school_day(NOW))
    [days] = standing.missing
    assert (days.code, days.counted, days.in_review) == ("on-set-days", 7, 2)
    in_three_months, _ = standing_of(petra, "module-iv", school_day(NOW) + timedelta(days=90))
    assert [outcome.counted for outcome in in_three_months.missing] == [5]
    assert facts.access.keys().isdisjoint({"module-iii"})
    assert sorted(records_of(petra.email).values()) == ["accepted", "accepted", "draft", "in-review"]


def test_the_review_desk_of_a_season_has_something_of_everything_to_do() -> None:
    fill()
    assert "in-review" in records_of("lacking-module-iii@example.org").values()
    assert "question" in records_of("lacking-module-ii@example.org").values()
    asked = HistoryLine.objects.filter(what__in=("record-asked", "record-answered")).values_list("what", flat=True)
    assert Counter(asked) == {"record-asked": 2, "record-answered": 1}
    film = OnSetRecord.objects.get(state="in-review", kind="student")
    assert [flag.code for flag in flags_of(film, [], Facts())] == ["student"]
    assert days_of_half(latest_waits()) is not None
    assert_records_hold()


def test_the_proof_of_a_season_is_really_there_and_says_that_it_is_made_up() -> None:
    fill()
    files = list(ProofFile.objects.kept())
    assert [(file.media, file.pages) for file in files] == [("pdf", 1), ("jpeg", 1)]
    assert all("sample" in file.name for file in files)
    assert all(default_storage.size(file.stored_as) == file.size for file in files)
    for file in files:
        drawn = Image.open(io.BytesIO(page_of(file, 1, by=file.record.user, now=NOW))).convert("L")
        assert sum(drawn.histogram()[:60]) > 1_000  # something dark: words, not an empty page


def test_a_load_test_gets_no_more_files_and_no_more_decisions_than_anybody() -> None:
    fill("--trainees", "300")
    assert (ProofFile.objects.count(), Review.objects.count()) == (2, 5)


def test_nobody_gets_an_e_mail_about_what_is_made_up() -> None:
    fill()
    assert Message.objects.exists()
    assert not Message.objects.exclude(state=MessageState.SENT).exists()


def test_a_season_goes_into_an_empty_database_only() -> None:
    factories.person()
    with pytest.raises(CommandError, match="not empty"):
        fill()
    assert not Cohort.objects.exists()


def test_a_season_stays_out_of_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PRODUCTION", True)
    with pytest.raises(CommandError, match="production"):
        fill()
    assert not User.objects.exists()


@pytest.mark.parametrize("year", ["2026", "2000"])
def test_a_year_that_has_begun_is_refused_with_the_one_that_would_do(year: str) -> None:
    with pytest.raises(CommandError, match="Choose --year 2028 or later"):
        fill("--year", year)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--year", "27"),
        ("--year", "99999"),
        ("--trainees", "-1"),
        ("--capacity", "0"),
        ("--tokens", "/nowhere/at/all.csv"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        fill(*arguments)
    assert not User.objects.exists()


def test_another_year_can_be_asked_for() -> None:
    fill("--year", "2027")
    assert Cohort.objects.earliest("starts_on").starts_on == date(2027, 3, 4)


@pytest.mark.parametrize(
    ("today", "year"), [(date(2026, 12, 24), 2027), (date(2026, 12, 25), 2028), (date(2027, 1, 11), 2028)]
)
def test_a_season_begins_at_least_seventy_days_ahead(today: date, year: int) -> None:
    assert coming_year(today) == year


@pytest.mark.parametrize("year", range(2026, 2040))
def test_every_season_begins_on_a_thursday(year: int) -> None:
    assert [day.weekday() for day in first_days(year)] == [3, 3, 3]


def test_a_database_of_ones_own_has_no_sample_accounts_to_show() -> None:
    factories.person(Role.REGISTRAR)
    assert sign_in_table() == ""
