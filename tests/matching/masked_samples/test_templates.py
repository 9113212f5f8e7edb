"""Mask templates: what they show of whole and masked values in many scripts, and what they don't."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments.parts import MASK_PARTS_LIMIT
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.masked_samples.templates import (
    ENDING_KINDS,
    GOLDEN_PEOPLE,
    TEMPLATE_OF,
    TEMPLATES,
    TEMPLATES_VERSION,
    golden_tag,
)

KEY = RootKey("k1", bytes(range(32)))


def row(*values: VisibleValue) -> SampleRow:
    return SampleRow(1, 1, 0, 0, values)


def phone(head: str, tail: str = "", hidden: int | None = 0) -> VisibleValue:
    return VisibleValue(Attribute.PHONE, head, tail, hidden, region="CN")


def named(head: str, tail: str = "", hidden: int | None = 0) -> VisibleValue:
    return VisibleValue(Attribute.NAME, head, tail, hidden)


def resident(head: str, tail: str = "", hidden: int | None = 0) -> VisibleValue:
    return VisibleValue(Attribute.RESIDENT_ID, head, tail, hidden)


def mailbox(head: str, tail: str, hidden: int | None, domain: str) -> VisibleValue:
    return VisibleValue(Attribute.EMAIL, head, tail, hidden, domain)


def born(head: str, tail: str = "", hidden: int | None = 0) -> VisibleValue:
    return VisibleValue(Attribute.BIRTH_DATE, head, tail, hidden)


@pytest.mark.parametrize(
    ("template", "values", "shown"),
    [
        ("phone_34", [phone("138", "1234", 4)], ("138", "1234")),
        ("phone_34", [phone("13800001234")], ("138", "1234")),
        ("phone_34", [phone("1380", "01234", None)], ("138", "1234")),
        ("phone_34", [phone("13", "1234", 5)], None),
        ("phone_34", [phone("138", "234", 5)], None),
        ("phone_34", [phone("", "1234", None)], None),
        ("phone_34", [phone("12", "34", None), phone("139", "9999", 4)], ("139", "9999")),
        ("phone_24_initials", [phone("7911123456"), named("j d", "", 5)], ("79|dj", "3456")),
        ("phone_32_surname_last", [phone("138", "34", 6), named("张", "三", 1)], ("138|张三", "34")),
        ("phone_04_surname_last", [phone("", "1234", None), named("張", "豐", 1)], ("|张丰", "1234")),
        ("phone_34_surname", [phone("138", "1234", 4), named("欧阳锋")], ("138|欧", "1234")),
        ("phone_34_surname", [phone("138", "1234", 4), named("歐陽", "", 1)], ("138|欧", "1234")),
        ("phone_34_surname", [phone("138", "1234", 4), named("欧", "", 2)], ("138|欧", "1234")),
        ("phone_34_surname", [phone("138", "1234", 4), named("", "三", 1)], None),
        ("phone_34_surname", [phone("138", "1234", 4), named("john doe")], None),
        ("phone_34_surname_last", [phone("138", "1234", 4), named("张", "", 1)], None),
        ("phone_34_surname_last", [phone("138", "1234", 4), named("张三先生")], ("138|张三", "1234")),
        ("phone_34_surname_last", [phone("10", "1234"), named("김", "수", 1)], None),
        ("phone_34_surname_last", [phone("101", "1234", 4), named("김철수")], ("101|김수", "1234")),
        ("phone_34_surname_last", [phone("090", "1234", 4), named("山田太郎")], ("090|山郎", "1234")),
        ("phone_34_initials", [phone("202", "0123", 3), named("j d", "", None)], ("202|dj", "0123")),
        ("phone_34_initials", [phone("202", "0123", 3), named("Doe, John")], ("202|dj", "0123")),
        ("phone_34_initials", [phone("202", "0123", 3), named("Dr. John M. Doe")], ("202|dj", "0123")),
        ("phone_34_initials", [phone("202", "0123", 3), named("j", "", 5)], None),
        ("phone_34_initials", [phone("912", "0123", 4), named("щукин йосиф")], ("912|ищ", "0123")),
        ("phone_34_initials", [phone("912", "0123", 4), named("Nguyễn Văn Đức")], ("912|dn", "0123")),
        ("phone_34_initials", [phone("501", "0123", 4), named("أحمد العلي")], ("501|اا", "0123")),
        ("phone_34_year", [phone("138", "1234", 4), born("1990")], ("138|1990", "1234")),
        ("phone_34_year", [phone("138", "1234", 4), born("", "03-12", None)], None),
        ("phone_34_mailbox", [phone("138", "1234", 4), mailbox("J", "", None, "Mail.example")],
         ("138|j@mail.example", "1234")),
        ("phone_34_mailbox", [phone("138", "1234", 4), mailbox("j", "n", 3, "")], None),
        ("phone_04_mailbox", [phone("", "1234", 7), mailbox("john", "", 0, "mail.example")],
         ("|jn@mail.example", "1234")),
        ("phone_04_mailbox", [phone("", "1234", 7), mailbox("j", "", None, "mail.example")], None),
        ("resident_64", [resident("110101", "123x", 8)], ("110101", "123X")),
        ("resident_64", [resident("11010119000101123X")], ("110101", "123X")),
        ("resident_64", [resident("110101", "1234", 5)], None),
        ("resident_34_surname", [resident("110", "123X", 11), named("张", "", 2)], ("110|张", "123X")),
        ("resident_64_year", [resident("110101", "1234", 8), born("1990-03-12")], ("110101|1990", "1234")),
        ("phone_04_resident_04", [resident("", "123X", 14), phone("138", "5678", 4)], ("|123X", "5678")),
        ("phone_32_initials", [phone("912", "45", 5), named("и п", "", 6)], ("912|ип", "45")),
        ("birth_date_surname_last", [born("1990-03-12"), named("张", "三", 1)], ("1990|张三", "0312")),
        ("birth_date_surname_last", [born("1990-03"), named("张", "三", 1)], None),
        ("birth_date_initials", [born("1990-03-12"), named("j d", "", None)], ("1990|dj", "0312")),
    ],
)  # fmt: skip
def test_a_template_shows(template: str, values: list[VisibleValue], shown: tuple[str, str] | None) -> None:
    """A value that shows more is reduced, one that shows less gives nothing, and scripts fold alike."""
    assert TEMPLATE_OF[template].view(row(*values)) == shown


def test_the_list_is_closed() -> None:
    """Names are unique, each golden person shows something, and each template has a kind of ending."""
    names = Counter(template.name for template in TEMPLATES)

    assert set(names.values()) == {1}
    assert len(names) <= MASK_PARTS_LIMIT
    assert {template.ending for template in TEMPLATES} == set(ENDING_KINDS)
    for template in TEMPLATES:
        views = [view for person in GOLDEN_PEOPLE if (view := template.view(person))]
        assert views
        assert {len(ending) for _, ending in views} == {template.ending.length}


def test_golden_tags_are_those_of_version_1() -> None:
    """A template that shows anything else, or another derivation of keys, needs a new version."""
    key = KEY.mask_key("quillmere")
    tags = "".join(golden_tag(template, key) for template in TEMPLATES)

    assert TEMPLATES_VERSION == 1
    assert golden_tag(TEMPLATE_OF["phone_34"], key) == "7ce851c4de"
    assert KEY.mask_key("harrowgate").secret != key.secret
    assert hashlib.sha256(tags.encode()).hexdigest()[:16] == "a21033e553d50250"


_VALUES = st.builds(
    VisibleValue,
    st.sampled_from(Attribute),
    st.text(max_size=30),
    st.text(max_size=10),
    st.sampled_from([0, 1, 8, None]),
    st.sampled_from(["", "mail.example"]),
)


@given(st.lists(_VALUES, max_size=5))
def test_any_row_is_shown_or_not(values: list[VisibleValue]) -> None:
    """Whatever a row holds, a template gives None or two texts, the ending of the length of its kind."""
    for template in TEMPLATES:
        view = template.view(row(*values))
        if view is not None:
            assert template.attributes <= {value.attribute for value in values}
            assert len(view[1]) == template.ending.length
