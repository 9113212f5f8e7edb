"""Mutated archives and dumps crash nothing and exceed no bound."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.matching.inputs.hostile import mutant, seeds

COUNT = 1_500  # a hundred thousand were read once, see docs/reference/inputs.md
PEAK_MB = 400


def test_mutants_end_in_sentences_within_the_bounds() -> None:
    """In a process with little memory: no exception, no document without an ending, none that takes long."""
    command = [sys.executable, "-m", "tests.matching.inputs.hostile", str(COUNT), "20"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout)
    assert answer["mutants"] == COUNT
    assert answer["peak_mb"] < PEAK_MB
    assert {"whole", "truncated", "damaged", "too_large"} <= set(answer["seen"])


def test_a_mutant_is_made_again_by_its_number() -> None:
    """What was found is found again."""
    sources = seeds()

    assert mutant(sources, 77, 1) == mutant(sources, 77, 1)
    assert mutant(sources, 77, 1) != mutant(sources, 77, 2)
