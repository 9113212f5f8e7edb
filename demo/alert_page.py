"""The page that shows the first alert: the e-mail as it was received, and what to try next."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from demo.delivery_receipts import Receipt
from demo.workspace import Workspace
from text.printable import printable

COLUMNS = 78
RULE = "─" * COLUMNS


def alert_page(workspace: Workspace, site: str) -> Callable[[Receipt, float], Sequence[str]]:
    """`site`: the marketplace's address."""

    def page(receipt: Receipt, seconds: float) -> Sequence[str]:
        return [
            f"The first alert, {seconds:.0f} seconds after the start, as the mail server received it:",
            RULE,
            *_wrapped_lines(f"Subject: {receipt.subject}"),
            "",
            *_wrapped_lines(receipt.text),
            RULE,
            *_next_steps(workspace, site, receipt.alert_id),
        ]

    return page


def _wrapped_lines(text: str) -> Iterator[str]:
    """As a mail program would show it: long lines go on below their own beginning."""
    for line in printable(text.replace("\r\n", "\n"), lines=True).rstrip().split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from wrap(line, COLUMNS, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _next_steps(workspace: Workspace, site: str, alert_id: int) -> Iterator[str]:
    yield "What to try next, in another terminal while this one runs:"
    yield f"  cd {workspace.folder}"
    programs = Path(sys.executable).parent
    if shutil.which("spillwatch") != str(programs / "spillwatch"):
        yield f"  export PATH={programs}:$PATH"
    yield f"  spillwatch alerts show {alert_id}                  the same alert, from its rows"
    yield "  spillwatch listings quillmere              search what was crawled"
    yield "  spillwatch source try sources/market.toml  what each selector finds"
    yield f'  spillwatch alerts ack {alert_id} --note "called them"  take the alert on'
    yield f"The site that offers it: {site} (in a browser)"
    yield "Then watch a site of your own: `spillwatch init`, docs/quickstart.md."
