"""The ways to write a value in escapes and disguises that tests of matching and masking try."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

Escape = Callable[[str], str]


def _each(form: str) -> Escape:
    return lambda value: "".join(form.format(ord(one)) for one in value)


def _signs(**forms: str) -> Escape:
    return lambda value: "".join(forms.get(_NAMES.get(one, ""), one) for one in value)


_NAMES = {"@": "at", " ": "space", "+": "plus", ".": "dot", "-": "dash"}

#: For values of any kind.
ESCAPES: Mapping[str, Escape] = {
    "percent": lambda value: quote(value, safe=""),
    "percent of all": _each("%{:02X}"),
    "percent twice": _each("%25{:02x}"),
    "percent in units": _each("%u{:04x}"),
    "decimal": _each("&#{};"),
    "decimal with zeros": _each("&#{:07};"),
    "decimal without end": _each("&#{}"),
    "hexadecimal": _each("&#x{:x};"),
    "decimal twice": _each("&amp;#{};"),
    "named": _signs(at="&commat;", space="&nbsp;", plus="&plus;", dot="&period;"),
    "units": _each("\\u{:04x}"),
    "units in a string": _each("\\\\u{:04X}"),
    "braces": _each("\\u{{{:x}}}"),
    "wide units": _each("\\U{:08x}"),
    "bytes": _each("\\x{:02x}"),
    "bytes of signs": _signs(at="\\x40", space="\\x20", plus="\\x2B", dot="\\x2e"),
    "octal": _each("\\{:03o}"),
    "hex": lambda value: f"0x{value.encode().hex()}",
    "quoted hex": lambda value: f"X'{value.encode().hex().upper()}'",
    "hex of MySQL": lambda value: f"UNHEX('{value.encode().hex().upper()}')",
    "hex of PostgreSQL": lambda value: f"\\x{value.encode().hex()}",
    "colours": lambda value: f"\x1b[1;32m{value[:3]}\x1b[0m{value[3:]}",
    "written colours": lambda value: f"\\033[32m{value}\\033[0m",
    "behind a line end": lambda value: f"\\n{value}",
    "Markdown": _signs(at="\\@", plus="\\+", dot="\\.", dash="\\-"),
    "soft line end": lambda value: f"{value[:3]}=\n{value[3:]}",
    "percent of references": _each("%26%23{}%3B"),
}

#: For e-mail addresses.
DISGUISES: Mapping[str, Escape] = {
    "quoted-printable": _signs(at="=40"),
    "brackets": _signs(at="[at]", dot="[.]"),
    "parentheses": _signs(at=" (at) ", dot=" (dot) "),
    "braces and capitals": _signs(at="{AT}", dot="{DOT}"),
    "words": lambda value: value.replace("@", " at ").replace(".", " dot "),
    "escaped words": lambda value: value.replace("@", "%20at%20").replace(".", "%20dot%20"),
    "hyphens": lambda value: value.replace("@", "-at-").replace(".", "-dot-"),
    "underscores": lambda value: value.replace("@", "_at_").replace(".", "_dot_"),
    "spaces around all": lambda value: (
        _signs(at=" @ ")(value[: value.rindex(".")]) + " . " + value[value.rindex(".") + 1 :]
    ),
    "spaces": lambda value: value.replace("@", " @ "),
    "a dot in brackets": lambda value: value[: value.rindex(".")] + "[.]" + value[value.rindex(".") + 1 :],
}
