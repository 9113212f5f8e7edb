"""Mutated archives and dumps, and what must hold for each; a program that takes a count and a seed.

    python -m tests.matching.inputs.hostile 100000 1
    python -m tests.matching.inputs.hostile 100000 1 mail records

The groups of inputs are those of `hostile_seeds`. Without names all are taken; each gets as many mutants.

The program limits its own memory, reads every mutant within small limits, undoes its escapes, masks it, and
prints the outcomes as JSON. An exception, a document without an ending, or an exceeded bound ends it with the
number of the mutant. The same number and seed make the same mutation again; archives also hold the time at
which they were written.
"""

from __future__ import annotations

import io
import json
import random
import re
import resource
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from matching.inputs import Block, Limits, documents
from matching.inputs.formats.folded import decode_values
from matching.inputs.formats.rows import TextRows
from matching.masks import mask_text
from matching.scanning.candidates import Candidates
from matching.scanning.scanner import Scanner
from matching.scanning.undoing import UndoneBlock
from tests.matching.inputs.hostile_seeds import GROUPS

#: Bytes of address space beyond those in use at the start.
MEMORY = 512 << 20
#: CPU seconds per mutant.
SECONDS = 10.0
LIMITS = Limits(
    depth=3, members=60, out_bytes=24 << 20, free_bytes=4 << 20, ratio=300, spool_bytes=1 << 20, seconds=30
)
#: Bytes by which a decompressor's last step may exceed the limit.
SLACK = 1 << 20
#: Bytes of a block in which escapes are undone, and of those that are masked; both are tried elsewhere.
UNDONE_BYTES, MASKED_BYTES = 20_000, 3_000
_SCANNER = Scanner("DE")

_NUMBERS = (0, 1, 7, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1)
_PIECES = (
    b"", b"\x00", b"\xff" * 9, b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"7z\xbc\xaf'\x1c",
    b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"(\xb5/\xfd", b"ustar", b'"', b"'", b"\\", b"{", b"[" * 300,
    b"}", b"]", b"(", b")", b"\n", b"\r", b"\t", b"----", b"INSERT INTO a VALUES (",
    b"COPY a FROM stdin;\n", b"\\.\n", b"<tr>", b"<td", b"&#0;", b"\\ud800", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\r\n\r\n--", b"From: a\n", b"=", b"\x81", b"\xe4\xbd", b"<!DOCTYPE a>", b"0" * 5000,
)  # fmt: skip


def seeds(groups: Collection[str] = tuple(GROUPS)) -> list[bytes]:
    """Return the inputs to be mutated. Mutants take them in turn, so each group gets as many mutants."""
    kinds = [GROUPS[name]() for name in groups]
    longest = max(map(len, kinds))
    return [kind[at % len(kind)] for at in range(longest) for kind in kinds]


def mutant(sources: Sequence[bytes], number: int, seed: int) -> bytes:
    """Return a mutant, the same for the same numbers and sources."""
    chance = random.Random(f"{seed}/{number}")
    data = bytearray(sources[number % len(sources)])
    for _ in range(chance.choice((1, 1, 1, 2, 4, 12))):
        chance.choice(_MUTATIONS)(data, chance, sources)
    return bytes(data)


def _flip(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _overwrite(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    """Write a number where a size, a count or a place may stand."""
    width = chance.choice((1, 2, 4, 8))
    at = _place(data, chance)
    number = chance.choice(_NUMBERS) & (1 << 8 * width) - 1
    data[at : at + width] = struct.pack("<Q", number)[:width]


def _cut(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    del data[_place(data, chance) :]


def _leave_out(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, chance)
    del data[at : at + chance.choice((1, 2, 30, 512, 5000))]


def _put_in(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, chance)
    data[at:at] = chance.choice(_PIECES) * chance.choice((1, 1, 1, 40))


def _splice(data: bytearray, chance: random.Random, sources: Sequence[bytes]) -> None:
    other = chance.choice(sources)
    start = chance.randrange(len(other) + 1)
    at = _place(data, chance)
    data[at : at + chance.choice((0, 0, 500, 50_000))] = other[
        start : start + chance.choice((100, 5000, 50_000))
    ]


def _repeat(data: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, chance)
    data[at:at] = data[at : at + chance.choice((1, 46, 512))] * chance.choice((2, 30, 500))


def _place(data: bytearray, chance: random.Random) -> int:
    """Choose a place; half of all mutations are near the beginning and the end, where headers are."""
    near = chance.choice((64, 600, len(data), len(data)))
    at = chance.randrange(min(near, len(data)) + 1) if data else 0
    return min(max(0, len(data) - 1), at) if chance.random() < 0.7 else max(0, len(data) - 1 - at)


_MUTATIONS: tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...] = (
    _flip, _flip, _flip, _overwrite, _overwrite, _cut, _leave_out, _put_in, _splice, _repeat,
)  # fmt: skip


def check(data: bytes) -> Counter[str]:
    """Read the whole input as a caller would; returns the outcomes."""
    seen: Counter[str] = Counter()
    size = 0
    for document in documents("mutant", io.BytesIO(data), LIMITS):
        for block in document.blocks():
            size += len(block.text)
            block.text.decode()
            _look_at(block)
        assert document.ending is not None, "a document without an ending"
        assert document.ending.outcome != "failed", document.ending.sentence
        seen[document.ending.outcome] += 1
    assert size <= 4 * (LIMITS.out_bytes + len(data)) + SLACK, f"{size} bytes of text"
    assert seen.total() <= LIMITS.members + 8, f"{seen.total()} documents"
    return seen


def _look_at(block: Block) -> None:
    first, _, _ = block.text.partition(b"\n")
    block.shape.where(first[:5000], min(len(first), 5000) // 2)
    ends = [match.start() for match in re.finditer(b"\n", block.text)]
    assert block.breaks.tolist() == ends, "wrong places of line ends"
    block.line(len(ends) // 2)
    rows = TextRows(block.text.decode().replace("\r", " "), block.borders, block.record_shape)
    assert all(0 <= rows.row_at(index) <= index for index in range(len(ends))), "a row that begins later"
    for row, _ in zip(block.shape.cells(block, [1, 3]), range(20), strict=False):
        assert len(row.cells) == 2, "cells without their columns"
    _undo(block.text[:UNDONE_BYTES])


def _undo(part: bytes) -> None:
    """Undo the escapes of a text as comparing and masking do."""
    found = _SCANNER.scan(part)
    if undone := UndoneBlock.of(part):
        found = Candidates(undone.with_undone(found, _SCANNER))
    for batch in found.values():
        places = zip(batch.starts.tolist(), batch.ends.tolist(), strict=True)
        assert all(0 <= start < end <= len(part) for start, end in places), "a candidate outside of its text"
    mask_text(decode_values(part[:MASKED_BYTES].decode("utf-8", "ignore")))


def main(count: int, seed: int, groups: Sequence[str]) -> None:
    """Read the mutants of some groups; none: of all."""
    sources = seeds(groups or tuple(GROUPS))
    check(sources[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = _address_space()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, hard))
    seen: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        began = _cpu_seconds()
        try:
            seen += check(mutant(sources, number, seed))
        except BaseException:
            print(f"mutant {number} of seed {seed}", file=sys.stderr)  # noqa: T201 - the program's output
            raise
        slowest = max(slowest, _cpu_seconds() - began)
        assert slowest < SECONDS, f"mutant {number} of seed {seed} took {slowest:.1f} s"
    answer = {"mutants": count, "seen": seen, "slowest_s": round(slowest, 2), "peak_mb": _peak_mb()}
    print(json.dumps(answer))  # noqa: T201 - the program's output


def _cpu_seconds() -> float:
    """Return the time of this program, and of the processes that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _peak_mb() -> int:
    """The peak of this program alone: a child's `ru_maxrss` begins with the memory of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
