from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from rich.console import Console

from demo.database_snapshot import Counts, ListingEvent, Snapshot
from demo.picture import ShowMoment, draw_picture
from storage.alerts import Alert, Severity, TriageState
from storage.deliveries import Delivery, DeliveryState
from storage.listing_tables import Life
from storage.runs import Run, RunOutcome, RunState
from storage.sources import Source

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
FORUM = Source(id=1, name="forum")
COUNTS = Counts(runs=1, listings=1, versions=2, mentions=1, fingerprint_hits=0, alerts=1)


def moment(title: str) -> ShowMoment:
    run = Run(
        id=1,
        source=FORUM,
        state=RunState.FINISHED,
        outcome=RunOutcome.NEW_LISTINGS,
        queued_at=NOW,
        finished_at=NOW,
        listings_new=1,
        listings_changed=0,
    )
    alert = Alert(id=1, severity=Severity.HIGH, state=TriageState.NEW, revision=1, title=title)
    delivery = Delivery(
        alert_id=1, revision=1, transport="email", state=DeliveryState.SENT, attempts=1, reason=None
    )
    scene = Snapshot(
        [run], [ListingEvent(NOW, Life.NEW, "forum", title, "5,000 USDT")], [alert], [delivery], COUNTS
    )
    return ShowMoment(9.0, [(1.0, "forum: a thread appears")], scene, 1, 1, "Ctrl-C ends")


def drawn(shown: ShowMoment, *, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(draw_picture(shown, width=width, height=height), height=height)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 48)])
def test_all_panes_fit_the_terminal(width: int, height: int) -> None:
    """On a small and on a wide terminal, every pane is shown and no line is wider than the screen."""
    lines = drawn(moment("出售榆塘小貸客戶資料 100万条" * 4), width=width, height=height)

    assert len(lines) == height
    assert max(cell_len(line) for line in lines) <= width
    text = "\n".join(lines)
    for part in ("The practice sites", "Runs: 1", "Listings: 1", "Alerts: 1", "Received: 1", "1 new", "sent"):
        assert part in text


def test_a_crawled_title_cannot_command_the_terminal() -> None:
    """Escape sequences and bidi overrides of a title are removed."""
    text = "\n".join(drawn(moment("\x1b]0;owned\x07\u202egnp.exe"), width=80, height=24))

    assert "\x1b" not in text
    assert "\u202e" not in text
