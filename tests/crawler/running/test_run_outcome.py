"""A source's health, run after run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from crawler.running.run_outcome import FLAPS, STEADY_RUNS, RunEnding, conclude
from storage import sources
from storage.database.base import Database
from storage.runs import RunOutcome
from storage.sources import SourceChange, SourceHealth
from storage.work import Work
from tests.crawler.conftest import Runs
from tests.peers.web import Site
from tests.storage import given

FINE, DOWN = RunOutcome.NOTHING_NEW, RunOutcome.COULD_NOT_FETCH


class _Quiet:
    def announce(self, session: Session, work: Work) -> None:
        """Do nothing: there is no engine."""


def ended(database: Database, outcomes: list[RunOutcome], *, degraded: bool = False) -> list[SourceHealth]:
    """The health of one source after each of its runs, which are one minute apart."""
    healths = []
    for number, outcome in enumerate(outcomes):
        with database.transaction() as session:
            found = sources.source_by_name(session, "market")
            source_id = found.id if found else given.source(session)
            run_id, epoch = given.running(session, source_id, f"{number}")
            conclude(
                session,
                run_id=run_id,
                epoch=epoch,
                source_id=source_id,
                ending=RunEnding(outcome),
                dispatcher=_Quiet(),
                now=given.NOW + timedelta(minutes=number),
                degraded=degraded,
            )
        with database.reading() as session:
            source = sources.source_by_id(session, source_id)
        assert source is not None
        healths.append(source.health)
    return healths


def changes(database: Database) -> int:
    with database.reading() as session:
        return session.query(SourceChange).count()


def test_a_source_that_goes_back_and_forth_flaps_and_is_told_once(sqlite_database: Database) -> None:
    """Six changes are reported, then that the source flaps, and nothing after that."""
    healths = ended(sqlite_database, [FINE, DOWN] * 10)

    assert healths[: FLAPS + 1] == [SourceHealth.OK, SourceHealth.COULD_NOT_FETCH] * 3 + [SourceHealth.OK]
    assert set(healths[FLAPS + 1 :]) == {SourceHealth.FLAPPING}
    assert changes(sqlite_database) == FLAPS + 1


def test_a_source_that_is_steady_again_flaps_no_more(sqlite_database: Database) -> None:
    """Five runs in a row must have the same health; an interrupted run does not count."""
    steady = [DOWN, FINE, FINE, RunOutcome.INTERRUPTED, *[FINE] * (STEADY_RUNS - 2)]
    healths = ended(sqlite_database, [FINE, DOWN] * 5 + steady)

    assert healths[-2:] == [SourceHealth.FLAPPING, SourceHealth.OK]


def test_a_run_whose_pages_lack_something_is_not_ok(sqlite_database: Database) -> None:
    """What was read is stored, and the health shows the problem."""
    assert ended(sqlite_database, [FINE], degraded=True) == [SourceHealth.PARSER_DEGRADED]


def test_degradation_of_a_run_that_read_nothing_is_no_matter(sqlite_database: Database) -> None:
    """The worse health wins."""
    assert ended(sqlite_database, [DOWN], degraded=True) == [SourceHealth.COULD_NOT_FETCH]


def test_a_selector_that_is_lost_is_the_run_s_reason_and_the_source_s_health(crawl: Runs, site: Site) -> None:
    """A site that renames the price column is still read, and the operator learns which selector failed."""
    source_id = crawl.declare("market", f"{site.url}/offers", item=None)
    first = crawl.run(source_id)
    _pretend_that_it_was_so_for_days(crawl.database, source_id)
    for offer in site.offers.values():
        offer.price = ""

    run = crawl.run(source_id)

    with crawl.database.reading() as session:
        source = sources.source_by_id(session, source_id)
    assert source is not None
    assert (first.reason, run.outcome, run.reason) == (None, RunOutcome.NOTHING_NEW, "parser_degraded")
    assert (run.detail or "").startswith("row.price (td.price) ")
    assert "100%" in (run.detail or "")
    assert source.health is SourceHealth.PARSER_DEGRADED


def _pretend_that_it_was_so_for_days(database: Database, source_id: int) -> None:
    with database.transaction() as session:
        source = sources.source_by_id(session, source_id)
        assert source is not None
        cursor: dict[str, Any] = dict(source.cursor)
        known = cursor["structure"]["selectors"]
        structure = {name: [9, share, lost] for name, (_, share, lost) in known.items()}
        cursor["structure"] = {**cursor["structure"], "selectors": structure}
        sources.save_cursor(session, source_id, cursor)
