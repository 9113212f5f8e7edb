"""The checks behind /healthz, with a database and a folder that answer late or never."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from daemon import storage_checks
from daemon.storage_checks import SILENCE_PATIENCE_S, StorageChecks
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore


class Hanging:
    """Stands for a probe: it waits for `go`, as a system call to a server or a disk that hangs."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.calls = 0

    def __call__(self, *_: object) -> None:
        self.calls += 1
        self.go.wait(60)


@pytest.mark.parametrize(
    ("probe", "name", "sentence"),
    [
        ("require_writable_database", "database", "SQLite {folder}/spillwatch.db has not answered for 16 s."),
        ("require_writable_evidence", "evidence", "the evidence folder {folder} has not answered for 16 s."),
    ],
)
def test_what_hangs_is_named_and_does_not_hold_up_the_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, probe: str, name: str, sentence: str
) -> None:
    """While a probe hangs, each answer comes at once: the last results, and after 15 s a sentence. Only one
    thread hangs, and when it goes on all is well again.
    """
    now = [100.0]
    database = Database.open(f"sqlite:///{tmp_path}/spillwatch.db")
    checks = StorageChecks(database, EvidenceStore(tmp_path), lambda: now[0], answer_within_s=0.01)
    hanging = Hanging()
    monkeypatch.setattr(storage_checks, "require_writable_database", lambda *_: None)
    monkeypatch.setattr(storage_checks, "require_writable_evidence", lambda *_: None)
    monkeypatch.setattr(storage_checks, "require_known_evidence", lambda *_: None)
    monkeypatch.setattr(storage_checks, probe, hanging)

    begun = checks.results()
    now[0] += SILENCE_PATIENCE_S + 1
    late = [checks.results() for _ in range(3)]
    calls = hanging.calls
    hanging.go.set()
    assert checks._look is not None
    checks._look.done.wait(60)
    after = checks.results()
    checks.close()

    assert begun == {"database": "ok", "evidence": "ok"}
    assert late == 3 * [{**begun, name: sentence.format(folder=tmp_path)}]
    assert (after, calls) == (begun, 1)
