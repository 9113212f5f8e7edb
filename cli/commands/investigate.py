"""`spillwatch investigate`: is it ours? A sample, a listing, or what an alert is about."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.command_context import App, app_of
from cli.errors import UnknownName
from cli.exits import Exit
from cli.investigation_summary import show
from cli.match_report import write_ordinals
from cli.output import emit_json, print_error, print_line
from cli.progress import ProgressMeter
from cli.watch_choice import chosen_watch
from matching.inputs import Limits
from matching.investigation.investigating import InvestigatedWatch, InvestigationOptions, investigate
from matching.investigation.investigation import Investigation
from matching.investigation.report.report_format import ReportFormat
from matching.investigation.report.wording import ReportLanguage
from matching.investigation.subject import OpenSubject, open_sample, shown_name

_MEGABYTE = 1_000_000


def command(
    context: typer.Context,
    sample: Annotated[
        Path | None, typer.Argument(help="File or folder with what a seller shows. Archives are opened.")
    ] = None,
    listing: Annotated[int | None, typer.Option(help="Number of a stored listing instead.")] = None,
    alert: Annotated[int | None, typer.Option(help="Number of an alert, for its listing.")] = None,
    company: Annotated[str | None, typer.Option(help="Compare for this company only.")] = None,
    max_mb: Annotated[
        int, typer.Option(min=1, help="Maximum MB unpacked from the sample.")
    ] = Limits().out_bytes // _MEGABYTE,
    ordinals: Annotated[
        Path | None,
        typer.Option(help="Folder for one CSV of customers' ordinals per company with hits."),
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Write a report as HTML per company.")] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Write a report as PDF/A per company. Needs the extra `report`.")
    ] = False,
    language: Annotated[
        list[ReportLanguage] | None,
        typer.Option(help="Language of the reports; can be repeated. Default: en."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports. It is made with mode 0700.")] = Path(
        "investigation"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Answer for each company: is it ours? With numbers, their limits, and how to repeat them.

    Give a SAMPLE, --listing or --alert. Nothing that is shown or written holds a value of the sample or of a
    customer. Exit code 0: something was found. 1: nothing was found.
    6: nothing was found, but not everything could be read or compared, or the input is empty.
    130: interrupted with Ctrl-C.
    """
    app = app_of(context)
    opened = _open_subject(app, sample, listing, alert)
    if alert is not None and company is None and opened.subject.alert is not None:
        company = opened.subject.alert.company
    found = chosen_watch(app, company)
    watched = InvestigatedWatch(found.watch, found.names, _declared_names(app), found.unusable)
    with ProgressMeter.for_sources(opened.sources()) as meter, _interruptible():
        made = investigate(
            opened,
            watched,
            InvestigationOptions(Limits(out_bytes=max_mb * _MEGABYTE), on_progress=meter.show_progress),
            command=_command_line(sample, listing, alert, company),
            now=app.clock(),
        )
    opened.check_unchanged()
    answer = made.answer
    if ordinals is not None:
        write_ordinals(ordinals, made.findings, made.progress, made.lists.names)
    formats = [ReportFormat.HTML] * html + [ReportFormat.PDF] * pdf
    written = _write_reports(answer, company, out, formats, language or [ReportLanguage.ENGLISH])
    if as_json:
        emit_json(answer.as_dict() | {"reports": [str(path) for path in written]})
    else:
        show(answer)
        for path in written:
            print_line(f"Report: {path}")
    _exit(answer)


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print_error("Interrupted. Nothing was written; an investigation starts from the beginning.")
        raise typer.Exit(Exit.INTERRUPTED) from None


def _write_reports(
    answer: Investigation,
    only: str | None,
    folder: Path,
    formats: Sequence[ReportFormat],
    languages: Sequence[ReportLanguage],
) -> list[Path]:
    """Write a report for each company of which something was found, or for the one that was named."""
    if not formats:
        return []
    from matching.investigation.report.report_files import write_reports

    companies = [one for one in answer.companies if one.found or one.company == only]
    if not companies:
        print_error("No report was written, because nothing was found. With --company, one says so.")
    return write_reports(folder, answer, companies, languages=languages, formats=formats)


def _exit(answer: Investigation) -> None:
    if answer.found:
        return
    if not answer.reading.rows:
        print_error("Nothing was read: there is no row in the input.")
    raise typer.Exit(Exit.REFUSED if answer.undecided or not answer.reading.rows else Exit.NEGATIVE)


def _command_line(sample: Path | None, listing: int | None, alert: int | None, company: str | None) -> str:
    """Return the command that gives the same answer. A folder's name may hold what nobody should read."""
    words = ["spillwatch", "investigate"]
    if sample is not None:
        words.append(shown_name(sample.name or "."))
    words += ["--listing", str(listing)] if listing is not None else []
    words += ["--alert", str(alert)] if alert is not None else []
    words += ["--company", company] if company is not None else []
    return shlex.join(words)


def _open_subject(app: App, sample: Path | None, listing: int | None, alert: int | None) -> OpenSubject:
    given = [one for one in (sample, listing, alert) if one is not None]
    if len(given) != 1:
        raise typer.BadParameter("give exactly one of SAMPLE, --listing and --alert")
    if sample is not None:
        return open_sample(sample)
    if alert is not None:
        return _open_alert(app, alert)
    from matching.investigation.stored_subject import open_listing

    with app.database.reading() as session:
        opened = open_listing(session, app.evidence, listing or 0)
    if opened is None:
        raise UnknownName(f"There is no listing {listing}. `spillwatch listings` shows the numbers.")
    return opened


def _open_alert(app: App, number: int) -> OpenSubject:
    from alerts.errors import NoSuchAlert
    from matching.investigation.stored_subject import open_listing
    from storage import alerts

    with app.database.reading() as session:
        found = alerts.alert_by_id(session, number)
        if found is None:
            raise NoSuchAlert(f"There is no alert {number}. `spillwatch alerts list` shows the numbers.")
        if found.listing_id is None:
            raise UnknownName(f"Alert {number} is about Spillwatch itself: it has no listing.")
        opened = open_listing(session, app.evidence, found.listing_id, alert=found)
    if opened is None:
        raise UnknownName(f"The listing of alert {number} was deleted, so there is nothing to investigate.")
    return opened


def _declared_names(app: App) -> dict[str, str]:
    return {one.name: one.value.name for one in app.watch_configuration.companies}
