"""A thief has the whole database and every segment file, but no key: no attack finds a customer.

There are 10^10 mainland mobile numbers, so whoever can test a guess finds all of them in minutes. The attacks
here try one block of 10,000 numbers, all of them enrolled: an attack that worked would find each.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from matching.enrolment.enrol import enroll
from matching.enrolment.segment_intake import SegmentIntake
from matching.fingerprints.scheme import SCHEME, RootKey, new_key
from matching.fingerprints.segment_folder import SegmentFolder
from matching.fingerprints.segments import (
    MappedSegment,
    SegmentHeader,
    open_segment,
    records_of,
    verify_segment,
)
from matching.identifiers import GOLDEN, NORMALISERS, Field, canonical
from storage import companies
from storage.companies import DeclaredCompany
from storage.database.base import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SLUG = "quillmere"
NUMBERS = [f"+861700000{number:04}" for number in range(10_000)]  # 170 0000 is not assigned to anybody


@dataclass(frozen=True)
class Loot:
    """What the thief has, and the key, which only the test uses."""

    folder: Path
    segment: MappedSegment
    key: RootKey

    @property
    def header(self) -> SegmentHeader:
        return self.segment.header

    def files(self) -> Iterator[bytes]:
        return (path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def recovered(self, fingerprint: Callable[[str], bytes]) -> int:
        """Return how many numbers have a fingerprint whose first eight bytes are in the segment.

        `fingerprint`: as the thief computes it.
        """
        stored = {int(hi) for hi in self.segment.tables[Field.PHONE].records["hi"]}
        return sum(int.from_bytes(fingerprint(number)[:8], "big") in stored for number in NUMBERS)


@pytest.fixture(scope="module")
def loot(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Loot:
    """A monitor of one company whose customers have the NUMBERS."""
    folder, premises = tmp_path_factory.mktemp("monitor"), tmp_path_factory.mktemp("premises")
    (folder / "spillwatch.db").write_bytes(sqlite_template.read_bytes())
    key, segment = new_key(), premises / "quillmere.segment"
    (premises / "list.csv").write_text("phone\n" + "\n".join(NUMBERS))
    enroll(premises / "list.csv", segment, company=SLUG, key=key, default_region="CN", now=NOW)
    database = Database.open(f"sqlite:///{folder / 'spillwatch.db'}")
    with database.transaction() as session:
        companies.sync_declared_companies(
            session, [DeclaredCompany(SLUG, "Quillmere", [], {}, "q.toml")], NOW
        )
        company = companies.company_by_slug(session, SLUG)
    assert company is not None
    SegmentIntake(database, SegmentFolder(folder / "segments"), lambda: NOW).import_segment(
        verify_segment(segment), company.id
    )
    database.close()
    (imported,) = (folder / "segments").glob("*.segment")
    return Loot(folder, open_segment(imported), key)


def test_with_the_key_every_number_is_recovered(loot: Loot) -> None:
    """With the key the attack finds every number, so the tests below can fail."""
    made = loot.key.fingerprinter(SLUG, Field.PHONE)(NUMBERS)
    by_number = dict(zip(NUMBERS, made, strict=True))

    assert loot.recovered(lambda number: by_number[number].tobytes()) == len(NUMBERS)


def _hkdf(root: bytes, name: str, version: int) -> bytes:
    """RFC 5869 as documented in docs/reference/fingerprints.md, which the thief can read."""
    info = f"fp|{SCHEME}|{SLUG}|{name}|{version}".encode()
    extracted = hmac.digest(b"\0" * 32, root, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def public_secrets(loot: Loot) -> dict[str, bytes]:
    """Return everything in database and header that can be tried as a key, and keys of a careless program."""
    header = loot.header
    texts = {
        "company": SLUG,
        "key id": header.key_id,
        "series": header.series,
        "golden phone": header.golden[Field.PHONE],
        "golden e-mail": header.golden[Field.EMAIL],
        "key check": header.key_check,
        "digest": loot.segment.digest,
        "created": header.created_at.isoformat(),
        "password": "spillwatch",
    }
    raw = {name: text.encode() for name, text in texts.items()}
    decoded = {
        f"{name}, decoded": bytes.fromhex(text)
        for name, text in texts.items()
        if re.fullmatch(r"(?:[0-9a-f]{2})+", text)
    }
    return {**raw, **decoded, "nothing": b"", "zeros": bytes(32), "ones": b"\xff" * 32}


def _unkeyed(name: str, before: bytes, cut: int, number: str) -> bytes:
    return hashlib.new(name, before + number[cut:].encode()).digest()


def _keyed(key: bytes, number: str) -> bytes:
    return hmac.digest(key, number.encode(), "sha256")


def test_no_unkeyed_hash_recovers_a_number(loot: Loot) -> None:
    """No common hash of a number is stored, with or without +, country code and company."""
    hashes = ["md5", "sha1", "sha256", "sha512", "blake2b"]
    recovered = {
        (name, before, cut): loot.recovered(partial(_unkeyed, name, before, cut))
        for name in hashes
        for before in (b"", SLUG.encode())
        for cut in (0, 1, 3)
    }

    assert set(recovered.values()) == {0}


def test_nothing_that_is_stored_serves_as_the_key(loot: Loot) -> None:
    """No stored text works as HMAC key, as root key, or as a seed that is hashed to a root key."""
    recovered = {}
    for name, secret in public_secrets(loot).items():
        keys = {
            "itself": secret,
            "root": _hkdf(secret, "phone", NORMALISERS[Field.PHONE]),
            "seed": _hkdf(hashlib.sha256(secret).digest(), "phone", NORMALISERS[Field.PHONE]),
        }
        for use, key in keys.items():
            recovered[name, use] = loot.recovered(partial(_keyed, key))

    assert {found: count for found, count in recovered.items() if count} == {}


def test_known_pairs_give_no_others(loot: Loot) -> None:
    """A known value with its fingerprint, the thief's own or a golden vector, reveals no other value."""
    made = loot.key.fingerprinter(SLUG, Field.PHONE)(NUMBERS)
    golden = np.frombuffer(bytes.fromhex(loot.header.golden[Field.PHONE]), np.uint8)
    known = canonical(Field.PHONE, GOLDEN[Field.PHONE], "CN") or ""
    of_known = np.frombuffer(hashlib.sha256(known.encode()).digest()[:16], np.uint8)
    unkeyed = np.frombuffer(
        b"".join(hashlib.sha256(number.encode()).digest()[:16] for number in NUMBERS), np.uint8
    ).reshape(-1, 16)
    own = made[0]  # the thief is this customer
    differences = {
        "the difference to the own one": unkeyed ^ (own ^ unkeyed[0]),
        "the difference to the golden one": unkeyed ^ (golden ^ of_known),
    }
    stored = {record.tobytes() for record in records_of(made, np.zeros(len(made), np.uint32))}

    for guessed in differences.values():
        records = records_of(guessed[1:], np.zeros(len(guessed) - 1, np.uint32))
        assert not [record for record in records if record.tobytes() in stored]


def test_no_guessed_root_key_is_told_right_or_recovers_a_number(loot: Loot) -> None:
    """None of a few hundred guessed keys has the check value or recovers a number."""
    passed = 0
    for seed in range(300):
        guess = RootKey("k", hashlib.sha256(seed.to_bytes(4, "big")).digest())
        passed += guess.check_value(SLUG) == loot.header.key_check
        hits, _ = loot.segment.lookup(Field.PHONE, guess.fingerprinter(SLUG, Field.PHONE)(NUMBERS[:200]))
        passed += len(hits)

    assert passed == 0


def test_another_company_of_the_same_key_learns_nothing(loot: Loot) -> None:
    """The same key gives other fingerprints for another company and for another field."""
    made = loot.key.fingerprinter("harrowgate", Field.PHONE)(NUMBERS)
    email = loot.key.fingerprinter(SLUG, Field.EMAIL)(NUMBERS)

    assert [len(loot.segment.lookup(Field.PHONE, values)[0]) for values in (made, email)] == [0, 0]


def test_fingerprints_cannot_be_told_from_random_bytes(loot: Loot) -> None:
    """The bits of fingerprints are balanced, and the order of the file is not the order of the customers."""
    records = loot.segment.tables[Field.PHONE].records
    bits = np.unpackbits(records["hi"].astype(">u8").view(np.uint8)).reshape(len(records), 64)
    ordinals = records["ordinal"].astype(np.int64)
    correlation = np.corrcoef(np.arange(len(ordinals)), ordinals)[0, 1]

    # six sigma of 10,000 fair coins, and of the correlation of 10,000 pairs
    assert abs(bits.mean(axis=0) - 0.5).max() < 6 * 0.5 / 100
    assert abs(correlation) < 6 / 100


def test_no_file_of_the_monitor_holds_the_key_or_a_number(loot: Loot) -> None:
    """No file holds the root key or a subkey, in bytes, hex or base64, or a number."""
    subkeys = [bytes(loot.key.fingerprinter(SLUG, field).subkey) for field in Field]
    secrets = [bytes(loot.key.secret), *subkeys]
    forms = [
        form
        for secret in secrets
        for form in (secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="))
    ]
    forms += [number[3:].encode() for number in NUMBERS[::500]]

    assert not [form for content in loot.files() for form in forms if form in content]
