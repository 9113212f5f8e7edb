"""`spillwatch audit`: listing and verifying the audit log."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from storage.audit_log import AuditEntry, write_entry
from storage.database import schema
from storage.database.base import Database
from tests.matching.invoked import answered, invoke
from tests.storage import given
from tests.storage.given import NOW


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A configuration, and five entries: one of a company, one of a company that was erased."""
    (tmp_path / "spillwatch.toml").write_text('[storage]\ndatabase_url = "sqlite:///x.db"\n')
    with closing(Database.open(f"sqlite:///{tmp_path / 'x.db'}")) as database:
        schema.upgrade_schema(database)
        with database.transaction() as session:
            own = given.company(session)
            for number, (actor, action, company) in enumerate(
                (
                    ("anna", "sign_in", None),
                    ("anna", "search", own),
                    ("bob", "search", 77),
                    *[("token:siem", "export", None)] * 2,
                )
            ):
                write_entry(
                    session,
                    actor=actor,
                    action=action,
                    now=NOW + timedelta(hours=number),
                    subject="finding:K7QX2M9D" if action == "export" else "",
                    company_id=company,
                    detail={"words": "趣店 \x1b[2J", "found": 3},
                )
    return tmp_path


def _change(home: Path, statement: object) -> None:
    with closing(Database.open(f"sqlite:///{home / 'x.db'}")) as database, database.transaction() as session:
        session.execute(statement)  # type: ignore[call-overload]


def test_entries_are_listed_and_chosen(home: Path) -> None:
    """By each option; an erased company is shown by its number, and no escape sequence reaches a terminal."""

    def numbers(*options: str) -> list[int]:
        return [entry["entry"] for entry in answered(home, "audit", "list", *options)]

    assert numbers() == [5, 4, 3, 2, 1]
    assert numbers("--actor", "anna") == [2, 1]
    assert numbers("--action", "search", "--before", "3") == [2]
    assert numbers("--subject", "finding:K7QX2M9D", "--limit", "1") == [5]
    assert numbers("--company", "lender") == [2]
    assert numbers("--since", (NOW + timedelta(hours=3)).isoformat()) == [5, 4]
    named = [entry["company"] for entry in answered(home, "audit", "list")]
    assert named == [None, None, "#77", "lender", None]
    shown = invoke(home, "audit", "list")
    assert "found: 3, words: 趣店" in shown.output
    assert "\x1b" not in shown.output
    assert invoke(home, "audit", "list", "--company", "none").reason == "unknown_name"


def test_verify_says_what_is_wrong_by_its_exit_code_and_a_sentence(home: Path) -> None:
    whole = answered(home, "audit", "verify")
    assert (whole["outcome"], whole["entries"], whole["entry"]) == ("whole", 5, None)
    assert invoke(home, "audit", "verify", "--head", whole["head"].upper()).code == 0
    assert invoke(home, "audit", "verify", "--head", "cafe").code == 2
    assert answered(home, "audit", "verify", "--head", "ab" * 32, code=1)["missing_head"] == "ab" * 32

    _change(home, delete(AuditEntry).where(AuditEntry.id == 5))
    cut = invoke(home, "audit", "verify")
    assert (cut.code, "the end was cut off" in cut.output, whole["head"] in cut.output) == (1, True, True)

    _change(home, update(AuditEntry).where(AuditEntry.id == 3).values(actor="eve"))
    changed = invoke(home, "audit", "verify")
    assert (changed.code, "Entry 3 was changed" in changed.output) == (1, True)

    _change(home, delete(AuditEntry).where(AuditEntry.id == 2))
    assert "Entry 2 is missing. Before it: 1 entry, whole" in invoke(home, "audit", "verify").output
