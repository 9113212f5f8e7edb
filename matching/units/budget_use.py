"""What a part of an input uses of the input's limits, which all parts together must keep."""

from __future__ import annotations

from dataclasses import dataclass

from matching.inputs import Limits
from matching.inputs.limits import InputBudget


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """Bytes of files, bytes out of containers, and files and members.

    `excess`: the largest difference, at any file's end, between the bytes out and those allowed by the ratio.
    """

    input_bytes: int = 0
    output_bytes: int = 0
    members: int = 0
    excess: int = 0


class BudgetMeter(InputBudget):
    """A budget that also tells what was used of it."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._excess = 0

    def count_input(self, size: int) -> None:
        self._compare()
        super().count_input(size)

    @property
    def use(self) -> BudgetUse:
        self._compare()
        return BudgetUse(self.input_bytes, self.output_bytes, self.members, self._excess)

    def _compare(self) -> None:
        self._excess = max(self._excess, self.output_bytes - self.input_bytes * self.limits.ratio)
