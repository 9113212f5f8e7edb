"""Says what a page is that is not recognised: the title of a login or a robot check, or another document."""

from __future__ import annotations

import json
import warnings

from crawler.clean import line
from crawler.sources.adapter import PageRole
from text.charset import decode_page

#: The title is at the beginning. Bytes after this are not searched.
MAX_SEARCHED_BYTES = 64 << 10
#: A longer document is not described.
MAX_DOCUMENT_BYTES = 4 << 20
MAX_NAMED_KEYS = 10
#: Keys under which interfaces say what is wrong.
_MESSAGES = ("message", "error", "error_description", "detail", "msg", "reason", "title")
#: Length of the quotation.
MAX_QUOTED_CHARS = 80
#: Elements in order of preference; the first with text is quoted.
HEADINGS = {"title": "title", "h1": "first heading", "h2": "first heading"}


def describe_page(body: bytes, *, role: PageRole, charset: str | None = None) -> str:
    """Return a sentence about a page that is not recognised; empty if there is nothing to say.

    It is not masked.
    """
    return (
        describe_document(body, charset=charset)
        if role is PageRole.API
        else quote_title(body, charset=charset)
    )


def describe_document(body: bytes, *, charset: str | None = None) -> str:
    """Return what came instead of the expected JSON: another document, or something else."""
    text = decode_page(body[:MAX_DOCUMENT_BYTES], declared=charset).text.strip().removeprefix("\ufeff")
    if not text:
        return "The answer is empty."
    try:
        document = json.loads(text)
    except RecursionError:
        return "The answer is JSON that is nested too deeply."
    except ValueError:
        if text[0] in "{[":
            return "The answer begins like JSON, but is incomplete or invalid."
        titled = quote_title(body, charset=charset)
        if titled or text[0] == "<":
            return f"The answer is not JSON, but markup. {titled}".rstrip()
        return f"The answer is not JSON: it begins with “{line(text, limit=MAX_QUOTED_CHARS)}”."
    if not isinstance(document, dict):
        kind = f"a list of {len(document):,}" if isinstance(document, list) else "a single value"
        return f"The answer is JSON, {kind}."
    said = next((each for name in _MESSAGES if isinstance(each := document.get(name), str) and each), "")
    shown = f" It says “{line(said, limit=MAX_QUOTED_CHARS)}”." if said else ""
    keys = ", ".join(line(str(name), limit=30) for name in list(document)[:MAX_NAMED_KEYS])
    return f"The answer is JSON, an object with {f'the keys {keys}' if keys else 'no keys'}.{shown}"


def quote_title(body: bytes, *, charset: str | None = None) -> str:
    """Return a sentence that quotes the title of a page, or its first heading; empty if it has neither.

    The quotation is one line without control characters. It is not masked.
    """
    name, said = page_heading(body, charset=charset)
    return f"Its {name} is “{said}”." if said else ""


def page_heading(body: bytes, *, charset: str | None = None) -> tuple[str, str]:
    """Return the title of a page, or its first heading, with its name; two empty texts if it has neither."""
    from bs4 import BeautifulSoup  # here: a run whose pages are recognised does not need it
    from bs4.exceptions import ParserRejectedMarkup
    from bs4.filter import SoupStrainer

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
