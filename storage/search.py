"""Full-text search over listings: one tokenizer, two indexes, the same hits.

Neither database's own tokenizer finds two-character Chinese words, so Python makes the terms and both
databases only store them: SQLite in an FTS5 table, PostgreSQL as a tsvector. A text's terms are a set,
without positions; a query asks for all of its terms.

Terms: text is folded (NFKC, case); what lies between other characters is a word; a run of a script written
without spaces gives its overlapping pairs and its last character, so that one character is found as a prefix.
The index receives masked text only.
"""

import re
import unicodedata
from collections.abc import Sequence
from operator import add

from sqlalchemy import BigInteger, Select, cast, column, false, literal_column, select, table, text
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from storage.columns import MAX_CHAR_BYTES

MAX_TEXT_CHARS = 400_000  # of one listing; what follows is not searchable
MAX_INDEX_BYTES = 512 * 1024  # of one listing's terms; a tsvector ends at 1 MB
MAX_TERM_CHARS = 64
MAX_QUERY_CHARS = 500

# Han, kana, Hangul, Thai, Lao, Myanmar, Khmer: written without spaces, or with words that grow endings.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
)
RUN = re.compile(f"[{UNSPACED}]+")
WORD = re.compile(r"[^\W_]+")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")

# The migration makes it: FTS5 on SQLite, a tsvector with GIN on PostgreSQL. Its rowid is the listing's id.
ENTRIES = table("listing_search", column("rowid", BigInteger), column("terms"))
SQLITE_FORGET = text("DELETE FROM listing_search WHERE rowid = :id")
SQLITE_INDEX = text("INSERT INTO listing_search (rowid, terms) VALUES (:id, :terms)")
POSTGRESQL_INDEX = text(
    "INSERT INTO listing_search (rowid, terms)"
    " SELECT id, array_to_tsvector(string_to_array(terms, ' '))"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:terms AS text[])) AS entry (id, terms)"
    " ON CONFLICT (rowid) DO UPDATE SET terms = excluded.terms"
)


def _pieces(value: str) -> tuple[list[str], list[str]]:
    """Words, and runs of a script without spaces."""
    if value.isascii():
        return WORD.findall(value.lower()), []
    folded = unicodedata.normalize("NFKC", INVISIBLE.sub("", value)).casefold()
    return WORD.findall(RUN.sub(" ", folded)), RUN.findall(folded)


def search_terms(value: str) -> list[str]:
    """The terms that a text is found by, sorted."""
    words, runs = _pieces(value[:MAX_TEXT_CHARS])
    found = {word[:MAX_TERM_CHARS] for word in words}
    for run in runs:
        found.update(map(add, run, run[1:]))
        found.add(run[-1])
    return _bounded(sorted(found))


def _bounded(ordered: list[str]) -> list[str]:
    if sum(map(len, ordered)) * MAX_CHAR_BYTES <= MAX_INDEX_BYTES:
        return ordered
    kept, room = [], MAX_INDEX_BYTES
    for term in ordered:
        room -= len(term.encode())
        if room < 0:
            break
        kept.append(term)
    return kept


def query_terms(query: str) -> list[tuple[str, bool]]:
    """What a query asks for: terms, each with whether longer ones that begin with it do as well."""
    words, runs = _pieces(query[:MAX_QUERY_CHARS])
    wanted = dict.fromkeys((word[:MAX_TERM_CHARS], False) for word in words)
    for run in runs:
        pairs = list(map(add, run, run[1:]))
        wanted.update(dict.fromkeys((pair, False) for pair in pairs) if pairs else {(run, True): None})
    return list(wanted)


def matching_listing_ids(session: Session, query: str) -> Select[tuple[int]]:
    """The ids of the listings that hold every term of the query; none where the query holds no term."""
    wanted = query_terms(query)
    if not wanted:
        return select(ENTRIES.c.rowid).where(false())
    if session.get_bind().dialect.name == "postgresql":
        lexemes = " & ".join(f"'{term}'" + ":*" * prefix for term, prefix in wanted)
        return select(ENTRIES.c.rowid).where(ENTRIES.c.terms.op("@@")(cast(lexemes, TSQUERY)))
    phrase = " AND ".join(f'"{term}"' + "*" * prefix for term, prefix in wanted)
    return select(ENTRIES.c.rowid).where(literal_column("listing_search").op("MATCH")(phrase))


def index_listing(session: Session, listing_id: int, value: str) -> None:
    index_listings(session, [(listing_id, value)])


def index_listings(session: Session, entries: Sequence[tuple[int, str]]) -> None:
    """From now on each listing is found by this text alone. Masked text only."""
    if not entries:
        return
    rows = [{"id": listing_id, "terms": " ".join(search_terms(value))} for listing_id, value in entries]
    if session.get_bind().dialect.name == "postgresql":
        columns = {"ids": [row["id"] for row in rows], "terms": [row["terms"] for row in rows]}
        session.execute(POSTGRESQL_INDEX, columns)
        return
    session.execute(SQLITE_FORGET, rows)
    session.execute(SQLITE_INDEX, rows)
