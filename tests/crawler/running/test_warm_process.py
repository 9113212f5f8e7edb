"""The warm process: its forks are like new processes, and whatever is killed, nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from crawler.running.run_processes import NewProcesses, RunProcess
from crawler.running.warm_process import MAX_ENDS, WarmProcesses
from daemon.fork_server import REHEARSED_AFTER
from tests.journeys.home import alive
from tests.waiting import wait_until

SMALL = (sys.executable, "-m", "tests.crawler.running.forked_job")
NOWHERE = NewProcesses(("/nowhere/instead-of-the-warm-process",))


def warm_processes(*options: str, answer_s: float = 30, code_s: float = 30) -> WarmProcesses:
    command = (*SMALL, *(options or ("300",)))
    return WarmProcesses(mask=str, command=command, otherwise=NOWHERE, answer_s=answer_s, code_s=code_s)


@pytest.fixture
def warm() -> Iterator[WarmProcesses]:
    processes = warm_processes()
    yield processes
    processes.close()


def told(process: RunProcess, job: str) -> RunProcess:
    """Hand a process its job."""
    process.stdin.write(job.encode() + b"\n")
    process.stdin.close()
    return process


def ended(process: RunProcess) -> int | None:
    """Wait for a process, and return its exit code."""
    wait_until(process.has_ended, "the end of the run's process")
    return let_go(process)


def let_go(process: RunProcess) -> int | None:
    code = process.end(want_code=True)
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()
    return code


def number_of_descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def ends(how: str) -> float:
    return REGISTRY.get_sample_value("spillwatch_warm_process_ends_total", {"how": how}) or 0.0


def test_a_fork_is_like_a_new_process(warm: WarmProcesses) -> None:
    """It has its own session, three descriptors, one thread, usual signals, and random numbers of its own."""
    processes = [told(warm.start(), "facts") for _ in range(2)]
    facts = [json.loads(process.stdout.readline()) for process in processes]
    codes = [ended(process) for process in processes]

    assert codes == [0, 0]
    for process, fact in zip(processes, facts, strict=True):
        assert (fact["pid"], fact["session"], fact["parent"]) == (
            process.pid,
            process.pid,
            process.parent_pid,
        )
        assert fact["descriptors"] == [0, 1, 2]
        assert (fact["threads"], fact["blocked"], all(fact["handlers"])) == (1, 0, True)
    assert not set(facts[0]["random"]) & set(facts[1]["random"])


def test_the_exit_code_or_the_signal_of_a_fork_is_known(warm: WarmProcesses) -> None:
    """As it is of a new process, also for an exception, which is written to standard error."""
    codes = {job: ended(told(warm.start(), job)) for job in ("seven", "segfault", "leave")}
    failing = told(warm.start(), "fail")
    words = failing.stderr.read().decode()

    assert codes == {"seven": 7, "segfault": -signal.SIGSEGV, "leave": 3}
    assert ended(failing) == 1
    assert "RuntimeError: invented" in words


def test_many_forks_leave_no_descriptor_and_no_zombie(warm: WarmProcesses) -> None:
    """Neither here nor in the warm process; also of those that are killed, or never given a job."""
    first = warm.start()
    before = number_of_descriptors(os.getpid()), number_of_descriptors(first.parent_pid)
    for number in range(24):
        process = warm.start()
        if number % 3:
            told(process, ("hang", "seven")[number % 2])
        let_go(process)

    wait_until(lambda: children(first.parent_pid).split() == [str(first.pid)], "the end of the others")
    assert (number_of_descriptors(os.getpid()), number_of_descriptors(first.parent_pid)) == before
    assert let_go(first) == -signal.SIGKILL


def test_runs_end_with_a_killed_warm_process_and_the_next_one_has_another(warm: WarmProcesses) -> None:
    """How they ended is unknown, which is not taken for an exit code."""
    first, second = told(warm.start(), "hang"), told(warm.start(), "hang")
    counted = ends("unexpected")

    with capture_logs() as lines:
        os.kill(first.parent_pid, signal.SIGKILL)
        codes = [ended(first), ended(second)]
        next_one = told(warm.start(), "seven")

    assert codes == [None, None]
    assert not alive(first.pid) and not alive(second.pid)
    assert next_one.parent_pid != first.parent_pid
    assert ended(next_one) == 7
    assert ends("unexpected") == counted + 1
    assert [line["action"] for line in lines] == ["warm_process_ended"]


def test_a_stopped_warm_process_is_left_and_its_runs_go_on() -> None:
    """The next run waits `answer_s` and gets another warm process. The stopped one ends with its last run, of
    which the exit code stays unknown.
    """
    warm = warm_processes(answer_s=0.5, code_s=0.2)
    going_on = told(warm.start(), "hang")
    stopped = going_on.parent_pid
    os.kill(stopped, signal.SIGSTOP)

    began = time.monotonic()
    other = told(warm.start(), "seven")
    took = time.monotonic() - began
    still_there = alive(going_on.pid)
    code, unknown = ended(other), let_go(going_on)

    assert took >= 0.5
    assert (still_there, code, unknown) == (True, 7, None)
    assert other.parent_pid != stopped
    wait_until(lambda: not alive(stopped) and not alive(going_on.pid), "the end of both")
    warm.close()


def test_a_request_that_was_given_up_starts_nothing_when_the_warm_process_wakes() -> None:
    """After SIGCONT, the fork finds no job, and ends; the run that went on is not disturbed."""
    warm = warm_processes(answer_s=0.5)
    going_on = told(warm.start(), "hang")
    os.kill(going_on.parent_pid, signal.SIGSTOP)
    let_go(told(warm.start(), "seven"))

    os.kill(going_on.parent_pid, signal.SIGCONT)

    wait_until(lambda: children(going_on.parent_pid).split() == [str(going_on.pid)], "the end of the fork")
    going_on.signal(signal.SIGTERM)
    assert ended(going_on) == -signal.SIGTERM
    warm.close()


def test_a_replaced_warm_process_ends_with_its_last_run(warm: WarmProcesses) -> None:
    """A run in progress goes on, and its exit code is known; later runs come from another process."""
    old = warm.start()
    warm.replace()
    new = told(warm.start(), "seven")
    codes = [ended(told(old, "seven")), ended(new)]

    assert codes == [7, 7]
    assert new.parent_pid != old.parent_pid
    wait_until(lambda: not alive(old.parent_pid), "the end of the old warm process")


def test_a_warm_process_without_work_ends_and_comes_back() -> None:
    """That is no failure: it is neither logged nor counted."""
    warm = warm_processes("0.1")
    first = told(warm.start(), "seven")
    counted = ends("unexpected")

    with capture_logs() as lines:
        codes = [ended(first)]
        wait_until(lambda: not alive(first.parent_pid), "its end")
        codes.append(ended(told(warm.start(), "seven")))

    assert codes == [7, 7]
    assert (lines, ends("unexpected")) == ([], counted)
    warm.close()


def test_what_a_fork_must_not_inherit_is_refused() -> None:
    """The warm process does not begin, and says why; the run gets a new process, as do all later ones."""
    mistaken = (*SMALL, "300", "thread", "reactor", "file")
    warm = WarmProcesses(mask=str, command=mistaken, otherwise=NewProcesses((sys.executable, "-c", "")))

    with capture_logs() as lines:
        codes = [ended(warm.start()) for _ in range(MAX_ENDS + 1)]

    assert codes == [0] * (MAX_ENDS + 1)
    assert [line["action"] for line in lines] == ["warm_process_ended"] * MAX_ENDS
    said = lines[0]["words"][-1]
    assert all(word in said for word in ("internet.reactor", "'more threads': 1", "'open descriptors': ["))
    warm.close()


def test_a_failed_rehearsal_is_said_and_the_forks_go_on() -> None:
    """It only costs time. The line has the kind of the error, and nothing that it says."""
    warm = warm_processes("300", "rehearsal-error")
    with capture_logs() as lines:
        before = [told(warm.start(), "seven") for _ in range(REHEARSED_AFTER)]
        after = told(warm.start(), "seven")
        codes = [ended(each) for each in (*before, after)]
        wait_until(lambda: bool(lines), "the line")

    assert (codes, after.parent_pid) == ([7] * (REHEARSED_AFTER + 1), before[0].parent_pid)
    assert [(line["action"], line["error"]) for line in lines] == [("warm_rehearsal_failed", "OSError")]
    warm.close()


def test_a_rehearsal_that_leaves_what_a_fork_must_not_inherit_ends_the_forks() -> None:
    """Runs in progress go on, their exit codes are known, and the next run has another warm process."""
    warm = warm_processes("300", "rehearsal-thread", "rehearsal-file")
    with capture_logs() as lines:
        going_on = [warm.start() for _ in range(REHEARSED_AFTER)]
        wait_until(lambda: bool(lines), "the line")
        other = told(warm.start(), "seven")
        codes = [ended(told(each, "seven")) for each in going_on]

    assert codes == [7] * REHEARSED_AFTER
    assert ended(other) == 7
    assert other.parent_pid != going_on[0].parent_pid
    assert [(line["action"], line["error"]) for line in lines] == [("warm_rehearsal_failed", "RuntimeError")]
    wait_until(lambda: not alive(going_on[0].parent_pid), "the end of the first warm process")
    warm.close()


def test_closing_ends_every_run_and_no_other_begins(warm: WarmProcesses) -> None:
    """Also one whose warm process is stopped."""
    run = told(warm.start(), "hang")
    os.kill(run.parent_pid, signal.SIGSTOP)

    warm.close()

    with pytest.raises(OSError, match="stopping"):
        warm.start()
    wait_until(lambda: not alive(run.pid) and not alive(run.parent_pid), "their end")
    assert ended(run) is None
