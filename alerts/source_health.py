"""Alerts about a source: an episode from its first trouble to the moment when it is read again."""

from __future__ import annotations

from sqlalchemy.orm import Session

from alerts.clean import one_line
from alerts.finding import source_of
from alerts.message import Difference, MessageContent
from alerts.outbox import AlertSubject, RevisionDraft
from alerts.rules import Observation
from alerts.severity import SeveritySettings, judgement_of
from storage import alerts as rows
from storage import runs, sources
from storage.alerts import Alert, AlertChange, AlertKind, TriageState
from storage.sources import Source, SourceChange, SourceHealth

DETAIL_CHARS = 400  # of the sentence that the run ended with

TITLES = {
    SourceHealth.PAGE_NOT_RECOGNISED: "its pages are not recognised",
    SourceHealth.COULD_NOT_FETCH: "it cannot be fetched",
    SourceHealth.REFUSED: "fetching it is not allowed",
    SourceHealth.WALL: "a wall stands before its pages",
    SourceHealth.PARSER_DEGRADED: "part of its pages is no longer recognised",
    SourceHealth.FLAPPING: "its health keeps changing",
    SourceHealth.FAILING: "its runs fail",
}
MEANINGS = {
    SourceHealth.PAGE_NOT_RECOGNISED: (
        "Pages arrived, but the selectors found nothing on them, although they used to. New offers on this "
        "source are not seen until the selectors are corrected."
    ),
    SourceHealth.COULD_NOT_FETCH: (
        "No page arrived. New offers on this source are not seen in the meantime. No listing is marked as "
        "gone."
    ),
    SourceHealth.REFUSED: (
        "A rule of Spillwatch forbids the request: robots.txt, a private address, or a scheme other than "
        "http and https. New offers on this source are not seen."
    ),
    SourceHealth.WALL: (
        "The site shows a login, a captcha, a waiting queue, a ban or an age check instead of its pages. "
        "Spillwatch does not try to get past it. New offers on this source are not seen."
    ),
    SourceHealth.PARSER_DEGRADED: (
        "The pages are recognised, but a selector stopped finding what it always found, or the list is half "
        "as long as before. The site was probably redesigned. What is still found is stored."
    ),
    SourceHealth.FLAPPING: (
        "Its health changed six times within a day. The next message follows when five runs in a row have "
        "ended in the same way."
    ),
    SourceHealth.FAILING: "A run crashed, or ran out of time or memory. What it had read until then is kept.",
}
NEXT_STEPS: dict[SourceHealth, tuple[str, ...]] = {
    SourceHealth.PAGE_NOT_RECOGNISED: (
        "Look at the site: was it redesigned, or does it show a login, a captcha or a notice that it closed?",
        "Check what each selector finds: spillwatch source try sources/{name}.toml",
        "Correct the selectors. What was captured in the meantime is kept.",
    ),
    SourceHealth.COULD_NOT_FETCH: (
        "Find the reason: spillwatch runs --source {name}",
        "If the site has moved, change its address in sources/{name}.toml. If it is down, there is nothing "
        "to do.",
    ),
    SourceHealth.REFUSED: (
        "Find the reason: spillwatch runs --source {name}",
        "Decide whether robots.txt or the address rule should apply to this source, and set that in "
        "sources/{name}.toml.",
    ),
    SourceHealth.WALL: (
        "Find out which wall it is: spillwatch runs --source {name}",
        "For a login, give the source the cookies of an account that may be used there (cookies_file), or "
        "renew them.",
        "A queue or a captcha often goes away by itself. After a ban, visit less often or leave the site "
        "alone.",
    ),
    SourceHealth.PARSER_DEGRADED: (
        "Find out which selector finds nothing: spillwatch source health {name}",
        "Look at the site, and check what each selector finds: spillwatch source try sources/{name}.toml",
        "Correct the selector, or remove it if the site no longer shows this field.",
    ),
    SourceHealth.FLAPPING: (
        "See how its runs ended: spillwatch runs --source {name}",
        "If the site is slow or overloaded, visit it less often. To check Tor, run: spillwatch doctor",
    ),
    SourceHealth.FAILING: (
        "Find the reason: spillwatch runs --source {name}",
        "If the source really has that many pages, raise its budget. Report a crash as a bug.",
    ),
    SourceHealth.OK: ("Nothing. What was offered in the meantime is read if the site still shows it.",),
}

#: Where the outgoing proxy is the reason: the site has no part in it.
PROXY_REASONS = "proxy_"
PROXY_TITLE = "the outgoing proxy does not let it be read"
PROXY_MEANING = (
    "Pages were requested through the outgoing proxy, and it did not carry them out. This says nothing about "
    "the site. New offers on this source are not seen in the meantime. No listing is marked as gone."
)
PROXY_STEPS = (
    "Find out what the proxy did: spillwatch runs --source {name}",
    "Correct the proxy or its login, or proxy in [crawler] or in sources/{name}.toml.",
    "Check whether it accepts connections: spillwatch doctor --only proxies",
)


def source_key(source_id: int, change_id: int) -> str:
    """Return the dedupe key of one episode of a source's trouble, which began with this change."""
    return f"source:{source_id}:{change_id}"


def source_revision(
    session: Session, change: SourceChange, severity: SeveritySettings
) -> RevisionDraft | None:
    """Return the alert about a change of health, or the next revision of the open one.

    None: nothing to report. The source was removed, or it became ok and has no open alert.
    """
    source = sources.source_by_id(session, change.source_id)
    if source is None or source.removed_at is not None:
        return None
    open_alert = rows.lock_open_alert(session, AlertKind.SOURCE, source_id=source.id)
    if change.after in TITLES:
        return _trouble_revision(session, source, change, open_alert, severity)
    if open_alert is not None and change.after is SourceHealth.OK:
        return _end_revision(session, source, change, open_alert)
    return None


def _trouble_revision(
    session: Session,
    source: Source,
    change: SourceChange,
    open_alert: Alert | None,
    severity: SeveritySettings,
) -> RevisionDraft:
    before, after = _health_words(change.before), _health_words(change.after)
    run = runs.run_by_id(session, change.run_id) if change.run_id is not None else None
    detail = f" {one_line(run.detail, DETAIL_CHARS)}" if run and run.detail else ""
    by_proxy = run is not None and (run.reason or "").startswith(PROXY_REASONS)
    title, meaning, steps = (
        (PROXY_TITLE, PROXY_MEANING, tuple(step.format(name=source.name) for step in PROXY_STEPS))
        if by_proxy
        else (TITLES[change.after], MEANINGS[change.after], _next_steps(change.after, source.name))
    )
    content = MessageContent(
        title=f"Source {source.name}: {title}",
        state=open_alert.state if open_alert else TriageState.NEW,
        summary=f'The health of the source {source.name} was "{before}" and is now "{after}".{detail}',
        source=source_of(source),
        changes=_health_differences(change),
        next_steps=steps,
    )
    key = open_alert.dedupe_key if open_alert else source_key(source.id, change.id)
    subject = AlertSubject(dedupe_key=key, kind=AlertKind.SOURCE, source_id=source.id)
    observation = Observation(None, meaning)
    judgement = severity.judge_observation(f"source_{change.after.value}", observation)
    return RevisionDraft(
        subject, AlertChange.UPDATED if open_alert else AlertChange.OPENED, judgement, content
    )


def _end_revision(session: Session, source: Source, change: SourceChange, open_alert: Alert) -> RevisionDraft:
    """Keep the severity of the trouble, so that the channels that carried it also carry its end."""
    judgement = judgement_of(rows.last_revision(session, open_alert))
    content = MessageContent(
        title=f"Source {source.name} is ok again",
        state=TriageState.RESOLVED,
        summary=f'The source {source.name} is read again. Its health was "{_health_words(change.before)}".',
        source=source_of(source),
        changes=_health_differences(change),
        next_steps=_next_steps(change.after, source.name),
    )
    subject = AlertSubject(dedupe_key=open_alert.dedupe_key, kind=AlertKind.SOURCE, source_id=source.id)
    return RevisionDraft(subject, AlertChange.RESOLVED, judgement.as_earlier(), content)


def _next_steps(health: SourceHealth, name: str) -> tuple[str, ...]:
    return tuple(step.format(name=name) for step in NEXT_STEPS[health])


def _health_words(health: SourceHealth) -> str:
    return health.value.replace("_", " ")


def _health_differences(change: SourceChange) -> tuple[Difference, ...]:
    before, after = _health_words(change.before), _health_words(change.after)
    return (Difference(field="health", before=before, after=after),)
