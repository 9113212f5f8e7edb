"""`spillwatch source detect`: finds out which program a site runs, and writes a source file for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

from cli.command_context import app_of
from cli.errors import WouldOverwrite
from cli.exits import Exit
from cli.output import emit_json, print_error, print_line, print_text
from matching.masks import mask_text
from text.printable import printable

if TYPE_CHECKING:
    from crawler.sources import SourceDefinition
    from crawler.visits.introduction import SiteIntroduction


def detect(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="A page of the site, best the board to be watched.")],
    tor: Annotated[bool, typer.Option("--tor", help="Fetch the page through Tor.")] = False,
    private: Annotated[
        bool, typer.Option("--private", help="Allow a site on a private network, such as your own.")
    ] = False,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the source's TOML to this new file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Fetch one page, name the program that made it, and print the TOML of a source. Stores nothing.

    Exit code 1 if no known program and no feed was found.
    """
    if write is not None and write.exists():
        raise WouldOverwrite(f"{write} already exists. Choose another file name.")
    from crawler.sources.families.detect import detected_source_file
    from crawler.visits.introduction import introduce_site

    definition = _fetch_definition(url, tor=tor, private=private)
    introduction = introduce_site(definition, settings=app_of(context).crawler_settings)
    toml = None
    if (finding := introduction.finding) is not None and finding.kind is not None:
        private_hosts = definition.allow_private_addresses
        toml = detected_source_file(finding, mask=mask_text, via=definition.via, private=private_hosts)
    if write is not None and toml is not None:
        write.write_text(toml, encoding="utf-8")
    if as_json:
        emit_json(_introduction_as_dict(introduction, toml))
    else:
        _print_introduction(introduction, toml, write)
    if toml is None:
        raise typer.Exit(Exit.NEGATIVE)


def _fetch_definition(url: str, *, tor: bool, private: bool) -> SourceDefinition:
    """Return a definition that says how to fetch the page. Its kind is a placeholder."""
    from crawler.sources import read_definition

    allowed = [urlsplit(url).hostname or ""] if private else []
    try:
        return read_definition(
            {
                "kind": "feed",
                "start": url,
                "via": "tor" if tor else "direct",
                "allow_private_addresses": allowed,
            }
        )
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"], param_hint="URL") from None


def _print_introduction(said: SiteIntroduction, toml: str | None, written: Path | None) -> None:
    if said.problem is not None:
        print_error(f"{mask_text(said.url)} could not be read. {mask_text(str(said.problem))}")
    elif toml is None:
        program = said.finding.unread_program if said.finding else ""
        found = f"it runs {program}, which is not read, and has" if program else "found no known program and"
        print_error(
            f"{mask_text(said.url)}: {found} no feed. "
            "Write the source file yourself: docs/how-to/write-a-source.md."
        )
    elif written is not None:
        print_line(f"Wrote {written}. See what it finds: spillwatch source try {written}")
    else:
        print_text(printable(toml, lines=True))


def _introduction_as_dict(said: SiteIntroduction, toml: str | None) -> dict[str, object]:
    finding = said.finding
    return {
        "url": mask_text(said.url),
        "status": said.status,
        "problem": said.problem.reason if said.problem else None,
        "kind": finding.kind if finding else None,
        "unread_program": (finding.unread_program or None) if finding else None,
        "families": [
            {
                "family": each.family.name,
                "title": each.family.title,
                "weight": each.weight,
                "signs": [{"where": sign.where, "found": mask_text(hit)[:200]} for sign, hit in each.signs],
            }
            for each in (finding.families if finding else ())
        ],
        "start": finding.start if finding else None,
        "boards": [
            {"name": mask_text(board.name), "url": board.url} for board in (finding.boards if finding else ())
        ],
        "feeds": list(finding.feeds) if finding else [],
        "toml": toml,
    }
