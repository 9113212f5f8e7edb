"""What was read, and what was not: how much "nothing was found" is worth."""

from __future__ import annotations

from collections.abc import Iterator

from matching.investigation.investigation import DocumentSeen, Investigation
from matching.investigation.report.document import Block, Paragraph, TableBlock
from matching.investigation.report.wording import Wording

_DOCUMENTS_SHOWN = 20


def reading_section(words: Wording, answer: Investigation) -> Iterator[Block]:
    reading = answer.reading
    yield Paragraph(
        words.say(
            "reading",
            documents=reading.document_count,
            whole=reading.whole_documents,
            rows=reading.rows,
            masked=reading.masked_rows,
            candidates=reading.candidates,
        )
    )
    if answer.subject.listing is not None:
        for why in answer.subject.listing.unread:
            yield Paragraph(words.say("unread", why=why))
    shown = reading.documents[:_DOCUMENTS_SHOWN]
    if shown:
        heads = ("document", "format", "outcome", "rows", "masked_rows")
        yield TableBlock(
            words.say("documents_caption"),
            [words.say(key) for key in heads],
            [_row(words, one) for one in shown],
            numeric=frozenset({3, 4}),
        )


def _row(words: Wording, document: DocumentSeen) -> list[str]:
    why = words.say("outcome_part", why=document.outcome)
    return [
        document.name,
        f"{document.format} {document.charset}".strip(),
        words.say("outcome_whole") if document.whole else why,
        words.count(document.rows),
        words.count(document.masked_rows),
    ]
