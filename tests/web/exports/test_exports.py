"""Exports of findings, read by the programs for which they are made."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import feedparser
import httpx
import pytest
from pymisp import MISPEvent
from sqlalchemy import select
from stix2validator import ValidationOptions, validate_string

from alerts.message import MessageContent
from configuration.web_settings import Tlp
from storage import alerts, companies, service_tokens
from storage.alerts import TriageState
from storage.audit_log import AuditEntry
from storage.service_tokens import TokenScope
from storage.users import Role
from tests.alerts.world import World
from tests.web.running import RunningConsole
from web.exports.findings import FindingDocument, Naming
from web.exports.misp import misp_event

BASE = "/api/v1/exports"
HOSTILE = (
    '=HYPERLINK("https://market.example/"&A1)',
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]><!ENTITY x SYSTEM 'file:///etc/passwd'>&x; \x1b[31m\u202egpj.exe",
    '"}],"type":"malware","id":"x',
    "\r\nX-Header: 1\r\n\r\n出售趣店学生数据 \U0001f4a3",
)


def _token(
    console: RunningConsole, name: str = "siem", company: str | None = None, *scopes: TokenScope
) -> str:
    now = console.console.clock()
    with console.database.transaction() as session:
        found = companies.company_by_slug(session, company) if company else None
        return service_tokens.make_token(
            session,
            name,
            scopes or (TokenScope.EXPORTS_READ,),
            company_id=found.id if found else None,
            by="anna",
            expires_at=now + timedelta(days=30),
            now=now,
        )


def _client(console: RunningConsole, token: str) -> httpx.Client:
    return httpx.Client(base_url=console.url, auth=("feed", token), trust_env=False, timeout=20)


@pytest.fixture
def hostile(world: World) -> World:
    """Two companies with findings whose titles attack whoever reads them; one finding is a false positive."""
    world.declare_second_company()
    for place, title in enumerate(HOSTILE):
        world.clock.now += timedelta(minutes=1)
        version = world.crawl(f"h{place}", title=title, seller=title, text=title)
        world.judging.evaluate(world.match(version))
    world.add_finding("harbour-1", company="harbour")
    world.acknowledge(world.alerts()[0].id, TriageState.FALSE_POSITIVE)
    return world


@pytest.fixture
def program(console: RunningConsole, hostile: World) -> Iterator[httpx.Client]:
    with _client(console, _token(console)) as client:
        yield client


def _get(client: httpx.Client, path: str) -> httpx.Response:
    answer = client.get(f"{BASE}{path}")
    assert answer.status_code == 200, answer.text
    return answer


def _references(world: World) -> list[str]:
    return [each.reference for each in world.alerts()]


def test_csv_has_each_finding_and_no_formula(program: httpx.Client, hostile: World) -> None:
    answer = _get(program, "/findings.csv")

    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["reference"] for row in rows] == _references(hostile)
    assert [row["state"] for row in rows] == ["false_positive", *["new"] * 5]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@\t\r\n")]
    assert rows[0]["listing_title"].startswith("'=HYPERLINK")
    assert rows[-1]["company"] == "harbour"
    assert not _get(program, "/findings.csv?bom=false").content.startswith(b"\xef\xbb\xbf")


def test_stix_is_valid_and_every_page_keeps_its_ids(program: httpx.Client, hostile: World) -> None:
    """stix2-validator finds no error; a second export is the same, and a revision changes `modified` only."""
    text = _get(program, "/stix").text

    options = ValidationOptions(version="2.1", strict=False, strict_properties=False)
    result = validate_string(text, options)
    assert result.is_valid, [str(each) for each in result.errors]
    objects = json.loads(text)["objects"]
    kinds = [each["type"] for each in objects]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "marking-definition": 1,
        "identity": 3,
        "extension-definition": 1,
        "incident": 6,
        "report": 6,
    }
    known = {each["id"] for each in objects}
    assert len(known) == len(objects)
    for each in objects:
        assert {*each.get("object_refs", ()), *each.get("object_marking_refs", ())} <= known
        for names in each.get("extensions", {}):
            assert names in known or each["type"] == "marking-definition"
    incidents = [each for each in objects if each["type"] == "incident"]
    assert incidents[0]["confidence"] == 0
    assert "state-false_positive" in incidents[0]["labels"]
    assert _get(program, "/stix").text == text

    paged = []
    path = "/stix?limit=4"
    while path:
        answer = _get(program, path)
        paged += [each for each in json.loads(answer.text)["objects"] if each["type"] == "incident"]
        path = f"/stix{answer.links['next']['url']}" if "next" in answer.links else ""
    assert paged == incidents


def test_misp_loads_every_event(program: httpx.Client, hostile: World) -> None:
    """pymisp reads what it is given, and the feed has the same events as the answer of a search."""
    whole = _get(program, "/misp").json()["response"]

    loaded = [MISPEvent() for _ in whole]
    for event, given in zip(loaded, whole, strict=True):
        event.load(deepcopy(given))  # it takes the parts out of what it is given
    assert len(loaded) == 5  # without the false positive
    assert {each.name for event in loaded for each in event.objects} == {"victim", "ail-leak"}
    assert {tag.name for event in loaded for tag in event.tags} >= {"tlp:amber"}
    assert not [each for event in loaded for each in event.attributes if each.to_ids]
    manifest = _get(program, "/misp/manifest.json").json()
    assert sorted(manifest) == sorted(event.uuid for event in loaded)
    for event, given in zip(loaded, whole, strict=True):
        assert _get(program, f"/misp/{event.uuid}.json").json() == given
    assert program.get(f"{BASE}/misp/{'0' * 8}-0000-4000-8000-{'0' * 12}.json").status_code == 404


@pytest.mark.parametrize("format_name", ["rss", "atom"])
def test_a_feed_reader_sees_the_same_ids_for_ever(
    program: httpx.Client, hostile: World, format_name: str
) -> None:
    read = feedparser.parse(_get(program, f"/findings.{format_name}").content)

    assert not read.bozo, read.get("bozo_exception")
    ids = [entry.id for entry in read.entries]
    assert len(set(ids)) == 6
    assert not [entry for entry in read.entries if "<" in entry.title + entry.summary]
    hostile.clock.now += timedelta(hours=1)
    hostile.acknowledge(hostile.alerts()[2].id, TriageState.CONFIRMED)
    again = feedparser.parse(_get(program, f"/findings.{format_name}").content)
    assert [entry.id for entry in again.entries] == ids


def test_who_may_fetch_what(console: RunningConsole, hostile: World) -> None:
    """A company's token sees its findings only; another scope, a password and nothing are refused."""
    paths = ("findings.csv", "stix", "misp", "misp/manifest.json", "findings.rss", "findings.atom")
    mine = _references(hostile)[-1]
    others = _references(hostile)[:-1]
    with _client(console, _token(console, "harbour", "harbour")) as client:
        for path in paths[:2]:
            text = _get(client, f"/{path}").text
            assert mine in text
            assert not [each for each in others if each in text]
        for path in paths:
            assert "qudian" not in _get(client, f"/{path}").text
        refused = client.get(f"{BASE}/stix?after={others[0]}")
        unknown = client.get(f"{BASE}/stix?after=222222222")
        assert (refused.status_code, refused.text) == (unknown.status_code, unknown.text)
        assert refused.status_code == 422
    for given in (None, "Basic !!", "Basic YW5uYTpwYXNzd29yZA==", "Bearer x", "Basic"):
        headers = {} if given is None else {"authorization": given}
        answer = console.client().get(f"{BASE}/findings.rss", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer, Basic realm="Spillwatch"'
    with _client(console, _token(console, "other", None, TokenScope.FINDINGS_READ)) as client:
        assert client.get(f"{BASE}/stix").json()["reason"] == "scope_missing"
    person = console.signed_in("berta", {"harbour": Role.VIEWER})
    assert "qudian" not in _get(person, "/findings.csv").text


def test_each_fetch_is_in_the_audit_log(console: RunningConsole, program: httpx.Client) -> None:
    since = "2020-01-01T00:00:00Z"
    _get(program, "/findings.csv?company=harbour")
    _get(program, f"/stix?since={since}&limit=2")
    assert program.get(f"{BASE}/stix?since=2026-01-01T00:00:00").status_code == 422

    with console.database.reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "export")).all()
    told: list[tuple[Any, ...]] = [
        (each.actor, each.detail["format"], each.detail["rows"]) for each in entries
    ]
    assert told == [("token:siem", "csv", 1), ("token:siem", "stix", 2)]
    assert entries[0].detail["filters"] == {"company": "harbour"}


def test_a_ransomware_post_is_its_own_object() -> None:
    """Content of a source of that kind gives `ransomware-group-post`, which names group and victim."""
    at = "2026-03-13T04:05:06+00:00"
    content = MessageContent.model_validate(
        {
            "title": "Harbour Bank: named by a group",
            "summary": "A group names the company.",
            "source": {"name": "ransoms", "kind": "ransomlook", "health": "healthy"},
            "listing": {
                "id": 1,
                "key": "k",
                "url": "hxxps://x[.]example",
                "title": "harbour",
                "seller": "kraken",
                "life": "new",
                "version": 1,
                "first_seen_at": at,
                "last_seen_at": at,
            },
        }
    )
    moment = content.listing.first_seen_at if content.listing else None
    assert moment is not None
    finding = FindingDocument(
        reference="K7QX2M9DA",
        severity=alerts.Severity.HIGH,
        score=60,
        state=TriageState.NEW,
        title=content.title,
        opened_at=moment,
        updated_at=moment,
        revision=1,
        revised_at=moment,
        company_slug="harbour",
        company_name="Harbour Bank",
        company_since=moment,
        company_changed_at=moment,
        content=content,
    )

    event = misp_event(finding, Naming("hq"), Tlp.RED)

    (post,) = (each for each in event["Event"]["Object"] if each["name"] == "ransomware-group-post")
    values = {each["object_relation"]: each["value"] for each in post["Attribute"]}
    assert values["ransomware-group"] == "kraken"
    assert values["entity-name"] == "Harbour Bank"
    assert event["Event"]["Tag"][0]["name"] == "tlp:red"
