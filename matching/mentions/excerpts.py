"""The excerpt of a mention that is shown to analysts: the words around it, masked, on one line."""

import re

from matching.masks import mask_text
from matching.native.escape_signs import undo_natively

EXCERPT = 160  # characters per excerpt, about
_EXCERPT_SIDE = EXCERPT // 2
_MASKED_SIDE = 400  # characters on each side that are masked before the excerpt is cut
_CUT_SIDE = 320  # of these, how many an identifier may have that is cut at the end
_ESCAPED_SIDE, _ESCAPED_CUT = 2_400, 2_000  # the same where a text has escapes
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def excerpt(text: str, start: int, end: int) -> str:
    """Return the mention and the text around it, masked, on one line.

    The text is masked before it is cut, because half an identifier is not recognised as one.
    """
    mention = text[start:end]
    low, high = max(0, start - _MASKED_SIDE), min(len(text), end + _MASKED_SIDE)
    cut_side = _CUT_SIDE
    if undo_natively(text[low:high], addresses=True) is not None:
        low, high = max(0, start - _ESCAPED_SIDE), min(len(text), end + _ESCAPED_SIDE)
        cut_side = _ESCAPED_CUT
    masked = mask_text(text[low:high])
    at = _mention_place(masked, mention, start - low)
    # Masking makes a text shorter, so that what was cut may have come near.
    least = min(cut_side, at) if low else 0
    most = len(masked) - cut_side if high < len(text) else len(masked)
    most = max(most, min(at + len(mention), len(masked)))
    first, last = max(least, at - _EXCERPT_SIDE), min(most, at + len(mention) + _EXCERPT_SIDE)
    cut = _UNPRINTABLE.sub(" ", masked[first:last]).strip()
    return ("…" if low or first else "") + cut + ("…" if high < len(text) or last < len(masked) else "")


def _mention_place(masked: str, mention: str, place: int) -> int:
    """Return where the mention is after masking, which can move it or mask it too."""
    places = [match.start() for match in re.finditer(re.escape(mention), masked)]
    return min(places, key=lambda at: abs(at - place), default=min(place, len(masked)))
