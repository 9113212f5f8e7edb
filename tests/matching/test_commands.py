"""The installed commands keygen, enroll, segment and match, as their users run them."""

import csv
import gzip
import json
import re
import shutil
import stat
import subprocess
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from matching.enrolment.enrol import enroll
from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import open_segment
from matching.identifiers import Field
from storage import companies
from storage.companies import DeclaredCompany, SegmentRecord
from storage.database.base import Database
from tests.cli.command import SPILLWATCH, answer, environment, spillwatch
from tests.matching.customers import as_csv, customers
from tests.matching.invoked import invoke

ROWS = customers(30)
COMPANY = """
name = "Quillmere Credit"

[[terms]]
text = "quillmere.example"
kind = "domain"
owner = "soc"
reason = "our domain"

[[terms]]
text = "趣店"
owner = "soc"
reason = "our name"
exclude = ["趣店主"]

[fingerprints]
key_file = "../quillmere.key"
"""


NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = RootKey("k1", bytes(range(32)))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A configuration with one company, its key and its customer list."""
    (tmp_path / "spillwatch.toml").write_text("")
    (tmp_path / "companies").mkdir()
    (tmp_path / "companies" / "quillmere.toml").write_text(COMPANY)
    (tmp_path / "customers.csv").write_text(as_csv(ROWS))
    write_key(KEY, tmp_path / "quillmere.key", NOW)
    return tmp_path


def segment_of(home: Path, company: str) -> Path:
    """Write a segment of the customers in the list."""
    path = home / f"{company}.segment"
    enroll(home / "customers.csv", path, company=company, key=KEY, default_region="CN", now=NOW)
    return path


@pytest.fixture
def imported(home: Path, sqlite_template: Path) -> Path:
    """The same with the segment imported, as `segment import` does it, which has tests of its own."""
    folder = home / "var" / "segments"
    folder.mkdir(parents=True)
    segment = segment_of(home, "quillmere").rename(folder / "quillmere.segment")
    shutil.copy(sqlite_template, home / "var" / "spillwatch.db")
    definition = {"fingerprints": {"key_file": str(home / "quillmere.key")}}
    declared = DeclaredCompany("quillmere", "Quillmere Credit", [], definition, "companies/quillmere.toml")
    database = Database.open(f"sqlite:///{home / 'var' / 'spillwatch.db'}")
    with database.transaction() as session:
        companies.sync_declared_companies(session, [declared], NOW)
        company = companies.company_by_slug(session, "quillmere")
        assert company is not None
        check = open_segment(segment).header.key_check
        record = SegmentRecord(company.id, segment.name, "k1", check, tuple(Field), 150, 30, "5f" * 32)
        companies.add_segment(session, record, NOW)
    database.close()
    return home


def matched(home: Path, text: str | bytes, *options: str, code: int = 0) -> Any:
    """Return the JSON of `match` over a file with this text."""
    (home / "rows.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return answer(home, "match", "rows.txt", *options, code=code)


def test_a_key_is_written_once(home: Path) -> None:
    """A second keygen with the same name is refused, and the key stays as it was."""
    before = (home / "quillmere.key").read_bytes()

    ran = invoke(home, "keygen", "quillmere.key")

    assert (ran.code, ran.reason, "quillmere.key" in ran.output) == (6, "would_overwrite", True)
    assert (home / "quillmere.key").read_bytes() == before


def test_enroll_counts_accepted_values_and_reasons_of_refusal(home: Path) -> None:
    """The table and the JSON have counts by field and reason, and no value."""
    (home / "list.csv").write_text(f"email,card\n{ROWS[0].email},4111111111111112\nnobody,\n")

    output = spillwatch(home, "enroll", "list.csv", "--key", "quillmere.key").stdout
    result = answer(home, "enroll", "list.csv", "--key", "quillmere.key")

    assert ("malformed: 1" in output, "wrong check digit: 1" in output, ROWS[0].email in output) == (
        True,
        True,
        False,
    )
    assert (result["customers"], result["accepted"], result["refused"]) == (
        2,
        {"email": 1, "card": 0},
        {"email": {"malformed": 1}, "card": {"wrong_check_digit": 1, "empty": 1}},
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--column", "email"), "FIELD=COLUMN"),
        (("--column", "shoe=1"), "email, phone"),
        (("--region", "XX"), "CN"),
        (("--company", "A B"), "a-z"),
        (("--delimiter", "--"), ""),
    ],
)
def test_a_wrong_option_of_enroll_is_named(home: Path, options: tuple[str, ...], expected: str) -> None:
    """The exit code is 2, and the message names the option and what was expected."""
    ran = spillwatch(home, "enroll", "customers.csv", "--key", "quillmere.key", *options)

    message = " ".join(ran.stderr.split())
    assert (ran.returncode, options[0] in message, expected in message) == (2, True, True)


def test_enroll_needs_no_configuration(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It runs on the company's premises, where there is no configuration."""
    elsewhere = tmp_path_factory.mktemp("premises")
    (elsewhere / "customers.csv").write_text(as_csv(ROWS))
    (elsewhere / "quillmere.key").write_bytes((home / "quillmere.key").read_bytes())
    (elsewhere / "quillmere.key").chmod(0o600)

    result = answer(elsewhere, "enroll", "customers.csv", "--key", "quillmere.key", "--company", "quillmere")

    assert (result["company"], sorted(path.name for path in elsewhere.iterdir())) == (
        "quillmere",
        ["customers.csv", "quillmere.key", "quillmere.segment"],
    )


def test_segments_are_imported_once_listed_shown_verified_and_removed(home: Path) -> None:
    """Its file lies in the folder with mode 0600 until it is removed; a second import changes nothing."""
    segment_of(home, "quillmere")
    first, again = (answer(home, "segment", "import", "quillmere.segment") for _ in range(2))
    (listed,) = answer(home, "segment", "list")
    shown = answer(home, "segment", "show", "quillmere.segment")
    verified = answer(home, "segment", "verify", "quillmere.segment", "--key", "quillmere.key")
    file = home / "var" / "segments" / listed["file"]
    mode = oct(file.stat().st_mode & 0o777)
    removed = answer(home, "segment", "remove", str(listed["id"]))

    assert (listed["company"], listed["fingerprints"], listed["active"], mode) == (
        "quillmere",
        150,
        True,
        "0o600",
    )
    assert first["segment"] == again["segment"] == listed["id"]
    assert (shown["customers"], verified["whole"], removed["removed"]) == (30, True, True)
    assert (answer(home, "segment", "list")[0]["active"], file.exists()) == (False, False)


@pytest.mark.parametrize(
    ("harm", "reason", "named"),
    [
        ("damaged", "segment_damaged", "quillmere.segment"),
        ("truncated", "segment_truncated", "quillmere.segment"),
        ("foreign", "unknown_name", "companies/harrowgate.toml"),
        ("other key", "segment_key_wrong", "k1"),
        ("exposed key", "key_exposed", "chmod 600"),
        ("no segment", "segment_damaged", "quillmere.segment"),
    ],
)
def test_a_wrong_segment_is_refused_with_its_reason(home: Path, harm: str, reason: str, named: str) -> None:
    """The exit code is 6, one line says why, and nothing is imported."""
    segment = segment_of(home, "harrowgate" if harm == "foreign" else "quillmere")
    content = segment.read_bytes()
    if harm == "damaged":
        segment.write_bytes(content[:-50] + bytes([content[-50] ^ 1]) + content[-49:])
    elif harm == "truncated":
        segment.write_bytes(content[:-50])
    elif harm == "other key":
        (home / "quillmere.key").unlink()
        write_key(RootKey("k2", bytes(32)), home / "quillmere.key", NOW)
    elif harm == "exposed key":
        (home / "quillmere.key").chmod(0o644)
    elif harm == "no segment":
        segment.write_bytes(b"x" * 100)

    ran = invoke(home, "segment", "import", segment.name)

    assert (ran.code, ran.reason, named in ran.output, "\n" in ran.output) == (6, reason, True, False)
    assert not (home / "var" / "segments").exists()


def test_match_finds_mentions_and_rows(imported: Path) -> None:
    """The places and counts are those that the daemon would find."""
    text = "selling 趣店 data, see quillmere[.]example\n" + "\n".join(",".join(row) for row in ROWS[:5])

    (found,) = matched(imported, text)["companies"]

    assert (found["company"], found["mentions"], found["coherent_rows"], found["customers"]) == (
        "quillmere",
        2,
        5,
        5,
    )
    assert {(one["place"], one["customer"]) for one in found["matches"] if one["kind"] == "fingerprint"} == {
        (f"rows.txt:{number + 1}", number) for number in range(1, 6)
    }


def test_match_shows_no_value(imported: Path) -> None:
    """Neither the tables nor the JSON have a customer's value."""
    text = "\n".join(f"quillmere.example {','.join(row)}" for row in ROWS[:5])
    result = str(matched(imported, text))
    output = spillwatch(imported, "match", "rows.txt").stdout

    values = [value for row in ROWS[:5] for value in row[1:]]
    assert not [value for value in values if value in result or value in output]
    assert ["5", "0", "5"] in [re.findall(r"\d+", line) for line in output.splitlines()]


def test_match_ends_with_1_if_nothing_was_found(imported: Path) -> None:
    """The exit code is that of grep, and programs get an empty list."""
    result = matched(imported, "nothing here, not even 趣店主\n", code=1)

    assert result["companies"] == []


def test_match_of_an_empty_file_is_no_answer(imported: Path) -> None:
    """Where no row was read, "nothing found" would be untrue: exit code 6."""
    assert matched(imported, "", code=6)["companies"] == []
    assert matched(imported, "\n", code=1)["companies"] == []


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_match_reads_any_encoding(imported: Path, encoding: str) -> None:
    """Mentions are found in each encoding, without being told which it is."""
    text = "这里出售趣店的学生数据，一手资料，价格面议，数量很多，需要的朋友请联系我们。\n" * 20

    result = matched(imported, text.encode(encoding))

    assert result["companies"][0]["mentions"] == 20


def test_match_reads_standard_input(imported: Path) -> None:
    """A dash as the file stands for standard input."""
    ran = subprocess.run(
        [SPILLWATCH, "match", "-"],
        input="趣店".encode(),
        cwd=imported,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (ran.returncode, "趣店" in ran.stdout.decode()) == (0, True)


def test_match_reads_files_larger_than_a_piece(imported: Path) -> None:
    """Line numbers go on from block to block, and no line is cut."""
    filler = "x" * 99 + "\n"
    text = filler * 30_000 + f"{','.join(ROWS[0])}\n" + filler * 10

    (found,) = matched(imported, text)["companies"]

    assert {one["place"] for one in found["matches"]} == {"rows.txt:30001"}
    assert found["coherent_rows"] == 1


def test_match_counts_more_than_it_lists(imported: Path) -> None:
    """Matches beyond --limit are counted, and `cut` says that the list is not complete."""
    result = matched(imported, "趣店\n" * 3_000, "--limit", "7")

    (found,) = result["companies"]
    assert (len(found["matches"]), result["cut"], found["mentions"]) == (7, ["matches"], 3_000)


def test_match_reads_archives_up_to_a_limit(imported: Path) -> None:
    """Members of an archive are documents; the member that exceeds --max-mb has the outcome `too_large`."""
    with zipfile.ZipFile(imported / "dump.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2024/customers.csv", as_csv(ROWS))
        archive.writestr("large.txt", "nothing to see here\n" * 100_000)

    result = answer(imported, "match", "dump.zip", "--max-mb", "1")

    (found,) = result["companies"]
    assert [read["outcome"] for read in result["documents"]][:2] == ["whole", "too_large"]
    assert (found["coherent_rows"], found["customers"]) == (30, 30)
    assert found["matches"][0]["place"].startswith("dump.zip!/2024/customers.csv:")


def test_match_says_the_column_and_what_chance_gives(imported: Path) -> None:
    """A hit has its column of the table; the hits of a field come with those that chance gives."""
    result = matched(imported, as_csv(ROWS))

    (found,) = result["companies"]
    (phones,) = [one for one in found["fields"] if one["field"] == "phone"]
    assert (phones["columns"], phones["enrolled"]) == (["column 3, phone"], 30)
    assert result["candidates_by_field"]["phone"] == phones["candidates"]
    assert (phones["hits"], phones["by_chance"], phones["lift"] > 1_000) == (30, 0.0, True)


def test_match_counts_the_candidates_of_fields_without_a_hit(imported: Path) -> None:
    """Programs learn of every enrolled field how much was compared and what chance would give."""
    result = matched(imported, f"{ROWS[0][2]}\nstranger@mail.example\n")

    (found,) = result["companies"]
    (mails,) = [one for one in found["fields"] if one["field"] == "email"]
    assert (mails["hits"], mails["candidates"], mails["by_chance"], mails["lift"]) == (0, 1, 0.0, None)


def test_match_writes_the_ordinals_for_the_company(imported: Path) -> None:
    """The CSV has customers, fields, rows and first places, no value, and only its owner may read it."""
    (imported / "rows.txt").write_text("\n".join(",".join(row) for row in (*ROWS[:2], ROWS[0])))

    spillwatch(imported, "match", "rows.txt", "--ordinals", "hits")

    path = imported / "hits" / "quillmere.csv"
    with path.open() as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["ordinal"], line["rows"], line["line"]) for line in lines] == [
        ("1", "2", "1"),
        ("2", "1", "2"),
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not any(ROWS[0].email in cell for line in lines for cell in line.values())


def test_a_killed_match_goes_on_where_it_was(imported: Path) -> None:
    """The second run reads the rest, and the two together find what one run finds."""
    filler = "".join(f"{number},+4930{number:08d},x{number}@mail.example\n" for number in range(600_000))
    (imported / "rows.txt").write_text(as_csv(ROWS) + filler + as_csv(ROWS))
    sweeps = imported / "var" / "sweeps"
    assert any(killed_with_something_kept(imported, sweeps) for _ in range(5))

    ran = spillwatch(imported, "match", "rows.txt", "--threads", "1", "--json")

    [rows] = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", ran.stderr)]
    assert 0 < rows < 600_062
    (found,) = json.loads(ran.stdout)["companies"]
    assert (found["coherent_rows"], found["customers"], json.loads(ran.stdout)["rows"]) == (60, 30, 600_062)
    assert not list(sweeps.iterdir())


def killed_with_something_kept(home: Path, sweeps: Path) -> bool:
    """Kill a match as soon as it has saved its state. False: it had ended before that."""
    with subprocess.Popen(
        [SPILLWATCH, "match", "rows.txt", "--threads", "1"],
        cwd=home,
        env=environment() | {"SPILLWATCH_MATCHING__SWEEP_SAVE_S": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as begun:
        while begun.poll() is None and not list(sweeps.glob("*.sweep")):
            time.sleep(0.01)
        begun.kill()
    return bool(list(sweeps.glob("*.sweep")))


def test_match_goes_on_without_an_unusable_segment(imported: Path) -> None:
    """Mentions are found, and standard error says why fingerprints are not compared."""
    (imported / "quillmere.key").chmod(0o644)
    (imported / "rows.txt").write_text(f"趣店 {','.join(ROWS[0])}")

    ran = spillwatch(imported, "match", "rows.txt")

    assert (ran.returncode, "chmod 600" in ran.stderr, "趣店" in ran.stdout) == (0, True, True)


@pytest.mark.parametrize(
    ("rows", "mode", "code"),
    [("趣店", 0o600, 0), ("nobody", 0o600, 6), ("趣店", 0o644, 0), ("nobody", 0o644, 6)],
)
def test_nothing_found_in_what_was_not_read_is_no_answer(
    imported: Path, rows: str, mode: int, code: int
) -> None:
    """With a damaged archive or an unusable segment, `match` ends with 6 instead of 1 if nothing was found.

    So no script takes it for a "no".
    """
    (imported / "quillmere.key").chmod(mode)
    (imported / "rows.txt").write_text(rows)
    damaged = ("damaged.gz",) if mode == 0o600 else ()
    (imported / "damaged.gz").write_bytes(gzip.compress(b"nothing here\n" * 9)[:-9])

    ran = spillwatch(imported, "match", *damaged, "rows.txt")

    assert (ran.returncode, bool(ran.stderr)) == (code, True)


def test_python_alone_answers_the_same(imported: Path) -> None:
    """Without native code the answer is the same; `doctor` names the setting that turned it off."""
    corpus = Path(__file__).parent / "scanning" / "corpus"
    (imported / "rows.csv").write_text(as_csv(ROWS))
    off = {"SPILLWATCH_MATCHING__NATIVE": "false"}

    native = answer(imported, "match", str(corpus), "rows.csv")
    python = answer(imported, "match", str(corpus), "rows.csv", extra=off)

    assert (python, python["candidates"] > 150) == (native, True)
    assert "native = false" in spillwatch(imported, "doctor", extra=off).stdout


def test_each_file_that_is_named_has_its_own_megabytes(imported: Path) -> None:
    """--max-mb holds for each file that is named, and for all files of a folder together."""
    (imported / "dumps").mkdir()
    for name in ("a.gz", "b.gz"):
        (imported / "dumps" / name).write_bytes(gzip.compress(b"nothing to see here\n" * 35_000))

    apart = answer(imported, "match", "dumps/a.gz", "dumps/b.gz", "--max-mb", "1", code=1)
    together = answer(imported, "match", "dumps", "--max-mb", "1", code=6)

    assert [read["outcome"] for read in apart["documents"]] == ["whole", "whole"]
    assert [read["outcome"] for read in together["documents"]] == ["whole", "too_large"]


@pytest.mark.parametrize("name", ["x" * 300, "rows.txt/x"])
def test_an_impossible_file_name_is_refused(imported: Path, name: str) -> None:
    """It is refused before anything is read."""
    (imported / "rows.txt").write_text("趣店")

    ran = invoke(imported, "match", "rows.txt", name)

    assert (ran.code, ran.reason, name in ran.output, "趣店" in ran.output) == (
        6,
        "input_unreadable",
        True,
        False,
    )


def test_a_missing_file_is_an_error(imported: Path) -> None:
    """The exit code is 6, and one sentence names the file."""
    ran = spillwatch(imported, "match", "none.txt")

    assert (ran.returncode, "none.txt" in ran.stderr, "Traceback" in ran.stderr) == (6, True, False)


def test_masked_values_are_counted_and_said(imported: Path) -> None:
    """Rows with masked values keep "nothing found" from being exit code 1, and nothing else changes it."""
    masked = "".join(f"{n},138****{n:04},p***{n}@mail.example\n" for n in range(50)) + "**all** of it\n"

    found = matched(imported, masked, code=6)
    output = invoke(imported, "match", "rows.txt").output
    plain = matched(imported, "**all** of it\n", code=1)

    assert [one["masked_rows"] for one in found["documents"]] == [50]
    assert "rows.txt: 50 rows hold masked values" in " ".join(output.split())
    assert [one["masked_rows"] for one in plain["documents"]] == [0]
