"""pinnwand, a paste site without a list of pastes: `python linkbin.py FOLDER`."""

# These imports are installed in .venv-peers, which mypy does not see.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from pinnwand import configuration

configuration.database_uri = f"sqlite:///{Path(sys.argv[1]) / 'pastes.db'}"

from pinnwand import database  # noqa: E402 - it opens the database when it is imported
from pinnwand.http import make_application  # noqa: E402 - as above
from tornado.httpserver import HTTPServer  # noqa: E402 - as above
from tornado.netutil import bind_sockets  # noqa: E402 - as above


async def forever() -> None:
    """Serve until the process is ended; the first line written is the port."""
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(make_application()).add_sockets(sockets)
    sys.stdout.write(f"{sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


database.Base.metadata.create_all(database._engine)
asyncio.run(forever())
