"""All answers for one company, from pairs of rows and customers as a sweep gives them, and masked rows."""

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import pytest

from matching.attribution.attribution import EnrolledList, MaskedRows, SampleMatches, attribute
from matching.attribution.cohorts import CohortVerdict
from matching.attribution.holders import Holder, HolderKind, HolderVerdict
from matching.attribution.leak_tables import LeakTable
from matching.attribution.overlap import PairTable
from matching.attribution.recycled import RecycledVerdict
from matching.attribution.schema_fit import SchemaVerdict
from matching.comparing.agreements import PAIR
from matching.fingerprints.segments.declared_schema import DeclaredColumn, DeclaredSchema

PEOPLE = 10_000
COHORTS = 50
BEGINS = tuple(date(2014, 1, 1) + timedelta(days=70 * index) for index in range(COHORTS))
SCHEMA = DeclaredSchema(columns=(DeclaredColumn(name="cust_lvl_cd"), DeclaredColumn(name="src_sys_id")))


class World:
    """Persons who are customers 1 to PEOPLE of a CRM; a partner has every third, a breach every fifth."""

    def __init__(self) -> None:
        self.parts = [np.arange(1, PEOPLE + 1), np.arange(3, PEOPLE, 3), np.arange(5, PEOPLE, 5)]
        names = [("crm", HolderKind.SYSTEM), ("partner", HolderKind.SYSTEM), ("old", HolderKind.KNOWN_BREACH)]
        cohorts = np.full(COHORTS + 1, PEOPLE // COHORTS, np.int64)
        cohorts[0] = 0
        self.lists = [
            EnrolledList(
                segment,
                Holder("quillmere", kind, label, len(part)),
                BEGINS if label == "crm" else (),
                cohorts if label == "crm" else np.zeros(1, np.int64),
                lambda ordinals: ((ordinals - 1) // (PEOPLE // COHORTS) + 1).astype(np.uint8),
                SCHEMA if label == "crm" else None,
            )
            for segment, ((label, kind), part) in enumerate(zip(names, self.parts, strict=True))
        ]

    def pairs(self, people: Iterable[int], *, first_row: int = 0) -> PairTable:
        """Return what a sweep finds in a sample of these persons: two fields agree in each list with them."""
        found = []
        for row, person in enumerate(people, first_row):
            for segment, part in enumerate(self.parts):
                place = np.searchsorted(part, person)
                if place < len(part) and part[place] == person:
                    found.append((row, int(place) + 1, segment, 0b11, row + 1, 0))
        return np.array(found, PAIR)


WORLD = World()


def test_an_old_copy_of_the_crm() -> None:
    """Rows of the older 60%, picked at random: dated, of the CRM, not recycled, with its own columns."""
    people = np.random.default_rng(1).choice(np.arange(1, 6_001), 300, replace=False)
    table = LeakTable(["cust_lvl_cd", "phone", "src_sys_id"], [])

    found = attribute(
        "quillmere", WORLD.lists, SampleMatches(WORLD.pairs(people), 300, tables=[table]), covered=0.2
    )

    assert (found.cohorts.verdict, found.cohorts.before) == (CohortVerdict.DATED, BEGINS[30])
    assert found.cohorts.younger_share == pytest.approx(0.4)
    assert (found.holders.verdict, str(found.holders.named[0])) == (
        HolderVerdict.CONSISTENT_WITH,
        "quillmere/crm",
    )
    assert found.recycled.verdict is RecycledVerdict.AS_MANY_AS_ANY_SAMPLE
    assert found.schema.verdict is SchemaVerdict.FITS
    (combination,) = found.overlap.combinations
    assert (combination.rows, combination.customers) == (300, 300)
    assert combination.by_chance == pytest.approx(1.0)
    assert len(found.sentences) == 4


def test_a_recycled_list_is_explained_by_the_breach() -> None:
    """All rows are in the known breach: recycled, and the breach and the CRM cannot be told apart."""
    people = np.random.default_rng(2).choice(WORLD.parts[2], 100, replace=False)

    found = attribute("quillmere", WORLD.lists, SampleMatches(WORLD.pairs(people), 100), covered=0.2)

    assert (found.recycled.verdict, found.recycled.explained) == (RecycledVerdict.RECYCLED, 100)
    assert found.holders.verdict is HolderVerdict.CANNOT_TELL_APART
    assert {holder.label for holder in found.holders.named} == {"old", "crm"}


def test_a_row_that_only_a_breach_has_is_no_match() -> None:
    """Persons of the breach who are no customers are not matched and not explained."""
    lists = [WORLD.lists[2]]
    pairs = WORLD.pairs(range(5, 500, 5))

    found = attribute("quillmere", lists, SampleMatches(pairs[pairs["segment"] == 2], 99))

    assert (found.recycled.matches, found.recycled.verdict) == (0, RecycledVerdict.TOO_FEW_MATCHES)
    assert (found.overlap.combinations, found.cohorts.verdict) == ((), CohortVerdict.NO_DATES)


def test_repeated_rows_count_once() -> None:
    """Four persons in 4,000 rows are four rows: too few to name anybody."""
    people = [7, 70, 700, 7_000] * 1_000

    found = attribute("quillmere", WORLD.lists, SampleMatches(WORLD.pairs(people), 4_000))

    assert (found.holders.verdict, found.holders.rows) == (HolderVerdict.TOO_FEW_ROWS, 4)
    assert (found.recycled.matches, found.cohorts.matches) == (4, 4)


def test_a_breach_of_another_company_explains_nothing() -> None:
    """Known breaches are a company's own: another company's is a holder, but no explanation."""
    people = np.random.default_rng(2).choice(WORLD.parts[2], 50, replace=False)
    lists = [*WORLD.lists[:2], EnrolledList(2, Holder("rival", HolderKind.KNOWN_BREACH, "old", 2_000))]

    found = attribute("quillmere", lists, SampleMatches(WORLD.pairs(people), 50))

    assert found.recycled.verdict is RecycledVerdict.NO_KNOWN_BREACH


def test_nothing_found_is_an_answer() -> None:
    """An empty sample says in each part that there is nothing."""
    found = attribute("quillmere", WORLD.lists, SampleMatches(WORLD.pairs([]), 0))

    verdicts = {key: value.get("verdict") for key, value in found.as_dict().items()}
    assert verdicts == {
        "overlap": None,
        "cohorts": "too_few_matches",
        "recycled": "too_few_matches",
        "holders": "no_holder",
        "schema": "no_columns",
    }


def test_masked_rows_count_where_strangers_do_not_look_like_them() -> None:
    """Ten masked rows of the CRM's oldest customers: holders, cohorts and matches come from tags."""
    held = np.tile(np.array([[1, 0, 0]]), (10, 1))
    masked = MaskedRows(
        held, np.full(10, 1e-7), [np.arange(1, 11, dtype=np.uint8), *[np.zeros(0, np.uint8)] * 2]
    )

    found = attribute("quillmere", WORLD.lists, SampleMatches(WORLD.pairs([]), 10, masked=masked))
    vague = attribute(
        "quillmere",
        WORLD.lists,
        SampleMatches(WORLD.pairs([]), 10, masked=MaskedRows(held, np.full(10, 1e-3), masked.cohorts)),
    )

    assert (found.holders.verdict, found.holders.rows) == (HolderVerdict.CONSISTENT_WITH, 10)
    assert (found.cohorts.verdict, found.cohorts.before) == (CohortVerdict.DATED, BEGINS[10])
    assert (found.recycled.matches, vague.recycled.matches) == (10, 0)


def test_a_huge_breach_explains_no_masked_row_by_chance() -> None:
    """In a breach of ten million people somebody looks like every masked row; that explains none of them."""
    breach = EnrolledList(2, Holder("quillmere", HolderKind.KNOWN_BREACH, "old", 10_000_000))
    held = np.tile(np.array([[1, 0, 1]]), (20, 1))
    masked = [MaskedRows(held, np.full(20, chance), [np.zeros(0, np.uint8)] * 3) for chance in (1e-7, 1e-9)]

    found = [
        attribute("quillmere", [*WORLD.lists[:2], breach], SampleMatches(WORLD.pairs([]), 20, masked=one))
        for one in masked
    ]

    assert [(one.recycled.matches, one.recycled.explained) for one in found] == [(20, 0), (20, 20)]


def test_a_million_pairs_take_bounded_work() -> None:
    """Evenly spaced rows are compared where the table would grow too large; shares stay the same."""
    people = np.tile(np.arange(1, PEOPLE + 1), 5)

    found = attribute("quillmere", WORLD.lists, SampleMatches(WORLD.pairs(people), len(people)))

    assert (found.holders.rows, found.recycled.explained) == (PEOPLE, len(WORLD.parts[2]))
