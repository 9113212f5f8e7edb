"""The native HMAC equals that of Python's module, for any length and any number of lanes."""

from __future__ import annotations

import hmac

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stringzilla import hmac_sha256

from matching.fingerprints.scheme import Fingerprinter, Secret
from matching.native.hmac import KEY_SIZE, SIZE, hashed, lanes
from matching.scanning.tapes import Tape

pytestmark = pytest.mark.needs("gcc")

KEYS = st.binary(min_size=KEY_SIZE, max_size=KEY_SIZE)
# Also lengths around those at which a message needs one more block.
LENGTHS = st.integers(0, 60) | st.sampled_from([55, 56, 63, 64, 65, 118, 119, 120, 127, 128, 254, 1000])
MESSAGES = st.lists(LENGTHS.flatmap(lambda length: st.binary(min_size=length, max_size=length)), max_size=70)


def tape_of(messages: list[bytes]) -> Tape:
    offsets = np.cumsum([0, *map(len, messages)], dtype=np.int64)
    return Tape(offsets, np.frombuffer(b"".join(messages), dtype=np.uint8))


@settings(max_examples=300, deadline=None)
@given(KEYS, MESSAGES, st.sampled_from([0, 8, 16]))
def test_a_digest_is_that_of_python(key: bytes, messages: list[bytes], side_by_side: int) -> None:
    """The first 16 bytes are equal in every number of lanes; a processor uses as many as it has."""
    tape = tape_of(messages)

    found = hashed(key, tape.offsets, tape.bytes, side_by_side)

    assert [row.tobytes() for row in found] == [hmac.digest(key, one, "sha256")[:SIZE] for one in messages]


@pytest.mark.parametrize("words", [1, 2, 1 << 14])
@pytest.mark.parametrize("side_by_side", [0, 8, 16])
def test_marks_that_are_fetched_change_no_digest(words: int, side_by_side: int) -> None:
    """Whatever their number: a digest only tells which of them a lookup reads next."""
    tape, marks = tape_of([b"%d" % number for number in range(1_000)]), np.zeros(words, np.uint64)
    key = bytes(range(KEY_SIZE))

    found = hashed(key, tape.offsets, tape.bytes, side_by_side, marks=marks)

    assert np.array_equal(found, hashed(key, tape.offsets, tape.bytes, side_by_side))
    assert not marks.any()


@settings(max_examples=50, deadline=None)
@given(KEYS, st.lists(st.text(min_size=1, max_size=80), max_size=40))
def test_a_fingerprint_is_the_same_on_both_ways(key: bytes, values: list[str]) -> None:
    """Single values (hashed by stringzilla) and values on a tape give the same fingerprints."""
    fingerprint = Fingerprinter(Secret(key))

    assert np.array_equal(fingerprint.of_tape(tape_of([one.encode() for one in values])), fingerprint(values))


@settings(max_examples=50, deadline=None)
@given(KEYS, MESSAGES.filter(len))
def test_stringzilla_reads_a_tape_as_it_lies(key: bytes, messages: list[bytes]) -> None:
    """Without the library, a tape is passed to stringzilla through Arrow's interface, without a copy."""
    digests = np.empty((len(messages), 32), dtype=np.uint8)

    hmac_sha256(key, (tape := tape_of(messages)).strings(), out=digests)

    assert len(tape) == len(messages)
    assert [row.tobytes() for row in digests] == [hmac.digest(key, one, "sha256") for one in messages]


def test_a_key_of_another_length_is_refused() -> None:
    """The library would read behind a shorter key."""
    tape = tape_of([b"value"])

    with pytest.raises(ValueError, match=r"\b16\b.*\b32\b"):
        hashed(bytes(16), tape.offsets, tape.bytes, lanes())
