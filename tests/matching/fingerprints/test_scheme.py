"""Keys and fingerprints: the scheme, implemented here a second time, and the key file."""

import base64
import ctypes
import hashlib
import hmac
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.errors import KeyDamaged, KeyExposed, KeyMissing
from matching.fingerprints.scheme import RootKey, Secret, new_key, read_key, write_key
from matching.identifiers import NORMALISERS, Field

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROOT = bytes(range(32))
KEY = RootKey("golden", ROOT)


def hkdf(root: bytes, info: bytes) -> bytes:
    """RFC 5869 for one block of output, no salt."""
    extracted = hmac.digest(b"\0" * 32, root, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def expected(company: str, field: str, value: str, version: int = 1) -> bytes:
    """Return the fingerprint as documented, without using any of our code."""
    return hmac.digest(
        hkdf(ROOT, f"fp|1|{company}|{field}|{version}".encode()), value.encode(), hashlib.sha256
    )[:16]


@pytest.mark.parametrize(
    ("company", "field", "value", "fingerprint"),
    [
        ("quillmere", Field.EMAIL, "customer.1@mail.example", "f5d740f1d1094a345146482a0425a6e2"),
        ("quillmere", Field.PHONE, "+12025550123", "f3e6c8615a94823bebdbcfd2c3486fc8"),
        ("harrowgate", Field.EMAIL, "customer.1@mail.example", "6f3e9413418bcc416adca14fb187fece"),
    ],
)
def test_golden_vectors(company: str, field: Field, value: str, fingerprint: str) -> None:
    """Fixed keys and values have fixed fingerprints, so that segments stay readable for years."""
    computed = KEY.fingerprinter(company, field, 1)([value]).tobytes()

    assert (computed.hex(), expected(company, field, value).hex()) == (fingerprint, fingerprint)


def test_the_subkeys_are_those_of_a_second_hkdf() -> None:
    """The library's HKDF and the one above give the same subkey."""
    info = b"fp|1|quillmere|email|1"

    assert HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(ROOT) == hkdf(ROOT, info)


@settings(max_examples=100)
@given(st.lists(st.text(max_size=200), max_size=50))
def test_a_batch_is_what_hmac_says_one_by_one(values: list[str]) -> None:
    """A batch equals Python's hmac for values of every length, the empty one included."""
    values = [value.encode(errors="ignore").decode() for value in values]

    batch = KEY.fingerprinter("quillmere", Field.EMAIL, 1)(values)

    assert [row.tobytes() for row in batch] == [expected("quillmere", "email", value) for value in values]


def test_companies_fields_and_versions_have_subkeys_of_their_own() -> None:
    """Fingerprints of a value differ per company, field and version, so segments cannot be compared."""
    made = [
        KEY.fingerprinter(company, field, version)(["x"]).tobytes()
        for company in ("a", "b")
        for field in Field
        for version in (1, 2)
    ]

    assert len(set(made)) == len(made)


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


def test_a_key_does_not_show_itself() -> None:
    """The `repr` of a key, as in a log line or traceback, shows its id and none of its bytes."""
    shown = f"{KEY!r} {KEY.fingerprinter('a', Field.EMAIL)!r}"

    assert "golden" in shown
    assert not any(secret in shown for secret in (repr(ROOT), repr(ROOT)[2:-1], ROOT.hex()))


def test_check_values_tell_keys_apart() -> None:
    """Another key and another company have another check value."""
    values = {KEY.check_value("a"), KEY.check_value("b"), RootKey("golden", bytes(32)).check_value("a")}

    assert (len(values), {len(value) for value in values}) == (3, {16})


def test_a_field_has_the_version_of_its_rules() -> None:
    """Without a version, fingerprints are made with this program's version of the rules."""
    made = {field: KEY.fingerprinter("quillmere", field)(["x"]).tobytes() for field in Field}

    assert made == {
        field: expected("quillmere", field, "x", version) for field, version in NORMALISERS.items()
    }


def test_subkeys_do_what_the_root_key_does() -> None:
    """Subkeys give the same fingerprints and check value for their company after the root key is wiped."""
    root = RootKey("golden", ROOT)
    subkeys = root.subkeys("quillmere")
    root.wipe()

    assert subkeys.check_value("quillmere") == KEY.check_value("quillmere")
    for field in Field:
        of_root = KEY.fingerprinter("quillmere", field)(["x"]).tobytes()
        assert subkeys.fingerprinter("quillmere", field)(["x"]).tobytes() == of_root
    with pytest.raises(ValueError, match=r"'quillmere'.*'harrowgate'"):
        subkeys.fingerprinter("harrowgate", Field.EMAIL)


def test_a_wiped_key_is_zero_and_makes_nothing() -> None:
    """Wiping overwrites the key's memory, and a wiped key cannot be used."""
    key = RootKey("golden", ROOT)
    view = memoryview(key.secret)
    seen = bytes(view)
    Secret.wipe(key.secret)  # type: ignore[arg-type]  # the constructor made it a Secret
    wiped = bytes(view)
    view.release()
    key.wipe()

    assert (seen, wiped) == (ROOT, bytes(32))
    with pytest.raises(ValueError, match="wiped"):
        key.check_value("quillmere")


def test_a_secret_is_overwritten_when_nobody_uses_it_any_more() -> None:
    """Freeing a secret overwrites its memory."""
    secret = Secret(ROOT)
    address = np.frombuffer(secret, np.uint8).ctypes.data
    before = ctypes.string_at(address, 32)
    Secret.__del__(secret)

    assert (before, ctypes.string_at(address, 32)) == (ROOT, bytes(32))


SEARCHES_ITS_MEMORY = """
import re, sys
from pathlib import Path
from matching.fingerprints.scheme import read_key

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
