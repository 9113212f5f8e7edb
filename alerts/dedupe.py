"""One finding, one alert: when it speaks again, and when it keeps quiet.

A finding is a company and a root listing: a further offer of the same data (storage.data_sets) belongs to the
first one, a reply to its thread, so the same data offered by three sellers is one alert. What a finding has
shown stays: its signals are merged over its revisions, and its severity never falls.

When a finding is judged again, the first rule that holds decides:
1. There is no alert for it: `opened`.
2. It is stronger: its severity rises, or the points of its fingerprint signals do (rules.HIT_SIGNALS). An
   alert that is new stays so and is `escalated`; a confirmed one is `escalated` and stays confirmed; an
   acknowledged, resolved or false-positive one is `reopened` and is new again.
3. The alert is resolved or a false positive: nothing, unless the same data is offered once more.
4. Its score rises by other signals, or the listing's price or claimed count differs from what was said of the
   newest version that was told, or the listing is gone or back, or the same data is offered once more in
   other words: `updated`. The state stays.
5. Otherwise, nothing: an edit of the wording, a weaker match, a re-post of the same text, a second look at
   the same text or at an older version of it.

A source's trouble is an episode: `opened` when its health leaves ok, `updated` when one trouble turns into
another, `resolved` when it is ok again; the next trouble is a new alert. The same goes for a channel that
died and came back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts.message import Difference, MessageContent, MessageListing
from alerts.rules import HIT_SIGNALS
from alerts.severity import Signal, at_least, score_of
from storage.alerts import AlertChange, Severity, TriageState
from storage.listings import Life

CLOSED = frozenset({TriageState.RESOLVED, TriageState.FALSE_POSITIVE})
OFFERS = "offers"  # the field of a difference: the same data, once more
REOPENED = CLOSED | {TriageState.ACKNOWLEDGED}


def finding_key(company: str, root_listing_id: int) -> str:
    """The dedupe key of a finding; `company` is the slug."""
    return f"finding:{company}:{root_listing_id}"


def source_key(source_id: int, change_id: int) -> str:
    """The dedupe key of one episode of a source's trouble, which began with this change."""
    return f"source:{source_id}:{change_id}"


def channel_key(channel: str, number: int | str) -> str:
    """The dedupe key of one episode of a channel's death; `number` is the delivery that found it ("": a
    prefix).
    """
    return f"channel:{channel}:{number}"


@dataclass(frozen=True, slots=True)
class Judged:
    """How severe a finding is, and why."""

    severity: Severity
    signals: tuple[Signal, ...]

    @property
    def score(self) -> int:
        """Points in all."""
        return score_of(self.signals)

    @property
    def hit_score(self) -> int:
        """Points of the fingerprint signals."""
        return score_of(signal for signal in self.signals if signal.name in HIT_SIGNALS)


@dataclass(frozen=True, slots=True)
class Decision:
    """A revision to write: what it is called, the state it leaves the alert in, what is new."""

    change: AlertChange
    state: TriageState
    changes: tuple[Difference, ...]


def decide(
    before: Judged, now: Judged, *, state: TriageState, material: Sequence[Difference]
) -> Decision | None:
    """What to do about a finding that has an alert; `material` comes from `listing_changes`. None: keep
    quiet.
    """
    changes = (*_judgement_changes(before, now), *material)
    if now.hit_score > before.hit_score or _rises(before, now):
        reopened = state in REOPENED
        change = AlertChange.REOPENED if reopened else AlertChange.ESCALATED
        return Decision(change, TriageState.NEW if reopened else state, changes)
    if state in CLOSED and not any(each.field == OFFERS for each in material):
        return None
    if not (now.score > before.score or material):
        return None
    return Decision(AlertChange.UPDATED, state, changes)


def _rises(before: Judged, now: Judged) -> bool:
    return now.severity is not before.severity and at_least(now.severity, before.severity)


def _judgement_changes(before: Judged, now: Judged) -> Iterable[Difference]:
    if now.severity is not before.severity:
        yield Difference(field="severity", before=before.severity.value, after=now.severity.value)
    if now.score != before.score:
        yield Difference(field="score", before=str(before.score), after=str(now.score))


def listing_changes(said: Iterable[MessageContent], now: MessageListing) -> tuple[Difference, ...]:
    """What is materially different from what `said` (oldest first) told of the same listing.

    An older version than one that was told is history, which a rematch of the archive goes through again.
    """
    shown = [content.listing for content in said if content.listing]
    told = [listing for listing in shown if listing.id == now.id]
    most = max((listing.offer_number for listing in shown), default=0)
    if not told and now.offer_number > most and now.life != Life.REPOSTED.value:
        return (Difference(field=OFFERS, before=str(most), after=str(now.offer_number)),)
    last = max(reversed(told), key=lambda listing: listing.version, default=None)
    if last is None or now.version < last.version:
        return ()
    pairs = ((name, words(last), words(now)) for name, words in _MATERIAL.items())
    return tuple(
        Difference(field=name, before=before, after=after) for name, before, after in pairs if before != after
    )


def _price(listing: MessageListing) -> str | None:
    return f"{listing.price.amount} {listing.price.currency}" if listing.price else None


def _claimed(listing: MessageListing) -> str | None:
    return None if listing.claimed_records is None else f"{listing.claimed_records:,}"


def _presence(listing: MessageListing) -> str | None:
    return "gone" if listing.gone_at else "there"


_MATERIAL = {"price": _price, "claimed_records": _claimed, "life": _presence}
