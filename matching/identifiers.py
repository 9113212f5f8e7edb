"""Identifiers of people: e-mail, phone, resident ID, card and IBAN; what they are, and where a text has them.

This is the specification; a faster scanner has to give the same candidates. `canonical` decides about one
value (a cell of a customer list), `scan` finds values in text; both end in the same verification. A candidate
may be nobody's: what is compared afterwards are fingerprints, so a doubtful one costs time and no error.

Text is narrowed first (`text.narrow_fold`): full-width digits and letters, dashes, spaces are ASCII here.
"""

import re
from collections.abc import Callable, Container, Iterator
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from matching.countries import BBAN, PROVINCES
from matching.phones import e164
from matching.text import narrow_fold

NORMALISER_VERSION = 1  # raised whenever `canonical` gives another form for any value

EMAIL_LENGTH = 254  # RFC 5321
_LOCAL_LENGTH = 64
_GROUPS = 6  # groups of digits that one number may be written in
_DIGITS = 19  # digits of the longest number, a card


class Field(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    RESIDENT_ID = "resident_id"
    CARD = "card"
    IBAN = "iban"


class Candidate(NamedTuple):
    """`start` and `end` are offsets in the original text, half open."""

    field: Field
    canonical: str
    start: int
    end: int


def canonical(field: Field, value: str, default_region: str) -> str | None:
    """The one form of a value, None where it is none: the whole value must be the identifier."""
    narrow = narrow_fold()(value).text.strip()
    return _CANONICAL[field](narrow, default_region)


def scan(text: str, default_region: str) -> Iterator[Candidate]:
    """The candidates of a text: e-mails, then numbers, then IBANs, each in order of place."""
    narrow = narrow_fold()(text)
    for find in (_emails, _numbers, _ibans):
        for field, value, start, end in find(narrow.text, default_region):
            yield Candidate(field, value, *narrow.span(start, end))


_Found = tuple[Field, str, int, int]


# --- e-mail

# A subset of RFC 5321 that holds practically every address in use: no quoted or internationalised local part.
# Two hyphens end an address: `name----address----password` is how lists are written. Only `xn--` has them.
_EMAIL = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_%+]|-(?!-)|\.(?=[A-Za-z0-9_%+-])){0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_LOCAL_BACKWARDS = re.compile(r"[A-Za-z0-9_%+.]*(?:-(?!-)[A-Za-z0-9_%+.]*)*+")
_DOMAIN = re.compile(r"[A-Za-z0-9.]+(?:(?:(?<=[Xx][Nn])--|-(?!-))[A-Za-z0-9.]*)*+")


def email(value: str, _region: str = "") -> str | None:
    """Lower case throughout: no provider in use tells cases apart."""
    if len(value) > EMAIL_LENGTH or not _EMAIL.fullmatch(value):
        return None
    return value.lower() if value.index("@") <= _LOCAL_LENGTH else None


def _emails(text: str, _region: str) -> Iterator[_Found]:
    """Outward from each `@`: a text without one costs nothing, and no run of letters is read twice."""
    at = text.find("@")
    while at >= 0:
        # one more than the length: what is longer shall fail, not lose its beginning
        before = _LOCAL_BACKWARDS.match(text[max(0, at - _LOCAL_LENGTH - 1) : at][::-1])
        domain = _DOMAIN.match(text, at + 1, at + 1 + EMAIL_LENGTH)
        if before and domain:
            start = at - len(before[0].rstrip("%+.-"))
            end = at + 1 + len(domain[0].rstrip(".-"))
            value = email(text[start:end])
            if value is not None:
                yield Field.EMAIL, value, start, end
        at = text.find("@", at + 1)


# --- phone

_PHONE_LENGTHS = range(7, 18)
_WRITTEN_PHONE = re.compile(r"\+?[\d ().\-/]{7,40}", re.ASCII)


def phone(value: str, region: str) -> str | None:
    """E.164. A value with + or 00 says its country itself, any other is one of `region`."""
    if not _WRITTEN_PHONE.fullmatch(value):
        return None
    return _phone(re.sub(r"[^0-9]", "", value), region, international=value.startswith("+"))


def _phone(digits: str, region: str, *, international: bool) -> str | None:
    return e164(digits, region, international=international) if len(digits) in _PHONE_LENGTHS else None


# --- resident ID of the People's Republic of China (GB 11643-1999)

_RESIDENT_ID = re.compile(
    r"\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]", re.ASCII
)
_WEIGHTS = [pow(2, 17 - place, 11) for place in range(18)]  # ISO 7064 MOD 11-2


def resident_id(value: str, _region: str = "") -> str | None:
    """18 characters, X large. Province, date and check digit are right; counties change, so any will do."""
    digits = value.replace(" ", "").replace("-", "")
    if not _RESIDENT_ID.fullmatch(digits) or digits[:2] not in PROVINCES:
        return None
    values = [10 if digit in "Xx" else int(digit) for digit in digits]
    if sum(map(int.__mul__, values, _WEIGHTS)) % 11 != 1:
        return None
    return digits.upper() if _is_date(digits[6:14]) else None


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


# --- payment card

# Issuer prefixes (ISO/IEC 7812), first to last, and the lengths of their cards.
_ISSUERS: list[tuple[str, str, Container[int]]] = [
    ("4", "4", {13, 16, 19}),
    ("51", "55", {16}),
    ("2221", "2720", {16}),
    ("34", "34", {15}),
    ("37", "37", {15}),
    ("300", "305", {14, 16}),
    ("36", "36", {14, 16, 19}),
    ("38", "39", {14, 16, 19}),
    ("3528", "3589", range(16, 20)),
    ("2200", "2204", range(16, 20)),
    ("9558", "9559", {16, 18, 19}),
    ("9792", "9792", {16}),
    ("50", "50", range(13, 20)),
    ("56", "69", range(13, 20)),
    ("81", "82", range(16, 20)),
]
_LUHN_DOUBLE = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]


def card(value: str, _region: str = "") -> str | None:
    """13 to 19 digits of a known issuer that pass Luhn."""
    digits = value.replace(" ", "").replace("-", "")
    if not (13 <= len(digits) <= _DIGITS and digits.isascii() and digits.isdigit()):
        return None
    return digits if has_issuer(digits) and luhn(digits) else None


def has_issuer(digits: str) -> bool:
    """Whether a card of so many digits may begin so."""
    return any(
        first <= digits[: len(first)] <= last and len(digits) in lengths for first, last, lengths in _ISSUERS
    )


def luhn(digits: str) -> bool:
    total = sum(map(int, digits[-1::-2])) + sum(_LUHN_DOUBLE[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0


# --- numbers in text

# A run of groups of digits, with at most two characters between two of them. Possessive: read once.
_RUN = re.compile(r"\+?\(?\d(?:[ \-.()/]{0,2}\d)*+[Xx]?", re.ASCII)
_GROUP = re.compile(r"\d+[Xx]?", re.ASCII)
_SHORTEST = 7


def _numbers(text: str, region: str) -> Iterator[_Found]:
    for run in _RUN.finditer(text):
        written = run[0]
        if len(written) < _SHORTEST:
            continue
        if written.isdigit():  # most runs are one group
            if len(written) <= _DIGITS:
                yield from _named(written, run.start(), run.end(), plus=False, region=region)
        else:
            yield from _in_run(text, run, region)


def _in_run(text: str, run: re.Match[str], region: str) -> Iterator[_Found]:
    """A number without its country code is not found again in the number with it."""
    ends: dict[tuple[Field, str], int] = {}
    for digits, start, end in stretches(text, run):
        plus = text[run.start()] == "+" and text[run.start() + 1 : start] in ("", "(")
        for found in _named(digits, start, end, plus=plus, region=region):
            if start >= ends.get(found[:2], 0):
                ends[found[:2]] = end
                yield found


def stretches(text: str, run: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """The digits, start and end of whole groups of a run that may be one number: 7 to 19 digits in a row.

    `110101189901010010 17000000000` holds two, `4111 1111 1111 1111` is one: all are among the stretches.
    """
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(text, run.start(), run.end())]
    for number, (start, _) in enumerate(groups):
        digits = ""
        for first, end in groups[number : number + _GROUPS]:
            digits += text[first:end]
            if len(digits) > _DIGITS:
                break
            if len(digits) >= _SHORTEST:
                yield digits, start, end


def _named(digits: str, start: int, end: int, *, plus: bool, region: str) -> Iterator[_Found]:
    if len(digits) == 18 and (value := resident_id(digits)):
        yield Field.RESIDENT_ID, value, start, end
    digits = digits.rstrip("Xx")
    if len(digits) >= 13 and (value := card(digits)):
        yield Field.CARD, value, start, end
    if value := _phone(digits, region, international=plus):
        yield Field.PHONE, value, start, end


# --- IBAN

IBAN_RUN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,44}+", re.ASCII)
_STRUCTURE = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
_BBAN = {
    country: re.compile(
        re.sub(r"(\d+)([nac])", lambda part: f"{_STRUCTURE[part[2]]}{{{part[1]}}}", structure)
    )
    for country, structure in BBAN.items()
}
IBAN_LENGTHS = {
    country: 4 + sum(map(int, re.findall(r"\d+", structure))) for country, structure in BBAN.items()
}


def iban(value: str, _region: str = "") -> str | None:
    """Without spaces, in capitals; the country's length and structure, and remainder 1 by 97 (ISO 13616)."""
    compact = value.replace(" ", "").replace("-", "").upper()
    structure = _BBAN.get(compact[:2])
    if structure is None or not compact.isascii() or not structure.fullmatch(compact[4:]):
        return None
    turned = compact[4:] + compact[:4]
    if not turned[-2:].isdigit() or int("".join(str(int(character, 36)) for character in turned)) % 97 != 1:
        return None
    return compact


def _ibans(text: str, _region: str) -> Iterator[_Found]:
    for run in IBAN_RUN.finditer(text):
        length = IBAN_LENGTHS.get(run[0][:2].upper())
        end = end_of_iban(run[0], length) if length else None
        if end is not None and (value := iban(run[0][:end])):
            yield Field.IBAN, value, run.start(), run.start() + end


def end_of_iban(written: str, length: int) -> int | None:
    """Where `length` letters and digits end, if a word ends there too."""
    count = 0
    for index, character in enumerate(written):
        count += character.isalnum()
        if count == length:
            return index + 1 if not written[index + 1 : index + 2].isalnum() else None
    return None


# --- why a value is none


def refusal(field: Field, value: str) -> str:
    """Why `canonical` gave None, as a slug: empty, malformed, wrong_check_digit or not_in_use."""
    narrow = narrow_fold()(value).text.strip()
    if not narrow:
        return "empty"
    compact = narrow.replace(" ", "").replace("-", "").upper()
    if field is Field.RESIDENT_ID and re.fullmatch(r"\d{17}[\dX]", compact, re.ASCII):
        return "wrong_check_digit" if _RESIDENT_ID.fullmatch(compact) else "malformed"
    if field is Field.CARD and re.fullmatch(r"\d{13,19}", compact, re.ASCII):
        return "not_in_use" if luhn(compact) else "wrong_check_digit"
    if field is Field.IBAN and compact[:2] in _BBAN and _BBAN[compact[:2]].fullmatch(compact[4:]):
        return "wrong_check_digit"
    if field is Field.PHONE and _WRITTEN_PHONE.fullmatch(narrow):
        return "not_in_use"
    return "malformed"


_CANONICAL: dict[Field, Callable[[str, str], str | None]] = {
    Field.EMAIL: email,
    Field.PHONE: phone,
    Field.RESIDENT_ID: resident_id,
    Field.CARD: card,
    Field.IBAN: iban,
}
