"""Whole values: how many are customers', beside the number that unrelated data would give."""

from __future__ import annotations

from collections.abc import Iterator

from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.full_matches import FieldMatches
from matching.investigation.report.document import Block, Paragraph, PictureBlock, TableBlock
from matching.investigation.report.pictures.bars import LabelledBar, bars_picture
from matching.investigation.report.wording import Wording


def full_section(words: Wording, company: CompanyAnswer) -> Iterator[Block]:
    full = company.full
    if company.unusable is not None:
        yield Paragraph(words.say("full_unusable", why=company.unusable))
    elif not company.segments:
        yield Paragraph(words.say("full_no_segment"))
    elif not full.hits:
        yield Paragraph(words.say("full_none"))
    else:
        yield Paragraph(
            words.say("full", coherent=full.coherent_rows, single=full.single_hits, customers=full.customers)
        )
    met = [one for one in full.fields if one.hits]
    if met:
        yield _picture(words, met)
    elif full.fields:
        yield _table(words, full.fields)
    if full.mentions:
        yield Paragraph(words.say("mentions", mentions=full.mentions, terms=words.several([*full.terms])))
    else:
        yield Paragraph(words.say("mentions_none"))


def _picture(words: Wording, fields: list[FieldMatches]) -> PictureBlock:
    figures = [
        words.say(
            "full_figure",
            field=_name(words, one),
            hits=words.count(one.hits),
            chance=words.amount(one.by_chance),
        )
        for one in fields
    ]
    said = words.say("full_summary", figures=words.several(figures))
    bars = []
    for one in fields:
        name = _name(words, one)
        bars.append(LabelledBar(f"{name}: {words.say('hits')}", one.hits, words.count(one.hits), strong=True))
        bars.append(
            LabelledBar(f"{name}: {words.say('by_chance')}", one.by_chance, words.amount(one.by_chance))
        )
    return PictureBlock(
        words.say("full_caption"), said, lambda style: bars_picture(bars, said, style), _table(words, fields)
    )


def _table(words: Wording, fields: list[FieldMatches] | tuple[FieldMatches, ...]) -> TableBlock:
    return TableBlock(
        words.say("full_caption"),
        [words.say(key) for key in ("field", "hits", "by_chance", "candidates", "enrolled")],
        [
            [
                _name(words, one),
                words.count(one.hits),
                words.amount(one.by_chance),
                words.count(one.candidates),
                words.count(one.enrolled),
            ]
            for one in fields
        ],
        numeric=frozenset({1, 2, 3, 4}),
    )


def _name(words: Wording, matches: FieldMatches) -> str:
    return words.say(f"field_{matches.field.value}")
