"""Whether Tor or an outgoing proxy still accepts connections, which decides what a cut connection means."""

from __future__ import annotations

import asyncio

#: Time limit of the check.
ANSWERS_WITHIN_S = 2.0


async def accepts_connections(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
