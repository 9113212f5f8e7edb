"""Listings whose pages say that they do not exist, or show the same other page, with status 200.

Many sites answer 200 for a page that does not exist. If it says so in words, or if several known listings get
an answer of the same kind while other pages of the site come as always, the listings that no list shows any
more are gone. One listing that gets such an answer several times counts as several. `spiders.source` notes
the answers, `visits.run_end` concludes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

#: This many answers of the same kind must have come, if its words say nothing: for as many listings, or for
#: fewer in several visits.
SEVERAL = 3
#: Kinds of answers that are remembered, and listings for each: the first ones, until they are settled.
MAX_KINDS = 20
MAX_KEYS = 200
#: Kind of a page whose own words say that it does not exist.
SAYS_MISSING = "says_missing"

_VARYING = re.compile(r"[0-9a-f]{8,}|\d+|\W+", re.IGNORECASE)


class AlikeAnswers:
    """The stored keys of listings, by the kind of page that came instead of theirs: once per such answer."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._keys: dict[str, list[str]] = {kind: list(keys) for kind, keys in state.items()}

    def add(self, kind: str, key: str) -> None:
        """Record a page that came instead of a listing's own."""
        self._forget(key, except_in=kind)
        if kind in self._keys or len(self._keys) < MAX_KINDS:
            keys = self._keys.setdefault(kind, [])
            if len(keys) < MAX_KEYS and keys.count(key) < SEVERAL:
                keys.append(key)

    def settle(self, key: str) -> None:
        """Forget a listing, because its page came or because it is gone."""
        self._forget(key)

    def _forget(self, key: str, *, except_in: str | None = None) -> None:
        for kind, keys in list(self._keys.items()):
            if kind != except_in and key in keys:
                self._keys[kind] = [each for each in keys if each != key]
            if not self._keys[kind]:
                del self._keys[kind]

    @property
    def worded(self) -> frozenset[str]:
        """The listings whose pages say in words that they do not exist."""
        return frozenset(self._keys.get(SAYS_MISSING, ()))

    @property
    def suspects(self) -> frozenset[str]:
        """The same, and the listings with an answer that several of them share."""
        alike = (keys for keys in self._keys.values() if len(keys) >= SEVERAL)
        return self.worded.union(*alike)

    def state(self) -> dict[str, list[str]]:
        return dict(self._keys)


def answer_kind(title: str, digest: Callable[[str], str]) -> str | None:
    """Return a digest of an unrecognised page's title without numbers; None without a title."""
    words = " ".join(_VARYING.sub(" ", title.casefold()).split())
    return digest(words)[:16] if words else None
