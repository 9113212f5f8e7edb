"""The settings in force: for admins of the installation, with where each was set, and without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from configuration.settings import read_settings
from configuration.settings_in_force import setting_origins
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.users import Role
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import running_console

TOML = """
[web]
listen = "127.0.0.1:0"
[crawler]
proxy = "http://me:proxysecret@proxy.lender.example:3128"
"""


@pytest.mark.needs("chromium")
def test_settings_in_force(
    sqlite_database: Database, evidence: EvidenceStore, browser: Browser, tmp_path: Path
) -> None:
    file, world = tmp_path / "spillwatch.toml", World(sqlite_database)
    file.write_text(TOML)
    environment = {"SPILLWATCH_DAEMON__LOG_LEVEL": "debug"}
    settings, origins = read_settings(file, environment), setting_origins(file, environment)
    with running_console(
        world.database, evidence, world.clock, settings=settings, origins=origins
    ) as console:
        assert console.signed_in("bob", {"qudian": Role.ADMIN}).get("/settings").status_code == 403
        assert console.signed_in("vera", {None: Role.ANALYST}).get("/settings").status_code == 403
        shown = {
            name: 'href="/settings"' in console.signed_in(name, {company: role}).get("/").text
            for name, company, role in (("ada", None, Role.ADMIN), ("tom", "qudian", Role.ADMIN))
        }
        assert shown == {"ada": True, "tom": False}
        for number, width in enumerate((WIDTHS["phone"], WIDTHS["wide"])):
            token = console.add_person(f"p{number}", language="zh" if number else "en")
            look = ("light", "dark")[number]
            with opened(browser, console, token, width=width, color_scheme=look, scripts=True) as page:
                page.goto("/settings")
                expect(page.locator("tr", has_text="log_level")).to_contain_text(
                    "SPILLWATCH_DAEMON__LOG_LEVEL"
                )
                assert "proxysecret" not in page.content()
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
                assert page.evaluate("document.documentElement.scrollWidth") <= width
