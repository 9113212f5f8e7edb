"""Rows that tests start from. All of them are invented."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from storage import alerts, companies, listings, nodes, runs, sources
from storage.alert_listings import ListingNews
from storage.database.base import Database
from storage.database.revisions import newest_revision
from storage.nodes import EngineName, NodeProfile

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)


def source(session: Session, name: str = "market") -> int:
    """Declare a source in addition to the existing ones; return its id."""
    declared = [
        sources.DeclaredSource(one.name, one.kind, one.definition, one.declared_in)
        for one in sources.all_sources(session)
    ]
    item = sources.DeclaredSource(name, "html", {"start": "https://market.example/"}, f"sources/{name}.toml")
    sources.sync_declared_sources(session, [*declared, item], NOW)
    found = sources.source_by_name(session, name)
    assert found
    return found.id


def profile(name: str = "watch-1", engine: EngineName = EngineName.EMBEDDED) -> NodeProfile:
    return NodeProfile(name, engine, ["crawl", "match"], ["direct"], "0.1.0", newest_revision(), pid=7)


def node(session: Session, name: str = "watch-1") -> int:
    """Join as a node that shares the database; its lease is 30 s."""
    mine = profile(name, EngineName.PROCRASTINATE)
    return nodes.join(session, mine, lease=timedelta(seconds=30), now=NOW)


def running(session: Session, source_id: int, slot: str = "slot") -> tuple[int, int]:
    """Queue and claim a run; return its id and its epoch."""
    run_id = runs.enqueue_run(session, source_id, slot=slot, trigger=runs.RunTrigger.SCHEDULE, now=NOW)
    assert run_id
    epoch = runs.claim_run(session, run_id, now=NOW)
    assert epoch
    return run_id, epoch


def record(key: str = "1", **fields: object) -> listings.ListingRecord:
    """Return a record, with its own content per key unless `fields` says otherwise."""
    blank = listings.ListingRecord(
        key=key,
        url=f"https://market.example/offer/{key}",
        title=f"offer {key}",
        body="all rows verified",
        content_digest=f"content {key}",
        row_digest=f"row {key}",
    )
    return replace(blank, **fields)  # type: ignore[arg-type] # the test names the fields


def version(session: Session, key: str = "1", **fields: object) -> int:
    """Store a listing; return its version's id."""
    found = sources.source_by_name(session, "market")
    source_id = found.id if found else source(session)
    [stored] = listings.upsert_many(session, source_id, [record(key, **fields)], NOW)
    assert stored.version_id
    return stored.version_id


def company(session: Session, slug: str = "lender", terms: tuple[str, ...] = ("lender",)) -> int:
    declared = companies.DeclaredCompany(
        slug=slug,
        name=slug.title(),
        terms=[
            companies.DeclaredTerm(text, companies.TermKind.NAME, "fraud team", "our name") for text in terms
        ],
        definition={},
        declared_in=f"companies/{slug}.toml",
    )
    companies.sync_declared_companies(session, [declared], NOW)
    found = companies.company_by_slug(session, slug)
    assert found
    return found.id


def alert(
    session: Session, *channels: str, key: str = "finding", news: ListingNews | None = None
) -> alerts.OpenedAlert:
    finding = alerts.AlertDraft(
        kind=alerts.AlertKind.FINDING,
        dedupe_key=key,
        change=alerts.AlertChange.OPENED,
        severity=alerts.Severity.HIGH,
        score=7,
        title="Data of Lender is offered",
        news=news,
    )
    targets = [alerts.ChannelTarget(name, "webhook") for name in channels or ("soc",)]
    return alerts.open_or_revise(session, finding, channels=targets, now=NOW)


def finished_run(database: Database, source_id: int, slot: str, counts: runs.RunCounts) -> int:
    with database.transaction() as session:
        run_id, epoch = running(session, source_id, slot)
        runs.finish_run(session, run_id, epoch, outcome=runs.RunOutcome.NEW_LISTINGS, counts=counts, now=NOW)
    return run_id
