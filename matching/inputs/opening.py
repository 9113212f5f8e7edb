"""From a path or a stream to documents: folders are walked, containers opened, whatever their names say."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from matching.errors import (
    InputMissing,
    InputRefused,
    InputSpecial,
    InputTooDeep,
    InputUnreadable,
    InputUnsupported,
)
from matching.inputs.containers import magic, sevenz, tars, zips
from matching.inputs.containers.compressed import MAKERS, Unpacked
from matching.inputs.containers.member import Member
from matching.inputs.document import Document, TextContent, WorkbookContent
from matching.inputs.formats.xlsx import XlsxWorkbook
from matching.inputs.limits import InputBudget, Limits
from matching.inputs.member_names import Unique, inside, shown
from matching.inputs.outcomes import refused
from matching.inputs.streams import File, FileWindow, Spool, StreamWindow, Window


def documents(
    name: str, source: Path | BinaryIO, limits: Limits | None = None, *, regions: Sequence[str] = ("CN",)
) -> Iterator[Document]:
    """The documents of a file, a folder or a stream such as standard input, whose name is "-".

    `regions`: of telephone numbers without +, for recognising columns. Raises InputMissing or InputUnreadable
    for a `source` of which nobody can say what it is; what is wrong otherwise is the ending of a document.
    """
    opener = _Opener(InputBudget(limits or Limits()), regions)
    if not isinstance(source, Path):
        return opener.stream(name, source)
    try:
        mode = source.stat().st_mode
    except FileNotFoundError:
        raise InputMissing(f"there is no file {source}") from None
    except OSError as error:
        raise InputUnreadable(f"{source} cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        return opener.folder(name, source, 0)
    if stat.S_ISREG(mode):
        return opener.named(name, source)
    return opener.pipe(name, source)


def _descriptor(path: Path, *, follow: bool) -> int:
    """An open regular file. Not to follow a link, nor to wait for a pipe's writer, is the kernel's part."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        return os.open(path, flags)
    except OSError as error:
        raise InputUnreadable(f"it cannot be read: {error.strerror}") from None


class _Piped:
    """A binary stream of Python's as a stream of ours, counted as an outermost file."""

    def __init__(self, stream: BinaryIO, budget: InputBudget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int, /) -> bytes:
        try:
            data = self._stream.read(size) or b""
        except (OSError, ValueError) as error:
            raise InputUnreadable(f"it cannot be read on: {error}") from None
        self._budget.opened(len(data))
        return data


class _Opener:
    """One call of `documents`."""

    def __init__(self, budget: InputBudget, regions: Sequence[str]) -> None:
        self._budget = budget
        self._regions = regions

    def stream(self, name: str, stream: BinaryIO) -> Iterator[Document]:
        return self._any(name, StreamWindow(_Piped(stream, self._budget)), 0)

    def pipe(self, name: str, path: Path) -> Iterator[Document]:
        """A pipe or device that somebody named, such as what a shell makes of `<(...)`."""
        try:
            stream = path.open("rb")
        except OSError as error:
            yield Document(name, None, refused(InputUnreadable(f"it cannot be read: {error.strerror}")))
            return
        with stream:
            yield from self.stream(name, stream)

    def named(self, name: str, path: Path) -> Iterator[Document]:
        """A file that somebody named; a link to one is followed."""
        try:
            descriptor = _descriptor(path, follow=True)
        except InputUnreadable as error:
            yield Document(name, None, refused(error))
            return
        yield from self.file(name, descriptor)

    def folder(self, name: str, folder: Path, depth: int) -> Iterator[Document]:
        """Sorted by name; what is no file and no folder is a document with an ending and nothing else."""
        try:
            if depth > self._budget.limits.folders:
                raise InputTooDeep(f"it lies deeper than {self._budget.limits.folders} folders")
            entries = _entries(folder, self._budget.limits.members + 1)
        except InputRefused as error:
            yield Document(name, None, refused(error))
            return
        unique = Unique()
        for entry in entries:
            own = unique(f"{name.rstrip('/')}/{shown(os.fsencode(entry.name))}")
            try:
                self._budget.member()
                if entry.is_dir(follow_symlinks=False):
                    yield from self.folder(own, folder / entry.name, depth + 1)
                    continue
                if not entry.is_file(follow_symlinks=False):
                    raise InputSpecial("it is a link, a device, a pipe or a socket, which is not followed")
                descriptor = _descriptor(folder / entry.name, follow=False)
            except InputRefused as error:
                yield Document(own, None, refused(error))
                if error.reason in _FOR_ALL:
                    return
                continue
            yield from self.file(own, descriptor)

    def file(self, name: str, descriptor: int) -> Iterator[Document]:
        """Closes the file at the end."""
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                yield Document(name, None, refused(InputSpecial("it is no file any more")))
                return
            self._budget.opened(status.st_size)
            yield from self._any(name, FileWindow(File(descriptor, status.st_size)), 0)
        finally:
            os.close(descriptor)

    def _any(self, name: str, window: Window, depth: int) -> Iterator[Document]:
        """What is in a window, which may be a container. `depth`: containers around it."""
        count = 0
        try:
            head = window.peek(magic.HEAD)
            kind = magic.kind_of(head)
            if (what := magic.unread(head)) is not None:
                raise InputUnsupported(f"it is a {what}, which is not read")
            if kind is None:
                yield Document(name, TextContent(window, self._budget, self._regions))
                return
            if depth >= self._budget.limits.depth:
                raise InputTooDeep(f"it lies deeper than {depth} containers within one another")
            for document in self._container(name, kind, window, depth):
                count += 1
                yield document
        except InputRefused as error:
            yield Document(name, None, refused(error, documents=count))

    def _container(self, name: str, kind: str, window: Window, depth: int) -> Iterator[Document]:
        if kind in MAKERS:
            inner = StreamWindow(Unpacked(window, MAKERS[kind], self._budget))
            yield from self._any(f"{name}!/{inside(name, kind)}", inner, depth + 1)
        elif kind == "tar":
            yield from self._members(name, tars.members(window, self._budget), depth)
        else:
            with self._seekable(window) as file:
                if kind == "7z":
                    yield from self._members(name, sevenz.members(file, self._budget), depth)
                elif zips.is_workbook(file):
                    yield Document(name, WorkbookContent(XlsxWorkbook(file, self._budget, self._regions)))
                else:
                    yield from self._members(name, zips.members(file, self._budget), depth)

    @contextmanager
    def _seekable(self, window: Window) -> Iterator[File]:
        """The window's file, or its content kept aside; raises afterwards what kept it from being whole."""
        if window.file is not None:
            yield window.file
            return
        spool = Spool(window, self._budget)
        try:
            yield spool.file
        except InputRefused as error:
            raise spool.error or error from None
        finally:
            spool.close()
        if spool.error is not None:
            raise spool.error

    def _members(self, name: str, members: Iterator[Member], depth: int) -> Iterator[Document]:
        unique = Unique()
        for member in members:
            self._budget.member()
            own = unique(f"{name}!/{shown(member.name)}")
            if isinstance(member.content, InputRefused):
                yield Document(own, None, refused(member.content))
            else:
                yield from self._any(own, StreamWindow(member.content), depth + 1)


_FOR_ALL = frozenset({"input_too_many", "input_too_large", "input_too_slow"})


def _entries(folder: Path, limit: int) -> list[os.DirEntry[str]]:
    """Sorted; one more than may be read shows that there are too many."""
    try:
        with os.scandir(folder) as scan:
            found = list(islice(scan, limit))
    except OSError as error:
        raise InputUnreadable(f"it cannot be read: {error.strerror}") from None
    return sorted(found, key=lambda entry: entry.name)
