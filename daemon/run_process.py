"""`python -m daemon.run_process`: one run in a process of its own."""

from __future__ import annotations

from daemon import process_start


def main() -> int:
    """Carry out the job on standard input. Return an exit code: see ChildExit."""
    process_start.before_imports()
    process_start.import_structlog()
    from daemon.run_job import execute_job

    process_start.after_imports()
    process_start.collect_seldom()
    return execute_job()


if __name__ == "__main__":
    process_start.end_now(main())
