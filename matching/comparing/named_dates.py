"""Names with birth dates that stand with their labels in one line: `姓名：林知秋 性别：女 出生：1957-09-17`.

Where each label has a line of its own, or a table has columns, `cells` takes them.
"""

import re
from collections.abc import Iterator

from matching.identifiers import composites
from matching.inputs import Block
from matching.inputs.formats.blocks import PLAIN
from matching.inputs.formats.plain_lines import KeyValueShape
from text.escapes import unescaped

_DATE = r"(?P<date>[0-9]{1,4}[0-9年月日./ -]{4,14}[0-9日])"
_COLON = r"[ \t]{0,3}[:：=][ \t]{0,3}"
_BIRTH = re.compile(
    r"(?:生日|出生日期|出生年月日?|出生|生年月日|생년월일|生まれ"
    r"|(?<![^\W_])(?:date of birth|birth[ _]?da(?:te|y)|dob|geburtsdatum|geboren(?: am)?"
    r"|fecha de nacimiento|date de naissance|data di nascita|data de nascimento|дата рождения"
    rf"|doğum tarihi|data urodzenia|geboortedatum)){_COLON}{_DATE}(?![0-9])",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?:姓名|名字|名前|氏名|이름|성명|(?<![^\W_])(?:full[ _]?name|name|nombre(?: completo)?|nom(?: complet)?"
    r"|nome(?: completo)?|имя|фио|ad soyad|imię i nazwisko|naam))"
    rf"{_COLON}(?P<name>[^\W\d_][^\d,;:：=，；|/\t\n]{{0,60}}?)"
    r"(?=$|[ \t]{0,3}[,;，；|/\t]|[ \t]{1,8}[^\W\d_][^\d,;:：=，；|/\t\n]{0,24}[:：=])",
    re.IGNORECASE | re.MULTILINE,
)
# One of these is in every label of a birth date.
_SIGNS = tuple(
    sign.encode()
    for sign in (
        "生",
        "생년",
        "irth",
        "IRTH",
        "dob",
        "DOB",
        "eburt",
        "eboren",
        "cimiento",
        "aissance",
        "nascita",
        "scimento",
        "рожд",
        "РОЖД",
        "oğum",
        "urodz",
    )
)
_LINE_LENGTH = 2_000  # characters; nobody writes a person in a longer line


def names_with_dates(block: Block) -> Iterator[tuple[int, str]]:
    """Yield the index of each line that has one name and one birth date, with their canonical form."""
    if not _is_of_lines(block) or not any(sign in block.text for sign in _SIGNS):
        return
    text = block.text.decode()
    line = at = done = 0
    for birth in _BIRTH.finditer(text):
        start = text.rfind("\n", 0, birth.start()) + 1
        if start < done:  # another date in the same line
            continue
        end = text.find("\n", birth.end())
        end = len(text) if end < 0 else end
        line += text.count("\n", at, start)
        at, done = start, end
        if end - start > _LINE_LENGTH or _BIRTH.search(text, birth.end(), end):
            continue
        names = [found["name"] for found in _NAME.finditer(text, start, end)]
        if len(names) == 1:
            yield from ((line, form) for form in composites([unescaped(names[0])], birth["date"]))


def _is_of_lines(block: Block) -> bool:
    """Whether the block has no columns but those of labels."""
    return block.shape is PLAIN or isinstance(block.shape, KeyValueShape)
