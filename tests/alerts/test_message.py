"""The webhook's body and its published schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

import alerts
from alerts.event import event_of, json_schema
from alerts.message import Message, MessageContent
from storage.alerts import AlertKind
from tests.alerts.samples import content, message, update_of

SCHEMA = Path(alerts.__file__).with_name("schema") / "alert.v1.json"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    """The published schema, which is checked itself."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def body(sample: Message) -> dict[str, object]:
    """The body as a receiver parses it."""
    parsed = json.loads(event_of(sample).model_dump_json())
    assert isinstance(parsed, dict)
    return parsed


def test_the_published_schema_is_the_code() -> None:
    """schema/alert.v1.json is what `json_schema()` returns; write it again after a change that only adds
    keys.
    """
    assert json_schema() == SCHEMA.read_text(encoding="utf-8")


@pytest.mark.parametrize("sample", [message(), update_of(3)])
def test_a_body_is_valid(validator: Draft202012Validator, sample: Message) -> None:
    """A first message and an update satisfy the schema."""
    validator.validate(body(sample))


@pytest.mark.parametrize("kind", [AlertKind.SOURCE, AlertKind.CHANNEL, AlertKind.TEST])
def test_a_body_without_a_listing_is_valid(validator: Draft202012Validator, kind: AlertKind) -> None:
    """Alerts about Spillwatch itself have null in place of a listing, and are valid."""
    bare = content(company=None, source=None, listing=None, matches=None, coverage=None)
    sample = message(**{name: getattr(bare, name) for name in MessageContent.model_fields}, kind=kind)

    validator.validate(body(sample))


def test_the_schema_refuses_an_incomplete_body(validator: Draft202012Validator) -> None:
    """A body without its score is refused."""
    parsed = body(message())
    data = parsed["data"]
    assert isinstance(data, dict)
    del data["score"]

    with pytest.raises(ValidationError, match="score"):
        validator.validate(parsed)


def test_the_envelope_is_that_of_standard_webhooks() -> None:
    """The body has type, timestamp and data of Standard Webhooks, and the schema's version."""
    parsed = body(update_of(2))

    assert list(parsed) == ["version", "type", "timestamp", "data"]
    assert (parsed["version"], parsed["type"], parsed["timestamp"]) == (
        1,
        "alert.updated",
        "2026-03-04T05:07:00Z",
    )


def test_the_schema_promises_to_grow() -> None:
    """No object forbids additional keys, so a new key does not break a receiver that validates."""
    assert 'additionalProperties": false' not in SCHEMA.read_text(encoding="utf-8")
