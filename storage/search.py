"""Full-text search over listings: one tokenizer, two indexes, the same hits.

The tokenizers of the databases do not find two-character Chinese words. So Python makes the terms, and both
databases only store them: SQLite in an FTS5 table, PostgreSQL as a tsvector. The terms of a text are a set
without positions; a query finds the texts that have all of its terms.

Text is folded (NFKC, case). Letters and digits between other characters form a word, which is a term. A run
of characters of a script without spaces gives its overlapping pairs and its last character as terms, so that
a query of one character finds it as a prefix. Only masked text is indexed.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import add
from typing import Self

from sqlalchemy import BigInteger, ColumnElement, cast, column, false, literal_column, table, text
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from storage.database.columns import MAX_CHAR_BYTES

MAX_TEXT_CHARS = 400_000  # of one listing; the rest is not searchable
MAX_INDEX_BYTES = 512 * 1024  # of one listing's terms; PostgreSQL limits a tsvector to 1 MB
MAX_TERM_CHARS = 64
MAX_QUERY_CHARS = 500

# Han, kana, Hangul, Thai, Lao, Myanmar, Khmer: written without spaces, or with endings on their words.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
)
RUN = re.compile(f"[{UNSPACED}]+")
WORD = re.compile(r"[^\W_]+")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")

# The migration creates it: FTS5 on SQLite, a tsvector with GIN on PostgreSQL. Its rowid is the listing's id.
ENTRIES = table("listing_search", column("rowid", BigInteger), column("terms"))
SQLITE_FORGET = text("DELETE FROM listing_search WHERE rowid = :id")
SQLITE_INDEX = text("INSERT INTO listing_search (rowid, terms) VALUES (:id, :terms)")
POSTGRESQL_INDEX = text(
    "INSERT INTO listing_search (rowid, terms)"
    " SELECT id, array_to_tsvector(string_to_array(terms, ' '))"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:terms AS text[])) AS entry (id, terms)"
    " ON CONFLICT (rowid) DO UPDATE SET terms = excluded.terms"
)


def _words_and_runs(value: str) -> tuple[list[str], list[str]]:
    """Return the words of a text, and its runs of scripts without spaces."""
    if value.isascii():
        return WORD.findall(value.lower()), []
    folded = folded_text(value)
    return WORD.findall(RUN.sub(" ", folded)), RUN.findall(folded)


def search_terms(value: str) -> list[str]:
    """Return the terms of a text, sorted."""
    words, runs = _words_and_runs(value[:MAX_TEXT_CHARS])
    found = {word[:MAX_TERM_CHARS] for word in words}
    for run in runs:
        found.update(map(add, run, run[1:]))
        found.add(run[-1])
    return _within_size_limit(sorted(found))


def _within_size_limit(ordered: list[str]) -> list[str]:
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
    """Return the terms of a query, each with whether it is a prefix, which longer terms match too."""
    words, runs = _words_and_runs(query[:MAX_QUERY_CHARS])
    wanted = dict.fromkeys((word[:MAX_TERM_CHARS], False) for word in words)
    for run in runs:
        pairs = list(map(add, run, run[1:]))
        wanted.update(dict.fromkeys((pair, False) for pair in pairs) if pairs else {(run, True): None})
    return list(wanted)


def has_terms(session: Session, query: str) -> ColumnElement[bool]:
    """Return the condition for entries that have every term; without terms, no entry has them."""
    wanted = query_terms(query)
    if not wanted:
        return false()
    if session.get_bind().dialect.name == "postgresql":
        lexemes = " & ".join(f"'{term}'" + ":*" * prefix for term, prefix in wanted)
        return ENTRIES.c.terms.op("@@")(cast(lexemes, TSQUERY))
    phrase = " AND ".join(f'"{term}"' + "*" * prefix for term, prefix in wanted)
    return literal_column("listing_search").op("MATCH")(phrase)


@dataclass(frozen=True, slots=True)
class QueryText:
    """The words of a query, and its runs of scripts without spaces, both folded."""

    words: frozenset[str]
    runs: tuple[str, ...]

    @classmethod
    def of(cls, query: str) -> Self:
        words, runs = _words_and_runs(query[:MAX_QUERY_CHARS])
        return cls(frozenset(words), tuple(dict.fromkeys(runs)))

    @property
    def phrases(self) -> tuple[str, ...]:
        """The runs of more than two characters. A text may have their pairs, and not the runs."""
        return tuple(run for run in self.runs if len(run) > 2)

    def has_phrases(self, value: str) -> bool:
        """Return whether a text has each phrase as it stands."""
        missing = [phrase for phrase in self.phrases if phrase not in value]
        if not missing:
            return True
        folded = folded_text(value)
        return all(phrase in folded for phrase in missing)


def folded_text(value: str) -> str:
    """Return a text as it is compared: NFKC, without case and invisible characters."""
    if value.isascii():
        return value.lower()
    return unicodedata.normalize("NFKC", INVISIBLE.sub("", value)).casefold()


def index_listing(session: Session, listing_id: int, value: str) -> None:
    index_listings(session, [(listing_id, value)])


def index_listings(
    session: Session, entries: Sequence[tuple[int, str]], *, new: Collection[int] = ()
) -> None:
    """Replace the indexed text of each listing. Pass masked text only. `new`: listings that have none yet."""
    if not entries:
        return
    rows = [{"id": listing_id, "terms": " ".join(search_terms(value))} for listing_id, value in entries]
    if session.get_bind().dialect.name == "postgresql":
        columns = {"ids": [row["id"] for row in rows], "terms": [row["terms"] for row in rows]}
        session.execute(POSTGRESQL_INDEX, columns)
        return
    if known := [row for row in rows if row["id"] not in new]:
        session.execute(SQLITE_FORGET, known)
    session.execute(SQLITE_INDEX, rows)
