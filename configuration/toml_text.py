"""A table of values as TOML, for people to read and to edit. The standard library only reads TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(values: Mapping[str, object]) -> str:
    """Return a table as TOML. A value None is left out, because TOML has none."""
    return "\n".join(_table_lines(values, ())).strip("\n") + "\n"


def _table_lines(values: Mapping[str, object], place: tuple[str, ...]) -> Iterator[str]:
    tables = [(key, value) for key, value in values.items() if isinstance(value, Mapping)]
    for key, value in values.items():
        if value is not None and not isinstance(value, Mapping):
            yield f"{_key(key)} = {_value(value)}"
    for key, table in tables:
        inner = (*place, key)
        if any(not isinstance(value, Mapping) for value in table.values()) or not table:
            yield ""
            yield f"[{'.'.join(map(_key, inner))}]"
        yield from _table_lines(table, inner)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(inner)}" for key, inner in value.items() if inner is not None)
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_value(each) for each in value if each is not None)}]"
    return _text(str(value))


def _text(text: str) -> str:
    """Return a basic string; JSON writes every character of one so that TOML reads it, but for DEL."""
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False).replace("\x7f", "\\u007f")
