"""The answer of a dump in units is the answer of one process, byte for byte. All dumps are invented."""

from __future__ import annotations

import gzip
import json
import lzma
import random
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from backports import zstd

from cli.match_report import as_dict, write_ordinals
from matching.comparing.findings import Findings
from matching.inputs import Limits
from matching.mentions.terms import WatchTerm
from matching.sweep import Sweep, SweepProgress
from matching.units.clustered_sweep import ClusteredSweep, UnitFailure
from matching.units.cutting import CutSizes
from matching.units.partial import Partial
from matching.units.unit import Unit
from matching.units.unit_matching import MatchOptions, match_unit
from matching.watch import Watch, watch_of
from tests.matching.inputs.archives import seven, tarred, zipped
from tests.matching.inputs.customers import TABLES, as_csv, customers
from tests.matching.test_sweep import segment

ROWS = customers(400)
NAMES = {1: "company1", 2: "company2", 3: "company3"}
#: One or two blocks, so that files of a few megabytes are cut.
SIZES = CutSizes(bytes=400_000, files=3)


@dataclass
class PoolHere:
    """Matches units in this process. Units and results go through their bytes, as they do in rows."""

    watch: Watch
    options: MatchOptions
    fail: Callable[[Unit], bool] = lambda _unit: False
    submitted: dict[str, Unit] = field(default_factory=dict)
    results: dict[str, bytes] = field(default_factory=dict)

    def submit(self, unit: Unit) -> None:
        self.submitted[unit.key] = Unit.from_json(json.loads(json.dumps(unit.as_json())))

    def result(self, unit: Unit) -> Partial | UnitFailure:
        if self.fail(unit):
            return UnitFailure("the process that matched it was killed 3 times.")
        if unit.key not in self.results:
            partial = match_unit(self.submitted[unit.key], self.options, self.watch, threads=2)
            self.results[unit.key] = partial.to_bytes()
        return Partial.from_bytes(self.results[unit.key], self.watch, self.options.limit)


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """Return three companies: the first one is in many rows of the dumps, the second in few."""
    folder = tmp_path_factory.mktemp("segments")
    rows = customers(3_000)
    parts = (rows[:200], rows[200:400], rows[2_000:])
    segments = [segment(folder, as_csv(part), number=number) for number, part in enumerate(parts, 1)]
    terms = [WatchTerm(1, 1, "quillmere bank", "name"), WatchTerm(2, 2, "osterlund", "name")]
    return watch_of(terms, segments)


# --- dumps

STRANGERS = customers(40_000)[5_000:]


def mixed_rows(seed: int, size: int = 13_000) -> list[tuple[str, ...]]:
    """Return strangers with customers of the first company, and of the second in the last third."""
    rng = random.Random(seed)
    rows = rng.sample(STRANGERS, size)
    for _ in range(60):
        rows[rng.randrange(size)] = ROWS[rng.randrange(200)]
    for _ in range(30):
        rows[rng.randrange(2 * size // 3, size)] = ROWS[200 + rng.randrange(200)]
    return rows


def json_lines(rows: list[tuple[str, ...]]) -> bytes:
    return "".join(
        json.dumps({"id": row[0], "name": row[1], "phone": row[2], "mail": row[3], "note": row[5]}) + "\n"
        for row in rows
    ).encode()


def sql(rows: list[tuple[str, ...]]) -> bytes:
    values = ",\n".join("(" + ",".join(f"'{cell}'" for cell in row[:4]) + ")" for row in rows)
    return f"INSERT INTO `clients` (id, name, mobile, email) VALUES\n{values};\n".encode()


def labelled(rows: list[tuple[str, ...]]) -> bytes:
    return "\n".join(
        f"Name: {row[1]}\nPhone: {row[2]}\nE-Mail: {row[3]}\nAddress: {row[4]}\n" for row in rows
    ).encode()


def prose(rows: list[tuple[str, ...]]) -> bytes:
    words = ["Wrote to {} again, see {}.", "Quillmere Bank called {}; mail {}", "{} {}", "nothing ({} {})"]
    return "\n".join(
        words[number % 4].format(row[2], row[3]) + " x" * (number % 50) for number, row in enumerate(rows)
    ).encode()


def combo(rows: list[tuple[str, ...]]) -> bytes:
    return b"".join(f"{row[3]}:pass{row[0] * 9}\r\n".encode() for row in rows)


def long_lines(rows: list[tuple[str, ...]]) -> bytes:
    """Lines of a megabyte, some with separators and some without."""
    blob = b"Q" * 900_000
    return b"\n".join(
        as_csv([row])[-60:] + (blob if number % 4_000 == 5 else b"") for number, row in enumerate(rows)
    )


def pasted(rows: list[tuple[str, ...]]) -> bytes:
    """ASCII, then GB18030, then UTF-8, then UTF-16: lists that somebody put together."""
    third = len(rows) // 4
    parts = [as_csv(rows[at : at + third]) for at in range(0, len(rows), third)]
    ascii_, gb, utf8, wide = (part.decode() for part in parts[:4])
    return b"".join(
        (
            ascii_.encode("ascii", "replace"),
            gb.encode("gb18030"),
            utf8.encode(),
            b"\xff\xfe" + wide.encode("utf-16-le"),
        )
    )


def quoted(rows: list[tuple[str, ...]]) -> bytes:
    """Cells with line ends, and a quote that never closes."""
    lines = as_csv(rows, all_quoted=True)
    return lines[: len(lines) // 2] + b'"9","open\n' + lines[len(lines) // 2 :]


def with_holes(rows: list[tuple[str, ...]]) -> bytes:
    data = as_csv(rows)
    return data[:1_300_000] + b"\0" * 300_000 + data[1_300_000:]


WRITERS: Mapping[str, Callable[[list[tuple[str, ...]]], bytes]] = {
    "csv": as_csv,
    "semicolon": lambda rows: as_csv(rows, ";", "\n"),
    "quoted": quoted,
    "gbk": lambda rows: as_csv(rows).decode().encode("gb18030"),
    "utf16": lambda rows: b"\xff\xfe" + as_csv(rows).decode().encode("utf-16-le"),
    "jsonl": json_lines,
    "sql": sql,
    "labelled": labelled,
    "prose": prose,
    "combo": combo,
    "long_lines": long_lines,
    "pasted": pasted,
    "holes": with_holes,
    "masked": lambda rows: as_csv(rows).replace(b"17000005", b"170****5"),
    "old_mac": lambda rows: as_csv(rows, end="\r"),
}


@dataclass(frozen=True)
class Answers:
    """The answers of one process and of units, as `--json` and as the files of ordinals, and the units."""

    one: str
    clustered: str
    units: list[Unit]


def answers(
    folder: Path,
    paths: list[Path],
    watch: Watch,
    *,
    limit: int = 40,
    first_look: int = 2_000,
    out_bytes: int = Limits().out_bytes,
    sizes: CutSizes = SIZES,
) -> Answers:
    sources = [(path.name, path) for path in paths]
    one = Sweep(Findings(watch, limit), limits=Limits(out_bytes=out_bytes), first_look=first_look)
    one.run(sources)
    options = MatchOptions(limit, first_look, out_bytes)
    pool = PoolHere(watch, options)
    clustered = ClusteredSweep(Findings(watch, limit), pool, options, sizes=sizes)
    clustered.run(sources)
    return Answers(
        written(folder / "one", one.findings, one.progress),
        written(folder / "clustered", clustered.findings, clustered.progress),
        [*pool.submitted.values()],
    )


def written(folder: Path, findings: Findings, progress: SweepProgress) -> str:
    write_ordinals(folder, findings, progress, NAMES)
    ordinals = {path.name: path.read_text() for path in sorted(folder.iterdir())}
    return json.dumps([as_dict(findings, progress, NAMES), ordinals], indent=1)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_in_stretches_gives_the_answer_of_one_process(tmp_path: Path, watch: Watch, name: str) -> None:
    """Whatever the format and wherever it is cut; also if a later look finds another company."""
    path = tmp_path / f"dump.{name}"
    path.write_bytes(WRITERS[name](mixed_rows(len(name))))

    found = answers(tmp_path, [path], watch)

    assert found.clustered == found.one
    assert "company1.csv" in found.one
    assert len(found.units) > 1 or name == "sql"


def test_the_figures_of_chance_and_of_looks_are_the_same(tmp_path: Path, watch: Watch) -> None:
    """With any size of units, any first look, and any number of matches that are kept."""
    rng = random.Random(7)
    path = tmp_path / "dump.csv"
    path.write_bytes(as_csv(mixed_rows(3, 14_000)))
    for limit, first_look, size in ((1, 0, 700_001), (5, 1, 1 << 19), (1_000, 30_000, 400_000)):
        found = answers(
            tmp_path / str(rng.random()),
            [path],
            watch,
            limit=limit,
            first_look=first_look,
            sizes=CutSizes(size, 3),
        )

        assert found.clustered == found.one


def test_folders_and_archives_give_the_answer_of_one_process(tmp_path: Path, watch: Watch) -> None:
    """Small files together, members of a zip apart, and everything that cannot be cut as one unit."""
    folder = tmp_path / "leak"
    (folder / "deep").mkdir(parents=True)
    rng, numbers = random.Random(1), count(1)
    for name, _, write in TABLES:
        (folder / f"{next(numbers):02}-{name.replace('/', '-')}").write_bytes(write(rng.sample(ROWS, 40)))
    parts = {f"part{number}.csv": as_csv(mixed_rows(number, 4_000)) for number in range(5)}
    (folder / "deep" / "stored.zip").write_bytes(zipped(parts, zipfile.ZIP_STORED))
    (folder / "deep" / "same.zip").write_bytes(zipped({"a.csv": parts["part1.csv"], "./a.csv": b"x"}))
    (folder / "all.tar").write_bytes(tarred(parts))
    (folder / "all.7z").write_bytes(seven({"x.csv": as_csv(ROWS)}))
    (folder / "large.csv.gz").write_bytes(gzip.compress(parts["part2.csv"]))
    (folder / "large.csv.xz").write_bytes(lzma.compress(parts["part3.csv"], preset=0))
    (folder / "cut.csv.gz").write_bytes(gzip.compress(as_csv(ROWS))[:-900])
    (folder / "plain.csv").write_bytes(b"".join(parts.values()))
    (folder / "link").symlink_to(folder / "plain.csv")
    (folder / "empty").write_bytes(b"")
    (folder / "picture.jpg").write_bytes(b"\xff\xd8\xff" + rng.randbytes(5_000))

    found = answers(tmp_path, [folder, folder / "plain.csv", folder / "deep" / "stored.zip"], watch)

    assert found.clustered == found.one
    assert sum(unit.stretch is not None for unit in found.units) > 2
    assert sum(unit.members is not None for unit in found.units) > 2


def in_parts(compress: Callable[[bytes], bytes], data: bytes, size: int) -> bytes:
    return b"".join(compress(data[at : at + size]) for at in range(0, len(data), size))


@pytest.mark.parametrize(
    ("name", "compress", "size"),
    [
        ("zst", zstd.compress, 300_000),
        ("gz", partial(gzip.compress, compresslevel=1), 65_280),  # bgzip's members
        ("xz", partial(lzma.compress, preset=0), 500_000),
        ("gz", partial(gzip.compress, compresslevel=1), 1 << 30),
    ],
)
def test_a_compressed_file_is_cut_at_its_frames(
    tmp_path: Path, watch: Watch, name: str, compress: Callable[[bytes], bytes], size: int
) -> None:
    """One that has no frames, or whose end is damaged, is one unit; the answers are those of one process."""
    rng = random.Random(2)
    data = as_csv([(*row[:5], rng.randbytes(40).hex()) for row in mixed_rows(5, 25_000)])
    packed = in_parts(compress, data, size)
    whole, damaged = tmp_path / f"dump.csv.{name}", tmp_path / f"damaged.csv.{name}"
    whole.write_bytes(packed)
    damaged.write_bytes(packed[:-500])

    sizes = CutSizes(bytes=500_000, files=3)
    found, broken = (answers(tmp_path / one.stem, [one], watch, sizes=sizes) for one in (whole, damaged))

    assert (found.clustered, broken.clustered) == (found.one, broken.one)
    frames = [unit.stretch.frame for unit in found.units if unit.stretch is not None]
    assert (len(set(frames)) > 2) == (size < len(data))
    assert broken.units[-1].stretch is None


def test_limits_count_all_units_of_an_input(tmp_path: Path, watch: Watch) -> None:
    """An input that exceeds the limit as a whole ends where one process ends, although no unit exceeds it."""
    folder = tmp_path / "leak"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.csv.gz").write_bytes(gzip.compress(as_csv(mixed_rows(number, 2_000))))

    found = answers(tmp_path, [folder], watch, out_bytes=400_000)

    assert found.clustered == found.one
    assert "too_large" in found.one


def test_a_unit_that_nobody_can_match_leaves_a_gap_that_is_told(tmp_path: Path, watch: Watch) -> None:
    """The rest counts; the document says which bytes were not compared, and is not whole."""
    path = tmp_path / "dump.csv"
    path.write_bytes(as_csv(mixed_rows(1)))
    options = MatchOptions(40, 0, Limits().out_bytes)
    lost: list[Unit] = []

    def fail(unit: Unit) -> bool:
        lost.extend([unit] if unit.stretch is not None and unit.stretch.block > 0 else [])
        return bool(lost)

    pool = PoolHere(watch, options, fail)
    sweep = ClusteredSweep(Findings(watch, 40), pool, options, sizes=SIZES)
    sweep.run([("dump.csv", path)])

    (read,) = sweep.progress.read
    assert lost and lost[0].stretch is not None
    place = f"he bytes from {lost[0].stretch.begin.position} to {lost[0].stretch.end} could not be matched"
    assert (read.outcome, place in read.sentence) == ("unit_lost", True)
    assert sweep.findings.companies[1].tally.coherent_rows > 0
