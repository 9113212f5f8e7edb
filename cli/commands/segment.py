"""`spillwatch segment`: the fingerprints of companies' customers that this monitor compares with."""

from __future__ import annotations

import os
import shutil
from hashlib import file_digest
from pathlib import Path
from typing import Annotated

import typer

from cli.context import App, app_of
from cli.errors import UnknownName
from cli.output import emit_json, say, table
from matching.fingerprints import read_key
from matching.segments import SUFFIX, Segment, open_segment
from matching.watch import key_file_of
from storage import companies

app = typer.Typer(
    add_completion=False,
    help="The segments of fingerprints that listings are compared with.",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(help="A segment file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.command("import")
def import_(context: typer.Context, file: File, as_json: AsJson = False) -> None:
    """Check a segment against its company's key and take it up; the archive is compared with it."""
    from cli.assembly import declared_companies  # brings Scrapy with it, which no other command here needs

    app = app_of(context)
    segment = open_segment(file)
    slug = segment.header.company
    with app.database.transaction() as session:
        companies.sync_declared(session, declared_companies(app.configuration), app.clock())
        company = companies.by_slug(session, slug)
    if company is None or not company.active:
        raise UnknownName(
            f'{file} is a segment of the company "{slug}", and there is no companies/{slug}.toml; '
            f"write one, with its fingerprints.key_file."
        )
    segment.check_key(read_key(key_file_of(company, app.settings.matching)))
    with app.database.transaction() as session:
        segment_id = companies.add_segment(session, _taken_up(app, file, segment, company.id), app.clock())
    if as_json:
        emit_json({"segment": segment_id, **_as_dict(segment)})
    else:
        say(
            f"Segment {segment_id} of {slug}: {sum(segment.header.counts.values())} fingerprints of "
            f"{segment.header.customers} customers. The daemon compares the archive with it."
        )


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the segments that were imported."""
    with app_of(context).database.reading() as session:
        rows = companies.segments(session)
    if as_json:
        emit_json([_row(row) for row in rows])
    else:
        columns = ("id", "company", "fields", "values", "customers", "key", "imported", "active")
        cells = [tuple(_row(row).values())[: len(columns)] for row in rows]
        table(columns, cells, empty="No segment yet; `spillwatch enroll` makes one.")


@app.command()
def show(file: File, as_json: AsJson = False) -> None:
    """Show what a segment file says of itself; needs no key."""
    segment = open_segment(file)
    if as_json:
        emit_json(_as_dict(segment))
    else:
        table(("", ""), list(_as_dict(segment).items()))


@app.command()
def verify(
    file: File,
    key: Annotated[Path | None, typer.Option(help="The company's key file: is it this segment's?")] = None,
    as_json: AsJson = False,
) -> None:
    """Check every byte of a segment file, and its key if one is named."""
    segment = open_segment(file)
    if key is not None:
        segment.check_key(read_key(key))
    if as_json:
        emit_json({"file": file, "whole": True, "key": None if key is None else True})
    else:
        say(f"{file} is whole{'' if key is None else ' and was made with this key'}.")


@app.command()
def remove(
    context: typer.Context,
    segment: Annotated[int, typer.Argument(help="The segment's id, as `segment list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Compare with a segment no longer, and delete its file. What it found stays."""
    app = app_of(context)
    with app.database.transaction() as session:
        row = next((row for row in companies.segments(session) if row.id == segment), None)
        if row is None:
            raise UnknownName(f"There is no segment {segment}; `spillwatch segment list` shows them.")
        companies.retire_segment(session, segment)
    (app.settings.matching.segments_dir / row.file).unlink(missing_ok=True)
    if as_json:
        emit_json({"segment": segment, "removed": True})
    else:
        say(f"Segment {segment} of {row.company.slug} is no longer compared with; its file is deleted.")


def _taken_up(app: App, file: Path, segment: Segment, company_id: int) -> companies.SegmentRecord:
    """Copy the file into the segments folder, under a name that its content decides."""
    with file.open("rb") as stream:
        digest = file_digest(stream, "sha256").hexdigest()
    name = f"{segment.header.company}-{digest[:16]}{SUFFIX}"
    _copy(file, app.settings.matching.segments_dir / name)
    header = segment.header
    return companies.SegmentRecord(
        company_id=company_id,
        file=name,
        key_id=header.key_id,
        key_check=header.key_check,
        fields=tuple(header.counts),
        fingerprints=sum(header.counts.values()),
        customers=header.customers,
        sha256=digest,
    )


def _copy(file: Path, target: Path) -> None:
    """Mode 0600 in a folder of mode 0700; another process sees the whole file or none."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with (
            file.open("rb") as source,
            open(draft, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as copy,
        ):
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _row(row: companies.Segment) -> dict[str, object]:
    return {
        "id": row.id,
        "company": row.company.slug,
        "fields": row.fields,
        "fingerprints": row.fingerprints,
        "customers": row.customers,
        "key_id": row.key_id,
        "imported_at": row.imported_at,
        "active": row.active,
        "file": row.file,
    }


def _as_dict(segment: Segment) -> dict[str, object]:
    header = segment.header
    return {
        "company": header.company,
        "customers": header.customers,
        "fingerprints": {str(field): count for field, count in header.counts.items()},
        "default_region": header.default_region,
        "key_id": header.key_id,
        "key_check": header.key_check,
        "normalisers": {str(field): version for field, version in header.normalisers.items()},
        "created_at": header.created_at,
    }
