"""Several nodes on one PostgreSQL, as processes: work flows between them, and goes on when one is lost."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from cli.exits import Exit
from storage import runs
from storage.captures import Capture
from storage.database import schema
from storage.database.base import Database
from storage.database.job_schema import upgrade_job_schema
from storage.database.revisions import newest_revision
from storage.evidence.digest import digest_beside
from storage.listing_tables import Listing
from storage.nodes import Node, NodeEnd
from storage.runs import Run, RunOutcome, RunState
from tests.journeys.home import SECRET, Home, RunningDaemon, home_in, running
from tests.peers.smtp import SmtpPeer
from tests.peers.web import Site
from tests.peers.webhook import WebhookPeer
from tests.storage.database.test_schema import RELEASED, fill
from tests.waiting import wait_until

LEASE_S = 8
SHARING = '[daemon]\nengine = "procrastinate"\nnode_name = "{name}"\nlease_s = {lease}\nroles = [{roles}]\n'
ROLES = ("schedule", "crawl", "match", "deliver")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(offers=3) as running_site:
        running_site.offers["2"].title = "Dump of inventedlender"
        yield running_site


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    opened = Database.open(postgres_url)
    yield opened
    opened.close()


@pytest.fixture
def peers() -> Iterator[tuple[SmtpPeer, WebhookPeer]]:
    with SmtpPeer() as mail, WebhookPeer(SECRET) as hook:
        yield mail, hook


def node_home(
    folder: Path,
    name: str,
    url: str,
    peers: tuple[SmtpPeer, WebhookPeer],
    *,
    roles: Sequence[str] = ROLES,
    start: str,
) -> Home:
    """Write the configuration of one node. All nodes have the same database, evidence and source."""
    mail, hook = peers
    (folder / name).mkdir()
    home = home_in(folder / name, smtp=mail.port, webhook=hook.url("/ok"), database_url=url)
    home.settings["SPILLWATCH_STORAGE__EVIDENCE_DIR"] = str(folder / "evidence")
    written = (home.folder / "spillwatch.toml").read_text(encoding="utf-8")
    listed = ", ".join(f'"{role}"' for role in roles)
    sharing = SHARING.format(name=name, lease=LEASE_S, roles=listed)
    home.write("spillwatch.toml", written.replace("[daemon]\n", sharing, 1))
    home.source("market", start)
    return home


def run_rows(database: Database) -> list[Run]:
    with database.reading() as session:
        return list(reversed(runs.recent_runs(session)))


def count_captures(database: Database, run_id: int) -> int:
    with database.reading() as session:
        query = select(func.count()).select_from(Capture).where(Capture.run_id == run_id)
        return session.scalar(query) or 0


@contextmanager
def two_nodes(homes: Sequence[Home]) -> Iterator[dict[int, RunningDaemon]]:
    """Run nodes by their process ids."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(running(home)) for home in homes]
        yield {node.process.pid: node for node in nodes}


def holder(database: Database, daemons: dict[int, RunningDaemon]) -> RunningDaemon:
    """Wait until a run is in progress whose process lives, and return its node."""

    found: list[RunningDaemon] = []

    def look() -> bool:
        with database.reading() as session:
            query = text(
                "SELECT nodes.pid FROM runs JOIN nodes ON nodes.id = runs.node_id"
                " WHERE runs.state = 'running' AND runs.pid IS NOT NULL AND nodes.ended_at IS NULL"
            )
            node = daemons.get(session.scalar(query) or 0)
        found[:] = [] if node is None else [node]
        return bool(found)

    wait_until(look, "a run in progress")
    return found[0]


def test_work_flows_between_nodes_with_different_roles(
    tmp_path: Path,
    postgres_url: str,
    database: Database,
    peers: tuple[SmtpPeer, WebhookPeer],
    site: Site,
) -> None:
    """One node schedules and crawls, another one matches and delivers: each channel gets one message. Both
    stop cleanly, and a node of an older version ends when the schema is newer.
    """
    mail, hook = peers
    start = f"{site.url}/offers"
    first = node_home(tmp_path, "crawler", postgres_url, peers, roles=ROLES[:2], start=start)
    second = node_home(tmp_path, "matcher", postgres_url, peers, roles=ROLES[2:], start=start)
    with running(second) as matcher, running(first) as crawler:
        mails, calls = mail.wait(1, 60), hook.wait(1, 60)
        listed = first.ask("nodes")
        crawler.stop()
        with database.transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        last = matcher.wait_for("ended")
        code = matcher.process.wait(timeout=60)

    assert (len(mails), len(calls)) == (1, 1)
    assert [(node["name"], node["state"], node["roles"]) for node in listed] == [
        ("crawler", "alive", ["schedule", "crawl"]),
        ("matcher", "alive", ["match", "deliver"]),
    ]
    assert (code, last["reason"]) == (Exit.DATABASE, "schema_newer")
    [run] = run_rows(database)
    assert run.outcome is RunOutcome.NEW_LISTINGS


def test_a_new_node_upgrades_the_last_schema_beside_an_old_one(
    tmp_path: Path, empty_postgres_url: str, peers: tuple[SmtpPeer, WebhookPeer], site: Site
) -> None:
    """In a rolling upgrade from the last released schema, the node of the old version is alive and has a
    visit in hand. The first new node replaces it and makes the visit; what the old one writes is refused.
    """
    before = max((path for path in RELEASED if path.stem < newest_revision()), key=lambda path: path.stem)
    home = node_home(tmp_path, "new", empty_postgres_url, peers, start=f"{site.url}/offers")
    digest_beside(tmp_path / "evidence")
    (tmp_path / "evidence" / "2026-03-14").mkdir()
    (tmp_path / "evidence" / "2026-03-14" / "market.warc.gz").touch()  # of the old rows
    with closing(Database.open(empty_postgres_url)) as database:
        schema.upgrade_schema(database, before.stem)
        fill(database, json.loads(before.read_text(encoding="utf-8")))
        upgrade_job_schema(database)
        with database.transaction() as session:
            session.execute(text(OLD_NODE), {"revision": before.stem})
            session.execute(text("UPDATE runs SET node_id = 1 WHERE id = 1"))
        with running(home) as new:
            new.wait_for("run_finished", source="market")
            new.stop()
        with database.transaction() as session:
            late = runs.record_progress(session, 1, 1, now=datetime.now(UTC))
            old = session.get_one(Node, 1)
        first, repeated = run_rows(database)

    assert (old.ended_as, late) == (NodeEnd.REPLACED, False)
    assert (first.outcome, repeated.outcome) == (RunOutcome.INTERRUPTED, RunOutcome.NEW_LISTINGS)
    assert repeated.slot == f"{first.slot} repeat 1"


OLD_NODE = (
    "UPDATE nodes SET engine = 'procrastinate', schema_revision = :revision,"
    " heartbeat_at = now(), lease_until = now() + interval '1 minute' WHERE id = 1"
)


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_the_work_of_a_lost_node_goes_on_elsewhere(
    tmp_path: Path,
    postgres_url: str,
    database: Database,
    peers: tuple[SmtpPeer, WebhookPeer],
    site: Site,
) -> None:
    """1. The node of a run is suspended for longer than its lease: another node repeats the visit, and the
    old run's process, which goes on, writes nothing more. 2. The suspended node wakes, stops that work and
    joins again. 3. The node of the repeated run is killed: the visit is repeated once more. Each listing is
    there once, and each channel got one message.
    """
    mail, hook = peers
    start = f"{site.url}/offers-when-released"
    homes = [node_home(tmp_path, name, postgres_url, peers, start=start) for name in ("one", "two")]
    with two_nodes(homes) as daemons:
        suspended = holder(database, daemons)
        [killed] = [node for node in daemons.values() if node is not suspended]
        suspended.process.send_signal(signal.SIGSTOP)
        killed.wait_for("node_lost")
        before = count_captures(database, run_rows(database)[0].id)
        repeating = holder(database, {killed.process.pid: killed})
        suspended.process.send_signal(signal.SIGCONT)
        suspended.wait_for("node_replaced")
        suspended.wait_for("node_joined")
        os.kill(repeating.process.pid, signal.SIGKILL)
        suspended.wait_for("node_lost")
        holder(database, {suspended.process.pid: suspended})
        site.release()
        mails, calls = mail.wait(1, 120), hook.wait(1, 120)
        wait_until(lambda: run_rows(database)[-1].state is RunState.FINISHED, "the end of the last run")
        suspended.stop()

    first, second, third = run_rows(database)
    assert [run.outcome for run in (first, second, third)] == [
        RunOutcome.INTERRUPTED,
        RunOutcome.INTERRUPTED,
        RunOutcome.NEW_LISTINGS,
    ]
    assert third.slot == f"{first.slot} repeat 2"
    assert count_captures(database, first.id) == before
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Listing)) == 3
    assert (len(mails), len(calls)) == (1, 1)
