"""Answers in which every part is there, from a simulated base. Everything in them is invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np

from benchmarks.ours_bases import People, SimulatedBase, World, draw_people, sample_rows
from matching.attribution.attribution import Attribution
from matching.attribution.cohorts import date_copy
from matching.attribution.holders import Holder, HolderKind, compare_holders
from matching.attribution.overlap import Overlap
from matching.attribution.recycled import recycled_share
from matching.attribution.schema_fit import SchemaFit, SchemaVerdict
from matching.identifiers import Field
from matching.investigation.investigation import Investigation
from matching.investigation.ours_part import OursPart, ours_part
from matching.investigation.seen_canaries import SeenCanaries, SeenCanarySet
from matching.investigation.subject import SeenAlert, SeenCapture, SeenListing, SubjectKind
from matching.masked_samples.sample_rows import SampleRow
from tests.matching.investigation.answers import COMPANY

WORLD = World("a town", 50_000, in_one_region=0.6, names_by_region=True, skewed_endings=True)
COHORTS = 40


@cache
def simulated_base() -> SimulatedBase:
    return SimulatedBase(draw_people(WORLD, WORLD.customers, np.random.default_rng(1)))


def masked_rows(customers: int, strangers: int = 0) -> list[SampleRow]:
    """Return rows of customers and of strangers, masked as telephone number and family name."""
    rng, base = np.random.default_rng(7), simulated_base()
    own = base.people.at(rng.choice(len(base.people), customers, replace=False))
    return sample_rows(People.together(own, draw_people(WORLD, strangers, rng)))


@cache
def judged_rows(customers: int, strangers: int = 0) -> OursPart:
    return ours_part(masked_rows(customers, strangers), simulated_base(), {})


def attribution(*, cohorts_of_copy: int = 28, others: Sequence[Holder] = ()) -> Attribution:
    """Return that of 60 matches from the older cohorts, which the CRM and a partner hold."""
    begins = tuple(date(2012, 1, 1) + timedelta(days=91 * number) for number in range(COHORTS))
    enrolled = np.full(COHORTS + 1, 1_250, np.int64)
    matched = np.zeros(COHORTS + 1, np.int64)
    matched[1 : cohorts_of_copy + 1] = 2
    holders = [
        Holder(COMPANY, HolderKind.COMPANY, "", 50_000),
        Holder(COMPANY, HolderKind.SYSTEM, "crm", 50_000),
        Holder(COMPANY, HolderKind.SYSTEM, "callcentre", 15_000),
        Holder(COMPANY, HolderKind.KNOWN_BREACH, "breach-2015", 4_000),
        *others,
    ]
    held = np.zeros((60, len(holders)), np.int64)
    held[:, :2] = 1
    held[:58, 2] = 1
    held[:9, 3] = 1
    return Attribution(
        COMPANY,
        Overlap(60, (), (), ()),
        date_copy(matched, enrolled, begins),
        recycled_share({"breach-2015": held[:, 3] > 0}, 60, None),
        compare_holders(holders, held, np.full(60, 1 / 50_000)),
        SchemaFit(SchemaVerdict.NO_SCHEMA),
    )


CANARIES = SeenCanaries(
    enrolled=10,
    sets=(
        SeenCanarySet(
            "crm", date(2026, 1, 15), None, 2, 2, (Field.PHONE, Field.EMAIL), "sample.csv:7", (3, 5)
        ),
    ),
)


def whole_answer(
    answer: Investigation,
    part: OursPart,
    *,
    others: Sequence[Holder] = (),
    canaries: SeenCanaries | None = None,
) -> Investigation:
    """Return an answer with every part about its company."""
    companies = tuple(
        replace(
            one,
            ours=part,
            attribution=attribution(others=others),
            canaries=canaries or SeenCanaries(10, ()),
        )
        if one.company == COMPANY
        else one
        for one in answer.companies
    )
    return replace(answer, companies=companies)


LISTING = SeenListing(
    id=4711,
    source="market",
    url="https://market.example/item/<b>1</b>",
    title="出售 <script>alert(1)</script> 客户数据 #eval(1)",
    seller="grey*heron",
    price="5,000 USDT",
    claimed_records=1_000_000,
    posted_at=None,
    first_seen_at=datetime(2026, 11, 29, 1, 2, tzinfo=UTC),
    last_seen_at=datetime(2026, 11, 30, 3, 4, tzinfo=UTC),
    gone_at=None,
    versions=2,
    same_offers=(4712,),
    captures=(
        SeenCapture(
            url="https://market.example/item/1",
            fetched_at=datetime(2026, 11, 29, 1, 2, tzinfo=UTC),
            status=200,
            bytes=12_345,
            sha256="ab" * 32,
            file="2026-11-29.warc.gz",
            offset=99,
            gone=None,
        ),
    ),
    unread=("evidence_expired",),
)
ALERT = SeenAlert(
    id=12,
    company=COMPANY,
    severity="critical",
    state="acknowledged",
    opened_at=datetime(2026, 11, 29, 1, 3, tzinfo=UTC),
    updated_at=datetime(2026, 11, 30, 3, 4, tzinfo=UTC),
    messages=2,
    acknowledged_at=datetime(2026, 11, 29, 8, 0, tzinfo=UTC),
)


def about_an_alert(answer: Investigation) -> Investigation:
    """Return the answer as one about the listing of an alert."""
    subject = replace(answer.subject, kind=SubjectKind.ALERT, listing=LISTING, alert=ALERT)
    return replace(answer, subject=subject)
