"""What passes between the daemon and the warm process, which forks the processes of runs.

They share a socket that keeps messages apart (SOCK_SEQPACKET). A request is `FORK` with four descriptors: the
run's standard input, output and error, and one end of a *status socket*, which belongs to this run alone.

1. The run's process writes `Started` to the status socket, with a pidfd of itself. If the fork failed, the
   warm process writes `Refused`.
2. When the run's process has ended, the warm process writes `Ended`, and keeps the zombie, so that its number
   belongs to nobody else yet.
3. The daemon closes its end. The warm process kills what is left of the run, and collects it.

An end of file on the status socket tells the daemon that the warm process has ended, and the warm process
that nobody waits for the run any more. An end of file on the shared socket tells the warm process that no
request will follow.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

FORK = b"fork"
FORK_DESCRIPTORS = 4
MAX_MESSAGE_BYTES = 256
#: The line with which a warm process says, on its standard output, that it takes requests.
READY = b"ready"
#: The beginning of a line with which it says why it could not rehearse a visit.
REHEARSAL_FAILED = b"rehearsal failed: "


@dataclass(frozen=True, slots=True)
class Started:
    pid: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The fork failed, with this error number."""

    errno: int


@dataclass(frozen=True, slots=True)
class Ended:
    """`code`: the exit code, or minus the number of the signal."""

    code: int


StatusMessage = Started | Refused | Ended


def status_line(message: StatusMessage) -> bytes:
    return json.dumps({type(message).__name__: asdict(message)}).encode()


def status_of(line: bytes) -> StatusMessage | None:
    """Return the message, or None if it is none of ours."""
    try:
        match json.loads(line):
            case {"Started": {"pid": int(pid)}}:
                return Started(pid)
            case {"Refused": {"errno": int(number)}}:
                return Refused(number)
            case {"Ended": {"code": int(code)}}:
                return Ended(code)
    except ValueError:
        return None
    return None
