"""Request headers that the interfaces of some families require."""

from __future__ import annotations

from collections.abc import Mapping

#: Per family: the header that takes the API key, and the format of its value.
TOKEN_HEADERS: Mapping[str, tuple[str, str]] = {
    "gists": ("Authorization", "Bearer {}"),
    "ransomware_live": ("X-API-KEY", "{}"),
}
#: PrivateBin returns an HTML page instead of the paste unless the request has this header, as its own
#: script has.
HEADERS: Mapping[str, Mapping[str, str]] = {"privatebin": {"X-Requested-With": "JSONHttpRequest"}}
