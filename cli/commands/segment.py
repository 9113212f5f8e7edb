"""`spillwatch segment`: imports and maintains the segments that this monitor compares with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.command_context import App, app_of
from cli.errors import UnknownName
from cli.output import emit_json, print_line, print_table
from matching.enrolment.ordinals import read_ordinals
from matching.enrolment.segment_intake import ImportResult, SegmentIntake, segment_folder
from matching.errors import SegmentRefused
from matching.fingerprints.key_file import read_key
from matching.fingerprints.keyring import Keyring
from matching.fingerprints.scheme import Key
from matching.fingerprints.segments import (
    MappedSegment,
    MasksHeader,
    SegmentChain,
    delta_header,
    open_segment,
    write_segment,
)
from matching.fingerprints.segments import merge_chain as merge_files
from matching.fingerprints.segments import verify_segment as verified
from matching.masked_samples.masked_base import check_masks
from storage import companies

app = typer.Typer(
    add_completion=False,
    help="Import, list, check, merge and remove segments of fingerprints.",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(help="A segment file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.command("import")
def import_(
    context: typer.Context,
    file: File,
    replaces: Annotated[
        int | None, typer.Option(help="Id of the segment that this one replaces, after a change of keys.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a segment or delta and its company's key, then import it. The daemon rematches the archive."""
    from daemon.work_assembly import declared_companies  # imports Scrapy, which no other command here needs

    app = app_of(context)
    segment = verified(file)
    slug = segment.header.company
    with app.database.transaction() as session:
        companies.sync_declared_companies(session, declared_companies(app.configuration), app.clock())
        company = companies.company_by_slug(session, slug)
    if company is None or not company.active:
        raise UnknownName(
            f'{file} is a segment of the company "{slug}", but there is no companies/{slug}.toml. '
            f"Write that file and set key_file in its [fingerprints]."
        )
    if replaces is not None:
        _existing_segment(app, replaces, slug)
    key = Keyring(app.settings.matching).subkeys_of_segment(segment.header, file)
    segment.check_key(key)
    masks = _masks_refusal(segment, key)
    result = _segment_intake(app).import_segment(segment, company.id, replaces=replaces)
    if as_json:
        emit_json({"segment": result.segment_id, "merged": result.merged, **_header_as_dict(segment)})
    else:
        print_line(_import_summary(result, segment))
        if masks is not None:
            print_line(f"Masked samples are not compared with it ({masks}).")


def _import_summary(result: ImportResult, segment: MappedSegment) -> str:
    header = segment.header
    if not header.is_delta:
        what = f"{header.fingerprints} fingerprints of {header.customers} customers"
        imported = f"Imported segment {result.segment_id} of {header.company}: {what}."
        return f"{imported} The daemon now compares the archive with it."
    what = f"{header.fingerprints} fingerprints added, {header.erased} customers erased"
    merged = " The segment and its deltas were merged." if result.merged else ""
    place = f"segment {result.segment_id} of {header.company}"
    return f"Imported delta {header.sequence} of {place}: {what}.{merged}"


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the imported segments."""
    app = app_of(context)
    with app.database.reading() as session:
        rows = companies.all_segments(session)
    found = [{**_segment_as_dict(row), **_stated(app, row)} for row in rows]
    if as_json:
        emit_json(found)
    else:
        counted = ("values", "customers", "key", "deltas", "erased")
        columns = ("id", "company", "fields", *counted, "imported", "active", "purpose", "label", "tags")
        cells = [tuple(value for name, value in row.items() if name != "file") for row in found]
        print_table(columns, cells, empty="There is no segment. `spillwatch enroll` makes one.")


@app.command()
def show(file: File, as_json: AsJson = False) -> None:
    """Show the header of a segment file. Needs no key."""
    segment = open_segment(file)
    if as_json:
        emit_json(_header_as_dict(segment))
    else:
        print_table(("", ""), list(_header_as_dict(segment).items()))


@app.command()
def verify(
    file: File,
    key: Annotated[Path | None, typer.Option(help="Also check that this key file made the segment.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a segment file: digests, order of records, directory, and its key if one is given."""
    root = None if key is None else read_key(key)
    segment = verified(file, key=root)
    masks = None if root is None else _masks_refusal(segment, root)
    if as_json:
        emit_json({"file": file, "whole": True, "key": None if key is None else True, "masks": masks})
        return
    print_line(f"{file} is undamaged{'' if key is None else ' and was made with this key'}.")
    if segment.outdated:
        print_line(
            f"Not compared, because other rules made them: {', '.join(segment.outdated)}. "
            "Enrol again with this version."
        )
    if masks is not None:
        print_line(f"Masked samples are not compared ({masks}).")


def _masks_refusal(segment: MappedSegment, key: Key) -> str | None:
    """Return the reason why the tags of a base cannot be compared; None if they can, or it is a delta."""
    try:
        if not segment.header.is_delta:
            check_masks(SegmentChain.of([segment]), key)
    except SegmentRefused as refused:
        return refused.reason
    return None


@app.command()
def erase(
    context: typer.Context,
    after: Annotated[Path, typer.Argument(help="The last segment of the chain: the base or a delta.")],
    ordinals: Annotated[
        Path, typer.Argument(help="The customers to erase: CSV with a column `ordinal`, or one per line.")
    ],
    out: Annotated[Path, typer.Option(help="The delta to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a delta that erases customers, on the company's own premises. Needs no key."""
    before = open_segment(after).header
    erased = read_ordinals(ordinals, highest=before.customers)
    written = write_segment(out, delta_header(before, now=app_of(context).clock()), {}, erased)
    if as_json:
        emit_json({"segment": out, "erased": written.erased, "sequence": written.sequence})
    else:
        print_line(f"Wrote {out}: delta {written.sequence} of its chain, {written.erased} customers erased.")
        if before.masks is not None:
            print_line("Their tags of masked values stay until the list is enrolled again as a new base.")


@app.command()
def merge(
    context: typer.Context,
    segment: Annotated[int | None, typer.Argument(help="Id of an imported segment.")] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--file", help="Merge files instead. Repeat for the base and each delta, in order."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="With --file: the new base to write.")] = None,
    as_json: AsJson = False,
) -> None:
    """Merge a base and its deltas into a new base. Erased customers are then gone from the disk."""
    if (segment is None) == (not files) or bool(files) != bool(out):
        raise typer.BadParameter("give either a segment's id, or --file for each file and --out")
    if files and out:
        header = merge_files(SegmentChain.of([verified(file) for file in files]), out)
        merged, what = (
            True,
            f"Wrote {out}: {header.fingerprints} fingerprints, to delta {header.sequence}.",
        )
    else:
        app, number = app_of(context), segment or 0
        _existing_segment(app, number)
        merged = _segment_intake(app).merge(number)
        what = f"Merged segment {number}." if merged else f"Segment {number} has no deltas: nothing to do."
    if as_json:
        emit_json({"segment": out or segment, "merged": merged})
    else:
        print_line(what)


@app.command()
def remove(
    context: typer.Context,
    segment: Annotated[int, typer.Argument(help="Id of the segment, as `segment list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Stop comparing with a segment and delete its files. Its matches stay."""
    app = app_of(context)
    row = _existing_segment(app, segment)
    with app.database.transaction() as session:
        companies.retire_segment(session, segment)
    _segment_intake(app).delete_unnamed_files()
    if as_json:
        emit_json({"segment": segment, "removed": True})
    else:
        print_line(f"Removed segment {segment} of {row.company.slug} and deleted its files.")


def _existing_segment(app: App, segment: int, slug: str | None = None) -> companies.Segment:
    """Return an imported segment's row, of any company if `slug` is None; raises UnknownName."""
    with app.database.reading() as session:
        row = next((row for row in companies.all_segments(session) if row.id == segment), None)
    if row is None or slug not in (None, row.company.slug):
        whose = "" if slug is None else f" of {slug}"
        raise UnknownName(f"There is no segment {segment}{whose}. `spillwatch segment list` shows the ids.")
    return row


def _segment_intake(app: App) -> SegmentIntake:
    return SegmentIntake(app.database, segment_folder(app.settings.matching), app.clock)


def _segment_as_dict(row: companies.Segment) -> dict[str, object]:
    return {
        "id": row.id,
        "company": row.company.slug,
        "fields": row.fields,
        "fingerprints": row.fingerprints + sum(delta.fingerprints for delta in row.deltas),
        "customers": (row.deltas[-1] if row.deltas else row).customers,
        "key_id": row.key_id,
        "deltas": len(row.deltas),
        "erased": sum(delta.erased for delta in row.deltas),
        "imported_at": row.imported_at,
        "active": row.active,
        "file": row.file,
    }


def _stated(app: App, row: companies.Segment) -> dict[str, object]:
    """Return what only the file of the base says; None where it is not on this machine."""
    stated: dict[str, object] = {"purpose": None, "label": None, "tags": None}
    if row.active and (path := app.settings.matching.segments_dir / row.file).exists():
        try:
            header = open_segment(path).header
        except SegmentRefused:
            return stated
        tags = sum(_tags_as_dict(header.masks).values()) if header.masks else 0
        stated = {"purpose": header.purpose, "label": header.label, "tags": tags}
    return stated


def _header_as_dict(segment: MappedSegment) -> dict[str, object]:
    header = segment.header
    return {
        "company": header.company,
        "kind": "delta" if header.is_delta else "base",
        "series": header.series,
        "sequence": header.sequence,
        "customers": header.customers,
        "fingerprints": {str(field): count for field, count in header.counts.items()},
        "erased": header.erased,
        "purpose": header.purpose,
        "label": header.label,
        "cohorts": len(header.cohorts),
        "canary_sets": len(header.canary_sets),
        "masks": {} if header.masks is None else _tags_as_dict(header.masks),
        "declared_columns": len(header.declared_schema.columns) if header.declared_schema else 0,
        "default_region": header.default_region,
        "key_id": header.key_id,
        "key_check": header.key_check,
        "normalisers": {str(field): version for field, version in header.normalisers.items()},
        "outdated": list(segment.outdated),
        "created_at": header.created_at,
    }


def _tags_as_dict(masks: MasksHeader) -> dict[str, int]:
    return {template: counts.tags for template, counts in masks.templates.items()}
