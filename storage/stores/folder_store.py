"""A store in a folder: of this machine, or one that all nodes have mounted."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from storage.errors import StoreFileExists, StoreFileMissing, StoreRefused, StoreUnreachable
from storage.stores.byte_store import StoredFile

CHUNK = 1024 * 1024
#: A file that is being made has this name until it is complete.
DRAFT = ".draft-"
T = TypeVar("T")


class FolderStore:
    """The folder has mode 0700, its files 0600. It is made when the first file is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def place(self) -> str:
        return str(self.folder)

    def size(self, name: str) -> int | None:
        try:
            return self._try(lambda: self.path_of(name).stat().st_size)
        except StoreFileMissing:
            return None

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        path = self.path_of(name)

        def read_range() -> bytes:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(-1 if length is None else length)

        return self._try(read_range)

    def list(self, prefix: str = "") -> Iterator[StoredFile]:
        top = self.path_of(prefix) if prefix else self.folder
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = Path(folder) / name
                if not name.startswith(DRAFT):
                    with suppress(FileNotFoundError):
                        found = path.stat()
                        changed_at = datetime.fromtimestamp(found.st_mtime, UTC)
                        yield StoredFile(path.relative_to(self.folder).as_posix(), found.st_size, changed_at)

    def create(self, name: str, content: bytes | Path) -> None:
        path = self.path_of(name)

        def link(draft: Path) -> None:
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                if not _same_bytes(path, draft):
                    raise StoreFileExists(f"{self.place}: {name} exists already, with other bytes") from None

        self._write_draft(path, content, link)

    def replace(self, name: str, content: bytes | Path) -> None:
        path = self.path_of(name)
        self._write_draft(path, content, lambda draft: draft.replace(path))

    def overwrite(self, name: str, offset: int, content: bytes) -> None:
        path = self.path_of(name)

        def write_range() -> None:
            with path.open("r+b", buffering=0) as file:
                if os.fstat(file.fileno()).st_size < offset + len(content):
                    raise ValueError(f"{name} ends before byte {offset + len(content)}")
                file.seek(offset)
                file.write(content)
                os.fsync(file.fileno())

        self._try(write_range)

    def rewrite(self, name: str, change: Callable[[bytes], bytes | None]) -> None:
        changed = change(self.read(name))
        if changed is None:
            self.delete(name)
        else:
            self.replace(name, changed)

    def delete(self, name: str) -> None:
        path = self.path_of(name)
        with suppress(StoreFileMissing):
            self._try(path.unlink)
            _sync_folder(path.parent)

    def path_of(self, name: str) -> Path:
        """Return the path of a file; raises StoreFileMissing for a name that leads out of the folder."""
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise StoreFileMissing(f"{self.place}: a name leads out of the folder")
        return path

    def _write_draft(self, path: Path, content: bytes | Path, finish: Callable[[Path], object]) -> None:
        def write() -> None:
            _make_folders(path.parent)
            draft = path.with_name(f"{DRAFT}{secrets.token_hex(8)}")
            try:
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    for piece in _pieces(content):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                finish(draft)
            finally:
                draft.unlink(missing_ok=True)
            _sync_folder(path.parent)

        self._try(write)

    def _try(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except FileNotFoundError as error:
            name = Path(error.filename or "").name
            raise StoreFileMissing(f"{self.place}: {name} does not exist") from None
        except PermissionError as error:
            raise StoreRefused(f"{self.place} refuses access ({error.strerror}). Check its mode.") from None
        except OSError as error:
            raise StoreUnreachable(f"{self.place} cannot be used ({error.strerror})") from None


def _make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, each with mode 0700."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    return all(mine == theirs for mine, theirs in zip(_pieces(one), _pieces(other), strict=True))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
