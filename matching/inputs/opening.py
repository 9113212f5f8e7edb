"""From a path or a stream to documents: walk folders, open containers, whatever their names say."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
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
from matching.inputs.containers import libarchive_members, magic, mail, sevenz, tars, zips
from matching.inputs.containers.compressed import DECOMPRESSORS, FramedWindow, UnpackedStream
from matching.inputs.containers.member import Member
from matching.inputs.containers.sqlite_file import MAGIC as SQLITE_MAGIC
from matching.inputs.containers.sqlite_file import SqliteFile
from matching.inputs.document import Document, TextContent, WorkbookContent
from matching.inputs.formats.mail import MailText
from matching.inputs.formats.office import OfficeDocument, office_format, other_entries
from matching.inputs.formats.tables import TableRows
from matching.inputs.formats.xlsx import XlsxWorkbook
from matching.inputs.limits import InputBudget, Limits
from matching.inputs.member_names import UniqueNames, display_name, unpacked_name
from matching.inputs.outcomes import refusal_outcome
from matching.inputs.signatures import HEAD as SIGNATURE_BYTES
from matching.inputs.signatures import signature_of
from matching.inputs.streams import File, FileWindow, Spool, StreamWindow, Window


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of an input, or what is in its place and cannot be read. `number`: its place in the input."""

    number: int
    name: str
    path: Path
    refusal: InputRefused | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of an input: the files of these numbers. `members`: of the one file, which is a zip."""

    files: range
    members: range | None = None


def documents(
    name: str,
    source: Path | BinaryIO,
    limits: Limits | None = None,
    *,
    regions: Sequence[str] = ("CN",),
    selection: Selection | None = None,
    budget: InputBudget | None = None,
) -> Iterator[Document]:
    """Yield the documents of a file, a folder or a stream such as standard input, whose name is "-".

    `regions`: of telephone numbers without +, for recognising columns. `selection`: the part of a file or
    folder to be read; the documents have the names that they have in the whole. `budget`: what counts
    instead of new `limits`. Raises InputMissing or InputUnreadable for a `source` whose kind cannot be found
    out; everything else that is wrong is the ending of a document.
    """
    opener = _Opener(budget or InputBudget(limits or Limits()), regions, selection)
    if not isinstance(source, Path):
        return opener.open_stream(name, source)
    mode = mode_of(source)
    if stat.S_ISDIR(mode):
        return opener.open_folder(name, source)
    if stat.S_ISREG(mode):
        return opener.open_file(name, source)
    return opener.open_pipe(name, source)


def files_of(name: str, source: Path, limits: Limits | None = None) -> Iterator[FoundFile]:
    """Yield the files of a file or folder in the order in which `documents` reads them. None is opened."""
    if stat.S_ISDIR(mode_of(source)):
        return _Opener(InputBudget(limits or Limits()), ()).walk(name, source, 0)
    return iter((FoundFile(0, name, source),))


def mode_of(path: Path, *, shown: str | None = None) -> int:
    """Return the mode of a file or folder, following links; raises InputMissing or InputUnreadable.

    `shown`: the path as a message may have it; None: as it is.
    """
    shown = str(path) if shown is None else shown
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise InputMissing(f"There is no file or folder {shown}.") from None
    except OSError as error:
        raise InputUnreadable(f"{shown} cannot be read: {error.strerror}.") from None


def _open_descriptor(path: Path, *, follow: bool) -> int:
    """Open a file without following a link or waiting for a pipe's writer.

    The flags make the kernel decide that: a check before opening would leave time to exchange the file.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        return os.open(path, flags)
    except OSError as error:
        raise InputUnreadable(f"opening it failed: {error.strerror}") from None


def _begins_with(descriptor: int, beginning: bytes) -> bool:
    try:
        return os.pread(descriptor, len(beginning), 0) == beginning
    except OSError:  # reading it will fail, too, and say so
        return False


class _CountedInput:
    """A binary stream of Python's as a `Stream`, counted as an outermost file."""

    def __init__(self, stream: BinaryIO, budget: InputBudget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int, /) -> bytes:
        try:
            data = self._stream.read(size) or b""
        except (OSError, ValueError) as error:
            raise InputUnreadable(f"reading it failed: {error}") from None
        self._budget.count_input(len(data))
        return data


class _Opener:
    """One call of `documents`."""

    def __init__(
        self, budget: InputBudget, regions: Sequence[str], selection: Selection | None = None
    ) -> None:
        self._budget = budget
        self._regions = regions
        self._selection = selection
        self._numbers = itertools.count()

    def open_stream(self, name: str, stream: BinaryIO) -> Iterator[Document]:
        return self._documents_in(name, StreamWindow(_CountedInput(stream, self._budget)), 0)

    def open_pipe(self, name: str, path: Path) -> Iterator[Document]:
        """A pipe or device that the user named, such as the one a shell makes for `<(...)`."""
        try:
            stream = path.open("rb")
        except OSError as error:
            refusal = InputUnreadable(f"opening it failed: {error.strerror}")
            yield Document(name, None, refusal_outcome(refusal))
            return
        with stream:
            yield from self.open_stream(name, stream)

    def open_file(self, name: str, path: Path) -> Iterator[Document]:
        """A file that the user named; a link to one is followed."""
        try:
            descriptor = _open_descriptor(path, follow=True)
        except InputUnreadable as error:
            yield Document(name, None, refusal_outcome(error))
            return
        database = _begins_with(descriptor, SQLITE_MAGIC)
        yield from self._documents_of_file(name, descriptor)
        log = path.with_name(f"{path.name}-wal")
        if database and log.is_file() and log.stat().st_size:  # rows that are not in the database yet
            yield from self.open_file(f"{name}-wal", log)

    def open_folder(self, name: str, folder: Path) -> Iterator[Document]:
        """Everything in a folder, by name. A link, device, pipe or socket is a document without text."""
        wanted = self._selection.files if self._selection is not None else None
        for found in self.walk(name, folder, 0):
            if wanted is not None and found.number >= wanted.stop:
                return
            if wanted is not None and found.number not in wanted:
                continue
            try:
                if found.refusal is not None:
                    raise found.refusal
                descriptor = _open_descriptor(found.path, follow=False)
            except InputRefused as error:
                yield Document(found.name, None, refusal_outcome(error))
                continue
            yield from self._documents_of_file(found.name, descriptor)

    def walk(self, name: str, folder: Path, depth: int) -> Iterator[FoundFile]:
        """Everything in a folder and its folders, by name; nothing is opened."""
        try:
            if depth > self._budget.limits.folders:
                raise InputTooDeep(f"it lies deeper than {self._budget.limits.folders} folders")
            entries = _folder_entries(folder, self._budget.limits.members + 1)
        except InputRefused as error:
            yield FoundFile(next(self._numbers), name, folder, error)
            return
        unique_name = UniqueNames()
        for entry in entries:
            own = unique_name(f"{name.rstrip('/')}/{display_name(os.fsencode(entry.name))}")
            path, refusal = folder / entry.name, None
            try:
                self._budget.count_member()
                if entry.is_dir(follow_symlinks=False):
                    yield from self.walk(own, path, depth + 1)
                    continue
                if not entry.is_file(follow_symlinks=False):
                    raise InputSpecial("it is a link, a device, a pipe or a socket, which is not followed")
            except InputRefused as error:
                refusal = error
            yield FoundFile(next(self._numbers), own, path, refusal)
            if refusal is not None and refusal.reason in _BUDGET_REASONS:
                return

    def _documents_of_file(self, name: str, descriptor: int) -> Iterator[Document]:
        """Closes the descriptor at the end."""
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                refusal = InputSpecial("it was a file and is now something else, which is not followed")
                yield Document(name, None, refusal_outcome(refusal))
                return
            self._budget.count_input(status.st_size)
            yield from self._documents_in(name, FileWindow(File(descriptor, status.st_size)), 0)
        finally:
            os.close(descriptor)

    def _documents_in(self, name: str, window: Window, depth: int) -> Iterator[Document]:
        """The documents in a window: one text, or those of a container. `depth`: containers around it."""
        count = 0
        try:
            head = window.peek(magic.HEAD)
            kind = magic.container_kind(head)
            if kind is None:
                if (signature := signature_of(window.peek(SIGNATURE_BYTES))) is not None:
                    raise InputUnsupported(
                        f"it is {signature.what}, which Spillwatch does not read; {signature.advice}"
                    )
                if mail.is_mail(window.peek(mail.HEAD)):
                    kind = "mail"
            if kind is None:
                yield Document(name, TextContent(window, self._budget, self._regions))
                return
            if depth >= self._budget.limits.depth:
                raise InputTooDeep(f"it lies deeper than {depth} containers within one another")
            for document in self._documents_of_container(name, kind, window, depth):
                count += 1
                yield document
        except InputRefused as error:
            yield Document(name, None, refusal_outcome(error, documents=count))

    def _documents_of_container(self, name: str, kind: str, window: Window, depth: int) -> Iterator[Document]:
        if kind in DECOMPRESSORS:
            make = DECOMPRESSORS[kind]
            unpacked = (
                FramedWindow(window.file, make, self._budget)
                if window.file is not None and window.position == 0
                else StreamWindow(UnpackedStream(window, make, self._budget))
            )
            yield from self._documents_in(f"{name}!/{unpacked_name(name, kind)}", unpacked, depth + 1)
        elif kind == "tar":
            yield from self._documents_of_members(name, tars.members(window, self._budget), depth)
        else:
            with self._seekable_file(window) as file:
                if kind == "mail":
                    text = MailText(file, self._budget)
                    yield Document(name, text)
                    if text.attachments:
                        attached = mail.members(file, self._budget)
                        yield from self._documents_of_members(name, attached, depth)
                elif kind == "sqlite":
                    yield from self._documents_of_database(name, SqliteFile(file, self._budget))
                elif kind in libarchive_members.FORMATS:
                    members = libarchive_members.members(file, kind, self._budget)
                    yield from self._documents_of_members(name, members, depth)
                elif kind == "7z":
                    members = sevenz.members(file, self._budget)
                    yield from self._documents_of_members(name, members, depth)
                elif (format_ := self._office_format(file)) is not None:
                    if format_ == "xlsx":
                        workbook = XlsxWorkbook(file, self._budget, self._regions)
                        yield Document(name, WorkbookContent(workbook))
                    else:
                        yield Document(name, OfficeDocument(file, format_, self._budget, self._regions))
                    others = (
                        zips.entry_member(file, one, self._budget) for one in other_entries(file, format_)
                    )
                    yield from self._documents_of_members(name, others, depth)
                else:
                    yield from self._documents_of_members(name, zips.members(file, self._budget), depth)

    def _office_format(self, file: File) -> str | None:
        return "xlsx" if zips.is_workbook(file) else office_format(file, self._budget)

    @contextmanager
    def _seekable_file(self, window: Window) -> Iterator[File]:
        """The window's file, or a temporary copy; raises afterwards what kept the copy from being whole."""
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

    def _documents_of_database(self, name: str, database: SqliteFile) -> Iterator[Document]:
        """One document per table."""
        unique_name, found = UniqueNames(), False
        for table in database.tables():
            self._budget.count_member()
            own = unique_name(f"{name}!/{display_name(table.name)}")
            rows = partial(database.rows, table)
            content = TableRows("sqlite", rows, self._budget, names=table.columns, regions=self._regions)
            found = True
            yield Document(own, content)
        if not found:
            nothing = TableRows("sqlite", lambda: iter(()), self._budget, names=(), regions=self._regions)
            yield Document(name, nothing)

    def _documents_of_members(self, name: str, members: Iterator[Member], depth: int) -> Iterator[Document]:
        unique_name = UniqueNames()
        wanted = self._selection.members if self._selection is not None and depth == 0 else None
        for number, member in enumerate(members):
            own = unique_name(f"{name}!/{display_name(member.name)}")
            if wanted is not None and number >= wanted.stop:
                return
            if wanted is not None and number not in wanted:
                continue
            self._budget.count_member()
            if isinstance(member.content, InputRefused):
                yield Document(own, None, refusal_outcome(member.content))
            else:
                yield from self._documents_in(own, StreamWindow(member.content), depth + 1)


#: Reasons after which nothing else of the input is read.
_BUDGET_REASONS = frozenset({"input_too_many", "input_too_large", "input_too_slow"})


def _folder_entries(folder: Path, limit: int) -> list[os.DirEntry[str]]:
    """Sorted; one more than may be read shows that there are too many."""
    try:
        with os.scandir(folder) as scan:
            found = list(islice(scan, limit))
    except OSError as error:
        raise InputUnreadable(f"listing it failed: {error.strerror}") from None
    return sorted(found, key=lambda entry: entry.name)
