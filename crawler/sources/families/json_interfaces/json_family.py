"""The base of families with a JSON interface: reading documents of any content, and threads of posts."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from crawler.clean import Clock, block, claimed_count, line, moment, price
from crawler.clean.text import MAX_SELLER_CHARS, verbatim
from crawler.errors import NotThere
from crawler.listing import ParsedListing
from crawler.sources.adapter import FieldFinding, Follow, Page, PageRole, Parsed
from crawler.sources.definition import FamilySource
from crawler.sources.families.family import Digest
from crawler.sources.kinds.html import select_elements
from crawler.sources.kinds.json import load_json
from crawler.sources.kinds.list_adapter import absolute_urls
from crawler.sources.markup import Element, drop, links_of, text_of, text_of_markup, tree
from text.charset import Decoded, decode_page

#: A page with more rows or posts than this is a trap.
MAX_ROWS = 2_000
#: A list or thread that claims more pages than this has an error, or is a trap.
MAX_PAGES = 10_000
#: Maximum blocks of code of one post that form its sample.
MAX_SAMPLES = 20
MAX_SHOWN_CHARS = 200

#: A part of a document. It may be of any type.
Json: TypeAlias = Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_COUNTED_FIELDS = ("title", "body", "seller", "posted_at", "claimed_records", "price", "sample")


def value_at(node: Json, *names: str | int) -> Json:
    """Return the value at the end of a path of keys and indexes, or `None`."""
    for name in names:
        if isinstance(node, dict):
            node = node.get(name)
        elif isinstance(node, list) and isinstance(name, int):
            node = node[name] if name < len(node) else None
        else:
            return None
    return node


def text_at(node: Json, *names: str | int) -> str:
    """Return the text or number at the end of a path; empty for anything else."""
    value = value_at(node, *names)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    # JSON can contain a lone surrogate, which no encoding can write.
    return _LONE_SURROGATE.sub("\ufffd", str(value))


def number_at(node: Json, *names: str | int) -> int:
    """Return the whole number at the end of a path; 0 for anything else."""
    text = text_at(node, *names)
    return int(text) if re.fullmatch(r"\d{1,12}", text) else 0


def objects_at(node: Json, *names: str | int) -> list[dict[str, Json]] | None:
    """Return the objects in the list at the end of a path, or `None` if there is no list."""
    found = value_at(node, *names)
    return [each for each in found[:MAX_ROWS] if isinstance(each, dict)] if isinstance(found, list) else None


def first_text_at(node: Json, *names: str) -> str:
    """Return the first non-empty text of these keys: versions of an API use different names."""
    return next((text for name in names if (text := text_at(node, name).strip())), "")


def date_fields(text: str, clock: Clock) -> dict[str, Any]:
    """Return the date fields of a listing; an empty dict if there is no date."""
    when = moment(text, clock) if text else None
    return {} if when is None else {"posted_at": when.at, "posted_at_uncertain": when.uncertain}


def seller_name(author: str) -> str | None:
    return line(text_of_markup(author), limit=MAX_SELLER_CHARS) or None


def as_markup(text: str) -> str:
    """Return plain text as markup: in a title that is not HTML, `<lender.example>` is what people read."""
    return escape(text, quote=False)


def title_fields(markup: str) -> dict[str, Any]:
    """Return the fields in a title: the title, and the number of records that it claims."""
    title = line(text_of_markup(markup))
    return {"title": title, "claimed_records": claimed_count(title)}


def body_fields(markup: str, *, base: str, quotes: str = "") -> dict[str, Any]:
    """Return the fields in the markup of a post: body, sample (its blocks of code) and links.

    Elements that the selector `quotes` finds are dropped: they are text of others, which was read in its
    own post.
    """
    root = tree(markup)
    for element in select_elements(root, quotes) if quotes else ():
        drop(element)
    sample = extract_sample(root, "pre")
    return {"body": block(text_of(root)), "sample": sample, "links": absolute_urls(links_of(root), base=base)}


def extract_sample(root: Element, selector: str) -> str:
    """Remove the blocks of code from a post, and return them as its sample."""
    found = select_elements(root, selector)[:MAX_SAMPLES]
    texts = [verbatim(text_of(code)).strip("\n") for code in found]
    for code in found:
        drop(code)
    return "\n\n".join(text for text in texts if text)


def field_findings(part: str, listings: Sequence[ParsedListing]) -> tuple[FieldFinding, ...]:
    """Return in how many listings each field was found, for `source try` and the health of a source."""
    values = {
        name: [value for each in listings if (value := getattr(each, name))] for name in _COUNTED_FIELDS
    }
    return tuple(
        FieldFinding(part, name, "(api)", len(listings), len(found), *[str(found[0])[:MAX_SHOWN_CHARS]] * 2)
        for name, found in values.items()
        if found
    )


def site_root(url: str, *marks: str) -> str:
    """Return the root address of a site, ending in a slash: the part before the first of the `marks`.

    A program may be installed below a path: the root of `https://site.example/forum/d/5` is
    `https://site.example/forum/`.
    """
    parts = urlsplit(url)
    path = re.split(rf"/(?:{'|'.join(marks)})(?:/|$)", parts.path or "/", maxsplit=1)[0]
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}/"


class JsonFamily(ABC):
    """The adapter of a program's interface. `digest` is the keyed hash of a row."""

    def __init__(self, definition: FamilySource, digest: Digest) -> None:
        self.definition = definition
        self.digest = digest

    @abstractmethod
    def list_url(self, url: str) -> str:
        """Return the address of the interface's list, for an address that a source file may name."""

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(self.list_url(url), PageRole.API) for url in self.definition.start]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        return None

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        parsed = self.parse_page(page, decoded, self.source_clock(page)) or Parsed(recognised=False)
        return replace(parsed, charset=decoded.charset)

    def source_clock(self, page: Page) -> Clock:
        source = self.definition
        return Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)

    def parse_page(self, page: Page, decoded: Decoded, clock: Clock) -> Parsed | None:
        document = load_json(decoded.text)
        return None if document is None else self.parse_list(page, document, clock)

    @abstractmethod
    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        """Parse a page of the list. `None`: it is not one."""


def page_of_listings(
    listings: Iterable[ParsedListing | None], *, next_page: str | None = None, end: bool = False
) -> Parsed:
    """Return a page of complete listings, the first one per key."""
    unique: dict[str, ParsedListing] = {}
    for each in listings:
        if each is not None:
            unique.setdefault(each.key, each)
    found = tuple(unique.values())
    return Parsed(listings=found, next_page=next_page, end=end, findings=field_findings("row", found))


@dataclass(frozen=True, slots=True)
class ApiPost:
    """One post of a thread as its program gives it. `edited` is any text that changes with an edit."""

    id: str
    url: str
    markup: str
    author: str
    posted: str
    edited: str = ""
    first: bool = False


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """One page of a thread. `rest` holds its other pages, the newest first."""

    title: str
    posts: Sequence[ApiPost]
    rest: tuple[str, ...] = ()


class ThreadFamily(JsonFamily):
    """A forum: list pages with threads, and pages with posts."""

    #: Selectors of quotes: in any post, and in addition in replies.
    quote_selector = ""
    reply_quote_selector = "blockquote"

    @abstractmethod
    def parse_thread(self, page: Page, document: Json) -> ThreadPage | None:
        """Parse a page of a thread. `None`: it is not one."""

    def parse_page(self, page: Page, decoded: Decoded, clock: Clock) -> Parsed | None:
        document = load_json(decoded.text)
        if document is None:
            return None
        if page.role not in (PageRole.ITEM, PageRole.REPLIES):
            return self.parse_list(page, document, clock)
        thread = self.parse_thread(page, document)
        return None if thread is None else self._read_posts(page, thread, clock)

    def follow_thread(
        self,
        thread_id: str,
        *,
        url: str,
        title: str,
        author: str,
        created: str,
        state: Sequence[str],
        clock: Clock,
    ) -> Follow | None:
        """Return the page of a thread. `state` changes when the thread should be read again."""
        row = ParsedListing(
            key=f"t{thread_id}",
            url=url,
            seller=seller_name(author),
            row_digest=self.digest("\x1f".join((title, *state))),
            **title_fields(title),
            **date_fields(created, clock),
        )
        return self.own_page(row)

    def _read_posts(self, page: Page, thread: ThreadPage, clock: Clock) -> Parsed:
        before = page.partial or ParsedListing(key=page.key or page.url, url=page.url)
        if page.role is PageRole.ITEM and not thread.posts:
            raise NotThere("The thread has no posts any more.")
        firsts = [self._first_listing(before, thread, post, clock) for post in thread.posts if post.first]
        if page.role is PageRole.ITEM and not firsts:
            # Its first post was deleted. Only the values of its row remain.
            firsts = [replace(before, **title_fields(thread.title or before.title))]
        replies = [self._reply_listing(before.key, post, clock) for post in thread.posts if not post.first]
        if not self.definition.replies:
            return Parsed(listings=tuple(firsts), findings=field_findings("post", firsts))
        findings = field_findings("post", firsts) + field_findings("reply", replies)
        return Parsed(listings=(*firsts, *replies), rest=thread.rest, findings=findings)

    def _first_listing(
        self, before: ParsedListing, thread: ThreadPage, post: ApiPost, clock: Clock
    ) -> ParsedListing:
        said = title_fields(thread.title) if thread.title else {}
        said |= body_fields(post.markup, base=post.url, quotes=self.quote_selector) | date_fields(
            post.posted, clock
        )
        asked = price(line(text_of_markup(thread.title)), currency=self.definition.currency)
        return replace(
            before, seller=seller_name(post.author) or before.seller, price=asked or before.price, **said
        )

    def _reply_listing(self, thread_key: str, post: ApiPost, clock: Clock) -> ParsedListing:
        quotes = ", ".join(filter(None, (self.quote_selector, self.reply_quote_selector)))
        return ParsedListing(
            key=f"{thread_key}/p{post.id}",
            url=post.url,
            seller=seller_name(post.author),
            thread=thread_key,
            row_digest=self.digest(f"{post.markup}\x1f{post.edited}"),
            **body_fields(post.markup, base=post.url, quotes=quotes),
            **date_fields(post.posted, clock),
        )


def page_of_threads(
    follows: Iterable[Follow | None], *, next_page: str | None, end: bool, total: int | None = None
) -> Parsed:
    """Return a page of rows that lead to threads."""
    found = tuple(follow for follow in follows if follow is not None)
    rows = [follow.partial for follow in found if follow.partial is not None]
    return Parsed(
        follows=found, next_page=next_page, end=end, pages_total=total, findings=field_findings("row", rows)
    )


#: Fields that the page of a thread gives.
THREAD_FIELDS = frozenset({"title", "body", "seller", "posted_at", "sample", "price", "claimed_records"})
