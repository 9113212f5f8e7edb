"""What lets a site say "not modified", and how far it is believed.

A list whose first page has not changed has nothing new for us: the next pages would not have been turned to
either. But some sites send the same ETag for ever, and behind one of those a list would look quiet for good.
So after a few such answers in a row it is asked for in full; and a site whose validators stayed while its
rows did not is never again asked for its word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

#: What a response's validators are called when they are sent back.
CONDITIONS = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}
#: Times in a row that "not modified" is believed.
BELIEVED = 4
_DIGEST_BYTES = 8


class Validators:
    """The validators of one source's lists, by their start addresses."""

    def __init__(self, cursor: Mapping[str, Any], *, may_keep: Callable[[str], bool]) -> None:
        """`may_keep`: whether a value holds no identifier, and so may be written into the cursor."""
        self._known: dict[str, dict[str, str]] = dict(cursor.get("validators") or {})
        self._trust: dict[str, dict[str, Any]] = dict(cursor.get("trust") or {})
        self._may_keep = may_keep
        self._fresh: dict[str, dict[str, str]] = {}

    def conditions(self, start: str) -> dict[str, str]:
        """Headers that let the site say "not modified"; none where that is not believed (any more)."""
        trust = self._trust.get(start, {})
        if trust.get("lies") or trust.get("unchanged", 0) >= BELIEVED:
            return {}
        return {CONDITIONS[name]: value for name, value in self._known.get(start, {}).items()}

    def unchanged(self, start: str) -> None:
        """The site said so."""
        trust = self._trust.get(start, {})
        self._trust[start] = {**trust, "unchanged": trust.get("unchanged", 0) + 1}

    def came(self, start: str, etag: str | None, modified: str | None, rows: Iterable[str]) -> None:
        """The list came in full; `rows` stand for what it shows."""
        said = {"etag": etag, "last_modified": modified}
        found = {name: value for name, value in said.items() if value and self._may_keep(value)}
        before, shown = self._trust.get(start, {}), _digest(rows)
        same_word = bool(found) and found == self._known.get(start)
        lies = before.get("lies") or (same_word and before.get("rows", shown) != shown)
        self._trust[start] = {"rows": shown} | ({"lies": True} if lies else {})
        self._fresh[start] = found

    def settle(self, asked_again: Iterable[str]) -> None:
        """Everything was read: ask with what came, but not where something is to come once more."""
        self._known.update(self._fresh)
        for start in asked_again:
            self._known.pop(start, None)

    def cursor(self) -> dict[str, Any]:
        """Its parts of the source's cursor."""
        return {"validators": self._known, "trust": self._trust}


def _digest(rows: Iterable[str]) -> str:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for row in rows:
        digest.update(row.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
