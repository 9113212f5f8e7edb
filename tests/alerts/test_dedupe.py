"""When an alert gets another revision."""

from __future__ import annotations

import pytest

from alerts.dedupe import decide, listing_differences, listing_values
from alerts.message import Difference, MessageListing, MessagePrice
from alerts.severity import Judgement, SeveritySettings, Signal
from storage.alert_listings import AlertListing
from storage.alerts import AlertChange, TriageState
from tests.alerts.samples import NOON, listing

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


def told(*listings: MessageListing) -> AlertListing:
    """What an alert has told of a listing, by messages with these states of it, oldest first."""
    values = [listing_values(each) for each in listings]
    by_field = {field: [each[field] for each in values] for field in values[0]}
    return AlertListing(version=listings[-1].version, told=by_field, seen=values[-1])


def usd(amount: str | None) -> MessageListing:
    """The invented offer at this price in US dollars; None: without a price."""
    return listing(price=None if amount is None else MessagePrice(amount=amount, currency="USD"))


def test_a_copy_of_which_nothing_was_told_differs_in_nothing() -> None:
    """A re-post at another price does not differ from the first offer's price."""
    assert listing_differences(None, listing(id=2, life="reposted", offer_number=2), offers_told=1) == ()


def test_an_older_version_than_the_newest_that_was_told_differs_in_nothing() -> None:
    """A rematch of the archive reads old versions again; they are history."""
    before, after = listing(version=1, claimed_records=5), listing(version=2, claimed_records=6)

    assert listing_differences(told(before, after), before, offers_told=1) == ()


@pytest.mark.parametrize(
    ("prices", "now", "news"),
    [
        (["100"], "100", False),
        (["100"], "200", True),
        (["100", "200"], "100", False),
        (["100", "200"], "103", False),
        (["100", "200"], "195", False),
        (["100"], "105", False),
        (["100"], "105.01", True),
        (["100"], "94.9", True),
        (["1,000"], "1020", False),
        (["0"], "0.01", True),
        (["100"], None, True),
        ([None], "100", True),
        (["100", None], "100", False),
        (["100", None], None, False),
        ([None, "100"], None, False),
    ],
)
def test_a_price_that_was_told_or_is_close_to_one_is_no_news(
    prices: list[str | None], now: str | None, news: bool
) -> None:
    """Whatever moves by more than five percent from each price that was told is news."""
    differences = listing_differences(told(*(usd(each) for each in prices)), usd(now), offers_told=1)

    assert [each.field for each in differences] == (["price"] if news else [])


def test_the_same_number_in_another_currency_is_news() -> None:
    """100 USD and 100 EUR are different prices."""
    euros = listing(price=MessagePrice(amount="100", currency="EUR"))

    (difference,) = listing_differences(told(usd("100")), euros, offers_told=1)

    assert (difference.before, difference.after) == ("100 USD", "100 EUR")


def test_a_value_that_only_the_sources_file_changed_says_so() -> None:
    """A corrected selector reads another price; that the listing is gone is the site's doing all the same."""
    now = listing(price=MessagePrice(amount="4500", currency="USD"), gone_at=NOON, reread=True)

    differences = listing_differences(told(usd("45")), now, offers_told=1)

    assert [(each.field, each.reread) for each in differences] == [("price", True), ("life", False)]


@pytest.mark.parametrize(("gone", "expected"), [(NOON, ["life"]), (None, [])])
def test_gone_is_a_difference(gone: object, expected: list[str]) -> None:
    """A listing that was there and is gone differs; its other lives are no difference."""
    differences = listing_differences(told(listing()), listing(gone_at=gone, life="edited"), offers_told=1)

    assert expected == [difference.field for difference in differences]
