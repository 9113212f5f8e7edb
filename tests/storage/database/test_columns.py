"""storage.database.columns: what never becomes part of a row."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import StatementError

from storage import sources
from storage.database.base import Database
from storage.database.columns import amount, clean, dump_json
from tests.storage import given

HOSTILE = "a\0b\ud800c 趣店 \U0001f4a3"
CLEANED = "ab?c 趣店 \U0001f4a3"


def test_clean_keeps_what_a_database_can_hold() -> None:
    """NUL is removed, a lone surrogate becomes a question mark, everything else stays."""
    assert clean(HOSTILE) == CLEANED


def test_hostile_text_comes_back_clean(database: Database) -> None:
    """Text with NUL and lone surrogates is stored in the same way on both databases."""
    with database.transaction() as session:
        source_id = given.source(session, HOSTILE)
        sources.save_cursor(session, source_id, {HOSTILE: [HOSTILE, {"in": HOSTILE}]})

    with database.reading() as session:
        [source] = sources.active_sources(session)
    assert (source.name, source.cursor) == (CLEANED, {CLEANED: [CLEANED, {"in": CLEANED}]})


def test_a_backslash_before_a_cleaned_escape_stays(database: Database) -> None:
    """The six characters of an escaped NUL are text like any other."""
    with database.transaction() as session:
        sources.save_cursor(session, given.source(session), {"text": r"\u0000 \\u0000"})

    with database.reading() as session:
        assert sources.active_sources(session)[0].cursor == {"text": r"\u0000 \\u0000"}


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    """A time without a zone is a bug and never becomes part of a row."""
    naive = datetime(2026, 3, 14)  # noqa: DTZ001 - the mistake is what is tested
    with pytest.raises((ValueError, StatementError)), database.transaction() as session:
        source_id = given.source(session)
        sources.record_health(session, source_id, run_id=None, health=sources.SourceHealth.OK, now=naive)


def test_a_time_comes_back_in_utc(database: Database) -> None:
    """A time of any zone is read back as the same moment in UTC, to the microsecond."""
    shanghai = datetime(2026, 3, 14, 17, 26, 53, 589793, tzinfo=timezone(timedelta(hours=8)))
    with database.transaction() as session:
        source_id = given.source(session)
        sources.record_health(session, source_id, run_id=None, health=sources.SourceHealth.OK, now=shanghai)

    with database.reading() as session:
        since = sources.active_sources(session)[0].health_since
    assert since == shanghai
    assert since is not None
    assert since.tzinfo is UTC


@pytest.mark.parametrize(
    ("given_amount", "kept"),
    [
        (Decimal("25.00"), Decimal(25)),
        (Decimal("0.000000000001"), Decimal("0.000000000001")),
        (Decimal("1E+6"), Decimal(1_000_000)),
        (Decimal("NaN"), None),
        (Decimal("Infinity"), None),
        (Decimal("1E+100"), None),
        (Decimal("1." + "3" * 60), Decimal("1." + "3" * 37)),
        (None, None),
    ],
)
def test_amount(given_amount: Decimal | None, kept: Decimal | None) -> None:
    """A price is kept exactly; a value that is not a price becomes None."""
    assert amount(given_amount) == kept


def test_a_price_comes_back_exact(database: Database) -> None:
    """A price is not turned into a float on either database."""
    price = Decimal("0.1234567890123456789")
    with database.transaction() as session:
        given.version(session, price_amount=price, price_currency="BTC")

    with database.reading() as session:
        found = session.scalar(text("SELECT price_amount FROM listings"))
    assert found == str(price)


def test_json_has_one_spelling() -> None:
    """Equal values give equal text, so that digests can be compared."""
    assert dump_json({"b": 1, "a": ("趣",)}) == dump_json({"a": ["趣"], "b": 1}) == '{"a":["趣"],"b":1}'
