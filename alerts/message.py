"""What an alert says: one value, from which every channel renders its own form.

`MessageContent` is decided when a finding is judged and is stored in its revision, so that every attempt of
every channel says the same. `Message` adds what the rows know: number, revision, severity. It is the `data`
of the webhook's event, and the published JSON Schema is made from these classes: only add to them, or raise
the schema's version.

All text is masked (by storage) and harmless (by `clean`). A URL is shown defanged and is never a link.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from alerts.severity import Signal
from storage.alerts import Alert, AlertChange, AlertKind, AlertRevision, Severity, TriageState

EXCERPTS = 8  # excerpts in a message
CANARIES = 20  # canaries in a message
CAPTURES = 12  # captures listed as proof
ENTRIES = 100  # messages listed in a digest
TITLE_CHARS = 200
EXCERPT_CHARS = 400
LABEL_CHARS = 120


class MessageModel(BaseModel):
    """The base of all parts of a message: immutable, and every key is in the JSON, also if it is null."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class MessageCompany(MessageModel):
    """The company that the alert is about."""

    slug: str = Field(description="Its slug: the stem of companies/SLUG.toml.")
    name: str = Field(description="Its name for people.")


class MessageSource(MessageModel):
    """The source on which it was found."""

    name: str = Field(description="Name of the source in the configuration.")
    kind: str = Field(description="html, feed, json, paste or the name of a family.")
    health: str = Field(description="Health of the source when this was written.")
    health_since: datetime | None = Field(
        default=None, description="When the source's health became this; null if it was never read."
    )


class MessagePrice(MessageModel):
    """The price that the seller asks."""

    amount: str = Field(description="Decimal number, as text, without separators of thousands.")
    currency: str = Field(description="ISO 4217, or BTC, XMR, USDT and the like.")

    @field_validator("amount")
    @classmethod
    def _without_separators(cls, amount: str) -> str:
        # Revisions of earlier builds have them.
        return amount.replace(",", "")

    @property
    def label(self) -> str:
        """The price as people read it: 2,934.5 USD."""
        return f"{Decimal(self.amount):,f} {self.currency}"


class MessageListing(MessageModel):
    """The listing when this was written. Its text is crawled: masked, harmless and defanged."""

    id: int = Field(description="Number of the listing in the database.")
    key: str = Field(description="Its key at the source.")
    url: str = Field(description="Its address, defanged (hxxps, [.]): never a link.")
    title: str = Field(description="Its title.")
    seller: str | None = Field(default=None, description="Name of the seller or the author.")
    price: MessagePrice | None = Field(default=None, description="Price; null if none was read.")
    claimed_records: int | None = Field(default=None, description="Number of records the seller claims.")
    data_classes: tuple[str, ...] = Field(default=(), description="Kinds of data the seller names.")
    posted_at: datetime | None = Field(default=None, description="When it was posted, according to the site.")
    posted_at_uncertain: bool = Field(
        default=False,
        description="True if the site's date is ambiguous: no time zone, no time, or an unclear order.",
    )
    life: str = Field(description="new, edited, price_changed, reposted, gone or back.")
    version: int = Field(description="Number of the version that this is about.")
    reread: bool = Field(
        default=False,
        description="True if this version differs because the source's file was changed, not by an edit.",
    )
    first_seen_at: datetime = Field(description="When Spillwatch first saw it.")
    last_seen_at: datetime = Field(description="When Spillwatch last saw it.")
    gone_at: datetime | None = Field(default=None, description="When it was found to be gone.")
    offer_number: int = Field(default=1, description="Number of this offer of the same data, from 1.")
    first_offered_at: datetime | None = Field(
        default=None, description="From the second offer on: when the same data was first seen."
    )


class MessageMatches(MessageModel):
    """What was found of the company in the listing, as counts."""

    mentions: dict[str, int] = Field(
        description="Mentions of watch terms by field of the listing. `address`: a watched domain in e-mail "
        "addresses; `lookalike`: another host's name that contains one."
    )
    terms: tuple[str, ...] = Field(description="The watch terms that were found.")
    coherent_rows: int = Field(
        description="Rows that agree with one enrolled customer on two or more identifiers."
    )
    customers: int = Field(description="Different enrolled customers among the hits.")
    single_hits: int = Field(description="Identifiers of customers without a second one in the same row.")
    hits: dict[str, int] = Field(description="Hits by kind of identifier.")


class MessageCanary(MessageModel):
    """A canary in the listing: a customer who does not exist, planted in one system."""

    system: str = Field(description="The system in which it was planted.")
    partner: str | None = Field(
        default=None, description="The partner that got it from the system; null if none did."
    )
    issued: date = Field(description="Since when it was planted.")
    expires: date | None = Field(default=None, description="Since when it no longer is; null if it still is.")
    evidence: str = Field(
        description="certain; consistent, for a masked row; or single, for one value that others may have."
    )
    fields: tuple[str, ...] = Field(
        description="The fields by which it is recognised; for a masked row, the mask template."
    )
    rows: int = Field(description="Rows of the listing that show it.")
    place: str = Field(description="Place of the first of them, such as sample:3.")
    number: int | None = Field(
        default=None, description="Its number in the canary register; null for a masked row."
    )
    chance: float | None = Field(
        default=None, description="For a masked row: how probable it is that chance alone shows it."
    )


class MessageSample(MessageModel):
    """The rows whose identifiers are masked, and whether they are those of customers."""

    verdict: str | None = Field(
        description="ours, partly_ours, shared_clients_only, pairing_broken, not_ours, too_little, "
        "tests_disagree, no_masks, or not_compared; null if no row could be read."
    )
    rows: int = Field(description="Rows with masked identifiers that were read.")
    unread_rows: int = Field(description="Rows whose masks have a form that is not known.")
    distinct_rows: int = Field(default=0, description="Different rows among them.")
    usable_rows: int = Field(default=0, description="Rows that show enough to be compared.")
    share_low: float | None = Field(default=None, description="Share of rows that is ours: 5% bound.")
    share_middle: float | None = Field(default=None, description="The most likely share.")
    share_high: float | None = Field(default=None, description="95% bound of the share.")
    assumption: str = Field(default="", description="The weakest assumption of the answer.")
    detail: str = Field(default="", description="How the tests disagree, if they do.")
    more_rows: int | None = Field(
        default=None, description="How many more rows would settle it; null if that is not known."
    )
    cut: bool = Field(default=False, description="True if there were more rows than are compared.")


class DigestEntry(MessageModel):
    """One message of the digest of a channel."""

    alert_id: int = Field(description="Number of the alert.")
    revision: int = Field(description="Number of the message that would have been sent.")
    change: AlertChange = Field(description="opened, escalated, updated, reopened or resolved.")
    severity: Severity = Field(description="low, medium, high or critical.")
    title: str = Field(description="Headline of the alert.")
    at: datetime = Field(description="When it was written.")


class Excerpt(MessageModel):
    """A masked piece of the listing's text around a mention."""

    field: str = Field(description="title, body, sample or attachment.")
    place: str = Field(description="Place in the field, such as body:3 for its third line.")
    term: str | None = Field(default=None, description="The watch term found there.")
    text: str = Field(description="The masked text.")


class Difference(MessageModel):
    """A difference from the revision before."""

    field: str = Field(
        description="Slug: severity, score, price, claimed_records, life, offers, health or state."
    )
    before: str | None = Field(description="The value before, as text.")
    after: str | None = Field(description="The value now, as text.")
    reread: bool = Field(
        default=False,
        description="True if the site did not change the value: the source's file was changed, and the page "
        "is read in another way.",
    )


class MessageCoverage(MessageModel):
    """What was read and what was not: the limits of this alert."""

    parts: tuple[str, ...] = Field(description="Parts of the listing that were read.")
    rows_scanned: int = Field(description="Rows that were searched for identifiers.")
    candidates: int = Field(description="Candidates for identifiers that were compared.")
    enrolled_customers: int = Field(
        description="Customers to compare with, at most; 0 if no customer is enrolled."
    )
    pages_read: int | None = Field(default=None, description="Pages that the run read at this source.")
    pages_unread: int | None = Field(
        default=None, description="Pages that it left unread, at least; null if none is known."
    )


class MessageCapture(MessageModel):
    """Proof: a stored response in the evidence store."""

    id: int = Field(description="Number of the capture in the database.")
    role: str = Field(description="list, item, feed, api, raw or attachment.")
    url: str = Field(description="Its address, defanged.")
    fetched_at: datetime = Field(description="When it was fetched.")
    sha256: str = Field(description="SHA-256 of the bytes as received, hexadecimal.")
    size: int = Field(description="Number of bytes.")
    file: str | None = Field(
        default=None,
        description="WARC file that holds it, below the evidence folder; null in older messages.",
    )
    offset: int | None = Field(default=None, description="Where its record begins in that file, in bytes.")
    length: int | None = Field(default=None, description="Length of its compressed record there, in bytes.")


class MessageContent(MessageModel):
    """Everything that an alert says, except its number and its severity."""

    title: str = Field(description="Headline.")
    state: TriageState = Field(
        default=TriageState.NEW, description="State of the alert when this was written."
    )
    summary: str = Field(description="What happened, in a sentence or two.")
    company: MessageCompany | None = Field(
        default=None, description="The company; null for alerts about Spillwatch itself."
    )
    source: MessageSource | None = Field(
        default=None, description="The source; null for alerts about channels, the installation and tests."
    )
    listing: MessageListing | None = Field(
        default=None, description="The listing; null for alerts about Spillwatch itself."
    )
    matches: MessageMatches | None = Field(
        default=None, description="What was found; null for alerts about Spillwatch itself."
    )
    thresholds: dict[str, int] = Field(
        default_factory=dict, description="Score from which an alert has a severity, by severity."
    )
    canaries: tuple[MessageCanary, ...] = Field(
        default=(), description="Canaries that appeared, the certain ones first."
    )
    sample: MessageSample | None = Field(
        default=None, description="The rows with masked identifiers; null if there are none."
    )
    entries: tuple[DigestEntry, ...] = Field(
        default=(), description="The messages of a digest, the most severe ones first."
    )
    entries_left: int = Field(default=0, description="Messages of a digest that are counted and not listed.")
    excerpts: tuple[Excerpt, ...] = Field(default=(), description="Masked pieces of the listing's text.")
    changes: tuple[Difference, ...] = Field(default=(), description="What is new in this revision.")
    next_steps: tuple[str, ...] = Field(default=(), description="What to do next.")
    coverage: MessageCoverage | None = Field(default=None, description="What was read and what was not.")
    proof: tuple[MessageCapture, ...] = Field(default=(), description="The captures that prove it.")
    proof_missing: int = Field(
        default=0,
        description="Captures that would be proof, but whose record is no longer in the evidence folder.",
    )


class Message(MessageContent):
    """One revision of one alert, complete."""

    alert_id: int = Field(description="Number of the alert; the same in all its revisions.")
    revision: int = Field(description="1 for the first message of an alert, then 2, 3, ...")
    kind: AlertKind = Field(description="finding, source, channel, installation or test.")
    change: AlertChange = Field(
        description="Kind of this revision: opened, escalated, updated, reopened or resolved."
    )
    severity: Severity = Field(description="low, medium, high or critical.")
    score: int = Field(description="Sum of the signals' weights.")
    signals: tuple[Signal, ...] = Field(description="The reasons for the severity, heaviest first.")
    opened_at: datetime = Field(description="When the alert was opened.")
    at: datetime = Field(description="When this revision was written.")
    installation: str = Field(description="Name of the Spillwatch installation that sends this.")


def message_of(alert: Alert, revision: AlertRevision, *, installation: str) -> Message:
    """Return the message of one revision: the same at every attempt, whatever happened to the alert since."""
    content = MessageContent.model_validate(revision.content)
    return Message(
        **{name: getattr(content, name) for name in MessageContent.model_fields},
        alert_id=alert.id,
        revision=revision.number,
        kind=alert.kind,
        change=revision.change,
        severity=revision.severity,
        score=revision.score,
        signals=tuple(Signal.model_validate(signal) for signal in revision.signals),
        opened_at=alert.opened_at,
        at=revision.at,
        installation=installation,
    )
