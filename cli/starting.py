"""How a process of ours begins: what has to be set before libraries are imported, and after.

`settings` is what reads the environment. Here something is written into it, for a library that is told in no
other way; what the user set wins, and child processes inherit it.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

#: numpy's linear algebra, which nothing here uses, starts a thread for each further CPU when it is imported.
#: Each spins before it sleeps: 0.05 s of CPU, where `python -c "import numpy"` takes 0.1 s.
BLAS_THREADS = "OPENBLAS_NUM_THREADS"


@contextmanager
def imports() -> Iterator[None]:
    """Around what imports most of a process. Nothing that was made meanwhile is ever looked at as garbage.

    Modules are no garbage, but there are 150,000 objects in them, which the collector visits again and again
    while they grow: 0.12 of the 1.17 s of CPU in which a run's process imports, 0.19 of a small `match`'s
    1.3 s. What is garbage after all stays: 1 MiB.
    """
    os.environ.setdefault(BLAS_THREADS, "1")
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
