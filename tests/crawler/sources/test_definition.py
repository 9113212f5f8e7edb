"""All mistakes in a source file are found, and named by key."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from crawler.sources import read_definition

LIST = '[list]\nrows = "li"\nlink = "a"\n'
HTML = 'kind = "html"\nstart = "https://market.example/"\n'


def errors(toml: str) -> dict[str, str]:
    """Return the messages by key, without the name of the model, which comes first."""
    with pytest.raises(ValidationError) as caught:
        read_definition(tomllib.loads(toml))
    return {".".join(map(str, each["loc"][1:])): each["msg"] for each in caught.value.errors()}


@pytest.mark.parametrize(
    ("toml", "key", "wanted"),
    [
        (HTML + 'tmezone = "UTC"\n' + LIST, "tmezone", "not permitted"),
        (HTML.replace("https", "ftp") + LIST, "start.0", "http:// or https://"),
        (HTML.replace("//", "//me:secret@") + LIST, "start.0", "without a user name"),
        (HTML + 'timezone = "Mars/Base"\n' + LIST, "timezone", "IANA"),
        (HTML + 'currency = "dollars"\n' + LIST, "currency", "pattern"),
        (HTML + LIST.replace('"li"', '"li[["'), "list.rows", "a CSS selector"),
        (HTML + LIST.replace('"li"', '"xpath:li[1"'), "list.rows", "an XPath"),
        (HTML + LIST.replace('"li"', '"xpath:nonsense(li)"'), "list.rows", "an XPath"),
        (HTML + LIST.replace('"li"', '"xpath:re:test(li, 1)"'), "list.rows", "an XPath"),
        (HTML + LIST.replace('"li"', '"$.li"'), "list.rows", "JSONPath is for JSON"),
        (HTML + LIST.replace('"li"', '""'), "list.rows", "between 1 and"),
        (HTML + LIST.replace('link = "a"\n', ""), "list", "`link`"),
        (HTML + LIST + 'page_url = "https://market.example/{page}"\n', "list", "`last_page` or `empty`"),
        (HTML + LIST + 'page_url = "https://market.example/{cursor}"\n', "list", "`next`"),
        (
            HTML + LIST + 'next = "a"\nempty = "p"\npage_url = "https://market.example/{page}"\n',
            "list",
            "not both",
        ),
        (HTML + LIST + 'url = "https://market.example/{key}"\n', "list", "`key`"),
        (HTML + LIST + 'url = "https://market.example/"\nkey = "a"\n', "list.url", "{key}"),
        (HTML + LIST + '[row.price]\nselect = "b"\npattern = "(?<=a)b"\n', "row.price.pattern", "RE2"),
        (HTML + LIST + '[schedule]\nevery = "15"\n', "schedule.every", "s, m, h or d"),
        (HTML + LIST + '[schedule]\nevery = "1s"\n', "schedule", "10s"),
        (HTML + LIST + '[schedule]\nevery = "5m"\njitter = "5m"\n', "schedule", "shorter"),
        (HTML + LIST + '[schedule]\nevery = "5m"\ncron = "* * * * *"\n', "schedule", "not both"),
        (HTML + LIST + '[schedule]\ncron = "* * * * 1-5"\n', "schedule.cron", "weekdays by name"),
        (HTML + LIST + '[schedule]\ncron = "61 * * * *"\n', "schedule.cron", "crontab"),
        (HTML + LIST + "[budget]\npages = 0\n", "budget.pages", "greater than"),
        ('kind = "json"\nstart = "https://a.example/"\n' + LIST, "list.rows", "JSONPath"),
        (
            'kind = "json"\nstart = "https://a.example/"\n[list]\nrows = "$[?match(@.a, \'x\')]"\n',
            "list.rows",
            "'match' is not defined",
        ),
        (
            'kind = "paste"\nstart = "https://a.example/"\nraw = "https://a.example/{key}"\n' + LIST,
            "",
            "`list.key`",
        ),
        (
            'kind = "feed"\nstart = "https://a.example/"\n[entry]\nprice = "titel"\n',
            "entry.price.select",
            "'title'",
        ),
    ],
)
def test_a_mistake_is_named_by_its_key_and_what_was_wanted(toml: str, key: str, wanted: str) -> None:
    """Invalid expressions, times and combinations of keys are found before anything is fetched."""
    assert wanted in errors(toml)[key]


@pytest.mark.parametrize("values", [{}, {"kind": "xml"}, {"kind": 5}, {"kind": ["html"]}])
def test_a_file_without_a_known_kind_is_told_the_kinds(values: dict[str, Any]) -> None:
    """The only mistake is the kind, because nothing else can be checked without it."""
    with pytest.raises(ValidationError, match='"feed", "json"'):
        read_definition(values)


def test_every_mistake_is_told_at_once() -> None:
    """Three mistakes in three tables are reported together."""
    toml = HTML.replace("https", "ftp") + LIST.replace('"li"', '"li[["') + '[schedule]\nevery = "x"\n'

    assert set(errors(toml)) == {"start.0", "list.rows", "schedule.every"}


def test_a_stored_definition_reads_back_equal() -> None:
    """A definition is the same after it was stored and read."""
    toml = (
        HTML
        + LIST
        + '[schedule]\nevery = "15m"\njitter = "2m"\n[row]\ntitle = "b"\n[item]\nbody = "p"\ndrop = "i"\n'
    )
    definition = read_definition(tomllib.loads(toml))

    assert read_definition(definition.model_dump(mode="json")) == definition
    assert definition.schedule.every == timedelta(minutes=15)


def test_defaults_are_gentle() -> None:
    """By default a source is polite and limited."""
    definition = read_definition(tomllib.loads(HTML + LIST))

    assert definition.politeness.robots
    assert definition.politeness.delay_s >= 1
    assert definition.budget.pages <= 1_000
    assert definition.allow_private_addresses == ()
