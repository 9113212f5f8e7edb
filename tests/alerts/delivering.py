"""A process that sends all due deliveries, so that a test can kill it. Arguments: DATABASE_URL
WEBHOOK_URL.
"""

from __future__ import annotations

import sys

from storage.database.base import Database
from tests.alerts.samples import webhook_channel
from tests.alerts.world import World


def main(database_url: str, webhook_url: str) -> None:
    """Send through the channel `hook`."""
    database = Database.open(database_url)
    World(database, channels={"hook": webhook_channel(webhook_url, timeout_s=600)}).deliver_due()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
