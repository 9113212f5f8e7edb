"""What the routes work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, cast

from fastapi import Depends, Request

from configuration.settings import Settings
from configuration.settings_in_force import Origins
from storage.database.base import Database
from storage.evidence.digest import console_key_beside
from storage.evidence.warc import EvidenceStore
from web.access.keys import ConsoleKeys


@dataclass(frozen=True)
class Console:
    """The parts that the assembly makes once, and every request shares."""

    settings: Settings
    database: Database
    evidence: EvidenceStore
    clock: Callable[[], datetime]
    origins: Origins = field(default_factory=dict)  # of the settings

    @cached_property
    def keys(self) -> ConsoleKeys:
        """Keys derived from the installation's. The first call makes console.key beside the evidence."""
        return ConsoleKeys(console_key_beside(self.evidence.folder, self.evidence.shared))


def console_of(request: Request) -> Console:
    return cast(Console, request.app.state.console)


ConsoleParts = Annotated[Console, Depends(console_of)]
