"""Links lead somewhere."""

from __future__ import annotations

import pytest

from tests.docs.pages import DOCS, ROOT, Page, every_page, pages


@pytest.mark.parametrize("page", every_page(), ids=str)
def test_every_relative_link_resolves(page: Page) -> None:
    """To a file in the repository, and to a heading of it where the link names one."""
    broken = []
    for link in page.links:
        target, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        path = (page.path.parent / target).resolve() if target else page.path
        inside = path.is_relative_to(ROOT) and path.exists()
        if not inside or (anchor and path.suffix == ".md" and anchor not in Page(path).anchors):
            broken.append(link)

    assert not broken, ", ".join(broken)


def test_every_page_can_be_reached_from_the_index() -> None:
    """A page that no link leads to is read by nobody."""
    seen = {DOCS / "README.md"}
    waiting = list(seen)
    while waiting:
        path = waiting.pop()
        for link in Page(path).links:
            target = (path.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in seen:
                seen.add(target)
                waiting.append(target)

    unreached = [str(page) for page in pages() if page.path not in seen]

    assert not unreached, ", ".join(unreached)
