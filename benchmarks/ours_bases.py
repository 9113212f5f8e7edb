"""Simulated bases of invented customers for the statistics of "Is it ours?", and samples of people.

A world says how people are spread over regions, names, number endings and birthdays. A base is drawn from a
world, and so are people who are in no base: strangers of the same world are the hardest test, for they come
from the same regions and families, and like the same numbers.

A simulated base answers what `matching.ours` asks of an enrolled one, with the product's own histogram of
endings and its rule for rare anchors. Its tags are not hashed: collisions of 40-bit tags are one in a million
here, and hashing would only slow the simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.segments import LEAST_PEOPLE
from matching.masked_samples.endings import EndingShares, histogram_of
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.masked_samples.templates import PHONE_4, RESIDENT_4

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Pair = tuple[str, str]

PREFIXES = tuple(
    str(number) for number in (*range(130, 140), *range(150, 160), *range(176, 180), *range(180, 190))
)
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
LAST_CHARACTERS = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红娥玲芬燕彬凤梅鑫波辉力俊鹏飞琴云莲兰峰浩宇轩博晨"
)
COUNTIES = tuple(
    f"{province}{city:02d}{county:02d}"
    for province in (11, 31, 32, 33, 37, 41, 44, 51)
    for city in (1, 3)
    for county in range(1, 13)
)
REGIONS = 8
_ENDINGS = 10_000


@dataclass(frozen=True, slots=True)
class World:
    """How people are spread. Everything False: evenly."""

    name: str
    customers: int
    in_one_region: float = 1 / REGIONS  # share of the customers
    names_by_region: bool = False
    skewed_names: bool = True
    skewed_endings: bool = False
    skewed_birthdays: bool = False


WORLDS = (
    World("uniform", 200_000, skewed_names=False),
    World("regional", 200_000, in_one_region=0.8),
    World("surnames by region", 200_000, in_one_region=0.6, names_by_region=True),
    World("skewed endings and birthdays", 200_000, skewed_endings=True, skewed_birthdays=True),
    World("5,000 customers", 5_000, 0.8, names_by_region=True, skewed_endings=True, skewed_birthdays=True),
    World("a million", 1_000_000, 0.8, names_by_region=True, skewed_endings=True, skewed_birthdays=True),
)


@dataclass(frozen=True, slots=True)
class People:
    """Columns of codes: indexes of the tables above, and numbers."""

    prefix: Ints
    phone_end: Ints
    surname: Ints
    last_character: Ints
    county: Ints
    birth_year: Ints
    id_end: Ints  # three digits and the check digit, of which X is 10

    def __len__(self) -> int:
        return len(self.prefix)

    def at(self, places: Ints) -> People:
        return People(*(getattr(self, name)[places] for name in self.__dataclass_fields__))

    def with_column(self, **columns: Ints) -> People:
        return People(*(columns.get(name, getattr(self, name)) for name in self.__dataclass_fields__))

    @classmethod
    def together(cls, *parts: People) -> People:
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__)
        )


def draw_people(world: World, count: int, rng: np.random.Generator, *, national: bool = False) -> People:
    """Draw people of a world; `national`: spread evenly over its regions."""
    shares = np.full(REGIONS, (1 - world.in_one_region) / (REGIONS - 1))
    shares[0] = world.in_one_region
    region = rng.choice(REGIONS, count, p=None if national else shares)
    surname = _falling(len(SURNAMES), 0.9 if world.skewed_names else 0.0, count, rng)
    if world.names_by_region:  # each region has its own order of frequency
        surname = (surname * 7 + region * 13) % len(SURNAMES)
    local = world.in_one_region > 1 / REGIONS
    prefix = _falling(len(PREFIXES), 0.6 if local else 0.0, count, rng)
    prefix = (prefix + region * 5 * local) % len(PREFIXES)
    per_region = len(COUNTIES) // REGIONS
    ends = rng.choice(_ENDINGS, count, p=ending_weights() if world.skewed_endings else None)
    years = 1950 + (rng.binomial(55, 0.6, count) if world.skewed_birthdays else rng.integers(0, 55, count))
    return People(
        prefix=prefix,
        phone_end=ends,
        surname=surname,
        last_character=_falling(len(LAST_CHARACTERS), 0.7 if world.skewed_names else 0.0, count, rng),
        county=region * per_region + _falling(per_region, 0.5 if local else 0.0, count, rng),
        birth_year=years,
        id_end=rng.integers(0, 1_000, count) * 11 + rng.integers(0, 11, count),
    )


def _falling(kinds: int, steepness: float, count: int, rng: np.random.Generator) -> Ints:
    weights = np.arange(1, kinds + 1) ** -steepness
    return rng.choice(kinds, count, p=weights / weights.sum())


def ending_weights() -> Floats:
    """4 is rare, 8 and 6 are frequent, repetitions more so: invented, as in the first simulation."""
    digit = np.array([1.0, 1.0, 0.95, 1.0, 0.35, 1.0, 1.6, 0.9, 2.2, 1.3])
    numbers = np.arange(_ENDINGS)
    digits = numbers[:, None] // 10 ** np.arange(3, -1, -1) % 10
    weights = digit[digits].prod(axis=1)
    weights[(digits == digits[:, :1]).all(axis=1)] *= 10
    weights[numbers % 100 == numbers // 100] *= 3
    shares: Floats = weights / weights.sum()
    return shares


# What a sample shows


def masked_phone(people: People, row: int) -> VisibleValue:
    tail = f"{people.phone_end[row]:04d}"
    return VisibleValue(Attribute.PHONE, PREFIXES[people.prefix[row]], tail, 4, region="CN")


def masked_name(people: People, row: int, *, last: bool = False) -> VisibleValue:
    tail = LAST_CHARACTERS[people.last_character[row]] if last else ""
    return VisibleValue(Attribute.NAME, SURNAMES[people.surname[row]], tail, None)


def id_end(code: int) -> str:
    return f"{code // 11:03d}{'X' if code % 11 == 10 else code % 11}"


def masked_id(people: People, row: int) -> VisibleValue:
    return VisibleValue(
        Attribute.RESIDENT_ID, COUNTIES[people.county[row]], id_end(int(people.id_end[row])), 8
    )


def masked_values(people: People, row: int, columns: str) -> tuple[VisibleValue, ...]:
    """`columns`: p phone, n family name, l name with its last character, i resident ID, b birth year."""
    makers = {
        "p": lambda: masked_phone(people, row),
        "n": lambda: masked_name(people, row),
        "l": lambda: masked_name(people, row, last=True),
        "i": lambda: masked_id(people, row),
        "b": lambda: VisibleValue(Attribute.BIRTH_DATE, str(people.birth_year[row])),
    }
    return tuple(makers[column]() for column in columns)


def sample_rows(people: People, columns: str = "pn") -> list[SampleRow]:
    return [
        SampleRow(row + 1, row + 1, 40 * row, 40 * row + 39, masked_values(people, row, columns))
        for row in range(len(people))
    ]


# The base


@dataclass(frozen=True, slots=True)
class SimulatedTemplate:
    """A mask template of the simulation; `columns` as in `masked_values`."""

    name: str
    columns: str

    def view(self, row: SampleRow, /) -> Pair | None:
        by_attribute = {value.attribute: value for value in row.values}
        anchors, endings = [], []
        for column in self.columns:
            value = by_attribute.get(_ATTRIBUTES[column])
            if (
                value is None
                or (column in "pi" and len(value.tail) != 4)
                or (column == "l" and not value.tail)
            ):
                return None
            anchors.append(value.head + (value.tail if column == "l" else ""))
            endings += [value.tail] if column in "pi" else []
        return "|".join(anchors), "|".join(endings)


_ATTRIBUTES = {
    "p": Attribute.PHONE,
    "n": Attribute.NAME,
    "l": Attribute.NAME,
    "i": Attribute.RESIDENT_ID,
    "b": Attribute.BIRTH_DATE,
}
TEMPLATES = tuple(
    SimulatedTemplate(name, columns)
    for name, columns in (
        ("phone_3_4", "p"),
        ("phone_3_4_surname", "pn"),
        ("phone_3_4_name_last", "pl"),
        ("resident_id_6_4", "i"),
        ("resident_id_6_4_surname", "in"),
    )
)


class _Index:
    """One template's tags of a base: sorted keys, shares of anchors, shares of endings."""

    def __init__(self, people: People, columns: str) -> None:
        anchors, endings = codes_of(people, columns)
        self.ending_share = _product_shares(endings, columns[0])
        self.keys, self.times = np.unique(anchors * 10**8 + endings, return_counts=True)
        self.anchors, times = np.unique(anchors, return_counts=True)
        self.anchor_times = times
        rare = times[times <= LEAST_PEOPLE]
        self.rare = max(float((rare * (rare - 1)).sum()) / max(1, int(rare.sum())), _NOBODY)
        self.customers = len(people)

    def counts(self, anchors: Ints, endings: Ints) -> Ints:
        wanted = anchors * 10**8 + endings
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, self.times[places], 0)

    def anchor_shares(self, anchors: Ints) -> Floats:
        places = np.minimum(np.searchsorted(self.anchors, anchors), len(self.anchors) - 1)
        found = np.where(self.anchors[places] == anchors, self.anchor_times[places], 0)
        shares: Floats = np.where(found >= LEAST_PEOPLE, found, self.rare) / self.customers
        return shares


def codes_of(people: People, columns: str) -> tuple[Ints, Ints]:
    """Return each person's anchor and ending as numbers."""
    anchors: Ints = np.zeros(len(people), np.int64)
    endings: Ints = np.zeros(len(people), np.int64)
    for column in columns:
        anchors = anchors * _ANCHORS + _anchor_codes(people, column)
        if (codes := _ending_codes(people, column)) is not None:
            endings = endings * _WIDTHS[column] + codes
    return anchors, endings


_WIDTHS = {"p": 10_000, "i": 11_000}
_ANCHORS = 10_000  # more than any part of an anchor has codes
#: The product's histogram counts by the text of an ending.
_KINDS = {"p": PHONE_4, "i": RESIDENT_4}
#: Customers with an anchor that nobody seems to have, as in `matching.masked_samples.masked_base`.
_NOBODY = 0.5


def _product_shares(codes: Ints, column: str) -> Floats:
    """Return the share of each ending by the product's own histogram of this base."""
    texts = [ending_text(column, code) for code in range(_WIDTHS[column])]
    times = np.bincount(codes, minlength=len(texts)).tolist()
    counted = {text: count for text, count in zip(texts, times, strict=True) if count}
    sizes, records = histogram_of(counted, _KINDS[column].length)
    return EndingShares.of(records, sizes.values, _KINDS[column]).of_endings(texts)


def ending_text(column: str, code: int) -> str:
    return f"{code:04d}" if column == "p" else id_end(code)


def _anchor_codes(people: People, column: str) -> Ints:
    return {
        "p": people.prefix,
        "n": people.surname,
        "l": people.surname * 100 + people.last_character,
        "i": people.county,
        "b": people.birth_year - 1900,
    }[column]


def _ending_codes(people: People, column: str) -> Ints | None:
    return {"p": people.phone_end, "i": people.id_end}.get(column)


_ANCHOR_NUMBERS = {
    "p": {text: code for code, text in enumerate(PREFIXES)},
    "n": {text: code for code, text in enumerate(SURNAMES)},
    "l": {
        name + last: code * 100 + other
        for code, name in enumerate(SURNAMES)
        for other, last in enumerate(LAST_CHARACTERS)
    },
    "i": {text: code for code, text in enumerate(COUNTIES)},
    "b": {str(year): year - 1900 for year in range(1900, 2020)},
}


class SimulatedBase:
    """A base in memory that answers as an enrolled one does."""

    def __init__(self, people: People, templates: Sequence[SimulatedTemplate] = TEMPLATES) -> None:
        self.people = people
        self.customers = len(people)
        self.templates = tuple(templates)
        self._indexes: dict[str, _Index] = {}

    def index(self, template: SimulatedTemplate) -> _Index:
        if template.name not in self._indexes:
            self._indexes[template.name] = _Index(self.people, template.columns)
        return self._indexes[template.name]

    def counts(self, template: SimulatedTemplate, pairs: Sequence[Pair], /) -> Ints:
        anchors = _codes(template.columns, [anchor for anchor, _ in pairs])
        endings = _endings(template.columns, [ending for _, ending in pairs])
        return self.index(template).counts(anchors, endings)

    def anchor_shares(self, template: SimulatedTemplate, anchors: Sequence[str], /) -> Floats:
        return self.index(template).anchor_shares(_codes(template.columns, anchors))

    def ending_shares(self, template: SimulatedTemplate, endings: Sequence[str], /) -> Floats:
        return self.index(template).ending_share[_endings(template.columns, endings)]

    def scores(self, people: People, columns: str) -> Floats:
        """Return the row scores of many people at once, without a row of text."""
        index = self.index(next(each for each in self.templates if each.columns == columns))
        anchors, endings = codes_of(people, columns)
        expected = self.customers * index.anchor_shares(anchors) * index.ending_share[endings]
        found: Floats = index.counts(anchors, endings) / expected
        return found

    def cohorts(self, template: SimulatedTemplate, pairs: Sequence[Pair], /) -> Sequence[NDArray[np.uint8]]:
        return [np.zeros(count, np.uint8) for count in self.counts(template, pairs).tolist()]


def _codes(columns: str, anchors: Sequence[str]) -> Ints:
    return np.array([_anchor_code(columns, anchor) for anchor in anchors], np.int64)


@lru_cache(maxsize=1 << 18)
def _anchor_code(columns: str, anchor: str) -> int:
    code = 0
    for column, part in zip(columns, anchor.split("|"), strict=True):
        code = code * _ANCHORS + _ANCHOR_NUMBERS[column].get(part, _ANCHORS - 1)
    return code


def _endings(columns: str, endings: Sequence[str]) -> Ints:
    parts = "".join(column for column in columns if column in _WIDTHS)
    return np.array([_ending_code(parts, ending) for ending in endings], np.int64)


@lru_cache(maxsize=1 << 18)
def _ending_code(columns: str, ending: str) -> int:
    code = 0
    for column, part in zip(columns, ending.split("|"), strict=True):
        code = code * _WIDTHS[column] + _part_code(column, part)
    return code


def _part_code(column: str, part: str) -> int:
    if column == "i":
        return int(part[:3]) * 11 + (10 if part[3] == "X" else int(part[3]))
    return int(part)
