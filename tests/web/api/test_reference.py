"""The published description of the API, and the shapes that the commands have, too."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.alerts.samples import webhook_channel
from tests.alerts.world import World
from tests.docs.pages import ROOT
from tests.matching.invoked import invoke
from tests.web.api.askers import program, token_of
from tests.web.running import running_console
from web.api.reference import reference_text

COPY = ROOT / "docs/reference/openapi.json"
#: Numbers that the commands add, which would tell a company how much is found about others.
OWN_NUMBERS = {"alert": {"id"}, "delivery": {"id", "alert"}}


def test_the_copy_in_the_docs_is_current() -> None:
    """Write it anew with `python -c "from web.api.reference import *; print(reference_text(), end='')"`."""
    assert COPY.read_text() == reference_text()


def test_commands_and_api_answer_the_same(
    sqlite_database: Database, sqlite_url: str, evidence: EvidenceStore, tmp_path: Path
) -> None:
    """The same rows have the same fields with the same values in --json and in the API."""
    world = World(sqlite_database, channels={"hook": webhook_channel("http://localhost:9/x")})
    world.add_finding()
    world.deliver_due()
    (tmp_path / "spillwatch.toml").write_text(f'[storage]\ndatabase_url = "{sqlite_url}"\n')

    def told(*command: str) -> Any:
        ran = invoke(tmp_path, *command, "--json")
        assert ran.code in (0, 1), ran.output
        return json.loads(ran.output)

    with running_console(sqlite_database, evidence, world.clock) as console:
        asker = program(console, token_of(console))

        def asked(address: str) -> Any:
            body = asker.get(address).json()
            return body.get("items", body)

        (finding,) = asked("/findings")
        alerts = told("alerts", "list", "--kind", "finding")
        assert _without(alerts, OWN_NUMBERS["alert"]) == [finding]
        shown = told("alerts", "show", str(alerts[0]["id"]))
        assert shown["history"] == asked(f"/findings/{finding['reference']}/revisions")
        assert _without(shown["deliveries"], OWN_NUMBERS["delivery"]) == asked("/deliveries")
        key = asked("/deliveries")[0]["idempotency_key"]
        assert told("alerts", "deliveries", "1") == asked(f"/deliveries/{key}")["tried"]
        assert told("listings", "search") == asked("/listings")
        listing, whole = asked("/listings/1"), told("listings", "show", "1")
        assert listing == {name: whole[name] for name in listing}
        assert told("runs", "--source", "market") == asked("/sources/market/runs")
        assert told("nodes") == asked("/nodes")


def _without(items: Iterable[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    return [{name: value for name, value in item.items() if name not in names} for item in items]
