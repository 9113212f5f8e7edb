"""Handlers of work: match a new version of a listing, and match the archive again when the watch has changed.

The unmasked text in the evidence is matched. Places, counts and masked excerpts are written, in the same
transaction that announces to the alerts that there is something to evaluate. Both handlers may be called
twice for the same work.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from matching import metrics
from matching.comparing.findings import Findings
from matching.comparing.listing_text import ListingComparison, TextPart
from matching.comparing.results import results_of
from matching.comparing.sample_answers import (
    NO_ANSWERS,
    MaskedCompanies,
    SampleAnswers,
    answer_masked_rows,
)
from matching.data_sets import data_set_signs
from matching.enrolment.segment_intake import SegmentIntake, segment_folder
from matching.errors import MatchingError
from matching.settings import MatchingSettings
from matching.watch import Watch
from matching.watch_loader import load_watch, read_watch
from storage import companies, data_sets, listings, matches, watch
from storage.captures import Capture
from storage.database.base import WRITE_AGAIN_S, Database
from storage.errors import (
    ClaimLost,
    DatabaseFailed,
    EvidenceExpired,
    EvidenceFailed,
    EvidenceUnreachable,
    SpillwatchError,
    StorageError,
    StoreFailed,
    WatchChanged,
)
from storage.evidence.digest import Digest, digest_beside
from storage.evidence.warc import EvidenceStore
from storage.listings import ListingVersion, MatchClaim
from storage.matches import CompanyResult
from storage.sample_verdicts import SampleRecord
from storage.watch import ClaimedRematch, MatchScope
from storage.work import ClaimHolder, Dispatcher, NoNode, Work, WorkKind, WorkResult
from storage.write_probe import require_known_evidence

log = structlog.get_logger()

#: Seconds that reading and comparing the masked rows of a version may take, within time_limit_s.
MASKED_TIME_S = 15.0
REMATCH_CHUNK = 50  # versions per transaction; between two chunks other work gets its turn
RELOAD_UNUSABLE = timedelta(seconds=30)  # how often a segment that could not be used is tried again
CRASHED = "match_crashed"
#: Failure of a rematch that went through the archive but could not read all of it.
UNREAD = "evidence_unread"
_WATCH_CHANGES = 3  # times that one attempt starts again because the watch has changed
_PARTS = ("title", "body", "seller", "sample")
#: The evidence's part with what a list's row says and the listing's own page does not.
_ROW = "row"
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class _Found:
    """What a version of the archive says."""

    findings: Findings
    answers: SampleAnswers = NO_ANSWERS

    @property
    def results(self) -> list[CompanyResult]:
        return results_of(self.findings, self.answers)


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
        holder: ClaimHolder | None = None,
    ) -> None:
        self._database = database
        self._evidence = evidence
        self._settings = settings
        self._dispatcher = dispatcher
        self._clock = clock
        self._holder = holder or NoNode()
        self._watch: Watch | None = None
        self._loaded_at = clock()
        self._digest: Digest | None = None
        self._masked: tuple[Watch, MaskedCompanies] | None = None
        self._narrowed: tuple[tuple[str, datetime, tuple[int, ...]], Watch] | None = None

    # --- a new version

    def match_version(self, version_id: int) -> None:
        """Match a version for all companies. It ends as matched, pending with a next attempt, or failed."""
        claim = self._database.write(
            lambda session: listings.claim_for_matching(
                session, version_id, now=self._clock(), node_id=self._holder.node_id
            )
        )
        if claim is None:
            return
        if claim.attempt > self._settings.attempts:
            # The process was killed or crashed in each attempt; otherwise a reason would have been written.
            self._record_failure(claim, CRASHED)
            return
        try:
            with metrics.SECONDS.time():
                self._match_with_stable_watch(claim)
        except ClaimLost:
            metrics.VERSIONS.labels("lost").inc()
            log.warning(
                "A version was matched too late: another worker has it now. Nothing was written.",
                action="match_lost",
                version_id=version_id,
            )
        except DatabaseFailed as error:
            if error.permanent:
                self._record_failure(claim, error.reason)
                raise
            self._postpone(claim, error)
        except (EvidenceUnreachable, StoreFailed) as error:
            self._postpone(claim, error)
        except (MatchingError, EvidenceFailed, WatchChanged) as error:
            self._record_failure(claim, error.reason)
        except Exception:
            self._record_failure(claim, CRASHED)
            raise
        else:
            metrics.VERSIONS.labels("matched").inc()

    def _match_with_stable_watch(self, claim: MatchClaim) -> None:
        """Match again if the watch has changed meanwhile. Raises WatchChanged if it changes each time."""
        for tries_left in reversed(range(_WATCH_CHANGES)):
            try:
                self._match_once(claim)
                return
            except WatchChanged:
                if not tries_left:
                    raise

    def _match_once(self, claim: MatchClaim) -> None:
        version_id = claim.version_id
        watched = self._current_watch()
        with self._database.reading() as session:
            version = listings.version_by_id(session, version_id)
        if version is None:
            return
        parts = self._unmasked_parts(version)
        findings = self._match_parts(watched, parts, MatchScope.ALL)
        answers = self._answers_for(watched, version, parts, findings)
        if self._digest is None:
            evidence = self._evidence
            require_known_evidence(self._database, evidence.folder, evidence.shared)
            self._digest = digest_beside(evidence.folder, evidence.shared)
        signs = data_set_signs(_texts_by_field(parts), version.claimed_records, digest=self._digest)

        results = results_of(findings, answers)

        def write_rows(session: Session) -> None:
            now = self._clock()
            if not listings.lock_claimed_version(session, claim):
                raise ClaimLost
            # An older version does not say what the listing offers now.
            if version.number == version.listing.version_number:
                data_sets.place_listing(session, version.listing_id, signs)
            for company_id in watched.unusable:
                _request_fingerprint_rematch(session, company_id, now)
            touched = matches.record_matches(
                session,
                version_id,
                results,
                now=now,
                watched=watched.revision,
                epoch=claim.epoch,
                sample=answers.sample,
            )
            self._announce_summaries(session, touched)

        self._database.write(write_rows)
        _log_canaries(version_id, results)

    def _record_failure(self, claim: MatchClaim, reason: str) -> None:
        """Write the reason and the time of the next attempt, if there is one, and count it."""
        now = self._clock()
        last = claim.attempt >= self._settings.attempts
        retry_at = None if last else now + self._retry_delay(claim.attempt)
        self._write_patiently(
            lambda session: listings.record_matching_failure(
                session, claim, reason=reason, retry_at=retry_at, now=now
            )
        )
        metrics.VERSIONS.labels("failed" if last else "retried").inc()
        log.warning(
            "A version could not be matched.",
            action="match_failed",
            version_id=claim.version_id,
            attempt=claim.attempt,
            reason=reason,
            final=last,
        )

    def _postpone(self, claim: MatchClaim, error: StorageError) -> None:
        """Make a version due again. The attempt does not count: trouble of the database, or of the store of
        the evidence, says nothing about the version.
        """
        reason, retry_at = error.reason, self._clock() + self._retry_delay(claim.attempt)
        self._write_patiently(
            lambda session: listings.postpone_matching(session, claim, reason=reason, retry_at=retry_at)
        )
        metrics.VERSIONS.labels("retried").inc()
        log.warning(
            f"A version waits to be matched, because the {_what_failed(error)} could not be used.",
            action="match_postponed",
            version_id=claim.version_id,
            reason=reason,
        )

    def _write_patiently(self, work: Callable[[Session], object]) -> None:
        """Write in a transaction, again while the database is away.

        A claim that is not given back keeps its row from everybody until the claim's lease is over.
        """
        for wait_s in WRITE_AGAIN_S:
            try:
                self._database.write(work)
            except DatabaseFailed as error:
                if error.permanent:
                    raise
                time.sleep(wait_s)
            else:
                return
        self._database.write(work)

    def _retry_delay(self, attempt: int) -> timedelta:
        """Return the wait between this attempt, which failed, and the next; it doubles each time."""
        return timedelta(seconds=self._settings.retry_after_s * 2 ** (attempt - 1))

    # --- the archive

    def rematch(self, rematch_id: int) -> WorkResult:
        """Match one chunk of the archive again and announce the next; a kill loses one chunk at most."""
        watched = self._current_watch()
        with self._database.transaction() as session:
            requested = watch.rematch_by_id(session, rematch_id)
            if requested is None or _must_wait_for_segment(requested, watched):
                return WorkResult.WAITED
            claimed = watch.claim_rematch(
                session, rematch_id, now=self._clock(), node_id=self._holder.node_id
            )
        if claimed is None:
            return WorkResult.WAITED
        if claimed.attempt > self._settings.attempts:
            # The process was killed in each attempt; otherwise the rematch would have failed before.
            self._record_rematch_failure(claimed, CRASHED)
            return WorkResult.DONE
        try:
            self._rematch_chunk(watched, claimed)
        except DatabaseFailed as error:
            if error.permanent:
                self._record_rematch_failure(claimed, error.reason)
                raise
            self._postpone_rematch(claimed, error)
        except (EvidenceUnreachable, StoreFailed) as error:
            self._postpone_rematch(claimed, error)
        except Exception as error:
            reason = error.reason if isinstance(error, SpillwatchError) else CRASHED
            self._record_rematch_failure(claimed, reason)
            raise
        return WorkResult.DONE

    def _rematch_chunk(self, watched: Watch, claimed: ClaimedRematch) -> None:
        with self._database.reading() as session:
            after = claimed.cursor_version_id
            ids = watch.versions_to_rematch(session, claimed, after=after, limit=REMATCH_CHUNK)
        if not ids:
            self._finish_rematch(claimed)
            return
        company_ids = _companies_to_replace(claimed, watched)
        narrowed = watched if company_ids is None else self._watch_of_companies(watched, company_ids)
        unread: dict[int, str | None] = {}
        found = {version_id: self._match_again(narrowed, claimed, version_id, unread) for version_id in ids}
        self._write_chunk(claimed, company_ids, found, unread)

    def _finish_rematch(self, claimed: ClaimedRematch) -> None:
        """End a rematch, and say how many versions of the archive it could not read."""
        with self._database.transaction() as session:
            unread = listings.count_unread_evidence(session, until_version_id=claimed.until_version_id)
            failure = UNREAD if unread else None
            finished = watch.finish_rematch(
                session, claimed.rematch_id, claimed.epoch, now=self._clock(), failure=failure
            )
        if finished:
            write = log.error if unread else log.info
            write(
                "The archive was matched again, but the evidence of some versions could not be read."
                if unread
                else "The archive was matched again.",
                action="rematch_finished",
                rematch_id=claimed.rematch_id,
                unread_versions=unread,
            )

    def _match_again(
        self, watched: Watch, claimed: ClaimedRematch, version_id: int, unread: dict[int, str | None]
    ) -> _Found | None:
        """Match one version again. None: its evidence is missing or damaged, so earlier matches stay.

        Notes in `unread` why its evidence could not be read, or None.
        """
        with self._database.reading() as session:
            version = listings.version_by_id(session, version_id)
        if version is None:
            return None
        unread[version_id] = None
        try:
            parts = self._unmasked_parts(version)
        except EvidenceUnreachable:
            raise  # the whole chunk waits
        except EvidenceFailed as error:
            # Names can be found in the masked text of the database, too; fingerprints and the texts of
            # attachments are in the evidence only.
            unread[version_id] = error.reason
            if claimed.scope is not MatchScope.TERMS or version.attachments:
                self._report_unread(version_id, error)
                return None
            parts = _masked_parts(version)
            metrics.REMATCHED.labels("masked").inc()
        else:
            metrics.REMATCHED.labels("matched").inc()
        findings = self._match_parts(watched, parts, claimed.scope)
        if claimed.scope is MatchScope.TERMS:
            return _Found(findings)
        return _Found(findings, self._answers_for(watched, version, parts, findings))

    def _report_unread(self, version_id: int, error: EvidenceFailed) -> None:
        if isinstance(
            error, EvidenceExpired
        ):  # retention has deleted it: there may be many, and nothing is wrong
            metrics.REMATCHED.labels("expired").inc()
            return
        metrics.REMATCHED.labels("failed").inc()
        log.warning(
            "A version could not be matched again.",
            action="rematch_failed",
            version_id=version_id,
            reason=error.reason,
        )

    def _write_chunk(
        self,
        claimed: ClaimedRematch,
        company_ids: tuple[int, ...] | None,
        found: dict[int, _Found | None],
        unread: dict[int, str | None],
    ) -> None:
        """Write the findings, the cursor and the announcement of the next chunk in one transaction."""
        hits = sum(bool(one and one.results) for one in found.values())
        written: dict[int, Sequence[CompanyResult]] = {}
        with self._database.transaction() as session:
            still_claimed = watch.advance_rematch(
                session,
                claimed.rematch_id,
                claimed.epoch,
                cursor_version_id=max(found),
                scanned=len(found),
                found=hits,
            )
            if not still_claimed:
                return
            for version_id, one in found.items():
                if one is not None:
                    results = one.results
                    touched = matches.record_matches(
                        session,
                        version_id,
                        results,
                        now=self._clock(),
                        scope=claimed.scope,
                        company_ids=company_ids,
                        sample=one.answers.sample,
                    )
                    self._announce_summaries(session, touched)
                    written[version_id] = results
            listings.note_unread_evidence(session, unread)
            watch.pause_rematch(session, claimed.rematch_id, claimed.epoch)
            self._dispatcher.announce(session, Work(WorkKind.REMATCH, claimed.rematch_id))
        for version_id, stored in written.items():
            _log_canaries(version_id, stored)

    def _postpone_rematch(self, claimed: ClaimedRematch, error: StorageError) -> None:
        """Make a rematch due again. The attempt does not count: the database or the store of the evidence
        could not be used now.
        """
        reason, retry_at = error.reason, self._clock() + self._retry_delay(claimed.attempt)
        self._write_patiently(
            lambda session: watch.postpone_rematch(
                session, claimed.rematch_id, claimed.epoch, reason=reason, retry_at=retry_at
            )
        )
        metrics.REMATCH_FAILURES.labels("retried").inc()
        log.warning(
            f"A chunk of the archive waits, because the {_what_failed(error)} could not be used.",
            action="rematch_postponed",
            rematch_id=claimed.rematch_id,
            reason=reason,
        )

    def _record_rematch_failure(self, claimed: ClaimedRematch, reason: str) -> None:
        """Write the reason and the time of the next attempt, if there is one, and count it."""
        now = self._clock()
        last = claimed.attempt >= self._settings.attempts
        retry_at = None if last else now + self._retry_delay(claimed.attempt)
        self._write_patiently(
            lambda session: watch.record_rematch_failure(
                session, claimed.rematch_id, claimed.epoch, reason=reason, retry_at=retry_at, now=now
            )
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

    # --- both

    def _current_watch(self) -> Watch:
        """Return the watch; load it again if it has changed, or if an unusable segment may be usable now."""
        known, now = self._watch, self._clock()
        with self._database.reading() as session:
            stale = known is None or known.revision != companies.watch_revision(session)
            again = known is not None and known.unusable and now >= self._loaded_at + RELOAD_UNUSABLE
            if known is not None and not stale and not again:
                return known
            rows = read_watch(session)
        known = load_watch(rows, self._settings)
        self._watch, self._loaded_at = known, now
        if self._settings.segments is not None:
            self._delete_old_copies()
        metrics.UNUSABLE.set(len(known.unusable))
        for company_id, error in known.unusable.items():
            log.error(
                "A segment cannot be used: the company's fingerprints are not compared.",
                action="segment_unusable",
                company_id=company_id,
                reason=error.reason,
                detail=str(error),
            )
        return known

    def _delete_old_copies(self) -> None:
        """Delete what this machine had fetched and another one has replaced or removed since."""
        intake = SegmentIntake(self._database, segment_folder(self._settings), self._clock)
        try:
            intake.delete_old_copies()
        except OSError as error:
            log.warning(
                "Cannot remove unused files from the segments folder. Check its owner and mode.",
                action="segments_unswept",
                detail=str(error.strerror),
            )

    def _watch_of_companies(self, watched: Watch, company_ids: tuple[int, ...]) -> Watch:
        """Return the watch of these companies. It is kept, because each chunk of a rematch needs it again."""
        key = (watched.revision, self._loaded_at, company_ids)
        if self._narrowed is None or self._narrowed[0] != key:
            self._narrowed = (key, watched.of_companies(company_ids))
        return self._narrowed[1]

    def _unmasked_parts(self, version: ListingVersion) -> list[TextPart]:
        """Return the texts of a version from the evidence. Raises EvidenceFailed."""
        if version.evidence_gone or any(each.evidence_gone for each in version.attachments):
            # Masked text has no identifiers: matching it would take away what was found in the published one.
            raise EvidenceExpired
        parts = _masked_parts(version)  # for a version that was stored without evidence
        if version.place is not None:
            text = self._evidence.read_text(version.place).parts
            charset = _charset_of(version.capture)
            parts = [TextPart(name, name, text[name], charset) for name in _PARTS if text.get(name)]
            if row := text.get(_ROW):
                parts.append(TextPart("title", _ROW, row, charset))
        for attachment in version.attachments:
            if attachment.place is not None:
                text = self._evidence.read_text(attachment.place).parts
                label, charset = f"attachment {attachment.id}", _charset_of(attachment.capture)
                parts.append(TextPart("attachment", label, text.get("attachment", ""), charset))
        return parts

    def _match_parts(self, watched: Watch, parts: Sequence[TextPart], scope: MatchScope) -> Findings:
        """Match the parts within the limits of time and text; `scope`: what is looked for."""
        until = self._clock() + timedelta(seconds=self._settings.time_limit_s)
        findings = Findings(watched, self._settings.matches_limit)
        comparison = ListingComparison(findings, expired=lambda: self._clock() >= until)
        left = int(self._settings.text_limit_mb * _MEGABYTE)
        for part in parts:
            if len(part.text) > left:
                findings.cut.add("text")
            comparison.match_part(
                part._replace(text=part.text[:left]),
                mentions=scope is not MatchScope.FINGERPRINTS,
                fingerprints=scope is not MatchScope.TERMS,
            )
            left = max(0, left - len(part.text))
        _count_findings(findings)
        return findings

    def _answers_for(
        self, watched: Watch, version: ListingVersion, parts: Sequence[TextPart], findings: Findings
    ) -> SampleAnswers:
        """Return what the rows with masked identifiers say of each company, as published in the evidence.

        A defect in it must not keep the version from being matched: then it is said that they were not read.
        """
        if version.place is None:  # the text was masked here, not by the seller
            return NO_ANSWERS
        until = self._clock() + timedelta(seconds=min(MASKED_TIME_S, self._settings.time_limit_s))
        masked = self._masked_companies(watched)
        try:
            answers = answer_masked_rows(
                parts, masked, findings=findings.companies.keys(), expired=lambda: self._clock() >= until
            )
        except Exception as error:  # noqa: BLE001  (it becomes a row, and a line in the log)
            log.error(
                "The masked rows of a version could not be compared. This is a defect in Spillwatch.",
                action="masked_rows_crashed",
                version_id=version.id,
                error=type(error).__name__,
            )
            metrics.MASKED_ROWS.labels("crashed").inc()
            return SampleAnswers(SampleRecord(0, 1, cut=True))
        _count_answers(answers)
        return answers

    def _masked_companies(self, watched: Watch) -> MaskedCompanies:
        """Return the masks of a watch. They are opened once for each watch that is loaded."""
        if self._masked is None or self._masked[0] is not watched:
            self._masked = (watched, MaskedCompanies.of(watched))
        return self._masked[1]

    def _announce_summaries(self, session: Session, summary_ids: Sequence[int]) -> None:
        for summary_id in summary_ids:
            self._dispatcher.announce(session, Work(WorkKind.EVALUATE, summary_id))


def _what_failed(error: StorageError) -> str:
    return "database" if isinstance(error, DatabaseFailed) else "store of the evidence"


def _must_wait_for_segment(requested: watch.Rematch, watched: Watch) -> bool:
    """Return whether a rematch needs a segment that cannot be used; until then its row stays due."""
    if requested.scope is MatchScope.TERMS:
        return False
    return requested.company_id in watched.unusable


def _companies_to_replace(claimed: ClaimedRematch, watched: Watch) -> tuple[int, ...] | None:
    """Return the companies whose matches are replaced; None: all.

    Hits of a company whose segment cannot be used are not replaced, because they cannot be found again.
    """
    if claimed.company_id is not None:
        return (claimed.company_id,)
    if claimed.scope is MatchScope.TERMS or not watched.unusable:
        return None
    return tuple(sorted(watched.company_ids - watched.unusable.keys()))


def _request_fingerprint_rematch(session: Session, company_id: int, now: datetime) -> None:
    reason = "fingerprints could not be compared"
    watch.request_rematch(
        session, scope=MatchScope.FINGERPRINTS, company_id=company_id, reason=reason, now=now
    )


def _masked_parts(version: ListingVersion) -> list[TextPart]:
    """Return the texts of a version from the database."""
    texts = {"title": version.title, "body": version.body, "seller": version.seller, "sample": version.sample}
    charset = _charset_of(version.capture)
    return [TextPart(name, name, text, charset) for name, text in texts.items() if text]


def _charset_of(capture: Capture | None) -> str | None:
    return capture.charset if capture else None


def _texts_by_field(parts: Sequence[TextPart]) -> dict[str, str]:
    """Return the texts by their field; several attachments are joined, one below the other."""
    texts: dict[str, str] = {}
    for part in parts:
        if part.label == _ROW:
            continue
        texts[part.field] = f"{texts[part.field]}\n{part.text}" if part.field in texts else part.text
    return texts


def _count_answers(answers: SampleAnswers) -> None:
    if answers.sample is not None:
        metrics.MASKED_ROWS.labels("read").inc(answers.sample.rows)
        metrics.MASKED_ROWS.labels("unread").inc(answers.sample.unread_rows)
    for verdict in answers.verdicts.values():
        metrics.MASKED.labels(verdict.verdict).inc()


def _log_canaries(version_id: int, results: Sequence[CompanyResult]) -> None:
    """Count the canaries, and say in the log which sets appeared, apart from any alert."""
    for result in results:
        for record in result.canary_records:
            metrics.CANARIES.labels(record.evidence.value).inc()
        if result.canary_sets:
            log.warning(
                "Canaries are in a version of a listing.",
                action="canaries_found",
                version_id=version_id,
                company_id=result.company_id,
                sets=result.canary_sets,
            )


def _count_findings(findings: Findings) -> None:
    for found in findings.companies.values():
        metrics.FOUND.labels("mention").inc(sum(found.mention_fields.values()))
        metrics.FOUND.labels("fingerprint").inc(sum(found.hit_fields.values()))
    for bound in findings.cut:
        metrics.CUT.labels(bound).inc()
