"""One reader for every forum: a program is a table of where things stand on its pages.

A list page gives threads, each followed only if its row says something new: its title, its count of replies,
its last post, its price. A thread's page gives its first post, which is the listing, and its replies, which
are listings of their own. What a post quotes is somebody else's, so it is dropped; so are signatures, marks
of edits and the noise against copying. What the site keeps from guests is said (`HIDDEN`), and never asked
for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from crawler.clean import Clock, claimed_count, line, price
from crawler.clean.zone import order_in, told_by
from crawler.errors import MissingOrKept, NotThere
from crawler.listing import ParsedListing, ParsedPrice
from crawler.sources.definition import FamilySource
from crawler.sources.families.address import Address, ThreadAddress, numbers, place
from crawler.sources.families.find import field, first, found, instant, texts, when
from crawler.sources.families.post import HIDDEN, PostSelectors
from crawler.sources.feed import FeedEntry, entries_of
from crawler.sources.fields import FieldReader, SelectorCounts
from crawler.sources.html import Markup
from crawler.sources.markup import Element, text_of, tree
from crawler.sources.page import Follow, Page, Parsed, Role
from crawler.sources.urls import canonical
from text.charset import decode_page

#: A page that is there for one message: header and footer of a forum have 2,000 to 4,000 characters.
MAX_MESSAGE_CHARS = 6_000

# A link to the last post names it: #msg12, #post12, #p12, #pid12, &p=12, &pid=12.
_POST_ID = re.compile(r"(?:msg|post-?|[?&;]p(?:id)?=|#p(?:id)?)(\d+)")
# What a victim earns, which those who sell access to it put in their titles, is not what they ask.
_SUM = (
    r"[$€£¥]? ?\d[\d.,]{0,20} ?(?:[kmb]|bn|mln|million|billion|万|亿)?\+?(?![a-z\d])"
    r" ?(?:[$€£¥]|usd|eur|美元)?"
)
_EARNED = r"(?:revenue|turnover|营收|营业额|年收入|выручка)"
_TURNOVER = re.compile(
    rf"{_EARNED}[^\w$€£¥]{{0,5}}(?:of |is )?{_SUM}|{_SUM} ?(?:in |of )?(?:annual |yearly )?{_EARNED}",
    re.IGNORECASE,
)
_BRACKETS = " \t\n[](){}【】:：-"


@dataclass(frozen=True, slots=True)
class Feed:
    """A board's feed: the address that it is recognised by, and the list page it is a window on."""

    shape: re.Pattern[str]
    board: str = ""

    def of(self, url: str) -> str | None:
        """Return the list page of this feed's address, "" for a feed of all boards, `None` for no feed."""
        hit = self.shape.fullmatch(url)
        return self.board.format(**hit.groupdict()) if hit else None


@dataclass(frozen=True, slots=True)
class ListSelectors:
    """Where things stand on a list page; all but `each` and `empty` are looked for in one row.

    `changed` gives what changes with the last post and never by itself ("5 minutes ago" does).
    """

    each: str
    empty: str
    link: str
    seller: str
    posted: str
    replies: str
    changed: str
    prefix: str = ""
    price: str = ""
    moved: str = ""


@dataclass(frozen=True, slots=True)
class Forum:
    """One program: its addresses, and where things stand. Selectors are CSS, or XPath after `xpath:`.

    `pages` are the links of a navigation, `onward` the one that leads to the next page, `trail` those of the
    boards above a page. `clock` is where a page says its zone or what time it is. `rows_counted`: its
    addresses count rows and not pages. `missing` is what it says, with status 200, of a thread that is gone,
    `missing_or_kept` what it says alike of one that is gone and of one on a board that is closed to us, and
    `withheld` what it says in the place of one that it does not show to everybody. `groups` are the links of
    an index that lead to a group of boards, which lists no threads.
    """

    threads: tuple[Address, ...]
    boards: tuple[Address, ...]
    rows: ListSelectors
    title: str
    post: PostSelectors
    pages: str
    onward: str
    trail: str
    prefix: str = ""
    clock: str = ""
    feeds: tuple[Feed, ...] = ()
    rows_counted: bool = False
    missing: tuple[str, ...] = ()
    missing_or_kept: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    groups: str = ""


class ForumAdapter:
    """Reads the boards of one site, as its program's table says."""

    def __init__(self, forum: Forum, definition: FamilySource, digest: Callable[[str], str]) -> None:
        self.forum = forum
        self.definition = definition
        self.digest = digest

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [
            Follow(url, Role.LIST if self._board_of_feed(url) is None else Role.FEED)
            for url in self.definition.start
        ]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        """A reply has none: it is read with its thread."""
        return None if listing.thread else Follow(listing.url, Role.ITEM, listing.key, listing)

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        findings = SelectorCounts()
        if page.role is Role.FEED:
            parsed = self._feed(page, decoded.text)
        else:
            root = tree(decoded.text)
            reader = FieldReader(Markup(), self._clock(page, root), self.definition.currency, findings)
            read = self._list if page.role is Role.LIST else self._thread
            parsed = read(page, root, reader)
        return replace(parsed, findings=findings.report(), charset=decoded.charset)

    def _clock(self, page: Page, root: Element) -> Clock:
        source = self.definition
        clock = Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)
        for element in found(root, self.forum.clock)[:1]:
            shown = instant(element, clock)
            clock = told_by(text_of(element), clock, instant=shown.at if shown else None)
        return clock if clock.order else replace(clock, order=order_in(self._dates(page, root)))

    def _dates(self, page: Page, root: Element) -> list[str]:
        """Return what the page's dates say: of its rows, or of its posts."""
        rows, post = self.forum.rows, self.forum.post
        each, posted = (rows.each, rows.posted) if page.role is Role.LIST else (post.each, post.posted)
        return [words for element in found(root, each) for words in texts(element, posted)]

    # --- feeds

    def _board_of_feed(self, url: str) -> str | None:
        boards = (feed.of(url) for feed in self.forum.feeds)
        return next((board for board in boards if board is not None), None)

    def _feed(self, page: Page, text: str) -> Parsed:
        """A feed says which threads there are; the list page behind it says which changed."""
        read = entries_of(text)
        if read is None:
            return Parsed(recognised=False)
        follows = [self._entry(page, entry) for entry in read[0]]
        unique = {follow.key: follow for follow in reversed(follows) if follow is not None}
        return Parsed(
            follows=tuple(reversed(unique.values())),
            next_page=self._board_of_feed(page.url) or None,
            next_role=Role.LIST,
            recognised=bool(unique) or not follows,
            whole=None not in follows,
        )

    def _entry(self, page: Page, entry: FeedEntry) -> Follow | None:
        """An entry may be a reply, so that its author and its text are not the thread's."""
        thread = self._place(self.forum.threads, entry.link, page)
        if thread is None:
            return None
        title = line(entry.title.removeprefix("Re: "))
        return self.own_page(ParsedListing(key=f"t{thread.id}", url=thread.url, title=title))

    # --- list pages

    def _list(self, page: Page, root: Element, reader: FieldReader) -> Parsed:
        table = self.forum.rows
        rows = found(root, table.each)
        threads: dict[str, ParsedListing] = {}
        for row in rows:
            if (thread := self._row(page, row, reader)) is not None:
                threads.setdefault(thread.key, thread)
        follows = (self.own_page(thread) for thread in threads.values())
        here, further = self._navigation(page, root, self.forum.boards)
        return Parsed(
            follows=tuple(follow for follow in follows if follow is not None),
            next_page=self._onward(page, root, here, further),
            # A board shows the threads of some days or of one kind: what it does not list is not gone.
            end=False,
            recognised=bool(threads) or bool(found(root, table.empty)) or bool(found(root, table.moved)),
            pages_total=len(further) + 1 if here is not None else None,
        )

    def _row(self, page: Page, row: Element, reader: FieldReader) -> ParsedListing | None:
        """Return a thread; `None` for an announcement and for a row that leads to another board."""
        table = self.forum.rows
        linked = self._linked(page, row)
        if linked is None or found(row, table.moved):
            return None
        anchor, thread = linked
        title = _titled(first(row, table.prefix), text_of(anchor))
        reader.findings.note("row", "title", table.link, [title], title)
        shown = first(row, table.price)
        cost = self._price(shown, title)
        said = [shown] if table.price else [title]
        reader.findings.note("row", "price", table.price or "(title)", said if cost or shown else [], cost)
        at = when(reader, "row", table.posted, row)
        state = (title, shown, _count(row, table.replies), _last(row, table.changed))
        return ParsedListing(
            key=f"t{thread.id}",
            url=thread.url,
            title=title,
            seller=field(reader, "row", "seller", table.seller, row) or None,
            price=cost,
            claimed_records=claimed_count(title),
            posted_at=at.at if at else None,
            posted_at_uncertain=bool(at and at.uncertain),
            row_digest=self.digest("\x1f".join(state)),
        )

    def _linked(self, page: Page, row: Element) -> tuple[Element, ThreadAddress] | None:
        for anchor in found(row, self.forum.rows.link):
            if (thread := self._place(self.forum.threads, anchor.get("href"), page)) is not None:
                return anchor, thread
        return None

    def _price(self, shown: str, title: str) -> ParsedPrice | None:
        """The title's, which is what is asked for; else what the board itself takes for reading on.

        A number alone is a price only where the board says that it is one.
        """
        own = self.definition.currency
        asked = _TURNOVER.sub(" ", title)
        named = price(asked, currency=own) if price(asked) is not None else None
        return named or (price(shown, currency=own) if shown else None)

    # --- the way on

    def _place(self, addresses: tuple[Address, ...], href: str | None, page: Page) -> ThreadAddress | None:
        return place(addresses, canonical(href, base=page.url)) if href else None

    def _navigation(
        self, page: Page, root: Element, addresses: tuple[Address, ...]
    ) -> tuple[ThreadAddress | None, range]:
        """Return which page this is, and the numbers of the further ones."""
        here = self._place(addresses, page.url, page)
        if here is None:
            return None, range(0)
        hrefs = (anchor.get("href") for anchor in found(root, self.forum.pages))
        links = [there for href in hrefs if (there := self._place(addresses, href, page)) is not None]
        return here, numbers(here, links, rows=self.forum.rows_counted)

    def _onward(self, page: Page, root: Element, here: ThreadAddress | None, further: range) -> str | None:
        """Return the next list page, as the page links to it or as its number says."""
        later = [number for number in further if here is not None and number > max(here.page, 1)]
        if here is not None and later:
            return here.at(later[0])
        hrefs = (anchor.get("href") for anchor in found(root, self.forum.onward))
        onward = next((canonical(href, base=page.url) for href in hrefs if href), None)
        return onward if onward != page.url else None

    # --- threads

    def _thread(self, page: Page, root: Element, reader: FieldReader) -> Parsed:
        table = self.forum
        title = _titled(first(root, table.prefix), first(root, table.title))
        reader.findings.note("item", "title", table.title, [title] if title else [], title)
        posts = self._posts(page, root, reader)
        if not posts or not title:
            return self._said_instead(root, page)
        key = page.key or page.url
        leading = page.role is Role.ITEM
        before = page.partial or ParsedListing(key=key, url=page.url)
        opening = posts[0] if leading or _opened(before, posts[0]) else None
        listings = [self._first_post(before, title, posts[0])] if leading else []
        if not self.definition.replies:
            return Parsed(listings=tuple(listings))
        listings += [self._reply(post, key) for post in posts if post is not opening]
        here, further = self._navigation(page, root, table.threads)
        rest = tuple(here.at(number) for number in reversed(further)) if here is not None and leading else ()
        return Parsed(listings=tuple(listings), rest=rest)

    def _posts(self, page: Page, root: Element, reader: FieldReader) -> list[ParsedListing]:
        """Return the posts of a page, each once: a best answer stands above the others and among them.

        The one that opens the thread is on its first page, and left out where it is repeated.
        """
        table = self.forum.post
        elements = found(root, table.each)
        if page.role is Role.REPLIES:
            elements = [each for each in elements if not table.opens(each)]
        read = [post for each in elements if (post := table.read(page, each, reader)) is not None]
        return list({post.key: post for post in read}.values())

    def _said_instead(self, root: Element, page: Page) -> Parsed:
        """Read a page that says one thing and little else: that there is no such thread, or who may read it.

        Raises `NotThere` or `MissingOrKept`. A thread that is kept from guests is what its row said of it; a
        second look, which knows no row, finds nothing new.
        """
        said = text_of(root)
        said = said if len(said) <= MAX_MESSAGE_CHARS else ""
        kept = any(words in said for words in self.forum.missing_or_kept)
        if kept and not self._names_its_boards():
            raise MissingOrKept(
                f"{urlsplit(page.url).hostname} says that a thread is gone, or its board closed to us."
            )
        if kept or any(words in said for words in self.forum.missing):
            raise NotThere(f"{urlsplit(page.url).hostname} says that there is no such thread.")
        if not any(words in said for words in self.forum.withheld):
            return Parsed(recognised=False)
        before = page.partial if page.role is Role.ITEM else None
        return Parsed(listings=(replace(before, body=HIDDEN),) if before and before.title else ())

    def _names_its_boards(self) -> bool:
        """Whether each start is one board, or its feed.

        Where such a board is closed its list does not come, and then a run believes of no thread that it is
        gone. A feed of all boards only stops to name those of a closed one.
        """
        return all(
            self._board_of_feed(start) or place(self.forum.boards, start) for start in self.definition.start
        )

    def _first_post(self, before: ParsedListing, title: str, post: ParsedListing) -> ParsedListing:
        dated = post if post.posted_at is not None else before
        return replace(
            before,
            title=title,
            body=post.body,
            sample=post.sample,
            seller=post.seller or before.seller,
            price=self._price("", title) or before.price,
            claimed_records=claimed_count(title),
            posted_at=dated.posted_at,
            posted_at_uncertain=dated.posted_at_uncertain,
            links=post.links,
        )

    def _reply(self, post: ParsedListing, thread: str) -> ParsedListing:
        """A reply has no title: a name in the thread's would be found once a reply."""
        state = f"{post.seller}\x1f{post.body}\x1f{post.sample}"
        return replace(post, key=f"{thread}/{post.key}", thread=thread, row_digest=self.digest(state))


def _opened(thread: ParsedListing, post: ParsedListing) -> bool:
    """Say whether a post on a further page opens the thread: the row names its author and its time."""
    return post.posted_at is not None and (post.seller, post.posted_at) == (thread.seller, thread.posted_at)


def _titled(prefix: str, title: str) -> str:
    """The prefix stands in front, in brackets, however the board draws it."""
    label = line(prefix.strip(_BRACKETS))
    return line(f"[{label}] {title}" if label and title else title)


def _count(row: Element, selector: str) -> str:
    """Only the digits: what they are called depends on their number in many languages."""
    return re.sub(r"\D", "", first(row, selector))


def _last(row: Element, selector: str) -> str:
    """Return what stands for the last post: its number where a link has it, else who wrote it."""
    said = texts(row, selector)
    ids = [hit[1] for text in said if (hit := _POST_ID.search(text))]
    return " ".join(ids or said)
