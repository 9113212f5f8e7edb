"""Alerts about schedules that cannot be kept: one for all sources, for as long as any is behind."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from alerts.clean import one_line
from alerts.message import LABEL_CHARS, Difference, MessageContent
from alerts.outbox import AlertSubject, RevisionDraft
from alerts.rules import Observation
from alerts.severity import SeveritySettings, judgement_of
from alerts.wording import format_count, format_time
from storage import alerts as rows
from storage.alerts import Alert, AlertChange, AlertKind, TriageState
from storage.schedule_keeping import KEY_PREFIX, LateSource, late_sources, schedule_trouble

NAMED_SOURCES = 5  # with their numbers, the worst first


def schedule_revision(session: Session, severity: SeveritySettings) -> RevisionDraft | None:
    """Return the alert that schedules cannot be kept, or the revision that they are kept again."""
    trouble = schedule_trouble(session)
    if trouble.begins:
        source_id, since = list(trouble.behind.items())[-1]  # the last one that fell behind
        key = f"{KEY_PREFIX}{source_id}:{since:%Y%m%d%H%M%S}"
        return _trouble_revision(late_sources(session, trouble.behind), severity, key)
    if trouble.ends and trouble.alert is not None:
        return _end_revision(session, trouble.alert)
    return None


def _trouble_revision(late: Sequence[LateSource], severity: SeveritySettings, key: str) -> RevisionDraft:
    count = len(late)
    sources = "1 source" if count == 1 else f"{format_count(count)} sources"
    named = " ".join(_numbers_of(each) for each in late[:NAMED_SOURCES])
    others = f" {format_count(count - NAMED_SOURCES)} more are behind." if count > NAMED_SOURCES else ""
    content = MessageContent(
        title=f"The schedule of {sources} cannot be kept",
        summary=(
            "Slots were skipped because the previous run of the source was still waiting or in progress, so "
            f"new offers are seen later than the schedule says. {named}{others}"
        ),
        next_steps=(
            "See how long runs wait and take: spillwatch runs",
            "If runs wait: sources of one host take turns. Visit them less often, lower their delay_s, or "
            "read them as one source.",
            "If all places are taken: raise concurrent_runs in [crawler], if the machine has room.",
            "If runs take long: lower the source's budget, or give it a longer interval (schedule.every).",
        ),
    )
    subject = AlertSubject(dedupe_key=key, kind=AlertKind.INSTALLATION)
    judgement = severity.judge_observation("schedule_behind", Observation(count, f"{sources} behind."))
    return RevisionDraft(subject, AlertChange.OPENED, judgement, content)


def _numbers_of(late: LateSource) -> str:
    return (
        f"{one_line(late.name, LABEL_CHARS)}: {late.skipped} of {late.slots} slots skipped since "
        f"{format_time(late.since)}; its runs wait {_duration(late.waited_s)} and take "
        f"{_duration(late.took_s)}."
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _end_revision(session: Session, alert: Alert) -> RevisionDraft:
    content = MessageContent(
        title="All schedules are kept again",
        state=TriageState.RESOLVED,
        summary="No source skips a considerable share of its slots any more.",
        changes=(Difference(field="state", before="behind", after="kept"),),
        next_steps=("Nothing.",),
    )
    subject = AlertSubject(dedupe_key=alert.dedupe_key, kind=AlertKind.INSTALLATION)
    judgement = judgement_of(rows.last_revision(session, alert))
    return RevisionDraft(subject, AlertChange.RESOLVED, judgement.as_earlier(), content)
