"""The native scanner's Python side: hands blocks over, answers what no table can, copies results out."""

import ctypes
import weakref
from ctypes import addressof, byref

import numpy as np
from numpy.typing import NDArray

from matching.candidates import Batch
from matching.identifiers import Field
from matching.native import tables
from matching.native.library import FIELDS, HOME, Ask, Library, PhoneTable, Rules
from matching.native.phones import home, plans
from matching.phones import e164

BLOCK_LIMIT = 1 << 31  # bytes: places are 32 bits wide in the library


class NativeScanner:
    """Scans for fields that the library knows (FIELDS). One thread at a time may use it; a scan does not hold
    Python's lock, so that several scanners run side by side.
    """

    def __init__(self, library: Library, region: str, fields: frozenset[Field]) -> None:
        self._library = library
        self._fields = [number for number, field in enumerate(FIELDS) if field in fields]
        self._asker = _Asker(region)
        self._ask = Ask(self._asker)
        self._home = home(region) if Field.PHONE in fields else PhoneTable()
        self._rules = _rules(self._fields, self._home, self._ask)
        self._handle = library.new(byref(self._rules))
        if not self._handle:
            raise MemoryError
        weakref.finalize(self, library.free, self._handle)

    @property
    def asked(self) -> int:
        """How many numbers no table could say."""
        return self._asker.count

    def scan(self, block: NDArray[np.uint8]) -> dict[Field, Batch]:
        """The candidates by field, places in bytes."""
        if block.size >= BLOCK_LIMIT:
            raise ValueError(f"a block has {block.size} bytes; wanted: less than {BLOCK_LIMIT}")
        failed = self._library.scan(self._handle, block.ctypes.data, block.size)
        self._asker.raise_failure()
        if failed:
            raise MemoryError
        return {FIELDS[number]: self._taken(number) for number in self._fields}

    def _taken(self, number: int) -> Batch:
        count = self._library.count(self._handle, number)
        batch = Batch(
            starts=np.empty(count, dtype=np.int64),
            ends=np.empty(count, dtype=np.int64),
            offsets=np.empty(count + 1, dtype=np.int64),
            tape=np.empty(self._library.tape_length(self._handle, number), dtype=np.uint8),
        )
        arrays = (batch.starts, batch.ends, batch.offsets, batch.tape)
        self._library.take(self._handle, number, *(array.ctypes.data for array in arrays))
        return batch


class _Asker:
    """Answers what the library asks. An exception (Ctrl-C, say) cannot pass through C, so it waits."""

    def __init__(self, region: str) -> None:
        self.count = 0
        self._region = region
        self._failure: BaseException | None = None

    def __call__(self, country: int, digits: int, length: int, international: int, out: int) -> int:
        self.count += 1
        try:
            if country != HOME:
                plans().compile(country)
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


def _rules(fields: list[int], home_table: PhoneTable, ask: object) -> Rules:
    pages, images = tables.fold()
    return Rules(
        fields=sum(1 << number for number in fields),
        domain_count=len(tables.domains()),
        fold_pages=pages.ctypes.data,
        fold_images=images.ctypes.data,
        provinces=tables.provinces().ctypes.data,
        issuers=tables.issuers().ctypes.data,
        ibans=tables.ibans().ctypes.data,
        providers=addressof(tables.providers()),
        domains=addressof(tables.domains()),
        home=addressof(home_table),
        countries=addressof(plans().tables),
        codes=plans().index.ctypes.data,
        ask=ask,
    )
