"""Identities of an OpenID provider, and sign-ins that count once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import oidc, users
from storage.database.base import Database
from storage.errors import DatabaseConflict
from tests.storage.given import NOW

ISSUER = "https://login.lender.example"


def test_a_state_is_used_once_and_forgotten_later(database: Database) -> None:
    kept = timedelta(minutes=20)

    def use(state: str, minutes: int) -> bool:
        now = NOW + timedelta(minutes=minutes)
        return database.write(lambda session: oidc.use_state(session, state, now=now, kept=kept))

    assert [use("a", 0), use("a", 1), use("b", 2), use("a", 19)] == [True, False, True, False]
    assert use("a", 21)


def test_a_subject_is_one_person_at_its_issuer(database: Database) -> None:
    """And a person has one subject there; another issuer's subjects are other people's."""
    with database.transaction() as session:
        anna, bob = (users.add_user(session, name, now=NOW) for name in ("anna", "bob"))
        assert anna
        assert bob
        oidc.add_identity(session, anna, ISSUER, "5f1c", now=NOW)
        assert oidc.user_of_subject(session, ISSUER, "5f1c") is anna
        assert oidc.user_of_subject(session, ISSUER, "5F1C") is None
        assert oidc.user_of_subject(session, f"{ISSUER}/", "5f1c") is None
        assert oidc.subject_of_user(session, ISSUER, anna.id) == "5f1c"
        assert oidc.subject_of_user(session, ISSUER, bob.id) is None
        ids = anna.id, bob.id
    for user_id, subject in ((ids[1], "5f1c"), (ids[0], "6a2d")):
        with pytest.raises(DatabaseConflict), database.transaction() as session:
            user = users.user_by_id(session, user_id)
            assert user
            oidc.add_identity(session, user, ISSUER, subject, now=NOW)
