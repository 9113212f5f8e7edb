"""Reads a Dockerfile: its stages, and their instructions in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    word: str  # "COPY", "RUN", ...
    rest: str  # with continued lines joined


def stages(path: Path) -> list[list[Instruction]]:
    """Return the instructions of each stage; a stage begins with its FROM."""
    text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE)
    found: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        if word:
            found[-1].append(Instruction(word, rest))
    return found


def copied(stage: list[Instruction]) -> list[str]:
    """Return what a stage copies from the build context, as paths from the repository's root."""
    sources: list[str] = []
    for instruction in stage:
        if instruction.word == "COPY" and "--from=" not in instruction.rest:
            sources += instruction.rest.split()[:-1]
    return sources
