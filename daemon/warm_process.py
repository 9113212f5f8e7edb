"""`python -m daemon.warm_process DESCRIPTOR`: imports everything that a run needs, and forks it.

Requests come over the socket DESCRIPTOR: see crawler.running.warm_protocol.
"""

from __future__ import annotations

import sys

from daemon import process_start


def main() -> int:
    """Serve requests; in a forked process, carry out a run. Return the exit code of either."""
    process_start.before_imports()
    process_start.import_structlog()
    from crawler.visits.warm_up import warm_up
    from daemon.fork_server import serve_forks
    from daemon.rehearsal import rehearse
    from daemon.run_job import execute_job

    warm_up()
    process_start.collect_seldom()
    return serve_forks(int(sys.argv[1]), execute_job, rehearse=rehearse)


if __name__ == "__main__":
    process_start.end_now(main())
