"""Keys come from a file, a credential or a command, two can be in use, and the database never names one."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from configuration.configuration import load_configuration
from daemon.work_assembly import declared_companies
from matching.company_definition import FingerprintsDefinition
from matching.errors import KeyCommandFailed, KeyDamaged, KeyMissing, KeyRefused, SegmentKeyWrong
from matching.fingerprints.key_file import read_key, write_key
from matching.fingerprints.key_source import KeySource
from matching.fingerprints.keyring import Keyring, read_source
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import SegmentHeader, first_header
from matching.identifiers import Field
from matching.settings import MatchingSettings

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW = RootKey("old", bytes(range(32))), RootKey("new", bytes(range(32, 64)))


def header(key: RootKey) -> SegmentHeader:
    return first_header(
        company="quillmere", default_region="CN", key=key, customers=1, counts={Field.EMAIL: 1}, now=NOW
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with old.key and new.key."""
    for key in (OLD, NEW):
        write_key(key, tmp_path / f"{key.id}.key", NOW)
    return tmp_path


def shell(script: str) -> KeySource:
    return KeySource(command=("/bin/sh", "-c", script))


def test_a_key_comes_from_a_file_a_credential_or_a_command(files: Path) -> None:
    """All three sources give the same key."""
    sources = [
        KeySource(file=files / "old.key"),
        KeySource(credential="old.key"),
        KeySource(command=("/bin/cat", str(files / "old.key"))),
    ]

    assert [read_source(source, files) for source in sources] == [OLD] * 3


def test_a_pipe_is_as_good_as_a_file(files: Path) -> None:
    """A key can be read from a pipe, as in `--key <(vault read ...)`, which leaves no file behind."""
    content = (files / "old.key").read_bytes()
    ours, theirs = os.pipe()
    os.write(theirs, content)
    os.close(theirs)

    assert read_key(Path(f"/dev/fd/{ours}")) == OLD
    os.close(ours)


@pytest.mark.parametrize(
    ("script", "error", "key_words"),
    [
        ("exit 3", KeyCommandFailed, "/bin/sh .*code 3"),
        ("echo id: a", KeyDamaged, "the key command /bin/sh .*`id:`"),
        ("while :; do echo id: a; done", KeyDamaged, "the key command /bin/sh .*`key:`"),
    ],
)
def test_a_command_that_gives_no_key_is_refused(script: str, error: type[Exception], key_words: str) -> None:
    """Also if it never stops writing; the message names the program and not what it wrote."""
    with pytest.raises(error, match=key_words) as refused:
        read_source(shell(script), None)
    assert "id: a" not in str(refused.value)


def test_a_command_that_is_not_there_is_refused() -> None:
    """The message names the program."""
    with pytest.raises(KeyCommandFailed, match="/nowhere/vault"):
        read_source(KeySource(command=("/nowhere/vault", "read")), None)


def test_a_command_ends_with_all_that_it_started(tmp_path: Path) -> None:
    """The children of a key command are killed when it ends."""
    mark = tmp_path / "pid"
    write_key(OLD, tmp_path / "a.key", NOW)
    script = f"cat {tmp_path / 'a.key'}; exec >&-; sleep 600 & echo $! > {mark}"
    key = read_source(shell(script), None)

    assert key == OLD
    with pytest.raises(ProcessLookupError):
        _until_gone(int(mark.read_text()))


def _until_gone(process: int) -> None:
    """Wait until the process is gone, then raise ProcessLookupError; orphans are reaped with a delay."""
    for _ in range(100_000):
        os.kill(process, 0)
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            raise ProcessLookupError from None
        if state == "Z":  # nobody reaps orphans here
            raise ProcessLookupError


def test_a_credential_without_systemd_says_so() -> None:
    """The message names the line that the unit needs."""
    with pytest.raises(KeyMissing, match="LoadCredential=quillmere:FILE"):
        read_source(KeySource(credential="quillmere"), None)


@pytest.mark.parametrize(
    "declared",
    [
        {"key_file": "a", "key_command": ["b"]},
        {"key_credential": "../etc/shadow"},
        {"previous_keys": [{"file": "a"}]},
        {"key_file": "a", "previous_keys": [{}]},
        {"key_file": "a", "previous_keys": [{"file": "a", "credential": "b"}]},
        {"key_command": []},
    ],
)
def test_a_key_has_one_place(declared: dict[str, Any]) -> None:
    """A company's file that names several sources for one key, or none for a previous key, is invalid."""
    with pytest.raises(ValidationError):
        FingerprintsDefinition.model_validate(declared)


def test_both_keys_of_a_rotation_are_live(files: Path) -> None:
    """Each segment gets the key that made it, the present or the previous one."""
    sources = (KeySource(file=files / "new.key"), KeySource(file=files / "old.key"))
    keyring = Keyring(MatchingSettings(keys={"quillmere": sources}))

    found = [keyring.subkeys_of_segment(header(key), Path("a.segment")).id for key in (OLD, NEW)]
    assert found == ["old", "new"]


def test_a_segment_of_neither_key_is_refused(files: Path) -> None:
    """The message names the segment's key and the keys that were tried."""
    sources = (KeySource(file=files / "new.key"), KeySource(file=files / "old.key"))
    keyring = Keyring(MatchingSettings(keys={"quillmere": sources}))

    with pytest.raises(SegmentKeyWrong, match=r"the key k3.*\(id new, old\)"):
        keyring.subkeys_of_segment(header(RootKey("k3", bytes(32))), Path("a.segment"))


def test_a_present_key_that_cannot_be_read_leaves_the_earlier_one(files: Path) -> None:
    """Segments of the previous key are still compared; those of the unreadable key are refused."""
    sources = (KeySource(file=files / "none.key"), KeySource(file=files / "old.key"))
    keyring = Keyring(MatchingSettings(keys={"quillmere": sources}))

    assert keyring.subkeys_of_segment(header(OLD), Path("a.segment")).id == "old"
    with pytest.raises(KeyRefused, match="cannot be opened"):
        keyring.subkeys_of_segment(header(NEW), Path("b.segment"))


def configured(folder: Path, fingerprints: str) -> Path:
    (folder / "spillwatch.toml").write_text("")
    (folder / "companies").mkdir()
    text = f'name = "Quillmere Credit"\n[fingerprints]\ndefault_region = "US"\n{fingerprints}\n'
    (folder / "companies" / "quillmere.toml").write_text(text)
    return folder / "spillwatch.toml"


def test_a_company_file_names_its_keys(files: Path) -> None:
    """Paths are relative to the company's file; credentials are read from systemd's folder."""
    declared_keys = 'key_credential = "new.key"\nprevious_keys = [{ file = "../old.key" }]'
    configuration = load_configuration(
        configured(files, declared_keys), {"CREDENTIALS_DIRECTORY": str(files)}
    )
    keyring = Keyring(configuration.settings.matching)

    assert [keyring.subkeys_of_segment(header(key), Path("a")).id for key in (NEW, OLD)] == ["new", "old"]


def test_the_environment_names_a_key_file(files: Path) -> None:
    """The environment replaces the present key of the company's file and keeps the previous ones."""
    declared_keys = 'key_file = "../none.key"\nprevious_keys = [{ file = "../old.key" }]'
    variable = {"SPILLWATCH_MATCHING__KEY_FILES__QUILLMERE": str(files / "new.key")}
    keyring = Keyring(load_configuration(configured(files, declared_keys), variable).settings.matching)

    assert [keyring.subkeys_of_segment(header(key), Path("a")).id for key in (NEW, OLD)] == ["new", "old"]


def test_the_database_is_not_told_where_a_key_is(files: Path) -> None:
    """Otherwise whoever can write to the database could make the daemon run any program."""
    declared_keys = f'key_command = ["{sys.executable}"]\nprevious_keys = [{{ file = "../old.key" }}]'
    (declared,) = declared_companies(load_configuration(configured(files, declared_keys), {}))

    assert declared.definition["fingerprints"] == {"default_region": "US"}
