"""storage.companies: whom we watch for, and what a change of it sets off."""

from storage import companies, watch
from storage.base import Database
from storage.companies import DeclaredCompany, DeclaredTerm, SegmentRecord, TermKind
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
    """What the sync said, the watch's revision after it, and the rematches that wait."""
    with database.transaction() as session:
        result = companies.sync_declared(session, items, NOW)
        due = watch.due_rematches(session, now=NOW, limit=10)
        return result, companies.watch_revision(session), list(due)


def active_terms(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(term.company.slug, term.text) for term in companies.active_terms(session)]


def segment(company_id: int, sha256: str = "aa") -> SegmentRecord:
    return SegmentRecord(company_id, "lender-1.seg", "k1", "check", ("email", "phone"), 1, 900, 300, sha256)


def test_a_new_company_asks_for_a_rematch(database: Database) -> None:
    """Its terms are watched from now on, and the archive is gone through."""
    result, revision, due = sync(database, declared("lender", "lender", "趣店"))

    assert (result, revision, len(due)) == (SyncResult(added=("lender",)), "2", 1)
    assert active_terms(database) == [("lender", "lender"), ("lender", "趣店")]


def test_the_same_files_again_change_nothing(database: Database) -> None:
    """No revision, no rematch, no name."""
    _, before, due = sync(database, declared("lender", "lender"))
    result, after, still = sync(database, declared("lender", "lender"))

    assert (result, after, still) == (SyncResult(), before, due)


def test_a_new_term_asks_for_a_rematch_of_its_company_alone(database: Database) -> None:
    """The company that did not change is not looked for again."""
    sync(database, declared("bank", "bank"), declared("lender", "lender"))
    with database.transaction() as session:
        for rematch_id in watch.due_rematches(session, now=NOW, limit=10):
            watch.claim_rematch(session, rematch_id, now=NOW)
    result, _, due = sync(database, declared("bank", "bank"), declared("lender", "lender", "lend.example"))

    with database.reading() as session:
        [asked] = [watch.rematch(session, rematch_id) for rematch_id in due]
        lender = companies.by_slug(session, "lender")
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
    """It is not watched any more, needs no rematch, and is the same row when it comes back."""
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
    """Its terms and segments are left out until its file comes back."""
    sync(database, declared("lender", "lender"))
    with database.transaction() as session:
        lender = companies.by_slug(session, "lender")
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
    """Twenty thousand terms are synced, read and found unchanged."""
    terms = [f"term {number}" for number in range(20_000)]
    sync(database, declared("lender", *terms))
    result, _, _ = sync(database, declared("lender", *terms))

    assert result == SyncResult()
    assert len(active_terms(database)) == len(terms)


def test_a_segment_is_added_once(database: Database) -> None:
    """The same file again is the same row, and asks for no second rematch."""
    with database.transaction() as session:
        company_id = given.company(session)
        watch.claim_rematch(session, 1, now=NOW)
        first = companies.add_segment(session, segment(company_id), NOW)
        raised = companies.watch_revision(session)
        second = companies.add_segment(session, segment(company_id), NOW)
        due = watch.due_rematches(session, now=NOW, limit=10)
        asked = [watch.rematch(session, rematch_id) for rematch_id in due]

    with database.reading() as session:
        [stored] = companies.active_segments(session)
        assert companies.watch_revision(session) == raised
    assert (first, stored.fields, stored.company.slug) == (second, ["email", "phone"], "lender")
    assert [one.scope for one in asked if one] == [MatchScope.FINGERPRINTS]


def test_a_retired_segment_is_not_matched_against(database: Database) -> None:
    """It can be taken up again by importing the same file."""
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
