"""A sample of 1,000 masked rows against a base of ten million, beside the same scan of the list in DuckDB.

Half of the rows are customers. Both count for each row the customers with its first three and last four
digits of the phone number, family name and last character of the name. Ours does it with keyed tags in a
mapped file, opened anew, looks at every other template, too, and asks how usual each row is in the base. The
second line is the whole answer, with share and shuffle test. DuckDB has the plain list in memory, in a table
that was made before. Tags are random numbers here, as real ones look.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import cost, ratio, report
from matching.fingerprints.scheme import RootKey, new_key
from matching.fingerprints.segments import (
    HeaderParts,
    MaskSections,
    MasksHeader,
    SegmentChain,
    TemplateCounts,
    count_records,
    first_header,
    open_segment,
    write_segment,
)
from matching.masked_samples.endings import histogram_of
from matching.masked_samples.masked_base import MaskedBase
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.masked_samples.templates import (
    ENDING_KINDS,
    PHONE_4,
    RESIDENT_4,
    TEMPLATE_OF,
    TEMPLATES,
    TEMPLATES_VERSION,
    golden_tag,
    tagged_text,
)
from matching.ours.answering import answer_for

CUSTOMERS = 10_000_000
ROWS = 1000
COMPANY = "lender"
COMPARED = TEMPLATE_OF["phone_34_surname_last"]
_FAMILIES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂梅"
_PER_ANCHOR = 100  # customers per anchor, about

# Names, mainland phones and resident IDs, spread evenly.
_TABLE = """
CREATE TABLE customers AS SELECT
  substr(?, 1 + (hash(i) % 20)::INT, 1) || substr(?, 1 + (hash(i + 1) % 25)::INT, 1)
    || substr(?, 1 + (hash(i + 2) % 25)::INT, 1) AS name,
  '138' || lpad((hash(i + 3) % 100000000)::VARCHAR, 8, '0') AS phone,
  '110101199001' || lpad((hash(i + 4) % 1000000)::VARCHAR, 6, '0') AS resident_id
FROM range(?) AS r(i)
"""

# What a row of the sample shows; the list of the thief has it in columns.
Shown = tuple[str, str, str, str, str, str]  # family name, last character, phone 3, phone 4, ID 6, ID 4


def main(customers: int = CUSTOMERS, rows: int = ROWS) -> None:
    sample = sample_of(rows)
    ours = [sample_row(number, shown) for number, shown in enumerate(sample)]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path, key = Path(folder) / "base.segment", new_key()
        write_base(path, key, customers, ours[: rows // 2])
        found, spent = cost(lambda: looked_up(path, key, ours))
        size = path.stat().st_size
        answer, answered = cost(lambda: answered_rows(path, key, ours))
    table = [
        ("Spillwatch: open, view, chance, count", found, spent.cpu_s, "1.00x"),
        ("Spillwatch: the whole answer", answer, answered.cpu_s, ratio(answered.cpu_s, spent.cpu_s)),
    ]
    if (scanned := _duckdb(sample, customers)) is not None:
        table.append(("DuckDB: count", scanned[0], scanned[1], ratio(scanned[1], spent.cpu_s)))
    report((f"{rows:,} rows, {customers:,} customers", "rows that hit", "CPU s", "x"), table)
    print(
        f"The segment has {size / customers:.1f} bytes per customer, for {_templates(ours[0])} templates.\n"
    )


def _templates(row: SampleRow) -> int:
    return sum(template.view(row) is not None for template in TEMPLATES)


def answered_rows(path: Path, key: RootKey, rows: list[SampleRow]) -> int:
    """Open the base and answer "is it ours?"; return how many rows hit."""
    base = MaskedBase.of([(SegmentChain.of([open_segment(path)]), key)])
    return sum(one.count > 0 for one in answer_for(rows, base).evidence)


def looked_up(path: Path, key: RootKey, rows: list[SampleRow]) -> int:
    """Open the base, and ask for every row how usual and how often it is; return how many rows hit."""
    base = MaskedBase.of([(SegmentChain.of([open_segment(path)]), key)])
    hit = 0
    for template in base.templates:
        views = [view for row in rows if (view := template.view(row))]
        if not views:
            continue
        base.anchor_shares(template, [anchor for anchor, _ in views])
        base.ending_shares(template, [ending for _, ending in views])
        if template is COMPARED:
            hit = int(np.count_nonzero(base.counts(template, views)))
    return hit


def write_base(path: Path, key: RootKey, customers: int, known: list[SampleRow]) -> None:
    """Write the tags of so many customers in all templates that the rows have, `known` among them."""
    rng = np.random.default_rng(1)
    mask_key = key.mask_key(COMPANY)
    templates = [template for template in TEMPLATES if template.view(known[0])]
    tags = {}
    for template in templates:
        texts = [tagged_text(*view) for row in known if (view := template.view(row))]
        tags[template.name] = _tags(rng, customers, template.tagger(mask_key)(texts))
    anchors = {template.name: _anchors(rng, customers // _PER_ANCHOR) for template in templates}
    counted = {ending: int(rng.integers(50, 2000)) for ending in (f"{number:04}" for number in range(10_000))}
    histograms = {
        kind.name: histogram_of(counted, kind.length)
        for kind in ENDING_KINDS
        if kind in (PHONE_4, RESIDENT_4)
    }
    for kind in ENDING_KINDS:  # of fewer digits
        if kind.length < 4:
            few = {f"{number:0{kind.length}}": 5000 for number in range(10**kind.length)}
            histograms[kind.name] = histogram_of(few, kind.length)
    masks = MasksHeader(
        version=TEMPLATES_VERSION,
        golden={template.name: golden_tag(template, mask_key) for template in templates},
        templates={
            name: TemplateCounts(tags=customers, anchors=len(anchors[name]), rare=0, rare_squares=0)
            for name in tags
        },
        endings={name: counts for name, (counts, _) in histograms.items()},
    )
    header = first_header(
        company=COMPANY,
        default_region="CN",
        key=key,
        customers=customers,
        counts={},
        now=datetime.now(UTC),
        parts=HeaderParts(masks=masks),
    )
    endings = {name: records for name, (_, records) in histograms.items()}
    write_segment(path, header, {}, masks=MaskSections(tags, anchors, endings))


def _tags(
    rng: np.random.Generator, customers: int, known: NDArray[np.uint64]
) -> Iterator[NDArray[np.uint64]]:
    drawn = rng.integers(0, 1 << 40, customers - len(known), dtype=np.uint64)
    yield np.sort(np.concatenate([drawn, known])) << np.uint64(8)


def _anchors(rng: np.random.Generator, count: int) -> NDArray[np.void]:
    codes = np.unique(rng.integers(0, 1 << 32, count, dtype=np.uint32))
    return count_records(codes, np.full(len(codes), _PER_ANCHOR - 10, np.uint32))


def sample_of(rows: int) -> list[Shown]:
    rng = np.random.default_rng(2)
    picks = rng.integers(0, 1 << 30, (rows, 6)).tolist()
    return [
        (
            _FAMILIES[one[0] % len(_FAMILIES)],
            _GIVEN[one[1] % len(_GIVEN)],
            ("138", "139", "170")[one[2] % 3],
            f"{one[3] % 10_000:04}",
            ("110101", "310104")[one[4] % 2],
            f"{one[5] % 10_000:04}",
        )
        for one in picks
    ]


def sample_row(number: int, shown: Shown) -> SampleRow:
    family, last, head, tail, region, end = shown
    values = (
        VisibleValue(Attribute.NAME, family, last, 1),
        VisibleValue(Attribute.PHONE, head, tail, 4, region="CN"),
        VisibleValue(Attribute.RESIDENT_ID, region, end, 8),
    )
    return SampleRow(number, number, 0, 0, values)


def _duckdb(sample: list[Shown], customers: int) -> tuple[int, float] | None:
    """Return the rows that hit, and the CPU seconds; None where it is not installed."""
    try:
        import duckdb as engine
    except ImportError:
        return None
    connection = engine.connect()
    connection.execute("SET threads = 2")
    connection.execute(_TABLE, [_FAMILIES, _GIVEN, _GIVEN, customers])
    connection.execute("CREATE TABLE sample(family VARCHAR, last VARCHAR, head VARCHAR, tail VARCHAR)")
    connection.executemany("INSERT INTO sample VALUES (?, ?, ?, ?)", [list(one[:4]) for one in sample])
    known = [
        (one[0] + one[1] + one[1], one[2] + "0000" + one[3], one[4]) for one in sample[: len(sample) // 2]
    ]
    connection.executemany("INSERT INTO customers VALUES (?, ?, ?)", known)
    query = (
        "SELECT count(DISTINCT s.rowid) FROM sample s JOIN customers c ON substr(c.phone, 1, 3) = s.head AND"
        " right(c.phone, 4) = s.tail AND left(c.name, 1) = s.family AND right(c.name, 1) = s.last"
    )
    found, spent = cost(lambda: connection.execute(query).fetchall())
    return int(found[0][0]), spent.cpu_s
