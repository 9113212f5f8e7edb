"""bepasty, in which everybody may list, read and upload: `python pastes.py FOLDER`."""

# These imports are installed in .venv-peers, which mypy does not see.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
import sys
from pathlib import Path

from bepasty.app import create_app
from serve import forever

folder = Path(sys.argv[1])
(folder / "items").mkdir()
config = folder / "bepasty.conf"
config.write_text(
    f"STORAGE_FILESYSTEM_DIRECTORY = {str(folder / 'items')!r}\n"
    f"SECRET_KEY = {'synthetic' * 4!r}\n"
    "DEFAULT_PERMISSIONS = 'list,create,read'\n"
)
os.environ["BEPASTY_CONFIG"] = str(config)
forever(create_app())
