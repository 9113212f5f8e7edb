"""The enrolled base: its counts, shares and cohorts are those of a plain scan of the list."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matching.enrolment.enrol import Enrolment, enroll
from matching.errors import CustomersWithoutColumns, MasksMissing, MasksOther, SegmentTruncated
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import (
    LEAST_PEOPLE,
    HeaderParts,
    SegmentPurpose,
    delta_header,
    merge_chain,
    open_segment,
    write_segment,
)
from matching.masked_samples.masked_base import MaskedBase, check_masks
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.masked_samples.templates import TEMPLATE_OF, MaskTemplate
from tests.matching.fingerprints.series import NOW
from tests.matching.fingerprints.test_segment_parts import forged
from tests.matching.masked_samples.people import (
    KEY,
    Person,
    chain_of,
    enrolled,
    invented,
    masked,
)

PEOPLE = invented(3000, 1)
OTHERS = invented(1500, 2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base") / "a.segment"
    enrolled(path, PEOPLE, since="开户日期")
    return path


def views(template: MaskTemplate, people: list[Person]) -> list[tuple[str, str]]:
    return [view for person in people if (view := template.view(masked(person)))]


def plain_counts(template: MaskTemplate, people: list[Person]) -> Counter[tuple[str, str]]:
    """Count what a template shows of whole values, without tags."""
    rows = [
        SampleRow(
            1,
            1,
            0,
            0,
            (
                VisibleValue(Attribute.NAME, person.name),
                VisibleValue(Attribute.PHONE, person.phone),
                VisibleValue(Attribute.RESIDENT_ID, person.resident_id),
                VisibleValue(Attribute.CARD, person.card),
                VisibleValue(Attribute.EMAIL, person.email.split("@")[0], domain="mail.example"),
            ),
        )
        for person in people
    ]
    return Counter(view for row in rows if (view := template.view(row)))


def test_counts_are_those_of_a_plain_scan(base: Path) -> None:
    """For each template, the customers of a masked row are those whom a scan of the list finds."""
    opened = MaskedBase.of([(chain_of(base), KEY)])
    compared = 0
    for template in opened.templates:
        wanted = plain_counts(template, PEOPLE)
        asked = [*views(template, PEOPLE[:200]), *views(template, OTHERS[:200])]
        if asked:
            compared += 1
            assert opened.counts(template, asked).tolist() == [wanted[view] for view in asked]

    assert compared >= 14
    assert opened.customers == 3000


def test_every_masked_row_of_ours_is_found(base: Path) -> None:
    """No mask of a customer's own values is missed, and few of strangers' hit where two values are shown."""
    opened = MaskedBase.of([(chain_of(base), KEY)])
    template = TEMPLATE_OF["phone_34_surname_last"]

    assert opened.counts(template, views(template, PEOPLE)).min() >= 1
    assert (opened.counts(template, views(template, OTHERS)) > 0).mean() < 0.02


def test_unrelated_rows_meet_their_chance(base: Path) -> None:
    """The mean score of unrelated rows of the same regions, names and endings is 1."""
    opened = MaskedBase.of([(chain_of(base), KEY)])
    for name in ("phone_34", "resident_64", "phone_34_surname", "phone_33_surname_last"):
        template = TEMPLATE_OF[name]
        asked = views(template, invented(6000, 3))
        chances = (
            opened.customers
            * opened.anchor_shares(template, [anchor for anchor, _ in asked])
            * opened.ending_shares(template, [ending for _, ending in asked])
        )
        scores = opened.counts(template, asked) / chances
        assert abs(scores.mean() - 1) < max(0.06, 4 * scores.std() / len(scores) ** 0.5), name


def test_shares_of_anchors(base: Path) -> None:
    """An anchor of many has its share; a rare one has that of the usual rare one; no share is 0."""
    opened = MaskedBase.of([(chain_of(base), KEY)])
    template = TEMPLATE_OF["phone_34_surname_last"]
    counts = Counter(anchor for anchor, _ in plain_counts(template, PEOPLE).elements())
    often = [anchor for anchor, count in counts.items() if count >= LEAST_PEOPLE]
    rare = [count for count in counts.values() if count <= LEAST_PEOPLE]
    usual = sum(count * (count - 1) for count in rare) / sum(rare)  # others with the anchor of one of them

    shares = opened.anchor_shares(template, [*often, "138|无名", "x"]) * opened.customers

    assert shares == pytest.approx([*(counts[anchor] for anchor in often), usual, usual])
    assert 1 < usual < LEAST_PEOPLE


def test_a_hit_has_the_cohort_of_its_customer(base: Path) -> None:
    """The cohort of a masked hit is that of the customer's enrolment date, and that of the ordinal."""
    chain = chain_of(base)
    opened = MaskedBase.of([(chain, KEY)])
    template = TEMPLATE_OF["phone_04_resident_04"]
    people = PEOPLE[:300]

    found = opened.cohorts(template, views(template, people))
    ordinals = chain.cohort_of(np.arange(1, 301, dtype=np.uint32))

    for person, cohorts, number in zip(people, found, ordinals.tolist(), strict=True):
        first = opened.cohort_dates[number - 1]
        after = opened.cohort_dates[number] if number < len(opened.cohort_dates) else date.max
        assert first <= date.fromisoformat(person.since) < after
        assert number in cohorts.tolist()
    assert opened.cohorts(template, [("|nobody", "0000")])[0].tolist() == []
    counts = chain.cohort_counts()
    assert (counts[0], counts[1:].sum(), counts[1:].min() >= LEAST_PEOPLE) == (0, 3000, True)


def test_deltas_and_mergers_count_together(tmp_path: Path, base: Path) -> None:
    """Base and delta give the counts, shares and cohorts of both lists, before and after they are merged."""
    delta, gone = tmp_path / "b.segment", tmp_path / "c.segment"
    enrolled(delta, OTHERS, since="开户日期", base=base)
    write_segment(gone, delta_header(open_segment(delta).header, now=NOW), {}, np.array([1, 4], np.uint32))
    last = tmp_path / "d.segment"
    enrolled(last, OTHERS[:5], since="开户日期", base=gone)
    chain = chain_of(base, delta, gone, last)
    merge_chain(chain, tmp_path / "whole.segment")
    apart = MaskedBase.of([(chain, KEY)])
    whole = MaskedBase.of([(chain_of(tmp_path / "whole.segment"), KEY)])
    everybody = [*PEOPLE, *OTHERS, *OTHERS[:5]]

    assert (apart.customers, whole.customers) == (4503, 4505)
    for name in ("phone_34", "card_64_surname", "resident_64_surname"):
        template = TEMPLATE_OF[name]
        wanted = plain_counts(template, everybody)
        asked = [*views(template, PEOPLE[:50]), *views(template, OTHERS[:50])]
        counts = [wanted[view] for view in asked]
        assert apart.counts(template, asked).tolist() == whole.counts(template, asked).tolist() == counts
        anchors, endings = [anchor for anchor, _ in asked], [ending for _, ending in asked]
        before, after = (one.customers * one.anchor_shares(template, anchors) for one in (apart, whole))
        assert before == pytest.approx(after)
        assert apart.ending_shares(template, endings) == pytest.approx(whole.ending_shares(template, endings))
        pairs = zip(apart.cohorts(template, asked), whole.cohorts(template, asked), strict=True)
        assert all(sorted(one) == sorted(other) for one, other in pairs)


def test_two_chains_are_one_base(tmp_path: Path, base: Path) -> None:
    """Two lists of one company, under two keys, are counted together; cohorts are those that fit both."""
    other = RootKey("k2", bytes(32))
    enrolled(tmp_path / "b.segment", OTHERS, since="开户日期", key=other)
    opened = MaskedBase.of([(chain_of(base), KEY), (chain_of(tmp_path / "b.segment"), other)])
    template = TEMPLATE_OF["phone_34_surname"]
    wanted = plain_counts(template, [*PEOPLE, *OTHERS])
    asked = [*views(template, PEOPLE[:50]), *views(template, OTHERS[:50])]

    assert opened.customers == 4500
    assert opened.counts(template, asked).tolist() == [wanted[view] for view in asked]
    assert all(max(one.tolist()) <= len(opened.cohort_dates) for one in opened.cohorts(template, asked))


def test_masks_of_another_key_or_version_are_refused_alone(tmp_path: Path, base: Path) -> None:
    """Fingerprints are still compared; the message says what to do, and another chain is still used."""
    plain = tmp_path / "plain.segment"
    enrolled(plain, PEOPLE[:20], masks=False)
    newer = tmp_path / "newer.segment"
    enrolled(newer, PEOPLE[:20])
    forged(newer, lambda header: header["masks"].update(version=2))

    with pytest.raises(MasksMissing, match=r"plain\.segment has no tags .* without --no-masks"):
        MaskedBase.of([(chain_of(plain), KEY)])
    with pytest.raises(MasksOther, match="version 2 of the mask templates"):
        check_masks(chain_of(newer), KEY)
    with pytest.raises(MasksOther, match="golden tag of the mask template phone_34"):
        check_masks(chain_of(base), RootKey("k1", bytes(32)))
    with pytest.raises(MasksMissing):
        MaskedBase.of([])
    chain_of(newer).check_key(KEY)
    opened = MaskedBase.of([(chain_of(plain), KEY), (chain_of(base), KEY)])
    assert [(chain.path, refused.reason) for chain, refused in opened.left_out] == [(plain, "masks_missing")]


def test_a_delta_has_tags_only_if_its_series_does(tmp_path: Path) -> None:
    """Tags of new customers alone would answer for all; an erasing delta in between changes nothing."""
    enrolled(tmp_path / "a.segment", PEOPLE[:20], masks=False)
    without = enrolled(tmp_path / "b.segment", PEOPLE[20:40], base=tmp_path / "a.segment")
    enrolled(tmp_path / "c.segment", PEOPLE[:20])
    erasing = delta_header(open_segment(tmp_path / "c.segment").header, now=NOW)
    write_segment(tmp_path / "d.segment", erasing, {}, np.array([1], np.uint32))
    with_tags = enrolled(tmp_path / "e.segment", PEOPLE[20:40], base=tmp_path / "d.segment")

    assert (without.tags, open_segment(tmp_path / "b.segment").header.masks) == ({}, None)
    assert with_tags.tags["phone_34"] == 20


def test_several_values_of_a_customer_count_each(tmp_path: Path) -> None:
    """Two phones and two e-mails give each template its combinations, and nothing twice."""
    list_ = "姓名,手机号,手机2,邮箱\n张三,13800001234,13900005678,a1b@mail.example;c2d@mail.example\n"
    result = _enrolled_text(tmp_path, list_)
    opened = MaskedBase.of([(chain_of(tmp_path / "a.segment"), KEY)])
    pairs = [("138|张", "1234"), ("139|张", "5678"), ("138|张", "5678")]

    assert opened.counts(TEMPLATE_OF["phone_34_surname"], pairs).tolist() == [1, 1, 0]
    assert result.tags["phone_34"] == 2
    assert result.tags["phone_34_mailbox"] == 4


def _enrolled_text(tmp_path: Path, text: str, **options: Any) -> Enrolment:
    (tmp_path / "list.csv").write_text(text)
    given: dict[str, Any] = {"company": "quillmere", "key": KEY, "default_region": "CN", "now": NOW}
    return enroll(tmp_path / "list.csv", tmp_path / "a.segment", **{**given, **options})


@pytest.mark.parametrize(
    ("header", "cells", "options", "template", "pair"),
    [
        ("First name,Last name,phone", "John,Doe,+12025550123", {}, "phone_34_initials", ("202|dj", "0123")),
        ("A,B,phone", "Doe,John,+1 (202) 555-0123", {"name": "1+2"}, "phone_34_initials", ("202|dj", "0123")),
        ("A,B,phone", "张,三丰,13800001234", {"name": "1+2"}, "phone_34_surname_last", ("138|张丰", "1234")),
        ("wer,phone", "歐陽鋒,13800001234", {"name": "wer"}, "phone_34_surname_last", ("138|欧锋", "1234")),
        ("name,phone,geb", "John Doe,+447911123456,12.03.1990", {"born": "3"}, "birth_date_initials",
         ("1990|dj", "0312")),
        ("name,身份证号", "张三,11010119000101009X", {}, "birth_date_surname_last", ("1900|张三", "0101")),
        ("name,phone", "NULL,13800001234", {}, "phone_34", ("138", "1234")),
        ("name,phone", "John Doe,+44 7911 123456", {}, "phone_24_initials", ("79|dj", "3456")),
        ("name,national_id", "Jan Kowalski,44051401359", {"default_region": "PL"}, "national_34_initials",
         ("440|jk", "1359")),
        ("name,iban", "Jo Ax,GB33BUKB20201555555555", {}, "iban_44_initials", ("GB33|aj", "5555")),
    ],
)  # fmt: skip
def test_columns_of_names_and_dates(
    tmp_path: Path, header: str, cells: str, options: dict[str, Any], template: str, pair: tuple[str, str]
) -> None:
    """Names and birth dates are found by the header, named, or read from the resident ID."""
    _enrolled_text(tmp_path, f"{header}\n{cells}\n", **options)
    opened = MaskedBase.of([(chain_of(tmp_path / "a.segment"), KEY)])

    assert opened.counts(TEMPLATE_OF[template], [pair]).tolist() == [1]


@pytest.mark.parametrize(
    "options",
    [{"since": "nowhere"}, {"name": "1+2+3"}, {"since": "姓名"}, {"born": "9x"}],
    ids=["no such column", "three names", "no dates", "no such number"],
)
def test_wrong_columns_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    """A column that does not exist, or has no date, is refused before a segment is written."""
    with pytest.raises(CustomersWithoutColumns):
        enrolled(tmp_path / "a.segment", PEOPLE[:5], **options)
    assert not (tmp_path / "a.segment").exists()


def test_a_known_breach_is_enrolled_as_such(tmp_path: Path) -> None:
    """Purpose and label are in the header, and a delta repeats them."""
    parts = HeaderParts(purpose=SegmentPurpose.KNOWN_BREACH, label="harrow-2024")
    enrolled(tmp_path / "a.segment", PEOPLE[:20], parts=parts)
    result = enrolled(tmp_path / "b.segment", PEOPLE[20:30], base=tmp_path / "a.segment")

    header = chain_of(tmp_path / "a.segment", tmp_path / "b.segment").header
    assert (header.purpose, header.label, result.label) == ("known_breach", "harrow-2024", "harrow-2024")


def test_a_tag_takes_five_bytes(tmp_path: Path) -> None:
    """A customer takes 5 bytes per template, 1 for the cohort, and what the histograms need is bounded."""
    people = invented(6000, 5)
    sizes = []
    for masks in (False, True):
        path = tmp_path / f"{masks}.segment"
        result = enrolled(path, people, masks=masks, since="开户日期")
        sizes.append(path.stat().st_size)
    header = open_segment(path).header.masks
    assert header is not None
    tags = sum(counts.tags for counts in header.templates.values())
    listed = sum(one.anchors for one in header.templates.values())
    listed += sum(one.listed for one in header.endings.values())

    fixed = len(result.tags) * (4 * 257 + 48) + 8192  # directories, and the longer header
    assert sizes[1] - sizes[0] <= 5 * tags + 8 * listed + fixed
    assert all(one.anchors * LEAST_PEOPLE <= one.tags for one in header.templates.values())


def test_a_base_that_shrinks_is_an_error(tmp_path: Path) -> None:
    """A truncated file gives an error; reading its mapped pages would kill the process."""
    enrolled(tmp_path / "a.segment", PEOPLE[:50])
    opened = MaskedBase.of([(chain_of(tmp_path / "a.segment"), KEY)])
    with (tmp_path / "a.segment").open("r+b") as stream:
        stream.truncate(100)

    with pytest.raises(SegmentTruncated):
        opened.counts(TEMPLATE_OF["phone_34"], [("138", "1234")])
    with pytest.raises(SegmentTruncated):
        opened.anchor_shares(TEMPLATE_OF["phone_34"], ["138"])


def test_a_list_without_names_has_fewer_templates(tmp_path: Path) -> None:
    """Only templates whose values the list has are written."""
    (tmp_path / "list.csv").write_text("")
    result = _enrolled_text(tmp_path, "phone\n13800001234\n13900001234\n")

    assert result.tags == {"phone_34": 2}
