"""How a process of ours begins: what is set before most of it is imported, and after.

`settings` is what reads the environment. Here something is written into it, for a library that is told in no
other way; what the user set wins, and child processes inherit it.
"""

import gc
import os

#: numpy's linear algebra, which nothing here uses, starts a thread for each further CPU when it is imported.
#: Each spins before it sleeps: 0.05 s of CPU, where `python -c "import numpy"` takes 0.1 s.
BLAS_THREADS = "OPENBLAS_NUM_THREADS"


def before_imports() -> None:
    """What is imported from here on is not looked through for garbage, until `after_imports`.

    Modules are none, but there are 150,000 objects in them, which the collector visits again and again while
    they grow: 0.12 of the 1.17 s of CPU in which a run's process imports, 0.19 of a small `match`'s 1.3 s.
    """
    os.environ.setdefault(BLAS_THREADS, "1")
    gc.disable()


def after_imports() -> None:
    """Nothing that was made since `before_imports` is ever looked at; what is garbage after all stays, 1 MiB.

    In a process that did not begin so, as in that of a test, nothing is changed.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
