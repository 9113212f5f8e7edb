"""daemon.evidence_sealing: the daemon seals what runs have left, and says what is wrong with the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.evidence_sealing import SealingThread
from storage.database.base import Database
from storage.evidence.digest import KEY_FILE, digest_beside
from storage.evidence.sealing import EvidenceSealer, PartWriter, unsealed_files_here
from storage.evidence.warc import EvidenceStore, ListingText
from storage.work import SilentDispatcher
from tests.peers.s3 import FaultProxy, S3Server, s3_settings
from tests.storage.given import NOW
from tests.waiting import wait_until


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server) as proxy:
        yield proxy


@pytest.fixture
def evidence(s3_server: S3Server, proxy: FaultProxy, tmp_path: Path) -> EvidenceStore:
    address = f"s3://{s3_server.bucket()}/evidence"
    return EvidenceStore.at(tmp_path / "evidence", address, s3_settings(proxy.url, timeout_s=1.0))


def leave_a_file(evidence: EvidenceStore, database: Database) -> None:
    """As a run does that was killed before it could seal."""
    assert evidence.shared is not None
    writer = PartWriter(
        evidence,
        evidence.shared,
        source="market",
        run_id=3,
        epoch=1,
        database=database,
        dispatcher=SilentDispatcher(),
        seal_after_s=60,
        now=NOW,
    )
    with writer:
        writer.text(ListingText({"title": "offer"}), refers_to=None, url="")


def test_an_outage_is_said_while_it_lasts(
    sqlite_database: Database, evidence: EvidenceStore, proxy: FaultProxy
) -> None:
    """With what waits here; afterwards it is stored, and nothing is wrong."""
    leave_a_file(evidence, sqlite_database)
    sealing = SealingThread(EvidenceSealer(evidence, sqlite_database, SilentDispatcher()))
    proxy.fault = "503"

    sealing.look()
    while_away = sealing.problem()
    proxy.fault = ""
    sealing.look()

    assert while_away is not None
    assert "status 503" in while_away
    assert "1 evidence files" in while_away
    assert (sealing.problem(), unsealed_files_here(evidence)) == (None, {})


def test_a_bucket_is_asked_although_nothing_has_to_be_sealed(
    sqlite_database: Database, evidence: EvidenceStore, proxy: FaultProxy
) -> None:
    """A quiet night is no reason not to notice; another node's key is noticed, too."""
    sealing = SealingThread(EvidenceSealer(evidence, sqlite_database, SilentDispatcher()))
    digest_beside(evidence.folder, evidence.shared)
    proxy.fault = "403"

    sealing.look()
    refused = sealing.problem()
    proxy.fault = ""
    (evidence.folder / KEY_FILE).write_bytes(b"1" * 32)
    sealing.look()

    assert "refuses these credentials" in (refused or "")
    assert "is not the key in s3://" in (sealing.problem() or "")


def test_the_thread_seals_at_once(sqlite_database: Database, evidence: EvidenceStore) -> None:
    """A daemon that starts after a crash does not wait with it."""
    leave_a_file(evidence, sqlite_database)
    sealing = SealingThread(EvidenceSealer(evidence, sqlite_database, SilentDispatcher()))

    sealing.start()
    wait_until(lambda: unsealed_files_here(evidence) == {})
    sealing.stop(10)

    assert sealing.problem() is None


def test_without_a_bucket_there_is_no_thread(sqlite_database: Database, tmp_path: Path) -> None:
    """Evidence in a folder needs no sealing."""
    sealing = SealingThread(EvidenceSealer(EvidenceStore(tmp_path), sqlite_database, SilentDispatcher()))

    sealing.start()
    sealing.stop(1)

    assert (sealing.shares_evidence, sealing.problem()) == (False, None)
