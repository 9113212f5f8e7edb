"""storage.visible.findings: orders, filters, counters, and times to acknowledge."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import text, update

from storage import triage
from storage.alerts import (
    CLOSED_FINDING,
    OPEN_FINDING,
    Alert,
    Severity,
    TriageState,
    hold_change,
    lock_alert,
    priority_of,
)
from storage.database.base import Database
from storage.mutes import Mute
from storage.triage import FindingLabel
from storage.users import User
from storage.visible import findings
from storage.visible.findings import (
    CLOSED,
    FindingFilter,
    FindingOrder,
    Ownership,
    count_findings,
    finding_groups,
    finding_news,
    finding_page,
    finding_rows,
    waiting_between,
)
from storage.visible.gaps import Gaps, gaps
from storage.visible.held_back import HeldBack, held_back
from storage.visible.visibility import EVERYTHING, Visibility
from tests.alerts.world import World

ME, BOB = 1, 2
MINE = FindingFilter(user_id=ME)


@pytest.fixture
def many(world: World) -> World:
    """48 findings of two companies: each severity, state and kind of owner, with equal scores."""
    world.declare_second_company()
    with world.database.transaction() as session:
        for name in ("me", "bob"):
            session.add(User(name=name, created_at=world.clock(), active=True, preferences={}))
        session.flush()
    kinds = product(Severity, (TriageState.NEW, TriageState.CONFIRMED, TriageState.RESOLVED), (None, ME))
    for number, (severity, state, owner) in enumerate(kinds):
        for company in ("qudian", "harbour"):
            key = f"{number}-{company}"
            title = f"出售 50%_off Data of {number}"
            version = world.crawl(key, text=key, title=title, source=("market", "forum")[number % 2])
            world.judging.evaluate(world.match(version, company=company))
            alert = world.alerts()[-1]
            values: dict[str, Any] = {"severity": severity, "score": 7, "state": state, "owner_id": owner}
            values |= {"priority": priority_of(severity, 7)}
            with world.database.transaction() as session:
                session.execute(update(Alert).where(Alert.id == alert.id).values(**values))
    return world


def walked(database: Database, view: Visibility, chosen: FindingFilter, order: FindingOrder) -> list[int]:
    """Return the ids of all pages, four rows each."""
    found: list[int] = []
    after = None
    with database.reading() as session:
        while True:
            page = finding_page(session, view, chosen, order=order, after=after, limit=4)
            found += [row.id for row in page.rows]
            after = page.after
            if after is None:
                return found


def test_pages_are_the_whole_list_in_its_order(many: World) -> None:
    """Every order gives each finding once, page by page, for each view; equal ones by their number."""
    alerts = many.alerts()
    keys: dict[FindingOrder, Any] = {
        FindingOrder.WORST: lambda alert: (-alert.severity.rank, -alert.score, -alert.id),
        FindingOrder.SCORE: lambda alert: (-alert.score, -alert.id),
        FindingOrder.NEWEST: lambda alert: -alert.id,
        FindingOrder.OLDEST: lambda alert: alert.id,
    }
    companies = sorted({alert.company_id for alert in alerts if alert.company_id})
    views = [EVERYTHING, *(Visibility(frozenset({each})) for each in companies), Visibility(frozenset())]
    for order, view in product(FindingOrder, views):
        wanted = [alert for alert in alerts if view.includes(alert.company_id) and alert.state not in CLOSED]
        assert walked(many.database, view, MINE, order) == [
            alert.id for alert in sorted(wanted, key=keys[order])
        ], (order, view)


def test_filters_and_counters_agree(many: World) -> None:
    """The list has as many findings as its counter says, whatever is chosen."""
    alerts = {alert.id: alert for alert in many.alerts()}
    company = alerts[1].company_id
    choices = [
        MINE,
        replace(MINE, ownership=Ownership.MINE),
        replace(MINE, ownership=Ownership.MINE_AND_NOBODYS, severities=frozenset({Severity.CRITICAL})),
        replace(MINE, states=frozenset({TriageState.NEW}), company_id=company),
        replace(MINE, ownership=Ownership.OTHERS),
        replace(MINE, source_id=1, severities=frozenset({Severity.LOW, Severity.HIGH})),
        replace(MINE, changed_since=many.clock() + timedelta(hours=1)),
        replace(MINE, company_id=-1),
    ]
    for view, chosen in product((EVERYTHING, Visibility(frozenset({company or 0}))), choices):
        listed = walked(many.database, view, chosen, FindingOrder.WORST)
        with many.database.reading() as session:
            rows = finding_rows(session, view, list(alerts))
        if chosen.changed_since is None:
            assert {row.id for row in rows if chosen.admits(row)} == set(listed)
        with many.database.reading() as session:
            counts = count_findings(finding_groups(session, view, chosen), chosen)
        assert len(listed) == counts.fitting
        for severity in chosen.severities or Severity:
            found = [each for each in listed if alerts[each].severity is severity]
            assert len(found) == counts.by_severity.get(severity, 0)
        assert len(listed) == counts.by_ownership.get(chosen.ownership, 0)
    with many.database.reading() as session:
        assert count_findings(finding_groups(session, EVERYTHING, MINE), MINE).open == 32
        assert findings.closed_count(session, EVERYTHING) == 16
        assert findings.closed_count(session, Visibility(frozenset({company or 0}))) == 8
    closed = walked(many.database, EVERYTHING, replace(MINE, states=frozenset(CLOSED)), FindingOrder.WORST)
    assert len(closed) == 16


def test_words_are_words(many: World) -> None:
    """Words are found in any case, all of them, and signs of patterns are only signs."""
    counts = {
        ("data",): 32,
        ("DATA", "出售"): 32,
        ("50%_off",): 32,
        ("5__off",): 0,
        ("%",): 32,
        ("of", "23"): 0,
    }
    for words, count in counts.items():
        chosen = replace(MINE, words=words)
        assert len(walked(many.database, EVERYTHING, chosen, FindingOrder.WORST)) == count, words


def test_merged_and_labelled(many: World) -> None:
    """A merged finding stands in no list and no counter but its own; a label restricts the list."""
    with many.database.transaction() as session:
        session.execute(update(Alert).where(Alert.id == 2).values(merged_into_id=1))
        session.add(FindingLabel(alert_id=1, label="bank"))
    company = many.alerts()[0].company_id
    with many.database.reading() as session:
        row = finding_page(session, EVERYTHING, replace(MINE, label="bank")).rows
        assert [(each.id, each.labels, each.company) for each in row] == [(1, ("bank",), "趣店 Lending")]
        assert count_findings(finding_groups(session, EVERYTHING, MINE), MINE).open == 31
        assert held_back(session, EVERYTHING, now=many.clock()) == HeldBack(merged=1)
        own = Visibility(frozenset({company or 0}))
        assert held_back(session, own, now=many.clock()) == HeldBack()
    assert 2 not in walked(many.database, EVERYTHING, MINE, FindingOrder.WORST)


def test_the_page_begins_after_a_finding_that_may_be_seen(many: World) -> None:
    """A reference of another company's finding is as good as none: the list begins at its start."""
    first, second = many.alerts()[:2]
    view = Visibility(frozenset({first.company_id or 0}))
    with many.database.reading() as session:
        start = finding_page(session, view, MINE).rows
        for after in (second.reference, "NOSUCHONE", ""):
            assert finding_page(session, view, MINE, after=after).rows == start
        assert findings.finding_by_reference(session, view, second.reference) is None


def add(world: World, key: str) -> None:
    """Add a finding of its own: the same text again would be another offer of the same data."""
    world.judging.evaluate(world.match(world.crawl(key, text=key)))


def test_news_since_a_moment(world: World) -> None:
    """New findings, stronger ones, and those that others triaged are counted; one's own acts are not."""
    add(world, "1")
    add(world, "2")
    add(world, "3")
    world.clock.advance(hours=1)
    since = world.clock()
    world.judging.evaluate(world.match(world.crawl("1", text="other"), coherent_rows=3, customers=3))
    with world.database.transaction() as session:
        for number, who in ((2, "bob"), (3, "me")):
            alert = lock_alert(session, number)
            assert alert is not None
            triage.change_state(
                session, alert, TriageState.ACKNOWLEDGED, by=who, reason="", now=world.clock()
            )
    add(world, "4")
    with world.database.reading() as session:
        news = finding_news(session, EVERYTHING, since=since, apart_from="me")
        none = finding_news(session, Visibility(frozenset({99})), since=since, apart_from="me")
        changed = findings.changed_since(session, EVERYTHING, since=since)

    assert (news.opened, news.stronger, news.updated, news.triaged, news.more) == (1, 1, 0, 1, False)
    assert not none.any
    assert {number for number, _ in changed} == {1, 2, 3, 4}


def test_time_to_acknowledge(world: World) -> None:
    """The first state counts, not the last; what nobody has looked at counts with its age, as a bound."""
    start = world.clock()
    for number in range(1, 11):
        add(world, str(number))
    with world.database.transaction() as session:
        for number in range(1, 9):
            for minutes, state in ((number, TriageState.ACKNOWLEDGED), (900, TriageState.CONFIRMED)):
                alert = lock_alert(session, number)
                assert alert is not None
                at = start + timedelta(minutes=minutes)
                triage.change_state(session, alert, state, by="me", reason="", now=at)
    now = start + timedelta(hours=20)
    with world.database.reading() as session:
        waits = waiting_between(session, EVERYTHING, since=start, until=now, now=now)
        empty = waiting_between(session, EVERYTHING, since=now, until=now, now=now)

    assert (waits.findings, waits.still) == (10, 2)
    assert waits.median is not None and waits.ninetieth is not None
    assert (waits.median.time, waits.median.at_least) == (timedelta(minutes=6), False)
    assert (waits.ninetieth.time, waits.ninetieth.at_least) == (timedelta(hours=20), True)
    assert (empty.findings, empty.median) == (0, None)


def test_the_orders_are_read_from_their_indexes(world: World) -> None:
    """SQLite reads each order from an index and sorts nothing, also without statistics."""
    orders = ["priority DESC, id DESC", "score DESC, id DESC", "id DESC", "id ASC"]
    if world.database.dialect != "sqlite":
        return
    with world.database.reading() as session:
        for order in orders:
            query = f"SELECT id FROM alerts WHERE {OPEN_FINDING} ORDER BY {order} LIMIT 51"
            plan = " ".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {query}")))
            assert "ix_alerts_open" in plan, (order, plan)
            assert "TEMP B-TREE" not in plan, (order, plan)
        closed = f"SELECT id FROM alerts WHERE {CLOSED_FINDING} ORDER BY {orders[0]} LIMIT 51"
        plan = " ".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {closed}")))
        assert plan == "SCAN alerts USING INDEX ix_alerts_closed_priority"


def test_what_was_held_back(world: World) -> None:
    """Muted messages, mutes, and changes that wait for a digest are counted for those who see the finding."""
    add(world, "1")
    alert = world.alerts()[0]
    due = world.clock() + timedelta(hours=3)
    with world.database.transaction() as session:
        locked = lock_alert(session, alert.id)
        assert locked is not None and alert.company_id is not None and alert.listing_id is not None
        hold_change(session, locked, listing_id=alert.listing_id, digest_at=due, now=world.clock())
        mute = Mute(company_id=alert.company_id, max_severity=Severity.CRITICAL, reason="known", by="anna")
        mute.created_at, mute.until = world.clock(), due
        session.add(mute)
    add(world, "2")
    with world.database.reading() as session:
        found = held_back(session, EVERYTHING, now=world.clock())
        others = held_back(session, Visibility(frozenset({99})), now=world.clock())
        later = held_back(session, EVERYTHING, now=world.clock() + timedelta(days=8))

    assert found == HeldBack(changes=1, findings=1, first_at=due, muted=1, mutes=1)
    assert others == HeldBack()
    assert (later.muted, later.mutes) == (0, 0)


def test_who_has_no_company_sees_nothing(world: World) -> None:
    """No question has an answer for a view without companies."""
    world.add_finding()
    nobody = Visibility(frozenset())
    with world.database.reading() as session:
        assert finding_page(session, nobody, MINE).rows == []
        assert count_findings(finding_groups(session, nobody, MINE), MINE).open == 0
        assert findings.companies_of_findings(session, nobody) == []
        assert findings.sources_of_findings(session, nobody) == []
        assert gaps(session, nobody, now=world.clock()) == Gaps()
