"""The benchmark of growth, in small: it finds the customers that its figures are about."""

from __future__ import annotations

from pathlib import Path

from benchmarks import growth


def test_the_customers_in_the_dump_are_found_whatever_the_size(tmp_path: Path) -> None:
    """Companies of 5,000 and of 10,000 customers both have the same 4,777 customers in the dump."""
    sizes = {"small": "5000", "large": "10000"}
    found = {}
    for name, customers in sizes.items():
        folder = tmp_path / name
        folder.mkdir()
        growth.dump(folder, "50000")
        growth.segment(folder, "1", customers)
        growth.segment(folder, "2", customers)
        found[name] = growth.match(folder, "2")

    assert {name: one["rows"] for name, one in found.items()} == {"small": 4_777, "large": 4_777}
    assert found["small"]["segments_mb"] < found["large"]["segments_mb"] < 2
