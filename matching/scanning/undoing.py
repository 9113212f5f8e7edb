"""Candidates that are written in escapes or disguised: a block is scanned once more where it has some.

`text.escapes` undoes them. A candidate of the undone text counts if an escape is in it or near it; its
place is the place of what is written. A candidate of the block as it is written does not count where an
escape shows that it is something else: `3Canna@mail.example` in `%3Canna@mail.example`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from matching.identifiers import Field
from matching.native.escape_signs import undo_natively
from matching.native.text_signs import text_signs
from matching.scanning.candidates import CandidateBatch, Places
from matching.scanning.scanner import Block, Scanner
from matching.scanning.specification import byte_places
from text.escapes import ALL_SIGNS, BESIDE, Undone


class UndoneBlock:
    """The parts of a block that have escapes or disguises, undone."""

    def __init__(self, undone: Undone, text: str) -> None:
        """`text`: the block's."""
        self._undone = undone
        self._data = undone.text.encode("utf-8", "surrogateescape")
        self._data_places = _places(undone.text)
        self._block_places = _places(text)

    @classmethod
    def of(cls, block: Block, signs: int | None = None) -> UndoneBlock | None:
        """Return None for a block that has neither escapes nor disguises. `signs`: if they are known."""
        data = bytes(block)
        if not (text_signs(data) if signs is None else signs) & ALL_SIGNS:
            return None
        text = data.decode("utf-8", "surrogateescape")
        undone = undo_natively(text, addresses=True)
        return cls(undone, text) if undone else None

    def with_undone(
        self, candidates: Mapping[Field, CandidateBatch], scanner: Scanner
    ) -> dict[Field, CandidateBatch]:
        """Return the block's candidates together with those of the undone text."""
        found = scanner.scan(self._data)
        return {field: self._joined(batch, found[field]) for field, batch in candidates.items()}

    def _joined(self, written: CandidateBatch, undone: CandidateBatch) -> CandidateBatch:
        starts, ends = (_characters(self._block_places, places) for places in (written.starts, written.ends))
        kept = written.only(~self._undone.disputes(starts, ends))
        starts, ends = (_characters(self._data_places, places) for places in (undone.starts, undone.ends))
        news = self._undone.touches(starts, ends, beside=BESIDE)
        if not news.any():
            return kept
        starts, ends = self._undone.spans(starts[news], ends[news])
        if self._block_places is not None:
            starts, ends = self._block_places[starts], self._block_places[ends]
        more = undone.only(news)
        more = CandidateBatch(starts, ends, more.offsets, more.tape)
        return _without_repeated(kept, more).joined(more)


def _places(text: str) -> Places | None:
    """Return where each character begins in its bytes; None: they are the same."""
    return None if text.isascii() else byte_places(text)


def _characters(places: Places | None, offsets: Places) -> Places:
    """Return the characters at places in bytes, which are borders of characters."""
    return offsets if places is None else np.searchsorted(places, offsets)


_BEFORE = 8  # candidates as they are written that are compared with one of the undone text


def _without_repeated(written: CandidateBatch, undone: CandidateBatch) -> CandidateBatch:
    """Return the candidates as they are written, without those that are a part of an undone one."""
    if not len(written):
        return written
    kept = np.ones(len(written), np.bool_)
    others = np.searchsorted(written.starts, undone.ends)[:, None] - np.arange(1, _BEFORE + 1)
    has_other, others = others >= 0, np.maximum(others, 0)
    is_near = has_other & (written.ends[others] > undone.starts[:, None])
    is_as_long = np.diff(written.offsets)[others] == np.diff(undone.offsets)[:, None]
    numbers, places = np.nonzero(is_near & is_as_long)
    if not len(numbers):
        return written
    forms, undone_forms = written.forms(), undone.forms()
    for number, other in zip(numbers.tolist(), others[numbers, places].tolist(), strict=True):
        if forms[other] == undone_forms[number]:
            kept[other] = False
    return written.only(kept)
