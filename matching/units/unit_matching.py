"""Match one unit: a function of the unit, the options and the watch, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matching.comparing.findings import Findings
from matching.errors import InputRefused, UnitElsewhere, UnitInputOther
from matching.inputs import Block, Document, Limits, documents, files_of
from matching.inputs.limits import InputBudget
from matching.sweep import Sweep, SweepProgress
from matching.units.budget_use import BudgetMeter
from matching.units.partial import Partial
from matching.units.unit import BlockStretch, FileState, Unit
from matching.watch import Watch


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """What the answer depends on beside the dump and the watch."""

    limit: int  # mentions and hits kept per company
    first_look: int  # candidates
    out_bytes: int

    @property
    def limits(self) -> Limits:
        return Limits(out_bytes=self.out_bytes)


def match_unit(
    unit: Unit,
    options: MatchOptions,
    watch: Watch,
    *,
    threads: int,
    on_progress: Callable[[], None] = lambda: None,
) -> Partial:
    """Return what is in a unit; raises UnitInputOther if this is not the file from which it was cut.

    `on_progress` is called after some blocks were counted.
    """
    check_files(unit, options)
    sweep = Sweep(
        Findings(watch, options.limit),
        limits=options.limits,
        threads=threads,
        first_look=options.first_look,
        on_progress=lambda _progress: on_progress(),
    )
    if unit.stretch is not None:
        return _match_stretch(unit, unit.stretch, options, sweep)
    return _match_documents(unit, options, sweep)


def check_place(unit: Unit, folders: Sequence[Path]) -> None:
    """Raise UnitElsewhere if the unit's path leads out of all of these folders. None: any place will do.

    Whoever can write to the database names the path. Links in a dump are not followed, only those to it.
    """
    place = Path(unit.path).resolve()
    if folders and not any(place.is_relative_to(folder.resolve()) for folder in folders):
        raise UnitElsewhere(
            f"{unit.path} lies in none of the folders that this node may read: put the dump into one of "
            "them, or add its folder to dumps_dirs of [matching]"
        )


def check_files(unit: Unit, options: MatchOptions) -> None:
    """Raise UnitInputOther if the unit's files are not here, or not the same."""
    wanted = range(*unit.files)
    here: list[FileState | None] = []
    try:
        for found in files_of(unit.source, Path(unit.path), options.limits):
            if found.number >= wanted.stop:
                break
            if found.number in wanted:
                here.append(file_state(found.path, found.refusal))
                if here[-1] != unit.states[len(here) - 1]:
                    raise UnitInputOther(
                        f"{found.name} is not the file here that it is where the dump was cut: its size, its "
                        "time of change, or its first or last MiB differ"
                    )
    except InputRefused as error:
        raise UnitInputOther(f"the dump is not here as it is where it was cut: {error}") from None
    if len(here) != len(wanted):
        raise UnitInputOther(f"{unit.source} has fewer files here than where the dump was cut")


def file_state(path: Path, refusal: InputRefused | None = None) -> FileState | None:
    """Return a file's state; None if there is no file that can be read."""
    if refusal is not None:
        return None
    try:
        return FileState.of(path)
    except OSError:
        return None


# --- files, and members of an archive


def _match_documents(unit: Unit, options: MatchOptions, sweep: Sweep) -> Partial:
    meter = BudgetMeter(options.limits)
    found = partial(_selected, unit, sweep)
    with sweep.pool() as pool:
        sweep.read_documents(pool, found(meter), 0, unit.first_look)
        first = sweep.findings
        sweep.findings = Findings(first.watch, options.limit)
        sweep.read_second_time(pool, partial(found, InputBudget(options.limits)), 0)
    return Partial(first, sweep.findings, sweep.progress.read, use=meter.use)


def _selected(unit: Unit, sweep: Sweep, budget: InputBudget) -> Iterator[Document]:
    return documents(
        unit.source, Path(unit.path), regions=sweep.regions, selection=unit.selection, budget=budget
    )


# --- a stretch of a document


def _match_stretch(unit: Unit, stretch: BlockStretch, options: MatchOptions, sweep: Sweep) -> Partial:
    progress = SweepProgress(
        current=stretch.document,
        companies=stretch.companies,
        blocks=stretch.block,
    )
    sweep.progress, sweep.looked = progress, []
    found = _selected(unit, sweep, InputBudget(options.limits))  # holds the file open
    document = next(found, None)
    text = document.seekable_text if document is not None else None
    if (
        document is None
        or text is None
        or (document.name, document.format) != (stretch.document, stretch.format)
    ):
        raise UnitInputOther(f"{stretch.document} is not read here as it was where the dump was cut")
    text.resume(stretch.begin, stretch.frame)
    blocks = _StretchBlocks(document, stretch)
    with sweep.pool() as pool:
        _compare(sweep, pool, document, blocks, stretch)
    if (blocks.end, blocks.count, blocks.rows) != (stretch.end, stretch.blocks, stretch.rows):
        raise UnitInputOther(
            f"{stretch.document} has {blocks.rows} rows in {blocks.count} blocks from byte "
            f"{stretch.begin.position} to {blocks.end} here, and {stretch.rows} in {stretch.blocks} to "
            f"{stretch.end} where the dump was cut"
        )
    return Partial(sweep.findings, looked=sweep.looked, masked_rows=progress.masked_rows)


def _compare(
    sweep: Sweep, pool: ThreadPoolExecutor, document: Document, blocks: _StretchBlocks, stretch: BlockStretch
) -> None:
    if stretch.again is None:
        sweep.compare_rest(pool, document, 0, blocks.read())
        return
    again = stretch.again
    sweep.compare_blocks_again(
        pool, document, 0, blocks.read(), companies=again.companies, left_out=again.left_out
    )


@dataclass(slots=True)
class _StretchBlocks:
    """The blocks of a stretch, counted."""

    document: Document
    stretch: BlockStretch
    end: int = 0
    count: int = 0
    rows: int = 0

    def read(self) -> Iterator[Block]:
        for block in self.document.blocks(after=self.stretch.begin.position):
            self.end, self.count, self.rows = block.end, self.count + 1, self.rows + block.rows
            yield block
            if block.end >= self.stretch.end:
                return
