"""The rehearsal: what a run's process finds ready, and that nothing of it gets in the way."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.running.warm_process import WarmProcesses
from daemon.fork_server import REHEARSED_AFTER
from daemon.rehearsal import LEFT_AFTER_S, PREFIX, remove_left_folders
from storage.runs import Run, RunOutcome
from tests.crawler import warm_child
from tests.crawler.conftest import WARM, Runs
from tests.peers.web import Site

API = {"rows": "$.rows[*]", "key": "$.id", "url": "http://shop.example/offer/{key}", "next": "$.next"}
KINDS: dict[str, dict[str, Any]] = {
    "feed": {"kind": "feed", "list": None, "row": None, "item": None},
    "market": {"budget": {"recheck_items": 2}},
    "api": {"kind": "json", "list": API, "row": {"title": "$.title", "body": "$.text"}, "item": None},
}
PATHS = {"feed": "/feed", "market": "/offers", "api": "/api"}


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which each run writes what it imported and compiled."""
    folder = tmp_path / "found"
    folder.mkdir()
    monkeypatch.setenv(warm_child.FOUND, str(folder))
    return folder


@pytest.fixture
def warm(found: Path) -> Iterator[WarmProcesses]:
    processes = WarmProcesses(mask=str, command=WARM)
    yield processes
    processes.close()


def told(found: Path, run: Run) -> dict[str, list[str]]:
    told_by_run: dict[str, list[str]] = json.loads((found / f"{run.pid}.json").read_text())
    return told_by_run


@pytest.fixture
def rehearsed(crawl: Runs, site: Site, warm: WarmProcesses) -> Runs:
    """Runs from a warm process that has rehearsed."""
    crawl.processes = warm
    source = crawl.declare("before", f"{site.url}/empty")
    for _ in range(REHEARSED_AFTER):
        crawl.run(source)
    return crawl


def test_a_visit_that_finds_nothing_imports_and_compiles_nothing(
    rehearsed: Runs, site: Site, found: Path
) -> None:
    """Of each kind of source: neither modules, above all not Twisted's reactor, nor statements."""
    visits = {}
    for name, changes in KINDS.items():
        source = rehearsed.declare(name, site.url + PATHS[name], **changes)
        visits[name] = rehearsed.run(source), rehearsed.run(source)
    rebuilt = rehearsed.run(rehearsed.declare("rebuilt", f"{site.url}/redesigned"))

    outcomes = {name: (first.outcome, second.outcome) for name, (first, second) in visits.items()}
    assert outcomes == dict.fromkeys(KINDS, (RunOutcome.NEW_LISTINGS, RunOutcome.NOTHING_NEW))
    assert rebuilt.outcome is RunOutcome.PAGE_NOT_RECOGNISED
    runs = [run for pair in visits.values() for run in pair] + [rebuilt]
    assert [told(found, run)["modules"] for run in runs] == [[]] * len(runs)
    later = {name: told(found, second)["statements"] for name, (_, second) in visits.items()}
    assert later == {name: [] for name in KINDS}


def test_a_folder_that_a_killed_rehearsal_left_is_removed_later(tmp_path: Path) -> None:
    """Only a folder of that name, only when it is old, and not what a link leads to."""
    names = ("left", "at-work", "link")
    left, at_work, link = (tmp_path / f"{PREFIX}{name}" for name in names)
    other = tmp_path / "somebody-elses"
    for folder in (left, at_work, other):
        folder.mkdir()
        (folder / "spillwatch.db").touch()
    link.symlink_to(other)
    before = time.time() - LEFT_AFTER_S - 60
    for each in (left, link, other):
        os.utime(each, (before, before), follow_symlinks=False)

    remove_left_folders(tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == {at_work.name, link.name, other.name}
    assert (other / "spillwatch.db").exists()
