"""What the statistics ask of an enrolled base, and nothing more: counts, shares and cohorts.

The opened masks of a segment answer this, and so do the simulated bases of the benchmark and the tests.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from matching.masked_samples.sample_rows import SampleRow

#: What a template shows of a row: its anchor (common parts: prefix, family name) and its ending (the rest).
VisiblePair = tuple[str, str]


class ViewingTemplate(Protocol):
    """A mask template: what it shows of a row; None where the row does not show enough."""

    @property
    def name(self) -> str: ...

    def view(self, row: SampleRow, /) -> VisiblePair | None: ...


Template = TypeVar("Template", bound=ViewingTemplate)


class ComparableBase(Protocol[Template]):
    """An enrolled base, asked in batches. Shares are of all its customers, and never 0."""

    @property
    def customers(self) -> int: ...

    @property
    def templates(self) -> Sequence[Template]: ...

    def counts(self, template: Template, pairs: Sequence[VisiblePair], /) -> NDArray[np.int64]:
        """Return for each pair the number of customers with it."""
        ...

    def anchor_shares(self, template: Template, anchors: Sequence[str], /) -> NDArray[np.float64]: ...

    def ending_shares(self, template: Template, endings: Sequence[str], /) -> NDArray[np.float64]: ...

    def cohorts(self, template: Template, pairs: Sequence[VisiblePair], /) -> Sequence[NDArray[np.uint8]]:
        """Return for each pair the enrolment cohort of each customer with it (0: not known)."""
        ...
