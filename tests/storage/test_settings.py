"""storage.settings: the [storage] section."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from storage.settings import StorageSettings


def test_an_empty_section_is_enough() -> None:
    """By default, SQLite and the evidence folder are in var/."""
    settings = StorageSettings()

    assert settings.database_url.get_secret_value() == "sqlite:///var/spillwatch.db"
    assert settings.evidence_dir == Path("var/evidence")


def test_the_url_is_a_secret() -> None:
    """The URL may contain a password, so it is never printed."""
    settings = StorageSettings.model_validate({"database_url": "postgresql://u:synthetic-pass@db.example/x"})

    assert "synthetic-pass" not in repr(settings) + str(settings.model_dump())


@pytest.mark.parametrize("mistake", [{"databse_url": "x"}, {"busy_timeout_s": 0}, {"busy_timeout_s": 601}])
def test_mistakes_are_refused(mistake: dict[str, object]) -> None:
    """A misspelt key and a wait out of range are refused."""
    with pytest.raises(ValidationError):
        StorageSettings.model_validate(mistake)


def test_every_setting_is_described() -> None:
    """Every setting has a description."""
    assert all(field.description for field in StorageSettings.model_fields.values())
