"""SQLite databases, as SQLite writes them, and as strangers change them."""

from __future__ import annotations

import gzip
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.matching.inputs.archives import zipped
from tests.matching.inputs.customers import NAMES, customers, plain
from tests.matching.inputs.reading import Read, lines, outcomes, read

Fill = Callable[[sqlite3.Connection], object]


def database(folder: Path, fill: Fill, *, before: Sequence[str] = ()) -> bytes:
    """Return the bytes of a database that SQLite has written. `before`: pragmas."""
    path = folder / "made.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for statement in before:
        connection.execute(statement)
    fill(connection)
    connection.commit()
    connection.close()
    return path.read_bytes()


def _users(connection: sqlite3.Connection, count: int = 200) -> None:
    connection.execute(f"CREATE TABLE users ({', '.join(NAMES)})")
    rows = customers(count)
    connection.executemany(f"INSERT INTO users VALUES ({', '.join('?' * len(NAMES))})", rows)


def _numbered(found: Read) -> list[tuple[int, str]]:
    return [(number, line.decode()) for block in found.blocks for line, number in lines(block)]


@pytest.mark.parametrize("page", [512, 4096, 65536])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("vacuum", [0, 1])
def test_every_table_is_a_document_with_columns(
    tmp_path: Path, page: int, encoding: str, vacuum: int
) -> None:
    """Cells are read back as they were, whatever size the pages have and whatever the encoding is."""
    pragmas = (f"PRAGMA page_size={page}", f"PRAGMA encoding='{encoding}'", f"PRAGMA auto_vacuum={vacuum}")

    (found,) = read(database(tmp_path, _users, before=pragmas))

    assert (found.name, found.format, found.ending.outcome) == ("dump!/users", "sqlite", "whole")
    assert found.ending.rows == 200
    assert found.cells(1, 2, 3, 4, 5, 6) == [tuple(map(plain, row)) for row in customers(200)]
    assert [column.role for column in found.blocks[0].shape.columns][2:4] == ["phone", "email"]
    assert [column.name for column in found.blocks[0].shape.columns] == [*NAMES]


SCHEMA = """
CREATE TABLE "odd names"([e mail] TEXT, `phone, private` TEXT NOT NULL DEFAULT 'x,(', -- a comment, with comma
    id INTEGER PRIMARY KEY, note BLOB, score REAL,
    twice TEXT GENERATED ALWAYS AS (note || 'x') VIRTUAL, kept AS (score + 1) STORED,
    CONSTRAINT u UNIQUE("phone, private"), CHECK (id > -10));
CREATE TABLE keyed(a TEXT, b INT, c TEXT, PRIMARY KEY(c, a)) WITHOUT ROWID;
CREATE INDEX phones ON "odd names"("phone, private");
CREATE VIEW seen AS SELECT 'view@mail.example' FROM "odd names";
CREATE TRIGGER fired AFTER INSERT ON keyed BEGIN SELECT 1; END;
CREATE VIRTUAL TABLE found USING fts5(words);
INSERT INTO "odd names"([e mail], `phone, private`, id, note, score) VALUES
    ('a@mail.example', '+4917139200001', 7, x'00ff', 1.5),
    ('b@mail.example', '+4917139200002', 491713920, 'n', 17000000001.0),
    (NULL, '3', -5, CAST('text' AS BLOB), 1e30);
INSERT INTO keyed VALUES ('x@mail.example', 5, 'k2'), ('y@mail.example', -6, 'k1');
INSERT INTO found VALUES ('z@mail.example');
ALTER TABLE keyed ADD COLUMN later TEXT DEFAULT 'no';
"""


def test_columns_stand_where_the_rows_have_them(tmp_path: Path) -> None:
    """The rowid is filled in; computed columns are left out; without a rowid, rows begin with the key."""
    found = {one.name: one for one in read(database(tmp_path, lambda made: made.executescript(SCHEMA)))}

    odd, keyed = found["dump!/odd names"], found["dump!/keyed"]
    assert [one.name for one in odd.blocks[0].shape.columns] == [
        "e mail", "phone, private", "id", "note", "score", "kept",
    ]  # fmt: skip
    assert _numbered(odd) == [
        (1, "\t3\t-5\ttext\t1e+30\t1e+30"),
        (7, "a@mail.example\t+4917139200001\t7\t\t1.5\t2.5"),
        (491713920, "b@mail.example\t+4917139200002\t491713920\tn\t17000000001\t17000000002"),
    ]
    assert [one.name for one in keyed.blocks[0].shape.columns] == ["c", "a", "b", "later"]
    assert _numbered(keyed) == [(1, "k1\ty@mail.example\t-6"), (2, "k2\tx@mail.example\t5")]


def test_views_triggers_and_virtual_tables_are_not_run(tmp_path: Path) -> None:
    """Only ordinary tables are read; that of a full-text index is one of them."""
    found = read(database(tmp_path, lambda made: made.executescript(SCHEMA)))

    text = b"".join(one.text for one in found)
    assert b"view@mail.example" not in text
    assert b"z@mail.example" in text
    assert {one.name.partition("!/")[2].partition("_")[0] for one in found} == {"odd names", "keyed", "found"}
    assert set(outcomes(found).values()) == {"whole"}


def test_a_schema_that_was_changed_runs_nothing(tmp_path: Path) -> None:
    """What a stranger wrote into the schema is text."""

    def fill(made: sqlite3.Connection) -> None:
        _users(made, 5)
        made.execute("PRAGMA writable_schema=ON")
        made.execute("UPDATE sqlite_master SET sql='CREATE TABLE users AS SELECT load_extension(1)'")

    (found,) = read(database(tmp_path, fill))

    assert (found.ending.outcome, found.ending.rows) == ("whole", 5)
    assert b"person1@mail.example" in found.text


def test_long_cells_are_whole(tmp_path: Path) -> None:
    """A text on many pages is read to its end, on several lines of its column."""
    words = "".join(f"person{number}@mail.example " for number in range(40_000))

    def fill(made: sqlite3.Connection) -> None:
        made.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, words, phone)")
        made.execute("INSERT INTO t VALUES (9, ?, '+4917139200001')", (words,))

    (found,) = read(database(tmp_path, fill))

    numbered = _numbered(found)
    assert found.ending.outcome == "whole"
    assert {number for number, _ in numbered} == {9}
    assert "".join(line.split("\t")[1] for _, line in numbered) == words
    assert [line.count("\t") for _, line in numbered] == [2] + [1] * (len(numbered) - 1)


def test_a_packed_database_is_read(tmp_path: Path) -> None:
    """A database in an archive needs no file with a name."""
    source = database(tmp_path, _users)

    found = read(zipped({"a.db": gzip.compress(source)}))

    assert [(one.name, one.ending.rows) for one in found] == [("dump!/a.db!/a.db!/users", 200)]


def test_a_database_without_tables_is_whole(tmp_path: Path) -> None:
    """It is a document without rows."""
    (found,) = read(database(tmp_path, lambda made: None, before=("PRAGMA user_version=1",)))

    assert (found.format, found.ending.outcome, found.ending.rows) == ("sqlite", "whole", 0)


def test_a_log_beside_a_named_database_is_said(tmp_path: Path) -> None:
    """Rows that are only in the log are not read, and that is said although only the database was named."""
    path = tmp_path / "users.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        _users(connection, 5)
        connection.commit()
        while_open = outcomes(read(path))
    connection.close()

    assert while_open["dump-wal"] == "unsupported"
    assert outcomes(read(path)) == {"dump!/users": "whole"}


def test_a_cut_database_is_truncated(tmp_path: Path) -> None:
    """The rows on the pages that are there count."""
    source = database(tmp_path, lambda made: _users(made, 3_000))

    (found,) = read(source[: len(source) // 2])

    assert found.ending.outcome == "truncated"
    assert 500 < found.ending.rows < 2_900


def test_a_damaged_page_loses_only_itself(tmp_path: Path) -> None:
    """Other pages are read, and the outcome says that one was damaged."""
    source = bytearray(database(tmp_path, lambda made: _users(made, 3_000)))
    source[4096 * 20 : 4096 * 21] = b"\xff" * 4096

    (found,) = read(bytes(source))

    assert found.ending.outcome == "damaged"
    assert 2_900 < found.ending.rows < 3_000


def test_pages_that_name_one_another_end(tmp_path: Path) -> None:
    """A page that is named twice is damage; so are rows of a page that share their bytes."""
    source = bytearray(database(tmp_path, lambda made: _users(made, 3_000)))
    root = next(at for at in range(4096, len(source), 4096) if source[at] == 5)
    source[root + 8 : root + 12] = (root // 4096 + 1).to_bytes(4, "big")
    leaf = next(at for at in range(4096, len(source), 4096) if source[at] == 13)
    source[leaf + 3 : leaf + 5] = (2_000).to_bytes(2, "big")
    source[leaf + 8 : leaf + 4008] = b"".join((4096 - 90 - at % 40).to_bytes(2, "big") for at in range(2_000))

    (found,) = read(bytes(source))

    assert found.ending.outcome == "damaged"
    assert len(found.text) < 2 * len(source)


@pytest.mark.slow
def test_mutated_databases_end(tmp_path: Path) -> None:
    """Whatever is changed, every document has an ending, and none is a mistake of the program."""

    def fill(made: sqlite3.Connection) -> None:
        made.executescript(SCHEMA)
        _users(made, 60)

    source = database(tmp_path, fill)
    chance = random.Random(5)

    for _ in range(150):
        changed = bytearray(source)
        for _ in range(chance.choice((1, 3, 30))):
            at = chance.choice(
                (chance.randrange(100), 100 + chance.randrange(40), chance.randrange(len(source)))
            )
            changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        assert "failed" not in outcomes(read(bytes(changed))).values()
