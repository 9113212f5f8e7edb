"""One run, as the process does that `child` is.

The job comes on standard input, what happens goes out as JSON lines on standard output; see crawler.job.
"""

from __future__ import annotations

import sys

from sqlalchemy import event
from sqlalchemy.orm import Session

from crawler.running.child_protocol import MAX_LINE_BYTES, Job, Message, line_of
from crawler.running.process_limits import confine
from crawler.visits.run import execute_run
from daemon import logs
from matching.masks import mask_text, mask_url
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.work import Work


class Relayed:
    """The dispatcher of a child: what is committed is told to the daemon, which has the engine."""

    def announce(self, session: Session, work: Work) -> None:
        event.listen(session, "after_commit", lambda _session: say(work), once=True)


def say(message: Message) -> None:
    """One line to the daemon. A single write, because the crawler's threads announce too."""
    sys.stdout.buffer.write(line_of(message).encode() + b"\n")
    sys.stdout.buffer.flush()


def carry_out() -> int:
    """Carry out the job on standard input; the exit code is one of crawler.job.Exit."""
    job = Job.read(sys.stdin.buffer.readline(MAX_LINE_BYTES))
    confine(job)
    logs.configure_logging(form="json", level="warning")
    database = Database.open(job.database_url.get_secret_value(), busy_timeout_s=job.busy_timeout_s)
    return execute_run(
        job,
        database=database,
        evidence=EvidenceStore(job.evidence_dir),
        mask=mask_text,
        mask_url=mask_url,
        dispatcher=Relayed(),
        report=say,
    )
