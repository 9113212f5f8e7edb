"""`spillwatch run`: starts the daemon."""

from __future__ import annotations

import os
import sys
from functools import partial

import typer

from cli.command_context import app_of
from cli.exits import Exit
from configuration.configuration import load_configuration
from configuration.settings import read_supervision
from daemon.daemon import Daemon


def command(context: typer.Context) -> None:
    """Run the daemon: crawl on schedule, match, alert and deliver until SIGTERM.

    SIGHUP reads the configuration again. Logs go to standard error.
    """
    app = app_of(context)
    reread = partial(load_configuration, app.config_option)
    Daemon(app.configuration, reread=reread, supervision=read_supervision(), clock=app.clock).run()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is stopped and closed. Python's own clean-up would take another second.
    os._exit(Exit.OK)
