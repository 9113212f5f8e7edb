"""Turns validation errors into messages: which file, which key, what was found and what was wanted.

pydantic's ValidationError locates an error by the model's path, which contains the tags of unions. People
know the path in their file. The model's JSON schema says which keys a table can have, what each key is for
and which keys are secret. It is used for "did you mean" and for hiding values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core.core_schema import ErrorType

Schema = Mapping[str, Any]
Place = tuple[str | int, ...]

_FOUND_LIMIT = 80  # maximum characters of a wrong value in a message
#: A login up to its last "@": a password may contain a "/", a space or an "@" that nobody encoded. Without a
#: ":" a login ends at a "/", because a path may contain an "@" too.
_PASSWORD_IN_URL = re.compile(
    r"(?<=://)[^/\s:@]*:.*@|(?<=://)[^/\s]*@|(?<=^['\"])[^/\s:@]*:(?!//).*@", re.DOTALL
)
#: The key of a sealed paste. It stands after the "#", the part of a URL that is never sent to a server.
_KEY_IN_URL = re.compile(r"(://[^#\s]*#)[^\s'\"]+")

_PYDANTIC_TYPES = frozenset(get_args(ErrorType))

# What was wanted, by type of pydantic's error. Other types keep pydantic's own message.
_WANTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "decimal_parsing": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "path_type": "a path",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "value_error": "{error}",
    "assertion_error": "{error}",
}
UNFITTING = "keys that do not fit together"
NAMES_WANTED = "a name of a-z, 0-9, - and _, at most 63 characters"


@dataclass(frozen=True)
class Mistake:
    """One thing to correct. `file` can be an environment variable. Only syntax errors have a line."""

    file: str
    key: str
    found: str
    wanted: str
    hint: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f"{place}: {self.key}" if self.key else place
        return f"{where}: found {self.found}; wanted {self.wanted}." + (f" {self.hint}" if self.hint else "")

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return a question that names the nearest candidate, or ""."""
    near = get_close_matches(word.lower(), list(candidates), n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else ""


def mistakes_of(
    error: ValidationError, *, origin: Callable[[Place], str], data: object, schema: Schema
) -> list[Mistake]:
    """Return a mistake for each validation error of `data`. `origin` returns where a value came from."""
    return [
        _mistake_of_error(dict(found), file=origin(found["loc"]), data=data, schema=schema)
        for found in error.errors(include_url=False)
        if not _follows_from_another(found)
    ]


def _follows_from_another(error: Mapping[str, Any]) -> bool:
    """Return whether a list is too short only because wrong items were left out, which have own mistakes."""
    given, least = error.get("input"), error.get("ctx", {}).get("min_length", 0)
    return error["type"] == "too_short" and isinstance(given, (list, tuple)) and len(given) >= least


def _mistake_of_error(error: Mapping[str, Any], *, file: str, data: object, schema: Schema) -> Mistake:
    place: Place = error["loc"]
    kind = error["type"]
    key = key_in_file(place, data)
    if kind == "extra_forbidden":
        known = sorted(properties_at(schema, place[:-1]))
        wanted = "one of " + ", ".join(known) if known else "no key here"
        return Mistake(file, key, "an unknown key", wanted, did_you_mean(str(place[-1]), known))
    node = node_at(schema, place)
    purpose = str(node.get("description", "")).rstrip(".")
    if kind == "missing":
        return Mistake(file, key, "nothing", purpose or "a value", _misspelt_hint(place, data))
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        tag = error["ctx"]["discriminator"].strip("'")
        known = list(node.get("discriminator", {}).get("mapping", {}))
        near = did_you_mean(str(error["ctx"]["tag"]), known) if "tag" in error["ctx"] else None
        what = shown_value(error["ctx"]["tag"], secret=False) if "tag" in error["ctx"] else "nothing"
        wanted = f"one of {_union_tags(node)}"
        hint = _misspelt_hint((*place, tag), data) if near is None else near
        return Mistake(file, f"{key}.{tag}".strip("."), what, wanted, hint)
    if kind not in _PYDANTIC_TYPES and kind not in _WANTED:
        return _mistake_of_model(error, file=file, key=key, data=data)
    limits = {name: _limit_text(limit) for name, limit in error.get("ctx", {}).items()}
    wanted = _WANTED[kind].format(**limits) if kind in _WANTED else error["msg"]
    given = error.get("input")
    if kind == "value_error" and isinstance(given, Mapping):
        return _mistake_of_table(
            wanted, given, file=file, key=_without_tag(place, data), schema=schema, place=place
        )
    if kind == "string_pattern_mismatch":
        wanted = NAMES_WANTED if place[-1] == "[key]" else "text of another form"
        key = key.removesuffix(".[key]")
    hint = _way_to_write(kind, given, error, secret=is_secret(node)) or (purpose and f"({purpose}.)")
    return Mistake(file, key, shown_value(given, secret=is_secret(node)), _without_dot(wanted), hint)


def _way_to_write(kind: str, given: object, error: Mapping[str, Any], *, secret: bool) -> str:
    """Return a sentence that shows the right form of what was found; "": there is no single one."""
    if kind in ("list_type", "tuple_type") and isinstance(given, Mapping):
        return f"Write its name in double brackets: [[{error['loc'][-1]}]]."
    if secret or not isinstance(given, str) or len(given) > _FOUND_LIMIT or not given.isprintable():
        return ""
    if kind in ("list_type", "tuple_type"):
        items = ", ".join(f'"{item.strip()}"' for item in given.split(","))
        return f"Write [{items}]."
    if kind in ("literal_error", "enum"):
        return did_you_mean(given, re.findall(r"'([^']+)'", str(error.get("ctx", {}).get("expected", ""))))
    if kind.startswith(("float_", "int_")) and (number := re.fullmatch(r"\s*(\d+)\s*[a-zA-Z]+\s*", given)):
        return f"Write {number[1]}, without a unit: the key's name ends in it."
    return ""


def _mistake_of_table(
    wanted: str, given: Mapping[str, Any], *, file: str, key: str, schema: Schema, place: Place
) -> Mistake:
    """Return the mistake for a rule about several keys; "url: ..." is about one of them."""
    name, colon, rest = wanted.partition(": ")
    if not colon or name not in given:
        return Mistake(file, key, UNFITTING, _without_dot(wanted))
    secret = is_secret(node_at(schema, (*place, name)))
    return Mistake(
        file, f"{key}.{name}".strip("."), shown_value(given[name], secret=secret), _without_dot(rest)
    )


def _without_tag(place: Place, data: object) -> str:
    """Return the dotted key of a table; pydantic adds the tag of a union as its last segment."""
    inner = data
    for segment in place[:-1]:
        inner = inner.get(segment, {}) if isinstance(inner, Mapping) else {}
    tagged = isinstance(inner, Mapping) and bool(place) and place[-1] not in inner
    return key_in_file(place[:-1] if tagged else place, data)


def _without_dot(sentence: str) -> str:
    """Return a sentence without its full stop; an ellipsis stays."""
    return sentence if sentence.endswith("...") else sentence.removesuffix(".")


def _limit_text(limit: object) -> object:
    return f"{limit:g}" if isinstance(limit, float) else limit


def _mistake_of_model(error: Mapping[str, Any], *, file: str, key: str, data: object) -> Mistake:
    """Return the mistake for an error that one of our models raised. Its type names the wrong key."""
    value, kind = error.get("input"), error["type"]
    if not isinstance(value, Mapping):
        return Mistake(file, key, shown_value(value, secret=False), error["msg"])
    place = (*error["loc"], kind)
    if kind in value:
        return Mistake(file, key_in_file(place, data), shown_value(value[kind], secret=False), error["msg"])
    return Mistake(file, key_in_file(place, data), "nothing", error["msg"], _misspelt_hint(place, data))


def key_in_file(place: Place, data: object) -> str:
    """Return the dotted key as in the file: `place` without the tags that pydantic adds for unions."""
    parts: list[str] = []
    for index, segment in enumerate(place):
        if isinstance(data, Mapping):
            if segment not in data and index + 1 < len(place):
                continue  # the tag of a union
            data = data.get(segment)
            parts.append(f".{segment}")
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(segment, int):
            data = data[segment] if segment < len(data) else None
            parts.append(f"[{segment + 1}]")
        elif data is None:
            parts.append(f".{segment}")
    return "".join(parts).lstrip(".")


def shown_value(value: object, *, secret: bool) -> str:
    """Return a wrong value for a message: no secret, no whole table, no password or key in a URL."""
    if secret:
        return "a value that is hidden because it is secret"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = _KEY_IN_URL.sub(r"\1***", _PASSWORD_IN_URL.sub("***@", repr(value)))
    return text if len(text) <= _FOUND_LIMIT else text[: _FOUND_LIMIT - 1] + "…"


def properties_at(schema: Schema, place: Place) -> dict[str, Schema]:
    """Return the keys that a table at `place` can have."""
    return dict(node_at(schema, place).get("properties", {}))


def is_secret(node: Schema) -> bool:
    """Return whether a node is a SecretStr or a list of them."""
    options = (node, node.get("items", {}), *node.get("anyOf", ()))
    return any(option.get("format") == "password" for option in options)


def node_at(schema: Schema, place: Place) -> Schema:
    """Return the schema of the value at `place`, {} if the schema does not define it."""
    node = _follow_reference(schema, schema)
    for segment in place:
        node = _follow_reference(schema, _child_schema(schema, node, segment))
    return node


def _child_schema(schema: Schema, node: Schema, segment: str | int) -> Schema:
    inside: Schema = (
        node.get("items", {}) if isinstance(segment, int) else node.get("properties", {}).get(segment, {})
    )
    if inside or isinstance(segment, int):
        return inside
    if (tag := node.get("discriminator", {}).get("mapping", {}).get(segment)) is not None:
        return {"$ref": tag}
    values = [node.get("additionalProperties"), *node.get("patternProperties", {}).values()]
    for value in values:
        if isinstance(value, Mapping):
            return value
    options = [
        _follow_reference(schema, option) for option in (*node.get("anyOf", ()), *node.get("oneOf", ()))
    ]
    named = [option for option in options if segment in (option.get("title"), option.get("type"))]
    deeper = [option for option in options if segment in option.get("properties", {})]
    return named[0] if named else _child_schema(schema, deeper[0], segment) if deeper else {}


def _follow_reference(schema: Schema, node: Schema) -> Schema:
    """Follow the $ref of `node`. Keys beside the $ref, such as a field's own description, win."""
    if "$ref" not in node:
        return node
    target = schema.get("$defs", {}).get(node["$ref"].rpartition("/")[2], {})
    return {
        **_follow_reference(schema, target),
        **{key: value for key, value in node.items() if key != "$ref"},
    }


def _union_tags(node: Schema) -> str:
    return ", ".join(f"'{tag}'" for tag in node.get("discriminator", {}).get("mapping", {}))


def _misspelt_hint(place: Place, data: object) -> str:
    """For a missing key: name the key of the same table that looks like it."""
    for segment in place[:-1]:
        if isinstance(data, Mapping):
            data = data.get(segment, data)
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(segment, int):
            data = data[segment]
    near = (
        get_close_matches(str(place[-1]), [str(key) for key in data], n=1)
        if isinstance(data, Mapping)
        else []
    )
    return f'Is "{near[0]}" a misspelling of it?' if near else ""
