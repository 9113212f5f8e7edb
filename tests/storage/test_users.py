"""People, their preferences and who may be seen as an owner, on both databases."""

from __future__ import annotations

from storage import companies, users
from storage.database.base import Database
from storage.users import MAX_PREFERENCES_BYTES, Grant, Role, User
from storage.visible.people import people_of
from storage.visible.visibility import EVERYTHING, Visibility
from tests.storage.given import NOW


def _person(database: Database, name: str, *grants: tuple[int | None, Role], active: bool = True) -> int:
    with database.transaction() as session:
        user = User(name=name, created_at=NOW, active=active, preferences={})
        session.add(user)
        session.flush()
        session.add_all(Grant(user_id=user.id, company_id=company, role=role) for company, role in grants)
        return user.id


def _two_companies(database: Database) -> tuple[int, int]:
    names = ("harbour", "qudian")
    declared = [companies.DeclaredCompany(name, name, (), {}, f"companies/{name}.toml") for name in names]
    with database.transaction() as session:
        companies.sync_declared_companies(session, declared, NOW)
        slugs = {slug: row_id for row_id, slug in companies.slugs_by_id(session).items()}
    return slugs["harbour"], slugs["qudian"]


def test_a_preference_changes_alone(database: Database) -> None:
    """Others stay, None removes it, and what is too large is not stored."""
    person = _person(database, "anna")

    with database.transaction() as session:
        assert users.set_preference(session, person, "theme", "dark")
        assert users.set_preference(session, person, "filter", {"state": ["new"]})
        assert not users.set_preference(session, person, "notes", "x" * MAX_PREFERENCES_BYTES)
        assert users.set_preference(session, person, "theme", None)
        assert not users.set_preference(session, person + 1, "theme", "dark")

    with database.reading() as session:
        stored = session.get(User, person)
        assert stored is not None
        assert stored.preferences == {"filter": {"state": ["new"]}}


def test_owners_are_active_people_who_work_for_a_visible_company(database: Database) -> None:
    """Viewers own nothing; who works for the installation may own everything."""
    harbour, qudian = _two_companies(database)
    _person(database, "anna", (None, Role.ADMIN))
    _person(database, "bob", (harbour, Role.ANALYST), (qudian, Role.ANALYST))
    _person(database, "carl", (qudian, Role.ANALYST))
    _person(database, "dora", (harbour, Role.VIEWER))
    _person(database, "eve", (harbour, Role.ADMIN), active=False)
    both = Visibility(frozenset({harbour, qudian}))

    with database.reading() as session:
        assert [one.name for one in people_of(session, EVERYTHING)] == ["anna", "bob", "carl"]
        assert [one.name for one in people_of(session, Visibility(frozenset({harbour})))] == ["anna", "bob"]
        assert [one.name for one in people_of(session, both, harbour)] == ["anna", "bob"]
        assert people_of(session, Visibility(frozenset({harbour})), qudian) == []
