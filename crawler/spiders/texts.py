"""Texts that lie elsewhere and belong to a listing: its attachments, and the pastes that it links to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from crawler.answers import problem_with
from crawler.capture import CAPTURED, FOLLOW, Captured
from crawler.errors import FetchError, UrlRefused
from crawler.listing import ParsedListing
from crawler.pipelines import FetchedText, Found, UnreadKey, stored_key
from crawler.route import ATTACHMENT
from crawler.sources import Follow, Role
from crawler.sources.paste_links import text_read
from crawler.spiders.visit import ORIGIN, Origin, SourceVisit
from storage.captures import CaptureConclusion, CaptureOutcome
from text.charset import decode_page

MAX_ATTACHMENTS = 20
#: Pastes that one listing is followed to.
MAX_LINKED = 5
LINK_DIGEST_CHARS = 16


class Texts:
    """Completes listings; what it asks for passes everything that the spider's own requests pass."""

    def __init__(self, visit: SourceVisit) -> None:
        self._visit = visit

    async def complete(
        self, listing: ParsedListing, origin: Origin | None, captured: Captured, *, known: bool
    ) -> AsyncIterator[Found]:
        """Fetch a listing's text attachments, which are part of what it says.

        Without one that may still come, its empty digest has the next run follow it again; a listing that is
        known stays as it is, lest a slow site seem to edit it.
        """
        visit, run = self._visit, self._visit.run
        urls = listing.attachments[:MAX_ATTACHMENTS]
        came = [await self._fetched(Follow(url, Role.ATTACHMENT, listing.key), origin) for url in urls]
        problems = [each for each in came if isinstance(each, FetchError)]
        unasked = run.closed in problems
        for problem in problems:
            if problem is not run.closed:
                run.tally.items.failures.add(problem)
        if unasked:
            visit.put_off(origin)
        if unasked or not all(each.permanent for each in problems):
            if origin is None:
                visit.note(UnreadKey(stored_key(run, listing.key)))
                return
            run.reading.ask_again(origin.start)
            if known:
                visit.owe(stored_key(run, listing.key))
                return
            listing = replace(listing, row_digest="")
        yield Found(listing, captured, tuple(each for each in came if isinstance(each, FetchedText)))
        async for found in self._linked(listing, origin):
            yield found

    async def _linked(self, listing: ParsedListing, origin: Origin | None) -> AsyncIterator[Found]:
        """Read the pastes that a listing links to, each once, as listings that belong to it; no further.

        One that may still come has the next run look again. One that is not there (pastes expire) is left.
        """
        visit, run = self._visit, self._visit.run
        thread = listing.thread or listing.key
        urls = dict.fromkeys(url for link in listing.links if (url := run.pastes.text_of(link)))
        keys = {f"{thread}/l{run.digest(url)[:LINK_DIGEST_CHARS]}": url for url in urls}
        known = await asyncio.to_thread(visit.known, [stored_key(run, key) for key in keys]) if keys else {}
        new = [key for key in keys if stored_key(run, key) not in known and key not in visit.followed]
        for key in new[:MAX_LINKED]:
            visit.followed.add(key)
            came = await self._fetched(Follow(keys[key], Role.ATTACHMENT, key), origin)
            if isinstance(came, FetchedText):
                body = text_read(came.text, came.captured.content_type)
                digest = run.digest(body)
                paste = ParsedListing(key=key, url=keys[key], body=body, thread=thread, row_digest=digest)
                yield Found(paste, came.captured)
            elif came is run.closed or not came.permanent:
                if came is not run.closed:
                    run.tally.items.failures.add(came)
                for again in {listing.key, thread}:
                    visit.owe(stored_key(run, again))
                if origin is not None:
                    run.reading.ask_again(origin.start)

    async def _fetched(self, follow: Follow, origin: Origin | None) -> FetchedText | FetchError:
        try:
            request = Request(
                follow.url,
                callback=NO_CALLBACK,
                meta={
                    FOLLOW: follow,
                    ORIGIN: origin,
                    ATTACHMENT: True,
                    "download_maxsize": self._visit.run.job.settings.attachment_limit,
                },
            )
            response = await self._visit.crawler.engine.download_async(request)
        except (FetchError, ValueError) as error:
            return (
                error if isinstance(error, FetchError) else UrlRefused("An attachment's address is no URL.")
            )
        captured: Captured = response.meta[CAPTURED]
        if (problem := problem_with(response)) is not None:
            return problem
        decoded = await asyncio.to_thread(decode_page, response.body, declared=captured.charset)
        self._visit.note(CaptureConclusion(captured.id, CaptureOutcome.PARSED, None, decoded.charset))
        return FetchedText(follow.url, decoded.text, captured, len(response.body))
