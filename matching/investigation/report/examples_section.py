"""Three rows in detail: how few customers can look like each, and how many do."""

from __future__ import annotations

from collections.abc import Iterator

from matching.investigation.ours_part import ExampleRow, OursPart
from matching.investigation.report.document import Block, Paragraph, PictureBlock, TableBlock
from matching.investigation.report.pictures.waterfall import RowWaterfall, WaterfallStep, waterfall_picture
from matching.investigation.report.wording import Wording

_VALUES_SHOWN = 3  # of a row, so that its line fits into a picture


def examples_section(words: Wording, part: OursPart) -> Iterator[Block]:
    yield Paragraph(words.say("examples_text"))
    judged = [one for one in part.examples if one.by_chance is not None]
    if judged:
        yield _picture(words, judged)
    for one in part.examples:
        if one.by_chance is None:
            basis = words.say(f"basis_{one.basis}")
            yield Paragraph(words.say("example_basis", number=one.number, basis=basis) + words.say("stop"))


def _picture(words: Wording, rows: list[ExampleRow]) -> PictureBlock:
    each = [
        words.say(
            "example_summary",
            number=one.number,
            chance=words.amount(one.by_chance or 0),
            found=words.count(one.found),
        )
        for one in rows
    ]
    said = words.say("examples_summary", rows=words.say("semicolon").join(each))
    drawn = [RowWaterfall(_name(words, one), list(_steps(words, one))) for one in rows]
    return PictureBlock(
        words.say("examples_caption"),
        said,
        lambda style: waterfall_picture(drawn, said, style),
        _table(words, rows),
    )


def _name(words: Wording, row: ExampleRow) -> str:
    values = "  ".join(text for _, text in row.shown[:_VALUES_SHOWN])
    return words.say("example_row", number=row.number, values=values)


def _steps(words: Wording, row: ExampleRow) -> Iterator[WaterfallStep]:
    yield WaterfallStep(words.say("step_customers"), row.customers, words.count(row.customers))
    if row.with_anchor is not None:
        yield WaterfallStep(words.say("step_anchor"), row.with_anchor, words.amount(row.with_anchor))
    if row.by_chance is not None:
        yield WaterfallStep(words.say("step_chance"), row.by_chance, words.amount(row.by_chance))
    yield WaterfallStep(words.say("step_found"), row.found, words.count(row.found), found=True)


def _table(words: Wording, rows: list[ExampleRow]) -> TableBlock:
    heads = ("row", "step_customers", "step_anchor", "step_chance", "step_found", "score")
    return TableBlock(
        words.say("table_of"),
        [words.say(key) for key in heads],
        [
            [
                words.count(one.number),
                words.count(one.customers),
                words.say("not_known") if one.with_anchor is None else words.amount(one.with_anchor),
                words.say("not_known") if one.by_chance is None else words.amount(one.by_chance),
                words.count(one.found),
                words.amount(one.score),
            ]
            for one in rows
        ],
        numeric=frozenset(range(1, len(heads))),
    )
