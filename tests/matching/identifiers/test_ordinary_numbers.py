"""Ordinary numbers are no identifiers: times, dates, decimals, addresses, versions, hashes."""

import pytest

from matching.identifiers import Field, canonical, recognised, scan
from matching.masks import mask_text

REGIONS = ("DE", "US", "CN", "GB", "DK", "BD")

ORDINARY = [
    "-rw-r--r-- 1 root root 1048576 2024-01-05 10:11 dump.csv",
    "drwxr-xr-x  2 www www  1048576 Jan  5  2024 data",
    "-rw-r--r--  1 www www 8589934592 Jan  5  2024 d.sql\n-rwxr-xr-x. 1 a b 12345678901 2024-01-05 x",
    "1200345 2024-01-05",
    "2024-01-05 1200345",
    "05.01.2024 171392",
    "2024-01-05 12:34:56,789 1200345",
    "[05/Jan/2024:12:34:56 +0000] 200 171",
    "01/05/24 12:30",
    "Copyright 2013-2022, 1998-2004",
    "Mon Nov 1 10:11:12 2021 -0400",
    "10:11 2021 +0530 10:11 1999 -0000",
    "20240105 123456",
    "20240105123456",
    "Denver CO 80203-1234",
    "Boston MA 02139-4307",
    "12345-6789",
    "1048576/1200345",
    "3/1200345 rows",
    "BTC 43567.12345678 ETH 0.00012345",
    "0.1713920001",
    "0.4111111111111111",
    "52.5200081 13.4049541",
    "10.0.19041.1234567",
    "120.0.6099.109",
    "1.3.6.1.4.1.31137.1.4155550100",
    "192.168.10.254",
    "10.20.30.40:8080 10.20.30.41",
    "md5 a01713920001ef04bd1c77e20fd9b3a2",
    "77c0e1ab9d4f13800138000bd0a52ce1ffcc0011",
    "550e8400-e29b-41d4-a716-446655440000",
    "0x1713920001",
    "1712345678",
    "created 1712345678 changed 1712345999",
    "1712345678,1048576",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_numbers_are_neither_found_nor_masked(text: str) -> None:
    """In no region a number of this text is a telephone number, card or resident ID, and none is masked."""
    found = {region: list(scan(text, region)) for region in REGIONS}

    assert (found, mask_text(text)) == ({region: [] for region in REGIONS}, text)


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("0171 3920014 2024-01-05", "DE", "+491713920014"),
        ("2024-01-05 12:34:56 0171 3920014", "DE", "+491713920014"),
        ("2024-01-05;01713920014;0.5", "DE", "+491713920014"),
        ("Tel.: 0171/3920014", "DE", "+491713920014"),
        ("0171/392-0014, 030/123456", "DE", "+491713920014"),
        ("+49.1713920014", "DE", "+491713920014"),
        ("+1.4155550132", "DE", "+14155550132"),
        ("415.555.0132", "US", "+14155550132"),
        ("1.415.555.0132", "US", "+14155550132"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("06/12/34/56/78", "FR", "+33612345678"),
        ("491713920014.0", "DE", "+491713920014"),
        ("n01713920014", "DE", "+491713920014"),
        ("%3D01713920014&x=1", "DE", "+491713920014"),
        ("tel:01713920014 at 12:30", "DE", "+491713920014"),
        ("id 12:01713920014", "DE", "+491713920014"),
        ("01713920014/01713920015", "DE", "+491713920014"),
        ("call 0 1 7 1 3 9 2 0 0 1 4 after six", "DE", "+491713920014"),
        ("call 0-1-7-1-3-9-2-0-0-1-4", "DE", "+491713920014"),
        ("call 0.1.7.1.3.9.2.0.0.1.4", "DE", "+491713920014"),
        ("0 1 7 1  3 9 2 0 0 1 4", "DE", "+491713920014"),
        ("1 7 0 0 0 0 0 0 0 0 0", "CN", "+8617000000000"),
        ("tel +49_171_3920014 (work)", "DE", "+491713920014"),
        ("0171_3920014", "DE", "+491713920014"),
        ("1. 0171 3920014", "DE", "+491713920014"),
        ("0171 3920014 Jan  5 2024", "DE", "+491713920014"),
        ("4155550132 2024-01-05", "US", "+14155550132"),
        ("(0171) 3920014", "DE", "+491713920014"),
        ("0171-12-12-1990", "DE", "+4917112121990"),
        ("+45 2013-2022", "DK", "+4520132022"),
    ],
)
def test_telephone_numbers_beside_ordinary_ones_are_found(text: str, region: str, number: str) -> None:
    """A number is found beside times, dates and decimals, and where a part of it looks like one."""
    assert number in [one.canonical for one in scan(text, region, {Field.PHONE})]
    assert mask_text(text) != text


@pytest.mark.parametrize(
    "text",
    [
        "0;1;7;1;3;9;2;0;0;1;4",
        "0\t1\t7\t1\t3\t9\t2\t0\t0\t1\t4",
        "0 1 7 1 3 9 2 0 0 1 4 12",
        "0 1 7 1-3 9 2 0 0 1 4",
        "2 1 7 1 3 9 2 0",
        "0 1 1 0 1",
        "1.3.6.1.4.1.3.1.1.7.2",
        "4.3.2.1.0.1.2.3.4.5.6",
    ],
)
def test_digits_of_a_table_or_matrix_are_no_number(text: str) -> None:
    """Digits one by one are a number only with the same separator between all of them, and nothing else."""
    assert list(scan(text, "DE", {Field.PHONE})) == []


def test_no_number_is_read_across_two() -> None:
    """Two numbers side by side are two, not one of fourteen digits; an old resident ID is in one group."""
    across = [
        one.canonical
        for text in ("3920001/3920002", "3920001 3920002", "110101 900101 001")
        for one in scan(text, "DE")
        if one.end - one.start > 10
    ]

    assert across == []
    assert [one.field for one in scan("110101900101001", "DE")] == [Field.RESIDENT_ID]


@pytest.mark.parametrize(
    "cell",
    ["2024-01-05", "05.01.2024", "1/5/2024", "20240105", "20240105123456", "10.20.30.40", "0.1713920001"],
)
def test_a_date_in_a_column_of_telephone_numbers_is_refused(cell: str) -> None:
    """A date, an address or a decimal is no telephone number, in a cell either."""
    assert [canonical(Field.PHONE, cell, region) for region in REGIONS] == [None] * len(REGIONS)


def test_seconds_show_nothing_but_a_column_says_so() -> None:
    """Ten digits may be a time or a number that lost its zero: only the name of a column says which."""
    assert canonical(Field.PHONE, "1713920014", "DE") == "+491713920014"
    assert not recognised(Field.PHONE, "1713920014", "DE")
    assert recognised(Field.PHONE, "01713920014", "DE")
