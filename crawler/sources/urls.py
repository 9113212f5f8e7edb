"""URLs as keys: a page has one spelling, whatever session the site hung onto its link."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

#: Browsers and servers stop here; a longer link is bait.
MAX_URL_CHARS = 2_048

_SESSION = re.compile(
    r"(?:^|&)(?:(?:sid|phpsessid|jsessionid|aspsessionid\w*|sessionid|session_id|cfid|cftoken)=[^&]*|s=[0-9a-f]{32}(?=&|$))",
    re.IGNORECASE,
)
_PATH_SESSION = re.compile(r";(?:jsessionid|sid|phpsessid)=[^/?;]*", re.IGNORECASE)
# Most links of a list are of this shape, and nothing about them needs care: a third of a row's time.
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~%+-][A-Za-z0-9_~%+.-]*)+(?:\?[A-Za-z0-9_~%+.=&-]+)?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# What a listing offers for sale is never fetched, and these endings are how it is offered.
_NOT_TEXT = re.compile(
    r"\.(?:zip|rar|7z|gz|tgz|bz2|xz|zst|tar|iso|dmg|exe|msi|apk|bin|bak|mdb|sqlite3?|db|torrent|xlsx?|docx?|pdf"
    r"|jpe?g|png|gif|webp|bmp|svg|ico|mp[34]|avi|mkv|mov|webm|ogg|wav|flac)$",
    re.IGNORECASE,
)


def canonical(url: str, *, base: str) -> str | None:
    """Return the absolute URL without fragment and session, or `None` for what is no http(s) URL."""
    if len(url) > MAX_URL_CHARS:
        return None
    if _PLAIN.fullmatch(url) and not _SESSION.search(url.partition("?")[2]):
        origin = _origin(base)
        return origin and origin + url
    return _resolved(url, base)


@lru_cache(maxsize=64)
def _origin(base: str) -> str | None:
    root = _resolved("/", base)
    return root and root.removesuffix("/")


def _resolved(url: str, base: str) -> str | None:
    try:
        parts = urlsplit(safe_url_string(urljoin(base, url.strip())))
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None  # "http://[broken", a port of 99999
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.username is not None:
        return None
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port and f":{port}" != _DEFAULT_PORTS[parts.scheme] else ""
    query = _SESSION.sub("", parts.query).removeprefix("&")
    # An empty parameter at the end goes, for `urljoin` drops it the next time.
    path = _PATH_SESSION.sub("", parts.path).rstrip(";") or "/"
    return urlunsplit((parts.scheme, netloc, path, query, ""))


def filled(template: str, **value: str) -> str:
    """Fill the placeholder of a URL template; what comes from a page cannot leave its place in the path."""
    for name, text in value.items():
        template = template.replace(f"{{{name}}}", quote(text, safe=""))
    return template


def counted(template: str, url: str) -> int | None:
    """Return the number that stands at `{page}` in `url`, or `None` where `url` is not of the template."""
    before, _, after = template.partition("{page}")
    found = re.fullmatch(rf"{re.escape(before)}(\d{{1,9}}){re.escape(after)}", url)
    return int(found[1]) if found else None


def may_be_text(url: str) -> bool:
    """Say whether an attachment may be fetched: archives, media and documents never are."""
    return not _NOT_TEXT.search(urlsplit(url).path)
