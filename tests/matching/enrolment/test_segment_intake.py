"""Importing segments: in order, merged when there are many, without leftover files, whole after a kill."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from matching.enrolment.segment_intake import ImportResult, SegmentIntake, files_of
from matching.errors import (
    SegmentBaseOther,
    SegmentDamaged,
    SegmentMissing,
    SegmentOutOfOrder,
    SegmentRefused,
    SegmentUnreachable,
)
from matching.fingerprints.segment_folder import SegmentFolder
from matching.fingerprints.segments import SegmentChain, merge_chain, open_segment, records_of, verify_segment
from matching.identifiers import Field
from storage import companies
from storage.companies import DeclaredCompany
from storage.database.base import Database
from storage.errors import StoreUnreachable
from storage.stores.folder_store import FolderStore
from tests.matching.fingerprints import series
from tests.matching.fingerprints.series import KEY, NOW, SLUG, erased, prints

RELEASED = Path(__file__).parents[1] / "fingerprints" / "released" / "format-1.segment"


def base(path: Path, size: int = 1000) -> Path:
    """Write a base of `size` customers whose e-mails have the numbers of their ordinals."""
    return series.base(path, range(1, size + 1))


def added(path: Path, after: Path, size: int = 10) -> Path:
    first = open_segment(after).header.customers + 1
    return series.added(path, after, range(first, first + size))


@dataclass
class Monitor:
    """A database and a folder, used as the commands use them."""

    database: Database
    folder: SegmentFolder

    def __post_init__(self) -> None:
        declared = DeclaredCompany(SLUG, "Quillmere Credit", [], {}, f"companies/{SLUG}.toml")
        with self.database.transaction() as session:
            companies.sync_declared_companies(session, [declared], NOW)
        self.intake = SegmentIntake(self.database, self.folder, lambda: NOW)

    @property
    def company_id(self) -> int:
        with self.database.reading() as session:
            company = companies.company_by_slug(session, SLUG)
        assert company is not None
        return company.id

    def import_segment(self, *paths: Path, replaces: int | None = None) -> ImportResult:
        for path in paths:
            result = self.intake.import_segment(
                verify_segment(path, key=KEY), self.company_id, replaces=replaces
            )
        return result

    def rows(self) -> list[companies.Segment]:
        with self.database.reading() as session:
            return list(companies.active_segments(session))

    def files(self) -> set[str]:
        return {path.name for path in self.folder.path.iterdir() if not path.name.startswith(".lock")}

    def found(self, first: int, count: int) -> list[int]:
        """Return the ordinals of the customers with the e-mails from `first` on."""
        values = prints(range(first, first + count))
        chains = [self.folder.opened(files_of(row), company=SLUG) for row in self.rows()]
        return sorted(int(one) for chain in chains for one in chain.lookup(Field.EMAIL, values)[1])


@pytest.fixture
def monitor(database: Database, tmp_path: Path) -> Monitor:
    return Monitor(database, SegmentFolder(tmp_path / "segments"))


def test_deltas_are_taken_up_in_order(monitor: Monitor, tmp_path: Path) -> None:
    """Added customers are found and erased ones are not, and the segment keeps its id."""
    first = base(tmp_path / "0.segment")
    second = added(tmp_path / "1.segment", first)
    third = erased(tmp_path / "2.segment", second, [5, 1003])
    taken = [monitor.import_segment(path) for path in (first, second, third)]

    assert [one.segment_id for one in taken] == [taken[0].segment_id] * 3
    assert monitor.found(1, 1100) == sorted({*range(1, 1011)} - {5, 1003})
    assert monitor.files() == set(files_of(monitor.rows()[0]))


@pytest.mark.parametrize("wrong", ["a gap", "twice", "another base"])
def test_a_delta_out_of_order_changes_nothing(monitor: Monitor, tmp_path: Path, wrong: str) -> None:
    """A delta out of order is refused, one imported before is ignored, and no file of it is left."""
    first = base(tmp_path / "0.segment")
    second = added(tmp_path / "1.segment", first)
    third = erased(tmp_path / "2.segment", second, [5])
    monitor.import_segment(first)
    if wrong == "twice":
        monitor.import_segment(second)
    before = monitor.files()
    foreign = added(tmp_path / "x.segment", base(tmp_path / "y.segment"))
    refused = {"a gap": (third, SegmentOutOfOrder), "another base": (foreign, SegmentBaseOther)}

    if wrong in refused:
        with pytest.raises(refused[wrong][1], match=r"number 1 first|import its base first"):
            monitor.import_segment(refused[wrong][0])
    else:
        monitor.import_segment(second)
    assert monitor.files() == before


def test_many_deltas_are_merged_by_themselves(monitor: Monitor, tmp_path: Path) -> None:
    """Deltas with more than a tenth of the base are merged into a new base; the segment keeps its id."""
    first = base(tmp_path / "0.segment")
    few = added(tmp_path / "1.segment", first, 50)
    many = added(tmp_path / "2.segment", few, 60)
    taken = [monitor.import_segment(path) for path in (first, few, many)]

    (row,) = monitor.rows()
    assert [one.merged for one in taken] == [False, False, True]
    assert (row.id, row.sequence, row.fingerprints, row.deltas) == (taken[0].segment_id, 2, 1110, [])
    assert (monitor.files(), len(monitor.found(1, 2000))) == ({row.file}, 1110)


def test_the_next_delta_follows_a_merger(monitor: Monitor, tmp_path: Path) -> None:
    """A merge on the monitor does not change which delta the company makes next."""
    first = base(tmp_path / "0.segment")
    second = erased(tmp_path / "1.segment", first, [7])
    monitor.import_segment(first, second)
    merged = monitor.intake.merge(monitor.rows()[0].id)
    again = monitor.intake.merge(monitor.rows()[0].id)
    monitor.import_segment(added(tmp_path / "2.segment", second, 3))

    assert (merged, again) == (True, False)
    assert monitor.found(1, 1100) == sorted({*range(1, 1004)} - {7})


def test_an_erased_customer_is_nowhere_on_the_disk_after_the_merger(monitor: Monitor, tmp_path: Path) -> None:
    """After the merge no file of the folder has the fingerprint of an erased customer."""
    first = base(tmp_path / "0.segment")
    second = erased(tmp_path / "1.segment", first, [7])
    monitor.import_segment(first, second)
    (record,) = records_of(prints([7]), np.array([7], np.uint32))
    before = [record.tobytes()[:8] in path.read_bytes() for path in monitor.folder.path.iterdir()]
    monitor.intake.merge(monitor.rows()[0].id)

    after = [record.tobytes()[:8] in path.read_bytes() for path in monitor.folder.path.iterdir()]
    assert (any(before), any(after)) == (True, False)


def test_a_base_that_the_company_merged_takes_the_place_of_all(monitor: Monitor, tmp_path: Path) -> None:
    """A later base of the same series replaces base and deltas; an earlier one is refused."""
    first = base(tmp_path / "0.segment")
    second = erased(tmp_path / "1.segment", first, [7])
    third = added(tmp_path / "2.segment", second, 3)
    whole = tmp_path / "whole.segment"
    merge_chain(SegmentChain.of([open_segment(path) for path in (first, second, third)]), whole)
    taken = [monitor.import_segment(path) for path in (first, second, whole)]

    with pytest.raises(SegmentOutOfOrder, match=r"\b2 here: nothing to do"):
        monitor.import_segment(first)
    assert len({one.segment_id for one in taken}) == 1
    assert monitor.found(1, 1100) == sorted({*range(1, 1004)} - {7})


def test_a_segment_of_another_key_can_stand_for_the_earlier_one(monitor: Monitor, tmp_path: Path) -> None:
    """A new segment replaces the old one in one step, so that nobody is counted twice or missed."""
    old = monitor.import_segment(base(tmp_path / "old.segment"))
    new = monitor.import_segment(base(tmp_path / "new.segment", 900), replaces=old.segment_id)

    (row,) = monitor.rows()
    assert (row.id, monitor.files()) == (new.segment_id, {row.file})


def test_a_file_of_format_1_is_written_anew(monitor: Monitor) -> None:
    """An imported file of format 1 is written anew in format 2, with a series."""
    taken = monitor.import_segment(RELEASED)

    (row,) = monitor.rows()
    opened = verify_segment(monitor.folder.path / row.file)
    assert (row.id, opened.mapped is not None, row.series) == (taken.segment_id, True, opened.header.series)


def test_what_no_row_names_is_swept_away(monitor: Monitor, tmp_path: Path) -> None:
    """Files left by a kill, whole or drafts, are deleted; other files in the folder stay."""
    monitor.import_segment(base(tmp_path / "0.segment"))
    in_use = monitor.files()
    for name in ("stray.segment", ".stray.segment.7.part"):
        (monitor.folder.path / name).write_bytes(b"x")
    (monitor.folder.path / "README").write_bytes(b"x")

    assert sorted(monitor.intake.delete_unnamed_files()) == [".stray.segment.7.part", "stray.segment"]
    assert monitor.files() == {*in_use, "README"}


def in_a_child(monitor: Monitor, url: str, step: int, action: str, file: Path) -> int:
    """Run an action in a child that is killed at its n-th changing step; return its os.waitpid status.

    Steps: opening a draft, renaming or deleting a file, a statement and a commit of the database.
    """
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        _run_until_step(Monitor(Database.open(url), monitor.folder), step, action, file)
    finally:
        os._exit(7)


def _run_until_step(monitor: Monitor, step: int, action: str, file: Path) -> None:
    steps = count(1)

    def count_step(*_: object) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(name: str, arguments: tuple[object, ...]) -> None:
        if name in ("os.rename", "os.remove") or (name == "open" and str(arguments[0]).endswith(".part")):
            count_step()

    sys.addaudithook(audit)
    event.listen(monitor.database.engine, "before_cursor_execute", count_step)
    event.listen(monitor.database.engine, "commit", count_step)
    if action == "merge":
        monitor.intake.merge(1)
    else:
        monitor.import_segment(file)
    os._exit(0)


@pytest.mark.parametrize("action", ["import", "merge"])
def test_a_kill_at_any_step_loses_nothing(sqlite_url: str, tmp_path: Path, action: str) -> None:
    """After a kill at any step the state before or after is complete; the next change deletes leftovers."""
    monitor = Monitor(Database.open(sqlite_url), SegmentFolder(tmp_path / "segments"))
    first = base(tmp_path / "0.segment")
    second = erased(tmp_path / "1.segment", first, [7])
    third = added(tmp_path / "2.segment", second, 3)
    monitor.import_segment(first, second)
    monitor.database.close()
    found, ends = set(), []
    for step in range(1, 100):
        ends.append(in_a_child(monitor, sqlite_url, step, action, third))
        found.add(len(monitor.found(1, 1100)))
        monitor.database.close()
        if ends[-1] == 0:
            break
    monitor.intake.delete_unnamed_files()

    assert set(ends) == {0, signal.SIGKILL}
    assert len(ends) > 12
    assert found == ({999, 1002} if action == "import" else {999})
    assert monitor.files() == set(files_of(monitor.rows()[0]))
    monitor.database.close()


class CountingStore(FolderStore):
    """A store that counts what is read of it, and does not answer while `away`."""

    away = False
    reads = 0

    def size(self, name: str) -> int | None:
        if self.away:
            raise StoreUnreachable("the test's store is away")
        return super().size(name)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self.reads += 1
        return super().read(name, offset, length)


@pytest.fixture
def nodes(database: Database, tmp_path: Path) -> tuple[Monitor, Monitor, CountingStore]:
    """Two machines with one database and one store of segments."""
    store = CountingStore(tmp_path / "store")
    one, two = (Monitor(database, SegmentFolder(tmp_path / name, store)) for name in ("one", "two"))
    return one, two, store


def opened(monitor: Monitor) -> SegmentChain:
    [row] = monitor.rows()
    return monitor.folder.opened(files_of(row), company=SLUG)


def test_an_import_on_one_node_is_seen_by_the_others(
    nodes: tuple[Monitor, Monitor, CountingStore], tmp_path: Path
) -> None:
    """Base and deltas are fetched once, in pieces, checked, and mapped from this machine's copy."""
    one, two, store = nodes
    first = base(tmp_path / "base.segment", 2000)
    second = added(tmp_path / "delta.segment", first)
    one.import_segment(first)
    one.import_segment(second)

    chains = [opened(two) for _ in range(2)]

    assert [chain.header.customers for chain in chains] == [2010, 2010]
    assert store.reads == 2
    names = [*files_of(two.rows()[0])]
    assert sorted(names) == sorted(file.name for file in store.list())
    assert sorted(names) == sorted(path.name for path in two.folder.path.glob("*.segment"))
    for name in names:
        assert (two.folder.path / name).read_bytes() == (one.folder.path / name).read_bytes()
        assert (two.folder.path / name).stat().st_mode & 0o777 == 0o600


def test_a_merge_or_removal_on_one_node_reaches_store_and_copies(
    nodes: tuple[Monitor, Monitor, CountingStore], tmp_path: Path
) -> None:
    """An erased customer is in no file of any node, once the other node has loaded the new watch."""
    one, two, store = nodes
    first = base(tmp_path / "base.segment", 500)
    one.import_segment(first)
    one.import_segment(added(tmp_path / "delta.segment", first))
    opened(two)

    [row] = one.rows()
    assert one.intake.merge(row.id)
    merged = opened(two)
    two.intake.delete_old_copies()

    [row] = two.rows()
    assert (merged.header.customers, list(files_of(row))) == (510, [row.file])
    for names in (
        [file.name for file in store.list()],
        [path.name for path in one.folder.path.glob("*.segment")],
        [path.name for path in two.folder.path.glob("*.segment")],
    ):
        assert names == [row.file]


def test_a_removal_deletes_an_object_that_this_machine_never_fetched(
    nodes: tuple[Monitor, Monitor, CountingStore], tmp_path: Path
) -> None:
    """But no new one that no row names: another machine may be importing it right now."""
    one, two, store = nodes
    one.import_segment(base(tmp_path / "base.segment", 50))
    [row] = one.rows()
    store.create("quillmere-0-0123456789abcdef.segment", b"being imported")
    an_hour_ago = time.time() - 3600
    os.utime(store.folder / row.file, (an_hour_ago, an_hour_ago))

    with two.database.transaction() as session:
        companies.retire_segment(session, row.id)
    two.intake.delete_unnamed_files()

    assert [file.name for file in store.list()] == ["quillmere-0-0123456789abcdef.segment"]


@pytest.mark.parametrize("harm", ["flipped", "cut", "other", "gone", "away"])
def test_a_segment_that_cannot_be_fetched_whole_is_refused(
    nodes: tuple[Monitor, Monitor, CountingStore], tmp_path: Path, harm: str
) -> None:
    """It says which, nothing of it stays, and it is fetched when the store has it again."""
    one, two, store = nodes
    one.import_segment(base(tmp_path / "base.segment", 500))
    [row] = one.rows()
    content = store.read(row.file)
    match harm:
        case "flipped":
            store.overwrite(row.file, len(content) // 2, bytes([content[len(content) // 2] ^ 1]))
        case "cut":
            store.replace(row.file, content[:-100])
        case "other":
            store.replace(row.file, base(tmp_path / "other.segment", 501))
        case "gone":
            store.delete(row.file)
        case "away":
            store.away = True

    with pytest.raises(SegmentRefused) as caught:
        opened(two)

    expected = {"gone": SegmentMissing, "away": SegmentUnreachable, "other": SegmentDamaged}
    assert isinstance(caught.value, expected.get(harm, SegmentRefused))
    assert list(two.folder.path.iterdir()) == []
    store.away = False
    store.replace(row.file, content)
    assert opened(two).header.customers == 500


def test_a_store_that_is_away_refuses_an_import(
    nodes: tuple[Monitor, Monitor, CountingStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row names a file that the other nodes cannot fetch, and no draft stays."""
    one, _, store = nodes

    def refuse(name: str, content: object) -> None:
        raise StoreUnreachable("the test's store is away")

    monkeypatch.setattr(store, "create", refuse)
    with pytest.raises(StoreUnreachable):
        one.import_segment(base(tmp_path / "base.segment", 50))

    assert one.rows() == []
    assert [path.name for path in one.folder.path.iterdir() if path.name != ".lock"] == []


def test_files_of_a_single_machine_are_shared_when_it_gets_a_store(
    database: Database, tmp_path: Path
) -> None:
    """The daemon does it at its start; once is enough."""
    alone = Monitor(database, SegmentFolder(tmp_path / "one"))
    alone.import_segment(base(tmp_path / "base.segment", 50))
    store = CountingStore(tmp_path / "store")
    one, two = (Monitor(database, SegmentFolder(tmp_path / name, store)) for name in ("one", "two"))

    shared = [one.intake.share_files() for _ in range(2)]

    [row] = one.rows()
    assert shared == [[row.file], []]
    assert opened(two).header.customers == 50
