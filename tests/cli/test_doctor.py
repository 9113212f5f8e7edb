"""`spillwatch doctor` about Tor and about cookies: what it finds, and what it says to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from tests.cli.command import answer, spillwatch
from tests.peers.tor import TorNetwork, unpublished_onion
from tests.peers.web import Site

SOURCE = """
kind = "feed"
start = "http://{host}/feed"
via = "{via}"
"""
NOBODY = "socks5://127.0.0.1:1"


def installed(folder: Path, *, host: str, via: str = "tor", crawler: str = "", source: str = "") -> Path:
    """A configuration with one source."""
    (folder / "sources").mkdir()
    (folder / "spillwatch.toml").write_text(f"[crawler]\nrequest_timeout_s = 20\n{crawler}\n")
    (folder / "sources" / "market.toml").write_text(SOURCE.format(host=host, via=via) + source)
    return folder


def findings(folder: Path, check: str, *, code: int = Exit.NEGATIVE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer(folder, "doctor", "--only", check, code=code)["findings"]
    return found


def test_without_tor_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    """A note; an installation that uses no Tor is whole without it."""
    [found] = findings(installed(tmp_path, host="market.example", via="direct"), "tor", code=0)

    assert (found["level"], found["found"]) == ("note", "no source goes out through Tor")


@pytest.mark.parametrize(
    ("crawler", "told", "advice"),
    [
        ("", '1 sources have via = "tor", and no tor_proxy is set', "Set tor_proxy"),
        (f'tor_proxy = "{NOBODY}"', "nothing takes connections at 127.0.0.1:1", "Start Tor"),
    ],
)
def test_a_tor_that_is_not_there_is_told(tmp_path: Path, crawler: str, told: str, advice: str) -> None:
    """Not configured and not started are two different things to do."""
    [found] = findings(installed(tmp_path, host="nowhere.onion", crawler=crawler), "tor")

    assert found["level"] == "failed"
    assert told in found["found"]
    assert advice in found["advice"]


@pytest.mark.needs("tor")
@pytest.mark.timeout(240)
class TestWithTor:
    """On the private network."""

    @pytest.fixture
    def through(self, hidden: tuple[Site, TorNetwork]) -> Iterator[tuple[Site, TorNetwork]]:
        site, network = hidden
        site.requests.clear()
        yield site, network

    def test_an_onion_is_fetched_once(self, tmp_path: Path, through: tuple[Site, TorNetwork]) -> None:
        """One robots.txt of one source shows that everything works, as Tor Browser would ask for it."""
        site, network = through
        home = installed(tmp_path, host=network.onion, crawler=f'tor_proxy = "{network.proxy}"')

        listens, fetched = findings(home, "tor", code=0)

        assert (listens["level"], fetched["level"]) == ("ok", "ok")
        assert f"{network.onion} answers through Tor (HTTP 404" in fetched["found"]
        assert [asked.path for asked in site.requests] == ["/robots.txt"]
        assert "Firefox/" in site.requests[0].headers["user-agent"]

    def test_an_address_of_ones_own_is_fetched_instead(
        self, tmp_path: Path, through: tuple[Site, TorNetwork]
    ) -> None:
        """`tor_check_url` spares the sites; an address without a descriptor is told by its reason."""
        site, network = through
        crawler = f'tor_proxy = "{network.proxy}"\ntor_check_url = "http://{unpublished_onion()}/"'

        _, fetched = findings(installed(tmp_path, host=network.onion, crawler=crawler), "tor")

        assert fetched["level"] == "failed"
        assert "[onion_not_found]" in fetched["found"]
        assert site.requests == []


def cookies(folder: Path, *, expires: datetime, mode: int = 0o600) -> Path:
    """An installation whose source has cookies."""
    home = installed(folder, host="market.example", via="direct", source='cookies_file = "market.cookies"\n')
    file = home / "sources" / "market.cookies"
    file.write_text(f"market.example\tFALSE\t/\tFALSE\t{int(expires.timestamp())}\tsid\tsynthetic-secret\n")
    file.chmod(mode)
    return home


@pytest.mark.parametrize(
    ("days", "mode", "level", "told"),
    [
        (90, 0o600, "ok", "market: 1 cookies"),
        (1, 0o600, "warning", "expires at"),
        (-1, 0o600, "warning", "1 of the 1 cookies in cookies_file have expired"),
        (90, 0o644, "failed", "has mode 0644"),
    ],
)
def test_the_age_and_the_rights_of_cookies_are_told(
    tmp_path: Path, days: int, mode: int, level: str, told: str
) -> None:
    """`doctor` and `check` both say it, from the file beside the source's, and show no value."""
    home = cookies(tmp_path, expires=datetime.now(UTC) + timedelta(days=days), mode=mode)

    [found] = findings(home, "cookies", code=0 if level == "ok" else Exit.NEGATIVE)
    checked = spillwatch(home, "check")

    assert (found["level"], told in found["found"]) == (level, True)
    assert checked.returncode == 0
    assert (told in checked.stdout) is (level != "ok")
    assert "synthetic-secret" not in checked.stdout + checked.stderr + str(found)


@pytest.mark.parametrize(
    ("mode", "level", "told"), [(0o600, "ok", "gists.token"), (0o644, "failed", "has mode 0644")]
)
def test_the_rights_of_an_interfaces_key_are_told(tmp_path: Path, mode: int, level: str, told: str) -> None:
    """`doctor` and `check` both look at it, beside the source's file, and show nothing of it."""
    home = installed(tmp_path, host="api.example", via="direct")
    source = 'kind = "gists"\nstart = "https://api.example/gists/public"\ntoken_file = "gists.token"\n'
    (home / "sources" / "market.toml").write_text(source)
    key = home / "sources" / "gists.token"
    key.write_text("synthetic-secret\n")
    key.chmod(mode)

    [found] = findings(home, "tokens", code=0 if level == "ok" else Exit.NEGATIVE)
    checked = spillwatch(home, "check")

    assert (found["level"], told in found["found"]) == (level, True)
    assert checked.returncode == 0
    assert (told in checked.stdout) is (level != "ok")
    assert "synthetic-secret" not in checked.stdout + checked.stderr + str(found)


@pytest.mark.needs("gcc")
def test_the_scanner_in_use_is_named(tmp_path: Path) -> None:
    """With its file: it is the native one, for there is a compiler where the tests run."""
    [found] = findings(installed(tmp_path, host="market.example", via="direct"), "scanner", code=0)

    assert found["level"] == "ok"
    assert found["found"].startswith("the native scanner, /")
