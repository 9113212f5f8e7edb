"""A mistake of the program in reading a document becomes an outcome, like any other failure."""

from __future__ import annotations

from collections.abc import Iterator

from matching.inputs import Block, Document, LineShape
from matching.inputs.formats.blocks import PLAIN


class Mistaken:
    """A reader that fails behind its first block, with a person's data in its message."""

    format = "text"
    charset = "utf-8"
    runner_ups: tuple[str, ...] = ()
    shape: LineShape = PLAIN
    size = 26
    broken = 0
    no_text = 0

    def blocks(self, after: int) -> Iterator[Block]:
        yield Block(b"person1@mail.example\nsecond\n", 1, 0, 26, PLAIN)
        raise LookupError("person2@mail.example is not there")


def test_a_mistake_in_reading_ends_one_document_and_says_where() -> None:
    """The outcome counts the rows read, names the line of code, and shows nothing of the data."""
    document = Document("dump", Mistaken())

    blocks = list(document.blocks())

    assert len(blocks) == 1
    assert document.ending
    assert (document.ending.outcome, document.ending.rows) == ("failed", 2)
    assert "(LookupError at test_mistakes.py:" in document.ending.sentence
    assert "2 rows in 26 bytes" in document.ending.sentence
    assert "mail.example" not in document.ending.sentence
