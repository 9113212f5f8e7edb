"""The native scanner's Python side: passes blocks to the library, answers its questions, copies its results.

Two things are left to Python. A number whose plan has no table is given to `e164`. For wallets, passports,
driving licences and national numbers the library only finds places where one may be; there the specification
decides.
"""

import ctypes
import weakref
from collections.abc import Collection, Iterable, Iterator
from ctypes import addressof, byref

import numpy as np
from numpy.typing import NDArray

from matching.identifiers import COUNTRIES, Candidate, Field
from matching.identifiers.national_ids import PLAIN_COUNTRIES
from matching.identifiers.numbering_plans import e164
from matching.native import rule_tables
from matching.native.library import FIELDS, SHAPES, Ask, Library, PhoneTable, Rules
from matching.scanning.candidates import CandidateBatch
from matching.scanning.native_phones import country_tables, home_table
from matching.scanning.specification import by_specification

BLOCK_LIMIT = 1 << 31  # bytes: places are 32 bits wide in the library


class NativeScanner:
    """Scans for the fields that the library knows (FIELDS, SHAPES). One thread at a time may use it.

    A scan does not hold Python's lock, so several scanners run side by side.
    """

    def __init__(
        self,
        library: Library,
        region: str,
        fields: frozenset[Field],
        countries: Collection[str] = COUNTRIES,
    ) -> None:
        self._library = library
        self._region = region
        self._countries = countries
        self._fields = {number: field for number, field in enumerate((*FIELDS, *SHAPES)) if field in fields}
        self._phone_answers = _PhoneAnswers(region)
        self._ask = Ask(self._phone_answers)
        with rule_tables.MAKING_TABLES:
            self._home = home_table(region) if Field.PHONE in fields else PhoneTable()
            self._rules = _rules(self._fields, self._home, self._ask, countries)
        self._handle = library.new(byref(self._rules))
        if not self._handle:
            raise MemoryError
        weakref.finalize(self, library.free, self._handle)

    @property
    def questions(self) -> int:
        """How many numbers the library asked Python about."""
        return self._phone_answers.count

    def scan(self, block: NDArray[np.uint8]) -> dict[Field, CandidateBatch]:
        """Return the candidates by field, with places in bytes."""
        if block.size >= BLOCK_LIMIT:
            raise ValueError(f"a block has {block.size} bytes; expected less than {BLOCK_LIMIT}")
        failed = self._library.scan(self._handle, block.ctypes.data, block.size)
        self._phone_answers.raise_failure()
        if failed:
            raise MemoryError
        found = {field: self._copied_batch(number) for number, field in self._fields.items()}
        for field in found.keys() & set(SHAPES):
            found[field] = _verified(block, found[field], field, self._region, self._countries)
        return found

    def _copied_batch(self, number: int) -> CandidateBatch:
        count = self._library.count(self._handle, number)
        places = np.empty(3 * count + 1, dtype=np.int64)  # starts, ends, offsets
        tape = np.empty(self._library.tape_length(self._handle, number), dtype=np.uint8)
        begin = places.ctypes.data
        parts = (begin, begin + 8 * count, begin + 16 * count)
        self._library.take(self._handle, number, *parts, tape.ctypes.data)
        return CandidateBatch(places[:count], places[count : 2 * count], places[2 * count :], tape)


def _verified(
    block: NDArray[np.uint8],
    places: CandidateBatch,
    field: Field,
    region: str,
    countries: Collection[str],
) -> CandidateBatch:
    """Return what the specification finds in these places, which are in order and may overlap."""
    if not len(places):
        return places
    candidates: list[Candidate] = []
    for start, end in _merged_spans(places):
        [found] = by_specification(block[start:end].tobytes(), region, (field,), countries).values()
        spans = zip(found.forms(), found.starts.tolist(), found.ends.tolist(), strict=True)
        candidates += [Candidate(field, form, start + first, start + last) for form, first, last in spans]
    return CandidateBatch.of(sorted(candidates, key=_wallet_order) if field is Field.WALLET else candidates)


def _merged_spans(places: CandidateBatch) -> Iterator[tuple[int, int]]:
    spans = zip(places.starts.tolist(), places.ends.tolist(), strict=True)
    start, end = next(spans, (0, 0))
    for first, last in spans:
        if first > end:
            yield start, end
            start = first
        end = last
    yield start, end


def _wallet_order(candidate: Candidate) -> int:
    """`wallets` gives base58check first, then bech32, then Ethereum."""
    form = candidate.canonical
    return 1 if form.startswith(("bc1", "ltc1")) else 2 if form.startswith("0x") else 0


class _PhoneAnswers:
    """Called by the library about a number whose plan has no table.

    An exception (Ctrl-C, for example) cannot pass through C, so it is kept until the scan has returned.
    """

    def __init__(self, region: str) -> None:
        self.count = 0
        self._region = region
        self._failure: BaseException | None = None

    def __call__(self, digits: int, length: int, international: int, out: int) -> int:
        self.count += 1
        try:
            number = e164(
                ctypes.string_at(digits, length).decode("ascii"),
                self._region,
                international=bool(international),
            )
        except BaseException as error:  # noqa: BLE001  # raised again by `raise_failure`
            self._failure = error
            return 0
        form = (number or "").encode("ascii")
        ctypes.memmove(out, form, len(form))
        return len(form)

    def raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


def _rules(fields: Iterable[int], home: PhoneTable, ask: object, countries: Collection[str]) -> Rules:
    pages, images = rule_tables.fold_pages()
    return Rules(
        fields=sum(1 << number for number in fields),
        domain_count=len(rule_tables.domains()),
        countries_of_ids=sum(1 << bit for bit, name in enumerate(PLAIN_COUNTRIES) if name in countries),
        fold_pages=pages.ctypes.data,
        fold_images=images.ctypes.data,
        provinces=rule_tables.provinces().ctypes.data,
        issuers=rule_tables.issuers().ctypes.data,
        ibans=rule_tables.ibans().ctypes.data,
        providers=addressof(rule_tables.providers()),
        domains=addressof(rule_tables.domains()),
        home=addressof(home),
        countries=addressof(country_tables().tables),
        codes=country_tables().index.ctypes.data,
        ask=ask,
    )
