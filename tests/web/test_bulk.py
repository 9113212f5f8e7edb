"""Many findings at once: what is changed, what had changed meanwhile, and what may not be changed."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import select

from storage import triage
from storage.alerts import TriageState, lock_alert
from storage.audit_log import AuditEntry
from storage.triage import TriageEvent
from storage.users import Role
from tests.alerts.world import World
from tests.web.running import RunningConsole, form_token


def add_three(world: World) -> None:
    for key in "123":
        world.judging.evaluate(world.match(world.crawl(key, text=key)))


def stamps(page: httpx.Response) -> list[str]:
    """Return the rows of the first screen as their boxes name them, newest first."""
    return re.findall(r'name="row" value="([^"]+)"', page.text)


def send(client: httpx.Client, page: httpx.Response, **fields: Any) -> dict[str, str]:
    """Send the form; return what the answer's address says was done."""
    answer = client.post("/findings/bulk", data={"csrf": form_token(page), **fields})
    assert answer.status_code == 303, answer.text
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in told.items() if name.startswith("done_") or name == "left"}


def states(world: World) -> list[str]:
    return [alert.state.value for alert in world.alerts()]


def test_what_changed_meanwhile_is_left_alone(console: RunningConsole, world: World) -> None:
    """Of three findings that are shown, the one that a colleague closed stays as it is, and is named."""
    add_three(world)
    client = console.signed_in()
    page = client.get("/")
    world.clock.advance(minutes=1)
    closed = world.alerts()[1]
    with world.database.transaction() as session:
        alert = lock_alert(session, closed.id)
        assert alert is not None
        triage.change_state(
            session, alert, TriageState.RESOLVED, by="bob", reason="sold out", now=world.clock()
        )

    done = send(client, page, act="acknowledged", row=stamps(page))

    assert done == {"done_changed": "2", "done_stale": "1", "left": closed.reference}
    assert states(world) == ["acknowledged", "resolved", "acknowledged"]
    shown = client.get(f"/?done_changed=2&done_stale=1&left={closed.reference}").text
    assert f'href="/findings/{closed.reference}"' in shown
    with world.database.reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "finding_triaged")).all()
        events = session.scalars(select(TriageEvent).where(TriageEvent.by == "anna")).all()
    assert {entry.subject for entry in entries} == {
        f"finding:{alert.reference}" for alert in world.alerts() if alert.id != closed.id
    }
    assert entries[0].detail == {"before": "new", "after": "acknowledged", "reason": ""}
    assert len(events) == 2


def test_every_change_of_the_form(console: RunningConsole, world: World) -> None:
    """States with reasons, owners and labels; done twice, nothing changes the second time."""
    add_three(world)
    client = console.signed_in()
    page = client.get("/")
    whole = {"whole_page": "1", "shown": stamps(page)}

    assert send(client, page, act="label", label="Bank-1", **whole) == {"done_changed": "3"}
    assert send(client, page, act="label", label="bank-1", **whole) == {"done_same": "3"}
    assert len(stamps(client.get("/?owner=all&label=bank-1"))) == 3
    assert send(client, page, act="unlabel", label="bank-1", **whole) == {"done_changed": "3"}
    world.clock.advance(minutes=1)
    assert send(client, page, act="assign", owner="me", **whole) == {"done_changed": "3"}
    assert send(client, page, act="assign", owner="me", **whole) == {
        "done_stale": "3",
        "left": ".".join(stamp.partition(".")[0] for stamp in whole["shown"]),
    }
    page = client.get("/?owner=mine")
    whole["shown"] = stamps(page)
    assert len(whole["shown"]) == 3
    done = send(client, page, act="state", state="false_positive", reason="their own shop", **whole)
    assert done == {"done_changed": "3"}
    assert [alert.note for alert in world.alerts()] == ["their own shop"] * 3
    assert stamps(client.get("/?owner=mine")) == []
    assert send(client, page, act="acknowledged") == {"done_none": "1"}


def test_a_search_is_written_down(console: RunningConsole, world: World) -> None:
    """Words that somebody looks for in titles are an entry, masked; further pages are not."""
    add_three(world)
    client = console.signed_in()
    client.get("/?owner=all&q=13812345678+趣店")
    client.get("/?owner=all&q=趣店&after=NOSUCHONE")
    with world.database.reading() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "search"))
    assert entry.detail == {"words": "138****5678 趣店", "filters": "owner=all", "found": 0}


def test_what_cannot_be_used_is_refused(console: RunningConsole, world: World) -> None:
    """Closing without a reason, states and owners that do not exist, bad labels, and too many rows."""
    add_three(world)
    client = console.signed_in()
    page = client.get("/")
    refused: list[dict[str, Any]] = [
        {"act": "state", "state": "resolved"},
        {"act": "false_positive", "reason": "  "},
        {"act": "new"},
        {"act": "explode"},
        {"act": "assign", "owner": "-1"},
        {"act": "label", "label": "two words"},
        {"act": "acknowledged", "row": [f"R{number}.1.1" for number in range(201)]},
    ]
    for fields in refused:
        sent = {"csrf": form_token(page), "row": stamps(page), **fields}
        assert client.post("/findings/bulk", data=sent).status_code == 422, fields
    assert client.post("/findings/bulk", data={"act": "acknowledged"}).status_code == 403
    assert send(client, page, act="assign", owner="999", row=stamps(page)) == {"done_refused": "3"}
    assert states(world) == ["new"] * 3


def test_only_an_analyst_of_the_company_changes(console: RunningConsole, world: World) -> None:
    """A viewer and an analyst of another company change nothing, and are told the same."""
    world.declare_second_company()
    add_three(world)
    rows = stamps(console.signed_in("root").get("/"))
    for name, company, role in (("vera", "qudian", Role.VIEWER), ("eve", "harbour", Role.ANALYST)):
        client = console.signed_in(name, {company: role})
        page = client.get("/")
        assert stamps(page) == []
        assert send(client, page, act="acknowledged", row=rows) == {"done_refused": "3"}
    client = console.signed_in("ana", {"qudian": Role.ANALYST})
    assert send(client, client.get("/"), act="acknowledged", row=rows) == {"done_changed": "3"}
    with world.database.reading() as session:
        actors = set(session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "finding_triaged")))
    assert actors == {"ana"}
