"""How reading a document ended, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matching.errors import InputRefused, InputUnsupported

WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class InputOutcome:
    """`outcome` is `whole`, or the reason of an InputRefused without its `input_`."""

    outcome: str
    sentence: str
    bytes: int  # of the document: after decompression, before decoding
    rows: int
    broken: int = 0  # characters that could not be decoded, U+FFFD in the blocks

    @property
    def whole(self) -> bool:
        return self.outcome == WHOLE


def text_outcome(
    error: InputRefused | None,
    *,
    size: int,
    rows: int,
    broken: int = 0,
    no_text: int = 0,
    runner_ups: Sequence[str] = (),
) -> InputOutcome:
    """Return how reading a document's text ended. `error` None: everything was read.

    `no_text`: bytes that were read and are no text, so that what they hold was not compared. `runner_ups`:
    other charsets in which names were looked for, because the decision was doubtful.
    """
    counted = f"{rows} rows in {size} bytes were read"
    if error is None and no_text:
        found = InputUnsupported(
            f"about {min(no_text, size)} of its {size} bytes are no text, but RTF, a program, a picture, "
            "packed or encrypted data, or null bytes that were never written; find out what it is, for "
            "example with `file`, export it as text, and match that"
        )
        return InputOutcome(
            _outcome_name(found), f"{_sentence(found)} {counted} as text.", size, rows, broken
        )
    if error is None:
        also = f" Its charset is doubtful; names were also looked for in {', '.join(runner_ups)}."
        return InputOutcome(WHOLE, f"{counted}.{also if runner_ups else ''}", size, rows, broken)
    before = f"{counted} before." if size else "Nothing of it was read."
    return InputOutcome(_outcome_name(error), f"{_sentence(error)} {before}", size, rows, broken)


def refusal_outcome(error: InputRefused, *, documents: int = 0) -> InputOutcome:
    """Return how reading something without a text of its own ended. `documents`: read from it before."""
    before = f" {documents} documents in it were read before." if documents else ""
    return InputOutcome(_outcome_name(error), _sentence(error) + before, 0, 0)


def _outcome_name(error: InputRefused) -> str:
    return error.reason.removeprefix("input_")


def _sentence(error: InputRefused) -> str:
    words = str(error).rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."
