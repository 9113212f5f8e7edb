"""One pass over a text tells what else has to be done with it: for any text, what the patterns tell."""

from __future__ import annotations

import random
import re

import pytest

from matching.native.library import LibraryMissing
from matching.native.text_signs import MASKED, PATTERNS, SECONDS, text_signs
from text.escapes import ALL_SIGNS, BARE

SHORT = 31  # bytes
EXACT = {**PATTERNS, BARE: re.compile(rb"u00(?<![\\A-Za-z0-9]u00)[23aA][02367cCdDeE](?=[A-Za-z0-9])")}
WORDS = """
1 12 0 99999 1712345678 13900112233 x X xx xxx XxX * • ● ＊ e u00 u002 u003c u0040a \\u0040 % %40 & &amp;
&#64; \\ \\n = =40 =C3= [at] (dot) ( <a { .dot. _dot_ -dot- d D do @ + 1+2 / - – ⃣ 【at】 （ 0x616e6e612e6265
x'616e6e612e6265 X('616e6e612e6265 ^[[ é 数据 ， _ , . a q"""
APART = (" ", " ", " / ", " @ ", " dot ", " – ", "01 / 23", "\n", "\x1b[3", "z" * 31, "z" * 40)
PARTS = [*WORDS.split(), *APART]


def _texts(count: int) -> list[bytes]:
    chance = random.Random(8)
    parts = [part.encode() for part in PARTS] + [b"\xe2", b"\xef\xbc", b"\x80", b"\xff"]
    return [b"".join(chance.choices(parts, k=chance.randint(0, 12))) for _ in range(count)]


def test_masks_seconds_and_bare_escapes_are_told_exactly() -> None:
    """At any place and beside anything: what their patterns tell."""
    for text in _texts(10_000):
        exact = {sign: pattern.search(text) is not None for sign, pattern in EXACT.items()}

        assert {sign: bool(text_signs(text) & sign) for sign in exact} == exact, text


def test_many_characters_at_once_and_one_after_the_other() -> None:
    """A short text is read one character after the other, a long one many at once: both have the same."""
    seen = 0
    for number, text in enumerate(_texts(10_000)):
        if len(text) > SHORT:
            continue
        signs = text_signs(b"," + text + b",")
        seen |= signs

        assert text_signs(b"," * (1 + number % 40) + text + b"," * 40) == signs, text

    assert seen == ALL_SIGNS | MASKED | SECONDS


def test_any_byte_beside_a_sign() -> None:
    """Tables of half bytes tell which pairs of characters may be a sign: none is missed."""
    signs = [*(word.encode() for word in WORDS.split()), b"01 - 23", b" @ ", b".dot.", b"0x616e6e612e6265"]
    for byte in (bytes([code]) for code in range(256)):
        for sign in signs:
            text = (byte + sign + byte)[:SHORT]
            expected = text_signs(b"," + text + b",")

            assert text_signs(b"," * 30 + text + b"," * 40) == expected, text


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("1712345678", SECONDS),
        ("id,1712345678\n", SECONDS),
        ("13900112233 +1712345678 _1712345678 1712345678a a1712345678 171234567", 0),
        ("138****1234", MASKED),
        ("XXXX-1234", MASKED),
        ("an extra box, x x, 0x12", 0),
        ("j•n@mail.example", MASKED),
        ("＊＊", MASKED),
        ("anna u0040 u003cmail.example", BARE),
        ("anna\\\\u0040 \\", 0),
        ("", 0),
    ],
)
def test_what_a_sign_is(text: str, signs: int) -> None:
    """Of numbers that may be a time, of masks, and of escapes without their backslash."""
    assert text_signs(text.encode()) & (SECONDS | MASKED | BARE) == signs
    assert text_signs(f"{'q,' * 40}{text}{',q' * 40}".encode()) & (SECONDS | MASKED | BARE) == signs


def test_without_the_library_all_escapes_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two exact signs stay exact."""

    def missing() -> None:
        raise LibraryMissing("there is none")

    monkeypatch.setattr("matching.native.text_signs.load_library", missing)

    assert text_signs(b"1,anna,1712345678") == ALL_SIGNS | SECONDS
    assert text_signs(b"1,138****1234") == ALL_SIGNS | MASKED
    assert text_signs(b"") == ALL_SIGNS
