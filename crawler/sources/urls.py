"""URLs as keys: each page gets one spelling, without sessions and display options."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

#: Browsers and servers stop at about this length. A longer link is a trap.
MAX_URL_CHARS = 2_048

#: Parameters that do not select a page: they hold a session, or choose how the page is displayed. Each has
#: a pattern of its name and one of its value, for names with other values that do select a page.
_ANY_VALUE = "[^&;]*"
IGNORED_PARAMETERS = (
    (
        "sid|phpsessid|sess(?:ion)?_?id",
        _ANY_VALUE,
    ),  # phpBB, Discuz!, SMF, and whatever else is written in PHP
    (r"jsessionid|aspsessionid\w*|cfid|cftoken", _ANY_VALUE),  # Java, ASP, ColdFusion
    ("s", "[0-9a-f]{32}"),  # vBulletin 3
    ("oscsid|zenid", _ANY_VALUE),  # osCommerce, Zen Cart
    ("formhash|my_post_key|_xftoken", _ANY_VALUE),  # tokens of forms: Discuz!, MyBB, XenForo
    ("highlight|hilit", _ANY_VALUE),  # the words of a search: vBulletin, MyBB, phpBB
    (r"utm_\w+|fbclid|gclid", _ANY_VALUE),
    ("view", "print"),  # print views: phpBB
    ("action", "printpage"),  # SMF
    ("print(?:able|er)?", "1|y|yes|true|print"),
)
_IGNORED = "|".join(f"(?:{name})=(?:{value})" for name, value in IGNORED_PARAMETERS)
_IGNORED_PARAMETER = re.compile(rf"(?:^|[&;])(?:{_IGNORED})(?=[&;]|$)", re.IGNORECASE)
#: Print views of MyBB and vBulletin.
_PRINT_PATH = re.compile(r"/printthread\.php$", re.IGNORECASE)
_PATH_SESSION = re.compile(r";(?:jsessionid|sid|phpsessid)=[^/?;]*", re.IGNORECASE)
# Most links of a list page have this simple form and need no parsing, which would take a third of a row's
# time.
_PLAIN_URL = re.compile(r"(?:/[A-Za-z0-9_~%+-][A-Za-z0-9_~%+.-]*)+(?:\?[A-Za-z0-9_~%+.=&-]+)?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# Files that a listing offers are never fetched. They usually have these extensions.
_NOT_TEXT = re.compile(
    r"\.(?:zip|rar|7z|gz|tgz|bz2|xz|zst|tar|iso|dmg|exe|msi|apk|bin|bak|mdb|sqlite3?|db|torrent|xlsx?|docx?|pdf"
    r"|jpe?g|png|gif|webp|bmp|svg|ico|mp[34]|avi|mkv|mov|webm|ogg|wav|flac)$",
    re.IGNORECASE,
)


def canonical_url(url: str, *, base: str) -> str | None:
    """Return the absolute URL without fragment, session and print view. `None`: not an http(s) URL."""
    if len(url) > MAX_URL_CHARS:
        return None
    path, _, query = url.partition("?")
    if _PLAIN_URL.fullmatch(url) and not _IGNORED_PARAMETER.search(query) and not _PRINT_PATH.search(path):
        origin = _canonical_origin(base)
        return origin and origin + url
    return _resolve_url(url, base)


@lru_cache(maxsize=64)
def _canonical_origin(base: str) -> str | None:
    root = _resolve_url("/", base)
    return root and root.removesuffix("/")


def _resolve_url(url: str, base: str) -> str | None:
    try:
        parts = urlsplit(safe_url_string(urljoin(base, url.strip())))
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None  # such as "http://[broken" or port 99999
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.username is not None:
        return None
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port and f":{port}" != _DEFAULT_PORTS[parts.scheme] else ""
    query, taken = _IGNORED_PARAMETER.subn("", parts.query)
    query = query.lstrip("&;") if taken else query
    # An empty parameter at the end is removed, because the next `urljoin` would drop it.
    path = _PATH_SESSION.sub("", parts.path).rstrip(";") or "/"
    path = _PRINT_PATH.sub("/showthread.php", path)
    return urlunsplit((parts.scheme, netloc, path, query, ""))


def fill_template(template: str, **value: str) -> str:
    """Fill the placeholder of a URL template.

    The value is quoted, so that text from a page stays within its part of the path.
    """
    for name, text in value.items():
        template = template.replace(f"{{{name}}}", quote(text, safe=""))
    return template


def number_in_url(template: str, url: str) -> int | None:
    """Return the number at the place of `{page}` in `url`. `None`: `url` does not match the template."""
    before, _, after = template.partition("{page}")
    found = re.fullmatch(rf"{re.escape(before)}(\d{{1,9}}){re.escape(after)}", url)
    return int(found[1]) if found else None


def may_be_text(url: str) -> bool:
    """Whether an attachment may be fetched. Archives, media and documents are never fetched."""
    return not _NOT_TEXT.search(urlsplit(url).path)
