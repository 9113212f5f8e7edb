"""Sources and their runs: what is read, and how that goes. Everybody who is signed in may see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from daemon.source_vitals import vitals_of
from storage.runs import Run
from storage.visible import watched
from storage.visible.sources import source_named
from web.api.answers import answer
from web.api.callers import SourcesReader, required
from web.api.cursors import ListQuery, moment_text, read_moment
from web.api.models import NodeShape, Paged, RunShape, SourceDetailShape, SourceShape, VitalsShape
from web.api.problems import NAMED, reading
from web.console import ConsoleParts

router = APIRouter(tags=["sources"])

SourceName = Annotated[str, Path(max_length=200, description="Name of the source.")]
#: Where a place stands that no run has: the open run is the only one without an end.
OPEN = datetime(9999, 12, 31, tzinfo=UTC)


class NamedQuery(ListQuery):
    """The parameters of a list whose items have names."""


def named_place(query: ListQuery, name: str) -> str:
    place = query.place(name, str)
    return "" if place is None else str(place[0])


@router.get("/sources", response_model=Paged[SourceShape], responses=reading())
def list_sources(
    request: Request, console: ConsoleParts, who: SourcesReader, query: Annotated[NamedQuery, Query()]
) -> Response:
    """List the sources by name."""
    after = named_place(query, "sources")
    with console.database.reading() as session:
        rows = watched.sources_by_name(session, who.view, after=after, limit=query.limit + 1)
    shapes = [SourceShape.of(source, last) for source, last in rows]
    return answer(request, query.page("sources", rows, lambda row: (row[0].name,), shapes))


@router.get("/sources/{name}", response_model=SourceDetailShape, responses=reading(*NAMED))
def show_source(request: Request, console: ConsoleParts, who: SourcesReader, name: SourceName) -> Response:
    """Show a source with its health and what that follows from."""
    with console.database.reading() as session:
        source = required(source_named(session, who.view, name))
        ((_, last),) = watched.sources_by_name(session, who.view, only=source.id, limit=1)
        vitals = vitals_of(session, source, now=console.clock())
    shape = SourceShape.of(source, last).model_dump() | {"vitals": VitalsShape.model_validate(vitals)}
    return answer(request, SourceDetailShape.model_validate(shape))


@router.get("/sources/{name}/runs", response_model=Paged[RunShape], responses=reading(*NAMED))
def list_runs(
    request: Request,
    console: ConsoleParts,
    who: SourcesReader,
    name: SourceName,
    query: Annotated[NamedQuery, Query()],
) -> Response:
    """List the runs of a source: the one in progress first, then the others, the newest end first."""
    listed = f"runs {name}"
    place = query.place(listed, str, int)
    after = None if place is None else (read_moment(place[0]), int(place[1]))
    with console.database.reading() as session:
        source = required(source_named(session, who.view, name))
        rows = watched.runs_of_source(session, who.view, source.id, after=after, limit=query.limit + 1)

    def key(run: Run) -> tuple[str, int]:
        return moment_text(run.finished_at or OPEN), run.id

    return answer(request, query.page(listed, rows, key, [RunShape.of(row) for row in rows]))


@router.get("/nodes", response_model=Paged[NodeShape], responses=reading())
def list_nodes(
    request: Request, console: ConsoleParts, who: SourcesReader, query: Annotated[NamedQuery, Query()]
) -> Response:
    """List the daemons that are there. For those who see the whole installation."""
    who.require_everything()
    after = named_place(query, "nodes")
    with console.database.reading() as session:
        seen = watched.nodes_seen(session, who.view, console.clock())
    rows = [node for node in seen.nodes if f"{node.name} {node.id:020}" > after][: query.limit + 1]
    shapes = [NodeShape.of(node, seen.now, seen.in_hand.get(node.id, {})) for node in rows]
    return answer(request, query.page("nodes", rows, lambda node: (f"{node.name} {node.id:020}",), shapes))
