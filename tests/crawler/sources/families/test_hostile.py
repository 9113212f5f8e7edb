"""JSON documents of the right form with any value in any place."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.sources import Follow, Parsed
from crawler.sources.families.json_interfaces.json_family import MAX_PAGES
from storage.errors import SpillwatchError
from tests.crawler.sources.pages import family_adapter, followed_page
from tests.peers.programs import PROGRAMS, STARTS, Content
from tests.peers.web import Asked

JSON_KINDS = sorted(set(PROGRAMS) - {"telegram"})
RUBBISH: list[Any] = [
    None, True, -1, 1.5, 10**11, 10**30, "", "x", "\0\ud800", "9" * 5_000, [], [None], [[]], {}, {"a": {}},
    "<div>" * 2_000, "http://[broken", "javascript:alert(1)", "2026-99-99T99:99:99Z", "https://x.example:99999/",
]  # fmt: skip


def _asked(kind: str, content: Content, follow: Follow) -> Any:
    parts = urlsplit(follow.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    answer = PROGRAMS[kind](content, Asked("GET", parts.path, query, {}), "https://site.example")
    assert answer is not None
    return json.loads(answer.body)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in inner for place in _places(value, (*path, key)))]


def _with(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = dict(node) if isinstance(node, dict) else list(node)
    changed[path[0]] = _with(node[path[0]], path[1:], value)
    return changed


@pytest.mark.parametrize("kind", JSON_KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_rubbish_anywhere_is_survived(kind: str, data: st.DataObject) -> None:
    """With wrong values in a list or a thread, an adapter returns valid listings or refuses the page."""
    content = Content()
    content.add(replies=1)
    reader = family_adapter(kind, f"https://site.example{STARTS.get(kind, '/')}")
    start = reader.start({})[0]
    follows = reader.parse(followed_page(_asked(kind, content, start), start)).follows
    follow = data.draw(st.sampled_from([start, *(each for each in follows if each.role.value == "item")]))
    document = _asked(kind, content, follow)
    for path in data.draw(st.lists(st.sampled_from(_places(document)), min_size=1, max_size=3, unique=True)):
        try:
            document = _with(document, path, data.draw(st.sampled_from(RUBBISH)))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away

    try:
        parsed = reader.parse(followed_page(document, follow))
    except SpillwatchError:
        parsed = Parsed(recognised=False)

    assert all(each.key and each.url for each in parsed.listings)
    assert len(parsed.rest) <= MAX_PAGES
    assert all(follow.url.startswith("http") for follow in parsed.follows)
