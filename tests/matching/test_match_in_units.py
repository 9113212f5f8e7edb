"""`match --cluster` with a running daemon answers as `match` does. All dumps are invented."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage import dumps
from storage.database.base import Database
from storage.nodes import Node
from tests.cli.command import SPILLWATCH, answer, environment, spillwatch
from tests.matching.customers import as_csv, customers
from tests.matching.test_commands import home, imported
from tests.waiting import PATIENCE_S, happens

__all__ = ["home", "imported"]  # fixtures

ROWS = customers(30)
NOBODY = b"nobody,nothing at all,1234,5678,90\n"
SMALL_UNITS = {"SPILLWATCH_MATCHING__UNIT_MB": "1", "SPILLWATCH_DAEMON__HEALTH_ADDRESS": ""}


@pytest.fixture
def dump(imported: Path) -> Path:
    """A folder with a table of 4 MB, an archive and a damaged file, with customers in each of them."""
    folder = imported / "dump"
    folder.mkdir()
    parts = as_csv(ROWS).encode().splitlines(keepends=True)
    table = parts[0] + b"".join(row + NOBODY * 4_000 for row in parts[1:])
    (folder / "large.csv").write_bytes(table)
    with zipfile.ZipFile(folder / "two.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", as_csv(ROWS[:9]))
        archive.writestr("b.txt", "quillmere.example was here\n" + NOBODY.decode() * 70_000)
    (folder / "cut.gz").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\x03cut")
    return imported


@contextmanager
def daemon(folder: Path, extra: dict[str, str] = SMALL_UNITS) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [SPILLWATCH, "run"],
        cwd=folder,
        env=environment(extra),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.communicate(timeout=30)


def dump_rows(folder: Path) -> int:
    database = Database.open(f"sqlite:///{folder / 'var' / 'spillwatch.db'}")
    with database.reading() as session:
        rows = session.query(dumps.Dump).count() + session.query(dumps.DumpUnit).count()
    database.close()
    return rows


def match(folder: Path, *options: str, extra: dict[str, str] | None = None) -> Any:
    return answer(folder, "match", "dump", *options, extra={**SMALL_UNITS, **(extra or {})})


def test_the_answer_is_that_of_one_process_and_survives_kills(dump: Path) -> None:
    """First Ctrl-C, then no node; then there is one, whose process is killed. In the end nothing is left."""
    expected = match(dump)
    interrupted = interrupt_when_cut(dump)
    impatient = {**SMALL_UNITS, "SPILLWATCH_MATCHING__UNIT_WAIT_S": "0.5"}
    alone = spillwatch(dump, "match", "dump", "--cluster", "--json", extra=impatient)
    waiting = dump_rows(dump)

    with daemon(dump) as process:
        killed = kill_a_unit_process(process.pid)
        found = match(dump, "--cluster")

    assert expected["companies"][0]["coherent_rows"] == 39
    assert interrupted == (130, True)
    assert (alone.returncode, "Start `spillwatch run`" in alone.stderr) == (6, True)
    assert waiting > 5 and killed
    assert found == expected
    assert dump_rows(dump) == 0


def interrupt_when_cut(folder: Path) -> tuple[int, bool]:
    """Press Ctrl-C when the units are written; return the exit code, and whether it says how to go on."""
    command = subprocess.Popen(
        [SPILLWATCH, "match", "dump", "--cluster"],
        cwd=folder,
        env=environment(SMALL_UNITS),
        stderr=subprocess.PIPE,
        text=True,
    )
    happens(lambda: dump_rows(folder) > 5)
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    return command.returncode, "The same command goes on" in said


def kill_a_unit_process(parent: int) -> bool:
    """Kill the first process that the daemon starts for units."""
    until = time.monotonic() + 2 * PATIENCE_S
    while time.monotonic() < until:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and is_unit_process(entry, parent):
                os.kill(int(entry.name), signal.SIGKILL)
                return True
        time.sleep(0.01)
    return False


def is_unit_process(entry: Path, parent: int) -> bool:
    try:
        stat, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
    except OSError:
        return False
    return f" {parent} " in stat.rpartition(")")[2][:30] and b"daemon.unit_process" in command


def test_what_other_nodes_cannot_read_is_refused(imported: Path) -> None:
    """Standard input is on this machine only, and the number of threads is the nodes' own."""
    stream = spillwatch(imported, "match", "-", "--cluster", extra=SMALL_UNITS)
    threads = spillwatch(imported, "match", "customers.csv", "--cluster", "--threads", "2", extra=SMALL_UNITS)

    assert (stream.returncode, "leave out --cluster" in stream.stderr) == (6, True)
    assert (threads.returncode, "--threads" in threads.stderr) == (2, True)


def test_two_nodes_give_the_answer_although_one_is_killed(dump: Path, empty_postgres_url: str) -> None:
    """Both share one PostgreSQL; the units of the killed one go to the other."""
    large = (dump / "dump" / "large.csv").read_bytes()
    (dump / "dump" / "larger.csv").write_bytes(large * 3)
    expected = match(dump)
    shared = {**SMALL_UNITS, "SPILLWATCH_STORAGE__DATABASE_URL": empty_postgres_url}
    copied = spillwatch(dump, "db", "copy", "var/spillwatch.db", extra=shared)
    assert copied.returncode == 0, copied.stderr
    several = {**shared, "SPILLWATCH_DAEMON__ENGINE": "procrastinate", "SPILLWATCH_DAEMON__LEASE_S": "3"}

    with daemon(dump, several), daemon(dump, {**several, "SPILLWATCH_DAEMON__NODE_NAME": "killed"}) as killed:
        command = subprocess.Popen(
            [SPILLWATCH, "match", "dump", "--cluster", "--json"],
            cwd=dump,
            env=environment(several),
            stdout=subprocess.PIPE,
            text=True,
        )
        had_a_unit = kill_node_with_unit(killed, empty_postgres_url)
        output, _ = command.communicate(timeout=120)

    assert had_a_unit
    assert json.loads(output) == expected


def kill_node_with_unit(process: subprocess.Popen[str], url: str) -> bool:
    """Kill a node as soon as it has claimed a unit."""
    database = Database.open(url)
    held = select(dumps.DumpUnit.id).join(Node, Node.id == dumps.DumpUnit.node_id)
    held = held.where(Node.name == "killed", dumps.DumpUnit.state == dumps.UnitState.CLAIMED)
    until = time.monotonic() + 2 * PATIENCE_S
    found = None
    while found is None and time.monotonic() < until:
        with database.reading() as session:
            found = session.scalar(held.limit(1))
        time.sleep(0.005)
    process.kill()
    database.close()
    return found is not None
