"""Invented customers, as skewed as real ones, and the rows that a seller shows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from matching.enrolment.enrol import Enrolment, enroll
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import SegmentChain, verify_segment
from matching.identifiers import luhn
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from tests.matching.fingerprints.series import NOW, SLUG

KEY = RootKey("k1", bytes(range(32)))
_FAMILIES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂梅"
_REGIONS = ("110101", "310104", "440103", "330106", "510107")
_PREFIXES = ("138", "139", "135", "170", "186")
_CHECK = "10X98765432"


@dataclass(frozen=True)
class Person:
    """A customer with an ordinal's row of the list."""

    name: str
    phone: str
    resident_id: str
    card: str
    email: str
    since: str

    @property
    def cells(self) -> str:
        return ",".join((self.name, self.phone, self.resident_id, self.card, self.email, self.since))


HEADER = "姓名,手机号,身份证号,卡号,邮箱,开户日期"


def invented(count: int, seed: int) -> list[Person]:
    """Return people of five regions whose numbers avoid 4; the same for the same seed."""
    random = np.random.default_rng(seed)
    weights = np.array([1, 1, 1, 1, 0.3, 1, 1.6, 1, 2, 1.2])
    digits = random.choice(10, size=(count, 8), p=weights / weights.sum())
    picks = random.integers(0, 1 << 30, (count, 12))
    return [_person(row, pick) for row, pick in zip(digits.tolist(), picks.tolist(), strict=True)]


def _person(digits: Sequence[int], picks: Sequence[int]) -> Person:
    given = "".join(_GIVEN[pick % len(_GIVEN)] for pick in picks[1 : 3 if picks[11] % 3 else 2])
    born = f"{1950 + picks[4] % 54}{1 + picks[5] % 12:02}{1 + picks[6] % 28:02}"
    return Person(
        _FAMILIES[min(picks[0] % 32, picks[10] % 20)] + given if picks[0] % 32 < 20 else "王" + given,
        _PREFIXES[min(picks[3] % 5, picks[7] % 5)] + "".join(map(str, digits)),
        _resident(f"{_REGIONS[picks[3] % 5]}{born}{1 + picks[8] % 300:03}"),
        _card(f"622202{picks[9] % 10**9:09}"),
        f"{chr(97 + picks[10] % 26)}{picks[11] % 10**6}{chr(97 + picks[9] % 26)}@mail.example",
        f"{2012 + picks[7] % 12}-{1 + picks[6] % 12:02}-{1 + picks[5] % 28:02}",
    )


def _resident(start: str) -> str:
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(start))
    return start + _CHECK[total % 11]


def _card(start: str) -> str:
    return next(start + check for check in "0123456789" if luhn(start + check))


def masked(person: Person, number: int = 1) -> SampleRow:
    """Return the row of a sample: 张*三 138****1234 110101********123X 622202******1234 j***n@..."""
    local, _, domain = person.email.partition("@")
    last = person.name[-1] if len(person.name) > 2 else ""
    return SampleRow(
        number,
        number,
        0,
        0,
        (
            VisibleValue(Attribute.NAME, person.name[0], last, 1),
            VisibleValue(Attribute.PHONE, person.phone[:3], person.phone[-4:], 4, region="CN"),
            VisibleValue(Attribute.RESIDENT_ID, person.resident_id[:6], person.resident_id[-4:], 8),
            VisibleValue(Attribute.CARD, person.card[:6], person.card[-4:], 6),
            VisibleValue(Attribute.EMAIL, local[:1], local[-1], None, domain),
        ),
    )


def enrolled(path: Path, people: Sequence[Person], **options: Any) -> Enrolment:
    """Enrol people into the segment `path`; `options` are those of `enroll`."""
    list_ = path.with_suffix(".csv")
    list_.write_text("\n".join([HEADER, *(person.cells for person in people)]))
    given: dict[str, Any] = {"company": SLUG, "key": KEY, "default_region": "CN", "now": NOW, **options}
    return enroll(list_, path, **given)


def chain_of(*paths: Path) -> SegmentChain:
    return SegmentChain.of([verify_segment(path) for path in paths])
