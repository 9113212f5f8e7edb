"""`python -m benchmarks [NAME...]`: run all benchmarks, or those named, after a line about the machine."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module
from importlib.metadata import version

NAMES = (
    "crawl",
    "families",
    "tor",
    "memory",
    "visits",
    "looks",
    "scale",
    "console",
    "sources",
    "mentions",
    "storage",
    "latency",
    "extraction",
    "lookups",
    "masked-lookups",
    "sample-rows",
    "inputs",
    "dumps",
    "cluster",
    "nodes",
    "growth",
    "ours",
)
LIBRARIES = ("scrapy", "beautifulsoup4", "sqlalchemy", "psycopg", "pyahocorasick", "daachorse")


def main(wanted: list[str]) -> int:
    if unknown := set(wanted) - set(NAMES):
        print(f"unknown benchmark: {', '.join(unknown)}; choose from {', '.join(NAMES)}", file=sys.stderr)
        return 2
    print(f"{platform.machine()}, {os.cpu_count()} CPUs; Python {platform.python_version()}, ", end="")
    print(", ".join(f"{library} {version(library)}" for library in LIBRARIES), end="\n\n", flush=True)
    for name in wanted or NAMES:
        module = import_module(f"benchmarks.{name.replace('-', '_')}")
        print(f"## {name}\n\n{(module.__doc__ or '').strip()}\n", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
