"""What a page that is not recognised says it is: a login, a check for robots, a site that moved."""

from __future__ import annotations

import warnings

from bs4 import BeautifulSoup
from bs4.exceptions import ParserRejectedMarkup
from bs4.filter import SoupStrainer

from crawler.clean import line
from text.charset import decode_page

#: A title stands at the beginning; what is behind this is not looked at.
MAX_BYTES = 64 << 10
#: Of what is quoted.
MAX_CHARS = 80
#: The first of these that says something is quoted.
HEADINGS = {"title": "title", "h1": "first heading", "h2": "first heading"}


def introduced(body: bytes, *, charset: str | None = None) -> str:
    """Return a sentence that quotes a page's title or else its first heading; empty for one without.

    What is quoted is one line without control characters, and not masked.
    """
    text = decode_page(body[:MAX_BYTES], declared=charset).text.replace("\x00", "")
    try:
        with warnings.catch_warnings():
            # It warns of what looks like XML, a file's name or an address, and reads it all the same.
            warnings.simplefilter("ignore")
            soup = BeautifulSoup(text, "lxml", parse_only=SoupStrainer(list(HEADINGS)))
    except ParserRejectedMarkup:
        return ""
    for tag, name in HEADINGS.items():
        found = soup.find(tag)
        if said := line(found.get_text(" ") if found else "", limit=MAX_CHARS):
            return f"Its {name} is “{said}”."
    return ""
