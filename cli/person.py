"""Who runs a command, for the rows that say by whom something was done."""

from __future__ import annotations

import os
import pwd


def account_name(given: str | None = None) -> str:
    """Return the name that was given, or that of the account that runs the command."""
    return given or pwd.getpwuid(os.getuid()).pw_name
