"""`spillwatch enroll`: turns a customer list into a segment. Uses neither database nor network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cli.command_context import app_of
from cli.output import TableColumn, console, emit_json, print_line, print_table
from matching.company_definition import REGIONS
from matching.enrolment.column_choice import in_words
from matching.enrolment.enrol import Enrolment, enroll
from matching.enrolment.schema import schema_of_file
from matching.fingerprints.key_file import read_key
from matching.fingerprints.segments import (
    SUFFIX,
    HeaderParts,
    SegmentHeader,
    SegmentPurpose,
    open_segment,
)
from matching.identifiers import DateOrder, Field

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_CUSTOMERS, _KNOWN_BREACH = "customers", "known-breach"


def command(
    context: typer.Context,
    customers: Annotated[Path, typer.Argument(help="The customer list: CSV of any delimiter, XLSX or ODS.")],
    key: Annotated[Path, typer.Option(help="The key file that `spillwatch keygen` wrote.")],
    company: Annotated[
        str | None, typer.Option(help="The company's slug. Default: the key file's name without its suffix.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The segment file to write. Default: COMPANY.segment.")
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(help="Last segment of a chain. The list's customers are added to it as a delta."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=COLUMN: the column that holds a field, by number or name. Can be repeated. "
            "A name with a birth date is name_birth_date=FAMILY+GIVEN+BORN or NAME+BORN. "
            "National numbers may name their country: national_id=4:PL."
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Country of telephone numbers without +. Default: that of --base, otherwise CN."),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Character between columns. Default: detected.")
    ] = None,
    dates: Annotated[
        DateOrder | None,
        typer.Option(help="Order of dates such as 03/04/1990. Default: ambiguous dates are not accepted."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="The list's encoding. Default: detected.")] = None,
    header: Annotated[bool, typer.Option(help="Whether the first row names the columns.")] = True,
    name: Annotated[
        str | None,
        typer.Option(help="Column of the name, or FAMILY+GIVEN, for masked samples. Default: by the header."),
    ] = None,
    born: Annotated[
        str | None,
        typer.Option(help="Column of the birth date, for masked samples. Default: by the header."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Column of the date since when somebody is a customer. It dates a stolen copy."),
    ] = None,
    masks: Annotated[
        bool, typer.Option("--masks/--no-masks", help="Whether masked samples can be compared.")
    ] = True,
    system: Annotated[
        str | None, typer.Option(help="Name of the system or partner that the list comes from.")
    ] = None,
    purpose: Annotated[
        str, typer.Option(help="Who the people are: customers, or known-breach for a list of an old leak.")
    ] = _CUSTOMERS,
    label: Annotated[
        str | None, typer.Option(help="Name of the breach, with --purpose known-breach.")
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(help="TOML file with the columns of your own export. Default: those of the header."),
    ] = None,
    no_schema: Annotated[
        bool, typer.Option("--no-schema", help="Leave the names of your columns out of the segment.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Make a segment of keyed fingerprints from a customer list.

    Shows how many values of each field were accepted and why others were refused. Never shows a value.
    """
    slug = company or key.stem
    if not _SLUG.fullmatch(slug):
        raise typer.BadParameter(
            f"{slug!r} is not a slug (a-z, 0-9, - and _); give the name of the company's file without .toml",
            param_hint="--company",
        )
    region = region or ("CN" if base is None else open_segment(base).header.default_region)
    if region not in REGIONS:
        raise typer.BadParameter(
            f"{region!r} is not a country code; give one such as CN or GB", param_hint="--region"
        )
    if delimiter is not None and len(delimiter) != 1:
        raise typer.BadParameter(
            f"found {len(delimiter)} characters; give exactly one", param_hint="--delimiter"
        )
    parts = _parts(system, purpose, label, before=None if base is None else open_segment(base).header)
    if schema is not None:
        if no_schema or parts.purpose is SegmentPurpose.KNOWN_BREACH:
            raise typer.BadParameter("a schema is of your own customers' columns", param_hint="--schema")
        parts = parts.model_copy(update={"declared_schema": schema_of_file(schema)})
    segment = out or Path(slug + SUFFIX)
    if base is not None and segment.exists() and segment.samefile(base):
        raise typer.BadParameter("this is the --base; give the delta another file", param_hint="--out")
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
            name=name,
            born=born,
            since=since,
            masks=masks,
            parts=parts,
            declare_header=not no_schema and parts.purpose is SegmentPurpose.CUSTOMERS,
            progress=progress,
        )
    if as_json:
        emit_json({"company": slug, "segment": segment, **_enrolment_as_dict(result)})
    else:
        _print_fields(result)
        if result.left_out:
            print_line(f"Left out: {in_words(result.left_out)}.")
        if not encoding and not result.encoding.startswith("utf"):
            print_line(f"The list was read in {result.encoding}; if that is wrong, name its --encoding.")
        _print_parts(result, masks=masks)
        ordinals = f" Their ordinals begin at {result.first}." if base is not None else ""
        print_line(
            f"Wrote {result.rows} {_people(result)} of {slug} to {segment}.{ordinals} "
            "Give the monitor the segment only, never the list."
        )


def _parts(
    system: str | None, purpose: str, label: str | None, *, before: SegmentHeader | None
) -> HeaderParts:
    """Return purpose and label of the segment, those of the base where none is named. Raises BadParameter."""
    if purpose not in (_CUSTOMERS, _KNOWN_BREACH):
        raise typer.BadParameter(
            f"found {purpose!r}; expected {_CUSTOMERS} or {_KNOWN_BREACH}", param_hint="--purpose"
        )
    if (label is None) == (purpose == _KNOWN_BREACH):
        raise typer.BadParameter(
            f"--label names the breach of --purpose {_KNOWN_BREACH}, and only that", param_hint="--label"
        )
    if system is not None and label is not None:
        raise typer.BadParameter("a known breach has a --label, and no system", param_hint="--system")
    for option, value in (("--system", system), ("--label", label)):
        if value is not None and not _SLUG.fullmatch(value):
            raise typer.BadParameter(f"{value!r} is not a slug (a-z, 0-9, - and _)", param_hint=option)
    if before is not None and system is None and label is None:
        return HeaderParts(purpose=before.purpose, label=before.label)
    kind = SegmentPurpose.CUSTOMERS if label is None else SegmentPurpose.KNOWN_BREACH
    return HeaderParts(purpose=kind, label=system or label or "")


def columns_of(options: Sequence[str]) -> dict[Field, list[str]]:
    """Parse FIELD=COLUMN options; raises BadParameter."""
    columns: dict[Field, list[str]] = {}
    for one in options:
        name, equals, column = one.partition("=")
        if name not in set(Field) or not equals or not column:
            raise typer.BadParameter(
                f"{one!r} is not FIELD=COLUMN with FIELD one of {', '.join(Field)}", param_hint="--column"
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
    print_table(("field", "column", "accepted", TableColumn("refused", prose=True)), rows)


def _people(result: Enrolment) -> str:
    if result.purpose is SegmentPurpose.KNOWN_BREACH:
        return f"people of the known breach {result.label}"
    return f"customers in {result.label}" if result.label else "customers"


def _print_parts(result: Enrolment, *, masks: bool) -> None:
    """Say what masked samples can be compared by, and what the dates gave."""
    if result.tags:
        name, born = result.person.name, result.person.born
        of = [f"name in column {'+'.join(map(str, name))}"] if name else ["no name (--name)"]
        of += [f"birth date in column {born}"] if born else []
        print_line(f"Masked samples: {len(result.tags)} mask templates, {', '.join(of)}.")
    elif masks:
        print_line(
            "Masked samples cannot be compared: no customer has the values of a mask template, or the --base "
            "was enrolled without them."
        )
    if result.declared_columns:
        print_line(
            f"Schema: the names of {result.declared_columns} columns are in the segment. "
            f"With --no-schema they are not."
        )
    if result.cohorts:
        undated = f" {result.undated} customers have no date." if result.undated else ""
        print_line(f"Dates: {result.cohorts} cohorts.{undated}")


def _refusal_reasons(result: Enrolment, field: Field) -> str:
    reasons = sorted(result.refused[field].items())
    return ", ".join(f"{reason.replace('_', ' ')}: {count}" for reason, count in reasons)


def _enrolment_as_dict(result: Enrolment) -> dict[str, object]:
    return {
        "customers": result.rows,
        "first_ordinal": result.first,
        "columns": dict(result.columns),
        "encoding": result.encoding,
        "left_out": [{"column": column.number, "field": column.role} for column in result.left_out],
        "purpose": result.purpose,
        "label": result.label,
        "name_columns": list(result.person.name),
        "born_column": result.person.born or None,
        "tags": result.tags,
        "cohorts": result.cohorts,
        "undated": result.undated,
        "declared_columns": result.declared_columns,
        "accepted": dict(result.accepted),
        "refused": {field: dict(reasons) for field, reasons in result.refused.items()},
    }
