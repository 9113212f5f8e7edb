"""storage.companies: companies, terms and segments, and what their changes cause."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from storage import companies, watch
from storage.companies import DeclaredCompany, DeclaredTerm, DeltaRecord, SegmentRecord, TermKind
from storage.database.base import Database
from storage.errors import DatabaseConflict
from storage.sources import SyncResult
from storage.watch import MatchScope
from tests.storage import given
from tests.storage.given import NOW


def declared(slug: str, *terms: DeclaredTerm | str) -> DeclaredCompany:
    return DeclaredCompany(
        slug=slug,
        name=slug.title(),
        terms=[DeclaredTerm(one, TermKind.NAME) if isinstance(one, str) else one for one in terms],
        definition={},
        declared_in=f"companies/{slug}.toml",
    )


def sync(database: Database, *items: DeclaredCompany) -> tuple[SyncResult, str, list[int]]:
    """Return the result of a sync, the watch revision after it, and the due rematches."""
    with database.transaction() as session:
        result = companies.sync_declared_companies(session, items, NOW)
        due = watch.due_rematches(session, now=NOW, limit=10)
        return result, companies.watch_revision(session), list(due)


def active_terms(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(term.company.slug, term.text) for term in companies.active_terms(session)]


def segment(company_id: int, sha256: str = "aa") -> SegmentRecord:
    return SegmentRecord(company_id, "lender-1.seg", "k1", "check", ("email", "phone"), 900, 300, sha256)


def test_a_new_company_asks_for_a_rematch(database: Database) -> None:
    """A new company is watched, and its terms are matched with the archive."""
    result, revision, due = sync(database, declared("lender", "lender", "趣店"))

    assert (result, revision, len(due)) == (SyncResult(added=("lender",)), "2", 1)
    assert active_terms(database) == [("lender", "lender"), ("lender", "趣店")]


def test_the_same_files_again_change_nothing(database: Database) -> None:
    """The same files again change no revision and request no rematch."""
    _, before, due = sync(database, declared("lender", "lender"))
    result, after, still = sync(database, declared("lender", "lender"))

    assert (result, after, still) == (SyncResult(), before, due)


def test_a_file_in_another_folder_is_the_same_company(database: Database) -> None:
    """Nodes have their files in different folders: a start of one of them requests no rematch."""
    here = declared("lender", "lender")
    _, before, due = sync(database, here)
    result, after, still = sync(database, replace(here, declared_in="elsewhere/companies/lender.toml"))
    with database.reading() as session:
        file = companies.company_by_slug(session, "lender")

    assert (result, after, still) == (SyncResult(), before, due)
    assert file is not None
    assert file.declared_in == "elsewhere/companies/lender.toml"


def test_a_new_term_asks_for_a_rematch_of_its_company_alone(database: Database) -> None:
    """A company that did not change is not matched again."""
    sync(database, declared("bank", "bank"), declared("lender", "lender"))
    with database.transaction() as session:
        for rematch_id in watch.due_rematches(session, now=NOW, limit=10):
            watch.claim_rematch(session, rematch_id, now=NOW)
    result, _, due = sync(database, declared("bank", "bank"), declared("lender", "lender", "lend.example"))

    with database.reading() as session:
        [asked] = [watch.rematch_by_id(session, rematch_id) for rematch_id in due]
        lender = companies.company_by_slug(session, "lender")
    assert result.changed == ("lender",)
    assert asked
    assert lender
    assert (asked.company_id, asked.scope) == (lender.id, MatchScope.TERMS)


def test_an_exclusion_changes_what_is_found(database: Database) -> None:
    """Another exclusion phrase raises the revision; another owner or reason does not."""
    sync(database, declared("lender", DeclaredTerm("lender", TermKind.NAME, "ann", "our name")))
    _, noted, _ = sync(database, declared("lender", DeclaredTerm("lender", TermKind.NAME, "bob", "brand")))
    _, changed, _ = sync(
        database, declared("lender", DeclaredTerm("lender", TermKind.NAME, "bob", "brand", ("money lender",)))
    )

    with database.reading() as session:
        [term] = companies.active_terms(session)
    assert (noted, changed) == ("2", "3")
    assert (term.owner, term.reason, term.exclude) == ("bob", "brand", ["money lender"])


def test_a_withdrawn_term_stays_as_a_row(database: Database) -> None:
    """A withdrawn term is no longer watched, needs no rematch, and is the same row when it is back."""
    sync(database, declared("lender", "lender", "loans"))
    with database.reading() as session:
        before = {term.text: term.id for term in companies.active_terms(session)}
    _, revision, _ = sync(database, declared("lender", "lender"))
    assert active_terms(database) == [("lender", "lender")]
    sync(database, declared("lender", "lender", "loans"))

    with database.reading() as session:
        after = {term.text: term.id for term in companies.active_terms(session)}
    assert (revision, after) == ("3", before)


def test_a_removed_company_is_not_watched(database: Database) -> None:
    """Terms and segments of a removed company are not active until its file is back."""
    sync(database, declared("lender", "lender"))
    with database.transaction() as session:
        lender = companies.company_by_slug(session, "lender")
        assert lender
        companies.add_segment(session, segment(lender.id), NOW)
    result, _, _ = sync(database)
    with database.reading() as session:
        gone = (companies.active_terms(session), companies.active_segments(session))
    sync(database, declared("lender", "lender"))

    with database.reading() as session:
        back = (len(companies.active_terms(session)), len(companies.active_segments(session)))
    assert (result.removed, gone, back) == (("lender",), ([], []), (1, 1))


def test_many_terms(database: Database) -> None:
    """Twenty thousand terms can be synced and read, and are unchanged at the next sync."""
    terms = [f"term {number}" for number in range(20_000)]
    sync(database, declared("lender", *terms))
    result, _, _ = sync(database, declared("lender", *terms))

    assert result == SyncResult()
    assert len(active_terms(database)) == len(terms)


def test_a_segment_is_added_once(database: Database) -> None:
    """The same file again is the same row and requests no second rematch."""
    with database.transaction() as session:
        company_id = given.company(session)
        watch.claim_rematch(session, 1, now=NOW)
        first = companies.add_segment(session, segment(company_id), NOW)
        raised = companies.watch_revision(session)
        second = companies.add_segment(session, segment(company_id), NOW)
        due = watch.due_rematches(session, now=NOW, limit=10)
        asked = [watch.rematch_by_id(session, rematch_id) for rematch_id in due]

    with database.reading() as session:
        [stored] = companies.active_segments(session)
        assert companies.watch_revision(session) == raised
    assert (first, stored.fields, stored.company.slug) == (second, ["email", "phone"], "lender")
    assert [one.scope for one in asked if one] == [MatchScope.FINGERPRINTS]


def test_a_retired_segment_is_not_matched_against(database: Database) -> None:
    """A retired segment is not active; importing the same file makes it active again."""
    with database.transaction() as session:
        company_id = given.company(session)
        segment_id = companies.add_segment(session, segment(company_id), NOW)
        answers = (
            companies.retire_segment(session, segment_id),
            companies.retire_segment(session, segment_id),
        )
        retired = companies.active_segments(session)
        again = companies.add_segment(session, segment(company_id), NOW)
        active = [one.id for one in companies.active_segments(session)]

    assert (answers, retired, again, active) == ((True, False), [], segment_id, [segment_id])


STATES = [number * 32 for number in "0123"]


def segment_with_deltas(session: Session) -> tuple[int, int]:
    """Store a segment with two deltas; return its id and that of its company."""
    company_id = given.company(session)
    first = replace(segment(company_id), series=STATES[0], state=STATES[0])
    segment_id = companies.add_segment(session, first, NOW)
    for sequence in (2, 1):
        companies.add_delta(session, delta(segment_id, sequence), NOW)
    return segment_id, company_id


def delta(segment_id: int, sequence: int, *, fingerprints: int = 2) -> DeltaRecord:
    name = f"lender-d{sequence}.seg"
    return DeltaRecord(segment_id, STATES[sequence], sequence, name, ("email",), fingerprints, 301, 1, name)


def test_deltas_follow_their_segment(database: Database) -> None:
    """Deltas are sorted by sequence, whatever order they came in, each once; their files are in use."""
    with database.transaction() as session:
        segment_id, _ = segment_with_deltas(session)
    with pytest.raises(DatabaseConflict), database.transaction() as session:
        companies.add_delta(session, delta(segment_id, 2), NOW)

    with database.reading() as session:
        [stored] = companies.active_segments(session)
        files = companies.segment_files(session)
    assert [one.sequence for one in stored.deltas] == [1, 2]
    assert files == {"lender-1.seg", "lender-d1.seg", "lender-d2.seg"}


@pytest.mark.parametrize(("fingerprints", "asked"), [(2, True), (0, False)])
def test_a_delta_asks_for_a_rematch_where_it_adds_customers(
    database: Database, fingerprints: int, asked: bool
) -> None:
    """A delta that only erases requests no rematch; both raise the watch revision."""
    with database.transaction() as session:
        segment_id, _ = segment_with_deltas(session)
        for rematch_id in watch.due_rematches(session, now=NOW, limit=10):
            watch.claim_rematch(session, rematch_id, now=NOW)
        before = companies.watch_revision(session)
        companies.add_delta(session, delta(segment_id, 3, fingerprints=fingerprints), NOW)
        due = watch.due_rematches(session, now=NOW, limit=10)

        assert (bool(due), companies.watch_revision(session) == before) == (asked, False)


def test_a_merged_segment_keeps_its_number(database: Database) -> None:
    """Deltas that are merged into the new file are deleted, a later one stays; no rematch is requested."""
    with database.transaction() as session:
        segment_id, company_id = segment_with_deltas(session)
        waiting = watch.due_rematches(session, now=NOW, limit=10)
        merged = SegmentRecord(
            company_id, "merged.seg", "k1", "check", ("email",), 901, 301, "cd", STATES[0], STATES[1], 1
        )
        renewed = companies.renew_segment(session, segment_id, merged, was="lender-1.seg")
        late = companies.renew_segment(session, segment_id, merged, was="lender-1.seg")
        due = watch.due_rematches(session, now=NOW, limit=10)

    with database.reading() as session:
        [stored] = companies.active_segments(session)
    assert (renewed, late, due) == (True, False, waiting)
    assert (stored.id, stored.file, stored.state, [one.sequence for one in stored.deltas]) == (
        segment_id,
        "merged.seg",
        STATES[1],
        [2],
    )


def test_a_retired_segment_takes_its_deltas_along(database: Database) -> None:
    """The files of a retired segment and its deltas are no longer in use."""
    with database.transaction() as session:
        segment_id, _ = segment_with_deltas(session)
        companies.retire_segment(session, segment_id)

    with database.reading() as session:
        assert companies.segment_files(session) == set()
