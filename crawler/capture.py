"""Every response goes to the evidence store and becomes a row before anything parses it.

The middleware stands nearest to the site, where the body is still as received: redirects and robots.txt are
evidence too, of why a page was or was not asked for. Responses that arrive while others are being written
share one fsync and one transaction.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from crawler.answers import NOT_MODIFIED, problem_with, redirects
from crawler.batch import GroupCommit
from crawler.context import RunContext, run_of
from crawler.cookies import without_values
from crawler.robots import ROBOTS
from crawler.route import RECEIVED, Received
from crawler.sources import Follow
from storage import captures
from storage.captures import CaptureOutcome, CaptureRecord, CaptureRole
from storage.evidence.warc import RecordPlace
from storage.runs import RunCounts

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

#: In a request's meta: what is fetched (a `Follow`), and afterwards what was stored of it (a `Captured`).
FOLLOW = "spillwatch_follow"
CAPTURED = "spillwatch_captured"
BATCH = 64
#: Between two batches of responses: about as long as one takes to fetch.
REST_S = 0.05
#: Masked content types that are remembered: a site has a handful.
TYPES = 64
#: Evidence that is no page of the source's, and is not counted as one.
ASIDE = frozenset({CaptureRole.ROBOTS, CaptureRole.REDIRECT})
STATUS_OUTCOMES = {NOT_MODIFIED: CaptureOutcome.UNCHANGED}
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Captured:
    """Where a response is kept."""

    id: int
    place: RecordPlace
    received: Received
    content_type: str
    charset: str | None


@dataclass(frozen=True, slots=True)
class _Arrived:
    role: CaptureRole
    url: str
    received: Received
    body: bytes
    content_type: str
    charset: str | None
    outcome: CaptureOutcome
    reason: str | None
    counts: RunCounts


class CaptureMiddleware:
    """Scrapy's downloader middleware; a response passes when it is on disk and in the database."""

    def __init__(self, crawler: Crawler) -> None:
        self._run = run_of(crawler)
        self._batch = GroupCommit(self._commit, self._run.writes, limit=BATCH, rest_s=REST_S)
        self._mask_type = lru_cache(maxsize=TYPES)(self._run.mask)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        # A retry is a copy of a request that was captured.
        request.meta.pop(CAPTURED, None)

    async def process_response(self, request: Request, response: Response) -> Response:
        role = _role(request, response)
        problem = None if role is CaptureRole.REDIRECT else problem_with(response)
        tally = self._run.tally
        tally.captures += role not in ASIDE
        tally.bytes += len(response.body)
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        declared = CHARSET.search(content_type)
        arrived = _Arrived(
            role=role,
            url=response.url,
            received=request.meta[RECEIVED],
            body=response.body,
            content_type=content_type,
            charset=declared and declared[1],
            outcome=CaptureOutcome.FAILED
            if problem
            else CaptureOutcome.PARSED
            if role in ASIDE
            else STATUS_OUTCOMES.get(response.status, CaptureOutcome.PENDING),
            reason=problem.reason if problem else None,
            counts=tally.counts(),
        )
        try:
            request.meta[CAPTURED] = await self._batch.put(arrived)
        except Exception as error:
            self._run.fail(error)
            raise
        return response

    def _commit(self, batch: Sequence[_Arrived]) -> Sequence[Captured]:
        """In the writing thread: 1. the bytes; 2. fsync; 3. the rows, and that this run is still ours."""
        run = self._run
        places = [
            run.writer.response(
                url=each.url,
                status=each.received.status,
                headers=without_values(each.received.headers),
                body=each.body,
                fetched_at=each.received.at,
            )
            for each in batch
        ]
        run.writer.sync()
        records = [
            _record(run, self._mask_type, each, place) for each, place in zip(batch, places, strict=True)
        ]
        with run.database.transaction() as session:
            ids = captures.add_captures(session, records)
            run.beat(session, batch[-1].counts)
        return [
            Captured(capture_id, place, each.received, each.content_type, each.charset)
            for capture_id, each, place in zip(ids, batch, places, strict=True)
        ]


def _role(request: Request, response: Response) -> CaptureRole:
    """What a response is to its run."""
    if redirects(response):
        return CaptureRole.REDIRECT
    if ROBOTS in request.meta:
        return CaptureRole.ROBOTS
    follow: Follow = request.meta[FOLLOW]
    return CaptureRole(follow.role.value)


def _record(
    run: RunContext, mask_type: Callable[[str], str], arrived: _Arrived, place: RecordPlace
) -> CaptureRecord:
    return CaptureRecord(
        run_id=run.job.run_id,
        source_id=run.job.source_id,
        url=run.mask_url(arrived.url),
        role=arrived.role,
        fetched_at=arrived.received.at,
        status=arrived.received.status,
        sha256=sha256(arrived.body).hexdigest(),
        size=len(arrived.body),
        place=place,
        content_type=mask_type(arrived.content_type) or None,
        charset=_codec(arrived.charset),
        outcome=arrived.outcome,
        reason=arrived.reason,
    )


def _codec(declared: str | None) -> str | None:
    """The codec's own name; a header may say anything, and a row holds no text of theirs as it is."""
    try:
        return codecs.lookup(declared or "").name
    except (LookupError, ValueError):
        return None
