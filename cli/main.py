"""The command `spillwatch`: its table of commands, and the place where errors become messages and exit codes.

A command's module is imported when it is called. So `spillwatch --help` does not import Scrapy, and
`spillwatch doctor` still runs if another command's libraries are broken.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from cli.command_context import App
from cli.exits import Exit, exit_code
from cli.output import discard_output, print_error, print_line
from daemon import process_start

Command = TyperCommand | TyperGroup

# What `spillwatch --help` says of each command: how its own --help begins, as a test compares. The module is
# cli.commands.NAME, which has a function `command` or a typer.Typer group `app`.
COMMANDS = {
    "init": "Write a commented configuration with an example source (disabled) and a company.",
    "check": "Read the whole configuration and report every mistake at once. Connects to nothing.",
    "run": "Run the daemon: crawl on schedule, match, alert and deliver until SIGTERM.",
    "web": "Serve the web console and its API. `run` does it, too, when `listen` of [web] is set.",
    "crawl": "Crawl a source once, now, even if it is disabled. Exit code 1 if the source could not be read.",
    "source": "List sources, show their health, try a source file, or detect a site's program.",
    "runs": "List the latest runs with their outcomes.",
    "nodes": "List the nodes: who is there, roles, routes, version, last heartbeat, and work in hand.",
    "coverage": "Show which sources were read, and what was not covered.",
    "listings": "Search listings, newest first, or show one whole.",
    "alerts": "List, show, acknowledge, test and resend alerts.",
    "mute": "Keep a company's findings of some kind from the channels for a while.",
    "retention": "Show what the next pass of retention deletes and why. Deletes nothing.",
    "hold": "Keep findings, listings and companies from being deleted, as cases.",
    "erase": "Erase a listing or a company from rows, evidence, indexes and free pages.",
    "audit": "List the entries of the audit log, and verify their chain.",
    "evidence": "Verify the evidence, and export what an alert is based on.",
    "rematch": "Ask the daemon to compare every stored listing with everything that is watched now.",
    "match": "Search dumps and samples for watch terms and for customers' identifiers.",
    "investigate": "Answer for each company: is it ours? With numbers, their limits, and how to repeat them.",
    "keygen": "Write a new root key with mode 0600. The key itself is never shown.",
    "enroll": "Make a segment of keyed fingerprints from a customer list.",
    "segment": "Import, list, check, merge and remove segments of fingerprints.",
    "canary": "Make, plant, enrol and rotate canaries: customers who do not exist.",
    "reveal": "Turn ordinals back into the rows of your customer list.",
    "user": "Invite people to the console, list and disable them, and end their sessions.",
    "doctor": "Check the installation. Exit code 1 if a check failed.",
    "db": "Upgrade or copy the database.",
    "demo": "Watch practice sites with the real daemon: an offer appears, and its alert arrives.",
}


def _load_command(name: str) -> Command:
    """Return the command object of a module's `command` or `app`."""
    module = import_module(f"cli.commands.{name}")
    if hasattr(module, "app"):
        command = typer.main.get_command(module.app)
    else:
        single = typer.Typer(add_completion=False)
        single.command()(module.command)
        command = typer.main.get_command(single)
    command.name = name
    return cast(Command, command)


class DeferredCommand(TyperCommand):
    """A command in the list of --help. Its module is imported when it is called."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401  (typer's types are private)
        """Parse the arguments with the command itself, which the context then names."""
        command = _load_command(str(self.name))
        process_start.after_imports()
        return command.make_context(info_name, args, parent=parent, **extra)


class Commands(TyperGroup):
    """The root command. Its subcommands come from COMMANDS."""

    def list_commands(self, ctx: object) -> list[str]:
        return list(COMMANDS)

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401  (the type is private to typer)
        """Run a command. It keeps its exit code if its reader leaves (`spillwatch listings | head -1`)."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # output that did not go through cli.output
            discard_output(sys.stdout)
            return None
        finally:
            # Output that is still buffered would raise the same error when Python ends.
            try:
                sys.stdout.flush()
            except BrokenPipeError:
                discard_output(sys.stdout)

    def get_command(self, ctx: object, cmd_name: str) -> Command | None:
        if cmd_name not in COMMANDS:
            return None
        return DeferredCommand(cmd_name, help=COMMANDS[cmd_name])


app = typer.Typer(
    cls=Commands,
    name="spillwatch",
    help="Watches leak markets, forums, leak blogs and paste sites for the companies it protects.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_line(f"spillwatch {version('spillwatch')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            help="Configuration file. Default: $SPILLWATCH_CONFIG, ./spillwatch.toml or "
            "/etc/spillwatch/spillwatch.toml.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback if an error occurs.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Handle the options that come before a command."""
    process_start.import_structlog()  # here: --help and --version do not need it
    from daemon import logs

    logs.configure_logging(form="console", level="error")
    context.obj = App(config_option=config, debug=debug)
    context.call_on_close(context.obj.close)


def walk() -> Iterator[tuple[str, Command]]:
    """Yield every command as its user types it ("source try"), and its object, for tests of the docs."""
    for name in COMMANDS:
        command = _load_command(name)
        yield name, command
        for child_name, child in getattr(command, "commands", {}).items():
            yield f"{name} {child_name}", child


def error_sentence(error: Exception) -> str:
    """Return the message for the user. SQLAlchemy's own text is left out: it contains values."""
    from sqlalchemy.exc import SQLAlchemyError

    if isinstance(error, SQLAlchemyError):
        lines = str(getattr(error, "orig", None) or "").strip().splitlines() or [type(error).__name__]
        return f"The database reported an error: {lines[0]}. Run `spillwatch doctor`."
    if exit_code(error) is Exit.INTERNAL:
        return (
            f"This is a defect in Spillwatch ({type(error).__name__}). "
            "Run the command again with --debug and report the output."
        )
    return str(error)


def main() -> None:
    """The console script."""
    process_start.before_imports()
    debug = "--debug" in sys.argv[1:]
    try:
        app()
    except Exception as error:  # noqa: BLE001  (it becomes the command's error message and exit code)
        if debug:
            traceback.print_exc()
        print_error(error_sentence(error))
        sys.exit(exit_code(error))


if __name__ == "__main__":
    main()
