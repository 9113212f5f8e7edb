"""storage.data_sets: signs join offers of the same data."""

from collections.abc import Iterable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import data_sets, listings
from storage.data_sets import BANDS_ALIKE, COMMON, COPIES_KEPT, DataSetSign, SignKind
from storage.database.base import Database
from tests.storage import given
from tests.storage.given import NOW


def signs(kind: SignKind, values: Iterable[int]) -> list[DataSetSign]:
    return [DataSetSign(kind, value) for value in values]


def listing(session: Session, key: str, **fields: object) -> int:
    version = listings.version_by_id(session, given.version(session, key, **fields))
    assert version is not None
    return version.listing_id


def offer(session: Session, listing_id: int) -> tuple[int, int]:
    """Return the first listing of its data set, and its number as an offer."""
    row = listings.listing_by_id(session, listing_id)
    assert row is not None
    session.refresh(row)
    return data_sets.first_offer_of(row), data_sets.offer_of(session, row).number


@pytest.mark.parametrize(
    ("kind", "first_signs", "second_signs", "same"),
    [
        (SignKind.ROW, range(20), range(10, 20), True),
        (SignKind.ROW, range(20), range(19, 30), False),
        (SignKind.ROW, range(20), range(19, 20), False),
        (SignKind.TEXT, range(16), range(16 - BANDS_ALIKE, 32 - BANDS_ALIKE), True),
        (SignKind.TEXT, range(16), range(17 - BANDS_ALIKE, 33 - BANDS_ALIKE), False),
        (SignKind.CLAIM, [1_023_447], [1_023_447], True),
    ],
)
def test_listings_with_enough_signs_in_common_offer_the_same_data(
    database: Database, kind: SignKind, first_signs: Iterable[int], second_signs: Iterable[int], same: bool
) -> None:
    """Half of the shorter sample's rows, the bands of a Jaccard index of 0.75, or the same exact count is
    enough.
    """
    with database.transaction() as session:
        first, second = listing(session, "1"), listing(session, "2")
        data_sets.place_listing(session, first, signs(kind, first_signs))
        data_sets.place_listing(session, second, signs(kind, second_signs))

        assert offer(session, second) == ((first, 2) if same else (second, 1))


def test_a_set_is_joined_by_the_offer_that_shows_both_halves(database: Database) -> None:
    """Two offers without common rows are joined by a third offer with rows of both."""
    with database.transaction() as session:
        one, two, three = (listing(session, key) for key in "123")
        data_sets.place_listing(session, one, signs(SignKind.ROW, range(10)))
        data_sets.place_listing(session, two, signs(SignKind.ROW, range(100, 110)))
        data_sets.place_listing(session, three, signs(SignKind.ROW, [*range(5, 10), *range(100, 105)]))

        assert [offer(session, each) for each in (one, two, three)] == [(one, 1), (one, 2), (one, 3)]


def test_an_exact_copy_counts_as_an_offer_and_a_reply_does_not(database: Database) -> None:
    """Copies count as offers; replies in the threads do not."""
    with database.transaction() as session:
        first = listing(session, "1", content_digest="same")
        listing(session, "2", content_digest="same")
        reply = listing(session, "1/p2", thread_key="1")
        third = listing(session, "3")
        for each in (first, reply, third):
            data_sets.place_listing(session, each, signs(SignKind.ROW, range(10)))

        assert offer(session, third) == (first, 3)


def test_a_sign_that_everybody_bears_tells_nothing(database: Database) -> None:
    """A row that more than COMMON data sets have does not join them."""
    with database.transaction() as session:
        ids = [listing(session, str(number)) for number in range(COMMON + 5)]
        notice = signs(SignKind.ROW, range(5))
        session.add_all(
            data_sets.ListingSign(listing_id=each, kind=sign.kind, value=sign.value)
            for each in ids[:-1]
            for sign in notice
        )
        data_sets.place_listing(session, ids[-1], notice)

        assert offer(session, ids[-1]) == (ids[-1], 1)


def test_every_offer_of_the_same_rows_joins_their_set(database: Database) -> None:
    """Offers of one data set count once, however many they are; only the first copies keep their signs."""
    with database.transaction() as session:
        ids = [listing(session, str(number)) for number in range(COMMON + 5)]
        for each in ids:
            data_sets.place_listing(session, each, signs(SignKind.ROW, range(10)))
        stored = session.scalar(select(func.count(data_sets.ListingSign.listing_id.distinct())))

        assert offer(session, ids[-1]) == (ids[0], COMMON + 5)
        assert stored == COPIES_KEPT


def test_an_edit_leaves_a_listing_in_its_set(database: Database) -> None:
    """A listing stays in its data set when its sample is removed."""
    with database.transaction() as session:
        first, second = listing(session, "1"), listing(session, "2")
        for each in (first, second):
            data_sets.place_listing(session, each, signs(SignKind.ROW, range(10)))
        data_sets.place_listing(session, second, [])

        assert offer(session, second) == (first, 2)
        assert data_sets.offer_of(session, listings_row(session, second)).first_offered_at == NOW


def listings_row(session: Session, listing_id: int) -> listings.Listing:
    row = listings.listing_by_id(session, listing_id)
    assert row is not None
    return row
