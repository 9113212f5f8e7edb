"""Enrolment dates: since when each person of a list is a customer, and the cohorts that follow from it.

At most 255 cohorts of about equal size, each of at least LEAST_PEOPLE people. A copy of the data that was
stolen on a day has customers of the cohorts until that day, and none of later ones.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.segments import LEAST_PEOPLE
from matching.fingerprints.segments.parts import COHORTS_LIMIT
from matching.identifiers import DateOrder
from matching.identifiers.name_birth_dates import birth_dates
from matching.masked_samples.tags import CohortOfDay, Days
from text.folding import narrow_fold

_DAY_ZERO = date(1899, 12, 31)  # day 1 is 1900-01-01
_DAYS = 1 << 16
_CHUNK = 1 << 20
_CELL_LENGTH = 60  # characters
_TIME = re.compile(r"[ tT]\d{1,2}[:h].*$", re.ASCII)
_COMPACT_TIME = re.compile(r"((?:19|20)\d{6})\d{4}(?:\d\d)?", re.ASCII)
_EPOCH = re.compile(r"(\d{9,10})(?:\.\d{1,9})?|(\d{9,10})\d{3}", re.ASCII)  # seconds, milliseconds


class EnrolmentDates:
    """The days of a list's customers, in order, in a file without a name."""

    def __init__(self, folder: Path, order: DateOrder | None = None) -> None:
        """`order`: of dates such as 03/04/2017; None: they are not known."""
        self.known = 0
        self.unknown = 0
        self._order = order
        self._file: BinaryIO = cast(BinaryIO, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115  (closed by `close`)
        self._people = np.zeros(_DAYS, np.int64)

    def add(self, cells: Sequence[str]) -> Days:
        """Add the cells of a batch and return their days."""
        order = self._order
        days = np.fromiter((day_of(cell, order) for cell in cells), np.uint16, len(cells))
        self._people += np.bincount(days, minlength=_DAYS)
        known = int(np.count_nonzero(days))
        self.known += known
        self.unknown += len(days) - known
        self._file.write(days.astype("<u2").tobytes())
        return days

    def cohorts(self) -> "DateCohorts | None":
        """Return the cohorts of all dates so far; None if none is known."""
        return DateCohorts.of(self._people) if self.known else None

    def numbers(self, cohorts: "DateCohorts") -> Iterator[NDArray[np.uint8]]:
        """Yield the cohort of each customer, in order, in slices."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield cohorts.of_day[np.frombuffer(chunk, "<u2")]

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class DateCohorts:
    """The first day of each cohort, the last day of the last one, and the cohort of each day."""

    dates: tuple[date, ...]
    until: date
    of_day: CohortOfDay

    @classmethod
    def of(cls, people: NDArray[np.int64]) -> "DateCohorts":
        """`people`: number of customers of each day; day 0 is not known."""
        people = people.copy()
        people[0] = 0
        total = int(people.sum())
        wanted = max(1, min(COHORTS_LIMIT, total // LEAST_PEOPLE))
        firsts: list[int] = []
        held, left = 0, total
        for day in np.flatnonzero(people).tolist():
            equal = (held + left) // (wanted - len(firsts) + 1)  # of the cohort begun and those to come
            least = max(LEAST_PEOPLE, equal)
            if not firsts or (held >= least and left >= LEAST_PEOPLE and len(firsts) < wanted):
                firsts.append(day)
                held = 0
            held += int(people[day])
            left -= int(people[day])
        of_day = np.searchsorted(np.array(firsts), np.arange(_DAYS), side="right").astype(np.uint8)
        of_day[0] = 0
        last = int(np.flatnonzero(people)[-1])
        return cls(tuple(map(_date_of, firsts)), _date_of(last), of_day)


def day_of(cell: str, order: DateOrder | None = None) -> int:
    """Return the number of the day of a cell, from 1900-01-01 on, which is 1; 0 if it shows none.

    Times and time zones are left out. Ten or thirteen digits are the seconds or milliseconds of a Unix time.
    """
    text = cell.strip()
    if not text or len(text) > _CELL_LENGTH:
        return 0
    if text[10:11] in (" ", "T", "t"):
        text = text[:10]
    return _day_of_text(text, order)


@lru_cache(1 << 16)
def _day_of_text(text: str, order: DateOrder | None) -> int:
    if not text.isascii():
        text = narrow_fold()(text).text
    text = _TIME.sub("", text)
    if match := _COMPACT_TIME.fullmatch(text):
        text = match[1]
    elif match := _EPOCH.fullmatch(text):
        moment = datetime.fromtimestamp(int(match[1] or match[2]), UTC)
        return _day_number(moment.date())
    found = birth_dates(text, order)
    return _day_number(found[0]) if len(found) == 1 else 0


def _day_number(day: date) -> int:
    number = (day - _DAY_ZERO).days
    return number if 0 < number < _DAYS else 0


def _date_of(day: int) -> date:
    return _DAY_ZERO + timedelta(day)
