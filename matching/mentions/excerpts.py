"""What an analyst is shown of a mention: the words around it, masked, on one line."""

import re

from matching.masks import mask_text

EXCERPT = 160  # characters of an excerpt, about
_AROUND = EXCERPT // 2
_CONTEXT = 400  # characters on each side that are masked before the excerpt is cut out of them
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def excerpt(text: str, start: int, end: int) -> str:
    """The mention and what surrounds it, masked, on one line.

    What surrounds it is masked before it is cut, for half an identifier is no longer recognised as one.
    """
    mention = text[start:end]
    low, high = max(0, start - _CONTEXT), min(len(text), end + _CONTEXT)
    masked = mask_text(text[low:high])
    at = _nearest(masked, mention, start - low)
    first, last = max(0, at - _AROUND), min(len(masked), at + len(mention) + _AROUND)
    cut = _UNPRINTABLE.sub(" ", masked[first:last]).strip()
    return ("…" if low or first else "") + cut + ("…" if high < len(text) or last < len(masked) else "")


def _nearest(masked: str, mention: str, place: int) -> int:
    """Where the mention is after masking, which may have moved it or masked it too."""
    places = [match.start() for match in re.finditer(re.escape(mention), masked)]
    return min(places, key=lambda at: abs(at - place), default=min(place, len(masked)))
