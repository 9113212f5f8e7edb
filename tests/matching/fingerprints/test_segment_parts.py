"""Format 3: cohorts, tags and canaries in a segment, over chains and mergers, and what is refused."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from matching.errors import SegmentBaseOther, SegmentDamaged, SegmentTooLarge, SegmentTruncated
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import (
    LEAST_PEOPLE,
    MAGIC,
    VERSION,
    CanarySet,
    EndingCounts,
    HeaderParts,
    MaskSections,
    MasksHeader,
    SegmentChain,
    SegmentPurpose,
    TemplateCounts,
    check_follows,
    count_records,
    delta_header,
    first_header,
    merge_chain,
    open_segment,
    verify_segment,
    write_segment,
)
from matching.fingerprints.segments.declared_schema import DeclaredColumn, DeclaredSchema
from matching.fingerprints.segments.format import PLAIN_VERSION
from matching.fingerprints.segments.parts import joined_cohorts
from matching.identifiers import Field
from tests.matching.fingerprints import series

RELEASED = Path(__file__).parent / "released" / "format-2.segment"
KEY = RootKey("k1", bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = date(2015, 1, 1)
COHORTS = (date(2015, 1, 1), date(2017, 6, 3), date(2020, 2, 29))
UNTIL = date(2024, 5, 5)

Tags = Sequence[tuple[int, int]]  # tags of 40 bits with the number of a cohort


def masks_of(
    tags: Tags, anchors: dict[int, int], endings: dict[int, int]
) -> tuple[MasksHeader, MaskSections]:
    """Return the parts of one template `phone_34`, and of its endings `digits_4`."""
    rare = len(tags) - sum(anchors.values())
    header = MasksHeader(
        version=1,
        golden={"phone_34": "00112233ff"},
        templates={
            "phone_34": TemplateCounts(tags=len(tags), anchors=len(anchors), rare=rare, rare_squares=rare)
        },
        endings={"digits_4": EndingCounts(values=len(tags), listed=len(endings), length=4)},
    )
    packed = np.sort(np.array([tag << 8 | cohort for tag, cohort in tags], np.uint64))
    sections = MaskSections(
        {"phone_34": [packed[:3], packed[3:]]},
        {"phone_34": _counted(anchors)},
        {"digits_4": _counted(endings)},
    )
    return header, sections


def _counted(counts: dict[int, int]) -> Any:
    codes = sorted(counts)
    return count_records(np.array(codes, np.uint32), np.array([counts[code] for code in codes], np.uint32))


def written(
    path: Path,
    tags: Tags,
    cohorts: Sequence[int] = (),
    *,
    after: Path | None = None,
    dates: tuple[date, ...] = COHORTS,
    until: date = UNTIL,
    anchors: dict[int, int] | None = None,
    endings: dict[int, int] | None = None,
    **fields: Any,
) -> Path:
    """Write a base, or a delta behind `after`, with a customer per cohort and no fingerprints."""
    header, sections = masks_of(tags, anchors or {}, endings or {})
    dated: dict[str, Any] = (
        {"cohorts": dates, "cohorts_until": until, "cohort_ordinals": len(cohorts)} if cohorts else {}
    )
    parts = HeaderParts(masks=header, **dated, **fields)
    if after is None:
        whole = first_header(
            company="quillmere",
            default_region="CN",
            key=KEY,
            customers=len(cohorts),
            counts={},
            now=NOW,
            parts=parts,
        )
    else:
        whole = delta_header(open_segment(after).header, now=NOW, added=len(cohorts), parts=parts)
    write_segment(path, whole, {}, cohorts=[np.array(cohorts, np.uint8)], masks=sections)
    return path


def counted(chain: SegmentChain, tags: Sequence[int]) -> list[int]:
    wanted = np.array(tags, np.uint64)
    found = np.zeros(len(tags), np.int64)
    for segment in chain.segments:
        if segment.masks is not None and "phone_34" in segment.masks.tags:
            first, end = segment.masks.tags["phone_34"].places(wanted)
            found += end - first
    return found.tolist()


def opened(*paths: Path) -> SegmentChain:
    return SegmentChain.of([verify_segment(path) for path in paths])


def forged(
    path: Path, change: Callable[[dict[str, Any]], None], body: Callable[[bytearray], None] | None = None
) -> Path:
    """Change the header or the body of a small file and correct its digests, as a forger would."""
    content = path.read_bytes()
    length = int.from_bytes(content[8:12], "little")
    header = json.loads(content[12 : 12 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-(12 + len(text)) % 16)
    begin = MAGIC + len(text).to_bytes(4, "little") + text
    rest = bytearray(content[12 + length : -64])  # one block
    if body is not None:
        body(rest)
    digest = hashlib.sha256(rest).digest()
    path.write_bytes(begin + rest + digest + hashlib.sha256(begin + digest).digest())
    return path


def test_the_parts_of_a_base_are_read_back(tmp_path: Path) -> None:
    """Purpose, label, cohorts, tags, histograms, sets and schema are those that were written."""
    schema = DeclaredSchema(columns=(DeclaredColumn(name="客户姓名"), DeclaredColumn(name="cust_id")))
    sets = (CanarySet(label="crm", issued=DAY, expires=UNTIL, first=1, last=2),)
    path = written(
        tmp_path / "a.segment",
        [(7, 1), (7, 0), (1 << 39, 3), ((1 << 40) - 1, 2)],
        [1, 0, 3, 2],
        purpose=SegmentPurpose.CANARIES,
        label="crm",
        canary_sets=sets,
        declared_schema=schema,
    )

    segment = verify_segment(path)

    header = segment.header
    assert (header.version, header.purpose, header.label) == (VERSION, "canaries", "crm")
    assert (header.canary_sets, header.declared_schema, header.cohorts) == (sets, schema, COHORTS)
    assert segment.cohort_of(np.array([0, 1, 2, 3, 4, 5, 2**32 - 1], np.uint32)).tolist() == [
        0,
        1,
        0,
        3,
        2,
        0,
        0,
    ]
    assert counted(opened(path), [0, 7, 8, 1 << 39, (1 << 40) - 1]) == [0, 2, 0, 1, 1]
    assert segment.masks is not None
    assert segment.masks.tags["phone_34"].packed(0, 9).tolist() == [
        7 << 8, 7 << 8 | 1, 1 << 47 | 3, (1 << 48) - 256 + 2
    ]  # fmt: skip


def test_a_file_without_parts_is_as_it_was(tmp_path: Path) -> None:
    """It has format 2, which older programs read, and says nothing of the parts."""
    path = series.base(tmp_path / "a.segment", [1, 2])
    length = int.from_bytes(path.read_bytes()[8:12], "little")
    stated = json.loads(path.read_bytes()[12 : 12 + length])

    assert stated["version"] == open_segment(path).header.version == PLAIN_VERSION
    assert HeaderParts.model_fields.keys().isdisjoint(stated)


def test_released_files_of_format_2_are_read() -> None:
    """A file that the last release wrote is whole, has its customers, and has no part of format 3."""
    segment = verify_segment(RELEASED, key=KEY, company="quillmere")

    hits, ordinals = segment.lookup(
        Field.PHONE, KEY.fingerprinter("quillmere", Field.PHONE)(["+12025550101", "+12025550199"])
    )
    assert (hits.tolist(), ordinals.tolist()) == ([0], [1])
    assert (segment.header.version, segment.header.has_parts, segment.masks) == (2, False, None)
    assert segment.cohort_of(np.array([1, 20], np.uint32)).tolist() == [0, 0]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 6) | st.integers(0, (1 << 40) - 1), st.integers(0, 3)), max_size=30
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.integers(1, 40), max_size=5),
)
@example([[]], [])
def test_a_chain_and_its_merger_count_alike(
    tmp_path: Path, files: list[list[tuple[int, int]]], erased: list[int]
) -> None:
    """Tags, cohorts and anchors of base and deltas add up, in a merger too. Erased ones keep tags."""
    paths: list[Path] = []
    customers = 0
    for number, tags in enumerate(files):
        many = dict.fromkeys(range(len(tags) // LEAST_PEOPLE), LEAST_PEOPLE)
        path = tmp_path / f"{number}.segment"
        after = paths[-1] if paths else None
        paths.append(
            written(
                path, tags, [cohort for _, cohort in tags] or [0], after=after, anchors=many, endings=many
            )
        )
        customers += max(1, len(tags))
    gone = np.array([ordinal for ordinal in erased if ordinal <= customers], np.uint32)
    write_segment(tmp_path / "e.segment", delta_header(open_segment(paths[-1]).header, now=NOW), {}, gone)
    chain = opened(*paths, tmp_path / "e.segment")
    merge_chain(chain, tmp_path / "merged.segment")
    merged = opened(tmp_path / "merged.segment")

    everything = [tag for tags in files for tag in tags]
    wanted = Counter(tag for tag, _ in everything)
    asked = [*wanted, 3, 4]
    assert counted(chain, asked) == counted(merged, asked) == [wanted[tag] for tag in asked]
    assert merged.segments[0].masks is not None
    table = merged.segments[0].masks.tags.get("phone_34")  # None: nobody has such a tag
    assert (table.packed(0, 10_000).tolist() if table else []) == sorted(
        tag << 8 | cohort for tag, cohort in everything
    )
    ordinals = np.setdiff1d(np.arange(1, customers + 1, dtype=np.uint32), gone)
    assert chain.cohort_of(ordinals).tolist() == merged.cohort_of(ordinals).tolist()
    expected = Counter(chain.cohort_of(ordinals).tolist())
    for one in (chain, merged):
        found = {number: count for number, count in enumerate(one.cohort_counts().tolist()) if count}
        assert sum(found.values()) == len(ordinals) + (len(np.unique(gone)) if one is merged else 0)
        assert {k: v for k, v in found.items() if k} == {k: v for k, v in expected.items() if k}
        assert one.anchor_counts("phone_34").tolist() == one.ending_counts("digits_4").tolist()
    assert chain.anchor_counts("phone_34").tolist() == merged.anchor_counts("phone_34").tolist()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 500), min_size=1, max_size=20, unique=True), st.integers(0, 300)),
        min_size=1,
        max_size=4,
    )
)
def test_each_cohort_lies_in_one_of_the_joined_ones(files: list[tuple[list[int], int]]) -> None:
    """No date that is joined parts a cohort of a file, so no customer is said to be older or younger."""
    headers = []
    for firsts, beyond in files:
        dates = tuple(DAY + timedelta(first) for first in sorted(firsts))
        headers.append(
            HeaderParts(cohorts=dates, cohorts_until=dates[-1] + timedelta(beyond), cohort_ordinals=1)
        )

    joined = joined_cohorts(*headers)

    assert joined[0] == min(header.cohorts[0] for header in headers)
    for header in headers:
        ends = [*(first - timedelta(1) for first in header.cohorts[1:]), header.cohorts_until or DAY]
        for first, last in zip(header.cohorts, ends, strict=True):
            assert not [parted for parted in joined if first < parted <= last]


def test_joined_cohorts_are_255_at_most() -> None:
    """Many files with many cohorts give 255, from the first date on."""
    files = [
        HeaderParts(cohorts=dates, cohorts_until=dates[-1], cohort_ordinals=1)
        for dates in (tuple(DAY + timedelta(300 * part + day) for day in range(200)) for part in range(5))
    ]
    joined = joined_cohorts(*files)

    assert (len(joined), joined[0]) == (255, DAY)
    assert list(joined) == sorted(set(joined))


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "staff"},
        {"label": "CRM"},
        {"label": "a" * 65},
        {"purpose": "known_breach"},
        {"cohorts": ["2017-01-01", "2015-01-01", "2020-01-01"]},
        {"cohorts": ["2015-01-01"] * 256},
        {"cohorts_until": "2019-01-01"},
        {"cohorts_until": None},
        {"cohort_ordinals": 3},
        {"cohort_ordinals": 2**40},
        {"canary_sets": [{"label": "crm", "issued": "2020-01-01", "first": 1, "last": 1}]},
        {"declared_schema": {"columns": [{"name": "a b"}]}},
        {"declared_schema": {"columns": []}},
        {"masks": {"version": 1}},
        {"masks": {"version": 0, "golden": {}, "templates": {}, "endings": {}}},
        {"surprise": 1},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_a_header_that_cannot_be_right_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Each field of the header has bounds of its own, and a forged one is refused when the file is opened."""
    path = written(tmp_path / "a.segment", [(1, 1), (2, 2)], [1, 2])

    with pytest.raises(SegmentDamaged, match=r"header of the segment .*a\.segment is invalid"):
        open_segment(forged(path, lambda header: header.update(changes)))


def _masks_changed(place: tuple[str, ...], value: object) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        part = header["masks"]
        for name in place[:-1]:
            part = part[name]
        part[place[-1]] = value

    return change


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("templates", "phone_34", "tags"), 2**32),
        (("templates", "phone_34", "tags"), -1),
        (("templates", "phone_34", "tags"), 10**9),
        (("templates", "phone_34", "anchors"), 1),
        (("templates", "phone_34", "anchors"), 2**31),
        (("templates", "phone_34", "rare_squares"), 2**60),
        (("templates", "phone_34", "rare"), 0),
        (("templates", "../etc"), {"tags": 0, "anchors": 0, "rare": 0, "rare_squares": 0}),
        (("endings", "digits_4", "listed"), 5),
        (("endings", "digits_4", "length"), 40),
        (("golden",), {}),
        (("golden", "phone_34"), "zz"),
    ],
    ids=lambda part: "-".join(part) if isinstance(part, tuple) else str(part)[:9],
)
def test_false_sizes_of_masks_are_refused(tmp_path: Path, place: tuple[str, ...], value: object) -> None:
    """Sizes that do not fit one another, or the file, are refused before anything is read by them."""
    path = written(tmp_path / "a.segment", [(1, 1), (2, 2)], [1, 2])

    with pytest.raises((SegmentDamaged, SegmentTruncated)):
        open_segment(forged(path, _masks_changed(place, value)))


def test_forged_parts_are_refused_or_harmless(tmp_path: Path) -> None:
    """A byte of the parts forged with right digests is refused, or a lookup stays inside the file."""
    tags = [(tag << 30, tag % 4) for tag in range(30)]
    cohorts = [cohort for _, cohort in tags]
    path = written(tmp_path / "a.segment", tags, cohorts, anchors={9: 30}, endings={5: 20})
    whole, refused = path.read_bytes(), 0
    size = len(whole) - 64 - 12 - int.from_bytes(whole[8:12], "little")
    for place in range(0, size, 3):
        path.write_bytes(whole)

        def flip(body: bytearray, place: int = place) -> None:
            body[place] ^= 0xFF

        try:
            segment = open_segment(forged(path, lambda _: None, flip))
        except SegmentDamaged:
            refused += 1
            continue
        masks = segment.masks
        assert masks is not None
        masks.tags["phone_34"].places(np.arange(0, 1 << 40, 1 << 33, dtype=np.uint64))
        assert segment.cohort_of(np.arange(40, dtype=np.uint32)).max() <= 3
        try:
            verify_segment(path)
        except SegmentDamaged:
            refused += 1
    assert refused > size // 3 * 0.8  # the rest is padding, and tags that are still in order


def test_format_2_has_no_parts(tmp_path: Path) -> None:
    """A file that says format 2 and has parts is refused: no program wrote it."""
    path = written(tmp_path / "a.segment", [(1, 1)], [1])

    with pytest.raises(SegmentDamaged, match="is invalid"):
        open_segment(forged(path, lambda header: header.update(version=2)))


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        ({"purpose": SegmentPurpose.KNOWN_BREACH, "label": "harrow-2024"}, "another purpose, label"),
        ({"label": "erp"}, "another label"),
    ],
    ids=["purpose", "label"],
)
def test_a_delta_of_another_kind_is_refused(tmp_path: Path, fields: dict[str, Any], difference: str) -> None:
    """Purpose and label are those of the base, or its hits would be told as hits of another list."""
    base = written(tmp_path / "a.segment", [(1, 1)], [1], label="crm")
    delta = written(tmp_path / "b.segment", [(1, 1)], [1], after=base, **fields)

    with pytest.raises(SegmentBaseOther, match=difference):
        check_follows(open_segment(delta).header, open_segment(base).header, delta)


def test_a_delta_of_other_templates_is_refused(tmp_path: Path) -> None:
    """Tags of two lists of templates cannot be counted together."""
    base = written(tmp_path / "a.segment", [(1, 1)], [1])
    delta = written(tmp_path / "b.segment", [(1, 1)], [1], after=base)
    forged(delta, _masks_changed(("version",), 2))

    with pytest.raises(SegmentBaseOther, match="another mask templates"):
        opened(base, delta)


def test_a_set_of_canaries_is_renewed_by_a_delta(tmp_path: Path) -> None:
    """The delta's set stands for that with the same first ordinal; other sets stay."""
    kind: dict[str, Any] = {"purpose": SegmentPurpose.CANARIES, "label": "all"}
    crm = CanarySet(label="crm", issued=DAY, first=1, last=1)
    erp = CanarySet(label="erp", issued=DAY, first=2, last=2)
    ended = crm.model_copy(update={"expires": UNTIL})
    base = written(tmp_path / "a.segment", [(1, 1), (2, 1)], [1, 1], canary_sets=(crm, erp), **kind)
    delta = written(tmp_path / "b.segment", [(3, 1)], [1], after=base, canary_sets=(ended,), **kind)

    assert opened(base, delta).header.canary_sets == (ended, erp)


def test_a_header_that_no_reader_takes_is_not_written(tmp_path: Path) -> None:
    """A header that is too long is refused when it is written, and says what to do."""
    sets = tuple(
        CanarySet(label="a" * 64, issued=DAY, expires=UNTIL, first=n, last=n) for n in range(1, 1001)
    )
    columns = tuple(DeclaredColumn(name="客" * 64) for _ in range(300))
    parts = HeaderParts(
        purpose=SegmentPurpose.CANARIES, canary_sets=sets, declared_schema=DeclaredSchema(columns=columns)
    )
    header = first_header(
        company="quillmere", default_region="CN", key=KEY, customers=1000, counts={}, now=NOW, parts=parts
    )

    with pytest.raises(SegmentTooLarge, match=r"\d+ bytes; at most 262128"):
        write_segment(tmp_path / "a.segment", header, {})
    assert list(tmp_path.iterdir()) == []


def test_sets_of_canaries_have_bounds() -> None:
    """A set that ends before it begins, or shares an ordinal with another one, is refused."""
    first = CanarySet(label="crm", issued=DAY, first=1, last=5)
    for make in (
        lambda: CanarySet(label="crm", issued=DAY, first=5, last=4),
        lambda: CanarySet(label="crm", issued=DAY, expires=DAY - timedelta(1), first=1, last=1),
        lambda: HeaderParts(
            purpose=SegmentPurpose.CANARIES,
            canary_sets=(first, CanarySet(label="erp", issued=DAY, first=5, last=6)),
        ),
    ):
        with pytest.raises(ValidationError):
            make()
