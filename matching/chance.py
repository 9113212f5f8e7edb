"""How many hits chance alone would give: what a number of hits has to be measured against.

A number drawn at random is a customer's with the chance N / S, where N customers are enrolled and S numbers
are in use. Ten million random telephone numbers met a million customers 2,342 times, which is an S of 4.27e9.
Nobody draws an e-mail address, an IBAN or a wallet at random: two lists share them because they share people.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from matching.identifiers import Field

#: Numbers that the values of a field are drawn from.
SPACES: Mapping[Field, float] = {
    Field.PHONE: 10_000_000 * 1_000_000 / 2_342,  # measured: mobile numbers of the Chinese mainland
    # 3,000 counties, 25,000 birth days of living adults, 1,000 serial numbers; the check digit follows.
    Field.RESIDENT_ID: 3_000 * 25_000 * 1_000.0,
    # Nine free digits within one issuer's prefix: as if all cards, there and here, were of one bank.
    Field.CARD: 1e9,
}


@dataclass(frozen=True, slots=True)
class Expected:
    """`hits` that chance would give, and how many times as many there are; `lift` None: chance gives none."""

    hits: float
    lift: float | None


def expected(field: Field, *, hits: int, candidates: int, enrolled: int) -> Expected:
    """For so many candidates of a field against so many enrolled values of it."""
    by_chance = candidates * enrolled / SPACES[field] if field in SPACES else 0.0
    return Expected(by_chance, hits / by_chance if by_chance else None)
