"""Guards of calendars and messages that no other test would miss."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from booking.calendars import building, stamps, tokens
from booking.calendars.invitations import is_invitation, is_invited
from booking.calendars.models import FeedKind, FeedToken
from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import calling_off, cancelling, changing, owing
from booking.reservations.models import Charge, ChargeKind, Reservation
from tests import factories
from tests.factories import NOW
from workshops.cohorts import planning
from workshops.cohorts.planning import Refused
from workshops.messages import outbox
from workshops.messages.models import Message, MessageState
from workshops.people.models import Role
from workshops.programme.models import School

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def reserved(**given: object) -> Reservation:
    made = factories.reservation(**given)  # type: ignore[arg-type]
    paying.begin(made, Purpose.DEPOSIT, "sandbox", by=made.trainee, now=NOW)
    made.refresh_from_db()
    return made


def days_of(reservation: Reservation, *, at: int = 0) -> list[str]:
    secret = tokens.make(reservation.trainee, FeedKind.TRAINEE, now=NOW)[1].rpartition("/")[2].removesuffix(".ics")
    found = stamps.private(FeedKind.TRAINEE, secret, NOW + at * DAY)
    assert found is not None
    return [entry.status for entry in building.private(found[0]).entries if ", day " in entry.title]


def test_what_had_ended_long_before_does_not_come_back_when_the_school_cancels_the_cohort() -> None:
    left = reserved()
    cancelling.cancel(left, now=NOW, by=left.trainee)
    assert days_of(left, at=30) == ["CANCELLED"] * 4
    assert days_of(left, at=41) == []
    calling_off.call_off(left.cohort, by=factories.person(Role.REGISTRAR), now=NOW + 41 * DAY, why="No stage.")
    assert days_of(left, at=41) == []


def test_what_stood_for_long_is_shown_as_cancelled_for_a_month_after_the_school_cancels() -> None:
    stands = reserved()
    calling_off.call_off(stands.cohort, by=factories.person(Role.REGISTRAR), now=NOW + 41 * DAY, why="No stage.")
    assert [days_of(stands, at=day) for day in (41, 71, 72)] == [["CANCELLED"] * 4, ["CANCELLED"] * 4, []]


def test_a_live_claim_speaks_for_a_cohort_whatever_was_revised_last() -> None:
    """A cancelled reservation that is revised later than the one that stands (a refund, a note) hides nothing."""
    left = reserved()
    cancelling.cancel(left, now=NOW, by=left.trainee)
    again = reserved(cohort=left.cohort, trainee=left.trainee, now=NOW)
    Reservation.objects.filter(pk=left.pk).update(revised_at=NOW + DAY)
    assert days_of(again) == ["CONFIRMED"] * 4


def test_the_last_that_a_calendar_heard_decides_whether_it_has_the_days() -> None:
    seat = reserved()
    assert is_invited(seat)
    cancelling.cancel(seat, now=NOW, by=seat.trainee)
    calendars = list(Message.objects.exclude(calendar="").order_by("pk").values_list("calendar", flat=True))
    assert [is_invitation(each) for each in calendars] == [True, False]
    assert not is_invited(seat)


def test_a_charge_whose_day_stays_is_not_revised() -> None:
    seat = reserved()
    balance = Charge.objects.filter(reservation=seat, kind=ChargeKind.BALANCE)
    owing.due_later(seat, seat.balance_due_on, NOW + DAY)
    assert balance.get().sequence == 0
    owing.due_later(seat, seat.balance_due_on + DAY, NOW + DAY)
    assert (balance.get().sequence, balance.get().revised_at) == (1, NOW + DAY)


def test_days_of_a_cohort_that_is_over_do_not_change_without_telling_anyone() -> None:
    seat = reserved()
    cohort, robin = seat.cohort, factories.person(Role.REGISTRAR)
    after = cohort.sessions.order_by("day")[3].ends_at
    plan = planning.plan_of(cohort)
    moved = replace(plan, days=tuple(replace(day, ends_at=day.ends_at + timedelta(minutes=5)) for day in plan.days))
    with pytest.raises(Refused):
        changing.change_details(cohort, moved, by=robin, now=after)


def test_a_worker_whose_lease_ran_out_marks_nothing_that_another_has_in_hand(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.reservation()
    (mine,) = outbox._lease(NOW, 10)
    later = NOW + outbox.LEASE + timedelta(seconds=1)
    (others,) = outbox._lease(later, 10)
    outbox._failed(mine, OSError("too late"), later)
    row = Message.objects.get()
    assert (row.attempts, row.lease_until, row.state) == (0, others.lease_until, MessageState.QUEUED)
    outbox._went_out(mine, later)
    row.refresh_from_db()
    assert (row.state, row.lease_until) == (MessageState.QUEUED, others.lease_until)


def test_only_messages_that_are_forgotten_in_time_carry_an_address_of_their_own() -> None:
    someone = factories.person(Role.TRAINEE)
    with pytest.raises(ValueError, match="reservation-held"):
        outbox.queue_to_address("reservation-held", ("reservation", "1"), someone, "x@example.org", {}, now=NOW)


@pytest.mark.parametrize(
    ("changed", "before", "after"),
    [
        (
            {3: (210, 0)},
            "day 3: Thursday 13 May 2027, 9:30 am to 5:30 pm PDT",
            "day 3: Thursday 13 May 2027, 1:00 pm to 5:30 pm PDT",
        ),
        (
            {2: (0, 30), 3: (30, 0)},
            "day 2: Wednesday 12 May 2027, 9:30 am to 5:30 pm PDT; day 3: Thursday 13 May 2027, 9:30 am to 5:30 pm PDT",
            (
                "day 2: Wednesday 12 May 2027, 9:30 am to 6:00 pm PDT; "
                "day 3: Thursday 13 May 2027, 10:00 am to 5:30 pm PDT"
            ),
        ),
        (
            dict.fromkeys((1, 2, 3, 4), (10080, 10080)),
            "Tuesday 11 May 2027, 9:30 am PDT, to Friday 14 May 2027, 5:30 pm PDT, Stage 9",
            "Tuesday 18 May 2027, 9:30 am PDT, to Friday 21 May 2027, 5:30 pm PDT, Stage 9",
        ),
    ],
    ids=["one day", "two days", "all days"],
)
def test_a_move_names_what_moves(changed: dict[int, tuple[int, int]], before: str, after: str) -> None:
    cohort = factories.cohort(venue=factories.venue(name="Stage 9"))
    plan = planning.plan_of(cohort)
    days = tuple(
        replace(
            day,
            starts_at=day.starts_at + timedelta(minutes=changed.get(number, (0, 0))[0]),
            ends_at=day.ends_at + timedelta(minutes=changed.get(number, (0, 0))[1]),
        )
        for number, day in plan.numbered
    )
    assert calling_off.what_moves(plan, replace(plan, days=days)) == (before, after)


def test_days_that_end_otherwise_while_the_whole_reads_the_same_are_named_one_by_one() -> None:
    plan = planning.plan_of(factories.cohort())
    hour = timedelta(hours=1)
    by_day = ((0, -1), (1, 0), (1, 0), (1, 0))
    days = tuple(
        replace(day, starts_at=day.starts_at + late * hour, ends_at=day.ends_at + longer * hour)
        for day, (late, longer) in zip(plan.days, by_day, strict=True)
    )
    was, will_be = calling_off.what_moves(plan, replace(plan, days=days))
    assert was != will_be
    assert "day 2" in will_be


def test_loading_the_page_of_a_new_address_again_does_not_end_it(client: Client) -> None:
    client.force_login(factories.trainee())
    form = {"seen": "none"}
    assert client.post("/calendars/yours/trainee/", form).status_code == 200
    kept = FeedToken.objects.get().digest
    again = client.post("/calendars/yours/trainee/", form, follow=True)
    assert b"This address has been made already" in again.content
    assert FeedToken.objects.get().digest == kept
    (seen,) = set(re.findall(r'name="seen" value="(\w+)"', again.content.decode()))
    assert client.post("/calendars/yours/trainee/", {"seen": seen}).status_code == 200
    assert FeedToken.objects.get().digest != kept


def test_every_e_mail_says_where_to_write_to_the_school(settings: Settings) -> None:
    School.objects.update(email="office@example.org")
    factories.reservation()
    outbox.send_due(now=NOW)
    (sent,) = mail.outbox
    html = sent.message().as_string().replace("=\n", "").replace("=3D", "=")
    assert sent.reply_to == ["office@example.org"]
    assert str(sent.body).endswith("To write to the school: office@example.org\n")
    assert 'href="mailto:office@example.org"' in html


def test_the_roster_has_the_hours_of_each_day(client: Client) -> None:
    amara = factories.person(Role.INSTRUCTOR)
    cohort = factories.cohort(instructors=(amara,))
    client.force_login(amara)
    page = " ".join(client.get(f"/teaching/{cohort.code}/").content.decode().split())
    assert "Tuesday 11 May 2027, 9:30 am to 5:30 pm" in page


def test_whoever_holds_a_seat_in_a_cohort_that_moves_reads_what_is_true_for_them() -> None:
    cohort, robin = factories.cohort(), factories.person(Role.REGISTRAR)
    hold, seat = factories.reservation(cohort=cohort), reserved(cohort=cohort)
    plan = planning.plan_of(cohort)
    later = tuple(replace(day, starts_at=day.starts_at + 7 * DAY, ends_at=day.ends_at + 7 * DAY) for day in plan.days)
    calling_off.reschedule(cohort, replace(plan, days=later), by=robin, now=NOW, reason="The stage is taken.")
    told = {each.to_id: outbox.words_of(each).text for each in Message.objects.filter(kind="cohort-moved")}
    assert "Your seat is still held for you until Monday 11 January 2027, 11:00 am PST" in told[hold.trainee_id]
    assert "nothing is owed" in told[hold.trainee_id]
    assert "everything you have paid" not in told[hold.trainee_id]
    assert "Balance: due later as well, by the end of Sunday 18 April 2027 in Los Angeles" in told[seat.trainee_id]
    assert "Balance:" not in told[hold.trainee_id]


def test_whoever_loses_the_days_reads_that_they_leave_the_calendar() -> None:
    hold, seat = factories.reservation(), reserved()
    for each in (hold, seat):
        cancelling.cancel(each, now=NOW, by=each.trainee)
    told = {each.to_id: outbox.words_of(each).text for each in Message.objects.filter(kind="reservation-cancelled")}
    assert ["leave your calendar" in told[each.trainee_id] for each in (hold, seat)] == [False, True]
