"""Reads a company's keys, the present and the previous ones, and finds the key that made a segment.

A root key is read, its subkeys are derived, and it is overwritten: only subkeys stay in memory. Messages
never contain what a file or a command gave. A key source is never read from the database, so that whoever can
write to it cannot make the daemon run a program.
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
from matching.fingerprints.key_file import KEY_FILE_LIMIT, parse_key, read_key
from matching.fingerprints.key_source import KeySource
from matching.fingerprints.scheme import RootKey, Secret, Subkeys
from matching.fingerprints.segments import SegmentHeader

COMMAND_LIMIT_S = 10.0


class KeySettings(Protocol):
    """The part of MatchingSettings that is needed here."""

    @property
    def keys(self) -> Mapping[str, Sequence[KeySource]]: ...

    @property
    def key_files(self) -> Mapping[str, Path]: ...

    @property
    def credentials_dir(self) -> Path | None: ...


def sources_of(slug: str, settings: KeySettings) -> tuple[KeySource, ...]:
    """Return the sources of a company's keys, the present key first; raise KeyMissing if there are none."""
    declared = tuple(settings.keys.get(slug, ()))
    if slug in settings.key_files:
        return KeySource(file=settings.key_files[slug]), *declared[1:]
    if not declared:
        raise KeyMissing(
            f"no key is configured for the company {slug!r}; name one in the company's file as "
            f"fingerprints.key_file, key_credential or key_command, or as key_files.{slug} in [matching]"
        )
    return declared


class Keyring:
    """The subkeys of companies; each key source is read at most once."""

    def __init__(self, settings: KeySettings) -> None:
        self._settings = settings
        self._read: dict[str, list[Subkeys | KeyRefused]] = {}

    def of(self, slug: str) -> Sequence[Subkeys | KeyRefused]:
        """Return the subkeys or the error of each source. Raises KeyMissing."""
        if slug not in self._read:
            sources = sources_of(slug, self._settings)
            self._read[slug] = [self._subkeys(source, slug) for source in sources]
        return self._read[slug]

    def subkeys_of_segment(self, header: SegmentHeader, path: Path) -> Subkeys:
        """Return the subkeys that made a segment.

        Raises SegmentKeyWrong if all keys could be read and none of them made it, and KeyRefused if one could
        not be read.
        """
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
            f"the segment {path} was made with the key {header.key_id}, but the configured keys are others "
            f"(id {ids}); name the right key, or enroll again"
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
    """Read the key of a source; raise KeyRefused if that fails."""
    if source.command is not None:
        return _key_from_command(source.command)
    if source.file is not None:
        return read_key(source.file)
    if credentials_dir is None:
        raise KeyMissing(
            f"the key is the systemd credential {source.credential}, but this process has no credentials; "
            f"start it from its unit, with LoadCredential={source.credential}:FILE"
        )
    return read_key(credentials_dir / str(source.credential))


def _key_from_command(command: Sequence[str]) -> RootKey:
    """Read the key that a program writes, within limits of time and size. It gets no input and no shell."""
    name = f"the key command {command[0]}"
    try:
        process = subprocess.Popen(  # noqa: S603  (the operator's own, from a configuration file)
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
        content = _command_output(process, name)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also children that it left running
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return parse_key(content, f"the output of {name}")


def _command_output(process: subprocess.Popen[bytes], name: str) -> Secret:
    """Read until the end, the size limit or the time limit; the content is never copied."""
    content, size = Secret(KEY_FILE_LIMIT + 1), 0
    until = time.monotonic() + COMMAND_LIMIT_S
    pipe = process.stdout.fileno() if process.stdout is not None else -1
    while size < len(content):
        left = until - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise KeyCommandFailed(
                f"{name} did not end within {COMMAND_LIMIT_S:.0f} s; run it by hand to see why"
            )
        read = os.readv(pipe, [memoryview(content)[size:]])
        if not read:
            break
        size += read
    try:
        code = process.wait(max(0.0, until - time.monotonic())) if size < len(content) else 0
    except subprocess.TimeoutExpired:
        raise KeyCommandFailed(
            f"{name} did not end within {COMMAND_LIMIT_S:.0f} s; run it by hand to see why"
        ) from None
    if code:
        raise KeyCommandFailed(f"{name} ended with code {code}; run it by hand to see why")
    del content[size:]
    return content
