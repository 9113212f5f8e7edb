"""storage.search: one tokenizer, and the same results on both databases."""

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from storage import listings, search
from storage.database.base import Database
from storage.search import MAX_INDEX_BYTES, MAX_TERM_CHARS, query_terms, search_terms
from tests.storage import given

CORPUS = {
    "english": "Fresh database of a lender, 1.2M rows. Sample: 138****5678, j***n@example.com",
    "chinese": "出售趣店学生贷款数据，华为员工资料，一手",
    "traditional": "出售趣店學生資料",
    "japanese": "顧客データベースを販売します カタカナ",
    "korean": "고객 데이터베이스 판매합니다",
    "thai": "ขายข้อมูลลูกค้า",
    "russian": "Продаю базу клиентов банка",
    "full width": "ｑｕｄｉａｎ　ＤＡＴＡ",
    "mixed": "来源qudian.com数据",
    "hidden": "qud\u200bian and le\u00adnder",
    "one": "华",
    "rare": "\U00020bb7\U00020bb8 𫝀𫝁",
    "empty": "",
    "signs": "!!! --- ***",
}
HITS = [
    ("华为", {"chinese"}),
    ("趣店", {"chinese", "traditional"}),
    ("学生", {"chinese"}),
    ("趣店学生", {"chinese"}),
    ("出售 资料", {"chinese"}),
    ("华", {"chinese", "one"}),
    ("料", {"chinese", "traditional"}),
    ("据", {"chinese", "mixed"}),
    ("lender", {"english", "hidden"}),
    ("LENDER", {"english", "hidden"}),
    ("qudian", {"full width", "hidden", "mixed"}),
    ("ｑｕｄｉａｎ", {"full width", "hidden", "mixed"}),
    ("qudian.com", {"mixed"}),
    ("example.com", {"english"}),
    ("138 5678", {"english"}),
    ("データ", {"japanese"}),
    ("カタカナ", {"japanese"}),
    ("고객", {"korean"}),
    ("ข้อมูล", {"thai"}),
    ("БАЗУ", {"russian"}),
    ("\U00020bb7\U00020bb8", {"rare"}),
    ("𫝀", {"rare"}),
    ("lend", set()),
    ("qudians", set()),
    ("趣学", set()),
    ("", set()),
    ("   ", set()),
    ("***", set()),
]
HOSTILE = [
    "'",
    '"',
    "''",
    '"趣店" OR "',
    "lender AND",
    "lender NEAR(rows, 2)",
    "terms:lender",
    "^lender",
    "lender*",
    "-lender",
    "lender & !rows | (",
    "lender:*",
    "<->",
    "\\",
    "%",
    "_",
    ");DROP TABLE listings;--",
    "\0lender",
    "\ud800lender",
    "lender" * 1000,
    "趣店" * 1000,
    "a b c d e f g h " * 200,
]


@pytest.fixture
def corpus(database: Database) -> Database:
    with database.transaction() as session:
        source_id = given.source(session)
        records = [given.record(key, title=text, body="") for key, text in CORPUS.items()]
        listings.upsert_many(session, source_id, records, given.NOW)
    return database


def found(database: Database, query: str) -> set[str]:
    with database.reading() as session:
        return {listing.key for listing in listings.search_listings(session, query)}


@pytest.mark.parametrize(("query", "keys"), HITS)
def test_hits(corpus: Database, query: str, keys: set[str]) -> None:
    """Two-character Chinese words, single characters and other scripts give the same results on both
    databases.
    """
    assert found(corpus, query) == keys


@pytest.mark.parametrize("query", HOSTILE)
def test_a_query_is_never_a_syntax_error(corpus: Database, query: str) -> None:
    """Characters of a query language have no meaning in a query."""
    assert found(corpus, query) <= set(CORPUS)


def test_what_a_listing_said_before_is_not_found(database: Database) -> None:
    """After a new version, the listing is found by the new text only."""
    with database.transaction() as session:
        given.version(session, title="old words", content_digest="a")
        given.version(session, title="new words", content_digest="b")

    assert found(database, "old") == set()
    assert found(database, "new words") == {"1"}


def test_filters_and_words_go_together(database: Database) -> None:
    """A search is newest first, filtered, and continues below the last id of a page."""
    with database.transaction() as session:
        for number in range(5):
            given.version(session, str(number), claimed_records=number * 100)
        forum = given.source(session, "forum")
        listings.upsert_many(session, forum, [given.record("forum")], given.NOW)

    def keys(limit: int = 10, **filters: object) -> list[str]:
        with database.reading() as session:
            wanted = listings.ListingFilters(**filters)  # type: ignore[arg-type] # the test names them
            return [
                one.key for one in listings.search_listings(session, "offer", filters=wanted, limit=limit)
            ]

    assert keys(source="market", min_records=200) == ["4", "3", "2"]
    assert keys(source="market", limit=2) == ["4", "3"]
    assert keys(source="market", below_id=4) == ["2", "1", "0"]
    assert keys(source="forum") == ["forum"]


@generated(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_every_part_of_a_text_finds_it(text: str) -> None:
    """The terms of a query are among the terms of the same text, or are a prefix of one."""
    indexed = search_terms(text)

    assert all(
        any(term.startswith(word) for term in indexed) if prefix else word in indexed
        for word, prefix in query_terms(text)
    )


@generated(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_a_term_is_one_term_for_both_databases(text: str) -> None:
    """No term contains a character at which a database splits, or an operator."""
    assert all(term and not set(term) & set(" '\"\\&|!:*()<>\0") for term in search_terms(text))


def test_terms_are_bounded() -> None:
    """The terms stay within the limits for one endless word and for a million different words."""
    many = " ".join(f"w{number:x}" for number in range(100_000)) + "".join(map(chr, range(0x4E00, 0x9FFF)))

    assert search_terms("x" * 10_000) == ["x" * MAX_TERM_CHARS]
    assert sum(len(term.encode()) for term in search_terms(many)) <= MAX_INDEX_BYTES


def test_an_entry_of_the_largest_size_is_stored(database: Database) -> None:
    """Both databases store an entry of the largest size."""
    text = " ".join(f"{number:032x}" for number in range(40_000))
    with database.transaction() as session:
        given.version(session, title=text)
        search.index_listing(session, 1, text)

    assert found(database, f"{7:032x}") == {"1"}
