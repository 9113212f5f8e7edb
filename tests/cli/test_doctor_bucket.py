"""cli.doctor: what it says about a bucket that holds the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command_context import App
from cli.doctor import CheckLevel, run_checks
from storage.database import schema
from storage.evidence.digest import KEY_FILE, digest_beside
from storage.evidence.sealing import EvidenceSealer, PartWriter
from storage.evidence.warc import EvidenceStore, ListingText
from storage.listing_tables import MatchState
from storage.listings import upsert_many
from storage.work import SilentDispatcher
from tests.peers.s3 import FaultProxy, S3Server
from tests.storage import given


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server) as proxy:
        yield proxy


@pytest.fixture
def app(s3_server: S3Server, proxy: FaultProxy, tmp_path: Path) -> Iterator[App]:
    """An installation on this machine, with its evidence in a bucket behind the proxy."""
    file = tmp_path / "spillwatch.toml"
    (tmp_path / "secret").write_text("secret")
    file.write_text(
        f"""
[storage]
evidence = "s3://{s3_server.bucket()}/evidence"
[storage.s3]
endpoint = "{proxy.url}"
access_key_id_file = "secret"
secret_access_key_file = "secret"
timeout_s = 1.0
"""
    )
    app = App(file)
    schema.upgrade_schema(app.database_unchecked)
    yield app
    app.close()


def said(app: App) -> list[tuple[CheckLevel, str]]:
    return [(each.level, each.found) for each in run_checks(app, ["evidence"])]


def levels(app: App) -> set[CheckLevel]:
    return {level for level, _ in said(app)}


def leave_a_version(app: App, evidence: EvidenceStore, key: str) -> None:
    """Write a version as a run does that was killed before it could seal."""
    assert evidence.shared is not None
    writer = PartWriter(
        evidence,
        evidence.shared,
        source="market",
        run_id=3,
        epoch=1,
        database=app.database,
        dispatcher=SilentDispatcher(),
        seal_after_s=60,
        now=given.NOW,
    )
    with writer:
        place = writer.text(ListingText({"title": "offer"}), refers_to=None, url="")
        writer.sync()
        with app.database.transaction() as session:
            record = given.record(key, place=place)
            upsert_many(session, given.source(session), [record], given.NOW, match_state=MatchState.UNSEALED)


def test_a_bucket_that_works(app: App, proxy: FaultProxy) -> None:
    """It is written, read in part, and must refuse to overwrite; nothing of that stays."""
    digest_beside(app.evidence.folder, app.evidence.shared)

    found = said(app)

    assert {level for level, _ in found} == {CheckLevel.OK}
    assert "overwrites nothing unasked" in found[0][1]
    assert app.evidence.shared is not None
    assert [file.name for file in app.evidence.shared.list()] == [KEY_FILE]


@pytest.mark.parametrize(
    ("fault", "level", "what"),
    [
        ("503", CheckLevel.FAILED, "status 503"),
        ("403", CheckLevel.FAILED, "refuses these credentials"),
        ("overwrites", CheckLevel.WARNING, "If-None-Match"),
    ],
)
def test_a_bucket_that_does_not(
    app: App, proxy: FaultProxy, fault: str, level: CheckLevel, what: str
) -> None:
    """Each trouble has its own sentence, and none quotes the key."""
    digest_beside(app.evidence.folder, app.evidence.shared)
    proxy.fault = fault

    found = [sentence for found_level, sentence in said(app) if found_level is level]

    assert any(what in sentence for sentence in found)
    assert "secret" not in str(found)


def test_what_waits_is_counted(app: App, tmp_path: Path) -> None:
    """Here, where the daemon stores it; on another machine, whose daemon has to be started."""
    digest_beside(app.evidence.folder, app.evidence.shared)
    leave_a_version(app, app.evidence, "1")
    here = [sentence for level, sentence in said(app) if level is CheckLevel.WARNING]
    other = EvidenceStore(tmp_path / "other", shared=app.evidence.shared)
    EvidenceSealer(app.evidence, app.database, SilentDispatcher()).seal_left()
    assert levels(app) == {CheckLevel.OK}
    leave_a_version(app, other, "2")

    elsewhere = [sentence for level, sentence in said(app) if level is CheckLevel.WARNING]

    assert "1 evidence files are on this machine only" in here[0]
    assert "1 evidence files are on another machine only, such as 2026-03-14/market/3-" in elsewhere[0]
