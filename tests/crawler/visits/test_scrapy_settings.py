"""The settings of a visit."""

from __future__ import annotations

from crawler.visits.scrapy_settings import VisitSettings


def test_a_copy_of_the_settings_is_changed_alone() -> None:
    """Scrapy sets and freezes values of its copies; the original stays as it was."""
    original = VisitSettings({"DOWNLOAD_DELAY": 1})
    frozen, changed = original.frozencopy(), original.copy()
    changed.set("DOWNLOAD_DELAY", 2, "spider")
    changed.delete("USER_AGENT", "cmdline")

    delays = [each.getint("DOWNLOAD_DELAY") for each in (original, frozen, changed)]
    assert delays == [1, 1, 2]
    assert ("USER_AGENT" in original, "USER_AGENT" in changed) == (True, False)
    assert (original.frozen, frozen.frozen, changed.frozen) == (False, True, False)
