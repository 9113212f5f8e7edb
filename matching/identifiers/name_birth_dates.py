"""A person's name together with the birth date: neither alone identifies a person.

    name        NFKC, lower case, without accents, titles and characters that are not letters
                Latin, Greek and Cyrillic words in alphabetical order: `Doe, John` becomes `doe john`
                Han, kana and Hangul joined in the order in which they are written: `张 三` becomes `张三`
    birth date  ISO 8601; 03/04/1990 can be two dates: both, or None where one form is wanted

Only the accents of the block U+0300 are removed; voiced kana and Indic vowel signs stay.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from text.folding import narrow_fold

SEPARATOR = "|"  # between name and date, in the canonical form and in the golden value

_TITLES = frozenset(
    {
        "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "madam", "herr", "frau", "mme",
        "mlle", "monsieur", "madame", "sr", "sra", "srta", "senor", "senora", "dott", "jr", "esq", "phd",
    }
)  # fmt: skip
_HONORIFIC = re.compile(r"(?:先生|女士|小姐|太太|博士|教授)$")
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_APOSTROPHES = re.compile(r"['’ʼ`´]")
_JOINED_SCRIPTS = re.compile(
    r"[\u1100-\u11ff\u3005-\u30ff\u3131-\u318e\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af]+"
)
_FEWEST_LETTERS = 2
_NAME_LENGTH = 200  # characters; longer values are not read as names

_EARLIEST, _LATEST = 1850, 2100  # years of birth
_DATE_LENGTH = 60  # characters
_TIME = re.compile(r"[ t]\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[ap]m)?(?:z| ?[+-]\d\d:?\d\d)?$", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([-/. ])(\d\d?)\2(\d\d?)", re.ASCII)
_COMPACT = re.compile(r"(\d{4})()(\d\d)(\d\d)", re.ASCII)
_CHINESE = re.compile(r"(\d{4}) ?(年) ?(\d\d?) ?月 ?(\d\d?) ?日?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d\d?)([-/. ])(\d\d?)\2(\d{4})", re.ASCII)
_DAY_MONTH = re.compile(r"(\d\d?)(?:st|nd|rd|th)?[ .-]*([a-z]{3,9})[ .,-]*(\d{4})", re.ASCII)
_MONTH_DAY = re.compile(r"([a-z]{3,9})[ .-]*(\d\d?)(?:st|nd|rd|th)?[ ,-]+(\d{4})", re.ASCII)
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july",
    "august", "september", "october", "november", "december",
)  # fmt: skip


class DateOrder(StrEnum):
    """What comes first in a date such as 03/04/1990."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


def name_birth_date(value: str, _region: str = "") -> str | None:
    """Return the canonical form of `NAME|DATE`."""
    name, _, born = value.rpartition(SEPARATOR)
    return composite([name], born)


def composite(names: Sequence[str], born: str, order: DateOrder | None = None) -> str | None:
    """Return the canonical form of a name, in one part or several (family name, given name), and a date.

    In Chinese, Japanese and Korean names the family name must come first. Returns None if the date can be two
    dates and no order is given.
    """
    forms = composites(names, born, order)
    return forms[0] if len(forms) == 1 else None


def composites(names: Sequence[str], born: str, order: DateOrder | None = None) -> list[str]:
    """Return all forms that a row of a leak can mean: two if day and month can be exchanged."""
    name = person_name(narrow_fold()(" ".join(names)).text)
    if name is None:
        return []
    days = birth_dates(narrow_fold()(born).text, order)
    return [f"{name}{SEPARATOR}{day.isoformat()}" for day in days]


def person_name(written: str) -> str | None:
    """Return the canonical form of a name; None if fewer than two letters are left without titles."""
    if len(written) > _NAME_LENGTH:
        return None
    folded = unicodedata.normalize("NFKC", _APOSTROPHES.sub("", written)).casefold()
    bare = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", folded)))
    words = "".join(character if unicodedata.category(character)[0] in "LM" else " " for character in bare)
    joined = "".join(_JOINED_SCRIPTS.findall(words))
    spaced = sorted(word for word in _JOINED_SCRIPTS.sub(" ", words).split() if word not in _TITLES)
    untitled = _HONORIFIC.sub("", joined)
    name = " ".join(filter(None, [untitled if len(untitled) >= _FEWEST_LETTERS else joined, *spaced]))
    return name if sum(map(str.isalpha, name)) >= _FEWEST_LETTERS else None


def birth_dates(written: str, order: DateOrder | None = None) -> list[date]:
    """Return the dates that the text can mean.

    Between dots the day comes first; between slashes or hyphens either can.
    """
    if len(written) > _DATE_LENGTH:
        return []
    text = _TIME.sub("", written.strip().lower())
    for pattern in (_YEAR_FIRST, _COMPACT, _CHINESE):
        if match := pattern.fullmatch(text):
            return _existing_dates([(match[1], match[3], match[4])])
    if match := _YEAR_LAST.fullmatch(text):
        day_first, month_first = (match[4], match[3], match[1]), (match[4], match[1], match[3])
        if match[2] == "." or order is DateOrder.DAY_FIRST:
            return _existing_dates([day_first])
        return _existing_dates([month_first] if order else [day_first, month_first])
    if match := _DAY_MONTH.fullmatch(text):
        return _existing_dates([(match[3], _month_number(match[2]), match[1])])
    if match := _MONTH_DAY.fullmatch(text):
        return _existing_dates([(match[3], _month_number(match[1]), match[2])])
    return []


def _month_number(word: str) -> str:
    """Return the number of a month from the first three or more letters of its name; "0" for other words."""
    return str(next((number for number, name in enumerate(_MONTHS, 1) if name.startswith(word)), 0))


def _existing_dates(candidates: Sequence[tuple[str, str, str]]) -> list[date]:
    """Return the dates that exist and are birth dates, each once. Candidates are year, month, day."""
    found: list[date] = []
    for year, month, day in candidates:
        try:
            real = date(int(year), int(month), int(day))
        except ValueError:
            continue
        if _EARLIEST <= real.year <= _LATEST and real not in found:
            found.append(real)
    return found
