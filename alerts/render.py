"""A message as text and as HTML. The templates get plain values only: labels, sentences, numbers.

The HTML is a mail's: inline styles, no picture, no script, no link, nothing to load. Autoescape is on; the
text was made harmless before (clean.py), so that neither form rests on the other's care.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from alerts.message import Difference, Message, MessageCoverage
from alerts.rules import nth
from alerts.severity import Signal
from storage.alerts import AlertChange, AlertKind, Severity

# Text on background, at least 4.5:1 (WCAG AA); the names are written out as well, colour alone says nothing.
COLOURS = {
    Severity.CRITICAL: ("#ffffff", "#a1121f"),
    Severity.HIGH: ("#ffffff", "#b5450b"),
    Severity.MEDIUM: ("#1f1a00", "#f2c230"),
    Severity.LOW: ("#ffffff", "#3b5b7a"),
}
RESOLVED = ("#ffffff", "#1a6b3c")
HEADLINES = {
    AlertChange.OPENED: "New",
    AlertChange.ESCALATED: "Stronger",
    AlertChange.UPDATED: "Update",
    AlertChange.REOPENED: "Reopened",
    AlertChange.RESOLVED: "Resolved",
}
FIELDS = {
    "severity": "Severity",
    "score": "Score",
    "price": "Price",
    "claimed_records": "Claimed records",
    "life": "Listing",
    "offers": "Offers of this data",
    "health": "Source",
    "state": "State",
}
LIVES = {
    "new": "new",
    "edited": "edited",
    "price_changed": "price changed",
    "reposted": "re-posted",
    "gone": "gone",
    "back": "back again",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("alerts"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"moment": shown_time, "number": number, "points": points}
    return environment


def plain_text(message: Message) -> str:
    """The text of the e-mail, and of `spillwatch alerts show`."""
    return _environment().get_template("alert.txt").render(_values(message))


def html_page(message: Message) -> str:
    """The HTML of the e-mail."""
    return _environment().get_template("alert.html").render(_values(message))


def headline(message: Message) -> str:
    """The subject: severity first, for whoever reads it on a lock screen."""
    label = "" if message.change is AlertChange.OPENED else f"{HEADLINES[message.change]}: "
    return f"[{message.severity.value.upper()}] {label}{message.title} (#{message.alert_id})"


def shown_time(at: datetime | None) -> str:
    """A time in UTC to the minute; readers are in several zones."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def number(count: int) -> str:
    """1,234,567."""
    return f"{count:,}"


def points(signal: Signal) -> str:
    """+70, or 0 for a signal that is shown without counting."""
    return f"+{signal.weight}" if signal.weight else "0"


def _values(message: Message) -> dict[str, object]:
    ink, paper = RESOLVED if message.change is AlertChange.RESOLVED else COLOURS[message.severity]
    return {
        "m": message,
        "headline": "Test" if message.kind is AlertKind.TEST else HEADLINES[message.change],
        "is_test": message.kind is AlertKind.TEST,
        "ink": ink,
        "paper": paper,
        "facts": list(facts(message)),
        "changes": [(FIELDS.get(change.field, change.field), *_sides(change)) for change in message.changes],
        "why": "Why it was" if message.change is AlertChange.RESOLVED else "Why",
        "steps": list(steps(message)),
        "coverage": list(covered(message.coverage)) if message.coverage else [],
        "is_finding": message.kind is AlertKind.FINDING,
    }


def steps(message: Message) -> Iterator[str]:
    """From what score on an alert has which severity, so that the sum can be checked."""
    rising = sorted(message.thresholds.items(), key=lambda step: step[1])
    yield from (f"{name} from {least}" for name, least in rising)


def _sides(change: Difference) -> tuple[str, str]:
    return change.before or "none", change.after or "none"


def facts(message: Message) -> Iterator[tuple[str, str]]:
    """What, where and since when, as label and value, in the order people ask."""
    if message.company:
        yield "Company", message.company.name
    if message.source:
        yield "Source", message.source.name
        if not message.listing:
            since = f" since {shown_time(message.source.health_since)}" if message.source.health_since else ""
            yield "Health", message.source.health.replace("_", " ") + since
    if message.listing:
        yield from _listing_facts(message)


def _listing_facts(message: Message) -> Iterator[tuple[str, str]]:
    listing = message.listing
    if listing is None:
        return
    yield "Listing", listing.title or "(no title)"
    if listing.seller:
        yield "Seller", listing.seller
    if listing.price:
        yield "Price", f"{listing.price.amount} {listing.price.currency}"
    if listing.claimed_records is not None:
        yield "Claimed records", number(listing.claimed_records)
    if listing.data_classes:
        yield "Kinds of data", ", ".join(listing.data_classes)
    if listing.posted_at:
        doubt = " (uncertain: what the site says allows another moment)"
        yield "Posted", shown_time(listing.posted_at) + (doubt if listing.posted_at_uncertain else "")
    yield "First seen", shown_time(listing.first_seen_at)
    if listing.first_offered_at:
        since = shown_time(listing.first_offered_at)
        yield "Offer", f"the {nth(listing.offer_number)} of the same data, first seen {since}"
    if listing.gone_at:
        yield "Gone since", shown_time(listing.gone_at)
    else:
        yield "Last seen", shown_time(listing.last_seen_at)
    yield "Status", f"{LIVES.get(listing.life, listing.life)}, version {listing.version}"
    yield "Address", listing.url


def covered(coverage: MessageCoverage) -> Iterator[str]:
    """What was read and what was not, in sentences."""
    parts = ", ".join(coverage.parts) or "nothing"
    yield (
        f"Read: {parts}; {number(coverage.rows_scanned)} rows, {number(coverage.candidates)} possible "
        "identifiers tried."
    )
    customers = coverage.enrolled_customers
    yield (
        f"Compared with: {number(customers)} customers."
        if customers
        else "No customer is enrolled to compare with."
    )
    if coverage.pages_read is not None:
        unread = coverage.pages_unread
        rest = f"at least {number(unread)} stay unread" if unread else "none is known to be unread"
        yield f"Pages read at the source in that run: {number(coverage.pages_read)}; {rest}."
    yield "Not read: pictures, archives, what is behind a login or a purchase."
