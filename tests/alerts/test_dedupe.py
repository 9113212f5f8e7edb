"""When an alert gets another revision."""

from __future__ import annotations

import pytest

from alerts.dedupe import decide, listing_differences
from alerts.message import Difference, MessagePrice
from alerts.severity import Judgement, SeveritySettings, Signal
from storage.alerts import AlertChange, TriageState
from tests.alerts.samples import NOON, content, listing

OFFERED = {"mention_title": 30, "price": 10}
HIT = {"coherent_rows": 70}
CHEAPER = (Difference(field="price", before="2 BTC", after="1 BTC"),)


def judged(**weights: int) -> Judgement:
    """A judgement with these signals."""
    return SeveritySettings().judge_signals(
        Signal(name=name, weight=weight, text="...") for name, weight in weights.items()
    )


@pytest.mark.parametrize(
    ("before", "now", "differences", "state", "change", "after"),
    [
        (OFFERED, OFFERED, (), "new", None, None),
        (OFFERED, OFFERED | HIT, (), "new", "escalated", "new"),
        (OFFERED, OFFERED | HIT, (), "confirmed", "escalated", "confirmed"),
        (OFFERED, OFFERED | HIT, (), "acknowledged", "reopened", "new"),
        (OFFERED, OFFERED | HIT, (), "false_positive", "reopened", "new"),
        (OFFERED, OFFERED | HIT, (), "resolved", "reopened", "new"),
        (OFFERED, OFFERED | {"data_classes": 5}, (), "new", "updated", "new"),
        (OFFERED, OFFERED | {"data_classes": 5}, (), "acknowledged", "updated", "acknowledged"),
        (OFFERED, OFFERED | {"data_classes": 5}, (), "false_positive", None, None),
        (OFFERED, OFFERED, CHEAPER, "acknowledged", "updated", "acknowledged"),
        (OFFERED, OFFERED, CHEAPER, "resolved", None, None),
        (OFFERED, OFFERED | {"claimed_records": 20}, (), "acknowledged", "reopened", "new"),
        ({"a": 90}, {"a": 90} | HIT, (), "acknowledged", "reopened", "new"),
        ({"a": 90}, {"a": 95}, (), "acknowledged", "updated", "acknowledged"),
    ],
)
def test_when_an_alert_gets_another_revision(
    before: dict[str, int],
    now: dict[str, int],
    differences: tuple[Difference, ...],
    state: str,
    change: str | None,
    after: str | None,
) -> None:
    """Each rule of the module gives the revision its kind and leaves the alert in its state."""
    decision = decide(judged(**before), judged(**now), state=TriageState(state), differences=differences)

    assert (change, after) == ((decision.change.value, decision.state.value) if decision else (None, None))


def test_an_escalation_says_from_what_to_what() -> None:
    """The differences name severity and score before and after, ahead of those of the listing."""
    decision = decide(judged(**OFFERED), judged(**OFFERED, **HIT), state=TriageState.NEW, differences=CHEAPER)

    assert decision is not None
    assert AlertChange.ESCALATED is decision.change
    assert [(each.field, each.before, each.after) for each in decision.differences] == [
        ("severity", "medium", "critical"),
        ("score", "40", "110"),
        ("price", "2 BTC", "1 BTC"),
    ]


def test_a_listing_is_compared_with_itself_only() -> None:
    """A re-post at another price does not differ from the first offer's price."""
    reported = [content(listing=listing(id=1, price=MessagePrice(amount="2", currency="BTC")))]

    repost = listing(id=2, price=MessagePrice(amount="1", currency="BTC"))

    assert listing_differences(reported, repost) == ()


def test_a_listing_is_compared_with_its_own_last_report() -> None:
    """After a revision about another listing, the listing is still compared with its own last revision."""
    reported = [content(listing=listing(id=1, claimed_records=5)), content(listing=listing(id=2))]

    (difference,) = listing_differences(reported, listing(id=1, claimed_records=6))

    assert (difference.field, difference.before, difference.after) == ("claimed_records", "5", "6")


def test_an_older_version_than_the_newest_reported_one_differs_in_nothing() -> None:
    """A listing is compared with its newest reported version, even if an older one was reported later."""
    before, after = listing(version=1, claimed_records=5), listing(version=2, claimed_records=6)

    assert listing_differences([content(listing=after)], before) == ()
    assert listing_differences([content(listing=after), content(listing=before)], after) == ()


@pytest.mark.parametrize(("gone", "expected"), [(NOON, ["life"]), (None, [])])
def test_gone_is_a_difference(gone: object, expected: list[str]) -> None:
    """A listing that was there and is gone differs; its other lives are no difference."""
    differences = listing_differences([content()], listing(gone_at=gone, life="edited"))

    assert expected == [difference.field for difference in differences]
