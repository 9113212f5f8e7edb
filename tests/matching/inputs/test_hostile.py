"""Mutated archives and dumps cause no exception and exceed no bound."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.matching.inputs.hostile import mutant, seeds

COUNT = 900  # 100,000 were read once, see docs/reference/inputs.md
PEAK_MB = 400
#: The program bounds its own CPU time. This only ends one that hangs, on a busy machine too.
WITHIN_S = 280


@pytest.mark.slow
def test_mutants_end_in_sentences_within_the_bounds() -> None:
    """In a process with little memory, every mutant ends with outcomes, in bounded time."""
    command = [sys.executable, "-m", "tests.matching.inputs.hostile", str(COUNT), "20"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)

    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout)
    assert answer["mutants"] == COUNT
    assert answer["peak_mb"] < PEAK_MB
    assert {"whole", "truncated", "damaged"} <= set(answer["seen"])


def test_a_mutant_is_made_again_by_its_number() -> None:
    """The same number and seed make the same mutant."""
    sources = seeds()

    assert mutant(sources, 77, 1) == mutant(sources, 77, 1)
    assert mutant(sources, 77, 1) != mutant(sources, 77, 2)
