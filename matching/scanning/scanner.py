"""The scanner: finds candidates of identifiers in blocks of bytes, with the native library if there is one.

`identifiers.scan` is the specification. A `Scanner` returns the same candidates in batches. It uses the
specification itself for fields that the library does not know, and where the library is missing.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from matching.identifiers import COUNTRIES, SCANNED, Field
from matching.native.library import FIELDS, SHAPES, LibraryMissing, load_library
from matching.scanning.candidates import Bytes, Candidates
from matching.scanning.native_scanner import NativeScanner
from matching.scanning.plan_tables import read_plans
from matching.scanning.specification import by_specification

Block = bytes | bytearray | memoryview | Bytes
_KNOWN = frozenset({*FIELDS, *SHAPES})


class Scanner:
    """Scans blocks for the given fields. One thread at a time may use it.

    Fields that only a column can declare (DECLARED) are left out. `native` False: use the specification only,
    which takes about a hundred times as long. `countries`: of national numbers.
    """

    def __init__(
        self,
        region: str,
        fields: Collection[Field] = SCANNED,
        *,
        native: bool = True,
        countries: Collection[str] = COUNTRIES,
    ) -> None:
        self.region = region
        self.countries = frozenset(countries)
        self.fields = SCANNED.intersection(fields)
        self.native = _native_scanner(region, self.fields, self.countries) if native else None
        self._others = self.fields - _KNOWN if self.native else self.fields

    def scan(self, block: Block) -> Candidates:
        """Return the candidates of a block of UTF-8, with places in bytes.

        A byte that is not UTF-8 counts as a character that is in no identifier. The characters around a
        candidate decide about it, so a block should end at the end of a line.
        """
        data = np.frombuffer(block, dtype=np.uint8)
        found = self.native.scan(data) if self.native else {}
        if self._others:
            found |= by_specification(data.tobytes(), self.region, self._others, self.countries)
        return Candidates(found)

    def scan_text(self, text: str) -> Candidates:
        """Return the candidates of a text, with places in characters."""
        data = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
        found = self.scan(data)
        if len(data) == len(text):
            return found
        characters = np.concatenate(([0], np.cumsum((data & 0xC0) != 0x80)))
        return Candidates({field: batch.at(characters) for field, batch in found.items()})


class Engine(NamedTuple):
    """Which scanner is in use; `description` describes it in a sentence for people."""

    native: bool
    description: str


def scanner_engine() -> Engine:
    """Find out which scanner this process uses, and why if it is a slow one."""
    try:
        library = load_library()
    except LibraryMissing as missing:
        return Engine(native=False, description=f"the pure-Python scanner, which is slow: {missing}")
    description = f"the native scanner, {library.path}"
    if not read_plans():
        description += (
            "; it is slow with telephone numbers, because plans.tables is missing or was made with another "
            "release of phonenumbers: install Spillwatch again"
        )
    return Engine(native=True, description=description)


def _native_scanner(region: str, fields: frozenset[Field], countries: frozenset[str]) -> NativeScanner | None:
    known = fields & _KNOWN
    try:
        return NativeScanner(load_library(), region, known, countries) if known else None
    except LibraryMissing:
        return None
