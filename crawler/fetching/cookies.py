"""Cookies: those that an operator pasted into a file, and those that a site sets during a run.

The file is an export from a browser: Netscape's cookies.txt, or JSON. It opens somebody's account, so it is
treated like a key file, and none of its values is ever shown. Cookies that a site sets are kept until the run
ends: a site that does not get its cookie back puts a session id into every URL. Nothing is written to the
file.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from crawler.errors import CookiesExposed, CookiesMissing, CookiesUnreadable
from crawler.fetching.guard import is_onion

MAX_FILE_BYTES = 256 * 1024
MAX_PASTED = 500
#: Limits of cookies set per run and of bytes per cookie: more is a trap, or an attempt to fill our memory.
MAX_SET = 64
MAX_COOKIE_BYTES = 4096
#: A cookie that expires within this time is reported, so that somebody can log in again.
SOON = timedelta(days=3)
_NETSCAPE_FIELDS = 7
_HTTP_ONLY = "#HttpOnly_"
_JSON_EXPIRES = ("expirationDate", "expires", "expiry")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie; `expires` is None for a cookie that ends with the browser's session."""

    name: str
    value: str = field(repr=False)
    domain: str
    host_only: bool
    path: str = "/"
    secure: bool = False
    expires: datetime | None = None

    def is_for(self, parts: SplitResult) -> bool:
        """Return whether a browser would send it there (RFC 6265, 5.4). http to an onion counts as https."""
        host = (parts.hostname or "").rstrip(".")
        below = not self.host_only and host.endswith(f".{self.domain}") and not _is_ip_address(host)
        if host != self.domain and not below:
            return False
        if self.secure and parts.scheme != "https" and not is_onion(host):
            return False
        path, own = parts.path or "/", self.path
        return path == own or (path.startswith(own) and (own.endswith("/") or path[len(own)] == "/"))

    def has_expired(self, now: datetime) -> bool:
        return self.expires is not None and self.expires <= now

    @property
    def slot(self) -> tuple[str, str, str]:
        """The identity of a cookie: a new one replaces the one with the same slot."""
        return self.name, self.domain, self.path


def read_cookies(path: Path) -> tuple[Cookie, ...]:
    """Return the cookies of a `cookies_file`, also those that have expired; raises a `CookiesRefused`."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise CookiesExposed(
                f"{path} has mode {mode:04o}: other users can read these cookies and take over the account. "
                f"Run: chmod 600 {path}. Consider who may have read it."
            )
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CookiesMissing(
            f"cookies_file is {path}, which cannot be read: {error.strerror}. Export the cookies to it, or "
            "remove cookies_file from the source's file."
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise CookiesUnreadable(
            f"{path} is larger than {MAX_FILE_BYTES} bytes: export the cookies of one site only."
        )
    return _parse_file(path, content)


def _parse_file(path: Path, content: bytes) -> tuple[Cookie, ...]:
    text = content.decode("utf-8-sig", "replace").strip()
    try:
        found = list(_from_json(text) if text[:1] in ("[", "{") else _from_netscape(text))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        # The error's own message may quote a value.
        raise CookiesUnreadable(
            f"{path} is neither Netscape's cookies.txt nor the JSON of a browser extension: export it again."
        ) from None
    if not found or len(found) > MAX_PASTED:
        raise CookiesUnreadable(
            f"{path} holds {len(found)} cookies; expected 1 to {MAX_PASTED}: export one site's cookies."
        )
    return tuple(found)


def _from_netscape(text: str) -> Iterator[Cookie]:
    """Read lines of seven fields: domain, whether for subdomains too, path, secure, expires, name, value."""
    for line in text.splitlines():
        bare = line.removeprefix(_HTTP_ONLY)
        if not bare.strip() or (bare is line and line.startswith("#")) or bare.startswith("# "):
            continue
        fields = bare.split("\t")
        if len(fields) == _NETSCAPE_FIELDS - 1:
            fields.append("")
        domain, below, path, secure, expires, name, value = fields
        yield _checked_cookie(
            name,
            value,
            domain=domain,
            host_only=below.upper() != "TRUE",
            path=path,
            secure=secure.upper() == "TRUE",
            expires=float(expires or 0),
        )


def _from_json(text: str) -> Iterator[Cookie]:
    """Read a list of objects, or an object with such a list as `cookies`: extensions and browser drivers
    write either.
    """
    loaded = json.loads(text)
    for each in loaded["cookies"] if isinstance(loaded, Mapping) else loaded:
        expires = next((each[name] for name in _JSON_EXPIRES if each.get(name) is not None), 0)
        domain = str(each["domain"])
        yield _checked_cookie(
            str(each["name"]),
            str(each["value"]),
            domain=domain,
            host_only=bool(each.get("hostOnly", not domain.startswith("."))),
            path=str(each.get("path") or "/"),
            secure=bool(each.get("secure")),
            expires=_epoch_seconds(expires),
        )


def _epoch_seconds(expires: object) -> float:
    """Return seconds since 1970; extensions write these, and some of them milliseconds or ISO 8601."""
    if isinstance(expires, str) and not expires.replace(".", "", 1).isdecimal():
        return datetime.fromisoformat(expires).timestamp()
    seconds = float(str(expires))
    return seconds / 1000 if seconds > 1e11 else seconds


def _checked_cookie(
    name: str, value: str, *, domain: str, host_only: bool, path: str, secure: bool, expires: float
) -> Cookie:
    """Return a cookie; `expires` of 0 or less: at the end of the browser's session. Raises ValueError."""
    if not name or not _is_sendable(name) or not _is_sendable(value) or not domain.strip("."):
        raise ValueError
    until = datetime.fromtimestamp(min(expires, 253_402_300_799), UTC) if expires > 0 else None
    return Cookie(name, value, domain.strip(".").lower(), host_only, path or "/", secure, until)


def _is_sendable(text: str) -> bool:
    return text.isprintable() and ";" not in text and len(text) <= MAX_COOKIE_BYTES


class Jar:
    """The cookies of one visit."""

    def __init__(self, pasted: Iterable[Cookie], *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._pasted = tuple(pasted)
        self._all = {cookie.slot: cookie for cookie in self._pasted}
        self._slots = frozenset(self._all)

    def header(self, url: str) -> str | None:
        """Return the Cookie header for a URL, longer paths first as browsers do; None for no cookie."""
        parts, now = urlsplit(url), self._clock()
        fitting = [each for each in self._all.values() if each.is_for(parts) and not each.has_expired(now)]
        fitting.sort(key=lambda each: -len(each.path))
        return "; ".join(f"{each.name}={each.value}" for each in fitting) or None

    def take(self, url: str, lines: Iterable[str]) -> None:
        """Keep the cookies that a response sets, except those that a browser would refuse or that are too
        many.

        `lines` are the values of its Set-Cookie headers.
        """
        parts, now = urlsplit(url), self._clock()
        for line in lines:
            cookie = _parse_set_cookie(line, parts, now)
            if cookie is None or not cookie.is_for(parts._replace(path=cookie.path)):
                continue
            if cookie.has_expired(now):
                self._all.pop(cookie.slot, None)
            elif cookie.slot in self._all or len(self._all) < len(self._slots) + MAX_SET:
                self._all[cookie.slot] = cookie

    def remark(self, now: datetime) -> tuple[str, str] | None:
        """Return the reason and the sentence for pasted cookies that have expired or soon will, else None."""
        return cookie_age_remark(self._pasted, now)


def cookie_age_remark(cookies: Sequence[Cookie], now: datetime) -> tuple[str, str] | None:
    """Return the reason and the sentence for cookies that have expired or soon will, else None."""
    expired = sum(each.has_expired(now) for each in cookies)
    if expired:
        sentence = f"{expired} of the {len(cookies)} cookies in cookies_file have expired: export them again."
        return "cookies_expired", sentence
    first = first_cookie_expiry(cookies)
    if first is None or first > now + SOON:
        return None
    sentence = (
        f"The first of the {len(cookies)} cookies in cookies_file expires at {first:%Y-%m-%d %H:%M} UTC."
    )
    return "cookies_expiring", sentence


def first_cookie_expiry(cookies: Iterable[Cookie]) -> datetime | None:
    """Return when the first of them expires or has expired; None if each lasts as long as its session."""
    return min((each.expires for each in cookies if each.expires is not None), default=None)


def _parse_set_cookie(line: str, parts: SplitResult, now: datetime) -> Cookie | None:
    """Read one Set-Cookie header (RFC 6265, 5.2)."""
    pair, *attributes = line[: 2 * MAX_COOKIE_BYTES].split(";")
    name, equals, value = (part.strip() for part in pair.partition("="))
    if not equals or not name or not _is_sendable(name) or not _is_sendable(value):
        return None
    split = (each.partition("=") for each in attributes)
    named = {key.strip().lower(): text.strip() for key, _, text in split}
    host, domain = (parts.hostname or "").rstrip("."), named.get("domain", "").lstrip(".").lower()
    if domain and domain != host and "." not in domain:
        # Nobody may set cookies for all sites of a top-level domain.
        return None
    path = named.get("path", "")
    return Cookie(
        name,
        value,
        domain=domain or host,
        host_only=not domain,
        path=path if path.startswith("/") else _cookie_path(parts.path),
        secure="secure" in named,
        expires=_cookie_expiry(named, now),
    )


def _cookie_path(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _cookie_expiry(named: Mapping[str, str], now: datetime) -> datetime | None:
    """Return when a cookie expires, by Max-Age before Expires; None for the end of the session."""
    try:
        if (age := named.get("max-age")) is not None:
            return now + timedelta(seconds=min(int(age), 10**9)) if int(age) > 0 else now
        return parsedate_to_datetime(named["expires"].replace("-", " ")).astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def without_values(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return a response's headers without the cookies' values: evidence must not open an account."""
    return [
        (name, _without_value(value) if name.lower() == b"set-cookie" else value) for name, value in headers
    ]


def _without_value(line: bytes) -> bytes:
    pair, semicolon, rest = line.partition(b";")
    return pair.partition(b"=")[0] + b"=[taken out]" + semicolon + rest
