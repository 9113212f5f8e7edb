"""Records over several lines agree with a customer, in a dump and in a listing, from bytes to the count."""

from __future__ import annotations

import io

import pytest

from matching.comparing.findings import Findings
from matching.comparing.listing_text import ListingComparison, TextPart
from matching.watch import Watch, watch_of
from tests.matching.inputs.customers import as_csv, customers
from tests.matching.inputs.record_shapes import SHAPES, Shape
from tests.matching.test_sweep import found, segment, swept

ROWS = customers(12)


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return watch_of([], [segment(tmp_path_factory.mktemp("lender"), as_csv(ROWS))])


def written(shape: Shape, shift: int) -> str:
    """Write all customers, each with the number of the one `shift` places further."""
    records = [
        shape.each.format(e=row[3], p=f"+86{ROWS[(at + shift) % len(ROWS)][2]}", n="Anna Berg", k=at + 1)
        for at, row in enumerate(ROWS)
    ]
    return shape.before + "".join(records) + shape.after


def coherent_in_dump(watch: Watch, text: str) -> int:
    return found(swept(watch, ("dump", io.BytesIO(text.encode())))).tally.coherent_rows


def coherent_in_listing(watch: Watch, text: str) -> int:
    findings = Findings(watch, 1_000)
    ListingComparison(findings).match_part(TextPart("body", "body", text))
    return sum(company.tally.coherent_rows for company in findings.companies.values())


@pytest.mark.parametrize(
    "name", ["xml nested", "vcard folded", "psql aligned", "print_r nested", "alt", "address cards", "tree2"]
)
def test_records_agree_with_their_customer_only(watch: Watch, name: str) -> None:
    """Each record agrees with its customer on two fields, and none does where neighbours are exchanged."""
    own, exchanged = (written(SHAPES[name], shift) for shift in (0, 1))

    assert (coherent_in_dump(watch, own), coherent_in_dump(watch, exchanged)) == (len(ROWS), 0)
    assert (coherent_in_listing(watch, own), coherent_in_listing(watch, exchanged)) == (len(ROWS), 0)


def test_a_record_that_a_bound_divides_is_said(watch: Watch) -> None:
    """If a record has more fields than the bound, the findings name the bound `records`."""
    row = ROWS[0]
    fields = "".join(f"<f{number}>x</f{number}>\n" for number in range(600))
    text = f"<c>\n<email>{row[3]}</email>\n{fields}<phone>+86{row[2]}</phone>\n</c>\n" * 2

    findings = swept(watch, ("dump", io.BytesIO(text.encode()))).findings

    assert findings.cut == {"records"}
