"""The daemon's checks of its storage, which write and roll back: for /healthz, systemd and the log.

A database server or a disk that hangs must not make the answer wait, so each look has a thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from storage.database.base import Database
from storage.errors import DatabaseBusy, StorageError
from storage.evidence.warc import EvidenceStore
from storage.write_probe import (
    require_known_evidence,
    require_writable_database,
    require_writable_evidence,
)

#: A probe never waits longer for a lock: it has its own connection.
PROBE_WAIT_S = 1.0
#: A result is used again for this long. Everybody may ask for /healthz, and each probe writes.
SQLITE_FRESH_S = 4.0
POSTGRESQL_FRESH_S = 30.0
#: While something is wrong, the next look tries again, so that the end is noticed soon.
FAILING_FRESH_S = 2.0
#: A database that is locked is being written by somebody. Only after this long is that a problem.
BUSY_PATIENCE_S = 60.0
#: An answer waits this long for a look in progress; then it has the results of the look before.
ANSWER_WITHIN_S = 5.0
#: A look that takes this long has met a server or a disk that hangs.
SILENCE_PATIENCE_S = 15.0


@dataclass(slots=True)
class _Look:
    """One look at everything. It is kept while it hangs, so that never more than one thread does."""

    began_at: float
    results: dict[str, str] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class StorageChecks:
    """Results of the checks by name: "ok", or a sentence that says what is wrong. Threads may share it."""

    database: Database
    evidence: EvidenceStore
    clock: Callable[[], float] = time.monotonic
    answer_within_s: float = ANSWER_WITHIN_S
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _look: _Look | None = None
    _last: dict[str, str] = field(default_factory=lambda: {"database": "ok", "evidence": "ok"})
    _written_at: float = 0.0

    @classmethod
    def of(cls, database_url: str, evidence: EvidenceStore) -> StorageChecks:
        """Return the checks, with a connection of their own that does not wait long for locks."""
        checks = cls(Database.open(database_url, busy_timeout_s=PROBE_WAIT_S), evidence)
        checks._written_at = checks.clock()
        return checks

    def results(self) -> dict[str, str]:
        look = self._current_look()
        look.done.wait(self.answer_within_s)
        with self._lock:
            if look.done.is_set():
                self._last = {name: look.results[name] for name in self._last}
            return {**self._last, **self._silence_in(look)}

    def close(self) -> None:
        self.database.close()

    def _current_look(self) -> _Look:
        with self._lock:
            now, look = self.clock(), self._look
            if look is None or (look.done.is_set() and now - look.began_at >= self._fresh_s()):
                self._look = look = _Look(now)
                threading.Thread(target=self._fill, args=(look,), name="storage-checks", daemon=True).start()
            return look

    def _fill(self, look: _Look) -> None:
        """The folder first: it does not need the database."""
        try:
            look.results["evidence"] = self._check_evidence()
            look.results["database"] = self._check_database()
        finally:
            for name in self._last:
                look.results.setdefault(name, "this check ended with a defect of Spillwatch")
            look.done.set()

    def _silence_in(self, look: _Look) -> dict[str, str]:
        """Return what has not answered for too long, with a sentence."""
        silent_s = self.clock() - look.began_at
        if look.done.is_set() or silent_s < SILENCE_PATIENCE_S:
            return {}
        if "evidence" in look.results:
            return {"database": f"{self.database.place} has not answered for {silent_s:.0f} s."}
        return {
            "evidence": f"the evidence folder {self.evidence.folder} has not answered for {silent_s:.0f} s."
        }

    def _fresh_s(self) -> float:
        if any(result != "ok" for result in self._last.values()):
            return FAILING_FRESH_S
        return SQLITE_FRESH_S if self.database.dialect == "sqlite" else POSTGRESQL_FRESH_S

    def _check_database(self) -> str:
        try:
            require_writable_database(self.database)
        except DatabaseBusy as error:
            waited = self.clock() - self._written_at
            return "ok" if waited < BUSY_PATIENCE_S else f"{error} It has been locked for {waited:.0f} s."
        except StorageError as error:
            return str(error)
        self._written_at = self.clock()
        return "ok"

    def _check_evidence(self) -> str:
        try:
            # Whether a bucket is there, the thread that seals knows: a probe must not wait for a network.
            if self.evidence.shared is None:
                require_known_evidence(self.database, self.evidence.folder)
            require_writable_evidence(self.evidence.folder)
        except (DatabaseBusy, StorageError) as error:
            # What is wrong with the database is that check's result.
            return str(error) if error.reason.startswith(("evidence", "digest")) else "ok"
        return "ok"
