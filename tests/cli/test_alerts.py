"""`spillwatch alerts`, as the installed command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exits import Exit
from storage.database import schema
from storage.database.base import Database
from tests.alerts.samples import SECRET
from tests.alerts.world import World
from tests.cli.command import answer, spillwatch
from tests.peers.smtp import SmtpPeer
from tests.peers.webhook import WebhookPeer

COHERENT = {"hits": {"phone": 4, "resident_id": 4}, "coherent_rows": 4, "customers": 4}
CHANNELS = """
[alerts.channels.soc-mail]
transport = "email"
host = "localhost"
port = {port}
security = "none"
from = "spillwatch@lender.test"
to = ["{to}@lender.test"]

[alerts.channels.hook]
transport = "webhook"
url = "{url}"
secrets = ["{secret}"]
allow_private_addresses = ["localhost"]
"""


@pytest.fixture
def peers() -> Iterator[tuple[SmtpPeer, WebhookPeer]]:
    """A mail server and a webhook receiver."""
    with SmtpPeer() as mail, WebhookPeer(SECRET) as hook:
        yield mail, hook


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a configuration that has no channels."""
    assert spillwatch(tmp_path, "init", "home").returncode == Exit.OK
    return tmp_path / "home"


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """A database with one critical finding whose title and seller are hostile to a terminal."""
    database = Database.open(f"sqlite:///{home}/var/spillwatch.db")
    schema.upgrade_schema(database)
    world = World(database)
    version = world.crawl(title="出售趣店学生数据 \x1b[2J\u202eevil", seller="[bold]=1+1")
    world.judging.evaluate(world.match(version, **COHERENT))
    yield world
    database.close()


def with_channels(
    home: Path, peers: tuple[SmtpPeer, WebhookPeer], *, to: str = "soc", path: str = "/ok"
) -> None:
    """Configure channels to the peers."""
    mail, hook = peers
    settings = home / "spillwatch.toml"
    channels = CHANNELS.format(port=mail.port, to=to, url=hook.url(path), secret=SECRET)
    settings.write_text(settings.read_text(encoding="utf-8") + channels, encoding="utf-8")


def test_a_test_goes_through_every_channel(home: Path, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """`alerts test` reports each channel in a table, and both receivers get the message."""
    with_channels(home, peers)

    ran = spillwatch(home, "alerts", "test")

    mail, hook = peers
    assert ran.returncode == Exit.OK, ran.stderr
    assert all(name in ran.stdout for name in ("soc-mail", "hook", "sent"))
    assert mail.wait(1)[0]["Subject"]
    assert [request.verified for request in hook.wait(1)] == [True]


def test_a_test_that_fails_for_one_channel_says_why(home: Path, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """The exit code is 1, and the failed channel has a reason and the setting to correct."""
    with_channels(home, peers, to="refused")

    results = answer(home, "alerts", "test", code=Exit.NEGATIVE)

    by_channel = {result["channel"]: result for result in results}
    assert (by_channel["hook"]["state"], by_channel["soc-mail"]["state"]) == ("sent", "failed")
    assert by_channel["soc-mail"]["reason"] == "recipient_refused"
    assert "`to`" in by_channel["soc-mail"]["detail"]


def test_a_test_without_channels_is_a_negative_answer(home: Path) -> None:
    """The exit code is 1 and the output names the section where channels belong."""
    ran = spillwatch(home, "alerts", "test")

    assert ran.returncode == Exit.NEGATIVE
    assert "[alerts.channels]" in ran.stdout


def test_list_shows_the_newest_first(home: Path, world: World) -> None:
    """The table shows severity and title, and crawled text cannot send escape sequences to the terminal."""
    ran = spillwatch(home, "alerts", "list")

    assert ran.returncode == Exit.OK, ran.stderr
    assert "critical" in ran.stdout
    assert "出售趣店学生数据" in ran.stdout
    assert "\x1b" not in ran.stdout
    assert "\u202e" not in ran.stdout


@pytest.mark.parametrize(
    ("filters", "found"),
    [(["--min-severity", "critical"], 1), (["--state", "acknowledged"], 0), (["--kind", "source"], 0)],
)
def test_list_filters(home: Path, world: World, filters: list[str], found: int) -> None:
    """Severity, state and kind filter the list."""
    assert found == len(answer(home, "alerts", "list", *filters))


def test_show_says_what_was_sent(home: Path, world: World) -> None:
    """The alert is shown as text with its signals, its history and its deliveries."""
    ran = spillwatch(home, "alerts", "show", "1")

    assert ran.returncode == Exit.OK, ran.stderr
    for expected in ("CRITICAL", "+70", "coherent_rows", "hxxps://market[.]example", "[bold]=1+1", "opened"):
        assert expected in ran.stdout
    assert "No channel" in ran.stdout


def test_show_gives_programs_the_webhook_s_event(home: Path, world: World) -> None:
    """`--json` contains the same event as the webhook's body, with history and deliveries."""
    shown = answer(home, "alerts", "show", "1")

    assert shown["event"]["type"] == "alert.opened"
    assert [revision["change"] for revision in shown["history"]] == ["opened"]
    assert shown["deliveries"] == []


def test_ack_says_who_and_why(home: Path, world: World) -> None:
    """Person and note are stored, and acknowledging again ends with exit code 1 and the first name."""
    acknowledged = answer(home, "alerts", "ack", "1", "--by", "analyst", "--note", "on it")
    again = spillwatch(home, "alerts", "ack", "1", "--by", "another")

    assert (
        acknowledged["state"],
        acknowledged["acknowledged_by"],
        acknowledged["note"],
    ) == ("acknowledged", "analyst", "on it")
    assert again.returncode == Exit.NEGATIVE
    assert "acknowledged" in again.stderr
    assert "analyst" in again.stderr


def test_what_ends_the_work_needs_a_reason(home: Path, world: World) -> None:
    """And each state that somebody set is in the alert's history."""
    without = spillwatch(home, "alerts", "ack", "1", "--by", "analyst", "--state", "resolved")
    answer(home, "alerts", "ack", "1", "--by", "analyst", "--state", "resolved", "--note", "fixed")
    (event,) = answer(home, "alerts", "show", "1")["triage"]
    shown = spillwatch(home, "alerts", "show", "1")

    assert (without.returncode, "say why with --note" in without.stderr) == (Exit.USAGE, True)
    assert (event["before"], event["after"], event["by"], event["reason"]) == (
        "new",
        "resolved",
        "analyst",
        "fixed",
    )
    assert "analyst" in shown.stdout


@pytest.mark.parametrize("arguments", [["show", "99"], ["ack", "99", "--by", "x"]])
def test_an_alert_that_is_not_there_is_told(home: Path, world: World, arguments: list[str]) -> None:
    """An unknown number ends with exit code 6 and a message that names it."""
    ran = spillwatch(home, "alerts", *arguments)

    assert ran.returncode == Exit.REFUSED
    assert "alert 99" in ran.stderr


def test_deliveries_and_their_attempts(home: Path, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """A failed delivery is listed, and its attempts say why it failed."""
    with_channels(home, peers, path="/gone")
    spillwatch(home, "alerts", "test")

    (failed,) = answer(home, "alerts", "deliveries", "--state", "failed")
    (attempt,) = answer(home, "alerts", "deliveries", str(failed["id"]))

    assert (failed["channel"], failed["reason"]) == ("hook", "receiver_gone")
    assert (attempt["status_code"], attempt["outcome"]) == (410, "permanent")


def test_retry_makes_failed_deliveries_due(home: Path, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """A failed delivery is pending again, and an unknown channel is refused with the configured names."""
    with_channels(home, peers, path="/gone")
    spillwatch(home, "alerts", "test")

    retried = answer(home, "alerts", "retry", "--channel", "hook")
    unknown = spillwatch(home, "alerts", "retry", "--channel", "hok")

    assert len(retried["deliveries"]) == 1
    assert [d["state"] for d in answer(home, "alerts", "deliveries", "--channel", "hook")] == ["pending"]
    assert unknown.returncode == Exit.REFUSED
    assert "soc-mail, hook" in unknown.stderr
