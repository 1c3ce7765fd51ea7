"""The money pages: what is owed, the journal, one reservation, and who may change what."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.desk.spreadsheet import amount, harmless
from booking.payments import ledger, paying
from booking.payments.models import Account, LedgerEntry, Payment, Purpose, Refund
from booking.reservations import lifecycle
from booking.reservations.models import Reservation, State
from tests import factories
from tests.desk.doors import browser, minutes, rows, statements
from tests.pages import text
from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
OVERVIEW, OWED, NEEDS = "/desk/money/", "/desk/money/by-reservation/", "/desk/money/needs-a-person/"
READ = [
    "money/",
    "money/by-month.csv",
    "money/by-cohort.csv",
    "money/by-reservation/",
    "money/owed.csv",
    "money/needs-a-person/",
    "money/journal/",
    "money/journal.csv",
    "money/trial-balance.csv",
    "money/held/",
    "money/held.csv",
    "money/closed/",
]
FORMS = ["transfer", "refund", "longer", "balance", "promise", "fee", "release", "move", "wait", "swap"]


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def books() -> Client:
    """The bookkeeper's browser."""
    return browser(Role.BOOKKEEPER)


@pytest.fixture
def held(moment: datetime) -> Reservation:
    """A seat that Anna holds and has not paid for."""
    return factories.reservation(trainee=factories.trainee(name="Anna"), now=moment)


def pay(reservation: Reservation, purpose: Purpose, moment: datetime, gateway: str = "sandbox") -> Payment:
    return paying.begin(reservation, purpose, gateway, by=reservation.trainee, now=moment).payment


def late_money(moment: datetime, reference: str = "WIRE-1") -> Refund:
    """Money that arrived when somebody else had the only seat."""
    past = moment - timedelta(hours=3)
    cohort = factories.cohort(now=past, capacity=1)
    late = factories.reservation(cohort=cohort, now=past)
    factories.reservation(cohort=cohort, now=moment)
    late.refresh_from_db()
    settled = paying.record_transfer(
        late, Purpose.DEPOSIT, reference=reference, by=factories.person(Role.REGISTRAR), now=moment
    )
    assert settled.refund is not None
    return settled.refund


def path(reservation: Reservation, form: str = "") -> str:
    return f"/desk/reservations/{reservation.public_id}/" + (f"{form}/" if form else "")


def arrived(amount: str, reference: str = "WIRE-1") -> dict[str, str]:
    """What the form for a transfer sends."""
    return {"transfer-amount": amount, "transfer-reference": reference}


# -- who may -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR])
def test_money_is_no_business_of_others(role: Role, held: Reservation) -> None:
    other = browser(role)
    assert {other.get(f"/desk/{page}").status_code for page in READ} == {403}
    assert other.get(path(held)).status_code == 403
    assert {other.post(path(held, form)).status_code for form in FORMS} == {403}


def test_a_trainee_does_not_see_their_own_reservation_from_behind(held: Reservation, client: Client) -> None:
    client.force_login(held.trainee)
    assert client.get(path(held)).status_code == 403


def test_a_stranger_is_asked_to_sign_in_first(client: Client, held: Reservation) -> None:
    for page in ("/desk/money/", path(held)):
        answer = client.get(page)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/accounts/login/?next={page}")


def test_the_bookkeeper_reads_and_changes_nothing(books: Client, held: Reservation, moment: datetime) -> None:
    assert {books.get(f"/desk/{page}").status_code for page in READ} == {200}
    assert {books.post(path(held, form)).status_code for form in FORMS} == {403}
    refund = late_money(moment)
    late = refund.payment.reservation
    for form in (
        f"refunds/{refund.public_id}",
        f"refunds/{refund.public_id}/failed",
        f"payments/{refund.payment.public_id}/reverse",
    ):
        assert books.post(path(late, form)).status_code == 403
    assert books.post("/desk/money/closed/close/").status_code == 403


def test_the_bookkeeper_sees_the_payer_and_the_money_and_nothing_else(
    books: Client, held: Reservation, robin: User, moment: datetime
) -> None:
    lifecycle.hold_longer(held, until=moment + timedelta(hours=5), now=moment, why="A hospital stay.", by=robin)
    page = books.get(path(held))
    words = text(page)
    assert ("Anna" in words, "$2,099" in words) == (True, True)
    for private in ("hospital", held.trainee.email, f"/desk/people/{held.trainee.public_id}", "<form class="):
        assert private not in page.content.decode()
    assert (page.context["page"].story, page.context["page"].forms) == ([], {})


def test_a_reservation_that_does_not_exist_is_not_found(desk: Client, books: Client) -> None:
    assert {client.get("/desk/reservations/nobody/").status_code for client in (desk, books)} == {404}
    assert {desk.post(f"/desk/reservations/nobody/{form}/").status_code for form in FORMS} == {404}


# -- what is owed ------------------------------------------------------------------------------------------------------
def test_what_is_owed_adds_up_and_the_most_urgent_comes_first(
    books: Client, held: Reservation, moment: datetime
) -> None:
    reserved = factories.reservation(now=moment)
    pay(reserved, Purpose.DEPOSIT, moment)
    pay(factories.reservation(now=moment), Purpose.FULL, moment)
    ran_out = factories.reservation(now=moment - timedelta(hours=3))
    assert ran_out.state_at(moment) == State.EXPIRED
    page = books.get(OWED)
    assert [
        (line.reservation, line.state, line.paid_cents, line.remaining_cents, line.next.amount_cents, line.is_overdue)
        for line in page.context["page"]
    ] == [
        (held, State.HELD, 0, 209_900, 50_000, False),
        (reserved, State.RESERVED, 50_000, 159_900, 159_900, False),
    ]
    assert [(total.remaining_cents, total.overdue_count) for total in page.context["totals"]] == [(369_800, 0)]
    assert "$3,698" in text(page)


def test_a_balance_past_its_day_is_overdue(books: Client, moment: datetime) -> None:
    past = moment - timedelta(days=100)
    first = school_day(moment) + timedelta(days=20)
    reserved = factories.reservation(cohort=factories.cohort(now=past, starts_on=first), now=past)
    pay(reserved, Purpose.DEPOSIT, past)
    page = books.get(OWED)
    assert [(line.is_overdue, line.next.amount_cents) for line in page.context["page"]] == [(True, 159_900)]
    assert [total.overdue_cents for total in page.context["totals"]] == [159_900]
    assert "Overdue" in text(books.get(path(reserved)))


def test_a_hold_that_was_prolonged_is_due_when_it_ends(
    books: Client, held: Reservation, robin: User, moment: datetime
) -> None:
    until = moment + timedelta(days=2)
    lifecycle.hold_longer(held, until=until, now=moment, why="A bank holiday.", by=robin)
    assert [line.next.due_at for line in books.get(OWED).context["page"]] == [until]


def test_refunds_to_send_and_transfers_to_expect_are_listed(books: Client, held: Reservation, moment: datetime) -> None:
    refund = late_money(moment)
    pay(held, Purpose.DEPOSIT, moment, "offline")
    lists = books.get(NEEDS).context["lists"]
    assert [(each.refund, each.why) for each in lists["refunds"]] == [
        (refund, "The payment came when no seat was left")
    ]
    assert [each.reference for each in lists["transfers"]] == [held.public_id[:8].upper()]


@pytest.mark.parametrize("page", [OVERVIEW, OWED, NEEDS])
def test_a_money_page_takes_the_same_number_of_statements_for_three_and_for_thirty(
    page: str, books: Client, moment: datetime
) -> None:
    def more(numbers: range) -> None:
        for number in numbers:
            late_money(moment, f"WIRE-{number}")
            pay(factories.reservation(now=moment), Purpose.DEPOSIT, moment, "offline")
            pay(factories.reservation(now=moment), Purpose.DEPOSIT, moment)

    more(range(1))
    for_three = statements(books, page)
    more(range(1, 10))
    assert statements(books, page) == for_three


def test_the_list_leaves_as_a_spreadsheet_that_is_harmless(books: Client, moment: datetime) -> None:
    name = '=HYPERLINK("http://evil.example","pay here")'
    held = factories.reservation(trainee=factories.trainee(name=name), now=moment)
    answer = books.get("/desk/money/owed.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="owed.csv"'
    header, line = rows(answer)
    assert header[:9] == ["reservation", "payer", "cohort", "state", "currency", "price", "fee", "paid", "remaining"]
    assert line[:4] == [held.public_id, f"'{name}", held.cohort.title, "Held"]
    assert line[4:9] == ["USD", "2099.00", "0.00", "0.00", "2099.00"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1"])
def test_a_text_that_looks_like_a_formula_is_defused(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["Anna", "a=1", "", 5, -5, Decimal("-1.50"), None])
def test_other_cells_stay_as_they_are(cell: str | int | Decimal | None) -> None:
    assert harmless(cell) == cell


def test_cents_become_exact_amounts() -> None:
    assert [str(amount(cents)) for cents in (0, 1, 209_900, 10**12 + 1)] == [
        "0.00",
        "0.01",
        "2099.00",
        "10000000000.01",
    ]


# -- the journal -------------------------------------------------------------------------------------------------------
def test_the_journal_balances_and_names_nobody(books: Client, held: Reservation, moment: datetime) -> None:
    pay(held, Purpose.FULL, moment)
    refund = late_money(moment)
    page = books.get("/desk/money/journal/")
    assert [(each.account.value, each.debit_cents, each.credit_cents) for each in page.context["balances"]] == [
        ("bank", 50_000, 0),
        ("refunds_underway", 0, 50_000),
        ("sandbox", 209_900, 0),
        ("tuition_held", 50_000, 259_900),
    ]
    assert (page.context["debit_cents"], page.context["credit_cents"]) == (309_900, 309_900)
    for name in ("Anna", refund.payment.reservation.trainee.name):
        assert name not in text(page)


def test_the_journal_leaves_as_a_spreadsheet_with_one_line_a_posting(
    books: Client, held: Reservation, moment: datetime
) -> None:
    payment = pay(held, Purpose.DEPOSIT, moment)
    header, *lines = rows(books.get("/desk/money/journal.csv"))
    assert header[2:] == ["source", "reservation", "account", "currency", "debit", "credit"]
    assert sorted(line[2:] for line in lines) == [
        [f"payment:{payment.public_id}", held.public_id, "sandbox", "USD", "500.00", "0.00"],
        [f"payment:{payment.public_id}", held.public_id, "tuition_held", "USD", "0.00", "500.00"],
    ]


def test_a_period_counts_whole_days_in_los_angeles(books: Client, moment: datetime) -> None:
    midnight = datetime(2026, 7, 2, tzinfo=factories.LOS_ANGELES)
    reservation = factories.reservation(now=moment)
    for at in (midnight - timedelta(seconds=1), midnight, midnight + timedelta(hours=23, minutes=59)):
        ledger.post(f"test:{at}", reservation, {Account.BANK: 100, Account.TUITION_HELD: -100}, at=at)

    def entries(**query: str) -> int:
        return int(books.get("/desk/money/journal/", query).context["page"].paginator.count)

    assert entries(first="2026-07-02", last="2026-07-02") == 2
    assert entries(last="2026-07-01") == 1
    assert entries(first="2026-07-02") == 2
    assert len(rows(books.get("/desk/money/journal.csv", {"last": "2026-07-01"}))) == 3


@pytest.mark.parametrize("query", [{"first": "soon"}, {"first": "2026-07-02", "last": "2026-07-01"}])
def test_a_period_that_cannot_be_is_named(books: Client, query: dict[str, str]) -> None:
    assert books.get("/desk/money/journal/", query).status_code == 422


def test_the_journal_takes_the_same_number_of_statements_for_one_and_for_three(
    books: Client, held: Reservation, moment: datetime
) -> None:
    pay(held, Purpose.DEPOSIT, moment)
    for_one = statements(books, "/desk/money/journal/")
    for _ in range(2):
        pay(factories.reservation(now=moment), Purpose.DEPOSIT, moment)
    assert statements(books, "/desk/money/journal/") == for_one


# -- one reservation ---------------------------------------------------------------------------------------------------
def test_the_registrar_sees_its_story_and_its_money(desk: Client, held: Reservation, moment: datetime) -> None:
    pay(held, Purpose.DEPOSIT, moment)
    page = desk.get(path(held)).context["page"]
    assert (page.state, page.paid_cents, page.remaining_cents) == (State.RESERVED, 50_000, 159_900)
    assert [(each.charge.kind, each.is_paid) for each in page.charges] == [("deposit", True), ("balance", False)]
    seat = held.seat_number
    assert [line.told.what for line in page.story] == [f"Seat {seat} reserved", "$500 received", f"Seat {seat} held"]


def test_a_transfer_that_arrived_makes_the_seat_theirs(desk: Client, held: Reservation) -> None:
    assert desk.post(path(held, "transfer"), arrived("500")).status_code == 302
    held.refresh_from_db()
    assert (held.state, ledger.paid_cents(held)) == (State.RESERVED, 50_000)


def test_the_form_begins_with_what_is_due(desk: Client, held: Reservation, moment: datetime) -> None:
    form = desk.get(path(held)).context["page"].forms["transfer"]
    assert str(form["amount"].value()) == "500.00"
    assert "the deposit, $500 or everything, $2,099" in form.fields["amount"].help_text
    pay(held, Purpose.DEPOSIT, moment)
    form = desk.get(path(held)).context["page"].forms["transfer"]
    assert (str(form["amount"].value()), "is_enough" in form.fields) == ("1599.00", False)


def test_the_same_transfer_is_recorded_once(desk: Client, held: Reservation, moment: datetime) -> None:
    desk.post(path(held, "transfer"), arrived("500"))
    page = desk.post(path(held, "transfer"), arrived("1599"))
    assert (page.status_code, "A transfer with this reference is on record already." in text(page)) == (422, True)
    other = factories.reservation(now=moment)
    assert desk.post(path(other, "transfer"), arrived("500")).status_code == 422
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("amount", "reference"),
    [("", "W"), ("0", "W"), ("-5", "W"), ("5.001", "W"), ("1e9", "W"), ("five", "W"), ("500", " "), ("500", "x" * 81)],
)
def test_a_transfer_that_cannot_be_is_refused_and_nothing_is_half_done(
    desk: Client, held: Reservation, amount: str, reference: str
) -> None:
    page = desk.post(path(held, "transfer"), arrived(amount, reference))
    assert (page.status_code, Payment.objects.count(), LedgerEntry.objects.count()) == (422, 0, 0)


def test_less_than_the_deposit_is_refused_unless_it_is_taken_as_the_deposit(desk: Client, held: Reservation) -> None:
    page = desk.post(path(held, "transfer"), arrived("450.50"))
    assert (page.status_code, "This is less than the deposit." in text(page), Payment.objects.count()) == (422, True, 0)
    assert 'value="450.50"' in page.content.decode()
    assert desk.post(path(held, "transfer"), {**arrived("450.50"), "transfer-is_enough": "on"}).status_code == 302
    held.refresh_from_db()
    assert (held.state, held.deposit_cents, ledger.kept_cents(held)) == (State.RESERVED, 45_050, 45_050)
    assert desk.get(path(held)).context["page"].remaining_cents == 164_850


def test_a_part_of_the_balance_counts_and_what_is_too_much_goes_back(
    desk: Client, held: Reservation, moment: datetime
) -> None:
    pay(held, Purpose.DEPOSIT, moment)
    assert desk.post(path(held, "transfer"), arrived("600", "W-1")).status_code == 302
    held.refresh_from_db()
    assert (held.state, desk.get(path(held)).context["page"].remaining_cents) == (State.RESERVED, 99_900)
    given = {**arrived("1000", "W-2"), "transfer-is_too_much": "on"}
    answer = desk.post(path(held, "transfer"), given, follow=True)
    assert "$1 of it is more than is owed and must go back" in text(answer)
    held.refresh_from_db()
    assert (held.state, ledger.kept_cents(held), Refund.objects.get().amount_cents) == (State.CONFIRMED, 209_900, 100)


def test_an_amount_beyond_what_is_owed_is_taken_for_a_slip_unless_somebody_says_that_it_came(
    desk: Client, held: Reservation
) -> None:
    page = desk.post(path(held, "transfer"), arrived("20990"))
    assert (page.status_code, "No more than $2,099 is owed. Look again" in text(page)) == (422, True)
    assert ('value="20990"' in page.content.decode(), Payment.objects.count()) == (True, 0)
    given = {**arrived("20990"), "transfer-is_too_much": "on"}
    assert desk.post(path(held, "transfer"), given).status_code == 302
    assert (ledger.kept_cents(held), Refund.objects.get().amount_cents) == (209_900, 1_889_100)


def test_the_same_reference_in_small_letters_or_with_more_spaces_is_the_same_transfer(
    desk: Client, robin: User, held: Reservation, moment: datetime
) -> None:
    desk.post(path(held, "transfer"), arrived("500", "Wire  no 1"))
    assert Payment.objects.get().reference == "WIRE NO 1"
    page = desk.post(path(held, "transfer"), arrived("500", " wire no  1 "))
    assert (page.status_code, "A transfer with this reference is on record already." in text(page)) == (422, True)
    with pytest.raises(paying.AlreadyRecorded):
        paying.record_transfer(held, Purpose.BALANCE, reference="wire no 1", by=robin, now=moment)
    assert ledger.kept_cents(held) == 50_000


def test_money_that_comes_too_late_is_owed_back_and_recorded_when_it_was_sent(
    desk: Client, robin: User, moment: datetime
) -> None:
    past = moment - timedelta(hours=3)
    cohort = factories.cohort(now=past, capacity=1)
    late = factories.reservation(cohort=cohort, now=past)
    factories.reservation(cohort=cohort, now=moment)
    answer = desk.post(path(late, "transfer"), arrived("500", "W"), follow=True)
    assert "No seat was left, so all of it must go back" in text(answer)
    refund = Refund.objects.get()
    sent = path(late, f"refunds/{refund.public_id}")
    assert desk.post(sent).status_code == 422
    given = {f"refund-{refund.public_id}-reference": "BACK-1"}
    assert [desk.post(sent, given).status_code for _ in range(2)] == [302, 302]
    refund.refresh_from_db()
    assert (refund.status, refund.reference, refund.recorded_by, ledger.paid_cents(late)) == (
        "succeeded",
        "BACK-1",
        robin,
        0,
    )
    assert LedgerEntry.objects.count() == 3


def test_a_refund_of_another_reservation_is_not_found_here(desk: Client, held: Reservation, moment: datetime) -> None:
    refund = late_money(moment)
    assert desk.post(path(held, f"refunds/{refund.public_id}")).status_code == 404


def test_a_hold_is_prolonged_with_a_reason(desk: Client, held: Reservation, robin: User, moment: datetime) -> None:
    until = (moment + timedelta(days=1)).replace(second=0, microsecond=0)
    given = {"longer-until": minutes(until), "longer-why": "The bank is closed."}
    assert desk.post(path(held, "longer"), given).status_code == 302
    held.refresh_from_db()
    line = HistoryLine.objects.get(what="hold-prolonged")
    assert (held.held_until, line.by, line.why) == (until, robin, "The bank is closed.")


def test_a_hold_cannot_be_prolonged_to_a_time_that_makes_no_sense(
    desk: Client, held: Reservation, moment: datetime
) -> None:
    begins = datetime.combine(held.cohort.starts_on, datetime.min.time(), factories.LOS_ANGELES)
    for until in ("", "soon", minutes(moment + timedelta(minutes=5)), minutes(begins)):
        page = desk.post(path(held, "longer"), {"longer-until": until, "longer-why": "x"})
        assert page.status_code == 422
    page = desk.post(path(held, "longer"), {"longer-until": minutes(moment + timedelta(days=1)), "longer-why": " "})
    assert page.status_code == 422
    assert Reservation.objects.get().held_until == held.held_until


def test_a_hold_that_ran_out_is_not_prolonged(desk: Client, moment: datetime) -> None:
    ran_out = factories.reservation(now=moment - timedelta(hours=3))
    given = {"longer-until": minutes(moment + timedelta(days=1)), "longer-why": "x"}
    page = desk.post(path(ran_out, "longer"), given)
    assert (page.status_code, "The reservation is expired by now" in text(page)) == (409, True)


def test_nobody_decides_about_their_own_reservation(moment: datetime, client: Client) -> None:
    robin = factories.trainee()
    robin.role_grants.create(role=Role.REGISTRAR, granted_at=moment)
    own = factories.reservation(trainee=robin, now=moment)
    client.force_login(robin)
    for form, given in (
        ("transfer", arrived("2099", "W")),
        ("longer", {"longer-until": minutes(moment + timedelta(days=1)), "longer-why": "x"}),
    ):
        page = client.post(path(own, form), given)
        assert (page.status_code, "Nobody decides about their own record" in text(page)) == (422, True)
    assert (Reservation.objects.get().state, Payment.objects.count()) == (State.HELD, 0)


def test_a_reservation_page_takes_the_same_number_of_statements_for_one_payment_and_for_two(
    desk: Client, held: Reservation, moment: datetime
) -> None:
    pay(held, Purpose.DEPOSIT, moment)
    for_one = statements(desk, path(held))
    pay(held, Purpose.BALANCE, moment)
    assert statements(desk, path(held)) == for_one
