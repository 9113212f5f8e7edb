"""Checks that write notice a full disk, a read-only one and a lost volume, and leave nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from storage import captures
from storage.database.base import Database
from storage.database.revisions import newest_revision, stored_revision
from storage.errors import (
    DatabaseFull,
    DatabaseRefused,
    DigestKeyMissing,
    EvidenceFolderMissing,
    EvidenceUnwritable,
)
from storage.evidence.digest import KEY_FILE, digest_beside
from storage.evidence.warc import RecordPlace
from storage.write_probe import (
    require_known_evidence,
    require_writable_database,
    require_writable_evidence,
)
from tests.peers.postgres import USER, PostgresServer, unprivileged_user
from tests.peers.small_disk import fill_disk, free_disk, small_disk
from tests.storage import given
from tests.storage.test_captures import record

pytestmark = pytest.mark.needs("mount")

ENOUGH_KB = 40_000


def test_a_database_that_can_be_written_is_left_as_it_was(database: Database) -> None:
    """The probe's row is rolled back, again and again."""
    for _ in range(3):
        require_writable_database(database)

    assert stored_revision(database) == newest_revision()
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_a_full_disk_under_sqlite_is_noticed_and_its_end_too(sqlite_url: str, tmp_path: Path) -> None:
    """The same probe fails while the disk is full, and succeeds when there is space again."""
    with small_disk(tmp_path / "disk", size_kb=ENOUGH_KB) as disk:
        shutil.copy(sqlite_url.removeprefix("sqlite:///"), disk / "x.db")
        with closing(Database.open(f"sqlite:///{disk}/x.db")) as database:
            require_writable_database(database)
            fill_disk(disk)
            with pytest.raises(DatabaseFull, match="No space left on device"):
                require_writable_database(database)
            free_disk(disk)
            require_writable_database(database)
        assert sorted(path.name for path in disk.iterdir()) == ["x.db"]


def test_a_disk_with_little_space_is_as_good_as_full(tmp_path: Path) -> None:
    """The message says how much is left: the next page may not fit."""
    with small_disk(tmp_path / "disk", size_kb=ENOUGH_KB) as disk:
        fill_disk(disk, spare=1024 * 1024)

        with pytest.raises(EvidenceUnwritable, match=r"only 1,02\d KiB are free"):
            require_writable_evidence(disk)


def test_a_folder_mounted_read_only_is_no_full_disk(sqlite_url: str, tmp_path: Path) -> None:
    """SQLite cannot write there, and the message does not ask for space alone."""
    with small_disk(tmp_path / "disk", size_kb=ENOUGH_KB) as disk:
        shutil.copy(sqlite_url.removeprefix("sqlite:///"), disk / "x.db")
        subprocess.run(("mount", "-o", "remount,ro", str(disk)), check=True)
        with (
            closing(Database.open(f"sqlite:///{disk}/x.db")) as database,
            pytest.raises(DatabaseRefused),
        ):
            require_writable_database(database)
        with pytest.raises(EvidenceUnwritable, match="Read-only file system"):
            require_writable_evidence(disk / "evidence")


@pytest.fixture
def small_postgres(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A database whose tablespace is a small disk, and that disk."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path(folder.anchor) and folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o011)
    with small_disk(tmp_path / "disk", size_kb=ENOUGH_KB) as disk:
        place = disk / "tables"
        place.mkdir()
        if os.geteuid() == 0:
            owner = unprivileged_user()
            os.chown(disk, owner.pw_uid, owner.pw_gid)
            os.chown(place, owner.pw_uid, owner.pw_gid)
        with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            connection.execute("CREATE DATABASE small TEMPLATE template0 TABLESPACE small")
            connection.execute("CHECKPOINT")
        try:
            yield postgres_server.url("small"), disk
        finally:
            postgres_server.drop("small")
            with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
                connection.execute("DROP TABLESPACE small")


def test_a_full_disk_under_postgresql_is_noticed_and_its_end_too(small_postgres: tuple[str, Path]) -> None:
    """A row that fits on a page that exists would be no proof: the probe makes a table."""
    url, disk = small_postgres
    with closing(Database.open(url)) as database:
        with database.transaction() as session:
            session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        require_writable_database(database)
        fill_disk(disk)

        with pytest.raises(DatabaseFull, match="53100"):
            require_writable_database(database)
        free_disk(disk)
        require_writable_database(database)


def test_a_role_that_may_make_no_temporary_table_can_write(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    """Hardened servers take that right away; the row of the probe is proof enough there."""
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
        connection.execute("CREATE ROLE writer LOGIN")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO writer")
    try:
        url = postgres_url.replace(f"{USER}@", "writer@")
        with closing(Database.open(url)) as database:
            require_writable_database(database)
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY writer")
            connection.execute("DROP ROLE writer")


def test_an_installation_without_evidence_needs_no_folder(database: Database, tmp_path: Path) -> None:
    """The first run makes it, if the folder above can be written."""
    require_known_evidence(database, tmp_path / "evidence")
    require_writable_evidence(tmp_path / "evidence")

    assert not (tmp_path / "evidence").exists()


def test_a_folder_that_rows_point_into_must_be_there(database: Database, tmp_path: Path) -> None:
    """A volume that is not mounted is an empty folder; a lost key is named by its file."""
    folder = tmp_path / "evidence"
    with database.transaction() as session:
        source_id = given.source(session)
        run_id, _ = given.running(session, source_id)
        place = RecordPlace("2026-05-01/market-1.warc.gz", 0, 10)
        captures.add_captures(session, [record(run_id, source_id, "https://market.example/1", place)])

    with pytest.raises(EvidenceFolderMissing):
        require_known_evidence(database, folder)
    folder.mkdir()
    with pytest.raises(EvidenceFolderMissing):
        require_known_evidence(database, folder)
    (folder / "2026-05-01").mkdir()
    with pytest.raises(DigestKeyMissing, match=KEY_FILE):
        require_known_evidence(database, folder)
    digest_beside(folder)
    require_known_evidence(database, folder)
