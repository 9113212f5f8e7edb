"""Mail: messages and mailboxes, written by Python's email package and mailbox module, and by strangers."""

from __future__ import annotations

import base64
import gzip
import io
import mailbox
import time
import zipfile
from binascii import b2a_uu
from email.message import EmailMessage
from pathlib import Path

import pytest

from matching.inputs import Limits
from tests.matching.inputs.archives import zipped
from tests.matching.inputs.customers import as_csv, customers
from tests.matching.inputs.reading import Read, lines, outcomes, read

PEOPLE = [(f"person{number}@mail.example", f"+49171392{number:05}") for number in range(6)]


def _message(number: int = 0, *, charset: str = "utf-8", cte: str | None = None) -> EmailMessage:
    mail, phone = PEOPLE[number]
    message = EmailMessage()
    message["From"] = f"Jörg Größe <{mail}>"
    message["To"] = "team@shop.example"
    message["Subject"] = "Liste der Kunden für März, ein Betreff, der über mehrere Zeilen gefaltet wird"
    message.set_content(f"Grüße,\n{mail} hat {phone}\n", charset=charset, cte=cte)
    return message


def _numbered(found: Read) -> dict[str, int]:
    """Map each line to its number in the source."""
    return {line.decode(): number for block in found.blocks for line, number in lines(block)}


@pytest.mark.parametrize("cte", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "utf-16"])
def test_a_body_is_decoded(charset: str, cte: str) -> None:
    """A body in any transfer encoding and charset is its text, and so are the words of the header."""
    if (charset, cte) == ("utf-16", "8bit"):
        cte = "base64"  # RFC 2045: null bytes need it

    (found,) = read(bytes(_message(charset=charset, cte=cte)))

    shown = _numbered(found)
    assert (found.format, found.ending.outcome, found.ending.broken) == ("mail", "whole", 0)
    assert "Grüße," in shown
    assert f"{PEOPLE[0][0]} hat {PEOPLE[0][1]}" in shown
    assert any(line.startswith("Subject: Liste der Kunden für März") for line in shown)
    assert f"From: Jörg Größe <{PEOPLE[0][0]}>" in shown


@pytest.mark.parametrize(
    ("plain", "page", "rows"),
    [
        ("x: {0} {1}\n", "<table><tr><td>x: {0}<td>{1}</table>", 1),  # the same row
        ("see below\n", "<table><tr><td>x: {0}<td>{1}</table>", 1),
        ("{0}\n{1}\n", "<table><tr><td>x: {0}<td>{1}</table>", 1),  # only the table has both in a row
        ("x: {0} {1}\n", "<p>another {0}</p>", 1),
        ("x: {0} {1}\n", "<table><tr><td>x: {0}<td>{1}</table><p>another word</p>", 2),
    ],
)
def test_a_message_in_two_forms_counts_once(plain: str, page: str, rows: int) -> None:
    """A form that says nothing new is left out, and one that does is read whole."""
    message = EmailMessage()
    message["From"], message["To"] = "a@mail.example", "b@mail.example"
    message.set_content(plain.format(*PEOPLE[1]))
    message.add_alternative(page.format(*PEOPLE[1]), subtype="html")

    (found,) = read(bytes(message))

    shown = [line for block in found.blocks for line, _ in lines(block)]
    assert sum(PEOPLE[1][0].encode() in line and PEOPLE[1][1].encode() in line for line in shown) == rows
    assert (b"another" in found.text) == ("another" in page)


def test_a_soft_line_end_is_undone_and_the_number_is_that_of_its_first_line() -> None:
    """A line that goes on behind `=` is one line; later lines keep their numbers."""
    body = "first\nperson1@mail=\n.example and=20\nlast=40mail.example\n"

    (found,) = read(
        b"From: a@mail.example\nSubject: x\nContent-Transfer-Encoding: quoted-printable\n\n" + body.encode()
    )

    shown = _numbered(found)
    assert [shown[line] for line in ("first", "person1@mail.example and ", "last@mail.example")] == [5, 6, 8]


def test_wrapped_lines_are_joined_where_the_header_says_so() -> None:
    """In flowed text, a line that ends with a blank goes on; a signature's border and other text do not."""
    body = "id name \nb@mail.example \n+4917139200001\nnext\n> quoted \n> c@mail.example\n-- \nJörg \n"
    header = "From: a@mail.example\nSubject: x\nContent-Type: text/plain; charset=utf-8; format=flowed\n\n"

    (found,) = read((header + body).encode())
    (other,) = read((header.replace("; format=flowed", "") + body).encode())

    shown = _numbered(found)
    assert [
        shown[line]
        for line in (
            "id name b@mail.example +4917139200001",
            "next",
            ">quoted c@mail.example",
            "-- ",
            "Jörg ",
        )
    ] == [5, 8, 9, 11, 12]
    assert "b@mail.example " in _numbered(other)


def test_a_wrapped_line_may_be_divided_inside_of_an_address() -> None:
    """With DelSp, the blank at a line's end is no part of the text (RFC 3676)."""
    header = "From: a@mail.example\nSubject: x\nContent-Type: text/plain; format=flowed; DelSp=yes\n\n"

    (found,) = read((header + "> id b@mail. \n> example +4917139 \n> 200001\n-- \nJörg \n\n").encode())

    assert ">id b@mail.example +4917139200001" in _numbered(found)
    assert "-- " in _numbered(found)


@pytest.mark.parametrize("strip", [False, True], ids=["as written", "without blanks at the end"])
def test_a_file_between_the_lines_is_decoded(strip: bool) -> None:
    """A table in uuencode in the text of a message is read; what is no text is said."""
    table = as_csv(customers(30))

    def message(content: bytes) -> bytes:
        lines = [b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45)]
        lines = [line.rstrip() + b"\n" if strip else line for line in lines]
        return HEADER + b"\nbegin 5 words\nbegin 644 a.csv\n" + b"".join(lines) + b"`\nend\nbehind it\n"

    (text,) = read(message(table))
    (packed,) = read(message(zipped({"a.csv": as_csv(customers(200))})))

    assert table.replace(b"\r\n", b"\n") in text.text
    assert b"begin 5 words\n" in text.text
    assert b"end\nbehind it\n" in text.text
    assert (text.ending.outcome, packed.ending.outcome) == ("whole", "unsupported")


def test_a_file_in_yenc_between_the_lines_is_decoded() -> None:
    """A table in yEnc, as in news, is read (yEnc 1.3)."""
    table = as_csv(customers(30))
    lines = []
    for at in range(0, len(table), 100):
        codes = [(byte + 42) % 256 for byte in table[at : at + 100]]
        lines.append(
            b"".join(bytes([61, (code + 64) % 256] if code in (0, 10, 13, 61) else [code]) for code in codes)
        )
    head = b"=ybegin part=1 line=100 size=9 name=a.csv\n=ypart begin=1 end=9\n"

    (text,) = read(HEADER + b"\n" + head + b"\n".join(lines) + b"\n=yend size=9\nbehind it\n")

    assert table.replace(b"\r\n", b"\n") in text.text
    assert b"behind it\n" in text.text


def test_a_transport_encoding_may_have_a_comment() -> None:
    """`base64 (words)` is base64 (RFC 5322, 3.2.2)."""
    body = base64.encodebytes(b"person1@mail.example\n")

    (text,) = read(HEADER + b"Content-Transfer-Encoding: base64 (of a gateway)\n\n" + body)

    assert b"person1@mail.example\n" in text.text


def test_attachments_are_documents_of_their_own() -> None:
    """A table is read as a table, an archive is opened, and a message in a message is part of the text."""
    message, inner = _message(0), _message(1, cte="base64")
    message.add_alternative(f"<table><tr><td>{PEOPLE[2][0]}<td>{PEOPLE[2][1]}</table>", subtype="html")
    message.add_attachment(as_csv(customers(20)), maintype="text", subtype="csv", filename="Größe.csv")
    message.add_attachment(
        zipped({"a.csv": as_csv(customers(20))}), maintype="application", subtype="zip", filename="a.zip"
    )
    message.add_attachment(b"\x89PNG\r\n\x1a\n" + bytes(80), maintype="image", subtype="png")
    message.add_attachment(inner)

    text, *attached = read(bytes(message))

    assert [(one.name, one.format, one.ending.outcome) for one in attached] == [
        ("dump!/Größe.csv", "csv", "whole"),
        ("dump!/a.zip!/a.csv", "csv", "whole"),
        ("dump!/part 7", "", "unsupported"),
    ]
    assert attached[0].text == attached[1].text
    shown = _numbered(text)
    assert f"{PEOPLE[2][0]}\t{PEOPLE[2][1]}" in shown
    assert f"{PEOPLE[1][0]} hat {PEOPLE[1][1]}" in shown


def _mailbox(folder: Path, count: int) -> bytes:
    box = mailbox.mbox(folder / "box")
    for number in range(count):
        message = _message(number % len(PEOPLE), cte=("8bit", "quoted-printable", "base64")[number % 3])
        message.add_attachment(f"id,mail\n1,{number}@mail.example\n", subtype="csv", filename="list.csv")
        box.add(message)
    box.flush()
    return (folder / "box").read_bytes()


def test_a_mailbox_is_all_its_messages(tmp_path: Path) -> None:
    """Each message of a mailbox is read, and attachments are named by their message."""
    text, *attached = read(_mailbox(tmp_path, 6))

    shown = _numbered(text)
    assert [f"{mail} hat {phone}" in shown for mail, phone in PEOPLE] == [True] * 6
    assert [one.name for one in attached] == [
        "dump!/list.csv",
        *(f"dump!/message {number}/list.csv" for number in range(2, 7)),
    ]
    assert [f"{number}@mail.example".encode() in one.text for number, one in enumerate(attached)] == [
        True
    ] * 6


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "between",
    [
        "\nFrom a@mail.example Tue Feb  3 11:20:04 2026",
        "\nFrom - Tue Feb 03 11:20:04 2026",
        "\nFrom a@mail.example",
        "From a@mail.example Tue Feb  3 11:20:04 2026",
        "\nFrom 17@xxx Mon Feb 03 11:20:04 +0000 2026",
    ],
)
def test_messages_are_divided_as_programs_divide_them(between: str, end: str) -> None:
    """Each message's own transfer encoding is undone, so each was seen as a message."""
    one_message = "From: a@mail.example\nSubject: x\nContent-Transfer-Encoding: {}\n\n{}\n"
    encoded = [("quoted-printable", "b=40mail.example"), ("base64", "Y0BtYWlsLmV4YW1wbGU="), ("7bit", "d=40")]
    source = "".join(f"{between}\n{one_message.format(*each)}" for each in encoded).lstrip("\n")

    (found,) = read(source.replace("\n", end).encode())

    shown = _numbered(found)
    assert (found.format, found.ending.outcome) == ("mail", "whole")
    assert [line in shown for line in ("b@mail.example", "c@mail.example", "d=40")] == [True] * 3


def test_a_packed_mailbox_is_read(tmp_path: Path) -> None:
    """A mailbox in an archive needs no file of its own."""
    source = _mailbox(tmp_path, 3)

    packed = read(gzip.compress(source))

    assert [one.text for one in packed] == [one.text for one in read(source)]
    assert set(outcomes(packed).values()) == {"whole"}


@pytest.mark.slow
def test_reading_a_mailbox_goes_on_behind_any_block(tmp_path: Path) -> None:
    """Reading from a block's end on yields the blocks behind it, with the same line numbers."""
    path = tmp_path / "box"
    path.write_bytes(_mailbox(tmp_path, 6) * 700)
    whole = read(path)[0]

    rest = read(path, after=whole.blocks[0].end)[0]

    assert len(whole.blocks) > 2
    assert [(block.text, block.line(0)) for block in rest.blocks] == [
        (block.text, block.line(0)) for block in whole.blocks[1:]
    ]


HEADER = b"From: a@mail.example\nTo: b@mail.example\nSubject: x\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (HEADER + b"\nhello\n--not a boundary\nFrom here on\n\nFrom me\n", "hello"),
        (b"\xef\xbb\xbf" + HEADER + b"\nhello\n", "hello"),
        (b"\n\n" + HEADER + b"\nhello\n", "hello"),
        (b"12345\n" + HEADER + b"\nhello\n", "hello"),
        (HEADER + b"Content-Type: text/plain; charset=nonsense\n\nprice 5 \xe2\x82\xac\n", "price 5 €"),
        (
            HEADER + b"Content-Type: text/plain; charset=us-ascii\n\n" + "покупаем базу\n".encode("cp1251"),
            "покупаем базу",
        ),
        (HEADER + b"Content-Type: text/plain; charset=punycode\n\nhello \xe9\n", "hello é"),
        (
            HEADER + b"Content-Type: multipart/mixed\n\nno boundary x@mail.example\n",
            "no boundary x@mail.example",
        ),
        (HEADER + b"Content-Transfer-Encoding: base64\n\naGVsbG8=aGVsbG8=\n", "hellohello"),
        (HEADER + b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n%:&5L;&\\\n`\nend\n", "hello"),
        (
            HEADER + b"Content-Type: multipart/digest; boundary=d\n\n--d\n\nFrom: b@mail.example\n"
            b"Content-Transfer-Encoding: base64\n\naGVsbG8=\n--d--\n",
            "hello",
        ),
        (HEADER + b"no field\nx@mail.example\n", None),
        (b"From: a\nTo: b\nSubject: c\nFrom: d\nTo: e\nSubject: f\n", None),
        (b"name: a\nphone: b\n\nname: c\nphone: d\n", None),
        (b"From 2019 on, at 12:30 they came.\nNothing else.\n", None),
        (b"Date: today\nWeather: fine\n\nFrom: the office\n", None),
        (b"HTTP/1.1 200 OK\nDate: x\nServer: y\n\nbody\n", None),
    ],
)
def test_what_is_mail_and_what_it_says(source: bytes, expected: str | None) -> None:
    """Odd messages are read, and other texts are no mail (None)."""
    (found,) = read(source)

    assert (found.format == "mail") == (expected is not None)
    assert found.ending.outcome == "whole"
    assert expected is None or expected in _numbered(found)


def test_a_cut_message_is_truncated() -> None:
    """A message that ends inside of a part is truncated; what was read counts."""
    message = _message()
    message.add_attachment(as_csv(customers(200)), maintype="text", subtype="csv", filename="a.csv")

    text, attached = read(bytes(message)[:9_000])

    assert text.ending.outcome == "truncated"
    assert PEOPLE[0][0].encode() in text.text
    assert b"person1@mail.example" in attached.text


def test_an_encrypted_body_is_said() -> None:
    """A message whose body is encrypted is not whole."""
    armour = (
        b"-----BEGIN PGP MESSAGE-----\n\n"
        + b"hQEMA0123456789abcdefghijk\n" * 40
        + b"-----END PGP MESSAGE-----\n"
    )

    (found,) = read(HEADER + b"\n" + armour)
    smime = b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n"
    body = base64.encodebytes(b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03" + bytes(300))
    text, attached = read(HEADER + smime + b"Content-Transfer-Encoding: base64\n\n" + body)

    outcomes = [one.ending.outcome for one in (found, text, attached)]
    assert outcomes == ["unsupported", "unsupported", "unsupported"]


def _nested(depth: int) -> bytes:
    body = b"x@mail.example\n"
    for number in range(depth):
        body = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%s\n--b%d--\n" % (
            number,
            number,
            body,
            number,
        )
    return HEADER + body


@pytest.mark.parametrize(("depth", "expected"), [(40, "whole"), (41, "too_deep"), (900, "too_deep")])
def test_parts_in_parts_are_bounded(depth: int, expected: str) -> None:
    """Parts that are too deep are said; their text is read."""
    (found,) = read(_nested(depth))

    assert found.ending.outcome == expected
    assert b"x@mail.example" in found.text


def test_messages_in_base64_within_one_another_are_bounded() -> None:
    """A message attached in base64 is a container, and counts as one."""
    message = _message()
    for _ in range(4):
        outer = EmailMessage()
        outer["From"], outer["To"] = "a@mail.example", "b@mail.example"
        outer.set_content("outer\n")
        outer.add_attachment(bytes(message), maintype="message", subtype="x", filename="m.eml")
        message = outer

    found = outcomes(read(bytes(message), Limits(depth=3)))

    assert [*found.values()] == ["whole", "whole", "whole", "too_deep"]


@pytest.mark.parametrize(
    "source",
    [
        HEADER + b"X: " + b"=?utf-8?b?YQ==?= " * 3_000 + b"\n\nx\n",
        HEADER + b'Content-Type: multipart/mixed; boundary="' + b'";' * 20_000 + b"\n\nx\n",
        HEADER + b"Content-Type: text/plain;" + b" charset*0=a;" * 4_000 + b"\n\nx\n",
        HEADER + b"X: y\n" * 9_000 + b"\nx\n",
        HEADER + b"\n" + b"a" * 2_000_000,
        HEADER + b"Content-Transfer-Encoding: base64\n\n" + b"YWJj=" * 200_000,
        HEADER + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"abc=\n" * 200_000,
        HEADER + b"Content-Type: text/html\n\n" + b"<td " * 200_000,
        b"From a@mail.example Tue Feb  3 11:20:04 2026\nFrom: a@mail.example\n\nhello\n\n" * 8_000,
        _nested(39) + b"--b\n" * 100_000,
        b"a;b\nx;y\nx;y\n" + b'"";' * 300_000,
    ],
)
def test_no_message_is_slow(source: bytes) -> None:
    """What a stranger can write into a megabyte takes less than 3 s of CPU time."""
    began = time.process_time()

    found = read(source)

    assert time.process_time() - began < 3
    assert "failed" not in outcomes(found).values()


def test_a_large_attachment_is_read_as_a_stream() -> None:
    """Neither the message nor its attachment is held in memory."""
    table = io.BytesIO()
    with zipfile.ZipFile(table, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"1,person1@mail.example,x\n" * 200_000)
    message = _message()
    message.add_attachment(table.getvalue(), maintype="application", subtype="zip", filename="a.zip")

    _, attached = read(bytes(message))

    assert (attached.format, attached.ending.rows) == ("csv", 200_000)
