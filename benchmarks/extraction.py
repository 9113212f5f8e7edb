"""Find candidates in text: the native scanner beside one `re` alternation and the Python specification.

`re` has one pattern with an alternative for each of e-mail, resident ID, card, IBAN and phone, and checks
nothing. The scanner checks all check digits, numbering plans and mailboxes and gives places; its candidates
are counted. MB/s are megabytes of UTF-8 per second of CPU; x is the scanner's speed as a multiple of the
other's, in this run. The second table has the time of a fingerprint: HMAC-SHA256 of a telephone number.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator
from random import Random

import numpy as np
from stringzilla import hmac_sha256

from benchmarks.measure import cost, ratio, report
from matching.native.hmac import hashed, lanes
from matching.native.library import FIELDS
from matching.scanning.scanner import Scanner, scanner_engine
from matching.scanning.tapes import Tape

MEGABYTES = 8
SPECIFICATION_BYTES = 300_000  # of each text
BLOCK = 1 << 19  # bytes, cut at a line
HASHED = 100_000
ROUNDS = 5  # the best one counts: the machine is shared
ALTERNATION = re.compile(
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"
    r"|(?<!\d)\d{17}[\dXx](?!\d)"
    r"|(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)"
    r"|\b[A-Z]{2}\d\d[A-Z0-9]{11,30}\b"
    r"|\+?\d[\d ().-]{5,}\d"
)
_WORDS = re.findall(
    r"\w+",
    """selling fresh database of clients records sample price contact escrow vendor thread update leak with
    and for the from their more than last year bank shop forum buyers only serious please message before""",
)


def main() -> None:
    if not scanner_engine().native:
        raise SystemExit(f"this machine has {scanner_engine().description}")
    texts = {
        "prose": _prose_line,
        "combo list": _combo_line,
        "CSV, 12 columns": _csv_line,
        "SQL dump": _sql_line,
    }
    report(
        ("text", "candidates", "re MB/s", "specification MB/s", "native MB/s", "x re", "x specification"),
        [_scan_row(name, _make_text(lines)) for name, lines in texts.items()],
    )
    report(("fingerprints", "ns each", "native, x"), _fingerprint_rows())


def _scan_row(name: str, text: bytes) -> tuple[object, ...]:
    scanner, specification = Scanner("CN", FIELDS), Scanner("CN", FIELDS, native=False)
    blocks, decoded = list(_blocks(text)), text.decode()
    part = text[:SPECIFICATION_BYTES]
    by_re, ours, slow = _best_times(
        lambda: ALTERNATION.findall(decoded),
        lambda: [scanner.scan(block) for block in blocks],
        lambda: specification.scan(part),
    )
    found = sum(scanner.scan(block).count for block in blocks)
    speeds = [
        size / 1e6 / cpu_s for size, cpu_s in ((len(text), by_re), (len(part), slow), (len(text), ours))
    ]
    return name, found, *speeds, ratio(speeds[2], speeds[0]), ratio(speeds[2], speeds[1])


def _best_times(*works: Callable[[], object]) -> list[float]:
    """Return the best CPU seconds of each; they take turns, so that other work slows all of them."""
    taken = [[cost(work)[1].cpu_s for work in works] for _ in range(ROUNDS)]
    return [min(each) for each in zip(*taken, strict=True)]


def _fingerprint_rows() -> list[tuple[object, ...]]:
    """Measure fingerprints of telephone numbers, which are 14 bytes long."""
    numbers = [f"+86138{number:08}" for number in range(HASHED)]
    forms = [number.encode() for number in numbers]
    offsets = np.arange(0, 14 * HASHED + 1, 14, dtype=np.int64)
    tape = Tape(offsets, np.frombuffer(b"".join(forms), dtype=np.uint8))
    key, digests = bytes(range(32)), np.empty((HASHED, 32), dtype=np.uint8)
    ways: dict[str, Callable[[], object]] = {
        "hmac.digest": lambda: [hmac.digest(key, form, "sha256") for form in forms],
        "stringzilla, of the tape": lambda: hmac_sha256(key, tape.strings(), out=digests),
        f"native, {lanes()} side by side": lambda: hashed(key, tape.offsets, tape.bytes, lanes()),
    }
    each_ns = [cpu_s / HASHED * 1e9 for cpu_s in _best_times(*ways.values())]
    return [(name, took, ratio(took, each_ns[-1])) for name, took in zip(ways, each_ns, strict=True)]


def _blocks(text: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(text):
        end = text.rfind(b"\n", at, at + BLOCK) + 1 or len(text)
        yield text[at:end]
        at = end


def _make_text(line: Callable[[Random, int], str]) -> bytes:
    chance, size = Random(20260301), 0
    lines: list[str] = []
    while size < MEGABYTES * 1e6:
        lines.append(line(chance, len(lines)))
        size += len(lines[-1]) + 1
    return "\n".join(lines).encode()


def _prose_line(chance: Random, _number: int) -> str:
    """Return a line; one in fifty has an address, one in fifty a telephone number."""
    words = chance.choices(_WORDS, k=40)
    if chance.random() < 0.02:
        words[20] = _address(chance)
    if chance.random() < 0.02:
        words[30] = _mobile(chance)
    return " ".join(words)


def _combo_line(chance: Random, _number: int) -> str:
    return f"{_address(chance)}:{chance.choice(_WORDS)}{chance.randrange(10_000)}"


def _csv_line(chance: Random, number: int) -> str:
    return ",".join(_customer_cells(chance, number))


def _sql_line(chance: Random, number: int) -> str:
    values = "','".join(_customer_cells(chance, number)[1:])
    return f"INSERT INTO `customers` VALUES ({number},'{values}');"


def _customer_cells(chance: Random, number: int) -> list[str]:
    name, city = (chance.choice(_WORDS).capitalize() for _ in range(2))
    born = f"{chance.randrange(1950, 2005)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    seen = (
        f"2026-0{chance.randrange(1, 10)}-1{chance.randrange(10)} 1{chance.randrange(10)}:22:0{number % 10}"
    )
    street = f"{chance.randrange(200)} {chance.choice(_WORDS)} road"
    resident = f"110101{born.replace('-', '')}{chance.randrange(10_000):04}"
    card = f"4{chance.randrange(10**15):015}"
    row = [str(number), name, _address(chance), _mobile(chance), resident, card, born, street, city]
    return [*row, str(chance.randrange(10**6)), seen, f"{chance.randrange(10**6) / 100}"]


def _address(chance: Random) -> str:
    name = f"{chance.choice(_WORDS)}.{chance.choice(_WORDS)}{chance.randrange(1000)}"
    return f"{name}@mail{chance.randrange(99)}.example"


def _mobile(chance: Random) -> str:
    return f"1{chance.choice('35789')}{chance.randrange(10**9):09}"


if __name__ == "__main__":
    main()
