"""One run, in the child process: Scrapy with its unsafe defaults off, and the outcome at its end."""

from __future__ import annotations

import asyncio
import logging
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess
from sqlalchemy.orm import Session
from twisted.python.failure import Failure

from crawler.context import RunContext
from crawler.cookies import Jar, read_cookies
from crawler.errors import CookiesRefused, RateLimited, RunSuperseded, SentToTheFront
from crawler.guard import Guard
from crawler.job import ChildExit, Job, Message
from crawler.job import Failure as ChildFailure
from crawler.outcome import conclude
from crawler.paging import SourceReading
from crawler.presentation import Presentation
from crawler.sites import NOT_BEFORE, named_sites, not_before
from crawler.sources import Adapter, SourceDefinition, adapter_for, read_stored
from crawler.sources.linked import LINKED_KINDS, PasteLinks
from crawler.spiders.source import SourceSpider
from crawler.structure import PageStructure
from crawler.traps import DEPTH, Patterns
from storage import listings, sources
from storage.database.base import Database
from storage.evidence.digest import digest_beside
from storage.evidence.warc import EvidenceStore
from storage.work import Dispatcher

#: Scrapy's components that a run uses; whatever else is on by default is left out, most of all those that
#: listen.
EXTENSIONS = ("scrapy.extensions.throttle.AutoThrottle",)
DOWNLOADER_MIDDLEWARES = {
    "crawler.gate.Gate": 10,
    "crawler.robots.Robots": 100,
    "crawler.access.Access": 520,
    "crawler.middleware.Patience": 550,
    "crawler.middleware.Decompression": 590,
    "crawler.middleware.Redirects": 595,
    "crawler.capture.Capture": 600,
}
PAGES = "crawler.route.AiohttpRoute"
#: Kinds with a way out of their own; through Tor there is one for all.
ROUTES = {"json": "crawler.api_route.HttpxRoute"}
TRANSIENT = tuple(
    f"crawler.errors.{name}"
    for name in (
        *("HostNotFound", "ConnectionRefused", "ConnectionLost", "TimedOut", "Truncated"),
        *("TorFailed", "TorTimedOut", "OnionSilent", "OnionPortClosed"),
    )
)
AUTOTHROTTLE_MAX_DELAY_S = 60.0
#: A list that seems to have lost a larger share of a source's listings has lost the way to its next page.
MOST_ABSENT = 0.5
#: New listings that repeat, word for word, what the same source had: of so many, such a share is no chance.
MANY_COPIES = 5
MOST_COPIED = 0.9
#: For which Scrapy has handlers that read files, open FTP connections or decode URLs.
REFUSED_SCHEMES = ("data", "file", "ftp", "s3")


def execute_run(
    job: Job,
    *,
    database: Database,
    evidence: EvidenceStore,
    mask: Callable[[str], str],
    mask_url: Callable[[str], str],
    dispatcher: Dispatcher,
    report: Callable[[Message], None],
    adapter: Adapter | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ChildExit:
    """Carry out a job and return how the process should end; `adapter` is the definition's unless given.

    With `Exit.CONCLUDED` the outcome is written; with any other it is the parent's to write.
    """
    definition = read_stored(job.definition)
    digest = digest_beside(job.evidence_dir)
    now = clock()
    jar, refused = _jar(definition, clock)
    with evidence.writer(f"{job.source_name}-{job.run_id}", now=now) as writer:
        run = RunContext(
            job=job,
            definition=definition,
            adapter=adapter or adapter_for(definition, digest=digest),
            guard=Guard.of(
                definition.allow_private_addresses, via=definition.via, tor_proxy=job.settings.tor_proxy
            ),
            database=database,
            evidence=evidence,
            writer=writer,
            mask=mask,
            mask_url=mask_url,
            digest=digest,
            dispatcher=dispatcher,
            report=report,
            clock=clock,
            reading=SourceReading(
                job.cursor,
                definition=_fingerprint(definition),
                now=now,
                mask_url=mask_url,
                depth=definition.budget.depth or max(DEPTH, definition.budget.pages),
            ),
            patterns=Patterns(definition.budget.alike),
            structure=PageStructure.remembered(
                job.cursor.get("structure"), definition=_fingerprint(definition)
            ),
            began=now,
            presentation=Presentation.of(
                job.settings,
                via=definition.via,
                changes=definition.headers,
                sites=named_sites(definition),
                jar=jar,
            ),
            pastes=_pastes(database, definition),
        )
        if refused is not None:
            run.close(refused)
        if (pause := not_before(job.cursor)) is not None and pause > now:
            run.not_before = pause
            run.close(RateLimited(f"The site asked not to be asked again before {pause:%Y-%m-%d %H:%M} UTC."))
        _crawl(run)
        return _end(run)


def _jar(definition: SourceDefinition, clock: Callable[[], datetime]) -> tuple[Jar, CookiesRefused | None]:
    """The run's cookies, or why they cannot be used; without them a site would show us its wall."""
    if definition.cookies_file is None:
        return Jar((), clock=clock), None
    try:
        return Jar(read_cookies(definition.cookies_file), clock=clock), None
    except CookiesRefused as refused:
        return Jar((), clock=clock), refused


def _pastes(database: Database, definition: SourceDefinition) -> PasteLinks:
    """The paste sites among the sources; one whose stored definition this version cannot read is left out."""
    with database.reading() as session:
        stored = [source.definition for source in sources.active_sources(session, kinds=LINKED_KINDS)]
    readable = []
    for each in stored:
        with suppress(ValidationError):
            readable.append(read_stored(each))
    return PasteLinks.of(readable, via=definition.via)


def _crawl(run: RunContext) -> None:
    # Scrapy sets its loggers to DEBUG by itself, and their lines hold addresses.
    logging.disable(logging.INFO)
    process = AsyncCrawlerProcess(scrapy_settings(run))
    crawler = process.create_crawler(SourceSpider)

    def listen() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.stop)

    def broken(failure: Failure) -> None:
        run.fail(failure.value or RuntimeError("Scrapy gave no error"))

    crawler.signals.connect(listen, signals.spider_opened)
    crawler.signals.connect(broken, signals.spider_error)
    crawler.signals.connect(broken, signals.item_error)
    crawled = process.crawl(crawler, run=run)
    process.start(install_signal_handlers=False)
    run.writes.shutdown()
    if (error := crawled.exception()) is not None:
        run.fail(error)


def _end(run: RunContext) -> ChildExit:
    """Write the outcome, if it is ours to write."""
    if isinstance(run.failure, RunSuperseded):
        return ChildExit.SUPERSEDED
    if isinstance(run.failure, MemoryError):
        return ChildExit.MEMORY
    if run.failure is not None:
        run.report(ChildFailure(type(run.failure).__name__, _where(run.failure)))
        return ChildExit.FAILED
    if run.closed is not None and run.closed.reason == "stopped":
        return ChildExit.STOPPED
    run.tally.unread += run.reading.pages_beyond()
    now = run.clock()
    with run.database.transaction() as session:
        _mark_gone(session, run, now)
        run.tally.trapped = _trapped(session, run)
        run.tally.degraded = run.structure.judge(run.reading.lists)
        run.reading.structure = run.structure.stored()
        ending = run.tally.ending().remarked(run.presentation.jar.remark(now))
        concluded = conclude(
            session,
            run_id=run.job.run_id,
            epoch=run.job.epoch,
            source_id=run.job.source_id,
            ending=ending.masked(run.mask),
            counts=run.tally.counts(ended=True),
            cursor=_cursor(run, now),
            degraded=bool(run.tally.degraded),
            dispatcher=run.dispatcher,
            now=now,
        )
    return ChildExit.CONCLUDED if concluded else ChildExit.SUPERSEDED


def _cursor(run: RunContext, now: datetime) -> dict[str, Any]:
    """Where the next run goes on, and not before when."""
    cursor = run.reading.closing_cursor()
    if run.not_before is not None and run.not_before > now:
        cursor[NOT_BEFORE] = run.not_before.isoformat()
    return cursor


def _mark_gone(session: Session, run: RunContext, now: datetime) -> None:
    """Write what is gone, as far as this run can tell."""
    source_id, gone = run.job.source_id, _not_there(run)
    if run.tally.lists_came:
        # A site that is dead or moved answers 404 for every page: that says nothing about a listing.
        listings.mark_gone(session, source_id, gone, now)
    if not run.reading.read_everything():
        return
    unseen, there = listings.count_absent(session, source_id, seen_since=run.began)
    if unseen > MOST_ABSENT * there:
        run.tally.absent = (unseen, there)
        return
    # Gone is what two whole readings did not show: one may have caught the list while it moved.
    if (before := run.reading.whole_before) is not None:
        listings.mark_absent_gone(session, source_id, seen_since=before, now=now)
    run.reading.shown_whole()


def _not_there(run: RunContext) -> set[str]:
    """Keys of the listings whose own pages are not there, by what the site says or does.

    Where a login ran out, a site may send its readers from every page to the front. So that is believed of no
    more pages than this run was shown; else they count as pages that could not be read.
    """
    shown = run.tally.items.read + run.tally.rechecks.read
    if len(run.sent_away) <= shown:
        return run.gone | run.sent_away
    for _ in run.sent_away:
        run.tally.rechecks.failures.add(SentToTheFront())
    return run.gone


def _trapped(session: Session, run: RunContext) -> str | None:
    """The first trap that the run met with, in a sentence."""
    told = [run.reading.trap, run.patterns.told]
    many = run.tally.listings_new >= MANY_COPIES
    copies = listings.copied_listings(session, run.job.source_id, since=run.began) if many else 0
    if copies >= MANY_COPIES and copies >= MOST_COPIED * run.tally.listings_new:
        told.append(
            f"{copies} of {run.tally.listings_new} new listings are ones that this source had already, "
            "under new addresses: the site hangs something of its own on each link. Give the [list] a `key`."
        )
    return next((sentence for sentence in told if sentence), None)


def scrapy_settings(run: RunContext) -> dict[str, Any]:
    """Scrapy's settings for a run. Whatever is not named here has a default that was looked at."""
    ours, politeness = run.job.settings, run.definition.politeness
    direct = ROUTES.get(run.definition.kind, PAGES)
    route = PAGES if run.definition.via == "tor" else direct
    return {
        "TWISTED_REACTOR_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "EXTENSIONS_BASE": dict.fromkeys(EXTENSIONS, 0),
        "SPIDER_MIDDLEWARES_BASE": {"scrapy.spidermiddlewares.start.StartSpiderMiddleware": 25},
        "DOWNLOADER_MIDDLEWARES_BASE": DOWNLOADER_MIDDLEWARES,
        # Scrapy makes that many tasks a page (100 by default); our pipeline waits for nothing.
        "CONCURRENT_ITEMS": 1,
        "DUPEFILTER_CLASS": "crawler.keys.Once",
        "ITEM_PIPELINES": {"crawler.pipelines.Pipeline": 300},
        # Not DOWNLOAD_HANDLERS_BASE: without a reactor Scrapy puts its own handlers in there.
        "DOWNLOAD_HANDLERS": {"http": route, "https": route, **dict.fromkeys(REFUSED_SCHEMES)},
        "LOG_INSTALL_ROOT_HANDLER": False,
        "LOG_VERSIONS": [],
        "LOG_FORMATTER": "crawler.quiet.QuietFormatter",
        "STATS_DUMP": False,
        "DOWNLOADER_STATS": False,
        # robots.txt is read for this name; what is sent is `crawler.presentation`'s.
        "USER_AGENT": ours.user_agent,
        "DOWNLOAD_TIMEOUT": ours.request_timeout_s,
        "DOWNLOAD_MAXSIZE": ours.response_limit,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_DELAY": politeness.delay_s,
        # The site gets `concurrency` at a time; as many again may be on their way to the disk.
        "CONCURRENT_REQUESTS": 2 * politeness.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": politeness.concurrency,
        "AUTOTHROTTLE_ENABLED": ours.autothrottle,
        "AUTOTHROTTLE_START_DELAY": politeness.delay_s,
        "AUTOTHROTTLE_MAX_DELAY": max(AUTOTHROTTLE_MAX_DELAY_S, politeness.delay_s),
        "AUTOTHROTTLE_TARGET_CONCURRENCY": politeness.concurrency,
        "REDIRECT_MAX_TIMES": ours.redirects,
        "RETRY_TIMES": ours.retries,
        "RETRY_EXCEPTIONS": list(TRANSIENT),
        "RETRY_HTTP_CODES": [500, 502, 503, 504, 522, 524, 408],
        "RETRY_GIVE_UP_LOG_LEVEL": "DEBUG",
    }


def _fingerprint(definition: SourceDefinition) -> str:
    return sha256(definition.model_dump_json().encode()).hexdigest()[:16]


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
