"""Alerts about the installation itself: runs whose results could not be stored, and the end of that.

One alert covers the whole time, however many runs and sources it hits: the cause is here and not at a site.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from alerts.clean import one_line
from alerts.message import Difference, MessageContent
from alerts.outbox import AlertSubject, RevisionDraft
from alerts.rules import Observation
from alerts.severity import SeveritySettings, judgement_of
from storage import alerts as rows
from storage.alerts import Alert, AlertChange, AlertKind, TriageState
from storage.installation_trouble import KEY_PREFIX, StorageTrouble
from storage.runs import UNSEALED_REASON, Run

DETAIL_CHARS = 400  # of the sentence that the run ended with


def installation_revision(
    session: Session, trouble: StorageTrouble, severity: SeveritySettings
) -> RevisionDraft | None:
    """Return the alert that results cannot be stored, or the revision that they are stored again."""
    if trouble.begins and trouble.failed is not None:
        return _trouble_revision(trouble.failed, severity)
    if trouble.ends and trouble.alert is not None and trouble.stored is not None:
        return _end_revision(session, trouble.alert, trouble.stored)
    return None


def _trouble_revision(run: Run, severity: SeveritySettings) -> RevisionDraft:
    detail = f" {one_line(run.detail, DETAIL_CHARS)}" if run.detail else ""
    unsealed = run.reason == UNSEALED_REASON
    content = _unsealed_content(run, detail) if unsealed else _unstored_content(run, detail)
    subject = AlertSubject(dedupe_key=f"{KEY_PREFIX}{run.id}", kind=AlertKind.INSTALLATION)
    observation = Observation(None, f"A run could not be stored: {run.reason}.")
    judgement = severity.judge_observation("storage_failed", observation)
    return RevisionDraft(subject, AlertChange.OPENED, judgement, content)


def _unsealed_content(run: Run, detail: str) -> MessageContent:
    return MessageContent(
        title="Spillwatch does not compare what it reads",
        summary=(
            f"Run {run.id} of the source {run.source.name} could not put its evidence into the bucket that "
            f"all nodes read ({run.reason}).{detail} New offers are read and kept, and for as long as this "
            "lasts they are not compared: no alert about them is sent. No source is to blame."
        ),
        next_steps=(
            "Find the cause: spillwatch doctor --only evidence",
            "Bring the bucket back; after a change of [storage.s3], restart the daemon. Nothing is lost: the "
            "daemon stores what waits, and then it is compared.",
            "Watch the local disk meanwhile: what is read is kept there.",
        ),
    )


def _unstored_content(run: Run, detail: str) -> MessageContent:
    return MessageContent(
        title="Spillwatch cannot store what it reads",
        summary=(
            f"Run {run.id} of the source {run.source.name} ended as storage_failed ({run.reason}).{detail} "
            "As long as this lasts, new offers are not seen. What was stored before is kept, and no source "
            "is to blame. Further runs that end like this are part of this alert."
        ),
        next_steps=(
            "Find the cause on the machine that runs Spillwatch: spillwatch doctor",
            "See which runs are affected: spillwatch runs",
            "Free space, mount the volume or correct owner and mode. Nothing has to be restarted: the next "
            "runs read the pages again.",
        ),
    )


def _end_revision(session: Session, alert: Alert, run: Run) -> RevisionDraft:
    content = MessageContent(
        title="Spillwatch stores what it reads again",
        state=TriageState.RESOLVED,
        summary=(
            f"Run {run.id} of the source {run.source.name} was stored, and no run failed to be stored since "
            "then. Pages that disappeared from the sites in the meantime were not seen."
        ),
        changes=(Difference(field="state", before="cannot store", after="stores"),),
        next_steps=("See what was not covered: spillwatch coverage",),
    )
    subject = AlertSubject(dedupe_key=alert.dedupe_key, kind=AlertKind.INSTALLATION)
    judgement = judgement_of(rows.last_revision(session, alert))
    return RevisionDraft(subject, AlertChange.RESOLVED, judgement.as_earlier(), content)
