"""The growth of `match` from 100,000 to 100 million customers, and from 1 to 50 companies, on one dump.

The dump has 1 million rows. Every customer has e-mail, phone, resident ID and card. 4,777 customers of the
first company are in the dump, and every other hit is chance. Each company has its own key and segment, of a
million customers where companies are counted: once with everything compared for all companies, and once with
the first look, which leaves out the companies that only chance hits. Each measurement is a process of its
own. "Start" is the CPU time before the measured dump: imports, opening the segments, and a small dump before
it. "Mapped" is the part of the memory that is pages of files, mostly of segments; the system can take them
back at any time.
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

from benchmarks.measure import bars, report, run_child

ROWS = int(os.environ.get("SPILLWATCH_BENCH_ROWS", 1_000_000))
IN_THE_DUMP = 4_777
DEFAULT_SIZES = "100000,1000000,10000000,100000000"
DEFAULT_COMPANIES = "1,2,5,10,20,50"
CUSTOMERS_PER_COMPANY = 1_000_000  # customers per company where companies are counted
SMALL_ROWS = 20_000  # rows of the dump before the measured one
_DUMP = "dump.csv"
_SMALL = "small.csv"


@dataclass(frozen=True, slots=True)
class GrowthResult:
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
    "CPU s per million rows",
    "peak MB",
    "mapped",
    "segments MB",
    "hits",
    "coherent rows",
)


def main() -> None:
    sizes, companies = (
        _numbers_from_environment("CUSTOMERS", DEFAULT_SIZES),
        _numbers_from_environment("COMPANIES", DEFAULT_COMPANIES),
    )
    # Not in /tmp, which may be in memory: 100 million customers take 7 GB, and twice that while being sorted.
    with tempfile.TemporaryDirectory(prefix="spillwatch-bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        run_child("benchmarks.growth", "dump", name, str(ROWS))
        _print_results("customers", {size: _measure_size(folder, size) for size in sizes})
        for number in range(1, max(companies) + 1):
            run_child(
                "benchmarks.growth", "segment", name, str(number), str(min(CUSTOMERS_PER_COMPANY, max(sizes)))
            )
        _print_results("companies", {many: _measure(folder, many) for many in companies})
        _print_results(
            "companies, first look", {many: _measure(folder, many, first_look=True) for many in companies}
        )


def _numbers_from_environment(name: str, usual: str) -> list[int]:
    return [int(number) for number in os.environ.get(f"SPILLWATCH_BENCH_{name}", usual).split(",")]


def _measure_size(folder: Path, size: int) -> GrowthResult:
    """Measure one company with so many customers, and remove its segment."""
    run_child("benchmarks.growth", "segment", str(folder), "1", str(size))
    ran = _measure(folder, 1)
    shutil.rmtree(folder / "1")
    return ran


def _measure(folder: Path, companies: int, *, first_look: bool = False) -> GrowthResult:
    output, usage = run_child(
        "benchmarks.growth", "match", str(folder), str(companies), "first look" * first_look
    )
    found = json.loads(output)
    whole_s = usage.ru_utime + usage.ru_stime
    return GrowthResult(
        start_s=whole_s - found["cpu_s"],
        cpu_s=found["cpu_s"],
        peak_mb=usage.ru_maxrss / 1000,
        mapped_mb=found["mapped_mb"],
        segments_mb=found["segments_mb"],
        hits=found["hits"],
        rows=found["rows"],
    )


def _print_results(what: str, ran: Mapping[int, GrowthResult]) -> None:
    report((what, *COLUMNS), [(number, *one.cells) for number, one in ran.items()])
    bars(f"CPU seconds, by {what}", {f"{number:,}": one.cpu_s for number, one in ran.items()})


# --- in processes of their own, which print one line of JSON


def dump(folder: Path, rows: str) -> None:
    """Write a dump of so many strangers, and among them the first customers of the first company."""
    from benchmarks.people import Rows
    from benchmarks.segments import customers_of

    theirs = next(customers_of(_seed(1), IN_THE_DUMP))
    Rows(int(rows), seed=_seed(0)).write(folder / _DUMP, among=theirs)
    with (folder / _DUMP).open("rb") as all_rows, (folder / _SMALL).open("wb") as few:
        few.writelines(islice(all_rows, SMALL_ROWS))


def segment(folder: Path, number: str, customers: str) -> None:
    """Write the segment of company `number`; a larger one contains the customers of a smaller one."""
    from datetime import UTC, datetime

    from benchmarks.segments import customers_of, enrolled, write_base
    from matching.fingerprints.key_file import write_key
    from matching.fingerprints.scheme import new_key

    own = folder / number
    own.mkdir()
    key, count = new_key(), int(customers)
    write_key(key, own / "key", datetime.now(UTC))
    parts = enrolled(customers_of(_seed(int(number)), count), company=own.name, key=key)
    write_base(own / "segment", company=own.name, key=key, customers=count, parts=parts)


def match(folder: Path, companies: str, first_look: str = "") -> dict[str, float]:
    from benchmarks.measure import cost
    from benchmarks.segments import REGION
    from matching.comparing.findings import Findings
    from matching.comparing.first_look import FIRST_LOOK
    from matching.fingerprints.key_file import read_key
    from matching.fingerprints.segments import open_segment
    from matching.sweep import Sweep
    from matching.watch import WatchedSegment, watch_of

    homes = {number: folder / str(number) for number in range(1, int(companies) + 1)}
    watched = [
        WatchedSegment(number, number, open_segment(home / "segment"), REGION, read_key(home / "key"))
        for number, home in homes.items()
    ]

    def swept(name: str) -> Findings:
        sweep = Sweep(Findings(watch_of([], watched), 100), first_look=FIRST_LOOK if first_look else 0)
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
    """Return the seed of a company's customers; company 0 stands for the strangers."""
    return 4_000 + company


def _mapped_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("RssFile:"))


CHILDREN: Mapping[str, Callable[..., object]] = {one.__name__: one for one in (dump, segment, match)}


def _print_answer(name: str, folder: str, arguments: Sequence[str]) -> None:
    print(json.dumps(CHILDREN[name](Path(folder), *arguments)))


if __name__ == "__main__":
    _print_answer(sys.argv[1], sys.argv[2], sys.argv[3:])
