"""Declares the company's own columns, from a list's header and first rows or from a TOML file; no values.

A header is declared only if it surely is one: a list without a header has a customer in its first line, whose
values would then travel to the monitor as names of columns. So no name may be a value, or mostly digits.
"""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from matching.errors import SchemaFileInvalid
from matching.fingerprints.segments.declared_schema import (
    SCHEMA_COLUMNS_LIMIT,
    SHAPES_LIMIT,
    DeclaredColumn,
    DeclaredSchema,
    folded_name,
)
from matching.identifiers import Field, recognised
from matching.inputs.formats.cell_styles import shape_of, style_named, styles_of
from matching.inputs.formats.columns import is_header

_FILE_LIMIT = 1 << 20  # bytes
_KEYS = {"name", "dates", "numbers", "codes"}
_DIGIT = re.compile(r"\d")


def schema_of_list(
    names: Sequence[str], rows: Sequence[Sequence[str]], regions: Sequence[str]
) -> DeclaredSchema | None:
    """Return the schema that a list's header and first rows show; None: the first line is no sure header."""
    if not is_header(names, rows, regions) or any(_may_be_value(name, regions) for name in names):
        return None
    columns = []
    for index, name in enumerate(names[:SCHEMA_COLUMNS_LIMIT]):
        found = styles_of(row[index] for row in rows if len(row) > index)
        columns.append(DeclaredColumn(name=folded_name(name), style=found.style, shapes=found.shapes))
    return DeclaredSchema(columns=tuple(columns)) if any(column.name for column in columns) else None


def schema_of_file(path: Path) -> DeclaredSchema:
    """Read a schema from a TOML file; raises SchemaFileInvalid."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_FILE_LIMIT + 1)
    except OSError as error:
        raise SchemaFileInvalid(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _FILE_LIMIT:
        raise SchemaFileInvalid(f"{path} has more than {_FILE_LIMIT} bytes; name the columns only")
    try:
        stated = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SchemaFileInvalid(f"{path} is not valid TOML: {error}") from None
    listed = stated.get("columns")
    if set(stated) != {"columns"} or not isinstance(listed, list) or not listed:
        raise SchemaFileInvalid(f"{path} must have [[columns]] and nothing else; each with a name")
    if len(listed) > SCHEMA_COLUMNS_LIMIT:
        raise SchemaFileInvalid(
            f"{path} has {len(listed)} columns; at most {SCHEMA_COLUMNS_LIMIT} are possible"
        )
    columns = tuple(_declared_column(one, number, path) for number, one in enumerate(listed, 1))
    try:
        return DeclaredSchema(columns=columns)
    except ValidationError:
        raise SchemaFileInvalid(f"no column of {path} has a name with a letter or digit") from None


def _declared_column(stated: object, number: int, path: Path) -> DeclaredColumn:
    where = f"column {number} of {path}"
    if not isinstance(stated, dict) or not isinstance(stated.get("name"), str) or not set(stated) <= _KEYS:
        raise SchemaFileInvalid(
            f"{where} must have a name, and at most {', '.join(sorted(_KEYS - {'name'}))}"
        )
    if "dates" in stated and "numbers" in stated:
        raise SchemaFileInvalid(f"{where} has dates and numbers; a column has one of them")
    codes = stated.get("codes", [])
    if not isinstance(codes, list) or not all(isinstance(code, str | int) for code in codes):
        raise SchemaFileInvalid(f'{where} must have its codes as a list, such as codes = ["A1", "B2"]')
    shapes = {shape_of(str(code)) for code in codes}
    if "" in shapes or len(shapes) > SHAPES_LIMIT:
        raise SchemaFileInvalid(
            f"a code of {where} is empty, has more than 16 characters or other signs than letters, digits "
            f"and . _ / -, or the codes have more than {SHAPES_LIMIT} shapes"
        )
    return DeclaredColumn(
        name=folded_name(stated["name"]), style=_style(stated, where), shapes=tuple(sorted(shapes))
    )


def _style(stated: dict[str, object], where: str) -> str:
    written = stated.get("dates", stated.get("numbers", ""))
    if written == "":
        return ""
    style = style_named(written) if isinstance(written, str) else None
    if style is None:
        raise SchemaFileInvalid(
            f"{where} has a style that is not known; give one such as YYYY-MM-DD, DD-MON-YY, 1234.56 or "
            f"padded 10"
        )
    return style


def _may_be_value(name: str, regions: Sequence[str]) -> bool:
    digits = len(_DIGIT.findall(name))
    if digits > 6 or digits * 2 > len(name.strip()) or "@" in name or len(name) > 60:
        return True
    return any(recognised(field, name, region) for region in regions for field in Field)
