"""Saved searches: who sees them, who may share and delete them."""

from __future__ import annotations

import re

import httpx

from storage.users import Role
from tests.alerts.world import World
from tests.web.running import RunningConsole, form_token


def save(client: httpx.Client, name: str, query: str = "severity=high", share: str = "") -> int:
    sent = {"csrf": form_token(client.get("/")), "name": name, "query": query, "share": share}
    return client.post("/searches", data=sent).status_code


def names(client: httpx.Client) -> list[str]:
    """Return the saved searches on a person's first screen."""
    shown = client.get("/").text.partition('id="searches"')[2].partition("</details>")[0]
    return re.findall(r'<li><a href="/\?[^"]*">([^<]*)</a>', shown)


def test_who_sees_and_shares(console: RunningConsole, world: World) -> None:
    """One's own, those shared with one's company, and those shared with all; nothing of another company."""
    world.declare_second_company()
    root = console.signed_in("root")
    ana = console.signed_in("ana", {"qudian": Role.ANALYST})
    vera = console.signed_in("vera", {"qudian": Role.VIEWER})
    eve = console.signed_in("eve", {"harbour": Role.ANALYST})

    codes = [
        save(root, "for all", share="*"),
        save(ana, "for qudian", share="qudian"),
        save(ana, "my own <b>"),
        save(vera, "hers"),
        save(vera, "hers, shared", share="qudian"),
        save(ana, "for all, too", share="*"),
        save(ana, "for harbour", share="harbour"),
        save(ana, "for nobody", share="none"),
        save(ana, "   "),
    ]

    assert codes == [303, 303, 303, 303, 403, 403, 404, 404, 422]
    assert names(root) == ["for all", "for qudian"]
    assert names(ana) == ["for qudian", "my own &lt;b&gt;", "for all"]
    assert names(vera) == ["hers", "for all", "for qudian"]
    assert names(eve) == ["for all"]


def test_a_search_is_replaced_and_deleted(console: RunningConsole, world: World) -> None:
    """The same name replaces; only what an address may hold is kept; nobody deletes another's search."""
    anna, bob = console.signed_in("anna"), console.signed_in("bob")
    assert save(anna, "one", "severity=high", share="*") == 303
    assert save(anna, "one", "severity=low&state=all&evil=javascript:1&after=X", share="*") == 303
    page = anna.get("/").text
    (address,) = re.findall(r'<li><a href="([^"]*)">one</a>', page)
    (number,) = re.findall(r'action="/searches/(\d+)/delete"', page)
    assert address == "/?owner=mine_and_nobodys&amp;severity=low&amp;state=all"
    tokens = {client: form_token(client.get("/")) for client in (anna, bob)}
    codes = [
        client.post(f"/searches/{number}/delete", data={"csrf": tokens[client]}).status_code
        for client in (bob, anna, anna)
    ]
    assert codes == [404, 303, 404]
    assert names(anna) == []
