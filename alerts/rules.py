"""The signals of a finding: what may speak for its being real and grave, and how much each weighs.

One table, RULES, holds them all; docs/reference/alerts.md shows the same one. A rule looks at `Facts` and
says nothing (None) or one sentence that anyone can check. Weights are points; `severity` adds them up. The
operator may change any weight under [alerts.severity.weights]; 0 shows a signal without counting it.

About chance: 10 million random phone numbers tried against 1 million customers gave 2,342 hits on one field
(0.023%), and not one row that agreed on a second field. So a row that agrees on two fields weighs as much as
everything a seller can claim, a single hit next to nothing, and many single hits count where their share is
far above chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

CHANCE = 2_342 / 10_000_000 / 1_000_000  # single hits by chance, for each candidate and enrolled customer
LIFT_MIN_HITS = 5
LIFT_MIN_SHARE = 0.01  # over forty times chance
MANY_ROWS = 10
MANY_CUSTOMERS = 100
MASS_CUSTOMERS = 10_000
MANY_CLAIMED = 10_000
MASS_CLAIMED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one company's part in one version of a listing. Counts, never values."""

    mentions: Mapping[str, int] = field(default_factory=dict)  # field of the listing -> times
    domains: tuple[str, ...] = ()  # matched terms of kind domain, as the operator wrote them
    coherent_rows: int = 0
    customers: int = 0
    single_hits: int = 0
    candidates: int = 0
    enrolled: int = 0  # customers with fingerprints, at most: a customer may be in several segments
    claimed_records: int | None = None
    price: str | None = None
    data_classes: tuple[str, ...] = ()
    offer_number: int = 1  # of the same data, by whomever and wherever
    first_offered_at: datetime | None = None  # None for a first offer


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule has to say: a count, where there is one, and a sentence."""

    count: int | None
    text: str


class Rule(NamedTuple):
    """A signal: its name, its points and the function that finds it. `meaning` is its line in the docs.

    `hits` marks what rests on the company's own fingerprints: neither the seller's claims nor a name.
    """

    name: str
    weight: int
    meaning: str
    says: Callable[[Facts], Said | None]
    hits: bool = False


_NTH = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def nth(number: int) -> str:
    """The ordinal numeral: in words as far as ten."""
    if number < len(_NTH):
        return _NTH[number]
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{suffix}"


def _counted(count: int, least: int, sentence: str) -> Said | None:
    return Said(count, sentence.format(n=f"{count:,}")) if count >= least else None


def _mentioned(place: str, words: str) -> Callable[[Facts], Said | None]:
    def says(facts: Facts) -> Said | None:
        times = facts.mentions.get(place, 0)
        if not times:
            return None
        return Said(times, f"Named in {words}" + (f", {times:,} times." if times > 1 else "."))

    return says


def _coherent_rows(facts: Facts) -> Said | None:
    if not facts.coherent_rows:
        return None
    if facts.coherent_rows == 1:
        text = "1 row agrees with an enrolled customer on two identifiers or more. Chance does not do that."
    else:
        text = (
            f"{facts.coherent_rows:,} rows each agree with an enrolled customer on two identifiers or more. "
            "Chance does not do that."
        )
    return Said(facts.coherent_rows, text)


def _single_hits(facts: Facts) -> Said | None:
    if not facts.single_hits:
        return None
    one = facts.single_hits == 1
    hits = (
        "1 identifier of a customer stands"
        if one
        else f"{facts.single_hits:,} identifiers of customers stand"
    )
    tried = f"{facts.candidates:,} candidates against {facts.enrolled:,} customers"
    return Said(facts.single_hits, f"{hits} alone in the row. Chance gives {_by_chance(facts)} of {tried}.")


def _by_chance(facts: Facts) -> str:
    expected = facts.candidates * facts.enrolled * CHANCE
    return "less than 1" if expected < 1 else f"about {expected:,.0f}"


def _single_hits_share(facts: Facts) -> Said | None:
    if facts.single_hits < LIFT_MIN_HITS or facts.single_hits < facts.candidates * LIFT_MIN_SHARE:
        return None
    share = facts.single_hits / max(facts.candidates, 1)
    return Said(None, f"{share:.1%} of the candidates belong to customers; chance gives {_by_chance(facts)}.")


def _domains(facts: Facts) -> Said | None:
    if not facts.domains:
        return None
    return Said(None, f"A domain is named ({', '.join(facts.domains[:5])}), which has no second meaning.")


def _claimed(least: int, sentence: str) -> Callable[[Facts], Said | None]:
    return lambda facts: _counted(facts.claimed_records or 0, least, sentence)


def _price(facts: Facts) -> Said | None:
    return Said(None, f"It is for sale: {facts.price}.") if facts.price else None


def _data_classes(facts: Facts) -> Said | None:
    if not facts.data_classes:
        return None
    return Said(
        len(facts.data_classes), f"The seller names kinds of data: {', '.join(facts.data_classes[:8])}."
    )


def _repost(facts: Facts) -> Said | None:
    if facts.first_offered_at is None:
        return None
    return Said(
        facts.offer_number,
        f"This is the {nth(facts.offer_number)} offer of the same data, first seen "
        f"{facts.first_offered_at:%Y-%m-%d %H:%M} UTC.",
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "coherent_rows",
        70,
        "rows that agree with one enrolled customer on two identifiers or more",
        _coherent_rows,
        hits=True,
    ),
    Rule(
        "coherent_rows_many",
        30,
        "10 such rows or more",
        lambda f: _counted(f.coherent_rows, MANY_ROWS, "{n} such rows: a piece of a table, not an accident."),
        hits=True,
    ),
    Rule(
        "customers_many",
        10,
        "100 different customers or more among the hits",
        lambda f: _counted(f.customers, MANY_CUSTOMERS, "{n} different customers are among the hits."),
        hits=True,
    ),
    Rule(
        "customers_mass",
        20,
        "10,000 different customers or more, on top of the line above",
        lambda f: _counted(f.customers, MASS_CUSTOMERS, "{n} customers: a bulk copy."),
        hits=True,
    ),
    Rule(
        "single_hits", 10, "identifiers of customers that stand alone in their row", _single_hits, hits=True
    ),
    Rule(
        "single_hits_share",
        25,
        "5 or more of them, and 1% or more of the candidates (over forty times chance)",
        _single_hits_share,
        hits=True,
    ),
    Rule("mention_title", 30, "a watch term in the title", _mentioned("title", "the title")),
    Rule("mention_sample", 15, "a watch term in the sample", _mentioned("sample", "the sample shown")),
    Rule("mention_body", 10, "a watch term in the body", _mentioned("body", "the text")),
    Rule(
        "mention_attachment",
        10,
        "a watch term in a text attachment",
        _mentioned("attachment", "a text attachment"),
    ),
    Rule("term_domain", 10, "the term is a domain, not a name or a brand", _domains),
    Rule(
        "claimed_records",
        10,
        "10,000 claimed records or more",
        _claimed(MANY_CLAIMED, "The seller claims {n} records."),
    ),
    Rule(
        "claimed_records_mass",
        10,
        "1,000,000 claimed records or more, on top of the line above",
        _claimed(MASS_CLAIMED, "That is a claim of a million or more."),
    ),
    Rule("price", 10, "a price is named", _price),
    Rule("data_classes", 5, "kinds of data are named", _data_classes),
    Rule("repost", 0, "the same data was offered before; shown, not counted", _repost),
)

HIT_SIGNALS = frozenset(rule.name for rule in RULES if rule.hits)

# Signals of the other kinds of alert: one each, so that their severity is explained and set in the same way.
SOURCE_WEIGHTS: Mapping[str, tuple[int, str]] = {
    "source_page_not_recognised": (40, "a source's pages came, and nothing on them was recognised"),
    "source_could_not_fetch": (30, "a source could not be fetched"),
    "source_refused": (30, "a source may not be fetched (robots.txt, a private address, a scheme)"),
    "source_wall": (40, "a source shows a login, a captcha, a queue, a ban or an age gate, not its pages"),
    "source_parser_degraded": (30, "a source's pages lack what they always had: a selector finds nothing"),
    "source_flapping": (30, "a source's health changes again and again; told once"),
    "source_failing": (40, "a source's runs end in a crash, a deadline or a memory limit"),
}
CHANNEL_WEIGHTS: Mapping[str, tuple[int, str]] = {
    "channel_dead": (60, "a channel delivers nothing; alerts reach fewer people than they should"),
}
TEST_WEIGHTS: Mapping[str, tuple[int, str]] = {"test": (0, "somebody asked for a test")}

DEFAULT_WEIGHTS: Mapping[str, int] = {rule.name: rule.weight for rule in RULES} | {
    name: weight
    for table in (SOURCE_WEIGHTS, CHANNEL_WEIGHTS, TEST_WEIGHTS)
    for name, (weight, _) in table.items()
}
