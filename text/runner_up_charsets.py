"""Other charsets that a text may be in, when the decision for one of them is doubtful.

`charset.decode_page` chooses among the charsets of most texts. The others here are rarer, or look alike in a
few words: nothing but a name that is looked for can decide between them. A runner-up is a charset in which

1. the whole sample can be decoded,
2. most characters beyond ASCII are letters, and none is a control character or has no meaning, and
3. letters of ASCII are not in words of another script.

Those with the fewest capitals inside words and the fewest words of two scripts are the likely ones.
"""

import codecs
import re
import unicodedata
from functools import cache
from operator import itemgetter

from text.charset import CANDIDATES, SAMPLE_BYTES, CandidateCharset, Decoded, lines_beyond_ascii

#: Most charsets in which a doubtful text is read again.
MOST = 10
#: Score below which a charset of one byte per character is doubtful.
SURE_SCORE = 0.8
_LETTER_SHARE = 0.7
_OF_ONE_BYTE = ("cp1251", "koi8-r", "cp1252", "cp1250")
_RARER = (
    "cp866", "iso8859-5", "koi8-u", "mac-cyrillic", "cp1254", "cp1257", "iso8859-2", "cp1253", "cp1255",
    "cp1256", "cp874", "cp850", "mac-roman", "cp852", "iso8859-7",
)  # fmt: skip
_NO_TEXT = frozenset({"Cc", "Co", "Cn", "Cs"})
_OTHER_SCRIPT = "[\u0370-\u06ff\u0e00-\u0e7f]"
_MIXED_WORD = re.compile(f"[A-Za-z]{_OTHER_SCRIPT}|{_OTHER_SCRIPT}[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")
_RUN = re.compile(r"[^\x00-\x7f]+")
_ASCII = re.compile(r"[\x00-\x7f]+")


def is_doubtful(found: Decoded) -> bool:
    """Return whether the text may be in another charset than the one that was found."""
    return not found.confident or (found.charset in _OF_ONE_BYTE and found.score < SURE_SCORE)


def runner_up_charsets(sample: bytes, charset: str) -> tuple[str, ...]:
    """Return the other charsets that a doubtful text beyond ASCII may be in, the likely ones first."""
    lines = lines_beyond_ascii(sample)
    known = [CandidateCharset.of(lines, codec, 0.0) for codec in CANDIDATES if not codec.startswith("utf")]
    known.sort(key=lambda reading: reading.score, reverse=True)
    first = _decoded(lines, charset)
    texts, found = {first}, []
    for codec in [reading.codec for reading in known] + list(_RARER):
        text = _decoded(lines, codec)
        if codec == charset or text is None or text in texts or not _may_be_text(text):
            continue
        texts.add(text)
        found.append((_oddities(text), codec))
    return tuple(codec for _, codec in sorted(found, key=itemgetter(0))[:MOST])


def _oddities(text: str) -> int:
    """Return how many capitals stand inside words, and letters in words of another script."""
    count = 0
    for word in _WORD.findall(text):
        if not word.isascii():
            count += sum(one.isupper() and not word[at].isupper() for at, one in enumerate(word[1:]))
            count += len({_script(one) for one in word}) - 1
    return count


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ", 1)[0]


def _decoded(lines: bytes, codec: str) -> str | None:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        # A long sample may end inside of a character.
        return decoder.decode(lines, final=len(lines) < SAMPLE_BYTES)
    except UnicodeDecodeError:
        return None


def _may_be_text(text: str) -> bool:
    beyond = _ASCII.sub("", text)
    if not beyond or any(_category(one) in _NO_TEXT for one in set(beyond)):
        return False
    letters = sum(_category(one)[0] in "LM" for one in beyond)
    if letters < _LETTER_SHARE * len(beyond):
        return False
    return 2 * len(_MIXED_WORD.findall(text)) <= len(_RUN.findall(text))


@cache
def _category(character: str) -> str:
    return unicodedata.category(character)
