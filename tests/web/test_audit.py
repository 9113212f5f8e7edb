"""Entries of the audit log as the console writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from storage.alerts import TriageState
from storage.database.base import Database
from tests.docs.pages import sections
from web.audit import DETAIL_CHARS, DETAIL_ITEMS, AuditAction, audit
from web.wording import texts

NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)


@dataclass
class Anna:
    name: str = "anna"


def test_every_action_has_its_place_and_every_place_its_action() -> None:
    """The table of docs/reference/audit-log.md is the enumeration."""
    (below,) = (one.places for one in sections("reference") if one.title == "Actions")

    assert {action.value for action in AuditAction} == below
    assert {f"audit.action_{action.value}" for action in AuditAction} <= texts().keys()


def test_what_was_searched_is_masked(database: Database) -> None:
    """In every text of a detail, however deep it is; and nothing else is changed."""
    with database.transaction() as session:
        entry = audit(
            session,
            Anna(),
            AuditAction.SEARCH,
            NOW,
            subject="listings",
            words="customers of qudian 13800138000",
            filters={"seller": "john.doe@mail.example", "states": {TriageState.NEW}, "price": 99.5},
            found=3,
        )

    assert (entry.actor, entry.action, entry.subject, entry.company_id) == (
        "anna",
        "search",
        "listings",
        None,
    )
    assert entry.detail == {
        "words": "customers of qudian 138****8000",
        "filters": {"seller": "j***e@mail.example", "states": ["new"], "price": 99.5},
        "found": 3,
    }


def test_a_detail_is_bounded_and_can_be_stored(database: Database) -> None:
    """A request of a script can hold anything: NUL, half a surrogate pair, a million words, deep lists."""
    deep: object = "end"
    for _ in range(50):
        deep = [deep]
    with database.transaction() as session:
        entry = audit(
            session,
            "stranger",
            AuditAction.SEARCH,
            NOW,
            words="a\0b\ud800c" + "x" * 10_000,
            many=list(range(1000)),
            deep=deep,
            at=NOW,
            share=float("nan"),
        )

    assert entry.detail["words"].startswith("a�b?c") and len(entry.detail["words"]) == DETAIL_CHARS
    assert entry.detail["many"][-2:] == [DETAIL_ITEMS - 1, "and 900 more"]
    assert entry.detail["deep"] == [[[["[" * 46 + "'end'" + "]" * 46]]]]
    assert entry.detail["share"] == "nan"
    assert entry.detail["at"] == "2026-12-01T03:00:00+00:00"
