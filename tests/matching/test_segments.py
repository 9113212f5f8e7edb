"""Segment files: what is looked up, and every way in which a file is refused."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.errors import (
    SegmentDamaged,
    SegmentForeign,
    SegmentKeyWrong,
    SegmentMissing,
    SegmentNormaliserChanged,
    SegmentRefused,
    SegmentTruncated,
    SegmentVersionUnknown,
)
from matching.fingerprints import RootKey
from matching.identifiers import Field
from matching.segments import HEADER_LIMIT, MAGIC, Segment, open_segment, sorted_columns, write

KEY = RootKey("k1", bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
VALUES = {Field.EMAIL: ["a@b.example", "c@d.example", "a@b.example"], Field.PHONE: ["+12025550123"]}
ORDINALS = {Field.EMAIL: [3, 2, 1], Field.PHONE: [1]}


def made(
    path: Path, values: dict[Field, list[str]] = VALUES, ordinals: dict[Field, list[int]] = ORDINALS
) -> Path:
    """A segment of the company quillmere."""
    columns = {
        field: sorted_columns(
            KEY.fingerprinter("quillmere", field)(list(found)), np.array(ordinals[field], dtype=np.uint32)
        )
        for field, found in values.items()
    }
    write(path, columns, company="quillmere", default_region="CN", key=KEY, customers=3, now=NOW)
    return path


def looked_up(segment: Segment, field: Field, values: list[str]) -> set[tuple[str, int]]:
    """Value and ordinal of each hit."""
    queries, ordinals = segment.lookup(field, KEY.fingerprinter("quillmere", field)(values))
    return {(values[int(query)], int(ordinal)) for query, ordinal in zip(queries, ordinals, strict=True)}


def rewritten(path: Path, change: Callable[[dict[str, object]], None]) -> Path:
    """The file with another header and a checksum that is right again."""
    content = path.read_bytes()
    length = int.from_bytes(content[8:12], "little")
    header = json.loads(content[12 : 12 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-(12 + len(text)) % 8)
    body = MAGIC + len(text).to_bytes(4, "little") + text + content[12 + length : -32]
    path.write_bytes(body + hashlib.sha256(body).digest())
    return path


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    return made(tmp_path / "quillmere.segment")


def test_every_customer_of_a_value_is_found(segment: Path) -> None:
    """A value that two customers share hits both; a value that nobody has hits none."""
    opened = open_segment(segment, company="quillmere")

    found = looked_up(opened, Field.EMAIL, ["x@y.example", "a@b.example", "c@d.example"])

    assert found == {("a@b.example", 1), ("a@b.example", 3), ("c@d.example", 2)}


def test_fields_do_not_mix(segment: Path) -> None:
    """A field that the segment does not have, and a value of another field, hit nothing."""
    opened = open_segment(segment)

    assert [looked_up(opened, field, ["a@b.example"]) for field in (Field.PHONE, Field.CARD)] == [
        set(),
        set(),
    ]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=60),
    st.lists(st.integers(0, 60), max_size=60),
)
def test_lookups_are_those_of_a_dictionary(
    tmp_path: Path, customers: list[tuple[int, int]], queries: list[int]
) -> None:
    """For any list with doubles, and any batch with doubles, the hits are those of a plain dictionary."""
    path = made(
        tmp_path / "any.segment",
        {Field.EMAIL: [f"{value}@b.example" for value, _ in customers]},
        {Field.EMAIL: [ordinal for _, ordinal in customers]},
    )

    hits, ordinals = open_segment(path).lookup(
        Field.EMAIL, KEY.fingerprinter("quillmere", Field.EMAIL)([f"{query}@b.example" for query in queries])
    )

    wanted = sorted(
        (index, ordinal)
        for index, query in enumerate(queries)
        for value, ordinal in set(customers)
        if value == query
    )
    assert sorted(zip(hits.tolist(), ordinals.tolist(), strict=True)) == wanted


def test_a_segment_without_fingerprints_is_valid(tmp_path: Path) -> None:
    """Nobody is found in it."""
    opened = open_segment(made(tmp_path / "empty.segment", {Field.EMAIL: []}, {Field.EMAIL: []}))

    assert looked_up(opened, Field.EMAIL, ["a@b.example"]) == set()


def test_the_file_is_its_owners_alone_and_replaces_the_old_one(segment: Path) -> None:
    """Mode 0600, and no draft is left beside it."""
    made(segment)

    assert (oct(segment.stat().st_mode & 0o777), [path.name for path in segment.parent.iterdir()]) == (
        "0o600",
        ["quillmere.segment"],
    )


def test_the_header_says_what_it_is(segment: Path) -> None:
    """Anybody may read company, counts and key id; nobody reads a value or the key."""
    header = open_segment(segment).header

    assert (header.company, header.key_id, header.customers, header.counts) == (
        "quillmere",
        "k1",
        3,
        {Field.EMAIL: 3, Field.PHONE: 1},
    )
    assert not any(secret in segment.read_bytes() for secret in (KEY.secret, b"b.example", b"2025550123"))


def test_the_right_key_is_accepted(segment: Path) -> None:
    """Its check value and its golden vectors are those of the segment."""
    open_segment(segment).check_key(KEY)


def test_a_wrong_key_is_refused(segment: Path) -> None:
    """Also one with the same id."""
    with pytest.raises(SegmentKeyWrong, match="made with the key k1, and this is another one"):
        open_segment(segment).check_key(RootKey("k1", bytes(32)))


def test_a_foreign_company_is_refused(segment: Path) -> None:
    """The sentence says whose it is."""
    with pytest.raises(SegmentForeign, match="made for the company 'quillmere', not for 'harrowgate'"):
        open_segment(segment, company="harrowgate")


def test_every_flipped_byte_is_refused(segment: Path) -> None:
    """Each byte of the file counts: header, columns, ordinals, checksum."""
    content = segment.read_bytes()
    for place in range(len(content)):
        segment.write_bytes(content[:place] + bytes([content[place] ^ 0x01]) + content[place + 1 :])

        with pytest.raises(SegmentRefused):
            open_segment(segment)


def test_every_truncation_is_refused(segment: Path) -> None:
    """Wherever a copy stopped."""
    content = segment.read_bytes()
    for length in range(len(content)):
        segment.write_bytes(content[:length])

        with pytest.raises((SegmentTruncated, SegmentDamaged)):
            open_segment(segment)


def test_a_copy_that_stopped_says_so(segment: Path) -> None:
    """How many bytes there are, and how many there should be."""
    content = segment.read_bytes()
    segment.write_bytes(content[:-10])

    with pytest.raises(
        SegmentTruncated, match=f"has {len(content) - 10} bytes of {len(content)}; copy it again"
    ):
        open_segment(segment)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.integers(0, 600), st.integers(0, 60))
def test_mutated_files_are_refused_and_nothing_else(segment: Path, junk: bytes, at: int, cut: int) -> None:
    """Any bytes in place of any others give the same segment or a refusal, never another exception."""
    content = made(segment).read_bytes()
    mutated = content[:at] + junk + content[at + cut :]
    segment.write_bytes(mutated)
    if mutated == content:
        open_segment(segment)
        return

    with pytest.raises(SegmentRefused):
        open_segment(segment)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(
        ["counts", "company", "key_check", "customers", "created_at", "golden", "normaliser_version"]
    ),
    st.one_of(
        st.none(), st.integers(-(2**70), 2**70), st.text(max_size=20), st.just({"email": -1}), st.just([1])
    ),
)
def test_a_header_that_lies_is_refused(segment: Path, name: str, lie: object) -> None:
    """A forger can make the checksum right; the header is validated all the same."""
    before = open_segment(made(segment)).header

    def change(header: dict[str, object]) -> None:
        header[name] = lie

    rewritten(segment, change)
    try:
        opened = open_segment(segment)
        opened.check_key(KEY)
    except SegmentRefused:
        return

    assert (opened.header.counts, opened.header.golden) == (before.counts, before.golden)


def test_an_unknown_version_is_refused(segment: Path) -> None:
    """The sentence says which format it is and which is read."""
    rewritten(segment, lambda header: header.update(version=9))

    with pytest.raises(SegmentVersionUnknown, match="format '9'; this program reads 1"):
        open_segment(segment)


def test_another_normaliser_is_refused(segment: Path) -> None:
    """Values that were normalised by other rules would never hit."""
    rewritten(segment, lambda header: header.update(normaliser_version=9))

    with pytest.raises(SegmentNormaliserChanged, match=r"rules 9; this program has rules \d"):
        open_segment(segment)


def test_golden_vectors_of_other_rules_are_refused(segment: Path) -> None:
    """Even where the version was forgotten to be raised."""
    rewritten(segment, lambda header: header.update(golden=dict.fromkeys(Field, "00" * 16)))

    with pytest.raises(SegmentNormaliserChanged, match="other fingerprints of the golden values"):
        open_segment(segment).check_key(KEY)


def test_a_header_without_bound_is_refused_unread(segment: Path) -> None:
    """A length of four gigabytes is not believed."""
    segment.write_bytes(MAGIC + b"\xff\xff\xff\xff" + b"x" * 100)

    with pytest.raises(SegmentDamaged, match=f"at most {HEADER_LIMIT}"):
        open_segment(segment)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"name,email\n", MAGIC])
def test_what_is_no_segment_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file, an archive, a customer list by mistake."""
    path = tmp_path / "x.segment"
    path.write_bytes(content)

    with pytest.raises(SegmentDamaged):
        open_segment(path)


def test_a_segment_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder in its place."""
    for path in (tmp_path / "none.segment", tmp_path):
        with pytest.raises(SegmentMissing):
            open_segment(path)


def test_a_thief_of_the_segment_finds_no_mobile_number(tmp_path: Path) -> None:
    """Without the key, trying numbers under any key of one's own recovers none."""
    numbers = [f"+86170{number:08}" for number in range(20_000)]
    path = made(tmp_path / "a.segment", {Field.PHONE: numbers}, {Field.PHONE: list(range(1, 20_001))})
    opened = open_segment(path)
    guesses = [RootKey("t", hashlib.sha256(bytes([guess])).digest()) for guess in range(5)]

    hits = [
        len(opened.lookup(Field.PHONE, key.fingerprinter("quillmere", Field.PHONE)(numbers))[0])
        for key in guesses
    ]

    assert hits == [0] * 5
