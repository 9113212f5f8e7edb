"""storage.alert_listings: what an alert has told of a listing."""

import json

from sqlalchemy import text

from storage import alert_listings, alerts
from storage.alert_listings import VALUES_KEPT, ListingNews
from storage.database import schema
from storage.database.base import Database
from tests.storage import given


def news(version: int, price: str) -> ListingNews:
    return ListingNews(1, version, 1, {"price": price})


def test_the_last_values_are_kept_and_each_once(database: Database) -> None:
    """A value that is told again becomes the last one; the oldest ones are forgotten."""
    with database.transaction() as session:
        given.version(session)
        alert_id = given.alert(session).alert_id
        for number in range(VALUES_KEPT + 5):
            alert_listings.note_told(session, alert_id, news(number + 1, f"{number} USD"))
        alert_listings.note_told(session, alert_id, news(VALUES_KEPT + 9, "7 USD"))
        row = alert_listings.listing_in_alert(session, alert_id, 1)

        assert row is not None
        assert row.told["price"][:1] == ["5 USD"]
        assert row.told["price"][-2:] == [f"{VALUES_KEPT + 4} USD", "7 USD"]
        assert len(row.told["price"]) == VALUES_KEPT


def test_an_older_version_changes_nothing(database: Database) -> None:
    """A message about an old version, which a rematch found, leaves the values of the newest one."""
    with database.transaction() as session:
        given.version(session)
        alert_id = given.alert(session, news=news(2, "200 USD")).alert_id
        alert_listings.note_told(session, alert_id, news(1, "100 USD"))
        seen = alert_listings.note_seen(session, alert_id, news(1, "100 USD"))
        row = alert_listings.listing_in_alert(session, alert_id, 1)

        assert row is not None
        assert (row.version, row.told, seen) == (2, {"price": ["200 USD"]}, False)


def test_what_was_told_before_the_upgrade_is_taken_over(empty_url: str) -> None:
    """The prices of the revisions of an older database are no news after its upgrade."""
    database = Database.open(empty_url)
    schema.upgrade_schema(database, "0004")
    listing = {"id": 1, "offer_number": 3, "claimed_records": 1_000_000, "gone_at": None}
    prices = [("2,934", 1), ("3,500", 2), ("2,934", 3), ("10", 2)]
    with database.transaction() as session:
        session.execute(text(SOURCE))
        session.execute(text(LISTING))
        session.execute(text(ALERT))
        for number, (amount, version) in enumerate(prices, 1):
            price = {"price": {"amount": amount, "currency": "USD"}, "version": version}
            content = json.dumps({"listing": listing | price})
            session.execute(text(REVISION), {"number": number, "content": content})
    schema.upgrade_schema(database)
    with database.reading() as session:
        row = alert_listings.listing_in_alert(session, 1, 1)
        alert = alerts.alert_by_id(session, 1)
    database.close()

    assert row is not None and alert is not None
    assert (row.version, row.told["price"]) == (3, ["3,500 USD", "2,934 USD"])
    assert (row.seen["claimed_records"], row.told["life"], alert.offers_told) == ("1,000,000", ["there"], 3)


SOURCE = (
    "INSERT INTO sources (id, name, kind, definition, digest, enabled, cursor, health, created_at,"
    " updated_at) VALUES (1, 'market', 'html', '{}', 'd', true, '{}', 'ok', '2026-03-14', '2026-03-14')"
)
LISTING = (
    "INSERT INTO listings (id, source_id, key, url, life, row_digest, content_digest, version_number,"
    " first_seen_at, last_seen_at, checked_at, title, posted_at_uncertain, data_classes)"
    " VALUES (1, 1, '1', 'u', 'new', '', '', 3, '2026-03-14', '2026-03-14', '2026-03-14', 't', false, '[]')"
)
ALERT = (
    "INSERT INTO alerts (id, kind, dedupe_key, listing_id, listing_gone, severity, score, title, state,"
    " opened_at, updated_at, revision)"
    " VALUES (1, 'finding', 'k', 1, false, 'high', 7, 't', 'new', '2026-03-14', '2026-03-14', 4)"
)
REVISION = (
    "INSERT INTO alert_revisions (alert_id, number, at, change, severity, score, signals, content)"
    " VALUES (1, :number, '2026-03-14', 'updated', 'high', 7, '[]', :content)"
)
