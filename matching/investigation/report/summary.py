"""The answer in a sentence: what a report begins with."""

from __future__ import annotations

from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.investigation import Investigation
from matching.investigation.report.document import Statement, Tone
from matching.investigation.report.wording import Wording


def summary(words: Wording, answer: Investigation, company: CompanyAnswer) -> Statement:
    """Return the strongest statement that the figures carry."""
    key, tone = _strongest(answer, company)
    full = company.full
    return Statement(
        words.say(f"{key}_title", company=company.name),
        words.say(
            key,
            company=company.name,
            rows=full.coherent_rows,
            hits=full.hits,
            customers=full.customers,
            mentions=full.mentions,
            chance=words.amount(full.by_chance),
        ),
        tone,
    )


def _strongest(answer: Investigation, company: CompanyAnswer) -> tuple[str, Tone]:
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
