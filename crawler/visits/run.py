"""One run, in its process: its context, Scrapy, and its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from scrapy import signals
from scrapy.crawler import Crawler
from twisted.python.failure import Failure

from crawler.errors import CookiesRefused, ProxyFileRefused, RateLimited
from crawler.fetching.cookies import Jar, read_cookies
from crawler.fetching.guard import Guard
from crawler.fetching.outgoing_proxy import proxy_of
from crawler.fetching.request_headers import RequestHeaders
from crawler.progress.list_progress import SourceProgress
from crawler.progress.page_structure import PageStructure
from crawler.progress.traps import DEPTH, UrlPatterns
from crawler.running.child_protocol import ChildExit, Job, Message
from crawler.running.child_protocol import Failure as RunFailure
from crawler.running.lease_watch import watch_lease
from crawler.running.run_context import RunContext
from crawler.scheduling.site_turns import not_before, site_pauses
from crawler.settings import CrawlerSettings
from crawler.sites import named_sites, named_urls, sites_of_starts
from crawler.sources import Adapter, FamilySource, SourceDefinition, adapter_for, read_stored
from crawler.sources.definition import FeedSource
from crawler.sources.paste_links import LINKED_KINDS, PasteLinks
from crawler.spiders.source import SourceSpider
from crawler.visits.run_end import end_run
from crawler.visits.scrapy_settings import default_settings_of_visits, quiet_libraries, scrapy_settings
from network.proxy_address import ProxyAddress
from storage import sources
from storage.database.base import Database
from storage.errors import StorageError
from storage.evidence.digest import Digest, digest_beside
from storage.evidence.sealing import PartWriter
from storage.evidence.warc import EvidenceStore, EvidenceWriter
from storage.work import Dispatcher
from storage.write_probe import require_known_evidence

#: Keys of a source's file that say how listings are read.
READING = {"list", "row", "item", "entry", "raw", "timezone", "date_order", "currency", "replies"}
#: Number of URLs whose masked form is remembered: a row, a key, a capture and a listing need it.
REMEMBERED_URLS = 2_048


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
    route: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ChildExit:
    """Carry out a job and return how the process should end. `adapter` and `route` (the name of a class) are
    the definition's unless given.

    With `ChildExit.CONCLUDED` the outcome is written; with any other, the parent has to write it.
    """
    try:
        definition = read_stored(job.definition)
        mask_url = lru_cache(maxsize=REMEMBERED_URLS)(mask_url)
        require_known_evidence(database, evidence.folder, evidence.shared)
        digest = digest_beside(evidence.folder, evidence.shared)
        now = clock()
        jar, refused = _cookie_jar(definition, clock)
        proxy, proxy_refused = _proxy(definition, job.settings)
        with _evidence_writer(job, evidence, database, dispatcher, digest, now) as writer:
            run = RunContext(
                job=job,
                definition=definition,
                adapter=adapter or adapter_for(definition, digest=digest),
                guard=Guard.of(
                    definition.allow_private_addresses,
                    via=definition.via,
                    tor_proxy=job.settings.tor_proxy,
                    proxy=proxy,
                    named=named_urls(definition),
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
                progress=SourceProgress(
                    job.cursor,
                    definition=_definition_digest(definition),
                    now=now,
                    mask_url=mask_url,
                    depth=definition.budget.depth or max(DEPTH, definition.budget.pages),
                    pages_again=definition.budget.recheck_items,
                    any_order=not isinstance(definition, FamilySource | FeedSource),
                    reading=_reading_digest(definition),
                ),
                patterns=UrlPatterns(definition.budget.alike),
                structure=PageStructure.from_memory(
                    job.cursor.get("structure"), definition=_definition_digest(definition)
                ),
                began=now,
                request_headers=RequestHeaders.of(
                    job.settings,
                    via=definition.via,
                    changes=definition.headers,
                    sites=named_sites(definition),
                    jar=jar,
                ),
                pastes=_paste_links(database, definition),
            )
            for why in (proxy_refused, refused):
                if why is not None:
                    run.close(why)
            _keep_pauses(run)
            if isinstance(writer, PartWriter):
                writer.executor = run.writes
            _crawl(run, scrapy_settings(run, route=route))
            if isinstance(writer, PartWriter) and not isinstance(run.failure, MemoryError):
                writer.finish()
            return end_run(run)
    except StorageError as error:
        report(RunFailure.of(error))
        return ChildExit.STORAGE


def _evidence_writer(
    job: Job,
    evidence: EvidenceStore,
    database: Database,
    dispatcher: Dispatcher,
    digest: Digest,
    now: datetime,
) -> EvidenceWriter | PartWriter:
    """Return what writes the run's evidence: to the source's file of the day, or to objects of its own."""
    if evidence.shared is None:
        return evidence.day_writer(job.source_name, digest=digest, now=now)
    return PartWriter(
        evidence,
        evidence.shared,
        source=job.source_name,
        run_id=job.run_id,
        epoch=job.epoch,
        database=database,
        dispatcher=dispatcher,
        seal_after_s=job.seal_after_s,
        now=now,
    )


def _keep_pauses(run: RunContext) -> None:
    """Send nothing to sites that answered an earlier run with 429, until their pauses end."""
    now, cursor = run.began, run.job.cursor
    if (pause := not_before(cursor)) is not None and pause > now:
        run.not_before = pause
        run.close(RateLimited(_pause_sentence("The site", pause)))
    for site, until in {**_told_to_others(run, now), **site_pauses(cursor)}.items():
        if until > now:
            run.pauses.leave_alone(site, RateLimited(_pause_sentence(site, until)), until)


def _told_to_others(run: RunContext, now: datetime) -> dict[str, datetime]:
    """Return the pauses of this source's sites that other sources were asked for.

    A source with one site does not begin meanwhile; a person who begins it all the same may ask.
    """
    own = sites_of_starts(run.definition.start)
    if len(own) < 2:
        return {}
    with run.database.reading() as session:
        told = sources.pauses(session, now=now)
    until = {site.removeprefix("www."): at for pause in told for site, at in pause.sites.items()}
    return {site: until[bare] for site in own if (bare := site.removeprefix("www.")) in until}


def _cookie_jar(
    definition: SourceDefinition, clock: Callable[[], datetime]
) -> tuple[Jar, CookiesRefused | None]:
    """Return the run's cookies, and why they cannot be used: without them a site would show its wall."""
    if definition.cookies_file is None:
        return Jar((), clock=clock), None
    try:
        return Jar(read_cookies(definition.cookies_file), clock=clock), None
    except CookiesRefused as refused:
        return Jar((), clock=clock), refused


def _proxy(
    definition: SourceDefinition, settings: CrawlerSettings
) -> tuple[ProxyAddress | None, ProxyFileRefused | None]:
    """Return the run's proxy, and why it cannot be used: without it nothing may leave this machine."""
    try:
        return proxy_of(definition, settings), None
    except ProxyFileRefused as refused:
        return None, refused


def _paste_links(database: Database, definition: SourceDefinition) -> PasteLinks:
    """Return the paste sites among the sources, without those whose definition another version wrote."""
    with database.reading() as session:
        stored = [source.definition for source in sources.active_sources(session, kinds=LINKED_KINDS)]
    readable = []
    for each in stored:
        with suppress(ValidationError):
            readable.append(read_stored(each))
    return PasteLinks.of(readable, via=definition.via)


def _crawl(run: RunContext, settings: Mapping[str, Any]) -> None:
    quiet_libraries()
    crawler = Crawler(SourceSpider, default_settings_of_visits())
    crawler.settings.setdict(settings)

    def handle_sigterm() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.stop)

    def fail_run(failure: Failure) -> None:
        run.fail(failure.value or RuntimeError("Scrapy gave no error"))

    watching: list[asyncio.Future[None]] = []

    def watch() -> None:
        if run.job.lease is not None:
            watching.append(asyncio.ensure_future(watch_lease(run, run.job.lease)))
            run.fail_with(watching[0])

    def end_watch() -> None:
        for each in watching:
            each.cancel()

    crawler.signals.connect(end_watch, signals.spider_closed)
    crawler.signals.connect(watch, signals.spider_opened)
    crawler.signals.connect(handle_sigterm, signals.spider_opened)
    crawler.signals.connect(fail_run, signals.spider_error)
    crawler.signals.connect(fail_run, signals.item_error)

    async def crawl() -> None:
        try:
            await crawler.crawl_async(run=run)
        except Exception as error:  # noqa: BLE001 - it decides the outcome
            run.fail(error)

    try:
        asyncio.run(crawl())
    except (RuntimeError, MemoryError):
        # Without memory there is no thread for the end of the loop either ("can't start new thread").
        if not isinstance(run.failure, MemoryError):
            raise
    run.writes.shutdown()


def _pause_sentence(site: str, until: datetime) -> str:
    when = f"{until:%Y-%m-%d %H:%M} UTC"
    return f"{site} wanted fewer requests (429), so nothing is requested of it before {when}."


def _reading_digest(definition: SourceDefinition) -> str:
    """Return what stands for the way in which listings are read."""
    return sha256(definition.model_dump_json(include=READING).encode()).hexdigest()[:16]


def _definition_digest(definition: SourceDefinition) -> str:
    values = definition.model_dump_json(exclude={"proxy", "proxy_file"})
    return sha256(values.encode()).hexdigest()[:16]
