"""What was asked for: nothing is forgotten, and little is held."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from crawler.progress.key_set import KeySet

MANY = 20_000


@given(st.lists(st.text(st.characters(), max_size=4), max_size=200))
def test_it_answers_as_a_list_without_doubles_would(keys: list[str]) -> None:
    """Which keys are new, in which order, and how many: whatever they hold, half a surrogate pair too."""
    held, wanted = KeySet(), list(dict.fromkeys(keys))

    new = [key for key in keys if held.add(key)]

    assert new == wanted
    assert [held.order(key) for key in keys] == [wanted.index(key) for key in keys]
    assert len(held) == len(wanted)
    assert not any(f"{key}, not added" in held for key in keys)


def test_many_keys_take_little_and_none_is_forgotten() -> None:
    """Twenty bytes a key at the most, however long it is; a set of texts takes twelve times that."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    held = KeySet()
    for number in range(MANY):
        held.add(f"https://forum.example/showthread.php?tid={number}&highlight=" + "x" * 100)

    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(held) == MANY
    assert not any(
        held.add(f"https://forum.example/showthread.php?tid={number}&highlight=" + "x" * 100)
        for number in range(MANY)
    )
    assert (after - before) / MANY < 20
