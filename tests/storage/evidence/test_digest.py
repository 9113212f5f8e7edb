"""Keyed digests, and their key beside the evidence."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.errors import DigestKeyDamaged
from storage.evidence.digest import KEY_FILE, digest_beside


def test_the_same_text_has_the_same_digest_in_every_run(tmp_path: Path) -> None:
    """A digest depends on the installation only, and is not the plain hash."""
    here, again, elsewhere = (digest_beside(tmp_path / name) for name in ("one", "one", "two"))

    assert here("13912345678") == again("13912345678")
    assert here("13912345678") != elsewhere("13912345678")
    assert here("13912345678") != hashlib.sha256(b"13912345678").hexdigest()


def test_the_key_is_readable_for_its_owner_alone(tmp_path: Path) -> None:
    """Key and folder can only be read by their owner."""
    digest_beside(tmp_path / "evidence")

    assert ((tmp_path / "evidence" / KEY_FILE).stat().st_mode & 0o777) == 0o600
    assert ((tmp_path / "evidence").stat().st_mode & 0o777) == 0o700
    assert [path.name for path in (tmp_path / "evidence").iterdir()] == [KEY_FILE]


def test_many_that_come_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """Forty calls in eight threads agree on one key."""
    with ThreadPoolExecutor(8) as threads:
        digests = list(threads.map(lambda _: digest_beside(tmp_path)("text"), range(40)))

    assert len(set(digests)) == 1


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    """A key of a wrong length is refused, with both lengths; it is not replaced."""
    (tmp_path / KEY_FILE).write_bytes(b"short")

    with pytest.raises(DigestKeyDamaged, match=r"digest\.key has 5 bytes.*32"):
        digest_beside(tmp_path)
