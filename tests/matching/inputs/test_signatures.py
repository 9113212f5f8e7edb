"""Files that are no text: named by their first bytes, with what to do; texts that begin alike are read."""

from __future__ import annotations

import random
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.matching.inputs.archives import tarred
from tests.matching.inputs.customers import as_combo, customers
from tests.matching.inputs.reading import one

DUMP = as_combo(customers(20))
NOISE = random.Random(7).randbytes(40_000)

BEGINNINGS = {
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "a mailbox of Outlook (.pst, .ost)": bytes.fromhex("2142444e00000000534d170013000101"),
    "an attachment of Outlook that holds others (winmail.dat)": bytes.fromhex("789f3e22010001"),
    "a database of Access": b"\0\x01\0\0Standard Jet DB\0\x01\0\0\0",
    "a dump of PostgreSQL in its own format": bytes.fromhex("5047444d50010e0004080101 01"),
    "a table of PostgreSQL in binary form": b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02",
    "a backup of Microsoft SQL Server": bytes.fromhex("5441504500000300"),
    "a KeePass database": bytes.fromhex("03d9a29a67fb4bb500000400"),
    "a JPEG picture": bytes.fromhex("ffd8ffe000104a464946000101"),
    "a PNG picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a GIF picture": b"GIF89a\x40\x01\xf0\0\xf7\0\0",
    "a WebP picture": b"RIFF\x24\x10\0\0WEBPVP8 ",
    "a HEIC or AVIF picture": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "a disc image (ISO 9660)": bytes(32768) + b"\x01CD001\x01\0",
    "a disk image (boot sector)": b"\xeb\x63\x90" + bytes(507) + b"\x55\xaa",
    "a disk image (qcow)": b"QFI\xfb\0\0\0\x03",
    "an encrypted disk image (LUKS)": b"LUKS\xba\xbe\0\x02",
    "a program of Windows or DOS": bytes.fromhex("4d5a90000300000004000000ffff0000"),
    "a program of Unix": b"\x7fELF\x02\x01\x01",
    "an Avro file": b"Obj\x01\x04\x16avro.schema",
    "an Arrow file": b"ARROW1\0\0\xff\xff\xff\xff",
    "a Parquet file": b"PAR1\x15\x04\x15\xd0\x0f",
    "an .lzma file": bytes.fromhex("5d00008000ffffffffffffffff"),
    "a RAR archive": b"RE\x7e\x5e\x07\0\x01\0\0\0\0\0",
    "a file encrypted with OpenSSL": b"Salted__\x93\x11\xfe\x02\x9c",
}


@pytest.mark.parametrize("what", BEGINNINGS)
def test_a_file_that_is_no_text_is_named_with_what_to_do(what: str) -> None:
    """The outcome is `unsupported`, and the sentence says what it is and what to do."""
    found = one(BEGINNINGS[what] + NOISE)

    assert (found.ending.outcome, found.blocks) == ("unsupported", [])
    assert found.ending.sentence.startswith(f"It is {what}, which Spillwatch does not read; ")
    assert "and match" in found.ending.sentence


def test_the_log_of_a_sqlite_database_is_named(tmp_path: Path) -> None:
    """Rows that SQLite has written only to its log are not read, and the log's own outcome says so."""
    with sqlite3.connect(tmp_path / "users.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE users (email TEXT)")
        database.execute("INSERT INTO users VALUES ('anna@post.example')")
        database.commit()

        found = one(tmp_path / "users.db-wal")

    database.close()
    assert found.ending.outcome == "unsupported"
    assert "the write-ahead log of a SQLite database" in found.ending.sentence
    assert ".dump" in found.ending.sentence


@pytest.mark.needs("gpg")
@pytest.mark.parametrize("armour", [[], ["--armor"]], ids=["binary", "armour"])
@pytest.mark.slow
def test_an_encrypted_message_is_named(tmp_path: Path, armour: list[str]) -> None:
    """What gpg writes is recognised, binary and as ASCII."""
    command = ["gpg", "--homedir", str(tmp_path), "--batch", "--pinentry-mode", "loopback"]
    done = subprocess.run(
        [*command, "--passphrase", "x", *armour, "--symmetric", "-o", "-"],
        input=DUMP,
        capture_output=True,
        check=True,
    )

    found = one(done.stdout)

    assert found.ending.outcome == "unsupported"
    assert "an encrypted message of OpenPGP" in found.ending.sentence


@pytest.mark.parametrize(
    "begin",
    [
        b"MZ,Mozambique\n",
        b"MZ\x01Mozambique\x01Maputo\n",
        b"BMW dealers of the north\n",
        b"PAR1\tPAR2\tPAR3\n",
        b"ORC tribes\n",
        b"Salted__ pretzels\n",
        b"GIF89a is a format of pictures\n",
        b"PGDMP is the beginning of a dump\n",
        b"TAPE 4, side B\n",
        b"ID3 tags\n",
        b"RIFF raff\n",
        b"\n\r\r\nhello\r\n",
        "`각 나라`\n".encode(),
        b"ab-lh5-cdef\n",
        b"abcdftypist\n",
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n",
        b"AES encrypted, they say\n",
        "…и далее\n".encode("cp1251"),
        "яблоко, груша\n".encode("cp1251"),
        "蘑菇订单\n".encode("gbk"),
        "﹒PDF list\n".encode(),
    ],
)
def test_a_text_that_begins_like_one_is_read(begin: bytes) -> None:
    """Letters that a signature begins with are text where text follows."""
    found = one(begin + DUMP)

    assert found.ending.outcome == "whole"
    assert found.text.endswith(DUMP)


def test_a_member_whose_name_begins_like_a_signature_is_read() -> None:
    """A tar begins with its first member's name, and is a tar."""
    found = one(tarred({"%PDF-1.4.txt": DUMP}))

    assert (found.text, found.ending.outcome) == (DUMP, "whole")
