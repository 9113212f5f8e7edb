"""Match the texts of a listing, in pieces, and count what is found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from matching.comparing.block import match_listing_text
from matching.comparing.findings import Findings
from matching.comparing.lookup import Comparison
from matching.inputs.formats.folded import decode_values
from matching.inputs.formats.record_ends import with_line_ends
from matching.inputs.formats.rows import TextRows
from text.charset import SAMPLE_BYTES, decode_page
from text.runner_up_charsets import is_doubtful, runner_up_charsets

PIECE = 1 << 20  # characters
#: Characters that two pieces share where a line is cut. A match that ends in the first half of them belongs
#: to the piece before, one that ends in the second half to the piece after: so each is seen with what stands
#: around it.
OVERLAP = 1 << 12


class TextPart(NamedTuple):
    """A text of a listing. `label` names it within its listing: `body`, `attachment 7`.

    `charset`: of the page that it was decoded from, None where that is not known.
    """

    field: str
    label: str
    text: str
    charset: str | None = None


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
        part = part._replace(text=decode_values(part.text))
        ended = with_line_ends(part.text)
        terms = findings.watch.terms if mentions else None
        comparison = self._open_comparison() if fingerprints and findings.watch.segments else None
        runner_ups = _runner_ups(part) if terms else ()
        line = 1
        for cut in _cut_into_pieces(ended):
            if self.expired():
                findings.cut.add("time")
                break
            piece, rows = part.text[cut.start : cut.end], TextRows(ended[cut.start : cut.end])
            matches = match_listing_text(
                piece,
                rows,
                comparison,
                terms,
                line=line,
                start=cut.start,
                limit=findings.limit,
                repeats=cut.repeats,
                held=cut.held,
                charset=part.charset or "utf-8",
                runner_ups=runner_ups,
            )
            findings.count_block(part.field, part.label, matches)
            line += rows.line_of(len(piece) - (OVERLAP if cut.held else 0)) - 1

    def _open_comparison(self) -> Comparison:
        """Return the comparison, which is made for the first part and used for all."""
        if self._comparison is None:
            self._comparison = Comparison(self.findings.watch.segments)
        return self._comparison


def _runner_ups(part: TextPart) -> tuple[str, ...]:
    """Return the other charsets that a text may be in, where the charset of its page is doubtful.

    The page may have had more words to decide by, and a declaration: this text alone decides here, because a
    name that is found in another charset is seldom there by chance.
    """
    charset = part.charset
    if charset is None or charset.startswith("utf") or part.text.isascii():
        return ()
    try:
        sample = part.text[:SAMPLE_BYTES].encode(charset, "replace")
    except LookupError:
        return ()
    found = decode_page(sample)
    return runner_up_charsets(sample, charset) if found.charset != charset or is_doubtful(found) else ()


class _Cut(NamedTuple):
    """A piece of a text; `repeats` characters at its beginning and `held` at its end belong to others."""

    start: int
    end: int
    repeats: int
    held: int


def _cut_into_pieces(text: str) -> Iterator[_Cut]:
    """Yield the pieces: each ends behind a line end; in a line longer than a piece, two of them overlap."""
    at = repeats = 0
    while at < len(text) or at == 0:
        end = min(len(text), at + PIECE)
        held = 0
        if end < len(text):
            line_end = text.rfind("\n", at + repeats, end) + 1
            end, held = (line_end, 0) if line_end else (end, OVERLAP // 2)
        yield _Cut(at, end, repeats, held)
        if end == len(text):
            return
        at, repeats = (end - OVERLAP, OVERLAP - held) if held else (end, 0)
