"""The legal clocks that run, as a calendar (RFC 5545). An event keeps its UID for ever."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from alerts.clean import one_line
from alerts.clocks import RunningClock
from web.exports.findings import Naming

LINE_BYTES = 75
ALARMS = ("-PT4H", "-PT1H")  # before the end; a clock that is shorter has alarms that are past


@dataclass(frozen=True, slots=True)
class ClockOfFinding:
    reference: str
    title: str
    running: RunningClock


def calendar(clocks: Iterable[ClockOfFinding], naming: Naming) -> bytes:
    """Return a calendar with an event at the end of each clock."""
    lines = [
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Spillwatch//Legal clocks//EN", "CALSCALE:GREGORIAN"),
        f"X-WR-CALNAME:{_text(f'Legal clocks of {naming.installation}')}",
    ]
    for each in clocks:
        lines += _event(each, naming)
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _event(each: ClockOfFinding, naming: Naming) -> Iterator[str]:
    clock = each.running.clock
    summary = f"{clock.law}: {each.title}"
    words = f"Notify: {clock.whom['en']}. {clock.citation}. Finding {each.reference}. Not legal advice."
    yield "BEGIN:VEVENT"
    yield f"UID:{naming.uuid('clock', each.reference, clock.slug)}"
    yield f"DTSTAMP:{_time(each.running.started_at)}"
    yield f"DTSTART:{_time(each.running.due_at)}"
    yield f"DTEND:{_time(each.running.due_at)}"
    yield f"SUMMARY:{_text(one_line(summary, 200))}"
    yield f"DESCRIPTION:{_text(words)}"
    if address := naming.address(each.reference):
        yield f"URL:{address}"
    yield "TRANSP:TRANSPARENT"
    for before in ALARMS:
        yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:{before}", f"DESCRIPTION:{_text(clock.law)}")
        yield "END:VALARM"
    yield "END:VEVENT"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return "\\n".join(escaped.splitlines())


def _folded(line: str) -> bytes:
    """Return a line cut into pieces of 75 bytes, none of them within a character."""
    pieces, piece = [], b""
    for sign in line:
        encoded = sign.encode("utf-8", "replace")
        if len(piece) + len(encoded) > LINE_BYTES:
            pieces.append(piece)
            piece = b" "
        piece += encoded
    return b"\r\n".join([*pieces, piece]) + b"\r\n"
