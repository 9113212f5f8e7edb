"""A quick look at a text: may it have masked values? Most have none.

The signs are those of `mask_signs`, before a text is narrowed and its escapes are undone.
"""

import re

from matching.masked_samples.mask_signs import MASK, STARS

#: Titles (王先生) alone are no mask: they stand in every other contact line.
_STARS = f"{MASK}\uff0a{STARS}"
_RUN = re.compile(
    rf"(?P<stars>[{_STARS}](?: ?[{_STARS}])*)|[xX\u0445\u0425\u00d7\uff58\uff38?\uff1f#\uff03_\uff3f]{{2,}}"
    r"|(?P<lines>-{3,12}|\.{3,12}|~{2,12}|\u00b7{2,12}|\u2026{1,6})(?=[0-9\uff10-\uff19]{4})"
    r"|(?P<name>\u67d0)|(?P<escape>&#(?:0*42|[xX]0*2[aA]);|&ast;|%2[aA]|\\(?:u00|x)2[aA]|\\\*)"
)
_SEPARATORS = " ().-/"
_HAN = re.compile(r"[\u3400-\u9fff]")
_INITIALS = re.compile(r"(?<![^\W\d_])[^\W\d_]{1,3}$")
_BEFORE_AT = re.compile(r"[\w.+%-]{0,32}@")
_BEHIND_AT = re.compile(r"@[\w.-]{0,32}$")


def may_be_masked(text: str) -> bool:
    """Return whether there may be masked rows: reading a text for them takes a hundred times as long.

    There may be where signs stand beside a digit, a Han character or the first letters of a name, or in the
    parts of an address.
    """
    return any(_is_mask(text, run) for run in _RUN.finditer(text))


def _is_mask(text: str, run: re.Match[str]) -> bool:
    start, end = run.span()
    if run["escape"]:
        return True
    before = text[max(0, start - 3) : start].rstrip(_SEPARATORS)[-1:]
    after = text[end : end + 3].lstrip(_SEPARATORS)[:1]
    if run["name"]:
        return bool(_HAN.match(text[start - 1 : start]) or _HAN.match(text[end : end + 1]))
    if run["stars"] and (_HAN.match(text[start - 1 : start]) or _HAN.match(text[end : end + 1])):
        return True
    if before.isdigit() or after.isdigit():
        return end - start > 1 or before.isdigit() == after.isdigit()
    if not run["stars"]:
        return False
    if end - start > 1 and _INITIALS.search(text[max(0, start - 4) : start]):
        return True
    return bool(_BEFORE_AT.match(text, end) or _BEHIND_AT.search(text[max(0, start - 33) : start]))
