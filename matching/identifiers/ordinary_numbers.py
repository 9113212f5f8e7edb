"""Ordinary numbers: groups of digits in which no identifier begins and which none crosses.

    time          12:30, 12:34:56,789
    date          2024-01-05, 05.01.2024, 1/5/2024, 01/05/24; 20240105 at the beginning of a run
    decimal       0.00012345, 43567.12345678; not 491713920001.0, which is a number that was read as one
    address       192.168.10.254
    version       4.19.0.123456: three groups or more between dots, one of them of a single digit
    postal code   12345-6789; not behind other digits: (11) 96123-4567 is a telephone number of Brazil
    years         2013-2022, the later one last; a year and a time zone behind a time: 12:30:00 2021 -0400
    size          of a file in a line of `ls -l`, before its date
    hexadecimal   a word of hexadecimal digits with two letters or more, or of 16 characters; a UUID; 0x12ab34

`ordinary_end` looks at one group and at what stands around it, so all rules are local. A number in progress
that begins with + or 0 may look like a date or a decimal (0171-12-12-1990, +1.4155550100), so these rules do
not count inside it (`dialled`).
"""

import re
import string

_LONGEST_CHAIN = 8  # groups of digits between dots that are looked at
_LISTED_LENGTH = 160  # characters of a line before the size
_TIME_DIGITS = 2
_HEX_LETTERS = 2
_HEX_LENGTH = 16

_DATE = re.compile(
    r"(?:(?P<year>(?:19|20)\d\d)(?P<between>[-./])(?P<month>\d\d?)(?P=between)(?P<day>\d\d?)"
    r"|(?P<first>\d\d?)(?P<joiner>[-./])(?P<second>\d\d?)(?P=joiner)(?:19|20)\d\d(?!(?P=joiner)\d)"
    r"|(?P<short_first>\d\d?)/(?P<short_second>\d\d?)/\d\d(?!/\d))(?!\d)",
    re.ASCII,
)
_FOUR_GROUPS = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?!\.?\d)", re.ASCII)
_DECIMAL = re.compile(r"\d+\.(\d+)(?!\.?\d)", re.ASCII)
_CHAIN = re.compile(rf"\d+(?:\.\d+){{2,{_LONGEST_CHAIN - 1}}}(?!\d)", re.ASCII)
_DIGITS_APART = re.compile(rf"\d(?:\.\d(?!\d)){{{_LONGEST_CHAIN - 1}}}", re.ASCII)  # a telephone number
_LISTED_DATE = re.compile(r" (?:[A-Z][a-z][a-z] [ \d]\d |(?:19|20)\d\d-\d\d-\d\d)", re.ASCII)
_PERMISSIONS = re.compile(r"[-bcdlps](?:[r-][w-][-xsStT]){3}[ .+@]", re.ASCII)
_POSTAL_CODE = re.compile(r"\d{5}-\d{4}(?![-./]?\d)", re.ASCII)
_YEARS = re.compile(r"((?:19|20)\d\d)-((?:19|20)\d\d)(?![-./]?\d)", re.ASCII)
_ZONED_YEAR = re.compile(r":\d\d (?:19|20)\d\d [+-](?:0\d|1[0-4])[0-5]\d(?!\d)", re.ASCII)
_STATE = re.compile(r"[A-Z]{2} ", re.ASCII)
_WORD = re.compile(r"[0-9A-Za-z]*+", re.ASCII)
_HEX_WORD = re.compile(r"[0-9A-Fa-f]++", re.ASCII)
_HEX_LITERAL = re.compile(r"0[xX][0-9A-Fa-f]++", re.ASCII)
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])", re.ASCII
)
_BESIDE = frozenset(string.ascii_letters + "-")
_UUID_FIELDS = (0, 9, 14, 19, 24)  # where they begin
_BARE_DATE = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"(?:(?:[01]\d|2[0-3])(?:[0-5]\d){1,2})?",
    re.ASCII,
)
_EPOCH_SECONDS = re.compile(r"1\d{9}", re.ASCII)  # September 2001 to May 2033


def is_bare_date(digits: str) -> bool:
    """Return whether digits alone are a date, or a date and a time: 20240105, 20240105123456."""
    return bool(_BARE_DATE.fullmatch(digits))


def is_bare_time(digits: str) -> bool:
    """Return whether digits alone are a date, a date and a time, or seconds since 1970."""
    return is_bare_date(digits) or bool(_EPOCH_SECONDS.fullmatch(digits))


def is_ordinary_value(value: str) -> bool:
    """Return whether a whole cell is a date, an address or a decimal below one, and no telephone number."""
    if is_bare_date(value):
        return True
    date, four = _DATE.fullmatch(value), _FOUR_GROUPS.fullmatch(value)
    is_decimal = value.startswith("0.") and _DECIMAL.fullmatch(value) is not None
    return (
        (date is not None and _is_date(value, date)) or (four is not None and _is_address(four)) or is_decimal
    )


class HexadecimalWords:
    """The hexadecimal words, literals and UUIDs of a text, asked for in the order of their groups of digits.

    Each word is read once.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = self._end = 0  # of the last word
        self._is_hexadecimal = False

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the place of what the group start..end is a part of, if that is hexadecimal."""
        if not self.may_be_in_word(start, end):
            return None
        text = self._text
        if self._end <= start:
            self._read_word(start, end)
        for before in _UUID_FIELDS:
            if self._start >= before and (uuid := _UUID.match(text, self._start - before)):
                return uuid.span()
        return (self._start, self._end) if self._is_hexadecimal else None

    def may_be_in_word(self, start: int, end: int) -> bool:
        """Return whether a letter or a hyphen stands beside the group."""
        text = self._text
        return text[start - 1 : start] in _BESIDE or text[end : end + 1] in _BESIDE

    def _read_word(self, start: int, end: int) -> None:
        text = self._text
        while start > 0 and text[start - 1].isalnum() and text[start - 1].isascii():
            start -= 1
        word = _WORD.match(text, end)
        self._start, self._end = start, word.end() if word else end
        written = text[self._start : self._end]
        self._is_hexadecimal = bool(_HEX_LITERAL.fullmatch(written)) or (
            bool(_HEX_WORD.fullmatch(written)) and _is_hexadecimal(written, text[start - 1 : start])
        )


def _is_hexadecimal(word: str, before: str) -> bool:
    if before and before in "%=":  # %3D0171...: the first two are an escape
        word = word[2:]
    letters = len(word) - sum(map(str.isdigit, word))
    return letters >= _HEX_LETTERS or (letters > 0 and len(word) >= _HEX_LENGTH)


def ordinary_end(text: str, start: int, end: int, *, begins: bool, plus: bool, dialled: bool) -> int:
    """Return where the ordinary number that begins with the group start..end ends; `start`: it is none.

    `begins`: no number is in progress; `plus`: a + stands before the group; `dialled`: the number in progress
    has fewer than seven digits and begins with + or 0.
    """
    if begins and text[start - 1 : start] == "." and is_digit_at(text, start - 2):
        return end
    if _is_time(text, start, end):
        return end
    if plus or dialled:
        return start
    if begins and (is_bare_date(text[start:end]) or _is_listed_size(text, start, end)):
        return end
    if (date := _DATE.match(text, start)) and _is_date(text, date):
        return date.end()
    if text[end : end + 1] == ".":
        return _dotted_end(text, start, end)
    if not begins:
        return start
    years = _years_end(text, start)
    return years if years > start else _postal_code_end(text, start)


def is_digit_at(text: str, place: int) -> bool:
    return place >= 0 and "0" <= text[place : place + 1] <= "9"


def _is_time(text: str, start: int, end: int) -> bool:
    """Return whether a group is a part of a time: beside a colon, or the thousandths behind seconds."""
    if end - start <= _TIME_DIGITS:
        before = text[start - 1 : start] == ":" and is_digit_at(text, start - 2)
        return before or (text[end : end + 1] == ":" and is_digit_at(text, end + 1))
    return (
        end - start == 3
        and start > 4
        and text[start - 1] == ","
        and is_digit_at(text, start - 2)
        and is_digit_at(text, start - 3)
        and text[start - 4] == ":"
    )


def _is_listed_size(text: str, start: int, end: int) -> bool:
    """Return whether the group is the size in a line of `ls -l`, which begins with permissions."""
    if text[start - 1 : start] != " " or not _LISTED_DATE.match(text, end):
        return False
    low = max(0, start - _LISTED_LENGTH)
    begin = text.rfind("\n", low, start) + 1
    return (begin > 0 or low == 0) and _PERMISSIONS.match(text, begin) is not None


def _is_date(text: str, date: re.Match[str]) -> bool:
    if date["year"]:
        return 1 <= int(date["month"]) <= 12 and 1 <= int(date["day"]) <= 31
    joiner = date["joiner"] or "/"
    start = date.start()
    if text[start - 1 : start] == joiner and is_digit_at(text, start - 2):
        return False  # the last groups of a longer number
    first, second = sorted(
        (int(date["first"] or date["short_first"]), int(date["second"] or date["short_second"]))
    )
    return first in range(1, 13) and second in range(1, 32)


def _dotted_end(text: str, start: int, end: int) -> int:
    """Return where the address, decimal or version ends; `start`: it is none of them."""
    if text[start - 1 : start] == "." and is_digit_at(text, start - 2):
        return start  # the chain begins with another group
    four = _FOUR_GROUPS.match(text, start)
    if four and _is_address(four):
        return four.end()
    written = text[start:end]
    if written[0] == "0" and len(written) > 1:
        return start
    if decimal := _DECIMAL.match(text, start):
        return start if is_read_as_number(text, start, end) else decimal.end()
    chain = _CHAIN.match(text, start)
    if chain is None or (written == "0" and _DIGITS_APART.match(text, start)):
        return start
    return chain.end() if _is_version(chain[0].split(".")) else start


def _is_address(four: re.Match[str]) -> bool:
    return all(int(part) < 256 and (part == "0" or part[0] != "0") for part in four.groups())


def is_read_as_number(text: str, start: int, end: int) -> bool:
    """Return whether `.0` or `.00` follows: a program read the group as a number and wrote it so."""
    decimal = _DECIMAL.match(text, start)
    return decimal is not None and end - start >= 7 and decimal[1] in ("0", "00")


def _is_version(groups: list[str]) -> bool:
    """A prefix and three digits, with eleven in all, are a telephone number: 8.495.123.45.67."""
    if any(len(group) == 1 for group in groups[1:]):
        return True
    return len(groups[0]) == 1 and not (len(groups[1]) == 3 and sum(map(len, groups)) == 11)


def _years_end(text: str, start: int) -> int:
    if start >= len(":00 ") and (zoned := _ZONED_YEAR.match(text, start - len(":00 "))):
        return zoned.end()
    years = _YEARS.match(text, start)
    if years is None or years[1] > years[2] or _is_behind_digits(text, start):
        return start
    return years.end()


def _is_behind_digits(text: str, start: int) -> bool:
    return text[start - 1 : start] in ("-", ".", "/") and is_digit_at(text, start - 2)


def _postal_code_end(text: str, start: int) -> int:
    code = _POSTAL_CODE.match(text, start)
    if code is None or _is_behind_digits(text, start):
        return start
    return code.end() if text[start] != "0" or _STATE.match(text, start - 3) else start
