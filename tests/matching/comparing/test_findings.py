"""Matching of listings' texts: mentions with masked excerpts, hits with ordinals, and coherent rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.comparing.findings import Findings
from matching.comparing.listing_text import OVERLAP, PIECE, ListingComparison, TextPart
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import first_header, in_order, open_segment, records_of, write_segment
from matching.identifiers import Field, canonical
from matching.mentions.excerpts import excerpt
from matching.mentions.terms import WatchTerm
from matching.watch import Watch, WatchedSegment, watch_of
from tests.matching.customers import FIELDS, Customer, customers

KEY = RootKey("k1", bytes(range(32)))
ROWS = customers(200)
TERMS = [WatchTerm(1, 1, "qudian", "name"), WatchTerm(2, 2, "趣店", "name")]


def segment(folder: Path, rows: Sequence[Customer], *, company: int = 1, first: int = 1) -> WatchedSegment:
    """Return an open segment of these customers, whose ordinals begin at `first`."""
    slug = f"company{company}"
    records = {}
    for place, field in enumerate(FIELDS, 1):
        values = [canonical(field, row[place], "CN") or "" for row in rows]
        ordinals = np.arange(first, first + len(rows), dtype=np.uint32)
        records[field] = [in_order(records_of(KEY.fingerprinter(slug, field)(values), ordinals))]
    path = folder / f"{slug}-{first}.segment"
    now = datetime(2026, 3, 1, tzinfo=UTC)
    counts = dict.fromkeys(records, len(rows))
    header = first_header(
        company=slug, default_region="CN", key=KEY, customers=len(rows), counts=counts, now=now
    )
    write_segment(path, header, records)
    return WatchedSegment(company * 10 + first, company, open_segment(path), "CN", KEY)


def matched(watch: Watch, *texts: str, limit: int = 1000) -> Findings:
    """Return what is found in these texts, each the body of a listing."""
    findings = Findings(watch, limit)
    comparison = ListingComparison(findings)
    for number, text in enumerate(texts):
        comparison.match_part(TextPart("body", f"body {number}", text))
    return findings


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return watch_of(TERMS, [segment(tmp_path_factory.mktemp("segments"), ROWS)])


def test_rows_of_a_dump_are_coherent(watch: Watch) -> None:
    """Ten rows of customers with five fields each give ten coherent rows and fifty hits."""
    text = "\n".join(",".join(row) for row in ROWS[20:30])

    found = matched(watch, text).companies[1]

    assert (found.tally.coherent_rows, found.tally.single_hits, found.tally.customers) == (10, 0, 10)
    assert found.hit_fields == dict.fromkeys(FIELDS, 10)
    assert {(hit.line, hit.ordinal) for hit in found.hits} == {
        (number, 20 + number) for number in range(1, 11)
    }


def test_a_list_of_one_field_is_of_single_hits(watch: Watch) -> None:
    """The rows of an e-mail and password list agree on one field only."""
    text = "\n".join(f"{row.email}:secret" for row in ROWS[:10])

    tally = matched(watch, text).companies[1].tally

    assert (tally.coherent_rows, tally.single_hits) == (0, 10)


def test_a_record_over_several_lines_is_coherent(watch: Watch) -> None:
    """Lines of `key: value` are one row until an empty line."""
    text = f"Name: x\nMail: {ROWS[0].email}\nCard: {ROWS[0].card}\n\nMail: {ROWS[1].email}"

    tally = matched(watch, text).companies[1].tally

    assert (tally.coherent_rows, tally.single_hits) == (1, 1)


MIXED = [f"{row.email},{ROWS[39 - place].phone}" for place, row in enumerate(ROWS[:40])]
OWN = [f"N,{row.email},{row.phone}" for row in ROWS[:40]]


@pytest.mark.parametrize("end", [";", "|", "\0", "\n"])
def test_a_text_on_one_line_has_one_row_per_record(watch: Watch, end: str) -> None:
    """As in a dump, fields agree within a record only, and a hit's line is the number of its record."""
    own, mixed = matched(watch, end.join(OWN)), matched(watch, end.join(MIXED))

    tally = own.companies[1].tally
    assert (tally.coherent_rows, tally.single_hits, own.rows_scanned) == (40, 0, 40)
    assert mixed.companies[1].tally.coherent_rows == 0
    assert [(hit.line, hit.start) for hit in own.companies[1].hits if hit.field is Field.EMAIL] == [
        (number, end.join(OWN).index(row.email)) for number, row in enumerate(ROWS[:40], 1)
    ]


def test_a_long_text_on_one_line_is_taken_in_pieces_that_end_with_a_record(watch: Watch) -> None:
    """No customer is lost between two pieces, and a term is found across the sign that ends a record."""
    text = " ".join(f"{row.email}:{row.resident_id}" for row in ROWS)
    long = f"{text} {'x' * 80} " * (PIECE // len(text) + 2) + "qu dian"
    terms = [WatchTerm(1, 1, "qu dian", "name")]

    found = matched(watch_of(terms, watch.segments), long, limit=10).companies[1]

    assert len(long) > PIECE
    assert (found.tally.coherent_rows, found.tally.single_hits) == (long.count("@"), 0)
    assert found.terms == {"qu dian": 1}


def test_values_of_two_customers_in_a_row_are_not_coherent(watch: Watch) -> None:
    """A row is coherent only if both fields belong to one customer."""
    tally = matched(watch, f"{ROWS[0].email},{ROWS[1].card}").companies[1].tally

    assert (tally.coherent_rows, tally.single_hits, tally.customers) == (0, 2, 2)


def test_strangers_hit_nothing(watch: Watch) -> None:
    """Rows of people who are not customers are counted as candidates and rows, and nothing is found."""
    findings = matched(watch, "\n".join(",".join(row) for row in customers(300)[250:]))

    assert (findings.companies, findings.candidates >= 250, findings.rows_scanned) == ({}, True, 50)


def test_ordinals_of_two_segments_are_different_customers(tmp_path: Path) -> None:
    """Customer 1 of one segment is not customer 1 of another."""
    watched = watch_of([], [segment(tmp_path, ROWS[:5]), segment(tmp_path, ROWS[5:10], first=2)])

    tally = matched(watched, f"{ROWS[1].email},{ROWS[5].card}").companies[1].tally

    assert (tally.coherent_rows, tally.customers) == (0, 2)


def test_companies_are_matched_in_one_pass(tmp_path: Path) -> None:
    """Each company has its own subkeys, and a customer of both is a hit of both."""
    watched = watch_of(TERMS, [segment(tmp_path, ROWS[:5]), segment(tmp_path, ROWS[4:9], company=2)])

    findings = matched(watched, f"qudian {ROWS[4].email} {ROWS[4].card}")

    assert {company: found.tally.coherent_rows for company, found in findings.companies.items()} == {
        1: 1,
        2: 1,
    }
    assert {company: sum(found.mention_fields.values()) for company, found in findings.companies.items()} == {
        1: 1,
        2: 0,
    }


def test_places_are_those_of_the_whole_text(watch: Watch) -> None:
    """Lines and offsets are those of the whole text, however many pieces it is matched in."""
    filler = ("x" * 99 + "\n") * (PIECE // 100 * 2 + 7)
    text = f"{filler}qudian {ROWS[0].email}"

    found = matched(watch, text).companies[1]

    assert [(one.line, text[one.start :][:6]) for one in found.mentions] == [
        (filler.count("\n") + 1, "qudian")
    ]
    assert [(one.line, text[one.start :]) for one in found.hits] == [(filler.count("\n") + 1, ROWS[0].email)]


@pytest.mark.parametrize("unit", ["lorem ", "x", "й"])
@pytest.mark.parametrize("before_cut", [-OVERLAP, -OVERLAP // 2 - 3, -OVERLAP // 2, -6, -3, 0, 1])
def test_what_stands_across_a_cut_is_found_once(watch: Watch, unit: str, before_cut: int) -> None:
    """In a line longer than a piece, a name and an address at the cut are found, each in its place."""
    at = PIECE + before_cut
    filler = (unit * PIECE)[: at - 1]
    text = f"{filler} qudian {ROWS[0].email} {unit * 3000}"

    found = matched(watch, text).companies[1]

    assert [(one.line, one.start) for one in found.mentions] == [(1, at)]
    assert [(one.line, text[one.start :].partition(" ")[0]) for one in found.hits] == [(1, ROWS[0].email)]


def test_a_word_that_is_cut_is_no_name(watch: Watch) -> None:
    """A piece that ends behind the first letters of a longer word finds no name in it."""
    text = f"{'lorem ' * (PIECE // 6)}{'x' * (PIECE % 6 - 7)} qudianers {'lorem ' * 3000}"

    assert all(not matched(watch, f"{'x' * shift} {text}").companies[1].mentions for shift in range(0, 12, 3))


def test_matches_are_kept_up_to_the_limit_and_all_counted(watch: Watch) -> None:
    """Of a hundred matches ten are kept, all are counted, and `cut` names the bound."""
    findings = matched(watch, "qudian " * 50 + f"{ROWS[0].email} " * 50, limit=10)
    found = findings.companies[1]

    assert (len(found.kept), found.mention_fields["body"], found.hit_fields[Field.EMAIL]) == (10, 50, 50)
    assert findings.cut == {"matches"}


def test_the_time_is_bounded(watch: Watch) -> None:
    """When the time is up, the rest is not matched, and `cut` names the bound."""
    findings = Findings(watch, 10)

    ListingComparison(findings, expired=lambda: True).match_part(TextPart("body", "body", "qudian"))

    assert (findings.companies, findings.cut) == ({}, {"time"})


def test_an_excerpt_is_masked_short_and_holds_the_mention() -> None:
    """Identifiers around the mention are masked, also those that the end of the excerpt cuts in two."""
    row = ",".join(ROWS[0])
    text = f"{row} " * 3 + "\x1b[31mselling\n趣店 data of 17000000000\n" + f" {row}" * 3
    start = text.index("趣店")

    shown = excerpt(text, start, start + 2)

    assert "selling 趣店 data of 170****0000" in shown
    assert (len(shown) < 200, "\x1b" in shown, "\n" in shown) == (True, False, False)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 199), st.integers(0, 120), st.integers(0, 120))
def test_no_excerpt_shows_a_value(number: int, before: int, after: int) -> None:
    """No excerpt shows a part of an identifier, however far from the mention the identifier stands."""
    row = ROWS[number]
    text = f"{','.join(row)} {'x ' * before}qudian{' x' * after} {','.join(row)}"
    start = text.index("qudian")

    shown = excerpt(text, start, start + 6)

    tails = (row.email.partition("@")[0][-4:] + "@", row.card[-9:], row.resident_id[-9:], row.iban[-9:])
    assert not any(tail in shown for tail in tails)
    assert "qudian" in shown


def test_a_mention_in_an_address_does_not_unmask_it() -> None:
    """If the mention is the domain of an address, its local part stays masked."""
    text = "write to zhang.san@qudian.example now"
    start = text.index("qudian")

    assert excerpt(text, start, start + 6) == "write to z***n@qudian.example now"
