"""Companies: what terms find, one that is added and compared with the archive, and who may change what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from matching.service import MatchingService
from matching.settings import MatchingSettings
from storage import companies, watch
from storage.alerts import TriageState
from storage.audit_log import AuditEntry
from storage.companies import DeclaredCompany, Term
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.users import Role
from tests.alerts.hostile import CORPUS
from tests.alerts.world import World
from tests.dispatchers import RecordingDispatcher
from tests.peers.browser import WIDTHS, opened
from tests.web.running import RunningConsole, form_token, running_console

COMPANY = {
    "slug": "lender",
    "name": "Northwind Lending",
    "terms": "Northwind Lending\nnorthwind",
    "kind": "name",
    "owner": "fraud desk",
    "reason": "its name",
    "exclude": "northwind traders",
    "why": "new customer",
}


def post(client: Any, address: str, **fields: str) -> Any:
    return client.post(address, data={"csrf": form_token(client.get("/companies")), **fields})


def rematch_all(world: World, evidence: EvidenceStore) -> int:
    """Carry out what waits, as the daemon does; return the number of versions with matches."""
    service = MatchingService(
        database=world.database,
        evidence=evidence,
        settings=MatchingSettings(),
        dispatcher=RecordingDispatcher(),
        clock=world.clock,
    )
    with world.database.reading() as session:
        due = watch.due_rematches(session, now=world.clock(), limit=10)
    for rematch_id in due:
        service.rematch(rematch_id)
    with world.database.reading() as session:
        return sum(each.found for each in watch.recent_rematches(session) if each.id in due)


def acts(world: World) -> Sequence[AuditEntry]:
    with world.database.reading() as session:
        return session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()


def terms(world: World, slug: str = "lender") -> dict[str, tuple[str, bool]]:
    with world.database.reading() as session:
        company = companies.company_by_slug(session, slug)
        assert company is not None
        found = session.scalars(select(Term).where(Term.company_id == company.id).order_by(Term.id))
        return {term.text: (term.kind.value, term.active) for term in found}


def mistakes_in(page: Any) -> list[str]:
    return re.findall(r'id="mistakes-(\w+)"', page.text)


def test_a_company_is_added_changed_and_compared_with_the_archive(
    console: RunningConsole, world: World, evidence: EvidenceStore
) -> None:
    """It survives a sync of files; a file of its name takes it over; nothing is changed without a reason."""
    world.crawl("1", title="Northwind Lending customers")
    world.crawl("2", text="2", title="Northwind Traders and others")
    admin = console.signed_in()

    wrong = post(admin, "/companies/add", **{**COMPANY, "slug": "No!", "name": "", "owner": "", "why": " "})
    assert (wrong.status_code, sorted(mistakes_in(wrong))) == (422, ["name", "owner", "slug", "why"])
    taken = post(admin, "/companies/add", **{**COMPANY, "slug": "qudian"})
    assert (taken.status_code, sorted(mistakes_in(taken))) == (422, ["slug"])
    named = post(admin, "/companies/add", **{**COMPANY, "name": "趣店 lending"})
    assert (named.status_code, sorted(mistakes_in(named))) == (422, ["name"])
    nothing = post(admin, "/companies/add", **{**COMPANY, "terms": "Northwind\n…\nNordwind", "exclude": "zz"})
    assert sorted(mistakes_in(nothing)) == ["exclude", "terms"]
    assert [entry for entry in acts(world) if entry.action == "company_changed"] == []

    added = post(admin, "/companies/add", **COMPANY)
    assert added.headers["location"] == "/companies/lender?done=added"
    assert "not begun" in admin.get("/companies/lender").text
    assert rematch_all(world, evidence) == 1
    page = admin.get("/companies/lender").text
    assert re.findall(r'<progress max="1" value="([\d.]+)"', page) == ["1.000"]
    assert re.findall(r'data-label="Listings">(\d+)<', page) == ["1", "1"]
    world.declare_company()
    assert terms(world) == {"Northwind Lending": ("name", True), "northwind": ("name", True)}

    other = {"terms": "northwind.example", "kind": "domain", "owner": "fraud desk", "reason": "its site"}
    assert post(admin, "/companies/lender/terms", **other).status_code == 303
    assert post(
        admin, "/companies/lender/edit", name="Northwind", mail_provider="true", why="new name"
    ).is_redirect
    with world.database.reading() as session:
        ids = {term.text: term.id for term in session.scalars(select(Term))}
    one = f"/companies/lender/terms/{ids['northwind']}"
    assert mistakes_in(post(admin, one, kind="brand", owner="x", reason="y")) == ["why"]
    assert post(admin, one, kind="brand", owner="x", reason="y", why="it is a brand").is_redirect
    assert post(admin, f"{one}/withdraw", why="too many hits").is_redirect
    assert terms(world)["northwind"] == ("brand", False)
    assert post(admin, one, kind="brand", owner="x", reason="y", why="wanted after all").is_redirect
    assert terms(world)["northwind"] == ("brand", True)
    assert post(admin, "/companies/lender/active", active="false", why="left us").is_redirect
    assert "not watched" in admin.get("/companies/lender").text
    assert post(admin, "/companies/lender/active", active="true", why="came back").is_redirect
    told = [
        (entry.action, entry.subject, entry.detail["change"])
        for entry in acts(world)
        if "change" in entry.detail
    ]
    assert told == [
        ("company_changed", "company:lender", change)
        for change in (
            "added",
            "terms_added",
            "edited",
            "term_edited",
            "term_withdrawn",
            "term_edited",
            "disabled",
            "enabled",
        )
    ]

    with world.database.transaction() as session:
        declared = DeclaredCompany("lender", "Northwind", (), {}, "companies/lender.toml")
        companies.sync_declared_companies(session, [declared], world.clock())
    refused = post(admin, "/companies/lender/edit", name="Mine", why="x")
    assert (refused.status_code, "companies/lender.toml" in refused.text) == (422, True)


def test_a_term_says_what_it_found_and_how_often_falsely(console: RunningConsole, world: World) -> None:
    world.add_finding("1")
    world.add_finding("2", rows_scanned=1)
    first = world.alerts()[0]
    world.acknowledge(first.id, TriageState.FALSE_POSITIVE)
    findings = len(world.alerts())

    page = console.signed_in().get("/companies/qudian").text

    assert re.findall(r'data-label="Listings">(\d+)<', page)[:2] == ["2", "0"]
    assert re.findall(r'data-label="Findings">(\d+)<', page)[:2] == [str(findings), "0"]
    assert f"{100 // findings}%" in page


def test_only_admins_of_a_company_change_it(console: RunningConsole, world: World) -> None:
    """Somebody of another company cannot tell it from one that does not exist."""
    world.declare_second_company()
    admin = console.signed_in()
    assert post(admin, "/companies/add", **COMPANY).is_redirect
    people = {
        name: console.signed_in(name, {company: role})
        for name, company, role in (
            ("ann", "lender", Role.ADMIN),
            ("ina", "lender", Role.ANALYST),
            ("eve", "harbour", Role.ADMIN),
        )
    }
    with world.database.reading() as session:
        ids = {term.text: term.id for term in session.scalars(select(Term))}
    one = f"/companies/lender/terms/{ids['northwind']}"
    changes: list[tuple[str, dict[str, str]]] = [
        ("/companies/lender/edit", {"name": "Mine", "why": "x"}),
        ("/companies/lender/terms", {"terms": "mine", "owner": "x", "reason": "y"}),
        ("/companies/lender/active", {"active": "false", "why": "x"}),
        (one, {"kind": "name", "owner": "x", "reason": "y", "why": "z"}),
        (f"{one}/withdraw", {"why": "x"}),
    ]
    before = terms(world)

    for address, fields in changes:
        assert post(people["eve"], address, **fields).status_code == 404
        assert post(people["eve"], address.replace("lender", "nobody"), **fields).status_code == 404
        assert post(people["ina"], address, **fields).status_code == 403
    for address in ("/companies/lender", one, f"/companies/harbour/terms/{ids['northwind']}"):
        assert people["eve"].get(address).status_code == 404
    assert people["ina"].get("/companies/lender").status_code == 200
    assert post(people["ann"], "/companies/add", **COMPANY).status_code == 403
    assert terms(world) == before
    assert re.findall(r'href="/companies/(\w+)"', people["eve"].get("/companies").text) == ["harbour"]
    assert post(people["ann"], *changes[1][:1], **changes[1][1]).is_redirect
    assert "mine" in terms(world)


@pytest.mark.needs("chromium")
def test_a_company_is_added_in_the_browser(
    sqlite_database: Database, evidence: EvidenceStore, browser: Browser
) -> None:
    """Progress appears by itself; without scripts everything works, too; hostile words are words."""
    world = World(sqlite_database)
    world.crawl("1", title="Northwind Lending customers")
    hostile = [words.replace("\ud800", "").replace("\0", "")[:150] for words in CORPUS.values()]
    with running_console(world.database, evidence, world.clock) as console:
        with opened(browser, console, console.add_person(), width=WIDTHS["phone"], expected="422") as page:
            page.goto("/companies")
            page.click("text=Add a company")
            page.fill("[name=name]", "<script>alert(1)</script> Lending")
            page.fill("[name=slug]", "lender")
            page.fill("[name=terms]", "Northwind Lending")
            page.fill("[name=reason]", "its name")
            page.fill("[name=why]", "new customer")
            page.click("main button:has-text('Add a company')")
            expect(page.locator("[name=owner]")).to_have_attribute("aria-invalid", "true")
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            page.fill("[name=owner]", "fraud desk")
            page.click("main button:has-text('Add a company')")
            expect(page.locator("h1")).to_contain_text("<script>alert(1)</script> Lending")
            expect(page.locator("#rematches")).to_contain_text("not begun")
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(rematch_all, world, evidence).result() == 1
            expect(page.locator("#rematches")).to_contain_text("100%", timeout=15_000)
        token = console.add_person("second", language="zh")
        with opened(
            browser, console, token, width=WIDTHS["wide"], color_scheme="dark", scripts=False
        ) as page:
            page.goto("/companies/lender")
            page.click("details summary")
            page.fill("details [name=terms]", "\n".join(" ".join(each.split()) for each in hostile))
            page.fill("details [name=owner]", hostile[4])
            page.fill("details [name=reason]", hostile[5])
            page.click("details button")
            page.goto("/companies")
        for width, look in ((WIDTHS["phone"], "light"), (WIDTHS["laptop"], "dark")):
            with opened(browser, console, token, width=width, color_scheme=look) as page:
                for address in (
                    "/companies",
                    "/companies/lender",
                    "/companies/lender/terms/3",
                    "/companies/qudian",
                ):
                    page.goto(address)
                    found = Axe().run(page)
                    assert found.violations_count == 0, found.generate_report()
                    assert page.evaluate("document.documentElement.scrollWidth") <= width
