"""The watch as a value: what compares needs no database."""

import subprocess
import sys

PROGRAM = """
import sys
import matching.comparing.findings, matching.fingerprints.segments, matching.sweep, matching.watch
print(*sys.modules)
"""
#: With them the engine took 0.7 s of CPU to start; without, 0.45 s.
OF_THE_LOADER = {
    "sqlalchemy",
    "storage.database.base",
    "storage.companies",
    "matching.settings",
    "matching.watch_loader",
}


def test_what_compares_needs_no_database() -> None:
    """Watch, sweep and findings import nothing of the rows that a watch may be loaded from."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    imported = ran.stdout.split()
    assert "matching.watch" in imported
    assert OF_THE_LOADER.intersection(imported) == set()
