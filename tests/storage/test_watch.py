"""storage.watch: a rematch passes through the archive once, also after a kill."""

import pytest

from storage import companies, watch
from storage.database.base import Database
from storage.watch import ClaimedRematch, MatchScope, RematchState
from tests.storage import given
from tests.storage.given import NOW


@pytest.fixture
def rematch_id(database: Database) -> int:
    """A rematch of an archive with five versions."""
    with database.transaction() as session:
        for number in range(5):
            given.version(session, str(number))
        return watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=NOW)


def claim(database: Database, rematch_id: int) -> ClaimedRematch:
    with database.transaction() as session:
        claimed = watch.claim_rematch(session, rematch_id, now=NOW)
    assert claimed
    return claimed


def test_two_wishes_for_the_same_are_one(database: Database, rematch_id: int) -> None:
    """An equal request joins a rematch that has not started; after its start, a request makes a new one."""
    with database.transaction() as session:
        same = watch.request_rematch(session, scope=MatchScope.ALL, reason="again", now=NOW)
        other = watch.request_rematch(session, scope=MatchScope.TERMS, reason="again", now=NOW)
    claim(database, rematch_id)
    with database.transaction() as session:
        after = watch.request_rematch(session, scope=MatchScope.ALL, reason="again", now=NOW)

    assert same == rematch_id
    assert len({rematch_id, other, after}) == 3


def test_it_is_claimed_once(database: Database, rematch_id: int) -> None:
    """A second claim gets None."""
    claim(database, rematch_id)

    with database.transaction() as session:
        assert watch.claim_rematch(session, rematch_id, now=NOW) is None


def test_it_ends_at_the_version_that_was_last_when_it_began(database: Database, rematch_id: int) -> None:
    """The first claim fixes the last version; a version stored later is not part of the rematch."""
    claimed = claim(database, rematch_id)
    with database.transaction() as session:
        given.version(session, "later")

    with database.reading() as session:
        chunks = [
            watch.versions_to_rematch(session, claimed, after=0, limit=3),
            watch.versions_to_rematch(session, claimed, after=3, limit=3),
            watch.versions_to_rematch(session, claimed, after=5, limit=3),
        ]
    assert chunks == [[1, 2, 3], [4, 5], []]


def test_it_goes_on_where_it_was(database: Database, rematch_id: int) -> None:
    """After a kill the next claim continues to the same end, and writes of the old epoch are refused."""
    zombie = claim(database, rematch_id)
    with database.transaction() as session:
        watch.advance_rematch(session, rematch_id, zombie.epoch, cursor_version_id=3, scanned=3, found=1)
    with database.transaction() as session:
        recovered = watch.recover_rematches(session)
        given.version(session, "later")
    again = claim(database, rematch_id)
    with database.transaction() as session:
        refused = (
            watch.advance_rematch(session, rematch_id, zombie.epoch, cursor_version_id=5, scanned=2, found=0),
            watch.finish_rematch(session, rematch_id, zombie.epoch, now=NOW),
            watch.pause_rematch(session, rematch_id, zombie.epoch),
        )
        watch.advance_rematch(session, rematch_id, again.epoch, cursor_version_id=5, scanned=2, found=0)
        done = watch.finish_rematch(session, rematch_id, again.epoch, now=NOW)

    with database.reading() as session:
        stored = watch.rematch_by_id(session, rematch_id)
    assert stored
    assert (recovered, refused, done) == ([rematch_id], (False, False, False), True)
    assert (again.cursor_version_id, again.until_version_id) == (3, 5)
    assert (stored.state, stored.scanned, stored.found) == (RematchState.FINISHED, 5, 1)


def test_a_pause_puts_it_back_into_the_queue(database: Database, rematch_id: int) -> None:
    """A paused rematch is due again, from its cursor on."""
    claimed = claim(database, rematch_id)
    with database.transaction() as session:
        watch.advance_rematch(session, rematch_id, claimed.epoch, cursor_version_id=2, scanned=2, found=0)
        watch.pause_rematch(session, rematch_id, claimed.epoch)
        due = watch.due_rematches(session, now=NOW, limit=10)

    assert due == [rematch_id]
    assert claim(database, rematch_id).cursor_version_id == 2


def test_an_empty_archive_has_nothing_to_go_through(database: Database) -> None:
    """A rematch of an empty archive has no versions."""
    with database.transaction() as session:
        given.company(session)
        [rematch_id] = watch.due_rematches(session, now=NOW, limit=10)
    claimed = claim(database, rematch_id)

    with database.reading() as session:
        assert watch.versions_to_rematch(session, claimed, after=0, limit=10) == []
        assert companies.watch_revision(session) == "2"
