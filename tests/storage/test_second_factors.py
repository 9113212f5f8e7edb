"""Each second factor counts once, on both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from storage import invitations, second_factors, users
from storage.database.base import Database
from storage.second_factors import MOST_PASSKEYS, UsedChallenge
from storage.users import UserSession
from tests.storage.given import NOW


def _person(database: Database) -> int:
    with database.transaction() as session:
        user = users.add_user(session, "anna", now=NOW)
        assert user is not None
        assert users.add_user(session, "anna", now=NOW) is None
        return user.id


def test_a_time_step_only_rises(database: Database) -> None:
    person = _person(database)
    with database.transaction() as session:
        used = [second_factors.use_totp_step(session, person, step) for step in (7, 7, 6, 8)]
    assert used == [True, False, False, True]


def test_a_counter_that_does_not_rise_is_a_copy(database: Database) -> None:
    """Many authenticators never count: theirs stays 0."""
    person = _person(database)
    with database.transaction() as session:
        for name in ("counts", "never"):
            for is_new in (True, False):
                assert is_new is second_factors.add_passkey(
                    session, person, credential_id=name, public_key="k", sign_count=0, name=name, now=NOW
                )
        counts, never = (key.id for key in second_factors.passkeys_of(session, person))
        risen = [
            second_factors.note_passkey_used(session, counts, count, now=NOW) for count in (3, 3, 2, 0, 4)
        ]
        still = [second_factors.note_passkey_used(session, never, 0, now=NOW) for _ in range(2)]
    assert (risen, still) == ([True, False, False, False, True], [True, True])


def test_a_person_has_a_bounded_number_of_passkeys(database: Database) -> None:
    person = _person(database)
    with database.transaction() as session:
        added = [
            second_factors.add_passkey(
                session, person, credential_id=f"c{n}", public_key="k", sign_count=0, name="n", now=NOW
            )
            for n in range(MOST_PASSKEYS + 1)
        ]
        handles = {second_factors.passkey_handle(session, person) for _ in range(2)}
    assert added == [True] * MOST_PASSKEYS + [False]
    assert len(handles) == 1


def test_a_challenge_is_answered_once(database: Database) -> None:
    """Those that have ended go: they are refused by their time."""
    with database.transaction() as session:
        ends = NOW + timedelta(minutes=5)
        answered = [second_factors.use_challenge(session, b"one", ends, now=NOW) for _ in range(2)]
        second_factors.use_challenge(session, b"two", ends + timedelta(hours=1), now=ends)
        kept = session.scalar(select(func.count()).select_from(UsedChallenge))
    assert (answered, kept) == ([True, False], 1)


def test_an_invitation_is_used_by_one(database: Database) -> None:
    person = _person(database)
    with database.transaction() as session:
        first, second = (invitations.invite_again(session, person, by="cli:root", now=NOW) for _ in range(2))
        assert invitations.invited_person(session, first, now=NOW) is None
        found = invitations.invited_person(session, second, now=NOW)
        assert found is not None
        used = [invitations.use_invitation(session, found[0].id, now=NOW) for _ in range(2)]
    assert used == [True, False]


def test_ended_sessions_do_not_stay_for_ever(database: Database) -> None:
    person = _person(database)
    with database.transaction() as session:
        user = users.lock_user(session, person)
        assert user is not None
        for days in (0, 20, 40):
            users.begin_session(session, user, now=NOW + timedelta(days=days), lasts=timedelta(hours=1))
        kept = session.scalar(select(func.count()).select_from(UserSession))
    assert kept == 2
