"""`spillwatch reveal` writes the right customers to a file of their own and refuses lists that do not fit."""

import csv
import os
import pty
import stat
import subprocess
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from matching.enrolment.enrol import enroll
from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import RootKey
from tests.cli.command import SPILLWATCH, environment
from tests.matching.customers import as_csv, customers
from tests.matching.invoked import answered, invoke

ROWS = customers(500)
KEY = RootKey("k1", bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def premises(tmp_path: Path) -> Path:
    """An enrolled list of 400 customers, a list of 100 that was added, and ordinals of four of them."""
    write_key(KEY, tmp_path / "quillmere.key", NOW)
    (tmp_path / "first.csv").write_text(as_csv(ROWS[:400]))
    (tmp_path / "second.csv").write_text(as_csv(ROWS[400:]))
    enrolled = partial(enroll, company="quillmere", key=KEY, default_region="CN", now=NOW)
    base, delta = tmp_path / "0.segment", tmp_path / "1.segment"
    enrolled(tmp_path / "first.csv", base)
    enrolled(tmp_path / "second.csv", delta, base=base)
    (tmp_path / "ordinals.csv").write_text(
        "ordinal,fields,rows,segment\n"
        "7,email phone,3,1\n400,phone,1,1\n401,email,1,1\n500,email phone card,2,1\n"
    )
    return tmp_path


LISTS = ("--customers", "first.csv", "--customers", "second.csv")


def written(premises: Path, name: str = "out.csv") -> list[dict[str, str]]:
    with (premises / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_ordinals_become_the_customers_of_both_lists(premises: Path) -> None:
    """Rows are numbered as enrolled; the file has mode 0600 and the other columns of the ordinals."""
    told = answered(premises, "reveal", "ordinals.csv", *LISTS, "--out", "out.csv")

    found = written(premises)
    assert [row["ordinal"] for row in found] == ["7", "400", "401", "500"]
    assert [row["email"] for row in found] == [ROWS[place].email for place in (6, 399, 400, 499)]
    assert (found[0]["fields"], found[0]["rows"]) == ("email phone", "3")
    assert (told["customers"], told["fields"]) == (4, {"email": 3, "phone": 3, "card": 1})
    assert stat.S_IMODE((premises / "out.csv").stat().st_mode) == 0o600


def test_only_the_columns_that_are_asked_for(premises: Path) -> None:
    """Columns are chosen by name or number and written in the given order."""
    answered(premises, "reveal", "ordinals.csv", *LISTS, "--out", "out.csv", "--columns", "card,1")

    assert list(written(premises)[0]) == ["ordinal", "fields", "rows", "segment", "card", "name"]


def test_columns_of_a_list_without_header_are_numbers(premises: Path) -> None:
    """Columns of a list without header are chosen by number; other texts are refused with the range."""
    lists = ("--customers", "bare.csv", "--no-header", "--out", "out.csv", "--columns")
    (premises / "bare.csv").write_text("Customer 1,a@b.example,x\nCustomer 2,c@d.example,y\n")
    (premises / "two.csv").write_text("ordinal\n2\n")
    answered(premises, "reveal", "two.csv", *lists, "2,3")
    found = written(premises)
    (premises / "out.csv").unlink()

    refused = [invoke(premises, "reveal", "two.csv", *lists, one) for one in ("²", "4", "0", "9" * 5000)]

    assert found == [{"ordinal": "2", "column 2": "c@d.example", "column 3": "y"}]
    assert {(ran.code, "a number from 1 to 3" in ran.output) for ran in refused} == {(6, True)}
    assert not (premises / "out.csv").exists()


def test_the_list_is_held_against_the_segment(premises: Path) -> None:
    """The enrolled list passes; a list with rows reversed, moved, added or missing is refused."""
    proof = ("--segment", "0.segment", "--segment", "1.segment", "--key", "quillmere.key")
    told = answered(premises, "reveal", "ordinals.csv", *LISTS, "--out", "out.csv", *proof)
    lines = (premises / "first.csv").read_text().splitlines()
    refused = []
    for number, other in enumerate(
        ([lines[0], *reversed(lines[1:])], lines[:-1], [*lines, lines[1]], [lines[0], *lines[2:], lines[1]])
    ):
        (premises / "first.csv").write_text("\n".join(other) + "\n")
        ran = invoke(premises, "reveal", "ordinals.csv", *LISTS, "--out", f"{number}.csv", *proof)
        refused.append((ran.code, "customers" in ran.output or "fingerprint" in ran.output))

    assert told["rows_compared"] == 251
    assert refused == [(6, True)] * 4
    assert not (premises / "0.csv").exists()


def test_a_value_that_was_enrolled_under_one_name_only_is_not_missed(tmp_path: Path) -> None:
    """A login that repeats the e-mail address is not missed when the list is compared with the segment."""
    write_key(KEY, tmp_path / "quillmere.key", NOW)
    (tmp_path / "list.csv").write_text("email,login\na@b.example,A@b.example\nc@d.example,summer99\n")
    (tmp_path / "ordinals.csv").write_text("ordinal,fields,rows,segment\n1,email,1,1\n")
    segment = tmp_path / "0.segment"
    enroll(tmp_path / "list.csv", segment, company="quillmere", key=KEY, default_region="CN", now=NOW)
    proof = ("--segment", "0.segment", "--key", "quillmere.key")

    told = answered(tmp_path, "reveal", "ordinals.csv", "--customers", "list.csv", "--out", "out.csv", *proof)

    assert (told["rows_compared"], written(tmp_path)[0]["email"]) == (2, "a@b.example")


def test_a_list_that_is_too_short_is_refused(premises: Path) -> None:
    """Too few customers are noticed without a segment too, and no partial file is left."""
    ran = invoke(premises, "reveal", "ordinals.csv", "--customers", "first.csv", "--out", "out.csv")

    assert (ran.code, "2 of 4 ordinals" in ran.output and "400 customers" in ran.output) == (6, True)
    assert not (premises / "out.csv").exists()


def test_a_customer_who_is_a_formula_is_disarmed(premises: Path) -> None:
    """Cells that a spreadsheet would run as a formula get a leading apostrophe."""
    (premises / "list.csv").write_text('email,note\na@b.example,"=HYPERLINK(""x"")"\n@c,+1\n')
    (premises / "o.csv").write_text("ordinal\n1\n2\n")
    answered(premises, "reveal", "o.csv", "--customers", "list.csv", "--out", "out.csv")

    assert [row["note"] for row in written(premises)] == ['\'=HYPERLINK("x")', "'+1"]


def test_ordinals_of_two_segments_are_not_mixed(premises: Path) -> None:
    """Segments number their own lists, so one of them must be named."""
    (premises / "two.csv").write_text("ordinal,segment\n7,1\n8,2\n")
    unnamed = invoke(premises, "reveal", "two.csv", *LISTS, "--out", "out.csv")
    named = answered(premises, "reveal", "two.csv", *LISTS, "--out", "out.csv", "--of", "2")

    assert (unnamed.code, "--of: 1, 2" in unnamed.output) == (6, True)
    assert (named["customers"], written(premises)[0]["ordinal"]) == (1, "8")


def test_a_segment_is_named_by_its_system(premises: Path) -> None:
    """The file names the system of each segment; two segments of one system are told apart by number."""
    (premises / "two.csv").write_text("ordinal,segment,system\n7,1,crm\n8,2,app\n9,3,app\n")
    named = answered(premises, "reveal", "two.csv", *LISTS, "--out", "out.csv", "--of", "crm")
    refused = invoke(premises, "reveal", "two.csv", *LISTS, "--out", "x.csv", "--of", "app")

    assert (named["customers"], written(premises)[0]["ordinal"]) == (1, "7")
    assert (refused.code, "by its number" in refused.output) == (6, True)


@pytest.mark.parametrize(
    ("content", "key_words"),
    [
        ("ordinal,segment\n7,1\n8,2\n", "of 1, 2"),
        ("ordinal\n7\n", "no column 'segment'"),
    ],
)
def test_a_segment_that_has_no_ordinals_is_refused(premises: Path, content: str, key_words: str) -> None:
    """A segment without rows is refused, because an empty file would look like an answer."""
    (premises / "two.csv").write_text(content)

    ran = invoke(premises, "reveal", "two.csv", *LISTS, "--out", "out.csv", "--of", "3")

    assert (ran.code, key_words in ran.output) == (6, True)
    assert not (premises / "out.csv").exists()


@pytest.mark.parametrize(
    ("content", "key_words"),
    [
        ("name\nx\n", "column 'ordinal'"),
        ("ordinal\nseven\n", "row 2 of bad.csv"),
        ("ordinal,rows\n1\n", "2 columns"),
        ("ordinal\n\xff\n", "UTF-8"),
    ],
)
def test_a_file_that_is_no_list_of_ordinals_is_refused(premises: Path, content: str, key_words: str) -> None:
    """The message says what is wrong and repeats no cell."""
    (premises / "bad.csv").write_bytes(content.encode("latin-1"))
    ran = invoke(premises, "reveal", "bad.csv", *LISTS, "--out", "out.csv")

    assert (ran.code, key_words in ran.output, "seven" in ran.output) == (6, True, False)


def test_a_terminal_shows_no_customer_unless_asked(premises: Path) -> None:
    """Customers are not written to a terminal, but to a pipe; an existing file is not overwritten."""
    command = [SPILLWATCH, "reveal", "ordinals.csv", *LISTS, "--out", "-"]
    ours, theirs = pty.openpty()
    shown = subprocess.run(
        command,
        cwd=premises,
        env=environment(),
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=90,
        check=False,
    )
    piped = invoke(premises, *command[1:])
    os.close(theirs)
    os.close(ours)
    (premises / "out.csv").write_text("mine")
    kept = invoke(premises, *command[1:-1], "out.csv")

    assert (shown.returncode, b"--terminal" in shown.stderr) == (2, True)
    assert (piped.code, ROWS[6].email in piped.output, "4 customers" in piped.output) == (0, True, True)
    assert (kept.code, (premises / "out.csv").read_text()) == (6, "mine")
