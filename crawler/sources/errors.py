"""What an adapter refuses, and what it is told instead of a page.

SpillwatchError
├── PageRefused      the page is too large to be parsed in a bounded time
├── PageUnreadable   the parser failed before the end of the page
└── FetchRefused (crawler.errors)
    ├── ApiClosed    an interface says that it is not open to us
    └── PasteLocked  a paste came, and cannot be decrypted with what we were given
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
    """An interface says that it is not open to us."""

    reason = "api_closed"


class PasteLocked(FetchRefused):
    """A paste cannot be decrypted with the key in its link."""

    reason = "paste_locked"
