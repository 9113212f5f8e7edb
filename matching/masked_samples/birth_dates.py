"""Birth dates of which a part is hidden: 1990-**-**, 1990年**月**日, **/**/1990, 1990-03-xx."""

import re

from matching.identifiers.name_birth_dates import birth_dates
from matching.masked_samples.sample_rows import Attribute, VisibleValue

_YEARS = range(1900, 2031)
_YEAR = r"(?P<year>(?:19|20)\d\d|(?:19|20)\*\*|\*{4})"
_PART = r"(?:\d{1,2}|\*{1,2})"
_BEFORE, _BEHIND = r"(?<![\w*./-])", r"(?![\w*]|[-/.][\d*])"
YEAR_FIRST = re.compile(
    rf"{_BEFORE}{_YEAR}(?P<sign>[-/.]|年 ?)(?P<month>{_PART})(?:(?P=sign)|月 ?)(?P<day>{_PART})日?{_BEHIND}"
    rf"|{_BEFORE}(?P<alone>(?:19|20)\d\d)(?:[-/.]|年 ?)\*{{1,2}}月?{_BEHIND}"
)
YEAR_LAST = re.compile(
    rf"{_BEFORE}(?P<first>{_PART})(?P<sign>[-/.])(?P<second>{_PART})(?P=sign){_YEAR}{_BEHIND}"
)
_COMPACT = re.compile(r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d|\*\*)(?P<day>\*\*)")
_YEAR_ONLY = re.compile(r"(?P<year>(?:19|20)\d\d)(?:年|年生|年出生|生まれ|년생?|\*{2,4}|[-/.]?)")

#: A year with a word behind it that says what it is: 1990年3月出生, 1985 г.р.
BORN = re.compile(
    r"(?<![\w*./-])(?P<year>(?:19|20)\d\d)"
    r"(?:年(?:(?P<month>0?[1-9]|1[0-2])月)?(?:\d{1,2}日)?(?:出生|生まれ|生(?![\u3400-\u9fff]))"
    r"|년생| ?г\. ?р\.)"
)


def year_of_birth(match: re.Match[str]) -> VisibleValue:
    """Return the value of a match of BORN: the year, and the month where it is there."""
    month = f"-{int(match['month']):02}" if match["month"] else ""
    return VisibleValue(Attribute.BIRTH_DATE, match["year"] + month, hidden=None)


def read_birth_date(text: str, *, labelled: bool) -> VisibleValue | None:
    """Return what a text shows of a birth date. `labelled`: its column says that it is one.

    Without a label only a date with a hidden part is one.
    """
    text = text.strip()
    for pattern in (YEAR_FIRST, YEAR_LAST):
        if (match := pattern.fullmatch(text)) and (value := birth_date_of(match)):
            return value
    if not labelled:
        return None
    if match := _COMPACT.fullmatch(text):
        return _value(match["year"], match["month"], match["day"])
    if (match := _YEAR_ONLY.fullmatch(text)) and int(match["year"]) in _YEARS:
        return VisibleValue(Attribute.BIRTH_DATE, match["year"], hidden=None)
    days = birth_dates(text)
    if len(days) == 1:
        return VisibleValue(Attribute.BIRTH_DATE, days[0].isoformat())
    if days and len({day.year for day in days}) == 1:
        return VisibleValue(Attribute.BIRTH_DATE, str(days[0].year), hidden=None)
    return None


def birth_date_of(match: re.Match[str]) -> VisibleValue | None:
    """Return the value of a match of YEAR_FIRST or YEAR_LAST; None: nothing is hidden, or nothing visible."""
    if match.re is YEAR_FIRST:
        if match["alone"]:
            return _value(match["alone"], "**", "**")
        return _value(match["year"], match["month"], match["day"])
    first, second, year = match["first"], match["second"], match["year"]
    if "*" not in match[0]:
        return None
    if "*" in first and "*" not in second and match["sign"] == ".":
        return _value(year, second, first)
    if "*" in year and "*" not in first + second:
        if match["sign"] == "." or (int(first) > 12 >= int(second)):
            return _value(year, second, first)
        return _value(year, first, second) if int(second) > 12 >= int(first) else None
    return _value(year, "**", "**")  # whether a day or a month is visible is not certain


def _value(year: str, month: str, day: str) -> VisibleValue | None:
    if "*" not in year + month + day:
        return None
    if any("*" not in part and not 1 <= int(part) <= last for part, last in ((month, 12), (day, 31))):
        return None
    if "*" in year:
        if "*" in month + day:
            return None
        return VisibleValue(Attribute.BIRTH_DATE, "", f"{int(month):02}-{int(day):02}", hidden=4)
    if int(year) not in _YEARS:
        return None
    if "*" in month:
        return VisibleValue(Attribute.BIRTH_DATE, year, hidden=None if "*" not in day else 4)
    return VisibleValue(Attribute.BIRTH_DATE, f"{year}-{int(month):02}", hidden=2)
