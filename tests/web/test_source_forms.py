"""Sources that people write in the browser: tried, stored, read by runs; and what is refused."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from configuration.settings import Settings
from configuration.web_settings import WebSettings
from crawler.running.supervisor import Supervisor
from crawler.scheduling.run_schedule import RunSchedule
from crawler.settings import CrawlerSettings
from daemon import looks
from matching.masks import mask_text
from storage import runs, sources
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.listing_tables import Listing
from storage.sources import DeclaredSource, Source
from storage.users import Role
from tests.alerts.hostile import CORPUS
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.peers.web import Offer, Site
from tests.web.running import RunningConsole, form_token, running_console
from tests.web.test_companies import acts, mistakes_in
from web.source_trials import TrialsBusy, trial_of

TOML = """# a comment
kind = "html"
start = "https://board.example/list"
[list]
rows = "tr.row"
link = "a"
next = "a[rel=next]"
[row]
title = "a"
price = "td.price"
seller = "td.seller"
[item]
title = "h1"
body = "div.description"
"""
OWN = f'allow_private_addresses = ["127.0.0.1"]\npoliteness = {{ delay_s = 0 }}\n{TOML}'


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(offers=7) as site:
        yield site


def post(client: Any, address: str, **fields: str) -> Any:
    return client.post(address, data={"csrf": form_token(client.get("/sources")), **fields})


def stored(world: World, name: str) -> Source | None:
    with world.database.reading() as session:
        return sources.source_by_name(session, name)


def keys_in(page: Any) -> list[str]:
    return re.findall(r"<tr><td><code>([^<]+)</code>", page.text)


REFUSED = {
    "a file with cookies": ('cookies_file = "/etc/passwd"\n' + TOML, ["cookies_file"]),
    "a file with a proxy": ('proxy_file = "/etc/passwd"\n' + TOML, ["proxy_file"]),
    "a proxy": ('proxy = "http://10.0.0.1:3128"\n' + TOML, ["proxy"]),
    "no proxy, although there is one": ('proxy = ""\n' + TOML, ["proxy"]),
    "a file with a key": (
        'kind = "gists"\nstart = "https://api.github.example/"\ntoken_file = "/k"',
        ["token_file"],
    ),
    "keys in addresses": (
        'kind = "privatebin"\n'
        'start = "https://p.example/?0123456789abcdef#8T1EGKM5GAxTkMcNLi5XbNbYAQPGsLv9BXQxuGqMMEnL"',
        ["kind"],
    ),
    "a private host": (OWN, ["allow_private_addresses"]),
    "a private address": (TOML.replace("board.example", "169.254.169.254"), ["start"]),
    "an address in another form": (TOML.replace("board.example", "0x7f.1"), ["start"]),
    "a name of this machine": (TOML.replace("board.example", "localhost"), ["start"]),
    "an internal name": (TOML.replace("board.example", "metadata.internal"), ["start"]),
    "a scheme": (TOML.replace("https:", "file:"), ["start"]),
    "an onion without Tor": (TOML.replace("board.example", "a" * 56 + ".onion"), ["start"]),
    "Tor without a proxy": ('via = "tor"\n' + TOML, ["start"]),
    "a cookie": ('headers = { Cookie = "a=b" }\n' + TOML, ["headers.headers"]),
    "a selector": (TOML.replace("tr.row", "tr["), ["list.rows"]),
    "a key of another name": (TOML.replace("rows", "row"), ["list.rows", "list.row"]),
    "no TOML": ("<html>", ["–"]),
    "brackets": ("x = " + "[" * 20_000, ["–"]),
    "nothing": ("", ["kind"]),
}


def test_what_may_not_be_written_is_refused_with_its_key(console: RunningConsole, world: World) -> None:
    """Neither saving nor trying reads a file of the server or a host of its network."""
    admin = console.signed_in()
    wrong = {
        name: sorted(keys_in(post(admin, f"/sources/{act}", name="board", toml=toml, why="x")))
        for name, (toml, _) in REFUSED.items()
        for act in ("add", "try")
    }

    assert wrong == {name: sorted(expected) for name, (_, expected) in REFUSED.items()}
    assert stored(world, "board") is None
    assert [entry for entry in acts(world) if entry.action == "source_changed"] == []


def test_a_source_is_added_edited_and_disabled(
    console: RunningConsole, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, analyst = console.signed_in(), console.signed_in("ina", {None: Role.ANALYST})
    bob = console.signed_in("bob", {"qudian": Role.ADMIN})
    for client in (analyst, bob):
        for address in ("/sources/add", "/sources/try", "/sources/board/edit", "/sources/board/enabled"):
            assert post(client, address, name="board", toml=TOML, why="x").status_code == 403
    nameless = post(admin, "/sources/add", name="try", toml=TOML, why="")
    assert (nameless.status_code, sorted(mistakes_in(nameless))) == (422, ["name", "why"])
    taken = post(admin, "/sources/add", name="market", toml=TOML, why="x")
    assert (taken.status_code, mistakes_in(taken)) == (422, ["name"])
    refused = post(admin, "/sources/market/edit", toml=TOML, why="x")
    assert (refused.status_code, "sources/market.toml" in refused.text) == (422, True)

    schedule = RunSchedule(database=world.database, dispatcher=world.announced, clock=world.clock)
    schedule.reload()
    assert not schedule.follow_changes()
    assert post(admin, "/sources/add", name="board", toml=TOML, why="new board").is_redirect
    board = stored(world, "board")
    assert board is not None
    assert (board.declared_in, board.enabled, board.definition["start"]) == (
        None,
        True,
        ["https://board.example/list"],
    )
    assert (schedule.follow_changes(), schedule.follow_changes()) == (True, False)
    with world.database.reading() as session:
        assert [run.source.name for run in runs.recent_runs(session)][:1] == ["board"]
    files = [DeclaredSource(name, "html", {}, f"sources/{name}.toml") for name in ("market", "forum")]
    with world.database.transaction() as session:
        sources.sync_declared_sources(session, files, world.clock())
    assert stored(world, "board") is not None

    text = admin.get("/sources/board/edit").text.partition("<textarea")[2].partition(">")[2].partition("<")[0]
    assert "rows = &#34;tr.row&#34;" in text
    changed = TOML.replace("/list", "/board")
    assert mistakes_in(post(admin, "/sources/board/edit", toml=changed, why=" ")) == ["why"]
    assert post(admin, "/sources/board/edit", toml=changed, why="it moved").is_redirect
    assert post(admin, "/sources/board/enabled", enabled="false", why="too slow").is_redirect
    board = stored(world, "board")
    assert board is not None
    assert (board.enabled, board.definition["start"]) == (False, ["https://board.example/board"])
    assert schedule.follow_changes()
    assert board.id not in schedule.source_ids()
    assert post(admin, "/sources/board/enabled", enabled="true", why="again").is_redirect
    changes = [entry.detail["change"] for entry in acts(world) if entry.action == "source_changed"]
    assert changes == ["added", "edited", "disabled", "enabled"]

    with trial_of(1):
        assert "has not ended" in post(admin, "/sources/try", toml=TOML).text
    with trial_of(100), trial_of(101):
        assert "trials go on" in post(admin, "/sources/try", toml=TOML).text
        with pytest.raises(TrialsBusy):
            trial_of(102).__enter__()
    monkeypatch.setattr(looks, "LOOK_COMMAND", ("false",))
    assert "ended without an answer" in post(admin, "/sources/try", toml=TOML).text


@pytest.mark.needs("chromium")
def test_a_source_is_written_tried_and_read(
    sqlite_database: Database,
    sqlite_url: str,
    evidence: EvidenceStore,
    browser: Browser,
    site: Site,
    tmp_path: Path,
) -> None:
    """The trial stores nothing, and shows the page's text beside what the selectors find."""
    world = World(sqlite_database)
    hostile = [words.replace("\ud800", "").replace("\0", "")[:300] for words in CORPUS.values()]
    for number, words in enumerate(hostile[2:8], 1):
        site.offers[str(number)] = Offer(title=html.escape(f"{words} 13812345678"), body=html.escape(words))
    settings = Settings(
        crawler=CrawlerSettings(retries=0),
        web=WebSettings(listen="127.0.0.1:0", private_hosts=("127.0.0.1",)),
    )
    toml = OWN.replace("https://board.example/list", f"{site.url}/offers")
    with running_console(world.database, evidence, world.clock, settings=settings) as console:
        with opened(
            browser, console, console.add_person(), width=WIDTHS["wide"], scripts=False, color_scheme="dark"
        ) as page:
            page.goto("/sources")
            page.click("text=Add a source")
            page.fill("[name=name]", "board")
            page.fill("[name=toml]", toml)
            page.click("text=Try")
            expect(page.locator("h2#trial")).to_be_visible(timeout=60_000)
            expect(page.locator("section.panel")).to_have_count(3)
            expect(page.locator("section.panel >> nth=0")).to_contain_text("138****5678")
            expect(page.locator("tr", has_text="row.price").first).to_contain_text("5 / 5")
            expect(page.locator("tr", has_text="row.seller").first).to_contain_text("nothing")
            assert "13812345678" not in page.content()
            assert stored(world, "board") is None
            page.fill("[name=why]", "new board")
            page.click("text=Save")
            expect(page.locator("[role=status]")).to_contain_text("was added")
        schedule = RunSchedule(database=world.database, dispatcher=world.announced, clock=world.clock)
        schedule.reload()
        supervisor = Supervisor(
            database=world.database,
            database_url=sqlite_url,
            busy_timeout_s=30,
            evidence_dir=tmp_path / "evidence",
            settings=settings.crawler,
            mask=mask_text,
            dispatcher=world.announced,
            relay=lambda work: None,
            clock=world.clock,
        )
        with world.database.reading() as session:
            (run,) = [each for each in runs.recent_runs(session) if each.source.name == "board"]
        with ThreadPoolExecutor(1) as pool:
            pool.submit(supervisor.run, run.id).result()
        with world.database.reading() as session:
            assert session.query(Listing).count() == 7
        token = console.add_person("second", language="zh")
        for width, look in ((WIDTHS["phone"], "light"), (WIDTHS["laptop"], "dark")):
            with opened(browser, console, token, width=width, color_scheme=look, expected="422") as page:
                for address in ("/sources/add", "/sources/board/edit", "/sources/board"):
                    page.goto(address)
                    assert Axe().run(page).violations_count == 0, address
                    assert page.evaluate("document.documentElement.scrollWidth") <= width
                if width != WIDTHS["phone"]:
                    continue
                page.goto("/sources/board/edit")
                page.fill("[name=toml]", toml.replace("tr.row", "tr["))
                page.click("button[formaction]")
                expect(page.locator("#wrong")).to_contain_text("list.rows")
                assert Axe().run(page).violations_count == 0
                page.fill("[name=toml]", toml)
                page.click("button[formaction]")
                expect(page.locator("h2#trial")).to_be_visible(timeout=60_000)
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
                assert page.evaluate("document.documentElement.scrollWidth") <= width
