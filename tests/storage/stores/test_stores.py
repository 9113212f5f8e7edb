"""storage.stores: a folder and a bucket do the same."""

from __future__ import annotations

import ssl
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from storage.errors import (
    StoreFileExists,
    StoreFileMissing,
    StoreRefused,
    StoreUnreachable,
)
from storage.stores.byte_store import ByteStore, StoredFile
from storage.stores.folder_store import FolderStore
from storage.stores.object_store import ObjectStore
from tests.peers.proxy import ProxyPeer
from tests.peers.s3 import FaultProxy, S3Server, s3_settings

NAME = "2026-11-30/market/17-ab12cd34.warc.gz"
BYTES = b"\x1f\x8b\x08" + bytes(range(256)) * 40


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server, delay_s=2.0) as proxy:
        yield proxy


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ByteStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    server: S3Server = request.getfixturevalue("s3_server")
    return ObjectStore(server.bucket(), "some/prefix", s3_settings(server.url))


@pytest.fixture
def behind(s3_server: S3Server, proxy: FaultProxy) -> ObjectStore:
    """A bucket behind the proxy, with little patience."""
    return ObjectStore(s3_server.bucket(), "", s3_settings(proxy.url, timeout_s=1.0))


def test_what_was_stored_is_read(store: ByteStore, tmp_path: Path) -> None:
    """Whole, in part, over the end, and from a local file."""
    local = tmp_path / "local"
    local.write_bytes(BYTES)

    store.create(NAME, local)
    store.create("digest.key", b"0" * 32)

    assert (len(BYTES), None) == (store.size(NAME), store.size("2026-11-30/market/18.warc.gz"))
    assert (BYTES, BYTES[7:], BYTES[7:90], b"", b"") == (
        store.read(NAME),
        store.read(NAME, 7),
        store.read(NAME, 7, 83),
        store.read(NAME, len(BYTES) + 5, 4),
        store.read(NAME, 3, 0),
    )
    assert store.read(NAME, len(BYTES) - 3, 100) == BYTES[-3:]
    listed = [StoredFile(NAME, len(BYTES), datetime.now(UTC))]
    assert (listed, [], [*listed, StoredFile("digest.key", 32, datetime.now(UTC))]) == (
        list(store.list("2026-11-30/")),
        list(store.list("2026-11-3")),
        sorted(store.list(), key=lambda file: file.name),
    )


def test_a_file_says_when_it_was_changed(store: ByteStore) -> None:
    """So that a file that somebody is about to use is told from one that nobody needs."""
    store.create(NAME, BYTES)

    [found] = store.list()

    assert abs(datetime.now(UTC) - found.changed_at) < timedelta(minutes=1)


def test_a_file_is_created_once(store: ByteStore) -> None:
    """Again with the same bytes is a success, with others an error that changes nothing."""
    store.create(NAME, BYTES)
    store.create(NAME, BYTES)

    for other in (BYTES[:-1], BYTES[:-1] + b"?"):
        with pytest.raises(StoreFileExists):
            store.create(NAME, other)
    assert store.read(NAME) == BYTES


def test_a_file_is_replaced_overwritten_and_deleted(store: ByteStore) -> None:
    """Bytes in the middle of a file are replaced by as many; a file that is not there can be deleted."""
    store.create(NAME, b"0123456789")

    store.overwrite(NAME, 3, b"abc")
    overwritten = store.read(NAME)
    store.replace(NAME, b"other")
    store.replace("new", b"made")
    replaced = store.read(NAME)
    store.delete(NAME)
    store.delete(NAME)

    assert (
        overwritten,
        replaced,
        store.read("new"),
        store.size(NAME),
    ) == (b"012abc6789", b"other", b"made", None)
    with pytest.raises(ValueError, match="ends before"):
        store.overwrite("new", 2, b"abc")
    with pytest.raises(StoreFileMissing):
        store.overwrite(NAME, 0, b"abc")
    with pytest.raises(StoreFileMissing):
        store.read(NAME)


def test_a_name_cannot_leave_the_store(store: ByteStore, tmp_path: Path) -> None:
    """A row of the database may say anything."""
    (tmp_path / "secret").write_bytes(b"not evidence")

    for name in ("../secret", "2026/../../secret", str(tmp_path / "secret")):
        with pytest.raises(StoreFileMissing):
            store.read(name)


def test_a_folder_is_private(tmp_path: Path) -> None:
    """Whoever may read other files of this machine may not read these."""
    store = FolderStore(tmp_path / "store")

    store.create(NAME, BYTES)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (store.folder, store.folder / NAME)]
    assert modes == [0o700, 0o600]
    assert [path.name for path in (store.folder / NAME).parent.iterdir()] == [Path(NAME).name]


@pytest.mark.parametrize("fault", ["500", "503", "cut", "lost", "half"])
def test_a_passing_fault_changes_nothing(behind: ObjectStore, proxy: FaultProxy, fault: str) -> None:
    """The request is sent again; that the first may have succeeded is no error."""
    proxy.fault, proxy.times = fault, 1
    behind.create(NAME, BYTES)
    proxy.fault, proxy.times = fault, 1
    found = behind.read(NAME, 10, 500)
    proxy.fault, proxy.times = fault, 1
    size = behind.size(NAME)

    assert (BYTES[10:510], len(BYTES)) == (found, size)


@pytest.mark.parametrize("fault", ["500", "503", "cut", "lost", "slow"])
def test_a_lasting_fault_ends_within_a_bound(behind: ObjectStore, proxy: FaultProxy, fault: str) -> None:
    """The caller hears that the store cannot be reached, and the file is not half there."""
    proxy.fault = fault
    begun = time.monotonic()

    with pytest.raises(StoreUnreachable) as caught:
        behind.create(NAME, BYTES)

    assert time.monotonic() - begun < 8.0
    assert "key" not in str(caught.value)
    proxy.fault = ""
    assert behind.size(NAME) in (None, len(BYTES))
    behind.create(NAME, BYTES)
    assert behind.read(NAME) == BYTES


def test_a_server_that_is_not_there(s3_server: S3Server) -> None:
    """A store that is down is not one without files."""
    store = ObjectStore("bucket", "", s3_settings("http://127.0.0.1:9", timeout_s=1.0))

    with pytest.raises(StoreUnreachable):
        store.size(NAME)
    with pytest.raises(StoreUnreachable):
        list(store.list())


def test_a_wrong_key_and_a_missing_bucket(
    s3_server: S3Server, behind: ObjectStore, proxy: FaultProxy
) -> None:
    """Neither looks like a file that does not exist: that would be evidence that is lost."""
    proxy.fault = "403"
    missing = ObjectStore("no-such-bucket", "", s3_settings(s3_server.url))

    for store in (behind, missing):
        for call in (
            lambda store=store: store.size(NAME),
            lambda store=store: store.read(NAME),
            lambda store=store: store.create(NAME, BYTES),
            lambda store=store: list(store.list()),
        ):
            with pytest.raises(StoreRefused):
                call()


def test_a_private_authority_is_trusted_if_its_certificate_is_given(s3_server: S3Server) -> None:
    """Without it the server could be anybody: nothing is sent to it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    certificate = authority.cert_pem.bytes().decode()
    with FaultProxy(s3_server, tls=context) as proxy:
        bucket = s3_server.bucket()
        trusting = ObjectStore(bucket, "", s3_settings(proxy.url, root_certificate=certificate))
        other = ObjectStore(bucket, "", s3_settings(proxy.url, timeout_s=1.0))

        trusting.create(NAME, BYTES)
        asked = len(proxy.requests)
        with pytest.raises(StoreUnreachable):
            other.read(NAME)

        assert trusting.read(NAME) == BYTES
        assert len(proxy.requests) == asked + 1


def test_a_proxy_of_the_settings_is_used(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the bucket is behind one; the environment's proxy, which may be another, is not asked then."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ProxyPeer({"localhost": s3_server.port}) as proxy:
        settings = s3_settings("http://localhost", proxy=proxy.url)
        store = ObjectStore(s3_server.bucket(), "", settings)

        store.create(NAME, BYTES)

        assert store.read(NAME) == BYTES
        assert {request.method for request in proxy.requests} == {"PUT", "GET"}


def test_the_environment_leads_nowhere_else(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library reads variables of its own; the settings win."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_BUCKET", "other")
    store = ObjectStore(s3_server.bucket(), "", s3_settings(s3_server.url))

    store.create(NAME, BYTES)

    assert store.read(NAME) == BYTES
