"""Match the texts of a listing, in pieces, and count what is found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from matching.comparing.block import match_listing_text
from matching.comparing.findings import Findings
from matching.comparing.lookup import Comparison
from matching.inputs.formats.record_ends import with_line_ends
from matching.inputs.formats.rows import TextRows

PIECE = 1 << 20  # characters


class TextPart(NamedTuple):
    """A text of a listing. `label` names it within its listing: `body`, `attachment 7`."""

    field: str
    label: str
    text: str


@dataclass(slots=True)
class ListingComparison:
    """Matches the parts of one listing, one after the other, into `findings`."""

    findings: Findings
    expired: Callable[[], bool] = lambda: False  # True: the time is up, what is left stays unread
    _comparison: Comparison | None = None

    def match_part(self, part: TextPart, *, mentions: bool = True, fingerprints: bool = True) -> None:
        """Match one part; `mentions` and `fingerprints`: what is looked for."""
        findings = self.findings
        # Records of a text without line ends are rows as well: a line end is put where a record ends.
        ended = with_line_ends(part.text)
        terms = findings.watch.terms if mentions else None
        comparison = self._open_comparison() if fingerprints and findings.watch.segments else None
        line = 1
        for start, end in _cut_into_pieces(ended):
            if self.expired():
                findings.cut.add("time")
                break
            piece, rows = part.text[start:end], TextRows(ended[start:end])
            matches = match_listing_text(
                piece, rows, comparison, terms, line=line, start=start, limit=findings.limit
            )
            findings.count_block(part.field, part.label, matches)
            line += rows.breaks

    def _open_comparison(self) -> Comparison:
        """Return the comparison, which is made for the first part and used for all."""
        if self._comparison is None:
            self._comparison = Comparison(self.findings.watch.segments)
        return self._comparison


def _cut_into_pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each piece begins and ends: behind a line end, unless a line is longer than a piece."""
    at = 0
    while at < len(text) or at == 0:
        end = min(len(text), at + PIECE)
        if end < len(text):
            end = text.rfind("\n", at, end) + 1 or end
        yield at, end
        if end == len(text):
            return
        at = end
