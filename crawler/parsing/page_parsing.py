"""What a captured page amounts to: its parts, the wall in its place, or why it is not recognised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from crawler.errors import FetchError, NotThere, ParseFailed, SentToTheFront
from crawler.fetching.http_status import request_of, status_problem
from crawler.parsing.cpu_limit import cpu_bound
from crawler.parsing.walls import RawPage, wall_of
from crawler.running.run_context import RunContext
from crawler.sources import LISTING_ROLES, Follow, Page, Parsed
from crawler.storing.capture import Captured
from storage.captures import CaptureConclusion, CaptureOutcome
from storage.errors import SpillwatchError

if TYPE_CHECKING:
    from scrapy.http import Response

log = structlog.get_logger()

FRONT_PAGES = frozenset(("", "/", "/index.php", "/index.html", "/forum.php"))


@dataclass(frozen=True, slots=True)
class PageResult:
    """One of three: the page is `parsed`, or the site has or shows a `problem`, or it is not recognised.

    `refused`: why an unrecognised page could not be parsed at all; `instead`: what it is. `conclusion`: the
    outcome of the capture; None if it has one already.
    """

    parsed: Parsed | None = None
    problem: FetchError | None = None
    refused: SpillwatchError | None = None
    instead: str = ""
    conclusion: CaptureConclusion | None = None


def parse_page(run: RunContext, response: Response, follow: Follow, captured: Captured) -> PageResult:
    """Parse a page in a bounded time; raises nothing but `MemoryError`, whatever the page holds."""
    problem = status_problem(response, request_of(response))
    if isinstance(problem, NotThere):
        return PageResult(problem=problem)
    raw = raw_page(response, captured.charset)
    if follow.role not in LISTING_ROLES and _was_sent_to_front(run, raw):
        sent = SentToTheFront(f"{urlsplit(raw.url).hostname} redirects from this page to its front page.")
        return _failed_page(captured, sent)
    if problem is not None:
        wall = wall_of(raw)
        return _failed_page(captured, wall) if wall else PageResult(problem=problem)
    parsed, refused = _parse_bounded(run, response, follow, captured)
    if isinstance(refused, FetchError):
        # An interface may answer 200 and say in the body why it gives nothing.
        return _failed_page(captured, refused)
    if (wall := wall_of(raw, recognised=parsed is not None and parsed.recognised)) is not None:
        return _failed_page(captured, wall)
    charset = (parsed.charset or None) if parsed else None
    if parsed is not None and parsed.recognised:
        empty = not parsed.listings and not parsed.follows
        outcome = CaptureOutcome.EMPTY if empty else CaptureOutcome.PARSED
        return PageResult(parsed, conclusion=CaptureConclusion(captured.id, outcome, None, charset))
    outcome = CaptureOutcome.FAILED if refused else CaptureOutcome.NOT_RECOGNISED
    reason = refused.reason if refused else "nothing_matched"
    return PageResult(
        refused=refused,
        instead=parsed.instead if parsed else "",
        conclusion=CaptureConclusion(captured.id, outcome, reason, charset),
    )


def _failed_page(captured: Captured, problem: FetchError) -> PageResult:
    return PageResult(
        problem=problem, conclusion=CaptureConclusion(captured.id, CaptureOutcome.FAILED, problem.reason)
    )


def _was_sent_to_front(run: RunContext, raw: RawPage) -> bool:
    """Return whether a redirect led to the front page or to a start URL.

    Many sites answer so for a page that does not exist, some for any page if the reader is not logged in.
    """
    if raw.url == raw.requested_url:
        return False
    parts = urlsplit(raw.url)
    front = parts.path in FRONT_PAGES and not parts.query
    return front or raw.url in run.definition.start


def _parse_bounded(
    run: RunContext, response: Response, follow: Follow, captured: Captured
) -> tuple[Parsed | None, SpillwatchError | None]:
    page = Page(
        url=response.url,
        body=response.body,
        role=follow.role,
        fetched_at=captured.received.at,
        charset=captured.charset,
        content_type=captured.content_type,
        key=follow.key,
        partial=follow.partial,
    )
    try:
        with cpu_bound(run.settings.parse_cpu_s):
            return run.adapter.parse(page), None
    except MemoryError:
        raise
    except SpillwatchError as error:
        return None, error
    except Exception as error:  # noqa: BLE001 - it becomes the capture's outcome
        # A defect of the adapter. Its message is not logged, because it may quote the page.
        log.error(
            "A page could not be parsed.",
            action="parse_failed",
            error=type(error).__name__,
            run_id=run.job.run_id,
        )
        return None, ParseFailed()


def raw_page(response: Response, charset: str | None) -> RawPage:
    """Return a response as the recognition of walls needs it; `charset` is the declared one."""
    redirected = response.meta.get("redirect_urls") or [response.url]
    headers = {
        name.decode("latin-1").lower(): b",".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }
    return RawPage(response.url, redirected[0], headers, response.body, charset)
