"""What matching a unit gives, and its bytes: counts, places, ordinals and masked excerpts, never a value.

Its size is bounded by what is kept of mentions and hits, and by 32 bytes per customer that was hit.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.comparing.findings import Findings
from matching.comparing.first_look import LookedBlock
from matching.comparing.stored_findings import (
    UNREADABLE,
    agreement_arrays,
    findings_as_json,
    findings_from_json,
)
from matching.errors import UnitResultDamaged
from matching.sweep import DocumentRead
from matching.units.budget_use import BudgetUse
from matching.watch import Watch

#: Of the bytes. The result of another version is refused, and its unit is matched again.
VERSION = 3


@dataclass(slots=True)
class Partial:
    """The result of one unit. `again`: what its documents' second readings found.

    `read`: the documents of a unit of files or members; `looked`: a stretch's blocks that were looked at.
    """

    findings: Findings
    again: Findings | None = None
    read: list[DocumentRead] = field(default_factory=list)
    looked: list[LookedBlock] = field(default_factory=list)
    masked_rows: int = 0
    use: BudgetUse = field(default_factory=BudgetUse)

    def to_bytes(self) -> bytes:
        arrays: dict[str, NDArray[Any]] = {}
        for findings, prefix in ((self.findings, ""), (self.again, "again-")):
            if findings is not None:
                for found in findings.companies.values():
                    found.agreements.sum_up()
                arrays.update(agreement_arrays(findings, prefix))
        state = {
            "version": VERSION,
            "findings": findings_as_json(self.findings),
            "again": findings_as_json(self.again) if self.again is not None else None,
            "read": [asdict(read) for read in self.read],
            "looked": [looked.as_json() for looked in self.looked],
            "masked_rows": self.masked_rows,
            "use": asdict(self.use),
        }
        stream = io.BytesIO()
        text = np.frombuffer(json.dumps(state).encode(), np.uint8)
        np.savez_compressed(stream, allow_pickle=False, state=text, **arrays)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, watch: Watch, limit: int) -> Partial:
        """Return the result, for the watch and the limit with which it was made; raises UnitResultDamaged."""
        try:
            # No pickles: whoever can write this row must not run code here.
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                state: dict[str, Any] = json.loads(stored["state"].tobytes())
                if state["version"] != VERSION:
                    raise ValueError("another version")
                again = state["again"]
                return cls(
                    findings_from_json(state["findings"], stored, watch, limit),
                    findings_from_json(again, stored, watch, limit, "again-") if again else None,
                    [DocumentRead.from_json(read) for read in state["read"]],
                    [LookedBlock.from_json(looked) for looked in state["looked"]],
                    state["masked_rows"],
                    BudgetUse(**state["use"]),
                )
        except UNREADABLE as error:
            raise UnitResultDamaged(
                f"the result of a unit cannot be read ({type(error).__name__}); "
                "it was written by another version of Spillwatch, or is damaged"
            ) from None
