"""Runs whose results cannot be stored: the outcome names the storage, and never the site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from storage import sources
from storage.errors import DatabaseUnreachable
from storage.runs import RunOutcome
from storage.sources import SourceHealth
from tests.crawler.conftest import Runs
from tests.peers.small_disk import fill_disk, free_disk, small_disk
from tests.peers.web import Site


@pytest.fixture
def full(crawl: Runs) -> Iterator[Runs]:
    """Runs whose evidence folder is a full disk."""
    with small_disk(crawl.evidence_dir) as folder:
        fill_disk(folder)
        yield crawl


def health_of(crawl: Runs, source_id: int) -> SourceHealth:
    with crawl.database.reading() as session:
        source = sources.source_by_id(session, source_id)
    assert source is not None
    return source.health


@pytest.mark.needs("mount")
def test_a_full_disk_is_not_the_sites_fault(full: Runs, site: Site) -> None:
    """The first run cannot make the key of the digests, and the source's health stays unknown."""
    source = full.declare("market", f"{site.url}/offers")

    run = full.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.STORAGE_FAILED, "evidence_unwritable")
    assert "No space left on device" in (run.detail or "")
    assert "says nothing about the site" in (run.detail or "")
    assert health_of(full, source) is SourceHealth.UNKNOWN
    assert full.dispatcher.work == []


@pytest.mark.needs("mount")
def test_a_disk_that_fills_up_later_is_noticed_at_the_first_page(crawl: Runs, site: Site) -> None:
    """A source that was read stays ok, and is read again when there is space."""
    with small_disk(crawl.evidence_dir) as folder:
        source = crawl.declare("market", f"{site.url}/offers")
        crawl.run(source)
        fill_disk(folder)
        site.offers["3"].price = "$9"

        run = crawl.run(source)
        health = health_of(crawl, source)
        free_disk(folder)
        again = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.STORAGE_FAILED, "evidence_unwritable")
    assert health is SourceHealth.OK
    assert again.outcome in (RunOutcome.NEW_LISTINGS, RunOutcome.NOTHING_NEW)


def test_a_damaged_key_of_the_digests_is_named(crawl: Runs, site: Site) -> None:
    """Its own reason, not a crash."""
    crawl.evidence_dir.mkdir(mode=0o700)
    (crawl.evidence_dir / "digest.key").write_bytes(b"short")

    run = crawl.run(crawl.declare("market", f"{site.url}/offers"))

    assert (run.outcome, run.reason) == (RunOutcome.STORAGE_FAILED, "digest_key_damaged")


@pytest.mark.parametrize(("failing", "written"), [(1, True), (5, False)])
def test_the_end_of_a_run_is_written_once_more_when_the_daemon_stops(
    crawl: Runs, failing: int, written: bool
) -> None:
    """A daemon that lost its lock stops when the database is back, and still knows why its runs ended."""
    supervisor, tried = crawl.supervisor(), 0
    supervisor.stop()

    def write(_: Session) -> None:
        nonlocal tried
        tried += 1
        if tried <= failing:
            raise DatabaseUnreachable

    if written:
        supervisor._write_patiently(write)
    else:
        with pytest.raises(DatabaseUnreachable):
            supervisor._write_patiently(write)

    assert tried == 2
