"""`python -m tests.crawler.child`: the real child; a source's name can select a misbehaving adapter."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from crawler.listing import ParsedListing
from crawler.running.child_protocol import MAX_LINE_BYTES, ChildExit, Job
from crawler.running.process_limits import confine
from crawler.running.supervisor import utc_now
from crawler.sources import Follow, Page, PageRole, Parsed
from crawler.sources.errors import PageUnreadable
from crawler.visits.run import execute_run
from daemon.run_job import RelayDispatcher, send_message
from matching.masks import mask_text, mask_url
from storage.database.base import Database


def hangs() -> None:
    while True:
        time.sleep(60)


def hangs_deaf_to_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    hangs()


def segfaults() -> None:
    ctypes.string_at(0)


def takes_all_memory() -> None:
    held = []
    while True:
        held.append(bytearray(64 * 1024 * 1024))


def raises() -> None:
    raise RuntimeError("the page said 13912345678")


def cannot_read() -> None:
    raise PageUnreadable


def exits() -> None:
    os._exit(9)


def prints_rubbish() -> None:
    sys.stdout.write('{"work": 1}\nnot json\n' + "x" * 10_000 + "\n")
    sys.stdout.flush()
    sys.stderr.write("call 13912345678\n" * 1000)


def parses_for_ever() -> None:
    while True:
        sum(range(1000))


MISDEEDS: dict[str, Callable[[], None]] = {
    misdeed.__name__.replace("_", "-"): misdeed
    for misdeed in (
        hangs,
        hangs_deaf_to_sigterm,
        segfaults,
        takes_all_memory,
        raises,
        cannot_read,
        exits,
        prints_rubbish,
        parses_for_ever,
    )
}


class Misbehaving:
    """An adapter whose parsing does one thing wrong, and then finds an empty list."""

    def __init__(self, misdeed: Callable[[], None], starts: list[str]) -> None:
        self._misdeed = misdeed
        self._starts = starts

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(url, PageRole.LIST) for url in self._starts]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        return None

    def parse(self, page: Page) -> Parsed:
        self._misdeed()
        return Parsed()


def main(clock: Callable[[], datetime] = utc_now) -> ChildExit:
    job = Job.read(sys.stdin.buffer.readline(MAX_LINE_BYTES))
    confine(job)
    misdeed = MISDEEDS.get(job.source_name)
    return execute_run(
        job,
        database=Database.open(job.database_url.get_secret_value(), busy_timeout_s=job.busy_timeout_s),
        evidence=job.evidence_store(),
        mask=mask_text,
        mask_url=mask_url,
        dispatcher=RelayDispatcher(),
        report=send_message,
        clock=clock,
        adapter=Misbehaving(misdeed, job.definition["start"]) if misdeed else None,
    )


if __name__ == "__main__":
    sys.exit(main())
