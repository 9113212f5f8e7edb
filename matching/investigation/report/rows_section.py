"""What the rows say: the share that is ours, beside chance and beside the shuffled sample."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

from matching.investigation.ours_part import OursPart
from matching.investigation.parts import NotAnswered
from matching.investigation.report.document import Block, Paragraph, PictureBlock, TableBlock
from matching.investigation.report.pictures.bars import LabelledBar, bars_picture
from matching.investigation.report.pictures.interval import interval_picture
from matching.investigation.report.wording import Wording
from matching.ours import OursAnswer, OursVerdict

#: Verdicts for which single fields are the reason; elsewhere their shares would only confuse.
_SINGLES_TELL = (OursVerdict.PAIRING_BROKEN, OursVerdict.TESTS_DISAGREE)
_MOST_EVIDENCE = 700.0  # natural logarithm of what a float holds


def rows_section(words: Wording, part: OursPart | NotAnswered) -> Iterator[Block]:
    if isinstance(part, NotAnswered):
        yield Paragraph(words.say(f"why_{part.why.value}"))
        return
    answer = part.answer
    yield Paragraph(
        words.say(
            "ours_rows",
            rows=answer.rows,
            distinct=answer.distinct_rows,
            usable=answer.usable_rows,
            customers=part.customers,
        )
    )
    if part.ambiguous:
        yield Paragraph(words.say("ambiguous", values=part.ambiguous))
    if answer.usable_rows:
        yield _interval(words, answer)
        yield _chance(words, answer)
        yield _shuffle(words, answer)
    yield from _remarks(words, answer)
    if answer.single_fields and answer.verdict in _SINGLES_TELL:
        yield _single_fields(words, answer)


def _remarks(words: Wording, answer: OursAnswer) -> Iterator[Block]:
    if answer.disagreement is not None:
        yield Paragraph(words.say(f"disagree_{answer.disagreement.value}"))
    if answer.verdict is OursVerdict.PAIRING_BROKEN and answer.rejoined is not None:
        low, middle, high = (
            words.share(one) for one in (answer.rejoined.low, answer.rejoined.middle, answer.rejoined.high)
        )
        yield Paragraph(words.say("rejoined", low=low, middle=middle, high=high))
    if answer.verdict is OursVerdict.TOO_LITTLE:
        more = answer.more_rows
        yield Paragraph(words.say("more_rows_none") if more is None else words.say("more_rows", rows=more))
    weakest = words.say(f"weakest_{answer.weakest_assumption.value}")
    yield Paragraph(words.say("weakest", text=weakest))


def _interval(words: Wording, answer: OursAnswer) -> PictureBlock:
    share = answer.share
    low, middle, high = (words.share(one) for one in (share.low, share.middle, share.high))
    shown = words.say("interval_shown", low=low, middle=middle, high=high)
    said = words.say("interval_summary", low=low, middle=middle, high=high)
    interval = (share.low, share.middle, share.high)
    times = words.amount(exp(min(share.evidence, _MOST_EVIDENCE)))
    return PictureBlock(
        words.say("interval_caption"),
        said,
        lambda style: interval_picture(answer.curve, interval, shown, said, style),
        _measures(
            words,
            [("share_low", low), ("share_middle", middle), ("share_high", high), ("evidence_times", times)],
        ),
    )


def _chance(words: Wording, answer: OursAnswer) -> PictureBlock:
    base = answer.baseline
    strangers, members = words.amount(base.non_members), words.amount(base.members)
    said = words.say("chance_summary", found=base.observed, strangers=strangers, members=members)
    bars = [
        LabelledBar(words.say("chance_found"), base.observed, words.count(base.observed), strong=True),
        LabelledBar(words.say("chance_strangers"), base.non_members, strangers),
        LabelledBar(words.say("chance_members"), base.members, members),
    ]
    return PictureBlock(
        words.say("chance_caption"),
        said,
        lambda style: bars_picture(bars, said, style),
        _bar_table(words, bars),
    )


def _shuffle(words: Wording, answer: OursAnswer) -> Block:
    test = answer.shuffle
    if test.possible < 2:
        return Paragraph(words.say("shuffle_impossible"))
    shuffled, p = words.amount(test.shuffled_mean), words.chance(test.p)
    said = words.say("shuffle_summary", offered=test.as_offered, rows=test.rows, shuffled=shuffled, p=p)
    bars = [
        LabelledBar(words.say("shuffle_offered"), test.as_offered, words.count(test.as_offered), strong=True),
        LabelledBar(words.say("shuffle_shuffled"), test.shuffled_mean, shuffled),
    ]
    table = _measures(
        words,
        [
            ("shuffle_rows", words.count(test.rows)),
            ("shuffle_offered", words.count(test.as_offered)),
            ("shuffle_shuffled", shuffled),
            ("shuffle_p", p),
            ("shuffle_possible", words.count(test.possible)),
        ],
    )
    return PictureBlock(
        words.say("shuffle_caption"), said, lambda style: bars_picture(bars, said, style), table
    )


def _single_fields(words: Wording, answer: OursAnswer) -> TableBlock:
    return TableBlock(
        words.say("singles_caption"),
        [words.say(key) for key in ("single", "share_low", "share_middle", "share_high")],
        [
            [words.say(f"attribute_{name}"), *map(words.share, (share.low, share.middle, share.high))]
            for name, share in answer.single_fields.items()
        ],
        numeric=frozenset({1, 2, 3}),
    )


def _measures(words: Wording, rows: list[tuple[str, str]]) -> TableBlock:
    return TableBlock(
        words.say("table_of"),
        [words.say("measure"), words.say("value")],
        [[words.say(key), value] for key, value in rows],
        numeric=frozenset({1}),
    )


def _bar_table(words: Wording, bars: list[LabelledBar]) -> TableBlock:
    return TableBlock(
        words.say("table_of"),
        [words.say("measure"), words.say("rows")],
        [[one.label, one.shown] for one in bars],
        numeric=frozenset({1}),
    )
