"""What the spider hands over to be stored, in the order in which it was found."""

from __future__ import annotations

from dataclasses import dataclass

from crawler.listing import ParsedListing
from crawler.storing.capture import Captured
from storage.captures import CaptureConclusion


@dataclass(frozen=True, slots=True)
class FetchedText:
    """The text of an attachment or a paste, decoded; `size` in bytes as received."""

    url: str
    text: str
    captured: Captured
    size: int


@dataclass(frozen=True, slots=True)
class FoundListing:
    """A listing as it was read from a captured page; Scrapy's item."""

    listing: ParsedListing
    captured: Captured
    attachments: tuple[FetchedText, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenKeys:
    """The stored keys of listings that a page shows again, unchanged."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailedRecheck:
    """The stored key of a listing whose own page was to be read again, without success."""

    key: str


@dataclass(frozen=True, slots=True)
class IncompleteThread:
    """The stored key of a thread with pages that should have been read and were not."""

    key: str


@dataclass(frozen=True, slots=True)
class CompleteThread:
    """The stored key of a thread that was read as far as it holds anything new, and its row's digest."""

    key: str
    row_digest: str


#: A conclusion is the outcome of a page that was captured before.
SpiderNote = FoundListing | SeenKeys | FailedRecheck | IncompleteThread | CompleteThread | CaptureConclusion
