"""The cases of samples.toml: samples with what they show, and ordinary text."""

import tomllib
from pathlib import Path
from typing import NamedTuple

from matching.masked_samples.sample_rows import SampleRow, VisibleValue


class Sample(NamedTuple):
    """A text, the region of its reader, and what its rows show."""

    name: str
    region: str
    text: str
    rows: list[str]


def shown(value: VisibleValue) -> str:
    """Return a value in the notation of the cases."""
    domain = f"@{value.domain}" if value.domain else ""
    head = value.head.replace(" ", "_")
    if not value.is_masked:
        return f"{value.attribute}={head}{domain}"
    return f"{value.attribute}={head}*{'?' if value.hidden is None else value.hidden}*{value.tail}{domain}"


def shown_rows(rows: list[SampleRow]) -> list[str]:
    return [in_order(" ".join(map(shown, row.values))) for row in rows]


def in_order(values: str) -> str:
    return " ".join(sorted(values.split()))


_CASES = tomllib.loads(Path(__file__).with_name("samples.toml").read_text("utf-8"))
SAMPLES = [
    Sample(name, case["region"], case["text"], list(map(in_order, case["rows"])))
    for name, case in _CASES["samples"].items()
]
ORDINARY: dict[str, str] = _CASES["ordinary"]
