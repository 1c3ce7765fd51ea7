"""What is said before a workshop: three times, in time, by day, and only to those who want to hear it."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial

import pytest
from django.conf import settings
from django.core import mail

from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import calling_off, cancelling, reminding
from booking.reservations.models import Reservation
from booking.reservations.reminding import RUNGS, is_by_day, on_one_line, rung_on, too_late_from
from booking.site.due import do_due
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.services.databases import at_once
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.messages import outbox
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import send_due, words_of
from workshops.messages.words import Words
from workshops.people import reminders
from workshops.people.models import Role, User
from workshops.programme.models import School

FIRST = date(2027, 5, 11)
RUNG_DAYS = {28: 1, 7: 2, 1: 3}


def before(days: int, hour: int = 10, minute: int = 0) -> datetime:
    """So many days before the first day, at an hour of Los Angeles."""
    return datetime.combine(FIRST - timedelta(days=days), time(hour, minute), LOS_ANGELES)


def seat(
    cohort: Cohort | None = None, *, paid: Purpose = Purpose.FULL, now: datetime = NOW, **who: object
) -> Reservation:
    """A seat that is somebody's, in a cohort that begins on FIRST."""
    trainee = factories.trainee(**who)  # type: ignore[arg-type]
    made = factories.reservation(cohort=cohort or factories.cohort(starts_on=FIRST), trainee=trainee, now=now)
    paying.begin(made, paid, "sandbox", by=trainee, now=now)
    made.refresh_from_db()
    return made


def said() -> list[Message]:
    """What has been said so far, the first first."""
    return list(Message.objects.filter(kind="workshop-soon").order_by("pk"))


def facts(words: Words) -> dict[str, str]:
    """The list of facts in a message."""
    return {label: value for block in words.blocks for label, value in block.facts}


# -- rules -------------------------------------------------------------------------------------------------------------
def test_each_rung_has_days_of_its_own_and_none_is_said_on_the_first_day() -> None:
    found = {ahead: rung.step for ahead in range(-3, 40) if (rung := rung_on(FIRST - timedelta(days=ahead), FIRST))}
    assert found == {1: 3, **dict.fromkeys(range(3, 8), 2), **dict.fromkeys(range(25, 29), 1)}


@pytest.mark.parametrize(
    ("hour", "minute", "by_day"), [(8, 59, False), (9, 0, True), (20, 59, True), (21, 0, False), (3, 0, False)]
)
def test_the_day_is_that_of_los_angeles(hour: int, minute: int, by_day: bool) -> None:
    assert is_by_day(before(7, hour, minute)) is by_day


def test_a_rung_is_true_until_the_midnight_after_its_last_day() -> None:
    ends = [too_late_from(rung, FIRST) for rung in RUNGS]
    assert ends == [before(24, 0), before(2, 0), before(0, 0)]
    assert [rung_on((each - timedelta(seconds=1)).date(), FIRST) for each in ends] == list(RUNGS)
    assert [rung_on(each.date(), FIRST) for each in ends] == [None, None, None]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", ""),
        ("Water\n\n  Shoes\n", "Water; Shoes"),
        ("Water.\nShoes;\nA pen", "Water. Shoes; A pen"),
    ],
)
def test_what_was_typed_below_each_other_is_said_in_one_line(typed: str, said: str) -> None:
    assert on_one_line(typed) == said


# -- the ladder --------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_whoever_has_a_seat_is_reminded_three_times_and_each_time_once() -> None:
    cohort = factories.cohort(starts_on=FIRST)
    anna = seat(cohort)
    seat(cohort, paid=Purpose.DEPOSIT)
    found = {}
    for ahead in range(40, -5, -1):
        if counts := [reminding.remind(before(ahead, hour)) for hour in (6, 10, 15, 22)]:
            found[ahead] = counts
    assert {ahead: counts for ahead, counts in found.items() if any(counts)} == {
        28: [0, 2, 0, 0],
        7: [0, 2, 0, 0],
        1: [0, 2, 0, 0],
    }
    own = [each for each in said() if each.to_id == anna.trainee_id]
    assert [(each.subject, each.step) for each in own] == [
        (f"workshop:{anna.public_id}:2027-05-11", step) for step in (1, 2, 3)
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("ahead", "step"), [(26, 1), (3, 2), (1, 3)])
def test_a_worker_who_was_away_says_what_is_still_true(ahead: int, step: int) -> None:
    seat()
    reminding.remind(before(ahead))
    assert [each.step for each in said()] == [step]


@pytest.mark.django_db
@pytest.mark.parametrize("ahead", [60, 29, 24, 14, 8, 2, 0, -1, -30])
def test_nothing_is_said_on_any_other_day(ahead: int) -> None:
    seat()
    assert reminding.remind(before(ahead)) == 0


@pytest.mark.django_db
def test_whoever_reserves_two_weeks_before_hears_of_the_last_two_rungs_only() -> None:
    seat(now=before(14))
    for ahead in range(14, -1, -1):
        reminding.remind(before(ahead, 15))
    assert [each.step for each in said()] == [2, 3]


@pytest.mark.django_db
def test_whoever_has_just_reserved_is_not_told_what_they_know_but_is_on_the_day_before() -> None:
    seat(now=before(6, 10))
    assert [reminding.remind(before(6, 11)), reminding.remind(before(5, 10))] == [0, 1]
    seat(now=before(1, 10))
    assert reminding.remind(before(1, 11)) == 2  # both


@pytest.mark.django_db
def test_whoever_has_no_seat_that_is_theirs_gets_nothing() -> None:
    cohort = factories.cohort(starts_on=FIRST)
    factories.reservation(cohort=cohort, now=before(28, 9, 30))
    Reservation.objects.update(created_at=NOW)  # a hold, however long ago it was made
    left = seat(cohort)
    cancelling.cancel(left, now=NOW, by=left.trainee)
    assert reminding.remind(before(28)) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "count"), [(CohortStatus.PUBLISHED, 1), (CohortStatus.CLOSED, 1), (CohortStatus.DRAFT, 0)]
)
def test_only_cohorts_that_run_are_spoken_of(status: CohortStatus, count: int) -> None:
    made = seat()
    Cohort.objects.filter(pk=made.cohort_id).update(status=status)
    assert reminding.remind(before(28)) == count


@pytest.mark.django_db
def test_a_cohort_that_is_called_off_is_spoken_of_no_more() -> None:
    made = seat()
    calling_off.call_off(made.cohort, by=factories.person(Role.REGISTRAR), now=NOW, why="A fire.")
    assert reminding.remind(before(28)) == 0


@pytest.mark.django_db
def test_a_cohort_that_moved_begins_the_ladder_anew() -> None:
    made = seat()
    reminding.remind(before(28))
    moved_to(made.cohort, FIRST + timedelta(days=70))
    assert [reminding.remind(before(ahead)) for ahead in (27, 7, 1)] == [0, 0, 0]
    assert [reminding.remind(before(ahead - 70)) for ahead in (28, 27, 7, 1)] == [1, 0, 1, 1]
    assert [(each.subject[-10:], each.step) for each in said()] == [
        ("2027-05-11", 1),
        ("2027-07-20", 1),
        ("2027-07-20", 2),
        ("2027-07-20", 3),
    ]


def moved_to(cohort: Cohort, first: date) -> None:
    """The same days, from another one on, as the school moves a cohort."""
    by = timedelta(days=(first - cohort.starts_on).days)
    for each in cohort.sessions.all():
        each.starts_at, each.ends_at = each.starts_at + by, each.ends_at + by
        each.save()
    Cohort.objects.filter(pk=cohort.pk).update(starts_on=first, ends_on=first + timedelta(days=3))


@pytest.mark.django_db
def test_whoever_wants_none_gets_none_and_gets_them_again_when_they_say_so() -> None:
    made = seat()
    reminders.choose(made.trainee, wanted=False, by=made.trainee, now=NOW)
    assert reminding.remind(before(28)) == 0
    reminders.choose(made.trainee, wanted=True, by=made.trainee, now=NOW)
    assert reminding.remind(before(28)) == 1


@pytest.mark.django_db
def test_whoever_stops_while_one_waits_in_the_outbox_does_not_get_it() -> None:
    made = seat()
    send_all(before(28))
    reminding.remind(before(28))
    reminders.choose(made.trainee, wanted=False, by=made.trainee, now=before(28))
    mail.outbox.clear()
    send_all(before(28))
    assert (mail.outbox, said()) == ([], [])
    reminders.choose(made.trainee, wanted=True, by=made.trainee, now=before(28))
    assert reminding.remind(before(28)) == 1


@pytest.mark.django_db
def test_each_check_is_made_again_under_the_locks() -> None:
    """Whatever was read before somebody else was faster."""
    made = seat()
    reminders.choose(made.trainee, wanted=False, by=made.trainee, now=NOW)
    assert reminding._remind(made, now=before(28)) == 0
    reminders.choose(made.trainee, wanted=True, by=made.trainee, now=NOW)
    assert reminding._remind(made, now=before(15)) == 0
    stale = Reservation.objects.get(pk=made.pk)
    cancelling.cancel(made, now=NOW, by=made.trainee)
    assert reminding._remind(stale, now=before(28)) == 0
    assert said() == []


@pytest.mark.django_db
def test_whoever_may_not_sign_in_at_the_moment_is_not_written_to() -> None:
    made = seat()
    User.objects.filter(pk=made.trainee_id).update(is_active=False)
    assert reminding.remind(before(28)) == 0
    assert reminding._remind(made, now=before(28)) == 0


@pytest.mark.django_db
def test_a_reminder_that_could_not_go_out_in_time_is_not_sent_at_all() -> None:
    seat()
    send_all(before(1))
    reminding.remind(before(1, 20))
    mail.outbox.clear()
    send_all(before(0, 0))
    assert mail.outbox == []
    assert [each.state for each in said()] == [MessageState.FAILED]


def send_all(now: datetime) -> None:
    """Send whatever waits."""
    while send_due(now=now):
        pass


@pytest.mark.django_db
def test_a_round_with_nothing_to_say_costs_one_statement_and_at_night_none(
    django_assert_num_queries: Callable[..., object],
) -> None:
    seat()
    reminding.remind(before(28))
    for now, statements in ((before(28), 1), (before(15), 1), (before(28, 3), 0)):
        with django_assert_num_queries(statements):  # type: ignore[attr-defined]
            assert reminding.remind(now) == 0


@pytest.mark.django_db
def test_a_round_takes_so_many_and_the_next_one_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminding, "AT_ONCE", 2)
    cohort = factories.cohort(starts_on=FIRST)
    for _ in range(3):
        seat(cohort)
    assert [reminding.remind(before(7)) for _ in range(3)] == [2, 1, 0]


# -- what it says ------------------------------------------------------------------------------------------------------
@pytest.fixture
def venue() -> dict[str, str]:
    """What is known of the place."""
    return {
        "transit": "Metro B Line to Universal City.\nThen ten minutes on foot.",
        "step_free": "A ramp at the side",
        "quiet_room": "The library",
    }


@pytest.mark.django_db
def test_it_says_when_where_how_to_get_there_and_what_to_bring(venue: dict[str, str]) -> None:
    School.objects.update(what_to_bring="Soft shoes\nA bottle for water")
    cohort = factories.cohort(starts_on=FIRST, venue=factories.venue(**venue), title="Spring 2027")
    made = seat(cohort, time_zone="Europe/Paris", name="Anna")
    for ahead in RUNG_DAYS:
        reminding.remind(before(ahead))
    words = [words_of(each) for each in said()]
    assert [each.subject for each in words] == [
        "Four weeks ahead: Spring 2027",
        "Soon: Spring 2027",
        "Tomorrow: Spring 2027",
    ]
    assert len({each.blocks[1].text for each in words}) == 3
    assert facts(words[0]) == {
        "Cohort": "Spring 2027",
        "Days": "Tuesday 11 May 2027 to Friday 14 May 2027",
        "First day": "Tuesday 11 May 2027, 9:30 am PDT (Tuesday 11 May 2027, 6:30 pm CEST where you are)",
        "Hours": "9:30 am PDT to 5:30 pm PDT, each day",
        "Hours where you are": "6:30 pm CEST to 2:30 am CEST, each day",
        "Where": f"{cohort.venue.name}, 100 Example Street, Los Angeles",
        "Getting there": "Metro B Line to Universal City. Then ten minutes on foot.",
        "Step-free access": "A ramp at the side",
        "Quiet room": "The library",
        "What to bring": "Soft shoes; A bottle for water",
    }
    actions = [block for each in words for block in each.blocks if block.kind == "action"]
    assert [each.address for each in actions] == [f"{settings.SITE_URL}{made.get_absolute_url()}"] * 3


@pytest.mark.django_db
def test_what_is_not_known_is_left_out_and_days_with_other_hours_are_said_apart() -> None:
    made = seat(time_zone="America/Tijuana")  # the same clock under another name
    last = made.cohort.sessions.get(day=4)
    last.ends_at -= timedelta(hours=2)
    last.save()
    reminding.remind(before(7))
    found = facts(words_of(said()[0]))
    assert list(found) == ["Cohort", "Days", "First day", "Hours", "Where"]
    assert found["Hours"].startswith("Tuesday 11 May 2027, 9:30 am PDT to 5:30 pm PDT; ")
    assert found["Hours"].endswith("Friday 14 May 2027, 9:30 am PDT to 3:30 pm PDT")


@pytest.mark.django_db
def test_it_says_what_is_still_open_and_by_when() -> None:
    made = seat(paid=Purpose.DEPOSIT)
    reminding.remind(before(28))
    due = made.balance_due_on
    assert facts(words_of(said()[0]))["Still open"].endswith(f"due on {due:%A} {due.day} {due:%B %Y}.")
    Reservation.objects.update(provisional_until=FIRST - timedelta(days=2))
    reminding.remind(before(7))
    still = facts(words_of(said()[1]))["Still open"]
    assert " was due on " in still
    assert still.endswith("must be on your record by the end of Sunday 9 May 2027.")


@pytest.mark.django_db
def test_it_says_how_to_stop_to_people_and_to_their_mail_programs() -> None:
    made = seat()
    send_all(before(28))
    mail.outbox.clear()
    reminding.remind(before(28))
    send_all(before(28))
    (sent,) = mail.outbox
    link = reminders.stop_link(made.trainee)
    assert sent.extra_headers["List-Unsubscribe"] == f"<{link}>"
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in str(sent.body)
    assert link in str(sent.alternatives[0][0])  # type: ignore[union-attr]


# -- workers -----------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("fresh_database")
def test_workers_at_once_remind_each_person_once_beside_those_who_stop_and_leave() -> None:
    cohort = factories.cohort(starts_on=FIRST)
    had = [seat(cohort) for _ in range(6)]
    while do_due(before(40)).anything:
        pass
    now = before(28)
    mail.outbox.clear()
    stops, leaves = had[0], had[1]
    done = at_once(
        *(partial(reminding.remind, now) for _ in range(4)),
        partial(reminders.choose, stops.trainee, wanted=False, by=stops.trainee, now=now),
        partial(cancelling.cancel, leaves, now=now, by=leaves.trainee),
    )
    assert [each for each in done if isinstance(each, Exception)] == []
    subjects = [each.subject for each in said()]
    assert len(subjects) == len(set(subjects))
    for each in had[2:]:
        assert f"workshop:{each.public_id}:2027-05-11" in subjects
    assert reminding.remind(now) == 0
    while send_due(now=now):
        pass
    assert [each for each in mail.outbox if each.to[0].endswith(f"<{stops.trainee.email}>")] == []
    reminded = [each.to[0] for each in mail.outbox if each.subject.startswith("Four weeks ahead")]
    assert len(reminded) == len(set(reminded)) >= 4


@pytest.mark.usefixtures("fresh_database")
def test_what_a_killed_worker_did_not_say_the_next_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = factories.cohort(starts_on=FIRST)
    for _ in range(3):
        seat(cohort)
    queued = []

    def killed(*args: object, **given: object) -> None:
        outbox.queue(*args, **given)  # type: ignore[arg-type]
        queued.append(args)
        if len(queued) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(reminding, "queue", killed)
    with pytest.raises(KeyboardInterrupt):
        reminding.remind(before(7))
    assert len(said()) == 1  # the second one was not committed
    monkeypatch.undo()
    assert [reminding.remind(before(7)) for _ in range(2)] == [2, 0]
    assert len(said()) == 3
