"""Data-set signs: they show that two listings offer the same data on another forum or at another price.

A listing's signs are numbers under a key that lies beside the evidence: they can be compared, and give no row
away. Two listings offer the same data set if one of these holds (storage.data_sets compares):

rows   they show the same rows of the sample: two or more, and half of what the shorter one shows;
text   their texts are alike: shingles of words (pairs of characters where words are not spaced) with a
       Jaccard index of about 0.75 or more, estimated from MinHash in bands;
claim  they claim the same number of records, and it is not a round one: 1,023,447 is no coincidence.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from rensa import RMinHash

from storage.data_sets import BANDS, DataSetSign, SignKind
from storage.evidence.digest import Digest
from storage.search import UNSPACED
from text.folding import narrow_fold

MAX_ROWS = 300
MAX_ROW_CHARS = 2_000
#: Values that a line must have to be a row: a masked name and a number, a number and an address, ...
ROW_VALUES = 2
#: Shorter texts ("selling database, contact me") are alike without being the same.
MIN_SHINGLES = 30
MAX_SHINGLES = 4_000
SHINGLE = 3
BAND_ROWS = 4
#: Digits of a claimed count that are not the zeros at its end.
PRECISE_DIGITS = 5

_SEED = 1
_DELIMITERS = re.compile(r"[,;|\s\"']+|-{4}")
#: A value of a row: an address, four digits or more, or something masked.
_VALUE = re.compile(r"@|\d.*?\d.*?\d.*?\d|[*●＊xX#]{2,}|\w[*●＊]|[*●＊]\w")
_WORD = re.compile(f"[{UNSPACED}]|(?:(?![{UNSPACED}])[^\\W_])+")


def data_set_signs(
    parts: Mapping[str, str], claimed_records: int | None, *, digest: Digest
) -> frozenset[DataSetSign]:
    """Return the signs of a listing's unmasked `parts` (title, body, sample, attachment).

    There are none if the listing is too short to be compared.
    """
    text = narrow_fold()("\n".join(parts.values())).text
    return frozenset(
        (
            *_row_signs(text, digest),
            *_text_signs(parts.get("body", ""), digest),
            *_claim_signs(claimed_records, digest),
        )
    )


def _row_signs(text: str, digest: Digest) -> Iterator[DataSetSign]:
    lines = (line.casefold() for line in text.splitlines() if len(line) <= MAX_ROW_CHARS)
    rows = filter(_is_row, (tuple(filter(None, _DELIMITERS.split(line))) for line in lines))
    for row in islice(rows, MAX_ROWS):
        # Sorted: the order of the columns and the delimiter make no difference.
        yield _keyed_sign(SignKind.ROW, "|".join(sorted(row)), digest)


def _is_row(cells: Sequence[str]) -> bool:
    return sum(bool(_VALUE.search(cell)) for cell in cells) >= ROW_VALUES


def _text_signs(body: str, digest: Digest) -> Iterator[DataSetSign]:
    words = [match[0].casefold() for match in islice(_WORD.finditer(body), MAX_SHINGLES)]
    shingles = {" ".join(words[at : at + SHINGLE]) for at in range(len(words) - SHINGLE + 1)}
    if len(shingles) < MIN_SHINGLES:
        return
    minhash = RMinHash(num_perm=BANDS * BAND_ROWS, seed=_SEED)
    # Keyed, because the shingle of a plain smallest hash could be found by trying words.
    minhash.update([digest(shingle) for shingle in shingles])
    values = minhash.digest()
    for band in range(BANDS):
        own = values[band * BAND_ROWS : (band + 1) * BAND_ROWS]
        yield _keyed_sign(SignKind.TEXT, f"{RMinHash.ALGORITHM_VERSION}|{band}|{own}", digest)


def _claim_signs(claimed: int | None, digest: Digest) -> Iterable[DataSetSign]:
    precise = len(str(claimed).rstrip("0")) if claimed else 0
    return [_keyed_sign(SignKind.CLAIM, str(claimed), digest)] if precise >= PRECISE_DIGITS else []


def _keyed_sign(kind: SignKind, value: str, digest: Digest) -> DataSetSign:
    """Return a sign of 63 bits of the keyed digest: as many as a signed column holds."""
    return DataSetSign(kind, int(digest(f"{kind}|{value}")[:16], 16) >> 1)
