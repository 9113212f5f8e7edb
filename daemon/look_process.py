"""`python -m daemon.look_process`: a process that reads a page, or tries a source, for the console.

Pages are hostile: if one ends this process, or makes it hang, the console goes on. Nothing is stored. What is
written to standard output is masked.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from daemon import process_start

if TYPE_CHECKING:
    from crawler.visits.trial import PageTrial

MEBIBYTE = 1 << 20
MAX_VALUE_CHARS = 300
MAX_HINTS = 20


def main() -> int:
    """Answer the question on standard input. Return an exit code."""
    process_start.before_imports()
    process_start.import_structlog()
    from crawler.running.process_limits import die_with_parent

    question = json.load(sys.stdin)
    limit = int(question["memory_mb"]) * MEBIBYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(int(question["seconds"]) + 5)  # should nobody end this process from outside
    die_with_parent()
    if os.getppid() != question["parent_pid"]:
        return 1
    answers: Mapping[str, Callable[[Mapping[str, Any]], object]] = {"page": _read_page, "trial": _try_source}
    answer = answers[question["kind"]](question)
    process_start.after_imports()
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    return 0


def _read_page(question: Mapping[str, Any]) -> object:
    from crawler.errors import CrawlError
    from daemon.page_lines import page_lines, undo_encoding

    body = undo_encoding(b64decode(question["body"]), question["coding"])
    try:
        found = page_lines(body, content_type=question["content_type"], charset=question["charset"])
    except CrawlError as error:
        return {"lines": [], "charset": "", "cut": False, "problem": error.reason}
    return {"lines": found.lines, "charset": found.charset, "cut": found.cut, "problem": None}


def _try_source(question: Mapping[str, Any]) -> object:
    from crawler.settings import CrawlerSettings
    from crawler.sources import read_definition
    from crawler.visits.trial import try_pages

    settings = CrawlerSettings.model_validate(question["settings"])
    trials = try_pages(read_definition(question["definition"]), settings=settings)
    return {"pages": [_trial_of_page(each) for each in trials]}


def _trial_of_page(look: PageTrial) -> object:
    from crawler.errors import CrawlError
    from daemon.page_lines import page_lines
    from matching.masks import mask_text

    def shown(text: str) -> str:
        return mask_text(text[: MAX_VALUE_CHARS * 8])[:MAX_VALUE_CHARS]

    parsed = look.parsed
    said: dict[str, object] = {
        "page": look.what,
        "url": shown(look.url),
        "status": look.status,
        "problem": look.problem.reason if look.problem else None,
        "detail": shown(str(look.problem)) if look.problem else "",
        "recognised": parsed is not None and parsed.recognised,
        "hints": [shown(hint) for hint in look.hints[:MAX_HINTS]],
        "charset": "",
        "listings": 0,
        "next_page": None,
        "next_nowhere": "",
        "pages_total": None,
        "fields": [],
        "lines": [],
        "cut": False,
    }
    if parsed is None:
        return said
    try:
        found = page_lines(look.body, content_type=look.content_type, charset=parsed.charset or None)
        said |= {"lines": found.lines, "cut": found.cut}
    except CrawlError:
        pass  # the adapter has read it; there are no lines to show beside
    return said | {
        "charset": parsed.charset,
        "listings": len(parsed.listings) + len(parsed.follows),
        "next_page": parsed.next_page and shown(parsed.next_page),
        "next_nowhere": shown(parsed.next_nowhere),
        "pages_total": parsed.pages_total,
        "fields": [
            {
                "part": each.part,
                "field": each.field,
                "selector": each.selector[:MAX_VALUE_CHARS],
                "tried": each.tried,
                "found": each.found,
                "value": shown(each.value),
                "read": shown(each.read),
            }
            for each in parsed.findings
        ],
    }


if __name__ == "__main__":
    process_start.end_now(main())
