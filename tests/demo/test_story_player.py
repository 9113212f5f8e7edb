from __future__ import annotations

import io
from pathlib import Path

import pytest

from cli.exits import Exit, exit_code
from demo.delivery_receipts import Receipt
from demo.demo_stage import Stage
from demo.errors import NotAsExpected
from demo.story import EXPECTED, STORY
from demo.story_player import StoryPlayer
from demo.view import LineView


def no_letter(_receipt: Receipt, _seconds: float) -> list[str]:
    return []


@pytest.mark.timeout(300)
def test_an_alert_that_does_not_arrive_is_a_problem(tmp_path: Path) -> None:
    """With a disabled channel the cycle still ends, and each missing message is a problem.

    The story is the real one's beginning; the whole of it is played in tests/journeys.
    """
    with Stage(tmp_path / "demo", every="2s") as stage:
        configuration = stage.workspace.configuration
        switched_off = configuration.read_text().replace(
            "[alerts.channels.hook]", "[alerts.channels.hook]\nenabled = false"
        )
        configuration.write_text(switched_off)

        player = StoryPlayer(
            stage,
            LineView(io.StringIO()),
            pace_s=0,
            alert_page=no_letter,
            story=STORY[:2],
            expected=EXPECTED[:1],
        )
        result = player.run(once=True)

    log = (tmp_path / "demo" / "daemon.log").read_text()[-20_000:]
    assert (result.alerts, result.webhooks_received) == (1, 0), log
    assert any("alert 1, revision 1" in problem for problem in result.problems), log
    assert all("hook" in problem for problem in result.problems), log


def test_a_problem_is_an_exit_code_and_a_sentence() -> None:
    """A result that differs from the story ends with exit code 1 and lists the problems."""
    error = NotAsExpected(["alert 1 is missing"])

    assert exit_code(error) is Exit.NEGATIVE
    assert str(error).splitlines()[1:] == ["alert 1 is missing"]
