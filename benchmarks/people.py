"""Invented people as CSV, a million rows per second: a lender's customers, or a dump.

Every value has the form and the check digits of a real one and is drawn at random, so a value that belongs to
somebody is a coincidence. Rows have a fixed width, so that a table is an array of bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HEADER = b"id,name,email,mobile,id_number,card,city\n"
CHUNK = 200_000
_PREFIXES = ("133", "138", "139", "150", "159", "177", "186", "188")
_COUNTIES = ("110101", "310104", "320102", "330106", "440305", "510104")
_CITIES = ("Shanghai ", "Beijing  ", "Shenzhen ", "Chengdu  ")
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECKS = np.frombuffer(b"10X98765432", np.uint8)
_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])

Bytes = NDArray[np.uint8]
Digits = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of `count` people, drawn with `seed`."""

    count: int
    seed: int

    def write(self, path: Path, *, among: Bytes | None = None) -> None:
        """Write the table; `among`: other rows, which replace rows evenly over the table."""
        rng = np.random.default_rng(self.seed)
        with path.open("wb") as file:
            file.write(HEADER)
            for start in range(0, self.count, CHUNK):
                chunk = people(rng, start, min(CHUNK, self.count - start))
                if among is not None:
                    share = among[
                        start * len(among) // self.count : (start + CHUNK) * len(among) // self.count
                    ]
                    places = np.linspace(0, len(chunk) - 1, num=len(share), dtype=np.int64)
                    chunk[places] = share
                file.write(chunk.tobytes())


def people(rng: np.random.Generator, first: int, count: int) -> Bytes:
    """Return rows of people whose ids start at `first`."""
    columns = (
        _digits(np.arange(first, first + count), 8),
        _text(b",name of nobody,user", count),
        _digits(rng.integers(0, 10**12, count), 12),
        _text(b"@mail", count),
        _digits(rng.integers(0, 100, count), 2),
        _text(b".example,", count),
        _chosen(rng, _PREFIXES, count),
        _digits(rng.integers(0, 10**8, count), 8),
        _text(b",", count),
        _resident_ids(rng, count),
        _text(b",", count),
        _cards(rng, count),
        _text(b",", count),
        _chosen(rng, _CITIES, count),
        _text(b"\n", count),
    )
    return np.hstack(columns)


def _resident_ids(rng: np.random.Generator, count: int) -> Bytes:
    days = (rng.integers(1950, 2005, count) * 100 + rng.integers(1, 13, count)) * 100 + rng.integers(
        1, 29, count
    )
    body = np.hstack(
        [_chosen(rng, _COUNTIES, count), _digits(days, 8), _digits(rng.integers(0, 1000, count), 3)]
    )
    check = _CHECKS[(body - 48).astype(np.int64) @ _WEIGHTS % 11]
    return np.hstack([body, check[:, None]])


def _cards(rng: np.random.Generator, count: int) -> Bytes:
    body = np.hstack([_text(b"622202", count), _digits(rng.integers(0, 10**9, count), 9)])
    values = (body - 48).astype(np.int64)
    values[:, ::2] = _DOUBLED[values[:, ::2]]
    check = (-values.sum(axis=1)) % 10
    return np.hstack([body, (check + 48).astype(np.uint8)[:, None]])


def _digits(values: Digits, width: int) -> Bytes:
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (values[:, None] // powers % 10 + 48).astype(np.uint8)


def _text(text: bytes, count: int) -> Bytes:
    return np.broadcast_to(np.frombuffer(text, np.uint8), (count, len(text)))


def _chosen(rng: np.random.Generator, texts: tuple[str, ...], count: int) -> Bytes:
    table = np.array([np.frombuffer(text.encode(), np.uint8) for text in texts])
    return table[rng.integers(0, len(texts), count)]
