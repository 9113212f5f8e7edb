"""Masked identifiers are counted by lines, and stars of other kinds are not."""

from __future__ import annotations

import random
import time

import pytest

from matching.comparing.masked_values import count_masked_lines
from matching.native.library import LibraryMissing

MASKS_AND_OTHERS = "* ** **** • ●● ＊ x X xxx XXXX 138 1234 1 @ mail .example j - ( ) _ , é ab *@ @b**.c zzz"
MASKED = [
    "138****1234",
    "j***n@mail.example",
    "张*三,138****1234",
    "+49 171 ***4567",
    "+4917*****67",
    "0171-***-4567",
    "4111 **** **** 1111",
    "************1111",
    "XXXX-XXXX-XXXX-1234",
    "110101********0000",
    "110101********123X",
    "900101-1******",
    r"138\*\*\*\*1234",
    "138xxxx1234",
    "138XXXX1234",
    "a**@mail.example",
    "****@mail.example",
    "j*n@mail.example",
    "anna@m***.example",
    "138••••1234",
    "138●●●●1234",
    "138＊＊＊＊1234",
    "138********",
    "xxx-xx-1234",
    "DE89 **** **** **** 00",
    "****1234",
    "tel=138****1234;",
    '"j***n@mail.example"',
    "(0171) ****567",
    "4111-11**-****-1111",
    "+7 (912) ***-**-45",
    "8912*****45",
    "a.b***@mail.example",
    "ja***************hn@mail.example",
    "j••n@mail.example",
]
ORDINARY = [
    "**bold** and **more**",
    "int main(int argc, char **argv)",
    "/*** comment ***/",
    "*/5 * * * *",
    "2**10 = 1024",
    "10***20",
    "password: ******",
    "file***.txt",
    "*@mail.example",
    "***** 2024 *****",
    "*****2024*****",
    "* item 1",
    "12 * 34 * 56",
    "3*4*5*6*7*8*9",
    "a * b@c",
    "0xxx",
    "xxx movies 2000",
    "1024x768",
    "mask 255.255.0.0",
    "SELECT * FROM a WHERE b=12345678",
    "*** 12345678 ***",
    "/*!40101 SET NAMES utf8 */;",
    "**12345678**",
    r"\*\*bold\*\* 12345678",
    "2024-01-** ****",
    "rating ***** 4.5",
    "***",
    "p***@",
    "100*200*300",
    "xxxl 2019",
    "2 xxx 34",
    "5 stars ***** (1234 votes)",
    "f(x)xx",
    "**Phone: 123-456-7890**",
    "**anna@mail.example**",
    "write *anna@mail.example*",
    "*anna*@here",
    "__attribute__((x)) **p@",
    "user*@mail.example is a pattern",
    "2024-**-**",
    "12:**:**",
    "• 1 • 2 • 3",
    "anna@mail.example,+4917139200001",
    "•• 12345678",
]


@pytest.mark.parametrize("line", MASKED)
def test_a_masked_identifier_is_counted_once_per_line(line: str) -> None:
    """A line counts once, however many masks it has."""
    assert count_masked_lines(f"id,phone\n1,{line},x\n2,{line} {line}\n3,x".encode()) == 2


@pytest.mark.parametrize("line", ORDINARY)
def test_other_stars_are_not_counted(line: str) -> None:
    """Emphasis, comments, patterns, products, ratings and passwords are no masked identifiers."""
    assert count_masked_lines(f"{line}\n{line}\n{line}".encode()) == 0


@pytest.mark.parametrize(
    "piece", [b"* ", b"*", b"1*", b"**a@", b"12***", b"/*!40101 x */ ** ** 123 a@b\n", b"1x"]
)
def test_text_made_of_stars_is_not_slow(piece: bytes) -> None:
    """Half a megabyte of stars takes less than 3 s of CPU time."""
    began = time.process_time()

    count_masked_lines(piece * (500_000 // len(piece)))

    assert time.process_time() - began < 3


def test_runs_are_found_with_the_library_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """For any text, the library's places give the runs that the pattern finds in the whole text."""
    chance = random.Random(4)
    parts = [*MASKS_AND_OTHERS.split(), " ", "\n", "x" * 33]
    texts = ["".join(chance.choices(parts, k=chance.randint(0, 30))).encode() for _ in range(4_000)]
    counted = [count_masked_lines(text) for text in texts]

    def missing(_text: bytes) -> None:
        raise LibraryMissing("there is none")

    monkeypatch.setattr("matching.comparing.masked_values.mask_runs", missing)

    assert [count_masked_lines(text) for text in texts] == counted
    assert sum(counted) > 100


@pytest.mark.needs("gcc")
def test_a_block_with_one_star_is_read_as_fast_as_any_other() -> None:
    """Passwords and comments have stars, in nearly every block."""
    block = b"1,user1@mail.example,13800001234,an example\n" * 12_000
    starred = block.replace(b"an", b"a*", 1)

    times = []
    for _ in range(3):
        began = time.thread_time()
        assert count_masked_lines(starred) == 0
        times.append(time.thread_time() - began)

    assert min(times) < 0.02
