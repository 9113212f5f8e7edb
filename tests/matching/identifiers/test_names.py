"""Names with birth dates, user names, account numbers: fields that are found only in columns."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.identifiers import (
    DECLARED,
    DateOrder,
    Field,
    canonical,
    composite,
    composites,
    refusal,
    scan,
)
from matching.identifiers.name_birth_dates import birth_dates, person_name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("John Doe", "doe john"),
        ("DOE, John", "doe john"),
        ("Mr. John  Doe", "doe john"),
        ("Dr.-Ing. José  Núñez", "ing jose nunez"),
        ("O'Brien, Seán", "obrien sean"),
        ("Ｊｏｈｎ　Ｄｏｅ", "doe john"),
        ("Иванов Пётр", "иванов петр"),
        ("Groß, Jürgen", "gross jurgen"),
        ("张三", "张三"),
        ("张 三 先生", "张三"),
        ("欧阳 娜娜小姐", "欧阳娜娜"),
        ("阿卜杜拉·买买提", "阿卜杜拉买买提"),
        ("佐藤 がく", "佐藤がく"),
        ("김 민준", "김민준"),
        ("陳大文 David Chan", "陳大文 chan david"),
        ("प्रिया शर्मा", "प्रिया शर्मा"),
        ("先生", "先生"),
        ("Mr.", None),
        ("J", None),
        ("12345", None),
        ("x" * 201, None),
    ],
)
def test_a_name_has_one_form(written: str, name: str | None) -> None:
    """Titles, accents, signs and case are removed; the order of words matters only in joined scripts."""
    assert person_name(written) == name


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_the_form_of_a_name_is_itself(written: str) -> None:
    """Normalising a canonical form again changes nothing."""
    once = person_name(written)

    assert once is None or person_name(once) == once


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text("abcxyzéü", min_size=2, max_size=8), min_size=2, max_size=4).flatmap(
        lambda words: st.tuples(st.just(words), st.permutations(words))
    )
)
def test_the_order_of_latin_words_does_not_count(orders: tuple[list[str], list[str]]) -> None:
    """Latin words in any order, in one column or two, give one form."""
    one, other = orders

    assert composite(one, "1990-05-17") == composite([" ".join(other)], "1990-05-17") is not None


BORN = date(1990, 5, 17)


@pytest.mark.parametrize(
    "written",
    [
        "1990-05-17", "1990-5-17", "1990/05/17", "1990.05.17", "19900517", "1990年5月17日",
        "1990 年 05 月 17 日", "17.05.1990", "17.5.1990", "17/05/1990", "05/17/1990", "5-17-1990",
        "17 May 1990", "17-May-1990",
        "17th May, 1990", "May 17, 1990", "may 17 1990", "1990-05-17 00:00:00", "1990-05-17T00:00:00Z",
        "1990-05-17T00:00:00.000+08:00", "05/17/1990 12:00 AM", " 1990-05-17 ",
    ],
)  # fmt: skip
def test_a_birth_date_is_read_in_its_usual_forms(written: str) -> None:
    """A date is read with year, day or month first, with the month in letters, with a time after it."""
    assert birth_dates(written) == [BORN]


@pytest.mark.parametrize(
    "written",
    ["", "none", "1990", "1990-13-01", "1990-02-30", "17.05.90", "0517", "1990051", "32874", "1990-05",
     "17 Foo 1990", "1790-05-17", "2190-05-17", "1990-05/17", "1" * 100],
)  # fmt: skip
def test_what_is_no_birth_date(written: str) -> None:
    """Two-digit years, spreadsheets' day numbers and days that do not exist are not birth dates."""
    assert birth_dates(written) == []


@pytest.mark.parametrize(
    ("written", "readings", "day_first", "month_first"),
    [
        ("03/04/1990", ["1990-04-03", "1990-03-04"], "1990-04-03", "1990-03-04"),
        ("03-04-1990", ["1990-04-03", "1990-03-04"], "1990-04-03", "1990-03-04"),
        ("04/04/1990", ["1990-04-04"], "1990-04-04", "1990-04-04"),
        ("03.04.1990", ["1990-04-03"], "1990-04-03", "1990-04-03"),
        ("13/04/1990", ["1990-04-13"], "1990-04-13", None),
    ],
)
def test_a_date_that_could_be_two(
    written: str, readings: list[str], day_first: str, month_first: str | None
) -> None:
    """An ambiguous date of a leak gives both dates; in a list it is refused unless the order is given."""
    forms = [f"doe john|{day}" for day in readings]
    with_order = [composite(["John", "Doe"], written, order) for order in DateOrder]

    assert composites(["Doe", "John"], written) == forms
    assert composite(["Doe", "John"], written) == (forms[0] if len(forms) == 1 else None)
    assert with_order == [day and f"doe john|{day}" for day in (day_first, month_first)]


@settings(max_examples=200, deadline=None)
@given(
    st.dates(date(1850, 1, 1), date(2100, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d %B %Y"]),
)
def test_every_day_is_read_back(day: date, form: str) -> None:
    """Every day from 1850 to 2100 is read back in each form."""
    assert birth_dates(day.strftime(form)) == [day]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("John Doe|03/04/1990", "ambiguous_date"),
        ("John Doe|1990-02-30", "malformed"),
        ("|1990-05-17", "empty"),
        ("John Doe", "empty"),
        ("Mr.|1990-05-17", "malformed"),
        ("", "empty"),
    ],
)
def test_a_refused_name_with_a_birth_date_has_a_reason(value: str, reason: str) -> None:
    """An ambiguous date has another reason than an invalid one."""
    assert (canonical(Field.NAME_BIRTH_DATE, value, "CN"), refusal(Field.NAME_BIRTH_DATE, value)) == (
        None,
        reason,
    )


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Summer99", "summer99"),
        ("@Summer_99", "summer_99"),
        ("ｓｕｍｍｅｒ", "summer"),
        ("夏天99", "夏天99"),
        ("J.Doe@mail.example", "j.doe@mail.example"),
        ("x", None),
        ("two words", None),
        ("--", None),
        ("NULL", None),
        ("admin", None),
        ("a" * 65, None),
        ("a\x00b", None),
    ],
)
def test_a_user_name_has_one_form(value: str, name: str | None) -> None:
    """A user name is lower case without a leading @; placeholders and names with spaces are refused."""
    assert canonical(Field.USERNAME, value, "CN") == name


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0012-3456 789", "123456789"),
        ("ab 12.34/x", "AB1234X"),
        ("0001", None),
        ("00000000", None),
        ("7777777", None),
        ("savings", None),
        ("1" * 20 + "2" * 15, None),
        ("unknown", None),
    ],
)
def test_an_account_number_has_one_form(value: str, number: str | None) -> None:
    """An account number has no separators and no leading zeros, which spreadsheets drop."""
    assert canonical(Field.ACCOUNT, value, "CN") == number


def test_placeholders_have_their_own_reason() -> None:
    """Placeholders have another reason than malformed values."""
    assert [refusal(Field.USERNAME, value) for value in ("admin", "N/A", "two words")] == [
        "placeholder",
        "placeholder",
        "malformed",
    ]


def test_no_text_holds_a_declared_field() -> None:
    """Fields that only columns have are not found in a text."""
    assert list(scan("summer99, 20014577, John Doe|1990-05-17", "CN", DECLARED)) == []
