"""Cut an input into units, in the order of its documents.

- Files of a folder go together into units of about UNIT_BYTES.
- A large file of text whose blocks depend on nothing before them (CSV, TSV, combo lists, `key: value`, JSON
  lines, text) is cut into stretches of whole blocks. It is read to its end here, which takes a tenth of the
  time of matching, so that each stretch begins where one process would begin it: same blocks, same charset,
  same line numbers. Its first look is matched here.
- Such a text in a compressed file is cut in the same way, if the file consists of frames from which unpacking
  can begin: zstd's, bgzip's, and any that was compressed in parts and concatenated.
- A large zip is cut between its members.
- Everything else is one unit per file: other archives and compressed files, SQL, JSON over many lines, HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path

from matching.comparing.findings import Findings
from matching.errors import InputRefused
from matching.inputs import Block, Document, FoundFile, Limits, Selection, documents, files_of
from matching.inputs.containers import magic, zips
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.office import office_format
from matching.inputs.limits import InputBudget
from matching.inputs.outcomes import WHOLE
from matching.inputs.streams import File
from matching.sweep import DocumentRead, Sweep, SweepProgress
from matching.units.budget_use import BudgetMeter, BudgetUse
from matching.units.unit import UNIT_BYTES, UNIT_FILES, BlockStretch, FileState, SecondReading, Unit
from matching.units.unit_matching import MatchOptions, file_state
from matching.watch import Watch

#: Units' bytes in which a compressed file must show a second frame.
_GIVE_UP_AFTER = 4


@dataclass(frozen=True, slots=True)
class CutSizes:
    """About how many bytes a unit has, and how many files at most."""

    bytes: int = UNIT_BYTES
    files: int = UNIT_FILES


@dataclass(slots=True)
class CutDocument:
    """A document in stretches. `sweep` did its first look, and knows what its looks have found so far."""

    unit: Unit  # of the whole file
    document: Document
    sweep: Sweep
    stretches: list[Unit] = field(default_factory=list)
    use: BudgetUse = field(default_factory=BudgetUse)


@dataclass(slots=True)
class InputCutter:
    """Cuts one file or folder. `submit` takes each unit as soon as it is known."""

    name: str
    path: Path
    options: MatchOptions
    watch: Watch
    sizes: CutSizes
    submit: Callable[[Unit], None]

    def whole(self) -> Unit:
        """Return everything as one unit."""
        return self._unit_of([*files_of(self.name, self.path, self.options.limits)])

    def parts(self) -> Iterator[Unit | CutDocument]:
        """Yield the units, and the documents that are cut into stretches, whose units are submitted."""
        waiting: list[FoundFile] = []
        waiting_bytes = 0
        for found in files_of(self.name, self.path, self.options.limits):
            size = _size_of(found)
            if size >= 2 * self.sizes.bytes:
                if waiting:
                    yield self._submitted(self._unit_of(waiting))
                    waiting, waiting_bytes = [], 0
                yield from self._parts_of_large_file(found)
                continue
            waiting.append(found)
            waiting_bytes += size
            if waiting_bytes >= self.sizes.bytes or len(waiting) >= self.sizes.files:
                yield self._submitted(self._unit_of(waiting))
                waiting, waiting_bytes = [], 0
        if waiting:
            yield self._submitted(self._unit_of(waiting))

    def read_again(self, cut: CutDocument, read: DocumentRead) -> tuple[DocumentRead, list[Unit]]:
        """Cut the part behind the first look again, for the companies that a later look found.

        Returns the units, and how reading it ended this time.
        """
        with _Opened(self, cut.unit) as opened:
            text = opened.text
            if opened.document is None or text is None:
                return replace(read, read_again_for=()), []
            left_out = tuple(one.company for one in read.left_out) if read.rest_left_out else None
            second = SecondReading(read.read_again_for, left_out)
            text.seek(read.first_look_end)
            stretch = self._stretch(cut, text, 0, second)
            blocks = opened.document.blocks(after=read.first_look_end)
            units = [*map(self._submitted, self._stretches(cut.unit, text, blocks, stretch))]
            return read.after_second_reading(opened.document), units

    # --- files

    def _parts_of_large_file(self, found: FoundFile) -> Iterator[Unit | CutDocument]:
        unit = self._unit_of([found])
        if (count := _zip_members(found.path, self.options.limits)) > 1:
            yield from map(self._submitted, self._member_units(unit, count))
            return
        with _Opened(self, unit) as opened:
            if opened.document is not None and opened.text is not None:
                cut = self._cut_document(unit, opened.document, opened.text)
                if cut is not None:
                    cut.use = opened.budget.use
                    yield cut
                    return
        yield self._submitted(unit)

    def _unit_of(self, found: list[FoundFile]) -> Unit:
        states: list[FileState | None] = [file_state(one.path, one.refusal) for one in found]
        return Unit(
            self.name,
            str(self.path.absolute()),
            (found[0].number, found[-1].number + 1) if found else (0, 0),
            tuple(states),
            sum(one.size for one in states if one),
            self.options.first_look > 0 and len({one.company_id for one in self.watch.segments}) > 1,
        )

    def _submitted(self, unit: Unit) -> Unit:
        self.submit(unit)
        return unit

    def _member_units(self, unit: Unit, count: int) -> Iterator[Unit]:
        """Yield units of about as many members as give one unit's bytes, if members are of one size."""
        parts = min(count, max(1, unit.bytes // self.sizes.bytes))
        borders = [count * part // parts for part in range(parts + 1)]
        for first, last in pairwise(borders):
            yield replace(unit, members=(first, last), bytes=unit.bytes // parts)

    # --- a document in stretches

    def _cut_document(self, unit: Unit, document: Document, text: DecodedText) -> CutDocument | None:
        """Cut a document into stretches, whose units are submitted; None: it has to be one unit.

        A compressed one has to, if there are no frames in its first few units, or if its end is damaged: what
        a decompressor gives before the damage depends on where it began.
        """
        sweep = Sweep(
            Findings(self.watch, self.options.limit),
            SweepProgress(),
            limits=self.options.limits,
            threads=1,
            first_look=self.options.first_look,
        )
        sweep.progress.begin(document.name)
        blocks = document.blocks()
        sweep.begin_document(document, 0, blocks, first_look=unit.first_look)
        cut = CutDocument(unit, document, sweep)
        stretch = self._stretch(cut, text, sweep.progress.blocks, None)
        try:
            for part in self._stretches(unit, text, blocks, stretch):
                cut.stretches.append(part)
                sweep.progress.rows += part.stretch.rows if part.stretch else 0
                if stretch.frame is None or len(cut.stretches) > 2:
                    self._submitted(part)
                elif len(cut.stretches) == 2:
                    [*map(self._submitted, cut.stretches)]
        except _OneFrame:
            return None
        whole = document.ending is not None and document.ending.outcome == WHOLE
        return cut if stretch.frame is None or (whole and len(cut.stretches) > 1) else None

    def _stretch(
        self, cut: CutDocument, text: DecodedText, block: int, again: SecondReading | None
    ) -> BlockStretch:
        """Return an empty stretch where the reading of the text is, from which the first one is made."""
        begin, frame = text.state(), text.frame()
        companies = cut.sweep.progress.companies or ()
        name, form = cut.document.name, cut.document.format
        return BlockStretch(name, form, begin, begin.position, block, 0, 0, companies, frame, again=again)

    def _stretches(
        self, unit: Unit, text: DecodedText, blocks: Iterator[Block], empty: BlockStretch
    ) -> Iterator[Unit]:
        """Yield units of whole blocks, while the blocks are read.

        In a compressed file a stretch ends only where another frame has begun: otherwise much would have to
        be unpacked before the next one. Raises _OneFrame if the first one does not end.
        """
        stretch, first = empty, True
        for block in blocks:
            stretch = replace(
                stretch, end=block.end, blocks=stretch.blocks + 1, rows=stretch.rows + block.rows
            )
            size, frame = block.end - stretch.begin.position, text.frame()
            if size < self.sizes.bytes:
                continue
            if stretch.frame is not None and stretch.frame == frame:
                if first and size >= _GIVE_UP_AFTER * self.sizes.bytes:
                    raise _OneFrame
                continue
            yield _stretch_unit(unit, stretch)
            stretch, first = _behind(stretch, text), False
        if stretch.blocks:
            yield _stretch_unit(unit, stretch)


def _stretch_unit(unit: Unit, stretch: BlockStretch) -> Unit:
    return replace(unit, stretch=stretch, bytes=stretch.end - stretch.begin.position)


def _behind(stretch: BlockStretch, text: DecodedText) -> BlockStretch:
    """Return the empty stretch behind a stretch, where the reading of the text is."""
    begin, block = text.state(), stretch.block + stretch.blocks
    return replace(
        stretch, begin=begin, end=begin.position, block=block, blocks=0, rows=0, frame=text.frame()
    )


class _OneFrame(Exception):
    """A compressed file has no frames from which it could be unpacked in parts."""


class _Opened:
    """The one document of a file and its text, while the file is open; None if it cannot be cut."""

    def __init__(self, cutter: InputCutter, unit: Unit) -> None:
        selection = Selection(range(*unit.files))
        regions = Sweep(Findings(cutter.watch, 1)).regions
        self.budget = BudgetMeter(cutter.options.limits)
        self._found = documents(
            cutter.name, cutter.path, regions=regions, selection=selection, budget=self.budget
        )
        self.document: Document | None = None
        self.text: DecodedText | None = None

    def __enter__(self) -> _Opened:
        self.document = next(self._found, None)
        self.text = self.document.seekable_text if self.document is not None else None
        return self

    def __exit__(self, *_error: object) -> None:
        self._found.close()  # type: ignore[attr-defined]  # a generator, which closes its file


def _size_of(found: FoundFile) -> int:
    if found.refusal is not None:
        return 0
    try:
        return found.path.stat().st_size
    except OSError:
        return 0


def _zip_members(path: Path, limits: Limits) -> int:
    """Return the number of members of a zip that can be cut between them; 0: it is one unit.

    A document of an office program is no archive, and a damaged directory must be told once.
    """
    try:
        with path.open("rb") as stream:
            file = File(stream.fileno(), path.stat().st_size)
            if magic.container_kind(file.read_at(0, magic.HEAD)) != "zip" or zips.is_workbook(file):
                return 0
            if office_format(file, InputBudget(limits)) is not None:
                return 0
            entries = islice(zips.directory_entries(file), limits.members + 1)
            members = sum(not zips.is_folder(entry) for entry in entries)
            return members if members <= limits.members else 0
    except (OSError, InputRefused):
        return 0
