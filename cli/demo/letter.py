"""The page that shows the first alert: the e-mail as it was received, and what to try next."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from cli.demo.receipts import Receipt
from cli.demo.workspace import Workspace
from cli.output import printable

COLUMNS = 78
RULE = "─" * COLUMNS


def letter(workspace: Workspace, site: str) -> Callable[[Receipt, float], Sequence[str]]:
    """`site`: the marketplace's address."""

    def page(receipt: Receipt, seconds: float) -> Sequence[str]:
        return [
            f"The first alert, {seconds:.0f} seconds after the start, as the mail server received it:",
            RULE,
            f"Subject: {printable(receipt.subject)}",
            "",
            *_wrapped(receipt.text),
            RULE,
            *_hints(workspace, site, receipt.alert_id),
        ]

    return page


def _wrapped(text: str) -> Iterator[str]:
    """As a mail program would show it: long lines go on below their own beginning."""
    for line in printable(text.replace("\r\n", "\n"), lines=True).rstrip().split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from wrap(line, COLUMNS, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _hints(workspace: Workspace, site: str, alert_id: int) -> Sequence[str]:
    program = _program()
    return [
        "What to try next, in another terminal while this one runs:",
        f"  export SPILLWATCH_CONFIG={workspace.configuration}",
        f"  {program} alerts show {alert_id}        # the same alert, from the database",
        f"  {program} listings quillmere      # search what was crawled",
        f"  {program} source try {workspace.folder}/sources/market.toml",
        f"  {program} alerts ack {alert_id} --note 'called the lender'",
        f"The site that offers it: {site}   The mail with its HTML part: {workspace.folder}/mail/001.eml",
        "Then watch a site of your own: docs/quickstart.md, or `spillwatch init`.",
    ]


def _program() -> str:
    """How this program is called from another terminal."""
    called = Path(sys.argv[0]).absolute()
    found = shutil.which("spillwatch")
    return "spillwatch" if found and Path(found).absolute() == called else str(called)
