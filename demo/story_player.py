"""Starts the daemon, plays the story step by step and passes everything that happens to a view.

A step is played when the daemon's rows show that the previous one is processed, not after a fixed time. On a
slow machine the demo takes longer and has the same result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demo.database_snapshot import Snapshot, read_alerts, read_snapshot
from demo.delivery_receipts import Receipt
from demo.demo_stage import DaemonProcess, Stage
from demo.errors import DaemonEnded, NotSettled
from demo.expectations import alert_problems, count_problems
from demo.postings import Step
from demo.story import EXPECTED, OPENING, STORY, ExpectedAlert
from demo.view import View

TICK_S = 0.25
STEP_WITHIN_S = 90.0
QUIET_S = 5.0  # without a receipt for this long, deliveries that the daemon has sent are lost


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The counts of one full cycle, as in `--json`. `problems` is empty if everything was as expected."""

    runs: int
    listings: int
    versions: int
    mentions: int
    fingerprint_hits: int
    alerts: int
    emails_received: int
    webhooks_received: int
    webhooks_verified: int
    seconds_to_first_alert: float | None
    problems: tuple[str, ...]


class StoryPlayer:
    """Plays the story on a stage.

    `pace_s` is the minimum number of seconds between two steps, so that a person can follow. `alert_page`
    makes the page for the first alert from its receipt and the seconds since the start. `story` begins with
    the opening, and `expected` are the alerts that it must cause.
    """

    def __init__(
        self,
        stage: Stage,
        view: View,
        *,
        pace_s: float,
        alert_page: Callable[[Receipt, float], Sequence[str]],
        story: Sequence[Step] = STORY,
        expected: Sequence[ExpectedAlert] = EXPECTED,
    ) -> None:
        self._stage = stage
        self._view = view
        self._pace_s = pace_s
        self._alert_page = alert_page
        self._story = story
        self._expected = expected
        self._first_alert_s: float | None = None
        self._arrived_at = 0.0

    def run(self, *, once: bool) -> DemoResult:
        """Play one cycle. Without `once`, continue until KeyboardInterrupt."""
        self._began = self._played_at = time.monotonic()
        daemon = self._stage.daemon()
        try:
            self._view.show_step(OPENING.description)
            while self._stage.played < len(self._story) - 1:
                self._advance(daemon)
            result = self._collect_result(daemon)
            while not once:
                self._advance(daemon)
        finally:
            daemon.stop()
        return result

    def _update(self, daemon: DaemonProcess) -> Snapshot:
        if daemon.process.poll() is not None:
            raise DaemonEnded(f"The daemon ended with code {daemon.process.returncode}. See {daemon.log}.")
        for receipt in self._stage.received(timeout_s=TICK_S):
            self._arrived_at = time.monotonic()
            self._view.show_receipt(receipt)
            if self._first_alert_s is None and receipt.channel == "mail":
                self._first_alert_s = time.monotonic() - self._began
                self._view.show_page(self._alert_page(receipt, self._first_alert_s))
        now = read_snapshot(self._stage.database)
        self._view.show_rows(now, self._stage.receipts)
        return now

    def _advance(self, daemon: DaemonProcess) -> None:
        """Update the view, and play the next step if the daemon is ready for it."""
        self._update(daemon)
        waited = time.monotonic() - self._played_at
        if waited >= self._pace_s and self._stage.ready():
            self._view.show_step(self._stage.play())
            self._played_at = time.monotonic()
        elif waited > STEP_WITHIN_S + self._pace_s:
            raise NotSettled(
                f"The daemon has not processed step {self._stage.played} after {waited:.0f} seconds. Still "
                f"open: {', '.join(self._stage.unfinished())}. See {daemon.log}."
            )

    def _collect_result(self, daemon: DaemonProcess) -> DemoResult:
        problems = self._wait_for_end(daemon)
        counts, receipts = read_snapshot(self._stage.database).counts, self._stage.receipts
        hooks = receipts.of("hook")
        return DemoResult(
            runs=counts.runs,
            listings=counts.listings,
            versions=counts.versions,
            mentions=counts.mentions,
            fingerprint_hits=counts.fingerprint_hits,
            alerts=counts.alerts,
            emails_received=len(receipts.of("mail")),
            webhooks_received=len(hooks),
            webhooks_verified=sum(receipt.verified for receipt in hooks),
            seconds_to_first_alert=self._first_alert_s and round(self._first_alert_s, 1),
            problems=tuple(problems),
        )

    def _wait_for_end(self, daemon: DaemonProcess) -> list[str]:
        """Wait until the last step is processed and everything has arrived; return what still differs.

        Messages are waited for from the moment in which the daemon had sent all of them.
        """
        while unfinished := self._stage.unfinished():
            if time.monotonic() - max(self._played_at, self._arrived_at) > STEP_WITHIN_S:
                return [f"the last step was not processed; still open: {', '.join(unfinished)}"]
            self._update(daemon)
        settled_at = time.monotonic()
        while problems := self._find_problems():
            if time.monotonic() - max(settled_at, self._arrived_at) > QUIET_S:
                break
            self._update(daemon)
        return problems

    def _find_problems(self) -> list[str]:
        counts = read_snapshot(self._stage.database).counts
        return [
            *count_problems(counts, self._story),
            *alert_problems(self._expected, read_alerts(self._stage.database), self._stage.receipts),
        ]
