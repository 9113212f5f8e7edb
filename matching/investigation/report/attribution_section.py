"""When the copy was made, whether it was known before, which list it fits, and whose columns it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from matching.attribution.attribution import Attribution
from matching.attribution.cohorts import CohortDating, CohortVerdict
from matching.attribution.holders import Holder, HolderComparison, HolderKind, HolderVerdict
from matching.attribution.recycled import Recycled, RecycledVerdict
from matching.investigation.parts import NotAnswered
from matching.investigation.report.document import Block, Heading, Paragraph, PictureBlock, TableBlock
from matching.investigation.report.pictures.bars import LabelledBar, bars_picture
from matching.investigation.report.pictures.cohorts import GROUPS, EnrolmentBar, cohorts_picture
from matching.investigation.report.wording import Wording

_DATED = (CohortVerdict.DATED, CohortVerdict.MOSTLY_DATED)
_HOLDERS_SHOWN = 12


def attribution_section(words: Wording, part: Attribution | NotAnswered) -> Iterator[Block]:
    if isinstance(part, NotAnswered):
        yield Heading(words.say("part_cohorts"))
        yield Paragraph(words.say(f"why_{part.why.value}"))
        return
    yield Heading(words.say("part_cohorts"))
    yield from _cohorts(words, part.cohorts)
    yield Heading(words.say("part_recycled"))
    yield from _recycled(words, part.recycled)
    yield Heading(words.say("part_holders"))
    yield from _holders(words, part.holders, part.company)
    yield Heading(words.say("part_schema"))
    schema = part.schema
    agreeing = len(schema.fits)
    yield Paragraph(
        words.say(f"schema_{schema.verdict.value}", agreeing=agreeing, columns=max(schema.columns, agreeing))
    )


# --- when


def _cohorts(words: Wording, dating: CohortDating) -> Iterator[Block]:
    before = "" if dating.before is None else words.day(dating.before)
    said = [
        words.say(
            f"cohort_{dating.verdict.value}",
            matches=dating.matches,
            before=before,
            later=dating.later,
            younger=words.share(dating.younger_share),
            times=words.once_in(dating.error),
        )
    ]
    if dating.more_matches is not None:
        said.append(words.say("cohort_more", more=dating.more_matches))
    if dating.verdict in _DATED and not dating.evenly:
        said.append(words.say("cohort_uneven"))
    text = words.sentences(said)
    yield Paragraph(text)
    if dating.cohorts and dating.matches:
        yield _cohorts_picture(words, dating)


def _cohorts_picture(words: Wording, dating: CohortDating) -> PictureBlock:
    said = words.say("cohorts_summary")
    groups = _grouped(dating)
    matched_total = max(sum(one.matched for one in groups), 1)
    enrolled_total = max(sum(one.enrolled for one in groups), 1)
    bars = [
        EnrolmentBar(
            words.day(one.begins),
            one.matched / matched_total / one.cohorts,
            one.enrolled / enrolled_total / one.cohorts,
        )
        for one in groups
    ]
    cut = None
    if dating.before is not None:
        place = next((at for at, one in enumerate(groups) if one.begins >= dating.before), len(groups))
        cut = (place, words.say("cohort_cut", before=words.day(dating.before)))
    legend = (words.say("cohorts_matched"), words.say("cohorts_enrolled"))
    return PictureBlock(
        words.say("cohorts_caption"),
        said,
        lambda style: cohorts_picture(bars, legend, cut, said, style),
        TableBlock(
            words.say("table_of"),
            [words.say("cohort_from"), *legend],
            [[words.day(one.begins), words.count(one.matched), words.count(one.enrolled)] for one in groups],
            numeric=frozenset({1, 2}),
        ),
    )


@dataclass(frozen=True, slots=True)
class _CohortGroup:
    """Neighbouring cohorts, drawn as one."""

    begins: date
    cohorts: int
    matched: int
    enrolled: int


def _grouped(dating: CohortDating) -> list[_CohortGroup]:
    """Return about GROUPS groups. One begins at the day of the copy: none lies on both sides of it."""
    cohorts = dating.cohorts
    size = -(-len(cohorts) // GROUPS)
    day = next((at for at, one in enumerate(cohorts) if one.begins == dating.before), 0)
    edges = sorted({0, len(cohorts), *range(day % size, len(cohorts), size)})
    return [
        _CohortGroup(
            cohorts[first].begins,
            end - first,
            sum(one.matched for one in cohorts[first:end]),
            sum(one.enrolled for one in cohorts[first:end]),
        )
        for first, end in pairwise(edges)
    ]


# --- known before


def _recycled(words: Wording, recycled: Recycled) -> Iterator[Block]:
    verdict = words.say(f"recycled_{recycled.verdict.value}")
    if recycled.verdict is RecycledVerdict.NO_KNOWN_BREACH:
        yield Paragraph(verdict)
        return
    counts = words.say(
        "recycled_counts",
        matches=recycled.matches,
        explained=recycled.explained,
        unexplained=recycled.unexplained,
        low=words.share(recycled.low),
        high=words.share(recycled.high),
    )
    yield Paragraph(words.sentences([counts, verdict]))
    if recycled.by_breach:
        yield TableBlock(
            words.say("breaches_caption"),
            [words.say("breach"), words.say("matches")],
            [[label, words.count(count)] for label, count in recycled.by_breach.items()],
            numeric=frozenset({1}),
        )


# --- which list


def _holders(words: Wording, holders: HolderComparison, company: str) -> Iterator[Block]:
    best = holders.best
    named = list(dict.fromkeys(_list_name(words, one, company) for one in holders.named))
    yield Paragraph(
        words.say(
            f"holder_{holders.verdict.value}",
            named=words.several(named),
            best="" if best is None else _list_name(words, best.holder, company),
            held=0 if best is None else best.held,
            rows=holders.rows,
        )
    )
    if len(holders.fits) > 1:
        yield _holders_picture(words, holders, company)


def _holders_picture(words: Wording, holders: HolderComparison, company: str) -> PictureBlock:
    """Return the probabilities where one list fits; otherwise how many of the rows each list has.

    A probability that holds only for rows picked at random would accuse a list that the verdict does not.
    """
    fits = holders.fits[:_HOLDERS_SHOWN]
    names = [_list_name(words, one.holder, company) for one in fits]
    chances = [words.probability(one.posterior) for one in fits]
    held = [words.count(one.held) for one in fits]
    is_named = holders.verdict is HolderVerdict.CONSISTENT_WITH
    shown = chances if is_named else held
    figures = words.several([f"{name} {one}" for name, one in zip(names, shown, strict=True)])
    said = words.say("holders_summary", figures=figures)
    bars = [
        LabelledBar(name, one.posterior if is_named else one.held, text, strong=one.holder in holders.named)
        for name, one, text in zip(names, fits, shown, strict=True)
    ]
    return PictureBlock(
        words.say("holders_caption" if is_named else "held_caption", rows=holders.rows),
        said,
        lambda style: bars_picture(bars, said, style),
        TableBlock(
            words.say("table_of"),
            [words.say(key) for key in ("list", "list_size", "list_held", "list_probability")],
            [
                [name, words.count(one.holder.customers), words.count(one.held), chance]
                for name, one, chance in zip(names, fits, chances, strict=True)
            ],
            numeric=frozenset({1, 2, 3}),
        ),
    )


def _list_name(words: Wording, holder: Holder, company: str) -> str:
    """Return what a report calls a list. It is about one company, and names no other."""
    if holder.company != company:
        return words.say("list_other")
    if holder.kind is HolderKind.COMPANY:
        return words.say("list_company")
    return words.say(f"list_{holder.kind.value}", label=holder.label)
