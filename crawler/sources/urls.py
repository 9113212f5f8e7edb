"""URLs as keys: a page has one spelling, whatever session the site hung onto its link."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

#: Browsers and servers stop here; a longer link is bait.
MAX_URL_CHARS = 2_048

#: Parameters that say who asks, or how the page is to look, and nothing about which page it is. A pattern of
#: the name, and one of the value where other values of that name do say something.
_ANY = "[^&;]*"
PASSING = (
    ("sid|phpsessid|sess(?:ion)?_?id", _ANY),  # phpBB, Discuz!, SMF, and whatever else is written in PHP
    (r"jsessionid|aspsessionid\w*|cfid|cftoken", _ANY),  # Java, ASP, ColdFusion
    ("s", "[0-9a-f]{32}"),  # vBulletin 3
    ("oscsid|zenid", _ANY),  # osCommerce, Zen Cart
    ("formhash|my_post_key|_xftoken", _ANY),  # tokens of forms: Discuz!, MyBB, XenForo
    ("highlight|hilit", _ANY),  # the words of a search: vBulletin, MyBB, phpBB
    (r"utm_\w+|fbclid|gclid", _ANY),
    ("view", "print"),  # print views: phpBB
    ("action", "printpage"),  # SMF
    ("print(?:able|er)?", "1|y|yes|true|print"),
)
_PASSING = "|".join(f"(?:{name})=(?:{value})" for name, value in PASSING)
_SESSION = re.compile(rf"(?:^|[&;])(?:{_PASSING})(?=[&;]|$)", re.IGNORECASE)
#: MyBB's and vBulletin's print views.
_PRINT_PATH = re.compile(r"/printthread\.php$", re.IGNORECASE)
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
    """Return the absolute URL without fragment, session and print view, `None` for no http(s) URL."""
    if len(url) > MAX_URL_CHARS:
        return None
    path, _, query = url.partition("?")
    if _PLAIN.fullmatch(url) and not _SESSION.search(query) and not _PRINT_PATH.search(path):
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
    query, taken = _SESSION.subn("", parts.query)
    query = query.lstrip("&;") if taken else query
    # An empty parameter at the end goes, for `urljoin` drops it the next time.
    path = _PATH_SESSION.sub("", parts.path).rstrip(";") or "/"
    path = _PRINT_PATH.sub("/showthread.php", path)
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
