"""Dumps whose values are written in escapes have the rows that they have without escapes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from matching.comparing.findings import Findings
from matching.sweep import Sweep
from matching.watch import Watch, watch_of
from tests.escapes import DISGUISES, ESCAPES, Escape
from tests.matching.inputs.customers import EMAIL, PHONE, as_csv, customers
from tests.matching.test_sweep import segment

ROWS = customers(60)
Line = Callable[[str, str], str]

#: Lines of logs, dumps and tables with an address and a telephone number.
LINES: dict[str, Line] = {
    "text": lambda email, phone: f"user {email} called from {phone} today",
    "csv": lambda email, phone: f'1,"{email}","{phone}",Berlin',
    "sql": lambda email, phone: f"INSERT INTO t (a, b, c) VALUES (1,'{email}','{phone}');",
    "json": lambda email, phone: json.dumps({"a": 1, "mail": email, "tel": phone}),
    "json in json": lambda email, phone: json.dumps({"a": json.dumps({"mail": email, "tel": phone})}),
    "log": lambda email, phone: (
        f'10.0.0.9 - - [03/Feb/2026:11:20:04 +0000] "GET /r?e={email}&p={phone}" 200 5'
    ),
}
#: What a format reads as its own, and what cannot stand in it.
_NOT_IN = {
    "soft line end": set(LINES),
    "colours": {"json", "json in json"},
    "written colours": {"sql"},
    "octal": {"sql"},
}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return watch_of([], [segment(tmp_path_factory.mktemp("lender"), as_csv(ROWS))])


def coherent(watch: Watch, data: str) -> tuple[int, int]:
    """Return how many rows agree on two fields, and how many hits stand alone."""
    sweep = Sweep(Findings(watch, 1_000))
    sweep.run([("dump", io.BytesIO(data.encode()))])
    tally = sweep.findings.companies[1].tally if sweep.findings.companies else None
    return (tally.coherent_rows, tally.single_hits) if tally else (0, 0)


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("form", LINES)
def test_rows_in_escapes_are_those_without(watch: Watch, form: str, escape: str) -> None:
    """Each line agrees with its customer on address and number, whatever both are written in."""
    if form in _NOT_IN.get(escape, ()):
        return
    write = ESCAPES[escape]
    lines = [LINES[form](write(row[EMAIL - 1]), write(row[PHONE - 1])) for row in ROWS]

    assert coherent(watch, "\n".join(lines) + "\n") == (len(ROWS), 0)


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_rows_with_disguised_addresses_are_those_without(watch: Watch, disguise: Escape) -> None:
    """A disguised address agrees with its customer, in the row of the number."""
    lines = [f"{disguise(row[EMAIL - 1])}; {row[PHONE - 1]}" for row in ROWS]

    assert coherent(watch, "\n".join(lines) + "\n") == (len(ROWS), 0)


def test_names_in_references_are_the_names_of_cells(tmp_path: Path) -> None:
    """A name in a column is compared without the character references of the page that it comes from."""
    table = b"name,birth_date\n" + "".join(f"张三,1990-03-{n:02}\n" for n in range(1, 25)).encode()
    lender = watch_of([], [segment(tmp_path, table)])
    rows = (f"&#24352;&#x4e09;,1990-03-{n:02}" for n in range(1, 25))

    sweep = Sweep(Findings(lender, 1_000))
    sweep.run([("dump.csv", io.BytesIO(("name,birth_date\n" + "\n".join(rows)).encode()))])

    assert sweep.findings.companies[1].tally.customers == 24
