"""How many records a seller claims."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.clean import claimed_count
from crawler.clean.count import MAX_COUNT


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1.2M", 1_200_000),
        ("1,2M", 1_200_000),
        ("1,200,000 records", 1_200_000),
        ("1.200.000 записей", 1_200_000),
        ("1 200 000", 1_200_000),
        ("500k lines", 500_000),
        ("5kk lines", 5_000_000),
        ("2.3 million users", 2_300_000),
        ("2B records", 2_000_000_000),
        ("120w", 1_200_000),
        ("120W条", 1_200_000),
        ("100万条", 1_000_000),
        ("１００万条", 1_000_000),
        ("1200万+", 12_000_000),
        ("3千万", 30_000_000),
        ("1.5亿", 150_000_000),
        ("1亿2000万", 120_000_000),
        ("二十五万", 250_000),
        ("十万", 100_000),
        ("两百万条", 2_000_000),
        ("Records: 1200", 1_200),
        ("12345", 12_345),
        ("Selling 2.5 million US citizens 2023", 2_500_000),
        ("500GB, 1.2M lines", 1_200_000),
        ("出售 100万条 数据 售价 500元", 1_000_000),
        ("5 users / 5 users", 5),
    ],
)
def test_a_claim_is_read(text: str, count: int) -> None:
    """Magnitudes of English, Russian and Chinese sellers are read, beside sizes, years and prices."""
    assert claimed_count(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "1.200M",
        "1,200k",
        "10-20万",
        "10k to 20k",
        "1.2M customers, 500k phones",
        "百万条",
        "数百万",
        "3万5",
        "1.2",
        "2b",
    ],
)
def test_a_claim_with_two_readings_is_none(text: str) -> None:
    """Ranges, contradictions and ambiguous separators are not guessed."""
    assert claimed_count(text) is None


@pytest.mark.parametrize(
    "text", ["", "no number", "Database 2024", "1.2GB", "$500", "500 USDT", "2026-03-01", "v1.2", "50%"]
)
def test_what_counts_no_records_is_none(text: str) -> None:
    """Sizes, prices, dates, versions and shares are not numbers of records."""
    assert claimed_count(text) is None


@given(st.text(max_size=300) | st.text(alphabet="0123456789.,万亿千百十kMw条 -", max_size=60))
def test_any_text_is_taken(text: str) -> None:
    """No text raises, and a count is a positive whole number within its limit."""
    read = claimed_count(text)

    assert read is None or 0 < read <= MAX_COUNT


@given(st.integers(min_value=1, max_value=10**9))
def test_what_was_written_is_read_back(count: int) -> None:
    """A number with grouped thousands and a unit is read back."""
    assert claimed_count(f"Selling {count:,} records") == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1.234.567 registros", 1234567),
        ("1.234.567", 1234567),
        ("2.5B", 2500000000),
        ("2.5b records", 2500000000),
        ("1,5B", 1500000000),
        ("2b", None),
        ("2B rows", 2000000000),
        ("512 B", None),
        ("41к", 41000),
        ("41к строк", 41000),
        ("41К", 41000),
        ("1,2кк", 1200000),
        ("2026 - 41k rows", 41000),
        ("2026 – 41k rows", 41000),
        ("Acme 2024 - 1.2M users", 1200000),
        ("2026 - 41,000 rows", 41000),
        ("2000 - 5000 rows", None),
        ("2019-2026 rows", None),
        ("10k - 20k rows", None),
        ("10-20k rows", None),
        ("1.234 registros", 1234),
        ("1 234 567 записів", 1234567),
        ("3,4 Mio Datensätze", 3400000),
        ("1.200.000 Kunden", 1200000),
        ("2.000 clientes", 2000),
        ("1.234.567 de registros", 1234567),
        ("500.000 kullanıcı", 500000),
        ("1.2GB", None),
        ("1.5 B", 1500000000),
        ("2.5GB", None),
        ("$2.5B", None),
        ("2.5B USD", None),
        ("Database 2024", None),
        ("2026-03-01", None),
        ("41 км", None),
        ("41 карт", 41),
        ("1.2.3", None),
        ("1.23.456 registros", None),
        ("2024 - 300 rows", None),
        ("1.234.567 Zeilen", 1234567),
        ("3000000 wierszy", 3000000),
        ("2,5 млн записів", 2500000),
        ("12.345.678 líneas", 12345678),
        ("2.5B and 3M rows", 3000000),
        ("10.000 personas", 10000),
        ("v2.5b", None),
        ("Base of a lender.\n120k records", 120_000),
        ("A lender\n120k records\nfresh", 120_000),
        ("Base 2024\n1.200.000 lignes", 1_200_000),
        ("1\u2019234\u2019567 Datensätze", 1_234_567),
        ("1,20,000 records", 120_000),
        ("12 lakh customers", 1_200_000),
        ("250 тысяч записей", 250_000),
        ("5 миллионов строк", 5_000_000),
        ("1 млн. клиентов", 1_000_000),
        ("3 мільйони записів", 3_000_000),
        ("200 mil registros", 200_000),
        ("30 mil de clientes", 30_000),
        ("2 mil records", 2_000_000),
        ("50 bin kayıt", 50_000),
        ("2 milyon kullanıcı", 2_000_000),
        ("50 tys. rekordów", 50_000),
        ("2 miliony klientów", 2_000_000),
        ("2 milioni di righe", 2_000_000),
        ("1.2 millones de usuarios", 1_200_000),
        ("3 milhões de linhas", 3_000_000),
        ("80 Tausend Kunden", 80_000),
        ("10만 건", 100_000),
        ("100만명 개인정보", 1_000_000),
        ("150万人分", 1_500_000),
        ("2 triệu dòng", 2_000_000),
        ("500 nghìn khách hàng", 500_000),
        ("1 juta data", 1_000_000),
        ("500 ribu baris", 500_000),
        ("\u0661\u0662\u0660\u0660\u0660\u0660 سجل", 120_000),
        ("۱۲۰ رکورد", 120),
        ("1_000_000 rows", 1_000_000),
        ("400 bin base", None),
        ("BIN 400 bin", None),
        ("file_123_456", None),
        ("100만원", None),
        ("2 milyon TL", None),
        ("15 тыс руб", None),
        ("5 миллионов рублей", None),
        ("50 тысяч грн", None),
        ("1,2,3 rows", None),
        ("Lakh 12", None),
        ("hello.\n\nA. b", None),
    ],
)
def test_counts_of_many_languages_and_forms(text: str, count: int | None) -> None:
    """Groups with dots, billions, Cyrillic thousands, a year before a count; no ranges, no sizes."""
    assert claimed_count(text) == count
