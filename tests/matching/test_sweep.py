"""Sweeps find exactly the customers in a dump, whatever its format and container. All are invented."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from benchmarks.people import Rows, people
from matching.checkpoint import Checkpoint
from matching.comparing.agreements import Agreements, Pairs
from matching.comparing.findings import CompanyFindings, Findings
from matching.comparing.lookup import FIELDS, Comparison
from matching.enrolment.enrol import enroll
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import open_segment
from matching.identifiers import Field
from matching.inputs import Limits, documents
from matching.mentions.terms import WatchTerm
from matching.sweep import Sweep, SweepSource
from matching.watch import Watch, WatchedSegment, watch_of
from tests.matching.identifiers.national_numbers import number_of
from tests.matching.inputs.archives import seven, tarred, zipped
from tests.matching.inputs.customers import TABLES, as_csv, customers

Write = Callable[[list[tuple[str, ...]]], bytes]

ROWS = customers(200)
KEY = bytes(range(32))


def segment(
    folder: Path,
    table: bytes,
    *,
    number: int = 1,
    columns: Mapping[Field, list[str]] | None = None,
    region: str = "CN",
) -> WatchedSegment:
    """Return an open segment of a company's customers; `number` is the company's."""
    (folder / f"{number}.csv").write_bytes(table)
    path = folder / f"{number}.segment"
    now = datetime(2026, 3, 1, tzinfo=UTC)
    company = f"company{number}"
    enroll(
        folder / f"{number}.csv",
        path,
        company=company,
        key=RootKey("k1", KEY),
        default_region=region,
        now=now,
        columns=columns,
    )
    return WatchedSegment(number, number, open_segment(path), region, RootKey("k1", KEY))


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return watch_of([], [segment(tmp_path_factory.mktemp("lender"), as_csv(ROWS))])


def swept(watch: Watch, *sources: SweepSource, **options: object) -> Sweep:
    sweep = Sweep(Findings(watch, 1_000), **options)  # type: ignore[arg-type]  # the test names the options
    sweep.run(sources)
    return sweep


def found(sweep: Sweep, company: int = 1) -> CompanyFindings:
    return sweep.findings.companies[company]


def agreed(pairs: Pairs) -> set[tuple[int, int, frozenset[str]]]:
    """Return (line, ordinal, fields that agree) of each pair."""
    return {
        (
            int(pair["line"]),
            int(pair["ordinal"]),
            frozenset(field.value for code, field in enumerate(FIELDS) if pair["fields"] >> code & 1),
        )
        for pair in pairs
    }


@pytest.mark.parametrize(("name", "form", "write"), TABLES)
def test_every_customer_of_every_format_is_found_once(
    watch: Watch, name: str, form: str, write: Write
) -> None:
    """A table of all customers has two hundred coherent rows, in whatever format it is written."""
    sweep = swept(watch, (name, io.BytesIO(write(ROWS))))

    tally = found(sweep).tally
    assert (tally.coherent_rows, tally.single_hits, tally.customers) == (200, 0, 200)
    assert {(read.format, read.outcome) for read in sweep.progress.read} == {(form, "whole")}


@pytest.mark.parametrize("pack", [zipped, tarred, seven])
def test_hits_in_an_archive_name_its_member(
    watch: Watch, pack: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    """Members of an archive are documents; the member with strangers adds nothing."""
    data = pack({"a/own.csv": as_csv(ROWS), "b.csv": as_csv(customers(900)[600:])})

    sweep = swept(watch, ("dump", io.BytesIO(data)))

    assert found(sweep).tally.coherent_rows == 200
    assert {hit.label for hit in found(sweep).hits} == {"dump!/a/own.csv"}


def test_the_specification_alone_finds_the_same(watch: Watch) -> None:
    """With and without native code, every block has the same hits and the same number of candidates."""
    for name, _, write in TABLES:
        for document in documents(name, io.BytesIO(write(ROWS)), Limits()):
            for block in document.blocks():
                fast, slow = (Comparison(watch.segments, native=native) for native in (True, False))
                ours, theirs = fast.compare(block.text), slow.compare(block.text)
                assert [column.tolist() for column in ours[0]] == [column.tolist() for column in theirs[0]], (
                    name
                )
                assert ours[1] == theirs[1], name


def test_a_structured_dump_agrees_with_a_plaintext_join(tmp_path: Path) -> None:
    """The lines, customers and fields equal those of DuckDB, which joins the values in plain text."""
    Rows(4_000, seed=1).write(tmp_path / "customers.csv")
    theirs = people(np.random.default_rng(1), 0, 4_000)[:700]
    Rows(30_000, seed=2).write(tmp_path / "dump.csv", among=theirs)
    lender = segment(tmp_path, (tmp_path / "customers.csv").read_bytes())
    pairs = " UNION ALL ".join(
        f"SELECT d.line, o.line AS customer, '{field}' AS field "
        f"FROM dump d JOIN own o ON d.{column} = o.{column}"
        for column, field in (
            ("email", "email"),
            ("mobile", "phone"),
            ("id_number", "resident_id"),
            ("card", "card"),
        )
    )
    engine = duckdb.connect()
    for table, name in (("own", "customers"), ("dump", "dump")):
        engine.execute(
            f"CREATE TABLE {table} AS SELECT *, row_number() OVER () AS line "
            f"FROM read_csv('{tmp_path / name}.csv', all_varchar=true, parallel=false)"
        )
    joined = engine.execute(
        f"SELECT line, customer, list(DISTINCT field) FROM ({pairs}) GROUP BY line, customer"
    ).fetchall()

    sweep = swept(watch_of([], [lender]), ("dump.csv", tmp_path / "dump.csv"))

    expected = {(line + 1, customer, frozenset(fields)) for line, customer, fields in joined}
    assert len(expected) >= 700
    assert agreed(found(sweep).agreements.pairs()) == expected


def test_a_checkpoint_holds_pairs_that_are_summed_up(tmp_path: Path, watch: Watch) -> None:
    """An interrupted sweep has the totals of an uninterrupted one, also after more pairs than are kept."""
    sweep = swept(watch, ("dump", io.BytesIO(as_csv(ROWS))))
    whole = found(sweep).agreements
    pairs = whole.pairs()
    found(sweep).agreements = few = Agreements(pairs_limit=50)
    for row in range(0, len(pairs), 30):
        few.add(pairs[row : row + 30])
    kept = Checkpoint(tmp_path / "one.sweep")
    kept.save(sweep)

    loaded = kept.load(watch, 100)

    assert loaded is not None
    again = loaded[0].companies[1].agreements
    assert len(again.summed_customers) > 0
    assert again.totals() == whole.totals()
    assert again.customers().tolist() == whole.customers().tolist()


def test_the_number_of_threads_changes_nothing(watch: Watch) -> None:
    """Blocks are counted in their order: the same is kept and counted with one thread and with four."""
    data = as_csv(ROWS * 300)

    one, four = (swept(watch, ("dump", io.BytesIO(data)), threads=threads) for threads in (1, 4))

    assert found(one).hits == found(four).hits
    assert np.array_equal(found(one).agreements.pairs(), found(four).agreements.pairs())


#: Blocks with few customers, some with a mention, and one with more hits than columns are looked up for.
SPARSE = b"".join(
    b"nobody,nothing\n" * 40_000
    + b"".join([b"Quillmere Bank\n"][number % 3 :])
    + as_csv(ROWS * 7 if number == 5 else ROWS[number : number + 1])
    for number in range(12)
)


@pytest.mark.parametrize("limit", [1, 6, 5_000])
def test_blocks_counted_at_once_give_what_they_give_one_by_one(watch: Watch, limit: int) -> None:
    """Also if there are more mentions and hits than are kept: the first ones are."""
    watched = watch_of([WatchTerm(1, 1, "quillmere bank", "name")], watch.segments)

    together, alone = (Sweep(Findings(watched, limit), save_every_s=every) for every in (5.0, 0.0))
    for sweep in (together, alone):
        sweep.run([("dump", io.BytesIO(SPARSE))])

    assert kept(together) == kept(alone)
    assert (found(together).mention_fields["file"], found(together).tally.customers) == (4, 200)
    assert together.findings.cut == ({"matches"} if limit < 5_000 else set())


def kept(sweep: Sweep) -> object:
    one = found(sweep)
    counted = (one.mention_fields, one.terms, one.hit_fields, one.columns, one.agreements.pairs().tolist())
    findings = sweep.findings
    totals = (findings.candidate_counts, findings.rows_scanned, findings.numbered_rows)
    return one.mentions, one.hits, counted, totals


class Interrupted(io.BytesIO):
    """A dump during whose reading Ctrl-C comes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 4_000_000:
            raise KeyboardInterrupt
        return super().read(size)


def test_uncounted_blocks_are_neither_lost_nor_counted_twice(watch: Watch) -> None:
    """A sweep that is interrupted while blocks wait to be counted goes on behind the last counted block."""
    data = as_csv(ROWS * 40) + SPARSE
    whole = swept(watch, ("dump", io.BytesIO(data)))
    ended = Sweep(Findings(watch, 1_000), threads=1)
    with pytest.raises(KeyboardInterrupt):
        ended.run([("dump", Interrupted(data))])
    counted = ended.progress.end

    again = swept_on(ended, ("dump", io.BytesIO(data)))

    assert (ended.in_block, 0 < counted < 4_000_000) == (False, True)
    assert kept(again) == kept(whole)


def swept_on(ended: Sweep, *sources: SweepSource) -> Sweep:
    sweep = Sweep(ended.findings, ended.progress)
    sweep.run(sources)
    return sweep


def test_declared_columns_are_compared_by_their_cells(tmp_path: Path) -> None:
    """User names and accounts are candidates in a column of such a name, and not in prose."""
    people_ = [(f"user_{number}", f"ACC-{number:07d}") for number in range(50)]
    table = "username,account\n" + "".join(f"{name},{account}\n" for name, account in people_)
    columns = {Field.USERNAME: ["username"], Field.ACCOUNT: ["account"]}
    watched = watch_of([], [segment(tmp_path, table.encode(), columns=columns)])
    dump = "login;x;account_no\n" + "".join(f"{name.upper()};1;{account}\n" for name, account in people_)
    prose = " ".join(name for name, _ in people_)

    of_table = swept(watched, ("dump", io.BytesIO(dump.encode())))
    of_prose = swept(watched, ("post", io.BytesIO(prose.encode())))

    assert found(of_table).tally.coherent_rows == 50
    assert {hit.column for hit in found(of_table).hits} == {
        "column 1, username (login)",
        "column 3, account (account_no)",
    }
    assert not of_prose.findings.companies


def test_a_number_that_looks_like_seconds_is_found_in_a_column_of_numbers(tmp_path: Path) -> None:
    """1713920014 is 0171 3920014 in a column of telephone numbers, and a time in any other column."""
    table = "phone,city\n" + "".join(f"01713920{number:03d},x\n" for number in range(50))
    watched = watch_of([], [segment(tmp_path, table.encode(), region="DE")])
    rows = "".join(f"x,1713920{number:03d},17139201{number:02d}\n" for number in range(50))

    of_numbers = swept(watched, ("dump", io.BytesIO(f"city,telefon,changed\n{rows}".encode())))
    of_times = swept(watched, ("dump", io.BytesIO(f"city,created,changed\n{rows}".encode())))

    assert len(found(of_numbers).hits) == 50
    assert {hit.column for hit in found(of_numbers).hits} == {"column 2, phone (telefon)"}
    assert not of_times.findings.companies


def test_national_numbers_are_found_in_texts_and_columns_of_any_name(tmp_path: Path) -> None:
    """A strong check digit shows a number in any text. A weak one counts in a column that is full of them."""
    strong = [number_of("PL", "9" * 11, seed) for seed in range(20)]
    weak = [number_of("HR", "9" * 11, seed) for seed in range(20)]
    table = "pesel,oib\n" + "".join(f"{one},{other}\n" for one, other in zip(strong, weak, strict=True))
    watched = watch_of([], [segment(tmp_path, table.encode(), region="DE")])

    prose = "\n".join(f"old no. {one}, new no. {other}." for one, other in zip(strong, weak, strict=True))
    columns = "ref;x\n" + "".join(f"{other};1\n" for other in weak)
    named = f"name;OIB\nx;{weak[3]}\ny;none\nz;12345678901\n"

    of_prose, of_columns, of_name = (
        swept(watched, ("dump", io.BytesIO(text.encode()))) for text in (prose, columns, named)
    )

    assert sorted(hit.ordinal for hit in found(of_prose).hits) == list(range(1, 21))
    assert sorted(hit.ordinal for hit in found(of_columns).hits) == list(range(1, 21))
    assert {hit.column for hit in found(of_columns).hits} == {"column 1, national_id"}
    assert [hit.ordinal for hit in found(of_name).hits] == [4]


def test_a_segment_that_does_not_name_its_countries_is_compared_with_all(tmp_path: Path) -> None:
    """So is one that another build wrote."""
    number = number_of("RO", "9" * 13)
    watched = segment(tmp_path, f"cnp\n{number}\n{number_of('RO', '9' * 13, 2)}\n".encode())
    assert watched.segment.header.countries == ("RO",)

    header = watched.segment.header.model_copy(update={"countries": ()})
    object.__setattr__(watched.segment, "header", header)
    sweep = swept(watch_of([], [watched]), ("dump", io.BytesIO(f"x {number} y".encode())))

    assert [hit.ordinal for hit in found(sweep).hits] == [1]
