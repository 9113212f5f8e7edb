"""The signals of a finding: which facts show that it is real and serious, and how much each one weighs.

One table, RULES, holds all signals of a finding; docs/reference/alerts.md shows the same table. A rule looks
at `FindingFacts` and returns nothing or one sentence that anyone can check. Weights are points, which
`severity` adds up. The operator may change any weight under [alerts.severity.weights]; a weight of 0 shows a
signal without counting it.

The weights follow from a measurement of chance. 10 million random phone numbers, compared with 1 million
customers, gave 2,342 hits on one field (0.023%) and not one row that agreed on a second field. So a row that
agrees on two fields weighs as much as everything a seller can claim, one single hit weighs next to nothing,
and many single hits count only if their share is far above chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from alerts.wording import format_count, format_share, format_time, nth
from storage.canary_matches import CanaryEvidence

CHANCE = 2_342 / 10_000_000 / 1_000_000  # expected chance hits per candidate and enrolled customer
LIFT_MIN_HITS = 5
LIFT_MIN_SHARE = 0.01  # over forty times chance
MANY_ROWS = 10
MANY_CUSTOMERS = 100
MASS_CUSTOMERS = 10_000
MANY_CLAIMED = 10_000
MASS_CLAIMED = 1_000_000
DOMAINS_SHOWN = 5
DATA_CLASSES_SHOWN = 8
SETS_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryFact:
    """A canary in a version of a listing: a customer who does not exist, planted in one system."""

    evidence: CanaryEvidence
    system: str
    partner: str | None
    issued: date
    expires: date | None
    fields: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it was planted, in words."""
        return f"{self.system}, as the partner {self.partner} gets it" if self.partner else self.system

    @property
    def days(self) -> str:
        """Since when it was there, and until when."""
        until = f" until {self.expires.isoformat()}" if self.expires else ""
        return f"since {self.issued.isoformat()}{until}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFact:
    """The answer to "is it ours?" for the rows whose identifiers are masked."""

    verdict: str
    rows: int
    share_low: float | None = None
    share_middle: float | None = None
    share_high: float | None = None
    assumption: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFacts:
    """What is known about one company in one version of a listing: counts, never values."""

    #: Number of mentions by field of the listing; `address` and `lookalike` are signals of their own.
    mentions: Mapping[str, int] = field(default_factory=dict)
    domains: tuple[str, ...] = ()  # the watch terms of kind domain that are named by themselves, defanged
    coherent_rows: int = 0
    customers: int = 0
    single_hits: int = 0
    candidates: int = 0
    enrolled: int = 0  # enrolled customers, at most: a customer may be in several segments
    claimed_records: int | None = None
    price: str | None = None
    data_classes: tuple[str, ...] = ()
    offer_number: int = 1  # number of this offer of the same data, over all sellers and sources
    first_offered_at: datetime | None = None  # None for a first offer
    canaries: tuple[CanaryFact, ...] = ()
    masked: SampleFact | None = None
    known_rows: Mapping[str, int] = field(default_factory=dict)  # by the name of a known breach
    recycled_rows: Mapping[str, int] = field(default_factory=dict)  # of them, rows of customers


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule found: a count, if the signal counts something, and a sentence for people."""

    count: int | None
    text: str


class Rule(NamedTuple):
    """A signal: its name, its points, its line in the docs (`meaning`) and the function that looks for it.

    `hits` is True for signals that rest on the company's own fingerprints, not on a name or a seller's claim.
    """

    name: str
    weight: int
    meaning: str
    observe: Callable[[FindingFacts], Observation | None]
    hits: bool = False


def _at_least(count: int, least: int, sentence: str) -> Observation | None:
    """Return the sentence with the count in place of `{n}`, or None if the count is below `least`."""
    return Observation(count, sentence.format(n=format_count(count))) if count >= least else None


def _mention_rule(field_name: str, place: str) -> Callable[[FindingFacts], Observation | None]:
    def observe_mentions(facts: FindingFacts) -> Observation | None:
        count = facts.mentions.get(field_name, 0)
        if not count:
            return None
        times = f" {format_count(count)} times" if count > 1 else ""
        return Observation(count, f"The company is named{times} in {place}.")

    return observe_mentions


def _coherent_rows(facts: FindingFacts) -> Observation | None:
    if not facts.coherent_rows:
        return None
    agree = (
        "1 row agrees" if facts.coherent_rows == 1 else f"{format_count(facts.coherent_rows)} rows each agree"
    )
    return Observation(
        facts.coherent_rows,
        f"{agree} with an enrolled customer on two or more identifiers. This does not happen by chance.",
    )


def _single_hits(facts: FindingFacts) -> Observation | None:
    if not facts.single_hits:
        return None
    hits = (
        "1 identifier of a customer stands alone in its row"
        if facts.single_hits == 1
        else f"{format_count(facts.single_hits)} identifiers of customers stand alone in their row"
    )
    return Observation(
        facts.single_hits,
        f"{hits}. By chance, comparing {format_count(facts.candidates)} candidates with "
        f"{format_count(facts.enrolled)} customers would give {_expected_by_chance(facts)}.",
    )


def _expected_by_chance(facts: FindingFacts) -> str:
    expected = facts.candidates * facts.enrolled * CHANCE
    return "less than 1" if expected < 1 else f"about {expected:,.0f}"


def _single_hits_share(facts: FindingFacts) -> Observation | None:
    if facts.single_hits < LIFT_MIN_HITS or facts.single_hits < facts.candidates * LIFT_MIN_SHARE:
        return None
    share = facts.single_hits / max(facts.candidates, 1)
    return Observation(
        None,
        f"{share:.1%} of the candidates are identifiers of customers, far more than chance gives "
        f"({_expected_by_chance(facts)} of {format_count(facts.candidates)}).",
    )


def _domains(facts: FindingFacts) -> Observation | None:
    if not facts.domains:
        return None
    return Observation(
        None,
        f"A domain of the company is named ({', '.join(facts.domains[:DOMAINS_SHOWN])}). Unlike a name, a "
        "domain cannot mean anybody else.",
    )


def _address_mentions(facts: FindingFacts) -> Observation | None:
    return _at_least(
        facts.mentions.get("address", 0),
        1,
        "E-mail addresses at a domain of the company are in the text ({n}). Anybody may have one.",
    )


def _lookalikes(facts: FindingFacts) -> Observation | None:
    return _at_least(
        facts.mentions.get("lookalike", 0),
        1,
        "The name of another host contains a domain of the company ({n}). Such names are made to be "
        "taken for it.",
    )


def _claimed_rule(least: int, sentence: str) -> Callable[[FindingFacts], Observation | None]:
    return lambda facts: _at_least(facts.claimed_records or 0, least, sentence)


def _price(facts: FindingFacts) -> Observation | None:
    return Observation(None, f"The data is for sale. Price: {facts.price}.") if facts.price else None


def _data_classes(facts: FindingFacts) -> Observation | None:
    if not facts.data_classes:
        return None
    return Observation(
        len(facts.data_classes),
        f"The seller lists these kinds of data: {', '.join(facts.data_classes[:DATA_CLASSES_SHOWN])}.",
    )


def _repost(facts: FindingFacts) -> Observation | None:
    if facts.first_offered_at is None:
        return None
    return Observation(
        facts.offer_number,
        f"This is the {nth(facts.offer_number)} offer of the same data. The first one was seen "
        f"{format_time(facts.first_offered_at)}.",
    )


def _canary(facts: FindingFacts) -> Observation | None:
    found = [one for one in facts.canaries if one.evidence is CanaryEvidence.CERTAIN]
    if not found:
        return None
    what = "A canary is" if len(found) == 1 else f"{format_count(len(found))} canaries are"
    fields = sorted({field_name.replace("_", " ") for one in found for field_name in one.fields})
    return Observation(
        len(found),
        f"{what} in the data, recognised by {', '.join(fields)}. A canary is a customer who does not exist, "
        f"planted in one place only: {_planted_places(found)}.",
    )


def _canary_several(facts: FindingFacts) -> Observation | None:
    certain = [one for one in facts.canaries if one.evidence is CanaryEvidence.CERTAIN]
    places = {(one.system, one.partner) for one in certain}
    return _at_least(
        len(places),
        2,
        "Canaries of {n} places are in the data: it was put together from several copies, or copied where "
        "they come together.",
    )


def _planted_places(found: Sequence[CanaryFact]) -> str:
    """Return the places and days of canaries, each once."""
    places = list(dict.fromkeys(f"{one.place} ({one.days})" for one in found))
    more = f" and {len(places) - SETS_SHOWN} more" if len(places) > SETS_SHOWN else ""
    return "; ".join(places[:SETS_SHOWN]) + more


def _masked_canary(facts: FindingFacts) -> Observation | None:
    found = [one for one in facts.canaries if one.evidence is CanaryEvidence.CONSISTENT]
    if not found:
        return None
    places = {(one.system, one.partner) for one in found}
    which = "" if len(places) == 1 else " Which of them it is, a masked row does not say."
    return Observation(
        len(places),
        f"Masked rows are consistent with canaries of {_planted_places(found)}.{which} By chance at most one "
        "sample in 1,000 has such a row. Only a whole value would be certain.",
    )


def _canary_single(facts: FindingFacts) -> Observation | None:
    count = sum(one.evidence is CanaryEvidence.SINGLE for one in facts.canaries)
    return _at_least(
        count,
        1,
        "A telephone number, or a name with a birth date, of {n} canaries stands alone in its row. Others "
        "may have it.",
    )


def _known_breach(facts: FindingFacts) -> Observation | None:
    if not facts.known_rows:
        return None
    name, rows = max(facts.known_rows.items(), key=lambda item: item[1])
    recycled = facts.recycled_rows.get(name, 0)
    what = "1 row is" if rows == 1 else f"{format_count(rows)} rows are"
    also = (
        f" Of {format_count(facts.coherent_rows)} rows that agree with customers, {format_count(recycled)} "
        "are among them."
        if facts.coherent_rows
        else ""
    )
    return Observation(
        rows, f"{what} known from the breach {name}: the data, or a part of it, may be an old leak.{also}"
    )


def _masked_rule(verdict: str, sentence: str) -> Callable[[FindingFacts], Observation | None]:
    """Return a rule for one verdict; `sentence` may name {rows}, {share} and {detail}."""

    def observe_masked(facts: FindingFacts) -> Observation | None:
        masked = facts.masked
        if masked is None or masked.verdict != verdict:
            return None
        text = sentence.format(
            rows=format_count(masked.rows),
            share=format_share(masked.share_low, masked.share_middle, masked.share_high),
            detail=masked.detail,
        )
        rests = f" Weakest assumption: {masked.assumption}." if masked.assumption else ""
        return Observation(masked.rows, text.strip() + rests)

    return observe_masked


RULES: tuple[Rule, ...] = (
    Rule(
        "canary",
        100,
        "a customer who does not exist and was planted in one system only",
        _canary,
        hits=True,
    ),
    Rule(
        "canary_several",
        20,
        "canaries of two or more systems or partners, in addition to the line above",
        _canary_several,
        hits=True,
    ),
    Rule(
        "masked_ours",
        100,
        "rows with masked identifiers are those of customers",
        _masked_rule(
            "ours",
            "What is visible of {rows} masked rows belongs to customers: {share}. Both tests agree.",
        ),
        hits=True,
    ),
    Rule(
        "coherent_rows",
        70,
        "rows that agree with one enrolled customer on two or more identifiers",
        _coherent_rows,
        hits=True,
    ),
    Rule(
        "masked_partly_ours",
        60,
        "a part of the rows with masked identifiers is that of customers",
        _masked_rule(
            "partly_ours",
            "What is visible of a part of {rows} masked rows belongs to customers: {share}. Both tests "
            "agree.",
        ),
        hits=True,
    ),
    Rule(
        "masked_canary",
        60,
        "masked rows are consistent with canaries",
        _masked_canary,
        hits=True,
    ),
    Rule(
        "masked_pairing_broken",
        30,
        "single visible values of masked rows are those of customers, but not the rows",
        _masked_rule(
            "pairing_broken",
            "Single visible values of {rows} masked rows belong to customers, but not in the same row: "
            "columns or values were exchanged, or the rows are invented from real values.",
        ),
        hits=True,
    ),
    Rule(
        "masked_tests_disagree",
        25,
        "the two tests of masked rows disagree",
        _masked_rule(
            "tests_disagree",
            "The two tests of {rows} masked rows disagree, so they do not say whose they are. {detail}",
        ),
        hits=True,
    ),
    Rule(
        "masked_shared_clients",
        15,
        "few of the masked rows are those of customers, as where two companies share clients",
        _masked_rule(
            "shared_clients_only",
            "A small part of {rows} masked rows belongs to customers: {share}. Two companies with clients in "
            "common show as much.",
        ),
        hits=True,
    ),
    Rule(
        "canary_single",
        5,
        "a canary's telephone number, or name with birth date, alone in its row",
        _canary_single,
    ),
    Rule(
        "coherent_rows_many",
        30,
        "10 or more such rows",
        lambda facts: _at_least(
            facts.coherent_rows,
            MANY_ROWS,
            "{n} such rows are part of a customer table, not a coincidence.",
        ),
        hits=True,
    ),
    Rule(
        "customers_many",
        10,
        "100 or more different customers among the hits",
        lambda facts: _at_least(
            facts.customers, MANY_CUSTOMERS, "The hits belong to {n} different customers."
        ),
        hits=True,
    ),
    Rule(
        "customers_mass",
        20,
        "10,000 or more different customers, in addition to the line above",
        lambda facts: _at_least(
            facts.customers, MASS_CUSTOMERS, "Hits of {n} different customers point to a bulk copy."
        ),
        hits=True,
    ),
    Rule(
        "single_hits",
        10,
        "identifiers of customers without a second one in the same row",
        _single_hits,
        hits=True,
    ),
    Rule(
        "single_hits_share",
        25,
        "5 or more single hits that are 1% or more of the candidates (over forty times chance)",
        _single_hits_share,
        hits=True,
    ),
    Rule("mention_title", 30, "a watch term in the title", _mention_rule("title", "the title")),
    Rule("mention_sample", 15, "a watch term in the sample", _mention_rule("sample", "the sample")),
    Rule("mention_body", 10, "a watch term in the body", _mention_rule("body", "the text")),
    Rule(
        "mention_attachment",
        10,
        "a watch term in a text attachment",
        _mention_rule("attachment", "a text attachment"),
    ),
    Rule("term_domain", 10, "the watch term is a domain, not a name or a brand", _domains),
    Rule(
        "mention_address",
        5,
        "a watched domain is that of e-mail addresses",
        _address_mentions,
    ),
    Rule(
        "lookalike_domain",
        15,
        "another host's name contains a watched domain",
        _lookalikes,
    ),
    Rule(
        "claimed_records",
        10,
        "10,000 or more claimed records",
        _claimed_rule(MANY_CLAIMED, "The seller claims to have {n} records."),
    ),
    Rule(
        "claimed_records_mass",
        10,
        "1,000,000 or more claimed records, in addition to the line above",
        _claimed_rule(MASS_CLAIMED, "The claim is one million records or more."),
    ),
    Rule("price", 10, "a price is given", _price),
    Rule("data_classes", 5, "kinds of data are named", _data_classes),
    Rule(
        "known_breach",
        5,
        "rows agree with people of a known breach on two or more identifiers",
        _known_breach,
    ),
    Rule("repost", 0, "the same data was offered before; shown, not counted", _repost),
)

HIT_SIGNALS = frozenset(rule.name for rule in RULES if rule.hits)

# Each other kind of alert has one signal, so that its severity is explained and set in the same way.
SOURCE_WEIGHTS: Mapping[str, tuple[int, str]] = {
    "source_page_not_recognised": (40, "pages of a source arrived, but nothing on them was recognised"),
    "source_could_not_fetch": (30, "a source could not be fetched"),
    "source_refused": (30, "fetching a source is not allowed (robots.txt, a private address, a scheme)"),
    "source_wall": (40, "a source shows a login, a captcha, a queue, a ban or an age check, not its pages"),
    "source_parser_degraded": (30, "a selector of a source stopped finding what it always found"),
    "source_flapping": (30, "the health of a source keeps changing; reported once"),
    "source_failing": (40, "runs of a source end in a crash, a deadline or a memory limit"),
}
CHANNEL_WEIGHTS: Mapping[str, tuple[int, str]] = {
    "channel_dead": (60, "a channel does not deliver; alerts reach fewer people than they should"),
}
INSTALLATION_WEIGHTS: Mapping[str, tuple[int, str]] = {
    "storage_failed": (60, "what runs read cannot be stored, so new offers are not seen"),
    "disk_filling": (40, "a disk will be full within days, or has little more than its floor"),
    "disk_floor": (60, "a disk is below its floor, so no new work is taken and new offers are not seen"),
    "audit_broken": (60, "the audit log was changed, or a part of it is missing"),
    "audit_head": (0, "the daily message with the head of the audit log"),
    "schedule_behind": (30, "sources skip a considerable share of their slots, so offers are seen late"),
}
TEST_WEIGHTS: Mapping[str, tuple[int, str]] = {"test": (0, "somebody asked for a test")}
DIGEST_WEIGHTS: Mapping[str, tuple[int, str]] = {
    "digest": (0, "a digest of messages that a channel's settings held back; each has its own severity"),
}

DEFAULT_WEIGHTS: Mapping[str, int] = {rule.name: rule.weight for rule in RULES} | {
    name: weight
    for table in (SOURCE_WEIGHTS, CHANNEL_WEIGHTS, INSTALLATION_WEIGHTS, TEST_WEIGHTS, DIGEST_WEIGHTS)
    for name, (weight, _) in table.items()
}
