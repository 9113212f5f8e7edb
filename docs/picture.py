"""`python docs/picture.py` plays the demo once and draws the end of its live view into docs/demo.svg."""

from __future__ import annotations

import io
import re
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from demo.database_snapshot import Snapshot
from demo.delivery_receipts import Receipt, Receipts
from demo.demo_stage import Stage
from demo.picture import ShowMoment, draw_picture
from demo.story_player import StoryPlayer
from demo.view import LineView

WIDTH, HEIGHT = 112, 30
TARGET = Path(__file__).with_name("demo.svg")
FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'
FOOTER = "Ctrl-C ends the demo and leaves nothing behind."


class Painter(LineView):
    """A view that keeps the latest moment."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self._start = time.monotonic()
        self._steps: list[tuple[float, str]] = []

    def show_step(self, sentence: str) -> None:
        self._steps.append((time.monotonic() - self._start, sentence))

    def show_rows(self, snapshot: Snapshot, receipts: Receipts) -> None:
        mails, hooks = len(receipts.of("mail")), len(receipts.of("hook"))
        elapsed = time.monotonic() - self._start
        self.moment = ShowMoment(elapsed, tuple(self._steps), snapshot, mails, hooks, FOOTER)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder) / "demo", every="2s") as stage:
        painter = Painter()
        result = StoryPlayer(stage, painter, pace_s=0, alert_page=_empty_page).run(once=True)
    if result.problems:
        raise SystemExit("\n".join(result.problems))
    console = Console(record=True, file=io.StringIO(), width=WIDTH, height=HEIGHT)
    console.print(draw_picture(painter.moment, width=WIDTH, height=HEIGHT), height=HEIGHT)
    TARGET.write_text(
        _with_local_fonts(console.export_svg(title="make demo", theme=SVG_EXPORT_THEME, unique_id="demo"))
    )


def _with_local_fonts(svg: str) -> str:
    """Replace web fonts by local ones, so that viewing the picture requests nothing from another host."""
    without = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: Fira Code, monospace", f"font-family: {FONTS}", without)


def _empty_page(_receipt: Receipt, _seconds: float) -> tuple[str, ...]:
    return ()


if __name__ == "__main__":
    main()
