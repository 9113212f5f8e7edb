"""One listing whole, as `spillwatch listings show` writes it: text, history, matches, alerts and evidence.

Everything comes from the database, so it is masked. For people it is also defanged, as in an alert. The
original stays in the evidence store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from alerts import clean
from cli.output import TableColumn, cell_text, print_line, print_table
from storage import alerts, canary_matches, companies, listings, matches, sample_verdicts
from storage.alerts import Alert
from storage.canary_matches import CanaryMatch
from storage.listings import Listing, ListingVersion
from storage.matches import MatchSummary
from storage.sample_verdicts import MaskedSample, SampleVerdict
from web.api.models import ListingShape, MatchShape, VersionShape

_ALERT_KEYS = ("id", "severity", "state", "title", "opened_at")
_PLACE_KEYS = ("evidence_file", "evidence_offset", "evidence_length")
_CANARY_KEYS = (
    *("evidence", "label", "issued", "expires", "ordinal", "fields", "rows", "place", "chance"),
    "found_at",
)
_VERDICT_KEYS = (
    *("verdict", "distinct_rows", "usable_rows", "share_low", "share_middle", "share_high", "assumption"),
    *("detail", "more_rows", "found_at"),
)
_CANARIES_SHOWN = 1_000
_SHORT_CHANGE = 120  # characters of both values together
_TEXT_LIMIT = 20_000  # characters of each text; --json has all of it


@dataclass(frozen=True, slots=True)
class ListingReport:
    """A listing with everything that hangs on it, each sequence oldest first.

    `matched` has one summary per company and version, with the company's slug, as have `canaries` and
    `verdicts`; `samples` has the versions with masked rows; `offers` are all listings with
    the same text, this one included.
    """

    listing: Listing
    versions: Sequence[ListingVersion]
    matched: Sequence[tuple[str, MatchSummary]]
    canaries: Sequence[tuple[str, CanaryMatch]]
    samples: Sequence[MaskedSample]
    verdicts: Sequence[tuple[str, SampleVerdict]]
    alerts: Sequence[Alert]
    offers: Sequence[Listing]


def read_report(session: Session, listing_id: int) -> ListingReport | None:
    """Return the report of a listing; None: there is no such listing."""
    newest = listings.latest_version(session, listing_id)
    if newest is None:
        return None
    slugs = companies.slugs_by_id(session)
    return ListingReport(
        newest.listing,
        listings.versions_of(session, listing_id),
        [(slugs[each.company_id], each) for each in matches.summaries_of_listing(session, listing_id)],
        [
            (slugs[each.company_id], each)
            for each in canary_matches.canaries_of_listing(session, listing_id, limit=_CANARIES_SHOWN)
        ],
        sample_verdicts.samples_of_listing(session, listing_id),
        [(slugs[each.company_id], each) for each in sample_verdicts.verdicts_of_listing(session, listing_id)],
        alerts.alerts_of_listing(session, listing_id),
        listings.reposts_of(session, listing_id),
    )


def listing_as_dict(listing: Listing) -> dict[str, object]:
    """Return the fields of a listing for --json."""
    return ListingShape.of(listing).model_dump()


def report_as_dict(report: ListingReport) -> dict[str, object]:
    """Return the report for --json."""
    newest = report.versions[-1]
    return listing_as_dict(report.listing) | {
        "body": newest.body,
        "sample": newest.sample,
        "links": newest.links,
        "attachments": [
            _fields(each, ("name", "content_type", "size", *_PLACE_KEYS)) for each in newest.attachments
        ],
        "versions": [VersionShape.of(each).model_dump() for each in report.versions],
        "matches": [
            MatchShape.of(each, slug, _version_number(report, each)).model_dump()
            for slug, each in report.matched
        ],
        "canaries": [
            {"company": slug, "version": _number_of(report, each.version_id)}
            | _fields(each, _CANARY_KEYS)
            | {"issued": each.issued.isoformat(), "expires": each.expires and each.expires.isoformat()}
            for slug, each in report.canaries
        ],
        "masked_samples": [_sample_as_dict(report, each) for each in report.samples],
        "alerts": [_fields(each, _ALERT_KEYS) for each in report.alerts],
        "offers": [listing_as_dict(each) for each in report.offers],
    }


def _fields(row: object, keys: Sequence[str]) -> dict[str, object]:
    return {key: getattr(row, key) for key in keys}


def _version_number(report: ListingReport, summary: MatchSummary) -> int:
    return _number_of(report, summary.version_id)


def _number_of(report: ListingReport, version_id: int) -> int:
    return next(each.number for each in report.versions if each.id == version_id)


def _sample_as_dict(report: ListingReport, sample: MaskedSample) -> dict[str, object]:
    return {
        "version": _number_of(report, sample.version_id),
        "rows": sample.rows,
        "unread_rows": sample.unread_rows,
        "cut": sample.cut,
        "verdicts": [
            {"company": slug} | _fields(each, _VERDICT_KEYS)
            for slug, each in report.verdicts
            if each.version_id == sample.version_id
        ],
    }


def print_report(report: ListingReport) -> None:
    """Write the report for people to standard output."""
    newest = report.versions[-1]
    for name, value in _head(report):
        if text := cell_text(value):
            print_line(f"{name}: {clean.one_line(text, _TEXT_LIMIT)}")
    links = "\n".join(newest.links)
    for heading, text in (("TEXT", newest.body), ("SAMPLE", newest.sample), ("LINKS", links)):
        if text:
            print_line(f"\n{heading} (masked)\n{clean.lines(text, _TEXT_LIMIT)}")
    print_line("\nATTACHMENTS THAT WERE READ")
    attachments = [
        (clean.one_line(each.name, _SHORT_CHANGE), each.content_type, f"{each.size:,}")
        for each in newest.attachments
    ]
    print_table(("name", "type", "bytes"), attachments, empty="None.")
    print_line("\nHISTORY")
    print_table(("version", "seen", "matched", TableColumn("changes", prose=True)), _history(report))
    print_line("\nMATCHES")
    print_table(
        ("version", "company", "mentions", "coherent rows", "single hits", "customers", "candidates"),
        [
            (
                _version_number(report, each),
                slug,
                each.mentions,
                each.coherent_rows,
                each.single_hits,
                each.customers,
                each.candidates,
            )
            for slug, each in report.matched
        ],
        empty=_nothing_found(report),
    )
    _print_canaries(report)
    _print_samples(report)
    print_line("\nALERTS")
    print_table(
        ("alert", "severity", "state", TableColumn("title", prose=True)),
        [(each.id, each.severity, each.state, each.title) for each in report.alerts],
        empty="None.",
    )
    print_line("\nEVIDENCE")
    print_table(("version", "file", "offset", "length"), [_place_row(each) for each in report.versions])


def _print_canaries(report: ListingReport) -> None:
    """Print the canaries; nothing if there are none: most companies plant none."""
    if not report.canaries:
        return
    print_line("\nCANARIES")
    print_table(
        ("version", "company", "set", "issued", "expires", "number", "evidence", "fields", "place"),
        [
            (
                _number_of(report, each.version_id),
                slug,
                each.label,
                each.issued,
                each.expires,
                each.ordinal,
                each.evidence,
                each.fields,
                each.place,
            )
            for slug, each in report.canaries
        ],
    )


def _print_samples(report: ListingReport) -> None:
    """Print what came of masked rows, also where nobody could be compared with them."""
    if not report.samples:
        return
    print_line("\nMASKED ROWS")
    for sample in report.samples:
        number = _number_of(report, sample.version_id)
        more = "; there were more, which were not compared" if sample.cut else ""
        print_line(
            f"Version {number}: {sample.rows:,} rows were read, {sample.unread_rows:,} could not be{more}."
        )
    print_table(
        ("version", "company", "verdict", "rows", "share", TableColumn("weakest assumption", prose=True)),
        [
            (
                _number_of(report, each.version_id),
                slug,
                each.verdict,
                each.usable_rows,
                _share_cell(each),
                each.detail or each.assumption,
            )
            for slug, each in report.verdicts
        ],
        empty="They were compared with no company: none has masks enrolled.",
    )


def _share_cell(verdict: SampleVerdict) -> str:
    low, high = verdict.share_low, verdict.share_high
    return "" if low is None or high is None else f"{low:.0%} to {high:.0%}"


def _head(report: ListingReport) -> Iterator[tuple[str, object]]:
    listing = report.listing
    price = listing.price_amount
    others = [each.id for each in report.offers if each.id != listing.id]
    yield "Listing", listing.id
    yield "Title", listing.title
    yield "Source", listing.source.name
    yield "Address", listing.url
    yield "Seller", listing.seller
    yield "Price", None if price is None else f"{price:,f} {listing.price_currency or ''}".rstrip()
    yield "Claimed records", None if listing.claimed_records is None else f"{listing.claimed_records:,}"
    yield "Data", listing.data_classes
    uncertain = " (uncertain)" if listing.posted_at_uncertain else ""
    yield "Posted", listing.posted_at and cell_text(listing.posted_at) + uncertain
    yield "First seen", listing.first_seen_at
    yield "Last seen", listing.last_seen_at
    yield "Gone since", listing.gone_at
    yield "Last change", listing.life
    yield "Same text in listings", others


def _nothing_found(report: ListingReport) -> str:
    compared = sum(each.matched_at is not None for each in report.versions)
    if not compared:
        return "No version has been compared with what is watched yet."
    return f"{compared} of {len(report.versions)} versions were compared, and named no watched company."


def _history(report: ListingReport) -> list[tuple[object, ...]]:
    return [
        (each.number, each.seen_at, _matched(each), "; ".join(_changes(each)) or "first version")
        for each in report.versions
    ]


def _matched(version: ListingVersion) -> object:
    """Return when a version was compared, or why it was not."""
    return version.matched_at or version.match_reason or version.match_state


def _changes(version: ListingVersion) -> Iterator[str]:
    """Yield a phrase per changed field; of a long text, only that it changed."""
    for change in version.changes:
        values = [cell_text(change.get(side)) for side in ("before", "after")]
        before, after = (clean.one_line(value, _SHORT_CHANGE) for value in values)
        if sum(map(len, values)) > _SHORT_CHANGE:
            yield f"{change['field']} changed"
        else:
            yield f"{change['field']}: {before or 'nothing'} -> {after or 'nothing'}"


def _place_row(version: ListingVersion) -> tuple[object, ...]:
    return (version.number, *(getattr(version, key) for key in _PLACE_KEYS))
