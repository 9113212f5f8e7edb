"""Looks at pages for the console: each in a process of its own, with a deadline and a limit of memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from crawler.settings import CrawlerSettings
from crawler.sources import SourceDefinition
from daemon.errors import LookFailed, LookTimedOut
from storage.evidence.warc import RawResponse

LOOK_COMMAND = (sys.executable, "-m", "daemon.look_process")
#: Of a stored page; it is read and taken apart, nothing is fetched.
PAGE_S = 30
#: Of a trial: three pages, and what the site's politeness asks for between them.
TRIAL_S = 90
MAX_ANSWER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class StoredPage:
    """The masked lines of a stored page, each with its place. `problem`: why there are none."""

    lines: Sequence[tuple[str, str]]
    charset: str
    cut: bool
    problem: str | None


def read_stored_page(
    response: RawResponse, *, content_type: str, charset: str | None, settings: CrawlerSettings
) -> StoredPage:
    """Return the text of a stored response; raises LookFailed."""
    codings = (value for name, value in response.headers if name.lower() == b"content-encoding")
    answer = _ask(
        {
            "kind": "page",
            "body": b64encode(response.body).decode("ascii"),
            "coding": b",".join(codings).decode("latin-1"),
            "content_type": content_type,
            "charset": charset,
        },
        seconds=PAGE_S,
        settings=settings,
    )
    lines = [(str(place), str(text)) for place, text in answer["lines"]]
    return StoredPage(lines, str(answer["charset"]), bool(answer["cut"]), answer["problem"])


def try_source(definition: SourceDefinition, *, settings: CrawlerSettings) -> Sequence[Mapping[str, Any]]:
    """Return what `spillwatch source try` shows of each page, and the page's lines, all masked.

    Nothing is stored. Raises LookFailed.
    """
    question = {
        "kind": "trial",
        "definition": definition.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
    }
    pages: Sequence[Mapping[str, Any]] = _ask(question, seconds=TRIAL_S, settings=settings)["pages"]
    return pages


def _ask(question: Mapping[str, object], *, seconds: int, settings: CrawlerSettings) -> dict[str, Any]:
    whole = {
        **question,
        "seconds": seconds,
        "memory_mb": settings.memory_limit_mb,
        "parent_pid": os.getpid(),
    }
    process = subprocess.Popen(  # noqa: S603 - our own program
        LOOK_COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(json.dumps(whole).encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        raise LookTimedOut from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode != 0 or len(out) > MAX_ANSWER_BYTES:
        raise LookFailed
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        raise LookFailed from None
    return answer
