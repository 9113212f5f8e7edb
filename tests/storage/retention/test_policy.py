"""storage.retention.policy: what goes at its age, and what stays whatever its age."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from storage import alerts, deliveries, holds
from storage.alerts import AlertChange, AlertRevision
from storage.captures import Capture, EvidenceGone
from storage.database.base import Database
from storage.deliveries import Attempt, AttemptOutcome, Delivery
from storage.errors import EvidenceFailed
from storage.evidence.warc import EvidenceStore
from storage.listing_tables import Listing, ListingVersion
from storage.matches import Match, MatchSummary
from storage.retention import passes, preview
from storage.retention.passes import NEW_PASS, PassOutcome, RetentionPass
from storage.runs import Run
from storage.settings import RetentionSettings, SourceRetention
from tests.storage import given
from tests.storage.given import NOW
from tests.storage.retention.archive import DAY, Archive

SETTINGS = RetentionSettings()


@pytest.fixture
def archive(database: Database, evidence: EvidenceStore) -> Archive:
    made = Archive(database, evidence)
    made.begin()
    return made


def whole_pass(
    archive: Archive, settings: RetentionSettings = SETTINGS, *, now: datetime = NOW, tick_s: float = 60
) -> RetentionPass:
    """Carry out a whole pass, as the daemon does; the announced first one comes before it."""
    with archive.database.transaction() as session:
        if passes.due_passes(session, now=now, limit=1, settings=settings) == [NEW_PASS]:
            passes.begin_pass(session, now=now - timedelta(days=30))
            passes.begin_pass(session, now=now)
    while True:
        with archive.database.transaction() as session:
            last = passes.recent_passes(session, limit=1)[0]
            if last.state is passes.PassState.FINISHED:
                return last
            claimed = passes.claim_pass(session, last.id, now=now)
        assert claimed
        passes.carry_out_tick(archive.database, archive.evidence, settings, claimed, now=now, tick_s=tick_s)


def versions(archive: Archive) -> Sequence[tuple[int, int, EvidenceGone | None]]:
    with archive.database.reading() as session:
        query = select(ListingVersion.listing_id, ListingVersion.number, ListingVersion.evidence_gone)
        return [tuple(row) for row in session.execute(query.order_by(ListingVersion.id))]  # type: ignore[misc]


def count(archive: Archive, table: type) -> int:
    with archive.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_old_versions_go_and_the_current_one_stays(archive: Archive) -> None:
    """Of three old texts of a listing the last one stays as a row; its evidence goes with its age, and the
    search finds it. What was found in a version goes with the version.
    """
    [first] = archive.visit(NOW - 900 * DAY, {"1": "alpha text"})
    archive.visit(NOW - 800 * DAY, {"1": "beta text"})
    archive.visit(NOW - 700 * DAY, {"1": "gamma text"})
    with archive.database.transaction() as session:
        company_id = given.company(session)
    archive.match(first, company_id)

    ended = whole_pass(archive)

    assert versions(archive) == [(1, 3, EvidenceGone.EXPIRED)]
    assert (ended.outcome, ended.counts["listing_versions"], ended.counts["matches"]) == (
        PassOutcome.DELETED,
        2,
        1,
    )
    assert (count(archive, Match), count(archive, MatchSummary)) == (0, 0)
    # The current version's response stays as a row, without its record.
    assert count(archive, Capture) == 1
    assert [*archive.evidence.folder.glob("2*/*")] == []


def test_what_an_alert_cites_stays(archive: Archive) -> None:
    """A version that a message of an alert was about keeps its row, its text and its response, although its
    price has changed since; versions that no message was about go.
    """
    archive.visit(NOW - 900 * DAY, {"1": "alpha text"})
    archive.visit(NOW - 800 * DAY, {"1": "beta text"})
    archive.visit(NOW - 700 * DAY, {"1": "gamma text"})
    archive.visit(NOW - 600 * DAY, {"1": "delta text"})
    archive.alert(1, 1, at=NOW - 900 * DAY)
    archive.alert(1, 3, at=NOW - 700 * DAY, change=AlertChange.ESCALATED)

    whole_pass(archive)

    assert versions(archive) == [(1, 1, None), (1, 3, None), (1, 4, EvidenceGone.EXPIRED)]
    with archive.database.reading() as session:
        cited = session.scalars(select(ListingVersion).where(ListingVersion.number.in_((1, 3)))).all()
        captured = {each.id: each for each in session.scalars(select(Capture))}
    for version in cited:
        capture = captured[version.capture_id or 0]
        assert version.place and capture.place
        assert archive.evidence.read_text(version.place).parts["body"] == version.body
        assert version.body in archive.evidence.read_response(capture.place, capture.sha256).body.decode()


def test_a_case_keeps_everything_of_a_listing_until_it_is_released(archive: Archive) -> None:
    """Nothing of a held listing goes, whatever the settings say. After the last case has released it, it goes
    like everything else.
    """
    archive.visit(NOW - 900 * DAY, {"1": "alpha text", "2": "other text"})
    archive.visit(NOW - 800 * DAY, {"1": "beta text", "2": "other text, edited"})
    with archive.database.transaction() as session:
        for case in ("2026-17", "2026-18"):
            assert holds.add_hold(
                session, case, holds.HoldSubject.LISTING, 1, person="anna", reason="court order", now=NOW
            )
    shortest = RetentionSettings(captures_days=31, evidence_days=1, versions_days=1, runs_days=1)

    whole_pass(archive, shortest)
    held = versions(archive)
    with archive.database.transaction() as session:
        assert holds.release_hold(session, 1, person="anna", reason="closed", now=NOW)
    whole_pass(archive, shortest, now=NOW + 2 * DAY)
    still = versions(archive)
    with archive.database.transaction() as session:
        assert holds.release_hold(session, 2, person="anna", reason="closed", now=NOW)
        assert not holds.release_hold(session, 2, person="anna", reason="again", now=NOW)
    whole_pass(archive, shortest, now=NOW + 4 * DAY)

    gone = EvidenceGone.EXPIRED
    assert held == still == [(1, 1, None), (1, 2, None), (2, 2, gone)]
    assert versions(archive) == [(1, 2, gone), (2, 2, gone)]


@pytest.mark.parametrize("subject", [holds.HoldSubject.FINDING, holds.HoldSubject.COMPANY])
def test_a_held_finding_and_a_held_company_keep_their_listings(
    archive: Archive, subject: holds.HoldSubject
) -> None:
    """The listings, messages and attempts of a held alert stay; so do those of a held company."""
    [version] = archive.visit(NOW - 900 * DAY, {"1": "alpha text"})
    archive.visit(NOW - 800 * DAY, {"1": "beta text"})
    with archive.database.transaction() as session:
        company_id = given.company(session)
    archive.match(version, company_id)
    for day, change in ((900, AlertChange.OPENED), (800, AlertChange.UPDATED), (700, AlertChange.UPDATED)):
        archive.alert(1, 2, at=NOW - day * DAY, change=change, company=company_id, channels=())
    with archive.database.transaction() as session:
        subject_id = 1 if subject is holds.HoldSubject.FINDING else company_id
        holds.add_hold(session, "2026-17", subject, subject_id, person="anna", reason="x", now=NOW)

    whole_pass(archive)
    kept = versions(archive), count(archive, AlertRevision), count(archive, Match)
    with archive.database.transaction() as session:
        holds.release_hold(session, 1, person="anna", reason="closed", now=NOW)
    whole_pass(archive, now=NOW + 2 * DAY)

    assert kept == ([(1, 1, None), (1, 2, None)], 3, 1)
    assert versions(archive) == [(1, 2, None)]  # the alert cites it
    assert count(archive, AlertRevision) == 2


def test_responses_without_a_version_go_first(archive: Archive) -> None:
    """List pages and rechecks that showed nothing new go after their own time, and the records between those
    that stay are overwritten: what stays is where it was.
    """
    archive.visit(NOW - 100 * DAY, {"1": "alpha text"})
    archive.visit(NOW - 99 * DAY, {"1": "alpha text"})
    archive.visit(NOW - 10 * DAY, {"1": "alpha text"})
    with archive.database.reading() as session:
        before = session.scalars(select(Capture).order_by(Capture.id)).all()

    ended = whole_pass(archive)

    with archive.database.reading() as session:
        after = session.scalars(select(Capture).order_by(Capture.id)).all()
        version = session.scalars(select(ListingVersion)).one()
    # list and item of the first visit, of the second, and of the third
    assert [each.id for each in after] == [before[1].id, before[4].id, before[5].id]
    assert [each.place for each in after] == [before[i].place for i in (1, 4, 5)]
    for capture in after:
        assert capture.place
        archive.evidence.read_response(capture.place, capture.sha256)
    assert version.place
    assert archive.evidence.read_text(version.place).parts["body"] == "alpha text"
    assert before[0].place
    with pytest.raises(EvidenceFailed):
        archive.evidence.read_response(before[0].place, before[0].sha256)
    assert ended.counts["captures"] == 3
    # The second visit had read the text again: no row points at it, and it goes with its response.
    assert (ended.counts["records"], ended.counts["files"]) == (4, 1)


def test_messages_and_attempts(archive: Archive) -> None:
    """Old updates go with their deliveries; the first, the last and each escalation stay. Of an ended
    delivery the last attempt stays, and nothing of one that is still to be sent goes.
    """
    archive.visit(NOW - 900 * DAY, {"1": "alpha text"})
    changes = [AlertChange.OPENED, AlertChange.UPDATED, AlertChange.ESCALATED, AlertChange.UPDATED]
    for day, change in zip((900, 800, 700, 600), changes, strict=True):
        archive.alert(1, 1, at=NOW - day * DAY, change=change)
    waiting = archive.alert(1, 1, at=NOW - 500 * DAY, change=AlertChange.UPDATED)
    archive.alert(1, 1, at=NOW - 400 * DAY, change=AlertChange.UPDATED, channels=())
    with archive.database.transaction() as session:
        for delivery_id in session.scalars(select(Delivery.id).order_by(Delivery.id)).all():
            if delivery_id in waiting.delivery_ids:
                continue
            for outcome in (AttemptOutcome.RETRY, AttemptOutcome.SENT):
                at = NOW - 300 * DAY
                claimed = deliveries.claim_delivery(session, delivery_id, now=at)
                assert claimed
                again = at if outcome is AttemptOutcome.RETRY else None
                deliveries.record_outcome(session, claimed, outcome=outcome, now=at, next_attempt_at=again)

    whole_pass(archive)

    with archive.database.reading() as session:
        kept = [(each.number, each.change) for each in alerts.revisions_of(session, 1)]
        sent = [(each.revision, each.state.value) for each in deliveries.deliveries_of_alert(session, 1)]
        attempts = session.scalars(select(Attempt.number)).all()
    assert kept == [
        (1, AlertChange.OPENED),
        (3, AlertChange.ESCALATED),
        (5, AlertChange.UPDATED),
        (6, AlertChange.UPDATED),
    ]
    assert sent == [(1, "sent"), (3, "sent"), (5, "pending")]
    assert attempts == [2, 2]


def test_runs(archive: Archive) -> None:
    """The newest runs of a source stay whatever their age, and so does a run whose responses are kept."""
    for day in range(60):
        archive.visit(NOW - (400 - day) * DAY, {"1": "alpha text"} if day == 0 else {})

    ended = whole_pass(archive)

    assert ended.counts["captures"] == 60  # the list pages
    assert count(archive, Run) == 50 + 1
    assert ended.counts["runs"] == 9


def test_a_source_has_its_own_days(archive: Archive) -> None:
    """[retention.sources.NAME] is longer or shorter for one source; 0 keeps for ever; an unknown name is
    reported.
    """
    for source in ("market", "board", "blog"):
        archive.visit(NOW - 500 * DAY, {source: f"{source} text"}, source=source)
    settings = RetentionSettings(
        sources={
            "board": SourceRetention(evidence_days=0),
            "blog": SourceRetention(evidence_days=600),
            "typo": SourceRetention(evidence_days=1),
        }
    )

    with archive.database.reading() as session:
        unknown = preview.unknown_sources(session, settings)
    whole_pass(archive, settings)

    assert unknown == ["typo"]
    assert versions(archive) == [(1, 1, EvidenceGone.EXPIRED), (2, 1, None), (3, 1, None)]


def test_the_preview_says_what_a_pass_then_deletes(archive: Archive) -> None:
    """Rows by rule and source, and the bytes of evidence, are those that the pass deletes."""
    archive.visit(NOW - 900 * DAY, {"1": "alpha text", "2": "other text"})
    archive.visit(NOW - 800 * DAY, {"1": "beta text"})
    archive.alert(2, 1)
    with archive.database.reading() as session:
        going = preview.going_rows(session, SETTINGS, now=NOW)
        length = {
            table: sum(session.scalars(select(table.evidence_length))) for table in (Capture, ListingVersion)
        }

    ended = whole_pass(archive)

    assert {(each.rule, each.source): each.rows for each in going} == {
        ("versions", "market"): 1,
        ("evidence", "market"): 2,
        ("captures", "market"): 2,
    }
    assert ended.counts["listing_versions"] == 1
    assert ended.counts["texts"] == 1  # the other one's version had gone before
    with archive.database.reading() as session:
        for table in (Capture, ListingVersion):
            left = sum(each or 0 for each in session.scalars(select(table.evidence_length)))
            length[table] -= left
    assert sum(each.evidence_bytes for each in going) >= sum(length.values()) - 2000


def test_a_pass_that_is_killed_goes_on(archive: Archive) -> None:
    """Ticks that end at once, a kill between the rows and the bytes, a lost claim: the end is the same."""
    for day in range(6):
        archive.visit(NOW - (900 - day) * DAY, {str(day): f"text {day}"})
    with archive.database.transaction() as session:
        passes.begin_pass(session, now=NOW - 30 * DAY)
        assert passes.begin_pass(session, now=NOW)
        assert passes.begin_pass(session, now=NOW) is None  # one is open
        first = passes.claim_pass(session, 2, now=NOW)
        assert passes.claim_pass(session, 2, now=NOW) is None
    assert first
    with archive.database.transaction() as session:
        passes.release_passes(session)
    # A worker that was paused: the rows go, and its cursor does not count.
    passes.carry_out_tick(archive.database, archive.evidence, SETTINGS, first, now=NOW, tick_s=60)

    ended = whole_pass(archive, tick_s=0)

    assert ended.outcome is PassOutcome.NOTHING_OLD
    assert {gone for _, _, gone in versions(archive)} == {EvidenceGone.EXPIRED}
    assert [*archive.evidence.folder.glob("2*/*")] == []
    with archive.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Listing)) == 6


def test_the_first_pass_is_announced_and_disabled_ones_delete_nothing(archive: Archive) -> None:
    """An installation that gets retention by an upgrade has a week to look; `enabled = false` deletes
    nothing.
    """
    archive.visit(NOW - 900 * DAY, {"1": "alpha text"})
    off = RetentionSettings(enabled=False)
    with archive.database.transaction() as session:
        assert passes.due_passes(session, now=NOW, limit=1, settings=SETTINGS) == [NEW_PASS]
        passes.begin_pass(session, now=NOW)
        [announced] = passes.recent_passes(session, limit=5)
        assert passes.due_passes(session, now=NOW + 6 * DAY, limit=1, settings=SETTINGS) == []
        assert passes.due_passes(session, now=NOW + 7 * DAY, limit=1, settings=SETTINGS) == [NEW_PASS]
        assert passes.due_passes(session, now=NOW + 7 * DAY, limit=1, settings=off) == []
        assert preview.going_rows(session, off, now=NOW) == []

    assert (announced.outcome, announced.counts) == (PassOutcome.ANNOUNCED, {})
    assert versions(archive) == [(1, 1, None)]


def test_a_volume_that_is_not_mounted_is_not_taken_for_erased(archive: Archive) -> None:
    """While the evidence folder has no key, its records stay requested, and the pass says why."""
    archive.visit(NOW - 900 * DAY, {"1": "alpha text"})
    away = archive.evidence.folder.rename(archive.evidence.folder.with_name("unmounted"))
    lost = whole_pass(archive)
    away.rename(archive.evidence.folder)

    found = whole_pass(archive, now=NOW + 2 * DAY)

    assert (lost.outcome, lost.reason) == (PassOutcome.FILES_LEFT, "evidence_folder_missing")
    assert found.outcome is PassOutcome.DELETED
    assert [*archive.evidence.folder.glob("2*/*")] == []
