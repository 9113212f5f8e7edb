"""What the routes work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request

from configuration.settings import Settings
from configuration.settings_in_force import Origins
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore


@dataclass(frozen=True)
class Console:
    """The parts that the assembly makes once, and every request shares."""

    settings: Settings
    database: Database
    evidence: EvidenceStore
    clock: Callable[[], datetime]
    origins: Origins = field(default_factory=dict)  # of the settings


def console_of(request: Request) -> Console:
    return cast(Console, request.app.state.console)


ConsoleParts = Annotated[Console, Depends(console_of)]
