"""National numbers of persons: tax, insurance and identity numbers, by country, checked with python-stdnum.

    canonical form   the country's code, then capitals without separators: `PL44051401359`
    in a text        the forms of FORMS whose dates and check digits are right
    in a cell        numbers of all COUNTRIES, also with their leading zeros lost

A number may be right in several countries (Czech and Slovak ones always are); each gives a form of its own. A
column that is enrolled has one country: that which is declared, or that of which most of its numbers are.

The number of China is the field `resident_id`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from matching.identifiers.fields import Field, FoundIdentifier
from matching.identifiers.ordinary_numbers import is_ordinary_value

DECLARED_COUNTRY = ":"  # between column and country: national_id=4:PL
_LOST_ZEROS = 3  # most leading zeros that a spreadsheet dropped
_CELL_LENGTH = 40  # characters
_COUNTRY_SHARE = 0.8  # of a column's numbers
_FIRST_CELLS = 10


class Country(NamedTuple):
    """How a country's numbers are checked.

    `shape`: a number of digits, or a pattern of the letters and digits of a number.
    """

    modules: str  # of stdnum
    shape: int | str
    is_checked: bool = True  # has a check digit; others are read only where the country is declared


COUNTRIES: dict[str, Country] = {
    "AR": Country("ar.cuit", 11),
    "AT": Country("at.vnr", 10),
    "AU": Country("au.tfn", 9),
    "BE": Country("be.nn", 11),
    "BG": Country("bg.egn", 10),
    "BR": Country("br.cpf", 11),
    "CA": Country("ca.sin", 9),
    "CH": Country("ch.ssn", 13),
    "CL": Country("cl.rut", r"\d{7,8}[\dK]"),
    "CZ": Country("cz.rc", 10),
    "DE": Country("de.idnr", 11),
    "DK": Country("dk.cpr", 10, is_checked=False),
    "DO": Country("do.cedula", 11),
    "EC": Country("ec.ci", 10),
    "EE": Country("ee.ik", 11),
    "ES": Country("es.dni es.nie", r"[\dXYZ]\d{7}[A-Z]"),
    "FI": Country("fi.hetu", r"\d{6}[A-Y+-]?\d{3}[0-9A-Y]"),
    "FR": Country("fr.nir", r"[12]\d{4}[\dAB]\d{9}"),
    "GR": Country("gr.amka", 11),
    "HR": Country("hr.oib", 11),
    "ID": Country("id.nik", 16, is_checked=False),
    "IE": Country("ie.pps", r"\d{7}[A-W][A-IW]?"),
    "IL": Country("il.idnr", 9),
    "IN": Country("in_.aadhaar", 12),
    "IS": Country("is_.kennitala", 10),
    "IT": Country("it.codicefiscale", r"[A-Z]{6}[0-9A-Z]{10}"),
    "JP": Country("jp.in_", 12),
    "KR": Country("kr.rrn", 13),
    "LT": Country("lt.asmens", 11),
    "MX": Country("mx.curp", r"[A-Z]{4}\d{6}[A-Z]{6}[0-9A-Z]\d"),
    "MY": Country("my.nric", 12, is_checked=False),
    "NL": Country("nl.bsn", 9),
    "NO": Country("no.fodselsnummer", 11),
    "PK": Country("pk.cnic", 13, is_checked=False),
    "PL": Country("pl.pesel", 11),
    "PT": Country("pt.nif pt.cc", r"\d{9}|\d{9}[0-9A-Z]{2}\d"),
    "RO": Country("ro.cnp", 13),
    "RU": Country("ru.inn", 12),
    "SE": Country("se.personnummer", 10),
    "SI": Country("si.emso", 13),
    "SK": Country("sk.rc", 10),
    "TH": Country("th.pin", 13),
    "TR": Country("tr.tckimlik", 11),
    "UA": Country("ua.rntrc", 10),
    "US": Country("us.ssn", 9, is_checked=False),
    "ZA": Country("za.idnr", 13),
}

# Forms in which a text may have a number, and the countries that write it so: 9 is a digit, A a letter, X
# either. Numbers of digits alone are among them where two check digits, or one and a date, are right.
FORMS: dict[str, str] = {
    "99999999999": "PL BR TR NO EE LT BE AR GR",
    "999999999999": "IN RU",
    "9999999999999": "RO ZA KR SI CH",
    "999999999999999": "FR",
    "9 99 99 9X 999 999 99": "FR",
    "9-9999-99999-99-9": "TH",
    "9.999.999-X": "CL",
    "99.999.999-X": "CL",
    "99.99.99-999.99": "BE",
    "99.99.99-999-99": "BE",
    "99-99999999-9": "AR",
    "999.999.999-99": "BR",
    "999.9999.9999.99": "CH",
    "9999 9999 9999": "IN",
    "9999-9999-9999": "IN",
    "999999-9999999": "KR",
    "999999-999X": "SE FI",
    "999999+999X": "SE FI",
    "999999A999X": "FI",
    "999999/9999": "CZ SK",
    "999999 99999": "NO",
    "99999999-9999": "SE",
    "99999999A": "ES",
    "99999999-A": "ES",
    "A9999999A": "ES",
    "A-9999999-A": "ES",
    "AAAAAA99A99A999A": "IT",
    "AAAA999999AAAAAAX9": "MX",
}
_FOUND_IN_TEXTS = frozenset(" ".join(FORMS.values()).split())
_CHECKED = [country for country, how in COUNTRIES.items() if how.is_checked]
#: The countries that write digits alone, in the order of the native scanner.
PLAIN_COUNTRIES = tuple(
    country for form, countries in FORMS.items() if not form.strip("9") for country in countries.split()
)
_SIGNS = {"9": "[0-9]", "A": "[A-Za-z]", "X": "[0-9A-Za-z]"}
_SEPARATORS = re.compile(r"[ ./_-]")
_DIGITS = re.compile(r"\d++", re.ASCII)
# .0 is no part of a number that a program read as a number
_GOES_ON = re.compile(r"[0-9A-Za-z]|(?!\.00?(?![0-9A-Za-z]))[./-]\d", re.ASCII)
_GOES_ON_SPACED = re.compile(_GOES_ON.pattern + r"| \d{4}(?!\d)", re.ASCII)


class _Form(NamedTuple):
    pattern: re.Pattern[str]
    letters: int  # characters before the first digit
    spaced: bool  # four groups of four are a card
    plain: bool  # digits alone
    countries: tuple[str, ...]


def _forms_by_digits() -> dict[int, list[_Form]]:
    """Return the forms by the number of digits in their first group."""
    found: dict[int, list[_Form]] = {}
    for written, countries in FORMS.items():
        letters = len(written) - len(written.lstrip("A-"))
        first = len(written[letters:]) - len(written[letters:].lstrip("9"))
        pattern = re.compile("".join(_SIGNS.get(sign, re.escape(sign)) for sign in written))
        one = _Form(
            pattern, letters, written == "9999 9999 9999", not written.strip("9"), tuple(countries.split())
        )
        found.setdefault(first, []).append(one)
    return found


_FORMS = _forms_by_digits()


def national_id(value: str, region: str = "") -> str | None:
    """Return the first of the forms, that of the region before others."""
    found = national_id_forms(value)
    return next((form for form in found if form.startswith(region)), next(iter(found), None))


def national_id_forms(value: str, countries: Iterable[str] = COUNTRIES) -> list[str]:
    """Return the forms of a cell: one for each of the countries in which the number is right.

    `PL:44051401359` is the number of one country. Of others, countries without a check digit come last.
    """
    country, declared, rest = value.partition(DECLARED_COUNTRY)
    if declared:
        form = form_of_country(rest, country.upper()) if country.upper() in COUNTRIES else None
        return [form] if form else []
    found = ((COUNTRIES[country].is_checked, form_of_country(value, country)) for country in countries)
    forms = [(is_checked, form) for is_checked, form in found if form]
    return [form for _, form in sorted(forms, key=lambda one: not one[0])]


def national_ids_of_cell(value: str, countries: Iterable[str]) -> list[str]:
    """Return the forms of a cell, without those of digits alone that a scan of the text finds anyway."""
    if value.isdigit():
        countries = [
            one for one in countries if one not in PLAIN_COUNTRIES or len(value) != COUNTRIES[one].shape
        ]
    return national_id_forms(value, countries)


def form_of_country(value: str, country: str) -> str | None:
    """Return the canonical form of a cell as a number of one country."""
    written = value.strip().replace("_", "").upper()
    if len(written) > _CELL_LENGTH or not written.isascii():
        return None
    if not written.isalnum() and is_ordinary_value(written):  # a date
        return None
    shape, compact = COUNTRIES[country].shape, _SEPARATORS.sub("", written).replace("+", "")
    if isinstance(shape, int):
        if not compact.isdigit() or not 0 <= shape - len(compact) <= _LOST_ZEROS:
            return _checked_form(written, country) if country == "SE" and len(compact) == 12 else None
        if len(compact) < shape and not COUNTRIES[country].is_checked:
            return None
        return _checked_form(compact.zfill(shape) if len(compact) < shape else written, country)
    return _checked_form(written, country) if _shape(country).fullmatch(compact) else None


@cache
def _shape(country: str) -> re.Pattern[str]:
    return re.compile(str(COUNTRIES[country].shape), re.ASCII)


def _checked_form(written: str, country: str) -> str | None:
    for module in _modules(country):
        if not module.is_valid(written):
            continue
        compact = module.compact(written).upper()
        if country == "FI":  # the sign tells the century
            return f"FI{compact}"
        compact = _SEPARATORS.sub("", compact).replace("+", "")
        if len(set(compact)) > 2:
            return f"{country}{compact[-10:] if country == 'SE' else compact}"
    return None


@cache
def _modules(country: str) -> Sequence[ModuleType]:
    return [import_module(f"stdnum.{name}") for name in COUNTRIES[country].modules.split()]


def country_of_column(cells: Iterable[str], region: str = "") -> str | None:
    """Return the country of which most of the filled cells are numbers; None if it is not most of them.

    Of two countries with as many numbers: the one whose numbers are as long, the one that the region names,
    the one whose numbers are rarer.
    """
    filled = [cell for cell in dict.fromkeys(map(str.strip, cells)) if cell]
    # A few cells rule most countries out.
    for some in (filled[:_FIRST_CELLS], filled):
        enough = _COUNTRY_SHARE * len(some)
        shares = {country: share for country in _CHECKED if (share := _share(some, country)) >= enough}
        if not filled or not shares:
            return None
    return max(
        shares,
        key=lambda country: (
            shares[country],
            all(_has_length(cell, country) for cell in filled[:_FIRST_CELLS]),
            country == region,
            country in _FOUND_IN_TEXTS,
        ),
    )


def _has_length(cell: str, country: str) -> bool:
    """Return whether the cell has as many digits as the country's numbers."""
    shape = COUNTRIES[country].shape
    return not isinstance(shape, int) or sum(map(str.isdigit, cell)) == shape


def _share(cells: Sequence[str], country: str) -> int:
    """Return how many cells are numbers of the country; 0 as soon as too few of them are."""
    missing = 0
    for cell in cells:
        missing += form_of_country(cell, country) is None
        if missing > (1 - _COUNTRY_SHARE) * len(cells):
            return 0
    return len(cells) - missing


def national_ids(
    text: str,
    countries: Collection[str] = COUNTRIES,
    *,
    plain: bool = True,
    places: Iterable[int] | None = None,
) -> Iterator[FoundIdentifier]:
    """Yield the numbers of a text in order of place, and then of country. `plain`: also digits alone.

    `places`: where the digits begin that are looked at; None: all.
    """
    for digits in _digit_groups(text, places):
        start, end = digits.span()
        for form in _FORMS.get(end - start, ()):
            if form.plain and not plain:
                continue
            found = form.pattern.match(text, start - form.letters) if start >= form.letters else None
            if found and _stands_alone(text, *found.span(), spaced=form.spaced):
                for country in form.countries:
                    if country in countries and (value := _checked_form(found[0].upper(), country)):
                        yield Field.NATIONAL_ID, value, *found.span()


def _digit_groups(text: str, places: Iterable[int] | None) -> Iterator[re.Match[str]]:
    if places is None:
        return _DIGITS.finditer(text)
    return filter(None, (_DIGITS.match(text, at) for at in places))


def _stands_alone(text: str, start: int, end: int, *, spaced: bool) -> bool:
    """Return whether no digit or letter goes on, directly or behind a separator."""
    before = text[max(0, start - 2) : start]
    if before[-1:].isascii() and before[-1:].isalnum():
        return False
    if before[-1:] == "+" or (
        len(before) == 2 and "0" <= before[0] <= "9" and before[1] in (" ./-" if spaced else "./-")
    ):
        return False
    return (_GOES_ON_SPACED if spaced else _GOES_ON).match(text, end) is None
