"""An erased listing, in real runs: nothing of it is left, and the site may go on showing it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
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
from tests.peers.s3 import S3Server, s3_settings

TITLE, SECRET = "Quillmarsh Verwaltung files", "Rows of the Quillmarsh customers, one by one."


@dataclass(frozen=True)
class Evidence:
    """Where the evidence is, and the folder of everything else."""

    store: EvidenceStore
    folder: Path

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file, also those of the bucket."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                yield path.name, path.read_bytes()
        if self.store.shared is not None:
            for each in self.store.shared.list():
                yield each.name, self.store.shared.read(each.name)

    def holding(self) -> set[str]:
        """The files that hold the listing's title or text."""
        found = set()
        for name, content in self.files():
            whole = content + (gzip.decompress(content) if name.endswith(".gz") else b"")
            if b"quillmarsh" in whole.lower():
                found.add(name)
        return found


@pytest.fixture(params=[False, True], ids=["folder", "bucket"])
def home(request: pytest.FixtureRequest, crawl: Runs, tmp_path: Path) -> Evidence:
    """Where the evidence is: a folder, or a bucket that starts empty."""
    if not request.param:
        return Evidence(EvidenceStore(crawl.evidence_dir), tmp_path)
    server: S3Server = request.getfixturevalue("s3_server")
    crawl.evidence = f"s3://{server.bucket()}/evidence"
    crawl.s3 = s3_settings(server.url)
    return Evidence(EvidenceStore.at(crawl.evidence_dir, crawl.evidence, crawl.s3), tmp_path)


@pytest.mark.parametrize("kind", ["nodebb", "wordpress"])
def test_an_erased_listing_leaves_nothing_and_stays_away(crawl: Runs, home: Evidence, kind: str) -> None:
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
        before = home.holding()

        evidence, now = home.store, datetime.now(UTC)
        done = erase_listing(crawl.database, evidence, listing.id, person="anna", reason="x", now=now)
        assert done
        assert erase_requested(crawl.database, evidence, now=now, limit=100).reason is None
        assert scrub(crawl.database, done.traces).left is None
        after = home.holding()
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
    assert [name for name in home.holding() if not name.endswith(".gz")] == []
    for name, packed in home.files():
        if name.endswith(".gz"):
            assert f'"body": "{SECRET}' not in gzip.decompress(packed).decode("utf-8", "replace")
