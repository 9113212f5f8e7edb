"""Reads the files beside spillwatch.toml that declare one source or one company each."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from configuration.mistake_messages import Mistake, mistakes_of

T = TypeVar("T")

FILE_LIMIT = 16 * 1024 * 1024  # bytes per file; a company with 100,000 terms has about 10 MB
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NEARLY_TOML = (".toml", ".tml", ".tom", ".toml.txt")  # what editors and fingers make of it
#: What to do about a mistake in TOML, by the beginning of the parser's words.
SYNTAX_HINTS = {
    "Expected newline or end of document": "Text stands in quotes, and a fraction has a point: 2.5.",
    "Invalid value": 'Text stands in straight quotes ("..."), and true and false are written in lower case.',
    "Expected '=' after a key": "TOML writes key = value, and the name of a table as [name].",
    "Invalid statement": "TOML writes key = value, and the name of a table as [name]. Is it JSON or YAML?",
    "Unescaped '\\'": "Put the text into single quotes, or write each backslash twice.",
    "Cannot declare": "Each table stands once in a file: put all of its keys below one heading.",
    "Cannot overwrite a value": "Each key stands once in its table: remove one of them.",
    "Expected ']' at the end of a table": "A name in [...] has no blanks: a-z, 0-9, - and _.",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LINE_OF_ERROR = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True)
class Declared(Generic[T]):
    """A declared source or company. Its name is the file's name without .toml."""

    name: str
    file: Path
    value: T


@dataclass
class DeclaredFolder(Generic[T]):
    """The declarations in one folder, and all mistakes in it."""

    names: list[str] = field(default_factory=list)  # including files with mistakes
    found: list[Declared[T]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def read_folder(folder: Path, adapter: TypeAdapter[T]) -> DeclaredFolder[T]:
    """Validate every TOML file of a folder. A missing folder counts as an empty one."""
    result: DeclaredFolder[T] = DeclaredFolder()
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix != ".toml":
            if file.name.lower().endswith(NEARLY_TOML):
                found = f"the file name {file.name!r}, which is not read"
                result.mistakes.append(Mistake(str(file), "", found, "a name that ends in .toml"))
            continue
        if not _NAME.fullmatch(file.stem):
            wanted = "at most 64 characters of a-z, 0-9, - and _, the first one a letter or a digit"
            result.mistakes.append(Mistake(str(file), "", f"the file name {file.name!r}", wanted))
            continue
        result.names.append(file.stem)
        table = read_toml(file, result.mistakes)
        if table is None:
            continue
        try:
            result.found.append(Declared(file.stem, file, adapter.validate_python(table)))
        except ValidationError as error:
            result.mistakes += mistakes_of(
                error, origin=_fixed_origin(file), data=table, schema=adapter.json_schema()
            )
    return result


def _fixed_origin(file: Path) -> Callable[[object], str]:
    return lambda _place: str(file)


def read_toml(file: Path, mistakes: list[Mistake]) -> dict[str, Any] | None:
    """Return the table in a TOML file, or None after adding a mistake to `mistakes`."""
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_LIMIT + 1)
    except OSError as error:
        mistakes.append(Mistake(str(file), "", str(error.strerror), "a file that can be read"))
        return None
    if len(content) > FILE_LIMIT:
        mistakes.append(Mistake(str(file), "", f"more than {FILE_LIMIT} bytes", "a smaller file"))
        return None
    if b"\0" in content[:200] and not content.startswith(UTF_16_MARKS):
        found = "null bytes, as UTF-16 has them"
        mistakes.append(Mistake(str(file), "", found, "TOML in UTF-8: save the file as UTF-8"))
        return None
    return parse_toml(content, file, mistakes)


def parse_toml(content: bytes, file: Path, mistakes: list[Mistake]) -> dict[str, Any] | None:
    """Return the table in the content of a file, or None after adding a mistake to `mistakes`."""
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # editors on Windows put a BOM first
    except RecursionError:
        found = "values within values within values"
        mistakes.append(Mistake(str(file), "", found, "fewer brackets within one another"))
    except UnicodeDecodeError as error:
        if content.startswith(UTF_16_MARKS):
            found = "UTF-16 (the file begins with its byte order mark)"
            mistakes.append(Mistake(str(file), "", found, "TOML in UTF-8: save the file as UTF-8"))
            return None
        line = error.object[: error.start].count(b"\n") + 1
        wanted = "TOML in UTF-8: save the file as UTF-8"
        mistakes.append(Mistake(str(file), "", "bytes that are not UTF-8", wanted, line=line))
    except tomllib.TOMLDecodeError as error:
        mistakes.append(_syntax_mistake(file, content.decode("utf-8-sig"), str(error)))
    return None


def _syntax_mistake(file: Path, text: str, message: str) -> Mistake:
    at = _LINE_OF_ERROR.search(message)
    line = int(at[1]) if at and at[1] else text.count("\n") + 1
    reason = message[: at.start()] if at else message
    if "\ufeff" in text.split("\n")[line - 1]:
        reason = f"{reason}: the line contains a byte order mark (BOM), an invisible character"
    hint = next((words for start, words in SYNTAX_HINTS.items() if reason.startswith(start)), "")
    return Mistake(str(file), "", f"a TOML mistake ({reason})", "valid TOML", hint, line=line)


def duplicate_mistakes(things: Iterable[tuple[str, str, str]]) -> list[Mistake]:
    """Return a mistake for each (file, key, name) whose name occurred before. Case does not matter."""
    first: dict[str, str] = {}
    mistakes = []
    for file, key, name in things:
        place = f"{file}: {key}"
        other = first.setdefault(name.casefold(), place)
        if other != place:
            mistakes.append(Mistake(file, key, f'"{name}", which is also in {other}', "each one only once"))
    return mistakes
