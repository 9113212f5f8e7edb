"""The page that shows the first alert: the e-mail as it was received, and commands to try next."""

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
    """Return a function that makes the page from a receipt. `site` is the marketplace's address."""

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


def console_lines(link: str) -> Sequence[str]:
    """Return the lines that lead into the console; `link` works once."""
    return [
        "The console is starting. Open it in a browser, choose a password, and see the alerts arrive:",
        f"  {link}",
    ]


def _wrapped_lines(text: str) -> Iterator[str]:
    """Wrap long lines as a mail program does, indented below their beginning."""
    for line in printable(text.replace("\r\n", "\n"), lines=True).rstrip().split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from wrap(line, COLUMNS, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _next_steps(workspace: Workspace, site: str, alert_id: int) -> Iterator[str]:
    yield "To explore further, run these commands in another terminal while the demo runs:"
    yield f"  cd {workspace.folder}"
    programs = Path(sys.executable).parent
    if shutil.which("spillwatch") != str(programs / "spillwatch"):
        yield f"  export PATH={programs}:$PATH"
    commands = {
        f"alerts show {alert_id}": "show the same alert",
        "listings quillmere": "search the crawled listings",
        "source try sources/market.toml": "show what each selector finds",
        f'alerts ack {alert_id} --note "called them"': "acknowledge the alert",
    }
    width = max(map(len, commands))
    for command, purpose in commands.items():
        yield f"  spillwatch {command:<{width}}  {purpose}"
    yield f"The marketplace with the offer, for a browser: {site}"
    yield "To watch a site of your own: `spillwatch init`, docs/quickstart.md."
