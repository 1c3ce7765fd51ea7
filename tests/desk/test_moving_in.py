"""Moving in: what the school has in spreadsheets and at Stripe comes into the books once, and nobody is written to."""

from typing import Any

import pytest
from django.test import Client

from booking.desk.moving_in.carrying_out import carry_out, dry_run
from booking.payments import ledger
from booking.payments.earning import earn_due
from booking.payments.models import Account, Payment, Posting
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import Plan, PlanState, Trouble
from booking.reservations import waitlist
from booking.reservations.models import Charge, Reservation, State, WaitlistEntry
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.pages import text
from workshops.cohorts.models import Cohort, CohortStatus, Seat
from workshops.history.record import history_of
from workshops.messages.models import Message
from workshops.people.models import User
from workshops.tables import Changed, DryRun, Outcome

pytestmark = pytest.mark.django_db
COLUMNS = "what,e-mail,cohort,date,seat,price,deposit,amount,by,reference,parts,payer,card,title,venue,hours\n"


@pytest.fixture
def coming(db: None) -> Cohort:
    """A cohort of two seats that is still to come."""
    return factories.cohort(capacity=2, code="2027-spring")


@pytest.fixture
def anna(db: None) -> User:
    return factories.trainee(name="Anna", email="anna@example.org")


def sheet(*rows: str) -> str:
    return COLUMNS + "".join(f"{row}\n" for row in rows)


SEAT = "reservation,anna@example.org,2027-spring,2026-12-01,,2099.00,500.00"
DEPOSIT = "payment,anna@example.org,2027-spring,2026-12-02,,,,500.00,bank,WIRE-1"
REST = "payment,anna@example.org,2027-spring,2026-12-20,,,,1599.00,stripe,pi_1"
PLAN = "plan,anna@example.org,2027-spring,2026-12-02,,,,,,,2027-02-15 533.00; 2027-03-15 533.00; 2027-04-01 533.00"


def bring(robin: User, *rows: str) -> DryRun:
    content = sheet(*rows)
    return carry_out(content, dry_run(content, by=robin, now=NOW).digest, by=robin, now=NOW)


def said(robin: User, *rows: str) -> str:
    """What the dry run says of the last row."""
    return dry_run(sheet(*rows), by=robin, now=NOW).rows[-1].message


def test_a_dry_run_shows_everything_and_writes_nothing(robin: User, anna: User, coming: Cohort) -> None:
    planned = dry_run(sheet(SEAT, DEPOSIT), by=robin, now=NOW)
    assert [(row.fact, row.outcome) for row in planned.rows] == [
        ("reservation", Outcome.NEW),
        ("payment", Outcome.NEW),
    ]
    assert "Seat 1" in planned.rows[0].message
    assert (Reservation.objects.count(), Payment.objects.count(), Posting.objects.count()) == (0, 0, 0)
    assert not Seat.objects.filter(occupant=anna).exists()


def test_a_seat_and_its_deposit_come_in_as_opening_entries(robin: User, anna: User, coming: Cohort) -> None:
    bring(robin, SEAT, DEPOSIT)
    made = Reservation.objects.get()
    assert (made.state, made.seat_number, ledger.kept_cents(made)) == (State.RESERVED, 1, 50_000)
    assert made.created_at.date().isoformat() in ("2026-12-01", "2026-12-02")  # the end of the day in Los Angeles
    assert Seat.objects.get(number=1).occupant == anna
    booked = {posting.account: posting.amount_cents for posting in Posting.objects.all()}
    assert booked == {Account.OPENING: 50_000, Account.TUITION_HELD: -50_000}
    assert [line.what for line in history_of("reservation", made.public_id)] == ["brought-in", "payment-received"]
    assert_all_hold(NOW)


def test_everything_paid_is_confirmed(robin: User, anna: User, coming: Cohort) -> None:
    bring(robin, REST, DEPOSIT, SEAT)  # in whatever order the rows stand
    made = Reservation.objects.get()
    assert (made.state, ledger.kept_cents(made)) == (State.CONFIRMED, 209_900)
    assert_all_hold(NOW)


def test_a_seat_that_the_package_covers_costs_nothing(robin: User, anna: User, coming: Cohort) -> None:
    bring(robin, "reservation,anna@example.org,2027-spring,2026-12-01,2,0,0")
    made = Reservation.objects.get()
    assert (made.state, made.seat_number, made.charges.count()) == (State.CONFIRMED, 2, 0)
    assert_all_hold(NOW)


def test_a_running_plan_goes_on_with_the_parts_that_are_left(robin: User, anna: User, coming: Cohort) -> None:
    bring(robin, SEAT, DEPOSIT, PLAN + ",cus_1,pm_1")
    made = Reservation.objects.get()
    plan = plans.running(made)
    assert plan is not None
    assert (plan.payer_id, plan.card_id, plan.trouble) == ("cus_1", "pm_1", Trouble.NONE)
    assert "before this system" in plan.consent
    owed = Charge.objects.filter(reservation=made, kind="instalment").order_by("number")
    assert [charge.amount_cents for charge in owed] == [53_300, 53_300, 53_300]
    assert_all_hold(NOW)


def test_a_plan_without_a_card_is_taken_over_and_waits_for_one(robin: User, anna: User, coming: Cohort) -> None:
    bring(robin, SEAT, DEPOSIT, PLAN)
    plan = plans.running(Reservation.objects.get())
    assert plan is not None
    assert plan.trouble == Trouble.NO_CARD


def test_the_line_keeps_the_order_of_its_dates(robin: User, anna: User, coming: Cohort) -> None:
    ben = factories.trainee(name="Ben", email="ben@example.org")
    bring(robin, "line,ben@example.org,2027-spring,2026-12-09", "line,anna@example.org,2027-spring,2026-12-03")
    entries = {entry.trainee: entry for entry in WaitlistEntry.objects.all()}
    assert (waitlist.position(entries[anna]), waitlist.position(entries[ben])) == (1, 2)


def test_nobody_is_written_to(robin: User, anna: User, coming: Cohort) -> None:
    factories.trainee(email="ben@example.org")
    bring(robin, SEAT, DEPOSIT, PLAN + ",cus_1,pm_1", "line,ben@example.org,2027-spring,2026-12-03")
    assert not Message.objects.exists()


def test_past_cohorts_come_in_for_the_record(robin: User, anna: User) -> None:
    factories.venue(name="Old Stage")
    factories.person(name="Ben", email="ben@example.org")  # what was asked of him then is not asked again
    rows = (
        "cohort,,2025-fall,2025-10-02 to 2025-10-05,12,,,,,,,,,Fall 2025,Old Stage,09:30-17:30",
        "reservation,ben@example.org,2025-fall,2025-07-01,,1999.00,500.00",
        "payment,ben@example.org,2025-fall,2025-07-01,,,,1999.00,cheque,17",
    )
    assert bring(robin, *rows).is_clean
    cohort = Cohort.objects.get(code="2025-fall")
    assert (cohort.status, cohort.seats.count(), cohort.sessions.count()) == (CohortStatus.CLOSED, 12, 4)
    made = Reservation.objects.get()
    assert (made.state, made.is_only_one) == (State.CONFIRMED, False)
    assert earn_due(NOW) == 1
    held = Posting.objects.filter(account=Account.TUITION_HELD).values_list("amount_cents", flat=True)
    assert sum(held) == 0
    assert_all_hold(NOW)


def test_the_same_file_twice_changes_nothing(robin: User, anna: User, coming: Cohort) -> None:
    rows = (SEAT, DEPOSIT, PLAN)
    bring(robin, *rows)
    again = dry_run(sheet(*rows), by=robin, now=NOW)
    assert {row.outcome for row in again.rows} == {Outcome.SAME}
    with pytest.raises(Changed):
        carry_out(sheet(*rows), "another digest", by=robin, now=NOW)
    assert Payment.objects.count() == 1


def test_one_wrong_row_keeps_the_whole_file_out(robin: User, anna: User, coming: Cohort) -> None:
    content = sheet(SEAT, DEPOSIT, "line,nobody@example.org,2027-spring,2026-12-03")
    planned = dry_run(content, by=robin, now=NOW)
    with pytest.raises(Changed):
        carry_out(content, planned.digest, by=robin, now=NOW)
    assert not Reservation.objects.exists()


def test_what_changed_since_the_dry_run_is_shown_and_nothing_is_written(
    robin: User, anna: User, coming: Cohort
) -> None:
    content = sheet(SEAT, DEPOSIT)
    planned = dry_run(content, by=robin, now=NOW)
    factories.reservation(cohort=coming)  # takes seat 1
    with pytest.raises(Changed) as changed:
        carry_out(content, planned.digest, by=robin, now=NOW)
    assert "Seat 2" in changed.value.plan.rows[0].message
    assert not Reservation.objects.filter(trainee=anna).exists()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (("reservation,anna@example.org,2027-summer,2026-12-01,,2099,500",), "no cohort with this code"),
        (("reservation,who@example.org,2027-spring,2026-12-01,,2099,500",), "Nobody has this address"),
        ((SEAT,), "Less than the deposit"),
        ((SEAT, DEPOSIT, REST.replace("1599", "1600")), "more than the price"),
        ((DEPOSIT,), "no seat in this cohort"),
        ((SEAT, DEPOSIT, PLAN.replace("2027-04-01 533.00", "2027-04-01 533.01")), "add up to what remains, $1,599"),
        ((SEAT, DEPOSIT, PLAN.replace("2027-04-01", "2027-04-30")), "after the balance date"),
        ((SEAT, DEPOSIT, PLAN + ",cus_1,"), "Give both, or neither"),
        ((SEAT.replace(",,2099", ",9,2099"), DEPOSIT), ""),
        (("cohort,,2027-may,2027-05-02 to 2027-05-05,12,,,,,,,,,May,Stage,09:30-17:30",), "are over"),
        (("payment,anna@example.org,2027-spring,2026-12-02,,,,500.00,stripe,ch_1",), "begins with pi_"),
        (("payment,anna@example.org,2027-spring,2026-12-02,,,,5e2,bank,W",), "is not an amount"),
        (("seat,anna@example.org,2027-spring,2026-12-02",), "cannot be brought in"),
    ],
)
def test_a_row_that_cannot_be_says_what_to_do(
    robin: User, anna: User, coming: Cohort, rows: tuple[str, ...], words: str
) -> None:
    planned = dry_run(sheet(*rows), by=robin, now=NOW)
    assert not planned.is_clean
    assert any(words in row.message for row in planned.rows if row.outcome == Outcome.ERROR)


def test_nobody_gets_a_seat_without_the_prerequisites(robin: User, coming: Cohort) -> None:
    factories.trainee(lacking="module-iii", email="anna@example.org")
    assert "Module III" in dry_run(sheet(SEAT, DEPOSIT), by=robin, now=NOW).rows[0].message


def test_a_third_seat_does_not_fit_into_two(robin: User, anna: User, coming: Cohort) -> None:
    rows = [SEAT, DEPOSIT]
    for number in (2, 3):
        factories.trainee(email=f"t{number}@example.org")
        rows += [row.replace("anna", f"t{number}").replace("WIRE-1", f"WIRE-{number}") for row in (SEAT, DEPOSIT)]
    planned = dry_run(sheet(*rows), by=robin, now=NOW)
    assert [row.message for row in planned.rows if row.column == "seat"] == ["No seat is free in this cohort."]


@pytest.mark.parametrize("row", [SEAT, DEPOSIT, PLAN, "line,anna@example.org,2027-spring,2026-12-03"])
def test_nobody_brings_in_what_is_their_own(robin: User, anna: User, coming: Cohort, row: str) -> None:
    if row in (DEPOSIT, PLAN):
        bring(robin, SEAT, DEPOSIT.replace("WIRE-1", "WIRE-0"))
    assert "Nobody brings in their own seat, money or place" in said(anna, row)


@pytest.mark.parametrize("row", [SEAT, DEPOSIT, PLAN])
def test_a_seat_that_is_only_held_gets_its_money_at_the_desk(robin: User, anna: User, coming: Cohort, row: str) -> None:
    factories.reservation(cohort=coming, trainee=anna)
    assert "They hold a seat here already. Record what arrived for it at the desk." in said(robin, row)


def test_a_payment_of_a_second_file_confirms_the_seat_and_ends_the_plan(
    robin: User, anna: User, coming: Cohort
) -> None:
    bring(robin, SEAT, DEPOSIT, PLAN + ",cus_1,pm_1")
    bring(robin, "payment,anna@example.org,2027-spring,2026-12-10,,,,533.00,bank,WIRE-2")
    made = Reservation.objects.get()
    assert (made.state, plans.running(made) is not None) == (State.RESERVED, True)
    bring(robin, "payment,anna@example.org,2027-spring,2026-12-20,,,,1066.00,stripe,pi_1")
    made.refresh_from_db()
    plan = Plan.objects.get()
    assert (made.state, plan.state, ledger.kept_cents(made)) == (State.CONFIRMED, PlanState.PAID, 209_900)
    assert "reservation-confirmed" in [line.what for line in history_of("reservation", made.public_id)]
    assert not Message.objects.exists()
    assert_all_hold(NOW)


def test_a_transfer_is_known_by_its_reference_however_it_is_written(robin: User, anna: User, coming: Cohort) -> None:
    bring(robin, SEAT, DEPOSIT)
    assert said(robin, DEPOSIT.replace("WIRE-1", "wire-1")) == "This payment is on record already."


def test_a_reference_that_is_on_record_for_another_is_a_contradiction(robin: User, anna: User, coming: Cohort) -> None:
    bring(robin, SEAT, DEPOSIT)
    planned = dry_run(sheet(DEPOSIT.replace("500.00", "400.00")), by=robin, now=NOW)
    assert planned.rows[0].outcome == Outcome.CONTRADICTION


def test_the_page_shows_the_dry_run_and_brings_it_in(desk: Client, anna: User) -> None:
    factories.venue(name="Old Stage")
    rows = (
        "cohort,,2025-fall,2025-10-02 to 2025-10-05,12,,,,,,,,,Fall 2025,Old Stage,09:30-17:30",
        "reservation,anna@example.org,2025-fall,2025-07-01,,1999.00,500.00",
        "payment,anna@example.org,2025-fall,2025-07-01,,,,1999.00,cheque,17",
    )
    shown: Any = desk.post("/desk/moving-in/", {"text": sheet(*rows)})
    assert shown.status_code == 200
    assert "Nothing has been written yet" in text(shown)
    report = desk.post("/desk/moving-in/dry-run.csv", {"carried": shown.context["carried"]})
    assert "anna@example.org" in report.content.decode()
    done = desk.post("/desk/moving-in/confirm/", {"carried": shown.context["carried"]}, follow=True)
    assert "3 rows are brought in. Nobody was written to." in text(done)
    assert Reservation.objects.get().trainee == anna
    again = desk.post("/desk/moving-in/confirm/", {"carried": shown.context["carried"]}, follow=True)
    assert "on record already" in text(again)


def test_a_file_of_people_is_not_taken_for_one_of_seats(desk: Client) -> None:
    carried: Any = desk.post(
        "/desk/people/import/", {"text": "e-mail,fact,module,date\na@example.org,completion,II,2026-01-01"}
    )
    refused = desk.post("/desk/moving-in/confirm/", {"carried": carried.context["carried"]})
    assert refused.status_code == 422
    assert "did not arrive whole" in text(refused)
