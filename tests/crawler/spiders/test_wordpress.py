"""WordPress as Debian packages it: its posts over several pages, and what is new in later runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.listings import Life
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.wordpress import WordPress, wordpress

AUTHORS = ("old_fox", "数据贩子", "marta")
FIRST = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
POSTS = 55
# The blog first creates its database.
pytestmark = [pytest.mark.timeout(300), pytest.mark.needs("wordpress")]


@pytest.fixture
def blog(tmp_path: Path) -> Iterator[WordPress]:
    folder = tmp_path / "blog"
    folder.mkdir()
    with wordpress(folder) as running:
        yield running


def post(number: int, text: str = "Names and telephone numbers.") -> dict[str, Any]:
    """Three posts within one minute, as after an import: only their ids give their order."""
    at = FIRST + timedelta(minutes=number // 3)
    return {
        "id": number,
        "title": f"客户名单 — Selling “batch” {number} & {number + 1}k records",
        "content": f"<p>{text}</p><pre>name\tphone\nAda\tnone {number}</pre>",
        "author": AUTHORS[number % len(AUTHORS)],
        "date": f"{at:%Y-%m-%d %H:%M:%S}",
    }


def expected(posts: list[dict[str, Any]]) -> set[tuple[str, str | None, datetime | None]]:
    return {
        (each["title"], each["author"], datetime.fromisoformat(each["date"]).replace(tzinfo=UTC))
        for each in posts
    }


def test_a_real_blog_is_read_over_its_pages_and_visited_again(crawl: Runs, blog: WordPress) -> None:
    """First every post with its author and date; then nothing; then a new post, and an edit as a version."""
    posts = [post(number) for number in range(POSTS)]
    blog.write(posts)
    crawl.set(request_timeout_s=50)  # a page of WordPress is slow on a busy machine
    source = crawl.declare("blog", f"{blog.url}/", kind="wordpress", list=None, row=None, item=None)

    first, again = crawl.run(source), crawl.run(source)

    stored = crawl.listings()
    assert (first.outcome, first.reason, first.listings_new) == (RunOutcome.NEW_LISTINGS, None, POSTS)
    assert {(each.title, each.seller, each.posted_at) for each in stored.values()} == expected(posts)
    assert {crawl.versions(each)[0].sample.partition("\n")[0] for each in stored.values()} == {"name\tphone"}
    assert (again.outcome, again.reason) == (RunOutcome.NOTHING_NEW, None)

    blog.write([post(POSTS), post(7, "Now with bank cards.")])

    later = crawl.run(source)

    [edited] = [each for each in crawl.listings().values() if each.version_number == 2]
    assert (later.outcome, later.listings_new, later.listings_changed) == (RunOutcome.NEW_LISTINGS, 1, 1)
    assert (edited.title, edited.life) == (posts[7]["title"], Life.EDITED)
    assert crawl.versions(edited)[1].body == "Now with bank cards."
