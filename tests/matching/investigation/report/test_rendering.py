"""A report says what the JSON says, in HTML and PDF, in both languages, whatever the sample's names are."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
import typst

from matching.errors import ReportFontMissing
from matching.investigation.investigation import Investigation
from matching.investigation.report import pdf_file
from matching.investigation.report.report_files import rendered, write_reports
from matching.investigation.report.report_format import ReportFormat
from matching.investigation.report.wording import ReportLanguage, Wording
from tests.matching.investigation.answers import (
    COMPANY,
    CUSTOMERS,
    STRANGERS,
    investigated,
    sample_of,
    values_of,
)
from tests.matching.investigation.report.reports import html_tags, html_words, pdf_words

FORMS = [ReportFormat.HTML, pytest.param(ReportFormat.PDF, marks=pytest.mark.needs("cjk_font"))]
HOSTILE = '</title><script>alert(1)</script>#eval("1") $x$ *b* ]] 𝕏😀\u202e.csv'
BOTH = [*CUSTOMERS[10:14], *STRANGERS[:3]]
LANGUAGES = list(ReportLanguage)


def render(answer: Investigation, language: ReportLanguage, form: ReportFormat) -> bytes:
    company = next(one for one in answer.companies if one.company == COMPANY)
    return rendered(answer, company, language, form)


def words_of(content: bytes, form: ReportFormat) -> str:
    return html_words(content.decode()) if form is ReportFormat.HTML else pdf_words(content)


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Investigation:
    folder = tmp_path_factory.mktemp("sample")
    return investigated(sample_of(folder, BOTH))


def _figures(words: Wording, answer: Investigation) -> list[str]:
    """Return what the JSON says about the company, as the report writes it."""
    found = answer.as_dict()
    company = next(one for one in found["companies"] if one["company"] == COMPANY)
    fields = [
        written
        for one in company["full"]["fields"]
        for written in (
            words.say(f"field_{one['field']}")
            + words.count(one["hits"])
            + words.amount(one["by_chance"])
            + words.count(one["candidates"])
            + words.count(one["enrolled"]),
        )
    ]
    return [
        found["subject"]["sha256"],
        words.moment(found["made_at"]),
        words.say(
            "full",
            coherent=company["full"]["coherent_rows"],
            single=company["full"]["single_hits"],
            customers=company["full"]["customers"],
        ),
        words.say(
            "reading",
            documents=found["reading"]["document_count"],
            whole=found["reading"]["whole_documents"],
            rows=found["reading"]["rows"],
            masked=found["reading"]["masked_rows"],
            candidates=found["reading"]["candidates"],
        ),
        *fields,
        *(one["id"] for one in company["segments"]),
        *(words.say(f"limit_{one}") for one in company["not_shown"]),
        found["reproduction"]["command"],
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", FORMS)
def test_the_figures_are_those_of_the_json(
    answer: Investigation, language: ReportLanguage, form: ReportFormat
) -> None:
    """Counsel quotes the PDF, and the expert of the other side reads the JSON."""
    shown = words_of(render(answer, language, form), form)

    figures = [re.sub(r"\s+", "", one) for one in _figures(Wording(language), answer)]
    assert [one for one in figures if one not in shown] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", FORMS)
def test_no_value_is_in_a_report(answer: Investigation, language: ReportLanguage, form: ReportFormat) -> None:
    """Neither of a customer, nor of anybody else in the sample; nor is any other company named."""
    content = render(answer, language, form)
    shown = words_of(content, form) + content.decode(errors="replace")

    assert [value for value in values_of(BOTH) if value in shown] == []
    assert "quillmere" not in shown


def test_the_page_requests_and_runs_nothing(answer: Investigation) -> None:
    """Its policy allows one style sheet, by its hash; nothing in it names an address."""
    page = render(answer, ReportLanguage.ENGLISH, ReportFormat.HTML).decode()
    tags = html_tags(page)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = next(found["content"] or "" for tag, found in tags if "http-equiv" in found)

    assert style is not None
    digest = re.search(r"'sha256-([^']+)'", policy)
    assert digest is not None
    assert hashlib.sha256(style[1].encode()).digest() == b64decode(digest[1])
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not {"script", "link", "img", "iframe", "a"} & {tag for tag, _ in tags}
    assert not {"src", "href", "style", "onload"} & {name for _, found in tags for name in found}
    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\"' ]+", page))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", FORMS)
def test_hostile_names_are_text(tmp_path: Path, language: ReportLanguage, form: ReportFormat) -> None:
    """What a seller calls a file is neither markup nor able to break the report."""
    (tmp_path / "s").mkdir()
    folder = sample_of(tmp_path / "s", BOTH, name=HOSTILE.replace("/", "∕")).parent
    answer = investigated(folder, name="<b>#strong[榆塘] & Co</b>")

    content = render(answer, language, form)

    shown = words_of(content, form)
    assert '<script>alert(1)<∕script>#eval("1")$x$*b*]]' in shown.replace("[U+2215]", "∕")
    assert "<b>#strong[榆塘]&Co</b>" in shown
    assert "\u202e" not in shown
    if form is ReportFormat.HTML:
        assert not {"script", "b"} & {tag for tag, _ in html_tags(content.decode())}


@pytest.mark.needs("cjk_font")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_is_pdf_a(answer: Investigation, language: ReportLanguage) -> None:
    """It says so, names its language and title, has tags, and embeds its fonts."""
    reader = pypdf.PdfReader(BytesIO(render(answer, language, ReportFormat.PDF)))
    root: Any = reader.trailer["/Root"]
    about = root["/Metadata"].get_data().decode()

    assert "<pdfaid:part>2</pdfaid:part>" in about
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in about
    assert root["/Lang"] == Wording(language).tag
    assert root["/MarkInfo"]["/Marked"]
    assert "/OutputIntents" in root
    assert "榆塘小贷" in (reader.metadata.title or "" if reader.metadata else "")


@pytest.mark.needs("cjk_font")
def test_the_same_answer_gives_the_same_pdf(answer: Investigation) -> None:
    """So that its digest can be kept with the case."""
    first, second = (render(answer, ReportLanguage.CHINESE, ReportFormat.PDF) for _ in range(2))

    assert first == second


def without_fonts() -> object:
    return typst.Fonts(include_system_fonts=False)


def test_a_missing_font_is_a_sentence(answer: Investigation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not boxes: the error names the package that has the font. It is raised for a company's name, too."""
    monkeypatch.setattr(pdf_file, "system_fonts", without_fonts)

    for language in ReportLanguage:
        with pytest.raises(ReportFontMissing, match="fonts-noto-cjk"):
            render(answer, language, ReportFormat.PDF)


def test_english_needs_no_font_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sample's name holds in another script is written as code points."""
    monkeypatch.setattr(pdf_file, "system_fonts", without_fonts)
    answer = investigated(sample_of(tmp_path, BOTH, name="样本.csv"), name="Yutang Microcredit")

    shown = pdf_words(render(answer, ReportLanguage.ENGLISH, ReportFormat.PDF))

    assert "[U+6837][U+672C].csv" in shown


def test_reports_are_for_their_owner(answer: Investigation, tmp_path: Path) -> None:
    """Mode 0600 in a folder of mode 0700; a link of that name is replaced, not followed."""
    other = tmp_path / "other"
    other.write_text("keep")
    folder = tmp_path / "out"
    folder.mkdir(mode=0o700)
    (folder / "yutang.en.html").symlink_to(other)

    (path,) = write_reports(
        folder,
        answer,
        [one for one in answer.companies if one.company == COMPANY],
        languages=[ReportLanguage.ENGLISH],
        formats=[ReportFormat.HTML],
    )

    assert path.stat().st_mode & 0o777 == 0o600
    assert not path.is_symlink()
    assert other.read_text() == "keep"


def test_the_json_can_be_written(answer: Investigation) -> None:
    """Times are the only objects in it."""
    assert json.loads(json.dumps(answer.as_dict(), default=str))["subject"]["kind"] == "sample"
