"""Draws the live view of one moment: the practice sites' steps, and four panes with the daemon's results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.database_snapshot import ListingEvent, Snapshot
from storage.alerts import Alert, Severity
from storage.deliveries import Delivery, DeliveryState
from storage.listing_tables import Life
from storage.runs import READ, Run, RunState
from text.printable import printable

STEP_LINES, STEP_LINES_TALL = 3, 7  # steps shown on a short and on a tall terminal; seven are the whole story
TALL = 30  # lines of a tall terminal
WIDE = 120  # columns of a terminal whose panes have room for times and details
R = TypeVar("R")

_SEVERITY = {
    Severity.LOW: "cyan",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "bold dark_orange",
    Severity.CRITICAL: "bold red",
}
_LIFE = {
    Life.NEW: ("new", "green"),
    Life.BACK: ("back", "green"),
    Life.EDITED: ("edited", "yellow"),
    Life.PRICE_CHANGED: ("price", "yellow"),
    Life.REPOSTED: ("again", "magenta"),
    Life.GONE: ("gone", "bright_black"),
}
_DELIVERY = {
    DeliveryState.PENDING: "yellow",
    DeliveryState.SENDING: "yellow",
    DeliveryState.SENT: "green",
    DeliveryState.FAILED: "bold red",
}
_TRANSPORT = {"email": "e-mail", "webhook": "webhook"}


@dataclass(frozen=True, slots=True)
class ShowMoment:
    """What the live view shows. `steps`: seconds since the start and description, latest last."""

    elapsed_s: float
    steps: Sequence[tuple[float, str]]
    snapshot: Snapshot
    mails: int
    webhooks: int
    footer: str


def draw_picture(moment: ShowMoment, *, width: int, height: int) -> Layout:
    many = STEP_LINES_TALL if height >= TALL else STEP_LINES
    wide, snapshot = width >= WIDE, moment.snapshot
    layout = Layout()
    layout.split_column(
        Layout(_header(moment), size=1),
        Layout(
            _pane("The practice sites", [_step_row(*step) for step in moment.steps[-many:]]),
            size=many + 2,
        ),
        Layout(name="above"),
        Layout(name="below"),
        Layout(Text(moment.footer, style="bright_black", no_wrap=True, overflow="ellipsis"), size=1),
    )
    counts = snapshot.counts
    begun = [run for run in snapshot.runs if run.state is not RunState.QUEUED]
    layout["above"].split_row(
        _row_pane(f"Runs: {counts.runs}", begun, _run_row, wide=wide),
        _row_pane(
            f"Listings: {counts.listings}, versions: {counts.versions}",
            snapshot.events,
            _listing_row,
            wide=wide,
        ),
    )
    arrived = f"Received: {moment.mails} e-mails, {moment.webhooks} webhooks"
    layout["below"].split_row(
        _row_pane(f"Alerts: {counts.alerts}", snapshot.alerts, _alert_row, wide=wide),
        _row_pane(arrived, snapshot.deliveries, _delivery_row, wide=wide),
    )
    return layout


def _header(moment: ShowMoment) -> Table:
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_column(justify="right")
    minutes, seconds = divmod(int(moment.elapsed_s), 60)
    title = Text.assemble(
        ("Spillwatch demo", "bold"), ("  everything is invented and on this machine", "bright_black")
    )
    grid.add_row(title, f"{minutes}:{seconds:02d}")
    return grid


def _row_pane(
    title: str, rows: Sequence[R], cells: Callable[[R, bool], Sequence[Text]], *, wide: bool
) -> Layout:
    return Layout(_pane(title, [cells(row, wide) for row in rows]))


def _pane(title: str, rows: Sequence[Sequence[Text]]) -> Panel:
    """Return a pane with one line per row. The last column takes the remaining width."""
    grid = Table.grid(padding=(0, 1), expand=True)
    for _ in rows[0][:-1] if rows else ():
        grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        grid.add_row(*row)
    if not rows:
        grid.add_row(Text("nothing yet", style="bright_black"))
    return Panel(grid, title=title, title_align="left", border_style="bright_black", padding=(0, 1))


def _step_row(at_s: float, sentence: str) -> Sequence[Text]:
    return Text(f"{at_s:3.0f} s", style="bright_black"), Text(sentence)


def _run_row(run: Run, wide: bool) -> Sequence[Text]:
    when = [_run_time(run)] if wide else []
    return *when, Text(run.source.name, no_wrap=True), _run_ending(run)


def _run_time(run: Run) -> Text:
    return Text(
        f"{(run.finished_at or run.started_at or run.queued_at).astimezone():%H:%M:%S}", style="bright_black"
    )


def _run_ending(run: Run) -> Text:
    if run.state is not RunState.FINISHED or run.outcome is None:
        return Text(f"{run.state}, {run.pages} pages" if run.pages else str(run.state), style="yellow")
    if run.outcome not in READ:
        return Text(run.outcome.replace("_", " "), style="bold red")
    found = [(run.listings_new, "new"), (run.listings_changed, "changed")]
    news = ", ".join(f"{many} {what}" for many, what in found if many)
    return Text(news or "nothing new", style="green" if news else "bright_black")


def _listing_row(event: ListingEvent, wide: bool) -> Sequence[Text]:
    word, style = _LIFE[event.life]
    details = [Text(event.source, style="bright_black"), Text(event.price)] if wide else []
    return Text(word, style=style), *details, Text(printable(event.title))


def _alert_row(alert: Alert, wide: bool) -> Sequence[Text]:
    details = [Text(str(alert.state)), Text(f"rev. {alert.revision}", style="bright_black")] if wide else []
    return (
        Text(str(alert.id)),
        Text(str(alert.severity), style=_SEVERITY[alert.severity]),
        *details,
        Text(printable(alert.title)),
    )


def _delivery_row(delivery: Delivery, wide: bool) -> Sequence[Text]:
    tries = f", {delivery.attempts} attempts" if delivery.attempts > 1 else ""
    what = f"alert {delivery.alert_id}" + (f", revision {delivery.revision}" if delivery.revision > 1 else "")
    reason = f" ({delivery.reason})" if delivery.reason else ""
    state = Text(f"{delivery.state}{tries}{reason}", style=_DELIVERY[delivery.state])
    return Text(_TRANSPORT.get(delivery.transport, delivery.transport)), Text(what), state
