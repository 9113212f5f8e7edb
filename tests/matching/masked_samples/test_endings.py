"""The shares of endings: of large and small bases, skewed ones, and damaged histograms."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.fingerprints.segments import LEAST_PEOPLE, count_records
from matching.masked_samples.endings import EndingShares, histogram_of
from matching.masked_samples.templates import MONTH_DAY, PHONE_2, PHONE_4, RESIDENT_4

ALL = [f"{number:04}" for number in range(10_000)]


def drawn(count: int, seed: int) -> list[str]:
    """Return endings of which 4 is rare, 8 and 6 are frequent, and a digit is often repeated."""
    random = np.random.default_rng(seed)
    weights = np.array([1, 1, 1, 1, 0.3, 1, 1.6, 1, 2, 1.2])
    digits = random.choice(10, size=(count, 4), p=weights / weights.sum())
    for place in range(3):
        repeated = random.random(count) < 0.12
        digits[:, place + 1] = np.where(repeated, digits[:, place], digits[:, place + 1])
    return ["".join(map(str, row)) for row in digits]


def shares_of(endings: list[str]) -> EndingShares:
    counts, records = histogram_of(Counter(endings), 4)
    return EndingShares.of(records, counts.values, PHONE_4)


@pytest.mark.parametrize(("count", "within"), [(1000, 0.06), (5000, 0.03), (50_000, 0.02), (500_000, 0.01)])
def test_unrelated_endings_meet_their_chance(count: int, within: float) -> None:
    """An unrelated ending meets as many customers as its share says; with equal shares it would be 2.5."""
    base = drawn(count, 1)
    asked, counts = drawn(100_000, 2), Counter(base)
    met = np.array([counts[ending] for ending in asked])

    scores = met / (count * shares_of(base).of_endings(asked))

    assert abs(scores.mean() - 1) < within
    assert met.mean() / (count * 1e-4) > 2.3


@pytest.mark.parametrize("count", [0, 1, 9, 300, 5000, 100_000])
def test_all_shares_are_one_together(count: int) -> None:
    """In a base of any size the shares sum to 1, and none is 0."""
    shares = shares_of(drawn(count, 3)).of_endings(ALL)

    assert shares.sum() == pytest.approx(1.0)
    assert shares.min() > 0


def test_nothing_is_written_of_few_people() -> None:
    """Each number of a histogram is of ten people or more, so a small base gives single digits at most."""
    for count in (9, 60, 400, 20_000):
        counts, records = histogram_of(Counter(drawn(count, 4)), 4)
        assert counts.listed == len(records)
        assert not len(records) or records["count"].min() >= LEAST_PEOPLE
    assert len(histogram_of(Counter(drawn(9, 4)), 4)[1]) == 0


def test_endings_of_every_kind_are_counted() -> None:
    """An X, a date and two digits have shares of their own; another character has a very small one."""
    residents = ["123X"] * 40 + ["1234"] * 60
    counts, records = histogram_of(Counter(residents), 4)
    shares = EndingShares.of(records, counts.values, RESIDENT_4).of_endings(["123X", "1234", "12é4", "1"])
    days, day_records = histogram_of(Counter({"0101": 300, "0612": 100}), 4)
    of_days = EndingShares.of(day_records, days.values, MONTH_DAY).of_endings(["0101", "0612", "1231"])
    two, two_records = histogram_of(Counter({"00": 30, "99": 10}), 2)

    assert shares[:2] == pytest.approx([0.4, 0.6], rel=0.01)
    assert 0 < shares[2:].max() < 1e-3
    assert of_days[:2] == pytest.approx([0.75, 0.25], rel=0.01)
    assert EndingShares.of(two_records, two.values, PHONE_2).of_endings(["00"]) == pytest.approx(
        0.75, rel=0.01
    )


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1) | st.integers(1 << 22, 1 << 24), st.integers(0, 2**32 - 1)),
        max_size=30,
    ),
    st.integers(0, 2**32 - 1),
)
def test_a_damaged_histogram_gives_shares(pairs: list[tuple[int, int]], values: int) -> None:
    """Whatever a file that was not verified holds, a share lies between 0 and 1."""
    counts = dict(pairs)
    codes = sorted(counts)
    records = count_records(np.array(codes, np.uint32), np.array([counts[code] for code in codes], np.uint32))

    shares = EndingShares.of(records, values, PHONE_4).of_endings(["1234", "0000", "9999", "x", ""])

    assert np.all((shares > 0) & (shares <= 1))


def test_repetitions_are_known_in_a_small_base() -> None:
    """3,000 people like 7777, 7878 and 7788: few whole endings are listed, and the ways of repeating are."""
    random = np.random.default_rng(5)
    plain = random.integers(0, 10_000, 2_400)
    doubled = random.integers(0, 100, 600) * 101  # 0000, 0101, ... 9999
    counts = Counter(f"{ending:04}" for ending in [*plain.tolist(), *doubled.tolist()])

    written, records = histogram_of(counts, 4)
    shares = EndingShares.of(records, written.values, PHONE_4)

    repeated = [f"{ending:02}" * 2 for ending in range(100)]
    assert shares.of_endings(repeated).sum() == pytest.approx(600 / 3_000 + 0.01 * 0.8, rel=0.1)
    assert shares.of_endings([f"{ending:04}" for ending in range(10_000)]).sum() == pytest.approx(1, abs=0.01)
