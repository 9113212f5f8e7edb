"""Turns an error of a driver into one of ours, whose message contains no secret.

A driver's message may contain a URL, a value or a statement, so nothing of it is passed on: the driver's
error code selects our message.
"""

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import exc

from storage import errors
from storage.errors import DatabaseFailed, StorageError

HERE = Path(__file__).parent
PACKAGES = frozenset({"alerts", "cli", "configuration", "crawler", "daemon", "matching", "storage"})

# The longest matching prefix decides. SQLSTATE: PostgreSQL, appendix A. SQLITE_*: sqlite.org/rescode.html.
FAULTS: dict[str, type[StorageError]] = {
    "08": errors.DatabaseUnreachable,
    "23": errors.DatabaseConflict,
    "25006": errors.DatabaseReadOnly,
    "25P03": errors.DatabaseSessionEnded,
    "25P04": errors.DatabaseSessionEnded,
    "28": errors.DatabaseRefused,
    "3D000": errors.DatabaseRefused,
    "40": errors.DatabaseBusy,
    "40P01": errors.DatabaseDeadlock,
    "42501": errors.DatabaseRefused,
    "42P01": errors.SchemaOutdated,
    "42703": errors.SchemaOutdated,
    "53": errors.DatabaseBusy,
    "53100": errors.DatabaseFull,
    "53300": errors.DatabaseCrowded,
    "55P03": errors.DatabaseBusy,
    "57P": errors.DatabaseUnreachable,
    "XX001": errors.DatabaseDamaged,
    "XX002": errors.DatabaseDamaged,
    "SQLITE_BUSY": errors.DatabaseBusy,
    "SQLITE_LOCKED": errors.DatabaseBusy,
    "SQLITE_CANTOPEN": errors.DatabaseUnreachable,
    "SQLITE_IOERR": errors.DatabaseUnreachable,
    "SQLITE_READONLY": errors.DatabaseRefused,
    "SQLITE_PERM": errors.DatabaseRefused,
    "SQLITE_FULL": errors.DatabaseFull,
    "SQLITE_CORRUPT": errors.DatabaseDamaged,
    "SQLITE_NOTADB": errors.DatabaseDamaged,
    "SQLITE_CONSTRAINT": errors.DatabaseConflict,
}
#: What PostgreSQL says where psycopg has no code: while it connects, and as a transaction that writes begins.
#: A server that speaks another language counts as one that does not answer.
WORDS: tuple[tuple[str, type[StorageError]], ...] = (
    (r"too many (clients already|connections for )|connection slots are reserved", errors.DatabaseCrowded),
    (
        r"authentication failed|no password supplied|no pg_hba\.conf entry|not permitted to log in"
        r'|(role|database) ".*" does not exist|permission denied for database',
        errors.DatabaseRefused,
    ),
    (r"cannot set transaction read-write mode during recovery", errors.DatabaseReadOnly),
)


@contextmanager
def translate_faults(place: str) -> Iterator[None]:
    """Raise a StorageError for a driver's error. `place` is the database without user and password."""
    try:
        yield
    except exc.TimeoutError:
        raise errors.DatabaseBusy(
            f"{place}: every connection of the pool is in use. Try again, or run fewer tasks at the same "
            "time."
        ) from None
    except exc.DBAPIError as error:
        raise storage_error(place, error) from None


def storage_error(place: str, error: exc.DBAPIError) -> StorageError:
    code = _driver_code(error)
    kind = _error_class(code, error)
    sentence = (kind.__doc__ or "").strip()
    translated = kind(f"{place}: {sentence} ({code})" if code else f"{place}: {sentence}")
    translated.where = _place_of_statement(error)
    return translated


def _place_of_statement(error: exc.DBAPIError) -> str | None:
    """Return file and line of the innermost code that is neither a library's nor this package's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(Path(frame.filename))]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None


def _is_own(file: Path) -> bool:
    root = HERE.parents[1]
    return file.parent != HERE and file.is_relative_to(root) and file.relative_to(root).parts[0] in PACKAGES


def _driver_code(error: exc.DBAPIError) -> str:
    original = error.orig
    return getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None) or ""


def _error_class(code: str, error: exc.DBAPIError) -> type[StorageError]:
    if code == "SQLITE_ERROR" and str(error.orig).startswith(("no such table", "no such column")):
        return errors.SchemaOutdated
    fitting = [prefix for prefix in FAULTS if code.startswith(prefix)]
    if fitting:
        return FAULTS[max(fitting, key=len)]
    said = str(error.orig)
    for words, kind in WORDS:
        if re.search(words, said):
            return kind
    if not code and isinstance(error, exc.OperationalError):
        return errors.DatabaseUnreachable
    return DatabaseFailed
