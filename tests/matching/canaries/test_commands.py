"""`spillwatch canary` as the company's people use it, on the premises."""

import csv
import re
from pathlib import Path

from matching.canaries.register import read_register
from tests.matching.invoked import answered, invoke

COMPANY = """
name = "Quillmere Credit"

[[terms]]
text = "quillmere.example"
kind = "domain"
owner = "soc"
reason = "our domain"

[fingerprints]
key_file = "../quillmere.key"
"""
DOMAIN = ("--mail-domain", "postkasten.example")


def values_of(folder: Path) -> list[str]:
    """Every value of every canary that identifies it."""
    canaries = read_register(folder / "canaries.json").canaries
    values = [(one.name, one.phone, one.resident_id, one.email) for one in canaries]
    return [value for row in values for value in row if value]


def test_a_set_per_system_and_partner_is_made_planted_and_rotated(tmp_path: Path) -> None:
    """From the first canary to the file for the system; no command shows a value of a canary."""
    made = answered(tmp_path, "canary", "new", "--system", "crm", "--count", "4", *DOMAIN)
    answered(tmp_path, "canary", "new", "--system", "crm", "--partner", "acme", "--region", "GB")
    rotated = answered(tmp_path, "canary", "rotate", "--system", "crm")
    listed = answered(tmp_path, "canary", "list")
    written = answered(tmp_path, "canary", "export", "--system", "crm", "--out", "crm.csv")
    odds = answered(tmp_path, "canary", "odds", "--rows", "100", "--of", "1000")

    assert made["fields"] == {"phone": 4, "resident_id": 4, "email": 4} == rotated["fields"]
    assert [(one["system"], one["partner"], one["canaries"], one["planted"]) for one in listed["sets"]] == [
        ("crm", None, 4, False),
        ("crm", "acme", 5, True),
        ("crm", None, 4, True),
    ]
    planted = read_register(tmp_path / "canaries.json").sets[2].canaries
    with (tmp_path / "crm.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["resident_id"] for row in rows] == [one.resident_id for one in planted]
    assert (written["canaries"], (tmp_path / "crm.csv").stat().st_mode & 0o777) == (4, 0o600)
    assert [(one["system"], one["partner"], one["canaries"]) for one in odds["sets"]] == [
        ("crm", "acme", 5),
        ("crm", None, 4),
    ]
    shown = "".join(
        invoke(tmp_path, "canary", *words).output for words in (["list"], ["new", "--system", "x"])
    )
    assert not [value for value in values_of(tmp_path) if value in shown + str(made) + str(rotated)]


def test_the_rows_have_the_columns_of_the_system(tmp_path: Path) -> None:
    """Its own names, order and forms; what a canary has nothing for is named, not invented."""
    (tmp_path / "system.csv").write_text("客户编号,姓名,手机号,身份证号,出生日期,住址,开户网点\n")
    answered(tmp_path, "canary", "new", "--system", "loans", "--count", "1")
    written = answered(
        tmp_path, "canary", "export", "--like", "system.csv", "--national-phones", "--dates", "%Y/%m/%d",
        "--out", "rows.csv",
    )  # fmt: skip

    canary = read_register(tmp_path / "canaries.json").canaries[0]
    with (tmp_path / "rows.csv").open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert written["empty"] == ["客户编号", "开户网点"]
    assert (row["姓名"], row["身份证号"], row["住址"]) == (canary.name, canary.resident_id, canary.address)
    assert row["出生日期"] == f"{canary.birth_date:%Y/%m/%d}"
    assert re.fullmatch(r"0\d{10,11}", row["手机号"])


def test_a_set_that_expires_leaves_the_system_and_stays_in_the_register(tmp_path: Path) -> None:
    """It is not exported again, and `odds` counts it no more."""
    answered(tmp_path, "canary", "new", "--system", "crm")
    ended = answered(tmp_path, "canary", "expire", "--system", "crm")

    assert ended["canaries"] == 5
    assert answered(tmp_path, "canary", "odds", "--rows", "1", "--of", "9")["sets"] == []
    assert invoke(tmp_path, "canary", "export", "--out", "x.csv").reason == "canary_set_unknown"
    assert len(read_register(tmp_path / "canaries.json").canaries) == 5


def test_mistakes_change_nothing(tmp_path: Path) -> None:
    """A refused command leaves the register as it was, and says what to give instead."""
    answered(tmp_path, "canary", "new", "--system", "crm")
    before = (tmp_path / "canaries.json").read_bytes()
    (tmp_path / "phones.txt").write_text("13800138001\n")

    refused = [
        invoke(tmp_path, "canary", *words.split())
        for words in (
            "new --system CRM",
            "new --system crm--acme",
            "new --system crm --region XX",
            "new --system crm --expires 2020-01-01",
            "rotate --system crm --phones phones.txt",
            "rotate --system loans",
            "odds --rows 10 --of 9",
            "odds --rows 1 --of 9 --partner acme",
        )
    ]

    assert [ran.code for ran in refused] == [2, 2, 2, 2, 6, 6, 2, 2]
    assert (tmp_path / "canaries.json").read_bytes() == before


def test_the_segment_of_the_register_finds_its_canaries_and_names_their_sets(tmp_path: Path) -> None:
    """From the register to an answer of `match`, expired sets included, with the numbers of the register."""
    answered(tmp_path, "canary", "new", "--system", "crm", "--count", "3", *DOMAIN)
    answered(tmp_path, "canary", "new", "--system", "crm", "--partner", "acme", "--count", "2", *DOMAIN)
    answered(tmp_path, "canary", "rotate", "--system", "crm", "--count", "1")
    answered(tmp_path, "keygen", "quillmere.key")
    whole = answered(tmp_path, "canary", "enroll", "--key", "quillmere.key")
    apart = answered(
        tmp_path, "canary", "enroll", "--key", "quillmere.key", "--system", "crm", "--partner", "acme",
        "--out", "acme.segment",
    )  # fmt: skip
    (tmp_path / "spillwatch.toml").write_text("")
    (tmp_path / "companies").mkdir()
    (tmp_path / "companies" / "quillmere.toml").write_text(COMPANY)
    answered(tmp_path, "segment", "import", "acme.segment")
    register = read_register(tmp_path / "canaries.json")
    rows = [f"{one.name},{one.phone},{one.email},{one.resident_id}" for one in register.canaries]
    (tmp_path / "dump.csv").write_text("\n".join(rows))
    partner_only = answered(tmp_path, "match", "dump.csv")["companies"][0]
    answered(tmp_path, "segment", "import", "quillmere-canaries.segment", "--replaces", "1")
    [found] = answered(tmp_path, "match", "dump.csv")["companies"]
    text = (tmp_path / "quillmere-canaries.segment").read_bytes()

    assert (whole["canaries"], whole["sets"], apart["canaries"]) == (6, ["crm", "crm--acme", "crm"], 2)
    assert whole["masked_by"] > 0
    assert [(one["label"], one["number"]) for one in partner_only["canaries"]] == [
        ("crm--acme", 4),
        ("crm--acme", 5),
    ]
    assert [one["number"] for one in found["canaries"]] == [1, 2, 3, 4, 5, 6]
    assert [one["label"] for one in found["canaries"]] == ["crm"] * 3 + ["crm--acme"] * 2 + ["crm"]
    assert {one["evidence"] for one in found["canaries"]} == {"certain"}
    assert (found["coherent_rows"], found["customers"], found["matches"]) == (0, 0, [])
    assert not [value for value in values_of(tmp_path) if value.encode() in text]
