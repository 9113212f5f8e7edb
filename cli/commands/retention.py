"""`spillwatch retention`: what the next pass of retention deletes and why, before it does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cli.command_context import Wide, app_of
from cli.output import TableColumn, emit_json, print_line, print_table
from storage import custody
from storage.custody import CustodySubject
from storage.disk_space import MIB, DiskForecast, daily_growth, data_places, forecasts
from storage.evidence_removals import pending_removals
from storage.holds import open_cases
from storage.retention import passes, preview

_COLUMNS = (
    "what",
    "source",
    "rows",
    "evidence",
    "kept for",
    TableColumn("oldest", extra=True),
    TableColumn("why it goes", prose=True),
)
_PASS_COLUMNS = ("pass", "began", "ended", "outcome", "reason", "freed", TableColumn("deleted", prose=True))
_ENTRY_COLUMNS = ("entry", "at", "what", "subject", "case", "by", TableColumn("reason", prose=True))


def command(
    context: typer.Context,
    history: Annotated[
        bool, typer.Option("--history", help="Also show the last passes, and the entries about erasures.")
    ] = False,
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Show what the next pass of retention deletes and why. Deletes nothing."""
    app_ = app_of(context)
    settings, now = app_.sections.retention, app_.clock()
    with app_.database.reading() as session:
        going = preview.going_rows(session, settings, now=now)
        unknown = preview.unknown_sources(session, settings)
        cases = open_cases(session)
        pending = pending_removals(session)
        last = passes.recent_passes(session, limit=20 if history else 1)
        entries = custody.custody_entries(session, limit=50) if history else []
        growth = daily_growth(session, now=now)
    floor = app_.sections.daemon.disk_floor_mb * MIB
    disks = forecasts(data_places(app_.storage), floor, growth, now=now)
    freed = sum(each.evidence_bytes for each in going)
    next_at = last[0].not_before if last and settings.enabled else None
    if as_json:
        emit_json(
            {
                "enabled": settings.enabled,
                "next_pass_at": next_at,
                "going": [asdict(each) for each in going],
                "evidence_bytes": freed,
                "records_to_erase": pending,
                "cases": list(cases),
                "unknown_sources": unknown,
                "disks": [_disk_as_dict(each) for each in disks],
                "passes": [_pass_as_dict(each) for each in last] if history else [],
                "entries": [_entry_as_dict(each) for each in entries],
            }
        )
        return
    print_table(
        _COLUMNS,
        [
            (
                each.rule,
                each.source,
                f"{each.rows:,}",
                size_text(each.evidence_bytes) if each.evidence_bytes else None,
                f"{each.days} days",
                each.oldest,
                each.why,
            )
            for each in going
        ],
        empty="Nothing is old enough to go." if settings.enabled else "[retention] is not enabled.",
        wide=wide,
    )
    if going:
        print_line(
            f"\n{size_text(freed)} of evidence would be freed. Space of deleted rows is used again by the "
            "database."
        )
    if next_at is not None:
        when = "as soon as the daemon runs" if next_at <= now else f"at {next_at:%Y-%m-%d %H:%M} UTC"
        print_line(f"The next pass begins {when}.")
    elif settings.enabled:
        print_line("The first pass is announced when the daemon starts, and begins a week later.")
    for disk in disks:
        print_line(_disk_sentence(disk))
    if growth is not None and growth.freed:
        print_line(f"Passes of the last two weeks freed {size_text(growth.freed)} of evidence per day.")
    if cases:
        print_line(f"Held, and never deleted: what belongs to {', '.join(cases)} (`spillwatch hold list`).")
    if pending:
        print_line(f"{pending:,} records are still to be erased from evidence files.")
    if unknown:
        print_line(f"[retention.sources] names no source of this database: {', '.join(unknown)}.")
    if history:
        print_line("")
        print_table(_PASS_COLUMNS, [_pass_row(each) for each in last], empty="No pass yet.", wide=wide)
        print_line("")
        print_table(_ENTRY_COLUMNS, [_entry_row(each) for each in entries], empty="No entry yet.", wide=wide)


def _disk_sentence(disk: DiskForecast) -> str:
    begin = f"{size_text(disk.free)} are free for {' and '.join(disk.what)} ({disk.path}). "
    if disk.growth is None:
        return f"{begin}How fast it fills can be said when there are rows of six hours."
    if disk.floor_at is None:
        return f"{begin}It does not fill, as far as the last two weeks tell."
    return (
        f"{begin}It fills by {size_text(disk.growth)} per day, as far as the last two weeks tell, and has "
        f"disk_floor_mb ({size_text(disk.floor)}) left on {disk.floor_at:%Y-%m-%d}."
    )


def _disk_as_dict(disk: DiskForecast) -> dict[str, object]:
    return {
        "what": list(disk.what),
        "path": str(disk.path),
        "free_bytes": disk.free,
        "floor_bytes": disk.floor,
        "growth_bytes_per_day": disk.growth,
        "floor_reached_at": disk.floor_at,
    }


def size_text(size: int) -> str:
    """Return a number of bytes as people read it."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _pass_row(each: passes.RetentionPass) -> tuple[object, ...]:
    deleted = ", ".join(f"{name} {count:,}" for name, count in sorted(each.counts.items()))
    outcome = each.outcome or each.state
    freed = size_text(each.bytes_freed)
    return each.id, each.started_at, each.finished_at, outcome, each.reason, freed, deleted


def _pass_as_dict(each: passes.RetentionPass) -> dict[str, object]:
    return {
        "id": each.id,
        "state": each.state,
        "started_at": each.started_at,
        "finished_at": each.finished_at,
        "outcome": each.outcome,
        "reason": each.reason,
        "counts": each.counts,
        "bytes_freed": each.bytes_freed,
    }


def _subject_of(entry: custody.CustodyEntry) -> str:
    return str(CustodySubject(entry.subject, entry.subject_id, entry.subject_name))


def _entry_row(each: custody.CustodyEntry) -> tuple[object, ...]:
    return each.id, each.at, each.action, _subject_of(each), each.case_name, each.person, each.reason


def _entry_as_dict(each: custody.CustodyEntry) -> dict[str, object]:
    return {
        "id": each.id,
        "at": each.at,
        "action": each.action,
        "subject": _subject_of(each),
        "case": each.case_name,
        "by": each.person,
        "reason": each.reason,
        "counts": each.counts,
    }
