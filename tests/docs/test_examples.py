"""What the documentation shows can be copied: TOML is accepted by the models, commands and options exist."""

from __future__ import annotations

import re
import shlex
import tomllib

import pytest
from _pytest.mark import ParameterSet
from typer.main import get_command

from cli.main import app, walk
from configuration.settings import Settings
from crawler.sources import read_definition
from matching.company_definition import CompanyDefinition
from tests.docs.pages import ROOT, Block, Page, every_page

SHELLS = {"sh", "bash", "console", "shell"}
# The content of a file that an example names (password_file = "..."), where not any text will do.
STAND_INS = {
    "secrets": "whsec_" + "QUJD" * 10,
    "url": "https://hooks.lender.example/spillwatch",
    "database_url": "postgresql://spillwatch:synthetic@db.lender.example/spillwatch",
}
# What the program reads itself, when it needs it, and not its configuration.
PATHS = ("ca_file", "cookies_file", "key_file", "token_file")
COMMANDS = dict(walk())
ROOT_OPTIONS = {"--config", "-c", "--debug", "--version", "--help"}


def _blocks(*infos: str) -> list[ParameterSet]:
    """Each block as a test's parameter, named after its place."""
    return [
        pytest.param(block, id=f"{page}:{block.line}")
        for page in every_page()
        for block in page.blocks
        if block.info in infos
    ]


def _with_stand_ins(value: object) -> object:
    """`password_file = "..."` as what the program makes of it: `password` with the file's content."""
    if isinstance(value, list):
        return [_with_stand_ins(item) for item in value]
    if not isinstance(value, dict):
        return value
    table = {}
    for key, inner in value.items():
        target = key.removesuffix("_file")
        if key in PATHS or target == key:
            table[key] = _with_stand_ins(inner)
        else:
            table[target] = STAND_INS.get(target, "synthetic")
    return table


@pytest.mark.parametrize("block", _blocks("toml"))
def test_a_toml_example_is_accepted(block: Block) -> None:
    """A source file, a company file or a spillwatch.toml: told apart by what it has."""
    table = _with_stand_ins(tomllib.loads(block.text))
    assert isinstance(table, dict)

    if "kind" in table:
        read_definition(table)
    elif "terms" in table or "fingerprints" in table:
        CompanyDefinition.model_validate(table)
    else:
        sections = {name: field.annotation for name, field in Settings.model_fields.items()}
        assert set(table) <= set(sections)
        for name, values in table.items():
            sections[name].model_validate(values)  # type: ignore[union-attr]  # every section is a model


@pytest.mark.parametrize("block", _blocks("toml fragment"))
def test_a_toml_excerpt_can_be_read(block: Block) -> None:
    """An excerpt is no whole file, but it is TOML."""
    assert tomllib.loads(block.text)


def _commands(page: Page) -> list[str]:
    """Each `spillwatch ...` of the page's shell examples and of its sentences."""
    lines = [
        line.strip().removeprefix("$ ")
        for block in page.blocks
        if block.info.partition(" ")[0] in SHELLS
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    found = [code for code in (*lines, *page.inline_code) if re.match(r"(?:\S*/)?spillwatch [a-z-]", code)]
    return [re.split(r"\s(?:[|&;<>]|\d?>)|\s#\s|…", code)[0] for code in found]


def _mistake(line: str) -> str | None:
    """What is wrong with a command line; placeholders, values and files are not looked at."""
    words = shlex.split(line.replace("[", " ").replace("]", " "))[1:]
    while words and words[0].startswith("-"):
        if words[0].partition("=")[0] not in ROOT_OPTIONS:
            return f"{line}: spillwatch has no option {words[0]}"
        words = words[2 if words[0] in ("--config", "-c") else 1 :]
    if not words or not re.match(r"[a-z]", words[0]):
        return None
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    if name not in COMMANDS:
        return f"{line}: there is no command {name}"
    if default := getattr(COMMANDS[name], "default_command", None):
        name = f"{name} {default}"
    known = {
        option
        for parameter in COMMANDS[name].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    unknown = used - known - {"--help"}
    return f"{line}: `spillwatch {name}` has no option {', '.join(sorted(unknown))}" if unknown else None


@pytest.mark.parametrize("page", every_page(), ids=str)
def test_every_command_that_is_shown_exists_with_its_options(page: Page) -> None:
    """An option that was renamed is still in somebody's fingers: not because of us."""
    assert [mistake for line in _commands(page) if (mistake := _mistake(line))] == []


@pytest.mark.parametrize("page", every_page(), ids=str)
def test_every_make_target_that_is_shown_exists(page: Page) -> None:
    """`make demo`, in a shell example or in a sentence."""
    targets = set(re.findall(r"^([a-z]+(?: [a-z]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets = {name for names in targets for name in names.split()}
    shown = (*page.inline_code, *(line for block in page.blocks for line in block.text.splitlines()))
    named = {match[1] for code in shown if (match := re.match(r"(?:\$ )?make ([a-z]+)\b", code))}

    assert named - targets == set()


def test_the_root_options_are_the_ones_assumed_here() -> None:
    """ROOT_OPTIONS is the command's own list."""
    options = {option for parameter in get_command(app).params for option in parameter.opts}

    assert options | {"--help"} == ROOT_OPTIONS
