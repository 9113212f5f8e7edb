"""What a captured page comes to: its parts, the wall that stands in its place, or why it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from crawler.answers import problem_with
from crawler.capture import Captured
from crawler.context import RunContext
from crawler.errors import FetchError, NotThere, ParseFailed, SentToTheFront
from crawler.sources import LISTING_ROLES, Follow, Page, Parsed
from crawler.walls import RawPage, wall
from crawler.watchdog import cpu_bound
from storage.captures import CaptureConclusion, CaptureOutcome
from storage.errors import SpillwatchError

if TYPE_CHECKING:
    from scrapy.http import Response

log = structlog.get_logger()

FRONT_PAGES = frozenset(("", "/", "/index.php", "/index.html", "/forum.php"))


@dataclass(frozen=True, slots=True)
class Understood:
    """One of three: `parsed`, the `problem` that the site has or shows, or neither: a stranger.

    `refused`: why a stranger was not read at all. `conclusion` is the capture's end where it has none yet.
    """

    parsed: Parsed | None = None
    problem: FetchError | None = None
    refused: SpillwatchError | None = None
    conclusion: CaptureConclusion | None = None


def understand(run: RunContext, response: Response, follow: Follow, captured: Captured) -> Understood:
    """Parse a page in a bounded time; raises nothing but `MemoryError`, whatever the page holds."""
    problem = problem_with(response)
    if isinstance(problem, NotThere):
        return Understood(problem=problem)
    answer = answer_of(response, captured.charset)
    if follow.role not in LISTING_ROLES and _led_to_the_front(run, answer):
        away = SentToTheFront(f"{urlsplit(answer.url).hostname} redirects from this page to its front page.")
        return _instead(captured, away)
    if problem is not None:
        found = wall(answer)
        return _instead(captured, found) if found else Understood(problem=problem)
    parsed, refused = _parse(run, response, follow, captured)
    if isinstance(refused, FetchError):
        # An interface says with 200 why it gives nothing.
        return _instead(captured, refused)
    if (found := wall(answer, recognised=parsed is not None and parsed.recognised)) is not None:
        return _instead(captured, found)
    charset = (parsed.charset or None) if parsed else None
    if parsed is not None and parsed.recognised:
        empty = not parsed.listings and not parsed.follows
        outcome = CaptureOutcome.EMPTY if empty else CaptureOutcome.PARSED
        return Understood(parsed, conclusion=CaptureConclusion(captured.id, outcome, None, charset))
    outcome = CaptureOutcome.FAILED if refused else CaptureOutcome.NOT_RECOGNISED
    reason = refused.reason if refused else "nothing_matched"
    return Understood(refused=refused, conclusion=CaptureConclusion(captured.id, outcome, reason, charset))


def _instead(captured: Captured, problem: FetchError) -> Understood:
    return Understood(
        problem=problem, conclusion=CaptureConclusion(captured.id, CaptureOutcome.FAILED, problem.reason)
    )


def _led_to_the_front(run: RunContext, answer: RawPage) -> bool:
    """As many sites answer for a page that is not there, and some whoever is not logged in, for any page."""
    if answer.url == answer.asked:
        return False
    parts = urlsplit(answer.url)
    front = parts.path in FRONT_PAGES and not parts.query
    return front or answer.url in run.definition.start


def _parse(
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
        with cpu_bound(run.job.settings.parse_cpu_s):
            return run.adapter.parse(page), None
    except MemoryError:
        raise
    except SpillwatchError as error:
        return None, error
    except Exception as error:  # noqa: BLE001 - it becomes the capture's outcome
        # An adapter's defect; its message may quote the page.
        log.error(
            "A page could not be parsed.",
            action="parse_failed",
            error=type(error).__name__,
            run_id=run.job.run_id,
        )
        return None, ParseFailed()


def answer_of(response: Response, charset: str | None) -> RawPage:
    """The response as a wall is told from it."""
    redirected = response.meta.get("redirect_urls") or [response.url]
    headers = {
        name.decode("latin-1").lower(): b",".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }
    return RawPage(response.url, redirected[0], headers, response.body, charset)
