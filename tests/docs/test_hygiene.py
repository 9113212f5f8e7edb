"""Nothing here names a real leak site, a real organisation's address or the machine it was written on."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import re
from collections.abc import Iterator
from functools import cache
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
    "schemas.openxmlformats.org",  # names of elements of ECMA-376
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
# Chat services to which an operator may send alerts; the tests lead their names to a local server.
CHATS = {"adaptivecards.io", "discord.com", "hooks.slack.com"}
# RFC 2606 and RFC 6761: names that belong to nobody.
RESERVED = re.compile(r"(^|\.)(example|test|invalid|localhost|local|onion|example\.(com|net|org))$")
# Folders at the root of a file system that hold the files of one machine or one person.
OWN_ROOTS = "builds|data|home|media|mnt|opt|private|root|scratch|srv|Users|Volumes|work|workdir|workspace"
ABSOLUTE = re.compile(rf"(?<![\w.:/}}\])>*~-])/(?:{OWN_ROOTS})/[\w.-]+(?:/[\w.-]+)*")
# What an image of Spillwatch and a package manager have in such a folder, and the demo's invented host.
KNOWN_PATHS = re.compile(r"/opt/(spillwatch|homebrew)\b|/srv/practice\b")
SHOWN = {".ci", ".dockerignore", ".editorconfig", ".github", ".gitignore", ".pre-commit-config.yaml"}
WRITTEN = {"build", "config", "dist", "var"}
SKIPPED_SUFFIXES = {".shared", ".tables", ".lock", ".png", ".svg", ".gz", ".warc"}
SKIPPED = {"LICENSE", "tests/docs/test_hygiene.py"}


def _files() -> Iterator[Path]:
    """What a clone holds: everything but environments, caches and what the program writes."""
    for folder, folders, names in os.walk(ROOT):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if _is_kept(here.relative_to(ROOT) / name))
        for name in sorted(names):
            path = here / name
            hidden = name.startswith(".") and name not in SHOWN
            skipped = path.suffix in SKIPPED_SUFFIXES or path.relative_to(ROOT).as_posix() in SKIPPED
            if not (hidden or skipped):
                yield path


def _is_kept(folder: Path) -> bool:
    name = folder.name
    if name.startswith("."):
        return name in SHOWN
    return name != "__pycache__" and folder.as_posix() not in WRITTEN


@cache
def _texts() -> tuple[tuple[str, str], ...]:
    return tuple(
        (path.relative_to(ROOT).as_posix(), path.read_bytes().decode("utf-8", errors="replace"))
        for path in _files()
    )


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
        if host not in REFERRED_TO | MAKERS | INTERFACES | CHATS and not _is_nobodys(host)
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
    """No text has a path of this clone, of a home folder or of a workplace."""
    here = {str(ROOT), str(Path.home())} - {"/", "/root"}
    found = {
        f"{name}: {path}"
        for name, text in _texts()
        for path in (*ABSOLUTE.findall(text), *(place for place in here if f"{place}/" in text))
        if not KNOWN_PATHS.match(path)
    }

    assert not found, ", ".join(sorted(found))


@pytest.mark.parametrize(
    ("text", "is_path"),
    [
        ("see /home/anna/notes.txt", True),
        ("cd /workspace/clone && make", True),
        ('open("/Users/anna/x")', True),
        ("https://forum.example/home/index", False),
        ("/etc/spillwatch/spillwatch.toml", False),
        ("a/home/b is a relative path", False),
    ],
)
def test_which_paths_belong_to_one_machine(text: str, is_path: bool) -> None:
    """The rule that the test above goes by."""
    assert bool(ABSOLUTE.search(text)) is is_path


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
