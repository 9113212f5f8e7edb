"""`spillwatch enroll`: a customer list becomes a segment. No database, no network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cli.command_context import app_of
from cli.output import console, emit_json, print_line, print_table
from matching.company_definition import REGIONS
from matching.enrolment.enrol import Enrolment, enroll
from matching.fingerprints.scheme import read_key
from matching.fingerprints.segments import SUFFIX, open_segment
from matching.identifiers import DateOrder, Field

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def command(
    context: typer.Context,
    customers: Annotated[Path, typer.Argument(help="The customer list: CSV with any delimiter.")],
    key: Annotated[Path, typer.Option(help="The key file that `spillwatch keygen` wrote.")],
    company: Annotated[
        str | None, typer.Option(help="The company's slug; without it the key file's name without its end.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The segment; without it COMPANY.segment.")] = None,
    base: Annotated[
        Path | None,
        typer.Option(help="The last segment of a series: the list's customers are added to it, as a delta."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=COLUMN: which column holds a field, by number or name; may be repeated. "
            "A name with a birth date is name_birth_date=FAMILY+GIVEN+BORN or NAME+BORN."
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Country of telephone numbers written without +; else the base's, or CN."),
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="What separates columns; else found out.")] = None,
    dates: Annotated[
        DateOrder | None,
        typer.Option(help="How the list writes dates such as 03/04/1990; else they are not taken."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="The list's encoding; else it is found out.")] = None,
    header: Annotated[bool, typer.Option(help="Whether the first row names the columns.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Make a segment of keyed fingerprints from a customer list.

    Says how many values of each field were taken, and why others were not; it shows no value.
    """
    slug = company or key.stem
    if not _SLUG.fullmatch(slug):
        raise typer.BadParameter(
            f"{slug!r} is no slug (a-z, 0-9, - and _); it is the name of the company's file",
            param_hint="--company",
        )
    region = region or ("CN" if base is None else open_segment(base).header.default_region)
    if region not in REGIONS:
        raise typer.BadParameter(f"{region!r} is no country such as CN or GB", param_hint="--region")
    if delimiter is not None and len(delimiter) != 1:
        raise typer.BadParameter("the delimiter is one character", param_hint="--delimiter")
    segment = out or Path(slug + SUFFIX)
    if base is not None and segment.exists() and segment.samefile(base):
        raise typer.BadParameter("the delta needs a file of its own beside the base's", param_hint="--out")
    with _progress_display(customers, show=not as_json and console().is_terminal) as progress:
        result = enroll(
            customers,
            segment,
            company=slug,
            key=read_key(key),
            default_region=region,
            now=app_of(context).clock(),
            columns=columns_of(column or ()),
            delimiter=delimiter,
            encoding=encoding,
            dates=dates,
            header=header,
            base=base,
            progress=progress,
        )
    if as_json:
        emit_json({"company": slug, "segment": segment, **_enrolment_as_dict(result)})
    else:
        _print_fields(result)
        numbers = f" Their ordinals begin at {result.first}." if base is not None else ""
        print_line(f"{result.rows} customers of {slug} are in {segment}.{numbers} Only the segment travels.")


def columns_of(said: Sequence[str]) -> dict[Field, list[str]]:
    columns: dict[Field, list[str]] = {}
    for one in said:
        name, equals, column = one.partition("=")
        if name not in set(Field) or not equals or not column:
            raise typer.BadParameter(
                f"{one!r} is not FIELD=COLUMN; the fields are {', '.join(Field)}", param_hint="--column"
            )
        columns.setdefault(Field(name), []).append(column)
    return columns


@contextmanager
def _progress_display(customers: Path, *, show: bool) -> Iterator[Callable[[int, int], None]]:
    total = customers.stat().st_size if customers.is_file() else None
    columns = (BarColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not show) as bar:
        task = bar.add_task("", total=total, rows=0)

        def tell(read: int, rows: int) -> None:
            bar.update(task, completed=read, rows=rows)

        yield tell


def _print_fields(result: Enrolment) -> None:
    rows = [
        (field, columns, result.accepted[field], _refusal_reasons(result, field))
        for field, columns in result.columns.items()
    ]
    print_table(("field", "column", "taken", "not taken"), rows)


def _refusal_reasons(result: Enrolment, field: Field) -> str:
    reasons = sorted(result.refused[field].items())
    return ", ".join(f"{reason.replace('_', ' ')}: {count}" for reason, count in reasons)


def _enrolment_as_dict(result: Enrolment) -> dict[str, object]:
    return {
        "customers": result.rows,
        "first_ordinal": result.first,
        "columns": dict(result.columns),
        "accepted": dict(result.accepted),
        "refused": {field: dict(reasons) for field, reasons in result.refused.items()},
    }
