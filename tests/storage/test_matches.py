"""storage.matches: matches and summaries of a version, recorded once."""

import pytest

from storage import companies, listings, matches
from storage.database.base import Database
from storage.errors import WatchChanged
from storage.listings import MatchState
from storage.matches import CompanyResult, MatchKind, MatchRecord
from storage.sources import AlertState
from storage.watch import MatchScope, raise_watch_revision
from tests.storage import given
from tests.storage.given import NOW


def mention(company_id: int, count: int = 1) -> CompanyResult:
    found = [
        MatchRecord(MatchKind.MENTION, "title", f"title:{n}", f"mention {n}", excerpt="data of lender")
        for n in range(count)
    ]
    fields = {"title": count} if count else {}
    return CompanyResult(company_id, found, mentions=count, mention_fields=fields, terms=["lender"])


def hits(company_id: int, ordinals: tuple[int, ...], rows_scanned: int = 40) -> CompanyResult:
    found = [
        MatchRecord(MatchKind.FINGERPRINT, "phone", f"sample:{n}", f"hit {n}", ordinal=n) for n in ordinals
    ]
    many = len(ordinals)
    return CompanyResult(
        company_id,
        found,
        hits={"phone": many} if many else {},
        single_hits=many,
        customers=many,
        candidates=rows_scanned,
        rows_scanned=rows_scanned,
    )


def both(company_id: int) -> CompanyResult:
    one, other = mention(company_id), hits(company_id, (7, 8))
    return CompanyResult(
        company_id,
        [*one.matches, *other.matches],
        one.mentions,
        one.mention_fields,
        one.terms,
        other.hits,
        other.single_hits,
        0,
        other.customers,
        other.candidates,
        other.rows_scanned,
    )


@pytest.fixture
def version_id(database: Database) -> int:
    with database.transaction() as session:
        return given.version(session)


@pytest.fixture
def company_id(database: Database) -> int:
    with database.transaction() as session:
        return given.company(session)


def test_recording_makes_the_version_matched(database: Database, version_id: int, company_id: int) -> None:
    """Recording stores the matches and a pending summary, and makes the version matched."""
    with database.transaction() as session:
        [summary_id] = matches.record_matches(session, version_id, [both(company_id)], now=NOW)

    with database.reading() as session:
        summary = matches.summary_by_id(session, summary_id)
        found = matches.matches_of_version(session, version_id, limit=10)
        version = listings.version_by_id(session, version_id)
        due = matches.summaries_due_for_evaluation(session, now=NOW, limit=10)
    assert summary
    assert version
    assert (summary.mentions, summary.hits, summary.customers) == (1, {"phone": 2}, 2)
    assert [(one.kind, one.ordinal) for one in found] == [
        (MatchKind.MENTION, None),
        (MatchKind.FINGERPRINT, 7),
        (MatchKind.FINGERPRINT, 8),
    ]
    assert (version.match_state, due) == (MatchState.MATCHED, [summary_id])


def test_recording_twice_is_recording_once(database: Database, version_id: int, company_id: int) -> None:
    """The same result again leaves the same rows, and returns no summary to judge."""
    with database.transaction() as session:
        [summary_id] = matches.record_matches(session, version_id, [both(company_id)], now=NOW)
        before = matches.summary_by_id(session, summary_id)
        assert before
        matches.mark_evaluated(session, summary_id, before.digest)
    with database.transaction() as session:
        again = matches.record_matches(session, version_id, [both(company_id)], now=NOW)

    with database.reading() as session:
        found = len(matches.matches_of_version(session, version_id, limit=10))
        due = matches.summaries_due_for_evaluation(session, now=NOW, limit=10)
    assert (again, found, due) == ([], 3, [])


def test_more_text_scanned_is_no_news(database: Database, version_id: int, company_id: int) -> None:
    """The same hits among more rows give no summary to judge."""
    with database.transaction() as session:
        matches.record_matches(session, version_id, [hits(company_id, (7,), rows_scanned=40)], now=NOW)
        again = matches.record_matches(
            session, version_id, [hits(company_id, (7,), rows_scanned=90)], now=NOW
        )
        [summary] = matches.summaries_of_listing(session, 1)

    assert (again, summary.rows_scanned) == ([], 90)


def test_a_stronger_result_is_news(database: Database, version_id: int, company_id: int) -> None:
    """A stronger result makes the summary pending again, and the old digest does not match it."""
    with database.transaction() as session:
        [summary_id] = matches.record_matches(session, version_id, [hits(company_id, (7,))], now=NOW)
        old = matches.summary_by_id(session, summary_id)
        assert old
        old_digest = old.digest
        again = matches.record_matches(session, version_id, [hits(company_id, (7, 8))], now=NOW)
        judged = matches.mark_evaluated(session, summary_id, old_digest)

    assert (again, judged) == ([summary_id], False)


def test_it_is_judged_once(database: Database, version_id: int, company_id: int) -> None:
    """Of two judgements of the same counts, only the first returns True."""
    with database.transaction() as session:
        [summary_id] = matches.record_matches(session, version_id, [mention(company_id)], now=NOW)
        summary = matches.summary_by_id(session, summary_id)
        assert summary
        answers = [matches.mark_evaluated(session, summary_id, summary.digest) for _ in range(2)]

    with database.reading() as session:
        stored = matches.summary_by_id(session, summary_id)
    assert answers == [True, False]
    assert stored
    assert stored.alert_state is AlertState.DONE


def test_a_rematch_of_terms_leaves_the_hits(database: Database, version_id: int, company_id: int) -> None:
    """Only the part that was matched again is replaced, in the matches and in the summary."""
    with database.transaction() as session:
        matches.record_matches(session, version_id, [both(company_id)], now=NOW)
        matches.record_matches(session, version_id, [mention(company_id, 2)], now=NOW, scope=MatchScope.TERMS)

    with database.reading() as session:
        [summary] = matches.summaries_of_listing(session, 1)
        found = [one.kind for one in matches.matches_of_version(session, version_id, limit=10)]
    assert (summary.mentions, summary.hits) == (2, {"phone": 2})
    assert sorted(found) == [MatchKind.FINGERPRINT] * 2 + [MatchKind.MENTION] * 2


def test_a_rematch_of_one_company_leaves_the_others(
    database: Database, version_id: int, company_id: int
) -> None:
    """The matches of another company stay."""
    with database.transaction() as session:
        other_id = given.company(session, "bank")
        other = MatchRecord(MatchKind.MENTION, "body", "body:1", "bank mention")
        of_bank = CompanyResult(other_id, [other], mentions=1, mention_fields={"body": 1}, terms=["bank"])
        matches.record_matches(session, version_id, [mention(company_id), of_bank], now=NOW)
        matches.record_matches(session, version_id, [], now=NOW, company_ids=[company_id])

    with database.reading() as session:
        left = [one.company_id for one in matches.summaries_of_listing(session, 1)]
        found = [one.identity for one in matches.matches_of_version(session, version_id, limit=10)]
    assert (left, found) == ([other_id], ["bank mention"])


def test_nothing_found_any_more_leaves_no_summary(
    database: Database, version_id: int, company_id: int
) -> None:
    """If nothing is found any more, matches and summary are deleted; a version without matches has none."""
    with database.transaction() as session:
        matches.record_matches(session, version_id, [mention(company_id)], now=NOW)
        touched = matches.record_matches(session, version_id, [mention(company_id, 0)], now=NOW)

    with database.reading() as session:
        assert matches.summaries_of_listing(session, 1) == []
        assert matches.summaries_due_for_evaluation(session, now=NOW, limit=10) == []
    assert touched == []


def test_a_partial_rematch_does_not_make_a_version_matched(
    database: Database, version_id: int, company_id: int
) -> None:
    """A pending version stays pending if only its terms were matched."""
    with database.transaction() as session:
        matches.record_matches(session, version_id, [mention(company_id)], now=NOW, scope=MatchScope.TERMS)

    with database.reading() as session:
        assert listings.versions_due_for_matching(session, now=NOW, limit=10) == [version_id]


def test_a_watch_that_changed_meanwhile(database: Database, version_id: int, company_id: int) -> None:
    """A result of an older watch is refused completely, so that it cannot replace a newer one."""
    with database.reading() as session:
        watched = companies.watch_revision(session)
    with database.transaction() as session:
        raise_watch_revision(session)
    with pytest.raises(WatchChanged) as error, database.transaction() as session:
        matches.record_matches(session, version_id, [mention(company_id)], now=NOW, watched=watched)

    with database.reading() as session:
        assert matches.matches_of_version(session, version_id, limit=10) == []
        assert listings.versions_due_for_matching(session, now=NOW, limit=10) == [version_id]
    assert not error.value.permanent


def test_a_version_that_is_not_there(database: Database, company_id: int) -> None:
    """Recording for a missing version does nothing."""
    with database.transaction() as session:
        assert matches.record_matches(session, 99, [mention(company_id)], now=NOW) == []


def test_many_matches(database: Database, version_id: int, company_id: int) -> None:
    """Ten thousand hits of one version are stored in one call."""
    with database.transaction() as session:
        matches.record_matches(session, version_id, [hits(company_id, tuple(range(10_000)))], now=NOW)

    with database.reading() as session:
        assert len(matches.matches_of_version(session, version_id, limit=20_000)) == 10_000
