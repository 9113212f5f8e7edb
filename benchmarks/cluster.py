"""A dump in units: CPU seconds per GB with 1, 2 and 4 processes that match, beside one process without units.

`SPILLWATCH_BENCH_ROWS` rows (10 million, 1.1 GB), a tenth as many customers with e-mail, phone, resident ID
and card, units of 32 MB. The CPU time holds everything: the reading that cuts the dump, the processes that
match, the rows, and the adding up. What a run of as many tiny units takes is the time of the start, which
does not depend on the dump, and stands by itself. Each answer is compared with that of one process.

Processors that share caches, memory or cores make each other slower, whatever runs on them. So the last
column has the whole dump matched by as many independent processes at the same time, per GB and process.
"""

from __future__ import annotations

import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measure import ratio, report, run_child

ROWS = int(os.environ.get("SPILLWATCH_BENCH_ROWS", 10_000_000))
PROCESSES = (1, 2, 4)
UNIT_BYTES = 32 << 20


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="spillwatch-bench-") as name:
        folder = Path(name)
        run_child("benchmarks.cluster", "prepare", str(folder))
        gigabytes = (folder / "dump.csv").stat().st_size / 1e9
        alone, start = _run(folder, "alone"), _run(folder, "alone", "tiny")
        base = (alone["cpu_s"] - start["cpu_s"]) / gigabytes
        rows: list[list[object]] = [["one process", base, "", start["cpu_s"], alone["rows"], base]]
        for count in PROCESSES:
            found, start = _run(folder, "units", str(count)), _run(folder, "units", str(count), "tiny")
            assert found["rows"] == alone["rows"], "another answer"
            cpu_s = (found["cpu_s"] - start["cpu_s"]) / gigabytes
            name = f"units, {count} process{'es' if count > 1 else ''}"
            beside = base if count == 1 else _beside(folder, count, alone["rows"]) / gigabytes
            rows.append([name, cpu_s, ratio(cpu_s, beside), start["cpu_s"], found["rows"], beside])
        print(f"{ROWS:,} rows, {gigabytes:,.2f} GB, units of {UNIT_BYTES >> 20} MB\n")
        columns = ("how", "CPU s per GB", "of independent ones", "CPU s of the start", "coherent rows")
        report([*columns, "independent, CPU s per GB"], rows)


def _beside(folder: Path, count: int, expected: float) -> float:
    """Return the CPU seconds of one of so many independent processes at the same time, without its start."""
    with ThreadPoolExecutor(count) as pool:
        whole = list(pool.map(lambda _: _run(folder, "alone"), range(count)))
        starts = list(pool.map(lambda _: _run(folder, "alone", "tiny"), range(count)))
    assert {each["rows"] for each in whole} == {expected}, "another answer"
    return sum(each["cpu_s"] - start["cpu_s"] for each, start in zip(whole, starts, strict=True)) / count


def _run(folder: Path, *arguments: str) -> dict[str, float]:
    output, usage = run_child("benchmarks.cluster", arguments[0], str(folder), *arguments[1:])
    return {**json.loads(output), "cpu_s": usage.ru_utime + usage.ru_stime}


def prepare(folder: Path) -> None:
    """Write a configuration, the customers' imported segment, and a dump that holds some of them."""
    from datetime import UTC, datetime

    import numpy as np

    from benchmarks.people import Rows, people
    from matching.enrolment.enrol import enroll
    from matching.fingerprints.key_file import read_key, write_key
    from matching.fingerprints.scheme import new_key
    from matching.fingerprints.segments import open_segment
    from matching.identifiers import Field
    from storage import companies
    from storage.companies import DeclaredCompany, SegmentRecord
    from storage.database.base import Database
    from storage.database.schema import upgrade_schema

    now = datetime.now(UTC)
    (folder / "spillwatch.toml").write_text("")
    (folder / "companies").mkdir()
    key, segments = folder / "lender.key", folder / "var" / "segments"
    segments.mkdir(parents=True)
    (folder / "companies" / "lender.toml").write_text(
        'name = "Lender"\n[fingerprints]\nkey_file = "../lender.key"\n'
    )
    customers = max(1, ROWS // 10)
    Rows(customers, seed=1).write(folder / "customers.csv")
    theirs = people(np.random.default_rng(1), 0, min(customers, 200_000))[:4_777]
    Rows(ROWS, seed=2).write(folder / "dump.csv", among=theirs)
    (folder / "tiny").mkdir()
    for number in range(max(PROCESSES)):
        Rows(10, seed=2).write(folder / "tiny" / f"{number}.csv")
    write_key(new_key("bench"), key, now)
    path = segments / "lender.segment"
    enroll(folder / "customers.csv", path, company="lender", key=read_key(key), default_region="CN", now=now)
    database = Database.open(f"sqlite:///{folder / 'var' / 'spillwatch.db'}")
    upgrade_schema(database)
    with database.transaction() as session:
        definition = {"fingerprints": {"key_file": str(key)}}
        declared = DeclaredCompany("lender", "Lender", [], definition, "companies/lender.toml")
        companies.sync_declared_companies(session, [declared], now)
        company = companies.company_by_slug(session, "lender")
        assert company is not None
        check = open_segment(path).header.key_check
        record = SegmentRecord(company.id, path.name, "bench", check, tuple(Field), 1, customers, "5f" * 32)
        companies.add_segment(session, record, now)
    database.close()


def alone(folder: Path, name: str = "dump.csv") -> dict[str, int]:
    """Match the dump as `spillwatch match` does."""
    from matching.comparing.findings import Findings
    from matching.sweep import Sweep

    findings = Findings(_loaded(folder)[0].watch, 100)
    Sweep(findings).run([(name, folder / name)])
    return {"rows": findings.companies[1].tally.coherent_rows}


def units(folder: Path, count: str, name: str = "dump.csv") -> dict[str, int]:
    """Match it in units: threads as those of a daemon take them, each with a process that matches."""
    import threading
    from dataclasses import asdict
    from datetime import UTC, datetime

    from daemon.unit_service import UnitService
    from matching.comparing.findings import Findings
    from matching.inputs import Limits
    from matching.units.clustered_sweep import ClusteredSweep
    from matching.units.cutting import CutSizes
    from matching.units.stored_pool import StoredPool
    from matching.units.unit_matching import MatchOptions
    from storage import dumps

    found, database = _loaded(folder)
    options = MatchOptions(100, 200_000, Limits().out_bytes)

    def clock() -> datetime:
        return datetime.now(UTC)

    with database.transaction() as session:
        dump_id = dumps.open_dump(
            session,
            count + name,
            watch_version=found.version,
            company=None,
            options=asdict(options),
            now=clock(),
        )
    service = UnitService(
        database=database, config=folder / "spillwatch.toml", memory_mb=2048, threads=1, clock=clock
    )
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            with database.reading() as session:
                due = dumps.due_units(session, now=clock(), limit=16)
            for unit_id in due:
                service.match(unit_id)
            ended.wait(0.1)

    threads = [threading.Thread(target=work) for _ in range(int(count))]
    for thread in threads:
        thread.start()
    findings = Findings(found.watch, 100)
    pool = StoredPool(database, dump_id, found.watch, 100, clock)
    sizes = CutSizes(UNIT_BYTES, files=1)  # each tiny file is a unit of its own
    ClusteredSweep(findings, pool, options, sizes=sizes).run([(name, folder / name)])
    ended.set()
    for thread in threads:
        thread.join()
    service.close()
    return {"rows": findings.companies[1].tally.coherent_rows}


def _loaded(folder: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202 - imports are the contenders' own
    from configuration.match_watch import load_match_watch
    from configuration.watch_configuration import load_watch_configuration
    from storage.database.base import Database

    configured = load_watch_configuration(folder / "spillwatch.toml")
    database = Database.open(configured.settings.storage.database_url.get_secret_value())
    return load_match_watch(configured, database, None), database


if __name__ == "__main__":
    import sys

    _name, _folder, *_rest = sys.argv[1:]
    _found = {"prepare": prepare, "alone": alone, "units": units}[_name](Path(_folder), *_rest)  # type: ignore[operator]
    print(json.dumps(_found))
