"""Captures: every response goes to the evidence store and becomes a row before anything parses it.

This middleware is the one nearest to the site, where the body is still as received. Redirects and robots.txt
are evidence too: they show why a page was requested or not. Responses that arrive while others are being
written share one fsync and one transaction.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from sqlalchemy.orm import Session

from crawler.fetching.cookies import without_values
from crawler.fetching.http_status import NOT_MODIFIED, is_redirect, status_problem
from crawler.fetching.robots_txt import ROBOTS
from crawler.fetching.routes.route import RECEIVED, Received
from crawler.running.run_context import RunContext, run_of
from crawler.sources import Follow
from crawler.storing.group_commit import GroupCommit
from storage import captures
from storage.captures import CaptureOutcome, CaptureRecord, CaptureRole
from storage.evidence.warc import RecordPlace
from storage.runs import RunCounts

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

#: In a request's meta: the page to fetch (a `Follow`), and later its capture (a `Captured`).
FOLLOW = "spillwatch_follow"
CAPTURED = "spillwatch_captured"
BATCH = 64
#: Seconds between two batches of responses, about the time that two responses take.
REST_S = 0.1
#: Number of masked content types that are remembered; a site uses a handful.
REMEMBERED_TYPES = 64
#: Roles of responses that are evidence but do not count as pages of the source.
NOT_PAGES = frozenset({CaptureRole.ROBOTS, CaptureRole.REDIRECT})
STATUS_OUTCOMES = {NOT_MODIFIED: CaptureOutcome.UNCHANGED}
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Captured:
    """The capture of a response: its row, its place in the evidence, and its declared type and charset."""

    id: int
    place: RecordPlace
    received: Received
    content_type: str
    charset: str | None


@dataclass(frozen=True, slots=True)
class _PendingCapture:
    """A response that waits to be written."""

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
    """Scrapy's downloader middleware; a response passes once it is on disk and in the database."""

    def __init__(self, crawler: Crawler) -> None:
        self._run = run_of(crawler)
        self._batch = GroupCommit(self._commit, self._run.writes, limit=BATCH, rest_s=REST_S)
        self._mask_type = lru_cache(maxsize=REMEMBERED_TYPES)(self._run.mask)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        # A retry is a copy of a request whose response was captured.
        request.meta.pop(CAPTURED, None)

    async def process_response(self, request: Request, response: Response) -> Response:
        role = _capture_role(request, response)
        problem = None if role is CaptureRole.REDIRECT else status_problem(response, request)
        tally = self._run.tally
        tally.captures += role not in NOT_PAGES
        tally.bytes += len(response.body)
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        declared = CHARSET.search(content_type)
        pending = _PendingCapture(
            role=role,
            url=response.url,
            received=request.meta[RECEIVED],
            body=response.body,
            content_type=content_type,
            charset=declared and declared[1],
            outcome=CaptureOutcome.FAILED
            if problem
            else CaptureOutcome.PARSED
            if role in NOT_PAGES
            else STATUS_OUTCOMES.get(response.status, CaptureOutcome.PENDING),
            reason=problem.reason if problem else None,
            counts=tally.counts(),
        )
        try:
            request.meta[CAPTURED] = await self._batch.put(pending)
        except Exception as error:
            self._run.fail(error)
            raise
        return response

    def _commit(self, batch: Sequence[_PendingCapture]) -> Sequence[Captured]:
        """Write a batch, in the writing thread: 1. bytes; 2. fsync; 3. rows, with the run's heartbeat."""
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
            _capture_record(run, self._mask_type, each, place)
            for each, place in zip(batch, places, strict=True)
        ]

        def write_rows(session: Session) -> Sequence[int]:
            run.beat(session, batch[-1].counts)
            return captures.add_captures(session, records)

        ids = run.database.write(write_rows)
        run.note_commit()
        return [
            Captured(capture_id, place, each.received, each.content_type, each.charset)
            for capture_id, each, place in zip(ids, batch, places, strict=True)
        ]


def _capture_role(request: Request, response: Response) -> CaptureRole:
    """Return what a response is to its run."""
    if is_redirect(response):
        return CaptureRole.REDIRECT
    if ROBOTS in request.meta:
        return CaptureRole.ROBOTS
    follow: Follow = request.meta[FOLLOW]
    return CaptureRole(follow.role.value)


def _capture_record(
    run: RunContext, mask_type: Callable[[str], str], pending: _PendingCapture, place: RecordPlace
) -> CaptureRecord:
    return CaptureRecord(
        run_id=run.job.run_id,
        source_id=run.job.source_id,
        url=run.mask_url(pending.url),
        role=pending.role,
        fetched_at=pending.received.at,
        status=pending.received.status,
        sha256=sha256(pending.body).hexdigest(),
        size=len(pending.body),
        place=place,
        content_type=mask_type(pending.content_type) or None,
        charset=_codec_name(pending.charset),
        outcome=pending.outcome,
        reason=pending.reason,
    )


def _codec_name(declared: str | None) -> str | None:
    """Return the codec's own name: a header may hold anything, and rows hold no unmasked text of a site."""
    try:
        return codecs.lookup(declared or "").name
    except (LookupError, ValueError):
        return None
