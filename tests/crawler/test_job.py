"""What a run's process does to itself before it reads anything hostile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from crawler.job import Job
from crawler.settings import CrawlerSettings

#: Confines itself, lets four threads allocate and hold, and says how many heaps there are (malloc.h).
PROGRAM = """
import ctypes, sys, tempfile, threading
from crawler.job import Job, confine
confine(Job.read(sys.stdin.buffer.read()))
allocated, leave = threading.Barrier(5), threading.Event()
def hold():
    held = [bytes(2_000) for _ in range(200)]
    allocated.wait()
    leave.wait()
for _ in range(4):
    threading.Thread(target=hold, daemon=True).start()
allocated.wait(60)
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap nr="))
leave.set()
"""


def test_the_threads_of_a_run_share_one_heap() -> None:
    """Each would get one of its own, and a long run would grow by the holes in them."""
    job = Job(
        run_id=1,
        epoch=1,
        source_id=1,
        source_name="market",
        definition={},
        cursor={},
        database_url=SecretStr("sqlite:///none.db"),
        busy_timeout_s=1,
        evidence_dir=Path("none"),
        settings=CrawlerSettings(),
        parent_pid=os.getpid(),
    )

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=job.model_dump_json().encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert ran.stdout == b"1\n"
