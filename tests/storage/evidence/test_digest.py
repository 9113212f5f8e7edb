"""Keyed digests, and their key beside the evidence."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.errors import DigestKeyDamaged, DigestKeyDiffers, StoreUnreachable
from storage.evidence.digest import CONSOLE_KEY_FILE, KEY_FILE, console_key_beside, digest_beside
from storage.stores.folder_store import FolderStore


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


def test_every_node_has_the_key_of_the_console(tmp_path: Path) -> None:
    """One that was made before the store was shared goes into it; another one there is refused."""
    shared = FolderStore(tmp_path / "shared")
    key = console_key_beside(tmp_path / "one")

    assert console_key_beside(tmp_path / "one", shared) == key
    assert console_key_beside(tmp_path / "two", shared) == key
    assert (tmp_path / "two" / CONSOLE_KEY_FILE).stat().st_mode & 0o777 == 0o600
    console_key_beside(tmp_path / "three")
    with pytest.raises(DigestKeyDiffers, match=r"console\.key"):
        console_key_beside(tmp_path / "three", shared)


class StoreThatIsAway(FolderStore):
    def create(self, name: str, content: bytes | Path) -> None:
        raise StoreUnreachable

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        raise StoreUnreachable


def test_people_sign_in_while_the_store_is_away(tmp_path: Path) -> None:
    """With this machine's copy of the key. A machine without one does not make its own."""
    away = StoreThatIsAway(tmp_path / "shared")
    key = console_key_beside(tmp_path / "one")

    assert console_key_beside(tmp_path / "one", away) == key
    with pytest.raises(StoreUnreachable):
        console_key_beside(tmp_path / "two", away)
    assert not (tmp_path / "two" / CONSOLE_KEY_FILE).exists()
