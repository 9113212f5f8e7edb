"""The body of a webhook and its published JSON Schema, schema/alert.v1.json."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from pydantic import Field

from alerts.message import Message, MessageModel


class Event(MessageModel):
    """The body of a webhook."""

    version: Literal[1] = Field(
        description="Version of this schema. Within one version, keys are only ever added."
    )
    type: str = Field(description='"alert." and the change: alert.opened, alert.escalated, ...')
    timestamp: datetime = Field(description="When the revision was written.")
    data: Message = Field(description="The alert.")


def event_of(message: Message) -> Event:
    """Return the event that a webhook gets for a message."""
    return Event(version=1, type=f"alert.{message.change.value}", timestamp=message.at, data=message)


def json_schema() -> str:
    """Return the schema of the event as text. schema/alert.v1.json is a copy of it, which a test compares."""
    schema = Event.model_json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:spillwatch:alert:1"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"
