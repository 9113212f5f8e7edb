"""The daemon's thread that seals what its runs could not, and that says whether the bucket can be reached."""

from __future__ import annotations

import threading
import time

import structlog

from daemon.metrics import EVIDENCE_SEALED, EVIDENCE_UNSEALED
from storage.errors import StorageError
from storage.evidence.digest import require_shared_key
from storage.evidence.sealing import EvidenceSealer, UnsealedFiles

#: Seconds between two looks for files that runs have left; doubles while the store fails.
LOOK_S = 5.0
LONGEST_LOOK_S = 60.0
#: Seconds between two questions to a store that nothing has to be sealed into.
ASK_S = 30.0

log = structlog.get_logger()


class SealingThread:
    """`problem` may be asked by any thread."""

    def __init__(self, sealer: EvidenceSealer) -> None:
        self._sealer = sealer
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look_again, name="sealing", daemon=True)
        self._problem: str | None = None
        self._asked_at: float | None = None

    def start(self) -> None:
        if self._sealer.evidence.shared is not None:
            self._thread.start()

    def stop(self, timeout_s: float) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def shares_evidence(self) -> bool:
        """Whether there is a bucket, about which there can be a problem."""
        return self._sealer.evidence.shared is not None

    def problem(self) -> str | None:
        """Say what is wrong with the store of the evidence; None: nothing is known to be."""
        return self._problem

    def _look_again(self) -> None:
        wait_s = LOOK_S
        while not self._stopping.wait(0 if wait_s == LOOK_S and self._asked_at is None else wait_s):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - logged, and the next look tries again
                self._set_problem(f"sealing evidence failed: {type(error).__name__}", error)
            wait_s = min(wait_s * 2, LONGEST_LOOK_S) if self._problem else LOOK_S

    def look(self) -> UnsealedFiles:
        """Seal what is left, and note what is wrong."""
        found = self._sealer.seal_left()
        EVIDENCE_SEALED.inc(found.sealed)
        EVIDENCE_UNSEALED.set(found.waiting_bytes)
        failures = list(found.failures) or self._ask_store(sealed=bool(found.sealed))
        if not failures:
            if self._problem is not None:
                log.info("The store of the evidence can be used again.", action="evidence_store_back")
            self._problem = None
        else:
            left = (
                f" {found.waiting} evidence files ({found.waiting_bytes / 1e6:.1f} MB) wait on this machine."
            )
            self._set_problem(f"{failures[0]}{left if found.waiting else ''}", failures[0])
        if found.sealed:
            log.info("Evidence that runs had left was stored.", action="evidence_sealed", files=found.sealed)
        return found

    def _ask_store(self, *, sealed: bool) -> list[StorageError]:
        """Ask a store that was not used in this look, from time to time, whether it is there."""
        shared, now = self._sealer.evidence.shared, time.monotonic()
        recently = self._asked_at is not None and now - self._asked_at < ASK_S
        if shared is None or sealed or (recently and self._problem is None):
            return []
        self._asked_at = now
        try:
            require_shared_key(self._sealer.evidence.folder, shared)
        except StorageError as error:
            return [error]
        return []

    def _set_problem(self, problem: str, error: Exception) -> None:
        if self._problem is None:
            log.error(
                f"The evidence of runs cannot be stored: {problem}",
                action="evidence_unsealed",
                reason=getattr(error, "reason", type(error).__name__),
            )
        self._problem = problem
