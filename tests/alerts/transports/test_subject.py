"""The Subject of a mail: it reads back as it was, and its first line is never empty."""

from __future__ import annotations

import random
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from alerts.transports.subject import mail_policy

SUBJECTS = (
    "[CRITICAL] Invented Lender: rows for sale (#7)",
    "",
    "a",
    "x" * 150,
    f"{'x' * 70} and a tail that has to go on the next line, word by word, until it ends",
    "出售学生数据" * 25,
    "[HIGH] 出售学生数据 100万条 手机 身份证 (#7)",
    "[LOW] " + "name " * 28 + "Ünïcode at the end",
    "Ünïcode first and then ASCII words that go on and on until the line has to be folded twice",
    "[MEDIUM] 😀😀😀 " * 9,
    "اختبار عنوان طويل جدا " * 7,
    "[CRITICAL] " + "w" * 66 + " 数据",
    "two  blanks and   three",
    "ends with a blank ü ",
)


def sent(subject: str) -> bytes:
    mail = EmailMessage(policy=mail_policy())
    mail["Subject"] = subject
    mail["X-After"] = "1"
    mail.set_content("text")
    return mail.as_bytes()


def lines_of(raw: bytes) -> list[bytes]:
    head = raw.partition(b"\r\nX-After")[0]
    return head.split(b"\r\n")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_reads_back_and_begins_on_its_first_line(subject: str) -> None:
    """Every mail program that decodes RFC 2047 sees the text; nothing is folded directly after the colon."""
    raw = sent(subject)

    first, *others = lines_of(raw)
    assert first.startswith(b"Subject: ")
    assert subject == "" or first.removeprefix(b"Subject: ").strip()
    assert all(line.startswith(b" ") and line.strip() for line in others)
    assert all(len(line) <= 78 for line in lines_of(raw) if b"=?" in line)
    assert message_from_bytes(raw, policy=default)["Subject"].rstrip() == subject.rstrip()


def test_random_subjects_read_back() -> None:
    """Words of any length and script, 500 times."""
    chance = random.Random(7)
    letters = "abcXYZ09-[]#:äß数据客户😀é"
    for _ in range(500):
        words = [
            "".join(chance.choices(letters, k=chance.randrange(1, 40))) for _ in range(chance.randrange(1, 9))
        ]
        subject = " ".join(words)[:150].strip()
        raw = sent(subject)
        assert message_from_bytes(raw, policy=default)["Subject"] == subject
        assert lines_of(raw)[0].removeprefix(b"Subject: ").strip()


def test_a_line_break_cannot_make_a_header() -> None:
    """The policy refuses it, as Python's own does."""
    with pytest.raises(ValueError, match="linefeed"):
        sent("a\r\nBcc: x@lender.example")
