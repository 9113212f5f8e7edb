"""The set of requested keys: it forgets nothing and needs little memory."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from crawler.progress.key_set import KeySet

MANY = 20_000


@given(st.lists(st.text(st.characters(), max_size=4), max_size=200))
def test_it_answers_as_a_list_without_doubles_would(keys: list[str]) -> None:
    """It knows which keys are new, their order and their number, even for half a surrogate pair."""
    held, wanted = KeySet(), list(dict.fromkeys(keys))

    new = [key for key in keys if held.add(key)]

    assert new == wanted
    assert [held.order(key) for key in keys] == [wanted.index(key) for key in keys]
    assert len(held) == len(wanted)
    assert not any(f"{key}, not added" in held for key in keys)


def test_many_keys_take_little_and_none_is_forgotten() -> None:
    """A key takes at most twenty bytes, however long it is; in a set of texts it takes twelve times that."""
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
