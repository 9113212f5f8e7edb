"""Column types that keep unusable values out of the rows, in the same way on both databases."""

import json
from datetime import UTC, datetime
from decimal import Context, Decimal

from sqlalchemy import DateTime, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

MAX_INTEGER = 2**63 - 1  # BIGINT
MAX_CHAR_BYTES = 4  # UTF-8
MAX_AMOUNT_DIGITS = 38  # of a price; it is rounded to them


def clean(text: str) -> str:
    """Return text without NUL (which PostgreSQL refuses) and with lone surrogates (which cannot be encoded)
    replaced.
    """
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


class CleanText(TypeDecorator[str]):
    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A time with a zone, returned in UTC. A time without a zone is refused; SQLite itself stores no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("found a time without a zone; pass a time with a zone, in UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Amount(TypeDecorator[Decimal]):
    """A price, stored exactly: as digits in text, because SQLite would turn it into a float."""

    impl = String(2 * MAX_AMOUNT_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def amount(value: Decimal | None) -> Decimal | None:
    """Return a price in its canonical spelling (25 for 25.00); None if it cannot be stored."""
    if value is None or not value.is_finite() or abs(value.adjusted()) > MAX_AMOUNT_DIGITS // 2:
        return None
    return value.normalize(PRECISION)


PRECISION = Context(prec=MAX_AMOUNT_DIGITS)
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def dump_json(value: object) -> str:
    """Return JSON that is the same for equal values and that a text column accepts."""
    return ENCODER.encode(_clean_json(value))


def _clean_json(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_json(item) for item in value]
    return value
