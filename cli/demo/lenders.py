"""The two lenders go the real way: `keygen` and `enroll` with them, `segment import` at the monitor."""

from __future__ import annotations

from cli.demo.people import write_csv
from cli.demo.story import CUSTOMERS
from cli.demo.workspace import Workspace
from storage.base import Database


def enrol(workspace: Workspace) -> Database:
    """The monitor's database, with both lenders' segments in it."""
    premises = workspace.folder / "customers"
    premises.mkdir(mode=0o700)
    for slug, customers in CUSTOMERS.items():
        write_csv(premises / f"{slug}.csv", customers)
    raise NotImplementedError
