"""The reference is complete: what the product has has its place in docs/reference; a missing one is named."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest
from typer.main import get_command

from cli.exits import Exit
from cli.main import Command, app, walk
from configuration.settings import Settings
from crawler.sources import SourceDefinition
from matching.attribution.cohorts import CohortVerdict
from matching.attribution.holders import HolderKind, HolderVerdict
from matching.attribution.recycled import RecycledVerdict
from matching.attribution.schema_fit import SchemaVerdict
from matching.company_definition import CompanyDefinition
from matching.enrolment.affected import DataKind, RegionBasis
from matching.inputs.formats.cell_styles import STYLES
from storage.runs import RunOutcome
from storage.sources import SourceHealth
from tests.docs.models import keys
from tests.docs.pages import ROOT, pages, places, sections
from tests.docs.product import error_classes, metric_names

REFERENCE = "reference"
EVERYWHERE = "--json"


def _below(section: str) -> set[str]:
    """The places below the headings that have [section] in backticks."""
    found = (heading.places for heading in sections(REFERENCE) if f"[{section}]" in heading.names)
    return {name for names in found for name in names}


def test_every_setting_has_its_place() -> None:
    """A key of spillwatch.toml stands under the heading of its section, or with its full name."""
    everywhere = places(REFERENCE)
    missing = {
        ".".join((*section, key))
        for section, key in keys(Settings)
        if key not in _below(".".join(section)) and ".".join((*section, key)) not in everywhere
    }

    assert not missing, ", ".join(sorted(missing))


@pytest.mark.parametrize(
    "definition", [SourceDefinition, CompanyDefinition], ids=["source file", "company file"]
)
def test_every_key_of_a_declared_file_has_its_place(definition: object) -> None:
    """A key of a source file or of a company file is found by its name, alone or after its table's."""
    everywhere = {name.rpartition(".")[2] for name in places(REFERENCE)}

    missing = {key for _, key in keys(definition)} - everywhere

    assert not missing, ", ".join(sorted(missing))


def _is_group(command: Command) -> bool:
    """`spillwatch source` alone does nothing; its commands have headings."""
    return hasattr(command, "commands")


def test_every_command_has_its_heading() -> None:
    """`spillwatch source try` has a heading of its own."""
    headings = {name for section in sections(REFERENCE) for name in section.names}

    missing = {f"spillwatch {name}" for name, command in walk() if not _is_group(command)} - headings

    assert not missing, ", ".join(sorted(missing))


def _shown(command: Command) -> list[str]:
    """What --help shows: options by their long name, arguments by their capitals."""
    return [
        parameter.opts[0]
        if parameter.param_type_name == "option"
        else str(parameter.metavar or parameter.name).upper()
        for parameter in command.params
        if not getattr(parameter, "hidden", False) and EVERYWHERE not in parameter.opts
    ]


def test_every_option_is_named_with_its_command() -> None:
    """Who reads about a command reads about all of it."""
    below = {name: section.text for section in sections(REFERENCE) for name in section.names}
    missing = {
        f"spillwatch {name} {shown}"
        for name, command in walk()
        for shown in _shown(command)
        if shown not in below.get(f"spillwatch {name}", "")
    }

    assert not missing, ", ".join(sorted(missing))


def test_every_error_reason_has_its_place() -> None:
    """The slug that a row, a log line or `--json` shows can be looked up."""
    missing = {error.reason for error in error_classes()} - places(REFERENCE)

    assert not missing, ", ".join(sorted(missing))


def test_every_error_has_a_sentence() -> None:
    """An error's docstring is its default message."""
    assert [error.__name__ for error in error_classes() if not error.__doc__] == []


def test_every_metric_has_its_place() -> None:
    """By the name that Prometheus shows."""
    missing = metric_names() - places(REFERENCE)

    assert not missing, ", ".join(sorted(missing))


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("Cohorts", CohortVerdict),
        ("Recycled", RecycledVerdict),
        ("Holders", HolderVerdict),
        ("Holders", HolderKind),
        ("Schema", SchemaVerdict),
        ("Counts of affected customers", RegionBasis),
        ("Counts of affected customers", DataKind),
    ],
)
def test_every_slug_of_an_answer_has_its_place(section: str, values: type[StrEnum]) -> None:
    """A slug of the answer is explained under the heading of its part."""
    (below,) = (one.places for one in sections(REFERENCE) if one.title == section)

    assert {value.value for value in values} - below == set()


def test_every_style_of_a_column_has_its_place() -> None:
    """Who declares a schema finds the name of each style of dates and numbers."""
    named = {code for page in pages(REFERENCE) for code in page.inline_code}

    assert {*STYLES} - named == set()


@pytest.mark.parametrize("values", [RunOutcome, SourceHealth])
def test_every_outcome_has_its_place(values: type[StrEnum]) -> None:
    """What `spillwatch runs` and `spillwatch source list` show is explained."""
    missing = {value.value for value in values} - places(REFERENCE)

    assert not missing, ", ".join(sorted(missing))


def test_every_action_of_the_log_has_its_place() -> None:
    """Who sees a line in the daemon's log finds its action in docs/reference/daemon.md."""
    folders = ("alerts", "crawler", "daemon", "matching", "storage", "web")
    code = "".join(file.read_text() for folder in folders for file in (ROOT / folder).rglob("*.py"))
    actions = set(re.findall(r'action="([a-z_]+)"', code))

    named = {word for page in pages(REFERENCE) for code in page.inline_code for word in code.split()}

    assert actions - named == set()


def test_every_exit_code_has_its_place() -> None:
    """A script's author finds each code."""
    assert {str(code.value) for code in Exit} - places(REFERENCE) == set()


def test_the_options_of_every_command_are_named_once() -> None:
    """--config, --debug and --version stand before a command, --json behind each that answers."""
    named = {word for page in pages(REFERENCE) for code in page.inline_code for word in code.split()}
    before = {option for parameter in get_command(app).params for option in parameter.opts}

    missing = {*before, EVERYWHERE} - named

    assert not missing, ", ".join(sorted(missing))
