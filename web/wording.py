"""The words of the console: texts/*.toml, with numbers and times as the person's language writes them.

A text is named by its file and its key: `findings.owner`. It names its values in braces: `{rows:row|rows}`
has the number and the form that fits it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal
from markupsafe import Markup

from text.filled_texts import filled

LANGUAGES = {"en": "English", "zh": "中文"}
LOCALES = {"en": Locale("en", "GB"), "zh": Locale("zh", "Hans_CN")}
MOMENTS = {"en": "yyyy-MM-dd HH:mm", "zh": "yyyy-MM-dd HH:mm"}


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Return every text by its name, as {language: text}."""
    found: dict[str, Mapping[str, str]] = {}
    for file in sorted((files("web") / "texts").iterdir(), key=lambda each: each.name):
        part, _, ending = file.name.rpartition(".")
        if ending == "toml":
            for key, text in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found[f"{part}.{key}"] = text
    return found


@dataclass(frozen=True, slots=True)
class ConsoleWording:
    """The texts for one person."""

    language: str = "en"
    zone: str = "UTC"

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a text; raises KeyError for a name that texts/ does not have."""
        return filled(texts()[name][self.language], values)

    def has(self, name: str) -> bool:
        return name in texts()

    def count(self, number: int) -> str:
        return format_decimal(number, locale=LOCALES[self.language])

    def figure(self, value: float) -> str:
        """Return a value of a chart's axis, short: 1.5, 20, 3,000, 2M."""
        for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
            if abs(value) >= size:
                return f"{value / size:.3g}{sign}"
        return format_decimal(float(f"{value:.4g}"), locale=LOCALES[self.language])

    def share(self, part: float) -> str:
        """Return a share of 1 in percent, without digits that mean nothing."""
        percent = 100 * part
        if 0 < percent < 1 or 99 < percent < 100:
            return f"{percent:.1f}%"
        return f"{percent:.0f}%"

    def moment(self, at: datetime | None) -> Markup:
        """Return a time in the person's zone as an element; its title is the time in UTC."""
        if at is None:
            return Markup("–")
        local = format_datetime(
            at.astimezone(zone_named(self.zone)), MOMENTS[self.language], locale=LOCALES[self.language]
        )
        utc = at.astimezone(UTC)
        return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
            utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M:%S"), local
        )

    def ago(self, at: datetime | None, now: datetime) -> Markup:
        """Return how long ago something was, as an element whose title is the time in UTC."""
        if at is None:
            return Markup("–")
        passed = at - now
        if abs(passed) < timedelta(seconds=1):
            passed = timedelta(seconds=-1)  # nothing is "in 0 seconds"
        said = format_timedelta(passed, add_direction=True, locale=LOCALES[self.language])
        utc = at.astimezone(UTC)
        return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
            utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M:%S"), said
        )

    def hours_left(self, length: timedelta) -> dict[str, int]:
        """Return hours and minutes of a time, as a text names them."""
        minutes = int(length.total_seconds() // 60)
        return {"hours": minutes // 60, "minutes": minutes % 60}

    def duration(self, length: timedelta) -> str:
        return format_timedelta(length, locale=LOCALES[self.language])


@cache
def zone_named(name: str) -> ZoneInfo:
    """Return a time zone of the IANA database; UTC if it has none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
