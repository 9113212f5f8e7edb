"""`spillwatch doctor`: its checks of Tor, cookies, API keys and the scanner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from tests.cli.command import answer, spillwatch
from tests.peers.proxy import ProxyPeer
from tests.peers.tor import TorNetwork, unpublished_onion
from tests.peers.web import Site

SOURCE = """
kind = "feed"
start = "http://{host}/feed"
via = "{via}"
"""
NOBODY = "socks5://127.0.0.1:1"


def installed(folder: Path, *, host: str, via: str = "tor", crawler: str = "", source: str = "") -> Path:
    """Write a configuration with one source."""
    (folder / "sources").mkdir()
    (folder / "spillwatch.toml").write_text(f"[crawler]\nrequest_timeout_s = 20\n{crawler}\n")
    (folder / "sources" / "market.toml").write_text(SOURCE.format(host=host, via=via) + source)
    return folder


def findings(folder: Path, check: str, *, code: int = Exit.NEGATIVE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer(folder, "doctor", "--only", check, code=code)["findings"]
    return found


def test_without_tor_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    """An installation that does not use Tor gets a note."""
    [found] = findings(installed(tmp_path, host="market.example", via="direct"), "tor", code=0)

    assert (found["level"], found["advice"]) == ("note", "")


def test_a_tor_that_is_not_started_is_told(tmp_path: Path) -> None:
    """A proxy at which nothing listens fails with its address and the way to start Tor."""
    crawler = f'tor_proxy = "{NOBODY}"'
    [found] = findings(installed(tmp_path, host="nowhere.onion", crawler=crawler), "tor")

    assert found["level"] == "failed"
    assert "127.0.0.1:1" in found["found"]
    assert "Start Tor" in found["advice"]


def test_a_tor_that_is_not_set_is_a_mistake(tmp_path: Path) -> None:
    """Without `tor_proxy`, a source through Tor is a mistake that `check` and `doctor` report."""
    home = installed(tmp_path, host="nowhere.onion")

    refused = answer(home, "check", code=Exit.CONFIGURATION)["mistakes"]
    [found] = findings(home, "tor")

    assert [mistake["key"] for mistake in refused] == ["crawler.tor_proxy"]
    assert "tor_proxy" in found["found"]


def test_the_proxies_of_the_sources_are_looked_at(tmp_path: Path) -> None:
    """One that accepts connections is ok, one that does not fails, and each says how many sources it has."""
    with ProxyPeer({}) as proxy:
        home = installed(tmp_path, host="market.example", via="direct", crawler=f'proxy = "{proxy.url}"')
        (home / "sources" / "forum.toml").write_text(
            SOURCE.format(host="forum.example", via="direct") + 'proxy = "http://127.0.0.1:1"'
        )
        found = {each["level"]: each["found"] for each in findings(home, "proxies")}

    assert found.keys() == {"ok", "failed"}
    assert f"127.0.0.1:{proxy.port} accepts connections (1 source)" == found["ok"]
    assert found["failed"].startswith("127.0.0.1:1 cannot be reached (1 source)")


@pytest.mark.needs("tor")
@pytest.mark.timeout(240)
class TestWithTor:
    """Checks against a private Tor network."""

    @pytest.fixture
    def through(self, hidden: tuple[Site, TorNetwork]) -> Iterator[tuple[Site, TorNetwork]]:
        site, network = hidden
        site.requests.clear()
        yield site, network

    def test_an_onion_is_fetched_once(self, tmp_path: Path, through: tuple[Site, TorNetwork]) -> None:
        """One request for a source's robots.txt, with Tor Browser's headers, shows that everything works."""
        site, network = through
        home = installed(tmp_path, host=network.onion, crawler=f'tor_proxy = "{network.proxy}"')

        listens, fetched = findings(home, "tor", code=0)

        assert (listens["level"], fetched["level"]) == ("ok", "ok")
        assert network.onion in fetched["found"]
        assert "HTTP 404" in fetched["found"]
        assert [asked.path for asked in site.requests] == ["/robots.txt"]
        assert "Firefox/" in site.requests[0].headers["user-agent"]

    def test_an_address_of_ones_own_is_fetched_instead(
        self, tmp_path: Path, through: tuple[Site, TorNetwork]
    ) -> None:
        """`tor_check_url` is fetched instead of a source, and the result names the reason of a failure."""
        site, network = through
        crawler = f'tor_proxy = "{network.proxy}"\ntor_check_url = "http://{unpublished_onion()}/"'

        _, fetched = findings(installed(tmp_path, host=network.onion, crawler=crawler), "tor")

        assert fetched["level"] == "failed"
        assert "[onion_not_found]" in fetched["found"]
        assert site.requests == []


def cookies(folder: Path, *, expires: datetime, mode: int = 0o600) -> Path:
    """Write a configuration whose source has cookies."""
    home = installed(folder, host="market.example", via="direct", source='cookies_file = "market.cookies"\n')
    file = home / "sources" / "market.cookies"
    file.write_text(f"market.example\tFALSE\t/\tFALSE\t{int(expires.timestamp())}\tsid\tsynthetic-secret\n")
    file.chmod(mode)
    return home


@pytest.mark.parametrize(
    ("days", "mode", "level", "part"),
    [
        (90, 0o600, "ok", "market: 1 cookies"),
        (1, 0o600, "warning", "expires"),
        (-1, 0o600, "warning", "expired"),
        (90, 0o644, "failed", "0644"),
    ],
)
def test_the_age_and_the_rights_of_cookies_are_told(
    tmp_path: Path, days: int, mode: int, level: str, part: str
) -> None:
    """`doctor` and `check` report the age and mode of a cookies file and show no value of it."""
    home = cookies(tmp_path, expires=datetime.now(UTC) + timedelta(days=days), mode=mode)

    [found] = findings(home, "cookies", code=0 if level == "ok" else Exit.NEGATIVE)
    checked = spillwatch(home, "check")

    assert (found["level"], part in found["found"]) == (level, True)
    assert checked.returncode == 0
    assert (part in checked.stdout) is (level != "ok")
    assert "synthetic-secret" not in checked.stdout + checked.stderr + str(found)


@pytest.mark.parametrize(("mode", "level", "part"), [(0o600, "ok", "gists.token"), (0o644, "failed", "0644")])
def test_the_rights_of_an_interfaces_key_are_told(tmp_path: Path, mode: int, level: str, part: str) -> None:
    """`doctor` and `check` report the mode of a token file and show nothing of its content."""
    home = installed(tmp_path, host="api.example", via="direct")
    source = 'kind = "gists"\nstart = "https://api.example/gists/public"\ntoken_file = "gists.token"\n'
    (home / "sources" / "market.toml").write_text(source)
    key = home / "sources" / "gists.token"
    key.write_text("synthetic-secret\n")
    key.chmod(mode)

    [found] = findings(home, "tokens", code=0 if level == "ok" else Exit.NEGATIVE)
    checked = spillwatch(home, "check")

    assert (found["level"], part in found["found"]) == (level, True)
    assert checked.returncode == 0
    assert (part in checked.stdout) is (level != "ok")
    assert "synthetic-secret" not in checked.stdout + checked.stderr + str(found)


@pytest.mark.needs("gcc")
def test_the_scanner_in_use_is_named(tmp_path: Path) -> None:
    """The native scanner's file is named, because the tests run where a compiler is."""
    [found] = findings(installed(tmp_path, host="market.example", via="direct"), "scanner", code=0)

    assert found["level"] == "ok"
    assert "scanner.shared" in found["found"]
