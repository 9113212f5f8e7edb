"""`spillwatch web`: serves the console alone."""

from __future__ import annotations

import signal
from importlib.util import find_spec
from typing import Annotated

import structlog
import typer

from cli.command_context import app_of
from cli.errors import ExtraMissing
from cli.output import print_line
from crawler.running.process_limits import die_with_parent
from daemon import logs
from daemon.console_process import EXTRA_LIBRARY, MISSING

log = structlog.get_logger()


def command(
    context: typer.Context,
    of_daemon: Annotated[
        bool, typer.Option("--of-daemon", hidden=True, help="End with the parent process.")
    ] = False,
) -> None:
    """Serve the web console and its API. `run` does it, too, when `listen` of [web] is set."""
    if of_daemon:
        die_with_parent(signal.SIGTERM)
    if find_spec(EXTRA_LIBRARY) is None:
        raise ExtraMissing(MISSING)
    from configuration.settings import locate_settings
    from configuration.settings_in_force import setting_origins
    from web.process import serve_console

    app = app_of(context)
    settings = app.sections
    logs.configure_logging(form=settings.daemon.log_format, level=settings.daemon.log_level)

    def ready(address: str) -> None:
        log.info(f"The console is at {address}.", action="console_listening", url=address)
        if not of_daemon:
            print_line(f"The console is at {address}. Ctrl-C ends it.")

    serve_console(
        settings,
        database=app.database,
        evidence=app.evidence,
        clock=app.clock,
        ready=ready,
        origins=setting_origins(locate_settings(app.config_option)),
    )
