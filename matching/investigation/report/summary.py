"""The answer in a sentence: what a report begins with."""

from __future__ import annotations

from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.investigation import Investigation
from matching.investigation.ours_part import OursPart
from matching.investigation.report.document import Statement, Tone
from matching.investigation.report.wording import Wording
from matching.investigation.seen_canaries import SeenCanaries
from matching.ours import OursVerdict
from matching.ours.verdict import PAIRED_P

_TONES = {
    OursVerdict.OURS: Tone.ALARM,
    OursVerdict.PARTLY_OURS: Tone.ALARM,
    OursVerdict.NOT_OURS: Tone.CALM,
}


def summary(words: Wording, answer: Investigation, company: CompanyAnswer) -> Statement:
    """Return the strongest statement that the figures carry: a canary, then the rows, then whole values."""
    name, full = company.name, company.full
    part, canaries = company.ours, company.canaries
    if isinstance(canaries, SeenCanaries) and canaries.certain_sets:
        certain = canaries.certain_sets
        systems = words.several([one.label for one in certain])
        count = sum(one.certain for one in certain)
        return _statement(words, "answer_canary", Tone.ALARM, company=name, canaries=count, systems=systems)
    if isinstance(part, OursPart) and not _is_weaker(part, company):
        share = part.answer.share
        return _statement(
            words,
            f"verdict_{part.answer.verdict.value}",
            _TONES.get(part.answer.verdict, Tone.WARNING),
            company=name,
            low=words.share(share.low),
            middle=words.share(share.middle),
            high=words.share(share.high),
            usable=part.answer.usable_rows,
            tests=words.say("tests_agree" if part.answer.shuffle.p <= PAIRED_P else "tests_whole"),
        )
    key, tone = _by_whole_values(answer, company)
    return _statement(
        words,
        key,
        tone,
        company=name,
        rows=full.coherent_rows,
        hits=full.hits,
        customers=full.customers,
        mentions=full.mentions,
        chance=words.amount(full.by_chance),
    )


def _is_weaker(part: OursPart, company: CompanyAnswer) -> bool:
    """Whether the rows leave the answer open, and whole values or names say more."""
    verdict = part.answer.verdict
    if verdict is OursVerdict.NOT_OURS:
        return bool(company.full.coherent_rows)
    if verdict is not OursVerdict.TOO_LITTLE:
        return False
    return bool(company.full.coherent_rows or company.full.mentions) or not part.has_masked_rows


def _statement(words: Wording, key: str, tone: Tone, **values: object) -> Statement:
    return Statement(words.say(f"{key}_title", **values), words.say(key, **values), tone)


def _by_whole_values(answer: Investigation, company: CompanyAnswer) -> tuple[str, Tone]:
    full = company.full
    if full.coherent_rows:
        return "answer_full", Tone.ALARM
    if full.hits and not full.is_chance:
        return "answer_single", Tone.WARNING
    if full.mentions:
        return "answer_mention", Tone.WARNING
    if full.hits:
        return "answer_chance", Tone.CALM
    if not answer.reading.rows:
        return "answer_empty", Tone.WARNING
    if answer.undecided_about(company):
        return "answer_open", Tone.WARNING
    return "answer_nothing", Tone.CALM
