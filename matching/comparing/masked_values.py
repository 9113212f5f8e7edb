"""Counts lines of a dump with masked identifiers: `138****1234`, `j***n@mail.example`, `XXXX-XXXX-XXXX-1234`.

Nothing can be compared with them. A sample of masked rows is how many sellers prove what they have, so a dump
in which nothing was found is not the same as one in which nothing could be found.

A mask is a run of stars or bullets, or at least three `x` between digits. It counts beside the `@` of an
address, or with so many digits that both are as long as an identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from matching.native.library import LibraryMissing
from matching.native.text_signs import mask_runs

_RUN = re.compile(
    rb"\*+|(?:\xe2\x80\xa2)+|(?:\xe2\x97\x8f)+|(?:\xef\xbc\x8a)+|(?<![A-Za-z])[xX]{3,32}(?![A-Za-z])"
)
_SIGN = rb"(?:[*xX]|\xe2\x80\xa2|\xe2\x97\x8f|\xef\xbc\x8a)"
_AROUND = 48  # bytes on either side of a run that are looked at
_GAP = rb"[ ().\\-]{0,2}"  # a backslash stands before each star of Markdown
_MASKS = re.compile(_SIGN)
_DIGIT = re.compile(rb"\d")
#: Digits, masks and separators, from the run's surroundings.
_NUMBER = re.compile(
    rb"(?<![\w*])\+?(?:[A-Z]{2})?(?:\d" + _GAP + rb"){2,16}(?:" + _SIGN + _GAP + rb"){3,24}"
    rb"(?:\d" + _GAP + rb"){1,15}[\dXx](?![\w*])"
    rb"|(?<![\w*])(?:" + _SIGN + rb"{2,4}[ -]){1,4}" + _SIGN + rb"{2,4}[ -]\d{3,6}(?! ?[\w*])"
    rb"|(?<![\w*])" + _SIGN + rb"{4,24}-?\d{3,6}(?![\w*])"
    rb"|(?<![\w*])\+?\d{3,16}(?:-\d{1,8})?" + _SIGN + rb"{4,24}(?![\w*])"
)
_LEAST_PLACES = 8  # of a number: digits and masks
_STAR = rb"(?:\*|\xe2\x80\xa2|\xe2\x97\x8f|\xef\xbc\x8a)"
_DOMAIN_NAME = rb"@[A-Za-z0-9*-]{1,63}[.*]"
_LOCAL_PART = re.compile(
    rb"(?:[A-Za-z0-9][A-Za-z0-9._%+-]{0,30}" + _STAR + rb"{2,32}[A-Za-z0-9._%+-]{0,16}"
    rb"|[A-Za-z0-9]"
    + _STAR
    + rb"[A-Za-z0-9._%+-]{1,16}|"
    + _STAR
    + rb"{3,32}[A-Za-z0-9._%+-]{0,16})"
    + _DOMAIN_NAME
)
_DOMAIN = re.compile(rb"[A-Za-z0-9._%+*-]@[A-Za-z0-9-]{0,30}\*{2,32}[A-Za-z0-9*-]{0,30}\.[A-Za-z*]{2,24}")
#: What the patterns above need in any case; most runs do not have it, which takes a tenth of the time to see.
_BEFORE_AT = re.compile(_STAR + rb"[A-Za-z0-9._%+-]{0,16}@")
_BEHIND_AT = re.compile(rb"@[A-Za-z0-9-]{0,30}\*\*")
_BESIDE_DIGIT = re.compile(rb"\d" + _GAP + _SIGN + rb"|" + _SIGN + _GAP + rb"\d")
#: Runs of a text that are looked at; text made of stars has no end of them.
_RUNS_LIMIT = 20_000


def count_masked_lines(text: bytes) -> int:
    """Return the number of lines that hold a masked identifier: none in a text without the sign MASKED."""
    count = at = looked = 0
    for start, end in _runs(text):
        if start < at:
            continue
        if looked == _RUNS_LIMIT:
            break
        looked += 1
        if _is_masked(text, start, end):
            count += 1
            at = text.find(b"\n", end)
            if at < 0:
                break
    return count


def _runs(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each run begins and ends. The library finds the beginnings 100 times as fast as `re`."""
    found: Iterator[re.Match[bytes]]
    try:
        found = (run for place in mask_runs(text).tolist() if (run := _RUN.match(text, place)))
    except LibraryMissing:
        found = _RUN.finditer(text)
    for run in found:
        yield run.span()


def _is_masked(text: bytes, start: int, end: int) -> bool:
    if end - start == 1 and text[start - 1 : start].isalnum() + text[end : end + 1].isalnum() == 0:
        return False  # a star that stands alone
    first = max(text.rfind(b"\n", max(0, start - _AROUND), start) + 1, start - _AROUND, 0)
    last = text.find(b"\n", end, end + _AROUND)
    near = text[first : last if last >= 0 else end + _AROUND]
    if b"@" in near and (
        (_BEFORE_AT.search(near) and _LOCAL_PART.search(near))
        or (_BEHIND_AT.search(near) and _DOMAIN.search(near))
    ):
        return True
    if (end - start == 1 and near.count(b"*") < 3) or not _BESIDE_DIGIT.search(near):
        return False
    return any(
        len(_DIGIT.findall(found)) + len(_MASKS.findall(found)) >= _LEAST_PLACES
        for found in _NUMBER.findall(near)
    )
