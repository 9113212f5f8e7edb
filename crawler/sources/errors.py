"""What an adapter refuses.

SpillwatchError
└── PageRefused      the page is too large to be parsed in a bounded time
"""

from __future__ import annotations

from typing import ClassVar

from storage.errors import SpillwatchError


class PageRefused(SpillwatchError):
    """The page is too large to be parsed in a bounded time."""

    reason: ClassVar[str] = "page_too_large"
