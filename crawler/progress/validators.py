"""Validators (ETag, Last-Modified), which let a site answer "not modified", and how far such an answer is
trusted.

A list whose first page has not changed has nothing new, so the next pages need not be read either. But some
sites send the same ETag for ever, and a list behind one of those would look quiet for good. So after a few
such answers in a row the list is requested in full. A site whose validators stayed the same while its rows
changed gets no conditional request any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

#: The request header for each validator.
CONDITIONS = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}
#: Number of times in a row that "not modified" is trusted.
TRUSTED_TIMES = 4
_DIGEST_BYTES = 8


class Validators:
    """The validators of one source's lists, by their start URLs."""

    def __init__(self, cursor: Mapping[str, Any], *, may_keep: Callable[[str], bool]) -> None:
        """`may_keep` returns whether a value holds no identifier and may be written into the cursor."""
        self._known: dict[str, dict[str, str]] = dict(cursor.get("validators") or {})
        self._trust: dict[str, dict[str, Any]] = dict(cursor.get("trust") or {})
        self._may_keep = may_keep
        self._fresh: dict[str, dict[str, str]] = {}

    def conditions(self, start: str) -> dict[str, str]:
        """Return headers that let the site answer "not modified"; none where that is not trusted."""
        trust = self._trust.get(start, {})
        if trust.get("lies") or trust.get("unchanged", 0) >= TRUSTED_TIMES:
            return {}
        return {CONDITIONS[name]: value for name, value in self._known.get(start, {}).items()}

    def mark_not_modified(self, start: str) -> None:
        """Record that the site answered "not modified"."""
        trust = self._trust.get(start, {})
        self._trust[start] = {**trust, "unchanged": trust.get("unchanged", 0) + 1}

    def remember(self, start: str, etag: str | None, modified: str | None, rows: Iterable[str]) -> None:
        """Record a list that came in full; `rows` stand for its content."""
        sent = {"etag": etag, "last_modified": modified}
        found = {name: value for name, value in sent.items() if value and self._may_keep(value)}
        before, shown = self._trust.get(start, {}), _rows_digest(rows)
        same_validators = bool(found) and found == self._known.get(start)
        lies = before.get("lies") or (same_validators and before.get("rows", shown) != shown)
        self._trust[start] = {"rows": shown} | ({"lies": True} if lies else {})
        self._fresh[start] = found

    def settle(self, unconditional: Iterable[str]) -> None:
        """Use the new validators next time, because everything was read; not for lists that are
        `unconditional`.
        """
        self._known.update(self._fresh)
        for start in unconditional:
            self._known.pop(start, None)

    def cursor(self) -> dict[str, Any]:
        """Return the validators' part of the source's cursor."""
        return {"validators": self._known, "trust": self._trust}


def _rows_digest(rows: Iterable[str]) -> str:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for row in rows:
        digest.update(row.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
