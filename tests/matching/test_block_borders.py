"""A line longer than a block is cut, and everything on it is counted once. All people are invented."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest

from matching.comparing.findings import Findings
from matching.identifiers import Field
from matching.inputs import BLOCK
from matching.inputs.formats.decoding import OVERLAP
from matching.mentions.terms import WatchTerm
from matching.sweep import Sweep
from matching.watch import Watch, watch_of
from tests.matching.inputs.customers import as_csv, customers
from tests.matching.inputs.reading import one
from tests.matching.test_sweep import segment

TERM = "quillbank"
UNIT = 96  # bytes: so many borders are tried, each one byte behind the last


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return watch_of(
        [WatchTerm(1, 1, TERM, "name", ())],
        [segment(tmp_path_factory.mktemp("lender"), as_csv(customers(20)))],
    )


def counted(sweep: Sweep) -> tuple[int, Counter[Field], Counter[Field]]:
    """Return the numbers of mentions, hits and candidates."""
    company = sweep.findings.companies[1]
    return sum(company.mention_fields.values()), company.hit_fields, sweep.findings.candidate_counts


def unit(filler: str, width: int) -> str:
    """Return a mention, an address and a number between blanks, `width` characters in all."""
    text = f" {TERM} {filler * 3} person1@mail.example {filler * 3} 17000000002 "
    return text + "x" * (width - len(text))


@pytest.mark.parametrize("charset", ["ascii", "utf-8", "gb18030", "utf-16-le"])
def test_what_is_on_a_border_is_counted_once(watch: Watch, charset: str) -> None:
    """It does not matter which byte of a mention or an identifier the cut or the border is at."""
    filler = "a" if charset == "ascii" else "柏"
    wide = len("x".encode(charset))
    words = unit(filler, UNIT) * 60
    line = "柏" * (charset != "ascii") + "x" * ((BLOCK - OVERLAP) // wide - 3 * UNIT) + words
    times = line.count(TERM)

    for shift in range(0, UNIT, 1 if charset == "ascii" else 7):  # folding other text takes long
        data = ("x" * shift + line).encode(charset)
        sweep = Sweep(Findings(watch, 1), threads=1)
        sweep.run([("dump", io.BytesIO(data))])

        assert len(data) > BLOCK
        assert counted(sweep) == (
            times,
            Counter({Field.EMAIL: times, Field.PHONE: times}),
            Counter({Field.EMAIL: times, Field.PHONE: times, Field.CARD: 0}),
        ), shift


def test_reading_on_behind_a_border_repeats_the_same_bytes(tmp_path: Path) -> None:
    """A block that is read after an interruption repeats what it repeats in an uninterrupted reading."""
    path = tmp_path / "dump"
    path.write_bytes(("x" * 70_000 + unit("柏", UNIT) * 12_000).encode())
    whole = one(path)

    for block, following in zip(whole.blocks, whole.blocks[1:], strict=False):
        rest = one(path, after=block.end)

        assert (rest.blocks[0].repeats, rest.blocks[0].text) == (following.repeats, following.text)
    assert all(block.repeats for block in whole.blocks[1:])


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_line_that_ends_with_a_block_is_not_read_twice(beyond: int) -> None:
    """There is a second block only if something follows the first."""
    source = b"a" * (BLOCK + beyond)

    found = one(source)

    assert (len(found.blocks), found.text) == (1 + (beyond > 0), source)


def test_matches_at_a_block_s_end_depend_on_what_follows(watch: Watch) -> None:
    """A number that goes on behind the cut is no candidate, and a word that goes on is no mention."""
    for place in range(BLOCK - 12, BLOCK + 2):
        for found in (f" {TERM}er", " 1700000000299"):
            data = ("x" * place + found + "x" * OVERLAP).encode()

            sweep = Sweep(Findings(watch, 1_000))
            sweep.run([("dump", io.BytesIO(data))])

            assert not sweep.findings.companies


LONG = "x" * (3 * BLOCK)
FORMS = {
    "text": ("text", f"first\n{'word ' * BLOCK}\nlast"),
    "combo": ("combo", "a@mail.example:one\n" * 9 + f"b@mail.example:{LONG}\n" + "c@mail.example:two\n" * 9),
    "csv": ("csv", "a,b,c\n" * 9 + f'x,"{LONG}",z\n' + "a,b,c\n" * 9),
    "jsonl": ("jsonl", '{"a": "b"}\n' * 9 + f'{{"a": "{LONG}"}}\n' + '{"a": "b"}\n' * 9),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16-le"])
def test_a_line_of_several_blocks_is_one_row(tmp_path: Path, form: str, charset: str) -> None:
    """The answer and the document's sentence count one row, also if a match goes on inside of it."""
    format, text = FORMS[form]
    path = tmp_path / "dump"
    path.write_bytes(f"\ufeff{text}".encode(charset))
    rows = len(text.splitlines())
    sweep = Sweep(Findings(watch_of([]), 1))

    sweep.run([("dump", path)])

    [read] = sweep.progress.read
    assert (read.format, read.rows, str(rows) in read.sentence.split()) == (format, rows, True)
    blocks = one(path).blocks
    for number, block in enumerate(blocks[:-1], 1):
        rest = one(path, after=block.end).blocks
        assert sum(block.rows for block in [*blocks[:number], *rest]) == rows
