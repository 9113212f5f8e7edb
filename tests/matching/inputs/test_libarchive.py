"""RAR and CAB, read by libarchive in a process of its own."""

from __future__ import annotations

import gzip
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from matching.inputs import Limits
from matching.inputs.containers import libarchive_child, libarchive_members
from tests.matching.inputs.archives import cab, rar4, rar5, seven
from tests.matching.inputs.customers import as_csv, customers
from tests.matching.inputs.reading import outcomes, read

TABLE = as_csv(customers(500))
Pack = Callable[[dict[str, bytes]], bytes]


PACKED: list[tuple[str, Pack]] = [("rar5", rar5), ("rar4", rar4), ("cab", cab)]
EACH = pytest.mark.parametrize("pack", [pack for _, pack in PACKED], ids=[name for name, _ in PACKED])
pytestmark = pytest.mark.needs("libarchive")


@EACH
def test_members_are_read(pack: Pack) -> None:
    """Each file is a document, in any nesting, and an empty one is one, too."""
    source = pack({"a/users.csv": TABLE, "b.csv.gz": gzip.compress(TABLE), "c.txt": b"hello\n"})

    found = read(gzip.compress(source))

    assert [(one.name, one.ending.outcome) for one in found] == [
        ("dump!/dump!/a/users.csv", "whole"),
        ("dump!/dump!/b.csv.gz!/b.csv", "whole"),
        ("dump!/dump!/c.txt", "whole"),
    ]
    assert found[0].text == found[1].text == read(TABLE)[0].text


@EACH
def test_a_cut_archive_is_not_whole(pack: Pack, tmp_path: Path) -> None:
    """Wherever the archive is cut, some outcome says so, and what was read before counts."""
    source = pack({"a.csv": TABLE, "b.csv": TABLE})
    path = tmp_path / "cut"

    for share in (0.98, 0.7, 0.3):
        path.write_bytes(source[: int(len(source) * share)])
        found = read(path)
        assert {"truncated", "damaged"} & set(outcomes(found).values())
    path.write_bytes(source[: int(len(source) * 0.98)])
    assert b"person1@mail.example" in read(path)[0].text


def test_an_encrypted_archive_is_encrypted() -> None:
    """Its outcome is not damage."""
    found = outcomes(read(rar4({"a.csv": TABLE}, 0x8004)))

    assert set(found.values()) == {"encrypted"}


def test_without_the_library_it_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    monkeypatch.setenv("LIBARCHIVE", "/nonexistent/libarchive.so")

    (found,) = read(rar5({"a.csv": TABLE}))

    assert found.ending.outcome == "unsupported"
    assert "a RAR archive" in found.ending.sentence
    assert "spillwatch[archives]" in found.ending.sentence


def test_the_process_has_limits_and_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that grows is bounded as any other, and no process is left behind."""
    monkeypatch.setenv("SPILLWATCH_SECRET", "secret")
    before = _children()
    limits = Limits(free_bytes=1 << 20, ratio=50)

    found = outcomes(read(cab({"a.csv": bytes(60 << 20)}), limits))

    assert "too_large" in found.values()
    assert _children() == before


def test_silence_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that says nothing is ended."""
    hanging = tmp_path / "hanging.py"
    hanging.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(libarchive_child, "__file__", str(hanging))
    monkeypatch.setattr(libarchive_members, "SILENCE_S", 0.5)
    began = time.monotonic()

    (found,) = read(rar5({"a.csv": TABLE}))

    assert found.ending.outcome == "too_slow"
    assert time.monotonic() - began < 60


@pytest.mark.slow
def test_mutated_archives_end() -> None:
    """Whatever is changed, every document has an ending, and none is a mistake of the program."""
    chance = random.Random(3)
    sources = [pack({"a.csv": TABLE[:3000], "b": b"x\n"}) for _, pack in PACKED]

    for number in range(24):
        changed = bytearray(sources[number % 3])
        for _ in range(chance.choice((1, 3, 20))):
            at = chance.choice((chance.randrange(7, 120), chance.randrange(7, len(changed))))
            changed[at] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
        assert "failed" not in outcomes(read(bytes(changed))).values()


def test_the_first_volume_of_a_split_7z_is_named() -> None:
    """The sentence says how to join the volumes."""
    volume = seven({"a.csv": as_csv(customers(3_000))})[:4_000]

    (found,) = read(volume)

    assert found.ending.outcome == "truncated"
    assert "first volume of a split archive" in found.ending.sentence


def _children() -> set[str]:
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())
