"""A source that changes from one health to another is itself an alert: an episode from its first trouble to
its end.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from alerts.advice import source_steps
from alerts.clean import one_line
from alerts.dedupe import Judged, source_key
from alerts.finding import source_of
from alerts.message import Difference, MessageContent
from alerts.outbox import About, Outbox
from alerts.rules import Said
from alerts.severity import Signal
from storage import alerts as rows
from storage import runs, sources
from storage.alerts import Alert, AlertChange, AlertKind, TriageState
from storage.sources import Source, SourceChange, SourceHealth

DETAIL_CHARS = 400  # of what the run says of itself

TROUBLE = {
    SourceHealth.PAGE_NOT_RECOGNISED: "its pages are not recognised",
    SourceHealth.COULD_NOT_FETCH: "it cannot be fetched",
    SourceHealth.REFUSED: "it may not be fetched",
    SourceHealth.WALL: "it shows a wall",
    SourceHealth.PARSER_DEGRADED: "its pages lack what they always had",
    SourceHealth.FLAPPING: "its health goes back and forth",
    SourceHealth.FAILING: "its runs fail",
}
MEANING = {
    SourceHealth.PAGE_NOT_RECOGNISED: (
        "Pages came, and the selectors found nothing on them where they used to find something. New offers "
        "there are not seen until that is mended."
    ),
    SourceHealth.COULD_NOT_FETCH: (
        "No page came. New offers there are not seen meanwhile; nothing is taken for gone."
    ),
    SourceHealth.REFUSED: (
        "A rule of ours forbids the request: robots.txt, a private address, or a scheme other than http and "
        "https. New offers there are not seen."
    ),
    SourceHealth.WALL: (
        "The site shows a login, a captcha, a waiting queue, a ban or an age gate instead of its pages. "
        "Nothing is done to get past it, and new offers there are not seen."
    ),
    SourceHealth.PARSER_DEGRADED: (
        "The pages are recognised, but a selector that always found something finds nothing, or the list is "
        "half as long as it was: a redesign, most likely. What is still found is stored."
    ),
    SourceHealth.FLAPPING: (
        "Its health changed six times within a day. Nothing more is told until five runs in a row end alike."
    ),
    SourceHealth.FAILING: (
        "A run crashed, or used up its time or its memory. What it read until then is kept."
    ),
}


def report(session: Session, outbox: Outbox, *, change: SourceChange, now: datetime) -> None:
    """Write the alert or its next revision. A source that becomes ok without an open alert is news to
    nobody.
    """
    source = sources.source_by_id(session, change.source_id)
    if source is None or source.removed_at is not None:
        return
    open_alert = rows.lock_open_alert(session, AlertKind.SOURCE, source_id=source.id)
    if change.after in TROUBLE:
        _trouble(session, outbox, source, change, open_alert, now)
    elif open_alert is not None and change.after is SourceHealth.OK:
        _mended(session, outbox, source, change, open_alert, now)


def _trouble(
    session: Session,
    outbox: Outbox,
    source: Source,
    change: SourceChange,
    open_alert: Alert | None,
    now: datetime,
) -> None:
    severity = outbox.settings.severity
    signal = severity.signal(f"source_{change.after.value}", Said(None, MEANING[change.after]))
    run = runs.run_by_id(session, change.run_id) if change.run_id is not None else None
    said = [one_line(run.detail, DETAIL_CHARS)] if run and run.detail else []
    content = MessageContent(
        title=f"Source {source.name}: {TROUBLE[change.after]}",
        state=open_alert.state if open_alert else TriageState.NEW,
        summary=" ".join(
            (f"The source {source.name} was {_words(change.before)} and is {_words(change.after)}.", *said)
        ),
        source=source_of(source),
        changes=_differences(change),
        next_steps=source_steps(change.after, name=source.name),
    )
    key = open_alert.dedupe_key if open_alert else source_key(source.id, change.id)
    about = About(key=key, kind=AlertKind.SOURCE, source_id=source.id)
    judged = Judged(severity.of(signal.weight), (signal,))
    kind = AlertChange.UPDATED if open_alert else AlertChange.OPENED
    outbox.write(session, about, change=kind, judged=judged, content=content, now=now)


def _mended(
    session: Session, outbox: Outbox, source: Source, change: SourceChange, open_alert: Alert, now: datetime
) -> None:
    """The severity stays what it was: who was told of the trouble is told of its end."""
    signals = tuple(
        Signal.model_validate(signal) for signal in rows.revisions_of(session, open_alert.id)[-1].signals
    )
    earlier = tuple(signal.model_copy(update={"earlier": True}) for signal in signals)
    content = MessageContent(
        title=f"Source {source.name} is ok again",
        state=TriageState.RESOLVED,
        summary=f"The source {source.name} was {_words(change.before)} and is read again.",
        source=source_of(source),
        changes=_differences(change),
        next_steps=source_steps(change.after, name=source.name),
    )
    about = About(key=open_alert.dedupe_key, kind=AlertKind.SOURCE, source_id=source.id)
    judged = Judged(open_alert.severity, earlier)
    outbox.write(session, about, change=AlertChange.RESOLVED, judged=judged, content=content, now=now)


def _words(health: SourceHealth) -> str:
    return f'"{health.value.replace("_", " ")}"'


def _differences(change: SourceChange) -> tuple[Difference, ...]:
    before, after = (health.value.replace("_", " ") for health in (change.before, change.after))
    return (Difference(field="health", before=before, after=after),)
