"""Cookies: those an operator pasted into a file, and what a site sets while a run goes on.

The file is what browsers' exporters write: Netscape's cookies.txt, or JSON. It is a key to somebody's
account, so it is held to the rules of a key file, and no value of it is ever shown. What a site sets is kept
for the rest of the run alone, because sites that see no cookie come back put a session id into every address;
nothing is written to the file.
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
from crawler.guard import is_onion

MAX_FILE_BYTES = 256 * 1024
MAX_PASTED = 500
#: Of one run, and of one cookie: more is a trap, or a site that wants to fill our memory.
MAX_SET = 64
MAX_COOKIE_BYTES = 4096
#: Somebody has to log in again before then.
SOON = timedelta(days=3)
_NETSCAPE_FIELDS = 7
_HTTP_ONLY = "#HttpOnly_"
_JSON_EXPIRES = ("expirationDate", "expires", "expiry")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie; `expires` None: with the session."""

    name: str
    value: str = field(repr=False)
    domain: str
    host_only: bool
    path: str = "/"
    secure: bool = False
    expires: datetime | None = None

    def is_for(self, parts: SplitResult) -> bool:
        """Whether a browser would send it there (RFC 6265, 5.4). An onion's http is as good as https."""
        host = (parts.hostname or "").rstrip(".")
        below = not self.host_only and host.endswith(f".{self.domain}") and not _is_address(host)
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
        """A new cookie takes the place of the one that has the same."""
        return self.name, self.domain, self.path


def read_cookies(path: Path) -> tuple[Cookie, ...]:
    """Return what a `cookies_file` holds, expired ones too; raises a `CookiesRefused`."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise CookiesExposed(
                f"{path} has mode {mode:04o}: others can read these cookies, and with them take the account. "
                f"chmod 600 {path}, and think about who may have read it."
            )
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CookiesMissing(
            f"cookies_file is {path}, which cannot be read: {error.strerror}. Export the cookies to it, or "
            "take the key out of the source's file."
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise CookiesUnreadable(f"{path} is larger than {MAX_FILE_BYTES} bytes: export one site's cookies.")
    return _parsed(path, content)


def _parsed(path: Path, content: bytes) -> tuple[Cookie, ...]:
    text = content.decode("utf-8-sig", "replace").strip()
    try:
        found = list(_from_json(text) if text[:1] in ("[", "{") else _from_netscape(text))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        # The error's own words may quote a value.
        raise CookiesUnreadable(
            f"{path} is neither Netscape's cookies.txt nor a browser extension's JSON: export it again."
        ) from None
    if not found or len(found) > MAX_PASTED:
        raise CookiesUnreadable(
            f"{path} holds {len(found)} cookies; wanted 1 to {MAX_PASTED}: export one site's cookies."
        )
    return tuple(found)


def _from_netscape(text: str) -> Iterator[Cookie]:
    """Seven fields a line, with tabs between: domain, subdomains too, path, secure, expires, name, value."""
    for line in text.splitlines():
        bare = line.removeprefix(_HTTP_ONLY)
        if not bare.strip() or (bare is line and line.startswith("#")) or bare.startswith("# "):
            continue
        fields = bare.split("\t")
        if len(fields) == _NETSCAPE_FIELDS - 1:
            fields.append("")
        domain, below, path, secure, expires, name, value = fields
        yield _cookie(
            name,
            value,
            domain=domain,
            host_only=below.upper() != "TRUE",
            path=path,
            secure=secure.upper() == "TRUE",
            expires=float(expires or 0),
        )


def _from_json(text: str) -> Iterator[Cookie]:
    """A list of objects, or an object whose `cookies` is one, as extensions and browser drivers write it."""
    loaded = json.loads(text)
    for each in loaded["cookies"] if isinstance(loaded, Mapping) else loaded:
        expires = next((each[name] for name in _JSON_EXPIRES if each.get(name) is not None), 0)
        domain = str(each["domain"])
        yield _cookie(
            str(each["name"]),
            str(each["value"]),
            domain=domain,
            host_only=bool(each.get("hostOnly", not domain.startswith("."))),
            path=str(each.get("path") or "/"),
            secure=bool(each.get("secure")),
            expires=_seconds(expires),
        )


def _seconds(expires: object) -> float:
    """Seconds since 1970; extensions write numbers, and some of them ISO 8601 or milliseconds."""
    if isinstance(expires, str) and not expires.replace(".", "", 1).isdecimal():
        return datetime.fromisoformat(expires).timestamp()
    seconds = float(str(expires))
    return seconds / 1000 if seconds > 1e11 else seconds


def _cookie(
    name: str, value: str, *, domain: str, host_only: bool, path: str, secure: bool, expires: float
) -> Cookie:
    """`expires` of 0 or less: with the browser's session."""
    if not name or not _is_sendable(name) or not _is_sendable(value) or not domain.strip("."):
        raise ValueError
    until = datetime.fromtimestamp(min(expires, 253_402_300_799), UTC) if expires > 0 else None
    return Cookie(name, value, domain.strip(".").lower(), host_only, path or "/", secure, until)


def _is_sendable(text: str) -> bool:
    return text.isprintable() and ";" not in text and len(text) <= MAX_COOKIE_BYTES


class Jar:
    """The cookies of one run."""

    def __init__(self, pasted: Iterable[Cookie], *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._pasted = tuple(pasted)
        self._all = {cookie.slot: cookie for cookie in self._pasted}
        self._slots = frozenset(self._all)

    def header(self, url: str) -> str | None:
        """The Cookie header for an address; longer paths first, as browsers do."""
        parts, now = urlsplit(url), self._clock()
        fitting = [each for each in self._all.values() if each.is_for(parts) and not each.has_expired(now)]
        fitting.sort(key=lambda each: -len(each.path))
        return "; ".join(f"{each.name}={each.value}" for each in fitting) or None

    def take(self, url: str, lines: Iterable[str]) -> None:
        """Keep what a response sets; what a browser would refuse, and what is too much, is passed over."""
        parts, now = urlsplit(url), self._clock()
        for line in lines:
            cookie = _set_by(line, parts, now)
            if cookie is None or not cookie.is_for(parts._replace(path=cookie.path)):
                continue
            if cookie.has_expired(now):
                self._all.pop(cookie.slot, None)
            elif cookie.slot in self._all or len(self._all) < len(self._slots) + MAX_SET:
                self._all[cookie.slot] = cookie

    def remark(self, now: datetime) -> tuple[str, str] | None:
        """The slug and the sentence for pasted cookies that have expired, or soon will."""
        return cookie_age_remark(self._pasted, now)


def cookie_age_remark(cookies: Sequence[Cookie], now: datetime) -> tuple[str, str] | None:
    """What there is to say about the age of a file's cookies; None: nothing."""
    expired = sum(each.has_expired(now) for each in cookies)
    if expired:
        told = f"{expired} of the {len(cookies)} cookies in cookies_file have expired: export them again."
        return "cookies_expired", told
    first = first_cookie_expiry(cookies)
    if first is None or first > now + SOON:
        return None
    told = f"The first of the {len(cookies)} cookies in cookies_file expires at {first:%Y-%m-%d %H:%M} UTC."
    return "cookies_expiring", told


def first_cookie_expiry(cookies: Iterable[Cookie]) -> datetime | None:
    """When the first of them expires, or has; None: each lasts as long as its session."""
    return min((each.expires for each in cookies if each.expires is not None), default=None)


def _set_by(line: str, parts: SplitResult, now: datetime) -> Cookie | None:
    """Read one Set-Cookie header (RFC 6265, 5.2)."""
    pair, *attributes = line[: 2 * MAX_COOKIE_BYTES].split(";")
    name, equals, value = (part.strip() for part in pair.partition("="))
    if not equals or not name or not _is_sendable(name) or not _is_sendable(value):
        return None
    split = (each.partition("=") for each in attributes)
    told = {key.strip().lower(): text.strip() for key, _, text in split}
    host, domain = (parts.hostname or "").rstrip("."), told.get("domain", "").lstrip(".").lower()
    if domain and domain != host and "." not in domain:
        # A top-level domain's: nobody may set cookies for all of its sites.
        return None
    path = told.get("path", "")
    return Cookie(
        name,
        value,
        domain=domain or host,
        host_only=not domain,
        path=path if path.startswith("/") else _folder(parts.path),
        secure="secure" in told,
        expires=_expiry(told, now),
    )


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _expiry(told: Mapping[str, str], now: datetime) -> datetime | None:
    """Max-Age counts more than Expires."""
    try:
        if (age := told.get("max-age")) is not None:
            return now + timedelta(seconds=min(int(age), 10**9)) if int(age) > 0 else now
        return parsedate_to_datetime(told["expires"].replace("-", " ")).astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def without_values(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """A response's headers with the cookies' values taken out: evidence is no key to an account."""
    return [(name, _redacted(value) if name.lower() == b"set-cookie" else value) for name, value in headers]


def _redacted(line: bytes) -> bytes:
    pair, semicolon, rest = line.partition(b";")
    return pair.partition(b"=")[0] + b"=[taken out]" + semicolon + rest
