"""The chain of the audit log: what a change, a gap and a cut end look like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import delete, update

from storage import audit_checks
from storage.audit_checks import ChainState, CheckOutcome, check_and_record, check_chain
from storage.audit_log import FIRST, AuditEntry, entry_hash, write_entry
from storage.database.base import Database
from storage.visible.audit import last_check
from storage.visible.visibility import EVERYTHING, Visibility

NOW = datetime(2026, 12, 1, 3, 0, 0, 123_456, tzinfo=UTC)
SHANGHAI = timezone(timedelta(hours=8))


def _write(database: Database, count: int = 5) -> list[str]:
    """Write entries with what a database may change: zones, NUL, half a pair, fractions; return hashes."""
    hashes = []
    for number in range(count):
        with database.transaction() as session:
            entry = write_entry(
                session,
                actor="anna\0\ud800",
                action="search",
                now=(NOW + timedelta(minutes=number)).astimezone(SHANGHAI),
                subject=f"listings:{number}",
                company_id=number or None,
                detail={"words": "趣店\ud800", "share": 0.1 + 0.2, "deep": {"b": [1, None], "a": True}},
            )
            hashes.append(entry.hash)
    return hashes


def test_a_chain_is_whole_as_it_is_read_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_checks, "BATCH", 2)
    assert check_chain(database) == ChainState(CheckOutcome.WHOLE, 0, FIRST)

    hashes = _write(database)

    assert check_chain(database, kept_heads=[hashes[2], FIRST]) == ChainState(
        CheckOutcome.WHOLE, 5, hashes[-1]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "bob"},
        {"at": NOW},
        {"detail": {}},
        {"company_id": None},
        {"hash": "0" * 64},
        {"subject": ""},
        {"action": "export"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_entry_is_named(database: Database, change: dict[str, object]) -> None:
    hashes = _write(database)
    with database.transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.id == 3).values(**change))

    assert check_chain(database) == ChainState(CheckOutcome.CHANGED, 2, hashes[1], 3)


def test_an_entry_that_was_written_anew_breaks_the_next_one(database: Database) -> None:
    hashes = _write(database)
    with database.transaction() as session:
        entry = session.get(AuditEntry, 3)
        assert entry
        entry.actor = "bob"
        entry.hash = entry_hash(entry, hashes[1])

    state = check_chain(database)

    assert (state.outcome, state.entries, state.entry_id) == (CheckOutcome.CHANGED, 3, 4)


@pytest.mark.parametrize("gone", [1, 3])
def test_a_missing_entry_is_named(database: Database, gone: int) -> None:
    hashes = [FIRST, *_write(database)]
    with database.transaction() as session:
        session.execute(delete(AuditEntry).where(AuditEntry.id == gone))

    assert check_chain(database) == ChainState(CheckOutcome.MISSING, gone - 1, hashes[gone - 1], gone)


def test_a_cut_end_shows_by_the_head_that_was_kept(database: Database) -> None:
    """By the one that a person kept, and by that of the last check. Written anew, the chain has neither."""
    hashes = _write(database)
    assert check_and_record(database, by="cli:anna", now=NOW, head=hashes[3]).outcome is CheckOutcome.WHOLE
    with database.transaction() as session:
        session.execute(delete(AuditEntry).where(AuditEntry.id == 5))

    assert check_chain(database).outcome is CheckOutcome.WHOLE
    assert check_chain(database, kept_heads=[hashes[4]]) == ChainState(
        CheckOutcome.HEAD_MISSING, 4, hashes[3], missing_head=hashes[4]
    )
    assert check_and_record(database, by="cli:anna", now=NOW).missing_head == hashes[4]
    with database.reading() as session:
        last = last_check(session, EVERYTHING)
        assert last_check(session, Visibility(frozenset({1}))) is None
        assert last
        assert (last.outcome, last.entries, last.by) == (CheckOutcome.HEAD_MISSING, 4, "cli:anna")
