"""The one spider: it drives any adapter through a source's pages.

A list page's rows are compared with what is known; only new and changed ones are followed, and pages are
turned until one holds only what was settled before (`crawler.reading`). Of a thread that moved, its first
page is read and then the newest ones, back to the first that holds nothing new. Bytes are parsed after they
are captured, and every capture ends in an outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from twisted.python.failure import Failure

from crawler.answers import NOT_MODIFIED, problem_with
from crawler.capture import CAPTURED, FOLLOW, Captured
from crawler.context import RunContext
from crawler.errors import Banned, Captcha, FetchError, NotThere, UrlRefused, WaitingQueue
from crawler.listing import Listing
from crawler.parsing import Understood, understand
from crawler.pipelines import Asked, Entry, Found, Pipeline, Read, Seen, Text, Unread, stored_key
from crawler.reading import Row
from crawler.recheck import rechecks
from crawler.route import ATTACHMENT
from crawler.sources import LISTING_ROLES, Follow, Parsed, Role
from crawler.sources.linked import text_read
from crawler.sources.stranger import introduced
from crawler.tally import Pages
from storage import listings, sources
from storage.captures import CaptureOutcome, Conclusion
from storage.evidence.charset import decode
from storage.listings import Known

#: In a request's meta: where it comes from (an `Origin`); None for a page that is looked at again.
ORIGIN = "spillwatch_origin"
#: Listings' own pages before the next list page, both before a second look at what is known.
PRIORITY = {Role.ITEM: 20, Role.REPLIES: 20, Role.RAW: 20}
RECHECK_PRIORITY = -20
MAX_ATTACHMENTS = 20
#: Pastes that one listing is followed to.
MAX_LINKED = 5
LINK_DIGEST_CHARS = 16
#: Walls that stand before the whole site: who meets one asks for nothing more in this visit.
BEFORE_EVERYTHING = (Banned, Captcha, WaitingQueue)


@dataclass(frozen=True, slots=True)
class Origin:
    """The list that a page belongs to: its start address, the list page, and that page's capture.

    `fresh`: the listing was not known when its row was read. `owed`: an earlier run left something unread.
    """

    start: str
    page: str
    captured: Captured | None = None
    fresh: bool = False
    owed: bool = False


class SourceSpider(Spider):
    """Reads one source, as `run` says."""

    name = "source"

    def __init__(self, run: RunContext) -> None:
        super().__init__()
        self.run = run
        #: Keys that a list has led to in this run.
        self._followed: set[str] = set()
        #: Keys of threads of which something could not be read in this run.
        self._owing: set[str] = set()

    async def start(self) -> AsyncIterator[Request]:
        """1. the cursor, so that a kill from here on is known; 2. the lists; 3. what is looked at again."""
        run = self.run
        await asyncio.to_thread(self._open_cursor)
        for follow in run.adapter.start(run.job.cursor):
            run.reading.begin(follow.url)
            origin = Origin(follow.url, follow.url)
            for request in self._requests(follow, origin, headers=run.reading.conditions(follow.url)):
                yield request
        due, again = await asyncio.to_thread(rechecks, run)
        for key in due - {stored_key(run, follow.key or "") for follow in again}:
            # It cannot be asked for; others have their turn.
            self._note(Asked(key))
        for follow in again:
            for request in self._requests(follow, None, priority=RECHECK_PRIORITY):
                yield request

    def _open_cursor(self) -> None:
        run = self.run
        with run.database.transaction() as session:
            run.beat(session, run.tally.counts(), fence=True)
            sources.save_cursor(session, run.job.source_id, run.reading.opening_cursor())

    def _requests(
        self,
        follow: Follow,
        origin: Origin | None,
        *,
        priority: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Request]:
        """Yield the one request, or none: its address is no URL, or its listing was asked for in this run.

        Listings go by their keys, for two of them may share an address; Scrapy, which goes by addresses,
        drops the second of two requests without a word.
        """
        key = None if follow.key is None else stored_key(self.run, follow.key)
        if key in self._followed and follow.role is not Role.REPLIES:
            return
        if key is not None and origin is not None:
            self._followed.add(key)
        if not self.run.patterns.allow(follow.url):
            return
        try:
            yield Request(
                follow.url,
                callback=self.read,
                errback=self.failed,
                priority=PRIORITY.get(follow.role, 0) if priority is None else priority,
                headers=dict(headers or {}),
                meta={FOLLOW: follow, ORIGIN: origin},
                dont_filter=key is not None,
            )
        except ValueError:
            self._pages(follow, origin).failures.append(UrlRefused("A page's address is no URL."))

    # --- pages that came

    async def read(self, response: Response) -> AsyncIterator[Request | Found]:
        """Parse a captured page and go on from it."""
        follow: Follow = response.meta[FOLLOW]
        origin: Origin | None = response.meta[ORIGIN]
        captured: Captured = response.meta[CAPTURED]
        if response.status == NOT_MODIFIED:
            self._pages(follow, origin).read += 1
            if origin is not None:
                self.run.reading.unchanged(origin.start)
            return
        said = understand(self.run, response, follow, captured)
        if said.conclusion is not None:
            self._note(said.conclusion)
        if said.problem is not None:
            for found in self._missed(follow, origin, said.problem):
                yield found
        elif (parsed := self._counted(response, follow, origin, said)) is None:
            for found in self._from_row(follow, origin):
                yield found
        elif origin is not None and follow.role in LISTING_ROLES:
            async for each in self._after_list(response, origin, captured, parsed):
                yield each
        elif origin is not None or stored_key(self.run, follow.key or "") not in self._followed:
            # A second look knows only what the row had said; one that comes after the list's own is void.
            async for each in self._after_item(follow, origin, captured, parsed):
                yield each

    def _counted(
        self, response: Response, follow: Follow, origin: Origin | None, said: Understood
    ) -> Parsed | None:
        """Count a page that came; None for a stranger."""
        pages, tally = self._pages(follow, origin), self.run.tally
        if said.parsed is not None:
            pages.read += 1
            self.run.structure.note(said.parsed)
            return said.parsed
        pages.strange += 1
        if origin is not None and follow.role in LISTING_ROLES:
            self.run.reading.broke(origin.start, follow.url, for_good=True)
            tally.refused = tally.refused or said.refused
            charset = response.meta[CAPTURED].charset
            tally.stranger = tally.stranger or introduced(response.body, charset=charset)
        return None

    async def _after_list(
        self, response: Response, origin: Origin, captured: Captured, parsed: Parsed
    ) -> AsyncIterator[Request | Found]:
        """Follow what is new on a list page, and turn to the next one as far as needed."""
        run = self.run
        found: Sequence[Listing | Follow] = [*parsed.listings, *parsed.follows]
        keys = {each.key: stored_key(run, each.key) for each in found if each.key}
        rows = [Row(keys[each.key], each.row_digest, each.title) for each in parsed.listings]
        rows += [Row(keys[each.key], *_said(each)) for each in parsed.follows if each.key]
        known = await asyncio.to_thread(self._known, [row.key for row in rows])
        turn = run.reading.turn(
            origin.start,
            origin.page,
            rows,
            known,
            next_url=parsed.next_page,
            end=parsed.end,
            whole=parsed.whole,
            total=parsed.pages_total,
            kind=response.meta[FOLLOW].role,
        )
        self._validate(origin, response)
        if origin.page == origin.start:
            run.structure.first_page(origin.start, len(rows), parsed.pages_total)
        run.tally.listings_seen += len(rows)
        # What was gone is back only when its own page is there again.
        if seen := tuple(key for key, each in known.items() if not each.gone):
            self._note(Seen(seen))
        for listing in parsed.listings:
            if keys[listing.key] in turn.wanted:
                async for each in self._complete(listing, origin, captured, known=keys[listing.key] in known):
                    yield each
        for follow in parsed.follows:
            key = keys.get(follow.key or "")
            if key is None or key in turn.wanted:
                before = known.get(key or "")
                owed = before is not None and before.row_digest == ""
                source = replace(origin, captured=captured, fresh=before is None, owed=owed)
                for request in self._requests(follow, source):
                    yield request
        if turn.next_url is not None:
            next_page = Follow(turn.next_url, parsed.next_role or response.meta[FOLLOW].role)
            for request in self._requests(next_page, Origin(origin.start, turn.next_url)):
                yield request

    async def _after_item(
        self, follow: Follow, origin: Origin | None, captured: Captured, parsed: Parsed
    ) -> AsyncIterator[Request | Found]:
        """Take up a listing, and of a thread the replies that are new; then the thread's next page.

        Its first page leads to the newest one, and from there back, as far as there is something new.
        """
        firsts = [each for each in parsed.listings if each.thread is None and follow.role is not Role.REPLIES]
        for listing in firsts[:1]:
            async for found in self._complete(
                listing, origin, captured, known=origin is None or not origin.fresh
            ):
                yield found
        replies = {
            stored_key(self.run, each.key): each for each in parsed.listings if each.thread is not None
        }
        known = await asyncio.to_thread(self._known, list(replies)) if replies else {}
        same = tuple(key for key, each in known.items() if each.row_digest == replies[key].row_digest)
        if same:
            self._note(Seen(same))
        news = [reply for key, reply in replies.items() if key not in same]
        for reply in news:
            key = stored_key(self.run, reply.key)
            async for found in self._complete(reply, origin, captured, known=key in known):
                yield found
        for request in self._onward(follow, origin, parsed, over=bool(replies) and not news):
            yield request

    def _onward(
        self, follow: Follow, origin: Origin | None, parsed: Parsed, *, over: bool
    ) -> Iterator[Request]:
        """Ask for a thread's next page, unless it is `over`: a page held nothing new.

        Where an earlier run left something unread there may be more behind such a page. From its first page
        to its last a thread counts as unread, so that a kill in between has the next run follow it again.
        """
        if origin is None or follow.key is None:
            return
        first = follow.role is not Role.REPLIES
        onward = self._rest(follow, origin, parsed) if first or origin.owed or not over else ()
        key = stored_key(self.run, follow.key)
        if onward:
            if first:
                self._note(Unread(key))
            page = Follow(onward[0], Role.REPLIES, follow.key, follow.partial, onward[1:])
            yield from self._requests(page, origin)
        elif not first and key not in self._owing and follow.partial is not None:
            self._note(Read(key, follow.partial.row_digest))

    def _rest(self, follow: Follow, origin: Origin | None, parsed: Parsed) -> tuple[str, ...]:
        """The pages of a thread to go on with; a second look is at its first page alone."""
        if origin is None:
            return ()
        if follow.role is Role.REPLIES:
            return follow.rest
        allowed = self.run.definition.budget.thread_pages - 1
        if origin.fresh:
            self.run.tally.unread += len(parsed.rest[allowed:])
        return parsed.rest[:allowed]

    def _known(self, keys: Sequence[str]) -> dict[str, Known]:
        with self.run.database.reading() as session:
            return listings.known(session, self.run.job.source_id, keys)

    def _validate(self, origin: Origin, response: Response) -> None:
        if origin.page == origin.start:
            etag, modified = (_header(response, name) for name in ("ETag", "Last-Modified"))
            self.run.reading.validated(origin.start, etag, modified)

    async def _complete(
        self, listing: Listing, origin: Origin | None, captured: Captured, *, known: bool
    ) -> AsyncIterator[Found]:
        """Fetch a listing's text attachments, which are part of what it says.

        Without one that may still come, its empty digest has the next run follow it again; a listing that is
        known stays as it is, lest a slow site seem to edit it.
        """
        run = self.run
        urls = listing.attachments[:MAX_ATTACHMENTS]
        came = [await self._attachment(Follow(url, Role.ATTACHMENT, listing.key), origin) for url in urls]
        problems = [each for each in came if isinstance(each, FetchError)]
        unasked = run.closed in problems
        run.tally.items.failures += [each for each in problems if each is not run.closed]
        if unasked:
            self._put_off(origin)
        if unasked or not all(each.permanent for each in problems):
            if origin is None:
                self._note(Asked(stored_key(run, listing.key)))
                return
            run.reading.ask_again(origin.start)
            if known:
                self._owe(stored_key(run, listing.key))
                return
            listing = replace(listing, row_digest="")
        yield Found(listing, captured, tuple(each for each in came if isinstance(each, Text)))
        async for found in self._linked(listing, origin):
            yield found

    async def _linked(self, listing: Listing, origin: Origin | None) -> AsyncIterator[Found]:
        """Read the pastes that a listing links to, each once, as listings that belong to it; no further.

        One that may still come has the next run look again. One that is not there (pastes expire) is left.
        """
        run = self.run
        thread = listing.thread or listing.key
        urls = dict.fromkeys(url for link in listing.links if (url := run.pastes.text_of(link)))
        keys = {f"{thread}/l{run.digest(url)[:LINK_DIGEST_CHARS]}": url for url in urls}
        known = await asyncio.to_thread(self._known, [stored_key(run, key) for key in keys]) if keys else {}
        new = [key for key in keys if stored_key(run, key) not in known and key not in self._followed]
        for key in new[:MAX_LINKED]:
            self._followed.add(key)
            came = await self._attachment(Follow(keys[key], Role.ATTACHMENT, key), origin)
            if isinstance(came, Text):
                body = text_read(came.text, came.captured.content_type)
                digest = run.digest(body)
                paste = Listing(key=key, url=keys[key], body=body, thread=thread, row_digest=digest)
                yield Found(paste, came.captured)
            elif came is run.closed or not came.permanent:
                run.tally.items.failures += [] if came is run.closed else [came]
                for again in {listing.key, thread}:
                    self._owe(stored_key(run, again))
                if origin is not None:
                    run.reading.ask_again(origin.start)

    async def _attachment(self, follow: Follow, origin: Origin | None) -> Text | FetchError:
        try:
            request = Request(
                follow.url,
                callback=NO_CALLBACK,
                meta={
                    FOLLOW: follow,
                    ORIGIN: origin,
                    ATTACHMENT: True,
                    "download_maxsize": self.run.job.settings.attachment_limit,
                },
            )
            response = await self.crawler.engine.download_async(request)
        except (FetchError, ValueError) as error:
            return (
                error if isinstance(error, FetchError) else UrlRefused("An attachment's address is no URL.")
            )
        captured: Captured = response.meta[CAPTURED]
        if (problem := problem_with(response)) is not None:
            return problem
        decoded = await asyncio.to_thread(decode, response.body, declared=captured.charset)
        self._note(Conclusion(captured.id, CaptureOutcome.PARSED, None, decoded.charset))
        return Text(follow.url, decoded.text, captured, len(response.body))

    # --- pages that did not come

    def failed(self, failure: Failure) -> Iterator[Request | Found]:
        """A page that never came."""
        error = failure.value or RuntimeError("Scrapy gave no error")
        meta = failure.request.meta  # type: ignore[attr-defined]  # Scrapy sets it
        if not isinstance(error, FetchError):
            self.run.fail(error)
            return
        if (captured := meta.get(CAPTURED)) is not None:
            # It came, but could not be decompressed.
            self._note(Conclusion(captured.id, CaptureOutcome.FAILED, error.reason))
        yield from self._missed(meta[FOLLOW], meta[ORIGIN], error)

    def _missed(self, follow: Follow, origin: Origin | None, error: FetchError) -> Iterator[Request | Found]:
        """Count a page that could not be had, and store what is known of its listing all the same."""
        run = self.run
        if error is run.closed:
            self._put_off(origin)
            self._unread(follow)
            return
        if isinstance(error, BEFORE_EVERYTHING):
            run.close(type(error)(str(error)))
        of_listing = follow.key is not None and follow.role is not Role.REPLIES
        heard_of = of_listing and (origin is None or not origin.fresh)
        if heard_of and isinstance(error, NotThere):
            run.gone.add(stored_key(run, follow.key or ""))
        else:
            self._pages(follow, origin).failures.append(error)
        if origin is None:
            self._note(Asked(stored_key(run, follow.key or "")))
            return
        if follow.role in LISTING_ROLES:
            run.reading.broke(origin.start, origin.page, for_good=error.permanent)
        yield from self._from_row(follow, origin)

    def _unread(self, follow: Follow) -> None:
        """A further page of a thread that is stored already: the thread is to be followed again."""
        if follow.role is Role.REPLIES and follow.key is not None:
            self._owe(stored_key(self.run, follow.key))

    def _owe(self, key: str) -> None:
        self._owing.add(key)
        self._note(Unread(key))

    def _put_off(self, origin: Origin | None) -> None:
        """Nobody asked for it: it stays for the next run."""
        if origin is not None:
            self.run.tally.unread += 1
            self.run.reading.unread(origin.start, origin.page)

    def _from_row(self, follow: Follow, origin: Origin | None) -> Iterator[Request | Found]:
        """A listing that nobody has heard of is worth an alert even if its own page can't be read.

        Its empty digest has the next run follow it again.
        """
        if origin is None:
            self._note(Asked(stored_key(self.run, follow.key or "")))
            return
        self.run.reading.ask_again(origin.start)
        self._unread(follow)
        if follow.role is Role.REPLIES and follow.rest and self.run.closed is None:
            page = Follow(follow.rest[0], Role.REPLIES, follow.key, follow.partial, follow.rest[1:])
            yield from self._requests(page, origin)
            return
        if origin.fresh and origin.captured is not None and follow.partial is not None:
            yield Found(replace(follow.partial, row_digest=""), origin.captured)

    # --- bookkeeping

    def _pages(self, follow: Follow, origin: Origin | None) -> Pages:
        tally = self.run.tally
        if follow.role in LISTING_ROLES:
            return tally.lists
        return tally.items if origin is not None else tally.rechecks

    def _note(self, entry: Entry) -> None:
        pipeline = self.crawler.get_item_pipeline(Pipeline)
        cast("Pipeline", pipeline).note(entry)


def _said(follow: Follow) -> tuple[str, str]:
    """What a row says of its listing: its digest and the title."""
    return (follow.partial.row_digest, follow.partial.title) if follow.partial else ("", "")


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
