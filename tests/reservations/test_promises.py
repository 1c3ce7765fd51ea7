"""The money terms in words: only what can still matter, and never more than comes true."""

from datetime import timedelta

from booking.reservations.promises import promises
from tests.factories import NOW
from workshops.clock import school_day, with_weekday
from workshops.programme.terms import Terms

START = school_day(NOW) + timedelta(days=100)


def said(terms: Terms, ahead: int, **known: object) -> list[tuple[str, str]]:
    """The promises about a cohort, so many days before its first."""
    made = promises(START, terms, START - timedelta(days=ahead), **known)  # type: ignore[arg-type]
    return [(each.when, each.what) for each in made]


def on(days: int) -> str:
    return with_weekday(START - timedelta(days=days))


def test_by_default_moving_is_free_until_its_last_day_and_not_mentioned_after_it() -> None:
    assert (f"Move until {on(30)}", "Changing to another cohort is free.") in said(Terms(), 30)
    assert not [when for when, _ in said(Terms(), 29) if when.startswith("Move")]


def test_a_fee_for_moving_is_named_between_its_two_days() -> None:
    terms = Terms(moving_free_days=60, moving_until_days=20, moving_fee_cents=7_500)
    free, costs = (
        (f"Move until {on(60)}", "Changing to another cohort is free."),
        (
            f"Move until {on(20)}",
            "Changing to another cohort costs $75.",
        ),
    )
    found = {ahead: [each for each in said(terms, ahead) if each in (free, costs)] for ahead in (60, 59, 20, 19)}
    assert found == {60: [free, costs], 59: [costs], 20: [costs], 19: []}


def test_without_a_fee_the_day_until_which_moving_is_free_is_the_last_day_to_move() -> None:
    terms = Terms(moving_free_days=60, moving_until_days=20)
    assert [when for when, _ in said(terms, 50) if when.startswith("Move")] == [f"Move until {on(20)}"]


def test_how_long_one_may_choose_when_the_school_cancels_is_part_of_the_promise() -> None:
    assert "you have 14 days to choose" in said(Terms(), 90)[-1][1]
    assert "you have one day to choose" in said(Terms(choice_days=1), 90)[-1][1]


def test_whether_the_seat_is_released_by_itself_when_the_balance_is_late_is_said() -> None:
    waits = "The school writes to you and waits 7 days. Then"
    late = {
        by_itself: dict(said(Terms(release_overdue=by_itself), 90))["If the balance is late"]
        for by_itself in (False, True)
    }
    assert late[False] == f"{waits} it decides about the seat."
    assert late[True].startswith(f"{waits} the seat is released by itself")
    assert "If the balance is late" not in dict(said(Terms(), 90, is_owed=False))


def test_dates_that_have_passed_are_not_promised() -> None:
    assert [when for when, _ in said(Terms(), 59)][:2] == [f"Cancel until {on(30)}", "Cancel later"]
    assert said(Terms(), 29)[0][0] == "If you cancel"


def test_a_deposit_that_comes_back_longer_than_the_rest_leaves_one_date() -> None:
    terms = Terms(deposit_refundable_days=20, rest_refundable_days=40)
    assert [when for when, _ in said(terms, 90)][:2] == [f"Cancel until {on(20)}", "Cancel later"]


def test_what_does_not_come_back_after_a_move_is_never_promised() -> None:
    assert said(Terms(), 90, stays_cents=50_000)[0][1] == "What you have paid comes back, but for $500."
