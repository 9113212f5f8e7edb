"""Carries out one run in its own process.

The job comes on standard input, and messages go to standard output as JSON lines: see
crawler.running.child_protocol.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import event
from sqlalchemy.orm import Session

from crawler.running.child_protocol import MAX_LINE_BYTES, Job, Message, line_of
from crawler.running.process_limits import confine
from crawler.visits.run import execute_run
from daemon import logs
from matching.masks import mask_text, mask_url
from storage.database.base import Database
from storage.doorbell import Doorbell
from storage.shared_clock import SharedClock
from storage.work import Work


class RelayDispatcher:
    """The dispatcher of a run's process: announces committed work to the daemon, which has the engine."""

    def announce(self, session: Session, work: Work) -> None:
        if _ANNOUNCED not in session.info:
            event.listen(session, "after_commit", _send_announced)
            event.listen(session, "after_rollback", _forget_announced)
        session.info.setdefault(_ANNOUNCED, []).append(work)


_ANNOUNCED = "announced"  # in a session's info: work of its transaction


def _send_announced(session: Session) -> None:
    work, session.info[_ANNOUNCED] = session.info[_ANNOUNCED], []
    if work:
        send_messages(work)


def _forget_announced(session: Session) -> None:
    session.info[_ANNOUNCED] = []


def send_message(message: Message) -> None:
    send_messages([message])


def send_messages(messages: Iterable[Message]) -> None:
    """Send lines to the daemon, in a single write, because several threads send messages."""
    sys.stdout.buffer.write(b"".join(line_of(message).encode() + b"\n" for message in messages))
    sys.stdout.buffer.flush()


def utc_now() -> datetime:
    return datetime.now(UTC)


def execute_job() -> int:
    """Carry out the job on standard input. Return an exit code: see ChildExit."""
    job = Job.read(sys.stdin.buffer.readline(MAX_LINE_BYTES))
    confine(job)
    logs.configure_logging(form="json", level="warning")
    database = Database.open(
        job.database_url.get_secret_value(),
        busy_timeout_s=job.busy_timeout_s,
        idle_timeout_s=None if job.lease is None else job.lease.seconds,
    )
    return execute_run(
        job,
        database=database,
        evidence=job.evidence_store(),
        mask=mask_text,
        mask_url=mask_url,
        dispatcher=Doorbell() if job.doorbell else RelayDispatcher(),
        report=send_message,
        clock=SharedClock(utc_now, anchor=None if job.lease is None else job.lease.anchor),
    )
