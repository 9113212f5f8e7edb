"""What the families that answer in JSON share: documents that may hold anything, and threads of posts."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from crawler.clean import Clock, block, claimed_count, line, moment, price
from crawler.clean.text import MAX_SELLER_CHARS, verbatim
from crawler.errors import NotThere
from crawler.listing import ParsedListing
from crawler.sources.definition import FamilySource
from crawler.sources.families.family import Digest
from crawler.sources.html import select
from crawler.sources.json import loaded
from crawler.sources.listed import links
from crawler.sources.markup import Element, drop, links_of, text_of, text_of_markup, tree
from crawler.sources.page import FieldFinding, Follow, Page, Parsed, Role
from text.charset import Decoded, decode_page

#: More rows or posts than this on one page are bait.
MAX_ROWS = 2_000
#: A list or a thread that says it has more pages has a mistake, or wants to be read for ever.
MAX_PAGES = 10_000
#: Of one post: blocks of code that are its sample.
MAX_SAMPLES = 20
MAX_SHOWN_CHARS = 200

#: A part of a document: whatever its sender liked.
Json: TypeAlias = Any

_HALVES = re.compile("[\ud800-\udfff]")
_SHOWN = ("title", "body", "seller", "posted_at", "claimed_records", "price", "sample")


def member(node: Json, *names: str | int) -> Json:
    """Return what stands at the end of a path of keys and places, or `None`."""
    for name in names:
        if isinstance(node, dict):
            node = node.get(name)
        elif isinstance(node, list) and isinstance(name, int):
            node = node[name] if name < len(node) else None
        else:
            return None
    return node


def string(node: Json, *names: str | int) -> str:
    """Return the text or the number at the end of a path; empty for anything else."""
    value = member(node, *names)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    # JSON can name half a character, which no encoding can write.
    return _HALVES.sub("\ufffd", str(value))


def number(node: Json, *names: str | int) -> int:
    """Return the whole number at the end of a path, and 0 for anything else."""
    text = string(node, *names)
    return int(text) if re.fullmatch(r"\d{1,12}", text) else 0


def objects(node: Json, *names: str | int) -> list[dict[str, Json]] | None:
    """Return the objects of the list at the end of a path, or `None` where there is no list."""
    found = member(node, *names)
    return [each for each in found[:MAX_ROWS] if isinstance(each, dict)] if isinstance(found, list) else None


def first_of(node: Json, *names: str) -> str:
    """Return the first of these keys that says something: versions of an API rename what they mean."""
    return next((text for name in names if (text := string(node, name).strip())), "")


def posted(text: str, clock: Clock) -> dict[str, Any]:
    """Return the fields of a listing's date, and none where there is no date."""
    when = moment(text, clock) if text else None
    return {} if when is None else {"posted_at": when.at, "posted_at_uncertain": when.uncertain}


def named(author: str) -> str | None:
    return line(text_of_markup(author), limit=MAX_SELLER_CHARS) or None


def titled(markup: str) -> dict[str, Any]:
    """Return a title's fields: itself, and the claim that sellers put there."""
    title = line(text_of_markup(markup))
    return {"title": title, "claimed_records": claimed_count(title)}


def written(markup: str, *, base: str, quotes: str = "") -> dict[str, Any]:
    """Return what the markup of a post says: body, sample (its blocks of code) and links.

    What the selector `quotes` finds is somebody else's and was counted where it stands.
    """
    root = tree(markup)
    for element in select(root, quotes) if quotes else ():
        drop(element)
    sample = cut_out(root, "pre")
    return {"body": block(text_of(root)), "sample": sample, "links": links(links_of(root), base=base)}


def cut_out(root: Element, selector: str) -> str:
    """Take the blocks of code out of a post, and return them as its sample."""
    found = select(root, selector)[:MAX_SAMPLES]
    texts = [verbatim(text_of(code)).strip("\n") for code in found]
    for code in found:
        drop(code)
    return "\n\n".join(text for text in texts if text)


def told(part: str, listings: Sequence[ParsedListing]) -> tuple[FieldFinding, ...]:
    """Return in how many listings each field was found, for `source try` and the health of a source."""
    values = {name: [value for each in listings if (value := getattr(each, name))] for name in _SHOWN}
    return tuple(
        FieldFinding(part, name, "(api)", len(listings), len(found), *[str(found[0])[:MAX_SHOWN_CHARS]] * 2)
        for name, found in values.items()
        if found
    )


def site_of(url: str, *marks: str) -> str:
    """Return the address of a site's root, with a slash at its end: what stands before any of the `marks`.

    Programs are installed below a path, too: `https://site.example/forum/d/5` is of `.../forum/`.
    """
    parts = urlsplit(url)
    path = re.split(rf"/(?:{'|'.join(marks)})(?:/|$)", parts.path or "/", maxsplit=1)[0]
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}/"


class JsonFamily(ABC):
    """An adapter of a program's interface; `digest` is the keyed hash that stands for a row."""

    def __init__(self, definition: FamilySource, digest: Digest) -> None:
        self.definition = definition
        self.digest = digest

    @abstractmethod
    def entry(self, url: str) -> str:
        """Return where the interface's list is, for an address that the source's file may name."""

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(self.entry(url), Role.API) for url in self.definition.start]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        return None

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        parsed = self.read(page, decoded, self.clock(page)) or Parsed(recognised=False)
        return replace(parsed, charset=decoded.charset)

    def clock(self, page: Page) -> Clock:
        source = self.definition
        return Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)

    def read(self, page: Page, decoded: Decoded, clock: Clock) -> Parsed | None:
        document = loaded(decoded.text)
        return None if document is None else self.list_page(page, document, clock)

    @abstractmethod
    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        """Read a page of the list; `None` for what is none."""


def listed(
    listings: Iterable[ParsedListing | None], *, next_page: str | None = None, end: bool = False
) -> Parsed:
    """Return a page of complete listings, the first of each key."""
    unique: dict[str, ParsedListing] = {}
    for each in listings:
        if each is not None:
            unique.setdefault(each.key, each)
    found = tuple(unique.values())
    return Parsed(listings=found, next_page=next_page, end=end, findings=told("row", found))


@dataclass(frozen=True, slots=True)
class ApiPost:
    """One post of a thread as its program gives it; `edited` is anything that changes when it is edited."""

    id: str
    url: str
    markup: str
    author: str
    posted: str
    edited: str = ""
    first: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """One page of a thread; `rest` are its other pages, the newest first."""

    title: str
    posts: Sequence[ApiPost]
    rest: tuple[str, ...] = ()


class ThreadFamily(JsonFamily):
    """A forum: rows of threads, and pages of posts."""

    #: What is quoted, in any post and in replies.
    quotes = ""
    quotes_in_replies = "blockquote"

    @abstractmethod
    def thread(self, page: Page, document: Json) -> Thread | None:
        """Read a page of a thread; `None` for what is none."""

    def read(self, page: Page, decoded: Decoded, clock: Clock) -> Parsed | None:
        document = loaded(decoded.text)
        if document is None:
            return None
        if page.role not in (Role.ITEM, Role.REPLIES):
            return self.list_page(page, document, clock)
        thread = self.thread(page, document)
        return None if thread is None else self._posts(page, thread, clock)

    def row(
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
        """Return what leads to a thread; `state` is what changes when it is worth another look."""
        row = ParsedListing(
            key=f"t{thread_id}",
            url=url,
            seller=named(author),
            row_digest=self.digest("\x1f".join((title, *state))),
            **titled(title),
            **posted(created, clock),
        )
        return self.own_page(row)

    def _posts(self, page: Page, thread: Thread, clock: Clock) -> Parsed:
        before = page.partial or ParsedListing(key=page.key or page.url, url=page.url)
        if page.role is Role.ITEM and not thread.posts:
            raise NotThere("A thread has no posts any more.")
        firsts = [self._first(before, thread, post, clock) for post in thread.posts if post.first]
        if page.role is Role.ITEM and not firsts:
            # Its first post was deleted: what its row said is all there is of it.
            firsts = [replace(before, **titled(thread.title or before.title))]
        replies = [self._reply(before.key, post, clock) for post in thread.posts if not post.first]
        if not self.definition.replies:
            return Parsed(listings=tuple(firsts), findings=told("post", firsts))
        findings = told("post", firsts) + told("reply", replies)
        return Parsed(listings=(*firsts, *replies), rest=thread.rest, findings=findings)

    def _first(self, before: ParsedListing, thread: Thread, post: ApiPost, clock: Clock) -> ParsedListing:
        said = titled(thread.title) if thread.title else {}
        said |= written(post.markup, base=post.url, quotes=self.quotes) | posted(post.posted, clock)
        asked = price(line(text_of_markup(thread.title)), currency=self.definition.currency)
        return replace(
            before, seller=named(post.author) or before.seller, price=asked or before.price, **said
        )

    def _reply(self, thread_key: str, post: ApiPost, clock: Clock) -> ParsedListing:
        quotes = ", ".join(filter(None, (self.quotes, self.quotes_in_replies)))
        return ParsedListing(
            key=f"{thread_key}/p{post.id}",
            url=post.url,
            seller=named(post.author),
            thread=thread_key,
            row_digest=self.digest(f"{post.markup}\x1f{post.edited}"),
            **written(post.markup, base=post.url, quotes=quotes),
            **posted(post.posted, clock),
        )


def listed_threads(
    follows: Iterable[Follow | None], *, next_page: str | None, end: bool, total: int | None = None
) -> Parsed:
    """Return a page of rows that lead to threads."""
    found = tuple(follow for follow in follows if follow is not None)
    rows = [follow.partial for follow in found if follow.partial is not None]
    return Parsed(follows=found, next_page=next_page, end=end, pages_total=total, findings=told("row", rows))


#: The fields of a thread that its own page gives.
BY_THREAD = frozenset({"title", "body", "seller", "posted_at", "sample", "price", "claimed_records"})
