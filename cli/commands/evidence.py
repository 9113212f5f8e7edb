"""`spillwatch evidence`: compares the evidence with the rows, and exports what an alert is based on."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.command_context import app_of
from cli.errors import UnknownName
from cli.exits import Exit
from cli.output import emit_json, print_line, print_table

app = typer.Typer(
    add_completion=False,
    help="Verify the evidence, and export what an alert is based on.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object.")]
#: Number of faults that the table shows; --json has all of them.
SHOWN = 50


@app.command()
def verify(context: typer.Context, as_json: AsJson = False) -> None:
    """Read every record that the database points at, and compare its length and hash.

    Exit code 1 if any is missing or damaged. On a large archive this takes long: it reads every byte.
    """
    from storage.errors import EvidenceMissing
    from storage.evidence.verification import all_evidence_rows, files_elsewhere, verify_record

    app = app_of(context)
    checked: Counter[str] = Counter()
    faults = []
    for row in all_evidence_rows(app.database):
        checked[row.kind] += 1
        if (fault := verify_record(app.evidence, row)) is not None:
            faults.append(fault)
    missing = {each.row.place.file for each in faults if each.reason == EvidenceMissing.reason}
    with app.database.reading() as session:
        elsewhere = files_elsewhere(session, app.evidence, missing)
    waiting = sum(each.row.place.file in elsewhere for each in faults)
    faults = [each for each in faults if each.row.place.file not in elsewhere]
    if as_json:
        emit_json(
            {
                "ok": not faults,
                "checked": {kind: checked[kind] for kind in ("capture", "version", "attachment")},
                "waiting": waiting,
                "faults": [
                    {
                        "kind": each.row.kind,
                        "id": each.row.id,
                        "file": each.row.place.file,
                        "offset": each.row.place.offset,
                        "length": each.row.place.length,
                        "reason": each.reason,
                        "message": each.message,
                    }
                    for each in faults
                ],
            }
        )
    else:
        if faults:
            print_table(
                ("record", "file", "at", "reason"),
                [
                    (
                        f"{each.row.kind} {each.row.id}",
                        each.row.place.file,
                        each.row.place.offset,
                        each.reason,
                    )
                    for each in faults[:SHOWN]
                ],
            )
        print_line(_verdict(checked, len(faults), waiting))
    if faults:
        raise typer.Exit(Exit.NEGATIVE)


def _verdict(checked: Counter[str], faults: int, waiting: int) -> str:
    what = (
        f"{checked['capture']:,} captures, {checked['version']:,} versions and {checked['attachment']:,} "
        "attachments were compared with the evidence"
    )
    if waiting:
        what = f"{what}; {waiting:,} of them wait on another machine to be stored"
    if not faults:
        return f"{what}: all{' others' if waiting else ''} are as they were stored."
    more = f" The table shows the first {SHOWN}; --json has all." if faults > SHOWN else ""
    return f"{what}: {faults:,} are missing or damaged. Restore their files from a backup.{more}"


@app.command()
def export(
    context: typer.Context,
    alert: Annotated[int, typer.Argument(help="Number of the alert.")],
    to: Annotated[
        Path | None, typer.Option(help="Folder to make. Default: ./evidence-of-alert-NUMBER.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy the records of an alert's listing into a folder, with their hashes. They are not masked.

    Exit code 1 if a record is missing or damaged; the others are exported.
    """
    from alerts.errors import NoSuchAlert
    from storage import alerts
    from storage.evidence.export import deleted_records_of_listing, evidence_of_listing, export_evidence

    app = app_of(context)
    with app.database.reading() as session:
        found = alerts.alert_by_id(session, alert)
        if found is None:
            raise NoSuchAlert(f"There is no alert {alert}. `spillwatch alerts list` shows the numbers.")
        if found.listing_id is None:
            raise UnknownName(f"Alert {alert} is about Spillwatch itself: it has no listing and no evidence.")
        rows = evidence_of_listing(session, found.listing_id)
        deleted = deleted_records_of_listing(session, found.listing_id)
    folder = to or Path(f"evidence-of-alert-{alert}")
    done = export_evidence(app.evidence, rows, folder, deleted=deleted)
    if as_json:
        emit_json(
            {
                "alert": alert,
                "folder": str(done.folder),
                "records": len(done.records),
                "left_out": [
                    {"kind": each.row.kind, "id": each.row.id, "reason": each.reason} for each in done.faults
                ],
                "deleted": [asdict(each) for each in deleted],
            }
        )
    else:
        print_line(
            f"{done.folder}: {len(done.records)} records in evidence.warc.gz, their places and hashes in "
            "manifest.json, the sums of both files in SHA256SUMS. They are personal data and not masked."
        )
        for each in done.faults:
            print_line(f"Left out: {each.message}")
        if deleted:
            print_line(
                f"{len(deleted):,} records of earlier versions were deleted by retention or an erasure "
                "(`deleted` in manifest.json)."
            )
    if done.faults:
        raise typer.Exit(Exit.NEGATIVE)
