"""An investigation for people at a terminal. The report has all of it."""

from __future__ import annotations

from collections.abc import Iterator

from cli.output import print_error, print_line, print_table
from matching.attribution.attribution import Attribution
from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.investigation import Investigation, NotShown
from matching.investigation.ours_part import OursPart
from matching.investigation.parts import NotAnswered, WhyMissing
from matching.investigation.report.wording import ReportLanguage, Wording
from matching.investigation.seen_canaries import SeenCanaries

#: What an answer does not show, and with that no "nothing was found".
_OPEN = (NotShown.NOT_ALL_READ, NotShown.NOT_IN_EVIDENCE, NotShown.NOT_COMPARED)


def show(answer: Investigation) -> None:
    """Print a few sentences per company to standard output, and what was not read to standard error."""
    subject, reading = answer.subject, answer.reading
    print_line(f"{subject.kind.value.capitalize()}: {subject.name}")
    print_line(f"SHA-256: {subject.sha256}")
    print_line(
        f"Read {reading.document_count:,} documents, {reading.whole_documents:,} of them completely: "
        f"{reading.rows:,} rows, {reading.masked_rows:,} of them masked, {reading.candidates:,} candidates."
    )
    found = [one for one in answer.companies if one.found]
    for company in found:
        print_line("")
        for sentence in _sentences(company):
            print_line(sentence)
        rows = [
            (one.field.value, f"{one.hits:,}", f"{one.candidates:,}", f"{one.by_chance:,.1f}")
            for one in company.full.fields
            if one.hits
        ]
        if rows:
            print_table(("field", "hits", "candidates", "by chance"), rows)
    others = [one for one in answer.companies if not one.found]
    for other in others:
        for sentence in _verdict_sentence(other):
            print_line(sentence)
    for other in others:
        if answer.undecided_about(other):
            why = _why_open(answer, other)
            print_error(f"{other.company}: nothing was found, but that is no answer. {why}")
    nothing = [one.company for one in others if not answer.undecided_about(one)]
    if nothing:
        print_line(f"Nothing was found of: {', '.join(nothing)}.")
    for document in reading.documents:
        if not document.whole:
            print_error(f"{document.name}: {document.sentence}")
    if subject.listing is not None:
        for reason in subject.listing.unread:
            print_error(f"A text of the listing could not be read from the evidence: {reason}.")


def _sentences(company: CompanyAnswer) -> Iterator[str]:
    full = company.full
    if isinstance(company.canaries, SeenCanaries) and company.canaries.sets:
        systems = ", ".join(one.label for one in company.canaries.sets)
        yield f"{company.company}: {company.canaries.canaries:,} canaries were found, given to {systems}."
    yield from _verdict_sentence(company)
    if isinstance(company.attribution, Attribution):
        yield from company.attribution.sentences
    yield (
        f"{company.company}: {full.coherent_rows:,} rows agree with a customer on two fields or more, "
        f"{full.single_hits:,} on one; {full.customers:,} customers; {full.mentions:,} mentions."
    )


def _verdict_sentence(company: CompanyAnswer) -> Iterator[str]:
    """Yield the verdict about the rows, if there is one. The share is an interval, never a number alone."""
    if not isinstance(company.ours, OursPart):
        return
    answer = company.ours.answer
    words = Wording(ReportLanguage.ENGLISH)
    low, high = words.share(answer.share.low), words.share(answer.share.high)
    yield (
        f"{company.company}: {answer.verdict.value.replace('_', ' ')}. Of {answer.usable_rows:,} different "
        f"rows that can be judged, {low} to {high} are customers (90% interval)."
    )


def _why_open(answer: Investigation, company: CompanyAnswer) -> str:
    """Return why "nothing was found" cannot be said, in the words of a report."""
    words = Wording(ReportLanguage.ENGLISH)
    reasons = [f"limit_{one.value}" for one in answer.not_shown(company) if one in _OPEN]
    if isinstance(company.ours, NotAnswered) and company.ours.why is not WhyMissing.NO_ROWS:
        reasons.append(f"why_{company.ours.why.value}")
    if company.masked_rows_are_open:
        reasons.append("verdict_too_little_title")
    return words.sentences([words.say(reason).rstrip(".") + "." for reason in reasons])
