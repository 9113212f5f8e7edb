"""Pasted cookies: read from usual exports, sent where a browser would send them, never shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from crawler.errors import CookiesExposed, CookiesMissing, CookiesRefused, CookiesUnreadable
from crawler.fetching.cookies import MAX_SET, Cookie, Jar, cookie_age_remark, read_cookies
from storage.evidence.warc import EvidenceStore
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Site

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = int((NOW + timedelta(days=90)).timestamp())
NETSCAPE = f"""# Netscape HTTP Cookie File

.market.example\tTRUE\t/\tFALSE\t{LATER}\txf_user\tsynthetic-1
#HttpOnly_market.example\tFALSE\t/forum\tTRUE\t0\txf_session\tsynthetic-2
"""
EXTENSION = [
    {
        "domain": ".market.example",
        "hostOnly": False,
        "httpOnly": False,
        "name": "xf_user",
        "path": "/",
        "secure": False,
        "session": False,
        "expirationDate": LATER + 0.5,
        "value": "synthetic-1",
    },
    {
        "domain": "market.example",
        "hostOnly": True,
        "name": "xf_session",
        "path": "/forum",
        "secure": True,
        "session": True,
        "value": "synthetic-2",
    },
]
DRIVER = {
    "cookies": [
        {
            "name": "xf_user",
            "value": "synthetic-1",
            "domain": ".market.example",
            "path": "/",
            "expires": LATER,
        },
        {
            "name": "xf_session",
            "value": "synthetic-2",
            "domain": "market.example",
            "path": "/forum",
            "expires": -1,
            "secure": True,
        },
    ]
}


def pasted(tmp_path: Path, content: str, *, mode: int = 0o600) -> Path:
    file = tmp_path / "cookies.txt"
    file.write_text(content)
    file.chmod(mode)
    return file


def jar(*cookies: Cookie, now: datetime = NOW) -> Jar:
    return Jar(cookies, clock=lambda: now)


@pytest.mark.parametrize(
    "content",
    [NETSCAPE, "\ufeff" + NETSCAPE.replace("\n", "\r\n"), json.dumps(EXTENSION), json.dumps(DRIVER)],
)
def test_every_usual_export_is_read_as_the_same_cookies(tmp_path: Path, content: str) -> None:
    """Netscape's text (also with Windows line ends), an extension's list, a browser driver's object."""
    found = read_cookies(pasted(tmp_path, content))

    assert [(each.name, each.value, each.domain, each.host_only, each.path) for each in found] == [
        ("xf_user", "synthetic-1", "market.example", False, "/"),
        ("xf_session", "synthetic-2", "market.example", True, "/forum"),
    ]
    assert [each.secure for each in found] == [False, True]
    assert [each.expires and round(each.expires.timestamp()) for each in found] == [LATER, None]


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("https://market.example/forum/thread-1", "xf_session=synthetic-2; xf_user=synthetic-1"),
        ("https://market.example/forum", "xf_session=synthetic-2; xf_user=synthetic-1"),
        ("https://market.example/forums", "xf_user=synthetic-1"),
        ("http://market.example/forum/", "xf_user=synthetic-1"),
        ("https://MARKET.example/", "xf_user=synthetic-1"),
        ("https://www.market.example/forum/", "xf_user=synthetic-1"),
        ("https://notmarket.example/forum/", None),
        ("https://market.example.evil.test/forum/", None),
        ("https://example/", None),
    ],
)
def test_cookies_go_where_a_browser_would_send_them(tmp_path: Path, url: str, header: str | None) -> None:
    """Host, path and `secure` must match; no other server gets them."""
    found = read_cookies(pasted(tmp_path, NETSCAPE))

    assert jar(*found).header(url) == header


def test_a_secure_cookie_goes_to_an_onion_over_http() -> None:
    """Tor encrypts all the way to the service; Tor Browser does the same."""
    cookie = Cookie("sid", "synthetic", domain="nowhere.onion", host_only=True, secure=True)

    assert jar(cookie).header("http://nowhere.onion/") == "sid=synthetic"


def test_an_expired_cookie_is_not_sent() -> None:
    """A browser would have removed it."""
    cookie = Cookie("sid", "synthetic", domain="market.example", host_only=True, expires=NOW)

    assert jar(cookie).header("https://market.example/") is None


@pytest.mark.parametrize(
    ("content", "mode", "error"),
    [
        (NETSCAPE, 0o640, CookiesExposed),
        (NETSCAPE, 0o604, CookiesExposed),
        ("", 0o600, CookiesUnreadable),
        ("no cookies at all", 0o600, CookiesUnreadable),
        ('[{"name": "synthetic-secret"}]', 0o600, CookiesUnreadable),
        ('{"cookies": 7}', 0o600, CookiesUnreadable),
        (".market.example\tTRUE\t/\tFALSE\tsynthetic-secret\tname\tvalue", 0o600, CookiesUnreadable),
        (".market.example\tTRUE\t/\tFALSE\t0\tname\tsynthetic-secret\x07", 0o600, CookiesUnreadable),
        ("x" * 300_000, 0o600, CookiesUnreadable),
    ],
)
def test_a_file_that_cannot_be_used_is_told_without_a_word_of_it(
    tmp_path: Path, content: str, mode: int, error: type[CookiesRefused]
) -> None:
    """Exposed, empty, not an export, too large: the message names the file and what to do, but no content."""
    file = pasted(tmp_path, content, mode=mode)

    with pytest.raises(error) as raised:
        read_cookies(file)

    assert str(file) in str(raised.value)
    assert "synthetic" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The message names the file, so that nobody suspects the site."""
    with pytest.raises(CookiesMissing, match="cookies_file"):
        read_cookies(tmp_path / "nowhere.txt")


def test_a_cookie_does_not_show_its_value() -> None:
    """A traceback or a log that prints a cookie shows its name only."""
    assert "synthetic" not in repr(Cookie("sid", "synthetic", domain="market.example", host_only=True))


def test_what_a_site_sets_is_sent_back_until_it_takes_it_back() -> None:
    """A session continues within a run, for the path and host for which it was set."""
    kept = jar()
    kept.take("http://market.example/forum/index.php", ["sid=one; HttpOnly", "lang=en; path=/"])
    first = kept.header("http://market.example/forum/thread")
    kept.take("http://market.example/forum/index.php", ["sid=two", "lang=; Max-Age=0; path=/"])

    assert first == "sid=one; lang=en"
    assert kept.header("http://market.example/forum/thread") == "sid=two"
    assert kept.header("http://market.example/") is None
    assert kept.header("http://other.example/forum/thread") is None


@pytest.mark.parametrize(
    "line",
    [
        "sid=1; domain=other.example",
        "sid=1; domain=example",
        "sid=1; expires=Wed, 21-Oct-2015 07:28:00 GMT",
        "no value",
        "=nameless",
        "sid=a\x00b",
        f"sid={'x' * 5000}",
    ],
)
def test_a_cookie_that_a_browser_would_refuse_is_not_kept(line: str) -> None:
    """A site cannot set cookies for others, for a top-level domain, or of unlimited size."""
    kept = jar()

    kept.take("http://market.example/", [line])

    assert (kept.header("http://other.example/"), kept.header("http://shop.example/")) == (None, None)
    assert kept.header("http://market.example/") is None


def test_a_site_cannot_fill_our_memory_with_cookies() -> None:
    """Cookies beyond the limit per run are ignored; the first ones stay."""
    kept = jar()

    kept.take("http://market.example/", (f"c{number}=v" for number in range(10_000)))

    assert len((kept.header("http://market.example/") or "").split("; ")) == MAX_SET


@pytest.mark.parametrize(
    ("expires", "slug"),
    [
        (NOW - timedelta(days=1), "cookies_expired"),
        (NOW + timedelta(days=1), "cookies_expiring"),
        (NOW + timedelta(days=30), None),
        (None, None),
    ],
)
def test_the_age_of_pasted_cookies_is_remarked(expires: datetime | None, slug: str | None) -> None:
    """The run reports cookies before and after they expire, so that somebody logs in again."""
    cookie = Cookie("sid", "synthetic", domain="market.example", host_only=True, expires=expires)

    told = cookie_age_remark([cookie], NOW)

    assert (told and told[0]) == slug


def test_a_run_uses_the_pasted_cookies_and_leaves_no_trace_of_them(
    crawl: Runs, site: Site, tmp_path: Path
) -> None:
    """The site gets them and its own session cookie; database, evidence and output hold no value. The run's
    row says that one of them has expired.
    """
    lines = [
        f"127.0.0.1\tFALSE\t/\tFALSE\t{LATER + 10**9}\tmember\tsynthetic-secret",
        "127.0.0.1\tFALSE\t/\tFALSE\t1000000000\told\tsynthetic-stale",
    ]
    file = pasted(tmp_path, "\n".join(lines))
    source = crawl.declare("cookied", f"{site.url}/sets-cookies", cookies_file=str(file))

    run = crawl.run(source)

    asked = [each.headers.get("cookie") for each in site.requests if each.path.startswith("/offer/")]
    assert site.asked_for("/sets-cookies")[0].headers["cookie"] == "member=synthetic-secret"
    assert set(asked) == {"member=synthetic-secret; sid=fresh-session"}
    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, "cookies_expired")
    assert REGISTRY.get_sample_value(
        "spillwatch_source_cookies_expire_timestamp_seconds", {"source": "cookied"}
    ) == pytest.approx(1e9)
    assert (run.detail or "").startswith("1 of the 2 cookies in cookies_file ")
    kept = [each for each in tmp_path.rglob("*") if each.is_file() and each != file]
    store = EvidenceStore(crawl.evidence_dir)
    captures = [(each.place, each.sha256) for each in crawl.captures(run)]
    heads = [store.read_response(place, sha256).headers for place, sha256 in captures if place]
    told = repr(heads) + "".join(path.read_bytes().decode("latin-1") for path in kept)
    assert "set-cookie" in told.lower()
    for value in ("synthetic-secret", "synthetic-stale", "fresh-session"):
        assert value not in told


def test_a_run_whose_cookies_are_exposed_asks_for_nothing(crawl: Runs, site: Site, tmp_path: Path) -> None:
    """The run is refused and says what to do: without its cookies it would only see a wall."""
    file = pasted(tmp_path, NETSCAPE, mode=0o644)
    source = crawl.declare("market", f"{site.url}/offers", cookies_file=str(file))

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.REFUSED, "cookies_exposed")
    assert "chmod 600" in (run.detail or "")
    assert site.requests == []
