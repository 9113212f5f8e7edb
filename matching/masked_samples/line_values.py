"""The values of a line, or of a cell: whole identifiers, masked ones, names and dates, in their order.

A value is sure by its shape, by the label before it, or not at all; of those the other rows of its table
decide (`row_tables`).
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from matching.identifiers import Field, cell_forms
from matching.masked_samples.birth_dates import (
    BORN,
    YEAR_FIRST,
    YEAR_LAST,
    birth_date_of,
    read_birth_date,
    year_of_birth,
)
from matching.masked_samples.emails import masked_emails, read_email, whole_email
from matching.masked_samples.han_names import HAN, HANGUL, is_han
from matching.masked_samples.labels import LabelKind, label_before, role_before, role_of_label
from matching.masked_samples.names import NameReading, read_name
from matching.masked_samples.numbers import (
    CODED,
    IBAN,
    MaskedNumber,
    NumberReading,
    iban_end,
    masked_numbers,
    read_coded,
    read_iban,
    reading_as,
    whole_phone,
)
from matching.masked_samples.sample_rows import Attribute, VisibleValue

#: Values of a line that are read.
VALUES = 32
_NUMBERS = {
    LabelKind.PHONE: Attribute.PHONE,
    LabelKind.RESIDENT_ID: Attribute.RESIDENT_ID,
    LabelKind.NATIONAL_ID: Attribute.NATIONAL_ID,
    LabelKind.CARD: Attribute.CARD,
    LabelKind.IBAN: Attribute.IBAN,
    LabelKind.CARD_TAIL: Attribute.CARD,
    LabelKind.PHONE_TAIL: Attribute.PHONE,
}
_FIELDS = {
    Attribute.PHONE: (Field.PHONE,),
    Attribute.RESIDENT_ID: (Field.RESIDENT_ID, Field.NATIONAL_ID),
    Attribute.NATIONAL_ID: (Field.NATIONAL_ID, Field.RESIDENT_ID),
    Attribute.CARD: (Field.CARD,),
    Attribute.IBAN: (Field.IBAN,),
    Attribute.EMAIL: (Field.EMAIL,),
}
_OF_FIELD = {
    Field.EMAIL: Attribute.EMAIL,
    Field.PHONE: Attribute.PHONE,
    Field.RESIDENT_ID: Attribute.RESIDENT_ID,
    Field.NATIONAL_ID: Attribute.NATIONAL_ID,
    Field.CARD: Attribute.CARD,
    Field.IBAN: Attribute.IBAN,
}
_NAMES = {LabelKind.NAME, LabelKind.FAMILY_NAME, LabelKind.GIVEN_NAME}
_CONTEXT = 48  # characters before a value in which its label is looked for
_LABEL = re.compile(
    r"(?:(?<=^)|(?<=[\s,;|()<\[*\d&】、]))(?P<label>[\u3400-\u9fff\u3040-\u30ff]{1,10}"
    r"|[^\W\d_\u3400-\u9fff][^\s:=,;|()@*<>&]{0,24}(?: [^\W\d_\u3400-\u9fff][^\s:=,;|()@*<>&]{0,14}){0,2})"
    r"\s{0,2}[:=](?!/)\s{0,2}"
)
#: Four digits behind words such as `ending in`.
TAIL = re.compile(
    r"(?P<sign>尾号|尾號|末四位|后四位|後四位|ending (?:in|with)|ends (?:in|with)|ending|last ?4(?: digits)?"
    r"|last four(?: digits)?|оканчивается на|terminad[ao] en|final|endend auf|끝자리|下4桁)"
    r"(?:是|为|為|no\.?)?\s{0,2}[:=#]?\s{0,2}\*{0,8}(?P<tail>\d{4})(?![\d*])",
    re.IGNORECASE,
)
_TAIL_CONTEXT = 24  # characters before `ending in` that say of what
_BRAND = re.compile(
    r"(?:visa|master ?card|amex|american express|maestro|unionpay|discover|jcb|mir|мир|银联|銀聯)\W{0,4}$",
    re.IGNORECASE,
)
_SEPARATORS = " \t,;|/&:=()[]{}<>\"'、。，；،؛·—–-#"
_PARTS = re.compile(r"[,;|/&、。،؛()\[\]<>\t\"“”]+|\s{2,}|\s[-–—]\s|:\s?")
_HAN_TOKEN = re.compile(rf"[{HAN}{HANGUL}*Xx×〇○]{{2,9}}")
_HAN_LABEL = re.compile("(?:客户|客戶|用户|用戶)?(?:姓名|名字|户名|持卡人|联系人|聯絡人|收件人|借款人)")
_HAN_PREFIX = re.compile(r"^(?:客户|客戶|用户|用戶|姓名|联系人|聯絡人|会员|借款人|持卡人|户名)")
_LETTERS = r"(?:[^\W\d_]|['’\u0900-\u0dff\u0e30-\u0e4e-])*"
_CUT_WORD = rf"[^\W\d_]{_LETTERS}\*+[^\W\d_]*"
_CUT_WORDS = re.compile(rf"(?<![\w*]){_CUT_WORD}(?:[ ]{_CUT_WORD}){{0,4}}(?![\w*])")


@dataclass(slots=True, repr=False)
class FoundValue:
    """A value of a line at start..end. `value` None: several readings, none of which is sure."""

    start: int
    end: int
    value: VisibleValue | None
    number: MaskedNumber | None = None
    readings: dict[Attribute, NumberReading] = field(default_factory=dict)
    labelled: bool = False
    refused: bool = False  # its label says that it is something else


@dataclass(slots=True, repr=False)
class Piece:
    """A value of a line, or the words between two values. `name`: what the words show as a name."""

    text: str
    found: FoundValue | None = None
    name: NameReading | None = None
    labelled: bool = False
    part: LabelKind | None = None  # of a name: FAMILY_NAME or GIVEN_NAME
    extra: list[VisibleValue] = field(default_factory=list)


Whole = tuple[int, int, Field, str]  # start, end, field and canonical form of a whole identifier


def read_pieces(
    line: str, wholes: Sequence[Whole], region: str, role: LabelKind | None = None
) -> list[Piece]:
    """Return the values of a line and the words between them. `role`: of the cell's column or label."""
    found = _found_values(line, wholes, region, role)
    pieces: list[Piece] = []
    at = 0
    for one in found:
        words = line[at : one.start]
        pieces += _words(words if role else words[: label_before(words)[1]], role)
        if not one.refused:
            pieces.append(Piece(line[one.start : one.end], one))
        at = one.end
    return pieces + _words(line[at:], role)


def _found_values(
    line: str, wholes: Sequence[Whole], region: str, role: LabelKind | None
) -> list[FoundValue]:
    found: list[FoundValue] = []
    found += [
        FoundValue(start, end, value, labelled=role is LabelKind.EMAIL)
        for start, end, value in masked_emails(line, VALUES)
    ]
    if role in (None, LabelKind.BIRTH_DATE):
        found += [FoundValue(*match.span(), year_of_birth(match)) for match in BORN.finditer(line)]
    if "*" in line:
        found += _dates(line, role)
        found += _coded(line)
    found += _tails(line, found)
    masked = [
        FoundValue(placed.start, placed.end, None, placed.number, placed.readings)
        for placed in (masked_numbers(_without(line, found), region, VALUES) if "*" in line else ())
    ]
    for one in masked:
        _decide_number(one, line, region, role)
    found += masked
    taken = _Taken(found)
    seen: set[tuple[int, Attribute]] = set()
    for start, end, field_, form in sorted(wholes, key=lambda one: (one[0], one[0] - one[1])):
        attribute = _OF_FIELD.get(field_)
        if attribute is None or not taken.is_free(start, end) or _touches_mask(line, start, end):
            continue
        whole = _whole_value(attribute, form, region)
        label = _label_before(line, start) or role
        wanted = _NUMBERS.get(label) if label else None
        if label is LabelKind.OTHER and attribute is not Attribute.EMAIL:
            continue
        if wanted not in (None, attribute) and not {wanted, attribute} <= {
            Attribute.RESIDENT_ID,
            Attribute.NATIONAL_ID,
        }:
            continue
        if (start, attribute) in seen:
            continue
        seen.add((start, attribute))
        found.append(FoundValue(start, end, whole, labelled=wanted is not None))
    found.sort(key=lambda one: (one.start, -one.end))
    kept: list[FoundValue] = []
    for one in found:
        if (not kept or one.start >= kept[-1].end) and len(kept) < VALUES:
            kept.append(one)
    return kept


def _without(line: str, found: Sequence[FoundValue]) -> str:
    """Return the line with other signs in the places of values."""
    for one in found:
        line = line[: one.start] + "|" * (one.end - one.start) + line[one.end :]
    return line


class _Taken:
    """Places of a line that are values already."""

    def __init__(self, found: Sequence[FoundValue]) -> None:
        self._spans = sorted((one.start, one.end) for one in found)

    def is_free(self, start: int, end: int) -> bool:
        at = bisect_left(self._spans, (end, 0))
        return not any(last > start for _, last in self._spans[max(0, at - VALUES) : at])


def _touches_mask(line: str, start: int, end: int) -> bool:
    return line[start - 1 : start] == "*" or line[end : end + 1] == "*" or line[end : end + 2] in ("-*", ".*")


def _whole_value(attribute: Attribute, form: str, region: str) -> VisibleValue:
    if attribute is Attribute.PHONE:
        return whole_phone(form, region)
    if attribute is Attribute.EMAIL:
        return whole_email(form)
    if attribute is Attribute.NATIONAL_ID:
        return VisibleValue(attribute, form[2:], region=form[:2])
    if attribute is Attribute.IBAN:
        return VisibleValue(attribute, form, region=form[:2])
    return VisibleValue(attribute, form)


def _label_before(line: str, start: int) -> LabelKind | None:
    return role_before(line[max(0, start - _CONTEXT) : start])


def _decide_number(found: FoundValue, line: str, region: str, role: LabelKind | None) -> None:
    """Decide what a masked number is by its label, else by its shape."""
    assert found.number is not None
    label = _label_before(line, found.start) or role
    if label is None and _BRAND.search(line, max(0, found.start - 24), found.start):
        label = LabelKind.CARD
    if label is LabelKind.OTHER:
        found.refused = True
        return
    attribute = _NUMBERS.get(label) if label else None
    if attribute is not None:
        context = line[max(0, found.start - _CONTEXT) : found.start]
        value = reading_as(attribute, found.number, region, context)
        if value is not None:
            found.value, found.labelled = value, True
            return
    sure = [reading.value for reading in found.readings.values() if reading.sure]
    if len(sure) == 1 and (attribute is None or role is None):
        found.value = sure[0]


def _dates(line: str, role: LabelKind | None) -> list[FoundValue]:
    if role not in (None, LabelKind.BIRTH_DATE):
        return []
    found: list[FoundValue] = []
    for pattern in (YEAR_FIRST, YEAR_LAST):
        found += [
            FoundValue(*match.span(), value)
            for match in pattern.finditer(line)
            if "*" in match[0] and (value := birth_date_of(match))
        ]
    return found[:VALUES]


def _coded(line: str) -> list[FoundValue]:
    """Return IBANs, and national numbers that begin with letters."""
    found = []
    for pattern, read in ((IBAN, read_iban), (CODED, read_coded)):
        for match in pattern.finditer(line):
            start, end = match.span()
            if pattern is IBAN:
                end = iban_end(line, start, end)
            if "*" in line[start:end] and (value := read(line[start:end])):
                found.append(FoundValue(start, end, value))
    return found[:VALUES]


def _tails(line: str, found: Sequence[FoundValue]) -> list[FoundValue]:
    """Return what stands behind `ending in` and the like, if it says of what."""
    taken, tails = _Taken(found), []
    for match in TAIL.finditer(line):
        start, end = match.span("tail")
        first = max(0, match.start() - _TAIL_CONTEXT)
        label = re.split(r"[\d*,;|]", line[first : match.end("sign")])[-1]
        role = role_before(label) or _kind_before_tail(label)
        if not taken.is_free(start, end) or role is None:
            continue
        attribute = _NUMBERS.get(role)
        if attribute is None or attribute is Attribute.IBAN:
            continue
        value = VisibleValue(attribute, "", match["tail"], None)
        tails.append(FoundValue(start, end, value, labelled=True))
    return tails[:VALUES]


_TAIL_KINDS = (
    (
        LabelKind.PHONE,
        re.compile(r"手机|手機|电话|電話|phone|mobile|tel(?:efono|éfono)?\b|телефон|전화", re.IGNORECASE),
    ),
    (
        LabelKind.CARD,
        re.compile(r"卡|card|visa|master|amex|карт|tarjeta|cart[aã]o|karte|카드|カード", re.IGNORECASE),
    ),
    (LabelKind.RESIDENT_ID, re.compile(r"身份证|身份證|证件")),
    (LabelKind.NATIONAL_ID, re.compile(r"\bssn\b|social security|\bcpf\b|aadhaar|\bdni\b", re.IGNORECASE)),
)


def _kind_before_tail(words: str) -> LabelKind | None:
    kinds = [role for role, pattern in _TAIL_KINDS if pattern.search(words)]
    return kinds[0] if len(kinds) == 1 else None


# --- words between values


def _words(text: str, role: LabelKind | None) -> list[Piece]:
    """Return the pieces of words between two values: names, labels, anything else."""
    if not text.strip(_SEPARATORS):
        return []
    if role in _NAMES:
        name = read_name(text, whole=True)
        return [Piece(text, name=name, labelled=True, part=role)] if name else []
    if role is LabelKind.BIRTH_DATE:
        value = read_birth_date(text, labelled=True)
        return [Piece(text, extra=[value])] if value else []
    if role is not None:
        return []
    pieces: list[Piece] = []
    at, label = 0, ""
    for match in _LABEL.finditer(text):
        pieces += _labelled_words(text[at : match.start()], label)
        at, label = match.end(), match["label"]
    return pieces + _labelled_words(text[at:], label)


def _labelled_words(text: str, label: str) -> list[Piece]:
    bare = text.strip(_SEPARATORS)
    if not bare:
        return []
    role = role_before(label) if label else None
    if role in _NAMES:
        first = _PARTS.split(bare)[0]
        name = read_name(first, whole=True)
        if name is None or name.value.head.count(" ") > 3:
            name = _name_inside(first)
        if name is None and " " in first and is_han(first[:1]):
            name = read_name(first.split(" ")[0], whole=True)
        return [Piece(first, name=name, labelled=True, part=role)] if name else []
    if role is LabelKind.BIRTH_DATE:
        value = read_birth_date(_PARTS.split(bare)[0], labelled=True)
        return [Piece(bare, extra=[value])] if value else []
    if label and role is not None:
        return []
    pieces = []
    for part in _PARTS.split(bare)[:VALUES]:
        part = part.strip(_SEPARATORS)
        if not part:
            continue
        first, _, rest = part.partition(" ")
        if rest and (kind := role_of_label(first)) in _NAMES:
            if name := read_name(rest, whole=True):
                pieces.append(Piece(part, name=name, labelled=True, part=kind))
            continue
        if (han := _HAN_LABEL.match(part)) and (name := read_name(part[han.end() :], whole=True)):
            pieces.append(Piece(part, name=name, labelled=True, part=LabelKind.NAME))
            continue
        name = read_name(part, whole=True)
        if name is None or not name.sure:
            name = _name_inside(part) or name
        pieces.append(Piece(part, name=name))
    return pieces


def _name_inside(text: str) -> NameReading | None:
    """Return the one masked name among other words."""
    if "*" not in text and not re.search(r"[某Xx×〇○]", text):
        return None
    tokens = [_HAN_PREFIX.sub("", token) for token in _HAN_TOKEN.findall(text)[:VALUES]]
    tokens += [match[0] for match in _CUT_WORDS.finditer(text)][:VALUES]
    names = [name for token in dict.fromkeys(tokens) if (name := read_name(token)) and name.sure]
    return names[0] if len(names) == 1 else None


def cell_values(cell: str, role: LabelKind, region: str, label: str) -> list[FoundValue]:
    """Return the whole or masked values of a cell whose column or label says what they are."""
    attribute = Attribute.EMAIL if role is LabelKind.EMAIL else _NUMBERS.get(role)
    if attribute is None:
        return []
    span = (0, len(cell))
    if attribute is Attribute.EMAIL:
        if (address := read_email(cell)) is not None:
            return [FoundValue(*span, address, labelled=True)]
    elif "*" in cell:
        written = cell.strip(" '\"=")
        value = reading_as(attribute, MaskedNumber.of(written), region, label) if len(written) <= 40 else None
        if value is not None and re.fullmatch(r"[\d*\s().+/A-Za-z-]+", written):
            return [FoundValue(*span, value, labelled=True)]
        return []
    elif role in (LabelKind.CARD_TAIL, LabelKind.PHONE_TAIL):
        digits = cell.strip(" '\"")
        if re.fullmatch(r"\d{4}", digits):
            return [FoundValue(*span, VisibleValue(attribute, "", digits, None), labelled=True)]
        return []
    for field_ in _FIELDS.get(attribute, ()):
        forms = cell_forms(field_, cell, region)
        if forms:
            found = [_whole_value(_OF_FIELD[field_], one[0], region) for one in forms[:4]]
            return [FoundValue(*span, value, labelled=True) for value in found]
    return []
