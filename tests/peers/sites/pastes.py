"""bepasty, where everybody may list, read and paste: `python pastes.py FOLDER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bepasty.app import create_app  # type: ignore[import-not-found]  # lives in .venv-peers
from serve import forever  # type: ignore[import-not-found]  # beside this script

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
