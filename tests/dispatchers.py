"""A dispatcher that keeps what was announced."""

from __future__ import annotations

import threading

from sqlalchemy.orm import Session

from storage.work import Work, WorkKind


class RecordingDispatcher:
    """`heard` is set with each announcement, so that a test in another thread can wait for it."""

    def __init__(self) -> None:
        self.work: list[Work] = []
        self.heard = threading.Event()

    def announce(self, session: Session, work: Work) -> None:
        self.work.append(work)
        self.heard.set()

    def row_ids(self, kind: WorkKind) -> list[int]:
        """Return the row ids that were announced of this kind."""
        return [work.row_id for work in self.work if work.kind is kind]
