import base64
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matching.errors import KeyDamaged, KeyExposed, KeyMissing
from matching.fingerprints.key_file import read_key, write_key
from matching.fingerprints.scheme import RootKey, new_key

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROOT = bytes(range(32))
KEY = RootKey("golden", ROOT)


def test_a_key_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A key file has mode 0600 and gives back the key that was written."""
    key, path = new_key(), tmp_path / "a.key"

    write_key(key, path, NOW)

    assert (read_key(path), oct(path.stat().st_mode & 0o777)) == (key, "0o600")
    assert path.read_text().startswith("# Spillwatch root key, written 2026-03-01")


def test_no_key_is_overwritten(tmp_path: Path) -> None:
    """Writing to an existing file is refused, because a lost key cannot be made again."""
    path = tmp_path / "a.key"
    write_key(KEY, path, NOW)

    with pytest.raises(FileExistsError):
        write_key(new_key(), path, NOW)

    assert read_key(path) == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o444])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The message has the mode that was found and the command that corrects it."""
    path = tmp_path / "a.key"
    write_key(KEY, path, NOW)
    path.chmod(mode)

    with pytest.raises(KeyExposed, match=f"has mode {mode:04o}.* chmod 600"):
        read_key(path)


def test_a_credential_that_root_hands_out_is_taken(tmp_path: Path) -> None:
    """Mode 0440, which systemd and containers use for secrets, is accepted only if root owns the file."""
    path = tmp_path / "credential"
    write_key(KEY, path, NOW)
    path.chmod(0o440)
    ours_is_roots = path.stat().st_uid == 0

    with nullcontext() if ours_is_roots else pytest.raises(KeyExposed):
        assert read_key(path) == KEY


def test_a_key_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    """The message names the command that makes a key."""
    with pytest.raises(KeyMissing, match="spillwatch keygen"):
        read_key(tmp_path / "none.key")


@pytest.mark.parametrize(
    "content",
    [b"", b"id: a\n", b"key: AAAA\n", b"id: a\nkey: AAAA\n", b"id: a\nkey: !!!\n", b"\xff\xfe\x00",
     b"x" * 5000,
     b"id: a b\nkey: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"],
)  # fmt: skip
def test_a_damaged_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever the file holds, the message says what is expected and nothing of the content."""
    path = tmp_path / "a.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyDamaged, match=r"a.key .*`id:`.*`key:` with 32 bytes"):
        read_key(path)


SEARCHES_ITS_MEMORY = """
import re, sys
from pathlib import Path
from matching.fingerprints.key_file import read_key

key = read_key(Path(sys.argv[1]))
if sys.argv[2] == "wiped":
    subkeys = key.subkeys("quillmere")
    key.wipe()
turned = [bytes.fromhex(pattern) for pattern in sys.argv[3:]]  # the patterns, each bit inverted
turn = bytes(255 - byte for byte in range(256))
found = [0] * len(turned)
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
    for start, end, mode in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (rw)", maps.read(), re.M):
        memory.seek(int(start, 16))
        try:
            content = memory.read(int(end, 16) - int(start, 16)).translate(turn)
        except OSError:
            continue
        found = [count + content.count(pattern) for count, pattern in zip(found, turned)]
print(*found)
"""


@pytest.mark.parametrize(("state", "there"), [("held", True), ("wiped", False)])
def test_a_process_that_wiped_its_root_key_does_not_hold_it(tmp_path: Path, state: str, there: bool) -> None:
    """A search of the process's whole memory finds neither the key nor its base64."""
    key = new_key()  # random bytes, which occur nowhere by chance
    write_key(key, tmp_path / "a.key", NOW)
    forms = (bytes(key.secret), base64.b64encode(key.secret)[:-1])
    patterns = [bytes(255 - byte for byte in form).hex() for form in forms]
    command = [sys.executable, "-c", SEARCHES_ITS_MEMORY, str(tmp_path / "a.key"), state, *patterns]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()

    assert [count != "0" for count in found] == [there, False]
