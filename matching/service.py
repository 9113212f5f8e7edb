"""Handlers: match a new version of a listing, and match the archive again when the watch has changed.

What is matched is the unmasked text in the evidence; what is written are places, counts and masked excerpts,
in one transaction with the announcement that the alerts have something to judge. Both may be called twice.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from matching import metrics
from matching.comparing.findings import Findings, TextPart
from matching.comparing.results import results_of
from matching.data_sets import signs_of
from matching.errors import MatchingError
from matching.settings import MatchingSettings
from matching.watch import Watch
from matching.watch_loader import load_watch
from storage import companies, data_sets, listings, matches, watch
from storage.database.base import Database
from storage.errors import EvidenceFailed, SpillwatchError, WatchChanged
from storage.evidence.digest import Digest, digest_beside
from storage.evidence.warc import EvidenceStore
from storage.listings import ListingVersion
from storage.watch import ClaimedRematch, MatchScope
from storage.work import Dispatcher, Work, WorkKind

log = structlog.get_logger()

REMATCH_CHUNK = 50  # versions of one transaction; between two chunks other work gets its turn
RELOAD_UNUSABLE = timedelta(seconds=30)  # how often a segment that could not be used is tried again
CRASHED = "match_crashed"
_WATCH_CHANGES = 3  # changes of the watch that one attempt outlasts
_PARTS = ("title", "body", "seller", "sample")
_MEGABYTE = 1_000_000


class MatchingService:
    """The handlers of WorkKind.MATCH and WorkKind.REMATCH. Nothing is loaded before the first version."""

    def __init__(
        self,
        *,
        database: Database,
        evidence: EvidenceStore,
        settings: MatchingSettings,
        dispatcher: Dispatcher,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._evidence = evidence
        self._settings = settings
        self._dispatcher = dispatcher
        self._clock = clock
        self._watch: Watch | None = None
        self._loaded_at = clock()
        self._digest: Digest | None = None
        self._narrow: tuple[tuple[str, datetime, tuple[int, ...]], Watch] | None = None

    def match_version(self, version_id: int) -> None:
        """Match a version for all companies. It ends matched, or waits for its next attempt, or failed."""
        with self._database.transaction() as session:
            attempt = listings.claim_for_matching(session, version_id, now=self._clock())
        if attempt is None:
            return
        if attempt > self._settings.attempts:  # killed or crashed each time, else there would be a reason
            self._failed(version_id, attempt, CRASHED)
            return
        try:
            with metrics.SECONDS.time():
                self._match(version_id)
        except (MatchingError, EvidenceFailed, WatchChanged) as error:
            self._failed(version_id, attempt, error.reason)
        except Exception:
            self._failed(version_id, attempt, CRASHED)
            raise
        else:
            metrics.VERSIONS.labels("matched").inc()

    def _match(self, version_id: int) -> None:
        """Raises WatchChanged if the watch changes each time while it is matched with."""
        for again in reversed(range(_WATCH_CHANGES)):
            try:
                self._match_once(version_id)
                return
            except WatchChanged:
                if not again:
                    raise

    def _match_once(self, version_id: int) -> None:
        watched = self._current()
        with self._database.reading() as session:
            version = listings.version_by_id(session, version_id)
        if version is None:
            return
        parts = self._unmasked(version)
        findings = self._findings(watched, parts, MatchScope.ALL)
        self._digest = self._digest or digest_beside(self._evidence.folder)
        signs = signs_of(texts_of(parts), version.claimed_records, digest=self._digest)
        with self._database.transaction() as session:
            now = self._clock()
            if version.number == version.listing.version_number:
                data_sets.place_listing(session, version.listing_id, signs)
            for company_id in watched.unusable:
                _want_fingerprints(session, company_id, now)
            touched = matches.record_matches(
                session, version_id, results_of(findings), now=now, watched=watched.revision
            )
            self._announce(session, touched)

    def _failed(self, version_id: int, attempt: int, reason: str) -> None:
        """A row and a counter: the next attempt, or none."""
        now = self._clock()
        last = attempt >= self._settings.attempts
        retry_at = None if last else now + self._wait(attempt)
        with self._database.transaction() as session:
            listings.record_matching_failure(session, version_id, reason=reason, retry_at=retry_at, now=now)
        metrics.VERSIONS.labels("failed" if last else "retried").inc()
        log.warning(
            "A version could not be matched.",
            action="match_failed",
            version_id=version_id,
            attempt=attempt,
            reason=reason,
            final=last,
        )

    def rematch(self, rematch_id: int) -> None:
        """Match one chunk of the archive again, then queue for the next; a kill loses a chunk at most."""
        watched = self._current()
        with self._database.transaction() as session:
            wanted = watch.rematch_by_id(session, rematch_id)
            if wanted is None or _must_wait(wanted, watched):
                return
            claimed = watch.claim_rematch(session, rematch_id, now=self._clock())
        if claimed is None:
            return
        if claimed.attempt > self._settings.attempts:  # killed each time, else it would have failed before
            self._rematch_failed(claimed, CRASHED)
            return
        try:
            self._rematch_chunk(watched, claimed)
        except Exception as error:
            self._rematch_failed(claimed, error.reason if isinstance(error, SpillwatchError) else CRASHED)
            raise

    def _rematch_chunk(self, watched: Watch, claimed: ClaimedRematch) -> None:
        with self._database.reading() as session:
            after = claimed.cursor_version_id
            ids = watch.versions_to_rematch(session, claimed, after=after, limit=REMATCH_CHUNK)
        if not ids:
            with self._database.transaction() as session:
                watch.finish_rematch(session, claimed.rematch_id, claimed.epoch, now=self._clock())
            return
        company_ids = _companies(claimed, watched)
        narrowed = watched if company_ids is None else self._narrowed(watched, company_ids)
        found = {version_id: self._again(narrowed, claimed, version_id) for version_id in ids}
        self._write_chunk(claimed, company_ids, found)

    def _rematch_failed(self, claimed: ClaimedRematch, reason: str) -> None:
        """A row and a counter, as `_failed` has for a single version."""
        now = self._clock()
        last = claimed.attempt >= self._settings.attempts
        retry_at = None if last else now + self._wait(claimed.attempt)
        with self._database.transaction() as session:
            watch.record_rematch_failure(
                session, claimed.rematch_id, claimed.epoch, reason=reason, retry_at=retry_at, now=now
            )
        metrics.REMATCH_FAILURES.labels("failed" if last else "retried").inc()
        log.error(
            "A chunk of the archive could not be matched again.",
            action="rematch_chunk_failed",
            rematch_id=claimed.rematch_id,
            after_version_id=claimed.cursor_version_id,
            attempt=claimed.attempt,
            reason=reason,
            final=last,
        )

    def _wait(self, attempt: int) -> timedelta:
        """From this attempt, which failed, to the next: each time twice as far."""
        return timedelta(seconds=self._settings.retry_after_s * 2 ** (attempt - 1))

    def _again(self, watched: Watch, claimed: ClaimedRematch, version_id: int) -> Findings | None:
        """None: its evidence is gone or damaged, so what was found before stays."""
        with self._database.reading() as session:
            version = listings.version_by_id(session, version_id)
        if version is None:
            return None
        try:
            parts = self._unmasked(version)
        except EvidenceFailed as error:
            if claimed.scope is not MatchScope.TERMS or version.attachments:
                metrics.REMATCHED.labels("failed").inc()
                log.warning(
                    "A version could not be matched again.",
                    action="rematch_failed",
                    version_id=version_id,
                    reason=error.reason,
                )
                return None
            parts = _masked(version)
        metrics.REMATCHED.labels("matched").inc()
        return self._findings(watched, parts, claimed.scope)

    def _write_chunk(
        self, claimed: ClaimedRematch, company_ids: tuple[int, ...] | None, found: dict[int, Findings | None]
    ) -> None:
        hits = sum(bool(findings and findings.companies) for findings in found.values())
        with self._database.transaction() as session:
            mine = watch.advance_rematch(
                session,
                claimed.rematch_id,
                claimed.epoch,
                cursor_version_id=max(found),
                scanned=len(found),
                found=hits,
            )
            if not mine:
                return
            for version_id, findings in found.items():
                if findings is not None:
                    results = results_of(findings)
                    now, scope = self._clock(), claimed.scope
                    touched = matches.record_matches(
                        session, version_id, results, now=now, scope=scope, company_ids=company_ids
                    )
                    self._announce(session, touched)
            watch.pause_rematch(session, claimed.rematch_id, claimed.epoch)
            self._dispatcher.announce(session, Work(WorkKind.REMATCH, claimed.rematch_id))

    def _findings(self, watched: Watch, parts: Sequence[TextPart], scope: MatchScope) -> Findings:
        until = self._clock() + timedelta(seconds=self._settings.time_limit_s)
        findings = Findings(watched, self._settings.matches_limit, lambda: self._clock() >= until)
        left = int(self._settings.text_limit_mb * _MEGABYTE)
        for part in parts:
            if len(part.text) > left:
                findings.cut.add("text")
            findings.add(
                part._replace(text=part.text[:left]),
                mentions=scope is not MatchScope.FINGERPRINTS,
                fingerprints=scope is not MatchScope.TERMS,
            )
            left = max(0, left - len(part.text))
        _count(findings)
        return findings

    def _unmasked(self, version: ListingVersion) -> list[TextPart]:
        """The texts of a version, from the evidence alone."""
        parts = _masked(version)  # of a version that came without evidence
        if version.place is not None:
            text = self._evidence.read_text(version.place).parts
            parts = [TextPart(name, name, text[name]) for name in _PARTS if text.get(name)]
        for attachment in version.attachments:
            if attachment.place is not None:
                text = self._evidence.read_text(attachment.place).parts
                label = f"attachment {attachment.id}"
                parts.append(TextPart("attachment", label, text.get("attachment", "")))
        return parts

    def _current(self) -> Watch:
        """The watch, loaded anew when it changed, or when a segment that was unusable may be usable again."""
        with self._database.reading() as session:
            revision = companies.watch_revision(session)
            known, now = self._watch, self._clock()
            stale = known is None or known.revision != revision
            if known is None or stale or (known.unusable and now >= self._loaded_at + RELOAD_UNUSABLE):
                known = load_watch(session, self._settings)
                self._watch, self._loaded_at = known, now
                metrics.UNUSABLE.set(len(known.unusable))
                for company_id, error in known.unusable.items():
                    log.error(
                        "Fingerprints of a company cannot be compared.",
                        action="segment_unusable",
                        company_id=company_id,
                        reason=error.reason,
                        detail=str(error),
                    )
        return known

    def _narrowed(self, watched: Watch, company_ids: tuple[int, ...]) -> Watch:
        """The watch of these companies; kept, because a rematch asks for the same one chunk after chunk."""
        wanted = (watched.revision, self._loaded_at, company_ids)
        if self._narrow is None or self._narrow[0] != wanted:
            self._narrow = (wanted, watched.of_companies(company_ids))
        return self._narrow[1]

    def _announce(self, session: Session, summary_ids: Sequence[int]) -> None:
        for summary_id in summary_ids:
            self._dispatcher.announce(session, Work(WorkKind.EVALUATE, summary_id))


def _must_wait(wanted: watch.Rematch, watched: Watch) -> bool:
    """A rematch of fingerprints begins when they can be compared; until then its row stays due."""
    if wanted.scope is MatchScope.TERMS:
        return False
    return wanted.company_id in watched.unusable


def _companies(claimed: ClaimedRematch, watched: Watch) -> tuple[int, ...] | None:
    """Whose matches are replaced; None: everybody's. Hits that cannot be looked for again must stay."""
    if claimed.company_id is not None:
        return (claimed.company_id,)
    if claimed.scope is MatchScope.TERMS or not watched.unusable:
        return None
    return tuple(sorted(watched.company_ids - watched.unusable.keys()))


def _want_fingerprints(session: Session, company_id: int, now: datetime) -> None:
    reason = "fingerprints could not be compared"
    watch.request_rematch(
        session, scope=MatchScope.FINGERPRINTS, company_id=company_id, reason=reason, now=now
    )


def _masked(version: ListingVersion) -> list[TextPart]:
    texts = {"title": version.title, "body": version.body, "seller": version.seller, "sample": version.sample}
    return [TextPart(name, name, text) for name, text in texts.items() if text]


def texts_of(parts: Sequence[TextPart]) -> dict[str, str]:
    """The texts by the field they stand in; of attachments there may be several, one below the other."""
    texts: dict[str, str] = {}
    for part in parts:
        texts[part.field] = f"{texts[part.field]}\n{part.text}" if part.field in texts else part.text
    return texts


def _count(findings: Findings) -> None:
    for found in findings.companies.values():
        metrics.FOUND.labels("mention").inc(sum(found.mention_fields.values()))
        metrics.FOUND.labels("fingerprint").inc(sum(found.hit_fields.values()))
    for bound in findings.cut:
        metrics.CUT.labels(bound).inc()
