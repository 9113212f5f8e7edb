"""The page of a known listing that came with status 200 and is another one: "not found", or an unknown page.

What such a page says is no edit of the listing. It is noted, and the end of the run decides whether the
listing is gone (`crawler.progress.alike_answers`).
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from scrapy.http import Response

from crawler.errors import SaysMissing
from crawler.parsing.absence_words import says_missing
from crawler.parsing.page_parsing import PageResult
from crawler.progress.alike_answers import SAYS_MISSING, answer_kind
from crawler.running.run_context import RunContext
from crawler.sources import Follow
from crawler.sources.unrecognised_page import page_heading
from crawler.spiders.page_spider import PageSpider
from crawler.storing.capture import CAPTURED
from crawler.storing.masked_listing import stored_key
from storage import listings
from storage.captures import CaptureConclusion, CaptureOutcome


async def note_answer(
    spider: PageSpider, response: Response, follow: Follow, result: PageResult
) -> PageResult:
    """Record what came for a known listing's page; return `says_missing` for one that says so."""
    run, key = spider.run, stored_key(spider.run, follow.key or "")
    if result.problem is not None or result.refused is not None:
        return result
    charset = response.meta[CAPTURED].charset
    if result.parsed is None:
        texts: tuple[str, ...] = (page_heading(response.body, charset=charset)[1],)
    else:
        firsts = [each for each in result.parsed.listings if each.thread is None]
        texts = (firsts[0].title, firsts[0].body, firsts[0].sample) if len(firsts) == 1 else ()
    if says_missing(*texts) and not await asyncio.to_thread(_has_always_said_so, run, key):
        run.progress.answers.add(SAYS_MISSING, key)
        return _missing_page(response)
    kind = answer_kind(texts[0], run.digest) if result.parsed is None else None
    if kind is not None:
        run.progress.answers.add(kind, key)
    elif result.parsed is not None:
        run.progress.answers.settle(key)
    return result


def _has_always_said_so(run: RunContext, key: str) -> bool:
    """Return whether the stored text reads the same: somebody may offer something under such a title."""
    with run.database.reading() as session:
        stored = listings.newest_versions(session, run.job.source_id, [key]).get(key)
    return stored is None or says_missing(stored.title, stored.body, stored.sample)


def _missing_page(response: Response) -> PageResult:
    error = SaysMissing(f"{urlsplit(response.url).hostname} says that this page does not exist.")
    conclusion = CaptureConclusion(response.meta[CAPTURED].id, CaptureOutcome.FAILED, error.reason)
    return PageResult(problem=error, conclusion=conclusion)
