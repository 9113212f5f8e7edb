"""A finding as the exports have it, and the names that it keeps in all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from alerts.message import MessageContent
from storage.alerts import Severity, TriageState
from storage.visible.exports import ExportedFinding
from web.exports.csv_text import csv_cell


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDocument:
    """What leaves: no numbers of rows, which would count other companies' findings."""

    reference: str
    severity: Severity
    score: int
    state: TriageState
    title: str
    opened_at: datetime
    updated_at: datetime
    revision: int
    revised_at: datetime
    company_slug: str
    company_name: str
    company_since: datetime
    company_changed_at: datetime
    content: MessageContent

    @property
    def false_positive(self) -> bool:
        return self.state is TriageState.FALSE_POSITIVE


@dataclass(frozen=True, slots=True)
class Naming:
    """Deterministic names of an installation's documents: UUIDs (version 5) of its name and of a row's."""

    installation: str
    public_url: str = ""

    def uuid(self, *parts: str) -> UUID:
        lengths = "".join(f"{len(part)}:{part};" for part in (self.installation, *parts))
        return uuid5(NAMESPACE_URL, f"urn:spillwatch:{lengths}")

    def address(self, reference: str) -> str:
        """Return the address of a finding's page; "" if the installation has no public address."""
        return f"{self.public_url}/findings/{reference}" if self.public_url else ""


def document_of(found: ExportedFinding) -> FindingDocument:
    alert, revision, company = found.alert, found.revision, found.company
    content = MessageContent.model_validate(revision.content)
    named = content.company
    return FindingDocument(
        reference=alert.reference,
        severity=alert.severity,
        score=alert.score,
        state=alert.state,
        title=content.title,
        opened_at=alert.opened_at,
        updated_at=max(alert.updated_at, alert.opened_at),
        revision=revision.number,
        revised_at=max(revision.at, alert.opened_at),
        company_slug=company.slug if company else named.slug if named else "",
        company_name=company.name if company else named.name if named else "",
        company_since=company.created_at if company else alert.opened_at,
        company_changed_at=company.updated_at if company else alert.opened_at,
        content=content,
    )


#: The columns of the CSV file.
CSV_HEADER = (
    *("reference", "opened_at", "updated_at", "severity", "score", "state", "verdict"),
    *("company", "company_name", "source", "title", "listing_title", "listing_address", "seller"),
    *("price_amount", "price_currency", "claimed_records", "life", "first_seen_at", "posted_at"),
    *("mentions", "coherent_rows", "customers", "share_low", "share_middle", "share_high"),
)


def csv_row(finding: FindingDocument) -> list[object]:
    """Return the values of CSV_HEADER."""
    content = finding.content
    listing, matches, sample = content.listing, content.matches, content.sample
    price = listing.price if listing else None
    return [
        *(finding.reference, finding.opened_at, finding.updated_at, finding.severity, finding.score),
        *(finding.state, sample.verdict if sample else None, finding.company_slug, finding.company_name),
        *(content.source.name if content.source else None, finding.title),
        *((listing.title, listing.url, listing.seller) if listing else (None, None, None)),
        *((price.amount, price.currency) if price else (None, None)),
        *((listing.claimed_records, listing.life) if listing else (None, None)),
        *((listing.first_seen_at, listing.posted_at) if listing else (None, None)),
        sum(matches.mentions.values()) if matches else None,
        *((matches.coherent_rows, matches.customers) if matches else (None, None)),
        *((sample.share_low, sample.share_middle, sample.share_high) if sample else (None, None, None)),
    ]


def offer_words(finding: FindingDocument) -> str:
    """Return what is offered, in a line or two: seller, price, claimed records."""
    listing = finding.content.listing
    if listing is None:
        return ""
    said = (
        ("Seller", listing.seller),
        ("Price", listing.price.label if listing.price else None),
        ("Records claimed", None if listing.claimed_records is None else f"{listing.claimed_records:,}"),
        ("Life", listing.life),
        ("First seen", csv_cell(listing.first_seen_at)),
        ("Address, defanged", listing.url),
    )
    return "\n".join(f"{name}: {value}" for name, value in said if value)
