"""The canary register: which customers that do not exist are in which system, since when and until when.

A JSON file of mode 0600 on the company's premises; it never travels. Canaries are only ever added: a canary's
place in the register, from 1 on, is its ordinal in the segment, so that a copy that was made years ago can
still be recognised and dated.
"""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from matching.errors import RegisterDamaged, RegisterExposed, RegisterMissing
from matching.fingerprints.segments.atomic_files import atomic_file

REGISTER_VERSION = 1
_SIZE_LIMIT = 64 << 20  # bytes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: Between the system and the partner in the label of a set; no name has it.
PARTNER_SIGN = "--"

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[_-][a-z0-9]+)*$", max_length=30)]
_Value = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Canary(BaseModel):
    """A customer who does not exist. A field that the country has no free range for is None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Value
    family_name: _Value
    given_name: _Value
    birth_date: date
    address: _Value
    phone: _Value | None = None  # E.164
    resident_id: _Value | None = None
    email: _Value | None = None
    card: _Value | None = None

    def __repr__(self) -> str:
        return "Canary(...)"


class PlantedSet(BaseModel):
    """The canaries that one system has, or one partner got from it, from a day to a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: Label
    partner: Label | None
    region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    issued: date
    expires: date | None = None  # from this day on they are no longer in the system
    canaries: tuple[Canary, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _expires_later(self) -> "PlantedSet":
        if self.expires is not None and self.expires < self.issued:
            raise ValueError("a set cannot expire before it is issued")
        return self

    @property
    def label(self) -> str:
        """The name of the set in the segment and in alerts: `crm`, or `crm--partner`."""
        return self.system if self.partner is None else f"{self.system}{PARTNER_SIGN}{self.partner}"

    def is_planted(self, today: date) -> bool:
        """Whether the canaries should be in the system on that day."""
        return self.issued <= today and (self.expires is None or today < self.expires)


class CanaryRegister(BaseModel):
    """All sets, in the order in which they were issued."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = REGISTER_VERSION
    sets: tuple[PlantedSet, ...] = ()

    @property
    def canaries(self) -> list[Canary]:
        """All canaries; the first one has the ordinal 1."""
        return [canary for planted in self.sets for canary in planted.canaries]

    def ordinals(self) -> Iterator[tuple[PlantedSet, int, int]]:
        """Yield each set with its first and its last ordinal."""
        first = 1
        for planted in self.sets:
            yield planted, first, first + len(planted.canaries) - 1
            first += len(planted.canaries)

    def sets_of(self, system: str | None, partner: str | None) -> list[PlantedSet]:
        """Return the sets of a system, without those of its partners; None: of all systems and partners."""
        return [
            planted
            for planted in self.sets
            if system is None or (planted.system == system and planted.partner == partner)
        ]

    def with_set(self, planted: PlantedSet) -> "CanaryRegister":
        return self.model_copy(update={"sets": (*self.sets, planted)})

    def expired(self, sets: Sequence[PlantedSet], day: date) -> "CanaryRegister":
        """Return the register in which these sets end on a day, unless they ended before."""
        return self.model_copy(
            update={
                "sets": tuple(
                    planted.model_copy(update={"expires": max(day, planted.issued)})
                    if planted in sets and (planted.expires is None or planted.expires > day)
                    else planted
                    for planted in self.sets
                )
            }
        )


def read_register(path: Path) -> CanaryRegister:
    """Read a register; raise RegisterMissing, RegisterExposed or RegisterDamaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise RegisterMissing(
            f"the canary register {path} cannot be opened ({error.strerror}); name it with --register, or "
            "make it with `spillwatch canary new`"
        ) from None
    with os.fdopen(descriptor, "rb") as stream:
        mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        if mode & _OTHERS:
            raise RegisterExposed(
                f"the canary register {path} has mode {mode:04o}, so users other than its owner have access; "
                f"who knows the canaries can leave them out. Run: chmod 600 {path}"
            )
        content = stream.read(_SIZE_LIMIT + 1)
    with suppress(ValueError, RecursionError, ValidationError):
        if len(content) <= _SIZE_LIMIT:
            register = CanaryRegister.model_validate(json.loads(content))
            if register.version == REGISTER_VERSION:
                return register
    raise RegisterDamaged(
        f"{path} is not a canary register of version {REGISTER_VERSION}; restore it from its backup: without "
        "it nobody can say where a canary was planted"
    )


def write_register(register: CanaryRegister, path: Path) -> None:
    """Write the register with mode 0600; it appears whole or not at all."""
    content = json.dumps(register.model_dump(mode="json"), ensure_ascii=False, indent=1)
    with atomic_file(path) as stream:
        stream.write(content.encode() + b"\n")
