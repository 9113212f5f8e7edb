"""One alert per finding: when it sends another message, and when it stays quiet.

A finding is a company and a root listing. A further offer of the same data (storage.data_sets) belongs to the
first offer and a reply to its thread, so the same data offered by three sellers is one alert. Signals are
merged over the revisions of an alert, and its severity never falls.

When a finding is judged again, the first rule that applies decides:
1. It has no alert: `opened`.
2. It is stronger: its severity rises, or the points of its fingerprint signals do. An alert that is new or
   confirmed keeps its state and is `escalated`. An acknowledged, resolved or false-positive alert is
   `reopened` and is new again.
3. The alert is resolved or a false positive: no revision, unless the same data is offered once more.
4. Its score rises by other signals; or the listing's price or claimed count is one that no message has told
   yet; or the listing is gone or back; or the same data is offered once more in other words: `updated`. The
   state stays. After `updates_per_day` updates within a day, further ones are held for one digest.
5. Otherwise no revision: an edit of the wording, a weaker match, a re-post of the same text, another match of
   the same text or of an older version, a price that was told before or is close to one.

An alert about a source or a channel is an episode: `opened` when the trouble begins, `updated` when one
trouble of a source turns into another, `resolved` at its end. The next trouble is a new alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from alerts.message import Difference, MessageListing
from alerts.severity import Judgement
from storage.alert_listings import AlertListing, ListingNews
from storage.alerts import AlertChange, TriageState
from storage.listings import Life

CLOSED = frozenset({TriageState.RESOLVED, TriageState.FALSE_POSITIVE})
REOPENED = CLOSED | {TriageState.ACKNOWLEDGED}
OFFERS = "offers"  # field of a Difference: the same data was offered once more
PRICE = "price"
PRESENCE = "life"
PRICE_STEP = Decimal("0.05")  # a price that differs by less from one that was told is no news


@dataclass(frozen=True, slots=True)
class Decision:
    """A revision to write: its kind, the state that the alert is in afterwards, and what is new.

    `digest` is the summary of a revision about changes that were held; it replaces the usual one.
    """

    change: AlertChange
    state: TriageState
    differences: tuple[Difference, ...]
    digest: str | None = None


OPEN_ALERT = Decision(AlertChange.OPENED, TriageState.NEW, ())


def decide(
    earlier: Judgement, judgement: Judgement, *, state: TriageState, differences: Sequence[Difference]
) -> Decision | None:
    """Decide about a finding whose alert is in `state`; None: no revision.

    `differences` are those of the listing, from `listing_differences`.
    """
    whole = (*_judgement_differences(earlier, judgement), *differences)
    rises = judgement.severity.rank > earlier.severity.rank
    if rises or judgement.hit_score > earlier.hit_score:
        reopened = state in REOPENED
        change = AlertChange.REOPENED if reopened else AlertChange.ESCALATED
        return Decision(change, TriageState.NEW if reopened else state, whole)
    if state in CLOSED and not any(difference.field == OFFERS for difference in differences):
        return None
    if not (judgement.score > earlier.score or differences):
        return None
    return Decision(AlertChange.UPDATED, state, whole)


def _judgement_differences(earlier: Judgement, judgement: Judgement) -> Iterable[Difference]:
    if judgement.severity is not earlier.severity:
        yield Difference(field="severity", before=earlier.severity.value, after=judgement.severity.value)
    if judgement.score != earlier.score:
        yield Difference(field="score", before=str(earlier.score), after=str(judgement.score))


def listing_differences(
    known: AlertListing | None, listing: MessageListing, *, offers_told: int
) -> tuple[Difference, ...]:
    """Return what is news about a listing: what differs from all that the alert has told of it (`known`).

    Only price, claimed count and presence count. A price or a count that was told before is no news, nor is a
    price within PRICE_STEP of one that was told. A version older than one that was told is history, which a
    rematch of the archive reads again: it differs in nothing. `offers_told` is the highest number of an offer
    that the alert has told.
    """
    if known is None or not known.told:
        if listing.offer_number > offers_told and listing.life != Life.REPOSTED.value:
            return (Difference(field=OFFERS, before=str(offers_told), after=str(listing.offer_number)),)
        return ()
    if listing.version < known.version:
        return ()
    return tuple(
        Difference(field=field, before=told[-1], after=value)
        for field, value in listing_values(listing).items()
        if (told := known.told.get(field) or [None])[-1] != value and _is_news(field, value, told)
    )


def _is_news(field: str, value: str | None, told: Sequence[str | None]) -> bool:
    if field == PRESENCE:
        return True  # "gone" after "there" is news each time
    if field == PRICE and value is not None:
        return not any(each is not None and _is_close(value, each) for each in told)
    return value not in told


def _is_close(price: str, told: str) -> bool:
    """Return whether two prices in the same currency differ by PRICE_STEP of the told one at most."""
    (amount, currency), (told_amount, told_currency) = _parsed_price(price), _parsed_price(told)
    return currency == told_currency and abs(amount - told_amount) <= PRICE_STEP * told_amount


def _parsed_price(text: str) -> tuple[Decimal, str]:
    amount, _, currency = text.partition(" ")
    return Decimal(amount.replace(",", "")), currency


def listing_news(listing: MessageListing) -> ListingNews:
    """Return what a message with this listing tells of it."""
    return ListingNews(listing.id, listing.version, listing.offer_number, listing_values(listing))


def listing_values(listing: MessageListing) -> dict[str, str | None]:
    """Return the fields whose changes are news, as text."""
    price, claimed = listing.price, listing.claimed_records
    return {
        PRICE: price.label if price else None,
        "claimed_records": None if claimed is None else f"{claimed:,}",
        PRESENCE: "gone" if listing.gone_at else "there",
    }
