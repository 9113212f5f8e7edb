"""`python -m tests.crawler.warm_child DESCRIPTOR`: the warm process that forks `tests.crawler.child`.

With a folder in the environment variable FOUND, each run writes into it what it imported and compiled.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from daemon import process_start

FOUND = "SPILLWATCH_TEST_FOUND"


def serve() -> int:
    process_start.before_imports()
    process_start.import_structlog()
    from crawler.visits.warm_up import warm_up
    from daemon.fork_server import serve_forks
    from daemon.rehearsal import rehearse
    from tests.crawler.child import main

    def told() -> int:
        modules, statements = set(sys.modules), set(_statements())
        code = main()
        found = {
            "modules": sorted(set(sys.modules) - modules),
            "statements": [_statements()[key] for key in set(_statements()) - statements],
        }
        (Path(os.environ[FOUND]) / f"{os.getpid()}.json").write_text(json.dumps(found))
        return code

    warm_up()
    return serve_forks(int(sys.argv[1]), told if FOUND in os.environ else main, rehearse=rehearse)


def _statements() -> dict[object, str]:
    """Return the statements that this process and its parent have compiled."""
    from storage.database import connect

    return {key: str(compiled) for key, compiled in connect._SHARED["sqlite"].items()}


if __name__ == "__main__":
    process_start.end_now(serve())
