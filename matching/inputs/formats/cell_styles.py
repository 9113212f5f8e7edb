"""How a column writes its dates, numbers and codes: facts about a program, not about a person.

A style is that of nearly all filled cells, or "". Shapes replace each letter by A, each digit by 9 and each
Chinese character by 字, so that a list of codes can be compared without its codes.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

CELLS_LIMIT = 200  # cells of a column that are looked at
_LEAST_CELLS = 5
_MOST = 0.9
_LONGEST = 40  # characters of a cell
_CODE_LENGTH = 16
_CODES_LIMIT = 40  # different codes of a column; more of them are names or numbers
_SHAPES_LIMIT = 12
_PADDED_LENGTH = 6  # digits of a padded number, at least

#: Styles that so many programs write that agreeing on them says nothing.
COMMON_STYLES = frozenset(
    {
        "YYYY-MM-DD",
        "YYYY/MM/DD",
        "YYYYMMDD",
        "DD.MM.YYYY",
        "DD/MM/YYYY",
        "MM/DD/YYYY",
        "NN/NN/YYYY",
        "YYYY-MM-DD HH:MM:SS",
        "YYYY-MM-DD HH:MM",
        "YYYY-MM-DDTHH:MM:SSZ",
        "unix seconds",
        "1234.5",
        "1234.56",
    }
)

_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_YEAR, _TIME = r"(?:19|20)\d\d", r"(?:[01]\d|2[0-3]):[0-5]\d"
_MONTH_NAME = r"(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
_PATTERNS = tuple(
    (style, re.compile(pattern, re.IGNORECASE | re.ASCII))
    for style, pattern in (
        ("YYYY-MM-DD", rf"{_YEAR}-{_MONTH}-{_DAY}"),
        ("YYYY/MM/DD", rf"{_YEAR}/{_MONTH}/{_DAY}"),
        ("YYYY.MM.DD", rf"{_YEAR}\.{_MONTH}\.{_DAY}"),
        ("YYYY-MM-DD HH:MM", rf"{_YEAR}-{_MONTH}-{_DAY} {_TIME}"),
        ("YYYY-MM-DD HH:MM:SS", rf"{_YEAR}-{_MONTH}-{_DAY} {_TIME}:\d\d"),
        ("YYYY-MM-DD HH:MM:SS.fff", rf"{_YEAR}-{_MONTH}-{_DAY} {_TIME}:\d\d\.\d{{1,9}}"),
        ("YYYY-MM-DDTHH:MM:SS", rf"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}:\d\d"),
        ("YYYY-MM-DDTHH:MM:SSZ", rf"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}:\d\d(?:\.\d+)?Z"),
        ("YYYY-MM-DDTHH:MM:SS+HH:MM", rf"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}:\d\d(?:\.\d+)?[+-]\d\d:?\d\d"),
        ("YYYYMMDD", rf"{_YEAR}{_MONTH}{_DAY}"),
        ("YYYYMMDDHHMMSS", rf"{_YEAR}{_MONTH}{_DAY}(?:[01]\d|2[0-3])[0-5]\d[0-5]\d"),
        ("YYMMDD", rf"\d\d{_MONTH}{_DAY}"),
        ("DD.MM.YYYY", rf"{_DAY}\.{_MONTH}\.{_YEAR}"),
        ("DD.MM.YY", rf"{_DAY}\.{_MONTH}\.\d\d"),
        ("DD-MM-YYYY", rf"{_DAY}-{_MONTH}-{_YEAR}"),
        ("DD/MM/YYYY", rf"{_DAY}/{_MONTH}/{_YEAR}"),
        ("MM/DD/YYYY", rf"{_MONTH}/{_DAY}/{_YEAR}"),
        ("DD-MON-YY", rf"{_DAY}-{_MONTH_NAME}-\d\d"),
        ("DD-MON-YYYY", rf"{_DAY}-{_MONTH_NAME}-{_YEAR}"),
        ("DD MON YYYY", rf"{_DAY} {_MONTH_NAME} {_YEAR}"),
        ("YYYY nian MM yue DD ri", rf"{_YEAR}年{_MONTH}月{_DAY}日"),
        ("unix seconds", r"1\d{9}"),
        ("unix milliseconds", r"1\d{12}"),
        ("1234.5", r"-?\d+\.\d"),
        ("1234.56", r"-?\d+\.\d\d"),
        ("1234.5678", r"-?\d+\.\d{4}"),
        ("1234.567890", r"-?\d+\.\d{6}"),
        ("1,234.56", r"-?\d{1,3}(?:,\d{3})*\.\d\d"),
        ("1.234,56", r"-?\d{1,3}(?:\.\d{3})*,\d\d"),
        ("1234,56", r"-?\d+,\d\d"),
    )
)
#: The names of all styles but `padded N`.
STYLES = ("NN/NN/YYYY", *(style for style, _ in _PATTERNS))
_SHAPE_OF = tuple(
    (re.compile(pattern), sign)
    for pattern, sign in ((r"[\u3400-\u9fff]", "字"), (r"\d", "9"), (r"[^\W\d_字]", "A"))
)
_SHAPE = re.compile(r"[A9字._/-]{1,16}")


class CellStyles(NamedTuple):
    """`style` "": none; `shapes` empty: the cells are no codes."""

    style: str
    shapes: tuple[str, ...]


def styles_of(cells: Iterable[str]) -> CellStyles:
    """Return the style and the shapes of a column's cells; no cell is kept."""
    filled = [cell.strip() for cell in cells if cell.strip()][:CELLS_LIMIT]
    if len(filled) < _LEAST_CELLS:
        return CellStyles("", ())
    style = _style_of([cell for cell in filled if len(cell) <= _LONGEST], len(filled))
    return CellStyles(style, () if style else _shapes_of(filled))


def style_named(name: str) -> str | None:
    """Return the style of this name, as it is compared; None: there is no such style."""
    wanted = " ".join(name.split())
    if padded := re.fullmatch(r"padded (\d{1,2})", wanted):
        return wanted if _PADDED_LENGTH <= int(padded[1]) <= _LONGEST else None
    return next((style for style in STYLES if style.casefold() == wanted.casefold()), None)


def shape_of(code: str) -> str:
    """Return `A9` for `B2`; "" where the code has other signs or is too long."""
    for pattern, sign in _SHAPE_OF:
        code = pattern.sub(sign, code)
    return code if _SHAPE.fullmatch(code) else ""


def is_common_shape(shape: str) -> bool:
    """Whether so many lists have codes of this shape that it says nothing: `9`, `AA`, `999`."""
    return len(set(shape)) < 2


def _style_of(cells: Sequence[str], filled: int) -> str:
    def most(test: Callable[[str], object]) -> bool:
        return sum(bool(test(cell)) for cell in cells) >= _MOST * filled

    found = [style for style, pattern in _PATTERNS if most(pattern.fullmatch)]
    if {"DD/MM/YYYY", "MM/DD/YYYY"} <= set(found):
        return "NN/NN/YYYY"  # all days are below 13
    if length := _padded_length(cells, filled):
        return f"padded {length}"
    if "1,234.56" in found and "1234.56" in found:
        found = ["1234.56"]  # no number has a thousand
    if "1.234,56" in found and "1234,56" in found:
        found = ["1234,56"]
    return found[0] if found else ""


def _padded_length(cells: Sequence[str], filled: int) -> int:
    """Return the length to which numbers are filled up with zeros; 0 where they are not."""
    numbers = [cell for cell in cells if cell.isascii() and cell.isdigit()]
    if len(numbers) < _MOST * filled or len({len(number) for number in numbers}) != 1:
        return 0
    padded = sum(number.startswith("00") for number in numbers)
    length = len(numbers[0])
    return length if length >= _PADDED_LENGTH and padded * 2 > len(numbers) else 0


def _shapes_of(filled: Sequence[str]) -> tuple[str, ...]:
    codes = set(filled)
    if len(codes) > _CODES_LIMIT or len(codes) * 2 > len(filled) or max(map(len, codes)) > _CODE_LENGTH:
        return ()
    shapes = {shape_of(code) for code in codes}
    return tuple(sorted(shapes)) if "" not in shapes and len(shapes) <= _SHAPES_LIMIT else ()
