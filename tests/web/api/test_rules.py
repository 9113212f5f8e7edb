"""ETags, repeated requests, cursors, limits and callers of the API, on a real server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from configuration.settings import Settings
from configuration.web_settings import WebSettings
from storage import api_answers
from storage.alerts import Alert
from storage.deliveries import Delivery, DeliveryState
from storage.evidence.warc import EvidenceStore
from storage.retention.erasure import erase_company
from storage.service_tokens import TokenScope
from storage.users import Role
from tests.alerts.samples import webhook_channel
from tests.alerts.world import World
from tests.web.api.askers import V1, person, program, token_of
from tests.web.running import RunningConsole, running_console


def the_finding(asker: httpx.Client) -> str:
    """Return the reference of the only finding."""
    (item,) = asker.get("/findings").json()["items"]
    return str(item["reference"])


def add(world: World, key: str, company: str = "qudian") -> None:
    """Store a finding of its own: offers of the same text would be one finding."""
    world.judging.evaluate(world.match(world.crawl(key, text=f"offer {key}"), company=company))


# --- ETags


def test_an_answer_is_sent_again_only_if_it_has_changed(console: RunningConsole, world: World) -> None:
    """If-None-Match with the ETag gets 304 without a body, until the finding has changed."""
    world.add_finding()
    asker = program(console, token_of(console))
    address = f"/findings/{the_finding(asker)}"
    first = asker.get(address)
    same = asker.get(address, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    (alert,) = world.alerts()
    world.acknowledge(alert.id)
    changed = asker.get(address, headers={"If-None-Match": first.headers["etag"]})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (changed.status_code, changed.json()["state"]) == (200, "acknowledged")
    assert first.headers["cache-control"] == "private, no-cache"


def test_a_change_needs_the_etag_of_what_it_changes(console: RunningConsole, world: World) -> None:
    """Without If-Match 428; with the ETag of an older state 412, and nothing is changed."""
    world.add_finding()
    asker = program(console, token_of(console))
    address = f"/findings/{the_finding(asker)}"
    known = asker.get(address).headers["etag"]
    change = {"state": "investigating", "reason": "looking"}
    missing = asker.patch(address, json=change)
    done = asker.patch(address, json=change, headers={"If-Match": known})
    late = asker.patch(address, json={"state": "confirmed"}, headers={"If-Match": known})
    weak = asker.patch(
        address, json={"state": "confirmed"}, headers={"If-Match": "W/" + done.headers["etag"]}
    )

    assert [each.status_code for each in (missing, done, late, weak)] == [428, 200, 412, 412]
    assert missing.json()["reason"] == "if_match_missing"
    assert late.json()["reason"] == "changed_since"
    assert asker.get(address).json() == done.json()
    assert asker.get(address).headers["etag"] == done.headers["etag"]


def test_state_owner_and_labels_change_in_one_step(console: RunningConsole, world: World) -> None:
    """Each is written with its entry of the audit log; one that is refused changes nothing."""
    world.add_finding()
    console.add_person("olga", {"qudian": Role.ANALYST})
    console.add_person("eve", {"qudian": Role.VIEWER})
    asker = program(console, token_of(console))
    address = f"/findings/{the_finding(asker)}"

    def patch(**change: object) -> httpx.Response:
        return asker.patch(address, json=change, headers={"If-Match": asker.get(address).headers["etag"]})

    refused = [
        patch(state="resolved"),
        patch(owner="eve"),
        patch(owner="nobody"),
        patch(labels=["_"]),
        patch(labels=["x"] * 21),
        patch(state="gone"),
        patch(state=1),
        patch(colour="red"),
    ]
    done = patch(state="resolved", reason="paid", owner="olga", labels=["VIP", "q3"]).json()
    freed = patch(owner=None, labels=["q3"]).json()

    assert [each.status_code for each in refused] == [422] * 8
    assert (done["state"], done["note"], done["owner"], done["labels"]) == (
        "resolved",
        "paid",
        "olga",
        ["q3", "vip"],
    )
    assert (freed["state"], freed["owner"], freed["labels"]) == ("resolved", None, ["q3"])
    entries = asker.get("/audit").json()["items"]
    assert [(entry["action"], entry["actor"]) for entry in entries] == [
        ("label_changed", "token:siem"),
        ("finding_assigned", "token:siem"),
        ("label_changed", "token:siem"),
        ("finding_assigned", "token:siem"),
        ("finding_triaged", "token:siem"),
    ]
    events = [each["event"] for each in asker.get(f"{address}/timeline").json()["items"]]
    assert events == ["captured", "message", "state", "assigned", "assigned"]


# --- repeated requests


def test_a_repeated_request_changes_nothing(console: RunningConsole, world: World) -> None:
    """The same key and body get the first answer for 24 hours; another body is refused; another program's
    key is another key.
    """
    world.add_finding()
    asker = program(console, token_of(console))
    other = program(console, token_of(console, name="soar"))
    address = f"/findings/{the_finding(asker)}/notes"
    key = {"Idempotency-Key": "4f1c"}
    first = asker.post(address, json={"text": "seen"}, headers=key)
    world.clock.advance(hours=23)
    again = asker.post(address, json={"text": "seen"}, headers=key)
    differs = asker.post(address, json={"text": "seen twice"}, headers=key)
    theirs = other.post(address, json={"text": "seen twice"}, headers=key)
    world.clock.advance(hours=2)

    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (differs.status_code, differs.json()["reason"]) == (422, "repeat_differs")
    assert theirs.status_code == 201


def test_a_key_is_free_again_after_a_refusal_and_after_a_day(console: RunningConsole, world: World) -> None:
    """A refused request has changed nothing, so it may be sent again; a key of yesterday is a new one."""
    world.add_finding()
    asker = program(console, token_of(console))
    address = f"/findings/{the_finding(asker)}"
    key = {"Idempotency-Key": "4f1c"}
    refused = [asker.post(f"{address}/unmerge", json={}, headers=key) for _ in range(2)]
    note = {"text": "seen"}
    first = asker.post(f"{address}/notes", json=note, headers=key)
    with console.database.transaction() as session:
        row = session.query(api_answers.ApiAnswer).one()
        row.claimed_at -= timedelta(hours=25)
    later = asker.post(f"{address}/notes", json=note, headers=key)

    assert [(each.status_code, each.json()["detail"]) for each in refused] == [(409, "not_merged")] * 2
    assert (first.status_code, later.status_code) == (201, 201)
    assert "idempotency-replayed" not in later.headers
    assert len(asker.get(f"{address}/notes").json()["items"]) == 2


def test_the_same_request_at_the_same_time_is_made_once(console: RunningConsole, world: World) -> None:
    """Of eight at once one writes the note; the others get its answer, or 409 while it is in progress."""
    world.add_finding()
    token = token_of(console)
    asker = program(console, token)
    address = f"/findings/{the_finding(asker)}/notes"
    statuses: list[int] = []

    def send() -> None:
        with program(console, token) as one:
            headers = {"Idempotency-Key": "at-once"}
            statuses.append(one.post(address, json={"text": "seen"}, headers=headers).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert len(asker.get(address).json()["items"]) == 1


def test_a_claim_without_an_answer_ends(console: RunningConsole, world: World) -> None:
    """While a request is in progress the key is refused; a minute after a crash it is free."""
    world.add_finding()
    asker = program(console, token_of(console))
    first = asker.post(
        f"/findings/{the_finding(asker)}/notes", json={"text": "x"}, headers={"Idempotency-Key": "k"}
    )
    with console.database.transaction() as session:
        session.execute(update(api_answers.ApiAnswer).values(status=None, body=None))
    note = f"/findings/{the_finding(asker)}/notes"
    crashed = asker.post(note, json={"text": "x"}, headers={"Idempotency-Key": "k"})
    world.clock.advance(minutes=2)
    after = asker.post(note, json={"text": "x"}, headers={"Idempotency-Key": "k"})

    assert first.status_code == 201
    assert (crashed.status_code, crashed.json()["reason"]) == (409, "repeat_in_progress")
    assert after.status_code == 201


def test_an_erased_company_leaves_no_answer(console: RunningConsole, world: World) -> None:
    """A kept answer about a finding goes with it."""
    world.add_finding()
    asker = program(console, token_of(console))
    note = f"/findings/{the_finding(asker)}/notes"
    asker.post(note, json={"text": "x"}, headers={"Idempotency-Key": "k"})
    world.declare_company(present=False)
    erase_company(console.database, "qudian", person="anna", reason="contract ended", now=world.clock())

    with console.database.reading() as session:
        assert session.query(api_answers.ApiAnswer).count() == 0


# --- cursors


def pages(asker: httpx.Client, address: str, **query: str | int) -> Iterator[list[str]]:
    """Yield the references of each page."""
    cursor: dict[str, str] = {}
    while True:
        answer = asker.get(address, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        yield [item["reference"] for item in answer.json()["items"]]
        if answer.json()["next"] is None:
            return
        cursor = {"cursor": answer.json()["next"]}


@pytest.mark.parametrize("order", ["opened", "updated"])
def test_a_flood_of_equal_times_is_paged_without_a_gap(
    console: RunningConsole, world: World, order: str
) -> None:
    """Forty findings of one moment come once each, also while others arrive."""
    for number in range(40):
        add(world, str(number))
    with console.database.transaction() as session:
        session.execute(update(Alert).values(opened_at=world.clock(), updated_at=world.clock()))
    expected = {alert.reference for alert in world.alerts()}
    assert len(expected) == 40
    asker = program(console, token_of(console))
    seen: list[str] = []
    for number, page in enumerate(pages(asker, "/findings", limit=7, order=order)):
        seen += page
        if order == "opened":
            world.clock.advance(seconds=1)
            add(world, f"late {number}")

    assert len(seen) == len(set(seen))
    assert set(seen) == expected


def test_a_cursor_belongs_to_its_list_and_its_filters(console: RunningConsole, world: World) -> None:
    """With other filters, on another list, cut, or made up, it is refused; the limit may change."""
    for number in range(3):
        add(world, str(number))
    asker = program(console, token_of(console))
    cursor = asker.get("/findings", params={"limit": 1, "source": "market"}).json()["next"]
    answers = {
        "same": asker.get("/findings", params={"limit": 2, "source": "market", "cursor": cursor}),
        "other filter": asker.get("/findings", params={"source": "forum", "cursor": cursor}),
        "no filter": asker.get("/findings", params={"cursor": cursor}),
        "other list": asker.get("/deliveries", params={"cursor": cursor}),
        "cut": asker.get("/findings", params={"source": "market", "cursor": cursor[:-3]}),
        "made up": asker.get("/findings", params={"source": "market", "cursor": "WzEsMl0"}),
        "not base64": asker.get("/findings", params={"source": "market", "cursor": "é"}),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "same": 200,
        "other filter": 422,
        "no filter": 422,
        "other list": 422,
        "cut": 422,
        "made up": 422,
        "not base64": 422,
    }
    assert {answer.json().get("reason") for answer in answers.values()} == {None, "cursor_refused"}


def test_every_list_is_paged(console: RunningConsole, world: World) -> None:
    """One item per page gives what one page gives."""
    world.channels["hook"] = webhook_channel("http://localhost:9/x")
    for number in range(3):
        world.clock.advance(seconds=1)
        add(world, str(number))
    asker = program(console, token_of(console))
    reference = asker.get("/findings").json()["items"][0]["reference"]
    for text in ("one", "two", "three"):
        asker.post(f"/findings/{reference}/notes", json={"text": text})
    lists = ["/findings", "/listings", "/sources", "/sources/market/runs", "/companies", "/deliveries"]
    lists += ["/audit", "/nodes", "/listings/1/versions", "/listings?since=2020-01-01T00:00:00Z"]
    lists += [f"/findings/{reference}/{each}" for each in ("revisions", "timeline", "offers", "notes")]
    for address in lists:
        whole = asker.get(address).json()["items"]
        single, cursor = [], None
        while True:
            params = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            body = asker.get(httpx.URL(address).copy_merge_params(params)).json()
            single += body["items"]
            cursor = body["next"]
            if cursor is None:
                break
        assert single == whole, address


def test_filters_choose_findings(console: RunningConsole, world: World) -> None:
    """Each filter alone gives the findings that it names; what does not exist gives none."""
    world.declare_second_company()
    add(world, "1")
    world.clock.advance(hours=1)
    between = world.clock().isoformat()
    world.clock.advance(hours=1)
    add(world, "2", "harbour")
    asker = program(console, token_of(console))

    def found(**query: str | int) -> int:
        return len(asker.get("/findings", params=query).json()["items"])

    assert {
        "company": found(company="harbour"),
        "no company": found(company="nobody"),
        "state": found(state="new"),
        "other state": found(state="resolved"),
        "severity": found(min_severity="critical"),
        "source": found(source="market"),
        "listing": found(listing=1),
        "since": found(opened_since=between),
        "until": found(opened_until=between),
        "owner": found(owner="anna"),
        "label": found(label="vip"),
    } == {
        "company": 1,
        "no company": 0,
        "state": 2,
        "other state": 0,
        "severity": 0,
        "source": 2,
        "listing": 1,
        "since": 1,
        "until": 1,
        "owner": 0,
        "label": 0,
    }


# --- merging, deliveries


def test_a_merged_finding_leaves_the_list_and_comes_back(console: RunningConsole, world: World) -> None:
    add(world, "1")
    world.clock.advance(seconds=1)
    add(world, "2")
    asker = program(console, token_of(console))
    second, first = (item["reference"] for item in asker.get("/findings").json()["items"])
    merged = asker.post(f"/findings/{second}/merge", json={"into": first, "reason": "same data"})
    listed = [item["reference"] for item in asker.get("/findings").json()["items"]]
    with_merged = [item["merged_into"] for item in asker.get("/findings?merged=true").json()["items"]]
    itself = asker.post(f"/findings/{first}/merge", json={"into": first})
    back = asker.post(f"/findings/{second}/unmerge", json={})

    assert (merged.status_code, merged.json()["merged_into"]) == (200, first)
    assert (listed, with_merged) == ([first], [first, None])
    assert (itself.status_code, itself.json()["detail"]) == (409, "same_finding")
    assert (back.status_code, back.json()["merged_into"]) == (200, None)


def test_a_delivery_is_sent_again_with_the_same_key(console: RunningConsole, world: World) -> None:
    """It is due again and keeps its idempotency key; one that is pending is not sent twice."""
    world.channels["hook"] = webhook_channel("http://localhost:9/x")
    world.add_finding()
    asker = program(console, token_of(console))
    (pending,) = asker.get("/deliveries").json()["items"]
    address = f"/deliveries/{pending['idempotency_key']}"
    refused = asker.post(f"{address}/retry")
    with console.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENT, sent_at=world.clock()))
    again = asker.post(f"{address}/retry", headers={"Idempotency-Key": "replay-1"})

    assert (refused.status_code, refused.json()["detail"]) == (409, "not_ended")
    assert (again.status_code, again.json()["state"]) == (200, "pending")
    assert again.json()["idempotency_key"] == pending["idempotency_key"]
    assert asker.get(address).json() == again.json()


# --- who asks, and how often


def test_a_wrong_token_is_not_replaced_by_a_cookie(console: RunningConsole, world: World) -> None:
    """A request with an Authorization header is judged by that alone."""
    signed_in = person(console, console.add_person())
    wrong = signed_in.get("/findings", headers={"Authorization": "Bearer spillwatch_wrong"})

    assert signed_in.get("/findings").status_code == 200
    assert (wrong.status_code, wrong.headers["content-type"]) == (401, "application/problem+json")
    assert wrong.headers["www-authenticate"] == "Bearer"


def test_a_change_by_cookie_needs_the_token_of_the_forms(console: RunningConsole, world: World) -> None:
    world.add_finding()
    browser = person(console, console.add_person())
    address = f"/findings/{the_finding(browser)}/notes"
    own = browser.post(address, json={"text": "seen"})
    cross = browser.post(address, json={"text": "seen"}, headers={"Sec-Fetch-Site": "cross-site"})
    del browser.headers["x-csrf-token"]
    without = browser.post(address, json={"text": "seen"})

    assert [each.status_code for each in (own, cross, without)] == [201, 403, 403]
    assert without.json()["reason"] == "forged_request"


def test_a_token_does_what_its_scopes_say(console: RunningConsole, world: World) -> None:
    world.add_finding()
    reader = program(console, token_of(console, [TokenScope.FINDINGS_READ]))
    address = f"/findings/{the_finding(reader)}/notes"
    answers = [reader.post(address, json={"text": "x"}), reader.get("/listings"), reader.get("/audit")]

    assert [each.json()["reason"] for each in answers] == ["scope_missing"] * 3


def test_too_many_requests_are_told_when_to_come_back(world: World, evidence: EvidenceStore) -> None:
    """Each asker has its own count, and so has an address without a valid token."""
    web = WebSettings(listen="127.0.0.1:0", api_requests_per_minute=3, api_refusals_per_minute=2)
    with running_console(world.database, evidence, world.clock, settings=Settings(web=web)) as console:
        one, two = (program(console, token_of(console, name=name)) for name in ("one", "two"))
        answers = [one.get("/sources") for _ in range(4)]
        others = [two.get("/sources").status_code for _ in range(3)]
        strangers = [httpx.get(console.url + V1 + "/sources", trust_env=False).status_code for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 61
    assert answers[3].json()["reason"] == "too_many_requests"
    assert (others, strangers) == ([200] * 3, [401, 401, 429])


def test_what_cannot_be_used_is_refused_without_repeating_it(console: RunningConsole, world: World) -> None:
    """Unknown fields and parameters, wrong types, times without a zone, NUL and lone surrogates."""
    world.add_finding()
    asker = program(console, token_of(console))
    address = f"/findings/{the_finding(asker)}/notes"
    bodies = [
        '{"text": 1}',
        '{"text": ""}',
        '{"text": "x", "<b>": 1}',
        "[]",
        '{"text": "\\ud800"}',
        '{"\\ud800": 1}',
    ]
    posted = [
        asker.post(address, content=body, headers={"Content-Type": "application/json"}) for body in bodies
    ]
    queries = [
        "limit=0",
        "limit=201",
        "colour=red",
        "state=gone",
        "opened_since=2026-03-01T00:00:00",
        "listing=1e3",
    ]
    asked = [asker.get(f"/findings?{query}") for query in queries]
    harmless = [
        asker.get("/findings?company=%00"),
        asker.get("/listings?q=%ed%a0%80"),
        asker.get("/sources/%00"),
    ]

    assert [each.status_code for each in posted] == [422] * len(posted)
    assert [each.status_code for each in asked] == [422] * len(asked)
    assert "<b>" not in posted[2].text
    assert [each.status_code for each in harmless] == [200, 200, 404]


def test_a_path_that_no_route_has_is_a_problem_too(console: RunningConsole, world: World) -> None:
    asker = program(console, token_of(console))
    answers = [asker.get("/nothing"), asker.delete("/findings/x"), asker.get("/findings/NOTTHERE9")]

    assert [each.status_code for each in answers] == [404, 405, 404]
    assert {each.headers["content-type"] for each in answers} == {"application/problem+json"}
    assert answers[1].headers["allow"] == "GET, PATCH"


# --- events


def test_changes_arrive_as_events_and_a_stream_goes_on_where_it_ended(
    console: RunningConsole, world: World
) -> None:
    """A finding of another company does not arrive; after Last-Event-ID come the changes that were missed."""
    world.declare_second_company()
    asker = program(console, token_of(console, company="qudian"))
    with asker.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": following"
        world.clock.advance(seconds=1)
        add(world, "1", "harbour")
        add(world, "2")
        first = _next_event(lines)
    world.clock.advance(minutes=5)
    add(world, "3")
    resumed = {"Last-Event-ID": first["id"]}
    with asker.stream("GET", "/events", headers=resumed, timeout=httpx.Timeout(20)) as stream:
        lines = stream.iter_lines()
        again, second = _next_event(lines), _next_event(lines)

    shown = [json.loads(each["data"]) for each in (first, again, second)]
    assert [each["listing"] for each in shown] == [2, 2, 3]
    assert again["id"] == first["id"]
    assert asker.get("/events", headers={"Last-Event-ID": "x"}).status_code == 422


def _next_event(lines: Iterator[str]) -> dict[str, str]:
    event: dict[str, str] = {}
    for line in lines:
        if not line and event:
            return event
        name, _, value = line.partition(": ")
        if name:
            event[name] = value
    raise AssertionError("the stream has ended")


def test_counts_are_those_of_ones_own_findings(console: RunningConsole, world: World) -> None:
    """They are kept for ten seconds, for each company by itself."""
    world.declare_second_company()
    add(world, "1")
    ours, theirs = (
        program(console, token_of(console, company=company, name=company))
        for company in ("qudian", "harbour")
    )
    before = [asker.get("/statistics").json() for asker in (ours, theirs)]
    add(world, "2")
    kept = ours.get("/statistics").json()
    world.clock.advance(seconds=11)
    after = ours.get("/statistics").json()

    assert [each["findings"] for each in (*before, kept, after)] == [1, 0, 1, 2]
    assert before[0]["by_company"][0]["by_state"]["new"] == 1
    assert (before[1]["by_company"], before[1]["first_opened_at"]) == ([], None)
