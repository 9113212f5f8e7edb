"""Claims that this node holds in the database and that nothing here works on.

If the database dies between writing a claim and saying so, the handler ends with an error and the row stays
claimed, for as long as the lease of its kind: ten minutes. The same happens if a claim cannot be given back.
A claim that is found twice without a handler is given back, and its row is due at once. Nothing is looked for
while storage does not fail: among a million waiting versions that would take a second.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from daemon.engine import EmbeddedEngine
from daemon.metrics import CLAIMS_STRAYED
from storage.claims import HeldClaim, claims_of, release_strays
from storage.database.base import Database
from storage.work import ClaimHolder, Work

log = structlog.get_logger()

LOOKS = 3  # that succeed, after a failure of storage: two find what has strayed


class StrayClaims:
    """Call `look` from time to time: what was found at two calls, a pulse apart, is given back."""

    def __init__(
        self, database: Database, engine: EmbeddedEngine, holder: ClaimHolder, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._engine = engine
        self._holder = holder
        self._clock = clock
        self._suspected: set[HeldClaim] = set()
        self._failures = 0
        self._looks_left = 0

    def look(self) -> int:
        """Give back what strayed; return how many claims. Raises StorageError."""
        if (failures := self._engine.storage_failures) != self._failures:
            self._failures, self._looks_left = failures, LOOKS
        node_id = self._holder.node_id
        if node_id is None or not (self._looks_left or self._suspected):
            return 0
        with self._database.reading() as session:
            held = claims_of(session, node_id)
        # After the claims were read: a handler that claims something is in progress before.
        in_progress = self._engine.in_progress()
        found = {each for each in held if Work(each.kind, each.row_id) not in in_progress}
        strays, self._suspected = found & self._suspected, found
        if strays:
            self._release(strays)
        self._looks_left = max(0, self._looks_left - 1)
        return len(strays)

    def _release(self, strays: set[HeldClaim]) -> None:
        with self._database.transaction() as session:
            released = release_strays(session, strays, now=self._clock())
            for work in released.due():
                self._engine.announce(session, work)
        CLAIMS_STRAYED.inc(len(strays))
        log.warning(
            "Gave back claims that nothing works on here. The database was away when they began or ended.",
            action="claims_strayed",
            **{name: count for name, count in released.counts().items() if count},
        )
