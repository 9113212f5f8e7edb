"""What a channel through Apprise says, by the channel's `content`: from a bare notice to the whole alert.

A chat room has more readers than a mailbox, and its provider keeps what is written there. So the default says
that there is an alert and nothing of what it is about.
"""

from __future__ import annotations

from collections.abc import Iterator

from alerts.message import Message
from alerts.render import CHANGE_LABELS, FIELD_LABELS, headline, plain_text
from alerts.settings import AppriseContent
from alerts.wording import format_time
from storage.alerts import AlertChange, AlertKind

#: Services notify people for @channel, @everyone and the like, whoever wrote it.
_NO_MENTIONS = {ord("@"): "\N{FULLWIDTH COMMERCIAL AT}"}


def title_of(message: Message, content: AppriseContent) -> str:
    """Return the headline; the listing's own title is in it only with `full`."""
    if content == "full" or (content == "summary" and message.kind is not AlertKind.FINDING):
        return headline(message).translate(_NO_MENTIONS)
    about = f": {message.company.name}" if content == "summary" and message.company else ""
    return f"[{message.severity.value.upper()}] Spillwatch alert #{message.alert_id}{about}".translate(
        _NO_MENTIONS
    )


def body_of(message: Message, content: AppriseContent) -> str:
    """Return the text. Only `full` holds words of the site."""
    if message.kind is AlertKind.TEST:
        text = message.summary
    elif content == "full":
        text = plain_text(message)
    elif content == "summary":
        text = "\n".join(_summary_lines(message))
    else:
        text = "\n".join(_notice_lines(message))
    return text.translate(_NO_MENTIONS)


def cut_ending(message: Message) -> str:
    """Return the last line of a text that was too long for the service."""
    return f"(shortened; the whole alert: spillwatch alerts show {message.alert_id})"


def _notice_lines(message: Message) -> Iterator[str]:
    what = "Resolved" if message.change is AlertChange.RESOLVED else CHANGE_LABELS[message.change]
    yield f"{what}: {message.kind.value}, {message.severity.value}, message {message.revision}."
    yield f"{message.installation}, {format_time(message.at)}"
    yield f"Show it: spillwatch alerts show {message.alert_id}"


def _summary_lines(message: Message) -> Iterator[str]:
    yield f"{CHANGE_LABELS[message.change]}, {message.severity.value}, score {message.score}."
    if message.kind is AlertKind.FINDING:
        yield message.summary
        yield "Signals: " + ", ".join(f"{signal.name} {signal.weight:+d}" for signal in message.signals)
        for change in message.changes:
            label = FIELD_LABELS.get(change.field, change.field)
            yield f"{label}: {change.before or 'none'} -> {change.after or 'none'}"
    yield from (f"{number}. {step}" for number, step in enumerate(message.next_steps, 1))
    yield f"{message.installation}, {format_time(message.at)}"
    yield f"Show it: spillwatch alerts show {message.alert_id}"
    if message.kind is AlertKind.FINDING:
        yield f"Acknowledge it: spillwatch alerts ack {message.alert_id} --by YOU"
