"""hatchling's build hook, for a wheel as for an editable install: runs `python -m setup` in the tree.

hatchling loads this file by its path, with our packages out of reach: the work is done in a process of its
own, which imports them from the tree. HATCH_BUILD_NO_HOOKS=true leaves all of it out, and with the tables
everything that folds text.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TIMEOUT_S = 600
LIBRARY = Path("matching", "native", "scanner.shared")


class BuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and tag the wheel for this platform where it holds a native library.

        Says in a few lines what was built: pip shows them with --verbose.
        """
        done = subprocess.run(
            [sys.executable, "-m", "setup"],
            cwd=self.root, capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"spillwatch: `python -m setup` failed in {self.root}:\n{done.stderr}")
        for line in done.stdout.splitlines():
            self.app.display_info(f"spillwatch: {line}")
        if Path(self.root, LIBRARY).exists():
            build_data["pure_python"] = False
            # The library does not use Python's headers, so one wheel serves every Python 3 of a platform.
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
