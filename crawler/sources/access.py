"""What the families' interfaces want in a request's headers, beside what every request says."""

from __future__ import annotations

from collections.abc import Mapping

#: Which header an interface takes its key in, and how.
TOKEN_HEADERS: Mapping[str, tuple[str, str]] = {
    "gists": ("Authorization", "Bearer {}"),
    "ransomware_live": ("X-API-KEY", "{}"),
}
#: PrivateBin answers with a page, and not with the paste, unless it is asked as its own script asks.
HEADERS: Mapping[str, Mapping[str, str]] = {"privatebin": {"X-Requested-With": "JSONHttpRequest"}}
