"""Runs whose evidence goes into a bucket: every node can read what is announced, whatever the store does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import listings
from storage.captures import CaptureOutcome
from storage.evidence.sealing import EvidenceSealer, unsealed_files_here
from storage.evidence.warc import EvidenceStore
from storage.listing_tables import MatchState
from storage.runs import UNSEALED_REASON, RunOutcome
from storage.stores.byte_store import ByteStore
from storage.work import WorkKind
from tests.crawler.conftest import RunDispatcher, Runs
from tests.peers.s3 import FaultProxy, S3Server, s3_settings
from tests.peers.web import Site
from tests.waiting import PATIENCE_S, wait_until


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server, delay_s=3.0) as proxy:
        yield proxy


@pytest.fixture
def bucket(crawl: Runs, s3_server: S3Server, proxy: FaultProxy) -> Runs:
    """Runs with a bucket behind the proxy."""
    crawl.evidence = f"s3://{s3_server.bucket()}/evidence"
    crawl.s3 = s3_settings(proxy.url, timeout_s=1.0)
    return crawl


def evidence_at(crawl: Runs, folder: Path) -> EvidenceStore:
    """The evidence as a node sees it that has this folder."""
    assert crawl.s3 is not None
    return EvidenceStore.at(folder, crawl.evidence, crawl.s3)


def seal_left(crawl: Runs) -> RunDispatcher:
    """Seal what runs have left, as the daemon does; return what it announced."""
    dispatcher = RunDispatcher()
    sealer = EvidenceSealer(evidence_at(crawl, crawl.evidence_dir), crawl.database, dispatcher)
    assert sealer.seal_left().failures == ()
    return dispatcher


def match_states(crawl: Runs) -> list[MatchState]:
    return [each.match_state for listing in crawl.listings().values() for each in crawl.versions(listing)]


def assert_readable_elsewhere(crawl: Runs, tmp_path: Path, *, count: int) -> None:
    """A node with an empty folder reads every version and the capture that it came from."""
    store = evidence_at(crawl, tmp_path / "elsewhere")
    texts = [each for listing in crawl.listings().values() for each in crawl.versions(listing)]
    assert (len(texts), {MatchState.PENDING}) == (count, {each.match_state for each in texts})
    for each in texts:
        assert each.place is not None
        assert store.read_text(each.place).parts["title"]
        with crawl.database.reading() as session:
            version = listings.version_by_id(session, each.id)
            assert version is not None
            assert version.capture is not None
            assert version.capture.place is not None
            capture = version.capture
        assert store.read_response(version.capture.place, capture.sha256).status == 200


def test_a_run_seals_before_it_ends(bucket: Runs, site: Site, tmp_path: Path) -> None:
    """One object, below its source and day; every version is announced, and nothing stays here."""
    source = bucket.declare("market", f"{site.url}/offers")

    run = bucket.run(source)

    [stored] = [file for file in _shared(bucket).list() if file.name != "digest.key"]
    announced = [work for work in bucket.dispatcher.work if work.kind is WorkKind.MATCH]
    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, None)
    assert stored.name.startswith(f"{datetime.now(UTC):%Y-%m-%d}/market/{run.id}-")
    assert len(announced) == run.listings_new == 12
    assert unsealed_files_here(evidence_at(bucket, bucket.evidence_dir)) == {}
    assert_readable_elsewhere(bucket, tmp_path, count=12)


def _shared(crawl: Runs) -> ByteStore:
    shared = evidence_at(crawl, crawl.evidence_dir).shared
    assert shared is not None
    return shared


@pytest.mark.parametrize("fault", ["503", "slow", "403"])
def test_a_store_that_fails_is_in_the_outcome(
    bucket: Runs, site: Site, proxy: FaultProxy, tmp_path: Path, fault: str
) -> None:
    """What was read is kept here and announced to nobody, until the daemon could seal it."""
    source = bucket.declare("market", f"{site.url}/offers")
    bucket.run(source)
    bucket.dispatcher.work.clear()
    site.offers["3"].price = "$9"
    proxy.fault = fault

    run = bucket.run(source)
    told = [work for work in bucket.dispatcher.work if work.kind is WorkKind.MATCH]
    waiting = match_states(bucket).count(MatchState.UNSEALED)
    proxy.fault = ""
    dispatcher = seal_left(bucket)

    assert (run.outcome, run.reason, told) == (RunOutcome.NEW_LISTINGS, UNSEALED_REASON, [])
    assert "compared once it could be stored" in (run.detail or "")
    assert waiting == len(dispatcher.work) > 0
    assert_readable_elsewhere(bucket, tmp_path, count=len(match_states(bucket)))


def test_a_long_run_announces_what_it_has(bucket: Runs, site: Site) -> None:
    """A page that does not come does not delay the alert about one that came."""
    site.held.add("3")
    bucket.seal_after_s = 0.1
    source = bucket.declare("market", f"{site.url}/offers")

    supervisor = bucket.supervisor()
    run_id, thread = bucket.start(source, supervisor)
    wait_until(lambda: any(work.kind is WorkKind.MATCH for work in bucket.dispatcher.work))
    still_running = thread.is_alive()
    supervisor.stop()
    thread.join(PATIENCE_S)

    assert still_running
    assert bucket.row(run_id).outcome is RunOutcome.INTERRUPTED
    assert set(match_states(bucket)) == {MatchState.PENDING}


def test_a_killed_run_leaves_its_pages_to_its_own_node(bucket: Runs, site: Site, tmp_path: Path) -> None:
    """Another node's run does not count them as lost; once they are sealed, it parses them."""
    source = bucket.declare("market", f"{site.url}/offers")
    site.held.add("3")
    run_id, thread = bucket.start(source, bucket.supervisor())
    wait_until(lambda: len(bucket.everything_captured(bucket.row(run_id))) > 3)
    os.kill(bucket.row(run_id).pid or 0, signal.SIGKILL)
    thread.join(PATIENCE_S)
    site.held.clear()
    other_node = replace(bucket, evidence_dir=tmp_path / "other")

    other_node.run(source)
    lost = [
        each
        for each in bucket.everything_captured(bucket.row(run_id))
        if each.reason == "evidence_missing" or (each.reason or "").startswith("left_")
    ]
    seal_left(bucket)
    other_node.run(source)
    pending = [
        each
        for each in bucket.everything_captured(bucket.row(run_id))
        if each.outcome is CaptureOutcome.PENDING
    ]

    assert pending == []
    assert lost == []
    assert_readable_elsewhere(bucket, tmp_path, count=len(match_states(bucket)))
