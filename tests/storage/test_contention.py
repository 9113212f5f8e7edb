"""Two writers at the same time: locks, retries and the placing of alike listings."""

import random
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage import data_sets, listings
from storage.data_sets import DataSetSign, SignKind
from storage.database import base
from storage.database.base import Database, lock_in_order
from storage.errors import DatabaseBusy, DatabaseDeadlock
from storage.listings import Listing
from tests.storage import given
from tests.storage.given import NOW, record

OFFERS = 120
ROUNDS = 12
WAIT_S = 30.0


@pytest.fixture
def postgres(postgres_url: str) -> Database:
    return Database.open(postgres_url)


def rows(first: int, count: int) -> list[DataSetSign]:
    return [DataSetSign(SignKind.ROW, first + number) for number in range(count)]


def both(*work: Callable[[], None]) -> None:
    """Run functions at the same time; raise the error of the first that failed."""
    with ThreadPoolExecutor(len(work)) as threads:
        for future in [threads.submit(each) for each in work]:
            future.result()


def test_a_crawl_and_the_matcher_never_wait_for_each_other(postgres: Database) -> None:
    """While prices change and offers are marked and joined in any order, no transaction is rolled back."""
    keys = [str(number) for number in range(OFFERS)]
    with postgres.transaction() as session:
        source_id = given.source(session)
        ids = [
            each.listing_id
            for each in listings.upsert_many(session, source_id, [record(key) for key in keys], NOW)
        ]

    def crawl() -> None:
        chance = random.Random(1)
        for number in range(ROUNDS):
            now = NOW + timedelta(minutes=number)
            priced = [record(key, price_amount=Decimal(number + 1), price_currency="USD") for key in keys]
            chance.shuffle(priced)
            with postgres.transaction() as session:
                listings.lock_listings(session, source_id, keys)
                listings.upsert_many(session, source_id, priced[: OFFERS // 2], now)
                listings.mark_seen(session, source_id, set(keys), now)
            with postgres.transaction() as session:
                listings.mark_absent_gone(session, source_id, seen_since=now + timedelta(seconds=1), now=now)

    def match() -> None:
        chance = random.Random(2)
        for number in range(ROUNDS * 10):
            with postgres.transaction() as session:
                shared, changing = rows(0, 8), rows(1000 + number, 1)
                data_sets.place_listing(session, chance.choice(ids), [*shared, *changing])

    both(crawl, match)

    with postgres.reading() as session:
        joined = session.scalar(select(func.count()).where(Listing.data_set_id.is_not(None)))
    assert joined


def test_equal_signs_write_nothing(postgres: Database) -> None:
    """A listing whose price changed is placed again while the crawler holds the locks of its whole set."""
    with postgres.transaction() as session:
        given.source(session)
        versions = [given.version(session, key) for key in "123"]
        ids = [listings.version_by_id(session, each).listing_id for each in versions]  # type: ignore[union-attr]
        for listing_id in ids:
            data_sets.place_listing(session, listing_id, rows(0, 5))

    with postgres.transaction() as crawling:
        lock_in_order(crawling, Listing, ids)
        with postgres.transaction() as matching:
            first = data_sets.place_listing(matching, ids[2], rows(0, 5))

    assert first == ids[0]


def test_two_alike_listings_that_are_placed_at_once_are_joined(database: Database) -> None:
    """Each of two matchers would see none of the other's signs; the second one waits for the first."""
    with database.transaction() as session:
        ids = [listings.version_by_id(session, given.version(session, key)).listing_id for key in "12"]  # type: ignore[union-attr]
    placed = threading.Barrier(2)

    def place(listing_id: int) -> None:
        with database.transaction() as session:
            data_sets.place_listing(session, listing_id, rows(0, 5))
            try:
                placed.wait(0.5)  # without a lock both arrive here, and neither has seen the other
            except threading.BrokenBarrierError:
                return

    both(lambda: place(ids[0]), lambda: place(ids[1]))

    with database.reading() as session:
        firsts = set(session.scalars(select(data_sets.ROOT).where(Listing.id.in_(ids))))
    assert firsts == {ids[0]}


def test_the_victim_of_a_deadlock_is_tried_again(postgres: Database) -> None:
    """Two transactions lock two listings in opposite order; PostgreSQL ends one of them, and both succeed."""
    with postgres.transaction() as session:
        given.source(session)
        ids = [listings.version_by_id(session, given.version(session, key)).listing_id for key in "12"]  # type: ignore[union-attr]
    crossed = threading.Barrier(2)
    attempts: list[int] = []

    def title(session: Session, listing_id: int, text: str) -> None:
        session.execute(update(Listing).where(Listing.id == listing_id).values(title=text))

    def change(order: list[int]) -> None:
        def work(session: Session) -> None:
            attempts.append(order[0])
            title(session, order[0], f"by {order[0]}")
            if len(attempts) <= len(ids):
                crossed.wait(WAIT_S)
            title(session, order[1], f"by {order[0]}")

        postgres.write(work)

    both(lambda: change(ids), lambda: change(ids[::-1]))

    assert len(attempts) == 3


def test_a_deadlock_names_its_place(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last attempt the error has a reason of its own, and blames no other program."""
    monkeypatch.setattr(base, "RETRY_PAUSES_S", ())
    with postgres.transaction() as session:
        given.source(session)
        ids = [listings.version_by_id(session, given.version(session, key)).listing_id for key in "12"]  # type: ignore[union-attr]
    crossed = threading.Barrier(2)
    errors: list[DatabaseDeadlock] = []

    def change(order: list[int]) -> None:
        def work(session: Session) -> None:
            for number, listing_id in enumerate(order):
                if number:
                    crossed.wait(WAIT_S)
                row = listings.listing_by_id(session, listing_id)
                assert row is not None
                listings.mark_recheck_failed(session, row.source_id, [row.key], NOW)

        try:
            postgres.write(work)
        except DatabaseDeadlock as error:
            errors.append(error)

    both(lambda: change(ids), lambda: change(ids[::-1]))

    assert [(error.reason, error.permanent) for error in errors] == [("database_deadlock", False)]
    assert errors[0].where is not None and errors[0].where.startswith("listings.py:")


@pytest.mark.parametrize(("held_s", "written"), [(0.6, True), (None, False)])
def test_a_writer_that_keeps_sqlite_is_waited_for_within_a_bound(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, held_s: float | None, written: bool
) -> None:
    """A transaction that is longer than busy_timeout_s is waited for; one that does not end is an error."""
    monkeypatch.setattr(base, "RETRY_PAUSES_S", (0.1, 0.2, 0.3, 0.4))
    path = sqlite_url.removeprefix("sqlite:///")
    with (
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as keeper,
        closing(Database.open(sqlite_url, busy_timeout_s=0.1)) as database,
    ):
        keeper.execute("BEGIN IMMEDIATE")
        if held_s is not None:
            threading.Timer(held_s, lambda: keeper.execute("ROLLBACK")).start()
        try:
            database.write(given.source)
        except DatabaseBusy as error:
            assert not written
            assert error.where is not None and error.where.startswith("sources.py:")
        else:
            assert written
