"""Terms find the same with the native library as without it, which is the specification."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from matching.mentions.terms import Terms, WatchTerm

pytestmark = pytest.mark.needs("gcc")

ROOT = Path(__file__).parents[3]
NAMES = (
    "Qudian", "趣店", "趣店 pay", "consumer bank", "Norvapay Consumer Bank", "h&m", "H&M Group",
    "O'Kestrel", "kel-bridge",     "qudian.example", "百联金服", "Ally", "EE", "bt", "360", "Q7",
    "移動", "榆岭小贷", "café", "1&1 AG", "GARANTİ", "金 融",
    "сораль", "سلام بنك", "한국은행", "abcd", "-dash-", "*star", "Data", "sold", "趣x店",
)  # fmt: skip
GAPS = ("", " ", "_", "-", ".", "*", "  ", "\n", "- \n", "&", " & ", ",", "😀", "\u200b", "'")
WORDS = (
    "the ", "is ", "old ", ". ", "\n", "来源", "数据", "2024", "[.]", "(dot) ", " dot ", "com ",
    "a", "q", "店", "ü", "<b>",     "Users.csv", "の", "é", "가", "1", "|", "QudianUsers.csv ", "really ",
)  # fmt: skip


def _with_gaps(name: str, gap: str) -> str:
    return gap.join(name)


def _swapped(name: str, digits: str) -> str:
    return name.lower().translate(str.maketrans("oilest", digits))


WRITTEN = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(NAMES),
    st.sampled_from(NAMES).map(str.upper),
    st.builds(_with_gaps, st.sampled_from(NAMES), st.sampled_from(GAPS)),
    st.builds(lambda name, gap: name.replace(" ", gap), st.sampled_from(NAMES), st.sampled_from(GAPS)),
    st.builds(_swapped, st.sampled_from(NAMES), st.sampled_from(["01|357", "oi1es7", "0ilest", "0113$t"])),
    st.builds(
        lambda name, gap, at: name[:at] + gap + name[at:],
        st.sampled_from(NAMES),
        st.sampled_from(GAPS),
        st.integers(1, 5),
    ),
)


def _both(names: tuple[str, ...], kind: str) -> tuple[Terms, Terms]:
    terms = [WatchTerm(number, 1, name, kind) for number, name in enumerate(names)]
    return Terms.build(terms), Terms.build(terms, native=False)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=12, unique=True).map(tuple),
    st.sampled_from(["name", "domain"]),
    st.lists(WRITTEN, max_size=60).map("".join),
)
@example(("Qudian",), "name", "q" * 33_000 + " qudian " + "x" * 32_700 + "q.u.d.i.a.n")
@example(("sold",), "name", "is old " * 9_000 + "s0ld")
@pytest.mark.slow
def test_the_library_finds_what_the_specification_finds(names: tuple[str, ...], kind: str, text: str) -> None:
    """In texts of names in many spellings, between words, separators and disguises."""
    native, plain = _both(names, kind)

    assert plain.find(text) == native.find(text)


def test_pages_have_the_same_mentions() -> None:
    """Real prose, for names that are words in it."""
    words = (
        "source",
        "Market",
        "list page",
        "well-kept",
        "dot",
        "qudian",
        "SQLite",
        "e-mail",
        "例",
        "telegram",
    )
    native, plain = _both(words, "name")
    found = 0
    for page in sorted(ROOT.glob("docs/**/*.md")):
        text = page.read_text(encoding="utf-8")
        mentions = plain.find(text)
        found += len(mentions)

        assert mentions == native.find(text), page.name
    assert found > 100


@pytest.mark.slow
def test_more_hits_in_one_place_than_there_is_room_for() -> None:
    """A text that is nothing but the name is searched to its end."""
    native, plain = _both(("趣店", "abab"), "name")

    assert plain.find("趣店" * 20_000) == native.find("趣店" * 20_000)
    assert len(native.find("趣店" * 20_000)) == 20_000


def test_the_limit_bounds_the_mentions() -> None:
    """No more are returned than asked for."""
    native, _ = _both(("趣店",), "name")

    assert len(native.find("趣店 " * 10_000, limit=10)) == 10
