"""The scanner: the native library and the specification give the same candidates for any bytes."""

from __future__ import annotations

import string
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from random import Random
from threading import Thread

import numpy as np
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.fingerprints.scheme import new_key
from matching.identifiers import GOLDEN, SCANNED, Candidate, Field, scan
from matching.identifiers.mail_providers import PROVIDERS
from matching.native.library import FIELDS, LibraryMissing, load_library
from matching.native.text_signs import text_signs
from matching.scanning.candidates import Candidates
from matching.scanning.native_scanner import NativeScanner
from matching.scanning.scanner import Scanner, scanner_engine
from setup.native_library import compile_library
from tests.matching.customers import customers
from tests.matching.identifiers.test_identifiers import ibans, resident_ids
from tests.matching.identifiers.test_numbering_plans import examples, numbers
from tests.packaging.here import ROOT

REGIONS = ("CN", "GB", "US", "DE", "BR", "AR", "IT", "JE", "JP", "BO")
CORPUS = Path(__file__).parent / "corpus"
NATIVE = ROOT / "matching" / "native"

# What decides where an identifier begins and ends, and characters that the narrow fold changes.
PIECES = [
    *".@-_%+()/ \n\t,;:#", "--", "..", "  ", "xn--", "X", "x", "00", "+", "0", "ª",
    "中", "文", "，", "。", "．", "＠", "－", "‐", "\u3000", "（", "＋", "１３８", "\u0661\u0662", "é", "😀",
    "\u200b", "\u200d", "\ufeff", "\xad", "\U000e0061", "ａｂ", "𝟏",
    "bank.example", "13800138000", "+44 20 7946 0000", "4111 1111 1111 1111", "378282246310005",
    "110101 19000101 009x", "110101900101001", "gb33 bukb 2020 1555 5555 55", "NO9386011117947",
    "0" * 20, "9" * 7, "a" * 66, "b." * 12,
    "<", "M", "0x", "bc1", "1234567F1234567", "*", "**", "***", "•", "█●",
    "2024-01-05", "05.01.2024", "1/5/24", "12:34", ":56", ",789", "20240105", "20240105123456", "1712345678",
    "192.168.10.254", "4.19.0.12", "0.", "12345-6789", "MA 02139-4307", "3920001/3920002",
    "0 1 7 1 3 9 2 0 0 1 3", "0_1_7_1_3_9_2_0_0_1_3", "0.1.7.1.3.9.2.0.0.1.3", ".00",
    "0171/3920014", "171.3920014", ".0", "%3D", "deadbeef", "\n-rw-r--r-- 1 a b 8589934592 Jan  5 12:00",
    "drwxr-xr-x. ", " 2024-01-05 ", " Jan 15 ",
    "a1", "0171 ", "1 ", "550e8400-e29b-41d4-a716-446655440000", "8400-e29b-", "1234-", "12345678",
    *(provider.domains.partition(" ")[0] for provider in PROVIDERS),
]  # fmt: skip


# One value of each kind that check digits verify: published examples, and numbers that belong to nobody.
CHECKED = [
    GOLDEN[Field.WALLET], GOLDEN[Field.WALLET].lower(), "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "5d41402abc4b2a76b9719d911b17c592",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10", "D231458907UTO7408122F1204159<<<<<<<6",
    "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6",
    "309012345620", "12345678Z", "X1234567-L", "12345678900", "12345678-Z", "123456789012",
    "80111415421", "390.533.447-05", "131052-308T", "710319/2745", "2 95 10 99 126 111 93",
    "RCCMNL83S18D969H",
    "BOXW310820HNERXN09", "756.9217.0769.85", "900101-1239", "12.531.909-2", "X-1234567-L",
    "1-1018-00035-90-2",
]  # fmt: skip


def shapes(draw: st.DrawFn) -> str:
    """Draw a value that is an identifier or nearly one, sometimes with separators in it."""
    value: str = draw(
        st.one_of(
            resident_ids(),
            ibans(),
            st.sampled_from(CHECKED),
            numbers().map(lambda number: number[0]),
            st.from_regex(r"[A-Za-z0-9._%+-]{1,70}@[A-Za-z0-9.-]{1,80}", fullmatch=True),
            st.text("0123456789", min_size=1, max_size=40),
        )
    )
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(value)))
        value = (
            value[:place]
            + draw(st.sampled_from([" ", "-", "  ", ".", ")", "/", "_", ":", "a", "\u200b", "X"]))
            + value[place:]
        )
    return value


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw shapes, pieces and any characters next to each other."""
    part = st.one_of(st.sampled_from(PIECES), st.text(max_size=6), st.composite(shapes)())
    return "".join(draw(st.lists(part, max_size=12)))


def natively(text: str, region: str, fields: frozenset[Field] = SCANNED) -> list[Candidate]:
    return list(Scanner(region, fields).scan_text(text).in_order())


@settings(max_examples=700, deadline=None)
@given(texts(), st.sampled_from(REGIONS))
def test_the_library_finds_what_the_specification_finds(text: str, region: str) -> None:
    """Fields, forms, places and order are the same for any text."""
    assert natively(text, region) == list(scan(text, region, SCANNED))


@pytest.mark.parametrize(
    "written", ["11 0101 1900 01 01 009X", "9 11 0101 1900 01 01 009x", "1 0 0 0 0 00000X 5"]
)
def test_the_last_of_as_many_groups_as_a_number_may_have_keeps_its_x(written: str) -> None:
    """A resident ID in six groups includes the X behind them, also when other groups stand before it."""
    found = natively(written, "CN")

    assert found == list(scan(written, "CN", SCANNED))
    assert found[-1].end == written.lower().index("x") + 1


@settings(max_examples=250, deadline=None)
@given(texts(), st.binary(max_size=8), st.data())
def test_any_bytes_are_scanned_alike(text: str, noise: bytes, data: st.DataObject) -> None:
    """For both, a byte that is not UTF-8 is a character that is in no identifier; places are in bytes."""
    block = bytearray(text.encode("utf-8", "surrogatepass"))
    place = data.draw(st.integers(0, len(block)))
    block[place : place + data.draw(st.integers(0, 3))] = noise

    found = Scanner("CN", SCANNED).scan(block)

    assert list(found.in_order()) == list(Scanner("CN", SCANNED, native=False).scan(block).in_order())


@settings(max_examples=150, deadline=None)
@given(texts(), st.sets(st.sampled_from(sorted(SCANNED))))
def test_only_the_fields_asked_for_are_found(text: str, fields: set[Field]) -> None:
    """A scan for some fields gives the candidates that a scan for all fields has of them."""
    wanted = frozenset(fields)

    found = Scanner("CN", wanted).scan_text(text)

    assert set(found) == wanted
    assert list(found.in_order()) == [one for one in scan(text, "CN", SCANNED) if one.field in wanted]


@pytest.mark.parametrize("written", CHECKED)
@pytest.mark.parametrize(
    "around",
    ["{}", "x {} y", "中{}。", "{0} {0}", "x{}y", "１{}\u200b", '"{}",', "é" * 40 + "{0}" + "é" * 40],
)
def test_what_the_specification_looks_at_itself_is_found(written: str, around: str) -> None:
    """For wallets, zones and licences the library finds places; none is missed, whatever is around it."""
    text = around.format(written)

    assert natively(text, "CN") == list(scan(text, "CN", SCANNED))


def test_the_corpus_is_scanned_alike() -> None:
    """Both scanners agree about the fuzzer's corpus in every region."""
    blocks = [path.read_bytes() for path in sorted(CORPUS.iterdir())]

    assert blocks
    for block, region in product(blocks, REGIONS):
        expected = Scanner(region, SCANNED, native=False).scan(block)
        assert list(Scanner(region, SCANNED).scan(block).in_order()) == list(expected.in_order())


@pytest.mark.needs("gcc")
def test_a_processor_without_our_instructions_finds_the_same(tmp_path: Path) -> None:
    """The library that is compiled for other processors agrees about the corpus and a dump."""
    plain = load_library(compile_library(NATIVE, tmp_path / "plain.shared", "-DSW_PORTABLE"))
    dump = "\n".join(",".join(row) for row in customers(200)).encode()

    for block in (dump, *(path.read_bytes() for path in sorted(CORPUS.iterdir()))):
        found = NativeScanner(plain, "CN", SCANNED).scan(np.frombuffer(block, dtype=np.uint8))
        assert list(Candidates(found).in_order()) == list(Scanner("CN", SCANNED).scan(block).in_order())
        assert plain.text_signs(block, len(block)) == text_signs(block)


def test_a_dump_of_customers_is_scanned_alike() -> None:
    """Both agree about two thousand rows in one block."""
    block = "\n".join(",".join(row) for row in customers(2000)).encode()

    found = Scanner("CN", FIELDS).scan(block)

    assert list(found.in_order()) == list(scan(block.decode(), "CN", frozenset(FIELDS)))
    assert found.count > 6000


@pytest.mark.parametrize(
    "block",
    [b"", b"@", b"1", b"\xff", b"\xf0\x9f\x98", "１".encode(), b"+", b"1234567X", b"a@b.test", b"gb33"],
)
def test_a_block_may_be_as_short_as_can_be(block: bytes) -> None:
    """Both agree about the shortest blocks; the fuzz target checks that no byte around them is read."""
    expected = Scanner("CN", SCANNED, native=False).scan(block)

    assert list(Scanner("CN", SCANNED).scan(block).in_order()) == list(expected.in_order())


@pytest.mark.needs("gcc")
@pytest.mark.parametrize(
    "hostile",
    ["1", "1 ", "12-", "@", "a@", "a.a.", "a-a@", "gb12", "GB33BUKB2020", "(", "+1", "１", "\u200b1"],
)
def test_hostile_text_takes_as_long_as_it_is(hostile: str) -> None:
    """Ten times as much text takes about ten times as long: no run is read again from each of its places."""
    scanner = Scanner("CN", FIELDS)
    short, long = ((hostile * (size // len(hostile.encode()))).encode() for size in (200_000, 2_000_000))

    once, ten_times = (min(_cpu_s(scanner, block) for _ in range(3)) for block in (short, long))

    assert ten_times < 30 * once + 0.03


def _cpu_s(scanner: Scanner, block: bytes) -> float:
    start = time.process_time()
    scanner.scan(block)
    return time.process_time() - start


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_numbers_of_each_region_are_those_of_its_plan(region: str) -> None:
    """Examples of this and other regions, with prefixes and near misses, are read as `e164` reads them."""
    chance = Random(region)
    others = [chance.choice(REGIONS) for _ in range(3)]
    written = [_near_miss(chance, digits) for one in (region, region, *others) for digits in examples(one)]
    prefixes = ["", "", "0", "00", "011", "+", "1", str(phonenumbers.country_code_for_region(region))]
    text = "\n".join(chance.choice(prefixes) + digits for digits in written)

    assert natively(text, region, frozenset({Field.PHONE})) == list(scan(text, region, {Field.PHONE}))


def _near_miss(chance: Random, digits: str) -> str:
    """Return the number, or one with a digit changed, lost or doubled."""
    place = chance.randrange(len(digits))
    middle = chance.choice([digits[place]] * 3 + [chance.choice(string.digits), "", digits[place] * 2])
    return digits[:place] + middle + digits[place + 1 :]


def test_a_tape_is_fingerprinted_as_its_values_are() -> None:
    """A batch and single values give the same fingerprints, also for no value at all."""
    block = "\n".join(",".join(row) for row in customers(50)).encode()
    fingerprint = new_key().fingerprinter("acme", Field.EMAIL)
    found = Scanner("CN", FIELDS).scan(block)[Field.EMAIL]
    nothing = Scanner("CN", FIELDS).scan(b"")[Field.EMAIL]

    assert np.array_equal(fingerprint.of_tape(found.on_tape()), fingerprint(found.forms()))
    assert fingerprint.of_tape(nothing.on_tape()).shape == (0, 16)


def test_results_stay_when_the_scanner_goes_on() -> None:
    """The library reuses its buffers, but a batch has its own arrays."""
    scanner = Scanner("CN", FIELDS)
    first = scanner.scan(b"alice@bank.example")

    scanner.scan(b"robert.brown@other.example " * 5000)

    assert first[Field.EMAIL].forms() == ["alice@bank.example"]


def test_scanners_run_side_by_side() -> None:
    """Scanners in several threads give the same result as one after the other."""
    blocks = ["\n".join(",".join(row) for row in customers(400)[at::4]).encode() for at in range(4)]
    found: dict[int, int] = {}

    def work(number: int) -> None:
        scanner = Scanner("CN", FIELDS)
        found[number] = [scanner.scan(blocks[number]).count for _ in range(20)][-1]

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {number: Scanner("CN", FIELDS).scan(block).count for number, block in enumerate(blocks)}


@pytest.mark.needs("gcc")
def test_threads_that_begin_together_share_the_tables() -> None:
    """The library keeps the addresses of tables: in a new process, all threads use the same ones."""
    program = """
from threading import Barrier, Thread
from matching.native.library import Rules
from matching.scanning.scanner import Scanner

NUMBERS = ("ask", "fields", "domain_count", "countries_of_ids")
TABLES = [name for name, _ in Rules._fields_ if name not in NUMBERS]
together, made = Barrier(4), []

def work():
    together.wait()
    made.append(Scanner("CN").native)

threads = [Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(made), len({tuple(getattr(one._rules, name) for name in TABLES) for one in made}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert done.stdout.split() == ["4", "1"], done.stderr


@pytest.mark.needs("gcc")
def test_no_number_is_asked_about_where_the_plans_have_tables() -> None:
    """The library decides about all numbers of such a country itself."""
    scanner = Scanner("CN", frozenset({Field.PHONE}))
    chance = Random(4)
    dump = "\n".join(f"+44 7{chance.randrange(10**9):09}" for _ in range(2000)).encode()

    scanner.scan(dump)

    assert scanner.native
    assert scanner.native.questions == 0


@pytest.mark.needs("gcc")
def test_without_tables_of_numbering_plans_the_library_asks_and_finds_the_same() -> None:
    """Plans of another release are not used: every number is a question, and the engine says why."""
    program = """
import phonenumbers
phonenumbers.__version__ = "another release"
from matching.identifiers import SCANNED, scan
from matching.scanning.scanner import Scanner, scanner_engine
from tests.matching.customers import customers

for region in ("CN", "US"):
    scanner, text = Scanner(region), "\\n".join(",".join(row) for row in customers(50)) + " 0044 20 7946 0000"
    assert list(scanner.scan_text(text).in_order()) == list(scan(text, region, SCANNED))
    assert scanner.native.questions >= 50, scanner.native.questions
assert scanner_engine().native
assert "plans.tables" in scanner_engine().description
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.needs("gcc")
def test_the_installed_scanner_is_the_native_one() -> None:
    """Tests run where there is a compiler, so a missing library is a fault of the build."""
    assert scanner_engine().native, scanner_engine().description
    assert Scanner("CN").native


@pytest.mark.parametrize(("name", "content"), [("absent.shared", None), ("text.shared", b"no library")])
def test_a_library_that_does_not_load_says_why(tmp_path: Path, name: str, content: bytes | None) -> None:
    """The message names a file that is missing or not a library."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(LibraryMissing, match=name):
        load_library(path)


def test_text_without_identifiers_gives_empty_batches() -> None:
    """A field without candidates has a batch of length 0."""
    found = Scanner("CN", SCANNED).scan(string.ascii_letters.encode())

    assert {field: len(batch) for field, batch in found.items()} == dict.fromkeys(SCANNED, 0)
