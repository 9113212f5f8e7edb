"""`spillwatch erase`: erases a listing or a company from rows, evidence, indexes and free pages."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command_context import App, app_of
from cli.errors import UnknownName
from cli.exits import Exit
from cli.output import emit_json, print_line
from cli.person import account_name
from storage import companies, listings
from storage.errors import StillDeclared, StorageError
from storage.retention.erasing_files import ErasedRecords, erase_requested
from storage.retention.erasure import Erasure, erase_company, erase_listing
from storage.retention.scrubbing import ScrubbedDatabase, scrub

app = typer.Typer(
    add_completion=False,
    help="Erase a listing or a company from rows, evidence, indexes and free pages.",
    no_args_is_help=True,
)

Reason = Annotated[str, typer.Option(help="Why, such as a person's request. The entry keeps it.")]
By = Annotated[str | None, typer.Option(help="Who asks for it. Default: the account that runs this.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Write one JSON object. Needs --yes.")]
FILES_AT_ONCE = 500
#: What scrubbing could not clean, and what to do about it.
LEFT = {
    "log_in_use": "Another process reads SQLite's write-ahead log, which still holds it. Run `spillwatch "
    "erase finish` again, if need be with the daemon stopped.",
    "old_transaction": "A transaction from before is open in PostgreSQL and keeps the deleted rows. End it "
    "(look into pg_stat_activity), then run `spillwatch erase finish`.",
    "statistics": "PostgreSQL's statistics may hold examples of values, and this role may not rewrite them. "
    "As a superuser: VACUUM FULL pg_catalog.pg_statistic.",
}
OUTSIDE = "Backups, messages that were delivered, and PostgreSQL's own log (pg_wal) are not in our reach."


@app.command()
def listing(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="LISTING", help="Number of the listing.")],
    reason: Reason,
    by: By = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase one listing with everything that shows it. What a case holds is refused."""
    app_ = app_of(context)
    with app_.database.reading() as session:
        found = listings.listing_by_id(session, number)
        if found is None:
            raise UnknownName(f"there is no listing {number}; `spillwatch listings` shows the numbers")
        source = found.source.name
    _ask(
        f"Erase listing {number} of {source}, the alerts that tell of it, and the responses that show it? "
        "It cannot be undone.",
        yes=yes,
        as_json=as_json,
    )
    done = erase_listing(
        app_.database, app_.evidence, number, person=account_name(by), reason=reason, now=app_.clock()
    )
    if done is None:
        raise UnknownName(f"there is no listing {number} any more")
    _finish(app_, done, as_json=as_json)


@app.command()
def company(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="Slug of the company.")],
    reason: Reason,
    by: By = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase one company: terms, segments, matches and alerts. What a case holds is refused."""
    app_ = app_of(context)
    declared = next((each for each in app_.watch_configuration.companies if each.name == slug), None)
    if declared is not None:
        raise StillDeclared(
            f"{declared.file} declares the company {slug}, so it would be watched again at once. Remove the "
            "file, send SIGHUP to the daemon if one runs, and erase the company then."
        )
    with app_.database.reading() as session:
        if companies.company_by_slug(session, slug) is None:
            known = ", ".join(sorted(companies.slugs_by_id(session).values())) or "none"
            raise UnknownName(f"there is no company {slug!r}; known: {known}")
    _ask(
        f"Erase the company {slug}: its terms, segments, matches and alerts? It cannot be undone.",
        yes=yes,
        as_json=as_json,
    )
    done = erase_company(app_.database, slug, person=account_name(by), reason=reason, now=app_.clock())
    if done is None:
        raise UnknownName(f"there is no company {slug} any more")
    _finish(app_, done, as_json=as_json, segment_files=_delete_segment_files(app_))


@app.command()
def finish(context: typer.Context, as_json: Json = False) -> None:
    """Do the last steps of earlier erasures again: the bytes of records and segments, indexes, free pages."""
    app_ = app_of(context)
    _finish(app_, None, as_json=as_json, segment_files=_delete_segment_files(app_))


def _delete_segment_files(app_: App) -> int:
    """Delete the files of segments that no row names, here and in the shared store; return their number."""
    from matching.enrolment.segment_intake import SegmentIntake, segment_folder

    folder = segment_folder(app_.sections.matching)
    return len(SegmentIntake(app_.database, folder, app_.clock).delete_unnamed_files())


def _ask(question: str, *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json:
        raise typer.BadParameter("--json needs --yes, because nobody can be asked")
    typer.confirm(question, abort=True)


def _finish(app_: App, done: Erasure | None, *, as_json: bool, segment_files: int = 0) -> None:
    """Erase the bytes and clean the database; exit code 1 if something is left."""
    erased, whole = _erase_records(app_)
    try:
        cleaned = scrub(app_.database, done.traces if done else (), wait_s=app_.storage.busy_timeout_s)
        left = [LEFT[cleaned.left]] if cleaned.left else []
    except StorageError as error:  # the rows are gone, and what they left can be cleaned later
        cleaned = ScrubbedDatabase(rewritten=False, left=error.reason)
        left = [
            f"Indexes and free pages could not be cleaned ({error.reason}): {error} Correct this, then run "
            "`spillwatch erase finish`."
        ]
    if erased.reason:
        left.append(
            f"The bytes of some records could not be erased ({erased.reason}). Correct this, then run "
            "`spillwatch erase finish`; the daemon tries again, too."
        )
    if as_json:
        emit_json(_as_dict(done, erased, cleaned, left, segment_files))
    else:
        _print_result(done, erased, cleaned, left)
    if left or not whole:
        raise typer.Exit(Exit.NEGATIVE)


def _erase_records(app_: App) -> tuple[ErasedRecords, bool]:
    """Erase what is requested, file by file to the end; return the sums."""
    records = deleted = freed = 0
    reason: str | None = None
    after: str | None = ""
    while after is not None:
        step = erase_requested(
            app_.database, app_.evidence, now=app_.clock(), limit=FILES_AT_ONCE, after=after
        )
        records, deleted, freed = records + step.records, deleted + step.files_deleted, freed + step.freed
        reason, after = reason or step.reason, step.last_file
    return ErasedRecords(records, deleted, freed, reason, None), reason is None


def _as_dict(
    done: Erasure | None,
    erased: ErasedRecords,
    cleaned: ScrubbedDatabase,
    left: list[str],
    segment_files: int,
) -> dict[str, object]:
    return {
        "entry": done.entry_id if done else None,
        "subject": str(done.subject) if done else None,
        "counts": dict(done.counts) if done else {},
        "records_erased": erased.records,
        "files_deleted": erased.files_deleted,
        "bytes_freed": erased.freed,
        "segment_files_deleted": segment_files,
        "database_rewritten": cleaned.rewritten,
        "left": left,
    }


def _print_result(
    done: Erasure | None, erased: ErasedRecords, cleaned: ScrubbedDatabase, left: list[str]
) -> None:
    if done is not None:
        counts = ", ".join(f"{name} {count:,}" for name, count in sorted(done.counts.items()))
        print_line(f"Entry {done.entry_id}: erased {done.subject} ({counts}).")
    print_line(
        f"{erased.records:,} records erased in the evidence, {erased.files_deleted:,} files deleted. "
        f"{_cleaned_sentence(cleaned)}"
    )
    for sentence in left or (OUTSIDE,):
        print_line(sentence)


def _cleaned_sentence(cleaned: ScrubbedDatabase) -> str:
    if cleaned.left:
        return "The database is not clean yet."
    return "The database was written anew." if cleaned.rewritten else "The database was cleaned."
