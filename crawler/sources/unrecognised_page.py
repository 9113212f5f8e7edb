"""Quotes the title of a page that is not recognised: a login, a robot check, a site that moved."""

from __future__ import annotations

import warnings

from bs4 import BeautifulSoup
from bs4.exceptions import ParserRejectedMarkup
from bs4.filter import SoupStrainer

from crawler.clean import line
from text.charset import decode_page

#: The title is at the beginning. Bytes after this are not searched.
MAX_SEARCHED_BYTES = 64 << 10
#: Length of the quotation.
MAX_QUOTED_CHARS = 80
#: Elements in order of preference; the first with text is quoted.
HEADINGS = {"title": "title", "h1": "first heading", "h2": "first heading"}


def quote_title(body: bytes, *, charset: str | None = None) -> str:
    """Return a sentence that quotes the title of a page, or its first heading; empty if it has neither.

    The quotation is one line without control characters. It is not masked.
    """
    name, said = page_heading(body, charset=charset)
    return f"Its {name} is “{said}”." if said else ""


def page_heading(body: bytes, *, charset: str | None = None) -> tuple[str, str]:
    """Return the title of a page, or its first heading, with its name; two empty texts if it has neither."""
    text = decode_page(body[:MAX_SEARCHED_BYTES], declared=charset).text.replace("\x00", "")
    try:
        with warnings.catch_warnings():
            # BeautifulSoup warns if the text looks like XML, a file name or an address, but parses it.
            warnings.simplefilter("ignore")
            soup = BeautifulSoup(text, "lxml", parse_only=SoupStrainer(list(HEADINGS)))
    except ParserRejectedMarkup:
        return "", ""
    for tag, name in HEADINGS.items():
        found = soup.find(tag)
        if said := line(found.get_text(" ") if found else "", limit=MAX_QUOTED_CHARS):
            return name, said
    return "", ""
