"""How somebody else gets the same figures."""

from __future__ import annotations

from collections.abc import Iterator

from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.investigation import Reproduction
from matching.investigation.report.document import Block, Code, FactList, Paragraph, TableBlock
from matching.investigation.report.wording import Wording


def repeat_section(words: Wording, reproduction: Reproduction, company: CompanyAnswer) -> Iterator[Block]:
    yield Paragraph(words.say("repeat"))
    numbers = {**reproduction.normalisers, "mask_templates": reproduction.templates}
    rules = " ".join(f"{name}={number}" for name, number in numbers.items())
    yield FactList(
        [
            (words.say("command"), Code(reproduction.command)),
            (
                words.say("version"),
                words.say(
                    "version_text",
                    spillwatch=reproduction.spillwatch,
                    python=reproduction.python,
                    numpy=reproduction.numpy,
                ),
            ),
            (words.say("rules"), Code(rules)),
        ]
    )
    if not company.segments:
        yield Paragraph(words.say("no_segments"))
        return
    yield TableBlock(
        words.say("segments_caption"),
        [words.say(key) for key in ("segment", "created_at", "customers", "segment_id")],
        [
            [str(one.id), words.moment(one.created_at), words.count(one.customers), Code(one.file)]
            for one in company.segments
        ],
        numeric=frozenset({2}),
    )
