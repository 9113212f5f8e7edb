"""Recovery codes: ten, each of which stands in for a second factor once."""

from __future__ import annotations

import secrets
import unicodedata

SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another
CODES = 10
SIGNS_EACH = 16  # 80 bits
GROUP = 4
MOST_CHARS = 100


def new_recovery_codes() -> list[str]:
    """Return codes as they are stored (hashed) and typed: without hyphens."""
    return ["".join(secrets.choice(SIGNS) for _ in range(SIGNS_EACH)) for _ in range(CODES)]


def as_shown(code: str) -> str:
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def as_typed(typed: str) -> str | None:
    """Return the code that was typed, with or without hyphens; None: it cannot be one."""
    code = "".join(
        sign for sign in unicodedata.normalize("NFKC", typed[:MOST_CHARS]).upper() if sign.isalnum()
    )
    return code if len(code) == SIGNS_EACH and set(code) <= set(SIGNS) else None
