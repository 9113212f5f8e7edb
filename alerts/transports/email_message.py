"""A message as an e-mail: plain text and HTML, in a thread, with the same headers at every attempt.

The Message-ID is made from the alert, the revision and the installation. So a message that arrives twice
(because an attempt was interrupted after the server had accepted it) is recognised as one, and a later
message of an alert refers to the messages before it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC
from email.headerregistry import Address
from email.message import EmailMessage

from alerts.clean import one_line
from alerts.message import Message
from alerts.render import headline, html_page, plain_text
from alerts.settings import EmailChannel
from alerts.transports.subject import mail_policy

SUBJECT_CHARS = 150
REFERENCES = 10  # Message-IDs in References: the first one and the latest ones


def email_of(message: Message, channel: EmailChannel, *, idempotency_key: str) -> EmailMessage:
    """Return the e-mail of one revision for one channel."""
    mail = EmailMessage(policy=mail_policy())
    user, _, domain = channel.sender.rpartition("@")
    mail["From"] = Address(channel.sender_name, user, domain)
    mail["To"] = tuple(Address(addr_spec=address) for address in channel.to)
    mail["Subject"] = header_text(headline(message), SUBJECT_CHARS)
    mail["Date"] = message.at.astimezone(UTC)
    mail["Message-ID"] = message_id(message, message.revision, domain)
    for name, value in _thread_headers(message, domain).items():
        mail[name] = value
    mail["List-Id"] = f"Spillwatch alerts <{channel.list_id or f'alerts.{domain}'}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply
    mail["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    mail["X-Spillwatch-Alert"] = f"{message.alert_id}/{message.revision}"
    mail["X-Spillwatch-Severity"] = message.severity.value
    mail["Idempotency-Key"] = idempotency_key
    mail.set_content(plain_text(message))
    mail.add_alternative(html_page(message), subtype="html")
    return mail


def message_id(message: Message, revision: int, domain: str) -> str:
    """Return the Message-ID of a revision of this alert. The digest keeps two installations apart."""
    origin = f"{message.installation}|{message.alert_id}|{message.opened_at.astimezone(UTC).isoformat()}"
    digest = hashlib.sha256(origin.encode()).hexdigest()[:16]
    return f"<alert-{message.alert_id}.{revision}.{digest}@{domain}>"


def _thread_headers(message: Message, domain: str) -> dict[str, str]:
    if message.revision == 1:
        return {}
    earlier = [1, *range(max(2, message.revision - REFERENCES + 1), message.revision)]
    ids = [message_id(message, number, domain) for number in earlier]
    return {"In-Reply-To": ids[-1], "References": " ".join(ids)}


def header_text(text: str, limit: int) -> str:
    """Return text for a header: one line, and nothing that a mail program would decode (RFC 2047)."""
    return one_line(text, limit).replace("=?", "= ?")
