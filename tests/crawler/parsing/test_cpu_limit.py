"""Parsing a page takes a bounded time, even if the page is within the limits of size."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime

import pytest

from crawler.errors import ParseTimedOut
from crawler.parsing.cpu_limit import cpu_bound
from crawler.sources import Page, PageRole, adapter_for, read_definition

MARKET = {
    "kind": "html",
    "start": "https://market.example/",
    "list": {"rows": "tr.row", "link": "a"},
    "row": {"title": "a", "body": "td"},
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_rows_within_rows_within_rows_are_given_up() -> None:
    """Each row holds all later ones, so reading them takes time quadratic in the page: minutes for 10 MB."""
    adapter = adapter_for(read_definition(MARKET), digest=str)
    body = b"<table>" + b"<tr class=row><td><a href=/x>t</a><table>" * 50_000
    page = Page("https://market.example/", body, PageRole.LIST, datetime.now(UTC))
    began = time.process_time()
    with pytest.raises(ParseTimedOut, match=r"0\.5 s of CPU"), cpu_bound(0.5):
        adapter.parse(page)

    assert time.process_time() - began < 5


def test_a_machine_that_is_busy_with_others_costs_nothing() -> None:
    """Only the process's own CPU time counts, not wall-clock time."""
    waiting = signal.sigtimedwait
    with cpu_bound(0.2):
        waiting([], 0.4)

    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_the_watchdog_leaves_nothing_behind() -> None:
    """Its handler and its timer are removed, also if the block raises."""
    before = signal.getsignal(signal.SIGVTALRM)
    with pytest.raises(ValueError, match="mine"), cpu_bound(60):
        raise ValueError("mine")

    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


class _Swallows:
    """A destructor, in which Python only warns of exceptions."""

    def __del__(self) -> None:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_destructor_that_swallows_the_end_does_not_undo_it() -> None:
    """The signal is repeated after the destructor."""
    with pytest.raises(ParseTimedOut), cpu_bound(0.1):
        _Swallows()
        end = time.process_time() + 5
        while time.process_time() < end:
            pass
