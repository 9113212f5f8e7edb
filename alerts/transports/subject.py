"""The Subject of an e-mail, folded by ourselves: the first line is never empty.

Python's email package folds directly after "Subject:" where the first word does not fit on the line. That is
allowed (RFC 5322, 2.2.3), but some mail programs and filters then show or match an empty subject.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from email.headerregistry import HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy

#: Characters of a line, which may hold 78 (RFC 5322, 2.1.1), and of an encoded word (RFC 2047, 2).
LINE_CHARS = 76
WORD_CHARS = 75
ENCODED = "=?utf-8?b?{}?="
#: The shortest encoded word that is worth a place behind the words before it.
LEAST_ENCODED = len(ENCODED.format("x" * 12))


class SubjectHeader(UniqueUnstructuredHeader):
    """A Subject that folds between words, and after at least one of them."""

    def fold(self, *, policy: EmailPolicy) -> str:
        words = _folded_words(str(self), first=LINE_CHARS - len("Subject: "))
        return "Subject: " + f"{policy.linesep} ".join(words) + policy.linesep


def _folded_words(text: str, *, first: int) -> Iterator[str]:
    """Yield the lines of a subject without what stands before them; `first`: room on the first one.

    Words stay readable up to the first one that is not ASCII. The rest is encoded as a whole, because blanks
    between encoded words are not shown.
    """
    plain = _ascii_words(text)
    rest = text[len(" ".join(plain)) :].lstrip(" ") if plain else text
    line, room = "", first
    for word in plain:
        longer = f"{line} {word}" if line else word
        if line and len(longer) > room:
            yield line
            line, room = word, LINE_CHARS - 1
        else:
            line = longer
    while rest:
        space = room - len(line) - bool(line)
        if line and space < LEAST_ENCODED:
            yield line
            line, room = "", LINE_CHARS - 1
            continue
        taken = _fitting_chars(rest, min(space, WORD_CHARS))
        encoded = ENCODED.format(b64encode(rest[:taken].encode()).decode())
        yield f"{line} {encoded}" if line else encoded
        line, room, rest = "", LINE_CHARS - 1, rest[taken:]
    if line:
        yield line


def _ascii_words(text: str) -> list[str]:
    """Return the words before the first one that is not ASCII, if single blanks separate them."""
    if text.isascii():
        return text.split(" ")
    words = text.split(" ")
    return words[: next(number for number, word in enumerate(words) if not word.isascii())]


def _fitting_chars(text: str, space: int) -> int:
    """Return how many characters one encoded word of this length may hold; at least one."""
    room = (space - len(ENCODED.format(""))) // 4 * 3
    taken = size = 0
    for char in text:
        size += len(char.encode())
        if size > room:
            break
        taken += 1
    return max(1, taken)


def mail_policy() -> EmailPolicy[EmailMessage]:
    """Return the policy of our e-mails: SMTP's, with our Subject."""
    registry = HeaderRegistry()
    # typeshed does not know that the registry adds BaseHeader to the class.
    registry.map_to_type("subject", SubjectHeader)  # type: ignore[arg-type]
    return SMTP.clone(header_factory=registry)
