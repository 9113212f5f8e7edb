"""storage.evidence.sealing: what one machine has written, all can read, or it waits; after a kill, too."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import listings, runs
from storage.database.base import Database
from storage.errors import ClaimLost, DigestKeyDiffers, StoreFileExists, StoreUnreachable
from storage.evidence import sealing
from storage.evidence.digest import KEY_FILE, digest_beside, require_shared_key
from storage.evidence.sealing import EvidenceSealer, PartWriter, unsealed_files_here
from storage.evidence.warc import EvidenceStore, ListingText, RecordPlace
from storage.listing_tables import ListingVersion, MatchState
from storage.runs import Run
from storage.stores.folder_store import FolderStore
from storage.work import Work, WorkKind
from tests.storage import given
from tests.waiting import wait_until

TEXTS = ("first", "second", "third")


class Announced:
    """A dispatcher that remembers what was announced and committed."""

    def __init__(self, on_announce: Callable[[], None] = lambda: None) -> None:
        self.versions: list[int] = []
        self._on_announce = on_announce

    def announce(self, session: Session, work: Work) -> None:
        assert work.kind is WorkKind.MATCH
        self.versions.append(work.row_id)
        self._on_announce()


class FailingStore(FolderStore):
    """A store that fails while `failing` is set, and that calls back before and after a file is stored."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.failing = False
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def create(self, name: str, content: bytes | Path) -> None:
        if self.failing:
            raise StoreUnreachable("the test's store is away")
        self.before()
        super().create(name, content)
        self.after()


@pytest.fixture
def shared(tmp_path: Path) -> FailingStore:
    return FailingStore(tmp_path / "shared")


@pytest.fixture
def here(tmp_path: Path, shared: FailingStore) -> EvidenceStore:
    return EvidenceStore(tmp_path / "here", shared=shared)


@pytest.fixture
def elsewhere(tmp_path: Path, shared: FailingStore) -> EvidenceStore:
    """The evidence as another node sees it."""
    return EvidenceStore(tmp_path / "elsewhere", shared=shared)


def part_writer(
    evidence: EvidenceStore, database: Database, dispatcher: Announced | None = None, **changes: float
) -> PartWriter:
    assert evidence.shared is not None
    run_id, epoch = running(database)
    return PartWriter(
        evidence,
        evidence.shared,
        source="market",
        run_id=run_id,
        epoch=epoch,
        database=database,
        dispatcher=dispatcher or Announced(),
        seal_after_s=changes.get("seal_after_s", 60.0),
        now=given.NOW,
    )


def running(database: Database) -> tuple[int, int]:
    """Return the id and the epoch of the source's run, which is in progress."""
    with database.transaction() as session:
        source_id = given.source(session, "market")
        found = session.scalar(select(Run).where(Run.source_id == source_id))
        return (found.id, found.epoch) if found else given.running(session, source_id)


def store_listing(database: Database, writer: PartWriter, text: str) -> RecordPlace:
    """Write a listing as a run does: text, fsync, rows, and a word to the writer."""
    place = writer.text(ListingText({"title": text}), refers_to=None, url="")
    writer.sync()
    with database.transaction() as session:
        source_id = given.source(session, "market")
        listings.upsert_many(
            session,
            source_id,
            [given.record(text, place=place)],
            given.NOW,
            match_state=MatchState.UNSEALED,
        )
    writer.note_commit(versions=1)
    return place


def versions(database: Database) -> list[ListingVersion]:
    with database.reading() as session:
        return list(session.query(ListingVersion).order_by(ListingVersion.id))


def sealer(evidence: EvidenceStore, database: Database, announced: Announced | None = None) -> EvidenceSealer:
    return EvidenceSealer(evidence, database, announced or Announced())


def assert_readable(evidence: EvidenceStore, database: Database, texts: tuple[str, ...]) -> None:
    """Every version waits to be matched, and its text can be read."""
    found = versions(database)
    read = [evidence.read_text(each.place).parts["title"] for each in found if each.place]
    assert (list(texts), {MatchState.PENDING}) == (read, {each.match_state for each in found})


def test_nothing_is_announced_before_it_can_be_read_elsewhere(
    database: Database, here: EvidenceStore, elsewhere: EvidenceStore, shared: FailingStore
) -> None:
    """While a run writes, its versions wait; afterwards there is one object, and nothing is left behind."""
    announced = Announced()
    with part_writer(here, database, announced) as writer:
        for text in TEXTS:
            place = store_listing(database, writer, text)
        with database.reading() as session:
            assert listings.versions_due_for_matching(session, now=given.NOW, limit=9) == []
        assert (here.read_text(place).parts["title"], announced.versions) == ("third", [])
        assert elsewhere.size(place.file) is None
        writer.finish()

    assert writer.failure is None
    assert_readable(elsewhere, database, TEXTS)
    assert announced.versions == [each.id for each in versions(database)]
    [stored] = shared.list()
    assert stored.name == place.file
    assert stored.name.startswith("2026-03-14/market/1-")
    assert [path for path in here.folder.rglob("*") if path.is_file()] == []


def test_a_run_that_was_given_away_releases_nothing(
    database: Database, here: EvidenceStore, elsewhere: EvidenceStore
) -> None:
    """A node that was paused past its lease and wakes leaves its part; the daemon beside it releases it."""
    announced = Announced()
    with part_writer(here, database, announced) as writer:
        store_listing(database, writer, "one")
        with database.transaction() as session:
            runs.interrupt_orphans(session, now=given.NOW)
        writer.finish()
        states = [each.match_state for each in versions(database)]
        failure, kept = writer.failure, list(announced.versions)
    sealer(here, database, announced).seal_left()

    assert (states, kept) == ([MatchState.UNSEALED], [])
    assert isinstance(failure, ClaimLost)
    assert_readable(elsewhere, database, ("one",))


def test_a_long_run_is_sealed_in_parts(
    database: Database, here: EvidenceStore, elsewhere: EvidenceStore, shared: FailingStore
) -> None:
    """What it has found is announced while it goes on; its end seals the rest."""
    announced = Announced()
    with part_writer(here, database, announced, seal_after_s=0.05) as writer, ThreadPoolExecutor(1) as rows:
        writer.executor = rows
        rows.submit(store_listing, database, writer, "first").result()
        wait_until(lambda: len(announced.versions) == 1)
        rows.submit(store_listing, database, writer, "second").result()
        rows.shutdown()
        writer.finish()

    assert_readable(elsewhere, database, ("first", "second"))
    assert [file.name[-13:] for file in shared.list()] == ["-0001.warc.gz", "-0002.warc.gz"]


def test_a_store_that_is_away_delays_and_loses_nothing(
    database: Database, here: EvidenceStore, elsewhere: EvidenceStore, shared: FailingStore
) -> None:
    """The run ends in time, its bytes stay here, and the daemon seals them when the store is back."""
    announced = Announced()
    with part_writer(here, database) as writer:
        store_listing(database, writer, "first")
        shared.failing = True
        writer.seal_so_far()
        store_listing(database, writer, "second")
        writer.finish()
    while_away = sealer(here, database, announced).seal_left()
    failure, waiting = writer.failure, {each.match_state for each in versions(database)}
    shared.failing = False
    afterwards = sealer(here, database, announced).seal_left()

    assert isinstance(failure, StoreUnreachable)
    assert (waiting, while_away.sealed, while_away.waiting) == ({MatchState.UNSEALED}, 0, 2)
    assert ([StoreUnreachable], 2, 0) == (
        [type(error) for error in while_away.failures],
        afterwards.sealed,
        afterwards.waiting,
    )
    assert_readable(elsewhere, database, ("first", "second"))
    assert len(announced.versions) == 2


def test_a_long_run_tries_again_after_a_pause(
    database: Database, here: EvidenceStore, shared: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment's outage does not delay all that a run of half an hour finds; a longer one is not hammered."""
    announced = Announced()
    with part_writer(here, database, announced) as writer:
        store_listing(database, writer, "first")
        shared.failing = True
        writer.seal_so_far()
        wait_until(lambda: writer.failure is not None)
        shared.failing = False
        store_listing(database, writer, "second")
        writer.seal_so_far()
        pausing = len(unsealed_files_here(here))
        monkeypatch.setattr(sealing, "PAUSE_S", 0.0)
        writer.seal_so_far()
        wait_until(lambda: len(announced.versions) == 2)
        wait_until(lambda: writer.failure is None)

    assert (pausing, unsealed_files_here(here)) == (2, {})


def test_the_parts_of_a_run_that_goes_on_are_left_to_it(
    database: Database, here: EvidenceStore, shared: FailingStore
) -> None:
    """Its process holds the locks, also of parts that it could not seal."""
    with part_writer(here, database) as writer:
        shared.failing = True
        store_listing(database, writer, "first")
        writer.seal_so_far()
        wait_until(lambda: writer.failure is not None)
        store_listing(database, writer, "second")
        shared.failing = False

        found = sealer(here, database).seal_left()

        assert (found.sealed, found.waiting, list(shared.list())) == (0, 2, [])


def killed(step: Callable[[], None]) -> None:
    """Carry out a step in a process of its own, which kills itself in it."""
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            step()
        os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "it was to be killed"


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("step", ["written", "before", "stored", "released", "sealed", "second", "torn"])
def test_killed_at_any_step_nothing_is_lost_or_announced_too_early(
    database_url: str, here: EvidenceStore, elsewhere: EvidenceStore, shared: FailingStore, step: str
) -> None:
    """The next start of the daemon completes what the killed process had begun."""

    def run() -> None:
        database = Database.open(database_url)
        announced = Announced(kill if step == "released" else lambda: None)
        writer = part_writer(here, database, announced)
        store_listing(database, writer, "first")
        if step == "second":
            writer.seal_so_far()
            wait_until(lambda: bool(announced.versions))
        store_listing(database, writer, "second")
        if step in ("written", "second"):
            kill()
        if step == "torn":
            [path] = (here.folder / "unsealed").glob("*/*/*.warc.gz")
            with path.open("ab") as file:
                file.write(b"\x1f\x8b\x08 half a record")
            kill()
        if step == "before":
            shared.before = kill
        if step == "stored":
            shared.after = kill
        if step == "sealed":
            writer._part.delete = kill  # type: ignore[method-assign]
        writer.finish()

    killed(run)
    database = Database.open(database_url)
    for each in versions(database):
        if each.match_state is MatchState.PENDING:
            assert each.place is not None
            assert elsewhere.read_text(each.place).parts["title"]
    announced = Announced()

    found = sealer(here, database, announced).seal_left()
    again = sealer(here, database, announced).seal_left()

    assert_readable(elsewhere, database, ("first", "second"))
    assert (found.waiting, found.failures, again.sealed) == (0, (), 0)
    assert [path for path in here.folder.rglob("*") if path.is_file()] == []
    assert len(announced.versions) == len(set(announced.versions))
    database.close()


def test_versions_are_released_by_another_node_if_theirs_is_lost(
    database: Database, here: EvidenceStore, elsewhere: EvidenceStore, shared: FailingStore
) -> None:
    """Its file was stored, and then the machine burnt down with its disk."""
    with part_writer(here, database) as writer:
        store_listing(database, writer, "first")
    for file in unsealed_files_here(here):
        shared.create(file, here.folder / "unsealed" / file)
    announced = Announced()

    sealer(elsewhere, database, announced).seal_left()

    assert_readable(elsewhere, database, ("first",))
    assert len(announced.versions) == 1


def test_an_object_with_other_bytes_is_not_overwritten(
    database: Database, here: EvidenceStore, shared: FailingStore
) -> None:
    """It is said, the file stays, and the next file is sealed all the same."""
    with part_writer(here, database) as writer:
        store_listing(database, writer, "first")
    with part_writer(here, database) as other:
        store_listing(database, other, "second")
    first, second = unsealed_files_here(here)
    shared.replace(first, b"something else")

    found = sealer(here, database).seal_left()

    assert (found.sealed, found.waiting) == (1, 1)
    assert [type(error) for error in found.failures] == [StoreFileExists]
    assert shared.read(first) == b"something else"
    assert shared.size(second)


def test_a_file_that_is_only_just_made_is_left_to_its_writer(
    database: Database, here: EvidenceStore, shared: FailingStore
) -> None:
    """Between making and locking it, nobody may take it for what a killed run left; later, somebody does."""
    path = here.folder / "unsealed" / "2026-03-14" / "market" / "17-ab12cd34-0001.warc.gz"
    path.parent.mkdir(parents=True)
    path.touch()

    sealer(here, database).seal_left()
    there = path.exists()
    os.utime(path, (0, 0))
    sealer(here, database).seal_left()

    assert (there, path.exists(), list(shared.list())) == (True, False, [])
    EvidenceSealer(here, database, Announced(), lambda: 1e9).seal_left()
    assert list((here.folder / "unsealed").iterdir()) == []


def test_evidence_from_before_is_read_where_it_is(
    database: Database, tmp_path: Path, shared: FailingStore
) -> None:
    """Whoever moves to a bucket keeps the files of evidence_dir, and of the folder before that."""
    old = EvidenceStore(tmp_path / "here")
    with old.writer("market", now=given.NOW) as writer:
        place = writer.text(ListingText({"title": "old"}), refers_to=None, url="")

    for store in (
        EvidenceStore(tmp_path / "here", shared=shared),
        EvidenceStore(tmp_path / "new", earlier=tmp_path / "here"),
    ):
        assert (store.read_text(place).parts["title"], store.holds(place)) == ("old", True)


def test_all_nodes_have_one_key_of_the_digests(tmp_path: Path, shared: FailingStore) -> None:
    """The first one makes it; an installation that had one brings its own; a stranger's is refused."""
    one, two = (digest_beside(tmp_path / name, shared) for name in ("one", "two"))
    own = digest_beside(tmp_path / "own")
    other = FolderStore(tmp_path / "other")
    require_shared_key(tmp_path / "own", other)
    require_shared_key(tmp_path / "none", other)

    assert one("text") == two("text") != own("text") == digest_beside(tmp_path / "three", other)("text")
    assert (tmp_path / "two" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    with pytest.raises(DigestKeyDiffers):
        require_shared_key(tmp_path / "own", shared)
