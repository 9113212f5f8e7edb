"""What a thief learns from the tags of masked values in a segment: without the key, and with it.

The thief without the key knows more here than any real one: the whole list, but not which tag belongs to
whom. All that is left is to compare frequencies, the most frequent tag with the most frequent view, and so
on.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from matching.fingerprints.scheme import MaskKey, RootKey, Secret
from matching.fingerprints.segments import LEAST_PEOPLE, MappedSegment, verify_segment
from matching.masked_samples.masked_base import MaskedBase
from matching.masked_samples.templates import TEMPLATE_OF, TEMPLATES, MaskTemplate, tagged_text
from tests.matching.fingerprints.series import SLUG
from tests.matching.masked_samples.people import KEY, chain_of, enrolled, invented, masked

PEOPLE = invented(6000, 9)
MASKED = [masked(person, number) for number, person in enumerate(PEOPLE, 1)]


@pytest.fixture(scope="module")
def stolen(tmp_path_factory: pytest.TempPathFactory) -> MappedSegment:
    path: Path = tmp_path_factory.mktemp("stolen") / "a.segment"
    enrolled(path, PEOPLE, since="开户日期")
    return verify_segment(path)


def tags_of(segment: MappedSegment, template: str) -> NDArray[np.uint64]:
    assert segment.masks is not None
    return segment.masks.tags[template].packed(0, 1 << 30) >> np.uint64(8)


def views_of(template: MaskTemplate) -> list[tuple[str, str]]:
    return [view for row in MASKED if (view := template.view(row))]


def told_by_frequency(tags: Sequence[int], true: dict[int, str], views: Sequence[str]) -> float:
    """Return the share of customers whose view the thief knows by comparing ranks; ties are in any order."""
    by_tag, by_view = Counter(tags), Counter(views)
    ranked_tags = [tag for tag, _ in sorted(by_tag.items(), key=lambda one: (-one[1], one[0]))]
    ranked_views = [view for view, _ in sorted(by_view.items(), key=lambda one: (-one[1], one[0]))]
    right = (
        by_tag[tag] for tag, view in zip(ranked_tags, ranked_views, strict=False) if true.get(tag) == view
    )
    return sum(right) / len(tags)


def true_views(template: MaskTemplate, views: Sequence[tuple[str, str]]) -> dict[int, str]:
    texts = [tagged_text(*view) for view in views]
    return dict(zip(template.tagger(KEY.mask_key(SLUG))(texts).tolist(), texts, strict=True))


def test_frequencies_tell_a_template_of_names_alone() -> None:
    """The attack works where a template shows what many share, so the next test can fail."""
    tagger = KEY.mask_key(SLUG).tagger("surname", 1)
    names = [person.name[0] for person in PEOPLE]
    tags = tagger(names).tolist()

    assert told_by_frequency(tags, dict(zip(tags, names, strict=True)), names) > 0.9


def test_frequencies_tell_nothing_of_the_templates(stolen: MappedSegment) -> None:
    """By rank the thief knows less than one customer in a hundred, in each template; most tags occur once."""
    told = {}
    for template in TEMPLATES:
        views = views_of(template)
        if len(views) < len(PEOPLE) // 2:
            continue
        tags = tags_of(stolen, template.name)
        texts = [tagged_text(*view) for view in views]
        told[template.name] = told_by_frequency(tags.tolist(), true_views(template, views), texts)

    assert len(told) >= 12
    assert {name: share for name, share in told.items() if share > 0.01} == {}


def test_no_histogram_is_about_few_people(stolen: MappedSegment) -> None:
    """Each count of an anchor or an ending is of ten customers or more, in a small base too."""
    assert stolen.masks is not None
    counts = [*stolen.masks.anchors.values(), *stolen.masks.endings.values()]

    assert min(int(records["count"].min()) for records in counts if len(records)) >= LEAST_PEOPLE


def test_no_cohort_is_of_few_people(stolen: MappedSegment) -> None:
    """The byte beside a tag says no more than that the customer is one of ten or more of these months."""
    chain = chain_of(stolen.path)

    assert chain.cohort_counts()[1:].min() >= LEAST_PEOPLE


def test_tags_cannot_be_told_from_random_numbers(stolen: MappedSegment) -> None:
    """Their bits are balanced, and the tags of two templates have nothing in common."""
    tags = tags_of(stolen, "phone_34_surname")
    bits = np.stack([(tags >> np.uint64(bit)) & np.uint64(1) for bit in range(40)]).astype(float)
    others = tags_of(stolen, "phone_34_surname_last")

    assert abs(bits.mean(axis=1) - 0.5).max() < 6 * 0.5 / len(tags) ** 0.5
    assert len(np.intersect1d(tags, others)) == 0


def test_no_guessed_key_and_no_plain_hash_gives_a_tag(stolen: MappedSegment) -> None:
    """Unkeyed hashes, keys made of what the header says, and other companies' keys give no tag."""
    template = TEMPLATE_OF["phone_34_surname"]
    texts = [tagged_text(*view) for view in views_of(template)]
    stored = set(tags_of(stolen, template.name).tolist())
    header = stolen.header
    guesses = [
        b"",
        bytes(32),
        *(text.encode() for text in (SLUG, header.key_id, header.series, header.key_check)),
    ]
    keys = [RootKey("k", hashlib.sha256(guess).digest()).mask_key(SLUG) for guess in guesses]
    keys += [KEY.mask_key("harrowgate"), MaskKey(Secret(KEY.secret))]
    found = 0
    for key in keys:
        found += len(stored.intersection(template.tagger(key)(texts).tolist()))
    for name in ("md5", "sha1", "sha256"):
        hashes = (int.from_bytes(hashlib.new(name, text.encode()).digest()[:5], "big") for text in texts)
        found += len(stored.intersection(hashes))

    # 6000 of 2^40 values are stored: of all guesses together 0.0003 meet one by chance
    assert found == 0


def test_with_the_key_names_are_recovered(stolen: MappedSegment) -> None:
    """With the key a thief can try all names behind a known number: what the docs say of the key is true."""
    opened = MaskedBase.of([(chain_of(stolen.path), KEY)])
    template = TEMPLATE_OF["phone_34_surname"]
    families = sorted({person.name[0] for person in PEOPLE})
    right = 0
    for person in PEOPLE[:100]:
        guesses = [(f"{person.phone[:3]}|{family}", person.phone[-4:]) for family in families]
        hits = np.flatnonzero(opened.counts(template, guesses))
        right += person.name[0] in [families[hit] for hit in hits]

    assert right == 100
