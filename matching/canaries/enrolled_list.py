"""The canaries as a list to enrol: one row for each, in the order of the register, so that ordinals agree."""

import csv
from collections.abc import Collection, Iterable
from typing import TextIO

from matching.canaries.register import Canary, CanaryRegister, PlantedSet
from matching.fingerprints.segments import CanarySet

NAME, BORN, SINCE = "name", "birth_date", "planted_since"
_FIELDS = ("phone", "resident_id", "email", "card")


def write_canary_list(register: CanaryRegister, sets: Collection[PlantedSet], stream: TextIO) -> list[str]:
    """Write the list of these sets as CSV; return its fields, without those that no canary has.

    The canaries of other sets are empty rows, so that each canary keeps its number.
    """
    canaries = [canary for planted in sets for canary in planted.canaries]
    fields = [field for field in _FIELDS if any(getattr(canary, field) for canary in canaries)]
    writer = csv.writer(stream)
    writer.writerow([NAME, BORN, *fields, SINCE])
    for planted in register.sets:
        for canary in planted.canaries:
            row = _row(planted, canary, fields)
            writer.writerow(row if planted in sets else [""] * len(row))
    return fields


def _row(planted: PlantedSet, canary: Canary, fields: Iterable[str]) -> list[str]:
    values = [getattr(canary, field) or "" for field in fields]
    return [canary.name, canary.birth_date.isoformat(), *values, planted.issued.isoformat()]


def canary_sets(register: CanaryRegister, sets: Collection[PlantedSet]) -> tuple[CanarySet, ...]:
    """Return what the segment says of these sets: names, days, ordinals, and nothing of the canaries."""
    return tuple(
        CanarySet(label=planted.label, issued=planted.issued, expires=planted.expires, first=first, last=last)
        for planted, first, last in register.ordinals()
        if planted in sets
    )
