"""Compare a dump with a company's customers: CPU time and peak memory of each contender's own process.

10 million rows (1 GB), 1 million customers with e-mail, phone, resident ID and card. The peers hold the
customers' data in plain text and know which column is which; Spillwatch holds fingerprints and finds the
values wherever they are. ripgrep searches for the phones only, because all four kinds need more memory than
the machine has; so a second table has Spillwatch with customers of whom only the phone was enrolled. The
naive matcher (one `re`, hmac, a set) reads a fiftieth of the dump, and its time is multiplied. The contenders
take turns three times, and the best time of each counts.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import ratio, report, run_child
from daemon import process_start

ROWS = int(os.environ.get("SPILLWATCH_BENCH_ROWS", 10_000_000))
CUSTOMERS = ROWS // 10
CUSTOMERS_IN_IT = 4_777
NAIVE_SHARE = 50
ROUNDS = 3  # the best one counts: the machine is shared
RG_MEMORY = 8 << 30
PHONE = 3  # its place among the customers' columns
COLUMNS = ("email", "mobile", "id_number", "card")


@dataclass(frozen=True, slots=True)
class ContenderResult:
    """One contender's cost, its `hits` by column, and its coherent `rows`; None if it does not count them."""

    name: str
    cpu_s: float
    peak_mb: float
    hits: dict[str, int]
    rows: int | None


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="spillwatch-bench-") as name:
        folder = Path(name)
        run_child("benchmarks.dumps", "prepare", str(folder))
        os.sync()  # otherwise the disk writes of the preparation slow the first contender
        peers = [peer for peer in ("duckdb", "polars", "rg", "naive") if is_available(peer)]
        best = measure_contenders(["spillwatch", "phones", *peers], folder)
        size = (folder / "dump.csv").stat().st_size / 1e6
        print(f"{ROWS:,} rows, {size:,.0f} MB; {CUSTOMERS:,} customers; {_versions()}\n")
        _print_comparison(best["spillwatch"], [best[peer] for peer in peers])
        if "rg" in best:
            _print_comparison(best["phones"], [best["rg"]])


def _print_comparison(ours: ContenderResult, peers: Sequence[ContenderResult]) -> None:
    rows = [
        [one.name, one.cpu_s, ratio(ours.cpu_s, one.cpu_s), one.peak_mb, _found_in_words(one)]
        for one in (ours, *peers)
    ]
    report(["contender", "CPU s", "Spillwatch takes", "peak MB", "found"], rows)


def prepare(folder: Path) -> None:
    """Write the customers, their segment, and a dump that holds some of them."""
    from datetime import UTC, datetime

    import numpy as np

    from benchmarks.people import (
        Rows,
        people,
    )  # imports numpy, which would raise the peak memory of every contender
    from matching.enrolment.enrol import enroll
    from matching.fingerprints.key_file import read_key, write_key
    from matching.fingerprints.scheme import new_key

    customers = folder / "customers.csv"
    Rows(CUSTOMERS, seed=1).write(customers)
    theirs = people(np.random.default_rng(1), 0, min(CUSTOMERS, 200_000))[:CUSTOMERS_IN_IT]
    Rows(ROWS, seed=2).write(folder / "dump.csv", among=theirs)
    with customers.open() as lines:
        (folder / "phones.csv").write_text("".join(line.split(",")[PHONE] + "\n" for line in lines))
    write_key(new_key("bench"), folder / "lender.key", datetime.now(UTC))
    for name in ("customers", "phones"):
        enroll(
            folder / f"{name}.csv",
            folder / f"{name}.segment",
            company="lender",
            key=read_key(folder / "lender.key"),
            default_region="CN",
            now=datetime.now(UTC),
        )


def measure_contenders(names: Sequence[str], folder: Path) -> dict[str, ContenderResult]:
    """Return each contender's best time and highest peak of memory; they take turns."""
    rounds = [[run_contender(name, folder) for name in names] for _ in range(ROUNDS)]
    return {name: _best_of_rounds(ran) for name, ran in zip(names, zip(*rounds, strict=True), strict=True)}


def _best_of_rounds(ran: Sequence[ContenderResult]) -> ContenderResult:
    return replace(min(ran, key=lambda one: one.cpu_s), peak_mb=max(one.peak_mb for one in ran))


def run_contender(name: str, folder: Path) -> ContenderResult:
    """Run one contender; its `began` are CPU seconds before the part that `share` multiplies."""
    output, usage = run_child("benchmarks.dumps", name, str(folder))
    found = json.loads(output)
    began = found.get("began", 0.0)
    cpu_s = began + (usage.ru_utime + usage.ru_stime - began) * found.get("share", 1)
    return ContenderResult(found["name"], cpu_s, usage.ru_maxrss / 1000, found["hits"], found.get("rows"))


def is_available(name: str) -> bool:
    if name == "rg" and shutil.which("rg") is None:
        print("Skipped ripgrep: `rg` is not installed.\n")
        return False
    return True


def _versions() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("duckdb", "polars"))


def _found_in_words(one: ContenderResult) -> str:
    hits = ", ".join(f"{name} {count:,}" for name, count in one.hits.items())
    return hits if one.rows is None else f"{one.rows:,} rows; {hits}"


# --- contenders, each in its own process


def spillwatch(folder: Path) -> dict[str, object]:
    return {"name": "Spillwatch, fingerprints", **_match_with(folder, "customers.segment")}


def phones(folder: Path) -> dict[str, object]:
    return {"name": "Spillwatch, phones alone", **_match_with(folder, "phones.segment")}


def _match_with(folder: Path, name: str) -> dict[str, object]:
    process_start.before_imports()  # as the command does
    from matching.comparing.findings import Findings
    from matching.fingerprints.key_file import read_key
    from matching.fingerprints.segments import open_segment
    from matching.sweep import Sweep
    from matching.watch import WatchedSegment, watch_of

    process_start.after_imports()

    segment = open_segment(folder / name)
    key = read_key(folder / "lender.key")
    findings = Findings(watch_of([], [WatchedSegment(1, 1, segment, "CN", key)]), 100)
    Sweep(findings).run([("dump.csv", folder / "dump.csv")])
    found = findings.companies[1]
    hits = {str(name): count for name, count in sorted(found.hit_fields.items())}
    return {"hits": hits, "rows": found.tally.coherent_rows}


def duckdb(folder: Path) -> dict[str, object]:
    import duckdb as engine

    connection = engine.connect()
    connection.execute("SET threads TO 2")
    for table in ("customers", "dump"):
        connection.execute(
            f"CREATE VIEW {table} AS SELECT * FROM read_csv('{folder / table}.csv', all_varchar=true)"
        )
    connection.execute("CREATE TABLE own AS SELECT * FROM customers")
    pairs = " UNION ALL ".join(
        f"SELECT d.id AS row, o.id AS customer, '{name}' AS field FROM dump d JOIN own o USING ({name})"
        for name in COLUMNS
    )
    connection.execute(f"CREATE TABLE pairs AS {pairs}")
    hits = dict(
        connection.execute("SELECT field, count(*) FROM pairs GROUP BY field ORDER BY field").fetchall()
    )
    coherent = "SELECT count(*) FROM (SELECT 1 FROM pairs GROUP BY row, customer HAVING count(*) > 1)"
    (rows,) = connection.execute(coherent).fetchone() or (0,)
    return {"name": "DuckDB, plaintext join", "hits": hits, "rows": rows}


def polars(folder: Path) -> dict[str, object]:
    import polars as engine

    own = engine.read_csv(folder / "customers.csv", infer_schema=False)
    dump = engine.scan_csv(folder / "dump.csv", infer_schema=False).select("id", *COLUMNS)
    parts = [
        dump.select("id", name)
        .join(own.lazy().select(engine.col("id").alias("customer"), name), on=name)
        .select("id", "customer", engine.lit(name).alias("field"))
        for name in COLUMNS
    ]
    pairs = engine.concat(parts).collect(engine="streaming")
    hits = dict(pairs.group_by("field").len().sort("field").iter_rows())
    rows = pairs.group_by("id", "customer").len().filter(engine.col("len") > 1).height
    return {"name": "Polars, plaintext join", "hits": hits, "rows": rows}


def rg(folder: Path) -> dict[str, object]:
    with (folder / "customers.csv").open() as lines:
        next(lines)
        (folder / "phones.txt").write_text("".join(line.split(",")[PHONE] + "\n" for line in lines))
    resource.setrlimit(resource.RLIMIT_AS, (RG_MEMORY, RG_MEMORY))
    command = ["rg", "-F", "--count", "-f", str(folder / "phones.txt"), str(folder / "dump.csv")]
    counted = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"name": "ripgrep, phones alone", "hits": {"mobile": int(counted)}}


def naive(folder: Path) -> dict[str, object]:
    import hashlib
    import hmac
    import re

    key = b"a key of thirty-two bytes, for it"

    def mac(value: str) -> bytes:
        return hmac.digest(key, value.encode(), hashlib.sha256)[:16]

    with (folder / "customers.csv").open() as lines:
        next(lines)
        own = {mac(value.lower()) for line in lines for value in line.rstrip("\n").split(",")[2:6]}
    began = time.process_time()
    pattern = re.compile(
        r"(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|(?P<id_number>\b\d{17}[\dX]\b)|(?P<card>\b\d{16}\b)|(?P<mobile>\b1\d{10}\b)"
    )
    hits: dict[str, int] = {}
    with (folder / "dump.csv").open() as lines:
        for number, line in enumerate(lines):
            if number > ROWS // NAIVE_SHARE:
                break
            for match in pattern.finditer(line):
                if mac(match[0].lower()) in own:
                    hits[str(match.lastgroup)] = hits.get(str(match.lastgroup), 0) + 1
    return {
        "name": f"naive Python, a {NAIVE_SHARE}th, times {NAIVE_SHARE}",
        "hits": hits,
        "share": NAIVE_SHARE,
        "began": began,
    }


CHILDREN: dict[str, Callable[[Path], dict[str, object] | None]] = {
    one.__name__: one for one in (prepare, spillwatch, phones, duckdb, polars, rg, naive)
}

if __name__ == "__main__":
    print(json.dumps(CHILDREN[sys.argv[1]](Path(sys.argv[2]))))
