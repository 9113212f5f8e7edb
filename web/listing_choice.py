"""What a search of listings is restricted to, as an address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Self
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.listing_filters import ListingFilters
from storage.listing_tables import Life
from storage.search import MAX_QUERY_CHARS

LONGEST = 200  # characters of one value
MOST_RECORDS = 2**62
TEXTS = ("source", "company", "seller", "currency", "life", "gone")
NUMBERS = ("min_price", "max_price", "min_records", "max_records")
DAYS = ("since", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingChoice:
    """The choices as they were written; `wrong`: names of those that cannot be used, which are left out."""

    words: str = ""
    source: str = ""
    company: str = ""
    seller: str = ""
    currency: str = ""
    life: str = ""
    gone: str = ""  # yes or no
    min_price: str = ""
    max_price: str = ""
    min_records: str = ""
    max_records: str = ""
    since: str = ""  # days
    until: str = ""
    before: int | None = field(default=None, compare=False)
    wrong: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Return the choices of an address."""
        given = {name: values.get(name, "")[:LONGEST].strip() for name in (*TEXTS, *NUMBERS, *DAYS)}
        given["currency"] = given["currency"].upper()
        wrong = [name for name, value in given.items() if value and not _is_usable(name, value)]
        given |= dict.fromkeys(wrong, "")
        before = values.get("before", "")
        return cls(
            words=values.get("q", "")[:MAX_QUERY_CHARS].strip(),
            before=int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None,
            wrong=tuple(wrong),
            **given,
        )

    def query(self, **changes: Any) -> str:  # noqa: ANN401  (a field of this class each)
        """Return the part of an address after `?`, with some choices changed; without the page."""
        chosen = replace(self, **changes)
        pairs = [("q", chosen.words), *((name, getattr(chosen, name)) for name in (*TEXTS, *NUMBERS, *DAYS))]
        if "before" in changes and chosen.before is not None:
            pairs.append(("before", str(chosen.before)))
        return urlencode([(name, value) for name, value in pairs if value])

    def address(self, **changes: Any) -> str:  # noqa: ANN401
        query = self.query(**changes)
        return f"/listings?{query}" if query else "/listings"

    @property
    def any(self) -> bool:
        return self != ListingChoice()

    @property
    def given(self) -> dict[str, str]:
        """The filters that are set, for the audit log."""
        named = {name: getattr(self, name) for name in (*TEXTS, *NUMBERS, *DAYS)}
        return {name: value for name, value in named.items() if value}

    def filters(self, zone: str) -> ListingFilters:
        """Return the filters; days begin and end in a person's zone, and `until` is the last day."""
        return ListingFilters(
            source=self.source or None,
            company=self.company or None,
            life=Life(self.life) if self.life else None,
            gone=None if not self.gone else self.gone == "yes",
            since=_day(self.since, zone),
            until=_day(self.until, zone, days=1),
            seller=self.seller or None,
            currency=self.currency or None,
            min_price=Decimal(self.min_price) if self.min_price else None,
            max_price=Decimal(self.max_price) if self.max_price else None,
            min_records=int(self.min_records) if self.min_records else None,
            max_records=int(self.max_records) if self.max_records else None,
            below_id=self.before,
        )


def _is_usable(name: str, value: str) -> bool:
    if name == "life":
        return value in tuple(Life)
    if name == "gone":
        return value in ("yes", "no")
    if name in ("min_records", "max_records"):
        return value.isascii() and value.isdecimal() and len(value) < 20 and int(value) < MOST_RECORDS
    if name in NUMBERS:
        return _is_price(value)
    return name not in DAYS or _is_day(value)


def _is_price(value: str) -> bool:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return False
    return number.is_finite() and 0 <= number < Decimal(10) ** 30


def _is_day(value: str) -> bool:
    try:
        return 1970 <= date.fromisoformat(value).year <= 9000
    except ValueError:
        return False


def _day(value: str, zone: str, *, days: int = 0) -> datetime | None:
    if not value:
        return None
    try:
        local = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        local = ZoneInfo("UTC")
    return datetime.combine(date.fromisoformat(value) + timedelta(days=days), time(), local)
