"""`spillwatch nodes`: lists the running daemons, their leases and their work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from cli.command_context import Wide, app_of
from cli.output import TableColumn, emit_json, print_error, print_table
from storage import claims, nodes, sources
from storage.nodes import EngineName, Node, node_state
from storage.work import NodeRole, NodeRoute

_COLUMNS = (
    "name",
    "state",
    "roles",
    "routes",
    TableColumn("version", extra=True),
    TableColumn("schema", extra=True),
    TableColumn("started", extra=True),
    "heartbeat",
    "in hand",
)


def command(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also nodes that ended within the last week.")] = False,
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON list.")] = False,
) -> None:
    """List the nodes: who is there, roles, routes, version, last heartbeat, and work in hand."""
    app = app_of(context)
    with app.database.reading() as session:
        now = nodes.database_time(session, app.clock())
        found = nodes.known_nodes(session, ended=every)
        in_hand = claims.claims_in_hand(session)
        routes = sources.routes_in_use(session)
    listed = [_as_dict(node, now, in_hand.get(node.id, {})) for node in found]
    if as_json:
        emit_json(listed)
        return
    print_table(_COLUMNS, [_row(each) for each in listed], empty="No node is there.", wide=wide)
    for sentence in _missing([node for node in found if node_state(node, now) == "alive"], routes):
        print_error(sentence)


def _as_dict(node: Node, now: datetime, in_hand: dict[str, int]) -> dict[str, object]:
    from web.api.models import NodeShape

    return NodeShape.of(node, now, in_hand).model_dump()


def _row(node: dict[str, object]) -> tuple[object, ...]:
    roles, routes, in_hand = node["roles"], node["routes"], node["in_hand"]
    assert isinstance(roles, list)
    assert isinstance(routes, list)
    assert isinstance(in_hand, dict)
    return (
        node["name"],
        node["state"],
        "all" if set(roles) == set(NodeRole) else ", ".join(roles),
        ", ".join(routes),
        node["version"],
        node["schema_revision"],
        node["started_at"],
        f"{node['heartbeat_age_s']} s ago",
        ", ".join(f"{count} {kind}" for kind, count in sorted(in_hand.items())) or None,
    )


def _missing(alive: Sequence[Node], in_use: dict[str, int]) -> list[str]:
    """Return what no living node does, although there is work of that kind."""
    if not alive or any(node.engine is EngineName.EMBEDDED for node in alive):
        return []
    roles = {role for node in alive for role in node.roles}
    routes = {route for node in alive if NodeRole.CRAWL in node.roles for route in node.routes}
    return [
        *(f"No node has the role {role}." for role in NodeRole if role not in roles),
        *(
            f"No node with the role crawl has the route {route}, which {in_use[route]} sources need."
            for route in NodeRoute
            if in_use.get(route) and route not in routes
        ),
    ]
