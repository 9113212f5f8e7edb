"""Interfaces that require a key or refuse access: keys, limits, refusals, sealed pastes."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from crawler.sources import read_definition
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.privatebin import ID, KEY, TEXT, served_paste
from tests.peers.programs import Content, Program, Served, gists
from tests.peers.web import Answer

#: Synthetic.
TOKEN = "github_pat_synthetic0123456789"
NONE: dict[str, object] = {"list": None, "row": None, "item": None, "budget": {"recheck_items": 0}}


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


def answering(answer: Answer) -> Program:
    return lambda content, asked, url: answer


def a_gist() -> Content:
    content = Content()
    content.add()
    return content


def test_a_key_goes_to_its_interface_alone(crawl: Runs, token_file: Path, tmp_path: Path) -> None:
    """The list is requested with the key, a file on another host without it; the key is stored nowhere."""
    content = a_gist()
    with Served(gists, content) as raw, Served(_beside(raw), content) as api:
        source = crawl.declare(
            "gists", f"{api.url}/gists/public", **NONE, kind="gists", token_file=str(token_file)
        )

        run = crawl.run(source)

    [listed] = api.asked_for("/gists/public")
    [file] = [asked for asked in raw.requests if asked.path.startswith("/raw/")]
    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, None)
    assert listed.headers["authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in file.headers
    written = [each for each in tmp_path.rglob("*") if each.is_file() and each != token_file]
    assert len(written) > 1
    assert [each for each in written if TOKEN.encode() in _plain(each)] == []


def _beside(raw: Served) -> Program:
    """The interface, whose files are on another host."""
    return lambda content, asked, url: gists(content, asked, raw.url)


def test_a_key_does_not_follow_a_redirect(crawl: Runs, token_file: Path) -> None:
    """The target of a redirect is not the interface."""
    with Served(gists, a_gist()) as other:
        moved = Answer(status=302, headers=[("Location", f"{other.url}/gists/public?per_page=100&page=1")])
        with Served(answering(moved), Content()) as api:
            source = crawl.declare(
                "gists", f"{api.url}/gists/public", **NONE, kind="gists", token_file=str(token_file)
            )

            crawl.run(source)

    [listed] = other.asked_for("/gists/public")
    assert "authorization" not in listed.headers


def _plain(file: Path) -> bytes:
    content = file.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _remove(path: Path) -> None:
    path.unlink()


def _expose(path: Path) -> None:
    path.chmod(0o644)


def _empty(path: Path) -> None:
    path.write_text("\n")


@pytest.mark.parametrize("spoil", [_remove, _expose, _empty])
def test_without_a_usable_key_nothing_is_asked(
    crawl: Runs, token_file: Path, spoil: Callable[[Path], None]
) -> None:
    """A missing file, one that others can read, one without a key: the run ends before its first request."""
    spoil(token_file)
    with Served(gists, a_gist()) as api:
        source = crawl.declare(
            "gists", f"{api.url}/gists/public", **NONE, kind="gists", token_file=str(token_file)
        )

        run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.REFUSED, "token_refused")
    assert (str(token_file) in (run.detail or ""), TOKEN in (run.detail or "")) == (True, False)
    assert api.requests == []


def test_a_key_for_a_family_without_one_is_a_mistake(token_file: Path) -> None:
    """The message names the families that take one."""
    with pytest.raises(ValidationError, match="gists, ransomware_live"):
        read_definition({"kind": "flarum", "start": "https://forum.example/", "token_file": str(token_file)})


@pytest.mark.parametrize(
    "headers",
    [
        [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(int(time.time()) + 3_000))],
        [("Retry-After", "3000")],
    ],
)
def test_a_limit_that_is_used_up_ends_the_visit(crawl: Runs, headers: list[tuple[str, str]]) -> None:
    """GitHub answers 403 for a spent limit: that is not a refusal, and nothing more is requested."""
    with Served(answering(Answer(b"{}", status=403, headers=headers)), Content()) as api:
        source = crawl.declare("gists", f"{api.url}/gists/public", **NONE, kind="gists")

        run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.COULD_NOT_FETCH, "rate_limited")
    assert len(api.asked_for("/gists/public")) == 1


def test_pastebin_without_access_is_a_refusal(crawl: Runs) -> None:
    """Pastebin answers 200; the run's sentence says what to do."""
    words = b"YOUR IP: 192.0.2.1 DOES NOT HAVE ACCESS.\n\nVISIT: https://pastebin.com/doc_scraping_api"
    with Served(answering(Answer(words, content_type="text/plain")), Content()) as site:
        source = crawl.declare("pastebin", f"{site.url}/api_scraping.php", **NONE, kind="pastebin")

        run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.REFUSED, "api_closed")
    assert "Pro account" in (run.detail or "")


# --- PrivateBin


def bin_source(crawl: Runs, site: Served, key: str = KEY) -> int:
    return crawl.declare("bin", f"{site.url}/?{ID}#{key}", **NONE, kind="privatebin")


def test_a_sealed_paste_is_read_with_its_discussion(crawl: Runs) -> None:
    """A paste that a browser sealed is opened with the key in its link, and its comments are replies."""
    with Served(served_paste, Content()) as site:
        run = crawl.run(bin_source(crawl, site))

        again = crawl.run(bin_source(crawl, site))

    stored = crawl.listings()
    paste, comment = stored[ID], stored[f"{ID}/p0123456789abcdef"]
    assert (run.outcome, again.outcome) == (RunOutcome.NEW_LISTINGS, RunOutcome.NOTHING_NEW)
    assert (paste.title, paste.posted_at) == ("客户样本 customers", datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    assert crawl.versions(paste)[0].body.strip() == TEXT.strip()
    assert (comment.seller, comment.thread_key) == ("marta", ID)
    assert crawl.versions(comment)[0].body == "Is it fresh?"
    assert KEY not in paste.url


def test_the_key_of_a_sealed_paste_is_written_nowhere(crawl: Runs, tmp_path: Path) -> None:
    """The database and the evidence are not enough to request and open the paste: its key is only in the
    source's file.
    """
    with Served(served_paste, Content()) as site:
        run = crawl.run(bin_source(crawl, site))

    written = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, None)
    assert [each.name for each in written if ID.encode() in _plain(each)] != []
    assert [each.name for each in written if KEY.encode() in _plain(each)] == []


def test_a_sealed_paste_whose_key_is_not_at_hand_is_locked(crawl: Runs) -> None:
    """A run started by a process that has not read the source's file says how to continue."""
    with Served(served_paste, Content()) as site:
        source = bin_source(crawl, site)
        crawl.with_keys.clear()

        run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.REFUSED, "paste_locked")
    assert "SIGHUP" in (run.detail or "")


def test_a_sealed_paste_with_a_wrong_key_is_a_refusal(crawl: Runs) -> None:
    """It came and cannot be read: that is neither an empty paste nor a redesign."""
    with Served(served_paste, Content()) as site:
        run = crawl.run(bin_source(crawl, site, key=KEY.replace("u", "v")))

    assert (run.outcome, run.reason) == (RunOutcome.REFUSED, "paste_locked")


def test_a_paste_that_expired_is_not_there(crawl: Runs) -> None:
    """PrivateBin answers 200 for it."""
    gone = Answer(json.dumps({"status": 1, "message": "expired"}).encode(), content_type="application/json")
    with Served(answering(gone), Content()) as site:
        run = crawl.run(bin_source(crawl, site))

    assert (run.outcome, run.reason) == (RunOutcome.COULD_NOT_FETCH, "not_there")


@pytest.mark.parametrize(
    "start",
    [
        f"https://bin.example/?{ID}#-{KEY}",
        f"https://bin.example/?{ID}",
        "https://bin.example/",
        f"https://bin.example/?{ID}#short",
    ],
)
def test_what_may_burn_is_no_start(start: str) -> None:
    """A link that announces burning is a mistake in the file; so is a link without its key."""
    with pytest.raises(ValidationError, match="whole links to pastes"):
        read_definition({"kind": "privatebin", "start": start})
