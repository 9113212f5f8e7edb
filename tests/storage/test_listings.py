"""storage.listings: storing listings, and their lives."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, text

from storage import listings
from storage.database.base import BATCH, Database
from storage.evidence.warc import RecordPlace
from storage.listings import AttachmentRecord, IntakeResult, Life, ListingRecord, MatchState
from tests.storage import given
from tests.storage.given import NOW, record

LATER = NOW + timedelta(hours=1)
LAST = NOW + timedelta(hours=2)


@pytest.fixture
def source_id(database: Database) -> int:
    with database.transaction() as session:
        return given.source(session)


def store(
    database: Database, source_id: int, *records: ListingRecord, now: datetime = NOW
) -> Sequence[IntakeResult]:
    with database.transaction() as session:
        return listings.upsert_many(session, source_id, records, now)


def lives(stored: Sequence[IntakeResult]) -> list[Life | None]:
    return [one.life for one in stored]


def changes(database: Database, listing_id: int) -> list[list[dict[str, object]]]:
    with database.reading() as session:
        return [version.changes for version in listings.versions_of(session, listing_id)]


def test_an_unknown_key_is_a_new_listing(database: Database, source_id: int) -> None:
    """A new listing has version 1, which is due to be matched, with every field of the record."""
    place = RecordPlace("2026-03-14/run.warc.gz", 512, 99)
    [stored] = store(
        database,
        source_id,
        record(
            title="出售客户数据",
            seller="seller",
            price_amount=Decimal("250.50"),
            price_currency="USD",
            claimed_records=1_200_000,
            posted_at=NOW,
            posted_at_uncertain=True,
            data_classes=("phone", "email"),
            sample="138****5678",
            links=("https://paste.example/x",),
            place=place,
        ),
    )

    with database.reading() as session:
        listing = listings.listing_by_id(session, stored.listing_id)
        [version] = listings.versions_of(session, stored.listing_id)
    assert listing
    assert stored.life is Life.NEW
    assert (listing.title, listing.version_number, listing.source.name) == ("出售客户数据", 1, "market")
    assert (listing.price_amount, listing.claimed_records) == (Decimal("250.5"), 1_200_000)
    assert (version.id, version.number, version.changes) == (stored.version_id, 1, [])
    assert (version.sample, version.links) == ("138****5678", ["https://paste.example/x"])
    assert (version.place, version.match_state, version.posted_at) == (place, MatchState.PENDING, NOW)


def test_storing_twice_is_storing_once(database: Database, source_id: int) -> None:
    """The same batch again only changes when the listings were seen."""
    batch = [record("1"), record("2", price_amount=Decimal(5), price_currency="USD")]
    first = store(database, source_id, *batch)
    again = store(database, source_id, *batch, now=LATER)

    with database.reading() as session:
        seen = [listing.last_seen_at for listing in listings.recent_listings(session)]
    assert lives(again) == [None, None]
    assert [one.version_id for one in again] == [None, None]
    assert [one.listing_id for one in again] == [one.listing_id for one in first]
    assert seen == [LATER, LATER]


def test_another_price_is_a_price_change(database: Database, source_id: int) -> None:
    """The new version has the exact price before and after."""
    [first] = store(database, source_id, record(price_amount=Decimal("500.00"), price_currency="USD"))
    [second] = store(
        database, source_id, record(price_amount=Decimal("350.00"), price_currency="USD"), now=LATER
    )

    assert second.life is Life.PRICE_CHANGED
    assert changes(database, first.listing_id) == [
        [],
        [{"field": "price_amount", "before": "500", "after": "350"}],
    ]


def test_other_text_is_an_edit(database: Database, source_id: int) -> None:
    """The new version names the fields that differ, and the listing has the new values."""
    [first] = store(database, source_id, record())
    [second] = store(
        database,
        source_id,
        record(title="now with phones", content_digest="other", claimed_records=7),
        now=LATER,
    )

    with database.reading() as session:
        listing = listings.listing_by_id(session, first.listing_id)
    assert listing
    assert second.life is Life.EDITED
    assert (listing.title, listing.version_number, listing.first_seen_at) == ("now with phones", 2, NOW)
    assert [change["field"] for change in changes(database, first.listing_id)[1]] == [
        "title",
        "claimed_records",
    ]


def test_a_difference_behind_the_mask_is_an_edit(database: Database, source_id: int) -> None:
    """If only masked characters differ, there is a new version, whose change has no values."""
    [first] = store(database, source_id, record(body="138****5678"))
    [second] = store(database, source_id, record(body="138****5678", content_digest="other"), now=LATER)

    assert second.life is Life.EDITED
    assert changes(database, first.listing_id)[1] == [
        {"field": "unmasked_text", "before": None, "after": None}
    ]


def test_a_listing_that_is_read_in_another_way_is_not_edited(database: Database, source_id: int) -> None:
    """If it was last read before the source's file changed; afterwards a difference is an edit again."""
    [first] = store(database, source_id, record())
    reread = record(title="the title of another selector", reread_before=NOW + timedelta(seconds=1))
    [second] = store(database, source_id, reread, now=LATER)
    [third] = store(database, source_id, replace(reread, title="an edit"), now=LATER + timedelta(hours=1))

    assert (second.life, third.life) == (None, Life.EDITED)
    assert second.version_id is not None
    assert [[change["field"] for change in each] for each in changes(database, first.listing_id)[1:]] == [
        ["reread", "title"],
        ["title"],
    ]


def test_a_date_that_moves_is_no_change(database: Database, source_id: int) -> None:
    """Another posting date makes no new version; the first date is kept."""
    [first] = store(database, source_id, record(posted_at=NOW))
    [second] = store(database, source_id, record(posted_at=LATER), now=LATER)

    with database.reading() as session:
        listing = listings.listing_by_id(session, first.listing_id)
    assert listing
    assert (second.life, listing.posted_at) == (None, NOW)


def test_equal_content_elsewhere_is_a_repost(database: Database, source_id: int) -> None:
    """All re-posts refer to the first listing: those of a re-post, of another site, of the same batch."""
    with database.transaction() as session:
        forum = given.source(session, "forum")
    [first] = store(database, source_id, record("1", content_digest="same"))
    second = store(database, forum, record("a", content_digest="same"), record("b", content_digest="same"))
    third = store(database, source_id, record("x", content_digest="new"), record("y", content_digest="new"))

    with database.reading() as session:
        offers = [listing.id for listing in listings.reposts_of(session, second[1].listing_id)]
        mirrored = [listing.id for listing in listings.reposts_of(session, third[1].listing_id)]
    assert lives(second) == [Life.REPOSTED, Life.REPOSTED]
    assert offers == [first.listing_id, second[0].listing_id, second[1].listing_id]
    assert lives(third) == [Life.NEW, Life.REPOSTED]
    assert mirrored == [third[0].listing_id, third[1].listing_id]


def test_no_content_is_no_repost(database: Database, source_id: int) -> None:
    """Two listings without text are not re-posts of each other."""
    stored = store(database, source_id, record("1", content_digest=""), record("2", content_digest=""))

    assert lives(stored) == [Life.NEW, Life.NEW]


def test_a_key_twice_in_a_batch(database: Database, source_id: int) -> None:
    """The later of two records with one key counts, and there is one result."""
    [stored] = store(database, source_id, record(title="early"), record(title="late"))

    with database.reading() as session:
        listing = listings.listing_by_id(session, stored.listing_id)
    assert listing
    assert listing.title == "late"


def test_gone_and_back(database: Database, source_id: int) -> None:
    """A listing is gone once, and back when it is seen again; its versions stay."""
    [stored] = store(database, source_id, record())
    with database.transaction() as session:
        gone = listings.mark_gone(session, source_id, ["1", "unknown"], LATER)
        again = listings.mark_gone(session, source_id, ["1"], LATER)
    with database.reading() as session:
        absent = listings.listing_by_id(session, stored.listing_id)
    [back] = store(database, source_id, record(), now=LAST)

    with database.reading() as session:
        listing = listings.listing_by_id(session, stored.listing_id)
    assert (gone, again) == ([stored.listing_id], [])
    assert absent
    assert (absent.life, absent.gone_at) == (Life.GONE, LATER)
    assert (back.life, back.version_id) == (Life.BACK, None)
    assert listing
    assert (listing.life, listing.gone_at) == (Life.BACK, None)


def test_back_with_another_text(database: Database, source_id: int) -> None:
    """A listing that is back with another text has a new version."""
    store(database, source_id, record())
    with database.transaction() as session:
        listings.mark_gone(session, source_id, ["1"], LATER)
    [back] = store(database, source_id, record(content_digest="other", title="cheaper"), now=LAST)

    assert back.life is Life.BACK
    assert back.version_id


def test_absent_from_a_list_read_to_its_end(database: Database, source_id: int) -> None:
    """Listings that were neither stored nor seen since the given time are gone; other sources keep theirs."""
    with database.transaction() as session:
        forum = given.source(session, "forum")
    stored = store(database, source_id, record("read"), record("listed"), record("absent"))
    store(database, forum, record("elsewhere"))
    store(database, source_id, record("read"), now=LATER)
    with database.transaction() as session:
        listings.mark_seen(session, source_id, ["listed"], LATER)
        absent = listings.count_absent(session, source_id, seen_since=LATER)
        gone = listings.mark_absent_gone(session, source_id, seen_since=LATER, now=LAST)

    assert absent == (1, 3)
    assert gone == [stored[2].listing_id]


def test_seen_on_a_list_again(database: Database, source_id: int) -> None:
    """The ids of listings that had been gone are returned, and these listings are back."""
    stored = store(database, source_id, record("1"), record("2"))
    with database.transaction() as session:
        listings.mark_gone(session, source_id, ["2"], NOW)
        back = listings.mark_seen(session, source_id, ["1", "2", "unknown"], LATER)

    assert back == [stored[1].listing_id]


def test_what_is_known(database: Database, source_id: int) -> None:
    """The stored ones of fifteen thousand keys (several statements) are returned.

    A listing whose page is gone has no digest, so that its row is read again.
    """
    store(database, source_id, record("1", row_digest="r1"), record("2"))
    with database.transaction() as session:
        listings.mark_gone(session, source_id, ["2"], LATER)
    with database.reading() as session:
        known = listings.known_listings(session, source_id, [str(number) for number in range(1, 15_000)])

    assert {key: (one.row_digest, one.gone) for key, one in known.items()} == {
        "1": ("r1", False),
        "2": ("", True),
    }
    assert known["1"].first_seen_at == NOW


def test_a_key_of_any_length_is_known_again(database: Database, source_id: int) -> None:
    """Two very long keys that differ in their last character are two known listings."""
    keys = ["https://market.example/" + "趣" * 100_000 + end for end in ("a", "b")]
    stored = store(database, source_id, *[record(key, content_digest=key[-1]) for key in keys])

    with database.reading() as session:
        known = listings.known_listings(session, source_id, keys)
        newest = listings.newest_versions(session, source_id, keys)
    assert [one.key for one in stored] == keys
    assert len({one.listing_id for one in stored}) == 2
    assert set(known) == set(newest) == set(keys)


def test_rechecking_takes_turns(database: Database, source_id: int) -> None:
    """The listing whose page was requested longest ago comes first, also after a failure; a gone one never
    does.
    """
    store(database, source_id, record("1"), record("2"), record("3"), record("4"))
    with database.transaction() as session:
        listings.mark_gone(session, source_id, ["4"], NOW)
        listings.mark_recheck_failed(session, source_id, ["1"], LATER)
    store(database, source_id, record("2"), now=LAST)

    with database.reading() as session:
        turns = [key for key, _ in listings.listings_to_recheck(session, source_id, 10)]
    assert turns == ["3", "1", "2"]


def test_gone_listings_and_replies_are_not_walked(sqlite_database: Database) -> None:
    """Rechecks and absences are found in the index of the listings that are there."""
    with sqlite_database.transaction() as session:
        given.source(session)
    statements: list[tuple[str, tuple[object, ...]]] = []

    @event.listens_for(sqlite_database.engine, "before_cursor_execute")
    def _note(_1: object, _2: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        statements.append((statement, parameters))

    with sqlite_database.reading() as session:
        listings.listings_to_recheck(session, 1, 10)
        listings.count_absent(session, 1, seen_since=NOW)
        asked = [each for each in statements if each[0].startswith("SELECT")]
        plans = [
            str(session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
            for statement, parameters in asked
        ]

    assert len(plans) == 2
    assert all("ix_listings_there_source_id_checked_at" in plan for plan in plans)


def test_what_waits_to_be_sealed_is_found_without_the_matched_versions(sqlite_database: Database) -> None:
    """It is looked for every minute, beside ten million versions that are matched."""
    statements: list[tuple[str, tuple[object, ...]]] = []

    @event.listens_for(sqlite_database.engine, "before_cursor_execute")
    def _note(_1: object, _2: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        statements.append((statement, parameters))

    with sqlite_database.transaction() as session:
        listings.release_sealed(session, "2026-03-14/market/17-ab12cd34-0001.warc.gz")
        listings.unsealed_files(session)
        asked = [each for each in statements if "listing_versions" in each[0]]
        plans = [
            str(session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
            for statement, parameters in asked
        ]

    assert len(plans) == 2
    assert all("ix_listing_versions_unmatched" in plan for plan in plans)


def test_attachments_belong_to_a_version(database: Database, source_id: int) -> None:
    """Each version has its own attachments, with their places."""
    place = RecordPlace("2026-03-14/run.warc.gz", 9, 9)
    first, second = (AttachmentRecord(name, "text/plain", 100, place) for name in ("sample.txt", "more.txt"))
    [stored] = store(database, source_id, record(attachments=(first,)))
    store(database, source_id, record(attachments=(first, second), content_digest="more"), now=LATER)

    with database.reading() as session:
        versions = listings.versions_of(session, stored.listing_id)
    assert [[one.name for one in version.attachments] for version in versions] == [
        ["sample.txt"],
        ["sample.txt", "more.txt"],
    ]
    assert versions[0].attachments[0].place == place


def test_absurd_numbers_are_left_out(database: Database, source_id: int) -> None:
    """A listing is stored without a claimed count or price that no column can hold."""
    [stored] = store(
        database,
        source_id,
        record(claimed_records=10**30, price_amount=Decimal("1E+400"), price_currency="USD"),
    )

    with database.reading() as session:
        listing = listings.listing_by_id(session, stored.listing_id)
    assert listing
    assert (listing.claimed_records, listing.price_amount, listing.price_currency) == (None, None, None)


def test_a_title_of_a_megabyte(database: Database, source_id: int) -> None:
    """A title of a megabyte is stored completely, and found by its beginning."""
    [stored] = store(database, source_id, record(title="begins " + "趣店 abc " * 170_000))

    with database.reading() as session:
        found = listings.search_listings(session, "begins")
    assert [listing.id for listing in found] == [stored.listing_id]


def test_more_than_a_batch(database: Database, source_id: int) -> None:
    """Results of several batches come in the order of the keys."""
    records = [record(str(number)) for number in range(2 * BATCH + 7)]
    stored = store(database, source_id, *records)

    assert [one.key for one in stored] == [one.key for one in records]
    assert len({one.version_id for one in stored}) == len(records)


def test_two_writers_of_one_source(database: Database, source_id: int) -> None:
    """If four threads store the same hundred listings, each listing is stored once."""
    barrier = threading.Barrier(4)
    records = [record(str(number)) for number in range(100)]

    def write(_: int) -> None:
        barrier.wait()
        store(database, source_id, *records)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    with database.reading() as session:
        counts = [
            session.scalar(text(f"SELECT count(*) FROM {name}"))
            for name in ("listings", "listing_versions", "listing_search")
        ]
    assert counts == [100, 100, 100]


def test_a_batch_is_stored_whole_or_not_at_all(database: Database, source_id: int) -> None:
    """If the transaction fails, there is no listing, no version and no search entry."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        listings.upsert_many(session, source_id, [record("1"), record("2")], NOW)
        raise ZeroDivisionError

    with database.reading() as session:
        assert listings.recent_listings(session) == []
        assert listings.search_listings(session, "offer") == []


def test_a_version_is_claimed_once(database: Database, source_id: int) -> None:
    """A second claim gets None until the lease ends or the daemon restarts."""
    [stored] = store(database, source_id, record())
    version_id = stored.version_id
    assert version_id
    with database.transaction() as session:
        answers = [listings.claim_for_matching(session, version_id, now=NOW) for _ in range(2)]
        waiting = listings.versions_due_for_matching(session, now=NOW, limit=10)
        ended = listings.versions_due_for_matching(session, now=NOW + listings.MATCH_LEASE, limit=10)
        listings.release_claims(session)
        released = listings.versions_due_for_matching(session, now=NOW, limit=10)

    assert (answers, waiting, ended, released) == (
        [listings.MatchClaim(version_id, epoch=1, attempt=1), None],
        [],
        [version_id],
        [version_id],
    )


def test_matching_that_failed_is_tried_again_or_given_up(database: Database, source_id: int) -> None:
    """With a time the version is due then; without one it has failed, with its reason, and is not due."""
    [stored] = store(database, source_id, record())
    version_id = stored.version_id
    assert version_id
    with database.transaction() as session:
        claim = listings.claim_for_matching(session, version_id, now=NOW)
        assert claim
        listings.record_matching_failure(session, claim, reason="evidence_missing", retry_at=LATER, now=NOW)
        now, later = (listings.versions_due_for_matching(session, now=at, limit=10) for at in (NOW, LATER))
        listings.record_matching_failure(session, claim, reason="evidence_damaged", retry_at=None, now=LATER)
        never = listings.versions_due_for_matching(session, now=LAST, limit=10)

    with database.reading() as session:
        version = listings.version_by_id(session, version_id)
    assert (now, later, never) == ([], [version_id], [])
    assert version
    assert (version.match_state, version.match_reason) == (MatchState.FAILED, "evidence_damaged")


def test_a_large_source_among_small_ones_is_not_read_whole(postgres_url: str) -> None:
    """However often a batch of one large source is stored in a session, its keys are looked up by the index:
    PostgreSQL keeps a plan for all sources from the fifth time on.
    """
    many, keys = 20_000, [f"k{number}" for number in range(50)]
    with closing(Database.open(postgres_url)) as database:
        with database.transaction() as session:
            source_id = given.source(session)
            listings.upsert_many(session, source_id, [record(key) for key in keys], NOW)
            session.execute(text(COPIES_OF_SOURCE))
            session.execute(text(LISTINGS_OF_SOURCES), {"many": many})
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        with database.transaction() as session:
            read = []
            for turn in range(12):
                batch = [record(key, title=f"turn {turn}", content_digest=f"{key} {turn}") for key in keys]
                before = session.scalar(text(ROWS_READ)) or 0
                listings.upsert_many(session, source_id, batch, NOW)
                listings.known_listings(session, source_id, keys)
                read.append((session.scalar(text(ROWS_READ)) or 0) - before)

    assert max(read) < many / 10


#: Seven hundred sources with one listing each, beside the first one.
COPIES_OF_SOURCE = """
INSERT INTO sources SELECT (jsonb_populate_record(one, jsonb_build_object('id', n, 'name', 'small-' || n))).*
FROM sources AS one, generate_series(2, 700) AS n WHERE one.id = 1
"""
LISTINGS_OF_SOURCES = """
INSERT INTO listings (source_id, key, url, life, row_digest, content_digest, version_number, first_seen_at,
  last_seen_at, checked_at, title, posted_at_uncertain, data_classes)
SELECT CASE WHEN n < :many THEN 1 ELSE n - :many + 1 END, 'k' || n, '', 'new', 'd' || n, 'd' || n, 1, now(),
  now(), now(), '', false, '[]'
FROM generate_series(50, :many + 699) AS n
"""
ROWS_READ = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'listings'"
