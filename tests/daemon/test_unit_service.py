"""daemon.unit_service: what becomes of a unit whose process ends, hangs, or finds another file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from configuration.match_watch import load_match_watch
from configuration.watch_configuration import load_watch_configuration
from daemon.unit_service import COMMAND, UnitService
from matching.comparing.findings import Findings
from matching.errors import UnitElsewhere, UnitResultDamaged
from matching.units.clustered_sweep import ClusteredSweep, UnitFailure
from matching.units.partial import Partial
from matching.units.stored_pool import StoredPool
from matching.units.unit import Unit
from matching.units.unit_matching import MatchOptions, check_place
from storage import dumps
from storage.database.base import Database
from storage.dumps import UnitState
from storage.work import WorkResult

OPTIONS = MatchOptions(limit=10, first_look=0, out_bytes=1 << 30)
KILLS_ITSELF = (sys.executable, "-c", "import os; input(); input(); os.kill(os.getpid(), 9)")
BABBLES = (sys.executable, "-c", "input(); print('x' * 99, flush=True); input(); input()")


class Node:
    """A node with a clock of its own, on a database with one dump of one file."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        (folder / "spillwatch.toml").write_text(f'[storage]\ndatabase_url = "{url}"\n')
        (folder / "companies").mkdir()
        (folder / "companies" / "mere.toml").write_text(
            'name = "Mere"\n'
            '[[terms]]\ntext = "quillmere.example"\nkind = "domain"\nowner = "soc"\nreason = "x"\n'
        )
        (folder / "dump.txt").write_text("nothing\nquillmere.example\n")
        self.database = Database.open(url)
        self.config = folder / "spillwatch.toml"
        self.found = load_match_watch(load_watch_configuration(self.config), self.database, None)
        self.now = datetime.now(UTC)
        self.pool = StoredPool(self.database, self._open(), self.found.watch, 10, lambda: self.now)

    def _open(self) -> int:
        with self.database.transaction() as session:
            return dumps.open_dump(
                session,
                "k",
                watch_version=self.found.version,
                company=None,
                options={"limit": 10, "first_look": 0, "out_bytes": 1 << 30},
                now=self.now,
            )

    def service(self, command: Sequence[str] = COMMAND) -> UnitService:
        return UnitService(
            database=self.database,
            config=self.config,
            memory_mb=2048,
            threads=1,
            clock=lambda: self.now,
            command=command,
        )

    def submitted(self) -> tuple[Unit, int]:
        """Cut the file; return its one unit and the id of the row."""
        units: list[Unit] = []

        class Listed:
            def submit(self, unit: Unit) -> None:
                units.append(unit)

            def result(self, unit: Unit) -> UnitFailure:
                return UnitFailure("")

        ClusteredSweep(Findings(self.found.watch, 10), Listed(), OPTIONS).run(
            [("dump.txt", self.folder / "dump.txt")]
        )
        self.pool.submit(units[0])
        self.pool._write()
        with self.database.reading() as session:
            [row_id] = dumps.due_units(session, now=self.now, limit=9)
        return units[0], row_id

    def state(self, unit: Unit) -> tuple[UnitState, str | None] | None:
        with self.database.reading() as session:
            found = dumps.unit_result(session, self.pool.dump_id, unit.key)
        return (found.state, found.detail) if found else None


@pytest.fixture
def node(tmp_path: Path, database: Database) -> Node:
    return Node(tmp_path, database.engine.url.render_as_string(hide_password=False))


def test_a_unit_is_matched_by_a_process_that_goes_on(node: Node) -> None:
    """The result has the mention; a second call for the same row does nothing."""
    unit, row_id = node.submitted()
    service = node.service()

    first, again = service.match(row_id), service.match(row_id)

    result = node.pool.result(unit)
    assert isinstance(result, Partial)
    assert [one.line for one in result.findings.companies[1].mentions] == [2]
    assert (first, again) == (None, WorkResult.WAITED)
    with pytest.raises(UnitResultDamaged):
        Partial.from_bytes(b"PK\x05\x06" + b"\0" * 18, node.found.watch, 10)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [(KILLS_ITSELF, "its process was ended by signal 9"), (BABBLES, "said something that is no answer")],
)
def test_a_unit_that_ends_its_process_fails_after_three_times(
    node: Node, command: Sequence[str], sentence: str
) -> None:
    """The daemon goes on; the row says how the last process ended."""
    unit, row_id = node.submitted()
    service = node.service(command)

    before = [(service.match(row_id), node.state(unit)) for _ in range(2)]
    service.match(row_id)

    assert before == [(None, None), (None, None)]
    state, detail = node.state(unit) or (None, None)
    assert (state, sentence in (detail or "")) == (UnitState.FAILED, True)
    failure = node.pool.result(unit)
    assert isinstance(failure, UnitFailure) and failure.sentence == detail


def test_another_file_at_the_same_path_is_refused(node: Node) -> None:
    """This node leaves the unit to others for a while; after three refusals it has failed."""
    unit, row_id = node.submitted()
    (node.folder / "dump.txt").write_text("nothing\nquillmere.example?\n")
    refusing = node.service()

    first = refusing.match(row_id)
    node.now += timedelta(seconds=3)
    left = refusing.match(row_id)
    for _ in range(2):
        node.service().match(row_id)
        node.now += timedelta(seconds=3)

    assert (first, left) == (None, WorkResult.WAITED)
    state, detail = node.state(unit) or (None, None)
    assert (state, "is not the file here" in (detail or "")) == (UnitState.FAILED, True)


def test_other_terms_are_refused(node: Node) -> None:
    """A node whose configuration differs would give another answer."""
    unit, row_id = node.submitted()
    with (node.folder / "companies" / "mere.toml").open("a") as file:
        file.write('[[terms]]\ntext = "quillmere bank"\nowner = "soc"\nreason = "x"\n')

    node.service().match(row_id)

    with node.database.reading() as session:
        row = session.get_one(dumps.DumpUnit, row_id)
    assert (row.state, row.reason, row.refusals) == (UnitState.PENDING, "unit_watch_other", 1)
    assert node.state(unit) is None


@pytest.mark.parametrize(
    ("folders", "reason"),
    [('["."]', None), ('["elsewhere", "."]', None), ('["elsewhere"]', "unit_elsewhere")],
)
def test_a_unit_outside_of_the_folders_for_dumps_is_refused(
    node: Node, folders: str, reason: str | None
) -> None:
    """A path in the database is not enough to have a file read. Folders begin at that of the settings."""
    _, row_id = node.submitted()
    with node.config.open("a") as file:
        file.write(f"[matching]\ndumps_dirs = {folders}\n")

    node.service().match(row_id)

    with node.database.reading() as session:
        row = session.get_one(dumps.DumpUnit, row_id)
    assert (row.reason, row.refusals) == (reason, int(reason is not None))
    assert (row.result is None) is (reason is not None)


def test_a_link_leads_no_unit_out_of_the_folders_for_dumps(node: Node, tmp_path: Path) -> None:
    """Neither a link to the dump, nor a path with dots, nor a name that only begins like the folder's."""
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "inner.txt").write_text("secret")
    (inside / "link.txt").symlink_to(tmp_path / "inner.txt")
    (inside / "dump.txt").write_text("dump")
    unit, _ = node.submitted()
    refused = []
    for path in ("in/link.txt", "in/../inner.txt", "inner.txt", "in/dump.txt", "in/./dump.txt", "in"):
        try:
            check_place(replace(unit, path=str(tmp_path / path)), [inside])
        except UnitElsewhere:
            refused.append(path)

    assert refused == ["in/link.txt", "in/../inner.txt", "inner.txt"]
