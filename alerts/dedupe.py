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
4. Its score rises by other signals; or the listing's price or claimed count differs from the newest version
   that was reported; or the listing is gone or back; or the same data is offered once more in other words:
   `updated`. The state stays.
5. Otherwise no revision: an edit of the wording, a weaker match, a re-post of the same text, another match of
   the same text or of an older version.

An alert about a source or a channel is an episode: `opened` when the trouble begins, `updated` when one
trouble of a source turns into another, `resolved` at its end. The next trouble is a new alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts.message import Difference, MessageContent, MessageListing
from alerts.severity import Judgement
from storage.alerts import AlertChange, TriageState
from storage.listings import Life

CLOSED = frozenset({TriageState.RESOLVED, TriageState.FALSE_POSITIVE})
REOPENED = CLOSED | {TriageState.ACKNOWLEDGED}
OFFERS = "offers"  # field of a Difference: the same data was offered once more


@dataclass(frozen=True, slots=True)
class Decision:
    """A revision to write: its kind, the state that the alert is in afterwards, and what is new."""

    change: AlertChange
    state: TriageState
    differences: tuple[Difference, ...]


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
    reported: Iterable[MessageContent], listing: MessageListing
) -> tuple[Difference, ...]:
    """Return what differs from what the alert's revisions (`reported`, oldest first) say about this listing.

    Only price, claimed count and presence count. A version older than one that was reported is history, which
    a rematch of the archive reads again: it differs in nothing.
    """
    shown = [content.listing for content in reported if content.listing]
    same_listing = [each for each in shown if each.id == listing.id]
    most_offers = max((each.offer_number for each in shown), default=0)
    reposted = listing.life == Life.REPOSTED.value
    if not same_listing and listing.offer_number > most_offers and not reposted:
        return (Difference(field=OFFERS, before=str(most_offers), after=str(listing.offer_number)),)
    # The latest report of the newest version: `max` keeps the first of equals, hence `reversed`.
    newest = max(reversed(same_listing), key=lambda each: each.version, default=None)
    if newest is None or listing.version < newest.version:
        return ()
    sides = ((field, describe(newest), describe(listing)) for field, describe in _REPORTED_FIELDS.items())
    return tuple(
        Difference(field=field, before=before, after=after)
        for field, before, after in sides
        if before != after
    )


def _describe_price(listing: MessageListing) -> str | None:
    return listing.price.label if listing.price else None


def _describe_claim(listing: MessageListing) -> str | None:
    return None if listing.claimed_records is None else f"{listing.claimed_records:,}"


def _describe_presence(listing: MessageListing) -> str | None:
    return "gone" if listing.gone_at else "there"


_REPORTED_FIELDS = {
    "price": _describe_price,
    "claimed_records": _describe_claim,
    "life": _describe_presence,
}
