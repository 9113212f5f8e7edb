"""The end of a run: what is gone, which trap it met, the cursor, and the outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crawler.errors import RunSuperseded, SentToTheFront
from crawler.running.child_protocol import ChildExit, Failure
from crawler.running.run_context import RunContext
from crawler.running.run_outcome import RunEnding, conclude
from storage import listings, runs
from storage.errors import StorageError
from storage.evidence.sealing import PartWriter
from storage.runs import UNSEALED_REASON
from storage.sources import NOT_BEFORE, SITE_PAUSES

#: If a larger share of a source's listings seems lost, the list has probably lost the way to its next page.
MAX_ABSENT_SHARE = 0.5
#: From this many new listings that copy older ones of the source, this share is not chance.
MIN_COPIES = 5
MIN_COPIED_SHARE = 0.9


def end_run(run: RunContext) -> ChildExit:
    """Write the outcome, unless the parent has to, and return how the process should end."""
    if isinstance(run.failure, RunSuperseded):
        return ChildExit.SUPERSEDED
    if isinstance(run.failure, MemoryError):
        return ChildExit.MEMORY
    if run.failure is not None:
        run.report(Failure.of(run.failure))
        return ChildExit.STORAGE if isinstance(run.failure, StorageError) else ChildExit.FAILED
    if run.closed is not None and run.closed.reason == "stopped":
        return ChildExit.STOPPED
    run.tally.unread += run.progress.count_pages_beyond() + run.progress.lists_without_next
    run.tally.lists_without_next = run.progress.lists_without_next
    now, missing = run.clock(), _missing_keys(run)
    run.tally.degraded = run.structure.judge(run.progress.list_count)
    run.progress.structure = run.structure.stored()

    def write_end(session: Session) -> bool:
        if not runs.lock_if_current(session, run.job.run_id, run.job.epoch):
            return False
        _mark_gone(session, run, missing, now)
        run.tally.trap = _trap_sentence(session, run)
        run.tally.resting = run.pauses.first_error
        ending = run.tally.ending().remarked(run.request_headers.jar.remark(now))
        ending = _with_unsealed(ending, run)
        return conclude(
            session,
            run_id=run.job.run_id,
            epoch=run.job.epoch,
            source_id=run.job.source_id,
            ending=ending.masked(run.mask),
            counts=run.tally.counts(ended=True),
            cursor=_closing_cursor(run, now),
            degraded=bool(run.tally.degraded),
            dispatcher=run.dispatcher,
            now=now,
        )

    concluded = run.database.write(write_end)
    return ChildExit.CONCLUDED if concluded else ChildExit.SUPERSEDED


def _with_unsealed(ending: RunEnding, run: RunContext) -> RunEnding:
    """Return the ending, with its reason and a sentence if the evidence is on this machine only: then nobody
    has compared what was found.
    """
    failure = run.writer.failure if isinstance(run.writer, PartWriter) else None
    if failure is None:
        return ending
    sentence = (
        "What the run read is kept on the machine that read it, and is compared once it could be stored: "
        f"{str(failure).rstrip('.')}."
    )
    return replace(ending, reason=UNSEALED_REASON).remarked((UNSEALED_REASON, sentence))


def _closing_cursor(run: RunContext, now: datetime) -> dict[str, Any]:
    """Return where the next run goes on, and the moment before which it must not begin."""
    cursor = run.progress.closing_cursor()
    if run.not_before is not None and run.not_before > now:
        cursor[NOT_BEFORE] = run.not_before.isoformat()
    if pauses := {site: until.isoformat() for site, until in run.pauses.left_alone().items() if until > now}:
        cursor[SITE_PAUSES] = pauses
    return cursor


def _mark_gone(session: Session, run: RunContext, gone: set[str], now: datetime) -> None:
    """Mark the listings that are gone, as far as this run can tell; `gone` are those without a page."""
    source_id = run.job.source_id
    if run.tally.all_lists_read:
        # A site that is down or has moved answers 404 for every page, which says nothing about a listing.
        gone |= _absent_suspects(session, run)
        listings.mark_gone(session, source_id, gone, now)
        for key in gone:
            run.progress.answers.settle(key)
    since = run.progress.whole_since()
    if since is None:
        return
    unseen, present = listings.count_absent(session, source_id, seen_since=since)
    if unseen > MAX_ABSENT_SHARE * present:
        run.tally.absent = (unseen, present)
        return
    # Gone is what two complete readings did not show: one may have read the list while it moved.
    if (before := run.progress.whole_before) is not None:
        listings.mark_absent_gone(session, source_id, seen_since=before, now=now)
    run.progress.confirm_whole(since)


def _absent_suspects(session: Session, run: RunContext) -> set[str]:
    """Return the keys of listings whose pages say or seem to say that they are gone, and that no list shows.

    If the page does not say so in words, other pages must have come.
    """
    since, answers = run.progress.shown_since(), run.progress.answers
    others_came = bool(run.tally.items.read or run.tally.rechecks.read)
    suspects = answers.suspects if others_came else answers.worded
    if since is None or not suspects:
        return set()
    known = listings.known_listings(session, run.job.source_id, suspects)
    return {key for key, each in known.items() if each.last_seen_at < since}


def _missing_keys(run: RunContext) -> set[str]:
    """Return the keys of listings whose own page does not exist, by the site's status or its redirect.

    When a login has expired, a site may redirect every page to its front page. So redirects are believed if
    at least as many other pages came; otherwise they count as pages that could not be read.
    """
    shown = run.tally.items.read + run.tally.rechecks.read
    if len(run.sent_away) <= shown:
        return run.gone | run.sent_away
    for _ in run.sent_away:
        run.tally.rechecks.failures.add(SentToTheFront())
    return run.gone


def _trap_sentence(session: Session, run: RunContext) -> str | None:
    """Return the first trap that the run met, in a sentence."""
    sentences = [run.progress.trap, run.patterns.trap]
    many = run.tally.listings_new >= MIN_COPIES
    copies = listings.copied_listings(session, run.job.source_id, since=run.began) if many else 0
    if copies >= MIN_COPIES and copies >= MIN_COPIED_SHARE * run.tally.listings_new:
        sentences.append(
            f"{copies} of {run.tally.listings_new} new listings are copies of listings that the source "
            "already had, under new URLs: the site adds something of its own to each link. Give the [list] a "
            "`key`."
        )
    return next((sentence for sentence in sentences if sentence), None)
