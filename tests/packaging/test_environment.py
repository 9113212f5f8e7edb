"""The image, the Compose file and the unit set only variables that are settings."""

from __future__ import annotations

import re

import pytest

from configuration.settings import Settings
from tests.docs.models import keys
from tests.packaging.here import ROOT

PREFIX = "SPILLWATCH_"
SETTINGS = {PREFIX + "__".join((*section, key)).upper() for section, key in keys(Settings)}
VARIABLE = re.compile(rf"\b{PREFIX}\w+")


@pytest.mark.parametrize("name", ["Dockerfile", "docker-compose.yml", "deploy/spillwatch.service"])
def test_every_variable_is_a_setting(name: str) -> None:
    """A misspelt variable would be refused at the first start, on a user's machine."""
    set_here = {found.removesuffix("_FILE") for found in VARIABLE.findall((ROOT / name).read_text())}

    assert set_here
    assert set_here - SETTINGS == set()
