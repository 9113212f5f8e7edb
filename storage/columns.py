"""Column types that keep hostile or careless values out of the rows, alike on both databases."""

import json
from datetime import UTC, datetime
from decimal import Context, Decimal

from sqlalchemy import DateTime, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

MAX_INTEGER = 2**63 - 1  # BIGINT
MAX_CHAR_BYTES = 4  # UTF-8
MAX_AMOUNT_DIGITS = 38  # of a price; further ones are rounded away


def clean(text: str) -> str:
    """Without NUL (PostgreSQL refuses it) and with lone surrogates replaced (neither driver encodes them)."""
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
    """Refuses a time without a zone; gives back aware UTC (SQLite itself keeps none)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was about to be stored; pass an aware one, in UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Amount(TypeDecorator[Decimal]):
    """A price, exact: as plain digits in text, since SQLite would make it a float."""

    impl = String(2 * MAX_AMOUNT_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def amount(value: Decimal | None) -> Decimal | None:
    """The price in its one spelling (25.00 is 25), or None where it is not a price that can be stored."""
    if value is None or not value.is_finite() or abs(value.adjusted()) > MAX_AMOUNT_DIGITS // 2:
        return None
    return value.normalize(PRECISION)


PRECISION = Context(prec=MAX_AMOUNT_DIGITS)
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def dump_json(value: object) -> str:
    """One spelling for one value, and nothing that a text column refuses."""
    return ENCODER.encode(_cleaned(value))


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value
