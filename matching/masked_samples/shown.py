"""What a mask leaves visible of one value, reduced to what a mask template shows of it.

A value that shows more is reduced: of the whole number 13812345678 a template with three and four digits
shows 138 and 5678, as it does of 1381***5678. A value that shows less gives None.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from matching.masked_samples.sample_rows import Attribute, VisibleValue
from text.folding import fold_one

OLD_ID_LENGTH = 15  # digits of resident IDs until 1999, whose last digits are others than today's
_TITLES = frozenset(
    {
        "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "madam", "herr", "frau", "mme", "mlle",
        "monsieur", "madame", "sr", "sra", "srta", "dott", "jr",
    }
)  # fmt: skip
_HONORIFIC = re.compile(r"(?:先生|女士|小姐|太太)$")
#: Scripts whose names are written in one word, the family name first: Han, kana, Hangul.
_JOINED = re.compile(r"[\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af]")
_LETTER = re.compile(r"[^\W\d_]")
_NAME_LENGTH = 200  # characters
_DATE_LENGTH = 10


def is_joined_script(name: str) -> bool:
    """Return whether a name is written in Han, kana or Hangul."""
    return _JOINED.match(name) is not None


Shown = tuple[str, str]  # what many people have of a value, and the rest


class ValuePart(Protocol):
    """What a template shows of one value."""

    @property
    def attribute(self) -> Attribute: ...

    def whole(self, text: str) -> Shown | None:
        """Return what is shown of a whole value in canonical form; None: it is too short."""
        ...

    def visible(self, value: VisibleValue) -> Shown | None:
        """Return what is shown of a value of a sample; None: it does not show enough."""
        ...


@dataclass(frozen=True, slots=True)
class Ends:
    """The first and the last characters of a number."""

    attribute: Attribute
    head: int
    tail: int

    def whole(self, text: str) -> Shown | None:
        if len(text) < self.head + self.tail + 2:
            return None
        return text[: self.head], text[len(text) - self.tail :]

    def visible(self, value: VisibleValue) -> Shown | None:
        head, tail = value.head.upper(), value.tail.upper()
        if not value.is_masked:
            return self.whole(head)
        old = value.attribute is Attribute.RESIDENT_ID and value.hidden is not None
        if old and len(head) + (value.hidden or 0) + len(tail) <= OLD_ID_LENGTH:
            return None
        if len(head) < self.head or len(tail) < self.tail:
            return None
        return head[: self.head], tail[len(tail) - self.tail :]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The first letter of an e-mail address, with `last` the last one before the @, and the domain."""

    last: bool = False
    attribute: Attribute = Attribute.EMAIL

    def whole(self, text: str) -> Shown | None:
        local, _, domain = text.rpartition("@")
        return self._shown(local[:1], local[-1:], domain) if len(local) > 1 else None

    def visible(self, value: VisibleValue) -> Shown | None:
        last = value.tail[-1:] if value.is_masked else value.head[-1:]
        if not value.is_masked and len(value.head) < 2:
            return None
        return self._shown(value.head[:1], last, value.domain)

    def _shown(self, first: str, last: str, domain: str) -> Shown | None:
        if not first or not domain or (self.last and not last):
            return None
        return f"{first}{last if self.last else ''}@{domain}".casefold(), ""


@dataclass(frozen=True, slots=True)
class FamilyName:
    """The family name of a name in Han, kana or Hangul, with `last` also the last character of the name.

    Only the first character of a family name counts: a mask shows it for 欧阳锋 as 欧** or as 欧阳*.
    """

    last: bool = False
    attribute: Attribute = Attribute.NAME

    def whole(self, text: str) -> Shown | None:
        name = _HONORIFIC.sub("", text[:_NAME_LENGTH].replace(" ", "").replace("·", ""))
        if len(name) < 2 or not is_joined_script(name):
            return None
        return fold_one(name[0]) + (fold_one(name[-1]) if self.last else ""), ""

    def visible(self, value: VisibleValue) -> Shown | None:
        if not value.is_masked:
            return self.whole(value.head)
        if not is_joined_script(value.head) or (self.last and not value.tail):
            return None
        return fold_one(value.head[0]) + (fold_one(value.tail[-1]) if self.last else ""), ""


@dataclass(frozen=True, slots=True)
class Initials:
    """The first letters of the first and the last word of a name, in alphabetical order.

    So `John Doe` and `Doe John` show the same. Titles are no words of a name.
    """

    attribute: Attribute = Attribute.NAME

    def whole(self, text: str) -> Shown | None:
        if is_joined_script(text):
            return None
        family, comma, given = text[:_NAME_LENGTH].partition(",")
        words = (f"{given} {family}" if comma else family).split()
        letters = [
            letter[0]
            for word in words
            if (letter := _LETTER.search(word)) and word.rstrip(".").casefold() not in _TITLES
        ]
        if len(letters) < 2:
            return None
        return "".join(sorted(map(fold_one, (letters[0], letters[-1])))), ""

    def visible(self, value: VisibleValue) -> Shown | None:
        return self.whole(value.head)


@dataclass(frozen=True, slots=True)
class Born:
    """The year of birth, with `day` also month and day."""

    day: bool = False
    attribute: Attribute = Attribute.BIRTH_DATE

    def whole(self, text: str) -> Shown | None:
        """`text`: as ISO 8601, 1990-03-12."""
        if len(text) < (_DATE_LENGTH if self.day else 4) or not text[:4].isdecimal():
            return None
        return text[:4], f"{text[5:7]}{text[8:10]}" if self.day else ""

    def visible(self, value: VisibleValue) -> Shown | None:
        return self.whole(value.head)
