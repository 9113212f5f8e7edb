"""Reading of samples: what a row shows, in every usual mask, and that ordinary text shows nobody."""

import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from matching.inputs import documents
from matching.masked_samples.reading import read_document, read_sample, read_sample_rows
from tests.matching.masked_samples.cases import ORDINARY, SAMPLES, Sample, shown_rows


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_shows_what_a_sample_leaves_visible(sample: Sample) -> None:
    """Each row of a sample has the values that it leaves visible."""
    rows = read_sample_rows(sample.text, region=sample.region, limit=100)

    assert sample.rows == shown_rows(rows)


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_text_shows_nobody(text: str) -> None:
    """Stars, crosses and other signs of ordinary text are no masks of persons."""
    found = {region: shown_rows(read_sample(text, region=region).rows) for region in ("CN", "US", "DE", "IN")}

    assert {region: [] for region in found} == found


def test_a_row_has_its_place() -> None:
    """A row says its line and where it begins and ends in the text, also behind other lines."""
    text = "样本：\n\n张*三 138****1234\r\n价格 500\n李* 139****5678"

    rows = read_sample_rows(text, region="CN", limit=10)

    assert [(row.number, row.line, text[row.start : row.end].rstrip("\r")) for row in rows] == [
        (1, 3, "张*三 138****1234"),
        (2, 5, "李* 139****5678"),
    ]


def test_a_record_over_several_lines_is_one_row() -> None:
    """The place of a record is that of all its lines."""
    text = "Name: J*** D**\nPhone: +44 7700 ***123\n\nName: K*** L**\nPhone: +44 7700 ***124"

    rows = read_sample_rows(text, region="GB", limit=10)

    assert [(row.line, text[row.start : row.end].rstrip()) for row in rows] == [
        (1, "Name: J*** D**\nPhone: +44 7700 ***123"),
        (4, "Name: K*** L**\nPhone: +44 7700 ***124"),
    ]


def test_rows_of_all_blocks_are_numbered_through(tmp_path: Path) -> None:
    """A document's rows have numbers and lines of the whole document."""
    dump = tmp_path / "dump.csv"
    dump.write_text("姓名,手机\n" + "".join(f"张*,138****{at:04}\n" for at in range(300)), "utf-8")

    (reading,) = [
        read_document(document, region="CN", limit=1_000)
        for document in documents("dump", dump, regions=("CN",))
    ]

    assert (
        len(reading.rows),
        reading.rows[0].number,
        reading.rows[0].line,
        reading.rows[-1].number,
        reading.rows[-1].line,
    ) == (300, 1, 2, 300, 301)


def test_a_value_that_can_be_several_things_is_counted() -> None:
    """A number that can be a telephone number or a card is left out and counted."""
    reading = read_sample("资料 6281****1234", region="ID")

    assert (len(reading.rows), reading.ambiguous) == (0, 1)


def test_says_what_was_cut() -> None:
    """More rows than the limit, and time that is up, are said."""
    text = "".join(f"138****{at:04}\n" for at in range(50))

    assert (10, {"rows"}) == _read(text, limit=10)
    assert (0, {"time"}) == _read(text, expired=lambda: True)


def _read(text: str, **options: Any) -> tuple[int, set[str]]:
    reading = read_sample(text, region="CN", **options)
    return len(reading.rows), reading.cut


@pytest.mark.parametrize(
    "unit", ["*", "1*", "1* ", "a*@", "x1", "J*** ", "张*", "*|", "ending in ", "DE89 **** ", "&#42;"]
)
def test_takes_linear_time(unit: str) -> None:
    """Hostile text made of masks takes a bounded time per line."""
    once = unit * (2_000 // len(unit)) + "\n"
    began = time.process_time()
    read_sample(once * 20, region="CN")

    assert time.process_time() - began < 5


def test_a_dump_shows_what_a_text_shows() -> None:
    """Read as a document, whose blocks have columns, each sample has the same rows."""
    found = {sample.name: _rows_of_dump(sample.text, sample.region) for sample in SAMPLES}

    assert found == {sample.name: sample.rows for sample in SAMPLES}


def test_ordinary_dumps_show_nobody() -> None:
    """Ordinary text that is a document shows nobody either."""
    found = {name: _rows_of_dump(text, "CN") for name, text in ORDINARY.items()}

    assert found == {name: [] for name in ORDINARY}


def _rows_of_dump(text: str, region: str) -> list[str]:
    dump = documents("dump", BytesIO(text.encode()), regions=(region,))
    return [row for document in dump for row in shown_rows(read_document(document, region=region).rows)]


def test_a_long_table_keeps_its_header() -> None:
    """A table of more lines than are read together has the columns of its header in all of them."""
    lines = ["客户,卡,电话", *(f"张*,****{at:04},138****{at:04}" for at in range(4_500))]

    rows = read_sample_rows("\n".join(lines), region="CN", limit=5_000)

    assert len(rows) == 4_500
    assert shown_rows(rows[-1:]) == ["card=*?*4499 name=张*1* phone=138*4*4499"]
