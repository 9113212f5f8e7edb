"""storage.triage: states as events, merging, and what bounds there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from storage import alerts, triage
from storage.alerts import Alert, Severity, TriageState
from storage.database import schema
from storage.database.base import Database
from storage.triage import ActKind, TriageRefusal
from tests.storage import given
from tests.storage.given import NOW

LATER = NOW + timedelta(minutes=5)


def locked(session: Session, alert_id: int) -> Alert:
    alert = alerts.lock_alert(session, alert_id)
    assert alert
    return alert


@pytest.fixture
def three(database: Database) -> Database:
    """Three findings of one company, and one of another."""
    with database.transaction() as session:
        companies = [given.company(session)] * 3 + [given.company(session, "bank", ("bank",))]
        for number, company in enumerate(companies, 1):
            alert = locked(session, given.alert(session, key=f"finding {number}").alert_id)
            alert.company_id = company
    return database


def merge(session: Session, low: int, high: int) -> TriageRefusal | None:
    pair = locked(session, low), locked(session, high)
    return triage.merge_findings(session, *pair, by="anna", reason="the same", now=LATER)


def test_what_may_be_merged(three: Database) -> None:
    """Findings of one company that stand for themselves, into one that is as severe at least."""
    with three.transaction() as session:
        locked(session, 3).severity = Severity.CRITICAL
        refused = {
            "itself": merge(session, 1, 1),
            "another company's": merge(session, 1, 4),
            "less severe": merge(session, 3, 1),
            "fits": merge(session, 1, 2),
            "merged already": merge(session, 1, 3),
            "into a merged one": merge(session, 3, 1),
            "a chain": merge(session, 2, 3),
        }
        below = [one.id for one in triage.merged_below(session, 3)]
        stands = [triage.standing_for(session, locked(session, one)).id for one in (1, 2, 3, 4)]

    assert refused == {
        "itself": TriageRefusal.SAME_FINDING,
        "another company's": TriageRefusal.OTHER_COMPANY,
        "less severe": TriageRefusal.LESS_SEVERE,
        "fits": None,
        "merged already": TriageRefusal.MERGED_ALREADY,
        "into a merged one": TriageRefusal.MERGED_ALREADY,
        "a chain": None,
    }
    assert (below, stands) == ([2, 1], [3, 3, 3, 4])


def test_unmerging_is_one_step(three: Database) -> None:
    """The finding has its own state again, keeps what was merged into it, and both timelines say so."""
    with three.transaction() as session:
        triage.change_state(session, locked(session, 2), TriageState.CONFIRMED, by="bo", reason="", now=NOW)
        assert (merge(session, 1, 2), merge(session, 2, 3)) == (None, None)
        triage.change_state(session, locked(session, 3), TriageState.RESOLVED, by="bo", reason="x", now=NOW)
        done = triage.unmerge_finding(session, locked(session, 2), by="anna", reason="", now=LATER)
        again = triage.unmerge_finding(session, locked(session, 2), by="anna", reason="", now=LATER)
        two = locked(session, 2)
        acts = {number: triage.acts_of(session, number, limit=9) for number in (2, 3)}
        names = {one.id: one.reference for one in map(locked, [session] * 3, (1, 2, 3))}

    assert (done, again) == (None, TriageRefusal.NOT_MERGED)
    assert (two.state, two.merged_into_id) == (TriageState.CONFIRMED, None)
    assert [(one.kind, one.other) for one in acts[2]] == [
        (ActKind.TOOK_IN, names[1]),
        (ActKind.MERGED, names[3]),
        (ActKind.UNMERGED, names[3]),
    ]
    assert [(one.kind, one.other) for one in acts[3]] == [
        (ActKind.TOOK_IN, names[2]),
        (ActKind.GAVE_BACK, names[2]),
    ]


def test_certain_from_a_moment_on(three: Database) -> None:
    """It counts from the moment that somebody names, once, until it is withdrawn; each needs a reason."""

    def tried(change: Callable[..., TriageRefusal | None], reason: str) -> TriageRefusal | None:
        more = {"at": NOW} if change is triage.declare_certain else {}
        return change(session, locked(session, 1), by="anna", reason=reason, now=LATER, **more)

    with three.transaction() as session:
        answers = [
            tried(triage.withdraw_certainty, "no"),
            tried(triage.declare_certain, ""),
            tried(triage.declare_certain, "a canary"),
            tried(triage.declare_certain, "again"),
        ]
        since = triage.certain_since(session, 1)
        withdrawn = tried(triage.withdraw_certainty, "the canary was in a test")
        after = triage.certain_since(session, 1)

    assert answers == [
        TriageRefusal.NOT_CERTAIN,
        TriageRefusal.REASON_MISSING,
        None,
        TriageRefusal.CERTAIN_ALREADY,
    ]
    assert since
    assert (since.at, since.written_at, since.by, since.detail) == (NOW, LATER, "anna", "a canary")
    assert (withdrawn, after) == (None, None)


@pytest.mark.parametrize("label", ["crm", "PIPL-57", "顾客", "a.b_c", "x" * 40])
def test_labels_are_words(three: Database, label: str) -> None:
    with three.transaction() as session:
        triage.add_label(session, locked(session, 1), f" {label} ")
        assert triage.labels_of(session, 1) == [label.lower()]


@pytest.mark.parametrize("label", ["", "two words", "-x", "_x", "x" * 41, "a/b", "a<b", "\x1b[1m", "x\n"])
def test_nothing_else_is_a_label(three: Database, label: str) -> None:
    with three.transaction() as session:
        refused = triage.add_label(session, locked(session, 1), label)
        kept = triage.labels_of(session, 1)
    if label == "x\n":  # the line end is not part of it
        assert (refused, kept) == (None, ["x"])
    else:
        assert (refused, kept) == (TriageRefusal.NOT_A_LABEL, [])


def test_there_are_bounds(three: Database) -> None:
    """Of labels, notes and links of one finding; a note is cut."""
    with three.transaction() as session:
        alert = locked(session, 1)
        labels = [triage.add_label(session, alert, f"label-{number}") for number in range(triage.LABELS + 1)]
        triage.add_note(session, alert, by="anna", text="n" * 9_000, now=NOW)
        (note,) = triage.notes_of(session, 1, limit=9)
        linked = [
            triage.link_findings(session, alert, locked(session, other), by="anna", reason="", now=NOW)
            for other in (1, 2, 2, 4)
        ]
        gone = [triage.unlink_findings(session, locked(session, 2), alert) for _ in range(2)]

    assert labels == [None] * triage.LABELS + [TriageRefusal.TOO_MANY]
    assert len(note.text) == triage.NOTE_CHARS
    assert linked == [
        TriageRefusal.SAME_FINDING,
        None,
        TriageRefusal.LINKED_ALREADY,
        TriageRefusal.OTHER_COMPANY,
    ]
    assert gone == [True, False]


def test_old_acknowledgements_become_events(empty_url: str) -> None:
    """An upgraded database has one event for the last state that somebody set, and none for other alerts."""
    columns = "id, kind, dedupe_key, reference, listing_gone, severity, score, title, opened_at, updated_at"
    columns += ", revision, offers_told, held_changes, state, acknowledged_at, acknowledged_by, note"
    shared = "false, 'high', 60, 't', '2026-03-14 09:26:53', '2026-03-14 09:26:53', 1, 0, 0"
    at = "'2026-03-14 09:31:53'"
    database = Database.open(empty_url)
    schema.upgrade_schema(database, "0014")
    with database.transaction() as session:
        for number, (kind, triaged) in enumerate(
            (
                ("finding", "'new', NULL, NULL, NULL"),
                ("finding", f"'false_positive', {at}, 'ann', 'a test'"),
                ("source", f"'acknowledged', {at}, 'bob', NULL"),
                ("source", f"'resolved', {at}, 'bob', NULL"),  # by Spillwatch, after bob
            ),
            1,
        ):
            values = f"{number}, '{kind}', 'k{number}', 'r{number}', {shared}, {triaged}"
            session.execute(text(f"INSERT INTO alerts ({columns}) VALUES ({values})"))
    schema.upgrade_schema(database)
    with database.reading() as session:
        events = [one for number in range(1, 5) for one in triage.events_of(session, number)]
    assert [(one.alert_id, one.before, one.after, one.by, one.reason) for one in events] == [
        (2, TriageState.NEW, TriageState.FALSE_POSITIVE, "ann", "a test"),
        (3, TriageState.NEW, TriageState.ACKNOWLEDGED, "bob", ""),
    ]
    assert {one.at for one in events} == {LATER}
    database.close()
