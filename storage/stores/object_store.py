"""A store in a bucket of S3-compatible object storage.

Every request is tried a few times and ends within a bound, because a run waits for it. A request is never the
first thing that a process does before it forks: the library's threads do not survive a fork.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from storage.errors import (
    StoreFailed,
    StoreFileChanged,
    StoreFileExists,
    StoreFileMissing,
    StoreRefused,
    StoreUnreachable,
)
from storage.stores.byte_store import StoredFile
from storage.stores.settings import S3Settings

if TYPE_CHECKING:
    from obstore.store import S3Store

#: Further attempts of one request after an error of the server, a cut connection or a timeout.
RETRIES = 3
#: Waits between them: at first, at most, and after how long in all no further one begins.
FIRST_WAIT = timedelta(milliseconds=200)
LONGEST_WAIT = timedelta(seconds=2)
#: Time limits of one attempt in units of `timeout_s`, after which no further attempt begins.
ATTEMPTS_LAST = 2.0
CONNECT_TIMEOUT = timedelta(seconds=5)
MISSING_BUCKET = "NoSuchBucket"
REFUSED = ("status code: 401", "status code: 403")
OUT_OF_RANGE = "416 Range Not Satisfiable"
T = TypeVar("T")


class ObjectStore:
    """One bucket below one prefix. An object is written once, and replaced as a whole."""

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._settings = settings

    @property
    def place(self) -> str:
        return "/".join(part for part in ("s3:/", self._bucket, self._prefix) if part)

    def size(self, name: str) -> int | None:
        import obstore

        try:
            return int(self._try(name, lambda: obstore.head(self._store, name))["size"])
        except StoreFileMissing:
            self._require_bucket(name)
            return None

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        import obstore

        if length == 0:
            return b""

        def get() -> bytes:
            if length is None:
                whole = obstore.get(self._store, name).bytes().to_bytes()
                return whole[offset:]
            return obstore.get_range(self._store, name, start=offset, length=length).to_bytes()

        return self._try(name, get)

    def list(self, prefix: str = "") -> Iterator[StoredFile]:
        import obstore

        pages = iter(obstore.list(self._store, prefix or None))
        while (page := self._try(prefix, lambda: next(pages, None))) is not None:
            for each in page:
                yield StoredFile(each["path"], each["size"], each["last_modified"])

    def create(self, name: str, content: bytes | Path) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        whole = content if isinstance(content, bytes) else self._try(name, content.read_bytes)
        try:
            self._try(name, lambda: obstore.put(self._store, name, whole, mode="create"))
        except AlreadyExistsError:
            # Also the answer to a second attempt, if the connection was cut after the first had succeeded.
            if self.size(name) != len(whole) or self.read(name) != whole:
                raise StoreFileExists(f"{self.place}: {name} exists already, with other bytes") from None

    def replace(self, name: str, content: bytes | Path) -> None:
        import obstore

        self._try(name, lambda: obstore.put(self._store, name, content, mode="overwrite"))

    def overwrite(self, name: str, offset: int, content: bytes) -> None:
        def change(whole: bytes) -> bytes:
            if len(whole) < offset + len(content):
                raise ValueError(f"{name} ends before byte {offset + len(content)}")
            return whole[:offset] + content + whole[offset + len(content) :]

        self.rewrite(name, change)

    def rewrite(self, name: str, change: Callable[[bytes], bytes | None]) -> None:
        import obstore
        from obstore.exceptions import PreconditionError

        def get() -> tuple[bytes, str | None]:
            found = obstore.get(self._store, name)
            return found.bytes().to_bytes(), found.meta["e_tag"]

        whole, tag = self._try(name, get)
        changed = change(whole)
        if changed is None:
            self.delete(name)
            return
        try:
            self._try(name, lambda: obstore.put(self._store, name, changed, mode={"e_tag": tag}))
        except PreconditionError:
            # Also the answer to a second attempt, if the connection was cut after the first had succeeded.
            if self.read(name) != changed:
                raise StoreFileChanged(
                    f"{self.place}: {name} was changed by somebody else. Try again."
                ) from None

    def delete(self, name: str) -> None:
        import obstore

        try:
            self._try(name, lambda: obstore.delete(self._store, name))
        except StoreFileMissing:
            self._require_bucket(name)

    @cached_property
    def _store(self) -> S3Store:
        from obstore.store import S3Store

        settings = self._settings
        client: dict[str, Any] = {
            "allow_http": settings.plain_http_allowed,
            "timeout": timedelta(seconds=settings.timeout_s),
            "connect_timeout": min(CONNECT_TIMEOUT, timedelta(seconds=settings.timeout_s)),
            "user_agent": "spillwatch",
        }
        if settings.root_certificate is not None:
            client["root_certificate"] = settings.root_certificate
        if settings.proxy is not None:
            client["proxy_url"] = settings.proxy.get_secret_value()
        secrets: dict[str, Any] = {
            name: value.get_secret_value()
            for name in ("access_key_id", "secret_access_key", "session_token")
            if (value := getattr(settings, name)) is not None
        }
        return S3Store(
            self._bucket,
            prefix=self._prefix or None,
            # The strongest of three keys, always given: no variable of the environment leads elsewhere.
            aws_endpoint_url_s3=settings.endpoint or f"https://s3.{settings.region}.amazonaws.com",
            region=settings.region,
            virtual_hosted_style_request=False,
            client_options=client,  # type: ignore[arg-type]  # a TypedDict, of which all keys are optional
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=settings.timeout_s * ATTEMPTS_LAST),
                "backoff": {"init_backoff": FIRST_WAIT, "max_backoff": LONGEST_WAIT, "base": 2},
            },
            **secrets,
        )

    def _require_bucket(self, name: str) -> None:
        """Raise StoreRefused if an object is missing because the bucket is: an answer to HEAD has no text."""
        import obstore

        try:
            self._try(name, lambda: obstore.list(self._store, "-", chunk_size=1).collect())
        except StoreFileMissing:
            raise self._no_bucket() from None

    def _no_bucket(self) -> StoreRefused:
        return StoreRefused(f"{self.place}: the bucket does not exist. Make it, or correct the address.")

    def _error_of(self, error: Exception, said: str) -> StoreFailed:
        """Return our error for one of the library's, `said` being the first line of its text."""
        from obstore import exceptions

        if MISSING_BUCKET in str(error):
            return self._no_bucket()
        refusals = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
        if isinstance(error, refusals) or any(status in said for status in REFUSED):
            return StoreRefused(
                f"{self.place} refuses these credentials. Check [storage.s3] and the bucket's permissions."
            )
        return StoreUnreachable(
            f"{self.place} did not do what was asked ({_kind_of_trouble(said)}). Nothing is lost; what is "
            "on this machine stays there."
        )

    def _try(self, name: str, call: Callable[[], T]) -> T:
        """Call the library; its errors quote requests and answers, so that only their kind is passed on."""
        from obstore import exceptions

        try:
            return call()
        except FileNotFoundError as error:
            if MISSING_BUCKET in str(error):
                raise self._no_bucket() from None
            raise StoreFileMissing(f"{self.place}: {name} does not exist") from None
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            raise
        except (exceptions.InvalidPathError, ValueError):
            raise StoreFileMissing(f"{self.place}: a name is not one of an object") from None
        except exceptions.BaseError as error:
            said = str(error).partition("\n")[0]
            if OUT_OF_RANGE in said:
                return b""  # type: ignore[return-value]  # only a read has a range
            raise self._error_of(error, said) from None
        except OSError as error:
            raise StoreFailed(f"{name}: the local file cannot be read ({error.strerror})") from None


def _kind_of_trouble(said: str) -> str:
    """Return the status of the answer, or what became of the connection, from the library's first line."""
    status = said.partition("status code: ")[2]
    if status:
        return f"status {status.partition(':')[0]}"
    tail = said.rpartition(" - ")[2]
    return tail.partition("http")[0].strip(" :(") or "no answer"
