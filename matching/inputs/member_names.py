"""Names of members, as they are shown: a stranger wrote them. They are never a path of ours."""

from __future__ import annotations

import re

from matching.masks import mask_text
from text.letter_frequencies import weights_of

#: Characters of one member's name that are shown.
LENGTH = 160
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]+"
)
_SUFFIXES = {
    "gzip": (".gz", ".tgz"),
    "xz": (".xz", ".txz"),
    "bzip2": (".bz2", ".tbz2"),
    "zstd": (".zst", ".tzst"),
}


def shown(name: bytes | str) -> str:
    """On one line, bounded, with identifiers masked, for people's names and numbers are in names of files."""
    text = _decoded(name[:4096]) if isinstance(name, bytes) else name[:4096]
    text = _UNPRINTABLE.sub("?", text).replace("\\", "/").strip() or "?"
    text = mask_text(text)
    return text if len(text) <= LENGTH else text[: LENGTH // 2] + "…" + text[-LENGTH // 2 + 1 :]


class Unique:
    """Names that are told apart, for reading goes on by name after a kill: the second `a` is `a#2`."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        count = self._seen[name] = self._seen.get(name, 0) + 1
        return f"{name}#{count}" if count > 1 else name


def inside(outer: str, kind: str) -> str:
    """The name of what a file of one compressed stream holds: its own without the suffix."""
    base = outer.rpartition("!/")[2].rpartition("/")[2]
    for suffix in _SUFFIXES.get(kind, ()):
        if base.lower().endswith(suffix):
            base = base[: -len(suffix)] + (".tar" if suffix.startswith(".t") else "")
    return base or "?"


def _decoded(name: bytes) -> str:
    """Of UTF-8, GBK and DOS's own charset the one in which it looks like a name."""
    for charset in ("ascii", "utf-8"):
        try:
            return name.decode(charset)
        except UnicodeDecodeError:
            continue
    readings = [name.decode(charset, "replace") for charset in ("gb18030", "cp437")]
    return max(readings, key=_likelihood)


def _likelihood(text: str) -> float:
    beyond = [character for character in text if not character.isascii()]
    return sum(map(weights_of("utf-8").__getitem__, beyond)) / len(beyond)
