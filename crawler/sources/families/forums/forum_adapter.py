"""The adapter of all forums: each program is a table of addresses and selectors.

A list page gives threads. A thread is followed only if its row has changed: its title, its number of
replies, its last post, its price. A page of a thread gives its first post, which is the listing, and its
replies, which are listings of their own.

Quotes are dropped from posts, because they are text of others; so are signatures, notes of edits and noise
against copying. Content that the site hides from guests is marked as hidden (`HIDDEN`) and never requested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import urlsplit

from crawler.clean import Clock, claimed_count, line, price
from crawler.clean.zone import clock_from_words, date_order_of
from crawler.errors import MissingOrKept, NotThere
from crawler.listing import ParsedListing, ParsedPrice
from crawler.sources.adapter import Follow, Page, PageRole, Parsed
from crawler.sources.definition import FamilySource
from crawler.sources.families.forums.element_reader import (
    attribute_time,
    element_texts,
    find_elements,
    first_text,
    read_field,
    read_posted_at,
)
from crawler.sources.families.forums.forum_post import HIDDEN, PostSelectors
from crawler.sources.families.forums.thread_address import (
    AddressPattern,
    ThreadAddress,
    further_pages,
    linked_pages,
    read_address,
    rewritten_address,
)
from crawler.sources.field_reader import FieldReader, SelectorCounts
from crawler.sources.kinds.feed import FeedEntry, read_feed
from crawler.sources.kinds.html import MarkupLanguage
from crawler.sources.markup import Element, text_of, tree
from crawler.sources.urls import canonical_url
from text.charset import decode_page

#: A page with a single message, including the header and footer of a forum, which have 2,000 to 4,000
#: characters.
MAX_MESSAGE_CHARS = 6_000

# The number of the last post in a link: #msg12, #post12, #p12, #pid12, &p=12, &pid=12.
_POST_NUMBER = re.compile(r"(?:msg|post-?|[?&;]p(?:id)?=|#p(?:id)?)(\d+)")
# Sellers of access put the revenue of a victim in their titles. It is not the price.
_MONEY = (
    r"[$€£¥]? ?\d[\d.,]{0,20} ?(?:[kmb]|bn|mln|million|billion|万|亿)?\+?(?![a-z\d])"
    r" ?(?:[$€£¥]|usd|eur|美元)?"
)
_REVENUE_WORD = r"(?:revenue|turnover|营收|营业额|年收入|выручка)"
_REVENUE = re.compile(
    rf"{_REVENUE_WORD}[^\w$€£¥]{{0,5}}(?:of |is )?{_MONEY}"
    rf"|{_MONEY} ?(?:in |of )?(?:annual |yearly )?{_REVENUE_WORD}",
    re.IGNORECASE,
)
#: Links of an unrecognised page that are looked at for boards.
MAX_ANCHORS = 2_000
_ROW_NUMBER = re.compile(r"(\d{1,12})$")
_TITLE_END = re.compile(r"\s+(?:[|»·•–—-]|::)\s+")
_BRACKETS = " \t\n[](){}【】:：-"


@dataclass(frozen=True, slots=True)
class BoardFeed:
    """The feed of a board: the pattern of its address, and a template of the list page behind it."""

    shape: re.Pattern[str]
    board: str = ""

    def board_url(self, url: str) -> str | None:
        """Return the list page of a feed, "" for a feed of all boards, `None` for another address."""
        hit = self.shape.fullmatch(url)
        return self.board.format(**hit.groupdict()) if hit else None


@dataclass(frozen=True, slots=True)
class ListSelectors:
    """The selectors of a list page. All except `each` and `empty` are applied to one row.

    `changed` finds something that changes with the last post, but never by itself as "5 minutes ago" does.
    `number` finds an id that ends in the number of the thread, for boards whose addresses do not show it.
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
    number: str = ""


@dataclass(frozen=True, slots=True)
class ForumProgram:
    """One program: its addresses and selectors. Selectors are CSS, or XPath after `xpath:`.

    - `pages`: the links of a navigation; `onward`: the link to the next page; `trail`: the links to the
      boards above.
    - `clock`: where a page states its time zone or the current time.
    - `rows_counted`: addresses count rows instead of pages.
    - `missing`: messages, with status 200, for a thread that is gone.
    - `missing_or_kept`: messages that mean either that, or that the board of the thread is closed to guests.
    - `withheld`: messages in place of a thread that is not shown to everybody.
    - `groups`: the links of an index to groups of boards, which list no threads.
    """

    threads: tuple[AddressPattern, ...]
    boards: tuple[AddressPattern, ...]
    rows: ListSelectors
    title: str
    post: PostSelectors
    pages: str
    onward: str
    trail: str
    prefix: str = ""
    clock: str = ""
    feeds: tuple[BoardFeed, ...] = ()
    rows_counted: bool = False
    missing: tuple[str, ...] = ()
    missing_or_kept: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    groups: str = ""


class ForumAdapter:
    """Reads the boards of one site with the table of its program."""

    def __init__(self, forum: ForumProgram, definition: FamilySource, digest: Callable[[str], str]) -> None:
        self.forum = forum
        self.definition = definition
        self.digest = digest

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [
            Follow(url, PageRole.LIST if self._board_of_feed(url) is None else PageRole.FEED)
            for url in self.definition.start
        ]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        """Return the page of a thread. A reply has none: it is read with its thread."""
        return None if listing.thread else Follow(listing.url, PageRole.ITEM, listing.key, listing)

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        findings = SelectorCounts()
        if page.role is PageRole.FEED:
            parsed = self._read_board_feed(page, decoded.text)
        else:
            root = tree(decoded.text)
            reader = FieldReader(
                MarkupLanguage(), self._page_clock(page, root), self.definition.currency, findings
            )
            read = self._read_list if page.role is PageRole.LIST else self._read_thread
            parsed = read(page, root, reader)
        return replace(parsed, findings=findings.report(), charset=decoded.charset)

    def _page_clock(self, page: Page, root: Element) -> Clock:
        source = self.definition
        clock = Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)
        for element in find_elements(root, self.forum.clock)[:1]:
            shown = attribute_time(element, clock)
            clock = clock_from_words(text_of(element), clock, instant=shown.at if shown else None)
        return clock if clock.order else replace(clock, order=date_order_of(self._page_dates(page, root)))

    def _page_dates(self, page: Page, root: Element) -> list[str]:
        """Return the dates on the page: those of its rows, or of its posts."""
        rows, post = self.forum.rows, self.forum.post
        each, posted = (rows.each, rows.posted) if page.role is PageRole.LIST else (post.each, post.posted)
        return [words for element in find_elements(root, each) for words in element_texts(element, posted)]

    # --- feeds

    def _board_of_feed(self, url: str) -> str | None:
        boards = (feed.board_url(url) for feed in self.forum.feeds)
        return next((board for board in boards if board is not None), None)

    def _read_board_feed(self, page: Page, text: str) -> Parsed:
        """Return the threads in a feed. The list page behind it shows which threads have changed."""
        read = read_feed(text)
        if read is None:
            return Parsed(recognised=False)
        follows = [self._follow_entry(page, entry) for entry in read[0]]
        unique = {follow.key: follow for follow in reversed(follows) if follow is not None}
        return Parsed(
            follows=tuple(reversed(unique.values())),
            next_page=self._board_of_feed(page.url) or None,
            next_role=PageRole.LIST,
            recognised=bool(unique) or not follows,
            whole=None not in follows,
        )

    def _follow_entry(self, page: Page, entry: FeedEntry) -> Follow | None:
        """Return the thread of an entry.

        The entry may be a reply, so its author and text are not those of the thread.
        """
        thread = self._read_address(self.forum.threads, entry.link, page)
        if thread is None:
            return None
        title = line(entry.title.removeprefix("Re: "))
        return self.own_page(ParsedListing(key=f"t{thread.id}", url=thread.url, title=title))

    # --- list pages

    def _read_list(self, page: Page, root: Element, reader: FieldReader) -> Parsed:
        table = self.forum.rows
        rows = find_elements(root, table.each)
        threads: dict[str, ParsedListing] = {}
        left = 0
        for row in rows:
            if (thread := self._read_row(page, row, reader)) is not None:
                threads.setdefault(thread.key, thread)
            else:
                left += self._is_left(row)
        follows = (self.own_page(thread) for thread in threads.values())
        here, further = self._page_numbers(page, root, self.forum.boards)
        recognised = (
            bool(threads) or bool(find_elements(root, table.empty)) or bool(find_elements(root, table.moved))
        )
        return Parsed(
            follows=tuple(follow for follow in follows if follow is not None),
            next_page=self._next_list_page(page, root, here, further),
            # A board may show only recent threads or those of one kind, so a thread that it does not list
            # is not gone.
            end=False,
            recognised=recognised,
            instead="" if recognised else self._boards_instead(page, root),
            rows_left=left if threads else 0,
            pages_total=len(further) + 1 if here is not None else None,
        )

    def _boards_instead(self, page: Page, root: Element) -> str:
        """Say that a page lists boards and no threads: it is the index, or a category of boards."""
        above = {page.url, *(each.get("href") for each in find_elements(root, self.forum.trail))}
        above |= {each.get("href") for each in find_elements(root, self.forum.groups)}
        known = {board.id for url in above if (board := self._read_address(self.forum.boards, url, page))}
        links = islice(root.iter("a"), MAX_ANCHORS)
        found = (self._read_address(self.forum.boards, each.get("href"), page) for each in links)
        boards = {board.id for board in found if board is not None} - known
        return (
            f"It links to {len(boards)} boards and lists no thread: name the boards in `start`, each with its"
            " own address."
            if len(boards) > 1
            else ""
        )

    def _read_row(self, page: Page, row: Element, reader: FieldReader) -> ParsedListing | None:
        """Return the thread of a row. `None`: an announcement, or a thread that moved to another board."""
        table = self.forum.rows
        linked = self._thread_link(page, row)
        if linked is None or find_elements(row, table.moved):
            return None
        anchor, thread = linked
        title = _prefixed_title(first_text(row, table.prefix), text_of(anchor))
        reader.findings.note("row", "title", table.link, [title], title)
        shown = first_text(row, table.price)
        cost = self._asking_price(shown, title)
        said = [shown] if table.price else [title]
        reader.findings.note("row", "price", table.price or "(title)", said if cost or shown else [], cost)
        at = read_posted_at(reader, "row", table.posted, row)
        state = (title, shown, _digits_at(row, table.replies), _last_post(row, table.changed))
        return ParsedListing(
            key=f"t{thread.id}",
            url=thread.url,
            title=title,
            seller=read_field(reader, "row", "seller", table.seller, row) or None,
            price=cost,
            claimed_records=claimed_count(title),
            posted_at=at.at if at else None,
            posted_at_uncertain=bool(at and at.uncertain),
            row_digest=self.digest("\x1f".join(state)),
        )

    def _thread_link(self, page: Page, row: Element) -> tuple[Element, ThreadAddress] | None:
        anchors = find_elements(row, self.forum.rows.link)
        for anchor in anchors:
            if (thread := self._read_address(self.forum.threads, anchor.get("href"), page)) is not None:
                return anchor, thread
        number = _ROW_NUMBER.search(first_text(row, self.forum.rows.number))
        for anchor in anchors if number is not None else ():
            url = canonical_url(anchor.get("href") or "", base=page.url)
            if number is not None and url is not None and url != canonical_url(page.url, base=page.url):
                return anchor, rewritten_address(number[1], url)
        return None

    def _is_left(self, row: Element) -> bool:
        """Return whether a row without a thread names one: its address is not understood."""
        named = any(text_of(anchor).strip() for anchor in find_elements(row, self.forum.rows.link))
        return named and not find_elements(row, self.forum.rows.moved)

    def _asking_price(self, shown: str, title: str) -> ParsedPrice | None:
        """Return the price in the title, else what the board charges for reading the thread.

        A number without a currency is a price only where the board shows it as one.
        """
        own = self.definition.currency
        asked = _REVENUE.sub(" ", title)
        named = price(asked, currency=own) if price(asked) is not None else None
        return named or (price(shown, currency=own) if shown else None)

    # --- further pages

    def _read_address(
        self, addresses: tuple[AddressPattern, ...], href: str | None, page: Page
    ) -> ThreadAddress | None:
        return read_address(addresses, canonical_url(href, base=page.url)) if href else None

    def _page_numbers(
        self, page: Page, root: Element, addresses: tuple[AddressPattern, ...]
    ) -> tuple[ThreadAddress | None, range]:
        """Return the address of this page, and the numbers of the further ones."""
        here = self._read_address(addresses, page.url, page)
        if here is None:
            return None, range(0)
        hrefs = (anchor.get("href") for anchor in find_elements(root, self.forum.pages))
        links = [there for href in hrefs if (there := self._read_address(addresses, href, page)) is not None]
        return here, further_pages(here, links, rows=self.forum.rows_counted)

    def _linked_pages(self, page: Page, root: Element) -> tuple[str, ...]:
        """Return the other pages of a thread whose address is not understood, the newest first."""
        links = [
            (text_of(anchor).strip(), canonical_url(anchor.get("href") or "", base=page.url))
            for anchor in find_elements(root, self.forum.pages)
        ]
        return linked_pages(page.url, [(text, url) for text, url in links if url is not None])

    def _next_list_page(
        self, page: Page, root: Element, here: ThreadAddress | None, further: range
    ) -> str | None:
        """Return the next list page, by its number or by the link to it."""
        later = [number for number in further if here is not None and number > max(here.page, 1)]
        if here is not None and later:
            return here.page_url(later[0])
        hrefs = (anchor.get("href") for anchor in find_elements(root, self.forum.onward))
        onward = next((canonical_url(href, base=page.url) for href in hrefs if href), None)
        return onward if onward != page.url else None

    # --- threads

    def _read_thread(self, page: Page, root: Element, reader: FieldReader) -> Parsed:
        table = self.forum
        title = _prefixed_title(first_text(root, table.prefix), first_text(root, table.title))
        title = title or (page.partial.title if page.partial else "") or _only_title(root)
        reader.findings.note("item", "title", table.title, [title] if title else [], title)
        posts = self._read_posts(page, root, reader)
        if not posts or not title:
            return self._read_message_page(root, page)
        key = page.key or page.url
        leading = page.role is PageRole.ITEM
        before = page.partial or ParsedListing(key=key, url=page.url)
        opening = posts[0] if leading or _opens_thread(before, posts[0]) else None
        listings = [self._first_listing(before, title, posts[0])] if leading else []
        if not self.definition.replies:
            return Parsed(listings=tuple(listings))
        listings += [self._reply_listing(post, key) for post in posts if post is not opening]
        here, further = self._page_numbers(page, root, table.threads)
        rest: tuple[str, ...] = ()
        if leading and here is not None:
            rest = tuple(here.page_url(number) for number in reversed(further))
        elif leading:
            rest = self._linked_pages(page, root)
        return Parsed(listings=tuple(listings), rest=rest)

    def _read_posts(self, page: Page, root: Element, reader: FieldReader) -> list[ParsedListing]:
        """Return the posts of a page, each once: a best answer stands above the others and among them.

        Later pages may repeat the post that opens the thread. It is left out there.
        """
        table = self.forum.post
        elements = find_elements(root, table.each)
        if page.role is PageRole.REPLIES:
            elements = [each for each in elements if not table.is_opening_post(each)]
        read = [post for each in elements if (post := table.read_post(page, each, reader)) is not None]
        return list({post.key: post for post in read}.values())

    def _read_message_page(self, root: Element, page: Page) -> Parsed:
        """Read a page with a single message: the thread does not exist, or is hidden from guests.

        Raises `NotThere` or `MissingOrKept`. A thread that is hidden from guests keeps the values of its
        row. A recheck has no row and finds nothing new.
        """
        said = text_of(root)
        said = said if len(said) <= MAX_MESSAGE_CHARS else ""
        kept = any(words in said for words in self.forum.missing_or_kept)
        if kept and not self._starts_are_single_boards():
            raise MissingOrKept(
                f"{urlsplit(page.url).hostname} says that a thread is gone or its board is closed to guests."
            )
        if kept or any(words in said for words in self.forum.missing):
            raise NotThere(f"{urlsplit(page.url).hostname} says that the thread does not exist.")
        if not any(words in said for words in self.forum.withheld):
            return Parsed(recognised=False)
        before = page.partial if page.role is PageRole.ITEM else None
        return Parsed(listings=(replace(before, body=HIDDEN),) if before and before.title else ())

    def _starts_are_single_boards(self) -> bool:
        """Whether each start is one board or the feed of one.

        If such a board is closed, its list page fails, and the run then takes no thread for gone. A feed of
        all boards does not fail: it only stops naming the threads of a closed board.
        """
        return all(
            self._board_of_feed(start) or read_address(self.forum.boards, start)
            for start in self.definition.start
        )

    def _first_listing(self, before: ParsedListing, title: str, post: ParsedListing) -> ParsedListing:
        dated = post if post.posted_at is not None else before
        return replace(
            before,
            title=title,
            body=post.body,
            sample=post.sample,
            seller=post.seller or before.seller,
            price=self._asking_price("", title) or before.price,
            claimed_records=claimed_count(title),
            posted_at=dated.posted_at,
            posted_at_uncertain=dated.posted_at_uncertain,
            links=post.links,
        )

    def _reply_listing(self, post: ParsedListing, thread: str) -> ParsedListing:
        """Return a reply as a listing.

        It has no title: otherwise each reply would mention the names in the title of the thread again.
        """
        state = f"{post.seller}\x1f{post.body}\x1f{post.sample}"
        return replace(post, key=f"{thread}/{post.key}", thread=thread, row_digest=self.digest(state))


def _opens_thread(thread: ParsedListing, post: ParsedListing) -> bool:
    """Whether a post on a later page opens the thread: its author and time are those of the row."""
    return post.posted_at is not None and (post.seller, post.posted_at) == (thread.seller, thread.posted_at)


def _only_title(root: Element) -> str:
    """Return the only first heading of a page, else its title without the name of the site."""
    headings = [text for each in find_elements(root, "h1") if (text := line(text_of(each)))]
    if len(set(headings)) == 1:
        return headings[0]
    return line(_TITLE_END.split(first_text(root, "xpath://head/title/text()"))[0])


def _prefixed_title(prefix: str, title: str) -> str:
    """Return the title with its prefix in brackets in front, however the board shows it."""
    label = line(prefix.strip(_BRACKETS))
    return line(f"[{label}] {title}" if label and title else title)


def _digits_at(row: Element, selector: str) -> str:
    """Return the digits alone: in many languages the word beside them depends on the number."""
    return re.sub(r"\D", "", first_text(row, selector))


def _last_post(row: Element, selector: str) -> str:
    """Return a text that identifies the last post: its number if a link has it, else its author."""
    said = element_texts(row, selector)
    ids = [hit[1] for text in said if (hit := _POST_NUMBER.search(text))]
    return " ".join(ids or said)
