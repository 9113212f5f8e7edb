"""The benchmark of reading samples, in small: nearly all values of generated samples are read."""

import pytest

from benchmarks.sample_rows import FAMILIES, shares_of


@pytest.mark.parametrize("family", FAMILIES)
def test_generated_samples_are_read(family: str) -> None:
    """Of 60 samples at least 97% of the values of each kind are read, and none has a value too many."""
    shares = shares_of(family, 60)

    assert dict.fromkeys(shares.all, 1.0) == pytest.approx(
        {kind: shares.share(kind) for kind in shares.all}, abs=0.03
    )
    assert shares.too_many == 0
