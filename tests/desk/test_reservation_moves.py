"""The registrar's moves on one reservation: release, more time, move, swap, no fee, place. Each with a reason."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.desk.reservations.rules import WHY
from booking.payments import ledger, paying
from booking.payments.models import Purpose, Refund
from booking.reservations import calling_off, cancelling, lapses, moving, refunds, waiting, waitlist
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from tests import factories
from tests.desk.doors import browser, minutes
from tests.pages import text
from workshops.clock import school_day, with_weekday
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, CohortStatus, SeatStatus
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
PRICE, DEPOSIT = 209_900, 50_000


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def anna() -> User:
    """A trainee who meets every prerequisite."""
    return factories.trainee(name="Anna")


def path(reservation: Reservation, form: str = "") -> str:
    return f"/desk/reservations/{reservation.public_id}/" + (f"{form}/" if form else "")


def pay(reservation: Reservation, purpose: Purpose, moment: datetime, gateway: str = "sandbox") -> None:
    if gateway == "offline":
        paying.record_transfer(
            reservation, purpose, reference=f"WIRE-{purpose}", by=factories.person(Role.REGISTRAR), now=moment
        )
    else:
        paying.begin(reservation, purpose, gateway, by=reservation.trainee, now=moment)
    reservation.refresh_from_db()


def paid(
    moment: datetime, trainee: User, *, in_days: int = 120, purpose: Purpose = Purpose.FULL, **cohort: Any
) -> Reservation:
    """A seat that is paid for, in a cohort that begins in so many days."""
    first = school_day(moment) + timedelta(days=in_days)
    made = factories.reservation(
        cohort=factories.cohort(now=moment, starts_on=first, **cohort), trainee=trainee, now=moment
    )
    pay(made, purpose, moment)
    return made


def line(what: str) -> HistoryLine:
    return HistoryLine.objects.get(what=what)


def release(
    desk: Client, reservation: Reservation, back: str = "policy", why: str = "They are ill.", **given: str
) -> Any:
    """Release a seat the way the page does: what it shows goes along."""
    shown = desk.get(path(reservation, "release")).context["release"]
    expected = {
        "expected_cents": str(shown.by_policy.cents),
        "expected_all_cents": str(shown.all_of_it.cents),
        "back": back,
        "why": why,
    }
    return desk.post(path(reservation, "release"), {**expected, **given})


# -- who may -----------------------------------------------------------------------------------------------------------
MOVES = ("release", "move", "swap")
FORMS = ("longer", "balance", "promise", "fee", "release", "move", "wait", "swap")


@pytest.mark.parametrize("role", [Role.BOOKKEEPER, Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR])
def test_only_a_registrar_decides_about_a_reservation(role: Role, moment: datetime) -> None:
    held, other = factories.reservation(now=moment), browser(role)
    assert {other.get(path(held, form)).status_code for form in MOVES} == {403}
    assert {other.post(path(held, form)).status_code for form in FORMS} == {403}
    assert {other.post(f"/desk/people/{held.trainee.public_id}/{form}/").status_code for form in ("place", "line")} == {
        403
    }


def test_a_visitor_is_asked_to_sign_in_first(client: Client, moment: datetime) -> None:
    held = factories.reservation(now=moment)
    for form in MOVES:
        answer = client.get(path(held, form))
        assert (answer.status_code, answer.headers["Location"]) == (
            302,
            f"/accounts/login/?next={path(held, form)}",
        )


def test_a_reservation_that_does_not_exist_is_not_found(desk: Client) -> None:
    assert {desk.get(f"/desk/reservations/nobody/{form}/").status_code for form in MOVES} == {404}
    assert {desk.post(f"/desk/reservations/nobody/{form}/").status_code for form in FORMS} == {404}


def test_looking_at_what_a_move_would_change_changes_nothing(desk: Client, anna: User, moment: datetime) -> None:
    own, other = paid(moment, anna), paid(moment, factories.trainee())
    before = HistoryLine.objects.count()
    for address in (
        path(own, "release"),
        f"{path(own, 'move')}?to={other.cohort.code}",
        f"{path(own, 'swap')}?other={other.public_id}",
    ):
        assert desk.get(address).status_code == 200
    assert {desk.get(path(own, form)).status_code for form in ("longer", "balance", "promise", "fee", "wait")} == {405}
    assert (HistoryLine.objects.count(), set(Reservation.objects.values_list("state", flat=True))) == (
        before,
        {State.CONFIRMED},
    )


def test_nobody_moves_swaps_or_releases_their_own_seat(client: Client, moment: datetime) -> None:
    robin = factories.trainee(name="Robin")
    robin.role_grants.create(role=Role.REGISTRAR, granted_at=moment)
    client.force_login(robin)
    own, other = paid(moment, robin, in_days=50, purpose=Purpose.DEPOSIT), paid(moment, factories.trainee())
    kept_back = other.cohort.seats.get(number=12)
    seats.keep_back(other.cohort_id, 12, now=moment)
    later = (own.balance_due_on + timedelta(days=1)).isoformat()
    for form, given in (
        ("balance", {"balance-until": later, "balance-why": "x"}),
        ("move", {"to": other.cohort.code, "why": "x"}),
        ("wait", {"to": other.cohort.code, "why": "x"}),
        ("swap", {"other": other.public_id, "why": "x"}),
    ):
        page = client.post(path(own, form), given)
        assert (form, page.status_code, "Nobody decides about their own record" in text(page)) == (form, 422, True)
    assert release(client, own).status_code == 422
    placed = {"place-seat": str(kept_back.pk), "place-why": "x", "place-accepted": "on"}
    assert client.post(f"/desk/people/{robin.public_id}/place/", placed).status_code == 409
    # Nor from the other's side of a swap.
    assert client.post(path(other, "swap"), {"other": own.public_id, "why": "x"}).status_code == 422
    assert set(Reservation.objects.values_list("pk", "state")) == {
        (own.pk, State.RESERVED),
        (other.pk, State.CONFIRMED),
    }


# -- releasing ---------------------------------------------------------------------------------------------------------
def test_a_hold_is_released_with_a_reason_and_its_seat_is_free(desk: Client, robin: User, moment: datetime) -> None:
    held = factories.reservation(now=moment)
    assert "Nothing has been paid, so nothing comes back." in text(desk.get(path(held, "release")))
    assert release(desk, held, why=" ").status_code == 422
    assert release(desk, held, why="They asked us to.").status_code == 302
    held.refresh_from_db()
    told = line("reservation-cancelled")
    assert (held.state, told.by, told.why) == (State.CANCELLED, robin, "They asked us to.")
    assert held.cohort.seats.filter(status=SeatStatus.FREE).count() == 12


@pytest.mark.parametrize(
    ("in_days", "cents", "words"),
    [
        (120, PRICE, "Everything is refundable until"),
        (45, PRICE - DEPOSIT, "The deposit was refundable until"),
        (20, 0, "Nothing is refundable any more"),
    ],
)
def test_the_page_says_what_comes_back_by_the_policy_and_so_it_does(
    desk: Client, anna: User, moment: datetime, in_days: int, cents: int, words: str
) -> None:
    own = paid(moment, anna, in_days=in_days)
    page = desk.get(path(own, "release"))
    assert (page.context["release"].by_policy.cents, words in text(page)) == (cents, True)
    assert page.context["release"].has_choice is (cents != PRICE)
    assert release(desk, own).status_code == 302
    assert sum(Refund.objects.values_list("amount_cents", flat=True)) == cents
    assert ledger.paid_cents(own) == PRICE - cents


def test_out_of_goodwill_all_of_it_comes_back(desk: Client, anna: User, moment: datetime) -> None:
    own = paid(moment, anna, in_days=20)
    answer = desk.get(release(desk, own, "all").headers["Location"])
    assert "$2,099 has gone back." in text(answer)
    assert [(each.rule, each.amount_cents) for each in Refund.objects.all()] == [("goodwill", PRICE)]
    assert "The school's goodwill" in text(answer)


def test_what_comes_back_by_bank_is_there_to_be_sent(desk: Client, anna: User, moment: datetime) -> None:
    own = factories.reservation(trainee=anna, now=moment)
    pay(own, Purpose.FULL, moment, "offline")
    answer = desk.get(release(desk, own).headers["Location"])
    assert "$2,099 must go back: send it, and record that below." in text(answer)
    assert answer.context["page"].to_send_cents == PRICE


def test_where_something_else_comes_back_by_now_nothing_is_done(desk: Client, anna: User, moment: datetime) -> None:
    own = factories.reservation(trainee=anna, now=moment)
    pay(own, Purpose.DEPOSIT, moment)
    page = release(desk, own, expected_cents="0", expected_all_cents="0")
    words = text(page)
    assert (page.status_code, "$500 would come back by now, not what was shown." in words) == (409, True)
    assert "They are ill." in page.content.decode()
    assert 'name="expected_cents" value="50000"' in page.content.decode()
    own.refresh_from_db()
    assert (own.state, Refund.objects.count()) == (State.RESERVED, 0)


def test_two_registrars_release_a_seat_once(desk: Client, anna: User, moment: datetime) -> None:
    own, colleague = paid(moment, anna), browser(Role.REGISTRAR)
    desk.get(path(own, "release"))
    assert release(colleague, own).status_code == 302
    given = {"expected_cents": str(PRICE), "expected_all_cents": str(PRICE), "back": "policy", "why": "x"}
    page = desk.post(path(own, "release"), given)
    assert (page.status_code, "is cancelled by now" in text(page)) == (409, True)
    assert (Refund.objects.count(), HistoryLine.objects.filter(what="reservation-cancelled").count()) == (1, 1)


def test_once_a_cohort_has_begun_nobody_releases_its_seats(desk: Client, anna: User, moment: datetime) -> None:
    past = moment - timedelta(days=60)
    own = paid(past, anna, in_days=60)
    assert own.cohort.starts_on == school_day(moment)
    page = desk.get(path(own, "release"))
    assert "The cohort has begun" in text(page)
    given = {"expected_cents": "0", "expected_all_cents": str(PRICE), "back": "policy", "why": "x"}
    assert desk.post(path(own, "release"), given).status_code == 409
    own.refresh_from_db()
    assert own.state == State.CONFIRMED


def test_a_released_seat_goes_to_the_line_at_once(desk: Client, anna: User, moment: datetime) -> None:
    own = paid(moment, anna, capacity=1)
    entry, _ = waiting.join(own.cohort, factories.trainee(), now=moment)
    release(desk, own)
    entry.refresh_from_db()
    assert entry.state == EntryState.OFFERED


# -- more time ---------------------------------------------------------------------------------------------------------
def test_a_balance_is_put_off_with_a_reason_until_the_first_day_at_the_latest(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    own = paid(moment, anna, purpose=Purpose.DEPOSIT)
    first = own.cohort.starts_on

    def put_off(day: date | str, why: str = "The bank is slow.") -> Any:
        return desk.post(path(own, "balance"), {"balance-until": str(day), "balance-why": why})

    for day in ("", "soon", own.balance_due_on, first + timedelta(days=1)):
        assert put_off(day).status_code == 422
    assert put_off(first, " ").status_code == 422
    assert put_off(first).status_code == 302
    own.refresh_from_db()
    told = line("balance-put-off")
    assert (own.balance_due_on, told.by, told.why) == (first, robin, "The bank is slow.")
    assert [each.due_at.astimezone(factories.LOS_ANGELES).date() for each in own.charges.filter(kind="balance")] == [
        first
    ]


def test_a_balance_that_is_overdue_is_not_put_off_to_a_day_that_is_over(
    desk: Client, anna: User, moment: datetime
) -> None:
    own = overdue(moment, anna)
    yesterday = school_day(moment) - timedelta(days=1)
    given = {"balance-until": str(yesterday), "balance-why": "x"}
    page = desk.post(path(own, "balance"), given)
    assert (page.status_code, "is over. Choose today or a later day." in text(page)) == (422, True)
    assert f'value="{yesterday}"' in page.content.decode()


def test_a_balance_that_nobody_owes_any_more_is_not_put_off(desk: Client, anna: User, moment: datetime) -> None:
    own = paid(moment, anna, purpose=Purpose.DEPOSIT)
    release(desk, own)
    given = {"balance-until": str(own.cohort.starts_on), "balance-why": "x"}
    page = desk.post(path(own, "balance"), given)
    assert (page.status_code, "is cancelled by now" in text(page)) == (409, True)


def test_a_promise_has_more_time_but_not_past_two_days_before_the_cohort(
    desk: Client, robin: User, moment: datetime
) -> None:
    cohort = factories.cohort(now=moment, terms_changed={"provisional_days": 30})
    own = factories.reservation(cohort=cohort, trainee=factories.trainee(lacking="on-set-days"), now=moment)
    assert own.provisional_until is not None
    assert (
        f"The seat is provisional: what the module asks for must be on record by {with_weekday(own.provisional_until)}"
        in text(desk.get(path(own)))
    )
    last = cohort.starts_on - timedelta(days=2)
    for day, status in ((own.provisional_until, 422), (cohort.starts_on, 422), (last, 302)):
        given = {"promise-until": str(day), "promise-why": "A shoot was postponed."}
        assert desk.post(path(own, "promise"), given).status_code == status
    own.refresh_from_db()
    told = line("promise-prolonged")
    assert (own.provisional_until, told.by, told.why) == (last, robin, "A shoot was postponed.")


def test_a_hold_waits_longer_with_a_reason(desk: Client, robin: User, moment: datetime) -> None:
    held = factories.reservation(now=moment)
    until = (moment + timedelta(days=1)).replace(second=0, microsecond=0)
    assert (
        desk.post(path(held, "longer"), {"longer-until": minutes(until), "longer-why": "A flight."}).status_code == 302
    )
    held.refresh_from_db()
    assert (held.held_until, line("hold-prolonged").by) == (until, robin)


# -- moving ------------------------------------------------------------------------------------------------------------
def test_someone_is_moved_with_a_reason_and_without_a_fee_and_their_money_comes_along(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    own = paid(moment, anna, in_days=40, purpose=Purpose.DEPOSIT)
    later = factories.cohort(now=moment, title="Summer")
    page = desk.get(path(own, "move"), {"to": later.code})
    shown = page.context["move"]
    assert "12 seats left" in text(page)
    assert (shown.kept_cents, shown.remaining_cents, shown.quote.balance_due_on) == (
        DEPOSIT,
        PRICE - DEPOSIT,
        later.starts_on - timedelta(days=30),
    )
    assert desk.post(path(own, "move"), {"to": later.code, "why": " "}).status_code == 422
    answer = desk.post(path(own, "move"), {"to": later.code, "why": "A new job."})
    new = Reservation.objects.get(cohort=later)
    assert (answer.status_code, answer.headers["Location"]) == (302, path(new))
    assert (new.state, new.fee_cents, ledger.paid_cents(new), new.balance_due_on) == (
        State.RESERVED,
        0,
        DEPOSIT,
        shown.quote.balance_due_on,
    )
    told = line("reservation-moved")
    assert (told.by, told.why) == (robin, "A new job.")


def test_the_school_moves_people_into_a_closed_cohort_too(desk: Client, anna: User, moment: datetime) -> None:
    own = paid(moment, anna)
    closed = factories.cohort(now=moment, status=CohortStatus.CLOSED)
    assert desk.post(path(own, "move"), {"to": closed.code, "why": "x"}).status_code == 302
    assert Reservation.objects.get(cohort=closed).state == State.CONFIRMED


@pytest.mark.parametrize("to", ["", "nowhere", "own", "past", "draft"])
def test_nobody_is_moved_to_a_cohort_that_is_none_to_come(desk: Client, anna: User, moment: datetime, to: str) -> None:
    own = paid(moment, anna)
    factories.cohort(now=moment)
    wanted = {
        "own": lambda: own.cohort.code,
        "past": lambda: factories.cohort(now=moment, starts_on=school_day(moment)).code,
        "draft": lambda: factories.cohort(now=moment, status=CohortStatus.DRAFT).code,
    }.get(to, lambda: to)()
    assert desk.post(path(own, "move"), {"to": wanted, "why": "x"}).status_code == 422
    assert desk.get(path(own, "move"), {"to": wanted}).status_code == 422
    assert Reservation.objects.count() == 1


def test_where_a_cohort_is_full_they_join_its_line_and_keep_their_seat(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    own = paid(moment, anna)
    full = paid(moment, factories.trainee(), capacity=1).cohort
    waiting.join(full, factories.trainee(), now=moment)
    page = desk.get(path(own, "move"), {"to": full.code})
    assert "It is full, and 1 person waits. Anna can join its line and keeps seat 1" in text(page)
    refused = desk.post(path(own, "move"), {"to": full.code, "why": "A new job."})
    assert (refused.status_code, "A new job." in refused.content.decode()) == (409, True)
    assert "Every seat of this cohort is taken or held" in text(refused)
    answer = desk.post(path(own, "wait"), {"to": full.code, "why": "A new job."}, follow=True)
    assert "at place 2, and keeps seat 1 here meanwhile." in text(answer)
    entry = WaitlistEntry.objects.get(trainee=anna)
    own.refresh_from_db()
    assert (waitlist.position(entry), own.state) == (2, State.CONFIRMED)
    told = HistoryLine.objects.get(what="line-joined", person=anna)
    assert (told.by, told.why) == (robin, "A new job.")
    again = desk.post(path(own, "wait"), {"to": full.code, "why": "A new job."}, follow=True)
    assert "waits for" in text(again)
    assert "already, at place 2." in text(again)
    assert "waits there at place 2" in text(desk.get(path(own, "move"), {"to": full.code}))


def test_nobody_is_put_in_line_where_a_seat_is_free(desk: Client, anna: User, moment: datetime) -> None:
    own, free = paid(moment, anna), factories.cohort(now=moment)
    page = desk.post(path(own, "wait"), {"to": free.code, "why": "A new job."})
    assert (page.status_code, "A seat is free there by now" in text(page)) == (409, True)
    assert "A new job." in page.content.decode()


def test_a_closed_and_full_cohort_has_no_line_to_join(desk: Client, anna: User, moment: datetime) -> None:
    own, full = paid(moment, anna), paid(moment, factories.trainee(), capacity=1).cohort
    Cohort.objects.filter(pk=full.pk).update(status=CohortStatus.CLOSED)
    assert "so it has no line to join" in text(desk.get(path(own, "move"), {"to": full.code}))
    assert desk.post(path(own, "wait"), {"to": full.code, "why": "x"}).status_code == 409


def test_who_lacks_something_for_the_other_cohort_is_not_moved(desk: Client, anna: User, moment: datetime) -> None:
    own, other = paid(moment, anna), factories.cohort(now=moment)
    anna.completions.filter(module__code="module-iii").delete()
    assert "Something is missing: Module III." in text(desk.get(path(own, "move"), {"to": other.code}))
    page = desk.post(path(own, "move"), {"to": other.code, "why": "x"})
    assert (page.status_code, "Something is missing: Module III." in text(page)) == (409, True)


def test_two_registrars_move_someone_once(desk: Client, anna: User, moment: datetime) -> None:
    own, summer, autumn = paid(moment, anna), factories.cohort(now=moment), factories.cohort(now=moment)
    assert browser(Role.REGISTRAR).post(path(own, "move"), {"to": summer.code, "why": "x"}).status_code == 302
    page = desk.post(path(own, "move"), {"to": autumn.code, "why": "x"})
    assert (page.status_code, "is moved to another cohort by now" in text(page)) == (409, True)
    assert Reservation.objects.filter(trainee=anna, state=State.CONFIRMED).count() == 1


def test_whom_the_school_let_down_is_moved_on_with_all_their_money(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    own, other = paid(moment, anna), factories.cohort(now=moment)
    calling_off.call_off(own.cohort, by=robin, now=moment, why="The venue burned down.")
    own.refresh_from_db()
    assert "may choose until" in text(desk.get(path(own)))
    assert "Move to another cohort" in text(desk.get(path(own)))
    assert desk.post(path(own, "move"), {"to": other.code, "why": "They chose it."}).status_code == 302
    assert ledger.paid_cents(Reservation.objects.get(cohort=other)) == PRICE
    assert "may choose until" not in text(desk.get(path(own)))


# -- after a move ------------------------------------------------------------------------------------------------------
def test_both_pages_of_a_move_lead_to_each_other_and_earlier_payments_are_shown(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    own, other = paid(moment, anna, purpose=Purpose.DEPOSIT), factories.cohort(now=moment)
    new = moving.move(own, other, now=moment, by=robin, why="x")
    before, after = desk.get(path(own)), desk.get(path(new))
    assert before.context["page"].moved_to == new
    assert f'href="{path(new)}"' in before.content.decode()
    assert f'href="{path(own)}"' in after.content.decode()
    assert [(each.payment.amount_cents, each.before) for each in after.context["page"].payments] == [
        (DEPOSIT, own.cohort)
    ]
    assert (before.context["page"].remaining_cents, after.context["page"].paid_cents) == (0, DEPOSIT)
    assert "transfer" not in before.context["page"].forms


def test_a_transfer_recorded_on_the_old_page_counts_for_the_new_seat(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    own, other = paid(moment, anna, purpose=Purpose.DEPOSIT), factories.cohort(now=moment)
    new = moving.move(own, other, now=moment, by=robin, why="x")
    given = {"transfer-amount": "1599", "transfer-reference": "WIRE-9"}
    answer = desk.post(path(own, "transfer"), given)
    assert (answer.status_code, answer.headers["Location"]) == (302, path(new))
    assert f"$1,599 is recorded for their seat in {other}" in text(desk.get(path(new)))
    new.refresh_from_db()
    assert (new.state, ledger.paid_cents(new), ledger.paid_cents(own)) == (State.CONFIRMED, PRICE, 0)


def test_a_refund_in_parts_across_a_move_is_recorded_part_by_part(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    own = factories.reservation(trainee=anna, now=moment)
    pay(own, Purpose.DEPOSIT, moment, "offline")
    new = moving.move(own, factories.cohort(now=moment), now=moment, by=robin, why="x")
    pay(new, Purpose.BALANCE, moment, "offline")
    release(desk, new)
    parts = list(Refund.objects.order_by("-amount_cents"))
    assert [each.amount_cents for each in parts] == [PRICE - DEPOSIT, DEPOSIT]
    shown = text(desk.get(path(new)))
    for words in ("Record that the refund was sent: $1,599", "Record that the refund was sent: $500"):
        assert words in shown
    for each in parts:
        given = {f"refund-{each.public_id}-reference": f"BACK-{each.pk}"}
        assert desk.post(path(new, f"refunds/{each.public_id}"), given).status_code == 302
    assert ledger.paid_cents(new) == 0


def test_what_was_carried_is_in_the_journal_in_words(desk: Client, robin: User, anna: User, moment: datetime) -> None:
    own = paid(moment, anna)
    moving.move(own, factories.cohort(now=moment), now=moment, by=robin, why="x")
    page = desk.get("/desk/money/journal/")
    words = text(page)
    assert ("Carried to another cohort from" in words, "Carried from another cohort to" in words) == (True, True)
    assert page.context["debit_cents"] == page.context["credit_cents"]


def test_an_offer_owes_nothing_and_is_nobodys_to_move(desk: Client, anna: User, moment: datetime) -> None:
    own = paid(moment, factories.trainee(), capacity=1)
    waiting.join(own.cohort, anna, now=moment)
    release(desk, own)
    offer = Reservation.objects.get(trainee=anna)
    shown = desk.get(path(offer)).context["page"]
    assert (shown.state, shown.forms, shown.moves) == (State.OFFERED, {}, frozenset())
    given = {"expected_cents": "0", "expected_all_cents": "0", "back": "policy", "why": "x"}
    assert desk.post(path(offer, "release"), given).status_code == 409
    assert desk.post(path(offer, "move"), {"to": factories.cohort(now=moment).code, "why": "x"}).status_code == 409


# -- swapping ----------------------------------------------------------------------------------------------------------
def test_two_people_change_places_for_one_reason(desk: Client, robin: User, anna: User, moment: datetime) -> None:
    own, other = paid(moment, anna), paid(moment, factories.trainee(name="Ben"), purpose=Purpose.DEPOSIT)
    page = desk.get(path(own, "swap"), {"other": other.public_id})
    assert [(half.reservation, half.cohort, half.remaining_cents, half.lacks) for half in page.context["halves"]] == [
        (own, other.cohort, 0, ""),
        (other, own.cohort, PRICE - DEPOSIT, ""),
    ]
    assert desk.post(path(own, "swap"), {"other": other.public_id, "why": ""}).status_code == 422
    answer = desk.post(path(own, "swap"), {"other": other.public_id, "why": "Both asked."})
    mine = Reservation.objects.get(moved_from=own)
    theirs = Reservation.objects.get(moved_from=other)
    assert answer.headers["Location"] == path(mine)
    assert (mine.cohort, mine.seat_number, theirs.cohort, theirs.seat_number) == (other.cohort, 1, own.cohort, 1)
    assert (mine.state, theirs.state) == (State.CONFIRMED, State.RESERVED)
    lines = HistoryLine.objects.filter(what="reservation-moved")
    assert {(each.by, each.why) for each in lines} == {(robin, "Both asked.")}


def test_a_swap_says_who_lacks_what(desk: Client, anna: User, moment: datetime) -> None:
    ben = factories.trainee(name="Ben")
    own, other = paid(moment, anna), paid(moment, ben)
    ben.completions.filter(module__code="module-ii").delete()
    assert "Module II" in text(desk.get(path(own, "swap"), {"other": other.public_id}))
    page = desk.post(path(own, "swap"), {"other": other.public_id, "why": "Both asked."})
    assert (page.status_code, f"Ben lacks for {own.cohort}: Module II." in text(page)) == (409, True)
    assert "Both asked." in page.content.decode()
    assert not Reservation.objects.filter(state=State.TRANSFERRED).exists()


def test_nobody_swaps_with_someone_who_has_no_seat_elsewhere(desk: Client, anna: User, moment: datetime) -> None:
    own = paid(moment, anna)
    same = factories.reservation(cohort=own.cohort, now=moment)
    ended = paid(moment, factories.trainee())
    cancelling.cancel(ended, now=moment, by=ended.trainee)
    somebody = paid(moment, factories.trainee())
    assert [each.reservation for each in desk.get(path(own, "swap")).context["partners"]] == [somebody]
    for other in ("", "nobody", own.public_id, same.public_id, ended.public_id):
        assert desk.post(path(own, "swap"), {"other": other, "why": "x"}).status_code == 422
    assert not Reservation.objects.filter(state=State.TRANSFERRED).exists()


def test_two_registrars_swap_someone_once(desk: Client, anna: User, moment: datetime) -> None:
    own, ben, cleo = (paid(moment, trainee) for trainee in (anna, factories.trainee(), factories.trainee()))
    given = {"other": cleo.public_id, "why": "x"}
    assert browser(Role.REGISTRAR).post(path(own, "swap"), {"other": ben.public_id, "why": "x"}).status_code == 302
    page = desk.post(path(own, "swap"), given)
    assert (page.status_code, "moved to another cohort" in text(page)) == (409, True)
    cleo.refresh_from_db()
    assert cleo.state == State.CONFIRMED


# -- a fee -------------------------------------------------------------------------------------------------------------
def moved_late(moment: datetime, trainee: User, to: Cohort) -> Reservation:
    """Someone who moved when moving was not free any more, and owes the fee."""
    terms = {"moving_free_days": 100, "moving_until_days": 10, "moving_fee_cents": 2_500}
    return moving.move(paid(moment, trainee, in_days=70, terms_changed=terms), to, now=moment, by=trainee)


def test_a_fee_is_a_charge_and_part_of_what_remains(desk: Client, anna: User, moment: datetime) -> None:
    own = moved_late(moment, anna, factories.cohort(now=moment))
    page = desk.get(path(own))
    assert [
        (each.charge.kind, each.charge.amount_cents)
        for each in page.context["page"].charges
        if each.charge.kind == "fee"
    ] == [("fee", 2_500)]
    assert page.context["page"].remaining_cents == 2_500
    listed = desk.get("/desk/money/by-reservation/")
    assert [each.remaining_cents for each in listed.context["page"]] == [2_500]
    assert "and a fee of $25" in text(listed)


def test_a_fee_that_is_owed_is_waived_with_a_reason(desk: Client, robin: User, anna: User, moment: datetime) -> None:
    own = moved_late(moment, anna, factories.cohort(now=moment))
    assert desk.post(path(own, "fee"), {"fee-why": " "}).status_code == 422
    assert desk.post(path(own, "fee"), {"fee-why": "A death in the family."}).status_code == 302
    own.refresh_from_db()
    told = line("fee-waived")
    assert (own.fee_cents, own.state, Refund.objects.count()) == (0, State.CONFIRMED, 0)
    assert (told.by, told.why) == (robin, "A death in the family.")
    page = desk.post(path(own, "fee"), {"fee-why": "Again."})
    assert page.status_code == 409


def test_of_a_fee_that_was_paid_the_money_goes_back(desk: Client, anna: User, moment: datetime) -> None:
    own = moved_late(moment, anna, factories.cohort(now=moment))
    pay(own, Purpose.BALANCE, moment, "offline")
    answer = desk.post(path(own, "fee"), {"fee-why": "x"}, follow=True)
    assert "The fee is waived. $25 must go back" in text(answer)
    listed = desk.get("/desk/money/needs-a-person/").context["lists"]["refunds"]
    assert [(each.refund.amount_cents, each.why) for each in listed] == [(2_500, "The fee was waived")]
    own.refresh_from_db()
    assert ledger.kept_cents(own) == PRICE == own.owed_cents


# -- placing, and the line ---------------------------------------------------------------------------------------------
def place(desk: Client, someone: User, seat: object, why: str = "A colleague's place.", accepted: str = "on") -> Any:
    given = {"place-seat": str(seat), "place-why": why, "place-accepted": accepted}
    return desk.post(f"/desk/people/{someone.public_id}/place/", given)


def test_a_seat_that_is_kept_back_is_given_past_the_line_with_a_reason(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    cohort = factories.cohort(now=moment, capacity=2)
    seats.keep_back(cohort.pk, 2, now=moment)
    factories.reservation(cohort=cohort, now=moment)
    waits, _ = waiting.join(cohort, factories.trainee(), now=moment)
    kept = cohort.seats.get(number=2)
    assert f"Seat 2 of {cohort}" in text(desk.get(f"/desk/people/{anna.public_id}/"))
    for why, accepted in ((" ", "on"), ("x", "")):
        assert place(desk, anna, kept.pk, why, accepted).status_code == 422
    answer = place(desk, anna, kept.pk)
    made = Reservation.objects.get(trainee=anna)
    assert (answer.status_code, answer.headers["Location"]) == (302, path(made))
    assert (made.seat_number, made.state) == (2, State.HELD)
    told = HistoryLine.objects.get(what="reservation-held", person=anna)
    assert (told.by, told.why) == (robin, "A colleague's place.")
    waits.refresh_from_db()
    assert waits.state == EntryState.WAITING


def test_a_seat_that_is_not_kept_back_is_not_given_past_the_line(desk: Client, anna: User, moment: datetime) -> None:
    cohort = factories.cohort(now=moment)
    for seat in (cohort.seats.get(number=3).pk, "", "x", 0):
        assert place(desk, anna, seat).status_code == 422
    assert "Give them a seat that is kept back" not in text(desk.get(f"/desk/people/{anna.public_id}/"))
    assert not Reservation.objects.exists()


def test_a_seat_is_not_placed_for_someone_who_lacks_something_or_has_one(desk: Client, moment: datetime) -> None:
    cohort = factories.cohort(now=moment)
    seats.keep_back(cohort.pk, 2, now=moment)
    kept = cohort.seats.get(number=2).pk
    lacking, seated = factories.trainee(lacking="module-iii"), factories.reservation(now=moment).trainee
    for someone, words in ((lacking, "Something is missing: Module III."), (seated, "They have a seat already")):
        page = place(desk, someone, kept)
        assert (page.status_code, words in text(page)) == (409, True)


def test_two_registrars_give_a_seat_that_is_kept_back_once(desk: Client, anna: User, moment: datetime) -> None:
    cohort = factories.cohort(now=moment)
    seats.keep_back(cohort.pk, 2, now=moment)
    kept = cohort.seats.get(number=2)
    assert place(browser(Role.REGISTRAR), anna, kept.pk).status_code == 302
    page = place(desk, factories.trainee(), kept.pk)
    assert (page.status_code, "is not kept back any more" in text(page)) == (422, True)
    assert Reservation.objects.count() == 1


def test_reserving_for_someone_keeps_to_the_line_and_offers_it_when_full(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    full = paid(moment, factories.trainee(), capacity=1).cohort
    address = f"/desk/people/{anna.public_id}"
    given = {"reserve-cohort": str(full.pk), "reserve-accepted": "on", "reserve-why": "By telephone."}
    page = desk.post(f"{address}/reserve/", given)
    assert (page.status_code, "Add them to the line below." in text(page)) == (409, True)
    assert '<details class="add" id="form-line" open>' in page.content.decode()
    assert page.context["page"].forms["line"]["cohort"].value() == full.pk
    assert desk.post(f"{address}/line/", {"line-cohort": str(full.pk), "line-why": ""}).status_code == 422
    answer = desk.post(f"{address}/line/", {"line-cohort": str(full.pk), "line-why": "By telephone."}, follow=True)
    assert f"Anna waits for {full}, at place 1." in text(answer)
    told = line("line-joined")
    assert (told.by, told.why) == (robin, "By telephone.")


def test_nobody_is_added_to_a_line_where_a_seat_is_free(desk: Client, anna: User, moment: datetime) -> None:
    free = factories.cohort(now=moment)
    page = desk.post(f"/desk/people/{anna.public_id}/line/", {"line-cohort": str(free.pk), "line-why": "By telephone."})
    assert (page.status_code, "so nobody needs to wait" in text(page)) == (409, True)
    assert "By telephone." in page.content.decode()


# -- where a decision is due -------------------------------------------------------------------------------------------
def overdue(moment: datetime, trainee: User) -> Reservation:
    """A seat whose balance has not come, with ten days to go to the cohort."""
    return paid(moment - timedelta(days=100), trainee, in_days=110, purpose=Purpose.DEPOSIT)


def test_whose_grace_is_over_is_listed_first_with_both_ways_at_hand(desk: Client, anna: User, moment: datetime) -> None:
    own = overdue(moment, anna)
    assert lapses.overdue_past_grace(moment) == [own]
    page = desk.get("/desk/money/needs-a-person/")
    assert [(each.reservation, each.due.amount_cents) for each in page.context["lists"]["past_grace"]] == [
        (own, PRICE - DEPOSIT)
    ]
    html = page.content.decode()
    assert "Grace is over: decide" in html
    assert (f'href="{path(own)}?open=balance#form-balance"' in html, f'href="{path(own, "release")}"' in html) == (
        True,
        True,
    )
    assert '<details class="add" id="form-balance" open>' in desk.get(path(own), {"open": "balance"}).content.decode()


def test_the_bookkeeper_sees_whose_grace_is_over_and_decides_nothing(anna: User, moment: datetime) -> None:
    own, books = overdue(moment, anna), browser(Role.BOOKKEEPER)
    html = books.get("/desk/money/needs-a-person/").content.decode()
    assert ("Grace is over" in html, path(own, "release") in html, "form-balance" in html) == (True, False, False)
    assert "What you can decide" not in text(books.get(path(own), {"open": "balance"}))


# -- words -------------------------------------------------------------------------------------------------------------
def test_every_rule_by_which_money_goes_back_is_told_in_words() -> None:
    assert set(refunds.Rule.__args__) <= set(WHY)  # type: ignore[attr-defined]
