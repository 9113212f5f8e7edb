"""The page of the audit log: what is shown to whom, filters and pages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from storage import companies
from storage.audit_checks import check_and_record
from storage.audit_log import write_entry
from storage.users import Role
from tests.alerts.world import World
from tests.peers.browser import WIDTHS, opened
from tests.web.running import RunningConsole

HOSTILE = "<script>alert(1)</script>\u202egnp.exe"


def _fill(console: RunningConsole, world: World) -> None:
    """Write one entry of the installation, one of each company, and one about a company that was erased."""
    world.declare_second_company()
    with console.database.transaction() as session:
        ids = {slug: company_id for company_id, slug in companies.slugs_by_id(session).items()}
        for number, (actor, action, subject, company) in enumerate(
            (
                ("anna", "sign_in", "person:anna", None),
                ("bob", "finding_viewed", "finding:K7QX2M9D", ids["qudian"]),
                ("eve", "finding_viewed", "finding:R3WZ8H5C", ids["harbour"]),
                ("token:siem", "export", "findings", 9999),
                ("bob", "search", HOSTILE, ids["qudian"]),
            )
        ):
            write_entry(
                session,
                actor=actor,
                action=action,
                now=world.clock() + timedelta(days=number - 4),
                subject=subject,
                company_id=company,
                detail={"words": HOSTILE, "found": 3} if action == "search" else {},
            )


def _numbers(text: str) -> list[int]:
    return [int(each) for each in re.findall(r'<td class="number" data-label="\w+">(\d+)</td>', text)]


def test_an_admin_sees_the_entries_of_what_is_administered(console: RunningConsole, world: World) -> None:
    """Of the installation: all; of a company: that company's; whoever is none of them: nothing."""
    _fill(console, world)
    everything = console.signed_in("root", {None: Role.ADMIN}).get("/audit")
    own = console.signed_in("ada", {"qudian": Role.ADMIN, "harbour": Role.ANALYST}).get("/audit")
    none = console.signed_in("vic", {"qudian": Role.ANALYST}).get("/audit")

    assert _numbers(everything.text) == [5, 4, 3, 2, 1]
    assert _numbers(own.text) == [5, 2]
    assert none.status_code == 403
    assert "spillwatch audit verify" not in own.text
    assert "R3WZ8H5C" not in own.text
    assert "erased (no. 9999)" in everything.text
    assert HOSTILE not in everything.text


def test_filters_and_pages(console: RunningConsole, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days are whole days; each view is an entry of its own, with its filters."""
    _fill(console, world)
    reader = console.signed_in("root")
    day = (world.clock() - timedelta(days=2)).strftime("%Y-%m-%d")
    for query, wanted in (
        ("actor=bob", [5, 2]),
        ("action=finding_viewed", [3, 2]),
        ("subject=finding:K7QX2M9D", [2]),
        (f"since={day}&until={day}", [3]),
        ("actor=nobody", []),
        ("before=3&actor=bob", [2]),
    ):
        assert _numbers(reader.get(f"/audit?{query}").text) == wanted, query
    assert reader.get("/audit?since=tomorrow").status_code == 422
    assert reader.get("/audit?before=x").status_code == 422
    assert reader.get("/audit?since=0001-01-01&until=9999-12-31").status_code == 422
    views = reader.get("/audit?action=audit_viewed").text
    assert "finding:K7QX2M9D" in views

    monkeypatch.setattr("web.pages.audit.PAGE", 2)
    first = reader.get("/audit?actor=bob")
    assert "Older" not in first.text
    second = reader.get("/audit?action=audit_viewed")
    assert 'rel="next"' in second.text


def test_the_last_verification_is_shown(console: RunningConsole, world: World) -> None:
    _fill(console, world)
    reader = console.signed_in("root")
    assert "has not been verified yet" in reader.get("/audit").text

    state = check_and_record(console.database, by="spillwatch", now=world.clock())

    shown = reader.get("/audit").text
    assert state.head in shown
    assert '<span class="badge good">whole</span>' in shown


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_in_a_browser(console: RunningConsole, world: World, browser: Browser) -> None:
    """Nothing that an entry holds runs, axe finds nothing, and a phone shows all of it without scrolling."""
    _fill(console, world)
    check_and_record(console.database, by="spillwatch", now=world.clock())
    token = console.add_person("root", language="zh")
    for width, scheme in ((WIDTHS["phone"], "dark"), (WIDTHS["wide"], "light")):
        with opened(browser, console, token, width=width, color_scheme=scheme) as page:
            page.goto("/audit?actor=bob")
            expect(page.locator("tbody tr")).to_have_count(2)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert Axe().run(page).violations_count == 0
