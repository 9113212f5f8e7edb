"""The benchmark of masked rows, in small: both ways find the rows that are in the base."""

from pathlib import Path

from benchmarks import masked_lookups
from matching.fingerprints.scheme import new_key


def test_the_known_rows_are_found(tmp_path: Path) -> None:
    """Of 40 rows the 20 that were enrolled hit, in the look-up and in the whole answer."""
    rows = [
        masked_lookups.sample_row(number, shown) for number, shown in enumerate(masked_lookups.sample_of(40))
    ]
    path, key = tmp_path / "base.segment", new_key()
    masked_lookups.write_base(path, key, 5000, rows[:20])

    assert masked_lookups.looked_up(path, key, rows) == 20
    assert masked_lookups.answered_rows(path, key, rows) == 20
