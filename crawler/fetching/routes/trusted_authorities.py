"""The authorities whose certificates are accepted: those that this machine trusts.

Reading them takes 0.03 s of CPU time, so the warm process does it for all of its runs. Such a context holds
certificates and settings; connections, sessions and random numbers belong to the process that connects.
"""

from __future__ import annotations

import ssl
from functools import cache


@cache
def page_context() -> ssl.SSLContext:
    """Return the context for pages."""
    return ssl.create_default_context()


@cache
def json_context() -> ssl.SSLContext:
    """Return the context for JSON: httpx sets the protocols that it speaks in the context itself."""
    return ssl.create_default_context()
