"""storage.stores.location and storage.stores.settings: which addresses are accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from storage.errors import StoreAddressInvalid
from storage.stores.folder_store import FolderStore
from storage.stores.location import StoreAddress
from storage.stores.object_store import ObjectStore
from storage.stores.settings import S3Settings


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("file:/var/lib/spillwatch/evidence", "/var/lib/spillwatch/evidence"),
        ("file:///var/lib/spillwatch/evidence", "/var/lib/spillwatch/evidence"),
        ("file:var/evidence", "/etc/spillwatch/var/evidence"),
        ("s3://leaks", "s3://leaks"),
        ("s3://leaks/", "s3://leaks"),
        ("s3://leaks.example-1/watch/evidence/", "s3://leaks.example-1/watch/evidence"),
    ],
)
def test_an_address_names_a_store(text: str, place: str) -> None:
    """A relative folder begins where the configuration file is."""
    store = StoreAddress.parse(text).anchored(Path("/etc/spillwatch")).opened(S3Settings())

    assert place == store.place
    assert isinstance(store, ObjectStore if text.startswith("s3") else FolderStore)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "var/evidence",
        "/var/lib/spillwatch/evidence",
        "file:",
        "file://server/share",
        "s3:",
        "s3://",
        "s3://ab",
        "s3://Leaks",
        "s3://key:secret@leaks",
        "s3://leaks/../other",
        "s3://leaks/a b",
        "https://leaks.s3.example/secret",
        "gs://leaks",
    ],
)
def test_an_address_is_refused_without_being_repeated(text: str) -> None:
    """It may contain a password."""
    with pytest.raises(StoreAddressInvalid) as caught:
        StoreAddress.parse(text)

    assert "expected file:" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"endpoint": "http://s3.example"}, "allow_http"),
        ({"endpoint": "s3.example"}, "https://s3.example"),
        ({"endpoint": "https://name:secret@s3.example"}, "without a login"),
        ({"access_key_id": "key"}, "secret_access_key"),
        ({"secret_access_key": "secret"}, "access_key_id"),
        ({"proxy": "socks5://name:secret@127.0.0.1:1080"}, "SOCKS proxies are not supported"),
    ],
)
def test_settings_that_do_not_fit(values: dict[str, str], wanted: str) -> None:
    """A secret would go over the network in plain text, or to nobody."""
    with pytest.raises(ValidationError) as caught:
        S3Settings.model_validate(values)

    assert wanted in str(caught.value)
    assert "name:secret" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"endpoint": "https://s3.example:9000"},
        {"endpoint": "http://127.0.0.1:9000"},
        {"endpoint": "http://[::1]:9000"},
        {"endpoint": "http://localhost"},
        {"endpoint": "http://minio", "allow_http": True},
    ],
)
def test_settings_that_fit(values: dict[str, object]) -> None:
    """Plain HTTP within this machine, or where somebody allowed it."""
    settings = S3Settings.model_validate(values)

    assert str(values.get("endpoint", "")).startswith("http:") is settings.plain_http_allowed
