"""What is not sent at once, or not at all, and who is told when nobody answers."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from alerts.message import MessageContent
from alerts.settings import AlertsSettings, BaseChannel, Channel, ChannelQuietHours
from alerts.timing import next_hour, next_time, quiet_until, send_time
from storage import alerts as alert_rows
from storage import companies, deliveries, triage
from storage.alerts import AlertKind, Severity, TriageState
from storage.database.base import Database
from storage.deliveries import DeliveryState, HeldFor
from storage.mutes import Mute, end_mute
from storage.visible.mutes import try_mute
from storage.visible.visibility import EVERYTHING
from tests.alerts.samples import email_channel, webhook_channel
from tests.alerts.world import World
from tests.peers.smtp import SmtpPeer

NOW = timedelta(0)
FINDING, NIGHT_LENGTH = AlertKind.FINDING, timedelta(hours=7.5)
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = ChannelQuietHours(begin=time(22), end=time(7))
NOON = ChannelQuietHours(begin=time(12), end=time(14))


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "zone", "at", "until"),
    [
        (NIGHT, SHANGHAI, utc(2026, 3, 14, 13, 59), None),
        (NIGHT, SHANGHAI, utc(2026, 3, 14, 14, 0), utc(2026, 3, 14, 23, 0)),
        (NIGHT, SHANGHAI, utc(2026, 3, 14, 22, 59, 59), utc(2026, 3, 14, 23, 0)),
        (NIGHT, SHANGHAI, utc(2026, 3, 14, 23, 0), None),
        (
            ChannelQuietHours(begin=time(12), end=time(14)),
            BERLIN,
            utc(2026, 7, 1, 10, 30),
            utc(2026, 7, 1, 12, 0),
        ),
        (NOON, BERLIN, utc(2026, 7, 1, 12, 0), None),
        # The night in which clocks go forward is an hour shorter.
        (NIGHT, BERLIN, utc(2026, 3, 28, 22, 0), utc(2026, 3, 29, 5, 0)),
    ],
)
def test_quiet_hours_end_by_the_clock_of_their_zone(
    quiet: ChannelQuietHours, zone: ZoneInfo, at: datetime, until: datetime | None
) -> None:
    assert quiet_until(quiet, at, zone) == until


def test_digests_are_due_by_the_clock_of_their_zone() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")  # half an hour beside the others
    assert next_hour(utc(2026, 3, 14, 9, 31), kolkata) == utc(2026, 3, 14, 10, 30)
    assert next_time(utc(2026, 3, 14, 9, 0), time(8), SHANGHAI) == utc(2026, 3, 15, 0, 0)
    assert next_time(utc(2026, 3, 14, 0, 0), time(8), SHANGHAI) == utc(2026, 3, 15, 0, 0)


def held(channel: dict[str, Any], kind: AlertKind, severity: Severity, free: datetime | None = None) -> Any:
    settings = BaseChannel.model_validate(channel)
    now = utc(2026, 3, 14, 23, 30)
    due = send_time(settings, kind, severity, zone=ZoneInfo("UTC"), now=now, rate_free_at=free)
    return (due.held_for, due.at - now)


@pytest.mark.parametrize(
    ("channel", "kind", "severity", "free", "expected"),
    [
        ({}, FINDING, Severity.LOW, None, (None, NOW)),
        (
            {"quiet_hours": NIGHT},
            FINDING,
            Severity.HIGH,
            None,
            (HeldFor.QUIET_HOURS, NIGHT_LENGTH),
        ),
        ({"quiet_hours": NIGHT}, FINDING, Severity.CRITICAL, None, (None, NOW)),
        (
            {"quiet_hours": NIGHT, "urgent": "high"},
            FINDING,
            Severity.HIGH,
            None,
            (None, NOW),
        ),
        ({"quiet_hours": NIGHT}, AlertKind.TEST, Severity.LOW, None, (None, NOW)),
        ({"quiet_hours": NIGHT}, AlertKind.INSTALLATION, Severity.LOW, None, (None, NOW)),
        ({"digest": "hour"}, AlertKind.SOURCE, Severity.LOW, None, (HeldFor.DIGEST, timedelta(minutes=30))),
        ({"digest": "day"}, FINDING, Severity.LOW, None, (HeldFor.DIGEST, timedelta(hours=8.5))),
        (
            {},
            FINDING,
            Severity.LOW,
            utc(2026, 3, 14, 23, 50),
            (HeldFor.RATE, timedelta(minutes=20)),
        ),
        ({}, FINDING, Severity.LOW, utc(2026, 3, 14, 23, 20), (None, NOW)),
        # A rate that admits it within the quiet hours only.
        (
            {"quiet_hours": NIGHT},
            FINDING,
            Severity.LOW,
            utc(2026, 3, 15, 6, 50),
            (HeldFor.QUIET_HOURS, NIGHT_LENGTH),
        ),
    ],
)
def test_what_holds_a_message(
    channel: dict[str, Any], kind: AlertKind, severity: Severity, free: datetime | None, expected: Any
) -> None:
    assert held(channel, kind, severity, free) == expected


@pytest.mark.parametrize(
    "channel",
    [
        {"quiet_hours": {"begin": "22:00", "end": "22:00"}},
        {"quiet_hours": {"begin": "25:00", "end": "22:00"}},
        {"digest": "week"},
        {"max_per_hour": 0},
        {"after_unacknowledged_minutes": 0},
    ],
)
def test_settings_that_cannot_be(channel: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BaseChannel.model_validate(channel)
    with pytest.raises(ValidationError):
        AlertsSettings(zone="Mars/Olympus")


# --- mutes


@pytest.fixture
def world(database: Database) -> World:
    return World(database, channels={"mail": email_channel(25)})


def mute(world: World, **conditions: Any) -> int:
    """Mute for a day what meets the conditions; return the mute's number."""
    now = world.clock()
    with world.database.transaction() as session:
        company = companies.company_by_slug(session, "qudian")
        assert company is not None
        row = {"max_severity": Severity.HIGH, "reason": "known", "by": "anna", "created_at": now} | conditions
        made = Mute(company_id=company.id, until=now + timedelta(days=1), **row)
        session.add(made)
        session.flush()
        return made.id


def told(world: World) -> tuple[int, list[int | None]]:
    """Return the number of deliveries, and the mute of each revision of the only alert."""
    return len(world.deliveries()), [revision.muted_by_id for revision in world.revisions()]


@pytest.mark.parametrize(
    ("conditions", "silences"),
    [
        ({}, True),
        ({"max_severity": Severity.MEDIUM}, False),
        ({"seller": "greyheron"}, True),
        ({"seller": "Greyheron"}, False),
        ({"source_id": 1}, True),
        ({"source_id": 2}, False),
        ({"term": "趣店"}, True),
        ({"term": "qudian.example"}, False),
    ],
)
def test_a_mute_silences_what_meets_its_conditions(
    world: World, conditions: dict[str, Any], silences: bool
) -> None:
    number = mute(world, **conditions)
    world.judging.evaluate(world.match(world.crawl(seller="greyheron")))
    assert told(world) == ((0, [number]) if silences else (1, [None]))


def test_a_term_is_not_muted_where_customers_were_found(world: World) -> None:
    mute(world, term="趣店", max_severity=Severity.CRITICAL)
    world.add_finding(hits={"phone": 4}, coherent_rows=4, customers=4)
    assert told(world) == (1, [None])


def test_a_mute_ends(world: World) -> None:
    number = mute(world)
    world.add_finding("1")
    with world.database.transaction() as session:
        ended = [end_mute(session, number, by="bob", now=world.clock()) for _ in range(2)]
    world.judging.evaluate(world.match(world.crawl("2", text="second")))
    mute(world)
    world.clock.advance(days=1)
    world.judging.evaluate(world.match(world.crawl("3", text="third")))
    assert ended == [True, False]
    assert len(world.deliveries()) == 2


@pytest.mark.parametrize(
    ("conditions", "messages"),
    [({}, 2), ({"max_severity": Severity.MEDIUM}, 0), ({"seller": "greyheron"}, 1), ({"term": "趣店"}, 1)],
)
def test_a_mute_is_tried_before_it_is_stored(world: World, conditions: dict[str, Any], messages: int) -> None:
    """Of four messages one is too old, one of another company, one about customers."""
    world.declare_second_company()
    world.judging.evaluate(world.match(world.crawl("old", text="old")))
    world.clock.advance(days=91)
    world.judging.evaluate(world.match(world.crawl("1", text="1", seller="greyheron")))
    found = {"hits": {"phone": 1}, "coherent_rows": 0, "customers": 1, "single_hits": 1}
    world.judging.evaluate(world.match(world.crawl("2", text="2", seller="tin"), **found))
    world.judging.evaluate(world.match(world.crawl("3", text="3"), company="harbour"))
    now = world.clock()
    row = {"max_severity": Severity.CRITICAL, "reason": "", "by": "", "created_at": now, "until": now}
    mute_tried = Mute(company_id=1, **(row | conditions))
    with world.database.reading() as session:
        trial = try_mute(session, EVERYTHING, mute_tried, since=now - timedelta(days=90))
    assert (trial.messages, trial.findings, trial.looked_at, trial.whole) == (messages, messages, 2, True)


# --- rates, digests


def test_a_rate_spreads_a_burst_and_loses_nothing(world: World) -> None:
    world.channels["mail"] = email_channel(25, max_per_hour=2)
    for number in range(5):
        world.judging.evaluate(world.match(world.crawl(f"k{number}", text=f"offer {number}")))
    waits = [each.next_attempt_at - world.clock() for each in world.deliveries()]
    assert waits == [timedelta(hours=hours) for hours in (0, 0, 1, 1, 2)]
    assert [each.held_for for each in world.deliveries()] == [None, None, *[HeldFor.RATE] * 3]


def test_a_digest_tells_once_of_everything_that_was_held(database: Database) -> None:
    with SmtpPeer() as smtp:
        channels: dict[str, Channel] = {
            "mail": email_channel(smtp.port, digest="hour"),
            "hook": webhook_channel("https://h.example/"),
        }
        world = World(database, channels=channels)
        for number in range(3):
            world.judging.evaluate(world.match(world.crawl(f"k{number}", text=f"offer {number}")))
        with database.reading() as session:
            early = deliveries.bundles_due(session, now=world.clock(), limit=9)
            waiting = deliveries.held_back(session)
        world.clock.advance(hours=1)
        with database.reading() as session:
            due = deliveries.bundles_due(session, now=world.clock(), limit=9)
        for delivery_id in [*due, *due]:
            world.judging.write_channel_digest(delivery_id)
        with database.reading() as session:
            later = deliveries.bundles_due(session, now=world.clock(), limit=9)
        [digest] = [each for each in world.deliveries(channel="mail") if each.state is DeliveryState.PENDING]
        world.delivery.deliver(digest.id)
        [mail] = smtp.received
    assert (early, waiting, len(due), later) == ([], {HeldFor.DIGEST: 3}, 1, [])
    held_ones = [each for each in world.deliveries(channel="mail") if each.id != digest.id]
    assert {(each.state, each.digest_delivery_id) for each in held_ones} == {
        (DeliveryState.IN_DIGEST, digest.id)
    }
    with database.reading() as session:
        content = MessageContent.model_validate(
            alert_rows.revision_by_number(session, digest.alert_id, 1).content
        )
    assert [(entry.alert_id, entry.severity.value) for entry in content.entries] == [
        (n, "high") for n in (1, 2, 3)
    ]
    text = mail.get_body(("plain",))
    assert text is not None and "alert #3, message 1" in text.get_content()
    assert [each.channel for each in world.deliveries(channel="hook")] == ["hook"] * 3


# --- escalation


@pytest.fixture
def guarded(database: Database) -> World:
    """Mail at once; the manager after 30 minutes, the director after 60."""
    waits = {"manager": 30, "director": 60}
    channels = {
        name: email_channel(25, after_unacknowledged_minutes=minutes) for name, minutes in waits.items()
    }
    return World(database, channels={"mail": email_channel(25), **channels})


def escalate(world: World) -> list[str]:
    """Handle the escalations that are due; return the channels that have a delivery."""
    with world.database.reading() as session:
        due = alert_rows.escalations_due(session, now=world.clock(), limit=9)
    for alert_id in [*due, *due]:
        world.judging.evaluate_escalation(alert_id)
    return [each.channel for each in world.deliveries()]


def test_one_after_the_other_is_told_while_nobody_acknowledges(guarded: World) -> None:
    guarded.add_finding()
    told_at = {0: escalate(guarded)}
    for minutes in (29, 30, 59, 60, 600):
        guarded.clock.advance(minutes=minutes - max(told_at))
        told_at[minutes] = escalate(guarded)
    assert {minutes: len(channels) for minutes, channels in told_at.items()} == {
        0: 1,
        29: 1,
        30: 2,
        59: 2,
        60: 3,
        600: 3,
    }
    assert told_at[600] == ["mail", "manager", "director"]


def test_an_acknowledgement_ends_it_and_a_stronger_finding_begins_it_anew(guarded: World) -> None:
    guarded.add_finding()
    with guarded.database.transaction() as session:
        alert = alert_rows.lock_alert(session, 1)
        assert alert is not None
        triage.change_state(
            session, alert, TriageState.ACKNOWLEDGED, by="anna", reason="", now=guarded.clock()
        )
    guarded.clock.advance(minutes=90)
    quiet = escalate(guarded)
    guarded.add_finding(hits={"phone": 4}, coherent_rows=4, customers=4)
    guarded.clock.advance(minutes=30)
    assert (quiet, escalate(guarded)) == (["mail"], ["mail", "mail", "manager"])


@pytest.mark.parametrize(("state", "told"), [(TriageState.NEW, 4), (TriageState.INVESTIGATING, 2)])
def test_a_merged_finding_waits_for_the_one_that_stands_for_it(
    guarded: World, state: TriageState, told: int
) -> None:
    """Whoever looks into the finding above has acknowledged what is merged into it; else nobody has."""
    guarded.add_finding()
    guarded.judging.evaluate(guarded.match(guarded.crawl("9", text="other")))
    with guarded.database.transaction() as session:
        first, second = alert_rows.lock_alert(session, 1), alert_rows.lock_alert(session, 2)
        assert first and second
        triage.merge_findings(session, second, first, by="anna", reason="", now=guarded.clock())
        triage.change_state(session, first, state, by="anna", reason="", now=guarded.clock())
    guarded.clock.advance(minutes=30)
    assert len(escalate(guarded)) == told


def test_a_muted_finding_escalates_to_nobody(guarded: World) -> None:
    mute(guarded)
    guarded.add_finding()
    guarded.clock.advance(minutes=90)
    assert escalate(guarded) == []


def test_findings_of_a_source_go_to_its_channel(world: World) -> None:
    world.channels["forum"] = email_channel(25, sources=("forum",))
    world.add_finding()
    world.judging.evaluate(world.match(world.crawl("9", source="forum", text="other")))
    assert [each.channel for each in world.deliveries()] == ["mail", "mail", "forum"]
