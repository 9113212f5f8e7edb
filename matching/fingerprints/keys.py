"""Where a company's keys come from, the present one and those before it, and which of them made a segment.

A root key is read, its subkeys are made, and it is overwritten: in memory are subkeys only. What a command or
a file says never reaches a message; neither source is ever read from the database.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from matching.errors import KeyCommandFailed, KeyMissing, KeyRefused, SegmentKeyWrong
from matching.fingerprints.key_source import KeySource
from matching.fingerprints.scheme import KEY_FILE_LIMIT, RootKey, Secret, Subkeys, parse_key, read_key
from matching.fingerprints.segments import SegmentHeader

COMMAND_LIMIT_S = 10.0


class KeySettings(Protocol):
    """What of MatchingSettings is needed here."""

    @property
    def keys(self) -> Mapping[str, Sequence[KeySource]]: ...

    @property
    def key_files(self) -> Mapping[str, Path]: ...

    @property
    def credentials_dir(self) -> Path | None: ...


def sources_of(slug: str, settings: KeySettings) -> tuple[KeySource, ...]:
    """The present key's first; raises KeyMissing if nobody named any."""
    declared = tuple(settings.keys.get(slug, ()))
    if slug in settings.key_files:
        return KeySource(file=settings.key_files[slug]), *declared[1:]
    if not declared:
        raise KeyMissing(
            f"no key is named for the company {slug!r}; name it in its file as fingerprints.key_file, "
            f"key_credential or key_command, or as key_files.{slug} of [matching]"
        )
    return declared


class Keyring:
    """The subkeys of companies, each source read once at most."""

    def __init__(self, settings: KeySettings) -> None:
        self._settings = settings
        self._read: dict[str, list[Subkeys | KeyRefused]] = {}

    def of(self, slug: str) -> Sequence[Subkeys | KeyRefused]:
        """What became of each of its sources; raises KeyMissing if there is none."""
        if slug not in self._read:
            sources = sources_of(slug, self._settings)
            self._read[slug] = [self._subkeys(source, slug) for source in sources]
        return self._read[slug]

    def that_made(self, header: SegmentHeader, path: Path) -> Subkeys:
        """Raises KeyRefused, or SegmentKeyWrong if all keys could be read and none is it."""
        found = self.of(header.company)
        read = [one for one in found if isinstance(one, Subkeys)]
        for subkeys in read:
            if subkeys.check == header.key_check:
                return subkeys
        for one in found:
            if isinstance(one, KeyRefused):
                raise one
        ids = ", ".join(subkeys.id for subkeys in read)
        raise SegmentKeyWrong(
            f"the segment {path} was made with the key {header.key_id}, and this is another one (id {ids}); "
            f"name the right key, or enroll again"
        )

    def _subkeys(self, source: KeySource, slug: str) -> Subkeys | KeyRefused:
        try:
            root = read_source(source, self._settings.credentials_dir)
        except KeyRefused as error:
            return error
        try:
            return root.subkeys(slug)
        finally:
            root.wipe()


def read_source(source: KeySource, credentials_dir: Path | None) -> RootKey:
    """Raises KeyRefused."""
    if source.command is not None:
        return _from_command(source.command)
    if source.file is not None:
        return read_key(source.file)
    if credentials_dir is None:
        raise KeyMissing(
            f"the key is the systemd credential {source.credential}, and this process was given none; "
            f"start it by its unit, with LoadCredential={source.credential}:FILE"
        )
    return read_key(credentials_dir / str(source.credential))


def _from_command(command: Sequence[str]) -> RootKey:
    """Its output, within bounds of time and size. It gets no input, and no shell sees its arguments."""
    name = f"the key command {command[0]}"
    try:
        process = subprocess.Popen(  # noqa: S603  (the operator's own, from a file of the configuration)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise KeyCommandFailed(f"{name} cannot be started: {error.strerror}; correct key_command") from None
    try:
        content = _output(process, name)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also what it left running
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return parse_key(content, f"the output of {name}")


def _output(process: subprocess.Popen[bytes], name: str) -> Secret:
    content, size = Secret(KEY_FILE_LIMIT + 1), 0
    until = time.monotonic() + COMMAND_LIMIT_S
    pipe = process.stdout.fileno() if process.stdout is not None else -1
    while size < len(content):
        left = until - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise KeyCommandFailed(f"{name} did not end within {COMMAND_LIMIT_S:.0f} s; run it by hand")
        read = os.readv(pipe, [memoryview(content)[size:]])
        if not read:
            break
        size += read
    try:
        code = process.wait(max(0.0, until - time.monotonic())) if size < len(content) else 0
    except subprocess.TimeoutExpired:
        raise KeyCommandFailed(f"{name} did not end within {COMMAND_LIMIT_S:.0f} s; run it by hand") from None
    if code:
        raise KeyCommandFailed(f"{name} ended with code {code}; run it by hand to see why")
    del content[size:]
    return content
