"""One person's page: their whole standing, and every form on it."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.reservations.models import Reservation, State
from tests import factories
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.people.models import Role, RoleGrant, User
from workshops.prerequisites.models import Access, Completion, Entitlement, Waiver
from workshops.prerequisites.records.models import OnSetRecord
from workshops.programme.models import Module

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
DAYS = {
    "days-dates": "2026-03-02\n\n2026-03-04 to 2026-03-06\n2026-03-06",
    "days-production": "The Long Take",
    "days-role": "Costume",
    "days-proof": "Call sheets",
}
WAIVER = {
    "waiver-requirement": "on-set-days",
    "waiver-reason": "A letter from the union.",
    "waiver-cohort": "",
    "waiver-until": "",
}
TODAY = school_day(now())


@pytest.fixture
def anna() -> User:
    """A trainee about whom nothing is known yet."""
    return factories.person(Role.TRAINEE, name="Anna", email="anna@example.org")


def module(code: str) -> Module:
    return Module.objects.get(code=code)


def post(desk: Client, person: User, form: str, given: dict[str, Any] | None = None) -> Any:
    return desk.post(f"/desk/people/{person.public_id}/{form}/", given or {})


def told(person: User) -> list[str]:
    return list(HistoryLine.objects.filter(person=person).values_list("what", flat=True))


FORMS = [
    "role",
    "completion",
    "access",
    "entitlement",
    "take-back",
    "days",
    "waiver",
    "accepted-before",
    "audit",
    "audit/end",
    "reserve",
    "line",
    "place",
]


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
def test_a_persons_page_and_its_forms_are_for_the_registrar(role: Role, anna: User) -> None:
    other = browser(role)
    assert other.get(f"/desk/people/{anna.public_id}/").status_code == 403
    assert {post(other, anna, form).status_code for form in FORMS} == {403}


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
def test_a_profile_and_a_history_are_for_the_registrar(role: Role, anna: User) -> None:
    other = browser(role)
    for page in ("profile", "history"):
        assert other.get(f"/desk/people/{anna.public_id}/{page}/").status_code == 403
    assert other.post(f"/desk/people/{anna.public_id}/profile/").status_code == 403


def test_someone_who_does_not_exist_is_not_found(desk: Client) -> None:
    assert {desk.get(f"/desk/people/nobody/{page}/").status_code for page in ("profile", "history")} == {404}
    assert desk.get("/desk/people/nobody/").status_code == 404
    assert {desk.post(f"/desk/people/nobody/{form}/").status_code for form in FORMS} == {404}


@pytest.mark.parametrize("form", [form for form in FORMS if form != "role"])
def test_an_empty_form_comes_back_with_what_is_missing(desk: Client, anna: User, form: str) -> None:
    page = post(desk, anna, form)
    assert (page.status_code, "Nothing was changed" in text(page)) == (422, True)


def test_a_get_changes_nothing(desk: Client, anna: User) -> None:
    assert {desk.get(f"/desk/people/{anna.public_id}/{form}/").status_code for form in FORMS} == {405}


def test_the_page_says_what_the_one_check_says(desk: Client) -> None:
    ben = factories.trainee(lacking="on-set-days")
    page = desk.get(f"/desk/people/{ben.public_id}/")
    standing = page.context["page"].standing
    assert [(outcome.code, outcome.met) for outcome in standing.requirements] == [
        ("module-i", True),
        ("module-ii", True),
        ("on-set-days", False),
        ("module-iii", True),
    ]
    assert "7 of 10 days accepted, 3 to go" in text(page)


def test_the_page_takes_the_same_number_of_statements_however_much_is_known(desk: Client, anna: User) -> None:
    def more(code: str, production: str) -> None:
        factories.finish(anna, code)
        factories.give_access(anna, code, date(2026, 1, 5))
        post(desk, anna, "days", {**DAYS, "days-production": production})
        post(desk, anna, "waiver", WAIVER)

    more("module-i", "One")
    path = f"/desk/people/{anna.public_id}/"
    for_one = statements(desk, path)
    more("module-ii", "Two")
    more("module-iii", "Three")
    assert statements(desk, path) == for_one


# -- modules -----------------------------------------------------------------------------------------------------------
def dated(form: str, on: str, why: str = "", code: str = "module-ii") -> dict[str, Any]:
    return {f"{form}-module": module(code).pk, f"{form}-on": on, f"{form}-why": why}


@pytest.mark.parametrize(
    ("form", "model", "field"), [("completion", Completion, "completed_on"), ("access", Access, "granted_on")]
)
def test_a_date_is_recorded_once_and_corrected_only_with_a_reason(
    desk: Client, anna: User, robin: User, form: str, model: Any, field: str
) -> None:
    assert post(desk, anna, form, dated(form, "2026-03-02")).status_code == 302
    assert post(desk, anna, form, dated(form, "2026-03-02")).status_code == 302
    refused = post(desk, anna, form, dated(form, "2026-03-05"))
    assert (refused.status_code, getattr(model.objects.get(user=anna), field)) == (422, date(2026, 3, 2))
    assert "The record says 2 March 2026" in text(refused)
    assert 'value="2026-03-05"' in refused.content.decode()
    assert post(desk, anna, form, dated(form, "2026-03-05", "A slip of the pen.")).status_code == 302
    fact = model.objects.get(user=anna)
    assert (getattr(fact, field), fact.recorded_by) == (date(2026, 3, 5), robin)
    assert told(anna) == [f"{form}-recorded", f"{form}-corrected"]


@pytest.mark.parametrize("on", ["", "yesterday", "2026-02-30", str(TODAY + timedelta(days=1)), "0000-00-00"])
def test_a_date_that_cannot_be_is_refused(desk: Client, anna: User, on: str) -> None:
    assert post(desk, anna, "completion", dated("completion", on)).status_code == 422
    assert Completion.objects.count() == 0


def test_a_module_that_does_not_exist_is_refused(desk: Client, anna: User) -> None:
    given = {**dated("completion", "2026-03-02"), "completion-module": "999"}
    assert post(desk, anna, "completion", given).status_code == 422


def test_a_module_paid_elsewhere_is_recorded_once(desk: Client, anna: User) -> None:
    given = {"entitlement-module": module("module-iv").pk, "entitlement-source": "Complete Package, order 1042"}
    assert [post(desk, anna, "entitlement", given).status_code for _ in range(2)] == [302, 302]
    assert Entitlement.objects.get(user=anna).source == "Complete Package, order 1042"
    assert told(anna) == ["entitlement-recorded"]


# -- days on set -------------------------------------------------------------------------------------------------------
def test_pasted_dates_and_ranges_are_accepted_each_day_once(desk: Client, anna: User, robin: User) -> None:
    assert post(desk, anna, "days", DAYS).status_code == 302
    record = OnSetRecord.objects.get(user=anna)
    assert [each.day.day for each in record.days.all()] == [2, 4, 5, 6]
    assert (record.production, record.role, record.proof, record.decided_by) == (
        "The Long Take",
        "Costume",
        "Call sheets",
        robin,
    )
    shown = desk.get(f"/desk/people/{anna.public_id}/").context["page"].on_set[0]
    assert shown.days == ("2 March 2026", "4 to 6 March 2026")


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        ("", "This field is required."),
        ("   \n ", "This field is required."),
        ("13/03/2026", "Line 1, “13/03/2026”: there is no month 13."),
        ("2026-03-02\nsoon", "Line 2, “soon”: this is not a date."),
        ("2026-03-06 to 2026-03-02", "2 March 2026 is before 6 March 2026."),
        ("2026-03-02 to", "Line 1, “to”: this is not a date."),
        ("2020-01-01 to 2026-01-01", "This is more than a year of days in a row."),
        (str(TODAY + timedelta(days=3)), "has not come yet."),
        ("\n".join(f"{year}-01-01 to {year}-12-30" for year in (2021, 2022, 2023)), "more than 400 days."),
    ],
)
def test_dates_that_cannot_be_are_named_line_by_line(desk: Client, anna: User, dates: str, words: str) -> None:
    page = post(desk, anna, "days", {**DAYS, "days-dates": dates})
    assert (page.status_code, OnSetRecord.objects.count(), words in text(page)) == (422, 0, True)
    assert "Call sheets" in page.content.decode()


def test_dates_are_read_as_trainees_write_them(desk: Client, anna: User) -> None:
    typed = "2 March 2026\nMar 4-6, 2026, 2026-03-09; 3/10/2026"
    assert post(desk, anna, "days", {**DAYS, "days-dates": typed}).status_code == 302
    assert [each.day.day for each in OnSetRecord.objects.get(user=anna).days.all()] == [2, 4, 5, 6, 9, 10]


@pytest.mark.parametrize("field", ["days-production", "days-proof"])
def test_days_need_a_production_and_the_proof_that_was_seen(desk: Client, anna: User, field: str) -> None:
    assert post(desk, anna, "days", {**DAYS, field: " "}).status_code == 422
    assert OnSetRecord.objects.count() == 0


def test_accepted_days_are_taken_back_with_a_reason(desk: Client, anna: User) -> None:
    record = factories.prove_days(anna, 3)
    back = f"days/{record.pk}/take-back"
    assert post(desk, anna, back).status_code == 422
    assert post(desk, anna, back, {f"days-{record.pk}-why": "The sheets were another person's."}).status_code == 302
    record.refresh_from_db()
    assert (record.state, told(anna)) == ("withdrawn", ["days-taken-back"])


def test_another_persons_record_is_not_found_on_this_page(desk: Client, anna: User) -> None:
    record = factories.prove_days(factories.person(Role.TRAINEE), 3)
    assert post(desk, anna, f"days/{record.pk}/take-back").status_code == 404


# -- exceptions --------------------------------------------------------------------------------------------------------
def test_an_exception_is_made_for_one_cohort_and_taken_back(desk: Client, anna: User) -> None:
    spring = factories.cohort(now=now())
    assert post(desk, anna, "waiver", {**WAIVER, "waiver-cohort": spring.pk}).status_code == 302
    given = Waiver.objects.get(user=anna)
    assert (given.requirement, given.kind, given.cohort, given.until) == ("on-set-days", "waiver", spring, None)
    assert post(desk, anna, f"waiver/{given.pk}/take-back").status_code == 422
    back = {f"waiver-{given.pk}-why": "It was meant for someone else."}
    assert post(desk, anna, f"waiver/{given.pk}/take-back", back).status_code == 302
    assert told(anna) == ["waiver-given", "waiver-taken-back"]
    shown = desk.get(f"/desk/people/{anna.public_id}/").context["page"].waivers
    assert [(each.holds, each.take_back) for each in shown] == [(False, None)]


def test_an_exception_may_end_on_a_day(desk: Client, anna: User) -> None:
    assert post(desk, anna, "waiver", {**WAIVER, "waiver-until": str(TODAY)}).status_code == 302
    assert Waiver.objects.get(user=anna).until == TODAY


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("waiver-requirement", "patience"),
        ("waiver-reason", "  "),
        ("waiver-cohort", "999"),
        ("waiver-until", str(TODAY - timedelta(days=1))),
        ("waiver-until", "soon"),
    ],
)
def test_an_exception_that_cannot_be_is_refused(desk: Client, anna: User, field: str, value: str) -> None:
    assert post(desk, anna, "waiver", {**WAIVER, field: value}).status_code == 422
    assert Waiver.objects.count() == 0


def test_what_was_accepted_before_counts_and_says_so(desk: Client, anna: User) -> None:
    given = {"before-requirement": "on-set-days", "before-reason": "14 days, accepted in May 2024."}
    assert post(desk, anna, "accepted-before", given).status_code == 302
    assert Waiver.objects.get(user=anna).kind == "before"
    assert "Accepted by the school before this system existed." in text(desk.get(f"/desk/people/{anna.public_id}/"))


def test_another_persons_exception_is_not_found_on_this_page(desk: Client, anna: User) -> None:
    post(desk, anna, "waiver", WAIVER)
    other = factories.person(Role.TRAINEE)
    assert post(desk, other, f"waiver/{Waiver.objects.get().pk}/take-back").status_code == 404


# -- their own record --------------------------------------------------------------------------------------------------
def test_nobody_decides_about_their_own_record(desk: Client, robin: User) -> None:
    record, finished = factories.prove_days(robin, 3), factories.finish(robin, "module-i")
    spring = factories.cohort(now=now())
    decisions: dict[str, dict[str, Any]] = {
        "completion": dated("completion", "2026-03-02"),
        "access": dated("access", "2026-03-02"),
        "entitlement": {"entitlement-module": module("module-iv").pk, "entitlement-source": "Package"},
        "days": DAYS,
        f"days/{record.pk}/take-back": {f"days-{record.pk}-why": "x"},
        "take-back": {"fact-fact": f"completion-{finished.pk}", "fact-why": "x"},
        "audit": {"audit-why": "x"},
        "audit/end": {"audit-why": "x"},
        "waiver": WAIVER,
        "accepted-before": {"before-requirement": "on-set-days", "before-reason": "x"},
        "reserve": {"reserve-cohort": spring.pk, "reserve-accepted": "on", "reserve-why": "By telephone."},
    }
    answers = {form: post(desk, robin, form, given).status_code for form, given in decisions.items()}
    assert answers == {**dict.fromkeys(decisions, 422), "reserve": 409}
    assert told(robin) == []
    assert Reservation.objects.count() == 0


# -- accounts ----------------------------------------------------------------------------------------------------------
def test_roles_are_given_and_taken(desk: Client, anna: User) -> None:
    post(desk, anna, "role", {"role": "mentor", "verb": "give"})
    post(desk, anna, "role", {"role": "mentor", "verb": "give"})
    post(desk, anna, "role", {"role": "trainee", "verb": "take"})
    assert User.objects.get(pk=anna.pk).roles == {Role.MENTOR}
    assert told(anna) == ["role-granted", "role-withdrawn"]


@pytest.mark.parametrize("given", [{}, {"role": "emperor", "verb": "give"}, {"role": "mentor", "verb": "lend"}])
def test_a_role_that_does_not_exist_is_refused(desk: Client, anna: User, given: dict[str, str]) -> None:
    assert post(desk, anna, "role", given).status_code == 422
    assert User.objects.get(pk=anna.pk).roles == {Role.TRAINEE}


def test_the_last_registrar_cannot_leave_the_desk_empty(desk: Client, robin: User) -> None:
    closed = factories.person(Role.REGISTRAR)
    User.objects.filter(pk=closed.pk).update(is_active=False)
    page = post(desk, robin, "role", {"role": "registrar", "verb": "take"})
    assert (page.status_code, User.objects.get(pk=robin.pk).is_registrar) == (422, True)
    assert "Nobody would be left to run the desk." in text(page)


def test_a_registrar_may_leave_when_another_is_there(desk: Client, robin: User) -> None:
    factories.person(Role.REGISTRAR)
    post(desk, robin, "role", {"role": "registrar", "verb": "take"})
    assert RoleGrant.objects.filter(user=robin).count() == 0


def test_a_profile_is_corrected_and_the_history_says_by_whom(desk: Client, anna: User, robin: User) -> None:
    given = {f"profile-{field}": value for field, value in {"name": "Anna Bell", "phone": "+1 213 555 0147"}.items()}
    assert post(desk, anna, "profile", given).status_code == 302
    anna.refresh_from_db()
    line = HistoryLine.objects.get(person=anna)
    assert (anna.name, line.what, line.by, line.facts["fields"]) == (
        "Anna Bell",
        "profile-changed",
        robin,
        "name, phone",
    )


def test_a_profile_that_cannot_be_is_refused_and_keeps_what_was_typed(desk: Client, anna: User) -> None:
    page = post(desk, anna, "profile", {"profile-name": "Anna Bell", "profile-phone": "call me"})
    assert (page.status_code, str(page.context["person"])) == (422, "Anna")
    assert 'value="call me"' in page.content.decode()
    assert post(desk, anna, "profile").status_code == 422


def test_the_long_lists_of_the_profile_are_on_a_page_of_their_own(desk: Client, anna: User) -> None:
    form = desk.get(f"/desk/people/{anna.public_id}/profile/")
    assert (form.status_code, "Europe/Vienna" in form.content.decode()) == (200, True)
    page = desk.get(f"/desk/people/{anna.public_id}/").content.decode()
    assert "Europe/Vienna" not in page
    assert f'href="/desk/people/{anna.public_id}/profile/"' in page


# -- a seat on their behalf --------------------------------------------------------------------------------------------
def reserve(desk: Client, person: User, cohort_id: int, accepted: str = "on", why: str = "By telephone.") -> Any:
    given = {"reserve-cohort": cohort_id, "reserve-accepted": accepted, "reserve-why": why}
    return post(desk, person, "reserve", given)


def test_the_registrar_reserves_for_a_trainee_and_the_story_says_so(desk: Client, robin: User) -> None:
    ben, spring = factories.trainee(), factories.cohort(now=now())
    answer = reserve(desk, ben, spring.pk)
    held = Reservation.objects.get(trainee=ben)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/desk/reservations/{held.public_id}/")
    line = HistoryLine.objects.get(what="reservation-held")
    assert (held.state, line.by, line.why) == (State.HELD, robin, "By telephone.")
    assert "Seat 1 held: By telephone. (you)" in text(desk.get(answer.headers["Location"]))


@pytest.mark.parametrize("why", ["", "   ", "x" * 1001])
def test_the_registrar_says_why_before_they_reserve_for_someone(desk: Client, why: str) -> None:
    ben, spring = factories.trainee(), factories.cohort(now=now())
    assert reserve(desk, ben, spring.pk, why=why).status_code == 422
    assert Reservation.objects.count() == 0


def test_nobody_gets_a_seat_without_agreeing_to_the_conduct_text(desk: Client) -> None:
    ben, spring = factories.trainee(), factories.cohort(now=now())
    assert reserve(desk, ben, spring.pk, accepted="").status_code == 422
    assert Reservation.objects.count() == 0


def test_a_refused_seat_says_why(desk: Client, anna: User) -> None:
    moment = now()
    full, spring = factories.cohort(now=moment, capacity=1), factories.cohort(now=moment)
    closed = factories.cohort(now=moment, bookings_close_at=moment - timedelta(days=1))
    ben = factories.trainee()
    factories.reservation(cohort=full, now=moment)
    for person, cohort, words in (
        (anna, spring, "Something is missing: Module I, Module II, 10 days on professional sets, Module III."),
        (ben, full, "Every seat of this cohort is taken or held"),
        (ben, closed, "This cohort takes no reservations now."),
    ):
        page = reserve(desk, person, cohort.pk)
        assert (page.status_code, words in text(page)) == (409, True)
    reserve(desk, ben, spring.pk)
    page = reserve(desk, ben, spring.pk)
    assert (page.status_code, f"They have a seat already, in {spring}" in text(page)) == (409, True)


def test_a_finished_module_without_its_day_of_access_is_pointed_out_with_where_to_record_it(
    desk: Client, anna: User
) -> None:
    factories.finish(anna, "module-iii")
    page = desk.get(f"/desk/people/{anna.public_id}/")
    assert "Module III is finished, and the day of access to it is not on record." in text(page)
    assert 'href="#form-access"' in page.content.decode()
    factories.give_access(anna, "module-iii", date(2026, 4, 1))
    assert "is not on record. Days are counted" not in text(desk.get(f"/desk/people/{anna.public_id}/"))
