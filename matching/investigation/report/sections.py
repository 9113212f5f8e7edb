"""The parts of a report about one company, in the order in which counsel reads them."""

from __future__ import annotations

from collections.abc import Iterator

from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.investigation import Investigation
from matching.investigation.ours_part import OursPart
from matching.investigation.report.attribution_section import attribution_section
from matching.investigation.report.canaries_section import canaries_section
from matching.investigation.report.document import Block, BulletList, Heading, ReportDocument
from matching.investigation.report.examples_section import examples_section
from matching.investigation.report.full_section import full_section
from matching.investigation.report.reading_section import reading_section
from matching.investigation.report.repeat_section import repeat_section
from matching.investigation.report.rows_section import rows_section
from matching.investigation.report.subject_section import subject_section
from matching.investigation.report.summary import summary
from matching.investigation.report.wording import ReportLanguage, Wording


def report_document(
    answer: Investigation, company: CompanyAnswer, language: ReportLanguage
) -> ReportDocument:
    """Return the report of a company. It names no other company."""
    words = Wording(language)
    return ReportDocument(
        language=words.tag,
        title=words.say("title", company=company.name),
        subtitle=words.say("subtitle", subject=answer.subject.name, at=words.moment(answer.made_at)),
        blocks=tuple(_blocks(words, answer, company)),
        footer=words.say("footer", version=answer.reproduction.spillwatch),
    )


def _blocks(words: Wording, answer: Investigation, company: CompanyAnswer) -> Iterator[Block]:
    yield summary(words, answer, company)
    yield Heading(words.say("part_subject"))
    yield from subject_section(words, answer.subject, answer.made_at)
    yield Heading(words.say("part_reading"))
    yield from reading_section(words, answer)
    yield Heading(words.say("part_full"))
    yield from full_section(words, company)
    yield Heading(words.say("part_ours"))
    yield from rows_section(words, company.ours)
    if isinstance(company.ours, OursPart) and company.ours.examples:
        yield Heading(words.say("part_examples"))
        yield from examples_section(words, company.ours)
    yield from attribution_section(words, company.attribution)
    yield Heading(words.say("part_canaries"))
    yield from canaries_section(words, company.canaries)
    yield Heading(words.say("part_limits"))
    yield BulletList([words.say(f"limit_{one.value}") for one in answer.not_shown(company)])
    yield Heading(words.say("part_repeat"))
    yield from repeat_section(words, answer.reproduction, company)
