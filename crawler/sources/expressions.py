"""The value types of a source file: selectors, patterns, URLs, time zones and durations.

Each is checked when the file is read, and compiled when a run begins. A selector is CSS, or XPath after
`xpath:`, or JSONPath, which begins with `$`. Patterns are RE2 expressions: they run on text that an
attacker wrote, and RE2 takes linear time for every pattern, unlike `re`. For the same reason XPath has no
regular expression functions here, and JSONPath has no `match()` and `search()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import re2
from cssselect import SelectorError
from lxml import etree
from parsel.csstranslator import HTMLTranslator
from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    import jsonpath

XPATH_PREFIX = "xpath:"
#: A longer selector or pattern is a mistake.
MAX_EXPRESSION_CHARS = 1_000
#: Depth to which "$..name" descends in a JSON document.
MAX_JSON_DEPTH = 64

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_RE2_OPTIONS = re2.Options()
_RE2_OPTIONS.log_errors = False  # the mistake is reported as a configuration mistake
_RE2_OPTIONS.max_mem = 8 << 20


def mistake(slug: str, wanted: str) -> PydanticCustomError:
    """Return the error that a validator raises. `wanted` completes the sentence "found ..., wanted ..."."""
    return PydanticCustomError(slug, "{wanted}", {"wanted": wanted})


@cache
def _json_paths() -> jsonpath.JSONPathEnvironment:
    import jsonpath  # here: a run of a source that is no JSON does not need it

    class Environment(jsonpath.JSONPathEnvironment):
        max_recursion_depth = MAX_JSON_DEPTH

        def setup_function_extensions(self) -> None:
            super().setup_function_extensions()
            for name in ("match", "search"):
                del self.function_extensions[name]

    return Environment()


@lru_cache(maxsize=512)
def compile_markup(selector: str) -> etree.XPath:
    """Return the compiled XPath of a CSS or `xpath:` selector. Raises the errors of cssselect and lxml."""
    if selector.startswith(XPATH_PREFIX):
        xpath = selector.removeprefix(XPATH_PREFIX).strip()
    else:
        xpath = HTMLTranslator().css_to_xpath(selector)
    return etree.XPath(xpath, regexp=False)


@lru_cache(maxsize=512)
def compile_json(path: str) -> jsonpath.JSONPath | jsonpath.CompoundJSONPath:
    """Return the compiled JSONPath. Raises `JSONPathError`."""
    return _json_paths().compile(path)


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the compiled RE2 pattern, which has the interface of an `re` pattern. Raises `re2.error`."""
    compiled: re.Pattern[str] = re2.compile(pattern, _RE2_OPTIONS)
    return compiled


def _check_markup_selector(selector: str) -> str:
    if selector.startswith("$"):
        raise mistake("selector", "a CSS selector, or an XPath after `xpath:` (JSONPath is for JSON)")
    try:
        # Unknown functions and prefixes are only detected at evaluation.
        compile_markup(selector)(etree.Element("html"))
    except (SelectorError, etree.XPathError) as error:
        kind = (
            "an XPath" if selector.startswith(XPATH_PREFIX) else "a CSS selector, or an XPath after `xpath:`"
        )
        raise mistake("selector", f"{kind}; the parser says: {error}") from error
    return selector


def _check_jsonpath(path: str) -> str:
    from jsonpath.exceptions import JSONPathError

    try:
        if not path.startswith("$"):
            raise JSONPathError("the path must begin with `$`")
        compile_json(path)
    except JSONPathError as error:
        says = str(error).splitlines()[0]
        raise mistake("jsonpath", f"a JSONPath such as `$.data`; the parser says: {says}") from error
    return path


def _check_pattern(pattern: str) -> str:
    try:
        compile_pattern(pattern)
    except re2.error as error:
        says = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        wanted = f"a pattern in RE2 syntax (no look-around, no back-references); the parser says: {says}"
        raise mistake("pattern", wanted) from error
    return pattern


def _check_length(expression: str) -> str:
    if not expression.strip() or len(expression) > MAX_EXPRESSION_CHARS:
        raise mistake("expression", f"between 1 and {MAX_EXPRESSION_CHARS} characters")
    return expression.strip()


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise mistake("url", "a URL that begins with http:// or https:// and names a host")
    if parts.username or parts.password:
        raise mistake("url", "a URL without a user name or password")
    return url


def _check_zone(name: str) -> str:
    if name not in available_timezones():
        raise mistake("timezone", "a time zone by its IANA name, such as `Asia/Shanghai` or `UTC`")
    return ZoneInfo(name).key


def _read_duration(value: object) -> object:
    """Convert `"90s"`, `"15m"`, `"6h"` or `"1d"` to a timedelta. A timedelta is returned unchanged."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"\s*(\d{1,6})\s*([smhd])\s*", value) if isinstance(value, str) else None
    if not found:
        raise mistake("duration", 'a number with a unit s, m, h or d, such as "15m"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def placeholder_check(*allowed: str) -> Callable[[str], str]:
    """Return a check that a URL contains exactly one of the allowed placeholders, once."""

    def check(url: str) -> str:
        found = _PLACEHOLDER.findall(url)
        if len(found) != 1 or found[0] not in allowed:
            names = " or ".join(f"{{{name}}}" for name in allowed)
            raise mistake("template", f"a URL that contains {names} once")
        return url

    return check


Url = Annotated[str, AfterValidator(_check_url)]
KeyTemplate = Annotated[str, AfterValidator(_check_url), AfterValidator(placeholder_check("key"))]
PageTemplate = Annotated[str, AfterValidator(_check_url), AfterValidator(placeholder_check("page", "cursor"))]
MarkupSelector = Annotated[str, AfterValidator(_check_length), AfterValidator(_check_markup_selector)]
JsonSelector = Annotated[str, AfterValidator(_check_length), AfterValidator(_check_jsonpath)]
Pattern = Annotated[str, AfterValidator(_check_length), AfterValidator(_check_pattern)]
Zone = Annotated[str, AfterValidator(_check_zone)]
Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(lambda value: f"{int(value.total_seconds())}s", return_type=str),
]
