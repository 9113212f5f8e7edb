"""What must be true when all has settled. Each function returns what is not, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind
from storage.captures import Capture
from storage.database.job_schema import JOB_SCHEMA
from storage.deliveries import Delivery, DeliveryState
from storage.listing_tables import Listing, ListingVersion, MatchState
from storage.matches import MatchSummary
from storage.nodes import Node
from storage.runs import Run, RunState
from storage.sources import AlertState, Source
from storage.stores.byte_store import ByteStore
from storage.watch import Rematch, RematchState
from tests.faults.cluster import Cluster


class Harm(StrEnum):
    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"


class Broken(NamedTuple):
    """One thing that is not as it must be, in words."""

    harm: Harm
    what: str


def open_work(session: Session) -> Counter[str]:
    """Return how many rows are not yet at their end, by kind."""
    counts = {
        "runs": select(func.count()).where(Run.state.in_((RunState.QUEUED, RunState.RUNNING))),
        "versions": select(func.count()).where(ListingVersion.match_state == MatchState.PENDING),
        "deliveries": select(func.count()).where(
            Delivery.state.in_((DeliveryState.PENDING, DeliveryState.SENDING))
        ),
        "summaries": select(func.count()).where(MatchSummary.alert_state == AlertState.PENDING),
        "rematches": select(func.count()).where(
            Rematch.state.in_((RematchState.QUEUED, RematchState.RUNNING))
        ),
    }
    return Counter({kind: session.scalar(query) or 0 for kind, query in counts.items()})


def missing_listings(session: Session, cluster: Cluster) -> set[tuple[str, str]]:
    """Return what was published and has no alert that reached the receiver."""
    query = (
        select(Source.name, Listing.key)
        .join(Listing, Listing.source_id == Source.id)
        .join(Alert, Alert.listing_id == Listing.id)
        .join(Delivery, Delivery.alert_id == Alert.id)
        .where(Delivery.state == DeliveryState.SENT)
    )
    return cluster.offers.keys() - {(name, key) for name, key in session.execute(query)}


def unsealed_evidence(session: Session, evidence: ByteStore) -> set[str]:
    """Return the evidence that rows point at and that the store does not have: it waits on a node's disk."""
    sizes = {each.name: each.size for each in evidence.list()}
    missing = set()
    for model in (Capture, ListingVersion):
        end = func.max(model.evidence_offset + model.evidence_length)
        for name, length in session.execute(select(model.evidence_file, end).group_by(model.evidence_file)):
            if name is not None and sizes.get(name, 0) < (length or 0):
                missing.add(name)
    return missing


def left_jobs(session: Session, cluster: Cluster) -> Iterator[str]:
    """Yield what may be left for half a minute: jobs of workers that are gone, and rows of such nodes."""
    jobs = session.scalar(text(f"SELECT count(*) FROM {JOB_SCHEMA}.procrastinate_jobs"))
    if jobs:
        yield f"{jobs} jobs that nobody carries out"
    there = session.scalar(select(func.count()).where(Node.ended_at.is_(None)))
    if there != cluster.count:
        yield f"{there} nodes of {cluster.count} are there"


def broken(session: Session, cluster: Cluster) -> Iterator[Broken]:
    """Yield what is not as it must be."""
    yield from _doubles(session)
    yield from _runs_at_once(session)
    yield from _deliveries(session, cluster)


def _doubles(session: Session) -> Iterator[Broken]:
    listings = session.execute(
        select(Listing.source_id, Listing.key)
        .group_by(Listing.source_id, Listing.key)
        .having(func.count() > 1)
    ).all()
    for source, key in listings:
        yield Broken(Harm.DOUBLED, f"listing {key} of source {source} is there twice")
    alerts = session.execute(
        select(Alert.listing_id)
        .where(Alert.kind == AlertKind.FINDING, Alert.listing_id.is_not(None))
        .group_by(Alert.listing_id)
        .having(func.count() > 1)
    ).all()
    for (listing_id,) in alerts:
        yield Broken(Harm.DOUBLED, f"listing {listing_id} has two alerts")
    failed = session.scalar(
        select(func.count())
        .select_from(ListingVersion)
        .where(ListingVersion.match_state == MatchState.FAILED)
    )
    if failed:
        yield Broken(Harm.LOST, f"{failed} versions could not be matched")


def _runs_at_once(session: Session) -> Iterator[Broken]:
    """A run begins after the last one of its source has ended."""
    by_source: dict[int, list[Run]] = defaultdict(list)
    for run in session.scalars(select(Run).where(Run.started_at.is_not(None)).order_by(Run.started_at)):
        by_source[run.source_id].append(run)
    for source_id, each in by_source.items():
        for earlier, later in pairwise(each):
            if earlier.finished_at is None or later.started_at is None:
                continue
            if later.started_at < earlier.finished_at:
                yield Broken(Harm.DOUBLED, f"runs {earlier.id} and {later.id} of source {source_id} overlap")


def _deliveries(session: Session, cluster: Cluster) -> Iterator[Broken]:
    """Each delivery arrived, always with its own key, and with a right signature."""
    arrived = Counter(each.headers["webhook-id"] for each in list(cluster.hook.received))
    for each in (each for each in list(cluster.hook.received) if not each.verified):
        what = f"delivery {each.headers['webhook-id']} came with a wrong signature"
        yield Broken(Harm.LOST, f"{what}: {len(each.body)} bytes, {dict(each.headers)}")
    keys = Counter(session.scalars(select(Delivery.idempotency_key)))
    for key in (key for key, count in keys.items() if count > 1):
        yield Broken(Harm.DOUBLED, f"delivery key {key} was used twice")
    sent = set(session.scalars(select(Delivery.idempotency_key).where(Delivery.state == DeliveryState.SENT)))
    for key in sent - arrived.keys():
        yield Broken(Harm.LOST, f"delivery {key} is sent and did not arrive")
    for key in arrived.keys() - keys.keys():
        yield Broken(Harm.DOUBLED, f"something arrived with the unknown key {key}")
