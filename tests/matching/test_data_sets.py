"""The signs by which two offers of the same data are recognised; all listings are invented."""

import hashlib
import random

import pytest

from matching.data_sets import data_set_signs
from storage.data_sets import BANDS_ALIKE, ROWS_ALIKE, DataSetSign, SignKind

SAMPLE = "\n".join(f"张*{n}, 138****{1000 + n}, 110101********{n:02d}1X" for n in range(12))
PITCH = (
    "Fresh database of a consumer lender, collected this spring from the loan application backend and never "
    "sold before. It has names, telephone numbers, resident IDs and repayment plans of the borrowers, in one "
    "table without duplicates. The price is firm, a middleman is welcome, and the buyer gets it exclusively."
)
CHINESE = (
    "某消费贷款平台后台导出的借款人资料，今年春天拿到，从未出售过，含姓名、手机号、"
    "身份证号和还款计划，一手数据不重复，价格不议，可走担保，只卖一家。"
)


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), key=b"a test's key").hexdigest()


def other_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def shared(
    one: dict[str, str], other: dict[str, str], kind: SignKind, claims: tuple[int, int] = (0, 0)
) -> int:
    mine, theirs = (
        data_set_signs(parts, claim, digest=digest) for parts, claim in zip((one, other), claims, strict=True)
    )
    return len({sign for sign in mine & theirs if sign.kind is kind})


def test_the_same_rows_have_the_same_signs_in_another_listing() -> None:
    """A translated title, another delimiter, another order of columns and of rows change nothing."""
    rows = [" | ".join(reversed(row.split(", "))) for row in SAMPLE.splitlines()]
    random.Random(1).shuffle(rows)
    again = {"title": "lender leak", "body": "\n".join(rows)}

    assert shared({"title": "借款人资料", "sample": SAMPLE}, again, SignKind.ROW) == 12


def test_contact_lines_and_headings_are_no_rows() -> None:
    """Lines that every offer of a seller has say nothing about the data, and have no sign."""
    usual = "Contact me on the forum\nprice: 500\nname,phone,resident id,address\nescrow accepted"

    assert data_set_signs({"body": usual}, None, digest=digest) == frozenset()


@pytest.mark.parametrize("pitch", [PITCH, CHINESE])
def test_a_text_with_a_few_words_changed_is_alike(pitch: str) -> None:
    """With a new price at the end, most bands of the two texts' MinHashes agree."""
    changed = f"{pitch} 500 USDT"

    assert shared({"body": pitch}, {"body": changed}, SignKind.TEXT) >= BANDS_ALIKE


def test_another_text_about_such_data_is_not_alike() -> None:
    """Two sellers who describe similar data in their own words do not offer the same data."""
    other = (
        PITCH.replace("Fresh", "Old")
        .replace("lender", "telecom operator")
        .replace("borrowers", "subscribers")
    )
    other = " ".join(sorted(other.split()))

    assert shared({"body": PITCH}, {"body": other}, SignKind.TEXT) < BANDS_ALIKE


@pytest.mark.parametrize(("claimed", "telling"), [(1_023_447, 1), (1_000_000, 0), (1_200, 0), (None, 0)])
def test_a_claimed_number_tells_where_it_is_not_round(claimed: int | None, telling: int) -> None:
    """Many sellers claim a million records; two who claim 1,023,447 offer the same table."""
    signs = data_set_signs({}, claimed, digest=digest)

    assert sum(sign.kind is SignKind.CLAIM for sign in signs) == telling


def test_signs_are_keyed_and_bounded() -> None:
    """Under another key the same rows have other signs, and a long dump has 300 row signs at most."""
    dump = "\n".join(f"{n},+86138{n:08d},user{n}@mail.example" for n in range(20_000))
    mine = data_set_signs({"body": dump}, None, digest=digest)
    theirs = data_set_signs({"body": dump}, None, digest=other_digest)

    assert not mine & theirs
    assert ROWS_ALIKE < sum(sign.kind is SignKind.ROW for sign in mine) <= 300
    assert all(isinstance(sign, DataSetSign) and 0 <= sign.value < 1 << 63 for sign in mine)
