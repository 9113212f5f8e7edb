"""The one spider: it drives any adapter through a source's pages.

A list page's rows are compared with what is known; only new and changed ones are followed, and pages are
turned until one holds only what was settled before (`crawler.paging`). Of a thread that moved, its first
page is read and then the newest ones, back to the first that holds nothing new. Bytes are parsed after they
are captured, and every capture ends in an outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace

from scrapy import Request, Spider
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.answers import NOT_MODIFIED
from crawler.capture import CAPTURED, FOLLOW, Captured
from crawler.context import RunContext
from crawler.errors import Banned, Captcha, FetchError, NotThere, SentToTheFront, UrlRefused, WaitingQueue
from crawler.listing import ParsedListing
from crawler.paging import ListRow
from crawler.parsing import Understood, understand
from crawler.pipelines import Found, ReadThread, SeenKeys, Unread, UnreadKey, stored_key
from crawler.recheck import rechecks
from crawler.sources import LISTING_ROLES, Follow, Parsed, Role
from crawler.sources.unrecognised_page import introduced
from crawler.spiders.texts import Texts
from crawler.spiders.visit import ORIGIN, Origin, SourceVisit
from storage import sources
from storage.captures import CaptureConclusion, CaptureOutcome

#: Listings' own pages before the next list page, both before a second look at what is known.
PRIORITY = {Role.ITEM: 20, Role.REPLIES: 20, Role.RAW: 20}
RECHECK_PRIORITY = -20
#: Walls that stand before the whole site: who meets one asks for nothing more in this visit.
BEFORE_EVERYTHING = (Banned, Captcha, WaitingQueue)


class SourceSpider(Spider):
    """Reads one source, as `run` says."""

    name = "source"

    def __init__(self, run: RunContext) -> None:
        super().__init__()
        self.run = run
        self._visit = SourceVisit(run, self)
        self._texts = Texts(self._visit)

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
            self._visit.note(UnreadKey(key))
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
        if key is not None and key in self._visit.followed and follow.role is not Role.REPLIES:
            return
        if key is not None and origin is not None:
            self._visit.followed.add(key)
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
            self._visit.pages(follow, origin).failures.add(UrlRefused("A page's address is no URL."))

    # --- pages that came

    async def read(self, response: Response) -> AsyncIterator[Request | Found]:
        """Parse a captured page and go on from it."""
        follow: Follow = response.meta[FOLLOW]
        origin: Origin | None = response.meta[ORIGIN]
        captured: Captured = response.meta[CAPTURED]
        if response.status == NOT_MODIFIED:
            self._visit.pages(follow, origin).read += 1
            if origin is not None:
                self.run.reading.unchanged(origin.start)
            return
        said = understand(self.run, response, follow, captured)
        if said.conclusion is not None:
            self._visit.note(said.conclusion)
        if said.problem is not None:
            for found in self._missed(follow, origin, said.problem):
                yield found
        elif (parsed := self._counted(response, follow, origin, said)) is None:
            for found in self._from_row(follow, origin):
                yield found
        elif origin is not None and follow.role in LISTING_ROLES:
            async for each in self._after_list(response, origin, captured, parsed):
                yield each
        elif origin is not None or stored_key(self.run, follow.key or "") not in self._visit.followed:
            # A second look knows only what the row had said; one that comes after the list's own is void.
            async for each in self._after_item(follow, origin, captured, parsed):
                yield each

    def _counted(
        self, response: Response, follow: Follow, origin: Origin | None, said: Understood
    ) -> Parsed | None:
        """Count a page that came; None for a stranger."""
        pages, tally = self._visit.pages(follow, origin), self.run.tally
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
        found: Sequence[ParsedListing | Follow] = [*parsed.listings, *parsed.follows]
        keys = {each.key: stored_key(run, each.key) for each in found if each.key}
        rows = [ListRow(keys[each.key], each.row_digest, each.title) for each in parsed.listings]
        rows += [ListRow(keys[each.key], *_said(each)) for each in parsed.follows if each.key]
        known = await asyncio.to_thread(self._visit.known, [row.key for row in rows])
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
            self._visit.note(SeenKeys(seen))
        for listing in parsed.listings:
            if keys[listing.key] in turn.wanted:
                async for each in self._texts.complete(
                    listing, origin, captured, known=keys[listing.key] in known
                ):
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
        if origin is None and not firsts:
            # It is there, and is kept from guests: a second look that found nothing has been taken too.
            self._visit.note(UnreadKey(stored_key(self.run, follow.key or "")))
        for listing in firsts[:1]:
            async for found in self._texts.complete(
                listing, origin, captured, known=origin is None or not origin.fresh
            ):
                yield found
        replies = {
            stored_key(self.run, each.key): each for each in parsed.listings if each.thread is not None
        }
        known = await asyncio.to_thread(self._visit.known, list(replies)) if replies else {}
        same = tuple(key for key, each in known.items() if each.row_digest == replies[key].row_digest)
        if same:
            self._visit.note(SeenKeys(same))
        news = [reply for key, reply in replies.items() if key not in same]
        for reply in news:
            key = stored_key(self.run, reply.key)
            async for found in self._texts.complete(reply, origin, captured, known=key in known):
                yield found
        for request in self._onward(follow, origin, parsed, over=bool(replies) and not news, met=bool(same)):
            yield request

    def _onward(
        self, follow: Follow, origin: Origin | None, parsed: Parsed, *, over: bool, met: bool
    ) -> Iterator[Request]:
        """Ask for a thread's next page, unless it is `over`: a page held nothing new.

        Where the budget ends it before a page has `met` with what is stored, the others count as unread.
        Where an earlier run left something unread there may be more behind such a page. From its first page
        to its last a thread counts as unread, so that a kill in between has the next run follow it again.
        A second look is at its first page alone.
        """
        if origin is None or follow.key is None:
            return
        key, first = stored_key(self.run, follow.key), follow.role is not Role.REPLIES
        if first:
            follow = self._within_budget(follow, parsed.rest)
        more = first or origin.owed or not over
        if more and follow.rest:
            if first:
                self._visit.note(Unread(key))
            yield from self._further(follow, origin)
            return
        if first or origin.owed or not met:
            self.run.tally.unread += follow.beyond
        if not first and not self._visit.owes(key) and follow.partial is not None:
            self._visit.note(ReadThread(key, follow.partial.row_digest))

    def _within_budget(self, follow: Follow, rest: Sequence[str]) -> Follow:
        """A thread's first page with those of its others that may be asked for."""
        allowed = self.run.definition.budget.thread_pages - 1
        return replace(follow, rest=tuple(rest[:allowed]), beyond=len(rest[allowed:]))

    def _further(self, follow: Follow, origin: Origin) -> Iterator[Request]:
        """Ask for the next of a thread's pages, which leads to the others."""
        url, *rest = follow.rest
        return self._requests(replace(follow, url=url, role=Role.REPLIES, rest=tuple(rest)), origin)

    def _validate(self, origin: Origin, response: Response) -> None:
        if origin.page == origin.start:
            etag, modified = (_header(response, name) for name in ("ETag", "Last-Modified"))
            self.run.reading.validated(origin.start, etag, modified)

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
            self._visit.note(CaptureConclusion(captured.id, CaptureOutcome.FAILED, error.reason))
        yield from self._missed(meta[FOLLOW], meta[ORIGIN], error)

    def _missed(self, follow: Follow, origin: Origin | None, error: FetchError) -> Iterator[Request | Found]:
        """Count a page that could not be had, and store what is known of its listing all the same."""
        run = self.run
        if error is run.closed:
            self._visit.put_off(origin)
            self.run.tally.unread += _behind(follow, origin)
            self._unread(follow)
            return
        if isinstance(error, BEFORE_EVERYTHING):
            run.close(type(error)(str(error)))
        of_listing = follow.key is not None and follow.role is not Role.REPLIES
        heard_of = of_listing and (origin is None or not origin.fresh)
        if heard_of and isinstance(error, NotThere):
            away = run.sent_away if isinstance(error, SentToTheFront) else run.gone
            away.add(stored_key(run, follow.key or ""))
        else:
            self._visit.pages(follow, origin).failures.add(error)
        if origin is None:
            self._visit.note(UnreadKey(stored_key(run, follow.key or "")))
            return
        if follow.role in LISTING_ROLES:
            run.reading.broke(origin.start, origin.page, for_good=error.permanent)
        yield from self._from_row(follow, origin)

    def _unread(self, follow: Follow) -> None:
        """A further page of a thread that is stored already: the thread is to be followed again."""
        if follow.role is Role.REPLIES and follow.key is not None:
            self._visit.owe(stored_key(self.run, follow.key))

    def _from_row(self, follow: Follow, origin: Origin | None) -> Iterator[Request | Found]:
        """A listing that nobody has heard of is worth an alert even if its own page can't be read.

        Its empty digest has the next run follow it again.
        """
        if origin is None:
            self._visit.note(UnreadKey(stored_key(self.run, follow.key or "")))
            return
        self.run.reading.ask_again(origin.start)
        self._unread(follow)
        if follow.role is Role.REPLIES and follow.rest and self.run.closed is None:
            yield from self._further(follow, origin)
            return
        self.run.tally.unread += _behind(follow, origin)
        if origin.fresh and origin.captured is not None and follow.partial is not None:
            yield Found(replace(follow.partial, row_digest=""), origin.captured)


def _behind(follow: Follow, origin: Origin | None) -> int:
    """Pages of a thread behind one that did not come, and that no run has read."""
    whole = origin is not None and (origin.fresh or origin.owed)
    return len(follow.rest) + follow.beyond if whole else 0


def _said(follow: Follow) -> tuple[str, str]:
    """What a row says of its listing: its digest and the title."""
    return (follow.partial.row_digest, follow.partial.title) if follow.partial else ("", "")


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
