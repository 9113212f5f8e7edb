"""Nothing here names a real leak site, a real organisation's address or the machine it was written on."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import ROOT

# Specifications, registries and documentation that code and pages refer to; nothing here is ever crawled.
REFERRED_TO = {
    "json-schema.org",
    "jsonfeed.org",
    "keepachangelog.com",
    "purl.org",
    "pypi.org",
    "semver.org",
    "www.rfc-editor.org",
    "www.standardwebhooks.com",
    "arrow.apache.org",
    "www.w3.org",
}
# Makers of forum programs, whose footers name them: that is how a program is recognised.
MAKERS = {"mybb.com", "www.discuz.net", "www.phpbb.com", "www.simplemachines.org", "xenforo.com"}
# Public interfaces, each of which is a family of its own; no test asks them, for the tests serve their own.
INTERFACES = {
    "api.github.com",
    "api.ransomware.live",
    "api.w.org",
    "gist.github.com",
    "gist.githubusercontent.com",
    "pastebin.com",
    "scrape.pastebin.com",
    "t.me",
    "www.ransomlook.io",
    "www.ransomware.live",
}
# RFC 2606 and RFC 6761: names that belong to nobody.
RESERVED = re.compile(r"(^|\.)(example|test|invalid|localhost|local|onion|example\.(com|net|org))$")
MACHINE = re.compile(
    r"/(?:home|Users)/[a-z]\w+/|/root/\.|/work/(?:main|shared)|/tmp/sw\b|/opt/pypi|/opt/wheels"
)
SKIPPED_SUFFIXES = {".lock", ".png", ".svg", ".gz", ".warc"}
SKIPPED = {"LICENSE", "tests/docs/test_hygiene.py"}


def _files() -> Iterator[Path]:
    """What a clone holds: everything but environments, caches and what the program writes."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part not in (".ci", ".dockerignore") for part in parts)
        left_out = parts[0] in ("var", "build", "dist", "config") or "__pycache__" in parts
        skipped = path.suffix in SKIPPED_SUFFIXES or path.relative_to(ROOT).as_posix() in SKIPPED
        if path.is_file() and not (hidden or left_out or skipped):
            yield path


def _texts() -> Iterator[tuple[str, str]]:
    for path in _files():
        yield path.relative_to(ROOT).as_posix(), path.read_bytes().decode("utf-8", errors="replace")


def _is_nobodys(host: str) -> bool:
    """A reserved name, a name with a placeholder in it, or an address that no stranger has."""
    host = host.strip("[]").rstrip(".").lower()
    if (
        RESERVED.search(host)
        or not re.fullmatch(r"[a-z0-9.:-]+", host)
        or "." not in host + host.count(":") * "."
    ):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def test_every_url_is_of_a_reserved_name_or_a_specification() -> None:
    """Fixtures and examples end in .example or .test."""
    found = {
        f"{name}: {host}"
        for name, text in _texts()
        for host in re.findall(
            r"https?://(?:[^\s/@\"'`<>]+@)?(\[[0-9a-fA-F:.]+\]|[^\s/:\"'`<>()\\,;?#|{}]+)", text
        )
        if host not in REFERRED_TO | MAKERS | INTERFACES and not _is_nobodys(host)
    }

    assert not found, ", ".join(sorted(found))


def test_every_mail_address_is_of_a_reserved_name() -> None:
    """No person gets mail because of a fixture."""
    found = {
        f"{name}: {address}"
        for name, text in _texts()
        for address, domain in re.findall(r"\b([\w.+-]+@([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}))\b", text)
        if not _is_nobodys(domain) and not domain.endswith((".service", ".py"))
    }

    assert not found, ", ".join(sorted(found))


def _is_real_onion(label: str) -> bool:
    """Whether 56 characters are a v3 onion address: it ends in a checksum over its key (rend-spec-v3)."""
    raw = base64.b32decode(label.upper())
    key, checksum, version = raw[:32], raw[32:34], raw[34:]
    return checksum == hashlib.sha3_256(b".onion checksum" + key + version).digest()[:2]


def test_no_onion_address_could_be_somebodys() -> None:
    """An onion address here is a name that Tor would refuse: its checksum is wrong, or its length is."""
    found = {
        f"{name}: {label}"
        for name, text in _texts()
        for label in re.findall(r"\b([a-z2-7]{56}|[a-z2-7]{16})\.onion\b", text)
        if len(label) == 16 or _is_real_onion(label)
    }

    assert not found, ", ".join(sorted(found))


def test_nothing_names_the_machine_it_was_written_on() -> None:
    """Paths of a home folder or a workplace mean nothing to a reader."""
    found = {f"{name}: {path}" for name, text in _texts() for path in MACHINE.findall(text)}

    assert not found, ", ".join(sorted(found))


@pytest.mark.parametrize(
    ("url", "nobodys"),
    [
        ("https://market.example/x", True),
        ("http://127.0.0.1:8000/", True),
        ("https://[fd00::1]/", True),
        ("https://192.0.2.7/", True),
        ("https://{host}/", True),
        ("https://news.leaks.ru/", False),
        ("https://8.8.8.8/", False),
    ],
)
def test_what_counts_as_nobodys(url: str, nobodys: bool) -> None:
    """The rule that the tests above go by."""
    assert _is_nobodys(urlsplit(url).hostname or "") is nobodys
