"""Signs that stand for hidden characters, brought to one: `*`.

    always       ＊ ✱ ∗ ● • ○ ■ □ █ ▒ and their like; an escaped star (`138\\*\\*\\*\\*1234`)
    in a run     x X × ? # _ beside a digit: 138xxxx1234, 1990-??-??
    by length    dots, dashes and `~`, only where a mobile number, resident ID or card is as long: 138----1234

Emphasis of Markdown (`**Phone:**`) and the bullet of a list are removed; they hide nothing. A text keeps its
number of lines.
"""

import re

from text.escapes import unescaped
from text.folding import narrow_fold

MASK = "*"
#: Characters of a line that are read; nobody writes a person in a longer line.
LINE_LENGTH = 2_000

#: Signs that hide a character wherever they stand, beside `*`.
STARS = "✱✲✳∗⁎﹡●•○◯■▪█▇▓▒░□◆⬤∎★✕✖╳"
_TO_MASK = str.maketrans(dict.fromkeys(STARS, MASK))
_BULLET = re.compile(r"^(\s{0,8})(?:[•●○◯■□▪◆★*·◦‣]|[-–—](?= ))\s{1,4}(?=\S)(?![*•●○■□])")
_ESCAPED = re.compile(r"\\\*")
_LITERAL = "\ue000"  # a star that is no sign of Markdown
#: Around words, or around a number alone: `**77, Jo**` may be the ends of two masked values.
_EMPHASIS = re.compile(
    r"(?<![\w*])(\*{1,3})((?=[^\W\d_])[^*\n]{1,200}(?<=[\w:.!?)])|\+?\d[\d ().-]{0,40}(?<=[\d)]))\1(?![\w*])"
)
#: Emphasis around a masked value: **138****1234**.
_EMPHASISED_MASK = re.compile(r"(?<![\w*])(\*{2,3})(?=\w)([^\s,;|@:]{3,60})(?<=\w)\1(?![\w*])")
_NUMBERING = re.compile(r"^(\s{0,8})(?:[(\[]?\d{1,5}(?:[.)\]]|\s?、)|#\d{1,5}[.:)]?)\s{1,4}(?=\D)")
_UNDERLINED = re.compile(r"(?<![\w*])(__)(?=[^\s_])([^_\n]{1,200})(?<=[^\s_])\1(?!\w)")
#: The mask of a name before a number: 李*139****5678.
_BEFORE_NUMBER = re.compile(r"(?<=[\u3400-\u9fff])(\*{1,3})(?=\+?\d{3})")
_QUOTED = re.compile(r"`([^`\n]{1,200})`")

_CROSSES = re.compile(r"(?<![^\W\d_])[xXхХ×]{2,24}(?![^\W\d_])")
#: One that is cut off from its run: 0151x xxx4035, 0812xx x5362.
_LONE_CROSS = re.compile(r"(?<=\d)[xX](?=[ .-]\*)|(?<=\*[ .-])[xX](?=\d)")
_MARKS = re.compile(r"\?{2,24}|#{2,24}|_{2,24}")
_BESIDE, _RUNS = frozenset("0123456789*"), frozenset("xX?#_")
_SEPARATORS = " -./()年月"
_BY_LENGTH = re.compile(r"(?<![\d*])(\d{3,6})(-{3,12}|\.{3,12}|~{2,12}|·{2,12}|…{1,6})(\d{4})(?![\d*])")
_HIDDEN_PLACES = {7: (11, 16), 8: (16,), 10: (16, 18)}  # visible digits: length of the number


def narrow_lines(text: str) -> list[str]:
    """Return the lines of a text in ASCII digits and signs where they look so, without line ends."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    narrow = narrow_fold()("\n".join(line[:LINE_LENGTH] for line in lines)).text.split("\n")
    if len(narrow) == len(lines):
        return narrow
    # A character became a line end.
    return [narrow_fold()(line[:LINE_LENGTH]).text.replace("\n", " ") for line in lines]


def plain_cell(cell: str) -> str:
    """Return a cell with ASCII digits and with `*` for hidden characters."""
    narrow = cell if cell.isascii() else narrow_fold()(cell[:LINE_LENGTH]).text
    return _with_masks(narrow[:LINE_LENGTH].replace("\n", " ").strip())


def plain_line(narrow: str) -> str:
    """Return a narrowed line with `*` for hidden characters."""
    narrow = _NUMBERING.sub(r"\1", narrow)
    if narrow.isascii() and not _MAY_BE_MARKED.search(narrow):
        return narrow
    return _with_masks(_BULLET.sub(r"\1", narrow, count=1))


_MAY_BE_MARKED = re.compile(r"[*?#_`%&\\=\x1b^]|[xX]{2}|[-.~]{2}")


def _with_masks(narrow: str) -> str:
    line = unescaped(narrow)[:LINE_LENGTH]
    if "\n" in line or "\r" in line:
        line = line.replace("\r", " ").replace("\n", " ")
    if "\\" in line:
        line = _ESCAPED.sub(_LITERAL, line)
    if "*" in line:
        line = _EMPHASISED_MASK.sub(r"\2", _EMPHASIS.sub(r"\2", line))
    if "__" in line:
        line = _UNDERLINED.sub(r"\2", line)
    if "`" in line:
        line = _QUOTED.sub(r"\1", line)
    line = line.replace(_LITERAL, MASK)
    if not line.isascii():
        line = _BEFORE_NUMBER.sub(r"\1 ", line.translate(_TO_MASK))
    line = _LONE_CROSS.sub(MASK, _CROSSES.sub(_beside_digits, line))
    line = _MARKS.sub(_beside_digits, line)
    return _BY_LENGTH.sub(_by_length, line)


def _beside_digits(run: re.Match[str]) -> str:
    """Return masks for a run that has a digit or a mask beside it, with a separator between at most."""
    line, (start, end) = run.string, run.span()
    if run[0][0] == "#" and not line[:start].strip():
        return run[0]  # a heading
    before = line[max(0, start - 2) : start].rstrip(_SEPARATORS)[-1:]
    behind = line[end : end + 2].lstrip(_SEPARATORS)[:1]
    if before in _BESIDE or behind in _BESIDE or behind in _RUNS:
        return MASK * (end - start)
    return run[0]


def _by_length(found: re.Match[str]) -> str:
    head, signs, tail = found.groups()
    lengths = _HIDDEN_PLACES.get(len(head) + 4, ())
    length = len(head) + len(signs) + 4
    if signs[0] == "…" and len(head) == 3:
        length = 11
    is_mobile = length != 11 or (head[0] == "1" and head[1] in "3456789")
    if length not in lengths or not is_mobile:
        return found[0]
    return head + MASK * (length - len(head) - 4) + tail
