"""`spillwatch source`: lists sources, shows their health, and tries a source file before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from cli.command_context import App, Wide, app_of
from cli.commands.source_detect import detect
from cli.errors import UnknownName
from cli.exits import Exit
from cli.output import TableColumn, emit_json, print_hanging, print_line, print_table
from configuration.declared_files import Declared, read_toml
from configuration.errors import ConfigurationRefused
from configuration.mistake_messages import Mistake, mistakes_of
from configuration.settings import anchor_paths
from crawler.sources import FieldFinding, SourceDefinition
from matching.masks import mask_text

if TYPE_CHECKING:
    from crawler.visits.trial import PageTrial
    from daemon.source_vitals import SourceVitals
    from storage.runs import Run
    from storage.sources import Source

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List sources, show their health, try a source file, or detect a site's program.",
)
app.command("detect")(detect)

_LIST_COLUMNS = (
    TableColumn("name"),
    TableColumn("kind", extra=True),
    TableColumn("enabled", extra=True),
    TableColumn("health"),
    TableColumn("last run"),
    TableColumn("last outcome"),
    TableColumn("file", extra=True),
)
_HEALTH_COLUMNS = (
    "name",
    "health",
    TableColumn("since", extra=True),
    "last success",
    "listings",
    "usual",
    TableColumn("unread", extra=True),
    TableColumn("newest", extra=True),
    "next run",
)
_FIELD_COLUMNS = (
    "field",
    TableColumn("selector", prose=True),
    "found",
    TableColumn("first value", prose=True),
)
#: A source whose file is new and whose row the next start of the daemon writes.
NEVER_READ = {"health_since": None, "last_run": None, "last_outcome": None}
_NO_SOURCE = "There is no source. Write sources/NAME.toml."


@app.command("list")
def list_sources(
    context: typer.Context,
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON list.")] = False,
) -> None:
    """List sources with their health and their last run."""
    found = _source_states(app_of(context))
    if as_json:
        emit_json(found)
    else:
        rows = [[each[column.name.replace(" ", "_")] for column in _LIST_COLUMNS] for each in found]
        print_table(_LIST_COLUMNS, rows, empty=_NO_SOURCE, wide=wide)


def _source_states(app: App) -> list[dict[str, object]]:
    """Return declared sources and the database's sources by name. A new file has no row yet."""
    from storage import runs, sources

    declared = {each.name: each for each in app.configuration.sources}
    with app.database.reading() as session:
        known = {each.name: each for each in sources.all_sources(session) if each.removed_at is None}
        last = {name: runs.last_slot(session, source.id) for name, source in known.items()}
    return [
        _source_state(name, declared.get(name), known.get(name), last.get(name))
        for name in sorted(declared.keys() | known.keys())
    ]


def _source_state(
    name: str, file: Declared[SourceDefinition] | None, row: Source | None, run: Run | None
) -> dict[str, object]:
    from web.api.models import SourceShape

    stored = {} if row is None else SourceShape.of(row, run).model_dump()
    declared = (
        {"kind": file.value.kind, "enabled": file.value.enabled, "file": file.file.name} if file else {}
    )
    blank = SourceShape(name=name, kind=None, enabled=None, health="unknown", file=None, **NEVER_READ)
    return blank.model_dump() | stored | declared


@app.command("health")
def health(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Show only this source.")] = None,
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON list.")] = False,
) -> None:
    """Show each source's health: last success, listings compared with usual, and lost selectors.

    Exit code 1 if a source is not healthy.
    """
    from daemon.source_vitals import vitals_of
    from storage import sources

    app = app_of(context)
    with app.database.reading() as session:
        known = [each for each in sources.all_sources(session) if name in (None, each.name)]
        found = [vitals_of(session, each, now=app.clock()) for each in known]
    if name is not None and not found:
        raise UnknownName(f'There is no source "{name}". `spillwatch source list` shows the names.')
    if as_json:
        from web.api.models import VitalsShape

        emit_json([VitalsShape.model_validate(each).model_dump() for each in found])
    else:
        print_table(
            _HEALTH_COLUMNS,
            [_vitals_row(each) for each in found],
            empty=_NO_SOURCE,
            wide=wide,
        )
        for each in found:
            for line in _source_problems(each):
                print_line(f"{each.name}: {line}")
    if not all(each.well for each in found):
        raise typer.Exit(Exit.NEGATIVE)


def _vitals_row(each: SourceVitals) -> list[object]:
    usual = None if each.listings_usual is None else f"{each.listings_usual:g}"
    seen = (each.listings_seen, usual, each.pages_unread)
    return [
        each.name,
        each.health,
        each.health_since,
        each.last_success,
        *seen,
        each.newest_listing,
        each.next_run,
    ]


def _source_problems(each: SourceVitals) -> Iterator[str]:
    """Yield one sentence per thing that somebody should check."""
    if each.detail and not each.well:
        yield each.detail
    for selector in each.selectors_lost:
        yield f"{selector} no longer finds anything. Compare it with the page: spillwatch source try FILE."
    if each.cookies not in (None, "ok"):
        yield f"its cookies cannot be used: {each.cookies}. Log in and export them again."


@app.command("try")
def try_source(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The source's TOML file.", dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Fetch a list page, one listing and the next page, and show what each selector finds. Stores nothing.

    Exit code 1 if a page could not be fetched or was not recognised.
    """
    from crawler.visits.trial import try_pages

    definition = _read_definition(file)
    trials = try_pages(definition, settings=app_of(context).crawler_settings)
    if as_json:
        emit_json(
            {"source": file.stem, "kind": definition.kind, "pages": [_page_as_dict(each) for each in trials]}
        )
    else:
        _print_trial(trials)
    if not trials or not all(each.parsed is not None and each.parsed.recognised for each in trials):
        raise typer.Exit(Exit.NEGATIVE)


def _read_definition(file: Path) -> SourceDefinition:
    """Read a source file; raises ConfigurationRefused with every mistake in it."""
    adapter: TypeAdapter[SourceDefinition] = TypeAdapter(SourceDefinition)
    mistakes: list[Mistake] = []
    values = read_toml(file, mistakes)
    if values is not None:
        try:
            return anchor_paths(adapter.validate_python(values), file.absolute().parent)
        except ValidationError as error:
            mistakes += mistakes_of(
                error, origin=lambda _: str(file), data=values, schema=adapter.json_schema()
            )
    raise ConfigurationRefused(mistakes)


def _page_as_dict(look: PageTrial) -> dict[str, object]:
    parsed = look.parsed
    if parsed is None:
        reason = look.problem.reason if look.problem else None
        return {"page": look.what, "url": mask_text(look.url), "status": look.status, "problem": reason}
    return {
        "page": look.what,
        "url": mask_text(look.url),
        "status": look.status,
        "problem": None if parsed.recognised else "page_not_recognised",
        "hints": [mask_text(hint) for hint in look.hints],
        "charset": parsed.charset,
        "listings": len(parsed.listings) + len(parsed.follows),
        "pages_total": parsed.pages_total,
        "next_page": parsed.next_page and mask_text(parsed.next_page),
        "next_nowhere": mask_text(parsed.next_nowhere),
        "end": parsed.end,
        "fields": [
            {
                "part": each.part,
                "field": each.field,
                "selector": each.selector,
                "tried": each.tried,
                "found": each.found,
                "value": mask_text(each.value),
                "read": mask_text(each.read),
            }
            for each in parsed.findings
        ],
    }


def _print_trial(trials: list[PageTrial]) -> None:
    for look in trials:
        print_line(_page_summary(look))
        for hint in look.hints:
            print_hanging(mask_text(hint))
    for look in trials:
        if look.what != "next page" and look.parsed is not None and look.parsed.findings:
            print_line("")
            rows = [_field_row(each) for each in look.parsed.findings]
            print_table(_FIELD_COLUMNS, rows, title=f"What the selectors find on the {look.what}:")


def _page_summary(look: PageTrial) -> str:
    """Return what one page gave, and what to do if it gave nothing."""
    where = f"{look.what.capitalize()} {mask_text(look.url)}"
    if look.parsed is None:
        return f"{where}: could not be read. {mask_text(str(look.problem))}"
    if not look.parsed.recognised:
        return f"{where}: not recognised. A required selector found nothing."
    if look.what == "listing":
        return f"{where}: read as {look.parsed.charset}."
    count = len(look.parsed.listings) + len(look.parsed.follows)
    total = f" of {look.parsed.pages_total} pages" if look.parsed.pages_total else ""
    next_page = "there is a next page" if look.parsed.next_page else "no next page was found"
    if look.parsed.next_nowhere:
        next_page = "what `next` finds leads nowhere"
    return f"{where}{total}: {count} listings, read as {look.parsed.charset}; {next_page}."


def _field_row(each: FieldFinding) -> list[object]:
    found = f"{each.found} of {each.tried}" if each.found else "nothing"
    value, read = mask_text(each.value)[:60], mask_text(each.read)[:60]
    return [
        f"{each.part}.{each.field}",
        each.selector,
        found,
        value if read == value else f"{value} → {read}",
    ]
