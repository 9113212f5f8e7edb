"""Which holder the rows are consistent with: by size, in words, and never where another one has them too."""

import numpy as np
import pytest
from numpy.typing import NDArray

from matching.attribution.holders import (
    HeldCounts,
    Holder,
    HolderComparison,
    HolderKind,
    HolderVerdict,
    compare_holders,
)

BASE = 200_000
NAMES = ("crm", "partner-a", "partner-b", "app")


def lists(*, crm_holds_all: bool = True) -> NDArray[np.bool_]:
    """Return who holds each person: a CRM with all of them or 80%, and three parts of 30 to 50%."""
    random = np.random.default_rng(7)
    shares = (1.0 if crm_holds_all else 0.8, 0.3, 0.4, 0.5)
    return np.array([random.random(BASE) < share for share in shares]).T


def holders_of(held: NDArray[np.bool_]) -> list[Holder]:
    sizes = held.sum(axis=0).tolist()
    return [
        Holder("quillmere", HolderKind.SYSTEM, name, size) for name, size in zip(NAMES, sizes, strict=False)
    ]


def picked(held: NDArray[np.bool_], who: NDArray[np.bool_], rows: int, *, seed: int = 1) -> HeldCounts:
    """Return rows picked at random from the persons `who`; 3% of them are from anywhere."""
    random = np.random.default_rng(seed)
    chosen: HeldCounts = held[random.choice(np.flatnonzero(who), rows, replace=False)].astype(np.int64)
    chosen[random.random(rows) < 0.03] = 0
    return chosen


def compared(held: NDArray[np.bool_], rows: HeldCounts) -> HolderComparison:
    return compare_holders(holders_of(held), rows, np.full(len(rows), 1 / BASE))


@pytest.mark.parametrize("source", range(4))
def test_the_best_fit_is_the_right_one(source: int) -> None:
    """At 20 rows the likelihood that knows sizes ranks the true holder first, also the largest one."""
    held = lists()

    found = [compared(held, picked(held, held[:, source], 20, seed=seed)) for seed in range(60)]

    right = [one.best is not None and one.best.holder.label == NAMES[source] for one in found]
    assert sum(right) >= 59


def test_no_wrong_holder_is_named() -> None:
    """Of 400 samples of 10 and of 50 rows, from lists that overlap, none names a wrong list.

    At 50 rows three of four samples name the true one; the others say which lists cannot be told apart.
    """
    held = lists(crm_holds_all=False)
    named = {10: 0, 50: 0}
    for seed in range(50):
        for source in range(4):
            for rows in named:
                found = compared(held, picked(held, held[:, source], rows, seed=seed))
                if found.verdict is HolderVerdict.CONSISTENT_WITH:
                    assert found.named[0].label == NAMES[source]
                    named[rows] += 1

    assert named[50] > 150


def test_the_largest_holder_is_named_where_no_other_holds_the_rows() -> None:
    """Rows of the CRM are not all in any partner: the verdict names it, with its assumption."""
    held = lists()

    found = compared(held, picked(held, held[:, 0], 30))

    assert found.verdict is HolderVerdict.CONSISTENT_WITH
    assert [holder.label for holder in found.named] == ["crm"]
    assert "picked at random" in found.sentence
    assert "consistent with quillmere/crm" in found.sentence
    assert "100" not in found.sentence  # nothing is certain


def test_a_partner_is_named_where_the_crm_does_not_hold_its_rows() -> None:
    """A partner with customers of its own can be named."""
    held = lists(crm_holds_all=False)

    found = compared(held, picked(held, held[:, 1], 60))

    assert found.verdict is HolderVerdict.CONSISTENT_WITH
    assert [holder.label for holder in found.named] == ["partner-a"]


def test_a_thief_who_offers_only_rows_of_a_partner_does_not_incriminate_it() -> None:
    """Verdict: cannot tell apart, and both are named.

    A thief of the CRM offers only rows that partner A holds, too. They look exactly like rows that were
    picked at random from A, and fit A best. But the CRM holds every one of them, so the rows may have been
    chosen from it. The verdict is not the partner; only a canary could tell.
    """
    held = lists()
    chosen = held[:, 0] & held[:, 1]

    for seed in range(40):
        found = compared(held, picked(held, chosen, 50, seed=seed))

        assert found.verdict is HolderVerdict.CANNOT_TELL_APART
        assert {holder.label for holder in found.named} == {"crm", "partner-a"}
        assert found.best is not None
        assert (found.best.holder.label, found.best.posterior > 0.95) == ("partner-a", True)
    assert "a canary can" in found.sentence


def test_a_thief_who_knows_two_partners_incriminates_neither() -> None:
    """Rows that A and B both hold: all three that hold them are named."""
    held = lists()

    found = compared(held, picked(held, held[:, 1] & held[:, 2], 50))

    assert found.verdict is HolderVerdict.CANNOT_TELL_APART
    assert {holder.label for holder in found.named} == {"crm", "partner-a", "partner-b"}


def test_a_competitor_with_shared_clients_is_no_holder_of_the_rest() -> None:
    """Two companies share 15% of their clients: rows of one of them name that one."""
    random = np.random.default_rng(3)
    other = random.random(BASE) < 0.15
    held = np.array([np.ones(BASE, bool), other]).T
    holders = [
        Holder("quillmere", HolderKind.COMPANY, "", BASE),
        Holder("rival", HolderKind.COMPANY, "", BASE),
    ]

    found = compare_holders(holders, picked(held, held[:, 0], 20), np.full(20, 1 / BASE))

    assert (found.verdict, str(found.named[0])) == (HolderVerdict.CONSISTENT_WITH, "quillmere")


def test_rows_of_two_systems_have_no_single_holder() -> None:
    """Half of the rows is of A alone and half of B alone, without a CRM: nobody holds all of them."""
    held = lists()[:, 1:3]
    one = picked(held, held[:, 0] & ~held[:, 1], 30)
    two = picked(held, held[:, 1] & ~held[:, 0], 30)

    found = compared(held, np.concatenate((one, two)))

    assert (found.verdict, found.named) == (HolderVerdict.NO_SINGLE_HOLDER, ())


@pytest.mark.parametrize(("rows", "verdict"), [(0, HolderVerdict.NO_HOLDER), (4, HolderVerdict.TOO_FEW_ROWS)])
def test_too_few_rows_say_so(rows: int, verdict: HolderVerdict) -> None:
    """Below five distinct rows nobody is named."""
    held = lists()
    chosen = held[held[:, 1]][:rows].astype(np.int64)

    found = compared(held, chosen)

    assert (found.verdict, found.rows, found.named) == (verdict, rows, ())


def test_rows_that_nobody_holds_do_not_count() -> None:
    """Invented rows are no rows of anybody, and make the sample no larger."""
    held = lists()
    invented = np.zeros((100, 4), np.int64)

    found = compared(held, np.concatenate((picked(held, held[:, 0], 4), invented)))

    assert (found.verdict, found.rows <= 4) == (HolderVerdict.TOO_FEW_ROWS, True)


def test_one_list_alone_is_not_compared() -> None:
    """A single holder is named as such: there is nothing to compare it with."""
    held = lists()[:, :1]

    found = compared(held, picked(held, held[:, 0], 20))

    assert (found.verdict, found.named[0].label) == (HolderVerdict.ONE_HOLDER, "crm")


def test_masked_rows_count_by_what_they_show() -> None:
    """A tag that 2,000 of a million strangers share says little; 20 such rows do not name anybody."""
    holders = [Holder("q", HolderKind.SYSTEM, "crm", 1_000_000), Holder("q", HolderKind.SYSTEM, "a", 300_000)]
    vague = np.tile(np.array([[2_000, 600]]), (20, 1))

    found = compare_holders(holders, vague, np.full(20, 0.002))

    assert found.verdict is HolderVerdict.CANNOT_TELL_APART
    assert [round(fit.posterior, 3) for fit in found.fits] == [0.5, 0.5]


def test_the_answer_has_every_holder() -> None:
    """`--json` lists all holders, the best first, and the assumption."""
    held = lists()

    found = compared(held, picked(held, held[:, 0], 30)).as_dict()

    assert (found["verdict"], found["named"]) == ("consistent_with", ["quillmere/crm"])
    assert found["holders"][0]["label"] == "crm"
    assert {one["kind"] for one in found["holders"]} == {"system"}
    assert "picked at random" in found["assumption"]
