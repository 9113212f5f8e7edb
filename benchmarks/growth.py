"""How `match` grows: from 100,000 to 100 million customers, and from 1 to 50 companies, on one dump.

1 million rows; every customer has e-mail, phone, resident ID and card; 4,777 customers of the first company
are in the dump, and every other hit is chance. Each company has a key and a segment of its own, with a
million customers where companies are counted: once with everything compared for everybody, once with the
first look, after which those are left out whom chance alone hits. Each measurement is a process of its own:
"start" is what it takes before (imports, opening all segments, and the numbering plans, which a first small
dump makes it compile); "mapped" is what of its memory are pages of files, those of the segments mostly, which
the system takes back when it wants.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.measure import bars, child, report

ROWS = int(os.environ.get("SPILLWATCH_BENCH_ROWS", 1_000_000))
IN_THE_DUMP = 4_777
SIZES = "100000,1000000,10000000,100000000"
COMPANIES = "1,2,5,10,20,50"
EACH = 1_000_000  # customers of a company where companies are counted
A_FEW = 20_000  # rows of the dump before the measured one
_DUMP = "dump.csv"
_SMALL = "small.csv"


@dataclass(frozen=True, slots=True)
class Ran:
    start_s: float
    cpu_s: float
    peak_mb: float
    mapped_mb: float
    segments_mb: float
    hits: int
    rows: int  # that agree with a customer of the first company on two fields or more

    @property
    def cells(self) -> tuple[float | int, ...]:
        a_million = self.cpu_s / ROWS * 1_000_000
        memory = (self.peak_mb, self.mapped_mb, self.segments_mb)
        return (self.start_s, self.cpu_s, a_million, *memory, self.hits, self.rows)


COLUMNS = (
    "start, CPU s",
    "CPU s",
    "CPU s a million rows",
    "peak MB",
    "mapped",
    "segments MB",
    "hits",
    "coherent rows",
)


def main() -> None:
    sizes, companies = _numbers("CUSTOMERS", SIZES), _numbers("COMPANIES", COMPANIES)
    # Not in /tmp, which may be memory: 100 million customers are 7 GB, and twice that while they are sorted.
    with tempfile.TemporaryDirectory(prefix="spillwatch-bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        child("benchmarks.growth", "dump", name, str(ROWS))
        _show("customers", {size: _alone(folder, size) for size in sizes})
        for number in range(1, max(companies) + 1):
            child("benchmarks.growth", "segment", name, str(number), str(min(EACH, max(sizes))))
        _show("companies", {many: _run(folder, many) for many in companies})
        _show("companies, first look", {many: _run(folder, many, looks=True) for many in companies})


def _numbers(name: str, usual: str) -> list[int]:
    return [int(number) for number in os.environ.get(f"SPILLWATCH_BENCH_{name}", usual).split(",")]


def _alone(folder: Path, size: int) -> Ran:
    """One company with so many customers, whose segment is gone afterwards."""
    child("benchmarks.growth", "segment", str(folder), "1", str(size))
    ran = _run(folder, 1)
    shutil.rmtree(folder / "1")
    return ran


def _run(folder: Path, companies: int, *, looks: bool = False) -> Ran:
    said, usage = child("benchmarks.growth", "match", str(folder), str(companies), "first look" * looks)
    found = json.loads(said)
    whole_s = usage.ru_utime + usage.ru_stime
    return Ran(
        start_s=whole_s - found["cpu_s"],
        cpu_s=found["cpu_s"],
        peak_mb=usage.ru_maxrss / 1000,
        mapped_mb=found["mapped_mb"],
        segments_mb=found["segments_mb"],
        hits=found["hits"],
        rows=found["rows"],
    )


def _show(what: str, ran: Mapping[int, Ran]) -> None:
    report((what, *COLUMNS), [(number, *one.cells) for number, one in ran.items()])
    bars(f"CPU seconds, by {what}", {f"{number:,}": one.cpu_s for number, one in ran.items()})


# --- in processes of their own, which say one line of JSON


def dump(folder: Path, rows: str) -> None:
    """So many rows of strangers, and among them the first customers of the first company."""
    from benchmarks.people import Rows
    from benchmarks.segments import customers_of

    theirs = next(customers_of(_seed(1), IN_THE_DUMP))
    Rows(int(rows), seed=_seed(0)).write(folder / _DUMP, among=theirs)
    with (folder / _DUMP).open("rb") as all_rows, (folder / _SMALL).open("wb") as few:
        few.writelines(islice(all_rows, A_FEW))


def segment(folder: Path, number: str, customers: str) -> None:
    """The customers of company `number`, below whom those of a smaller segment stand too."""
    from datetime import UTC, datetime

    from benchmarks.segments import customers_of, enrolled, write_base
    from matching.fingerprints.scheme import new_key, write_key

    own = folder / number
    own.mkdir()
    key, count = new_key(), int(customers)
    write_key(key, own / "key", datetime.now(UTC))
    parts = enrolled(customers_of(_seed(int(number)), count), company=own.name, key=key)
    write_base(own / "segment", company=own.name, key=key, customers=count, parts=parts)


def match(folder: Path, companies: str, looks: str = "") -> dict[str, float]:
    from benchmarks.measure import cost
    from benchmarks.segments import REGION
    from matching.comparing.findings import Findings
    from matching.comparing.first_look import FIRST_LOOK
    from matching.fingerprints.scheme import read_key
    from matching.fingerprints.segments import open_segment
    from matching.sweep import Sweep
    from matching.watch import WatchedSegment, watch_of

    homes = {number: folder / str(number) for number in range(1, int(companies) + 1)}
    watched = [
        WatchedSegment(number, number, open_segment(home / "segment"), REGION, read_key(home / "key"))
        for number, home in homes.items()
    ]

    def swept(name: str) -> Findings:
        sweep = Sweep(Findings(watch_of([], watched), 100), first_look=FIRST_LOOK if looks else 0)
        sweep.run([(name, folder / name)])
        return sweep.findings

    swept(_SMALL)
    findings, taken = cost(lambda: swept(_DUMP))
    return {
        "cpu_s": taken.cpu_s,
        "mapped_mb": _mapped_mb(),
        "segments_mb": sum((home / "segment").stat().st_size for home in homes.values()) / 1e6,
        "hits": sum(found.hit_fields.total() for found in findings.companies.values()),
        "rows": findings.companies[1].tally.coherent_rows,
    }


def _seed(company: int) -> int:
    """0 is the strangers'."""
    return 4_000 + company


def _mapped_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("RssFile:"))


CHILDREN: Mapping[str, Callable[..., object]] = {one.__name__: one for one in (dump, segment, match)}


def _child(name: str, folder: str, arguments: Sequence[str]) -> None:
    print(json.dumps(CHILDREN[name](Path(folder), *arguments)))


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2], sys.argv[3:])
