"""The installed commands keygen, enroll, segment and match, as their users run them."""

import csv
import gzip
import json
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
from matching.fingerprints.scheme import RootKey, write_key
from matching.fingerprints.segments import open_segment
from matching.identifiers import Field
from storage import companies
from storage.companies import DeclaredCompany, SegmentRecord
from storage.database.base import Database
from tests.cli.command import SPILLWATCH, answer, environment, spillwatch
from tests.matching.customers import as_csv, customers

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
    """A segment of the customers of the list."""
    path = home / f"{company}.segment"
    enroll(home / "customers.csv", path, company=company, key=KEY, default_region="CN", now=NOW)
    return path


@pytest.fixture
def imported(home: Path, sqlite_template: Path) -> Path:
    """The same with the segment taken up, as `segment import` does it, which has tests of its own."""
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
    """The JSON of `match` over a file of this text."""
    (home / "rows.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return answer(home, "match", "rows.txt", *options, code=code)


def test_a_key_is_written_once(home: Path) -> None:
    """A second keygen with the same name is refused, and the key stays what it was."""
    before = (home / "quillmere.key").read_bytes()

    ran = spillwatch(home, "keygen", "quillmere.key")

    assert (ran.returncode, "is there already" in ran.stderr) == (6, True)
    assert (home / "quillmere.key").read_bytes() == before


def test_enroll_says_what_it_took_and_why_not_the_rest(home: Path) -> None:
    """Counts by field and reason, in a table and as JSON, and no value."""
    (home / "list.csv").write_text(f"email,card\n{ROWS[0].email},4111111111111112\nnobody,\n")

    said = spillwatch(home, "enroll", "list.csv", "--key", "quillmere.key").stdout
    told = answer(home, "enroll", "list.csv", "--key", "quillmere.key")

    assert ("malformed: 1" in said, "wrong check digit: 1" in said, ROWS[0].email in said) == (
        True,
        True,
        False,
    )
    assert (told["customers"], told["accepted"], told["refused"]) == (
        2,
        {"email": 1, "card": 0},
        {"email": {"malformed": 1}, "card": {"wrong_check_digit": 1, "empty": 1}},
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--column", "email"), "is not FIELD=COLUMN"),
        (("--column", "shoe=1"), "the fields are email, phone"),
        (("--region", "XX"), "no country such as CN"),
        (("--company", "A B"), "is no slug"),
        (("--delimiter", "--"), "one character"),
    ],
)
def test_a_mistaken_option_of_enroll_is_named(home: Path, options: tuple[str, ...], sentence: str) -> None:
    """Exit code 2 and what was wanted."""
    ran = spillwatch(home, "enroll", "customers.csv", "--key", "quillmere.key", *options)

    assert (ran.returncode, sentence in " ".join(ran.stderr.split())) == (2, True)


def test_enroll_needs_no_configuration(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It runs on the company's premises, where there is none."""
    elsewhere = tmp_path_factory.mktemp("premises")
    (elsewhere / "customers.csv").write_text(as_csv(ROWS))
    (elsewhere / "quillmere.key").write_bytes((home / "quillmere.key").read_bytes())
    (elsewhere / "quillmere.key").chmod(0o600)

    told = answer(elsewhere, "enroll", "customers.csv", "--key", "quillmere.key", "--company", "quillmere")

    assert (told["company"], sorted(path.name for path in elsewhere.iterdir())) == (
        "quillmere",
        ["customers.csv", "quillmere.key", "quillmere.segment"],
    )


def test_segments_are_imported_once_listed_shown_verified_and_removed(home: Path) -> None:
    """From the import to the end, with the file in its folder, mode 0600; a second import is none."""
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
    ("harm", "sentence"),
    [
        ("damaged", "is damaged"),
        ("truncated", "copy it again"),
        ("foreign", "there is no companies/harrowgate.toml"),
        ("other key", "was made with the key"),
        ("exposed key", "chmod 600"),
        ("no segment", "does not begin with"),
    ],
)
def test_a_wrong_segment_is_refused_with_a_sentence(home: Path, harm: str, sentence: str) -> None:
    """Exit code 6, one line, nothing imported."""
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

    ran = spillwatch(home, "segment", "import", segment.name)

    assert (ran.returncode, sentence in ran.stderr, ran.stderr.count("\n")) == (6, True, 1)
    assert not (home / "var" / "segments").exists()


def test_match_finds_mentions_and_rows(imported: Path) -> None:
    """Places and counts, as the daemon would find them."""
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
    """Neither in its tables nor in its JSON."""
    text = "\n".join(f"quillmere.example {','.join(row)}" for row in ROWS[:5])
    told = str(matched(imported, text))
    said = spillwatch(imported, "match", "rows.txt").stdout

    values = [value for row in ROWS[:5] for value in row[1:]]
    assert not [value for value in values if value in told or value in said]
    assert "5 rows agree with a customer on two fields or more" in said


def test_match_says_nothing_was_found_as_grep_does(imported: Path) -> None:
    """Exit code 1, and an empty list for programs."""
    told = matched(imported, "nothing here, not even 趣店主\n", code=1)

    assert told["companies"] == []


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_match_reads_any_encoding(imported: Path, encoding: str) -> None:
    """Decided by score, and told."""
    text = "这里出售趣店的学生数据，一手资料，价格面议，数量很多，需要的朋友请联系我们。\n" * 20

    told = matched(imported, text.encode(encoding))

    assert told["companies"][0]["mentions"] == 20


def test_match_reads_standard_input(imported: Path) -> None:
    """A dash is standard input."""
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
    """Line numbers go on from piece to piece, and a line is not cut."""
    filler = "x" * 99 + "\n"
    text = filler * 30_000 + f"{','.join(ROWS[0])}\n" + filler * 10

    (found,) = matched(imported, text)["companies"]

    assert {one["place"] for one in found["matches"]} == {"rows.txt:30001"}
    assert found["coherent_rows"] == 1


def test_match_counts_more_than_it_lists(imported: Path) -> None:
    """More findings than --limit are counted, and the list says that it is not all."""
    told = matched(imported, "趣店\n" * 3_000, "--limit", "7")

    (found,) = told["companies"]
    assert (len(found["matches"]), told["cut"], found["mentions"]) == (7, ["matches"], 3_000)


def test_match_reads_archives_and_says_how_far(imported: Path) -> None:
    """Members of an archive are documents; one that is more than --max-mb is read to there, which is said."""
    with zipfile.ZipFile(imported / "dump.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2024/customers.csv", as_csv(ROWS))
        archive.writestr("large.txt", "nothing to see here\n" * 100_000)

    told = answer(imported, "match", "dump.zip", "--max-mb", "1")

    (found,) = told["companies"]
    assert [read["outcome"] for read in told["documents"]][:2] == ["whole", "too_large"]
    assert (found["coherent_rows"], found["customers"]) == (30, 30)
    assert found["matches"][0]["place"].startswith("dump.zip!/2024/customers.csv:")


def test_match_says_the_column_and_what_chance_would_give(imported: Path) -> None:
    """A hit says where in the table it was; hits of a field stand beside those that chance gives."""
    told = matched(imported, as_csv(ROWS))

    (found,) = told["companies"]
    (phones,) = [one for one in found["fields"] if one["field"] == "phone"]
    assert phones["columns"] == ["column 3, phone"]
    assert (phones["hits"], phones["by_chance"], phones["lift"] > 1_000) == (30, 0.0, True)


def test_match_writes_the_ordinals_for_the_company(imported: Path) -> None:
    """A CSV that only its owner may read: customer, fields, rows, first place, and no value."""
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
    """The second run reads the rest, and the two together find what one alone finds."""
    filler = "".join(f"{number},+4930{number:08d},x{number}@mail.example\n" for number in range(600_000))
    (imported / "rows.txt").write_text(as_csv(ROWS) + filler + as_csv(ROWS))
    sweeps = imported / "var" / "sweeps"
    assert any(killed_with_something_kept(imported, sweeps) for _ in range(5))

    ran = spillwatch(imported, "match", "rows.txt", "--threads", "1", "--json")

    assert "goes on from there" in ran.stderr
    (found,) = json.loads(ran.stdout)["companies"]
    assert (found["coherent_rows"], found["customers"], json.loads(ran.stdout)["rows"]) == (60, 30, 600_062)
    assert not list(sweeps.iterdir())


def killed_with_something_kept(home: Path, sweeps: Path) -> bool:
    """Kill a match as soon as it has kept what it found. False: it had ended before we got to it."""
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
    """Mentions are found; on standard error stands why fingerprints are not."""
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
    """A damaged archive, or a segment without its key: 6 where nothing was found, so that no script takes it
    for a "no".
    """
    (imported / "quillmere.key").chmod(mode)
    (imported / "rows.txt").write_text(rows)
    damaged = ("damaged.gz",) if mode == 0o600 else ()
    (imported / "damaged.gz").write_bytes(gzip.compress(b"nothing here\n" * 9)[:-9])

    ran = spillwatch(imported, "match", *damaged, "rows.txt")

    assert (ran.returncode, bool(ran.stderr)) == (code, True)


def test_python_alone_answers_the_same(imported: Path) -> None:
    """With the native code turned off, over the corpus and a list of customers; `doctor` says so."""
    corpus = Path(__file__).parent / "scanning" / "corpus"
    (imported / "rows.csv").write_text(as_csv(ROWS))
    off = {"SPILLWATCH_MATCHING__NATIVE": "false"}

    native = answer(imported, "match", str(corpus), "rows.csv")
    python = answer(imported, "match", str(corpus), "rows.csv", extra=off)

    assert (python, python["candidates"] > 150) == (native, True)
    assert "turned off" in spillwatch(imported, "doctor", extra=off).stdout


def test_each_file_that_is_named_has_its_own_megabytes(imported: Path) -> None:
    """A folder has them for all that it holds."""
    (imported / "dumps").mkdir()
    for name in ("a.gz", "b.gz"):
        (imported / "dumps" / name).write_bytes(gzip.compress(b"nothing to see here\n" * 35_000))

    apart = answer(imported, "match", "dumps/a.gz", "dumps/b.gz", "--max-mb", "1", code=1)
    together = answer(imported, "match", "dumps", "--max-mb", "1", code=6)

    assert [read["outcome"] for read in apart["documents"]] == ["whole", "whole"]
    assert [read["outcome"] for read in together["documents"]] == ["whole", "too_large"]


@pytest.mark.parametrize("name", ["x" * 300, "rows.txt/x"])
def test_a_name_that_nobody_can_look_up_is_refused(imported: Path, name: str) -> None:
    """Before anything is read."""
    (imported / "rows.txt").write_text("趣店")

    ran = spillwatch(imported, "match", "rows.txt", name)

    assert (ran.returncode, "cannot be read" in ran.stderr, "Traceback" in ran.stderr) == (6, True, False)


def test_a_file_that_is_not_there_is_an_error(imported: Path) -> None:
    """One sentence, exit code 6."""
    ran = spillwatch(imported, "match", "none.txt")

    assert (ran.returncode, "none.txt" in ran.stderr, "Traceback" in ran.stderr) == (6, True, False)
