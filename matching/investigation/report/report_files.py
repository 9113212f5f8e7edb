"""The files of a report, readable by their owner only: they say which company was robbed."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from matching.errors import ReportUnwritable
from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.investigation import Investigation
from matching.investigation.report.html_page import html_page
from matching.investigation.report.pdf_file import pdf_file
from matching.investigation.report.report_format import ReportFormat
from matching.investigation.report.sections import report_document
from matching.investigation.report.wording import ReportLanguage, Wording


def write_reports(
    folder: Path,
    answer: Investigation,
    companies: Collection[CompanyAnswer],
    *,
    languages: Collection[ReportLanguage],
    formats: Collection[ReportFormat],
) -> list[Path]:
    """Write COMPANY.LANGUAGE.FORMAT for each company, and return the paths. Existing files are replaced.

    Raises ReportFailed; the files that were written before stay.
    """
    written = []
    for company in companies:
        for language in languages:
            for form in formats:
                content = rendered(answer, company, language, form)
                path = folder / f"{company.company}.{language.value}.{form.value}"
                _write_private(path, content)
                written.append(path)
    return written


def rendered(
    answer: Investigation, company: CompanyAnswer, language: ReportLanguage, form: ReportFormat
) -> bytes:
    """Return one file of a report."""
    document = report_document(answer, company, language)
    if form is ReportFormat.PDF:
        return pdf_file(document, answer.made_at)
    return html_page(document, Wording(language).say("table_of")).encode()


def _write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 in one step. A file or link of that name is replaced."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise ReportUnwritable(f"{path} cannot be written: {error.strerror}.") from None
