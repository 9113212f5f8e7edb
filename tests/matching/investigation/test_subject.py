"""What is investigated has digests that anybody can compute again."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from matching.errors import InputChanged, InputMissing
from matching.investigation.subject import open_sample


def test_the_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    """A court's expert compares it with what `sha256sum` writes."""
    (tmp_path / "sample.csv").write_bytes(b"a,b\n")

    subject = open_sample(tmp_path / "sample.csv").subject

    assert subject.sha256 == hashlib.sha256(b"a,b\n").hexdigest()
    assert [(one.name, one.bytes) for one in subject.parts] == [("sample.csv", 4)]


def test_the_digest_of_a_folder_is_that_of_the_list_that_sha256sum_writes(tmp_path: Path) -> None:
    """The reference page shows this command."""
    for name in ("b.csv", "a/z.csv", "a.csv", "样本.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.csv").symlink_to("b.csv")
    listed = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"

    subject = open_sample(tmp_path).subject

    ran = subprocess.run(listed, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert subject.sha256 == ran.stdout.split()[0]
    assert subject.part_count == 4


def test_names_of_files_are_masked(tmp_path: Path) -> None:
    """Sellers put persons into names of files, too."""
    (tmp_path / "john.doe@mail.example 17000000012.csv").write_text("x")

    (part,) = open_sample(tmp_path).subject.parts

    assert part.name == "j***e@mail.example 170****0012.csv"


def test_a_name_that_is_no_utf8_is_read_all_the_same(tmp_path: Path) -> None:
    """Names from an archive of another system are bytes."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xd1\xf9.csv")).write_text("x")

    (part,) = open_sample(tmp_path).subject.parts

    assert part.name == "??.csv"
    assert part.sha256 == hashlib.sha256(b"x").hexdigest()


def test_a_sample_that_changes_is_refused(tmp_path: Path) -> None:
    """Otherwise the report would have the digest of other bytes than those that were compared."""
    (tmp_path / "sample.csv").write_text("a")
    opened = open_sample(tmp_path)
    opened.check_unchanged()
    (tmp_path / "sample.csv").write_text("ab")

    with pytest.raises(InputChanged, match=r"sample\.csv"):
        opened.check_unchanged()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Nothing is investigated, and nothing is silently empty."""
    with pytest.raises(InputMissing):
        open_sample(tmp_path / "nothing.csv")
