"""The files to practise with: invented, and such that the how-to's answers come out."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from configuration.watch_configuration import load_watch_configuration
from demo.practice_files import practice_customers, practice_strangers, write_practice_files

MASKED = re.compile(r"\w\*  170\*{4}\d{4}  \d{6}\*{8}\d{3}[\dX]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("practice") / "files"
    write_practice_files(path)
    return path


def test_no_stranger_is_a_customer() -> None:
    """No value of one is a value of the other, so that the sample of strangers is a true "no"."""
    customers = [one.person for one in practice_customers()]
    strangers = practice_strangers(20)

    for value in ("email", "phone", "resident_id"):
        known = {getattr(one, value) for one in customers}
        assert len(known) == len(customers) == 6_000
        assert not known & {getattr(one, value) for one in strangers}


def test_the_list_has_the_day_since_when_somebody_is_a_customer(folder: Path) -> None:
    """In the order of these days, as an export has it."""
    with (folder / "customers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    days = [row["customer_since"] for row in rows]
    assert days == sorted(days)
    assert (days[0], days[-1][:4]) == ("2013-01-07", "2025")


def test_masked_samples_show_no_whole_value(folder: Path) -> None:
    """Each row has a masked name, telephone number and resident ID."""
    for name in ("sample-masked.txt", "sample-strangers.txt"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        assert len(lines) == 20
        assert [line for line in lines if not MASKED.fullmatch(line)] == []


def test_the_configuration_is_valid(folder: Path) -> None:
    """`spillwatch --config` reads it."""
    (company,) = load_watch_configuration(folder / "spillwatch.toml").companies

    assert company.value.name == "Yutang Microcredit"


def test_nothing_is_overwritten(folder: Path) -> None:
    """A second call with the same folder changes nothing."""
    before = (folder / "customers.csv").stat().st_mtime_ns

    with pytest.raises(FileExistsError):
        write_practice_files(folder)

    assert (folder / "customers.csv").stat().st_mtime_ns == before
