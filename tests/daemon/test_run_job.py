"""What a run's process tells the daemon."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from crawler.running.child_protocol import line_of
from daemon.run_job import RelayDispatcher
from storage.work import Work, WorkKind


def test_work_is_announced_once_it_is_committed(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """In its order, one line for each, and never work of a transaction that was rolled back."""
    engine = create_engine("sqlite://")
    relay = RelayDispatcher()
    work = [Work(WorkKind.MATCH, number) for number in range(1, 7)]

    with Session(engine) as session, session.begin():
        for each in work[:3]:
            relay.announce(session, each)
        before = capfdbinary.readouterr().out
    with pytest.raises(ValueError, match="nothing"), Session(engine) as session, session.begin():
        relay.announce(session, work[3])
        raise ValueError("nothing is kept")
    with Session(engine) as session:
        with session.begin():
            relay.announce(session, work[4])
        with pytest.raises(ValueError, match="nothing"), session.begin():
            relay.announce(session, work[3])
            raise ValueError("nothing is kept")
        with session.begin():
            relay.announce(session, work[5])
        with session.begin():
            pass

    lines = [line_of(each).encode() for each in (*work[:3], *work[4:])]
    assert (before, capfdbinary.readouterr().out.splitlines()) == (b"", lines)
