"""The errors of adapters: pages that they do not read, and answers that are no page.

SpillwatchError
├── PageRefused      the page is too large to be parsed in a bounded time
├── PageUnreadable   the parser failed before the end of the page
└── FetchRefused (crawler.errors)
    ├── ApiClosed    an API refuses anonymous readers
    └── PasteLocked  a paste cannot be decrypted with the key in its link
"""

from __future__ import annotations

from typing import ClassVar

from crawler.errors import FetchRefused
from storage.errors import SpillwatchError


class PageRefused(SpillwatchError):
    """The page is too large to be parsed in a bounded time."""

    reason: ClassVar[str] = "page_too_large"


class PageUnreadable(SpillwatchError):
    """The parser failed before the end of the page."""

    reason: ClassVar[str] = "page_unreadable"


class ApiClosed(FetchRefused):
    """An API refuses anonymous readers."""

    reason = "api_closed"


class PasteLocked(FetchRefused):
    """A paste cannot be decrypted with the key in its link."""

    reason = "paste_locked"
