"""Cursors: where the next page of a list begins, opaque to the asker.

A cursor holds the place of the last row in the list's order, and the hash of the list's name and filters:
with others it is refused, because rows would be left out silently. Its place consists of what the row showed,
so that it tells nothing, and a forged one only begins elsewhere among the asker's own rows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from web.api.errors import CursorRefused
from web.api.models import Paged, Shape

LIMIT = 50
LIMITS = (1, 200)
CURSOR_CHARS = 500
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)

Row = TypeVar("Row")
Item = TypeVar("Item", bound=Shape)
Key = tuple[str | int, ...]


def _check_moment(value: object) -> object:
    if not isinstance(value, str) or not MOMENT.match(value):
        raise ValueError("a time of RFC 3339 such as 2026-03-01T12:00:00Z is expected")
    return value


#: A time in a request. Numbers, which pydantic would take for seconds, are refused, and times without a zone.
Moment = Annotated[AwareDatetime, BeforeValidator(_check_moment)]


class ListQuery(BaseModel):
    """The parameters of every list. Other ones are refused."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[
        str | None,
        Field(max_length=CURSOR_CHARS, description="`next` of the page before, with the same filters."),
    ] = None
    limit: Annotated[int, Field(ge=LIMITS[0], le=LIMITS[1], description="Items of a page.")] = LIMIT

    def digest(self, name: str) -> str:
        """Return the hash of the list's name and its filters, in whichever order they were given."""
        filters = self.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
        text = json.dumps([name, filters], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]

    def place(self, name: str, *kinds: type) -> Key | None:
        """Return the place that the cursor holds, of values of these kinds; None: the list's beginning."""
        if self.cursor is None:
            return None
        try:
            content = json.loads(base64.urlsafe_b64decode(self.cursor.encode("ascii") + b"=="))
        except (ValueError, UnicodeEncodeError, binascii.Error, RecursionError):
            raise CursorRefused from None
        if not isinstance(content, list) or len(content) != 1 + len(kinds):
            raise CursorRefused
        digest, *place = content
        if digest != self.digest(name) or not all(map(_is_kind, place, kinds)):
            raise CursorRefused
        return tuple(place)

    def page(
        self, name: str, rows: Sequence[Row], key: Callable[[Row], Key], shapes: Sequence[Item]
    ) -> Paged[Item]:
        """Return a page of `limit` of the shapes, for which one row more was asked."""
        if len(rows) <= self.limit:
            return Paged(items=list(shapes), next=None)
        content = json.dumps([self.digest(name), *key(rows[self.limit - 1])], separators=(",", ":"))
        cursor = base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")
        return Paged(items=list(shapes[: self.limit]), next=cursor)


def _is_kind(value: object, kind: type) -> bool:
    if kind is int:
        return type(value) is int and 0 <= value < 2**63
    return isinstance(value, str) and len(value) <= CURSOR_CHARS


def moment_text(at: datetime) -> str:
    """Return a time as a cursor holds it: to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def read_moment(text: str | int) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise CursorRefused from None
