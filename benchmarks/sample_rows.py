"""How much of generated samples is read, and what a row costs.

A sample has three rows of invented people in one layout, with one mask for each kind of value. A value is
read if its row has exactly one of its kind, with exactly what is visible of it. `too many` are values of
kinds that the row does not have.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import phonenumbers

from benchmarks.measure import cost, report
from matching.masked_samples.reading import read_sample
from matching.masked_samples.sample_rows import Attribute, VisibleValue

ROWS = 3  # of a sample
SAMPLES = 400  # of each family
_ALL_OF_IT = "="  # instead of a tail: a whole value


class Masked(NamedTuple):
    """A value as it is written, and what is visible of it."""

    written: str
    head: str
    tail: str = ""


class GeneratedSample(NamedTuple):
    """A text, the region of its reader, and the values of each row by their kind."""

    text: str
    region: str
    rows: Sequence[Mapping[Attribute, Masked]]


@dataclass
class Shares:
    """How many values of each kind were read, of how many."""

    read: Counter[Attribute] = field(default_factory=Counter)
    all: Counter[Attribute] = field(default_factory=Counter)
    too_many: int = 0

    def share(self, kind: Attribute) -> float:
        return self.read[kind] / self.all[kind]

    def count(self, sample: GeneratedSample) -> None:
        found = read_sample(sample.text, region=sample.region).rows
        for number, expected in enumerate(sample.rows):
            values = found[number].values if len(found) == len(sample.rows) else ()
            self.too_many += sum(value.attribute not in expected for value in values)
            for kind, masked in expected.items():
                of_kind = [value for value in values if value.attribute is kind]
                self.all[kind] += 1
                self.read[kind] += len(of_kind) == 1 and _is_shown(of_kind[0], masked)


def _is_shown(value: VisibleValue, masked: Masked) -> bool:
    if masked.tail == _ALL_OF_IT:
        return not value.is_masked and value.head == masked.head
    return value.head == masked.head and value.tail == masked.tail


def _ends(number: str, head: int, tail: int, sign: str = "*", between: str = "") -> Masked:
    """Return a number of which the first and the last digits are visible."""
    hidden = sign * (len(number) - head - tail)
    last = number[len(number) - tail :] if tail else ""
    written = between.join(part for part in (number[:head], hidden, last) if part)
    return Masked(written, number[:head], last)


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789", k=count))


# --- rows of Chinese

_FAMILY, _GIVEN = "王李张刘陈杨赵黄周吴", "伟芳娜敏静磊军洋勇艳杰涛明超霞平刚"
_AREAS = ("110101", "310104", "440305", "510107", "330106", "420102", "370202", "610113")
_HAN_NAMES: tuple[Callable[[str, str], Masked], ...] = (
    lambda family, given: Masked(family + "*" * len(given), family),
    lambda family, given: Masked(family + "*" + given[1:], family, given[1:]),
    lambda family, given: Masked(family + "X" * len(given), family),
    lambda family, given: Masked(family + "某" * len(given), family),
    lambda family, _: Masked(family + "先生", family),
    lambda family, given: Masked(family + "○" * len(given), family),
    lambda _, given: Masked("*" + given[-1], "", given[-1]),
    lambda family, given: Masked(family + "＊" * len(given), family),
    lambda family, given: Masked(family + given, family + given, _ALL_OF_IT),
)
_MOBILES: tuple[Callable[[str], Masked], ...] = (
    lambda number: _ends(number, 3, 4),
    lambda number: _ends(number, 3, 4, between="-"),
    lambda number: _ends(number, 3, 4, between=" "),
    lambda number: _ends(number, 3, 4, "x"),
    lambda number: _ends(number, 3, 4, "●"),
    lambda number: _ends(number, 3, 4, "#"),
    lambda number: _ends(number, 3, 4, "?"),
    lambda number: _ends(number, 3, 4, "_"),
    lambda number: _ends(number, 3, 4, "＊"),
    lambda number: _ends(number, 3, 4, "■"),
    lambda number: _ends(number, 3, 4, r"\*"),
    lambda number: _ends(number, 3, 4, "&#42;"),
    lambda number: _ends(number, 3, 3),
    lambda number: _ends(number, 3, 2),
    lambda number: _ends(number, 7, 0),
    lambda number: _ends(number, 3, 4)._replace(written=f"{number[:3]}***{number[7:]}"),
    lambda number: _ends(number, 3, 4)._replace(written=f"+86 {number[:3]}****{number[7:]}"),
    lambda number: Masked(number, number, _ALL_OF_IT),
)
_RESIDENT_IDS: tuple[Callable[[str], Masked], ...] = (
    lambda number: _ends(number, 6, 4),
    lambda number: _ends(number, 3, 4),
    lambda number: _ends(number, 4, 4),
    lambda number: _ends(number, 1, 1),
    lambda number: _ends(number, 10, 4),
    lambda number: _ends(number, 14, 0),
    lambda number: _ends(number, 6, 2),
    lambda number: _ends(number, 6, 4, "x"),
    lambda number: _ends(number, 6, 4, between=" "),
    lambda number: _ends(number, 6, 4)._replace(written=f"{number[:6]}****{number[14:]}"),
)
_CHINESE_LAYOUTS = (
    "{} {} {}",
    "{},{},{}",
    "{}，{}，{}",
    "{}|{}|{}",
    "{}\t{}\t{}",
    "{}----{}----{}",
    "{} / {} / {}",
    "{};{};{}",
    "姓名：{} 手机：{} 身份证：{}",
    "姓名:{}，电话:{}，身份证号:{}",
    "姓名{} 手机{} 身份证{}",
    "| {} | {} | {} |",
    "1. {} {} {}",
    "姓名：{}\n手机：{}\n身份证：{}\n",
    "【姓名】{}【手机】{}【身份证】{}",
    "{}（{}）{}",
    "name={}&phone={}&idcard={}",
    "- **姓名**：{}；**手机**：{}；**身份证**：{}",
)


def chinese_sample(chance: random.Random) -> GeneratedSample:
    name, layout = chance.choice(_HAN_NAMES), chance.choice(_CHINESE_LAYOUTS)
    mobile, resident = chance.choice(_MOBILES), chance.choice(_RESIDENT_IDS)
    rows = []
    for _ in range(ROWS):
        born = f"{chance.randrange(1960, 2004)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
        number = f"{chance.choice(_AREAS)}{born}{_digits(chance, 3)}{chance.choice('0123456789X')}"
        given = "".join(chance.choices(_GIVEN, k=2))
        rows.append(
            {
                Attribute.NAME: name(chance.choice(_FAMILY), given),
                Attribute.PHONE: mobile(f"13{chance.choice('56789')}{_digits(chance, 8)}"),
                Attribute.RESIDENT_ID: resident(number),
            }
        )
    lines = [layout.format(*(masked.written for masked in row.values())) for row in rows]
    return GeneratedSample("\n".join(lines), "CN", rows)


# --- rows of 27 regions

_REGIONS = tuple(re.findall("..", "USGBDEFRESITBRRUINIDTHVNKRJPTRPLPTMXSAUAAUNLTWHKMYPHCA"))
_WORDS = (
    ("John Mary Anna Peter Lucas", "Doe Smith Novak Garcia Weber"),
    ("Иван Ольга Пётр", "Иванов Петрова Смирнов"),
    ("José María Lucía", "Núñez García Peña"),
)
_CUT_NAMES: tuple[Callable[[str], tuple[str, int]], ...] = (
    lambda word: (word[0] + "*" * (len(word) - 1), 1),
    lambda word: (word[:2] + "*" * (len(word) - 2), 2),
    lambda word: (word[0] + "***", 1),
)
_FORMATS = phonenumbers.PhoneNumberFormat
_FOREIGN_MASKS = (
    (_FORMATS.INTERNATIONAL, 2, 4, "*"),
    (_FORMATS.INTERNATIONAL, 3, 3, "*"),
    (_FORMATS.INTERNATIONAL, 3, 2, "*"),
    (_FORMATS.INTERNATIONAL, 3, 4, "•"),
    (_FORMATS.NATIONAL, 3, 3, "*"),
    (_FORMATS.NATIONAL, 2, 4, "*"),
    (_FORMATS.E164, 3, 4, "*"),
    (_FORMATS.E164, 4, 3, "X"),
)
_FOREIGN_LAYOUTS = (
    "{}\t{}\t{}",
    "{} | {} | {}",
    "{};{};{}",
    "{},{},{}",
    "Name: {}, Phone: {}, Email: {}",
    "{} {} {}",
    "Name: {}\nPhone: {}\nEmail: {}\n",
    '{{"name":"{}","phone":"{}","email":"{}"}}',
    "1) {} - {} - {}",
    '"{}","{}","{}"',
    "INSERT INTO u (name, phone, email) VALUES ('{}','{}','{}');",
)


def foreign_sample(chance: random.Random) -> GeneratedSample:
    region, words = chance.choice(_REGIONS), chance.choice(_WORDS)
    cut, mask = chance.choice(_CUT_NAMES), chance.choice(_FOREIGN_MASKS)
    layout = chance.choice(_FOREIGN_LAYOUTS)
    rows = [
        {
            Attribute.NAME: _cut_name([chance.choice(part.split()) for part in words], cut),
            Attribute.PHONE: _foreign_number(chance, region, *mask),
            Attribute.EMAIL: _cut_address("".join(chance.choices("abcdefghklmnorst", k=7))),
        }
        for _ in range(ROWS)
    ]
    lines = [layout.format(*(masked.written for masked in row.values())) for row in rows]
    return GeneratedSample("\n".join(lines), region, rows)


def _cut_name(words: Sequence[str], cut: Callable[[str], tuple[str, int]]) -> Masked:
    parts = [cut(word) for word in words]
    heads = [_folded(word[:shown]) for word, (_, shown) in zip(words, parts, strict=True)]
    return Masked(" ".join(written for written, _ in parts), " ".join(heads))


def _folded(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.casefold())
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not 0x300 <= ord(sign) <= 0x36F))


def _cut_address(local: str) -> Masked:
    return Masked(f"{local[0]}***{local[-1]}@mail.example", local[0], local[-1])


def _foreign_number(chance: random.Random, region: str, form: int, head: int, tail: int, sign: str) -> Masked:
    """Return a mobile number of the region with masks in place of its middle digits."""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None
    digits = str(example.national_number)
    while True:
        national = digits[:-6] + _digits(chance, 6)
        number = phonenumbers.PhoneNumber(country_code=example.country_code, national_number=int(national))
        if phonenumbers.is_valid_number_for_region(number, region):
            break
    tail = min(tail, len(national) - 3 - head)
    signs = list(phonenumbers.format_number(number, form))
    places = [place for place, character in enumerate(signs) if character.isdigit()][-len(national) :]
    for place in places[head : len(national) - tail]:
        signs[place] = sign
    return Masked("".join(signs), national[:head], national[len(national) - tail :])


# --- cards, IBANs, birth dates


_NUMBERS: Mapping[Attribute, tuple[str, tuple[Callable[[random.Random], Masked], ...]]] = {
    Attribute.CARD: (
        "card_number",
        (
            lambda chance: _ends(f"5{chance.choice('12345')}{_digits(chance, 14)}", 6, 4),
            lambda chance: _ends(f"4{_digits(chance, 15)}", 4, 4),
            lambda chance: _grouped(_ends(f"4{_digits(chance, 15)}", 4, 4)),
            lambda chance: _grouped(_ends(f"4{_digits(chance, 15)}", 6, 4)),
            lambda chance: _grouped(_ends(f"4{_digits(chance, 15)}", 0, 4)),
            lambda chance: _ends(f"4{_digits(chance, 15)}", 0, 4, "X"),
        ),
    ),
    Attribute.IBAN: (
        "iban",
        (
            lambda chance: _ends(f"DE{_digits(chance, 20)}", 4, 4),
            lambda chance: _grouped(_ends(f"FR{_digits(chance, 25)}", 4, 4)),
            lambda chance: _ends(f"PL{_digits(chance, 26)}", 8, 4),
            lambda chance: _ends(f"ES{_digits(chance, 22)}", 4, 2),
        ),
    ),
    Attribute.BIRTH_DATE: (
        "dob",
        (
            lambda chance: _year(chance, "{}-**-**"),
            lambda chance: _year(chance, "{}-xx-xx"),
            lambda chance: _year(chance, "**/**/{}"),
            lambda chance: _year(chance, "**.**.{}"),
            lambda chance: _year(chance, "{}年**月**日"),
            lambda chance: _year(chance, "{}-??-??"),
        ),
    ),
}
_COLUMN_LAYOUTS = ("{};{};{}", "Name: {}, {label}: {}, Email: {}", "Name: {}\n{label}: {}\nEmail: {}\n")


def _grouped(masked: Masked) -> Masked:
    written = masked.written
    return masked._replace(written=" ".join(written[at : at + 4] for at in range(0, len(written), 4)))


def _year(chance: random.Random, form: str) -> Masked:
    year = str(chance.randrange(1940, 2005))
    return Masked(form.format(year), year)


def numbers_sample(chance: random.Random) -> GeneratedSample:
    kind = chance.choice(list(_NUMBERS))
    label, makers = _NUMBERS[kind]
    make, layout = chance.choice(makers), chance.choice(_COLUMN_LAYOUTS)
    rows = [
        {
            Attribute.NAME: _cut_name([chance.choice(part.split()) for part in _WORDS[0]], _CUT_NAMES[0]),
            kind: make(chance),
            Attribute.EMAIL: _cut_address("".join(chance.choices("abcdefghklmnorst", k=7))),
        }
        for _ in range(ROWS)
    ]
    lines = [layout.format(*(masked.written for masked in row.values()), label=label) for row in rows]
    return GeneratedSample("\n".join(lines), chance.choice(_REGIONS), rows)


FAMILIES: Mapping[str, Callable[[random.Random], GeneratedSample]] = {
    "Chinese": chinese_sample,
    "27 regions": foreign_sample,
    "numbers and dates": numbers_sample,
}


def shares_of(family: str, samples: int) -> Shares:
    """Read that many samples of a family, the same in every run."""
    chance, shares = random.Random(family), Shares()
    for _ in range(samples):
        shares.count(FAMILIES[family](chance))
    return shares


def main() -> None:
    rows = []
    for family in FAMILIES:
        shares, used = cost(partial(shares_of, family, SAMPLES))
        per_row = 1e3 * used.cpu_s / (ROWS * SAMPLES)
        for kind, count in shares.all.items():
            read = f"{shares.share(kind):.1%}"
            rows.append((family, str(kind), count, read, shares.too_many, round(per_row, 2)))
    report(("samples", "values", "of them", "read", "too many", "CPU ms per row"), rows)


if __name__ == "__main__":
    main()
