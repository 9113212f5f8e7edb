"""Messages and channels for the tests. All of them are invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alerts.message import (
    Difference,
    Excerpt,
    Message,
    MessageCapture,
    MessageCompany,
    MessageContent,
    MessageCoverage,
    MessageListing,
    MessageMatches,
    MessagePrice,
    MessageSource,
)
from alerts.rules import FindingFacts
from alerts.settings import EmailChannel, WebhookChannel
from alerts.severity import SeveritySettings, find_signals, total_weight
from alerts.transports.interface import OutgoingMessage
from storage.alerts import AlertChange, AlertKind, TriageState

SECRET = "whsec_c3ludGhldGljIHNlY3JldCBvZiB0aGUgdGVzdHMh"
NEXT_SECRET = "whsec_dGhlIG5leHQgc3ludGhldGljIHNlY3JldCBvZiB0ZXN0cw=="
KEY = "0b7e6f6e5f0f4f0e9d8c7b6a59483726"
NOON = datetime(2026, 3, 4, 3, 7, tzinfo=UTC)
FACTS = FindingFacts(
    mentions={"title": 1, "sample": 3},
    domains=("qudian[.]example",),
    coherent_rows=36,
    customers=36,
    single_hits=4,
    candidates=160,
    enrolled=250_000,
    claimed_records=1_000_000,
    price="0.5 BTC",
    data_classes=("phone", "resident id", "bank card"),
)


def content(**changes: object) -> MessageContent:
    """The content of an alert about an invented offer; `changes` may name any of its fields."""
    whole = MessageContent(
        title="趣店 Lending: 出售趣店学生数据 100万条 手机 身份证",
        state=TriageState.NEW,
        summary="Data of 趣店 Lending is on night-market: 36 rows agree with enrolled customers.",
        company=MessageCompany(slug="qudian", name="趣店 Lending"),
        source=MessageSource(name="night-market", kind="html", health="ok", health_since=NOON),
        listing=listing(),
        matches=MessageMatches(
            mentions={"title": 1, "sample": 3},
            terms=("趣店", "qudian.example"),
            coherent_rows=36,
            customers=36,
            single_hits=4,
            hits={"phone": 38, "resident_id": 36},
        ),
        excerpts=(
            Excerpt(field="title", place="title:1", term="趣店", text="出售趣店学生数据 100万条 手机 身份证"),
            Excerpt(
                field="sample",
                place="sample:2",
                term="趣店",
                text="来源 qudian[.]example\n张*三 138****5678 110101********123X 趣店",
            ),
        ),
        thresholds=SeveritySettings().thresholds,
        next_steps=(
            "Call the person who decides on incidents now.",
            "Acknowledge the alert: spillwatch alerts ack, with --by and --note.",
        ),
        coverage=MessageCoverage(
            parts=("title", "body", "sample"),
            rows_scanned=40,
            candidates=160,
            enrolled_customers=250_000,
            pages_read=3,
            pages_unread=1_207,
        ),
        proof=(
            MessageCapture(
                id=71,
                role="item",
                url="hxxps://market[.]example/offer/8812",
                fetched_at=NOON - timedelta(minutes=2),
                sha256="5f" * 32,
                size=48_213,
            ),
        ),
    )
    return whole.model_copy(update=changes)


def listing(**changes: object) -> MessageListing:
    """An invented offer; `changes` may name any of its fields."""
    whole = MessageListing(
        id=12,
        key="8812",
        url="hxxps://market[.]example/offer/8812",
        title="出售趣店学生数据 100万条 手机 身份证",
        seller="night_owl",
        price=MessagePrice(amount="0.5", currency="BTC"),
        claimed_records=1_000_000,
        data_classes=("phone", "resident id", "bank card"),
        posted_at=NOON - timedelta(hours=3),
        posted_at_uncertain=True,
        life="new",
        version=1,
        first_seen_at=NOON - timedelta(minutes=2),
        last_seen_at=NOON - timedelta(minutes=2),
    )
    return whole.model_copy(update=changes)


def message(**changes: object) -> Message:
    """A complete message; `changes` may name any of its fields."""
    signals = tuple(find_signals(FACTS, SeveritySettings()))
    sample = content()
    whole = Message(
        **{name: getattr(sample, name) for name in MessageContent.model_fields},
        alert_id=7,
        revision=1,
        kind=AlertKind.FINDING,
        change=AlertChange.OPENED,
        severity=SeveritySettings().severity_for(total_weight(signals)),
        score=total_weight(signals),
        signals=signals,
        opened_at=NOON,
        at=NOON,
        installation="spillwatch-test",
    )
    return whole.model_copy(update=changes)


def update_of(revision: int, **changes: object) -> Message:
    """A later message of the same alert."""
    cheaper = (Difference(field="price", before="0.5 BTC", after="0.2 BTC"),)
    update = {"revision": revision, "change": AlertChange.UPDATED, "changes": cheaper}
    return message(**update, at=NOON + timedelta(hours=revision), **changes)


def outgoing(sample: Message | None = None, *, at: datetime | None = None, key: str = KEY) -> OutgoingMessage:
    """A message for an attempt made now: verifiers refuse a timestamp that is minutes away."""
    return OutgoingMessage(sample or message(), key, at or datetime.now(UTC))


def email_channel(port: int, **settings: object) -> EmailChannel:
    """A channel to the SMTP peer."""
    given = {
        "transport": "email",
        "host": "localhost",
        "port": port,
        "security": "none",
        "from": "spillwatch@lender.test",
        "to": ["soc@lender.test"],
        "timeout_s": 20,
    }
    return EmailChannel.model_validate(given | settings)


def webhook_channel(url: str, **settings: object) -> WebhookChannel:
    """A channel to the webhook peer, which is on a loopback address and therefore allowed by name."""
    given = {
        "transport": "webhook",
        "url": url,
        "secrets": [SECRET],
        "allow_private_addresses": ["localhost"],
        "timeout_s": 10,
    }
    return WebhookChannel.model_validate(given | settings)
