"""Where keys come from: file, credential, command; two at once; and never the database."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from configuration.configuration import load_configuration
from daemon.assembly import declared_companies
from matching.company_definition import FingerprintsDefinition
from matching.errors import KeyCommandFailed, KeyDamaged, KeyMissing, KeyRefused, SegmentKeyWrong
from matching.fingerprints.key_source import KeySource
from matching.fingerprints.keys import Keyring, read_source
from matching.fingerprints.scheme import RootKey, read_key, write_key
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
    """old.key and new.key."""
    for key in (OLD, NEW):
        write_key(key, tmp_path / f"{key.id}.key", NOW)
    return tmp_path


def shell(script: str) -> KeySource:
    return KeySource(command=("/bin/sh", "-c", script))


def test_a_key_comes_from_a_file_a_credential_or_a_command(files: Path) -> None:
    """It is the same key."""
    sources = [
        KeySource(file=files / "old.key"),
        KeySource(credential="old.key"),
        KeySource(command=("/bin/cat", str(files / "old.key"))),
    ]

    assert [read_source(source, files) for source in sources] == [OLD] * 3


def test_a_pipe_is_as_good_as_a_file(files: Path) -> None:
    """`--key <(vault read ...)` leaves no file behind, and may come in pieces."""
    content = (files / "old.key").read_bytes()
    ours, theirs = os.pipe()
    os.write(theirs, content)
    os.close(theirs)

    assert read_key(Path(f"/dev/fd/{ours}")) == OLD
    os.close(ours)


@pytest.mark.parametrize(
    ("script", "error", "sentence"),
    [
        ("exit 3", KeyCommandFailed, "ended with code 3"),
        ("echo id: a", KeyDamaged, "the output of the key command /bin/sh has no line"),
        ("while :; do echo id: a; done", KeyDamaged, "the output of the key command"),
    ],
)
def test_a_command_that_gives_no_key_is_refused(script: str, error: type[Exception], sentence: str) -> None:
    """Also one that never stops writing; the sentence has none of what it wrote."""
    with pytest.raises(error, match=sentence):
        read_source(shell(script), None)


def test_a_command_that_is_not_there_is_refused() -> None:
    """By its name."""
    with pytest.raises(KeyCommandFailed, match="/nowhere/vault cannot be started"):
        read_source(KeySource(command=("/nowhere/vault", "read")), None)


def test_a_command_ends_with_all_that_it_started(tmp_path: Path) -> None:
    """One that leaves a child behind, which holds the pipe open, is not waited for longer than its time."""
    mark = tmp_path / "pid"
    write_key(OLD, tmp_path / "a.key", NOW)
    script = f"cat {tmp_path / 'a.key'}; exec >&-; sleep 600 & echo $! > {mark}"
    key = read_source(shell(script), None)

    assert key == OLD
    with pytest.raises(ProcessLookupError):
        _until_gone(int(mark.read_text()))


def _until_gone(process: int) -> None:
    """Raises ProcessLookupError once it is gone; a killed orphan is reaped by the system a moment later."""
    for _ in range(100_000):
        os.kill(process, 0)
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            raise ProcessLookupError from None
        if state == "Z":  # nobody reaps orphans here
            raise ProcessLookupError


def test_a_credential_without_systemd_says_so() -> None:
    """And which line the unit needs."""
    with pytest.raises(KeyMissing, match="LoadCredential=quillmere:FILE"):
        read_source(KeySource(credential="quillmere"), None)


@pytest.mark.parametrize(
    "said",
    [
        {"key_file": "a", "key_command": ["b"]},
        {"key_credential": "../etc/shadow"},
        {"previous_keys": [{"file": "a"}]},
        {"key_file": "a", "previous_keys": [{}]},
        {"key_file": "a", "previous_keys": [{"file": "a", "credential": "b"}]},
        {"key_command": []},
    ],
)
def test_a_key_has_one_place(said: dict[str, Any]) -> None:
    """What a company's file says otherwise is a mistake, told by `check`."""
    with pytest.raises(ValidationError):
        FingerprintsDefinition.model_validate(said)


def test_both_keys_of_a_rotation_are_live(files: Path) -> None:
    """Each segment gets the key that made it, whichever of the two it is."""
    sources = (KeySource(file=files / "new.key"), KeySource(file=files / "old.key"))
    keyring = Keyring(MatchingSettings(keys={"quillmere": sources}))

    found = [keyring.that_made(header(key), Path("a.segment")).id for key in (OLD, NEW)]
    assert found == ["old", "new"]


def test_a_segment_of_neither_key_is_refused(files: Path) -> None:
    """The sentence names the keys that were tried."""
    sources = (KeySource(file=files / "new.key"), KeySource(file=files / "old.key"))
    keyring = Keyring(MatchingSettings(keys={"quillmere": sources}))

    with pytest.raises(SegmentKeyWrong, match=r"this is another one \(id new, old\)"):
        keyring.that_made(header(RootKey("k3", bytes(32))), Path("a.segment"))


def test_a_present_key_that_cannot_be_read_leaves_the_earlier_one(files: Path) -> None:
    """Its segment is compared on; for the other the reason is told."""
    sources = (KeySource(file=files / "none.key"), KeySource(file=files / "old.key"))
    keyring = Keyring(MatchingSettings(keys={"quillmere": sources}))

    assert keyring.that_made(header(OLD), Path("a.segment")).id == "old"
    with pytest.raises(KeyRefused, match="cannot be opened"):
        keyring.that_made(header(NEW), Path("b.segment"))


def configured(folder: Path, fingerprints: str) -> Path:
    (folder / "spillwatch.toml").write_text("")
    (folder / "companies").mkdir()
    text = f'name = "Quillmere Credit"\n[fingerprints]\ndefault_region = "US"\n{fingerprints}\n'
    (folder / "companies" / "quillmere.toml").write_text(text)
    return folder / "spillwatch.toml"


def test_a_company_file_names_its_keys(files: Path) -> None:
    """Paths are counted from it; credentials lie where systemd says."""
    said = 'key_credential = "new.key"\nprevious_keys = [{ file = "../old.key" }]'
    configuration = load_configuration(configured(files, said), {"CREDENTIALS_DIRECTORY": str(files)})
    keyring = Keyring(configuration.settings.matching)

    assert [keyring.that_made(header(key), Path("a")).id for key in (NEW, OLD)] == ["new", "old"]


def test_the_environment_names_a_key_file(files: Path) -> None:
    """It wins over the present key of the company's file; the earlier ones stay."""
    said = 'key_file = "../none.key"\nprevious_keys = [{ file = "../old.key" }]'
    variable = {"SPILLWATCH_MATCHING__KEY_FILES__QUILLMERE": str(files / "new.key")}
    keyring = Keyring(load_configuration(configured(files, said), variable).settings.matching)

    assert [keyring.that_made(header(key), Path("a")).id for key in (NEW, OLD)] == ["new", "old"]


def test_the_database_is_not_told_where_a_key_is(files: Path) -> None:
    """Else who can write it could have any program run by the daemon."""
    said = f'key_command = ["{sys.executable}"]\nprevious_keys = [{{ file = "../old.key" }}]'
    (declared,) = declared_companies(load_configuration(configured(files, said), {}))

    assert declared.definition["fingerprints"] == {"default_region": "US"}
