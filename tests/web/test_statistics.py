"""Statistics: charts and tables of what may be seen."""

from __future__ import annotations

import csv
import io

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from sqlalchemy import select

from storage.audit_log import AuditEntry
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.runs import RunOutcome
from storage.sources import SourceHealth
from storage.users import Role
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import RunningConsole, running_console
from web.charts import lines_chart, scale_to, stacked_bars


def fill(world: World) -> None:
    """Findings of two companies, four days apart; the first four are acknowledged after two hours."""
    world.declare_second_company()
    for number in range(6):
        version = world.crawl(str(number), title=f"offer {number}", text=str(number))
        world.judging.evaluate(world.match(version, company="harbour" if number % 3 == 0 else "qudian"))
        world.clock.advance(hours=2)
        if number < 4:
            world.acknowledge(world.alerts()[-1].id)
        world.clock.advance(hours=94)
    world.crawl("new", source="forum", text="new")
    world.change_health(
        SourceHealth.COULD_NOT_FETCH, source="forum", run=(RunOutcome.COULD_NOT_FETCH, "timed_out")
    )
    world.clock.advance(hours=1)


def table(console: RunningConsole, name: str, roles: dict[str | None, Role] | None = None) -> list[list[str]]:
    with console.signed_in(f"{name}{len(roles or {})}", roles) as client:
        answer = client.get(f"/statistics/{name}.csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))[1:]


def test_the_tables_count_what_may_be_seen(console: RunningConsole, world: World) -> None:
    fill(world)
    qudian: dict[str | None, Role] = {"qudian": Role.VIEWER}

    assert sum(int(row[-1]) for row in table(console, "findings")) == 6
    assert sum(int(row[-1]) for row in table(console, "findings", qudian)) == 4
    assert [row[1:] for row in table(console, "verdicts", qudian)] == [["4", "1.0"]]
    assert [int(row[-1]) for row in table(console, "listings")].count(1) == 4
    assert sum(int(row[-1]) for row in table(console, "listings", qudian)) == 2
    assert table(console, "coverage") == [["forum", "2", "1", "0.5", "1"], ["market", "1", "1", "1.0", "6"]]
    assert {row[0]: row[4] for row in table(console, "coverage", qudian)} == {"forum": "0", "market": "4"}
    weeks = [row[1:] for row in table(console, "waiting") if row[1] != "0"]
    assert weeks == [
        ["1", "0", "2.0", "2.0"],
        ["2", "0", "2.0", "2.0"],
        ["2", "1", "193.0", "193.0"],
        ["1", "1", "97.0", "97.0"],
    ]
    client = console.signed_in("last")
    assert client.get("/statistics/nothing.csv").status_code == 404
    with console.database.reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "export")).all()
    assert (entries[0].subject, entries[0].detail) == ("statistics:findings", {"format": "csv", "rows": 26})


@pytest.mark.parametrize(
    ("highest", "top", "steps"),
    [
        (0, 1, 5),
        (1, 1, 5),
        (3, 3, 4),
        (4, 4, 5),
        (7, 8, 5),
        (99, 100, 5),
        (101, 150, 4),
        (0.5, 0.6, 4),
        (1e12, 1e12, 5),
        (float("inf"), 1, 5),
    ],
)
def test_a_scale_has_round_steps(highest: float, top: float, steps: int) -> None:
    scale = scale_to(highest)
    assert (round(scale.top, 9), len(scale.steps)) == (top, steps)
    assert scale.steps[-1][0] == 18  # the top of the chart
    assert scale.height(top) == 158


def test_a_line_has_gaps_and_bars_are_stacked() -> None:
    chart = lines_chart([("a", [1.0, None]), ("b", [2.0, 1.0]), ("c", [None, 2.0]), ("d", [2.0, 2.0])])
    assert [(points.count(","), kind) for points, kind in chart.lines] == [(2, 0), (3, 1)]
    assert len(chart.dots) == 6
    bars = stacked_bars([("a", [1, 0, 3]), ("b", [0, 0, 0])])
    assert [(box.kind, box.height) for box in bars.boxes] == [(0, 39.5), (2, 118.5)]
    assert bars.boxes[1].y == 18
    assert stacked_bars([]).boxes == []


@pytest.mark.needs("chromium")
def test_statistics_in_the_browser(
    sqlite_database: Database, evidence: EvidenceStore, browser: Browser
) -> None:
    world = World(sqlite_database)
    with running_console(world.database, evidence, world.clock) as console:
        with opened(browser, console, console.add_person("empty"), width=WIDTHS["wide"]) as page:
            page.goto("/statistics")
            assert not (found := Axe().run(page)).violations_count, found.generate_report()
        fill(world)
        token = console.add_person(language="zh")
        with opened(browser, console, token, width=WIDTHS["phone"], color_scheme="dark") as page:
            page.goto("/statistics")
            assert page.locator("svg.chart").count() == 5
            for summary in page.locator("details summary").all():
                summary.click()
            assert page.locator("#findings-table tbody tr").count() == 26
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert not (found := Axe().run(page)).violations_count, found.generate_report()
