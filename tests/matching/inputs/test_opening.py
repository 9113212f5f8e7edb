"""From a path or a stream to documents: files, folders, standard input, and paths that cannot be read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from matching.errors import InputMissing, InputUnreadable
from matching.inputs import Limits, documents
from tests.matching.inputs.archives import seven, tarred, zipped
from tests.matching.inputs.customers import as_combo, customers
from tests.matching.inputs.reading import outcomes, read

DUMP = as_combo(customers(20))


def test_a_folder_is_read_in_order_and_nothing_outside_of_it(tmp_path: Path) -> None:
    """Documents come in order of their names; links and pipes are reported and not followed."""
    outside = tmp_path / "outside.txt"
    outside.write_bytes(DUMP)
    folder = tmp_path / "dumps"
    (folder / "b" / "c").mkdir(parents=True)
    (folder / "b" / "c" / "deep.csv").write_bytes(DUMP)
    (folder / "a.zip").write_bytes(zipped({"x": DUMP}))
    (folder / "link").symlink_to(outside)
    (folder / "way-out").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe")

    found = read(folder)

    assert outcomes(found) == {
        "dump/a.zip!/x": "whole",
        "dump/b/c/deep.csv": "whole",
        "dump/link": "special",
        "dump/pipe": "special",
        "dump/way-out": "special",
    }


def test_a_file_that_is_a_link_is_read_because_it_was_named(tmp_path: Path) -> None:
    """A link that the user names is followed."""
    (tmp_path / "dump").write_bytes(DUMP)
    (tmp_path / "link").symlink_to(tmp_path / "dump")

    found = read(tmp_path / "link")

    assert [one.text for one in found] == [DUMP]


def test_folders_too_deep_and_files_too_many_are_said(tmp_path: Path) -> None:
    """The rest is read up to the limit, and folders count as members."""
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c" / "x").write_bytes(DUMP)
    for number in range(5):
        (tmp_path / f"f{number}").write_bytes(DUMP)

    found = read(tmp_path, Limits(folders=2, members=6))

    assert [one.ending.outcome for one in found] == ["too_deep", "whole", "whole", "whole", "too_many"]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A path that does not exist raises InputMissing."""
    with pytest.raises(InputMissing):
        documents("x", tmp_path / "x")


def test_what_was_named_and_cannot_be_read_is_an_ending() -> None:
    """A file that cannot be read has the outcome `unreadable`; the kernel lets nobody read this one."""
    (found,) = read(Path("/proc/self/mem"))

    assert (found.ending.outcome, found.blocks) == ("unreadable", [])


def test_what_may_not_be_opened_is_an_error(tmp_path: Path) -> None:
    """A path that cannot be examined raises InputUnreadable; a name too long causes that for root, too."""
    with pytest.raises(InputUnreadable):
        documents("x", tmp_path / ("x" * 300))


def test_time_that_is_over_is_said(tmp_path: Path) -> None:
    """Reading beyond the time limit ends with `too_slow`."""
    (tmp_path / "dump").write_bytes(DUMP)

    (found,) = read(tmp_path / "dump", Limits(seconds=-1))

    assert found.ending.outcome == "too_slow"


@pytest.mark.parametrize("pack", [zipped, tarred, seven], ids=["zip", "tar", "7z"])
def test_an_archive_in_an_archive_is_kept_aside_within_its_bound(
    pack: Callable[[dict[str, bytes]], bytes],
) -> None:
    """A copy beyond the limit ends with `too_large`, and the members behind it are read."""
    inner = os.urandom(300_000)
    source = tarred({"inner": pack({"a": DUMP, "random": inner}), "b": DUMP})

    found = read(source, Limits(spool_bytes=200_000))

    seen = outcomes(found)
    assert seen["dump!/b"] == "whole"
    assert (seen.get("dump!/inner") == "too_large") is (pack is not tarred)


KEEPER = """
import sys
from matching.inputs import documents
for document in documents("-", sys.stdin.buffer):
    for block in document.blocks():
        print("reading", flush=True)
        sys.stdin.readline()
        import signal; signal.pause()
"""


def test_nothing_is_left_behind_by_a_process_that_is_killed(tmp_path: Path) -> None:
    """The temporary copy of standard input has no name in any folder, from its first byte on."""
    source = tmp_path / "source.zip"
    source.write_bytes(zipped({"a": DUMP}))
    kept = tmp_path / "kept"
    kept.mkdir()

    with source.open("rb") as stdin:
        process = subprocess.Popen(
            [sys.executable, "-c", KEEPER],
            stdin=stdin,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(kept)},
        )
    assert process.stdout is not None
    assert process.stdout.readline() == b"reading\n"
    files = [str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()

    assert any(str(kept) in file and "(deleted)" in file for file in files)
    assert list(kept.iterdir()) == []
