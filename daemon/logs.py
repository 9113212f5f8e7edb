"""Log lines on standard error: a sentence, an `action` slug and ids as fields, as JSON or for a console.

Every line is masked, so that an identifier in a library's exception does not reach a log. Lines of libraries
that use the standard `logging` get the same form, with their logger's name as `action`.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, MutableMapping
from functools import cache
from typing import Any, Literal

import structlog
from structlog.typing import Processor

TEXT_LIMIT = 20_000  # maximum characters of a field; one of our tracebacks has about 4,000

_UNMASKED_KEYS = ("timestamp", "level", "action")

# Libraries that log each of their steps at level "info".
_VERBOSE_LOGGERS = (
    "apscheduler",
    "alembic",
    "sqlalchemy",
    "httpx",
    "httpcore",
    "scrapy",
    "asyncio",
    "aiosmtplib",
    "uvicorn",
)
#: Libraries that log a traceback per worker and second while the database is away; the engine says it once.
_REPEATING_LOGGERS = ("procrastinate", "psycopg.pool")


def configure_logging(*, form: Literal["json", "console"], level: str) -> None:
    """Set up structlog and logging for this process, before threads start. A later call replaces it."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_event,
    ]
    renderer = (
        structlog.processors.JSONRenderer(ensure_ascii=True)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,  # the daemon configures logging again after reading its settings
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level.upper())  # Scrapy lowers its logger's level later; this level still holds
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    quietest = max(logging.WARNING, logging.getLogger().level)
    levels = dict.fromkeys(_VERBOSE_LOGGERS, quietest) | dict.fromkeys(_REPEATING_LOGGERS, logging.CRITICAL)
    for library, level_of_it in levels.items():
        logger = logging.getLogger(library)
        if logger.level != level_of_it:  # setting a level takes a look at each logger
            logger.setLevel(level_of_it)


def log_stray_errors() -> None:
    """Log warnings of Python, and exceptions that end a thread, instead of printing them as text."""
    logging.captureWarnings(True)

    def log_thread_end(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is None:
            return
        structlog.get_logger().error(
            "A thread was ended by an unexpected error.",
            action="thread_ended",
            thread=arguments.thread.name if arguments.thread else None,
            exc_info=arguments.exc_value,
        )

    threading.excepthook = log_thread_end


def mask_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every text of a line, at any depth."""
    return {
        key: value if key in _UNMASKED_KEYS or key.startswith("_") else _mask_value(value)
        for key, value in event.items()
    }


@cache
def _mask() -> Callable[[str], str]:
    """Return the masker. It is imported, with its tables, for the first line: most commands log nothing."""
    from matching.masks import mask_text

    return mask_text


def _mask_value(value: object) -> object:
    if isinstance(value, str):
        return _mask()(value[:TEXT_LIMIT])
    if isinstance(value, dict):
        return {_mask_value(key): _mask_value(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_mask_value(inner) for inner in value]
    return value if isinstance(value, (int, float, type(None))) else _mask()(str(value)[:TEXT_LIMIT])


def add_logger_name(
    logger: logging.Logger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Set the `action` of a library's line to the name of its logger."""
    record = event.get("_record")
    event.setdefault("action", record.name if record else "log")
    return event
