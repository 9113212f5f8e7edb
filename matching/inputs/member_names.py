"""Names of members as they are shown. Strangers wrote them, so they are never used as a path."""

from __future__ import annotations

import re

from matching.masks import mask_text
from text.letter_frequencies import WEIGHTS

#: Characters of one member's name that are shown.
SHOWN_LENGTH = 160
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]+"
)
_SUFFIXES = {
    "gzip": (".gz", ".tgz"),
    "xz": (".xz", ".txz"),
    "bzip2": (".bz2", ".tbz2"),
    "zstd": (".zst", ".tzst"),
}


def display_name(name: bytes | str) -> str:
    """Return the name on one line, bounded, with identifiers masked: file names hold people's names too."""
    text = _decoded_name(name[:4096]) if isinstance(name, bytes) else name[:4096]
    text = _UNPRINTABLE.sub("?", text).replace("\\", "/").strip() or "?"
    text = mask_text(text)
    return (
        text
        if len(text) <= SHOWN_LENGTH
        else text[: SHOWN_LENGTH // 2] + "…" + text[-SHOWN_LENGTH // 2 + 1 :]
    )


class UniqueNames:
    """Makes names unique, because reading continues by name after a kill: the second `a` becomes `a#2`."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return f"{name}#{count}" if count > 1 else name


def unpacked_name(outer: str, kind: str) -> str:
    """Return the name of the content of a compressed file: its own name without the suffix."""
    base = outer.rpartition("!/")[2].rpartition("/")[2]
    for suffix in _SUFFIXES.get(kind, ()):
        if base.lower().endswith(suffix):
            base = base[: -len(suffix)] + (".tar" if suffix.startswith(".t") else "")
    return base or "?"


def _decoded_name(name: bytes) -> str:
    """Decode by that of UTF-8, GBK and DOS's own charset in which it looks most like a name."""
    for charset in ("ascii", "utf-8"):
        try:
            return name.decode(charset)
        except UnicodeDecodeError:
            continue
    readings = [name.decode(charset, "replace") for charset in ("gb18030", "cp437")]
    return max(readings, key=_likelihood)


def _likelihood(text: str) -> float:
    beyond_ascii = [character for character in text if not character.isascii()]
    return sum(map(WEIGHTS["any"].__getitem__, beyond_ascii)) / len(beyond_ascii)
