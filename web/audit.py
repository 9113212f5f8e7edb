"""Entries of the audit log: which acts there are, and how one is written.

Whoever adds an act adds its slug to AuditAction, and what its detail holds to docs/reference/audit-log.md.
Needs nothing of the web extra, so that commands write entries, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Protocol

from sqlalchemy.orm import Session

from matching.masks import mask_text
from storage.audit_log import AuditEntry, write_entry

#: Of one text in a detail, in characters. A longer one is cut and ends in "…".
DETAIL_CHARS = 500
#: Of one list or table in a detail. What is left out is counted: "and 20 more".
DETAIL_ITEMS = 100
DETAIL_DEPTH = 4
#: The actor of an entry about somebody who is not known, such as of a sign-in that failed.
STRANGER = "stranger"


class AuditAction(StrEnum):
    """Every act that is written down."""

    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_OUT = "sign_out"
    SESSION_ENDED = "session_ended"
    PERSON_INVITED = "person_invited"
    PERSON_CHANGED = "person_changed"
    SECOND_FACTOR_CHANGED = "second_factor_changed"
    SEARCH = "search"
    FINDING_VIEWED = "finding_viewed"
    REPORT_VIEWED = "report_viewed"
    FINDING_TRIAGED = "finding_triaged"
    FINDING_ASSIGNED = "finding_assigned"
    FINDING_MERGED = "finding_merged"
    FINDING_UNMERGED = "finding_unmerged"
    NOTE_ADDED = "note_added"
    LABEL_CHANGED = "label_changed"
    FINDING_LINKED = "finding_linked"
    ADDRESS_COPIED = "address_copied"
    EXPORT = "export"
    TOKEN_MADE = "token_made"  # noqa: S105  (an act, not a token)
    TOKEN_ENDED = "token_ended"  # noqa: S105
    SOURCE_CHANGED = "source_changed"
    COMPANY_CHANGED = "company_changed"
    CHANNEL_TESTED = "channel_tested"
    DELIVERY_RETRIED = "delivery_retried"
    MUTE_CHANGED = "mute_changed"
    RULE_CHANGED = "rule_changed"
    CLOCK_CHANGED = "clock_changed"
    AUDIT_VIEWED = "audit_viewed"
    SETTING_CHANGED = "setting_changed"


class Actor(Protocol):
    """Who does something: a person who is signed in, or a service token."""

    @property
    def name(self) -> str: ...


def audit(
    session: Session,
    person: Actor | str,
    action: AuditAction,
    now: datetime,
    *,
    subject: str = "",
    company_id: int | None = None,
    **detail: object,
) -> AuditEntry:
    """Write an entry, in the transaction that does what it tells; if that fails, there is no entry.

    `subject` is a kind and a name of ours, such as `finding:K7QX2M9D`. Every text of `detail` is masked:
    words that somebody searched for can be the telephone number of a person whose data was sold. A hash
    instead would tell an auditor nothing, and telephone numbers are few enough to try them all.
    """
    return write_entry(
        session,
        actor=person if isinstance(person, str) else person.name,
        action=action.value,
        now=now,
        subject=subject,
        company_id=company_id,
        detail={name: _harmless(value, DETAIL_DEPTH) for name, value in detail.items()},
    )


def _harmless(value: object, depth: int) -> object:
    """Return a value as JSON has it, masked and bounded."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and isfinite(value):
        return round(value, 6)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping) and depth:
        pairs = list(value.items())
        kept = {_text(key): _harmless(each, depth - 1) for key, each in pairs[:DETAIL_ITEMS]}
        return kept | ({"…": f"and {left} more"} if (left := len(pairs) - DETAIL_ITEMS) > 0 else {})
    if isinstance(value, list | tuple | set | frozenset) and depth:
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
        more = [f"and {left} more"] if (left := len(items) - DETAIL_ITEMS) > 0 else []
        return [*(_harmless(each, depth - 1) for each in items[:DETAIL_ITEMS]), *more]
    return _text(value)


def _text(value: object) -> str:
    """Return a text, masked before it is cut, so that no half of an identifier stays. NUL is what PostgreSQL
    does not store, and a lone surrogate is no text of any database.
    """
    written = str(value.value if isinstance(value, StrEnum) else value)
    clean = written.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    masked = mask_text(clean)
    return masked if len(masked) <= DETAIL_CHARS else f"{masked[: DETAIL_CHARS - 1]}…"
