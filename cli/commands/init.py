"""`spillwatch init`: writes a configuration that lists every setting with its default and its meaning.

The text is generated from the settings' models, so that its defaults are never out of date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer
from pydantic import BaseModel, SecretStr

from cli.errors import WouldOverwrite
from cli.output import emit_json, print_line
from configuration.settings import FILE_NAME, Settings
from matching.mentions.alias_proposals import alias_proposals
from matching.mentions.terms import WatchTerm

_WIDTH = 100
_EXAMPLES = {
    "sources/example-market.toml": "source.toml",
    "companies/example-lender.toml": "company.toml",
    ".gitignore": "gitignore",
}


def command(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; made if necessary.")] = Path(),
    company: Annotated[
        str, typer.Option(help="Your company's name: writes its file instead of an example's.")
    ] = "",
    domain: Annotated[str, typer.Option(help="Your company's domain, to be watched too.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Write a commented configuration with an example source (disabled) and a company."""
    examples = {name: _template_text(file) for name, file in _EXAMPLES.items()}
    if company or domain:
        del examples["companies/example-lender.toml"]
        examples["companies/company.toml"] = _company_text(company or domain, domain)
    contents = {FILE_NAME: configuration_text(), **examples}
    there = [name for name in contents if (folder / name).exists()]
    if there:
        raise WouldOverwrite(
            f"{folder / there[0]} already exists, so nothing was written. Choose another folder."
        )
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    if as_json:
        emit_json({"folder": folder.absolute(), "written": list(contents)})
    else:
        print_line(f"Wrote to {folder.absolute()}: {', '.join(contents)}.\n{_NEXT_STEPS}")


_NEXT_STEPS = """Next:
  1. spillwatch check                      report every mistake in these files
  2. spillwatch source try FILE            show what a source's selectors find on the live page
  3. spillwatch crawl example-market       crawl a source once, now
  4. spillwatch run                        start the daemon"""


def _company_text(name: str, domain: str) -> str:
    """Return a company's file with its name and domain as terms, and proposed aliases as comments."""
    given = [(name, "name")] * (name != domain) + [(domain, "domain")] * bool(domain)
    terms = [WatchTerm(number, 1, text, kind) for number, (text, kind) in enumerate(given)]
    parts = [f"name = {_toml_value(name)}\n"]
    parts += [_term_text(text, kind, "given to spillwatch init") for text, kind in given]
    proposals = alias_proposals(name, terms)
    if proposals:
        parts.append(
            "# Aliases that the terms above do not find. Remove the # before those that people use.\n"
        )
    for text, reason in proposals:
        parts.append("".join(f"# {line}\n" for line in _term_text(text, "alias", reason).splitlines()))
    return "\n".join(parts)


def _term_text(text: str, kind: str, reason: str) -> str:
    values = {"text": text, "kind": kind, "owner": "spillwatch init", "reason": reason}
    return "[[terms]]\n" + "".join(f"{key} = {_toml_value(value)}\n" for key, value in values.items())


def configuration_text() -> str:
    """Return spillwatch.toml with every setting and its default as a comment.

    Comments, not settings: a later version may change a default, and it should then take effect.
    """
    parts = [_template_text("head.toml")]
    for name, field in Settings.model_fields.items():
        lines = _section_lines(name, field.get_default(call_default_factory=True), field.description or "")
        parts.append("\n".join(lines))
    return "\n".join(parts) + "\n" + _template_text("channels.toml")


def _section_lines(name: str, model: BaseModel, purpose: str) -> Iterator[str]:
    yield f"# {purpose}"
    yield f"[{name}]"
    tables = []
    for key, field in type(model).model_fields.items():
        value = getattr(model, key)
        if isinstance(value, BaseModel):
            tables.append((f"{name}.{key}", value, field.description or ""))
        elif not isinstance(value, dict):
            purpose = field.description or ""
            yield from (f"# {line}" for line in wrap(purpose[:1].upper() + purpose[1:], _WIDTH))
            yield f"# {key} = {_toml_value(value)}" if value is not None else f"# {key} = ...   (unset)"
            yield ""
    for table in tables:
        yield from _section_lines(*table)


def _toml_value(value: object) -> str:
    """Return a default as TOML. JSON writes strings, numbers and lists in the same way."""
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return json.dumps(plain, default=str, ensure_ascii=False)


def _template_text(name: str) -> str:
    return files("cli").joinpath("templates", name).read_text(encoding="utf-8")
