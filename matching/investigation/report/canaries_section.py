"""Canaries that were found, and the systems that they were given to."""

from __future__ import annotations

from collections.abc import Iterator

from matching.investigation.parts import NotAnswered
from matching.investigation.report.document import Block, Paragraph, TableBlock
from matching.investigation.report.wording import Wording
from matching.investigation.seen_canaries import SeenCanaries


def canaries_section(words: Wording, part: SeenCanaries | NotAnswered) -> Iterator[Block]:
    if isinstance(part, NotAnswered):
        yield Paragraph(words.say(f"why_{part.why.value}"))
        return
    for one in part.masked:
        yield Paragraph(
            words.say(
                "canaries_masked",
                label=one.label,
                issued=words.day(one.issued),
                place=one.place,
                chance=words.amount(one.by_chance),
            )
        )
    if not part.sets:
        yield Paragraph(words.say("canaries_none", enrolled=part.enrolled))
        return
    yield Paragraph(words.say("canaries_found", canaries=part.canaries))
    if any(one.certain < one.canaries for one in part.sets):
        yield Paragraph(words.say("canaries_uncertain"))
    heads = (
        "canary_system",
        "canary_issued",
        "canary_expires",
        "canary_count",
        "canary_certain",
        "canary_place",
    )
    yield TableBlock(
        words.say("canaries_caption"),
        [words.say(key) for key in heads],
        [
            [
                one.label,
                words.day(one.issued),
                words.say("nothing") if one.expires is None else words.day(one.expires),
                words.count(one.canaries),
                words.count(one.certain),
                one.place,
            ]
            for one in part.sets
        ],
        numeric=frozenset({3, 4}),
    )
