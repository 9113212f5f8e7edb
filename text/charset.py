"""Detects the charset of a page by scoring several decodings, because pages often declare a wrong one.

Rules, in order:
1. A byte order mark decides. So do null bytes in every second place (UTF-16 without a mark) or in three of
   four places (UTF-32), and the escape sequences of ISO-2022-JP.
2. Valid UTF-8 with characters beyond ASCII is UTF-8, whatever is declared. There is one exception: a few
   different characters of two bytes that make no words in UTF-8 (letters that nobody writes, several scripts
   in a word without a letter of ASCII) and common words in GBK, Big5, Shift-JIS or an EUC charset. JSON
   (RFC 8259), XML that names no encoding, and text that declares UTF-8 have no exception. A few broken bytes
   (a cut end, one damaged comment) do not change that.
3. Pure ASCII is read as declared, else as UTF-8: the text is the same.
4. Otherwise every candidate decodes a sample of bounded size and is scored. Common characters of its language
   raise the score; rare ones, control characters and errors lower it; being declared raises it a little. The
   best score wins.

The whole body is decoded. Bytes that the chosen charset cannot decode become U+FFFD; the evidence store keeps
them as they were.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from text.letter_frequencies import weights_of

#: Bytes that decide, taken from the places where text beyond ASCII is.
SAMPLE_BYTES = 16_384
#: The bytes in which a page must declare its charset (HTML: the first 1024; some generators need more).
DECLARATION_BYTES = 2_048
#: A decoding is "confident" if its score is this much better than the next.
CLEAR_MARGIN = 0.15
#: What being declared adds to the score: it decides between two decodings that are about as good.
DECLARED_BONUS = 0.1
#: What a charset's score is raised by because more of what is read here is in it.
PRIOR = {"gb18030": 0.05}
#: Fewer characters beyond ASCII than this prove nothing.
FEW_CHARACTERS = 3
#: Share of ASCII characters below which null bytes do not prove UTF-16: half of 一 is a null byte as well.
WIDE_SHARE = 0.25
#: Fewer different characters of two bytes than this can be valid UTF-8 by chance, as some of GBK are.
FEW_SEQUENCES = 8
#: Score that a charset of two bytes needs to be preferred to valid UTF-8 that makes no words.
RIVAL_SCORE = 0.5
#: Text with this many good sequences per broken one is still UTF-8.
BROKEN_SHARE = 10
#: Share of first bytes that are null or the same control character, from which text is UTF-16.
ALIKE_SHARE = 0.7
#: Share of bytes in runs of ASCII from which text is not UTF-16: Chinese in UTF-16 has few such runs.
ASCII_SHARE = 0.25
CANDIDATES = (
    "gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", "cp1251", "koi8-r", "cp1252", "cp1250", "utf-8",
    "utf-16-le", "utf-16-be",
)  # fmt: skip

_TWO_BYTES = ("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(range(9))
_FIRST_BYTES = bytes(range(1, 32))
_ASCII_RUN = re.compile(rb"[A-Za-z0-9 ,.;:@_\r\n\t-]{8,}")
_ASCII = re.compile(r"[\x00-\x7f]+")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_LINE_END = re.compile(rb"[\n<>]")
# Bytes of a line kept before its first byte beyond ASCII: more of them say nothing, and may be megabytes.
_BEFORE = 256
# What a wrong charset produces, and what each occurrence costs: letters of two scripts in one word, a capital
# inside a word, several accented letters in a row, a single foreign letter, a symbol inside a word.
_ODDITIES = (
    (re.compile(r"[A-Za-z][\u0400-\u045f\uac00-\ud7a3]|[\u0400-\u045f\uac00-\ud7a3][A-Za-z]"), 1.0),
    (re.compile(r"[а-яё][А-ЯЁ]|[a-zа-яё][À-Þ]"), 1.0),
    (re.compile(r"(?<![\u0400-\u045f])[ьъыЬЪЫ]"), 0.5),  # no word begins so
    (re.compile(r"[\u0080-\u024f]{3}"), 2.0),
    (re.compile(r"(?<![\u0400-\u045f])[\u0400-\u045f](?![\u0400-\u045f])"), 0.5),
    (re.compile(r"[A-Za-z][\u4e00-\u9fff](?![\u4e00-\u9fff])"), 0.7),
    (re.compile(r"[A-Za-z][\u00a2-\u00bf\u00d7\u00f7№][a-z]"), 1.0),
)
# Letters beyond ASCII that people write, by script, and the signs around them.
_LATIN = (
    "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u0134-\u0137\u0139-\u013e\u0141-\u0148\u014a-\u0178\u0179-\u017e\u0180"
    "\u0192\u01a0\u01a1\u01af\u01b0\u01cd-\u01dc\u0218-\u021b\u0259"
)
_SCRIPTS = (
    "[àâäåæçèéêíîñóôöøúüýœÀÄÅÆÇÈÉÊÍÎÓÔÖØÚÜÝŒαβγω]{1,2}",
    "[\u0410-\u042f\u0401-\u040f\u0490]?[\u0430-\u045f\u0491]+|[\u0401-\u042f\u0490]+",  # Cyrillic
    "[\u0386-\u03ab]?[\u03ac-\u03ce]+|[\u0386-\u03ab]+",  # Greek
    "[\u0531-\u0587]+",  # Armenian
    "[\u05b0-\u05f4]+",  # Hebrew
    "[\u060c-\u0670\u067e-\u06d5\u06f0-\u06f9]+",  # Arabic and Persian
)
_SIGNS = "\u00a0-\u00a3\u00a5\u00a7-\u00ab\u00ad\u00ae\u00b0-\u00b4\u00b7\u00ba\u00bb\u00bf\u00d7"
_RUN = re.compile(r"[^\x00-\x7f]+")
# A run of characters beside a letter of ASCII may mix scripts: that is a disguise. Else it is of one script.
_IN_A_WORD = re.compile(
    rf"[{_LATIN}{_SIGNS}\u0250-\u02af\u0300-\u036f\u0386-\u03ce\u0401-\u045f\u0490-\u0527]+"
)
_ALONE = re.compile(rf"[{_SIGNS}]*(?:(?:{'|'.join(_SCRIPTS)})[{_SIGNS}]+)*(?:{'|'.join(_SCRIPTS)})?")
_UTF_8_FORMATS = re.compile(rb"\s*(?:[\[{]\s*[\[{\"\]}]|<\?xml\b|<(?:rss|feed)\b)")
_TWO_TOGETHER = re.compile(r"[^\x00-\x7f]{2}")
_KANA = re.compile(r"[\u3041-\u30fe]")
_ISO_2022 = re.compile(rb"\x1b\$[@B][!-~]")
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.+-]{2,40})""")
# Python's text codecs that no page is written in. UTF-7 would make scripts out of harmless text, and
# "undefined" always raises. Codecs such as "base64" are not text encodings and need no entry.
_NO_CHARSETS = frozenset({"utf-7", "idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})
# As browsers do: these names mean a larger charset that contains them.
_MEANS = {
    "gb2312": "gb18030", "gbk": "gb18030", "hz": "gb18030", "big5": "big5hkscs", "ascii": "cp1252",
    "iso8859-1": "cp1252", "iso8859-9": "cp1254", "euc_kr": "cp949", "shift_jis": "cp932",
    "iso8859-11": "cp874", "tis-620": "cp874", "utf-16": "utf-16-le", "utf-32": "utf-32-le",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text, the codec that decoded it, its score (1.0: certain), and whether no other one came near."""

    text: str
    charset: str
    score: float
    confident: bool


def decode_page(body: bytes, *, declared: str | None = None, limit: int | None = None) -> Decoded:
    """Decode `body`, its first `limit` bytes at most; `declared` is the charset in the response's header."""
    body = body[:limit]
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return Decoded(body[len(mark) :].decode(codec, "replace"), codec, 1.0, confident=True)
    names = [name for name in (codec_of(declared), codec_of(_declared_in(body))) if name]
    codec, score, confident = (
        _utf_32(body)
        or _utf_16(body)
        or _iso_2022(body)
        or _utf_8(body, names)
        or _best_candidate(body, names)
    )
    return Decoded(body.decode(codec, "replace"), codec, score, confident)


def codec_of(name: str | None) -> str | None:
    """Return the codec that a declared charset means on the web; None for a name that is not a charset."""
    try:
        codec = codecs.lookup((name or "").strip().strip("\"'")[:40])
    except (LookupError, ValueError):
        return None
    known = _MEANS.get(codec.name, codec.name)
    return known if codec._is_text_encoding and known not in _NO_CHARSETS else None


def _declared_in(body: bytes) -> str | None:
    head = body[:DECLARATION_BYTES]
    found = _DECLARED.search(head) if b"charset" in head or b"encoding" in head else None
    return found[1].decode("ascii") if found else None


def _utf_32(body: bytes) -> tuple[str, float, bool] | None:
    """Recognise UTF-32 without a mark: three of four bytes are null, or two of them in Chinese."""
    sample = body[: SAMPLE_BYTES // 4 * 4]
    if len(sample) < 8 or sample.count(0) * 2 < len(sample):
        return None
    for codec, high, second in (("utf-32-le", 3, 2), ("utf-32-be", 0, 1)):
        if not sample[high::4].strip(b"\0") and max(sample[second::4]) <= 0x10 and sample.strip(b"\0"):
            return codec, 0.95, True
    return None


def _iso_2022(body: bytes) -> tuple[str, float, bool] | None:
    """Recognise Japanese in ISO-2022-JP by its escape sequences: it has no byte beyond ASCII."""
    if not _ISO_2022.search(body):
        return None
    try:
        body[:SAMPLE_BYTES].decode("iso2022_jp_2")
    except UnicodeDecodeError as error:
        if error.start < min(len(body), SAMPLE_BYTES) - 8:
            return None
    return "iso2022_jp_2", 0.95, True


def _utf_16(body: bytes) -> tuple[str, float, bool] | None:
    """Recognise UTF-16 without a mark by the null bytes of its spaces, digits and markup, or by first bytes
    that are the same control character, as those of Greek (3), Cyrillic (4), Hebrew (5) and Hindi (9) are.
    """
    sample = body[: SAMPLE_BYTES // 2 * 2]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    halves = {"utf-16-be": sample[::2], "utf-16-le": sample[1::2]}
    for codec, other in (("utf-16-le", "utf-16-be"), ("utf-16-be", "utf-16-le")):
        first, second = halves[codec], halves[other]
        nulls = first.count(0)
        if nulls >= len(first) * WIDE_SHARE and second.count(0) <= nulls * 0.05:
            return codec, 0.95, True
        if nulls and not second.count(0):
            usual = max(first.count(control) for control in _FIRST_BYTES)
            if nulls + usual >= len(first) * ALIKE_SHARE:
                return codec, 0.9, True
    return None


def _utf_8(body: bytes, names: list[str]) -> tuple[str, float, bool] | None:
    """Recognise ASCII, and UTF-8 by its structure."""
    if body.isascii():
        if _has_utf_16_controls(body):
            return None
        transparent = (name for name in names if b"ascii <~".decode(name, "replace") == "ascii <~")
        return next(transparent, "utf-8"), 1.0, True
    # The decoder waits for the rest of a cut last character, and counts no error.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(body)
    beyond = _ASCII.sub("", text)
    broken = beyond.count("\ufffd")
    if broken * BROKEN_SHARE > len(beyond) - broken or not beyond:
        return None
    whole = set(beyond) - {"\ufffd"}
    if len(whole) >= FEW_SEQUENCES or max(whole) > "\u07ff" or _is_utf_8_by_format(body, names):
        return "utf-8", 1 - broken / len(beyond), True
    if _makes_words(text.replace("\ufffd", "")):
        return "utf-8", 1 - broken / len(beyond), True
    if broken:
        return None
    return _rival_of_utf_8(body, names) or ("utf-8", 0.9, False)


def _is_utf_8_by_format(body: bytes, names: list[str]) -> bool:
    """Return whether UTF-8 is declared, or the format's rule: JSON, and XML that names no encoding."""
    return "utf-8" in names or (not names and _UTF_8_FORMATS.match(body) is not None)


def _makes_words(text: str) -> bool:
    """Return whether everything beyond ASCII in a text of UTF-8 is what people write."""
    for run in _RUN.finditer(text):
        around = text[max(0, run.start() - 1) : run.start()] + text[run.end() : run.end() + 1]
        allowed = _IN_A_WORD if any(map(str.isalpha, around)) else _ALONE
        if not allowed.fullmatch(run[0]):
            return False
    return True


def _rival_of_utf_8(body: bytes, names: list[str]) -> tuple[str, float, bool] | None:
    """Return the charset of two bytes under which a few characters are common ones; None: there is none."""
    lines = lines_beyond_ascii(body)
    readings = [CandidateCharset.of(lines, codec, DECLARED_BONUS * (codec in names)) for codec in _TWO_BYTES]
    best = max(readings, key=lambda reading: reading.score)
    if best.score < RIVAL_SCORE or not _TWO_TOGETHER.search(best.text):
        return None
    return best.codec, round(min(1.0, best.score), 3), False


def _has_utf_16_controls(body: bytes) -> bool:
    """Return whether this is UTF-16 in spite of being ASCII: every second byte of Cyrillic is 4 there."""
    sample = body[:SAMPLE_BYTES]
    return len(sample) - len(sample.translate(None, _CONTROLS)) > len(sample) // 3


def _best_candidate(body: bytes, names: list[str]) -> tuple[str, float, bool]:
    """Return the candidate under which a sample of `body` looks most like text.

    Searching for oddities costs most of the time. Candidates are scored in the order of `at_most`, until none
    that is left can be first or second: under most of them the characters alone are too rare.
    """
    readings = _candidates(body, names)
    scores: dict[str, float] = {}
    for reading in sorted(readings, key=lambda each: each.at_most, reverse=True):
        if len(scores) > 1 and reading.at_most < sorted(scores.values())[-2]:
            break
        scores[reading.codec] = reading.score
    # `sorted` is stable, so that of two equal scores the first candidate's comes first.
    order = [each.codec for each in readings if each.codec in scores]
    best, second = sorted(order, key=scores.__getitem__, reverse=True)[:2]
    clear = scores[best] > 0 and scores[best] - scores[second] >= CLEAR_MARGIN
    beyond = next(each.beyond for each in readings if each.codec == best)
    enough = len(beyond) - beyond.count("\ufffd") >= FEW_CHARACTERS
    return best, round(max(0.0, min(1.0, scores[best])), 3), clear and enough


def _candidates(body: bytes, names: list[str]) -> list[CandidateCharset]:
    """Return the readings of a sample. Text that is mostly ASCII is not UTF-16."""
    lines, start = lines_beyond_ascii(body), body[: SAMPLE_BYTES // 2 * 2]
    narrow = sum(map(len, _ASCII_RUN.findall(start))) > len(start) * ASCII_SHARE
    return [
        CandidateCharset.of(
            start if codec.startswith("utf-16") else lines, codec, DECLARED_BONUS * (codec in names)
        )
        for codec in dict.fromkeys((*names, *CANDIDATES))
        if not (narrow and codec.startswith("utf-16"))
    ]


def lines_beyond_ascii(body: bytes) -> bytes:
    """Return the lines that hold more than ASCII. Cutting at line ends never halves a character."""
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
    """A sample decoded by one codec.

    `beyond`: its characters beyond ASCII. `likely`: the sum of their weights. `bonus`: what is added to the
    score for a valid structure and for being declared.
    """

    codec: str
    text: str
    beyond: str
    likely: float
    bonus: float

    @classmethod
    def of(cls, sample: bytes, codec: str, bonus: float) -> CandidateCharset:
        # The decoder waits for the rest of a cut last character, and counts no error.
        text = codecs.getincrementaldecoder(codec)("replace").decode(sample)
        beyond = _ASCII.sub("", text)
        return cls(
            codec,
            text,
            beyond,
            sum(map(weights_of(codec).__getitem__, beyond)),
            bonus + PRIOR.get(codec, 0.0),
        )

    @property
    def at_most(self) -> float:
        """The score if there are no oddities."""
        return (self.likely / len(self.beyond) if self.beyond else -1.0) + self.bonus

    @property
    def score(self) -> float:
        """The mean weight of its characters beyond ASCII, less the cost of the oddities."""
        if not self.beyond:
            return self.at_most
        against = sum(cost * len(odd.findall(self.text)) for odd, cost in _ODDITIES)
        if self.codec in ("gb18030", "big5hkscs"):  # Chinese texts do not use kana
            against += 1.5 * len(_KANA.findall(self.beyond))
        return (self.likely - against) / len(self.beyond) + self.bonus
