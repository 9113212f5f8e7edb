"""Group commit: order, results, errors, and what happens while a batch is being written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from crawler.storing.group_commit import GroupCommit

PATIENCE_S = 60.0  # for events that come at once, on a busy machine


class Recorder:
    """A commit that records its batches and can be blocked."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.gate.wait(PATIENCE_S)
        self.batches.append(list(items))
        if 13 in items:
            raise ValueError("thirteen")
        return [item * 2 for item in items]


def test_what_arrives_while_a_batch_is_written_goes_into_the_next() -> None:
    """The first item is written at once, the others together, and each gets its own result."""
    recorder = Recorder()
    recorder.gate.clear()

    async def run() -> list[int]:
        with ThreadPoolExecutor(1) as executor:
            batch = GroupCommit(recorder, executor, limit=10)
            first = batch.put(1)
            await asyncio.sleep(0)
            others = [batch.put(number) for number in (2, 3, 4)]
            recorder.gate.set()
            return list(await asyncio.gather(first, *others))

    assert asyncio.run(run()) == [2, 4, 6, 8]
    assert recorder.batches == [[1], [2, 3, 4]]


def test_a_batch_holds_no_more_than_its_limit_and_keeps_the_order() -> None:
    """Twenty-five items with a limit of ten are three batches."""
    recorder = Recorder()

    async def run() -> None:
        with ThreadPoolExecutor(1) as executor:
            batch = GroupCommit(recorder, executor, limit=10, rest_s=5)
            for number in range(100, 125):
                batch.put(number)
            await batch.drain()

    asyncio.run(run())

    assert [len(each) for each in recorder.batches] == [10, 10, 5]
    assert [number for each in recorder.batches for number in each] == list(range(100, 125))


def test_an_error_goes_to_everyone_in_its_batch_and_to_nobody_else() -> None:
    """The next batch is written normally."""
    recorder = Recorder()

    async def run() -> list[object]:
        with ThreadPoolExecutor(1) as executor:
            batch = GroupCommit(recorder, executor, limit=2)
            futures = [batch.put(number) for number in (12, 13, 14)]
            return await asyncio.gather(*futures, return_exceptions=True)

    first, second, third = asyncio.run(run())

    assert isinstance(first, ValueError)
    assert first is second
    assert third == 28


def test_a_batch_that_lingers_is_written_when_its_time_is_up() -> None:
    """A batch need not be full."""
    recorder = Recorder()

    async def run() -> int:
        with ThreadPoolExecutor(1) as executor:
            return await asyncio.wait_for(
                GroupCommit(recorder, executor, limit=10, rest_s=0.01).put(4), PATIENCE_S
            )

    assert asyncio.run(run()) == 8


@pytest.mark.parametrize("waiting", [0, 3])
def test_a_drain_returns_when_all_is_written(waiting: int) -> None:
    """Also if there is nothing to write."""
    recorder = Recorder()

    async def run() -> None:
        with ThreadPoolExecutor(1) as executor:
            batch = GroupCommit(recorder, executor, limit=10, rest_s=600)
            for number in range(waiting):
                batch.put(number)
            await asyncio.wait_for(batch.drain(), PATIENCE_S)
            assert batch.waiting == 0

    asyncio.run(run())

    assert sum(map(len, recorder.batches)) == waiting
