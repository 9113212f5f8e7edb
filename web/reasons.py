"""What a reason means, in the person's language: texts/reasons.toml has a text for each."""

from __future__ import annotations

import re

from web.wording import ConsoleWording

#: A capture that a run left is tried again up to three times: left_1, left_2, left_3.
_LEFT = re.compile(r"left_\d+")


def meaning_of(t: ConsoleWording, reason: str | None) -> str:
    """Return what a reason means; "": it has no text, so the slug and the sentence beside it have to do."""
    if not reason:
        return ""
    name = f"reasons.{'left' if _LEFT.fullmatch(reason) else reason}"
    return t(name) if t.has(name) else ""
