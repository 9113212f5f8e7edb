"""What an alert says: one value, from which every channel renders its own form.

`MessageContent` is decided when a finding is judged and stored in its revision, so that each attempt of
each channel says the same. `Message` adds what the rows know (number, revision, severity). It is the
`data` of the webhook, and its JSON Schema (schema/alert.v1.json) is made from these classes: change them by adding only, or
raise the version.

All text is masked (storage) and harmless (clean.py); a URL is shown defanged and is never a link.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.severity import Signal
from storage.alerts import Alert, AlertChange, AlertKind, AlertRevision, Severity, TriageState

EXCERPTS = 8  # excerpts in a message
CAPTURES = 12  # captures named as proof
TITLE_CHARS = 200
EXCERPT_CHARS = 400
LABEL_CHARS = 120


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class MessageCompany(_Value):
    """Whose data it is about."""

    slug: str = Field(description="Its name in the configuration: the stem of companies/SLUG.toml.")
    name: str = Field(description="Its name for people.")


class MessageSource(_Value):
    """Where it was found."""

    name: str = Field(description="Name of the source in the configuration.")
    kind: str = Field(description="html, feed, json or paste.")
    health: str = Field(description="Health of the source when this was written.")
    health_since: datetime | None = Field(default=None, description="Since when.")


class MessagePrice(_Value):
    """What the seller asks."""

    amount: str = Field(description="Decimal number, as text.")
    currency: str = Field(description="ISO 4217, or BTC, XMR, USDT and the like.")


class MessageListing(_Value):
    """What is offered, as it was shown when this was written. Crawled text: masked, harmless, defanged."""

    id: int = Field(description="Number of the listing in the database.")
    key: str = Field(description="Its key at the source.")
    url: str = Field(description="Its address, defanged (hxxps, [.]): never a link.")
    title: str = Field(description="Its title.")
    seller: str | None = Field(default=None, description="Name of the seller or the author.")
    price: MessagePrice | None = Field(default=None, description="Price, where one was read.")
    claimed_records: int | None = Field(default=None, description="Number of records the seller claims.")
    data_classes: tuple[str, ...] = Field(default=(), description="Kinds of data the seller names.")
    posted_at: datetime | None = Field(default=None, description="When the site says it was posted.")
    posted_at_uncertain: bool = Field(
        default=False, description="True if the site's date has no time zone, order or time."
    )
    life: str = Field(description="new, edited, price_changed, reposted, gone or back.")
    version: int = Field(description="Number of the version this is about.")
    first_seen_at: datetime = Field(description="When Spillwatch first saw it.")
    last_seen_at: datetime = Field(description="When Spillwatch last saw it.")
    gone_at: datetime | None = Field(default=None, description="When it was found to be gone.")
    offer_number: int = Field(default=1, description="Which offer of the same data this is, from 1.")
    first_offered_at: datetime | None = Field(
        default=None, description="From the second offer on: when the same data was first seen."
    )


class MessageMatches(_Value):
    """What of the company was found in it. Counts only."""

    mentions: dict[str, int] = Field(description="Mentions of watch terms by field of the listing.")
    terms: tuple[str, ...] = Field(description="The terms.")
    coherent_rows: int = Field(
        description="Rows that agree with one enrolled customer on two identifiers or more."
    )
    customers: int = Field(description="Different enrolled customers among the hits.")
    single_hits: int = Field(description="Identifiers of customers that stand alone in their row.")
    hits: dict[str, int] = Field(description="Hits by kind of identifier.")


class Excerpt(_Value):
    """A masked piece of the listing's text around a mention."""

    field: str = Field(description="title, body, sample or attachment.")
    place: str = Field(description="Where in it, such as body:3 for its third line.")
    term: str | None = Field(default=None, description="The watch term found there.")
    text: str = Field(description="The masked text.")


class Difference(_Value):
    """What is different from the revision before."""

    field: str = Field(
        description="Slug: severity, score, price, claimed_records, life, offers, health or state."
    )
    before: str | None = Field(description="What it was, as text.")
    after: str | None = Field(description="What it is, as text.")


class MessageCoverage(_Value):
    """What was read, and what was not: the limits of this alert."""

    parts: tuple[str, ...] = Field(description="Parts of the listing that were read.")
    rows_scanned: int = Field(description="Lines or rows that were searched for identifiers.")
    candidates: int = Field(description="Strings in them that could be an identifier and were tried.")
    enrolled_customers: int = Field(
        description="Customers with fingerprints to compare with, at most; 0 if nothing is enrolled."
    )
    pages_read: int | None = Field(default=None, description="Pages the run read at this source.")
    pages_unread: int | None = Field(
        default=None, description="Pages it left unread, at least; null if none known."
    )


class MessageCapture(_Value):
    """Proof: a raw response in the evidence store."""

    id: int = Field(description="Number of the capture in the database.")
    role: str = Field(description="list, item, feed, api, raw or attachment.")
    url: str = Field(description="Its address, defanged.")
    fetched_at: datetime = Field(description="When it was fetched.")
    sha256: str = Field(description="SHA-256 of the bytes as received, hexadecimal.")
    size: int = Field(description="Number of bytes.")


class MessageContent(_Value):
    """Everything an alert says apart from its number and its severity."""

    title: str = Field(description="Headline.")
    state: TriageState = Field(
        default=TriageState.NEW, description="State of the alert when this was written."
    )
    summary: str = Field(description="What happened, in a sentence or two.")
    company: MessageCompany | None = Field(
        default=None, description="Whose data; null for alerts about Spillwatch itself."
    )
    source: MessageSource | None = Field(default=None, description="Where.")
    listing: MessageListing | None = Field(
        default=None, description="What; null for alerts about Spillwatch itself."
    )
    matches: MessageMatches | None = Field(default=None, description="What of the company was found in it.")
    thresholds: dict[str, int] = Field(
        default_factory=dict, description="Score from which an alert has a severity, by its name."
    )
    excerpts: tuple[Excerpt, ...] = Field(default=(), description="Masked pieces of text.")
    changes: tuple[Difference, ...] = Field(default=(), description="What is new in this revision.")
    next_steps: tuple[str, ...] = Field(default=(), description="What to do next.")
    coverage: MessageCoverage | None = Field(default=None, description="What was read and what was not.")
    proof: tuple[MessageCapture, ...] = Field(default=(), description="Captures it rests on.")


class Message(MessageContent):
    """One revision of one alert, complete."""

    alert_id: int = Field(description="Number of the alert; the same in all its revisions.")
    revision: int = Field(description="1 for the first message of an alert, then 2, 3, ...")
    kind: AlertKind = Field(description="finding, source, channel or test.")
    change: AlertChange = Field(
        description="What this revision is: opened, escalated, updated, reopened or resolved."
    )
    severity: Severity = Field(description="low, medium, high or critical.")
    score: int = Field(description="Sum of the signals' weights.")
    signals: tuple[Signal, ...] = Field(description="Why it is that severe, the heaviest first.")
    opened_at: datetime = Field(description="When the alert was opened.")
    at: datetime = Field(description="When this revision was written.")
    installation: str = Field(description="Which installation of Spillwatch says so.")


class Event(_Value):
    """The body of a webhook."""

    version: Literal[1] = Field(
        description="Version of this schema. Within a version, keys are only ever added."
    )
    type: str = Field(description='"alert." and the change: alert.opened, alert.escalated, ...')
    timestamp: datetime = Field(description="When the revision was written.")
    data: Message = Field(description="The alert.")


def message_of(alert: Alert, revision: AlertRevision, *, installation: str) -> Message:
    """The message of one revision: the same at every attempt, whatever became of the alert since."""
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


def json_schema() -> str:
    """The schema of the webhook's body, as text; schema/alert.v1.json is a copy (a test compares)."""
    schema = Event.model_json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:spillwatch:alert:1"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"


def event_of(message: Message) -> Event:
    """The webhook's body."""
    return Event(version=1, type=f"alert.{message.change.value}", timestamp=message.at, data=message)
