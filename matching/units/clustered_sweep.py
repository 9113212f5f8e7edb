"""A sweep whose units are matched elsewhere: its findings and its progress are those of `matching.sweep`.

1. Cut all inputs; each unit goes to the pool as soon as it is known.
2. In the inputs' order, wait for the results and add them up: first readings of an input, then second ones.
3. A unit that nobody could match leaves a gap: its document says which part was not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from matching.comparing.findings import Findings
from matching.errors import InputUnitLost
from matching.inputs.outcomes import WHOLE, refusal_outcome
from matching.sweep import DocumentRead, SweepProgress
from matching.units.budget_use import BudgetUse
from matching.units.cutting import CutDocument, CutSizes, InputCutter
from matching.units.partial import Partial
from matching.units.unit import Unit
from matching.units.unit_matching import MatchOptions


@dataclass(frozen=True, slots=True)
class UnitFailure:
    """A unit that could not be matched. `sentence`: why, with its full stop."""

    sentence: str


class UnitPool(Protocol):
    """Matches units, somewhere."""

    def submit(self, unit: Unit) -> None:
        """Take a unit. One that was submitted before is matched once."""

    def result(self, unit: Unit) -> Partial | UnitFailure:
        """Wait for the result of a submitted unit."""


@dataclass(slots=True)
class _InputPlan:
    """An input, its parts in order, and those documents in stretches that a later look wants again."""

    cutter: InputCutter
    parts: list[Unit | CutDocument]
    again: list[Callable[[], None]] = field(default_factory=list)


@dataclass(slots=True)
class ClusteredSweep:
    """A sweep over a pool."""

    findings: Findings
    pool: UnitPool
    options: MatchOptions
    progress: SweepProgress = field(default_factory=SweepProgress)
    sizes: CutSizes = field(default_factory=CutSizes)
    on_progress: Callable[[], None] = lambda: None

    def run(self, sources: Sequence[tuple[str, Path]]) -> None:
        """Compare all documents of all sources; raises InputRefused for one that cannot be read at all."""
        for plan in [self._plan(name, path) for name, path in sources]:
            self._add_up(plan)

    def _plan(self, name: str, path: Path) -> _InputPlan:
        cutter = InputCutter(name, path, self.options, self.findings.watch, self.sizes, self.pool.submit)
        return _InputPlan(cutter, [*cutter.parts()])

    def _add_up(self, plan: _InputPlan) -> None:
        if not self._within_limits(plan.parts):
            whole = plan.cutter.whole()
            self.pool.submit(whole)
            plan.parts = [whole]
        for part in plan.parts:
            if isinstance(part, Unit):
                self._add_unit(plan, part)
            else:
                self._add_document(plan, part)
            self.on_progress()
        for second_reading in plan.again:
            second_reading()

    # --- units of files and members

    def _add_unit(self, plan: _InputPlan, unit: Unit) -> None:
        partial, number = self.pool.result(unit), len(self.progress.read)
        if isinstance(partial, UnitFailure):
            self.progress.read.append(_lost_unit(unit, partial))
            return
        self.findings.add(partial.findings, document=number)
        self.progress.read += partial.read
        again = partial.again
        if again is not None:
            plan.again.append(lambda: self.findings.add(again, document=number))

    def _within_limits(self, parts: Sequence[Unit | CutDocument]) -> bool:
        """Return whether all units together kept the limits of one input, as each of them did by itself."""
        if len(parts) == 1:
            return True
        limits, total = self.options.limits, BudgetUse()
        archives: set[tuple[int, int]] = set()
        for part in parts:
            use = self._use_of(part)
            # The ratio at the worst file's end of this part, counted with everything before it.
            excess = total.output_bytes - total.input_bytes * limits.ratio + use.excess
            size = use.input_bytes
            if isinstance(part, Unit) and part.members:  # the archive counts once
                size = 0 if part.files in archives else size
                archives.add(part.files)
            total = BudgetUse(
                total.input_bytes + size,
                total.output_bytes + use.output_bytes,
                total.members + use.members,
            )
            if total.output_bytes > limits.out_bytes or total.members > limits.members:
                return False
            if total.output_bytes > limits.free_bytes and excess > 0:
                return False
        return True

    def _use_of(self, part: Unit | CutDocument) -> BudgetUse:
        if isinstance(part, CutDocument):
            return part.use
        partial = self.pool.result(part)
        return BudgetUse() if isinstance(partial, UnitFailure) else partial.use

    # --- documents in stretches

    def _add_document(self, plan: _InputPlan, cut: CutDocument) -> None:
        number, sweep = len(self.progress.read), cut.sweep
        self.findings.add(sweep.findings, document=number)
        lost: list[str] = []
        for unit in cut.stretches:
            partial = self.pool.result(unit)
            if isinstance(partial, UnitFailure):
                lost.append(_lost_place(unit, partial))
                continue
            self.findings.add(partial.findings, document=number)
            sweep.progress.looks.found |= {
                company for company, found in partial.findings.companies.items() if found.canaries.certain
            }
            for looked in partial.looked:
                companies = sweep.companies_to_look_for(0)
                sweep.progress.looks.add_block(looked, companies, self.findings.watch.segments)
            sweep.progress.masked_rows += partial.masked_rows
            self.on_progress()
        sweep.finish_document(cut.document)
        read = _with_gaps(sweep.progress.read[-1], lost)
        self.progress.read.append(read)
        if read.read_again_for:
            plan.again.append(lambda: self._read_again(plan.cutter, cut, number))

    def _read_again(self, cutter: InputCutter, cut: CutDocument, number: int) -> None:
        read, units = cutter.read_again(cut, self.progress.read[number])
        lost = []
        for unit in units:
            partial = self.pool.result(unit)
            if isinstance(partial, UnitFailure):
                lost.append(_lost_place(unit, partial))
                continue
            self.findings.add(partial.findings, document=number)
            self.on_progress()
        self.progress.read[number] = _with_gaps(read, lost)


# --- what could not be matched


def _lost_unit(unit: Unit, failure: UnitFailure) -> DocumentRead:
    ending = refusal_outcome(InputUnitLost(f"{unit.place} could not be matched: {failure.sentence}"))
    return DocumentRead(unit.source, "", "", ending.outcome, ending.sentence, 0, 0)


def _lost_place(unit: Unit, failure: UnitFailure) -> str:
    return f"{unit.place} could not be matched: {failure.sentence}"


def _with_gaps(read: DocumentRead, lost: Sequence[str]) -> DocumentRead:
    """Return the document's state; gaps are told even where something else went wrong, too."""
    if not lost:
        return read
    ending = refusal_outcome(InputUnitLost("; ".join(lost)))
    also = "" if read.outcome == WHOLE else f" {read.sentence}"
    return replace(read, outcome=ending.outcome, sentence=ending.sentence + also)
