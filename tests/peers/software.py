"""Starts site software by other authors, and configures it as a source with a file from the docs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers/bin/python"
SITES = Path(__file__).parent / "sites"
EXAMPLES = ROOT / "docs/how-to/example-sources.md"
#: The forum's migrations take seconds of one core; other tests may run at the same time.
START_S = 200
STOP_S = 10


@contextmanager
def software(name: str, folder: Path, content: Sequence[object] = ()) -> Iterator[str]:
    """Run `sites/NAME.py` filled with `content`, and yield its URL."""
    if not PYTHON.exists():
        raise RuntimeError(f"{PYTHON} is missing. `make test` makes it from requirements-peers.lock.")
    folder.mkdir()
    filled = folder / "content.json"
    filled.write_text(json.dumps(content))
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [PYTHON, SITES / f"{name}.py", folder, filled], stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield f"http://127.0.0.1:{_read_port(process, folder)}"
    finally:
        process.terminate()
        process.wait(STOP_S)


def _read_port(process: subprocess.Popen[str], folder: Path) -> int:
    assert process.stdout is not None
    ready, _, _ = select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if ready else ""
    if not line.strip().isdecimal():
        raise RuntimeError(
            f"the site did not start within {START_S} s: {(folder / 'stderr').read_text()[-2000:]}"
        )
    return int(line)


def documented(heading: str, *, host: str, url: str) -> str:
    """Return the TOML file below a heading of the examples, changed for the site at `url` on this machine."""
    section = re.search(
        rf"^## {heading}.*?^```toml\n(.*?)^```", EXAMPLES.read_text(), re.DOTALL | re.MULTILINE
    )
    assert section is not None, f"{EXAMPLES} has no TOML under {heading!r}"
    ours = 'allow_private_addresses = ["127.0.0.1"]\npoliteness = { delay_s = 0, concurrency = 4 }\n'
    return ours + section[1].replace(f"https://{host}", url)
