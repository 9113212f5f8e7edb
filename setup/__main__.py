"""Build everything that an installation makes, in the tree that this package lies in: python -m setup.

Without a C compiler there is no native library, and the program works without it. It does not work without
the tables, so an error there ends the installation.
"""

import sys

from setup.native_library import LIBRARY, SOURCES, NotCompiled, compile_library
from setup.table_files import write_fold_tables, write_plan_tables


def main() -> None:
    try:
        sys.stdout.write(f"built {compile_library(SOURCES, LIBRARY)}\n")
    except NotCompiled as error:
        sys.stdout.write(f"the native scanner was not built, so the one in Python does its work: {error}\n")
    sys.stdout.write(f"wrote {write_fold_tables()}\n")
    sys.stdout.write(f"wrote {write_plan_tables()}\n")


if __name__ == "__main__":
    main()
