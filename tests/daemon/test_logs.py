"""Log lines of a real process: their form and their masking."""

from __future__ import annotations

import json
import subprocess
import sys

LINES = """
import logging, structlog
from daemon import logs
logs.configure_logging(form={form!r}, level={level!r})
log = structlog.get_logger()
deep = {{"a": {{"b": "ada.lovelace@mail.example"}}}}
log.info("Mail of ada.lovelace@mail.example.", action="test", where=["13800138000"], deep=deep)
logging.getLogger("some.library").warning("phone %s", "13800138000")
logging.getLogger("apscheduler.x").info("tick")
log.debug("not shown", action="debug")
try:
    raise ValueError("card 4000000000000002 of ada.lovelace@mail.example")
except ValueError:
    log.exception("It failed.", action="failed", row=7)
"""


def lines(*, form: str = "json", level: str = "info") -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", LINES.format(form=form, level=level)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout == ""
    return ran.stderr.splitlines()


def test_a_line_is_a_sentence_an_action_and_fields() -> None:
    """Our lines have an action, and a library's line has its logger's name as action."""
    ours, library, failed = map(json.loads, lines())

    assert (ours["action"], ours["level"], ours["event"][:8]) == ("test", "info", "Mail of ")
    assert (library["action"], library["level"]) == ("some.library", "warning")
    assert (failed["action"], failed["row"]) == ("failed", 7)
    assert "Traceback" in failed["exception"]


def test_no_identifier_reaches_a_line() -> None:
    """Sentences, fields at any depth, libraries' arguments and tracebacks are masked."""
    for form in ("json", "console"):
        text = "\n".join(lines(form=form))
        assert not any(one in text for one in ("ada.lovelace", "13800138000", "4000000000000002"))


def test_the_level_is_the_least_that_is_logged() -> None:
    """At level "warning" no info line is logged."""
    assert [json.loads(line)["level"] for line in lines(level="warning")] == ["warning", "error"]


STRAY = """
import logging, threading, time, warnings
from daemon import logs
logs.configure_logging(form="json", level="info")
logs.log_stray_errors()
warnings.warn("something is old")
def fail():
    raise ValueError("mail of ada.lovelace@mail.example")
thread = threading.Thread(target=fail, name="worker")
thread.start()
thread.join()
"""


def test_warnings_and_lost_exceptions_are_lines_too() -> None:
    """What Python would print as text is JSON, and masked."""
    ran = subprocess.run([sys.executable, "-c", STRAY], capture_output=True, text=True, check=True)
    warning, ended = map(json.loads, ran.stderr.splitlines())

    assert (warning["action"], warning["level"]) == ("py.warnings", "warning")
    assert (ended["action"], ended["thread"]) == ("thread_ended", "worker")
    assert "ValueError" in ended["exception"]
    assert "ada.lovelace" not in ran.stderr
