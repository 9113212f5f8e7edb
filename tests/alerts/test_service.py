"""Judging: from the rows of matching and crawling to alerts, on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update

from alerts.message import MessageContent, MessagePrice, message_of
from alerts.render import plain_text
from alerts.service import AlertService
from alerts.settings import Channel
from storage import alerts as alert_rows
from storage import data_sets, listings, matches, sources, triage
from storage.alerts import AlertKind, Severity, TriageState
from storage.canary_matches import CanaryEvidence, CanaryRecord
from storage.data_sets import DataSetSign, SignKind
from storage.database.base import Database
from storage.errors import DatabaseConflict
from storage.evidence.warc import EvidenceStore
from storage.listings import Listing
from storage.runs import RunOutcome
from storage.sample_verdicts import SampleRecord, VerdictRecord
from storage.sources import SourceHealth
from storage.work import WorkKind
from tests.alerts.samples import email_channel, webhook_channel
from tests.alerts.world import World
from tests.storage import given

COHERENT = {"hits": {"phone": 4, "resident_id": 4}, "coherent_rows": 4, "customers": 4}
#: What matching found by itself, without a mention.
UNNAMED: dict[str, Any] = {"matches": [], "mentions": 0, "mention_fields": {}, "terms": []}
CHANNELS: dict[str, Channel] = {
    "mail": email_channel(25),
    "hook": webhook_channel("https://hooks.lender.example/in", min_severity="high"),
}


@pytest.fixture
def world(database: Database) -> World:
    """A world with an e-mail channel for every severity and a webhook from high on."""
    return World(database, channels=dict(CHANNELS))


def last_content(world: World, alert_id: int | None = None) -> MessageContent:
    """The content of the newest revision of an alert."""
    return MessageContent.model_validate(world.revisions(alert_id)[-1].content)


def test_a_match_becomes_one_alert_with_its_deliveries(world: World) -> None:
    """A matched listing becomes an alert, a revision and one announced delivery per channel."""
    world.add_finding(**COHERENT)

    (alert,) = world.alerts()
    assert (alert.dedupe_key, alert.severity) == ("finding:qudian:1", Severity.CRITICAL)
    assert world.changes() == ["opened"]
    assert [delivery.channel for delivery in world.deliveries()] == ["mail", "hook"]
    assert [delivery.id for delivery in world.deliveries()] == world.announced.row_ids(WorkKind.DELIVER)


def test_proof_names_its_file_and_only_what_is_there(world: World, tmp_path: Path) -> None:
    """A capture whose record is gone is counted and not listed, in the first message and in later ones."""
    world.add_finding()
    trusting = last_content(world)
    strict = AlertService(
        database=world.database,
        settings=world.alerts_settings,
        dispatcher=world.announced,
        clock=world.clock,
        evidence=EvidenceStore(tmp_path),
    )
    strict.evaluate(world.match(world.crawl("other", text="else", title="出售趣店数据")))
    checking = last_content(world, 2)
    (tmp_path / "run.warc.gz").write_bytes(bytes(100))
    strict.evaluate(world.match(world.crawl("third", text="third", title="出售趣店数据 3")))

    [proof] = trusting.proof
    assert (proof.file, proof.offset, proof.length) == ("run.warc.gz", 0, 100)
    assert (checking.proof, checking.proof_missing) == ((), 1)
    assert len(last_content(world, 3).proof) == 1


def test_a_price_is_a_decimal_number_and_is_read_with_separators(world: World) -> None:
    """The webhook's schema says so; people read it grouped."""
    world.judging.evaluate(world.match(world.crawl(price_amount=Decimal("2934.50"), price_currency="USD")))
    content = last_content(world)

    assert content.listing is not None
    assert content.listing.price is not None
    assert content.listing.price.amount == "2934.5"
    assert Decimal(content.listing.price.amount) == Decimal("2934.5")
    assert content.listing.price.label == "2,934.5 USD"
    assert MessagePrice(amount="2,934.5", currency="USD") == content.listing.price


def test_the_score_is_the_sum_of_the_signals(world: World) -> None:
    """Each signal is stored with its weight, and the weights add up to the score."""
    world.add_finding(**COHERENT)

    (revision,) = world.revisions()
    weights = {signal["name"]: signal["weight"] for signal in revision.signals}
    expected = {
        "coherent_rows": 70,
        "mention_title": 30,
        "claimed_records": 10,
        "claimed_records_mass": 10,
        "price": 10,
    }
    assert expected == weights
    assert sum(expected.values()) == revision.score


def test_a_canary_is_critical_by_itself_and_is_named(world: World) -> None:
    """No company name, no price: a customer who does not exist is enough, and the message names its place."""
    found = canary(world.enrol(customers=30, purpose="canaries"), "crm--acme", 7)
    version = world.crawl(price_amount=None, claimed_records=None)
    world.judging.evaluate(world.match(version, **UNNAMED, canary_records=[found]))
    (revision,), content = world.revisions(), last_content(world)
    [shown] = content.canaries
    text = plain_text(message_of(world.alerts()[0], revision, installation="test"))

    assert (revision.severity, [one["name"] for one in revision.signals]) == (Severity.CRITICAL, ["canary"])
    assert (shown.system, shown.partner, shown.number, shown.place) == ("crm", "acme", 7, "body:3")
    assert "a canary of crm, as the partner acme gets it" in content.summary
    assert "Canary: crm, partner acme, planted 2026-03-01 to 2026-09-01, number 7" in text
    assert content.coverage is not None
    assert content.coverage.enrolled_customers == 0  # a canary is no customer


def test_a_canary_of_another_system_escalates_and_each_set_is_shown(world: World) -> None:
    """Forty canaries of the CRM, then one more of the partner: it is news, and it is in the message."""
    segment_id = world.enrol(customers=50, purpose="canaries")
    crm = [canary(segment_id, "crm", number) for number in range(1, 41)]
    both = [*crm, canary(segment_id, "crm--acme", 41)]
    version = world.crawl(price_amount=None, claimed_records=None)
    world.judging.evaluate(world.match(version, **UNNAMED, canary_records=crm))
    second = world.crawl(text="more rows", price_amount=None, claimed_records=None)
    world.judging.evaluate(world.match(second, **UNNAMED, canary_records=both))

    shown = last_content(world).canaries
    assert world.changes() == ["opened", "escalated"]
    assert len(shown) == 20
    assert ("crm", "acme") in {(one.system, one.partner) for one in shown}
    assert world.revisions()[0].signals[0]["count"] == 40


def canary(segment_id: int, label: str, number: int) -> CanaryRecord:
    """A certain canary of a set."""
    return CanaryRecord(
        segment_id=segment_id,
        evidence=CanaryEvidence.CERTAIN,
        label=label,
        issued=date(2026, 3, 1),
        expires=date(2026, 9, 1),
        ordinal=number,
        fields=("phone", "resident_id"),
        rows=1,
        place="body:3",
    )


def test_a_better_verdict_about_masked_rows_escalates_and_history_stays(world: World) -> None:
    """First too little, then a longer sample that is ours: critical by itself, and each answer is kept."""
    few, more = SampleRecord(rows=2, unread_rows=0), SampleRecord(rows=20, unread_rows=3)
    little = VerdictRecord("too_little", 2, more_rows=8)
    ours = VerdictRecord("ours", 20, 19, 18, 0.85, 0.97, 1.0, "rows are picked at random")
    version = world.crawl(price_amount=None, claimed_records=None)
    world.judging.evaluate(world.match(version, sample=few, verdict=little))
    first = last_content(world)
    second = world.crawl(text="a longer sample", price_amount=None, claimed_records=None)
    world.judging.evaluate(world.match(second, sample=more, verdict=ours))
    content, revisions = last_content(world), world.revisions()
    texts = [plain_text(message_of(world.alerts()[0], one, installation="test")) for one in revisions]

    assert world.changes() == ["opened", "escalated"]
    assert [one.severity for one in revisions] == [Severity.MEDIUM, Severity.CRITICAL]
    assert first.sample is not None
    assert (first.sample.verdict, first.sample.more_rows) == ("too_little", 8)
    assert content.sample is not None
    assert (content.sample.verdict, content.sample.unread_rows) == ("ours", 3)
    assert "About 8 more would do." in texts[0]
    assert "could not be read: 3" in texts[1]


def test_masked_rows_that_nobody_could_compare_are_said(world: World) -> None:
    """A finding by name with masked rows: no masks are enrolled, or no row could be read."""
    version = world.crawl()
    summary = world.match(version, sample=SampleRecord(9, 0), verdict=VerdictRecord("no_masks", 9))
    world.judging.evaluate(summary)
    world.judging.evaluate(world.match(world.crawl("b", text="b", title="b"), sample=SampleRecord(0, 4)))
    texts = [
        plain_text(message_of(alert, world.revisions(alert.id)[0], installation="test"))
        for alert in world.alerts()
    ]

    assert "No masks of customers are enrolled" in texts[0]
    assert "Masked rows that could not be read: 4" in texts[1]


def test_a_domain_in_addresses_alone_is_not_the_companys_name(world: World) -> None:
    """Addresses and look-alikes have their own signals, and the domain itself is not said to be named."""
    version = world.crawl(price_amount=None, claimed_records=None)
    own = {"mention_fields": {"address": 3, "lookalike": 1}, "terms": ["qudian.example"]}
    world.judging.evaluate(world.match(version, **own))

    (revision,) = world.revisions()
    assert {signal["name"]: signal["weight"] for signal in revision.signals} == {
        "lookalike_domain": 15,
        "mention_address": 5,
    }
    assert last_content(world).summary.startswith("A host whose name looks like a domain of 趣店 Lending")


def test_the_content_says_what_where_since_when_and_what_was_read(world: World) -> None:
    """The content has company, source, listing, excerpts, coverage, and the capture with its hash."""
    world.add_finding(**COHERENT)

    last = last_content(world)
    assert last.company is not None
    assert last.source is not None
    assert last.listing is not None
    assert last.coverage is not None
    assert (last.company.name, last.source.name) == ("趣店 Lending", "market")
    assert last.listing.url == "hxxps://market[.]example/offer/8812"
    assert [excerpt.text for excerpt in last.excerpts] == ["出售趣店学生数据 138****5678"]
    assert (last.coverage.pages_read, last.coverage.pages_unread, last.coverage.candidates) == (3, 12, 160)
    assert [capture.sha256 for capture in last.proof] == ["5f" * 32]


def test_a_summary_is_judged_once(world: World) -> None:
    """A handler that is called twice for one summary writes one revision."""
    summary_id = world.match(world.crawl())
    for _ in range(2):
        world.judging.evaluate(summary_id)

    assert world.changes() == ["opened"]


def test_a_channel_gets_what_it_carries(world: World) -> None:
    """A mention in the body is low, so the webhook from high on gets no delivery."""
    world.judging.evaluate(
        world.match(world.crawl(price_amount=None, claimed_records=None), mention_fields={"body": 1})
    )

    (alert,) = world.alerts()
    assert Severity.LOW is alert.severity
    assert [delivery.channel for delivery in world.deliveries()] == ["mail"]


def test_a_repost_belongs_to_the_first_offer(world: World) -> None:
    """The same text on another site by another seller is the same finding and adds no revision."""
    world.add_finding(**COHERENT)
    again = world.crawl("77", source="forum", seller="another")

    world.judging.evaluate(world.match(again, **COHERENT))

    assert world.changes() == ["opened"]


def test_a_further_offer_of_the_same_data_updates_the_first_alert(world: World) -> None:
    """An offer in other words on another site adds a revision that gives the number of the offer."""
    first = world.crawl()
    world.judging.evaluate(world.match(first, **COHERENT))
    again = world.crawl(
        "77", source="forum", text="other words", seller="another", price_amount=Decimal("0.2")
    )
    rows = [DataSetSign(SignKind.ROW, number) for number in range(9)]
    with world.database.transaction() as session:
        for version_id in (first, again):
            version = listings.version_by_id(session, version_id)
            assert version is not None
            data_sets.place_listing(session, version.listing_id, rows)

    world.judging.evaluate(world.match(again, **COHERENT))

    assert world.changes() == ["opened", "updated"]
    last = last_content(world)
    assert [(each.field, each.before, each.after) for each in last.changes] == [("offers", "1", "2")]
    assert last.listing is not None and last.listing.offer_number == 2


def test_the_alert_of_a_large_data_set_is_found_from_each_offer(world: World) -> None:
    """If a late offer that opened an alert and 201 earlier ones prove to be one set, there is one alert."""
    with world.database.transaction() as session:
        source = sources.source_by_name(session, "market")
        assert source is not None
        offers = [given.record(str(number)) for number in range(201)]
        ids = [each.listing_id for each in listings.upsert_many(session, source.id, offers, world.clock())]
    world.judging.evaluate(world.match(world.crawl("late"), **COHERENT))
    with world.database.transaction() as session:
        session.execute(update(Listing).where(Listing.id != ids[0]).values(data_set_id=ids[0]))

    world.judging.evaluate(world.match(world.crawl("0", text="edited"), **COHERENT))

    (alert,) = world.alerts()
    assert alert.dedupe_key == f"finding:qudian:{ids[-1] + 1}"


def test_a_reply_belongs_to_the_finding_of_its_thread(world: World) -> None:
    """A reply that names the company again below an offer does not open a second alert."""
    world.add_finding(**COHERENT)

    reply = world.crawl("8812/p2", text="a reply", body="is it really theirs?", thread_key="8812")
    world.judging.evaluate(world.match(reply, mention_fields={"title": 1}))

    assert world.changes() == ["opened"]


def test_a_stronger_match_of_a_repost_escalates_the_finding(world: World) -> None:
    """Fingerprint hits in a re-post escalate the alert of the first offer."""
    world.add_finding()
    again = world.crawl("77", source="forum")

    world.judging.evaluate(world.match(again, **COHERENT))

    assert world.changes() == ["opened", "escalated"]


def test_another_text_is_another_finding(world: World) -> None:
    """An offer in other words by the same seller has an alert of its own."""
    world.add_finding()

    world.judging.evaluate(world.match(world.crawl("9", text="another text", body="something else")))

    assert len(world.alerts()) == 2


def test_the_same_match_again_adds_no_revision(world: World) -> None:
    """A new version in other words with the same matches adds no revision."""
    world.add_finding(**COHERENT)

    world.judging.evaluate(world.match(world.crawl(text="edited", body="edited words"), **COHERENT))

    assert world.changes() == ["opened"]


def test_a_weaker_match_keeps_what_was_shown(world: World) -> None:
    """A new version without the sample keeps score and severity; the old signals are marked as earlier."""
    world.add_finding(**COHERENT)

    edited = world.crawl(text="no sample", body="ask me", claimed_records=2_000_000)
    world.judging.evaluate(world.match(edited))

    first, second = world.revisions()
    assert (first.score, first.severity) == (second.score, second.severity)
    assert [signal["earlier"] for signal in second.signals if signal["name"] == "coherent_rows"] == [True]


@pytest.mark.parametrize(
    ("edit", "field", "before", "after"),
    [
        ({"claimed_records": 2_000_000}, "claimed_records", "1,000,000", "2,000,000"),
        ({"price_amount": Decimal(20), "price_currency": "USD"}, "price", "0.5 BTC", "20 USD"),
    ],
)
def test_a_material_edit_is_an_update(
    world: World, edit: dict[str, Any], field: str, before: str, after: str
) -> None:
    """A new price or claimed count adds a revision with both values."""
    world.add_finding(**COHERENT)

    world.judging.evaluate(world.match(world.crawl(**edit), **COHERENT))

    assert world.changes() == ["opened", "updated"]
    assert [(field, before, after)] == [(c.field, c.before, c.after) for c in last_content(world).changes]


def reprice(world: World, price: str, **found: Any) -> None:
    """Crawl the offer at another price ten minutes later, and judge it."""
    world.clock.advance(minutes=10)
    version_id = world.crawl(price_amount=Decimal(price), price_currency="USD", seller=price)
    world.judging.evaluate(world.match(version_id, **{**COHERENT, **found}))


def test_a_price_that_alternates_is_told_twice(world: World) -> None:
    """The two prices and what lies close to them are told once each."""
    for price in ("100", "200", "100", "200", "103", "196", "100", "300"):
        reprice(world, price)

    assert world.changes() == ["opened", "updated", "updated"]
    assert [(c.before, c.after) for c in last_content(world).changes] == [("200 USD", "300 USD")]


def test_updates_beyond_those_of_a_day_are_one_digest(world: World) -> None:
    """After two updates a day, the next ones wait for one message, which says how many there were."""
    world.settings = {"updates_per_day": 2}
    for number in range(8):
        reprice(world, str(100 * 2**number))
    reprice(world, "400")  # told before, so no news by itself, but a change since then
    waiting = world.changes()
    world.judge_digests()
    early = world.changes()
    world.clock.advance(days=1)
    world.judge_digests()
    world.judge_digests()

    assert waiting == early == ["opened", "updated", "updated"]
    assert world.changes() == [*waiting, "updated"]
    last = last_content(world)
    assert last.listing is not None
    assert "6 times" in last.summary
    assert (last.changes, last.listing.price) == ((), MessagePrice(amount="400", currency="USD"))


def test_a_digest_says_what_is_new(world: World) -> None:
    """The digest has the difference to what was told, and signals that were found in the meantime."""
    world.settings = {"updates_per_day": 1}
    for price in ("100", "200", "400"):
        reprice(world, price)
    reprice(world, "900", mentions=2, mention_fields={"title": 1, "attachment": 1})
    world.clock.advance(days=1)
    world.judge_digests()

    assert world.changes() == ["opened", "updated", "updated"]
    assert [(c.before, c.after) for c in last_content(world).changes] == [("200 USD", "900 USD")]
    assert "mention_attachment" in [signal["name"] for signal in world.revisions()[-1].signals]


def test_a_stronger_finding_does_not_wait_for_the_digest(world: World) -> None:
    """While updates are held, an escalation is written at once."""
    world.settings = {"updates_per_day": 1}
    for price in ("100", "200", "400"):
        reprice(world, price)
    reprice(world, "800", coherent_rows=40, customers=400)

    assert world.changes() == ["opened", "updated", "escalated"]


def test_a_closed_alert_has_no_digest(world: World) -> None:
    """Changes that were held are not told after somebody has resolved the alert."""
    world.settings = {"updates_per_day": 1}
    for price in ("100", "200", "400"):
        reprice(world, price)
    world.acknowledge(world.alerts()[0].id, TriageState.RESOLVED)
    world.clock.advance(days=1)
    world.judge_digests()

    assert world.changes() == ["opened", "updated"]


def test_a_listing_that_flutters_is_told_in_a_digest(world: World) -> None:
    """A listing that goes and comes back all the time does not send more messages than any other change."""
    world.settings = {"updates_per_day": 3}
    world.add_finding(**COHERENT)
    for _ in range(5):
        world.clock.advance(minutes=10)
        world.remove_listing()
        world.clock.advance(minutes=10)
        world.crawl()
        world.judge_lives()
    world.clock.advance(days=1)
    world.judge_digests()

    assert world.changes() == ["opened", *["updated"] * 4]
    assert "7 times" in last_content(world).summary


def test_judging_costs_the_same_after_many_revisions(sqlite_url: str) -> None:
    """SQLite does the same work for the alert's fiftieth revision as for its tenth."""
    steps: list[int] = []
    database = Database.open(sqlite_url)

    @event.listens_for(database.engine, "connect")
    def _count(connection: sqlite3.Connection, _: object) -> None:
        connection.set_progress_handler(lambda: steps.append(1), 10)

    world = World(database)
    costs = []
    for number in range(50):
        world.clock.advance(days=1)
        version_id = world.crawl(price_amount=Decimal(2**number), price_currency="USD")
        summary_id = world.match(version_id, **COHERENT)
        steps.clear()
        world.judging.evaluate(summary_id)
        costs.append(len(steps))
    database.close()

    assert world.alerts()[0].revision == 50
    assert costs[-1] < 1.2 * costs[9]


def test_older_versions_matched_again_add_no_revision(world: World) -> None:
    """A rematch reads the archive from the first version on; a price of the past is not reported again."""
    before = world.crawl()
    world.judging.evaluate(world.match(before, **COHERENT))
    after = world.crawl(price_amount=Decimal("0.4"))
    world.judging.evaluate(world.match(after, **COHERENT))

    for version_id in (before, after):
        summary_id = world.match(version_id, mentions=2, mention_fields={"title": 2}, **COHERENT)
        world.judging.evaluate(summary_id)

    assert world.changes() == ["opened", "updated"]


def test_a_finding_of_a_removed_company_waits_until_it_is_back(world: World) -> None:
    """While its company's file is missing, a summary is not due; afterwards it becomes an alert."""
    summary_id = world.match(world.crawl(), **COHERENT)

    def due() -> Sequence[int]:
        with world.database.reading() as session:
            return matches.summaries_due_for_evaluation(session, now=world.clock(), limit=10)

    world.declare_company(present=False)
    world.judging.evaluate(summary_id)
    while_removed = (world.alerts(), due())
    world.declare_company()
    back = due()
    world.judging.evaluate(summary_id)

    assert (while_removed, back) == (([], []), [summary_id])
    assert world.changes() == ["opened"]


def test_a_listing_that_is_gone_and_back_adds_two_revisions(world: World) -> None:
    """A listing that is gone adds a revision, its return another one, and neither is reported twice."""
    world.add_finding(**COHERENT)

    world.remove_listing()
    world.judge_lives()
    world.clock.advance(hours=1)
    world.crawl()
    world.judge_lives()
    world.judge_lives()

    assert world.changes() == ["opened", "updated", "updated"]
    assert [(c.field, c.before, c.after) for c in last_content(world).changes] == [("life", "gone", "there")]


def test_an_acknowledged_finding_that_grows_is_reopened(world: World) -> None:
    """Fingerprint hits reopen an alert that was acknowledged when it was only a mention."""
    world.add_finding()
    world.acknowledge(1)

    world.judging.evaluate(world.match(world.crawl(text="with sample", sample="rows"), **COHERENT))

    (alert,) = world.alerts()
    assert world.changes() == ["opened", "reopened"]
    assert TriageState.NEW is alert.state


def test_each_state_is_an_event(world: World) -> None:
    """What people and Spillwatch made of a finding: a reopening says what became stronger."""
    world.add_finding()
    world.acknowledge(1, TriageState.INVESTIGATING)
    world.acknowledge(1, TriageState.RESOLVED)
    world.judging.evaluate(world.match(world.crawl(text="with sample", sample="rows"), **COHERENT))

    with world.database.reading() as session:
        events = triage.events_of(session, 1)
    assert [(one.before.value, one.after.value, one.by) for one in events] == [
        ("new", "investigating", "analyst"),
        ("investigating", "resolved", "analyst"),
        ("resolved", "new", "spillwatch"),
    ]
    assert events[-1].reason == "reopened: severity high to critical; score 60 to 130"


def merge_second_into_first(world: World, state: TriageState) -> None:
    """Make two findings, merge the second into the first, and give the first one a state."""
    world.add_finding("1", **COHERENT)
    world.judging.evaluate(world.match(world.crawl("2", text="another text")))
    with world.database.transaction() as session:
        second, first = alert_rows.lock_alert(session, 2), alert_rows.lock_alert(session, 1)
        assert first
        assert second
        refused = triage.merge_findings(session, second, first, by="anna", reason="", now=world.clock())
        assert refused is None
    world.acknowledge(1, state)


@pytest.mark.parametrize("state", list(TriageState))
def test_a_merged_finding_that_grows_leaves_the_merge(world: World, state: TriageState) -> None:
    """Whatever was decided about the finding that stands for it: it is told, and new in the list."""
    merge_second_into_first(world, state)

    version = world.crawl("2", text="another text with a sample", sample="rows")
    world.judging.evaluate(world.match(version, **COHERENT))

    _, second = world.alerts()
    with world.database.reading() as session:
        acts = [(one.kind.value, one.by) for one in triage.acts_of(session, 2, limit=9)]
    stronger = "reopened" if state.value in ("acknowledged", "false_positive", "resolved") else "escalated"
    assert world.changes(2) == ["opened", stronger]
    assert (second.state, second.merged_into_id) == (TriageState.NEW, None)
    assert acts == [("merged", "anna"), ("unmerged", "spillwatch")]
    assert sum(one.alert_id == 2 and one.revision == 2 for one in world.deliveries()) == len(CHANNELS)


def test_a_merged_finding_is_quiet_if_the_one_above_is_closed(world: World) -> None:
    """A price is told while people work on the finding above, and not once they have closed it."""
    merge_second_into_first(world, TriageState.CONFIRMED)
    world.judging.evaluate(world.match(world.crawl("2", text="another text", price_amount=Decimal(3))))
    world.acknowledge(1, TriageState.FALSE_POSITIVE)
    world.judging.evaluate(world.match(world.crawl("2", text="another text", price_amount=Decimal(5))))

    _, second = world.alerts()
    assert world.changes(2) == ["opened", "updated"]
    assert (second.state, second.merged_into_id) == (TriageState.NEW, 1)


def test_an_update_leaves_an_acknowledged_finding_acknowledged(world: World) -> None:
    """A new price adds a revision and keeps the triage state."""
    world.add_finding(**COHERENT)
    world.acknowledge(1)

    world.judging.evaluate(world.match(world.crawl(price_amount=Decimal(1)), **COHERENT))

    (alert,) = world.alerts()
    assert (world.changes(), alert.state) == (["opened", "updated"], TriageState.ACKNOWLEDGED)


def test_a_false_positive_keeps_quiet_about_prices(world: World) -> None:
    """A false positive gets no revision when its price falls or its listing is gone."""
    world.add_finding(**COHERENT)
    world.acknowledge(1, TriageState.FALSE_POSITIVE)

    world.judging.evaluate(world.match(world.crawl(price_amount=Decimal(1)), **COHERENT))
    world.remove_listing()

    assert world.changes() == ["opened"]


def test_a_confirmed_finding_that_grows_stays_confirmed(world: World) -> None:
    """A confirmed finding that gets stronger is escalated and stays confirmed."""
    world.add_finding()
    world.acknowledge(1, TriageState.CONFIRMED)

    world.judging.evaluate(world.match(world.crawl(text="with sample", sample="rows"), **COHERENT))

    (alert,) = world.alerts()
    assert (world.changes(), alert.state) == (["opened", "escalated"], TriageState.CONFIRMED)


def test_a_source_in_trouble_is_an_episode(world: World) -> None:
    """Trouble opens an alert, other trouble updates it, ok resolves it; the next trouble is a new alert."""
    for health in (
        SourceHealth.OK,
        SourceHealth.PAGE_NOT_RECOGNISED,
        SourceHealth.COULD_NOT_FETCH,
        SourceHealth.OK,
        SourceHealth.COULD_NOT_FETCH,
    ):
        world.clock.advance(minutes=15)
        world.change_health(health)

    first, second = world.alerts()
    assert world.changes(first.id) == ["opened", "updated", "resolved"]
    assert world.changes(second.id) == ["opened"]
    assert (first.state, second.state) == (TriageState.RESOLVED, TriageState.NEW)


def test_a_proxys_trouble_is_not_told_as_the_sites(world: World) -> None:
    """The alert about a source that a proxy kept from being read names the proxy and how to check it."""
    outcome = RunOutcome.COULD_NOT_FETCH
    world.change_health(SourceHealth.OK)
    world.change_health(SourceHealth.COULD_NOT_FETCH, run=(outcome, "proxy_login_refused"))
    world.change_health(SourceHealth.COULD_NOT_FETCH, source="forum", run=(outcome, "host_not_found"))

    by_proxy, by_site = (world.revisions(alert.id)[0].content for alert in world.alerts())
    assert "proxy" in by_proxy["title"]
    assert "spillwatch doctor --only proxies" in " ".join(by_proxy["next_steps"])
    assert "proxy" not in f"{by_site['title']} {by_site['next_steps']}"


def test_the_end_of_a_trouble_goes_to_the_same_channels(world: World) -> None:
    """The last revision has the severity of the trouble, so that the same channels carry it."""
    world.change_health(SourceHealth.OK)
    world.change_health(SourceHealth.PAGE_NOT_RECOGNISED)
    world.change_health(SourceHealth.OK)

    assert [(d.channel, d.revision) for d in world.deliveries()] == [("mail", 1), ("mail", 2)]


def test_a_source_that_was_never_in_trouble_opens_no_alert(world: World) -> None:
    """The first success of a source opens no alert."""
    world.change_health(SourceHealth.OK)

    assert world.alerts() == []


def test_a_test_goes_through_every_channel(world: World) -> None:
    """A test message goes to every channel, whatever it carries, and is resolved from the start."""
    world.judging.send_test()

    (alert,) = world.alerts()
    assert (alert.kind, alert.state) == (AlertKind.TEST, TriageState.RESOLVED)
    assert [delivery.channel for delivery in world.deliveries()] == ["mail", "hook"]


def test_weights_of_the_operator_count(database: Database) -> None:
    """A weight of 0 shows a signal without counting it; a weight of its own makes a re-post count."""
    world = World(database, settings={"severity": {"weights": {"mention_title": 0, "repost": 15}}})
    world.add_finding()
    again = world.crawl("77", source="forum")

    world.judging.evaluate(world.match(again))

    weights = {signal["name"]: signal["weight"] for signal in world.revisions()[-1].signals}
    assert (weights["mention_title"], weights["repost"]) == (0, 15)
    assert world.changes() == ["opened", "updated"]


def test_no_hit_comes_with_what_was_compared(world: World) -> None:
    """A mention without a hit says whether customers are enrolled; if not, the next step is to enrol them."""
    world.add_finding()
    nothing = last_content(world)
    world.enrol(customers=250_000)
    world.judging.evaluate(world.match(world.crawl("9", text="another", body="another")))
    compared = last_content(world, 2)

    assert nothing.summary != compared.summary
    assert any("spillwatch enroll" in step for step in nothing.next_steps)
    assert not any("spillwatch enroll" in step for step in compared.next_steps)
    assert nothing.coverage is not None
    assert compared.coverage is not None
    assert (nothing.coverage.enrolled_customers, compared.coverage.enrolled_customers) == (0, 250_000)


def test_two_judgements_of_one_finding_at_once_make_one_alert(world: World) -> None:
    """An offer and its re-post, judged by two threads, make one alert; the second judges again."""
    first = world.match(world.crawl())
    second = world.match(world.crawl("77", source="forum"), **COHERENT)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(partial(evaluate_like_the_engine, world), (first, second)))

    (alert,) = world.alerts()
    assert Severity.CRITICAL is alert.severity
    assert list(range(1, alert.revision + 1)) == [revision.number for revision in world.revisions()]


def test_an_alert_that_was_opened_in_between_is_judged_again(postgres_url: str) -> None:
    """If another worker opens the alert between lookup and write, the handler judges once more."""
    database = Database.open(postgres_url)
    world = World(database)
    weak = world.match(world.crawl())
    strong = world.match(world.crawl("77", source="forum"), **COHERENT)

    def open_in_between() -> datetime:
        world.judging.evaluate(strong)
        return world.clock()

    service = AlertService(
        database=database,
        settings=world.alerts_settings,
        dispatcher=world.announced,
        clock=open_in_between,
    )
    service.evaluate(weak)

    (alert,) = world.alerts()
    assert (alert.severity, alert.revision) == (Severity.CRITICAL, 1)
    database.close()


def evaluate_like_the_engine(world: World, summary_id: int) -> None:
    """Call the handler again after a conflict, because its row is still due."""
    for _ in range(5):
        try:
            world.judging.evaluate(summary_id)
        except DatabaseConflict:
            continue
        return
