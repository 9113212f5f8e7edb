"""daemon.audit_lane: the daily verification of the audit log, and what people are told."""

from __future__ import annotations

from prometheus_client import REGISTRY
from sqlalchemy import delete, update
from structlog.testing import capture_logs

from daemon.audit_lane import AuditService
from storage import audit_checks
from storage.alerts import AlertKind, TriageState
from storage.audit_log import AuditEntry, write_entry
from storage.database.base import Database
from tests.alerts.samples import webhook_channel
from tests.alerts.world import World


def _world(database: Database) -> tuple[World, AuditService]:
    names = ("heads", "everybody")
    world = World(database, channels={name: webhook_channel("http://localhost:9/x") for name in names})
    return world, AuditService(database, world.judging, world.clock, "heads")


def _write(world: World, count: int = 3) -> str:
    with world.database.transaction() as session:
        for _ in range(count):
            entry = write_entry(session, actor="anna", action="sign_in", now=world.clock())
        return entry.hash


def _check(world: World, service: AuditService) -> bool:
    """Do what is due; return whether anything was."""
    with world.database.reading() as session:
        due = audit_checks.due_checks(session, now=world.clock(), limit=5)
    for row_id in due:
        service.check(row_id)
    return bool(due)


def _told(world: World) -> list[tuple[str, str, set[str]]]:
    """Return each alert's key and title, and the channels that get its last message."""
    return [
        (
            alert.dedupe_key,
            alert.title,
            {each.channel for each in world.deliveries() if each.alert_id == alert.id},
        )
        for alert in world.alerts()
    ]


def test_the_head_goes_out_once_a_day(database: Database) -> None:
    """Through its channel alone, and nobody has to do anything about it; without entries nothing happens."""
    world, service = _world(database)
    assert not _check(world, service)
    head = _write(world)

    with capture_logs() as logs:
        assert _check(world, service)
    assert not _check(world, service)
    world.clock.advance(hours=25)
    _write(world, 1)
    assert _check(world, service)

    told = _told(world)
    assert [(title, channels) for _, title, channels in told] == [
        ("Audit log: 3 entries", {"heads"}),
        ("Audit log: 4 entries", {"heads"}),
    ]
    assert told[-1][0] == f"audit:head:{world.clock():%Y%m%d}"
    first, _ = world.alerts()
    assert (first.kind, first.state) == (AlertKind.INSTALLATION, TriageState.RESOLVED)
    content = world.revisions(first.id)[-1].content
    assert head in content["summary"]
    assert f"--head {head}" in content["next_steps"][0]
    (line,) = [each for each in logs if each["action"] == "audit_checked"]
    assert (line["outcome"], line["entries"], line["head"]) == ("whole", 3, head)
    assert REGISTRY.get_sample_value("spillwatch_audit_entries") == 4
    assert REGISTRY.get_sample_value("spillwatch_audit_chain_whole") == 1


def test_a_broken_chain_is_one_alert_for_everybody(database: Database) -> None:
    """Once for each thing that is wrong; it is resolved when the chain is whole again."""
    world, service = _world(database)
    _write(world)
    _check(world, service)
    with database.transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.id == 2).values(actor="eve"))
    for _ in range(2):
        world.clock.advance(hours=25)
        _check(world, service)

    key, title, channels = _told(world)[-1]
    assert len(world.alerts()) == 2
    assert (key, title) == ("installation:audit:changed:2", "The audit log is broken: Entry 2 was changed")
    assert channels == {"heads", "everybody"}
    assert REGISTRY.get_sample_value("spillwatch_audit_chain_whole") == 0

    with database.transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.id == 2).values(actor="anna"))
    world.clock.advance(hours=25)
    _check(world, service)
    assert [alert.state for alert in world.alerts() if alert.dedupe_key == key] == [TriageState.RESOLVED]


def test_a_cut_end_shows_by_the_last_head(database: Database) -> None:
    world, service = _world(database)
    head = _write(world)
    _check(world, service)
    with database.transaction() as session:
        session.execute(delete(AuditEntry).where(AuditEntry.id == 3))
    world.clock.advance(hours=25)
    _check(world, service)

    assert _told(world)[-1][:2] == (
        f"installation:audit:head_missing:{head}",
        "The audit log is broken: The end was cut off",
    )


def test_two_nodes_write_one_check(database: Database) -> None:
    world, service = _world(database)
    _write(world)
    service.check(0)
    service.check(0)

    assert len(world.alerts()) == 1
