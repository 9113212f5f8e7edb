"""A pool behind rows: nodes find the units in the database and write their results there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from matching.errors import UnitsRemoved
from matching.units.clustered_sweep import UnitFailure
from matching.units.partial import Partial
from matching.units.unit import Unit
from matching.watch import Watch
from storage import dumps
from storage.database.base import Database
from storage.dumps import DumpProgress, NewUnit, UnitState

_LOOK_S = 0.25  # between two looks for a result
#: Units that are written at once, so that a dump of many small units needs few transactions.
_WRITTEN_AT_ONCE = 32
_WRITE_EVERY_S = 0.5


@dataclass(slots=True)
class StoredPool:
    """The units of one dump. `on_wait` is called with the dump's progress from time to time."""

    database: Database
    dump_id: int
    watch: Watch
    limit: int
    clock: Callable[[], datetime]
    on_wait: Callable[[DumpProgress], None] = lambda _progress: None
    _unwritten: list[NewUnit] = field(default_factory=list)
    _written_at: float = field(default_factory=time.monotonic)

    def submit(self, unit: Unit) -> None:
        self._unwritten.append(NewUnit(unit.key, unit.as_json(), unit.bytes))
        if len(self._unwritten) >= _WRITTEN_AT_ONCE or time.monotonic() >= self._written_at + _WRITE_EVERY_S:
            self._write()

    def result(self, unit: Unit) -> Partial | UnitFailure:
        """Wait for the unit's result; raises UnitResultDamaged, or UnitsRemoved."""
        self._write()
        while True:
            with self.database.reading() as session:
                found = dumps.unit_result(session, self.dump_id, unit.key)
            if found is None:
                self._look()
                time.sleep(_LOOK_S)
            elif found.state is UnitState.DONE and found.result is not None:
                return Partial.from_bytes(found.result, self.watch, self.limit)
            else:
                return UnitFailure(found.detail or "nobody says why")

    def _write(self) -> None:
        units, self._unwritten, self._written_at = self._unwritten, [], time.monotonic()
        if units:
            self.database.write(
                lambda session: dumps.add_units(session, self.dump_id, units, now=self.clock())
            )
            self._look()

    def _look(self) -> None:
        with self.database.reading() as session:
            progress = dumps.dump_progress(session, self.dump_id, now=self.clock())
        if not progress.total:
            raise UnitsRemoved
        self.on_wait(progress)
