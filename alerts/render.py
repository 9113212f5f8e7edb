"""A message as text and as HTML. The templates get plain values only: labels, sentences, numbers.

The HTML is for mail programs: inline styles, no picture, no script, no link, nothing to load. Autoescape is
on although `clean` made the text harmless before, so that neither form depends on the other one's care.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from alerts.message import Difference, Message, MessageCanary, MessageCoverage, MessageSample
from alerts.severity import Signal
from alerts.wording import format_count, format_share, format_time, nth
from storage.alerts import AlertChange, AlertKind, Severity
from storage.canary_matches import CanaryEvidence

# Text on background with a contrast of at least 4.5:1 (WCAG AA). The severity is also written out.
COLOURS = {
    Severity.CRITICAL: ("#ffffff", "#a1121f"),
    Severity.HIGH: ("#ffffff", "#b5450b"),
    Severity.MEDIUM: ("#1f1a00", "#f2c230"),
    Severity.LOW: ("#ffffff", "#3b5b7a"),
}
RESOLVED_COLOURS = ("#ffffff", "#1a6b3c")
CHANGE_LABELS = {
    AlertChange.OPENED: "New",
    AlertChange.ESCALATED: "Stronger",
    AlertChange.UPDATED: "Update",
    AlertChange.REOPENED: "Reopened",
    AlertChange.RESOLVED: "Resolved",
}
#: Messages that are no judgement: they have no score.
KIND_LABELS = {AlertKind.TEST: "Test", AlertKind.DIGEST: "Digest"}
FIELD_LABELS = {
    "severity": "Severity",
    "score": "Score",
    "price": "Price",
    "claimed_records": "Claimed records",
    "life": "Listing",
    "offers": "Offers of this data",
    "health": "Source",
    "state": "State",
}
LIFE_LABELS = {
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
    environment.filters |= {
        "format_time": format_time,
        "format_count": format_count,
        "format_points": format_points,
    }
    return environment


def plain_text(message: Message) -> str:
    """Return the text of the e-mail, which `spillwatch alerts show` prints too."""
    return _environment().get_template("alert.txt").render(_template_values(message))


def html_page(message: Message) -> str:
    """Return the HTML of the e-mail."""
    return _environment().get_template("alert.html").render(_template_values(message))


def headline(message: Message) -> str:
    """Return the subject, with the severity first: the reader may see only its beginning on a lock screen."""
    label = "" if message.change is AlertChange.OPENED else f"{CHANGE_LABELS[message.change]}: "
    return f"[{message.severity.value.upper()}] {label}{message.title} (#{message.alert_id})"


def format_points(signal: Signal) -> str:
    """Return +70, or 0 for a signal that is shown without being counted."""
    return f"+{signal.weight}" if signal.weight else "0"


def _template_values(message: Message) -> dict[str, object]:
    resolved = message.change is AlertChange.RESOLVED
    ink, paper = RESOLVED_COLOURS if resolved else COLOURS[message.severity]
    return {
        "m": message,
        "change_label": KIND_LABELS.get(message.kind) or CHANGE_LABELS[message.change],
        "has_score": message.kind not in KIND_LABELS,
        "is_finding": message.kind is AlertKind.FINDING,
        "ink": ink,
        "paper": paper,
        "details": list(details(message)),
        "changes": [_change_row(difference) for difference in message.changes],
        "why_heading": f"Why it {'was' if resolved else 'is'} {message.severity.value}",
        "thresholds": list(_threshold_texts(message)),
        "coverage": [*_coverage_sentences(message.coverage), *_sample_sentences(message.sample)]
        if message.coverage
        else [],
    }


def _threshold_texts(message: Message) -> Iterator[str]:
    """Yield the score from which an alert has each severity, so that readers can check the sum."""
    rising = sorted(message.thresholds.items(), key=lambda step: step[1])
    yield from (f"{name} from {least}" for name, least in rising)


def _change_row(difference: Difference) -> tuple[str, str, str]:
    label = FIELD_LABELS.get(difference.field, difference.field)
    return label, difference.before or "none", value_after(difference)


def value_after(difference: Difference) -> str:
    """Return the new value, with the reason if it is not the site's doing."""
    after = difference.after or "none"
    return f"{after} (the source's file was changed, not the page)" if difference.reread else after


def details(message: Message) -> Iterator[tuple[str, str]]:
    """Yield who, where, what and when as label and value, in the order in which people ask."""
    if message.company:
        yield "Company", message.company.name
    if message.source:
        yield "Source", message.source.name
        if not message.listing:
            since = message.source.health_since
            health = message.source.health.replace("_", " ")
            yield "Health", f"{health} since {format_time(since)}" if since else health
    for canary in message.canaries:
        yield "Canary", _canary_line(canary)
    if message.listing:
        yield from _listing_details(message)


def _canary_line(canary: MessageCanary) -> str:
    """Return where a canary was planted, when, and how it is recognised here."""
    where = canary.system if canary.partner is None else f"{canary.system}, partner {canary.partner}"
    until = f" to {canary.expires.isoformat()}" if canary.expires else ""
    number = "" if canary.number is None else f", number {canary.number} of the register"
    fields = ", ".join(name.replace("_", " ") for name in canary.fields)
    if canary.evidence == CanaryEvidence.CONSISTENT.value:
        fields = f"the mask template {', '.join(canary.fields)}"
    return (
        f"{where}, planted {canary.issued.isoformat()}{until}{number}; {canary.evidence} by {fields} at "
        f"{canary.place}"
    )


def _listing_details(message: Message) -> Iterator[tuple[str, str]]:
    listing = message.listing
    if listing is None:
        return
    yield "Listing", listing.title or "(no title)"
    if listing.seller:
        yield "Seller", listing.seller
    if listing.price:
        yield "Price", listing.price.label
    if listing.claimed_records is not None:
        yield "Claimed records", format_count(listing.claimed_records)
    if listing.data_classes:
        yield "Kinds of data", ", ".join(listing.data_classes)
    if listing.posted_at:
        doubt = " (uncertain: the site's date is ambiguous)" if listing.posted_at_uncertain else ""
        yield "Posted", format_time(listing.posted_at) + doubt
    yield "First seen", format_time(listing.first_seen_at)
    if listing.first_offered_at:
        first = format_time(listing.first_offered_at)
        yield "Offer", f"the {nth(listing.offer_number)} of the same data; the first one was seen {first}"
    if listing.gone_at:
        yield "Gone since", format_time(listing.gone_at)
    else:
        yield "Last seen", format_time(listing.last_seen_at)
    yield "Status", f"{LIFE_LABELS.get(listing.life, listing.life)}, version {listing.version}"
    yield "Address", listing.url


def _coverage_sentences(coverage: MessageCoverage) -> Iterator[str]:
    """Yield what was read and what was not, in sentences."""
    parts = ", ".join(coverage.parts) or "nothing"
    rows, candidates = format_count(coverage.rows_scanned), format_count(coverage.candidates)
    yield f"Read: {parts}. Searched {rows} rows and compared {candidates} possible identifiers."
    if coverage.enrolled_customers:
        yield f"Compared with {format_count(coverage.enrolled_customers)} enrolled customers."
    else:
        yield "No customers are enrolled to compare with."
    if coverage.pages_read is not None:
        unread = coverage.pages_unread
        rest = f"at least {format_count(unread)} were not read" if unread else "no unread page is known"
        yield f"Pages that the run read at the source: {format_count(coverage.pages_read)}; {rest}."
    yield "Not read: pictures, archives, and anything behind a login or a purchase."


def _sample_sentences(sample: MessageSample | None) -> Iterator[str]:
    """Yield what came of the rows with masked identifiers: none of them is passed over in silence."""
    if sample is None:
        return
    if sample.rows:
        rows = "1 row has" if sample.rows == 1 else f"{format_count(sample.rows)} rows have"
        more = " There were more, which were not compared." if sample.cut else ""
        yield f"{rows} masked identifiers. {_verdict_sentence(sample)}{more}"
    if sample.unread_rows:
        yield (
            f"Masked rows that could not be read: {format_count(sample.unread_rows)}. Their masks have "
            "a form that is not known."
        )


def _verdict_sentence(sample: MessageSample) -> str:
    share = format_share(sample.share_low, sample.share_middle, sample.share_high)
    known = {
        "ours": f"They are customers': {share}.",
        "partly_ours": f"A part of them are customers': {share}.",
        "shared_clients_only": f"Few of them are customers': {share}.",
        "pairing_broken": "Single values are customers', but not the rows.",
        "not_ours": "They are not customers'.",
        "tests_disagree": f"The two tests disagree. {sample.detail}".strip(),
        "not_compared": "No time was left to compare them: match the listing with spillwatch investigate.",
        "no_masks": "No masks of customers are enrolled to compare them with: enroll the customers again.",
    }
    if sample.verdict == "too_little":
        more = "" if sample.more_rows is None else f" About {format_count(sample.more_rows)} more would do."
        return f"They are too few, or show too little, to say whose they are.{more}"
    return known.get(sample.verdict or "", "They were not compared.")
