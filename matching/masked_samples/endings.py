"""The histogram of endings of one kind, and the share of the base that has an ending.

Number endings are not equally frequent: 4 is avoided, 8 and repetitions are wanted. Without the base's own
histogram, unrelated samples would seem to hit far too often (`docs/reference/mask-templates.md`).

Counted are whole endings, the characters of each place, the pairs of neighbours, and the ways in which
characters repeat (7777, 7878, 7788: 15 ways for four places), because people want repetitions. Only what
LEAST_PEOPLE people or more have is written down, so in a small base most whole endings are not. Their share
follows from the pairs, and where these are rare, too, from single characters (Katz's back-off):

    share(ending) = its count / all, where it is listed
                    else what is left of all * pairs(ending) / what the pairs leave to endings not listed
    pairs(ending) = first character's share * share of each character behind the one before it
                    * counted share of its way of repeating / the share that the pairs give to this way

So the shares of all endings are 1 together. A ten thousandth of them is spread evenly: no share is 0.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.segments import LEAST_PEOPLE, CountRecords, EndingCounts, count_records
from matching.masked_samples.templates import EndingKind

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
OTHER = len(ALPHABET)  # any other character
_SIZE = OTHER + 1
_PAIRS = 1 << 22  # codes from here: 2048 per place of the first character of a pair
_SINGLES = 1 << 23  # codes from here: 64 per place
_REPEATS = 3 << 22  # codes from here: one bit for each two places with the same character
_WAYS = 64  # of repeating, at most: four places have six pairs
_ENUMERATED = 1 << 15  # endings at most of a kind whose ways of repeating are corrected
_EVENLY = 1e-4  # share of all that is spread evenly over the endings

_INDEX = np.full(256, OTHER, np.int64)
_INDEX[np.frombuffer(ALPHABET.encode(), np.uint8)] = np.arange(OTHER)

Shares = NDArray[np.float64]
Characters = NDArray[np.int64]  # a row per ending, of its characters' places in ALPHABET


def characters_of(endings: Sequence[str], length: int) -> Characters:
    """Return the characters of endings; one of another length has only OTHER."""
    fit = "".join(one if len(one) == length else "?" * length for one in endings)
    return _INDEX[np.frombuffer(fit.encode("latin-1", "replace"), np.uint8)].reshape(-1, length)


def _codes(characters: Characters) -> NDArray[np.int64]:
    codes = np.zeros(len(characters), np.int64)
    for place in range(characters.shape[1]):
        codes = codes * _SIZE + characters[:, place]
    return codes


def _ways(characters: Characters) -> NDArray[np.int64]:
    """Return which places of each ending have the same character, as bits."""
    ways = np.zeros(len(characters), np.int64)
    for bit, (one, other) in enumerate(combinations(range(characters.shape[1]), 2)):
        ways |= (characters[:, one] == characters[:, other]).astype(np.int64) << bit
    return ways


def histogram_of(counts: Mapping[str, int], length: int) -> tuple[EndingCounts, CountRecords]:
    """Return the histogram of counted endings, with what LEAST_PEOPLE or more people have."""
    characters = characters_of(list(counts), length)
    weights = np.fromiter(counts.values(), np.int64, len(counts))
    keys = [_codes(characters)]
    keys += [_PAIRS + (place << 11) + _codes(characters[:, place : place + 2]) for place in range(length - 1)]
    keys += [_SINGLES + (place << 6) + characters[:, place] for place in range(length)]
    keys.append(_REPEATS + _ways(characters))
    codes, places = np.unique(np.concatenate(keys), return_inverse=True)
    sums = np.bincount(places, weights=np.tile(weights, len(keys)), minlength=len(codes)).astype(np.int64)
    listed = sums >= LEAST_PEOPLE
    records = count_records(codes[listed].astype(np.uint32), sums[listed].astype(np.uint32))
    return EndingCounts(values=int(weights.sum()), listed=len(records), length=length), records


def counted_endings(counter: Counter[str], kind: EndingKind) -> Counter[str]:
    """Return the endings of the kind's length."""
    return Counter({ending: count for ending, count in counter.items() if len(ending) == kind.length})


@dataclass(frozen=True, slots=True)
class EndingShares:
    """The shares of the endings of one kind."""

    length: int
    _singles: Shares  # a row per place
    _pairs: Shares  # per place of the first character: a row per first character
    _codes: NDArray[np.int64]  # listed whole endings, sorted
    _listed: Shares  # their shares
    _repeats: Shares  # by way of repeating: its counted share, over what the pairs give it
    _left: float  # share of the endings that are not listed, over what the pairs give them
    _even: float  # share of each ending where all are equally frequent

    @classmethod
    def of(cls, records: CountRecords, values: int, kind: EndingKind) -> Self:
        """`values`: all that were counted. Whatever a file holds, shares lie between 0 and 1."""
        known = _INDEX[np.frombuffer(kind.alphabet.encode(), np.uint8)]
        singles = np.stack([_place_shares(records, place, values, known) for place in range(kind.length)])
        pairs = np.stack([_pair_shares(records, place, singles, values) for place in range(kind.length - 1)])
        whole = records["code"] < _PAIRS
        codes = records["code"][whole].astype(np.int64)
        listed = np.minimum(records["count"][whole] / max(values, 1), 1.0)
        digits = _characters_of_codes(codes, kind.length)
        repeats = _repeat_factors(records, values, known, singles, pairs)
        given = float((_chained(digits, singles, pairs) * repeats[_ways(digits)]).sum())
        rest = max(0.0, 1.0 - float(listed.sum()))
        left = rest / max(1.0 - given, 1e-9) if given < 1 else 0.0
        even = len(known) ** -kind.length
        return cls(kind.length, singles, pairs, codes, listed, repeats, left, even)

    def of_endings(self, endings: Sequence[str]) -> Shares:
        """Return the share of each ending; never 0."""
        characters = characters_of(endings, self.length)
        codes = _codes(characters)
        shares = (
            _chained(characters, self._singles, self._pairs) * self._repeats[_ways(characters)] * self._left
        )
        if len(self._codes):
            place = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
            shares = np.where(self._codes[place] == codes, self._listed[place], shares)
        return np.minimum(shares * (1 - _EVENLY) + self._even * _EVENLY, 1.0)


def _characters_of_codes(codes: NDArray[np.int64], length: int) -> Characters:
    return np.stack([codes // _SIZE**place % _SIZE for place in range(length - 1, -1, -1)], axis=1)


def _chained(characters: Characters, singles: Shares, pairs: Shares) -> Shares:
    shares: Shares = singles[0, characters[:, 0]]
    for place in range(characters.shape[1] - 1):
        shares = shares * pairs[place, characters[:, place], characters[:, place + 1]]
    return shares


def _repeat_factors(
    records: CountRecords, values: int, known: NDArray[np.int64], singles: Shares, pairs: Shares
) -> Shares:
    """Return for each way of repeating how many times more frequent it is than the pairs say.

    Ways that are not listed share what is left. 1 for all of a kind with too many endings to go through.
    """
    length = len(singles)
    if len(known) ** length > _ENUMERATED or not values:
        return np.ones(_WAYS)
    endings = known[np.indices([len(known)] * length).reshape(length, -1).T]
    sums = np.bincount(_ways(endings), weights=_chained(endings, singles, pairs), minlength=_WAYS)
    given: Shares = sums.astype(np.float64) / float(sums.sum())
    counts = _dense(records, _REPEATS, _WAYS)
    listed = counts > 0
    rest = max(0.0, values - float(counts.sum())) * given / max(float(given[~listed].sum()), 1e-9)
    expected = np.where(listed, counts, rest)
    factors: Shares = (expected + LEAST_PEOPLE * given) / ((values + LEAST_PEOPLE) * np.maximum(given, 1e-12))
    return factors


def _place_shares(records: CountRecords, place: int, values: int, known: NDArray[np.int64]) -> Shares:
    """Return the share of each character at a place; what is not listed is spread over the known ones."""
    counts = _dense(records, _SINGLES + (place << 6), _SIZE)
    evenly = np.zeros(_SIZE)
    evenly[known] = 1.0
    return _backed_off(counts, float(values), evenly / len(known))


def _pair_shares(records: CountRecords, place: int, singles: Shares, values: int) -> Shares:
    """Return for each character at a place the shares of those behind it."""
    counts = _dense(records, _PAIRS + (place << 11), _SIZE * _SIZE).reshape(_SIZE, _SIZE)
    totals = np.maximum(_dense(records, _SINGLES + (place << 6), _SIZE), counts.sum(axis=1))
    return np.stack([_backed_off(counts[one], totals[one], singles[place + 1]) for one in range(_SIZE)])


def _backed_off(counts: Shares, total: float, lower: Shares) -> Shares:
    """Return counts as shares of a total; the rest of it goes to what has no count, in shares of `lower`.

    LEAST_PEOPLE more are added in shares of `lower`, so that few people decide little.
    """
    total = max(total, float(counts.sum()))
    uncounted = np.where(counts > 0, 0.0, lower)
    rest = total - float(counts.sum())
    spread = uncounted / uncounted.sum() if uncounted.sum() else lower
    return (counts + spread * rest + lower * LEAST_PEOPLE) / (total + LEAST_PEOPLE)


def _dense(records: CountRecords, first: int, size: int) -> Shares:
    dense = np.zeros(size)
    inside = (records["code"] >= first) & (records["code"] < first + size)
    dense[records["code"][inside].astype(np.int64) - first] = records["count"][inside]
    return dense
