"""Answers that are dear to find, kept for a while for each question and each view of a database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from storage.database.base import Database
from storage.visible.visibility import Visibility

T = TypeVar("T")
MOST = 200  # answers of one database


class KeptAnswers(Generic[T]):
    """`get` answers what was found for the same view and question, if that is younger than `lasts`."""

    def __init__(self, lasts: timedelta) -> None:
        self._lasts = lasts
        self._lock = Lock()
        self._held: WeakKeyDictionary[Database, OrderedDict[tuple[Visibility, Hashable], tuple[datetime, T]]]
        self._held = WeakKeyDictionary()

    def get(
        self,
        database: Database,
        view: Visibility,
        now: datetime,
        find: Callable[[], T],
        *,
        question: Hashable = None,
    ) -> T:
        key = (view, question)
        with self._lock:
            held = self._held.setdefault(database, OrderedDict()).get(key)
        if held is not None and timedelta(0) <= now - held[0] < self._lasts:
            return held[1]
        found = find()
        with self._lock:
            answers = self._held.setdefault(database, OrderedDict())
            answers[key] = (now, found)
            answers.move_to_end(key)
            while len(answers) > MOST:
                answers.popitem(last=False)
        return found

    def forget(self, database: Database) -> None:
        """Find everything anew: something has just been changed here."""
        with self._lock:
            self._held.pop(database, None)
