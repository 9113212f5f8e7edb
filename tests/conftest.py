"""The databases and the evidence folder of the tests: every test gets fresh ones, on both databases."""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from storage.database import schema
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.peers.postgres import MISSING, PostgresServer, find_binaries
from tests.peers.tor import TorNetwork, tor_network
from tests.peers.web import Site

if TYPE_CHECKING:
    from tests.peers.s3 import S3Server

POSTGRESQL = "postgresql"
TEMPLATE = "template_spillwatch"
#: Few tests that take long. They run first, so that at the end no worker waits for another one.
LONG = ("tests/journeys/", "tests/demo/", "tests/packaging/", "tests/peers/", "tests/crawler/spiders/")


def left_out() -> frozenset[str]:
    """The programs whose tests the person leaves out. In CI nothing is ever left out."""
    if os.environ.get("CI") == "true":
        return frozenset()
    names = os.environ.get("SPILLWATCH_TESTS_WITHOUT", "").split(",")
    return frozenset(name.strip() for name in names if name.strip())


DATABASES = ["sqlite"] if POSTGRESQL in left_out() else ["sqlite", POSTGRESQL]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a missing program, and put the folders whose tests take long first.

    PostgreSQL is needed by whatever asks for its server, other programs by what is marked needs("tor").
    """
    missing = left_out()
    needing = [item for item in items if missing & _needs(item)]
    if needing:
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def _needs(item: pytest.Item) -> set[str]:
    programs = {str(mark.args[0]) for mark in item.iter_markers("needs")}
    return programs | ({POSTGRESQL} if "postgres_server" in getattr(item, "fixturenames", ()) else set())


def pytest_report_header() -> list[str]:
    return [f"left out: all tests that need {name} (SPILLWATCH_TESTS_WITHOUT)" for name in sorted(left_out())]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo how a command that ran in this process has configured logging: tests read what others log."""
    before, level = logging.root.handlers[:], logging.root.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        logging.root.handlers[:] = before
        logging.root.setLevel(level)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server a session, with a migrated database to copy."""
    binaries = find_binaries()
    if binaries is None:
        pytest.fail(MISSING, pytrace=False)
    server = PostgresServer(binaries)
    try:
        server.start()
        template = Database.open(server.create(TEMPLATE))
        schema.upgrade_schema(template)
        template.close()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def hidden() -> Iterator[tuple[Site, TorNetwork]]:
    """A site behind an onion service of a private Tor network, which takes a while to start."""
    with Site() as site, tor_network(int(site.url.rpartition(":")[2])) as network:
        yield site, network


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One server a session; each test makes a bucket of its own."""
    from tests.peers.s3 import S3Server  # a second of imports, which few tests need

    with S3Server() as server:
        yield server


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database without a schema."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.create(name)
    postgres_server.drop(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A migrated, empty database."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.create(name, template=TEMPLATE)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database.open(f"sqlite:///{path}")
    schema.upgrade_schema(database)
    database.close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty database."""
    path = tmp_path / "spillwatch.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The migrated, empty database's URL, once for each kind."""
    name = {"sqlite": "sqlite_url", POSTGRESQL: "postgres_url"}[request.param]
    return str(request.getfixturevalue(name))


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a schema, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Migrated and empty, once for each kind."""
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    opened = Database.open(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def evidence(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence")
