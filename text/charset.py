"""What charset a page really is in: several decodings are scored, for what pages declare is often wrong.

Rules, in order:
1. A byte order mark decides; so do null bytes in every second place (UTF-16 without a mark).
2. Valid UTF-8 with characters beyond ASCII is UTF-8, whatever is declared: chance does not produce it. A few
   broken bytes (a cut end, one damaged comment) don't change that.
3. Pure ASCII is what was declared, else UTF-8: the text is the same.
4. Else every candidate decodes a bounded sample and is scored: common characters of its language count for
   it, rare ones, control characters and errors against it, and being declared counts a little. The best wins.

The text is all of the body: bytes that the winner cannot decode become U+FFFD; the evidence store has them.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from text.letter_frequencies import WEIGHTS

#: Bytes looked at to decide, cut out of the places where text beyond ASCII is.
SAMPLE_BYTES = 16_384
#: Where a page's own declaration must stand (HTML: in the first 1024 bytes; generators overshoot).
DECLARATION_BYTES = 2_048
#: A winner this much better than the next is "confident".
CLEAR_MARGIN = 0.15
#: What being declared is worth between two readings that are about as good.
DECLARED_BONUS = 0.1
#: One or two characters prove nothing.
FEW_CHARACTERS = 3
#: Less ASCII than this in UTF-16 proves nothing: half of 一 is a null byte as well.
WIDE_SHARE = 0.25
#: Fewer continuation bytes than this can be valid UTF-8 by chance.
FEW_SEQUENCES = 8
#: Text with one broken sequence to this many good ones is UTF-8 all the same.
BROKEN_SHARE = 10
CANDIDATES = (
    "gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", "cp1251", "koi8-r", "cp1252", "cp1250", "utf-8",
    "utf-16-le", "utf-16-be",
)  # fmt: skip

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(range(9))
_ASCII = re.compile(r"[\x00-\x7f]+")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_LINE_END = re.compile(rb"[\n<>]")
# What is before the first byte beyond ASCII of a line says nothing, and may be megabytes.
_BEFORE = 256
# What a wrong reading makes, and what each costs: letters of two scripts in one word, a capital inside a
# word, accents in a row, one foreign letter alone, a sign inside a word.
_ODD = (
    (re.compile(r"[A-Za-z][\u0400-\u045f\uac00-\ud7a3]|[\u0400-\u045f\uac00-\ud7a3][A-Za-z]"), 1.0),
    (re.compile(r"[а-яё][А-ЯЁ]|[a-zа-яё][À-Þ]"), 1.0),
    (re.compile(r"[\u0080-\u024f]{3}"), 2.0),
    (re.compile(r"(?<![\u0400-\u045f])[\u0400-\u045f](?![\u0400-\u045f])"), 0.5),
    (re.compile(r"[A-Za-z][\u4e00-\u9fff](?![\u4e00-\u9fff])"), 0.7),
    (re.compile(r"[A-Za-z][\u00a2-\u00bf\u00d7\u00f7][a-z]"), 1.0),
)
_KANA = re.compile(r"[\u3041-\u30fe]")
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.+-]{2,40})""")
# "base64" and "rot13" are codecs too, these even of text: UTF-7 makes scripts out of harmless text, and
# "undefined" raises whatever it is asked.
_NO_CHARSETS = frozenset({"utf-7", "idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})
# The web's own rule: these names mean their larger relatives.
_MEANS = {
    "gb2312": "gb18030", "gbk": "gb18030", "hz": "gb18030", "big5": "big5hkscs", "ascii": "cp1252",
    "iso8859-1": "cp1252", "iso8859-9": "cp1254", "euc_kr": "cp949", "shift_jis": "cp932",
    "iso8859-11": "cp874", "tis-620": "cp874", "utf-16": "utf-16-le", "utf-32": "utf-32-le",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text, the codec that gave it, its score (1.0: certain), and whether no other reading came near."""

    text: str
    charset: str
    score: float
    confident: bool


def decode_page(body: bytes, *, declared: str | None = None, limit: int | None = None) -> Decoded:
    """Decode `body` (of it `limit` bytes); `declared` is the charset that the response's header named."""
    body = body[:limit]
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return Decoded(body[len(mark) :].decode(codec, "replace"), codec, 1.0, confident=True)
    names = [name for name in (codec_of(declared), codec_of(_declaration(body))) if name]
    codec, score, confident = _wide(body) or _utf8(body, names) or _scored(body, names)
    return Decoded(body.decode(codec, "replace"), codec, score, confident)


def codec_of(name: str | None) -> str | None:
    """Return the codec that a declared charset means on the web, or `None` for a name that means none."""
    try:
        codec = codecs.lookup((name or "").strip().strip("\"'")[:40])
    except (LookupError, ValueError):
        return None
    known = _MEANS.get(codec.name, codec.name)
    return known if codec._is_text_encoding and known not in _NO_CHARSETS else None


def _declaration(body: bytes) -> str | None:
    found = _DECLARED.search(body[:DECLARATION_BYTES])
    return found[1].decode("ascii") if found else None


def _wide(body: bytes) -> tuple[str, float, bool] | None:
    """Recognise UTF-16 without a mark by the null bytes of its spaces, digits and markup."""
    sample = body[: SAMPLE_BYTES // 2 * 2]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    few, many = sorted((even, odd))
    if len(sample) < 4 or many < len(sample) // 2 * WIDE_SHARE or few > many * 0.05:
        return None
    return ("utf-16-le" if odd > even else "utf-16-be"), 0.95, True


def _utf8(body: bytes, names: list[str]) -> tuple[str, float, bool] | None:
    """Recognise ASCII, and UTF-8 by its own structure; a few short sequences alone could be GBK as well."""
    if body.isascii():
        if _full_of_controls(body):
            return None
        transparent = (name for name in names if b"ascii <~".decode(name, "replace") == "ascii <~")
        return next(transparent, "utf-8"), 1.0, True
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if not broken and len(body) - len(text) >= FEW_SEQUENCES:
        return "utf-8", 1.0, True
    beyond = _ASCII.sub("", text)
    if broken * BROKEN_SHARE > len(beyond) - broken:
        return None
    three_bytes = sum(character > "\u07ff" for character in beyond) - broken
    if three_bytes < 2 and len(beyond) < FEW_SEQUENCES and "utf-8" not in names:
        return None
    return "utf-8", 1 - broken / len(beyond), True


def _full_of_controls(body: bytes) -> bool:
    """Say whether this is UTF-16: in Cyrillic every second byte of it is 4, and none is beyond ASCII."""
    sample = body[:SAMPLE_BYTES]
    return len(sample) - len(sample.translate(None, _CONTROLS)) > len(sample) // 3


def _scored(body: bytes, names: list[str]) -> tuple[str, float, bool]:
    """Return the candidate under which a sample of `body` looks most like text.

    What speaks against a reading is looked for in the order of what speaks for it, and no further than it
    could matter: under most candidates the characters alone are too rare.
    """
    lines, start = _sample(body), body[: SAMPLE_BYTES // 2 * 2]
    readings = [
        CandidateCharset.of(
            start if codec.startswith("utf-16") else lines, codec, DECLARED_BONUS * (codec in names)
        )
        for codec in dict.fromkeys((*names, *CANDIDATES))
    ]
    scores: dict[str, float] = {}
    for reading in sorted(readings, key=lambda each: each.at_most, reverse=True):
        if len(scores) > 1 and reading.at_most < sorted(scores.values())[-2]:
            break
        scores[reading.codec] = reading.score
    # Of two that are as good, the first among the candidates.
    order = [each.codec for each in readings if each.codec in scores]
    best, second = sorted(order, key=scores.__getitem__, reverse=True)[:2]
    clear = scores[best] > 0 and scores[best] - scores[second] >= CLEAR_MARGIN
    proof = len(_ASCII.sub("", lines.decode(best, "ignore"))) >= FEW_CHARACTERS
    return best, round(max(0.0, min(1.0, scores[best])), 3), clear and proof


def _sample(body: bytes) -> bytes:
    """Cut out the lines that hold more than ASCII; their ends are never half a character."""
    parts, size, at = [], 0, 0
    while size < SAMPLE_BYTES and (found := _BEYOND_ASCII.search(body, at)):
        start = max(at, found.start() - _BEFORE)
        start = max(start, *(body.rfind(sign, start, found.start()) + 1 for sign in (b"\n", b"<", b">")))
        stop = _LINE_END.search(body, found.end())
        at = stop.start() if stop else len(body)
        parts.append(body[start : min(at, start + SAMPLE_BYTES - size)])
        size += len(parts[-1])
    return b"\n".join(parts)


@dataclass(frozen=True, slots=True)
class CandidateCharset:
    """A sample under one charset: how likely the characters beyond ASCII are, in sum, and what it is worth
    that they are valid, or declared.
    """

    codec: str
    text: str
    beyond: str
    likely: float
    bonus: float

    @classmethod
    def of(cls, sample: bytes, codec: str, bonus: float) -> CandidateCharset:
        # A cut last character is no error.
        text = codecs.getincrementaldecoder(codec)("replace").decode(sample)
        beyond = _ASCII.sub("", text)
        # Each valid sequence of UTF-8 is unlikely in anything else.
        structure = min(1.0, 0.3 * len(beyond)) if codec == "utf-8" and "\ufffd" not in text else 0.0
        return cls(codec, text, beyond, sum(map(WEIGHTS.__getitem__, beyond)), structure + bonus)

    @property
    def at_most(self) -> float:
        """The score where nothing speaks against it."""
        return (self.likely / len(self.beyond) if self.beyond else -1.0) + self.bonus

    @property
    def score(self) -> float:
        """The mean likelihood of its characters beyond ASCII, less what speaks against them."""
        if not self.beyond:
            return self.at_most
        against = sum(cost * len(odd.findall(self.text)) for odd, cost in _ODD)
        if self.codec == "gb18030":  # it holds kana at the places of EUC-JP, and Chinese texts hold none
            against += 1.5 * len(_KANA.findall(self.beyond))
        return (self.likely - against) / len(self.beyond) + self.bonus
