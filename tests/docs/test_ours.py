"""The page about "Is it ours?" has every word that an answer can show, and the figures of its table."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum

import pytest

from matching.ours import (
    Disagreement,
    NonMemberBaseline,
    OursAnswer,
    OursVerdict,
    RowBasis,
    RowEvidence,
    ShareInterval,
    ShuffleTest,
    WeakestAssumption,
)
from matching.ours.full_hits import FULL_SCORES
from matching.ours.verdict import OURS_LOW, OURS_MIDDLE, PAIRED_P, PRESENT_P, SHARED_LIMIT, UNPAIRED_P
from tests.docs.pages import DOCS, Page

PAGE = Page(DOCS / "reference" / "ours.md")


@pytest.mark.parametrize("words", [OursVerdict, Disagreement, WeakestAssumption, RowBasis])
def test_every_word_has_its_place(words: type[StrEnum]) -> None:
    """Who meets a verdict, a disagreement, an assumption or a basis in `--json` finds it."""
    places = {name for section in PAGE.sections for name in section.places}

    assert {word.value for word in words} - places == set()


@pytest.mark.parametrize("kind", [OursAnswer, ShareInterval, ShuffleTest, NonMemberBaseline, RowEvidence])
def test_every_field_is_named(kind: type) -> None:
    """Each key of `--json` stands on the page."""
    assert {one.name for one in fields(kind)} - set(PAGE.inline_code) == set()


def test_the_limits_are_those_of_the_code() -> None:
    """The page's table says what the code does."""
    when = " ".join(line for line in PAGE.prose.splitlines() if line.startswith("| `"))

    for limit in (
        OURS_LOW,
        OURS_MIDDLE,
        SHARED_LIMIT,
        PAIRED_P,
        PRESENT_P,
        UNPAIRED_P,
        *FULL_SCORES.values(),
    ):
        assert f"{limit:,g}" in when or f"{limit:,.0f}" in when, limit
