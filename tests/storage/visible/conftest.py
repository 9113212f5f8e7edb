"""The world of tests.alerts, on both databases."""

from __future__ import annotations

import pytest

from storage.database.base import Database
from tests.alerts.world import World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)
