"""How columns write dates, numbers and codes; ordinary columns have no style and no shapes."""

import pytest

from matching.fingerprints.segments.declared_schema import DeclaredColumn
from matching.inputs.formats.cell_styles import COMMON_STYLES, is_common_shape, shape_of, styles_of

STYLED = {
    "YYYY-MM-DD": ["2017-06-03", "1999-12-31", "2020-02-29", "2001-01-01", "2024-10-10"],
    "YYYYMMDD": ["20170603", "19991231", "20200229", "20010101", "20241010"],
    "YYYYMMDDHHMMSS": ["20170603112233"] * 5,
    "DD-MON-YY": ["03-JUN-17", "31-DEC-99", "01-Jan-01", "09-SEP-09", "10-OCT-24"],
    "DD.MM.YYYY": ["03.06.2017", "31.12.1999", "01.01.2001", "09.09.2009", "10.10.2024"],
    "DD/MM/YYYY": ["03/06/2017", "31/12/1999", "01/01/2001", "29/09/2009", "10/10/2024"],
    "MM/DD/YYYY": ["06/03/2017", "12/31/1999", "01/01/2001", "09/29/2009", "10/10/2024"],
    "NN/NN/YYYY": ["06/03/2017", "12/11/1999", "01/01/2001", "09/09/2009", "10/10/2024"],
    "YYYY-MM-DD HH:MM:SS": ["2017-06-03 11:22:33"] * 5,
    "YYYY-MM-DD HH:MM:SS.fff": ["2017-06-03 11:22:33.123"] * 5,
    "YYYY nian MM yue DD ri": ["2017年06月03日"] * 5,
    "unix seconds": ["1496476800", "1500000000", "1600000000", "1496476801", "1496476802"],
    "unix milliseconds": ["1496476800123"] * 5,
    "1234.56": ["12.50", "0.00", "-3.10", "100000.99", "7.25"],
    "1,234.56": ["12.50", "1,000.00", "3.10", "100,000.99", "7.25"],
    "1.234,56": ["12,50", "1.000,00", "3,10", "100.000,99", "7,25"],
    "1234,56": ["12,50", "1000,00", "3,10", "100000,99", "7,25"],
    "1234.5678": ["12.5012", "0.0000", "3.1000", "9.9999", "7.2500"],
    "padded 10": ["0000012345", "0000000001", "0000999999", "0001234567", "0000000042"],
}


@pytest.mark.parametrize("style", STYLED)
def test_a_style_is_recognised(style: str) -> None:
    """A style is that of nearly all filled cells; it can be declared as it is named."""
    found = styles_of([*STYLED[style] * 4, "", "  ", "unknown"])

    assert (found.style, found.shapes) == (style, ())
    assert DeclaredColumn(name="x", style=style).style == style


def test_common_styles_are_styles() -> None:
    """No name among the common styles is one that is never given."""
    assert COMMON_STYLES - STYLED.keys() == {
        "YYYY/MM/DD",
        "YYYY-MM-DD HH:MM",
        "YYYY-MM-DDTHH:MM:SSZ",
        "1234.5",
    }


@pytest.mark.parametrize(
    "cells",
    [
        ["Zhang Wei", "Anna Smith", "Li Na", "Bob Ray", "Eva Maria Lund"],
        ["13800001234", "13900005678", "13700009999", "15000001111", "18600002222"],
        ["a@b.example", "c@d.example", "e@f.example", "g@h.example", "i@j.example"],
        ["110101199003071234", "110101199003071235", "11010119900307123X", "1", "2"],
        ["99999999", "20201399", "20200230x", "20209999", "11111111"],
        ["2017-06-03", "unknown", "2017-06-04", "n/a", "-"],
        ["10.2.3.4", "192.168.1.1", "8.8.8.8", "1.1.1.1", "127.0.0.1"],
        ["1,234", "2,345", "3,456", "4,567", "5,678"],
        ["2017-06-03"] * 4,
        [""] * 100,
        [],
    ],
    ids=range(11),
)
def test_ordinary_cells_have_no_style(cells: list[str]) -> None:
    """Names, identifiers, mixed columns and columns with too few cells."""
    assert styles_of(cells) == ("", ())


def test_codes_have_shapes() -> None:
    """Few different short codes; letters, digits and Chinese characters each become one sign."""
    assert styles_of(["P1", "S2", "P10"] * 10).shapes == ("A9", "A99")
    assert styles_of(["甲类", "乙类"] * 10).shapes == ("字字",)
    assert styles_of(["EU-01", "EU_02"] * 10).shapes == ("AA-99", "AA_99")
    assert styles_of(["has space", "x"] * 10).shapes == ()
    assert (shape_of("B2"), shape_of("x" * 17), shape_of("a b"), shape_of("")) == ("A9", "", "", "")


@pytest.mark.parametrize(("shape", "common"), [("9", True), ("AAA", True), ("字", True), ("A9", False)])
def test_shapes_of_one_sign_are_common(shape: str, common: bool) -> None:
    """M and F, 0 and 1, CN and US are in every list."""
    assert is_common_shape(shape) is common
