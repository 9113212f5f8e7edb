"""`spillwatch run`: starts the daemon."""

from __future__ import annotations

import os
import sys
from functools import partial

import structlog
import typer

from cli.command_context import app_of
from cli.exits import Exit, exit_code
from configuration.configuration import load_configuration
from configuration.settings import read_supervision
from daemon import logs
from daemon.daemon import Daemon

log = structlog.get_logger()


def command(context: typer.Context) -> None:
    """Run the daemon: crawl on schedule, match, alert and deliver until SIGTERM.

    SIGHUP reads the configuration again. Logs go to standard error, also the error that ends the daemon.
    """
    app = app_of(context)
    reread = partial(load_configuration, app.config_option)
    settings = app.configuration.settings.daemon
    logs.configure_logging(form=settings.log_format, level=settings.log_level)
    logs.log_stray_errors()
    try:
        Daemon(app.configuration, reread=reread, supervision=read_supervision(), clock=app.clock).run()
    except Exception as error:  # noqa: BLE001  (it becomes the log's last line and the exit code)
        code = _log_end(error, debug=app.debug)
        sys.stderr.flush()
        os._exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is stopped and closed. Python's own clean-up would take another second.
    os._exit(Exit.OK)


def _log_end(error: Exception, *, debug: bool) -> Exit:
    """Write the error that ended the daemon as the log's last line, in the log's own form."""
    from cli.main import error_sentence

    code = exit_code(error)
    log.critical(
        error_sentence(error),
        action="ended",
        reason=getattr(error, "reason", type(error).__name__),
        exit_code=int(code),
        exc_info=error if debug or code is Exit.INTERNAL else None,
    )
    return code
