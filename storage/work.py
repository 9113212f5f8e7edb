"""The dispatcher's seam: what a handler and whatever calls it know of each other.

The truth about what is due is in the rows; an announcement only makes it fast. A handler takes a row's id,
claims the row by a conditional UPDATE and may be called twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session


class WorkKind(StrEnum):
    RUN = "run"
    MATCH = "match"
    REMATCH = "rematch"
    EVALUATE = "evaluate"
    SOURCE_CHANGE = "source_change"
    DELIVER = "deliver"
    LIFE = "life"


@dataclass(frozen=True, slots=True)
class Work:
    """The row's table follows from the kind: run, listing version, rematch, match summary, source change,
    alert, delivery."""

    kind: WorkKind
    row_id: int


Handler = Callable[[int], None]


class Dispatcher(Protocol):
    def announce(self, session: Session, work: Work) -> None:
        """There is work of this kind for this row.

        Called inside the transaction that makes it true; acts only after its commit.
        """


class SilentDispatcher:
    """For commands without a daemon: nobody is told, the rows say what is due."""

    def announce(self, session: Session, work: Work) -> None:
        return None
