"""storage.sources: sync with the files, health and cursors."""

from datetime import timedelta

import pytest

from storage import sources
from storage.database.base import Database
from storage.sources import AlertState, DeclaredSource, SourceHealth, SourcePause, SyncResult
from tests.storage import given
from tests.storage.given import NOW

LATER = NOW + timedelta(hours=1)


def declared(name: str, **definition: object) -> DeclaredSource:
    return DeclaredSource(name, "html", definition, f"sources/{name}.toml")


def test_sync_says_what_it_did(database: Database) -> None:
    """A sync returns the names that it added, changed and removed."""
    with database.transaction() as session:
        first = sources.sync_declared_sources(session, [declared("a"), declared("b"), declared("c")], NOW)
    with database.transaction() as session:
        second = sources.sync_declared_sources(
            session, [declared("a"), declared("b", pages=2), declared("d")], NOW
        )

    assert first == SyncResult(added=("a", "b", "c"))
    assert second == SyncResult(added=("d",), changed=("b",), removed=("c",))


def test_sync_twice_is_sync_once(database: Database) -> None:
    """The same files again change nothing, whatever the order of their keys."""
    with database.transaction() as session:
        sources.sync_declared_sources(session, [declared("a", x=1, y=2)], NOW)
    with database.transaction() as session:
        again = sources.sync_declared_sources(session, [declared("a", y=2, x=1)], NOW)

    assert again == SyncResult()


def test_a_file_in_another_folder_is_the_same_source(database: Database) -> None:
    """Nodes have their files in different folders: no start of one of them changes a source, so that no
    listing counts as read in another way. One that a person added becomes the file's.
    """
    elsewhere = [DeclaredSource(name, "html", {}, f"elsewhere/{name}.toml") for name in "ab"]
    by_hand = DeclaredSource("b", "html", {}, None)
    with database.transaction() as session:
        sources.sync_declared_sources(session, [declared("a"), by_hand], NOW)
    with database.transaction() as session:
        again = sources.sync_declared_sources(session, elsewhere, LATER)
        rows = [sources.source_by_name(session, name) for name in "ab"]
        found = [(row.declared_in, row.updated_at) for row in rows if row]
    with database.transaction() as session:
        third = sources.sync_declared_sources(session, elsewhere, LATER)

    assert (again, third) == (SyncResult(changed=("b",)), SyncResult())
    assert found == [("elsewhere/a.toml", NOW), ("elsewhere/b.toml", LATER)]


def test_a_removed_source_comes_back_with_its_cursor(database: Database) -> None:
    """A source whose file is back has its cursor."""
    with database.transaction() as session:
        sources.sync_declared_sources(session, [declared("a")], NOW)
        known = sources.source_by_name(session, "a")
        assert known
        sources.save_cursor(session, known.id, {"last": "77"})
    with database.transaction() as session:
        sources.sync_declared_sources(session, [], NOW)
        assert sources.active_sources(session) == []
    with database.transaction() as session:
        back = sources.sync_declared_sources(session, [declared("a")], NOW)

    with database.reading() as session:
        [source] = sources.active_sources(session)
    assert (back.changed, source.id, source.cursor) == (("a",), known.id, {"last": "77"})


def test_what_a_person_added_is_not_removed(database: Database) -> None:
    """A source that a person added is not removed by a sync."""
    with database.transaction() as session:
        sources.sync_declared_sources(session, [DeclaredSource("mine", "html", {}, None)], NOW)
    with database.transaction() as session:
        result = sources.sync_declared_sources(session, [], NOW)

    assert result == SyncResult()


def test_a_disabled_source_is_not_active(database: Database) -> None:
    """A disabled source is listed, but not active."""
    with database.transaction() as session:
        sources.sync_declared_sources(
            session, [DeclaredSource("a", "html", {}, "a.toml", enabled=False)], NOW
        )

    with database.reading() as session:
        assert sources.active_sources(session) == []
        assert [source.name for source in sources.all_sources(session)] == ["a"]


def test_sources_are_found_by_their_kind(database: Database) -> None:
    """Active sources can be filtered by kind; an empty list of kinds gives none."""
    paste = DeclaredSource("pastes", "paste", {"start": "https://bin.example/"}, "sources/pastes.toml")
    with database.transaction() as session:
        sources.sync_declared_sources(session, [declared("a"), paste], NOW)

        found = [each.name for each in sources.active_sources(session, kinds=("paste", "gists"))]

        assert (found, list(sources.active_sources(session, kinds=()))) == (["pastes"], [])


def test_digests_are_those_of_sources_that_are_not_removed(database: Database) -> None:
    """A definition that changed has another digest."""
    with database.transaction() as session:
        sources.sync_declared_sources(session, [declared("a", pages=1), declared("b")], NOW)
        before = sources.source_digests(session)
        sources.sync_declared_sources(session, [declared("a", pages=2)], NOW)
        after = sources.source_digests(session)

    assert (len(before), len(after)) == (2, 1)
    assert before.keys() > after.keys()
    assert not set(before.values()) & set(after.values())


def test_sources_whose_site_wants_to_be_left_alone_are_found(database: Database) -> None:
    """The moments are in the cursor of the last run; a later cursor without them ends the rest."""
    with database.transaction() as session:
        sources.sync_declared_sources(session, [declared(name) for name in "abc"], NOW)
        first, second, third = (each.id for each in sources.all_sources(session))
        sources.save_cursor(session, first, {"not_before": LATER.isoformat(), "pages": ["x"]})
        sources.save_cursor(session, second, {"not_before": LATER.isoformat()})
        sources.save_cursor(session, second, {"pages": ["x"]})
        sources.save_cursor(session, third, {"not_before": NOW.isoformat()})

        assert sources.pauses(session, now=NOW) == [SourcePause(first, LATER, {})]
        sources.save_cursor(session, second, {"site_pauses": {"a.example": LATER.isoformat()}})
        assert sources.pauses(session, now=NOW)[1:] == [SourcePause(second, LATER, {"a.example": LATER})]
        assert sources.pauses(session, now=LATER) == []


def test_each_change_of_sources_has_its_own_revision(database: Database) -> None:
    """A change that is rolled back has one of its own, too; nothing changed: the revision is the same."""
    revisions = []
    for names in ("a", "a", "ab"):
        with database.transaction() as session:
            sources.sync_declared_sources(session, [declared(name) for name in names], NOW)
        with database.reading() as session:
            revisions.append(sources.revision(session))
    with pytest.raises(RuntimeError), database.transaction() as session:
        sources.sync_declared_sources(session, [], NOW)
        within = sources.revision(session)
        raise RuntimeError
    with database.reading() as session:
        afterwards = sources.revision(session)

    first, same, second = revisions
    assert first == same
    assert afterwards == second
    assert len({first, second, within}) == 3


@pytest.mark.parametrize(
    ("healths", "changes"),
    [
        ([SourceHealth.OK], []),
        ([SourceHealth.REFUSED], [("unknown", "refused")]),
        ([SourceHealth.OK, SourceHealth.OK], []),
        (
            [SourceHealth.OK, SourceHealth.COULD_NOT_FETCH, SourceHealth.COULD_NOT_FETCH],
            [("ok", "could_not_fetch")],
        ),
        (
            [SourceHealth.OK, SourceHealth.PAGE_NOT_RECOGNISED, SourceHealth.OK],
            [("ok", "page_not_recognised"), ("page_not_recognised", "ok")],
        ),
    ],
)
def test_health(database: Database, healths: list[SourceHealth], changes: list[tuple[str, str]]) -> None:
    """A change of a known health is reported, and so is a first bad one; a first good one is not."""
    with database.transaction() as session:
        source_id = given.source(session)
    for health in healths:
        with database.transaction() as session:
            sources.record_health(session, source_id, run_id=None, health=health, now=NOW)

    with database.reading() as session:
        ids = sources.changes_due(session, NOW, 10)
        found = [sources.change_by_id(session, change_id) for change_id in ids]
    assert [(change.before, change.after) for change in found if change] == changes


def test_a_change_is_dealt_with_once(database: Database) -> None:
    """Of two workers that conclude the same change, only the first gets True."""
    with database.transaction() as session:
        change = sources.record_health(
            session, given.source(session), run_id=None, health=SourceHealth.FAILING, now=NOW
        )
    assert change
    with database.transaction() as session:
        answers = [sources.mark_change_done(session, change.id), sources.mark_change_done(session, change.id)]

    with database.reading() as session:
        left = sources.changes_due(session, NOW, 10)
        stored = sources.change_by_id(session, change.id)
    assert (answers, left) == ([True, False], [])
    assert stored
    assert stored.alert_state is AlertState.DONE
