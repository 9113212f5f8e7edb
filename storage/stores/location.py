"""The store that an address names: `file:/path/to/folder`, or `s3://bucket/prefix`."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from storage.errors import StoreAddressInvalid, StoreLibraryMissing
from storage.stores.byte_store import ByteStore
from storage.stores.folder_store import FolderStore
from storage.stores.object_store import ObjectStore
from storage.stores.settings import S3Settings

FILE = "file:"
S3 = "s3://"
EXPECTED = "expected file:/path/to/folder or s3://bucket/prefix"
#: "Bucket naming rules" of the Amazon S3 User Guide, which other servers have taken over.
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A checked address. `folder`: of a `file:` address; None: it names a bucket."""

    folder: Path | None
    bucket: str = ""
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> "StoreAddress":
        """Read an address. Raises StoreAddressInvalid, which repeats no more of it than its scheme."""
        if text.startswith(FILE):
            path = text.removeprefix(FILE)
            if path.startswith("//"):
                path = path[2:]
                if not path.startswith("/"):
                    raise StoreAddressInvalid(f"an address file:// with the name of a server; {EXPECTED}")
            if not path:
                raise StoreAddressInvalid(f"file: without a folder; {EXPECTED}")
            return cls(Path(path).expanduser())
        if text.startswith(S3):
            bucket, _, prefix = text.removeprefix(S3).partition("/")
            if not BUCKET.fullmatch(bucket):
                raise StoreAddressInvalid(
                    "an address s3:// whose bucket's name is not one of 3 to 63 lower-case letters, digits, "
                    f"dots and hyphens; {EXPECTED}"
                )
            parts = [part for part in prefix.split("/") if part]
            if not all(PREFIX_PART.fullmatch(part) for part in parts):
                raise StoreAddressInvalid(
                    "an address s3:// whose prefix has other characters than letters, digits, . _ - and /; "
                    f"{EXPECTED}"
                )
            return cls(None, bucket, "/".join(parts))
        scheme = text.partition(":")[0] if ":" in text else ""
        found = f"an address that begins with {scheme}:" if scheme.isalnum() else "no address"
        raise StoreAddressInvalid(f"{found}; {EXPECTED}")

    def anchored(self, folder: Path) -> "StoreAddress":
        """Return the address with a relative path taken from `folder`."""
        return self if self.folder is None else StoreAddress(folder / self.folder)

    def opened(self, settings: S3Settings) -> ByteStore:
        """Return the store. Nothing connects yet. Raises StoreLibraryMissing."""
        if self.folder is not None:
            return FolderStore(self.folder)
        if find_spec("obstore") is None:
            raise StoreLibraryMissing
        return ObjectStore(self.bucket, self.prefix, settings)

    def __str__(self) -> str:
        if self.folder is not None:
            return f"{FILE}{self.folder}"
        return "/".join(part for part in ("s3:/", self.bucket, self.prefix) if part)


def checked_address(text: str) -> str:
    """Return an address of the settings as it is. The sentence of a ValueError does not repeat it."""
    try:
        StoreAddress.parse(text)
    except StoreAddressInvalid as error:
        raise ValueError(str(error)) from None
    return text


def anchored_address(text: str | None, folder: Path) -> str | None:
    """Return an address of the settings with a relative folder taken from `folder`."""
    return None if text is None else str(StoreAddress.parse(text).anchored(folder))
