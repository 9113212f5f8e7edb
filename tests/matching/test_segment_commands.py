"""`spillwatch segment` over the life of a list: add, erase, merge, rotate the key, inspect."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import RootKey
from tests.cli.command import environment
from tests.matching.customers import as_csv, customers
from tests.matching.invoked import answered, invoke

ROWS = customers(40)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
COMPANY = """
name = "Quillmere Credit"

[fingerprints]
key_file = "../new.key"
previous_keys = [{ file = "../old.key" }]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A monitor with two keys, and the company's lists on the same machine."""
    (tmp_path / "spillwatch.toml").write_text("")
    (tmp_path / "companies").mkdir()
    (tmp_path / "companies" / "quillmere.toml").write_text(COMPANY)
    for name, first in (("old", 0), ("new", 32)):
        write_key(RootKey(name, bytes(range(first, first + 32))), tmp_path / f"{name}.key", NOW)
    (tmp_path / "list.csv").write_text(as_csv(ROWS[:30]))
    (tmp_path / "more.csv").write_text(as_csv(ROWS[30:]))
    return tmp_path


def enrolled(home: Path, out: str, *options: str, customers: str = "list.csv", key: str = "old.key") -> None:
    answered(home, "enroll", customers, "--key", key, "--company", "quillmere", "--out", out, *options)


def test_a_list_lives(home: Path) -> None:
    """Customers are added and erased on the premises, imported in order, and merged on the monitor."""
    enrolled(home, "0.segment")
    enrolled(home, "1.segment", "--base", "0.segment", customers="more.csv")
    (home / "gone.csv").write_text("ordinal\n3\n31\n3\n")
    erased = answered(home, "segment", "erase", "1.segment", "gone.csv", "--out", "2.segment")
    early = invoke(home, "segment", "import", "1.segment")
    base = answered(home, "segment", "import", "0.segment")
    late = invoke(home, "segment", "import", "2.segment")
    imported = [answered(home, "segment", "import", f"{number}.segment") for number in (1, 2)]
    (listed,) = answered(home, "segment", "list")
    again = answered(home, "segment", "merge", str(base["segment"]))

    assert (erased["erased"], erased["sequence"]) == (2, 2)
    assert (early.code, "base first" in early.output) == (6, True)
    assert (late.code, "number 1 first" in late.output) == (6, True)
    assert [one["merged"] for one in imported] == [
        True,
        False,
    ]  # ten new of thirty customers are more than a tenth
    assert (listed["customers"], listed["deltas"], listed["erased"]) == (40, 1, 2)
    assert again["merged"] is True
    (merged,) = answered(home, "segment", "list")
    assert (merged["deltas"], merged["fingerprints"], merged["id"]) == (0, 38 * 5, listed["id"])


def test_files_are_merged_where_there_is_no_monitor(home: Path) -> None:
    """The merged base is whole, of the same key, and has the number of its last delta."""
    enrolled(home, "0.segment")
    enrolled(home, "1.segment", "--base", "0.segment", customers="more.csv")
    answered(home, "segment", "merge", "--file", "0.segment", "--file", "1.segment", "--out", "whole.segment")
    verified = answered(home, "segment", "verify", "whole.segment", "--key", "old.key")
    shown = answered(home, "segment", "show", "whole.segment")

    assert (verified["whole"], verified["key"]) == (True, True)
    assert (shown["kind"], shown["sequence"], shown["customers"]) == ("base", 1, 40)


def test_a_key_is_rotated(home: Path) -> None:
    """Both keys are used until the old segment is replaced; `doctor` reports which key is still needed."""
    enrolled(home, "old.segment")
    first = answered(home, "segment", "import", "old.segment")
    before = _doctor(home)
    enrolled(home, "new.segment", key="new.key")
    answered(home, "segment", "import", "new.segment", "--replaces", str(first["segment"]))
    listed = answered(home, "segment", "list")
    after = _doctor(home)

    assert [(row["key_id"], row["active"]) for row in listed] == [("old", False), ("new", True)]
    needed = f"segment {first['segment']}"
    assert [("key old" in found, needed in found) for found in (before, after)] == [
        (True, True),
        (True, False),
    ]


def _doctor(home: Path) -> str:
    findings = answered(home, "doctor", "--only", "keys", code=1 if _replaced(home) else 0)["findings"]
    return "\n".join(finding["found"] for finding in findings)


def _replaced(home: Path) -> bool:
    return any(not row["active"] for row in answered(home, "segment", "list"))


@pytest.mark.parametrize(
    ("arguments", "code", "key_words"),
    [
        (("segment", "merge"), 2, "--file"),
        (("segment", "merge", "7"), 6, "segment 7"),
        (("segment", "erase", "0.segment", "bad.csv", "--out", "x"), 6, "line 2 of bad.csv"),
        (("segment", "import", "0.segment", "--replaces", "9"), 6, "segment 9"),
        (("enroll", "more.csv", "--key", "new.key", "--company", "quillmere", "--base", "0.segment", "--out",
          "x"), 6, "the key old"),
        (("enroll", "more.csv", "--key", "old.key", "--company", "quillmere", "--base", "0.segment", "--out",
          "0.segment"), 2, "--out"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(home: Path, arguments: tuple[str, ...], code: int, key_words: str) -> None:
    """The message names the object of the mistake, and nothing is changed."""
    enrolled(home, "0.segment")
    (home / "bad.csv").write_text("ordinal\n31\n")

    ran = invoke(home, *arguments)

    assert (ran.code, key_words in " ".join(ran.output.split())) == (code, True), ran.output
    assert not (home / "x").exists()


CALLS = """
import sys
from matching.native.library import _loaded
from tests.matching.invoked import invoke
from pathlib import Path

key = ("--key", "old.key")
enrol = ("enroll", "list.csv", *key, "--company", "quillmere", "--out", sys.argv[1])
reveal = ("reveal", "found.csv", "--customers", "list.csv", "--out", sys.argv[1] + ".csv", *key)
for call in (enrol, ("segment", "verify", sys.argv[1], *key), (*reveal, "--segment", sys.argv[1])):
    ran = invoke(Path(), *call)
    assert ran.code == 0, ran.output
    print(_loaded.cache_info().currsize)
"""


def test_native_code_that_is_turned_off_is_not_loaded(home: Path) -> None:
    """The configuration or the environment turns native code off; on the premises only `reveal` uses it."""
    (home / "found.csv").write_text("ordinal,fields,rows,segment,document,line\n7,email,1,1,dump,2\n")
    off = {"SPILLWATCH_MATCHING__NATIVE": "false"}

    def loaded(out: str, extra: Mapping[str, str]) -> str:
        root = str(Path(__file__).parents[2])
        calls = [sys.executable, "-c", CALLS, out]
        return subprocess.run(
            calls,
            cwd=home,
            env=environment({**extra, "PYTHONPATH": root}),
            text=True,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout

    by_default = loaded("0.segment", {})
    (home / "spillwatch.toml").write_text("[matching]\nnative = false\n")
    by_file = loaded("1.segment", {})
    (home / "spillwatch.toml").unlink()
    by_environment = loaded("2.segment", off)

    assert (by_default, by_file, by_environment) == ("0\n0\n1\n", "0\n0\n0\n", "0\n0\n0\n")


def test_masks_dates_and_purposes_are_enrolled(home: Path) -> None:
    """The command says what it wrote beside fingerprints, and refuses wrong combinations."""
    rows = "".join(f"{row.name},{row.phone},2017-06-{1 + place:02}\n" for place, row in enumerate(ROWS[:25]))
    (home / "dated.csv").write_text(f"Wer,phone,seit\n{rows}".replace("2017-06-02", "?"))
    options = ("--name", "Wer", "--since", "seit", "--system", "crm")
    enrolled(home, "0.segment", *options, customers="dated.csv")
    told = invoke(home, "enroll", "dated.csv", "--key", "old.key", "--out", "1.segment", *options)
    shown = answered(home, "segment", "show", "0.segment")
    answered(
        home,
        "enroll",
        "dated.csv",
        "--key",
        "old.key",
        "--company",
        "quillmere",
        "--out",
        "2.segment",
        "--purpose",
        "known-breach",
        "--label",
        "harrow-2024",
        "--no-masks",
    )
    breach = answered(home, "segment", "show", "2.segment")
    refused = [
        invoke(home, "enroll", "dated.csv", "--key", "old.key", *wrong).code
        for wrong in (
            ("--purpose", "known-breach"),
            ("--label", "harrow-2024"),
            ("--purpose", "staff"),
            ("--system", "CRM!"),
            ("--purpose", "known-breach", "--label", "a", "--system", "b"),
        )
    ]

    checked = answered(home, "segment", "verify", "0.segment", "--key", "old.key")
    plain = invoke(home, "segment", "verify", "2.segment", "--key", "old.key")
    imported = invoke(home, "segment", "import", "2.segment")
    (listed,) = answered(home, "segment", "list")
    findings = answered(home, "doctor", "--only", "segments")["findings"]
    (home / "gone.csv").write_text("1\n")
    erased = [
        invoke(home, "segment", "erase", f"{one}.segment", "gone.csv", "--out", f"{one}-gone.segment").output
        for one in (0, 2)
    ]

    assert "Masked samples: " in told.output
    assert "name in column 1" in told.output
    assert "Dates: 2 cohorts. 1 customers have no date." in told.output
    assert "Wrote 25 customers in crm of " in told.output
    assert (shown["purpose"], shown["label"], shown["cohorts"]) == ("customers", "crm", 2)
    assert shown["masks"]["phone_34"] == 25
    assert (breach["purpose"], breach["label"], breach["masks"]) == ("known_breach", "harrow-2024", {})
    assert refused == [2] * 5
    assert checked["masks"] is None
    assert "Masked samples are not compared (masks_missing)." in plain.output
    assert "Masked samples are not compared with it (masks_missing)." in imported.output
    assert (listed["purpose"], listed["label"], listed["tags"]) == ("known_breach", "harrow-2024", 0)
    assert ["Their tags of masked values stay" in one for one in erased] == [True, False]
    assert [finding["level"] for finding in findings] == ["ok", "note"]
    assert "masked samples are not compared" in findings[1]["found"]
