"""What one line of a record is: a field with its label, one of the two alone, a separator, or text."""

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from matching.inputs.formats.columns import role_of

#: Characters of a line that may be a field; a longer one is text.
_LINE_LENGTH = 2_000
_LABEL_LENGTH = 60
_WORDS = 8  # of a value that is a name, a place or a heading; more are text
_WORDS_LENGTH = 60


class Kind(Enum):
    """What a line is within a record."""

    BLANK = "blank"
    RULE = "rule"  # a line of dashes, or one around a number of the record
    FIELD = "field"  # a label and its value
    LABEL = "label"  # a label whose value stands on the next line
    VALUE = "value"  # nothing but one identifier, number or date
    WORDS = "words"  # a few words: a name, a place, a heading
    TEXT = "text"


class Line(NamedTuple):
    """A line. `label`: in lower case without its number; `type`: of a value that is nothing but one."""

    kind: Kind
    label: str = ""
    number: str = ""  # behind the label: `Email 2`
    type: str = ""  # email, phone, number, date; "" for words and text
    value: str = ""
    indent: int = 0  # characters before the label
    leader: str = ""  # before the label: a number (`1.`), or a bullet
    heading: bool = False  # of Markdown
    quoted: int = 0  # signs of a quoted mail before the line
    marked: bool = False  # the label is written as markup or in quotes, not as a word before a colon
    last: bool = False  # a tree ends here


_BLANK = Line(Kind.BLANK)
_RULE = re.compile(
    r"[-=_*#~+.─━═—–$%&<>/\\ ]{3,}|[|+][-=+| ]{3,}"
    r"|[-=*#~_+─━═—–]{2,200}[^\w\n]{0,9}\w[^\n]{0,60}?[-=*#~_+─━═—–|]{2,}"
    r"|-\[ [^\]\n]{1,40} \][-+]*|(?P<sign>[^\w\s@])(?:\ufe0f?[ ]?(?P=sign)){2,200}\ufe0f?"
)
_PREFIX = re.compile(
    r"[^\w\[\]\"'<(){}+@$*#.【〔-]*(?:(?:[*#•.-]{1,6}|[-=]>)(?=[ \t])[^\w\[\]\"'<(){}+@【〔]*)?"
    r"(?:[*_]{1,3}(?=\w))?"
)
#: Behind a value. Where XML has no line ends, its lines end before each `>` (`record_ends`).
_END_TAG = re.compile(r"(?<=[^<>\s])\s{0,9}</[^\W\d][\w:.-]{0,60}>?\s*$")
# Marks around a value, and a line break at the end of a line of HTML.
_WITHOUT_CONTENT = re.compile(r"<!\[CDATA\[|\]\]>|<br[ /]{0,3}>\s*$", re.IGNORECASE)
_ARROW = re.compile(r"[-=]>")
_ONLY_NUMBER = re.compile(r"[(\[#]?\d{1,6}[.)\]:]?")
_NUMBERED = re.compile(
    r"(?:(?:\(?(\d{1,6})[.)\]]|#(\d{1,6})[.:)]?|\[(\d{1,6})\]|(\d)\ufe0f?\u20e3)[ \t]+|(\d{1,6})[、．][ \t]*)"
    r"[^\w\[\"'<(+]*"
)
_HEADING = re.compile(r"#{2,6}[ \t]+\w")
_BULLET = re.compile(r"[*•·▪◦‣●○►▶➤–-][ \t]*$")
_TREE = re.compile(r".*[├└│╰╚┗┣┃]")
_TREE_END = re.compile(r"[└╰╚┗]")
#: A tree that is drawn with signs of ASCII, and what those stand for.
_ASCII_TREE = re.compile(r"[ \t|]*(?:[+\\`]-{1,4}|\|--{1,3})(?=[ \t>])")
_TREE_SIGNS = str.maketrans({"|": "│", "+": "├", "\\": "└", "`": "└", "-": "─"})
_ATTRIBUTE_TEXT = re.compile(r"(?:^|(?<=\s))[a-z][a-z0-9]{0,9}(?:\s+[\w:-]{1,30}=(?:\"[^\"]*\"|'[^']*'))+\s*")
_ITEM = re.compile(r"[a-z][a-z0-9]{0,9}\s(?:[^<>]{0,200}\s)?itemprop=[\"']([\w -]{1,40})[\"']")
_LINKED = re.compile(r"(?:href|content)=[\"'](?:mailto:|tel:)?([^\"'<>\s]{5,200})[\"']")
#: What stands before a message in the log of a chat: `[01.02.2024 11:20] Name: `, `01.02.24, 11:20 - Name: `.
_STAMPED = re.compile(
    r"(?:\[\d[\d.:/, T-]{7,24}\][ ]+"
    r"|\d{1,4}[./-]\d{1,2}[./-]\d{2,4},?[ ]\d{1,2}:\d\d(?::\d\d)?(?:[ ][ap]m)?[ ]-[ ])"
    r"[^:\n]{1,40}:[ ]+(?=\S)",
    re.IGNORECASE,
)

_LEAF = re.compile(
    r"<([^\W\d][\w:.-]{0,60})(\s[^<>]{0,300})?>\s*([^<>]*?)\s*</\1\s*>(?:\s*:?\s*(?:<[^<>]{1,300}>\s*)*([^<>\s][^<>]*))?"
)
#: Elements of pages that say nothing of what they hold.
_TEXT_TAGS = frozenset(
    ["a", "b", "dd", "div", "dt", "em", "i", "li", "p", "pre", "span", "strong", "td", "th", "u"]
)
_NAME_AND_VALUE = re.compile(
    r"<[A-Za-z][\w:.-]{0,60}\s(?:[^<>]{0,200}\s)?(?:name|key)\s?=\s?[\"']([^\"'<>]{1,60})[\"']"
    r"(?:\s[^<>]{0,200})?\svalue\s?=\s?[\"']([^\"'<>]{0,500})[\"'][^<>]{0,200}>",
    re.IGNORECASE,
)
_EMPTY_ELEMENT = re.compile(
    r"<([^\W\d][\w:.-]{0,60})((?:\s+[\w:.-]{1,40}\s?=\s?(?:\"[^\"<>]*\"|'[^'<>]*'))+)\s*/>"
)
_ATTRIBUTE = re.compile(r"([\w:.-]{1,40})\s?=\s?(?:\"([^\"<>]*)\"|'([^'<>]*)')")
NAME_ATTRIBUTE = re.compile(r"\s(?:name|key|id|n)\s*=\s*[\"']([^\"'<>]{1,60})[\"']", re.IGNORECASE)
_BRACKETED = re.compile(r"\[[\"']?([^\]\"'\n]{1,60}?)[\"']?(?::[^\]\n]{1,60})?\]\s*=>\s*(.*)")
_IN_BRACKETS = re.compile(r"[\[【〔]([^\[\]【】〔〕\n]{1,40})[\]】〕]\s*[:：]?\s*(\S.*)")
_QUOTED = re.compile(r"[\[{(]?\s*([\"'])([^\"'\n]{1,60})\1\s*(?:=>|:|=)\s*(.*)")
_PROPERTY = re.compile(
    r"((?:[A-Za-z][\w-]{0,20}\.)?[A-Za-z][\w-]{0,30})(?:;[\w-]{1,30}(?:=[^:;\n]{0,60})?){1,9}:(?!//)(.*)"
)
_NAME = r"([^\W\d][^:=：,;|@\t\n]{0,40}?)"
_PLAIN = re.compile(_NAME + r"[\"'*_]{0,3}[ \t]{0,20}(?:=>|->|→|[:=：])(?!//)[*_]{0,3}[ \t]{0,20}(\S.*)")
#: Stands in a label for a number that was inside of it.
INNER = "#"
_INNER_NUMBER = re.compile(r"([^\W\d][^\d]{0,30}[._\[])(\d{1,6})([._\]][^\d]{1,40})")
_GAP = r"[ ]{0,40}\t[ \t]{0,9}|[ ]{0,40}[|│][ ]{1,9}|[ ]{2,40}|[ ]{0,2}\.{2,40}[ ]{0,2}"
_SPACED = re.compile(rf"{_NAME}(?:{_GAP})([^\s|.][^\t|]*)")
_WORD_BEFORE = re.compile(r"([^\W\d][^\d@:=,;|]{0,30}?)\.?[ ]+(\S+@\S+|[+(]?\d[\d ()./-]{5,24})")

_TYPED = re.compile(
    r"(?P<email>[^\s@<>()\[\],;:\"'|]{1,100}(?:@|%40|\\u0040|&#64;|\[at\]|\(at\))[^\s@<>(),;:\"'|]{3,200})"
    r"|(?P<date>(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d|\d{1,2}:\d\d(?::\d\d)?)"
    r"|(?P<phone>(?:00|\+)?[ ]?\(?\d[\d ().\u00a0/-]{5,22}\d)"
    r"|(?P<number>[A-Za-z]{0,4}[ -]?\d[\dXx *-]{2,40}|[A-Z]{2}\d\d(?:[ ]?[A-Z0-9]{2,4}){3,8})"
)
_NAMED_ADDRESS = re.compile(r"[^\W\d][^<>@\d]{0,60}[ ]<([^<>\s@]{1,100}@[^<>\s@]{3,200})>")
_DUMPED = re.compile(r"(?:string|str|int|integer|float|varchar)\(\d*\)\s*(.*)")
_LINK = re.compile(r"^(?:mailto|tel|e?mail):", re.IGNORECASE)
_AROUND = " \t\"'`,;<>|*_"
#: Values that hold no identifier, however many digits they have: times, hashes, addresses of machines.
_TECHNICAL = re.compile(
    r"(?:19|20)\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?"
    r"(?:[ ]?(?:Z|UTC|[+-]\d\d:?(?:\d\d)?))?"
    r"|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|\b(?=[0-9a-fA-F]*[a-fA-F])(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{20,128}\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b|\bhttps?://[^\s@]{1,500}"
)
_PHONE_DIGITS = range(7, 16)


def read_line(line: str) -> Line:
    """Return what a line is by itself. Whether a label is one, other lines decide (`trust`)."""
    if "<" in line:
        line = _WITHOUT_CONTENT.sub("", line)
        if not line.lstrip().startswith("<"):
            line = _END_TAG.sub("", line)
    text = line.strip()
    if not text:
        return _BLANK
    if len(text) > _LINE_LENGTH:
        return Line(Kind.TEXT)
    if not text[0].isalnum() and _RULE.fullmatch(text):
        return Line(Kind.RULE)
    if (text[0] == "[" or text[0].isdigit()) and (stamped := _STAMPED.match(text)):
        said = read_line(text[stamped.end() :])
        if said.kind is Kind.FIELD and role_of(said.label) is not None:
            return said._replace(heading=True)
    if "='" in line or '="' in line:
        if item := _ITEM.match(text):
            return _property(item, text)
        line = _ATTRIBUTE_TEXT.sub("", line)
    if drawn := _ASCII_TREE.match(line):
        line = drawn[0].translate(_TREE_SIGNS) + line[drawn.end() :]
    prefix = _PREFIX.match(line)
    before = prefix[0] if prefix else ""
    rest = line[len(before) :].rstrip()
    leader = ""
    if numbered := _NUMBERED.match(rest):
        leader = next(filter(None, numbered.groups()))
        rest = rest[numbered.end() :]
    elif _BULLET.search(before):
        leader = "-"
    if rest.endswith("|") and "|" in before:
        rest = rest[:-1].rstrip()
    indent = len(line) - len(line.lstrip())
    quoted, last = 0, False
    if before and not before.isspace():
        quoted, last = _ARROW.sub("", before).count(">"), _TREE_END.search(before) is not None
        if tree := _TREE.match(before):
            indent, leader = tree.end(), "" if leader == "-" else leader
    shape = _shape_of(rest)
    if text.startswith("##") and _HEADING.match(text):
        shape = shape._replace(heading=True)
    if not (indent or quoted or leader):
        return shape
    return shape._replace(indent=indent, leader=leader or shape.leader, quoted=quoted, last=last)


def _shape_of(rest: str) -> Line:
    if (
        rest.startswith("<")
        and (leaf := _LEAF.fullmatch(rest))
        and not leaf[4]
        and leaf[1].lower() in _TEXT_TAGS
    ):
        return _shape_of(leaf[3])
    if _ONLY_NUMBER.fullmatch(rest):
        return Line(Kind.WORDS, value=rest, leader=rest.strip("()[]#.:"))
    found = _labelled(rest)
    if found is not None:
        name, value, marked = found
        label, number = normal_label(name)
        if not label:
            return Line(Kind.TEXT)
        value = clean_value(value)
        kind = Kind.FIELD if value else Kind.LABEL
        return Line(kind, label, number, type_of(value), value, marked=marked)
    value = clean_value(rest)
    if named := _NAMED_ADDRESS.fullmatch(rest):
        value = named[1]
    if type_ := type_of(value):
        return Line(Kind.VALUE, type=type_, value=value)
    name = rest[:-1] if rest.endswith((":", "：")) else rest
    if name.strip() and len(name) <= _LABEL_LENGTH and (role_of(name) is not None or _is_label(rest, name)):
        label, number = normal_label(name)
        return Line(Kind.LABEL, label, number, value=value)
    return Line(Kind.WORDS if _are_few_words(rest) else Kind.TEXT, value=value)


def _property(item: re.Match[str], text: str) -> Line:
    """Return the field of an element with `itemprop`: its link or content, else what stands in it."""
    link = _LINKED.search(text)
    value = clean_value(link[1] if link else _ATTRIBUTE_TEXT.sub("", text))
    label, number = normal_label(item[1])
    return Line(Kind.FIELD if value else Kind.LABEL, label, number, type_of(value), value, marked=True)


def _labelled(rest: str) -> tuple[str, str, bool] | None:
    """Return label, value, and whether the label is marked as one by more than a sign."""
    first = rest[:1]
    if first == "<":
        return _markup(rest)
    if first == "[" and (match := _BRACKETED.match(rest)):
        return match[1], match[2], True
    if first in "[【〔" and (match := _IN_BRACKETS.fullmatch(rest)) and role_of(match[1]) is not None:
        return match[1], match[2], False
    if first in "\"'{[(" and (match := _QUOTED.match(rest)):
        return match[2], match[3], True
    if ";" in rest and (match := _PROPERTY.match(rest)):
        return match[1].rpartition(".")[2], match[2], False
    if match := _PLAIN.match(rest[1:] if first == "@" else rest):
        return match[1], match[2], False
    if match := _SPACED.fullmatch(rest):
        return match[1], match[2], False
    if (match := _WORD_BEFORE.fullmatch(rest)) and (len(match[1]) == 1 or role_of(match[1]) is not None):
        return match[1], match[2], False
    return None


def _markup(rest: str) -> tuple[str, str, bool] | None:
    match = _LEAF.search(rest)
    if match is None:
        pair = _NAME_AND_VALUE.search(rest)
        return (pair[1], pair[2], True) if pair else _attribute_value(rest)
    tag, attributes, value, behind = match.groups()
    if tag.lower() == "key" and not behind:
        return value, "", True
    if behind:
        is_label = len(value) <= _LABEL_LENGTH and value[:1].isalpha() and "@" not in value
        return (value, behind, False) if is_label else None
    named = NAME_ATTRIBUTE.search(attributes or "")
    # `string` and `value` say the type of what stands behind a key, not a label.
    return named[1] if named else tag.rpartition(":")[2], value, True


def _attribute_value(rest: str) -> tuple[str, str, bool] | None:
    """Return the name of `<email rel="home" address="..."/>` and its one attribute that is an identifier."""
    element = _EMPTY_ELEMENT.fullmatch(rest)
    if element is None:
        return None
    values = [one or two for _, one, two in _ATTRIBUTE.findall(element[2])]
    found = [value for value in values if type_of(clean_value(value)) in ("email", "phone")]
    return (element[1].rpartition(":")[2], found[0], True) if len(found) == 1 else None


@lru_cache(maxsize=4096)
def normal_label(name: str) -> tuple[str, str]:
    """Return a label as it is compared, and its number: `Email 2`, `user.2.email`."""
    name = name.strip(" \t\"'*_-.:#`").casefold()
    if inner := _INNER_NUMBER.fullmatch(name):
        return f"{inner[1]}{INNER}{inner[3]}", inner[2]
    stem = name.rstrip("0123456789")
    return (stem.rstrip(" _-#."), name[len(stem) :]) if stem else ("#", "")


def clean_value(value: str) -> str:
    """Return a value without what is written around it."""
    value = value.strip(_AROUND)
    if match := _DUMPED.fullmatch(value):
        value = match[1].strip(_AROUND)
    return _LINK.sub("", value)


def type_of(value: str) -> str:
    """Return what a value is if it is nothing but one identifier, number or date; else ""."""
    match = _TYPED.fullmatch(value) if len(value) <= 300 else None
    if match is None:
        return ""
    if match.lastgroup == "phone":
        digits = sum(character.isdigit() for character in value)
        return "phone" if digits in _PHONE_DIGITS else "number"
    return match.lastgroup or ""


def holds_identifier(line: Line) -> bool:
    """Whether a field's value may hold an identifier, with or without other words."""
    value = line.value
    if "@" in value:
        return True
    if sum(map(str.isdigit, value)) < 7:
        return False
    return sum(map(str.isdigit, _TECHNICAL.sub("", value))) >= 7


def _is_label(rest: str, name: str) -> bool:
    """Whether words with a colon behind them may be a label whose value is on the next line, or missing."""
    return name != rest and _are_few_words(name) and name[:1].isalpha() and ":" not in name


def _are_few_words(text: str) -> bool:
    return (
        len(text) <= _WORDS_LENGTH
        and len(text.split()) <= _WORDS
        and "@" not in text
        and not text.endswith((".", "!", "?", "。", "！", "？"))
    )
