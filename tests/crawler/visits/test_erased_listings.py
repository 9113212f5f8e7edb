"""An erased listing, in real runs: nothing of it is left, and the site may go on showing it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.evidence.warc import EvidenceStore
from storage.retention.erasing_files import erase_requested
from storage.retention.erasure import erase_listing
from storage.retention.scrubbing import scrub
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.programs import PROGRAMS, STARTS, Content, Served

TITLE, SECRET = "Quillmarsh Verwaltung files", "Rows of the Quillmarsh customers, one by one."


@pytest.mark.parametrize("kind", ["nodebb", "telegram", "wordpress"])
def test_an_erased_listing_leaves_nothing_and_stays_away(crawl: Runs, tmp_path: Path, kind: str) -> None:
    """After two visits with a recheck, no file holds its text any more. Later visits read the source as
    before: they store neither it nor its edit, and other listings are found new, edited and there.
    """
    content = Content()
    for number in range(6):
        content.add(replies=2 if number == 1 else 0)
    topic = content.topics[2]
    topic.title, topic.first.text = TITLE, SECRET
    with Served(PROGRAMS[kind], content) as site:
        source = crawl.declare(
            kind,
            f"{site.url}{STARTS.get(kind, '/')}",
            kind=kind,
            list=None,
            row=None,
            item=None,
            timezone="UTC",
            budget={"pages": 100, "recheck_items": 100},
        )
        crawl.run(source)
        crawl.run(source)
        [(key, listing)] = [
            (key, each)
            for key, each in crawl.listings().items()
            if SECRET[:20] in crawl.versions(each)[0].body + each.title
        ]
        count = len(crawl.listings())
        before = holding(tmp_path)

        evidence, now = EvidenceStore(crawl.evidence_dir), datetime.now(UTC)
        done = erase_listing(crawl.database, evidence, listing.id, person="anna", reason="x", now=now)
        assert done
        assert erase_requested(crawl.database, evidence, now=now, limit=100).reason is None
        assert scrub(crawl.database, done.traces).left is None
        after = holding(tmp_path)
        again = crawl.run(source)
        topic.first.text, topic.first.edits = f"{SECRET} Now cheaper.", 1
        content.add()
        later = crawl.run(source)

    assert len(before) >= 2
    assert after == set()
    assert (again.outcome, again.listings_new, again.listings_changed) == (RunOutcome.NOTHING_NEW, 0, 0)
    assert (later.outcome, later.listings_new) == (RunOutcome.NEW_LISTINGS, 1)
    found = crawl.listings()
    assert (key in found, len(found)) == (False, count)
    assert all(each.gone_at is None for each in found.values())
    # The site's pages hold it again; what we read from them does not.
    database = [path for path in holding(tmp_path) if not path.name.endswith(".gz")]
    assert database == []
    for path in crawl.evidence_dir.rglob("*.gz"):
        assert f'"body": "{SECRET}' not in gzip.decompress(path.read_bytes()).decode("utf-8", "replace")


def holding(folder: Path) -> set[Path]:
    """The files that hold the listing's title or text."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            whole = content + (gzip.decompress(content) if path.suffix == ".gz" else b"")
            if b"Quillmarsh" in whole or b"quillmarsh" in whole:
                found.add(path)
    return found
