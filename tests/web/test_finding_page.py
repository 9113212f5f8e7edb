"""The page of one finding: what it says, and what people do there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import inspect

from alerts.rules import DEFAULT_WEIGHTS
from matching.comparing import sample_answers
from storage import alerts, triage
from storage.alerts import AlertChange, Severity, TriageState
from storage.audit_log import AuditEntry
from storage.canary_matches import CanaryEvidence, CanaryRecord
from storage.data_sets import DataSetSign, SignKind, place_listing
from storage.database.base import Database
from storage.deliveries import DeliveryState, HeldFor
from storage.listings import Life, Listing
from storage.sample_verdicts import SampleRecord, VerdictRecord
from storage.sources import SourceHealth
from storage.triage import ActKind, TriageRefusal
from storage.users import Role
from tests.alerts.samples import email_channel
from tests.alerts.world import World
from tests.web.running import RunningConsole, form_token
from web.finding.verdict import ASSUMPTIONS, DISAGREEMENTS
from web.pages import finding
from web.wording import texts

PEOPLE: Mapping[str, Any] = {
    "hits": {"phone": 4, "resident_id": 4},
    "coherent_rows": 4,
    "customers": 4,
}


def add_rich_finding(world: World) -> str:
    """Store a finding with everything that its page shows; return its reference."""
    world.channels["mail"] = email_channel(25)
    segment = world.enrol(customers=120_000)
    first = world.crawl(seller="blackfox", sample="138****5678 张*三", data_classes=("phone", "name"))
    world.judging.evaluate(world.match(first, single_hits=2, hits={"phone": 2}))
    world.clock.advance(minutes=7)
    canary = CanaryRecord(
        segment, CanaryEvidence.CERTAIN, "crm--acme", date(2026, 1, 5), None, 7, ("phone",), 1, "sample:3"
    )
    second = world.crawl(
        seller="blackfox",
        sample="138****5678 张*三",
        text="edited",
        body="contact on site\n每条数据都已核实 all rows verified",
        price_amount=Decimal("0.25"),
    )
    found = {
        "canary_records": [canary],
        "verdict": VerdictRecord("ours", 40, 38, 36, 0.85, 0.97, 1.0, ASSUMPTIONS["base_complete"]),
        "sample": SampleRecord(40, 2),
        "known_rows": {"Harbour 2024": 3},
        "recycled_rows": {"Harbour 2024": 1},
    }
    world.judging.evaluate(world.match(second, **PEOPLE, **found))
    world.clock.advance(minutes=3)
    return world.alerts()[0].reference


def send(
    client: httpx.Client, reference: str, form: str, page: httpx.Response | None = None, **fields: str
) -> httpx.Response:
    """Send a form of the page as a person does who sees `page`; None: who opens it now."""
    seen = page or client.get(f"/findings/{reference}")
    stamp = re.search(r'name="stamp" value="([^"]+)"', seen.text)
    hidden = {"csrf": form_token(seen)} | ({"stamp": stamp.group(1)} if stamp else {})
    return client.post(f"/findings/{reference}/{form}", data=hidden | fields)


def entries(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
    with database.reading() as session:
        rows = session.query(AuditEntry).order_by(AuditEntry.id).all()
    return [(row.actor, row.action, row.detail) for row in rows]


def words(page: httpx.Response) -> str:
    """Return the text of a page without its tags, each run of blanks as one."""
    body = page.text.partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#39;", "'").split())


def test_it_says_what_an_analyst_asks(console: RunningConsole, world: World) -> None:
    """The severity with its sum, the verdict with its interval and its weakest assumption, and what is not
    known.
    """
    reference = add_rich_finding(world)

    said = words(console.signed_in().get(f"/findings/{reference}"))

    for part in (
        "Why it is critical",
        "Rows agree with customers on two fields",
        "Sum 350 critical from 100 high from 60 medium from 30",
        "It is ours: a canary is in the data",
        "36 rows are customers': 97% of the rows (90% interval: 85% to 100%)",
        "Masked rows 2 rows in a form that could not be read",
        "3 rows of the breach Harbour 2024; 1 of 4 rows of customers are among them",
        "crm → acme · no. 7 of the register",
        "Price 0.25 BTC Claimed records 1,000,000",
        "Hits by kind telephone 4, resident ID 4",
        "at least 12 were not read",
        "Compared with 120,000 enrolled customers",
        "Became stronger: critical, 350 points severity: high → critical",
        "Waits to be sent by mail (message 2)",
        "spillwatch evidence export 1",
        "5f" * 32,
        "price: 0.5 → 0.25",
    ):
        assert part in said, (part, said)


def test_the_same_in_chinese_has_no_english_sentence(console: RunningConsole, world: World) -> None:
    """Only names, slugs and commands are Latin letters."""
    reference = add_rich_finding(world)

    page = console.signed_in(language="zh").get(f"/findings/{reference}")

    said = words(page)
    assert "最弱的假设： 诱饵记录只投放于登记册所载之处" in said
    english = re.findall(r"(?:[A-Za-z]{2,} ){3,}[A-Za-z]{2,}", said)
    assert english == ["spillwatch evidence verify spillwatch evidence export"]


def test_a_state_with_its_reason(console: RunningConsole, world: World) -> None:
    """It is written with person and reason, masked, as an event and in the audit log; a reason is required
    for the states that end the work.
    """
    world.add_finding()
    reference = world.alerts()[0].reference
    client = console.signed_in()

    without = send(client, reference, "state", state="resolved", reason="  ")
    done = send(client, reference, "state", state="resolved", reason="told 13800138000\r\nfixed")
    again = send(client, reference, "state", state="resolved", reason="x")
    long = send(client, reference, "state", state="new", reason="x" * 2_001)

    with world.database.reading() as session:
        events = [(one.before, one.after, one.by, one.reason) for one in triage.events_of(session, 1)]
    assert [each.status_code for each in (without, done, again, long)] == [422, 303, 422, 422]
    assert "Say why." in without.text
    assert done.headers["location"] == f"/findings/{reference}?done=state#state"
    assert "It has this state already." in again.text
    assert "This is too long." in long.text
    assert events == [(TriageState.NEW, TriageState.RESOLVED, "anna", "told 138****8000\nfixed")]
    assert entries(world.database) == [
        ("anna", "finding_viewed", {"revision": 1}),
        (
            "anna",
            "finding_triaged",
            {"before": "new", "after": "resolved", "reason": "told 138****8000\nfixed"},
        ),
    ]


def test_two_people_at_once(console: RunningConsole, world: World) -> None:
    """The second one is told who was faster; what was typed is still in the form, and can be sent again."""
    world.add_finding()
    reference = world.alerts()[0].reference
    anna, bob = console.signed_in("anna"), console.signed_in("bob")
    page = bob.get(f"/findings/{reference}")
    send(anna, reference, "state", state="investigating", reason="asking the CRM")

    refused = send(bob, reference, "state", page, state="false_positive", reason="another company's <name>")
    merged = send(bob, reference, "merge", page, into="23456789A", reason="same")
    owned = send(bob, reference, "owner", page, owner="1")
    sent = send(bob, reference, "state", refused, state="false_positive", reason="another company's")

    assert [each.status_code for each in (refused, merged, owned, sent)] == [409, 409, 409, 303]
    assert "State: new → investigating by anna" in words(refused)
    assert "another company&#39;s &lt;name&gt;</textarea>" in refused.text
    assert '<option value="false_positive" selected>' in refused.text
    assert [one.state for one in world.alerts()] == [TriageState.FALSE_POSITIVE]


def test_merging_and_undoing_it(console: RunningConsole, world: World) -> None:
    """In one step each; a page says which finding stands for which, and no list shows both."""
    world.add_finding("1", **PEOPLE)
    world.judging.evaluate(world.match(world.crawl("2", text="another text")))
    first, second = (one.reference for one in world.alerts())
    client = console.signed_in()

    wrong_way = send(client, first, "merge", into=second)
    unknown = send(client, second, "merge", into="no such finding")
    done = send(client, second, "merge", into=f"{first} – title", reason="same sample")
    listed = client.get("/").text
    merged, stands = client.get(f"/findings/{second}"), client.get(f"/findings/{first}")
    undone = send(client, second, "unmerge")
    after = client.get("/").text

    assert [each.status_code for each in (wrong_way, unknown, done, undone)] == [422, 422, 303, 303]
    assert "The other finding is less severe. Merge that one into this one." in wrong_way.text
    assert "No finding or person of this name may be seen." in unknown.text
    assert (first in listed, second in listed) == (True, False)
    assert "Merged into" in words(merged)
    assert "This finding stands for: 趣店 Lending: 出售趣店学生数据" in words(stands)
    assert "Stands for" in words(stands)
    assert (first in after, second in after) == (True, True)
    written = [(action, detail) for _, action, detail in entries(world.database)]
    assert ("finding_merged", {"into": first, "reason": "same sample"}) in written
    assert ("finding_unmerged", {"from": first}) in written


def test_owner_notes_labels_links_and_moments(console: RunningConsole, world: World) -> None:
    world.add_finding("1")
    world.judging.evaluate(world.match(world.crawl("2", text="another text")))
    first, second = (one.reference for one in world.alerts())
    client = console.signed_in(zone="Asia/Shanghai")
    now = world.clock()
    hour_ago = (now + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M")  # as Shanghai's clocks show it
    later = (now + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M")

    answers = [
        send(client, first, "owner", owner="1"),
        send(client, first, "owner", owner="99"),
        send(client, first, "note", note="<b>call</b> alice@mail.example"),
        send(client, first, "note", note=" "),
        send(client, first, "label", label="PIPL-57"),
        send(client, first, "label", label="two words"),
        send(client, first, "link", other=second, reason="same seller"),
        send(client, first, "certain", since=later, reason="x"),
        send(client, first, "certain", since=hour_ago, reason="a canary"),
        send(client, first, "certain", reason="again"),
        send(client, first, "notified", whom="the regulator", when="not a time"),
        send(client, first, "notified", whom="the regulator"),
    ]
    said = words(client.get(f"/findings/{first}"))
    removed = [
        send(client, first, "label/remove", label="pipl-57"),
        send(client, first, "link/remove", other=second),
        send(client, first, "certain/withdraw", reason="the canary was a test"),
    ]
    after = words(client.get(f"/findings/{first}"))

    assert [each.status_code for each in answers] == [
        303,
        422,
        303,
        422,
        303,
        422,
        303,
        422,
        303,
        422,
        422,
        303,
    ]
    with world.database.reading() as session:
        acts = [(one.kind.value, one.at, one.detail) for one in triage.acts_of(session, 1, limit=9)]
    exact = (now - timedelta(hours=1)).replace(second=0, microsecond=0)
    assert acts == [
        ("assigned", now, "anna"),
        ("certain", exact, "a canary"),
        ("notified", now, "the regulator"),
        ("not_certain", now, "the canary was a test"),
    ]
    for part in (
        "Owner anna",
        "&lt;b&gt;call&lt;/b&gt; a***e@mail",
        "pipl-57",
        "same seller",
        "Certain since",
    ):
        assert part in said, (part, said)
    assert [each.status_code for each in removed] == [303, 303, 303]
    assert "same seller" not in after
    assert "Certainty withdrawn by anna" in after


def test_who_may_what(console: RunningConsole, world: World) -> None:
    """A viewer reads; another company's people learn nothing, not even that the finding exists."""
    world.declare_second_company()
    world.add_finding()
    reference, nothing = world.alerts()[0].reference, "23456789A"
    people = {
        "viewer": console.signed_in("vera", {"qudian": Role.VIEWER}),
        "analyst": console.signed_in("bob", {"qudian": Role.ANALYST}),
        "stranger": console.signed_in("eve", {"harbour": Role.ADMIN}),
    }
    gets = ("", "/versions", "/event.json")
    posts = {
        "state": {"state": "confirmed", "stamp": "1.x"},
        "owner": {"owner": "", "stamp": "1.x"},
        "note": {"note": ""},
        "label": {"label": ""},
        "label/remove": {"label": "x"},
        "certain": {},
        "certain/withdraw": {},
        "notified": {},
        "link": {},
        "link/remove": {"other": ""},
        "merge": {"stamp": "1.x"},
        "unmerge": {},
        "address": {"listing": "1"},
    }
    answers: dict[str, dict[str, Any]] = {}
    for name, client in people.items():
        token = {"csrf": form_token(client.get("/"))}
        read = {path: client.get(f"/findings/{reference}{path}") for path in gets}
        written = {
            path: client.post(f"/findings/{reference}/{path}", data=token | fields)
            for path, fields in posts.items()
        }
        none = [client.get(f"/findings/{nothing}{path}") for path in gets]
        none += [
            client.post(f"/findings/{nothing}/{path}", data=token | fields) for path, fields in posts.items()
        ]
        answers[name] = {
            "read": {path: each.status_code for path, each in read.items()},
            "written": {each.status_code for path, each in written.items() if path != "label/remove"},
            "none": {each.status_code for each in none},
        }
        if name == "stranger":
            everything = [*read.values(), *written.values()]
            assert [strip(each) for each in everything] == [strip(each) for each in none]

    # The event has numbers of rows, which count all companies' rows.
    assert answers["viewer"] == {
        "read": {"": 200, "/versions": 200, "/event.json": 404},
        "written": {403},
        "none": {404},
    }
    assert answers["analyst"]["written"] == {409, 422, 200}
    assert answers["stranger"]["read"] == {"": 404, "/versions": 404, "/event.json": 404}
    assert answers["stranger"]["written"] == {404}


def strip(page: httpx.Response) -> str:
    return re.sub(r"[0-9a-f]{64}", "", page.text)


def test_the_address_is_given_away_in_writing(console: RunningConsole, world: World) -> None:
    """As plain text, to an analyst, with an entry; never of a listing that is not the finding's."""
    world.add_finding("1")
    world.crawl("2", text="another offer")
    reference = world.alerts()[0].reference
    client = console.signed_in()

    given = send(client, reference, "address", listing="1")
    another = send(client, reference, "address", listing="2")

    assert (given.status_code, given.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert given.text == "https://market.example/offer/1\n"
    assert another.status_code == 404
    assert entries(world.database)[-1] == ("anna", "address_copied", {"of": "listing:1"})


def test_all_offers_of_the_data_that_name_the_company(console: RunningConsole, world: World) -> None:
    """The map of offers and mirrors has sources, sellers and prices; and only what the person may see."""
    world.declare_second_company()
    versions = [
        world.crawl("1", seller="blackfox"),
        world.crawl("2", source="forum", seller="mirror", text="another", price_amount=Decimal(90)),
        world.crawl("3", source="forum", seller="of others", text="third"),
    ]
    for version in versions[:2]:
        world.match(version)
    with world.database.transaction() as session:
        for listing_id in (1, 2, 3):
            place_listing(session, listing_id, [DataSetSign(SignKind.CLAIM, 7)])
    world.judging.evaluate(1)
    (alert,) = world.alerts()

    everything = words(console.signed_in().get(f"/findings/{alert.reference}"))
    own = words(console.signed_in("bob", {"qudian": Role.VIEWER}).get(f"/findings/{alert.reference}"))

    offers = everything.partition("Offers and mirrors of this data")[2]
    assert [name in offers for name in ("blackfox", "mirror", "90 BTC", "of others")] == [True] * 4
    assert [name in own for name in ("blackfox", "mirror", "of others")] == [True, True, False]


def test_a_finding_with_much_of_everything(console: RunningConsole, world: World) -> None:
    """Each page stays below 150 KB, and what is left out is named; the whole timeline has whole texts."""
    reference = add_rich_finding(world)
    with world.database.transaction() as session:
        alert = alerts.lock_alert(session, 1)
        assert alert
        for number in range(120):
            state = (TriageState.INVESTIGATING, TriageState.CONFIRMED)[number % 2]
            now = world.clock() + timedelta(seconds=number)
            reason = "理由" * 900 + f" {number}."
            triage.change_state(session, alert, state, by="bob", reason=reason, now=now)
            triage.add_note(session, alert, by="bob", text="备注" * 1_900 + f" {number}.", now=now)
    long = "每条数据都已核实。" * 2_200
    world.crawl("8812", text="long", body=long, sample=long, seller="blackfox")
    world.crawl("8812", text="longer", body=long.replace("核", "验"), sample=long.replace("条", "行"))
    with world.database.transaction() as session:
        names = {column.key for column in inspect(Listing).column_attrs}
        columns = names - {"id", "key", "data_set_id"}
        first = session.get_one(Listing, 1)
        for number in range(60):
            same = {name: getattr(first, name) for name in columns}
            session.add(Listing(**same, key=f"mirror {number}", data_set_id=1))
    client = console.signed_in()
    pages = {
        path: client.get(f"/findings/{reference}{path}")
        for path in ("", "/timeline", "/timeline?page=2", "/versions", "/versions?before=4&after=4")
    }

    sizes = {path: (page.status_code, len(page.content) // 1_000) for path, page in pages.items()}
    assert {path: size for path, size in sizes.items() if size[0] != 200 or size[1] >= 150} == {}
    assert "The first 30 are shown; there are more." in words(pages[""])
    assert " 119." not in words(pages[""])
    assert " 119." in words(pages["/timeline"])
    assert " 110." in words(pages["/timeline?page=2"])
    assert "There are more differences, which are not shown." in words(pages["/versions"])


def test_the_event_is_the_webhooks(console: RunningConsole, world: World) -> None:
    reference = add_rich_finding(world)

    answer = console.signed_in().get(f"/findings/{reference}/event.json")

    event = json.loads(answer.text)
    assert answer.headers["content-type"] == "application/json"
    assert (event["type"], event["data"]["score"]) == ("alert.escalated", 350)


def test_the_first_view_is_in_the_timeline(console: RunningConsole, world: World) -> None:
    """Once per person in the timeline; in the audit log once per person and revision."""
    world.add_finding()
    reference = world.alerts()[0].reference
    anna, bob = console.signed_in("anna"), console.signed_in("bob")
    for client in (anna, anna, bob):
        world.clock.advance(minutes=1)
        client.get(f"/findings/{reference}")
    world.judging.evaluate(world.match(world.crawl(text="more"), **PEOPLE))
    said = words(anna.get(f"/findings/{reference}"))

    assert said.count("Opened in the console for the first time by anna") == 1
    assert said.count("Opened in the console for the first time by bob") == 1
    assert [detail for who, _, detail in entries(world.database) if who == "anna"] == [
        {"revision": 1},
        {"revision": 2},
    ]


def test_other_alerts_have_a_page_for_the_installation(console: RunningConsole, world: World) -> None:
    world.change_health(SourceHealth.OK)
    world.change_health(SourceHealth.WALL)
    world.change_health(SourceHealth.OK)
    world.add_finding()
    source, found = (one.reference for one in world.alerts())
    admin, analyst = console.signed_in(), console.signed_in("bob", {"qudian": Role.ADMIN})

    said = words(admin.get(f"/alerts/{source}"))

    assert "opened" in said
    assert "The source shows a wall" in said
    assert "resolved" in said
    assert [admin.get(f"/alerts/{found}").status_code, analyst.get(f"/alerts/{source}").status_code] == [
        404,
        404,
    ]
    assert admin.get(f"/findings/{source}").status_code == 404


def test_every_slug_has_its_words() -> None:
    """States, refusals, signals, verdicts, assumptions: what a row can hold is written in both languages."""
    known = texts()
    wanted = {
        "state_": [each.value for each in TriageState],
        "severity_": [each.value for each in Severity],
        "refused_": [*TriageRefusal, finding.TOO_LONG, finding.NO_TIME, finding.NOT_KNOWN],
        "signal_": list(DEFAULT_WEIGHTS),
        "life_": [each.value for each in Life],
        "timeline_delivery_": [each.value for each in DeliveryState],
        "timeline_held_": [each.value for each in HeldFor],
        "timeline_": [each.value for each in ActKind],
        "timeline_alert_": [each.value for each in AlertChange],
        "assumption_": list(ASSUMPTIONS),
        "disagreement_": list(DISAGREEMENTS),
        "done_": list(finding.DONE),
    }
    missing = [
        f"{start}{each}"
        for start, slugs in wanted.items()
        for each in slugs
        if f"finding.{start}{each}" not in known
    ]
    assert missing == []


def test_the_sentences_are_those_of_the_matching() -> None:
    """Stored answers hold sentences: each is known by its slug."""
    assert {one.value: text for one, text in sample_answers.ASSUMPTIONS.items()} == dict(ASSUMPTIONS)
    assert {one.value: text for one, text in sample_answers.DISAGREEMENTS.items()} == dict(DISAGREEMENTS)


@pytest.mark.parametrize("low_id_first", [True, False])
def test_locking_two_findings_keeps_their_order(world: World, *, low_id_first: bool) -> None:
    from storage.visible.finding_detail import lock_findings
    from storage.visible.visibility import EVERYTHING

    world.add_finding("1")
    world.judging.evaluate(world.match(world.crawl("2", text="another text")))
    names = [one.reference for one in world.alerts()]
    asked = names if low_id_first else names[::-1]
    with world.database.transaction() as session:
        pair = lock_findings(session, EVERYTHING, asked[0], asked[1])
        assert pair
        assert [each.reference for each in pair] == asked
        assert alerts.alert_by_id(session, 1) is not None
