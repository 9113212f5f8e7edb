"""Segment files: what a lookup finds, and every way in which a file is refused."""

import hashlib
import json
from collections.abc import Callable, Mapping
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
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import (
    HEADER_LIMIT,
    MAGIC,
    SHARED_LIMIT,
    MappedSegment,
    first_header,
    in_order,
    open_segment,
    records_of,
    verify_segment,
    write_segment,
)
from matching.identifiers import NORMALISERS, Field, canonical
from tests.matching.customers import customers

KEY = RootKey("k1", bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
VALUES = {Field.EMAIL: ["a@b.example", "c@d.example", "a@b.example"], Field.PHONE: ["+12025550123"]}
ORDINALS = {Field.EMAIL: [3, 2, 1], Field.PHONE: [1]}
ROWS = customers(20)
RELEASED = Path(__file__).parent / "released" / "format-1.segment"  # of ROWS


def made(
    path: Path,
    values: Mapping[Field, list[str]] = VALUES,
    ordinals: Mapping[Field, list[int]] = ORDINALS,
    *,
    customers: int = 3,
) -> Path:
    """Write a segment of the company quillmere."""
    records = {
        field: [
            in_order(
                records_of(
                    KEY.fingerprinter("quillmere", field)(list(found)),
                    np.array(ordinals[field], dtype=np.uint32),
                )
            )
        ]
        for field, found in values.items()
    }
    counts = {field: len(found) for field, found in values.items()}
    header = first_header(
        company="quillmere", default_region="CN", key=KEY, customers=customers, counts=counts, now=NOW
    )
    write_segment(path, header, records)
    return path


def looked_up(segment: MappedSegment, field: Field, values: list[str]) -> set[tuple[str, int]]:
    """Return value and ordinal of each hit."""
    queries, ordinals = segment.lookup(field, KEY.fingerprinter("quillmere", field)(values))
    return {(values[int(query)], int(ordinal)) for query, ordinal in zip(queries, ordinals, strict=True)}


def rewritten(path: Path, change: Callable[[dict[str, object]], None]) -> Path:
    """Change the header of a file and correct its digests, as a forger would."""
    content = path.read_bytes()
    length = int.from_bytes(content[8:12], "little")
    header = json.loads(content[12 : 12 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-(12 + len(text)) % 16)
    begin = MAGIC + len(text).to_bytes(4, "little") + text
    body = content[12 + length : -64]  # one block
    digest = hashlib.sha256(body).digest()
    path.write_bytes(begin + body + digest + hashlib.sha256(begin + digest).digest())
    return path


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    return made(tmp_path / "quillmere.segment")


def test_every_customer_of_a_value_is_found(segment: Path) -> None:
    """A value that two customers share hits both; a value that nobody has hits nobody."""
    opened = open_segment(segment, company="quillmere")

    found = looked_up(opened, Field.EMAIL, ["x@y.example", "a@b.example", "c@d.example"])

    assert found == {("a@b.example", 1), ("a@b.example", 3), ("c@d.example", 2)}


def test_fields_do_not_mix(segment: Path) -> None:
    """A value of another field hits nothing, and neither does a field that the segment does not have."""
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
    """For any list and any batch, both with duplicates, the hits are those of a plain dictionary."""
    path = made(
        tmp_path / "any.segment",
        {Field.EMAIL: [f"{value}@b.example" for value, _ in customers]},
        {Field.EMAIL: [ordinal for _, ordinal in customers]},
        customers=9,
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
    """A segment with no fingerprints can be opened and hits nobody."""
    opened = open_segment(made(tmp_path / "empty.segment", {Field.EMAIL: []}, {Field.EMAIL: []}))

    assert looked_up(opened, Field.EMAIL, ["a@b.example"]) == set()


def test_the_file_is_its_owners_alone_and_replaces_the_old_one(segment: Path) -> None:
    """A segment has mode 0600, and writing it again leaves no draft."""
    made(segment)

    assert (oct(segment.stat().st_mode & 0o777), [path.name for path in segment.parent.iterdir()]) == (
        "0o600",
        ["quillmere.segment"],
    )


def test_the_header_says_what_it_is(segment: Path) -> None:
    """The header shows company, counts and key id, and the file holds neither a value nor the key."""
    header = open_segment(segment).header

    assert (header.company, header.key_id, header.customers, header.counts) == (
        "quillmere",
        "k1",
        3,
        {Field.EMAIL: 3, Field.PHONE: 1},
    )
    assert not any(secret in segment.read_bytes() for secret in (KEY.secret, b"b.example", b"2025550123"))


def test_the_right_key_is_accepted(segment: Path) -> None:
    """The key that made a segment passes its check."""
    open_segment(segment).check_key(KEY)


def test_a_wrong_key_is_refused(segment: Path) -> None:
    """A key with the same id and other bytes is refused."""
    with pytest.raises(SegmentKeyWrong, match=r"the key k1.*id k1"):
        open_segment(segment).check_key(RootKey("k1", bytes(32)))


def test_a_foreign_company_is_refused(segment: Path) -> None:
    """The message names the segment's company and the expected one."""
    with pytest.raises(SegmentForeign, match=r"'quillmere'.*'harrowgate'"):
        open_segment(segment, company="harrowgate")


def test_every_flipped_byte_is_refused(segment: Path) -> None:
    """Verification detects a change of any byte: header, records, directory, digests."""
    content = segment.read_bytes()
    for place in range(len(content)):
        segment.write_bytes(content[:place] + bytes([content[place] ^ 0x01]) + content[place + 1 :])

        with pytest.raises(SegmentRefused):
            verify_segment(segment)


def test_a_flipped_byte_of_header_or_digest_is_refused_without_reading_records(segment: Path) -> None:
    """Opening detects a change of any byte that it reads; `verify_segment` checks the rest."""
    content = segment.read_bytes()
    start = 12 + int.from_bytes(content[8:12], "little")
    for place in [*range(start), *range(len(content) - 64, len(content))]:
        segment.write_bytes(content[:place] + bytes([content[place] ^ 0x80]) + content[place + 1 :])

        with pytest.raises(SegmentRefused):
            open_segment(segment)


def test_every_truncation_is_refused(segment: Path) -> None:
    """A file cut at any length is refused."""
    content = segment.read_bytes()
    for length in range(len(content)):
        segment.write_bytes(content[:length])

        with pytest.raises((SegmentTruncated, SegmentDamaged)):
            open_segment(segment)


def test_a_copy_that_stopped_says_so(segment: Path) -> None:
    """The message has the number of bytes found and expected."""
    content = segment.read_bytes()
    segment.write_bytes(content[:-10])

    with pytest.raises(SegmentTruncated, match=rf"\b{len(content) - 10} of {len(content)} bytes"):
        open_segment(segment)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.integers(0, 600), st.integers(0, 60))
def test_mutated_files_are_refused_and_nothing_else(segment: Path, junk: bytes, at: int, cut: int) -> None:
    """Any changed bytes give the same segment or a refusal, never another exception."""
    content = made(segment).read_bytes()
    mutated = content[:at] + junk + content[at + cut :]
    segment.write_bytes(mutated)
    if mutated == content:
        verify_segment(segment)
        return

    with pytest.raises(SegmentRefused):
        verify_segment(segment)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(min_size=1, max_size=300), st.integers(0, 1200))
def test_a_file_that_lies_behind_right_digests_only_misses(segment: Path, junk: bytes, at: int) -> None:
    """With any records and directory a lookup ends, stays inside the file, and has a bounded result."""
    content = made(segment).read_bytes()
    start = 12 + int.from_bytes(content[8:12], "little")
    place = start + at % (len(content) - 64 - start)
    segment.write_bytes((content[:place] + junk + content[place + len(junk) :])[: len(content)])
    rewritten(segment, lambda _: None)
    values = KEY.fingerprinter("quillmere", Field.EMAIL)(VALUES[Field.EMAIL] * 50)
    try:
        hits, _ = open_segment(segment).lookup(Field.EMAIL, values)
        verify_segment(segment)
    except SegmentRefused:
        return

    assert len(hits) <= len(values) * SHARED_LIMIT


def number(value: int) -> bytes:
    return value.to_bytes(4, "little")


# Errors that a forger or a defect could write with right digests, in a segment of 400 e-mails: offset and
# bytes. The records begin at 0, their directory of 33 numbers at 6400.
LIES: dict[str, Callable[[bytes], tuple[int, bytes]]] = {
    "two records in the wrong order": lambda body: (0, body[16:32] + body[:16]),
    "a record that comes twice": lambda body: (16, body[:16]),
    "customer 0": lambda _: (12, number(0)),
    "an ordinal beyond the last customer": lambda _: (12, number(401)),
    "a directory that begins late": lambda _: (6400, number(1)),
    "a directory that ends late": lambda _: (6528, number(401)),
    "a directory that goes back": lambda _: (6404, number(300)),
    "a directory that is off by one": lambda body: (6404, number(body[6404] + 1)),
}


@pytest.mark.parametrize("lie", LIES)
def test_verify_proves_more_than_the_digests(tmp_path: Path, lie: str) -> None:
    """Order, duplicates, ordinals and directory are checked although all digests are right."""
    values = [f"{one}@b.example" for one in range(400)]
    path = made(
        tmp_path / "a.segment", {Field.EMAIL: values}, {Field.EMAIL: list(range(1, 401))}, customers=400
    )
    content = bytearray(path.read_bytes())
    start = 12 + int.from_bytes(content[8:12], "little")
    place, false = LIES[lie](bytes(content[start:]))
    content[start + place : start + place + len(false)] = false
    path.write_bytes(content)
    rewritten(path, lambda _: None)

    with pytest.raises(SegmentDamaged, match="field email"):
        verify_segment(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(
        [
            "counts",
            "company",
            "key_check",
            "customers",
            "created_at",
            "golden",
            "normalisers",
            "sequence",
            "previous",
        ]
    ),
    st.one_of(
        st.none(), st.integers(-(2**70), 2**70), st.text(max_size=20), st.just({"email": -1}), st.just([1])
    ),
)
def test_a_header_that_lies_is_refused(segment: Path, name: str, lie: object) -> None:
    """A header is validated although its digest is right: it is refused, or counts are unchanged."""
    before = open_segment(made(segment)).header

    def change(header: dict[str, object]) -> None:
        header[name] = lie

    rewritten(segment, change)
    try:
        opened = verify_segment(segment, key=KEY)
    except SegmentRefused:
        return

    assert (opened.header.counts, opened.header.golden) == (before.counts, before.golden)


def test_an_unknown_version_is_refused(segment: Path) -> None:
    """The message names the file's format and the formats that can be read."""
    rewritten(segment, lambda header: header.update(version=9))

    with pytest.raises(SegmentVersionUnknown, match=r"'9'.* 1 to 3"):
        open_segment(segment)


def test_another_normaliser_is_refused(segment: Path) -> None:
    """Values normalised by other rules would never hit; the message names each field with its version."""
    rewritten(segment, lambda header: header.update(normalisers={"email": 9, "phone": 9}))

    with pytest.raises(SegmentNormaliserChanged, match=r"email .*9 .*, phone .*9"):
        open_segment(segment)


def test_another_normaliser_of_one_field_leaves_the_others(segment: Path) -> None:
    """A field with another version is outdated and hits nothing; the others are compared."""
    rewritten(
        segment, lambda header: header.update(normalisers={"email": 9, "phone": NORMALISERS[Field.PHONE]})
    )
    opened = open_segment(segment)
    opened.check_key(KEY)

    assert (opened.fields, opened.outdated) == ((Field.PHONE,), (Field.EMAIL,))
    assert looked_up(opened, Field.EMAIL, ["a@b.example"]) == set()
    assert looked_up(opened, Field.PHONE, ["+12025550123"]) == {("+12025550123", 1)}


def test_golden_vectors_of_other_rules_are_refused(segment: Path) -> None:
    """Rules that changed without a new version are detected by the golden vectors."""
    rewritten(segment, lambda header: header.update(golden=dict.fromkeys(Field, "00" * 16)))

    with pytest.raises(SegmentNormaliserChanged, match="golden"):
        open_segment(segment).check_key(KEY)


def test_a_header_without_bound_is_refused_unread(segment: Path) -> None:
    """A header length of four gigabytes is refused before reading it."""
    segment.write_bytes(MAGIC + b"\xff\xff\xff\xff" + b"x" * 100)

    with pytest.raises(SegmentDamaged, match=f"{HEADER_LIMIT}"):
        open_segment(segment)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"name,email\n", MAGIC])
def test_what_is_no_segment_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file, an archive and a customer list are refused."""
    path = tmp_path / "x.segment"
    path.write_bytes(content)

    with pytest.raises(SegmentDamaged):
        open_segment(path)


def test_a_segment_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder in its place are refused."""
    for path in (tmp_path / "none.segment", tmp_path):
        with pytest.raises(SegmentMissing):
            open_segment(path)


def test_a_released_file_of_format_1_is_read() -> None:
    """Fields with unchanged rules hit as before; a field with newer rules is outdated."""
    opened = verify_segment(RELEASED, key=KEY, company="quillmere")
    found = {
        field: looked_up(opened, field, [canonical(field, getattr(row, field), "CN") or "" for row in ROWS])
        for field in (Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN, Field.EMAIL)
    }

    assert (opened.header.customers, opened.header.sequence, opened.outdated) == (20, 0, (Field.EMAIL,))
    assert {field: sorted(ordinal for _, ordinal in hits) for field, hits in found.items()} == {
        field: [] if field is Field.EMAIL else list(range(1, 21)) for field in found
    }


def test_a_damaged_file_of_format_1_is_refused(tmp_path: Path) -> None:
    """A change of any byte of a file of format 1, and any other length, is refused."""
    content = RELEASED.read_bytes()
    path = tmp_path / "old.segment"
    for place in range(0, len(content), 7):
        for harmed in (content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :], content[:place]):
            path.write_bytes(harmed)

            with pytest.raises(SegmentRefused):
                open_segment(path)


def test_a_value_that_too_many_share_names_the_first_of_them(tmp_path: Path) -> None:
    """A placeholder that many customers share gives at most SHARED_LIMIT hits."""
    path = made(
        tmp_path / "shared.segment",
        {Field.EMAIL: ["none@b.example"] * 1000},
        {Field.EMAIL: list(range(1000, 0, -1))},
        customers=1000,
    )

    found = looked_up(open_segment(path), Field.EMAIL, ["none@b.example"])

    assert {ordinal for _, ordinal in found} == set(range(1, SHARED_LIMIT + 1))


def test_a_file_that_shrinks_under_a_lookup_is_an_error(segment: Path) -> None:
    """A truncated file gives an error; reading its mapped pages would kill the process."""
    opened = open_segment(segment)
    with segment.open("r+b") as stream:
        stream.truncate(100)

    with pytest.raises(SegmentTruncated, match=r"quillmere\.segment .*\b100\b"):
        looked_up(opened, Field.EMAIL, ["a@b.example"])


@pytest.mark.parametrize("count", [1, 15, 16, 1000, 100_000])
def test_a_fingerprint_takes_less_than_17_bytes(tmp_path: Path, count: int) -> None:
    """A fingerprint takes at most 17 bytes with its ordinal, directory and digests, without the header."""
    random = np.random.default_rng(count)
    records = records_of(
        random.integers(0, 256, (count, 16), np.uint8), np.arange(1, count + 1, dtype=np.uint32)
    )
    header = first_header(
        company="quillmere",
        default_region="CN",
        key=KEY,
        customers=count,
        counts={Field.EMAIL: count},
        now=NOW,
    )
    path = tmp_path / "a.segment"
    write_segment(path, header, {Field.EMAIL: [in_order(records)]})

    start = 12 + int.from_bytes(path.read_bytes()[8:12], "little")
    assert path.stat().st_size - start <= 17 * count + 96  # two digests and the padding of the parts
    assert len(verify_segment(path).tables[Field.EMAIL].records) == count
