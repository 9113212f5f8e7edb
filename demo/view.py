"""The output of the demo: a live view on a terminal, lines of text elsewhere.

Both show the practice sites' steps, the current rows, the receipts, and the first alert in full as received.
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from demo.database_snapshot import Snapshot
from demo.delivery_receipts import Receipt, Receipts
from demo.picture import ShowMoment, draw_picture
from storage.runs import Run, RunState
from text.printable import printable

RULE_COLUMNS = 78
READING_S = 20.0  # until the live view returns by itself if nobody can press Enter


class View(Protocol):
    """Receives everything that happens, in order."""

    def show_step(self, sentence: str) -> None: ...

    def show_receipt(self, receipt: Receipt) -> None: ...

    def show_rows(self, snapshot: Snapshot, receipts: Receipts) -> None: ...

    def show_page(self, lines: Sequence[str]) -> None:
        """Show a page for the reader, in full."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LineView:
    """Writes one line per event, with the seconds since the start."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._runs: set[int] = set()
        self._alerts: dict[int, int] = {}

    def show_step(self, sentence: str) -> None:
        self._write(sentence)

    def show_receipt(self, receipt: Receipt) -> None:
        what = "e-mail received" if receipt.channel == "mail" else "webhook received, signature verified"
        if not receipt.verified:
            what = "webhook received with an INVALID signature"
        self._write(f"  {what}: alert {receipt.alert_id}, revision {receipt.revision}")

    def show_rows(self, snapshot: Snapshot, receipts: Receipts) -> None:
        for run in reversed(snapshot.runs):
            if run.state is RunState.FINISHED and run.id not in self._runs:
                self._runs.add(run.id)
                if run.listings_new or run.listings_changed or run.reason:
                    self._write(f"  run {run.id} of {run.source.name}: {_run_result(run)}")
        for alert in reversed(snapshot.alerts):
            if self._alerts.get(alert.id) != alert.revision:
                self._alerts[alert.id] = alert.revision
                self._write(f"  alert {alert.id}, revision {alert.revision}, {alert.severity}: {alert.title}")

    def show_page(self, lines: Sequence[str]) -> None:
        self._stream.write("\n" + "\n".join(lines) + "\n\n")
        self._stream.flush()

    def _write(self, sentence: str) -> None:
        seconds = time.monotonic() - self._began
        self._stream.write(f"{seconds:5.1f} s  {printable(sentence)}\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def _run_result(run: Run) -> str:
    counts = f"{run.listings_new} new, {run.listings_changed} changed, {run.pages} pages"
    return counts if run.reason is None else f"{run.outcome} ({run.reason}), {counts}"


class PaneView:
    """The live view, on the terminal's alternate screen. Pages to read stay on the main screen."""

    def __init__(self, console: Console, footer: str) -> None:
        self._console = console
        self._footer = footer
        self._began = time.monotonic()
        self._steps: list[tuple[float, str]] = []
        self._live: Live | None = None
        self._pages: list[Sequence[str]] = []
        self._shown_at = 0.0

    def show_step(self, sentence: str) -> None:
        self._steps.append((time.monotonic() - self._began, sentence))

    def show_receipt(self, receipt: Receipt) -> None:
        return None

    def show_rows(self, snapshot: Snapshot, receipts: Receipts) -> None:
        if self._live is None and not self._page_finished():
            return
        elapsed = time.monotonic() - self._began
        verified = sum(receipt.verified for receipt in receipts.of("hook"))
        mails = len(receipts.of("mail"))
        moment = ShowMoment(elapsed, self._steps, snapshot, mails, verified, self._footer)
        if self._live is not None:
            self._live.update(
                draw_picture(moment, width=self._console.width, height=self._console.height), refresh=True
            )

    def show_page(self, lines: Sequence[str]) -> None:
        self._close()
        room = max(self._console.height - 2, 10)
        self._pages = [lines[first : first + room] for first in range(0, len(lines), room)]
        self._show_next_page()

    def _page_finished(self) -> bool:
        """Return whether the reader has finished; Enter shows the next page if there is one."""
        if not self._enter_was_pressed():
            return False
        if self._pages:
            self._show_next_page()
            return False
        self._open()
        return True

    def _show_next_page(self) -> None:
        page = self._pages.pop(0)
        self._console.print(Text("\n".join(page)), soft_wrap=True)
        prompt = "Enter: next page" if self._pages else "Enter: back to the live view; Ctrl-C: end"
        self._console.print(Text(f"[{prompt}]", style="bold"))
        self._shown_at = time.monotonic()

    def _enter_was_pressed(self) -> bool:
        if not sys.stdin.isatty():
            return time.monotonic() - self._shown_at > READING_S
        ready, _, _ = select.select([sys.stdin], [], [], 0)
        return bool(ready and sys.stdin.readline())

    def _open(self) -> None:
        self._live = Live(console=self._console, screen=True, auto_refresh=False, transient=True)
        self._live.start()

    def _close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
