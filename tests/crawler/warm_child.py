"""`python -m tests.crawler.warm_child DESCRIPTOR`: the warm process that forks `tests.crawler.child`."""

from __future__ import annotations

import sys

from daemon import process_start


def serve() -> int:
    process_start.before_imports()
    from daemon.fork_server import serve_forks
    from daemon.run_job import warm_up
    from tests.crawler.child import main

    warm_up()
    return serve_forks(int(sys.argv[1]), main)


if __name__ == "__main__":
    process_start.end_now(serve())
