"""storage.alerts: an alert, its revisions and its deliveries are written together."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from storage import alerts, deliveries, listings, sources, triage
from storage.alerts import AlertChange, AlertDraft, AlertKind, ChannelTarget, Severity, TriageState
from storage.database.base import Database
from storage.errors import DatabaseConflict
from tests.storage import given
from tests.storage.given import NOW

LATER = NOW + timedelta(minutes=5)
SOC = ChannelTarget("soc", "webhook")
FINDING = AlertDraft(
    kind=AlertKind.FINDING,
    dedupe_key="finding",
    change=AlertChange.OPENED,
    severity=Severity.MEDIUM,
    score=4,
    title="Data of Lender is offered",
    signals=[{"name": "mention", "weight": 4, "text": "named in the title"}],
    content={"excerpt": "138****5678"},
)


def store_revision(database: Database, finding: AlertDraft) -> alerts.OpenedAlert:
    with database.transaction() as session:
        return alerts.open_or_revise(session, finding, channels=[SOC], now=NOW)


def test_a_stronger_finding_is_a_revision_of_the_same_alert(database: Database) -> None:
    """Each revision has its own number, content and delivery; the alert shows the last one."""
    first = store_revision(database, FINDING)
    stronger = replace(FINDING, change=AlertChange.ESCALATED, severity=Severity.CRITICAL, score=9)
    second = store_revision(database, stronger)

    with database.reading() as session:
        [alert] = alerts.recent_alerts(session)
        stored = [(one.number, one.change, one.score) for one in alerts.revisions_of(session, alert.id)]
        delivered = [one.revision for one in deliveries.deliveries_of_alert(session, alert.id)]
    assert (first.alert_id, second.alert_id, second.revision) == (alert.id, alert.id, 2)
    assert stored == [(1, AlertChange.OPENED, 4), (2, AlertChange.ESCALATED, 9)]
    assert delivered == [1, 2]
    assert (alert.severity, alert.score) == (Severity.CRITICAL, 9)


def test_two_judgements_of_one_finding_at_once(database: Database) -> None:
    """There is one alert; each other judgement becomes a revision of it, or ends with DatabaseConflict."""
    barrier = threading.Barrier(4)

    def judge(_: int) -> int | None:
        barrier.wait()
        try:
            return store_revision(database, FINDING).alert_id
        except DatabaseConflict:
            return None

    with ThreadPoolExecutor(4) as pool:
        stored = [alert_id for alert_id in pool.map(judge, range(4)) if alert_id]

    with database.reading() as session:
        [alert] = alerts.recent_alerts(session)
        numbers = [one.number for one in alerts.revisions_of(session, alert.id)]
    assert set(stored) == {alert.id}
    assert numbers == list(range(1, len(stored) + 1))


def test_who_dealt_with_it(database: Database) -> None:
    """An acknowledgement is stored once, with name, time and note."""
    alert_id = store_revision(database, FINDING).alert_id
    with database.transaction() as session:
        answers = [
            triage.set_triage_state(session, alert_id, by="ann", now=LATER, note="on it"),
            triage.set_triage_state(session, alert_id, by="bob", now=LATER),
            triage.set_triage_state(session, 99, by="bob", now=LATER),
        ]

    with database.reading() as session:
        alert = alerts.alert_by_id(session, alert_id)
    assert answers == [True, False, False]
    assert alert
    assert (alert.state, alert.acknowledged_by, alert.acknowledged_at, alert.note) == (
        TriageState.ACKNOWLEDGED,
        "ann",
        LATER,
        "on it",
    )


@pytest.mark.parametrize(
    ("severity", "keys"),
    [(Severity.LOW, ["c", "b", "a"]), (Severity.HIGH, ["c", "b"]), (Severity.CRITICAL, ["c"])],
)
def test_recent_from_a_severity_on(database: Database, severity: Severity, keys: list[str]) -> None:
    """The list is newest first and filtered by the rank of severities, not by their names."""
    for key, one in (("a", Severity.LOW), ("b", Severity.HIGH), ("c", Severity.CRITICAL)):
        store_revision(database, replace(FINDING, dedupe_key=key, severity=one))

    with database.reading() as session:
        assert [alert.dedupe_key for alert in alerts.recent_alerts(session, severity=severity)] == keys


def life_changes(database: Database) -> list[int]:
    with database.reading() as session:
        return list(alerts.alerts_with_life_changes(session, now=LATER, limit=10))


def test_each_alert_about_a_listing_that_went_is_due_until_it_is_judged(database: Database) -> None:
    """Two companies have an alert about one listing; when it is back, both are due again."""
    with database.transaction() as session:
        given.version(session)
        source = sources.source_by_name(session, "market")
        assert source
    about = [replace(FINDING, listing_id=1, dedupe_key=key) for key in ("a", "b")]
    first, second = (store_revision(database, each).alert_id for each in about)
    with database.transaction() as session:
        listings.mark_gone(session, source.id, ["1"], LATER)
    due = [life_changes(database)]
    for alert_id in (first, second):
        with database.transaction() as session:
            alerts.note_listing_gone(session, alert_id, gone=True)
        due.append(life_changes(database))
    with database.transaction() as session:
        listings.mark_seen(session, source.id, ["1"], LATER)

    assert due == [[first, second], [second], []]
    assert life_changes(database) == [first, second]


def test_an_alert_that_was_judged_while_its_listing_went_is_due(database: Database) -> None:
    """The alert is written after the listing went, but says what was read before."""
    with database.transaction() as session:
        given.version(session)
        source = sources.source_by_name(session, "market")
        assert source
        listings.mark_gone(session, source.id, ["1"], LATER)

    alert_id = store_revision(database, replace(FINDING, listing_id=1, listing_gone=False)).alert_id

    assert life_changes(database) == [alert_id]


def test_a_listing_that_went_is_due_to_be_judged(database: Database) -> None:
    """An alert is due after its listing went, until that is recorded, and again after the listing came
    back.
    """
    with database.transaction() as session:
        given.version(session)
        source = sources.source_by_name(session, "market")
        assert source
    alert_id = store_revision(database, replace(FINDING, listing_id=1)).alert_id

    there = life_changes(database)
    with database.transaction() as session:
        listings.mark_gone(session, source.id, ["1"], LATER)
    gone = life_changes(database)
    with database.transaction() as session:
        noted = [alerts.note_listing_gone(session, alert_id, gone=True) for _ in range(2)]

    assert (there, gone, noted, life_changes(database)) == ([], [alert_id], [True, False], [])
