"""Facts from a spreadsheet: what each row would do, and doing all of it or nothing."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.factories import NOW
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites import facts
from workshops.prerequisites.importing import carrying_out, comparing
from workshops.prerequisites.importing.carrying_out import carry_out, dry_run
from workshops.prerequisites.importing.comparing import Known, Plan
from workshops.prerequisites.importing.reading import MOST_ROWS, parse
from workshops.prerequisites.importing.rows import Entry, OnRecord
from workshops.prerequisites.models import Access, Completion, Entitlement
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord
from workshops.tables import Changed, Outcome, Row, Unreadable, decode

MODULES = {"module-i": "Module I", "module-ii": "Module II", "module-iii": "Module III", "module-iv": "Module IV"}
HEADER = "e-mail,name,fact,module,date,source,production,role,proof"
TODAY = date(2027, 1, 11)


def read(*lines: str, header: str = HEADER) -> tuple[Entry | Row, ...]:
    return parse("\n".join([header, *lines]), MODULES)


def plan(*lines: str, known: Known | None = None) -> Plan:
    anna = Known(people={"anna@example.org": 1}) if known is None else known
    return comparing.plan(read(*lines), anna, today=TODAY, by_email="robin@example.org")


def outcome(*lines: str, known: Known | None = None) -> list[tuple[Outcome, str]]:
    return [(row.outcome, row.message) for row in plan(*lines, known=known).rows]


COMPLETION = "anna@example.org,,completion,II,2026-03-02,,,,"
SET_DAY = "anna@example.org,,set-day,,2026-03-02,,Night,Costume,Call sheets"


# -- reading -----------------------------------------------------------------------------------------------------------
def test_a_row_is_read_whatever_the_order_and_the_case_of_the_columns() -> None:
    (entry,) = read("2026-03-02;Completion; Module  II ;Anna@Example.org", header="DATE;Fact;module;Email")
    day = date(2026, 3, 2)
    assert entry == Entry(2, "anna@example.org", "", "completion", module="module-ii", days=(day,))


@pytest.mark.parametrize("name", ["module-ii", "II", "ii", "Module II", "MODULE-II"])
def test_a_module_may_be_called_what_people_call_it(name: str) -> None:
    (entry,) = read(f"anna@example.org,,completion,{name},2026-03-02,,,,")
    assert isinstance(entry, Entry)
    assert entry.module == "module-ii"


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    lines = read(
        COMPLETION, "", 'anna@example.org,,set-day,,2026-03-02,,"Night\nFalling",,Sheets', ",,,,,,,,", COMPLETION
    )
    assert [each.line for each in lines] == [2, 4, 7]
    assert isinstance(lines[1], Entry)
    assert lines[1].production == "Night Falling"


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble() -> None:
    text = decode(b"\xef\xbb\xbf" + f"{HEADER}\r\n{COMPLETION}\r\n".encode())
    assert [each.line for each in parse(text, MODULES)] == [2]


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (",,completion,II,2026-03-02,,,,", "e-mail", "Say whose fact this is"),
        ("anna,,completion,II,2026-03-02,,,,", "e-mail", "“anna” is not an e-mail address."),
        ("anna@example.org,,,II,2026-03-02,,,,", "fact", "“” is not a fact that can be imported."),
        ("anna@example.org,,graduation,II,2026-03-02,,,,", "fact", "“graduation” is not a fact"),
        ("anna@example.org,,completion,,2026-03-02,,,,", "module", "“completion” needs the column “module”"),
        ("anna@example.org,,completion,V,2026-03-02,,,,", "module", "There is no module “V”."),
        ("anna@example.org,,access,II,,,,,", "date", "“access” needs the column “date”"),
        ("anna@example.org,,access,II,3/2/2026,,,,", "date", "“3/2/2026” is not a date."),
        ("anna@example.org,,access,II,2026-02-30,,,,", "date", "“2026-02-30” is not a date."),
        ("anna@example.org,,access,II,2026-03-02 to 2026-03-03,,,,", "date", "This fact has one date."),
        ("anna@example.org,,entitlement,IV,,,,,", "source", "“entitlement” needs the column “source”"),
        ("anna@example.org,,set-day,,2026-03-02,,,,Sheets", "production", "needs the column “production”"),
        ("anna@example.org,,set-day,,2026-03-02,,Night,,", "proof", "needs the column “proof”"),
        (
            "anna@example.org,,set-day,,2026-03-06 to 2026-03-02,,Night,,Sheets",
            "date",
            "2 March 2026 is before 6 March",
        ),
        ("anna@example.org,,set-day,,2020-01-01 to 2026-03-02,,Night,,Sheets", "date", "more than a year of days"),
        (f"anna@example.org,,set-day,,2026-03-02,,{'x' * 161},,Sheets", "production", "longer than 160 characters"),
        ("anna@example.org,,completion,II,2026-03-02,,,,,surplus", "", "This row has 10 cells"),
    ],
)
def test_a_row_that_cannot_be_read_names_its_line_its_column_and_what_to_do(row: str, column: str, words: str) -> None:
    first, bad = read(COMPLETION, row)
    assert isinstance(first, Entry)
    assert isinstance(bad, Row)
    assert (bad.line, bad.outcome, bad.column) == (3, Outcome.ERROR, column)
    assert words in bad.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The file is empty."),
        ("\n\n", "The file is empty."),
        (HEADER, "has no rows under them"),
        (f"{HEADER}\n,,,,,,,,\n", "has no rows under them"),
        (f"{COMPLETION}\n", "The first line must name the columns."),
        ("e-mail\tfact\nanna\tcompletion", "The first line must name the columns."),
        ("e-mail,fact,e-mail\na,b,c", "The column “e-mail” is there twice."),
        ("name,fact\na,b", "The column “e-mail” is missing."),
        ("e-mail,date\na,b", "The column “fact” is missing."),
        (f'{HEADER}\n{COMPLETION}\n"never closed,,\n', "From line 3 on the file cannot be read."),
        (f"{HEADER}\n\x00\x01", "This is not a text file."),
        ("\n".join([HEADER, *[COMPLETION] * (MOST_ROWS + 1)]), "more than 10,000 rows"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(text: str, words: str) -> None:
    with pytest.raises(Unreadable) as fault:
        parse(text, MODULES)
    assert words in str(fault.value)


# -- comparing ---------------------------------------------------------------------------------------------------------
def test_what_is_not_on_record_is_new() -> None:
    assert outcome(COMPLETION, SET_DAY) == [(Outcome.NEW, "Is added to the record."), (Outcome.NEW, "Is accepted.")]


def test_what_is_on_record_is_the_same() -> None:
    known = Known(
        people={"anna@example.org": 1},
        dated={("anna@example.org", "completion", "module-ii"): date(2026, 3, 2)},
        entitled={("anna@example.org", "module-iv")},
        days={("anna@example.org", "night", date(2026, 3, 2)): OnRecord.ACCEPTED},
    )
    lines = (COMPLETION, "anna@example.org,,entitlement,IV,,Package,,,", SET_DAY.replace("Night", "NIGHT"))
    assert outcome(*lines, known=known) == [(Outcome.SAME, "The record says so already.")] * 3


def test_what_the_record_says_otherwise_is_a_contradiction() -> None:
    known = Known(
        people={"anna@example.org": 1},
        dated={("anna@example.org", "completion", "module-ii"): date(2026, 3, 5)},
        days={("anna@example.org", "night", date(2026, 3, 2)): OnRecord.TAKEN_BACK},
    )
    dated, day = outcome(COMPLETION, SET_DAY, known=known)
    assert (dated[0], day[0]) == (Outcome.CONTRADICTION, Outcome.CONTRADICTION)
    assert dated[1] == (
        "The record says 5 March 2026. "
        "A spreadsheet corrects nothing: take the row out, or correct it by hand on the person's page."
    )
    assert day[1] == (
        "2 March 2026 on this production was taken back. "
        "A spreadsheet decides nothing anew: take the row out, and decide on the person's page."
    )


def test_a_file_may_say_something_twice_but_not_two_things() -> None:
    assert outcome(COMPLETION, COMPLETION, COMPLETION.replace("03-02", "03-05"), SET_DAY, SET_DAY) == [
        (Outcome.NEW, "Is added to the record."),
        (Outcome.SAME, "As line 2 says."),
        (Outcome.ERROR, "Line 2 gives 2 March 2026 for the same. Keep the right one."),
        (Outcome.NEW, "Is accepted."),
        (Outcome.SAME, "As line 5 says."),
    ]


def test_only_the_days_that_are_not_on_record_are_added() -> None:
    known = Known(
        people={"anna@example.org": 1}, days={("anna@example.org", "night", date(2026, 3, 3)): OnRecord.ACCEPTED}
    )
    planned = plan(SET_DAY.replace("2026-03-02", "2026-03-02 to 2026-03-04"), known=known)
    assert planned.rows[0].message == "2 days are accepted. 1 of the row's days are on record already."
    assert planned.entries[0].days == (date(2026, 3, 2), date(2026, 3, 4))


def test_a_date_that_has_not_come_is_an_error() -> None:
    assert outcome(COMPLETION.replace("2026-03-02", "2027-01-12")) == [
        (Outcome.ERROR, "12 January 2027 has not come yet.")
    ]


def test_nobody_imports_their_own_record() -> None:
    known = Known(people={"robin@example.org": 1})
    assert outcome(COMPLETION.replace("anna", "Robin"), known=known) == [
        (Outcome.ERROR, "Nobody decides about their own record. Ask another registrar to import this row.")
    ]


def test_an_unknown_address_gets_an_account_when_any_row_names_the_person() -> None:
    row = "ines@example.org,{},completion,{},2026-03-02,,,,"
    planned = plan(row.format("", "I"), row.format("Ines", "II"), row.format("Inez", "III"))
    assert [(each.outcome, each.message) for each in planned.rows] == [
        (Outcome.NEW, "Is added to the record. An account is made for Ines."),
        (Outcome.NEW, "Is added to the record. An account is made for Ines."),
        (Outcome.ERROR, "Line 3 gives this address the name Ines. Make them the same."),
    ]
    assert planned.people == (("ines@example.org", "Ines"),)


def test_an_unknown_address_without_a_name_is_an_error() -> None:
    (row,) = plan(COMPLETION, known=Known()).rows
    assert (row.outcome, row.column) == (Outcome.ERROR, "e-mail")


def test_the_name_of_someone_who_has_an_account_is_left_alone() -> None:
    planned = plan(COMPLETION.replace("org,,", "org,Annabel,"))
    assert (planned.people, planned.is_ready) == ((), True)


def test_two_plans_have_one_digest_exactly_when_they_would_do_the_same() -> None:
    assert plan(COMPLETION).digest == plan(COMPLETION).digest
    assert plan(COMPLETION).digest != plan(COMPLETION.replace("03-02", "03-05")).digest
    known = Known(people={"anna@example.org": 1}, dated={("anna@example.org", "completion", "module-ii"): TODAY})
    assert plan(COMPLETION).digest != plan(COMPLETION, known=known).digest


# -- writing -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def robin(db: None) -> User:
    """The registrar; Anna has an account."""
    factories.person(Role.TRAINEE, name="Anna", email="anna@example.org")
    return factories.person(Role.REGISTRAR, email="robin@example.org")


def file(*lines: str) -> str:
    return "\n".join([HEADER, *lines])


ALL_KINDS = file(
    COMPLETION,
    "anna@example.org,,access,III,2026-04-01,,,,",
    "anna@example.org,,entitlement,IV,,Package 1042,,,",
    SET_DAY,
    SET_DAY.replace("2026-03-02", "2026-03-03 to 2026-03-04"),
    "ines@example.org,Ines Moreau,completion,I,2026-01-05,,,,",
)


def counts() -> dict[str, int]:
    models = (Completion, Access, Entitlement, OnSetRecord, OnSetDay, User, HistoryLine)
    return {model.__name__: model._default_manager.count() for model in models}


def test_every_fact_is_written_with_its_history_in_the_words_of_the_desk(robin: User) -> None:
    carry_out(dry_run(ALL_KINDS, by=robin, now=NOW), by=robin, now=NOW)
    anna, ines = User.objects.get(email="anna@example.org"), User.objects.get(email="ines@example.org")
    known = facts.facts_of([anna.pk, ines.pk], TODAY)
    assert known[anna.pk].completions == {"module-ii": date(2026, 3, 2)}
    assert known[anna.pk].access == {"module-iii": date(2026, 4, 1)}
    assert known[anna.pk].entitled == {"module-iv"}
    assert known[anna.pk].accepted_days == {date(2026, 3, day) for day in (2, 3, 4)}
    assert known[ines.pk].completions == {"module-i": date(2026, 1, 5)}
    record = OnSetRecord.objects.get()
    assert (record.production, record.role, record.proof, record.decided_by) == (
        "Night",
        "Costume",
        "Call sheets",
        robin,
    )
    assert (ines.name, list(ines.roles), ines.has_usable_password()) == ("Ines Moreau", [Role.TRAINEE], False)
    told = HistoryLine.objects.filter(by=robin).order_by("pk").values_list("person__email", "what")
    assert sorted(told) == [
        ("anna@example.org", "access-recorded"),
        ("anna@example.org", "completion-recorded"),
        ("anna@example.org", "days-accepted"),
        ("anna@example.org", "entitlement-recorded"),
        ("ines@example.org", "account-made"),
        ("ines@example.org", "completion-recorded"),
        ("ines@example.org", "role-granted"),
    ]
    days = HistoryLine.objects.get(what="days-accepted")
    assert (days.about_kind, days.about_id, days.why) == ("record", record.public_id, "Call sheets")
    assert days.facts == {"days": 3, "imported": True}
    assert (record.created_at, record.changed_at) == (NOW, NOW)


def test_the_same_file_changes_nothing_the_second_time(robin: User) -> None:
    carry_out(dry_run(ALL_KINDS, by=robin, now=NOW), by=robin, now=NOW)
    before = counts()
    second = dry_run(ALL_KINDS, by=robin, now=NOW)
    assert {row.outcome for row in second.rows} == {Outcome.SAME}
    assert carry_out(second, by=robin, now=NOW).entries == ()
    assert counts() == before


def test_a_plan_with_a_wrong_row_writes_nothing(robin: User) -> None:
    planned, before = dry_run(file(COMPLETION, "x"), by=robin, now=NOW), counts()
    with pytest.raises(Changed):
        carry_out(planned, by=robin, now=NOW)
    assert counts() == before


def test_a_plan_that_the_record_has_overtaken_writes_nothing(robin: User) -> None:
    planned = dry_run(ALL_KINDS, by=robin, now=NOW)
    factories.give_access(User.objects.get(email="anna@example.org"), "module-iii", date(2026, 4, 2))
    before = counts()
    with pytest.raises(Changed) as changed:
        carry_out(planned, by=robin, now=NOW)
    assert [row.outcome.value for row in changed.value.plan.rows] == [
        "new",
        "contradiction",
        "new",
        "new",
        "new",
        "new",
    ]
    assert counts() == before


def test_a_fact_that_someone_else_writes_at_the_same_moment_undoes_the_whole_import(
    robin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, before = dry_run(ALL_KINDS, by=robin, now=NOW), counts()
    rival = User.objects.get(email="anna@example.org")
    write = carrying_out._write_entitlements

    def someone_is_faster(*given: object, **named: object) -> object:
        Entitlement.objects.create(user=rival, module_id=4, source="x", recorded_at=NOW)
        return write(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(carrying_out, "_write_entitlements", someone_is_faster)
    with pytest.raises(Changed):
        carry_out(planned, by=robin, now=NOW)
    assert counts() == before


def test_a_dry_run_takes_the_same_number_of_statements_however_long_the_file(robin: User) -> None:
    def statements(rows: int) -> int:
        lines = [f"new{number}@example.org,New,completion,I,2026-01-05,,,," for number in range(rows)]
        with CaptureQueriesContext(connection) as taken:
            dry_run(file(COMPLETION, *lines), by=robin, now=NOW)
        return len(taken)

    assert statements(1) == statements(300) == 7


@pytest.mark.slow
def test_ten_thousand_rows_are_imported_at_once(robin: User) -> None:
    lines = [
        f"new{number // 5}@example.org,New,completion,{numeral},2026-01-05,,,,"
        if numeral
        else f"new{number // 5}@example.org,New,set-day,,2026-02-0{number % 9 + 1},,Night,,Sheets"
        for number, numeral in zip(range(MOST_ROWS), ["I", "II", "III", "", ""] * (MOST_ROWS // 5), strict=True)
    ]
    done = carry_out(dry_run(file(*lines), by=robin, now=NOW), by=robin, now=NOW)
    assert (done.count(Outcome.NEW), len(done.people)) == (10_000, 2_000)
    assert (Completion.objects.count(), OnSetDay.objects.count()) == (6_000, 4_000)
