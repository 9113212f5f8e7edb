"""The register keeps what nobody else knows: which canary is where, since when and until when."""

import json
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from matching.canaries.inventing import CanaryInventor
from matching.canaries.register import CanaryRegister, PlantedSet, read_register, write_register
from matching.errors import CanariesRefused

ISSUED, LATER = date(2026, 3, 1), date(2026, 9, 1)


def planted(system: str, count: int, partner: str | None = None) -> PlantedSet:
    made = CanaryInventor("GB", choice=random.Random(count)).invented(count, today=ISSUED)
    return PlantedSet(system=system, partner=partner, region="GB", issued=ISSUED, canaries=tuple(made))


def test_a_register_is_read_as_it_was_written(tmp_path: Path) -> None:
    """It has mode 0600 from its first byte on, and each set its ordinals."""
    register = CanaryRegister().with_set(planted("crm", 3)).with_set(planted("crm", 2, "acme"))
    write_register(register, tmp_path / "canaries.json")

    assert read_register(tmp_path / "canaries.json") == register
    assert (tmp_path / "canaries.json").stat().st_mode & 0o777 == 0o600
    assert [(one.label, first, last) for one, first, last in register.ordinals()] == [
        ("crm", 1, 3),
        ("crm--acme", 4, 5),
    ]


def test_expired_canaries_keep_their_ordinals() -> None:
    """A copy that was made before they expired may appear years later."""
    register = CanaryRegister().with_set(planted("crm", 3))
    after = register.expired(register.sets_of("crm", None), LATER).with_set(planted("crm", 2))

    assert [first for _, first, _ in after.ordinals()] == [1, 4]
    assert [one.is_planted(LATER) for one in after.sets] == [False, True]
    assert after.sets[0].is_planted(ISSUED)
    assert after.expired(after.sets, ISSUED.replace(year=2027)).sets[0].expires == LATER


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "register_missing"),
        (lambda path: path.chmod(0o640), "register_exposed"),
        (lambda path: path.write_text("{}]"), "register_damaged"),
        (lambda path: path.write_text(json.dumps({"version": 2, "sets": []})), "register_damaged"),
        (lambda path: path.write_text("[" * 100_000), "register_damaged"),
        (lambda path: path.write_text('{"version": 1, "sets": [{"system": "CRM"}]}'), "register_damaged"),
    ],
    ids=["missing", "exposed", "no JSON", "later version", "deep", "bad set"],
)
def test_a_register_that_cannot_be_trusted_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], reason: str
) -> None:
    """The message says what to do."""
    path = tmp_path / "canaries.json"
    write_register(CanaryRegister().with_set(planted("crm", 1)), path)
    damage(path)

    with pytest.raises(CanariesRefused) as refused:
        read_register(path)

    assert refused.value.reason == reason
