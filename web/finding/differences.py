"""Two versions of a text side by side: what was removed and what was added, line by line and word by word.

1. Both texts are made harmless, and cut at LINES lines.
2. Lines are compared; lines that were replaced are compared word by word. A Chinese, Japanese or Korean
   character is a word.
3. Equal lines far from a change are left out, and counted.

Comparing is Myers' algorithm (An O(ND) Difference Algorithm, 1986), which ends after a number of changes: a
seller who writes for the worst case gets his text shown as replaced, and costs milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts.clean import lines

LINES = 1_000
LINE_CHANGES = 300
WORDS = 2_000  # of one replaced block
WORD_CHANGES = 120
BLOCKS = 40  # that are compared word by word
CONTEXT = 2  # equal lines shown before and after a change
TEXT_CHARS = 20_000
SHOWN_BYTES = 60_000  # of both sides of one text
MARKUP_BYTES = 12  # around one piece
_WORD = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+|\s+|[^\w\s]"
)


@dataclass(frozen=True, slots=True)
class TextPiece:
    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One line of both texts; None: the text has no line here. `skipped`: number of equal lines left out."""

    before: Sequence[TextPiece] | None = None
    after: Sequence[TextPiece] | None = None
    skipped: int = 0

    @property
    def changed(self) -> bool:
        return not self.skipped and self.before != self.after


@dataclass(frozen=True, slots=True)
class _Block:
    """Items [low, high) of both sequences: equal, or one replaced by the other."""

    equal: bool
    before: tuple[int, int]
    after: tuple[int, int]


def text_differences(before: str, after: str) -> list[DifferenceRow]:
    """Return the rows of both texts side by side."""
    old, new = (lines(text, TEXT_CHARS).split("\n")[:LINES] for text in (before, after))
    rows: list[DifferenceRow] = []
    refined = 0
    for block in _blocks(old, new, LINE_CHANGES):
        ours, theirs = old[slice(*block.before)], new[slice(*block.after)]
        if block.equal:
            rows += [DifferenceRow([TextPiece(line, False)], [TextPiece(line, False)]) for line in ours]
        else:
            refined += 1
            rows += _replaced(ours, theirs, by_word=refined <= BLOCKS)
    return list(_without_far_lines(rows))


def shown_rows(rows: Sequence[DifferenceRow]) -> tuple[Sequence[DifferenceRow], bool]:
    """Return the first rows, up to SHOWN_BYTES on both sides, and whether there are more."""
    room = SHOWN_BYTES
    for number, row in enumerate(rows):
        sides = [list(_first_pieces(side or (), max(room, 0) // 2)) for side in (row.before, row.after)]
        room -= sum(_size(piece) for side in sides for piece in side)
        if [*sides] != [list(row.before or ()), list(row.after or ())]:
            last = DifferenceRow(row.before and sides[0], row.after and sides[1], row.skipped)
            return [*rows[:number], last], True
    return rows, False


def _size(piece: TextPiece) -> int:
    """Return about how many bytes a page needs for a piece."""
    return len(piece.text.encode()) + MARKUP_BYTES


def _first_pieces(pieces: Sequence[TextPiece], room: int) -> Iterator[TextPiece]:
    for piece in pieces:
        size = _size(piece)
        if size > room:
            kept = piece.text[: max(0, room - MARKUP_BYTES) * len(piece.text) // size]
            yield TextPiece(f"{kept}…", piece.changed)
            return
        room -= size
        yield piece


def _replaced(old: Sequence[str], new: Sequence[str], *, by_word: bool) -> Iterator[DifferenceRow]:
    """Yield the rows of replaced lines: those of both sides with the words that differ."""
    words = [_WORD.findall("\n".join(each)) if by_word else [] for each in (old, new)]
    if by_word and old and new and max(map(len, words)) <= WORDS:
        left, right = _word_lines(words[0], words[1])
    else:
        left, right = ([[TextPiece(line, True)] for line in each] for each in (old, new))
    for number in range(max(len(left), len(right))):
        yield DifferenceRow(
            left[number] if number < len(left) else None, right[number] if number < len(right) else None
        )


def _word_lines(
    old: Sequence[str], new: Sequence[str]
) -> tuple[list[list[TextPiece]], list[list[TextPiece]]]:
    sides: tuple[list[list[TextPiece]], list[list[TextPiece]]] = ([[]], [[]])
    for block in _blocks(old, new, WORD_CHANGES):
        for side, words, (low, high) in zip(sides, (old, new), (block.before, block.after), strict=True):
            first, *rest = "".join(words[low:high]).split("\n")
            side[-1] += [TextPiece(first, not block.equal)] if first else []
            side += [[TextPiece(line, not block.equal)] if line else [] for line in rest]
    return sides


def _without_far_lines(rows: Sequence[DifferenceRow]) -> Iterator[DifferenceRow]:
    near = [False] * len(rows)
    for number, row in enumerate(rows):
        if row.changed:
            for close in range(max(0, number - CONTEXT), min(len(rows), number + CONTEXT + 1)):
                near[close] = True
    skipped = 0
    for row, is_near in zip(rows, near, strict=True):
        if not is_near:
            skipped += 1
            continue
        if skipped:
            yield DifferenceRow(skipped=skipped)
        skipped = 0
        yield row
    if skipped:
        yield DifferenceRow(skipped=skipped)


def _blocks(old: Sequence[str], new: Sequence[str], limit: int) -> Iterator[_Block]:
    """Yield equal and replaced blocks in turn. After `limit` changes, what lies between the equal beginning
    and the equal end is one replaced block.
    """
    low = 0
    while low < min(len(old), len(new)) and old[low] == new[low]:
        low += 1
    end = 0
    while end < min(len(old), len(new)) - low and old[-1 - end] == new[-1 - end]:
        end += 1
    kept = _common_items(old[low : len(old) - end], new[low : len(new) - end], limit)
    pairs = [*((one, one) for one in range(low)), *((low + a, low + b) for a, b in kept)]
    pairs += [(len(old) - each, len(new) - each) for each in range(end, 0, -1)]
    yield from _as_blocks(pairs, len(old), len(new))


def _as_blocks(pairs: Sequence[tuple[int, int]], old: int, new: int) -> Iterator[_Block]:
    a = b = 0
    index = 0
    while index < len(pairs):
        next_a, next_b = pairs[index]
        if next_a > a or next_b > b:
            yield _Block(False, (a, next_a), (b, next_b))
        run = index
        while run < len(pairs) and pairs[run] == (next_a + run - index, next_b + run - index):
            run += 1
        a, b = next_a + run - index, next_b + run - index
        yield _Block(True, (next_a, a), (next_b, b))
        index = run
    if a < old or b < new:
        yield _Block(False, (a, old), (b, new))


def _common_items(old: Sequence[str], new: Sequence[str], limit: int) -> list[tuple[int, int]]:
    """Return the pairs of equal items on a shortest way from one sequence to the other; none if it is longer
    than `limit` removals and additions.
    """
    furthest = {1: 0}
    trace: list[dict[int, int]] = []
    for changes in range(min(limit, len(old) + len(new)) + 1):
        trace.append(dict(furthest))
        for diagonal in range(-changes, changes + 1, 2):
            down = diagonal == -changes or (
                diagonal != changes and furthest[diagonal - 1] < furthest[diagonal + 1]
            )
            a = furthest[diagonal + 1] if down else furthest[diagonal - 1] + 1
            b = a - diagonal
            while a < len(old) and b < len(new) and old[a] == new[b]:
                a, b = a + 1, b + 1
            furthest[diagonal] = a
            if a >= len(old) and b >= len(new):
                return _way_back(trace, len(old), len(new))
    return []


def _way_back(trace: Sequence[dict[int, int]], a: int, b: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for changes in range(len(trace) - 1, -1, -1):
        furthest, diagonal = trace[changes], a - b
        down = diagonal == -changes or (
            diagonal != changes and furthest[diagonal - 1] < furthest[diagonal + 1]
        )
        before = diagonal + 1 if down else diagonal - 1
        start_a = furthest[before] if changes else 0
        start_b = start_a - before if changes else 0
        stepped = (start_a, start_b)
        if changes:
            stepped = (start_a, start_b + 1) if down else (start_a + 1, start_b)
        while (a, b) != stepped:
            a, b = a - 1, b - 1
            pairs.append((a, b))
        a, b = start_a, start_b
    return pairs[::-1]
