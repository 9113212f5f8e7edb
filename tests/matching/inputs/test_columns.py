"""What the columns of a table hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.inputs.formats.columns import Column, columns_of, is_header, role_of

CN = ("CN",)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("E-Mail", "email"), ("customer_phone", "phone"), ("手機號碼", "phone"), ("身份证号", "resident_id"),
        ("用户名", "username"), ("userName", "username"), ("客户姓名", "name"), ("国际银行账号", "iban"),
        ("银行卡账号", "card"), ("Date of Birth", "birth_date"), ("account_no", "account"), ("amount", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_name_stands_for_one_role(name: str, role: str | None) -> None:
    """Case, signs, digits, qualifiers and traditional characters are no matter."""
    found = role_of(name)

    assert found == role


@given(st.text(st.characters(max_codepoint=127), max_size=60) | st.sampled_from(["E-MAIL", "User ID"]))
def test_a_name_in_ascii_is_read_as_the_fold_reads_it(name: str) -> None:
    """It is read without the fold's table; a character that nobody sees makes the fold read it."""
    found, folded = role_of(name), role_of(name + "\u200b")

    assert found == folded


def test_cells_decide_before_the_name_does() -> None:
    """A column called phone that holds addresses is one of addresses."""
    rows = [[f"p{number}@mail.example", "x"] for number in range(5)]

    columns = columns_of(rows, CN, ["phone", "用户名"])

    assert columns == [Column(1, "email", "phone"), Column(2, "username", "用户名")]


def test_two_cells_prove_nothing_without_a_name() -> None:
    """By chance a short number is somebody's telephone number."""
    rows = [["17000000001"], ["17000000002"]]

    unnamed, named = columns_of(rows, CN, None), columns_of(rows, CN, ["手机"])

    assert (unnamed[0].role, named[0].role) == (None, "phone")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (["id", "email"], True),
        (["a", "b"], True),
        (["9", "x@mail.example"], False),
        (["x", "17000000009"], False),
    ],
)
def test_a_header_holds_no_value(first: list[str], expected: bool) -> None:
    """Names stand above values; the first row of a list without names looks like the others."""
    rows = [["12", f"p{number}@mail.example"] for number in range(5)]

    found = is_header(first, rows, CN)

    assert found is expected


def test_a_column_is_named_only_by_a_name_that_columns_have() -> None:
    """What a stranger wrote at the place of a name may be a value, or somebody's name."""
    columns = columns_of([], CN, ["mobile", "17000000009", "zhang wei", "users.zhangwei88.mobile"])

    assert [str(column) for column in columns] == [
        "column 1, phone (mobile)",
        "column 2",
        "column 3",
        "column 4",
    ]
