"""Legal clocks: when they start, end and stop, on the page of a finding and in a calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from icalendar import Calendar
from icalendar.cal import Component
from pydantic import ValidationError

from alerts.clocks import ACKNOWLEDGED, CERTAIN, ClockEvents, legal_clocks, running_clocks
from configuration.web_settings import WebSettings
from storage import alerts, triage
from storage.alerts import TriageState
from storage.triage import ActKind
from storage.users import Role
from storage.visible.visibility import EVERYTHING
from tests.alerts.world import World
from tests.web.running import RunningConsole
from web.finding.clocks import next_clock

AT = datetime(2026, 1, 31, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
ICS = "/api/v1/exports/clocks.ics"


def _running(events: ClockEvents) -> dict[str, datetime]:
    return {each.clock.slug: each.due_at for each in running_clocks(events, legal_clocks())}


def test_every_clock_can_start_and_has_one_length() -> None:
    seen = {CERTAIN, ACKNOWLEDGED}
    for slug, clock in legal_clocks().items():
        assert clock.start in seen
        assert (clock.hours is None) is not (clock.months is None)
        assert set(clock.whom) == {"en", "zh"}
        seen.add(slug)


def test_each_start_event_starts_its_own_clocks() -> None:
    """Certainty starts those of awareness, too; a notification starts what follows it; months are months."""
    assert _running(ClockEvents()) == {}
    aware = _running(ClockEvents(acknowledged_at=AT))
    assert "gdpr-33" not in aware
    assert aware["cert-in"] == AT + 6 * HOUR
    assert aware["nis2-warning"] == AT + 24 * HOUR
    certain = _running(ClockEvents(acknowledged_at=AT + HOUR, certain_at=AT))
    assert certain["gdpr-33"] == AT + 72 * HOUR
    assert certain["pipl-57"] == AT
    assert certain["cert-in"] == AT + 6 * HOUR
    assert "nis2-final" not in certain
    told = _running(ClockEvents(acknowledged_at=AT, notified=[(AT, "BSI, NIS2-Notification by phone")]))
    assert told["nis2-final"] == datetime(2026, 2, 28, 10, tzinfo=UTC)


def test_a_clock_stops_only_when_it_is_named() -> None:
    notes = [(AT + 80 * HOUR, "the authority (gdpr-33)"), (AT, "xgdpr-33x"), (AT, "cert-in-india, nis2")]
    found = running_clocks(ClockEvents(certain_at=AT, notified=notes), ["gdpr-33", "cert-in"])

    assert [(each.clock.slug, each.stopped_at, each.late) for each in found] == [
        ("cert-in", None, False),
        ("gdpr-33", AT + 80 * HOUR, True),
    ]


def test_an_unknown_clock_is_refused() -> None:
    assert WebSettings().clocks == tuple(legal_clocks())
    assert WebSettings(clocks=()).clocks == ()
    with pytest.raises(ValidationError, match="gdpr-33"):
        WebSettings(clocks=("gdpr-34",))


def _events(console: RunningConsole, name: str, company: str) -> Sequence[Component]:
    with console.signed_in(name, {company: Role.VIEWER}) as client:
        answer = client.get(ICS)
    assert answer.headers["content-type"].startswith("text/calendar")
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    return cast(Sequence[Component], Calendar.from_ical(answer.content).walk("VEVENT"))


def test_a_finding_counts_down_and_the_calendar_has_it(console: RunningConsole, world: World) -> None:
    """Once it is certain, page and calendar have the clock; the other company's calendar is empty."""
    world.declare_second_company()
    title = "出售,趣店;学生\\数据 " * 8
    world.judging.evaluate(world.match(world.crawl(title=title)))
    (alert,) = world.alerts()
    client = console.signed_in()
    path = f"/findings/{alert.reference}"
    assert 'id="clocks"' not in client.get(path).text
    assert not _events(console, "early", "qudian")

    with console.database.transaction() as session:
        held = alerts.lock_alert(session, alert.id)
        assert held
        triage.declare_certain(session, held, at=world.clock(), by="anna", reason="canary", now=world.clock())
    page = client.get(path).text
    assert "GDPR, Art. 33(1)" in page
    assert "3 days left" in page
    with console.database.reading() as session:
        assert next_clock(session, EVERYTHING, [alert.id], ["gdpr-33"])[alert.id].clock.slug == "gdpr-33"
    events = _events(console, "berta", "qudian")
    assert not _events(console, "carl", "harbour")
    gdpr = next(each for each in events if str(each["SUMMARY"]).startswith("GDPR"))
    assert "出售,趣店;学生\\数据" in str(gdpr["SUMMARY"])
    assert gdpr.decoded("DTSTART") == (world.clock() + 72 * HOUR).replace(microsecond=0)
    assert len(gdpr.walk("VALARM")) == 2
    assert {str(each["UID"]) for each in _events(console, "dora", "qudian")} == {
        str(each["UID"]) for each in events
    }

    with console.database.transaction() as session:
        held = alerts.lock_alert(session, alert.id)
        assert held
        told = "authority, gdpr-33"
        triage.note_act(session, held, ActKind.NOTIFIED, by="anna", now=world.clock(), detail=told)
    assert not [each for each in _events(console, "emil", "qudian") if "GDPR" in str(each["SUMMARY"])]
    world.acknowledge(alert.id, TriageState.FALSE_POSITIVE)
    assert 'id="clocks"' not in client.get(path).text
    assert not _events(console, "fred", "qudian")
