"""Keys and fingerprints: the scheme, implemented here a second time, and the key file."""

import ctypes
import hashlib
import hmac
from datetime import UTC, datetime

import numpy as np
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.fingerprints.scheme import RootKey, Secret
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
