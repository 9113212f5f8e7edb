"""Alerts about disks that are about to be full: one per machine, once, and its end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from alerts.message import Difference, MessageContent
from alerts.outbox import AlertSubject, RevisionDraft
from alerts.rules import Observation
from alerts.severity import SeveritySettings, judgement_of
from alerts.wording import format_count, format_time
from storage import alerts as rows
from storage.alerts import AlertChange, AlertKind, TriageState
from storage.disk_space import MIB, DiskForecast
from storage.disk_trouble import DiskLevel, DiskTrouble, machine_key

WORDS = {DiskLevel.FILLING: "filling", DiskLevel.FLOOR: "no new work"}


def disk_revision(
    session: Session, trouble: DiskTrouble, severity: SeveritySettings, *, now: datetime
) -> RevisionDraft | None:
    """Return the alert that a disk is filling or at its floor, or the revision that there is room again."""
    if trouble.disk is None:
        return None
    if trouble.begins and trouble.level is not None:
        key = f"{machine_key(trouble.machine)}{now:%Y%m%d%H%M%S}"
        return _trouble(trouble, trouble.level, trouble.disk, severity, key, AlertChange.OPENED)
    if trouble.worsens and trouble.alert is not None:
        key = trouble.alert.dedupe_key
        return _trouble(trouble, DiskLevel.FLOOR, trouble.disk, severity, key, AlertChange.ESCALATED)
    if trouble.ends and trouble.alert is not None:
        before = WORDS[trouble.told or DiskLevel.FILLING]
        content = MessageContent(
            title=f"There is room again on {trouble.machine}",
            state=TriageState.RESOLVED,
            summary=f"{_size(trouble.disk.free)} are free. Work that waited is taken up.",
            changes=(Difference(field="state", before=before, after="room"),),
            next_steps=("See what was not covered in between: spillwatch coverage",),
        )
        subject = AlertSubject(dedupe_key=trouble.alert.dedupe_key, kind=AlertKind.INSTALLATION)
        judgement = judgement_of(rows.last_revision(session, trouble.alert))
        return RevisionDraft(subject, AlertChange.RESOLVED, judgement.as_earlier(), content)
    return None


def _trouble(
    trouble: DiskTrouble,
    level: DiskLevel,
    disk: DiskForecast,
    severity: SeveritySettings,
    key: str,
    change: AlertChange,
) -> RevisionDraft:
    what = " and ".join(disk.what)
    stopped = level is DiskLevel.FLOOR
    begin = f"{_size(disk.free)} are free on the disk of the {what} ({disk.path}) of {trouble.machine}."
    effect = (
        f" That is below disk_floor_mb ({_size(disk.floor)}), so no new run and no new matching begins. New "
        "offers are not seen until there is room. What is stored is safe, and alerts are still sent."
        if stopped
        else f" {_forecast(disk)} Below disk_floor_mb ({_size(disk.floor)}) no new work is taken."
    )
    content = MessageContent(
        title=(
            f"{trouble.machine} takes no new work: its disk is full"
            if stopped
            else f"The disk of {trouble.machine} will be full soon"
        ),
        summary=begin + effect,
        changes=(Difference(field="state", before="filling", after="no new work"),)
        if change is AlertChange.ESCALATED
        else (),
        next_steps=(
            "See what retention frees, and how fast the disk fills: spillwatch retention",
            "Enlarge the disk, keep less ([retention]), or visit large sources less often.",
            "Nothing has to be restarted: the daemon goes on as soon as there is room.",
        ),
    )
    judgement = severity.judge_observation(
        level.value, Observation(None, f"{_size(disk.free)} free for the {what}.")
    )
    return RevisionDraft(
        AlertSubject(dedupe_key=key, kind=AlertKind.INSTALLATION), change, judgement, content
    )


def _forecast(disk: DiskForecast) -> str:
    if disk.growth is None or disk.floor_at is None:
        return "How fast it fills cannot be said yet."
    return (
        f"It fills by {_size(disk.growth)} per day, as far as the last two weeks tell, and reaches its floor "
        f"about {format_time(disk.floor_at)}."
    )


def _size(size: int) -> str:
    return f"{format_count(size // MIB)} MiB"
