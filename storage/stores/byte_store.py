"""What a store of files does, wherever the files are.

A name is a relative path with "/" between its parts. Content is stored whole or not at all, in every kind of
store; only a folder can also be written to in place.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a store. `changed_at` is the store's clock; files are equal by name and size."""

    name: str
    size: int
    changed_at: datetime = field(compare=False)


class ByteStore(Protocol):
    """Threads may share a store. Each method raises StoreUnreachable or StoreRefused, and names the store."""

    @property
    def place(self) -> str:
        """Return the store's address for messages. It contains no secret."""

    def size(self, name: str) -> int | None:
        """Return the number of bytes of a file; None: it does not exist."""

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes from `offset` on, fewer if the file ends before; None: up to its end.

        Raises StoreFileMissing.
        """

    def list(self, prefix: str = "") -> Iterator[StoredFile]:
        """Yield the files whose name begins with the folder `prefix`, such as "2026-11-30/"; "": all."""

    def create(self, name: str, content: bytes | Path) -> None:
        """Store a new file, from bytes or from a local file.

        If there is a file of this name, nothing changes: with the same bytes that is a success, so that a
        call can be repeated after a crash; with others it raises StoreFileExists.
        """

    def replace(self, name: str, content: bytes | Path) -> None:
        """Store a file instead of the one of this name, if there is one. Readers see the old or the new."""

    def overwrite(self, name: str, offset: int, content: bytes) -> None:
        """Write over bytes that the file has; its length stays. An object is replaced as a whole.

        Raises StoreFileMissing, StoreFileChanged if somebody else changed the object meanwhile, and
        ValueError if the file ends before.
        """

    def rewrite(self, name: str, change: Callable[[bytes], bytes | None]) -> None:
        """Read a file, and store what `change` makes of it; None: delete it.

        Raises StoreFileMissing, StoreFileChanged if somebody else changed the object meanwhile, and what
        `change` raises, before anything is changed.
        """

    def delete(self, name: str) -> None:
        """Delete a file; a file that does not exist is no error."""
