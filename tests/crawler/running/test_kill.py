"""kill -9 of a run at random moments: no listing is lost or stored twice, and captures stay."""

from __future__ import annotations

import os
import random
import signal
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from storage import runs
from storage.captures import Capture
from storage.evidence.warc import EvidenceStore
from storage.listings import Listing, ListingVersion
from storage.runs import READ, RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Site
from tests.waiting import PATIENCE_S, wait_until


@pytest.mark.parametrize("seed", range(2))
def test_killed_anywhere_the_next_runs_complete_what_it_began(crawl_both: Runs, seed: int) -> None:
    """Two runs are killed after a random number of requests; after one more run, everything is stored."""
    chance = random.Random(seed)
    with Site(offers=25) as site:
        source = crawl_both.declare(
            "market",
            f"{site.url}/offers",
            budget={"recheck_items": 0},
            politeness={"delay_s": 0, "robots": False},
        )
        for _ in range(2):
            _kill_one(crawl_both, site, source, after=chance.randrange(1, 30))

        run = crawl_both.run(source)

    with crawl_both.database.reading() as session:
        listings = session.scalar(select(func.count()).select_from(Listing))
        versions = session.scalar(select(func.count()).select_from(ListingVersion))
        captures = session.scalars(select(Capture)).all()
    assert run.outcome in READ
    assert (listings, versions) == (25, 25)
    evidence = EvidenceStore(crawl_both.evidence_dir)
    evidence.recover()
    for capture in captures:
        assert capture.place is not None
        assert evidence.read_response(capture.place, capture.sha256).status == capture.status


def _kill_one(crawl: Runs, site: Site, source: int, *, after: int) -> None:
    """Kill a run's process once it has requested `after` pages, unless it ends before."""
    begun = len(site.requests)
    run_id, thread = crawl.start(source, crawl.supervisor())
    wait_until(lambda: len(site.requests) - begun >= after or not thread.is_alive())
    if (pid := crawl.row(run_id).pid) is not None and thread.is_alive():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            thread.join(PATIENCE_S)


def test_what_a_killed_run_had_read_is_not_taken_for_the_end_of_the_list(crawl: Runs) -> None:
    """The next run knows all rows of the first page from a killed run, and goes on behind it nevertheless."""
    with Site(offers=20) as site:
        # The third page never comes while the first run lives.
        site.held.add("3")
        source = crawl.declare(
            "market", f"{site.url}/offers", item=None, politeness={"delay_s": 0, "robots": False}
        )
        run_id, thread = crawl.start(source, crawl.supervisor())
        wait_until(lambda: len(crawl.listings()) == 10 and bool(site.asked_for("/offers")[2:]))
        os.kill(crawl.row(run_id).pid or 0, signal.SIGKILL)
        thread.join(PATIENCE_S)
        site.held.clear()

        run = crawl.run(source)

    assert (run.outcome, run.listings_new, len(crawl.listings())) == (RunOutcome.NEW_LISTINGS, 10, 20)


def test_an_orphan_found_at_boot_is_interrupted_and_its_source_can_be_run(crawl: Runs, site: Site) -> None:
    """A run whose daemon was killed does not block the next one."""
    source = crawl.declare("market", f"{site.url}/offers")
    orphan = crawl.enqueue(source)
    with crawl.database.transaction() as session:
        runs.claim_run(session, orphan, now=datetime.now(UTC))

    with crawl.database.transaction() as session:
        runs.interrupt_orphans(session, now=datetime.now(UTC))
    run = crawl.run(source)

    assert crawl.row(orphan).outcome is RunOutcome.INTERRUPTED
    assert run.listings_new == 12
