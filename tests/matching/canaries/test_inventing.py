"""Invented customers look like customers, and every number of them lies in a range that nobody is issued."""

import random
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import stdnum

from matching.canaries.inventing import CanaryInventor
from matching.canaries.ranges import REGIONS
from matching.canaries.register import Canary
from matching.errors import CanaryValueRefused
from matching.identifiers import Field, canonical, scan
from tests.docs.pages import ROOT

TODAY = date(2026, 3, 1)
DOMAIN = "postkasten.example"
WITHDRAWN_BY = 1982  # numbers were given from 1984 on
#: What the sources of `ranges` reserve, as they write it.
RESERVED_PHONES = {
    "CN": r"\+86(?:10|2[12]|579)9[0-478]\d{6}",
    "GB": r"\+44(?:207946|113496|114496|116496|117496|118496|121496|131496|141496|151496|161496)0\d{3}",
    "US": r"\+1(?:212|312|213|713|602|215|206|303|404|617)95[89]\d{4}",
    "FR": r"\+33(?:19900|26191|35301|46571|53649)\d{4}",
    "DE": r"\+49(?:3023125\d{3}|4066969\d{3}|2214710\d{3}|8999998\d{3}|6990009\d{3}"
    r"|17139200\d\d|176040690\d\d)",
    "SE": r"\+46(?:8465004\d\d|3139006\d\d|4062804\d\d|7017406[1-9]\d)",
    "AU": r"\+61[2378](?:5550|7010)\d{4}",
}


def canaries(region: str, count: int = 60, **given: Any) -> list[Canary]:
    inventor = CanaryInventor(region, mail_domain=DOMAIN, choice=random.Random(7), **given)
    return inventor.invented(count, today=TODAY)


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_every_phone_is_in_the_countrys_reserved_range(region: str) -> None:
    """Nobody who exists is called because a thief, or the press, dials a canary."""
    found = [canary.phone for canary in canaries(region)]

    assert len(set(found)) == len(found)
    assert [phone for phone in found if not re.fullmatch(RESERVED_PHONES[region], phone or "")] == []


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_a_leaked_row_of_a_canary_is_read_like_that_of_a_customer(region: str) -> None:
    """Each value is one that a scan of a text recognises, so that its fingerprint can be found."""
    for canary in canaries(region, 10):
        row = f"{canary.name},{canary.phone},{canary.resident_id or ''},{canary.email}"
        forms = {candidate.canonical for candidate in scan(row, region)}

        assert forms >= {canary.phone, canary.email, *([canary.resident_id] if canary.resident_id else [])}


def withdrawn_areas() -> set[str]:
    """The area codes of GB/T 2260 that were withdrawn by 1982 for good, by the copy of python-stdnum."""
    found, province = set(), ""
    table = (Path(stdnum.__file__).with_name("cn") / "loc.dat").read_text("utf-8")
    for line in table.splitlines():
        if head := re.match(r"(\d\d) province", line):
            province = head[1]
        elif area := re.match(r'\s+(\d{4}) county="(.*)"', line):
            last = re.fullmatch(r"(?:.*,)?\[\d*-(\d{4})\][^\[]*", area[2])
            if last and int(last[1]) <= WITHDRAWN_BY:
                found.add(province + area[1])
    return found


def test_every_resident_id_has_an_area_that_was_withdrawn_before_numbers_were_given() -> None:
    """So nobody has the number, whatever the birth date and the sequence; its check digit is right."""
    found = canaries("CN", 200)

    assert {str(canary.resident_id)[:6] for canary in found} <= withdrawn_areas()
    for canary in found:
        assert canonical(Field.RESIDENT_ID, str(canary.resident_id), "CN") == canary.resident_id
        assert str(canary.resident_id)[6:14] == f"{canary.birth_date:%Y%m%d}"


def test_the_canaries_of_a_set_are_of_all_ages_and_places() -> None:
    """A copy that was cut by age or place still holds some."""
    found = canaries("CN", 56)
    ages = sorted((TODAY - canary.birth_date).days // 365 for canary in found)

    assert [sum(low <= age < low + 11 for age in ages) for low in range(21, 76, 11)] == pytest.approx(
        [11] * 5, abs=1
    )
    assert len({str(canary.resident_id)[:6] for canary in found}) == 28


def test_no_canary_looks_like_an_example() -> None:
    """What a thief filters at once is nowhere: example domains of ours, 555 numbers, test cards."""
    everything = [canary for region in REGIONS for canary in canaries(region, 20)]

    assert not [
        one for one in everything if re.search(r"\+1\d{3}555|\+447700900|\+441632960", one.phone or "")
    ]
    assert {one.card for one in everything} == {None}
    assert {one.email.partition("@")[2] for one in everything if one.email} == {DOMAIN}


def test_a_later_set_repeats_no_value_of_the_register() -> None:
    """A hit belongs to one set only."""
    first = canaries("SE", 90)
    later = canaries("SE", 90, taken=first)

    assert _values(first) & _values(later) == set()


def _values(rows: list[Canary]) -> set[str]:
    return {value for one in rows for value in (one.phone, one.email) if value}


def test_where_a_range_is_used_up_the_number_is_left_out() -> None:
    """Two canaries never share a number; the Swedish range has 390 numbers."""
    found = canaries("SE", 450)

    phones = [one.phone for one in found if one.phone]
    assert len(set(phones)) == len(phones) <= 390
    assert len(found) == 450


def test_numbers_and_cards_that_the_company_gives_are_used() -> None:
    """Rented SIM cards are those of customers in every way, and a free part of the card range is its own."""
    found = canaries("CN", 2, phones=["138 0013 8001", "13900139002"], card_prefix="62258812")

    assert {one.phone for one in found} == {"+8613800138001", "+8613900139002"}
    assert all(
        canonical(Field.CARD, str(one.card), "CN") and str(one.card)[:8] == "62258812" for one in found
    )


@pytest.mark.parametrize(
    "given",
    [
        {"mail_domain": "not a domain"},
        {"card_prefix": "4111-11"},
        {"card_prefix": "00000012"},
        {"phones": ["12345"]},
        {"phones": ["13800138001"]},  # one for two canaries
    ],
    ids=["domain", "card prefix", "no issuer", "no number", "too few numbers"],
)
def test_what_cannot_be_recognised_is_refused(given: dict[str, Any]) -> None:
    """A canary that would never be found is worse than none."""
    with pytest.raises(CanaryValueRefused):
        CanaryInventor("CN", choice=random.Random(7), **given).invented(2, today=TODAY)


def test_the_page_states_each_range_with_its_source_and_what_is_left_out() -> None:
    """An operator reads there why nobody has a canary's number, and what a thief may notice."""
    page = (ROOT / "docs/reference/canaries.md").read_text()
    sentences = [
        part
        for region in REGIONS.values()
        for one in region.ranges
        for part in (one.range, one.source, one.noticed)
    ]
    sentences += [why for region in REGIONS.values() for why in region.left_out.values()]

    assert [sentence for sentence in sentences if sentence not in page] == []
