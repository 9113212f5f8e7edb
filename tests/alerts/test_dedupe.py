"""When an alert speaks again."""

from __future__ import annotations

import pytest

from alerts.dedupe import Judged, decide, finding_key, listing_changes
from alerts.message import Difference, MessagePrice
from alerts.severity import SeveritySettings, Signal
from storage.alerts import AlertChange, TriageState
from tests.alerts.samples import NOON, content, listing

OFFERED = {"mention_title": 30, "price": 10}
HIT = {"coherent_rows": 70}
CHEAPER = (Difference(field="price", before="2 BTC", after="1 BTC"),)


def judged(**weights: int) -> Judged:
    """A judgement with these signals."""
    signals = tuple(Signal(name=name, weight=weight, text="...") for name, weight in weights.items())
    return Judged(SeveritySettings().of(sum(weights.values())), signals)


@pytest.mark.parametrize(
    ("before", "now", "material", "state", "change", "after"),
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
def test_when_an_alert_speaks_again(
    before: dict[str, int],
    now: dict[str, int],
    material: tuple[Difference, ...],
    state: str,
    change: str | None,
    after: str | None,
) -> None:
    """The rules of the module, one by one: what the revision is called and which state it leaves."""
    decision = decide(judged(**before), judged(**now), state=TriageState(state), material=material)

    assert (change, after) == ((decision.change.value, decision.state.value) if decision else (None, None))


def test_an_escalation_says_from_what_to_what() -> None:
    """The changes name severity and score before and after, ahead of what changed in the listing."""
    decision = decide(judged(**OFFERED), judged(**OFFERED, **HIT), state=TriageState.NEW, material=CHEAPER)

    assert decision is not None
    assert AlertChange.ESCALATED is decision.change
    assert [(change.field, change.before, change.after) for change in decision.changes] == [
        ("severity", "medium", "critical"),
        ("score", "40", "110"),
        ("price", "2 BTC", "1 BTC"),
    ]


def test_a_change_is_one_of_the_same_listing() -> None:
    """A re-post at another price is no change of the first offer's price."""
    said = [content(listing=listing(id=1, price=MessagePrice(amount="2", currency="BTC")))]

    assert listing_changes(said, listing(id=2, price=MessagePrice(amount="1", currency="BTC"))) == ()


def test_a_change_counts_from_what_was_last_said_of_that_listing() -> None:
    """With a word on another listing in between, the price is still compared with this listing's own."""
    said = [content(listing=listing(id=1, claimed_records=5)), content(listing=listing(id=2))]

    (change,) = listing_changes(said, listing(id=1, claimed_records=6))

    assert (change.field, change.before, change.after) == ("claimed_records", "5", "6")


def test_an_older_version_than_the_newest_told_changes_nothing() -> None:
    """Neither does the newest one after an older was told again: what counts is the newest version told."""
    before, after = listing(version=1, claimed_records=5), listing(version=2, claimed_records=6)

    assert listing_changes([content(listing=after)], before) == ()
    assert listing_changes([content(listing=after), content(listing=before)], after) == ()


@pytest.mark.parametrize(("gone", "expected"), [(NOON, ["life"]), (None, [])])
def test_gone_is_a_change(gone: object, expected: list[str]) -> None:
    """A listing that was there and is gone is material; other lives are not."""
    changes = listing_changes([content()], listing(gone_at=gone, life="edited"))

    assert expected == [change.field for change in changes]


def test_a_finding_is_a_company_and_a_root_listing() -> None:
    """Two companies in one listing are two findings."""
    assert finding_key("qudian", 7) != finding_key("other", 7)
