"""Ordinary text gives no rows of several lines in which two people's data stand beside each other."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable

import pytest

from matching.comparing.block import RECORD_FORMATS
from matching.inputs.formats.rows import TextRows
from tests.matching.inputs.reading import one

_WORDS = re.findall(
    r"\w+",
    "the of and customer data leak market report price sample forum seller bank list people record number "
    "contact please write service system update error user value return when they have been from this",
)
_NAMES = ("anna", "bob", "carl", "dora", "emil", "frida", "gustav", "hanna")
_VALUE = re.compile(r"person\d{3}@mail\.example|(?:\+49|0)171 ?3920\d{3}")


class Writer:
    """Writes ordinary text in which addresses and numbers of other people stand at random."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)  # the same text each time

    def value(self) -> str:
        person = self.pick.randint(1, 900)
        return self.pick.choice(
            [f"person{person:03}@mail.example", f"+491713920{person:03}", f"0171 3920{person:03}"]
        )

    def name(self) -> str:
        return self.pick.choice(_NAMES)

    def sentence(self, share: float = 0.3) -> str:
        words = self.pick.choices(_WORDS, k=self.pick.randint(4, 14))
        if self.pick.random() < share:
            words.insert(self.pick.randint(0, len(words)), self.value())
        return " ".join(words).capitalize() + "."

    def message(self) -> str:
        kind = self.pick.random()
        if kind < 0.15:
            return self.value()
        if kind < 0.25:
            return self.pick.choice(["mail me: ", "my number: ", "email ", "tel ", "phone: "]) + self.value()
        return self.sentence(0.1)

    def either(self) -> str:
        return self.value() if self.pick.random() < 0.4 else self.sentence()


Write = Callable[[Writer], str]
#: One line or paragraph of each kind of text, and what stands between them.
TEXTS: dict[str, tuple[Write, str]] = {
    "prose": (lambda w: "\n".join(w.sentence() for _ in range(w.pick.randint(1, 6))), "\n\n"),
    "paragraphs": (lambda w: w.sentence(0.5), "\n\n"),
    "log": (lambda w: f"2024-03-01 12:00:01 INFO {w.name()}: {w.sentence(0.4)}", "\n"),
    "log of levels": (lambda w: f"{w.pick.choice(['INFO', 'WARN', 'DEBUG'])}: sent to {w.either()}", "\n"),
    "mail log": (lambda w: f"postfix/smtp[{w.pick.randint(100, 999)}]: to=<{w.value()}>", "\n"),
    "python": (
        lambda w: (
            f'def f(x):\n    """{w.sentence()}"""\n    email = "{w.value()}"\n    send("{w.value()}")\n'
        ),
        "\n",
    ),
    "c": (
        lambda w: (
            f'int f(char *x)\n{{\n\tchar *mail = "{w.value()}";\n'
            f'\tif (x) {{\n\t\tcall("{w.value()}");\n\t}}\n}}\n'
        ),
        "\n",
    ),
    "settings": (
        lambda w: f"web:\n  image: x\n  env:\n    OWNER: {w.value()}\n  notify:\n    - {w.value()}",
        "\n",
    ),
    "chat": (lambda w: f"{w.name()}: {w.message()}", "\n"),
    "chat with times": (lambda w: f"[12:{w.pick.randint(10, 59)}] {w.name()}: {w.message()}", "\n"),
    "chat of names and lines": (lambda w: f"{w.name().title()}\n{w.message()}", "\n"),
    "chat with empty lines": (lambda w: f"{w.name().title()}, [01.02.24 12:30]\n{w.message()}", "\n\n"),
    "messages": (lambda w: w.message(), "\n\n"),
    "mail thread": (
        lambda w: (
            f"{'> ' * w.pick.randint(0, 2)}On Mon, {w.name()} <{w.value()}> wrote:\n> {w.sentence()}\n"
            f"From: {w.name()} <{w.value()}>\nTo: {w.value()}\nSubject: {w.sentence(0.1)}\n\n"
            f"{w.sentence()}"
        ),
        "\n\n",
    ),
    "mail headers": (lambda w: f"From: {w.value()}\nTo: {w.value()}\nSubject: {w.either()}", "\n\n"),
    "forum": (
        lambda w: f"{w.name()}\nPosts: {w.pick.randint(1, 99)}\n{w.either()}\n#{w.pick.randint(1, 99)}",
        "\n",
    ),
    "list": (lambda w: f"{w.pick.choice('-*•')} {w.either()}", "\n"),
    "questions": (lambda w: f"Q: {w.sentence()}\nA: {w.either()}", "\n"),
    "tasks": (lambda w: f"{w.pick.choice(['TODO', 'Note', 'Call', 'Ask'])}: {w.either()}", "\n"),
    "commits": (
        lambda w: (
            f"Author: {w.name()} <{w.value()}>\nDate: Mon\n\n"
            f"    {w.sentence()}\n    Signed-off-by: <{w.value()}>\n"
        ),
        "\n",
    ),
    "names and values": (lambda w: f"{w.name()}\t{w.value()}", "\n"),
    "names apart": (lambda w: f"{w.name()} {w.name()}    {w.value()}", "\n"),
    "variables": (
        lambda w: f"{w.pick.choice(_WORDS).upper()}_{w.pick.choice(_WORDS).upper()}={w.value()}",
        "\n",
    ),
    "page": (
        lambda w: w.pick.choice(
            [f"<p>{w.either()}</p>", f"<div><b>{w.name()}</b><p>{w.message()}</p></div>"]
        ),
        "\n",
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("text", TEXTS)
def test_ordinary_text_joins_nobody(text: str, seed: int) -> None:
    """No row over several lines holds an address and a number, in a dump or in a listing."""
    write, between = TEXTS[text]
    writer = Writer(seed)
    source = between.join(write(writer) for _ in range(120))
    if text == "page":
        source = f"<html><body>\n{source}\n</body></html>"

    assert (_joined_in_listing(source), _joined_in_dump(source)) == (0, 0)


def _joined_in_listing(text: str) -> int:
    rows = TextRows(text)
    return _count_joined([(line, rows.row_at(index)) for index, line in enumerate(text.split("\n"))])


def _joined_in_dump(text: str) -> int:
    read = one(text.encode())
    joined = 0
    for block in read.blocks if read.format in RECORD_FORMATS else ():
        lines = block.text.decode().split("\n")
        rows = TextRows("\n".join(lines), block.borders, block.record_shape)
        joined += _count_joined([(line, rows.row_at(index)) for index, line in enumerate(lines)])
    return joined


def _count_joined(lines: list[tuple[str, int]]) -> int:
    """Count the rows that have an address in one line and a number in another."""
    found: dict[int, list[set[bool]]] = defaultdict(list)
    for line, row in lines:
        if values := _VALUE.findall(line):
            found[row].append({"@" in value for value in values})
    return sum(len(kinds) > 1 and len(set().union(*kinds)) > 1 for kinds in found.values())
