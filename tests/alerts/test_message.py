"""The webhook's body and its published schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

import alerts
from alerts.message import Message, MessageContent, event_of, json_schema
from storage.alerts import AlertKind
from tests.alerts.samples import content, message, update_of

SCHEMA = Path(alerts.__file__).with_name("schema") / "alert.v1.json"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    """The published schema, itself checked."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def body(told: Message) -> dict[str, object]:
    """The body as a receiver parses it."""
    parsed = json.loads(event_of(told).model_dump_json())
    assert isinstance(parsed, dict)
    return parsed


def test_the_published_schema_is_the_code() -> None:
    """schema/alert.v1.json is what `json_schema()` returns; write it anew after a change that only adds."""
    assert json_schema() == SCHEMA.read_text(encoding="utf-8")


@pytest.mark.parametrize("told", [message(), update_of(3)])
def test_a_body_is_valid(validator: Draft202012Validator, told: Message) -> None:
    """A first message and an update satisfy the schema."""
    validator.validate(body(told))


@pytest.mark.parametrize("kind", [AlertKind.SOURCE, AlertKind.CHANNEL, AlertKind.TEST])
def test_a_body_without_a_listing_is_valid(validator: Draft202012Validator, kind: AlertKind) -> None:
    """Alerts about Spillwatch itself have null where findings have a listing."""
    bare = content(company=None, source=None, listing=None, matches=None, coverage=None)
    told = message(**{name: getattr(bare, name) for name in MessageContent.model_fields}, kind=kind)

    validator.validate(body(told))


def test_the_schema_refuses_what_is_none(validator: Draft202012Validator) -> None:
    """A body without its score is refused: the schema does bind."""
    parsed = body(message())
    data = parsed["data"]
    assert isinstance(data, dict)
    del data["score"]

    with pytest.raises(ValidationError, match="score"):
        validator.validate(parsed)


def test_the_envelope_is_that_of_standard_webhooks() -> None:
    """type, timestamp and data as the convention has them, and our version beside them."""
    parsed = body(update_of(2))

    assert list(parsed) == ["version", "type", "timestamp", "data"]
    assert (parsed["version"], parsed["type"], parsed["timestamp"]) == (
        1,
        "alert.updated",
        "2026-03-04T05:07:00Z",
    )


def test_the_schema_promises_to_grow() -> None:
    """No object forbids further keys, so that adding one breaks no receiver that validates."""
    assert 'additionalProperties": false' not in SCHEMA.read_text(encoding="utf-8")
